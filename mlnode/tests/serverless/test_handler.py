"""Verification as a function: what it answers, what it refuses, what it keeps."""

import json
import logging
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from engines import fp32_engine

from mlnode.poc.decision import cq_from_r_target
from mlnode.poc.engines.base import load
from mlnode.poc.engines.products import int8_product
from mlnode.poc.engines.selection import TRIAL_NONCE, CandidateReport, Selection
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import new_round
from mlnode.poc.tensors import weight_bytes
from mlnode.serverless import handler as module
from mlnode.serverless.handler import answer
from mlnode.serverless.machine import Machine
from mlnode.serverless.request import DEFAULT_PARAMS, read_request
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.gpu import group_engines
from mlnode.shard.placement import even_stages

EXAMPLE = Path(__file__).parents[2] / "serverless" / "test_input.json"
KEY = "0c" * 20
BLOCK = "e1" * 32
NONCES = [7, 3, 2**64 - 1, 0, 2**40, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]


def chosen(*engines: ShardedEngine, rate: float = 0.0) -> Selection[ShardedEngine]:
    """Engines as if they were exact; where a rate is given, the others are the first's rivals."""
    reports = tuple(
        CandidateReport(name=engine.name, nonces_per_second=rate if n else rate + 1, failure="")
        for n, engine in enumerate(engines)
    )
    return Selection(engine=engines[0], spare=engines[1:], reports=reports)


def all_of_them(devices: tuple[str, ...]) -> Selection[ShardedEngine]:
    """The engines of a group, untried."""
    return chosen(*group_engines(devices))


def params(**changes: Any) -> dict[str, Any]:
    """The shape of the tests as a request spells it."""
    return {
        "dim": 128,
        "n_layers": 3,
        "n_heads": 4,
        "n_kv_heads": 2,
        "vocab_size": 1024,
        "ffn_dim_multiplier": 1.0,
        "multiple_of": 64,
        "seq_len": 32,
        **changes,
    }


def request(**changes: Any) -> dict[str, Any]:
    """A request that is right, but for the changes; None takes a field away."""
    fields: dict[str, Any] = {
        "block_hash": BLOCK,
        "block_height": 1460,
        "public_key": KEY,
        "nonces": NONCES,
        "r_target": "1.39",
        "params": params(),
        "devices": ["cpu"],
    }
    fields |= changes
    return {"id": "job", "input": {k: v for k, v in fields.items() if v is not None}}


@pytest.fixture
def machine() -> Machine:
    """A machine that trusts its engines: what the self-test finds is tested elsewhere."""
    return Machine(all_of_them)


class Unused:
    """Engines of which nothing may be asked."""

    asked = 0

    def __call__(self, _: tuple[str, ...]) -> Any:
        self.asked += 1
        raise AssertionError("something was computed")


def test_decisions_distances_and_digests_are_those_of_validate(machine: Machine) -> None:
    round_ = new_round(
        block_hash=BLOCK,
        public_key=bytes.fromhex(KEY),
        params=MODEL_PARAMS_TEST,
        r_target=Decimal("1.39"),
    )
    engine = fp32_engine()
    load(engine, round_)
    wanted = engine.batch(np.array(NONCES, np.uint64))
    assert 0 < wanted.valid.sum() < len(NONCES)
    assert answer(request(), machine) == {
        "public_key": KEY,
        "block_hash": BLOCK,
        "block_height": 1460,
        "nonces": [n for n, valid in zip(NONCES, wanted.valid, strict=True) if valid],
        "dist": wanted.distances[wanted.valid].tolist(),
        "node_id": 0,
        "total_computed": len(NONCES),
        "total_valid": int(wanted.valid.sum()),
        "digests": [row.tobytes().hex() for row in wanted.digests],
    }


def test_an_answer_survives_json(machine: Machine) -> None:
    came = answer(request(), machine)
    assert json.loads(json.dumps(came)) == came


@pytest.mark.parametrize("r_target", [2, 2.0, 5.0, "2.000000000000000000"])
def test_a_radius_of_two_and_above_returns_every_nonce(machine: Machine, r_target: object) -> None:
    came = answer(request(r_target=r_target), machine)
    assert came["nonces"] == NONCES
    assert came["total_valid"] == len(NONCES)


def test_the_threshold_is_that_of_the_decimal_not_of_the_float_next_to_it() -> None:
    text = "1.385596074508290000"
    exact = cq_from_r_target(Fraction(text))
    assert read_request(request(r_target=text)).round.cq == exact
    assert read_request(request(r_target=text, cq=exact + 1)).round.cq == exact + 1


