"""Inputs that are made ahead: the same bits, made once, and while the batch before them runs."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from typing_extensions import override

from mlnode.poc.arrays import U32, U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import load
from mlnode.poc.engines.cpu_arithmetic import fp32_arithmetic
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.engines.products import fp32_product
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.errors import NotStartedError, RoundError
from mlnode.poc.rounds import Round
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.placement import even_stages

SIZE = 5
KEY = b"\x02" * 20


def engine_of(round_: Round, arithmetic: Arithmetic, *, stages: int = 1) -> ShardedEngine:
    made = ShardedEngine(
        "ahead",
        arithmetic,
        lambda params: even_stages(params, ["cpu"] * stages),
        batch_size=SIZE,
    )
    load(made, round_)
    return made


def some(first: int, count: int) -> U64:
    return np.arange(first, first + count, dtype=np.uint64)


def same(one: Decisions, other: Decisions) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("valid", "distances", "digests", "dots", "norms")
    )


class Counting(TiledArithmetic):
    """Notes how many rows of inputs were made, and in which threads."""

    def __init__(self) -> None:
        super().__init__(fp32_product)
        self.rows: list[int] = []
        self.threads: set[str] = set()

    @override
    def fill(self, seed_XW: U32, first: int, step: int, out_XN: Tensor, *, weights: bool) -> None:
        super().fill(seed_XW, first, step, out_XN, weights=weights)
        if not weights:
            self.rows.append(len(out_XN))
            self.threads.add(threading.current_thread().name.split("_")[0])


@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("count", [1, SIZE, 3 * SIZE + 2])
def test_a_walk_that_is_foreseen_comes_to_the_same_and_makes_every_input_once(
    stages: int, count: int, round_: Round, fast: ShardedEngine
) -> None:
    counting = Counting()
    engine = engine_of(round_, counting, stages=stages)
    for turn in range(3):
        engine.foresee(some((turn + 1) * count, count))
        wanted = some(turn * count, count)
        assert same(engine.batch(wanted), fast.batch(wanted))
    last = some(3 * count, count)
    assert same(engine.batch(last), fast.batch(last))
    assert sum(counting.rows) == 4 * count
    assert "inputs" in counting.threads


def test_a_wrong_guess_costs_its_inputs_and_nothing_else(
    round_: Round, fast: ShardedEngine
) -> None:
    counting = Counting()
    engine = engine_of(round_, counting)
    engine.foresee(some(100, 3))
    engine.batch(some(0, 3))
    assert same(engine.batch(some(7, 3)), fast.batch(some(7, 3)))
    assert sum(counting.rows) == 9


def test_the_same_nonces_of_another_host_are_not_taken_for_its_own(
    round_: Round, fast: ShardedEngine
) -> None:
    engine = engine_of(round_, fp32_arithmetic())
    engine.foresee(some(5, 4))
    engine.batch(some(0, 4))
    assert same(engine.batch(some(5, 4), KEY), fast.batch(some(5, 4), KEY))
    engine.foresee(some(9, 4), KEY)
    engine.batch(some(0, 4), KEY)
    assert same(engine.batch(some(9, 4), KEY), fast.batch(some(9, 4), KEY))
    with pytest.raises(RoundError, match="public_key"):
        engine.foresee(some(0, 1), b"short")


@pytest.mark.parametrize("other", ["block_hash", "public_key"])
def test_a_round_never_sees_inputs_that_were_made_for_another(round_: Round, other: str) -> None:
    engine = engine_of(round_, fp32_arithmetic())
    engine.foresee(some(5, 4))
    engine.batch(some(0, 4))
    engine.foresee(some(5, 4))
    next_ = replace(round_, **{other: "5b" * 32 if other == "block_hash" else KEY})
    load(engine, next_)
    alone = engine_of(next_, fp32_arithmetic())
    assert same(engine.batch(some(5, 4)), alone.batch(some(5, 4)))
    engine.stop()
    with pytest.raises(NotStartedError):
        engine.foresee(some(0, 1))


class Meeting(Counting):
    """A layer of the first batch, and the inputs of the second, wait for each other."""

    def __init__(self) -> None:
        super().__init__()
        self.both = threading.Barrier(2, timeout=30)
        self.met = 0

    @override
    def fill(self, seed_XW: U32, first: int, step: int, out_XN: Tensor, *, weights: bool) -> None:
        super().fill(seed_XW, first, step, out_XN, weights=weights)
        if not weights and len(self.rows) == 2:
            self.both.wait()

    @override
    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        if not self.met:
            # Inputs that were made before or after the layers would never come here.
            self.both.wait()
            self.met += 1
        return super().gated(x_RD, gate_up_OI)


def test_the_next_inputs_are_made_while_the_layers_are_computed(
    round_: Round, fast: ShardedEngine
) -> None:
    meeting = Meeting()
    engine = engine_of(round_, meeting)
    engine.foresee(some(4, 4))
    assert same(engine.batch(some(0, 4)), fast.batch(some(0, 4)))
    assert meeting.met == 1
    assert same(engine.batch(some(4, 4)), fast.batch(some(4, 4)))
    assert meeting.rows == [4, 4]


class Full(TiledArithmetic):
    """A device that holds a few rows and no more."""

    @override
    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        if len(x_RD) > 2 * 32:
            raise torch.OutOfMemoryError("no room")
        return super().gated(x_RD, gate_up_OI)


def test_out_of_memory_forgets_what_was_made_ahead(round_: Round, fast: ShardedEngine) -> None:
    engine = engine_of(round_, Full(fp32_product))
    engine.foresee(some(9, 9))
    assert same(engine.batch(some(0, 9)), fast.batch(some(0, 9)))
    assert engine.batch_size == 2
    assert same(engine.batch(some(9, 9)), fast.batch(some(9, 9)))


class Broken(Counting):
    """Inputs of the second batch cannot be made."""

    @override
    def fill(self, seed_XW: U32, first: int, step: int, out_XN: Tensor, *, weights: bool) -> None:
        super().fill(seed_XW, first, step, out_XN, weights=weights)
        if len(self.rows) == 2:
            raise OSError("no inputs")


def test_inputs_that_could_not_be_made_fail_the_batch_that_needs_them_and_no_other(
    round_: Round, fast: ShardedEngine
) -> None:
    engine = engine_of(round_, Broken())
    engine.foresee(some(4, 4))
    assert same(engine.batch(some(0, 4)), fast.batch(some(0, 4)))
    with pytest.raises(OSError, match="no inputs"):
        engine.batch(some(4, 4))
    assert same(engine.batch(some(4, 4)), fast.batch(some(4, 4)))
