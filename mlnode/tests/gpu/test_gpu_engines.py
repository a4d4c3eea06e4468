"""The engines of a GPU against the reference; needs an accelerator."""

from dataclasses import replace

import numpy as np
import pytest

from mlnode.poc.engines.base import load
from mlnode.poc.engines.selftest import self_test
from mlnode.poc.params import MODEL_PARAMS
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import weight
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.gpu import group_engines

pytestmark = pytest.mark.gpu
NAMES = ["int8", "bf16", "fp16", "fp32"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stages", [1, 2])
def test_every_engine_of_a_gpu_equals_the_cpu(
    name: str, stages: int, round_: Round, fast: ShardedEngine
) -> None:
    engine = {engine.name: engine for engine in group_engines(("cuda:0",) * stages)}[name]
    self_test(engine)
    load(engine, round_)
    nonces_B = np.arange(4_096, dtype=np.uint64)
    came, wanted = engine.batch(nonces_B), fast.batch(nonces_B)
    assert np.array_equal(came.digests, wanted.digests)
    assert np.array_equal(came.valid, wanted.valid)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stages", [1, 2])
def test_inputs_made_on_a_stream_of_their_own_change_nothing(
    name: str, stages: int, round_: Round, fast: ShardedEngine
) -> None:
    engine = {engine.name: engine for engine in group_engines(("cuda:0",) * stages)}[name]
    load(engine, round_)
    for turn in range(4):
        nonces_B = np.arange(512 * turn, 512 * (turn + 1), dtype=np.uint64)
        engine.foresee(nonces_B + np.uint64(512))
        assert np.array_equal(engine.batch(nonces_B).digests, fast.batch(nonces_B).digests)


def test_weights_of_full_size_are_those_of_the_stream(round_: Round) -> None:
    engine = group_engines(("cuda:0",))[0]
    wide = replace(round_, params=replace(MODEL_PARAMS, n_layers=2))
    load(engine, wide)
    for name in ("layers.1.down", "head"):
        rows = range(3, 40)
        assert np.array_equal(
            engine.network.weights[0][name][3:40].cpu().numpy(), weight(wide, name, rows)
        )
