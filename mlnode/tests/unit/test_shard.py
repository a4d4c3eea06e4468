"""However a network is cut up, its results are those of the whole, bit for bit."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import load
from mlnode.poc.engines.guard import check_fingerprint
from mlnode.poc.engines.products import fp32_product, int8_product
from mlnode.poc.engines.selftest import self_test
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.errors import FingerprintError, NotStartedError, ParamsError
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import weight, weight_seed, weight_shapes
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.pipeline import run_pipeline
from mlnode.shard.placement import even_stages
from mlnode.shard.split import Alone, SplitEngine, pieces

INT8 = TiledArithmetic(int8_product)
FP32 = TiledArithmetic(fp32_product)


def same(one: Decisions, other: Decisions) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("valid", "distances", "digests", "dots", "norms")
    )


def staged(count: int, *, arithmetic: TiledArithmetic = INT8, batch_size: int = 8) -> ShardedEngine:
    return ShardedEngine(
        f"{count} stages",
        arithmetic,
        lambda params: even_stages(params, ["cpu"] * count),
        batch_size=batch_size,
    )


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("arithmetic", [INT8, FP32], ids=["int8", "fp32"])
def test_stages_in_a_pipeline_come_to_what_one_device_does(
    count: int, arithmetic: TiledArithmetic, round_: Round, fast: ShardedEngine, nonces: np.ndarray
) -> None:
    engine = staged(count, arithmetic=arithmetic, batch_size=5)
    load(engine, round_)
    assert same(engine.batch(nonces), fast.batch(nonces))
    assert same(engine.batch(nonces[:1], b"\x02" * 20), fast.batch(nonces[:1], b"\x02" * 20))
    assert len(engine.batch(nonces[:0]).valid) == 0


def test_a_staged_engine_passes_the_self_test_and_keeps_a_network_that_stands(
    round_: Round,
) -> None:
    engine = staged(2)
    self_test(engine)
    with pytest.raises(NotStartedError):
        engine.batch(np.zeros(1, np.uint64))
    steps = list(engine.start(round_))
    assert [step.tensor for step in steps] == list(weight_shapes(round_.params))
    assert steps[-1].fraction == 1.0
    moved = replace(round_, public_key=b"\x02" * 20)
    assert list(engine.start(moved)) == []
    other = staged(2, arithmetic=FP32)
    other.adopt(moved, engine.network)
    assert same(
        other.batch(np.arange(3, dtype=np.uint64)), engine.batch(np.arange(3, dtype=np.uint64))
    )
    with pytest.raises(ValueError, match="another round"):
        other.adopt(replace(round_, block_hash="5b" * 32), engine.network)


def test_any_flipped_bit_on_any_stage_is_noticed_and_placement_changes_no_fingerprint(
    round_: Round,
) -> None:
    engine, other = staged(3), staged(1)
    load(engine, round_)
    load(other, round_)
    made = other.weights_fingerprint()
    check_fingerprint(engine, made)
    generator = np.random.default_rng(2)
    for part in engine.network.weights:
        for weight_OI in part.values():
            place = int(generator.integers(weight_OI.numel()))
            flip = torch.tensor(np.array(1 << generator.integers(8)).astype(np.uint8).view(np.int8))
            weight_OI.view(-1)[place] ^= flip
            with pytest.raises(FingerprintError):
                check_fingerprint(engine, made)
            weight_OI.view(-1)[place] ^= flip
    check_fingerprint(engine, made)


class Full(TiledArithmetic):
    """A device that holds a few rows and no more."""

    def __init__(self, rows: int) -> None:
        super().__init__(int8_product)
        self.rows = rows

    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        if len(x_RD) > self.rows:
            raise torch.OutOfMemoryError("no room")
        return super().gated(x_RD, gate_up_OI)


@pytest.mark.parametrize("count", [1, 2])
def test_out_of_memory_halves_the_batch_once_and_loses_nothing(
    count: int,
    round_: Round,
    fast: ShardedEngine,
    nonces: np.ndarray,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = staged(count, arithmetic=Full(4 * 32), batch_size=8)
    load(engine, round_)
    assert same(engine.batch(nonces), fast.batch(nonces))
    assert engine.batch_size == 4
    assert [record.message for record in caplog.records] == [
        f"{count} stages: out of memory, going on with 4 nonces"
    ]
    smaller = staged(count, arithmetic=Full(2 * 32), batch_size=8)
    load(smaller, round_)
    with pytest.raises(torch.OutOfMemoryError):
        smaller.batch(nonces)


def test_a_pipeline_overlaps_its_stages_and_keeps_the_order() -> None:
    both = threading.Barrier(2, timeout=30)

    def meet(part: int) -> int:
        # The first stage can only pass with part 1 when the second stage is at part 0.
        if part in (1, 100):
            both.wait()
        return part + 100

    def second(part: int) -> int:
        return meet(part)

    assert run_pipeline([meet, second], list(range(6))) == [200, 201, 202, 203, 204, 205]


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_stage_that_fails_ends_the_run_with_its_failure(broken: int) -> None:
    def stage(number: int, part: int) -> int:
        if number == broken and part == 3:
            raise ValueError(f"stage {number}")
        return part

    stages = [lambda part, number=number: stage(number, part) for number in range(3)]
    with pytest.raises(ValueError, match=f"stage {broken}"):
        run_pipeline(stages, list(range(20)))
    assert threading.active_count() == len(threading.enumerate())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stage")]


@pytest.mark.parametrize("size", [1, 2])
def test_pieces_put_together_are_the_whole_weight(size: int, round_: Round) -> None:
    for name, shape in weight_shapes(round_.params).items():
        seen = np.zeros(shape, np.int8)
        for rank in range(size):
            for rows, cols in pieces(round_.params, name, rank, size):
                seen[rows.start : rows.stop, cols.start : cols.stop] += 1
        assert np.all(seen == 1), name


class Together:
    """Peers that are threads of one process."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.parts: list[Tensor | None] = [None] * size
        self.barrier = threading.Barrier(size, timeout=60)

    def add_up(self, rank: int, part: Tensor) -> None:
        self.parts[rank] = part.clone()
        self.barrier.wait()
        part.copy_(torch.stack([p for p in self.parts if p is not None]).sum(0))
        self.barrier.wait()


