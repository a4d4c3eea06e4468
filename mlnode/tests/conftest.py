"""Rounds and engines that several test files start from."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from engines import ENGINES, SHIPPED, AnyEngine, MakeEngine

from mlnode.poc.engines.base import load
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round, new_round
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.gpu import arithmetics


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs an accelerator where there is none."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="no accelerator"))


@pytest.fixture(autouse=True, scope="session")
def _one_thread_for_what_outlives_a_test() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> AnyEngine:
    """Each engine in turn, not started."""
    return ENGINES[request.param]()


@pytest.fixture(scope="session")
def round_() -> Round:
    """A round of the test network."""
    return new_round(block_hash="5a" * 32, public_key=b"\x01" * 20, params=MODEL_PARAMS_TEST)


@pytest.fixture(scope="session")
def quick_engine() -> MakeEngine:
    """Makes the shipped engine that this machine is quickest with, for tests that need many nonces.

    A CPU without VNNI multiplies int8 thirty times slower than fp32.
    """
    return SHIPPED[select_engine([make() for make in SHIPPED.values()]).engine.name]


@pytest.fixture(scope="session")
def quick_arithmetic(quick_engine: MakeEngine) -> Arithmetic:
    """The arithmetic of that engine."""
    return arithmetics(("cpu",))[quick_engine().name]


@pytest.fixture(scope="session")
def fast(round_: Round, quick_engine: MakeEngine) -> ShardedEngine:
    """A quick engine that stands in the test round; tests do not change its round."""
    started = quick_engine()
    load(started, round_)
    return started


@pytest.fixture(scope="session")
def nonces() -> np.ndarray:
    """64 nonces, some beyond 32 bits."""
    low = np.arange(48, dtype=np.uint64)
    return np.concatenate([low, low[:16] + np.uint64(2**40)])
