from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
import torch
from engines import (
    AnyEngine,
    MakeEngine,
    fp32_engine,
    int8_engine,
    weights_of,
    with_weights,
)

from mlnode.poc import exact8
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import load
from mlnode.poc.engines.reference import ReferenceEngine
from mlnode.poc.errors import NotStartedError, RoundError
from mlnode.poc.params import MODEL_PARAMS_TEST, PocParams
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import inputs, weight, weight_bytes, weight_shapes
from mlnode.shard.engine import ShardedEngine

OTHER_KEY = b"\x02" * 20


def same(one: Decisions, other: Decisions) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("valid", "distances", "digests", "dots", "norms")
    )


def part(came: Decisions, rows: slice) -> Decisions:
    return Decisions(
        valid=came.valid[rows],
        distances=came.distances[rows],
        digests=came.digests[rows],
        dots=came.dots[rows],
        norms=came.norms[rows],
    )


@pytest.fixture(scope="module")
def wanted(round_: Round, nonces: np.ndarray) -> Decisions:
    reference = ReferenceEngine()
    load(reference, round_)
    return reference.batch(nonces)


def test_every_engine_equals_the_reference(
    engine: AnyEngine, round_: Round, nonces: np.ndarray, wanted: Decisions
) -> None:
    load(engine, round_)
    assert same(engine.batch(nonces), wanted)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 64])
def test_the_size_of_a_batch_changes_no_bit(
    engine: AnyEngine, size: int, round_: Round, nonces: np.ndarray, wanted: Decisions
) -> None:
    load(engine, round_)
    for first in range(0, min(len(nonces), 3 * size), size):
        rows = slice(first, first + size)
        assert same(engine.batch(nonces[rows]), part(wanted, rows))


def test_the_order_of_a_batch_changes_no_bit(
    fast: ShardedEngine, nonces: np.ndarray, wanted: Decisions
) -> None:
    assert same(fast.batch(nonces[::-1]), part(wanted, slice(None, None, -1)))


def test_the_order_of_a_sum_changes_no_bit(engine: AnyEngine) -> None:
    generator = np.random.default_rng(4)
    # More than one exact chunk.
    depth = 2_500
    x_RK = generator.integers(-128, 128, (5, depth), np.int8)
    w_NK = generator.integers(-127, 128, (7, depth), np.int8)
    order_K = generator.permutation(depth)
    sums_RN = engine.dot(x_RK, w_NK)
    assert np.array_equal(engine.dot(x_RK[:, order_K], w_NK[:, order_K]), sums_RN)
    assert not np.any(engine.dot(x_RK[:, order_K], w_NK) == sums_RN)


@pytest.mark.parametrize("make", [int8_engine, fp32_engine])
def test_hidden_columns_in_another_order_change_no_bit_if_their_rows_move_alike(
    make: MakeEngine, round_: Round, nonces: np.ndarray, wanted: Decisions
) -> None:
    engine = make()
    load(engine, round_)
    weights, ffn = weights_of(engine), round_.params.ffn_dim
    order_F = np.random.default_rng(5).permutation(ffn)
    moved, half_moved = dict(weights), dict(weights)
    for layer in range(round_.params.n_layers):
        gate_up, down = f"layers.{layer}.gate_up", f"layers.{layer}.down"
        moved[gate_up] = weights[gate_up][np.concatenate([order_F, ffn + order_F])]
        moved[down] = half_moved[down] = np.ascontiguousarray(weights[down][:, order_F])
    network = engine.network
    engine.adopt(round_, with_weights(network, moved))
    assert same(engine.batch(nonces), wanted)
    engine.adopt(round_, with_weights(network, half_moved))
    assert not np.any(engine.batch(nonces).dots == wanted.dots)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [int8_engine, fp32_engine])
def test_the_number_of_threads_changes_no_bit(
    make: MakeEngine, threads: int, round_: Round, nonces: np.ndarray, wanted: Decisions
) -> None:
    torch.set_num_threads(threads)
    engine = make()
    load(engine, round_)
    assert same(engine.batch(nonces), wanted)


