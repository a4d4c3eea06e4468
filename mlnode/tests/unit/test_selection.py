import errno
import os
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from engines import AnyEngine, fp32_engine, int8_engine, of_kind
from torch import Tensor
from typing_extensions import override

from mlnode.poc.arrays import I8, I64, U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import Engine, load
from mlnode.poc.engines.cpu_arithmetic import int8_arithmetic
from mlnode.poc.engines.kernel_cache import kernel_cache
from mlnode.poc.engines.products import int8_product
from mlnode.poc.engines.reference import ReferenceEngine
from mlnode.poc.engines.selection import TRIAL_NONCE, fastest_on, select_engine
from mlnode.poc.engines.selftest import self_test
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.errors import NoEngineError, NotStartedError, SelfTestError
from mlnode.poc.rounds import Round
from mlnode.shard.engine import ShardedEngine


class Saturating(ShardedEngine):
    """AVX2's way: x + 128 unsigned times w, neighbours added in int16, which saturates."""

    @override
    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        if w_NK.shape[1] % 2 or len(w_NK) > 128:
            return super().dot(x_RK, w_NK)
        wide_NK = w_NK.astype(np.int64)
        pairs_RNK = (x_RK[:, None].astype(np.int64) + 128) * wide_NK
        sums_RNK = (pairs_RNK[..., ::2] + pairs_RNK[..., 1::2]).clip(-(2**15), 2**15 - 1)
        return sums_RNK.sum(-1) - 128 * wide_NK.sum(-1)


class Rounding(ShardedEngine):
    """Sums of 13 fraction bits, as fp8 tensor cores keep them."""

    @override
    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        mantissa, exponent = np.frexp(super().dot(x_RK, w_NK).astype(np.float64))
        return np.ldexp(np.round(mantissa * 2**13) / 2**13, exponent).astype(np.int64)


