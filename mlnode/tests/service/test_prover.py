"""What guards a group's results, on engines of this process."""

import errno
import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engines import fp32_engine, int8_engine, of_kind, weights_of
from typing_extensions import override

from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.errors import CrosscheckError, FingerprintError, KernelCacheError, NoEngineError
from mlnode.poc.golden import golden_round
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import operations
from mlnode.service.candidates import candidates
from mlnode.service.config import ENGINES
from mlnode.service.prover import Prover
from mlnode.shard.engine import ShardedEngine


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def load(prover: Prover, round_: Round) -> list[LoadProgress]:
    return list(prover.load(round_))


def flip_a_bit(engine: ShardedEngine) -> None:
    weights_of(engine)["head"][0, 0] ^= 1


def test_the_engine_that_is_preferred_is_used_though_another_may_be_faster() -> None:
    for name in ("int8", "fp32"):
        prover = Prover([int8_engine(), fp32_engine()], prefer=name)
        assert prover.engines[0] == name
        assert set(prover.engines) == {"int8", "fp32"}


def test_the_names_of_the_configuration_are_those_of_the_engines() -> None:
    names = [{engine.name for engine in candidates(name, ("cpu",))} for name in ("numpy", "int8")]
    assert names == [{"numpy"}, {"int8", "fp32"}]
    # The others are those of a GPU; see tests/gpu.
    assert set(ENGINES) - {"auto", "bf16", "fp16"} == set().union(*names)
    with pytest.raises(NoEngineError, match="there is no engine 'bf16' on cpu, cpu"):
        candidates("bf16", ("cpu", "cpu"))


class Hashed(ShardedEngine):
    """Takes a given time to hash its weights."""

    clock: Clock
    seconds_a_hash = 0.0

    def weights_fingerprint(self) -> bytes:
        self.clock.now += self.seconds_a_hash
        return super().weights_fingerprint()


@pytest.mark.parametrize(("seconds_a_hash", "due_after"), [(0.0, 0.0), (0.25, 25.0), (2.0, 60.0)])
def test_hashes_take_a_hundredth_of_the_time_or_are_a_minute_apart(
    kit: Any, seconds_a_hash: float, due_after: float
) -> None:
    clock, engine = Clock(), of_kind(Hashed, "hashed")
    engine.clock, engine.seconds_a_hash = clock, seconds_a_hash
    prover = Prover([engine], batch_size=4, clock=clock)
    load(prover, kit.round())
    prover.rehash()
    if due_after:
        clock.now += due_after - 0.125
        assert not prover.rehash_due
        clock.now += 0.125
    assert prover.rehash_due


def test_a_flipped_bit_is_noticed_by_the_next_hash(kit: Any) -> None:
    engine = fp32_engine()
    prover = Prover([engine], batch_size=4)
    load(prover, kit.round())
    prover.rehash()
    flip_a_bit(engine)
    with pytest.raises(FingerprintError, match="weights of fp32 hash to"):
        prover.rehash()


class Forgetful(ShardedEngine):
    """Computes with its own idea of the host."""

    @override
    def batch(self, nonces_B: Any, public_key: bytes | None = None) -> Any:
        return super().batch(nonces_B, None)


def test_a_nonce_of_each_batch_is_recomputed_also_of_another_host(kit: Any) -> None:
    # Without time: a check that seems to take long, on a machine that stands still for a
    # moment, would be left out.
    engines = [of_kind(Forgetful, "forgetful"), fp32_engine()]
    prover = Prover(engines, prefer="forgetful", clock=Clock())
    prover._golden_s = {}
    load(prover, kit.round())
    prover.batch(np.arange(4, dtype=np.uint64))
    with pytest.raises(CrosscheckError, match="fp32 does not confirm nonce"):
        prover.batch(np.arange(4, dtype=np.uint64), bytes(20))


def test_without_the_check_nothing_is_recomputed(kit: Any) -> None:
    engines = [of_kind(Forgetful, "forgetful"), fp32_engine()]
    prover = Prover(engines, prefer="forgetful", check_each=False)
    load(prover, kit.round())
    prover.batch(np.arange(4, dtype=np.uint64), bytes(20))