SHAPES = {
    "nothing divides anything and F is more than a chunk": PocParams(
        dim=99,
        n_layers=2,
        n_heads=3,
        n_kv_heads=1,
        vocab_size=257,
        ffn_dim_multiplier=Decimal("8.1"),
        multiple_of=7,
        seq_len=9,
    ),
    "a kv head for every head": replace(MODEL_PARAMS_TEST, n_kv_heads=4),
    "one kv head": replace(MODEL_PARAMS_TEST, n_kv_heads=1),
    "one head": replace(MODEL_PARAMS_TEST, n_heads=1, n_kv_heads=1),
    "two layers": replace(MODEL_PARAMS_TEST, n_layers=2),
    "all positions there may be": replace(MODEL_PARAMS_TEST, seq_len=1_024, n_layers=2),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_shape_of_network_is_exact(shape: str, round_: Round) -> None:
    made = replace(round_, params=SHAPES[shape])
    nonces_B = np.array([0, 1, 2**50], np.uint64)
    reference = ReferenceEngine()
    load(reference, made)
    wanted = reference.batch(nonces_B)
    for engine in (int8_engine(), fp32_engine()):
        load(engine, made)
        assert same(engine.batch(nonces_B), wanted), engine.name


def test_leaving_out_what_does_not_enter_the_result_changes_no_bit(round_: Round) -> None:
    params = round_.params
    weights = {name: weight(round_, name) for name in weight_shapes(params)}
    x_SD = inputs(round_, round_.public_key, np.array([5], np.uint64))[0]
    h_SD = x_SD.astype(np.int64)
    for index in range(params.n_layers):
        h_SD = exact8.layer(h_SD, weights, index, params, last=params.seq_len)
    y_V = h_SD[-1] @ weights["head"].astype(np.int64).T
    assert np.array_equal(exact8.forward(weights, x_SD, params), y_V)


def test_another_hosts_nonces_are_verified_on_the_same_network(
    fast: ShardedEngine, round_: Round, nonces: np.ndarray
) -> None:
    prover = int8_engine()
    load(prover, replace(round_, public_key=OTHER_KEY, node_index=1, node_count=2))
    assert same(fast.batch(nonces, OTHER_KEY), prover.batch(nonces))
    assert not np.any(fast.batch(nonces, OTHER_KEY).dots == fast.batch(nonces).dots)


def test_an_empty_batch_comes_to_nothing(engine: AnyEngine, round_: Round) -> None:
    load(engine, round_)
    assert len(engine.batch(np.empty(0, np.uint64)).valid) == 0


def test_a_key_that_is_no_address_is_refused(fast: ShardedEngine, nonces: np.ndarray) -> None:
    with pytest.raises(RoundError, match="public_key"):
        fast.batch(nonces, b"\x02" * 33)


def test_where_every_nonce_counts_every_nonce_is_valid(round_: Round, nonces: np.ndarray) -> None:
    engine = int8_engine()
    load(engine, replace(round_, r_target=5.0, cq=0))
    assert np.all(engine.batch(nonces).valid)


def test_progress_ends_with_everything_and_names_what_it_made(
    engine: AnyEngine, round_: Round
) -> None:
    steps = list(engine.start(round_))
    assert [step.tensor for step in steps] == list(weight_shapes(round_.params))
    assert steps[-1].done_bytes == steps[-1].total_bytes == weight_bytes(round_.params)
    assert steps[-1].fraction == 1.0
    assert [step.done_bytes for step in steps] == sorted(step.done_bytes for step in steps)


def test_a_round_on_the_same_network_keeps_its_weights(round_: Round, nonces: np.ndarray) -> None:
    engine = int8_engine()
    load(engine, round_)
    network = engine.network
    assert list(engine.start(replace(round_, public_key=OTHER_KEY))) == []
    assert engine.network is network
    load(engine, replace(round_, block_hash="5b" * 32))
    assert engine.network is not network


def test_an_engine_without_a_round_says_so(engine: AnyEngine, round_: Round) -> None:
    for _ in range(2):
        with pytest.raises(NotStartedError, match=engine.name):
            engine.batch(np.zeros(1, np.uint64))
        with pytest.raises(NotStartedError):
            engine.weights_fingerprint()
        load(engine, round_)
        engine.stop()


def test_a_start_that_is_broken_off_leaves_no_round(engine: AnyEngine, round_: Round) -> None:
    load(engine, round_)
    loading = engine.start(replace(round_, block_hash="5b" * 32))
    next(loading)
    with pytest.raises(NotStartedError):
        engine.batch(np.zeros(1, np.uint64))


def test_a_network_of_another_round_is_not_adopted(fast: ShardedEngine, round_: Round) -> None:
    with pytest.raises(ValueError, match="another round"):
        int8_engine().adopt(replace(round_, block_hash="5b" * 32), fast.network)