class Member:
    def __init__(self, rank: int, all_: Together) -> None:
        self.rank, self.size, self._all = rank, all_.size, all_

    def add_up(self, part: Tensor) -> None:
        self._all.add_up(self.rank, part)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_columns_and_depth_dealt_out_come_to_what_one_process_does(
    size: int, round_: Round, fast: ShardedEngine, nonces: np.ndarray
) -> None:
    made = replace(round_, params=replace(MODEL_PARAMS_TEST, n_kv_heads=4))
    whole = ShardedEngine("one", INT8, lambda params: even_stages(params, ["cpu"]))
    load(whole, made)
    wanted = whole.batch(nonces[:9])
    together, came = Together(size), list[Decisions]()

    def run(rank: int) -> None:
        # Engines of different kinds may hold the parts of one network.
        arithmetic = INT8 if rank % 2 else FP32
        peers = Alone() if size == 1 else Member(rank, together)
        engine = SplitEngine("split", arithmetic, peers)
        load(engine, made)
        came.append(engine.batch(nonces[:9]))

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(came) == size
    assert all(same(part, wanted) for part in came)


def test_kv_heads_that_cannot_be_dealt_out_are_refused(round_: Round) -> None:
    with pytest.raises(ParamsError, match="n_kv_heads"):
        pieces(round_.params, "layers.0.qkv", 0, 3)


def test_any_part_of_a_weight_is_generated_alone(round_: Round) -> None:
    name, width = "layers.1.down", round_.params.ffn_dim
    whole_OI = weight(round_, name)
    engine = staged(1)
    load(engine, round_)
    assert np.array_equal(engine.network.weights[0][name].numpy(), whole_OI)
    out = torch.empty(5, 33, dtype=torch.int8)
    INT8.fill(weight_seed(round_, name)[None], 7 * width + 11, width, out, weights=True)
    assert np.array_equal(out.numpy(), whole_OI[7:12, 11:44])


def test_two_processes_under_torchrun_prove_the_golden_network() -> None:
    torchrun = Path(sys.executable).parent / "torchrun"
    came = subprocess.run(
        [torchrun, "--standalone", "--nproc-per-node", "2", "-m", "mlnode.shard.distributed"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert came.returncode == 0, came.stderr
    assert sorted(came.stdout.split("\n"))[1:] == ["rank 0 of 2: right", "rank 1 of 2: right"]