class Timed(ShardedEngine):
    """Takes a given time a nonce."""

    clock: Clock
    seconds_a_nonce: float

    def batch(self, nonces_B: Any, public_key: bytes | None = None) -> Any:
        self.clock.now += self.seconds_a_nonce * len(nonces_B)
        return super().batch(nonces_B, public_key)


class Counted(Timed):
    """Remembers how many nonces it was asked for."""

    asked: int = 0

    def batch(self, nonces_B: Any, public_key: bytes | None = None) -> Any:
        self.asked += len(nonces_B)
        return super().batch(nonces_B, public_key)


@pytest.mark.parametrize(("spare_s", "checked"), [(0.5, 40), (3.9, 40), (8.0, 2), (400.0, 0)])
def test_a_spare_that_is_slower_than_a_batch_gets_a_tenth_of_the_time(
    kit: Any, spare_s: float, checked: int
) -> None:
    clock = Clock()
    engine, spare = (of_kind(Counted, name) for name in ("first", "spare"))
    engine.clock = spare.clock = clock
    engine.seconds_a_nonce = spare.seconds_a_nonce = 0.0
    said: list[float] = []
    prover = Prover(
        [engine, spare], prefer="first", batch_size=4, clock=clock, announce=said.append
    )
    engine.seconds_a_nonce, spare.seconds_a_nonce = 1.0, spare_s
    round_ = kit.round()
    share = operations(round_.params) / operations(golden_round().params)
    prover._golden_s = {"first": 1.0 / share, "spare": spare_s / share}
    load(prover, round_)
    spare.asked = 0
    for first in range(0, 160, 4):
        prover.batch(np.arange(first, first + 4, dtype=np.uint64))
    assert spare.asked == checked
    # Whoever waits is told before something takes seconds.
    assert 4.0 in said
    told = any(seconds == pytest.approx(spare_s) for seconds in said)
    assert told == (checked > 0 and spare_s >= 1.0)


@pytest.mark.parametrize(
    ("seconds_a_nonce", "size"), [(1.0, 1), (0.1, 2), (0.004, 62), (0.0001, 256), (0.0, 256)]
)
def test_a_batch_is_as_large_as_a_quarter_of_a_second_allows(
    kit: Any, seconds_a_nonce: float, size: int
) -> None:
    clock, engine = Clock(), of_kind(Timed, "timed")
    engine.clock, engine.seconds_a_nonce = clock, 0.0
    prover = Prover([engine], clock=clock)
    engine.seconds_a_nonce = seconds_a_nonce
    load(prover, kit.round())
    assert prover.batch_size == size


def test_a_batch_is_sized_once_for_a_network_and_again_where_it_became_quick(kit: Any) -> None:
    clock, engine = Clock(), of_kind(Counted, "counted")
    engine.clock, engine.seconds_a_nonce = clock, 0.0
    prover = Prover([engine], clock=clock)
    engine.seconds_a_nonce = 0.004
    for number in range(3):
        engine.asked = 0
        load(prover, replace(kit.round(), block_hash=f"{number:02x}" * 32))
        assert prover.batch_size == 62
        assert (engine.asked > 0) == (number == 0)
        prover.batch(np.arange(62, dtype=np.uint64))
        # A part of a batch says nothing of a whole one.
        prover.batch(np.arange(3, dtype=np.uint64))
    engine.seconds_a_nonce = 0.001
    prover.batch(np.arange(62, dtype=np.uint64))
    load(prover, replace(kit.round(), block_hash="03" * 32))
    assert prover.batch_size > 200
    other = replace(kit.round(), params=replace(MODEL_PARAMS_TEST, n_layers=2))
    engine.asked = 0
    load(prover, other)
    assert engine.asked > 0


def paced(clock: Clock, *names: str) -> list[Counted]:
    """Engines that are alike on the golden network."""
    engines = [of_kind(Counted, name) for name in names]
    for engine in engines:
        engine.clock, engine.seconds_a_nonce = clock, 0.0
    return engines