def test_what_a_request_leaves_out_is_the_published_default() -> None:
    round_ = read_request(request(params=None)).round
    assert round_.params == DEFAULT_PARAMS
    assert (round_.poc_version, round_.params.ffn_dim) == (1, 14_336)
    assert weight_bytes(DEFAULT_PARAMS) == 7_504_658_432
    part = read_request(request(params={"n_layers": 2, "norm_eps": 1e-5, "rope_theta": 500000}))
    assert (part.round.params.n_layers, part.round.params.dim) == (2, 4096)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (None, "event"),
        ([], "event"),
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": {}}, "input.block_hash"),
        *((request(**{name: None}), f"input.{name}") for name in request()["input"] if name not in
          ("params", "devices")),
        (request(r_targt=1), "r_targt"),
        (request(block_hash="E1" * 32), "block_hash"),
        (request(block_hash="e1" * 31), "block_hash"),
        (request(block_hash=f"{BLOCK}\n"), "block_hash"),
        (request(block_hash=5), "block_hash"),
        (request(block_height=-1), "block_height"),
        (request(block_height=1.0), "block_height"),
        (request(block_height=True), "block_height"),
        (request(block_height=2**63), "block_height"),
        (request(public_key="0c" * 19), "public_key"),
        (request(public_key="0C" * 20), "public_key"),
        (request(public_key=["0c"]), "public_key"),
        (request(nonces=[]), "nonces"),
        (request(nonces="12"), "nonces"),
        (request(nonces=[1, 1.5]), "nonces[1]"),
        (request(nonces=[1, True]), "nonces[1]"),
        (request(nonces=[0, -1]), "nonces[1]"),
        (request(nonces=[2**64]), "nonces[0]"),
        (request(nonces=[4, 5, 4]), "nonces = 4"),
        (request(nonces=list(range(4097))), "4097 of them"),
        (request(r_target=0), "r_target"),
        (request(r_target=-1.0), "r_target"),
        (request(r_target=1.5), "r_target"),
        (request(r_target=float("nan")), "r_target"),
        (request(r_target=float("inf")), "r_target"),
        (request(r_target="wide"), "r_target"),
        (request(r_target=True), "r_target"),
        (request(r_target="1e-9999999"), "r_target"),
        (request(r_target="1." + "0" * 70), "r_target"),
        (request(r_target=[1]), "r_target"),
        (request(cq=0), "cq"),
        (request(cq=5), "cq"),
        (request(cq="5"), "cq"),
        (request(poc_version=2), "poc_version"),
        (request(poc_version="1"), "poc_version"),
        (request(params=[]), "params"),
        (request(params=params(depth=2)), "depth"),
        (request(params=params(dim=32)), "dim"),
        (request(params=params(dim=128.0)), "params.dim"),
        (request(params=params(n_layers=1)), "n_layers"),
        (request(params=params(n_heads=3)), "n_heads"),
        (request(params=params(n_heads=8)), "head_dim"),
        (request(params=params(n_kv_heads=3)), "n_kv_heads"),
        (request(params=params(vocab_size=255)), "vocab_size"),
        (request(params=params(seq_len=7)), "seq_len"),
        (request(params=params(multiple_of=0)), "multiple_of"),
        (request(params=params(ffn_dim_multiplier=0)), "ffn_dim_multiplier"),
        (request(params=params(ffn_dim_multiplier="x")), "ffn_dim_multiplier"),
        (request(params=params(norm_eps="x")), "norm_eps"),
        (request(params=params(dim=32_768, n_heads=64, n_layers=1024)), "bytes on cpu"),
        (request(devices="cpu"), "devices"),
        (request(devices=[]), "devices"),
        (request(devices=[0]), "devices"),
        (request(devices=["cuda"]), "devices"),
        (request(devices=["cpu", "cpu"]), "devices"),
        (request(devices=["cpu"] * 9), "9 of them"),
        (request(devices=["cuda:999"]), "devices = 'cuda:999'"),
        (request(devices=["cpu", "cuda:0"]), "devices"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_by_name_and_nothing_is_computed(
    event: object, text: str
) -> None:
    unused = Unused()
    came = answer(event, Machine(unused))
    assert set(came) == {"error", "error_type"}
    assert text in came["error"]
    assert came["error_type"] in {
        "RequestError", "RoundError", "ParamsError", "UnknownVersionError"
    }  # fmt: skip
    assert unused.asked == 0


def test_a_long_mistake_is_not_repeated_in_full() -> None:
    for wrong in ({"block_hash": "g" * 10**6}, {"params": {"x" * 10**6: 1}}, {"nonces": "9" * 999}):
        assert len(answer(request(**wrong), Machine(Unused()))["error"]) < 400


def test_the_network_of_a_round_is_kept_and_freed_before_the_next() -> None:
    made: list[ShardedEngine] = []

    def choose(devices: tuple[str, ...]) -> Selection[ShardedEngine]:
        engines = group_engines(devices)
        made.extend(engines)
        return chosen(*engines)

    machine = Machine(choose)
    first = answer(request(), machine)
    network = made[0].network
    other_host = answer(request(public_key="0d" * 20, r_target="1.41"), machine)
    assert other_host["digests"] != first["digests"]
    assert made[0].network is network
    gone = weakref.ref(cast(torch.Tensor, network.weights[0]["head"]))
    del network
    answer(request(block_hash="e2" * 32), machine)
    assert gone() is None
    assert answer(request(), machine) == first
    assert len(made) == 2


def test_the_engine_that_is_fastest_on_the_round_s_network_computes_and_is_chosen_once() -> None:
    clock = [0.0]

    class Paced(ShardedEngine):
        seconds_a_nonce = 1.0
        trials = 0

        def work_clock(self) -> float:
            return clock[0]

        def batch(self, nonces_B: Any, public_key: bytes | None = None) -> Any:
            clock[0] += self.seconds_a_nonce * len(nonces_B)
            self.trials += int(nonces_B[0] >= TRIAL_NONCE)
            return super().batch(nonces_B, public_key)

    made: list[Paced] = []

    def choose(devices: tuple[str, ...]) -> Selection[ShardedEngine]:
        placed = partial(even_stages, devices=devices)
        made.extend(Paced(n, TiledArithmetic(int8_product), placed) for n in ("golden", "here"))
        made[1].seconds_a_nonce = 0.5
        return chosen(*made, rate=1.0)

    machine = Machine(choose)
    first = answer(request(nonces=list(range(20))), machine)
    assert first == answer(request(nonces=list(range(20))), Machine(all_of_them))
    # A few nonces that compile, and a quarter of the request: of each engine.
    assert [engine.trials for engine in made] == [2, 2]
    began = clock[0]
    answer(request(block_hash="e2" * 32, nonces=list(range(20))), machine)
    assert [engine.trials for engine in made] == [2, 2]
    # Of the fast one all, of the other the one nonce that is confirmed.
    assert clock[0] - began == 20 * 0.5 + 1.0


def test_a_flipped_bit_is_noticed_and_the_next_request_is_right_again() -> None:
    made: list[ShardedEngine] = []

    def choose(devices: tuple[str, ...]) -> Selection[ShardedEngine]:
        made.append(group_engines(devices)[0])
        return chosen(made[-1])

    machine = Machine(choose)
    right = answer(request(), machine)
    tensor = cast(torch.Tensor, made[0].network.weights[0]["layers.1.down"])
    tensor[3, 5] ^= 4
    came = answer(request(), machine)
    assert came["error_type"] == "FingerprintError"
    assert answer(request(), machine) == right


def test_what_a_second_engine_does_not_confirm_is_not_answered() -> None:
    def wrong(x: torch.Tensor, w: torch.Tensor, out: torch.Tensor) -> None:
        int8_product(x, w, out)
        out += 4096

    def choose(devices: tuple[str, ...]) -> Selection[ShardedEngine]:
        other = ShardedEngine(
            "wrong", TiledArithmetic(wrong), partial(even_stages, devices=devices)
        )
        return chosen(group_engines(devices)[0], other)

    assert answer(request(), Machine(choose))["error_type"] == "CrosscheckError"


def test_a_device_that_fails_is_told_and_tried_anew() -> None:
    class Failing(ShardedEngine):
        def batch(self, *_: object) -> Any:
            raise torch.OutOfMemoryError("no memory is left on the device")

    made: list[str] = []

    def choose(devices: tuple[str, ...]) -> Selection[ShardedEngine]:
        kind: Callable[..., ShardedEngine] = ShardedEngine if made else Failing
        made.append(kind.__name__)
        placed = partial(even_stages, devices=devices)
        return chosen(kind("int8", TiledArithmetic(int8_product), placed))

    machine = Machine(choose)
    assert answer(request(), machine) == {
        "error": "no memory is left on the device",
        "error_type": "OutOfMemoryError",
    }
    assert answer(request(), machine)["total_computed"] == len(NONCES)
    assert made == ["Failing", "ShardedEngine"]


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> Iterator[Callable[..., int]]:
    """Runs the command under Runpod's SDK in this process; returns its exit code."""
    monkeypatch.setattr(module, "_machine", machine)
    before = signal.getsignal(signal.SIGINT)

    def run(event: dict[str, Any]) -> int:
        arguments = ["handler", "--test_input", json.dumps(event)]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as end:
            module.main()
        return cast(int, end.value.code)

    yield run
    signal.signal(signal.SIGINT, before)


def test_the_example_runs_under_the_sdk_and_a_mistake_fails_the_job(
    local: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    event = json.loads(EXAMPLE.read_text("utf-8"))
    assert local(deepcopy(event)) == 0
    said = capsys.readouterr().out
    assert "'total_computed': 16, 'total_valid': 16" in said
    assert "completed successfully" in said
    event["input"]["nonces"] = [-1]
    assert local(event) == 1
    assert "failed with error: nonces[0]" in capsys.readouterr().out