class OneBitOff(TiledArithmetic):
    """The last of the outputs that are computed together is wrong by a bit."""

    @override
    def sums(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = super().sums(x_RI, w_OI)
        out_RO[-1, 0] ^= 1
        return out_RO

    @override
    def linear(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        return TiledArithmetic(int8_product).linear(x_RI, w_OI)

    @override
    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        return TiledArithmetic(int8_product).gated(x_RD, gate_up_OI)


class Flaky(ShardedEngine):
    """One product in a million is wrong."""

    @override
    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        out_RN = super().dot(x_RK, w_NK)
        if out_RN.size >= 2**20:
            out_RN[513, 77] += 1
        return out_RN


BROKEN = {
    "saturating": (Saturating, int8_arithmetic(), "products wrong at depth 64"),
    "rounding": (Rounding, int8_arithmetic(), "products wrong"),
    "one bit off": (ShardedEngine, OneBitOff(int8_product), "golden nonce 9223372036854775807"),
    "flaky": (Flaky, int8_arithmetic(), "1 of 1048576 products wrong at depth 512"),
}


def broken(name: str) -> ShardedEngine:
    kind, arithmetic, _ = BROKEN[name]
    return of_kind(kind, name, arithmetic)


def test_every_engine_passes_on_this_machine(engine: AnyEngine) -> None:
    self_test(engine)


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_an_engine_that_is_not_exact_fails(name: str) -> None:
    with pytest.raises(SelfTestError, match=f"^{name}: .*{BROKEN[name][2]}"):
        self_test(broken(name))


def test_the_fastest_that_passed_is_chosen_and_named() -> None:
    ticks = count()
    engines = int8_engine(), fp32_engine(), ReferenceEngine()
    # A clock that counts its calls times every batch alike; the order given then decides.
    chosen = select_engine(engines, clock=lambda: float(next(ticks)))
    assert chosen.engine is engines[0]
    assert chosen.spare == engines[1:]
    assert [report.name for report in chosen.reports] == ["int8", "fp32", "numpy"]
    assert chosen.summary == "int8 at 64 golden nonces/s (fp32 64/s; numpy 64/s)"
    with pytest.raises(NotStartedError):
        chosen.engine.weights_fingerprint()


def test_the_slower_engine_comes_second() -> None:
    # Three batches of 40 ms for the first candidate, then three of 10 ms for the second.
    readings = iter([0.0, 0.04] * 3 + [0.0, 0.01] * 3)
    slow, quick = fp32_engine(), int8_engine()
    chosen = select_engine([slow, quick], clock=lambda: next(readings))
    assert chosen.engine is quick
    assert chosen.spare == (slow,)
    assert [report.nonces_per_second for report in chosen.reports] == [6_400.0, 1_600.0]


class Works(ShardedEngine):
    """Takes a given time of work for a batch, by a clock of its own, whatever the wall's says."""

    worked = 0.0
    seconds_a_batch = 1.0

    @override
    def work_clock(self) -> float:
        return self.worked

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        self.worked += self.seconds_a_batch
        return super().batch(nonces_B, public_key)


def test_the_engines_own_clocks_choose() -> None:
    slow, quick = of_kind(Works, "slow"), of_kind(Works, "quick")
    quick.seconds_a_batch = 0.25
    chosen = select_engine([slow, quick])
    assert chosen.engine is quick
    assert [report.nonces_per_second for report in chosen.reports] == [256.0, 64.0]


@pytest.mark.parametrize(
    ("device", "threads", "expected"),
    [("cpu", 1, "processor"), ("cpu", 2, "wall"), ("cuda:0", 1, "wall")],
)
def test_one_thread_of_a_processor_is_timed_by_it(
    monkeypatch: pytest.MonkeyPatch, device: str, threads: int, expected: str
) -> None:
    monkeypatch.setattr("mlnode.shard.engine.process_time", lambda: "processor")
    monkeypatch.setattr("mlnode.shard.engine.perf_counter", lambda: "wall")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    engine = ShardedEngine("any", int8_arithmetic(), lambda _: (), devices=(device,))
    assert engine.work_clock() == expected


def test_a_faster_engine_that_fails_is_not_chosen_and_the_status_says_why() -> None:
    chosen = select_engine([broken("flaky"), fp32_engine()])
    assert chosen.engine.name == "fp32"
    assert chosen.spare == ()
    assert not chosen.reports[1].passed
    assert "flaky: 1 of 1048576 products wrong" in chosen.summary


class CannotCompile(ShardedEngine):
    """A library fails where its first kernel is made."""

    @override
    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        raise RuntimeError("Triton Error [CUDA]: device kernel image is invalid")


def test_an_engine_that_cannot_run_is_left_out_and_the_others_are_tried() -> None:
    chosen = select_engine([of_kind(CannotCompile, "int8"), fp32_engine()])
    assert chosen.engine.name == "fp32"
    assert chosen.reports[1].failure == (
        "int8: RuntimeError: Triton Error [CUDA]: device kernel image is invalid"
    )


class WithoutRoom(ShardedEngine):
    """Its kernels go to a disk that is full."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full/kernels/tmp.1")


def test_a_full_disk_for_kernels_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", "/full/kernels")
    chosen = select_engine([of_kind(WithoutRoom, "int8"), fp32_engine()])
    assert chosen.engine.name == "fp32"
    assert chosen.reports[1].failure == (
        "int8: KernelCacheError: no kernel can be kept in /full/kernels: No space left on device; "
        "free some room there, or set TRITON_CACHE_DIR, and TMPDIR for the compiler, "
        "to folders that have some"
    )
    assert "/full/kernels" in caplog.text


def test_the_folder_of_kernels_is_found_as_triton_finds_it() -> None:
    triton = pytest.importorskip("triton")
    assert kernel_cache() == Path(triton.knobs.cache.dir)
    assert kernel_cache({"TRITON_HOME": "/h"}) == Path("/h/.triton/cache")
    assert kernel_cache({"TRITON_HOME": "/h", "TRITON_CACHE_DIR": "/c"}) == Path("/c")


def test_where_no_engine_is_exact_nothing_is_proven() -> None:
    with pytest.raises(NoEngineError, match="flaky: 1 of 1048576"):
        select_engine([broken("flaky")])
    with pytest.raises(NoEngineError, match="none was tried"):
        select_engine(list[Engine]())


class Paced(ShardedEngine):
    """Takes a given time a nonce, by a clock of its own."""

    clock: list[float]
    seconds_a_nonce = 0.0

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        self.clock[0] += self.seconds_a_nonce * len(nonces_B)
        return super().batch(nonces_B, public_key)


def test_the_engine_that_is_fastest_on_the_round_s_network_alone_stands_on_it(
    round_: Round,
) -> None:
    clock = [0.0]
    engines = [of_kind(Paced, name) for name in ("slow", "quick", "slower")]
    for engine, seconds in zip(engines, (2.0, 1.0, 3.0), strict=True):
        engine.clock, engine.seconds_a_nonce = clock, seconds
    first, quick, last = engines
    load(first, round_)
    network = first.network
    best = fastest_on(first, (quick, last), round_, 140, clock=lambda: clock[0])
    assert best is quick
    assert quick.network is network
    # A quarter of a batch, in whole sixteens, and sixteen nonces before.
    assert clock[0] == (32 + 16) * (1.0 + 2.0 + 3.0)
    for other in (first, last):
        with pytest.raises(NotStartedError):
            other.weights_fingerprint()
    assert fastest_on(quick, (), round_, 140) is quick


class FailsOnTheRound(ShardedEngine):
    """Computes on the golden network alone: there is no kernel for another one."""

    error = RuntimeError("out of resource: shared memory")

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        if np.any((nonces_B >= TRIAL_NONCE) & (nonces_B < 2**63)):
            raise self.error
        return super().batch(nonces_B, public_key)


def test_a_rival_that_fails_on_the_round_s_network_leaves_the_first_one_standing(
    round_: Round,
) -> None:
    first, rival = fp32_engine(), of_kind(FailsOnTheRound, "rival")
    load(first, round_)
    before = first.weights_fingerprint()
    assert fastest_on(first, (rival,), round_, 140) is first
    assert first.weights_fingerprint() == before
    with pytest.raises(NotStartedError):
        rival.weights_fingerprint()


def test_a_device_that_a_rival_loses_is_lost(round_: Round) -> None:
    first, rival = fp32_engine(), of_kind(FailsOnTheRound, "rival")
    rival.error = RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered")
    load(first, round_)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        fastest_on(first, (rival,), round_, 140)


def test_rivals_are_within_a_factor_of_four_on_the_golden_network() -> None:
    clock = [0.0]
    engines = [of_kind(Paced, name) for name in ("a", "b", "c")]
    for engine, seconds in zip(engines, (1.0, 4.0, 4.5), strict=True):
        engine.clock, engine.seconds_a_nonce = clock, seconds
    chosen = select_engine(engines, clock=lambda: clock[0])
    assert [engine.name for engine in chosen.spare] == ["b", "c"]
    assert [engine.name for engine in chosen.rivals] == ["b"]
