"""What guards a group's results, on engines of this process."""

from typing import Any

import numpy as np
import pytest
from typing_extensions import override

from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.engines.cpu import fp32_engine, int8_engine
from mlnode.poc.engines.exact import ExactEngine
from mlnode.poc.engines.products import fp32_product
from mlnode.poc.engines.tiles import TiledKernel
from mlnode.poc.errors import CrosscheckError, FingerprintError, NoEngineError
from mlnode.poc.rounds import Round
from mlnode.service.candidates import candidates
from mlnode.service.config import ENGINES
from mlnode.service.prover import Prover


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def load(prover: Prover, round_: Round) -> list[LoadProgress]:
    return list(prover.load(round_))


def fp32(name: str = "fp32") -> ExactEngine:
    return ExactEngine(name, TiledKernel(fp32_product))


def flip_a_bit(engine: ExactEngine) -> None:
    engine.network.weights["head"][0, 0] ^= 1


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


def test_weights_are_hashed_again_once_a_minute(kit: Any) -> None:
    clock, engine = Clock(), fp32()
    prover = Prover([engine], batch_size=4, clock=clock)
    load(prover, kit.round())
    flip_a_bit(engine)
    clock.now = 60.0
    prover.batch(np.arange(4, dtype=np.uint64))
    clock.now = 60.1
    with pytest.raises(FingerprintError, match="weights of fp32 hash to"):
        prover.batch(np.arange(4, dtype=np.uint64))


def test_weights_are_hashed_again_whenever_it_is_asked(kit: Any) -> None:
    engine = fp32()
    prover = Prover([engine], batch_size=4)
    load(prover, kit.round())
    prover.rehash()
    flip_a_bit(engine)
    with pytest.raises(FingerprintError):
        prover.rehash()


class Forgetful(ExactEngine):
    """Computes with its own idea of the host."""

    @override
    def batch(self, nonces_B: Any, public_key: bytes | None = None) -> Any:
        return super().batch(nonces_B, None)


def test_a_nonce_of_each_batch_is_recomputed_also_of_another_host(kit: Any) -> None:
    prover = Prover([Forgetful("forgetful", TiledKernel(fp32_product)), fp32()], prefer="forgetful")
    load(prover, kit.round())
    prover.batch(np.arange(4, dtype=np.uint64))
    with pytest.raises(CrosscheckError, match="fp32 does not confirm nonce"):
        prover.batch(np.arange(4, dtype=np.uint64), bytes(20))


def test_without_the_check_nothing_is_recomputed(kit: Any) -> None:
    engines = [Forgetful("forgetful", TiledKernel(fp32_product)), fp32()]
    prover = Prover(engines, prefer="forgetful", check_each=False)
    load(prover, kit.round())
    prover.batch(np.arange(4, dtype=np.uint64), bytes(20))


class Timed(ExactEngine):
    """Takes a given time a nonce."""

    clock: Clock
    seconds_a_nonce: float

    def batch(self, nonces_B: Any, public_key: bytes | None = None) -> Any:
        self.clock.now += self.seconds_a_nonce * len(nonces_B)
        return super().batch(nonces_B, public_key)


@pytest.mark.parametrize(
    ("seconds_a_nonce", "size"), [(1.0, 1), (0.1, 2), (0.004, 62), (0.0001, 256), (0.0, 256)]
)
def test_a_batch_is_as_large_as_a_quarter_of_a_second_allows(
    kit: Any, seconds_a_nonce: float, size: int
) -> None:
    clock, engine = Clock(), Timed("timed", TiledKernel(fp32_product))
    engine.clock, engine.seconds_a_nonce = clock, 0.0
    prover = Prover([engine], clock=clock)
    engine.seconds_a_nonce = seconds_a_nonce
    load(prover, kit.round())
    assert prover.batch_size == size


def test_the_same_round_is_not_generated_again(kit: Any) -> None:
    prover = Prover([fp32()], batch_size=4)
    assert load(prover, kit.round())
    assert load(prover, kit.round()) == []
    prover.drop()
    assert load(prover, kit.round())