def test_a_network_is_proven_with_the_engine_that_is_fastest_on_it(kit: Any) -> None:
    clock = Clock()
    engines = paced(clock, "one", "other")
    prover = Prover(engines, clock=clock)
    slow, quick = sorted(engines, key=lambda engine: prover.engines.index(engine.name))
    slow.seconds_a_nonce, quick.seconds_a_nonce = 0.004, 0.001
    load(prover, kit.round())
    assert prover.engines == (quick.name, slow.name)
    # Sized anew: a quarter of a second of the quicker one.
    assert 240 <= prover.batch_size <= 256
    nonces_B = np.arange(20, dtype=np.uint64)
    slow.asked = 0
    came = prover.batch(nonces_B)
    assert slow.asked == 1
    assert np.array_equal(came.digests, kit.expected(kit.round(), nonces_B.tolist()).digests)
    prover.rehash()
    flip_a_bit(quick)
    with pytest.raises(FingerprintError, match=f"weights of {quick.name} hash to"):
        prover.rehash()


def test_engines_are_compared_once_for_a_network(kit: Any) -> None:
    clock = Clock()
    engines = paced(clock, "one", "other")
    prover = Prover(engines, clock=clock, batch_size=64)
    spare = next(engine for engine in engines if engine.name == prover.engines[1])
    for number in range(2):
        spare.asked = 0
        load(prover, replace(kit.round(), block_hash=f"{number:02x}" * 32))
        assert (spare.asked > 0) == (number == 0)
    load(prover, replace(kit.round(), params=replace(MODEL_PARAMS_TEST, n_layers=2)))
    assert spare.asked > 0


def test_an_engine_that_was_named_is_kept_on_every_network(kit: Any) -> None:
    clock = Clock()
    named, quick = paced(clock, "named", "quick")
    prover = Prover([named, quick], prefer="named", clock=clock)
    named.seconds_a_nonce, quick.seconds_a_nonce = 0.01, 0.001
    load(prover, kit.round())
    assert prover.engines == ("named", "quick")


def test_the_same_round_is_not_generated_again(kit: Any) -> None:
    prover = Prover([fp32_engine()], batch_size=4)
    assert load(prover, kit.round())
    assert load(prover, kit.round()) == []
    prover.drop()
    assert load(prover, kit.round())


class Dense(Counted):
    """Says how fast its plain products are."""

    rate = 0.0

    @override
    def dense_rate(self) -> float:
        return self.rate


def test_the_dense_rate_follows_the_engine_in_use(kit: Any) -> None:
    clock = Clock()
    engines = [of_kind(Dense, name) for name in ("golden", "here")]
    for engine, rate in zip(engines, (8e12, 5e12), strict=True):
        engine.clock, engine.seconds_a_nonce, engine.rate = clock, 0.0, rate
    prover = Prover(engines, batch_size=64, clock=clock)
    # Which one is first on the golden network is chance.
    first, other = sorted(engines, key=lambda engine: prover.engines.index(engine.name))
    assert prover.dense == first.rate
    first.seconds_a_nonce, other.seconds_a_nonce = 0.5, 0.25
    load(prover, kit.round())
    assert (prover.engines[0], prover.dense) == (other.name, other.rate)


class WithoutRoom(ShardedEngine):
    """Triton's folder is full from some batch on."""

    full = wrapped = False

    @override
    def batch(self, nonces_B: Any, public_key: bytes | None = None) -> Any:
        if self.full:
            failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/tmp7/kernel.ptx")
            if self.wrapped:
                raise RuntimeError("the compiler failed") from failure
            raise failure
        return super().batch(nonces_B, public_key)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_kernel_that_finds_no_room_names_the_folder_and_what_to_do(
    kit: Any, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", "/var/cache/kernels")
    engine = of_kind(WithoutRoom, "int8")
    engine.wrapped = wrapped
    prover = Prover([engine], batch_size=4)
    load(prover, kit.round())
    engine.full = True
    with pytest.raises(KernelCacheError) as failed:
        prover.batch(np.arange(4, dtype=np.uint64))
    assert str(failed.value) == (
        "no kernel can be kept in /var/cache/kernels: No space left on device at "
        "/tmp/tmp7/kernel.ptx; free some room there, or set TRITON_CACHE_DIR, and TMPDIR for the "
        "compiler, to folders that have some"
    )
