"""Whoever computes less than the whole network knows nothing about its output.

Each shortcut is applied to the weights, and its outputs are set against the true ones. The
nonces and the rounds are fixed, so a limit of five standard errors never fails by chance.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from engines import MakeEngine, outputs, weights_of, with_weights

from mlnode.bench.shortcuts import PLAIN, Shortcut, ShortcutNetwork
from mlnode.bench.shortcuts import SHORTCUTS as SHORTCUTS_OF_A_PROVER
from mlnode.poc.decision import Decisions, decide, digests
from mlnode.poc.engines.base import load
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.exact8 import head_shift
from mlnode.poc.params import MODEL_PARAMS
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.tensors import inputs
from mlnode.shard.engine import ShardedEngine

COUNT = 2_048
NONCES = np.arange(COUNT, dtype=np.uint64)
Weights = dict[str, np.ndarray]


def skip(layer: int) -> Callable[[Weights], None]:
    def apply(weights: Weights) -> None:
        weights[f"layers.{layer}.o"][:] = 0
        weights[f"layers.{layer}.down"][:] = 0

    return apply


def no_attention(weights: Weights) -> None:
    for layer in range(3):
        weights[f"layers.{layer}.o"][:] = 0


def ffn_columns(layers: tuple[int, ...], count: int) -> Callable[[Weights], None]:
    def apply(weights: Weights) -> None:
        for layer in layers:
            weights[f"layers.{layer}.down"][:, :count] = 0

    return apply


def low_bits(bits: int) -> Callable[[Weights], None]:
    def apply(weights: Weights) -> None:
        for array in weights.values():
            array &= -1 << bits

    return apply


SHORTCUTS = {
    "skip layer 0": skip(0),
    "skip layer 1": skip(1),
    "skip layer 2": skip(2),
    "no attention": no_attention,
    "half the FFN": ffn_columns((0, 1, 2), 192),
    "one FFN column of one layer": ffn_columns((1,), 1),
    "int7 weights": low_bits(1),
    "int4 weights": low_bits(4),
}


WIDE = replace(MODEL_PARAMS, n_layers=2, seq_len=16)


@pytest.fixture(scope="module")
def truth(fast: ShardedEngine) -> Decisions:
    return fast.batch(NONCES)


def cosines(came: Decisions) -> np.ndarray:
    return came.dots / came.norms


def tells_nothing(truth: Decisions, short: Decisions) -> None:
    count = len(truth.valid)
    correlation = np.corrcoef(cosines(truth), cosines(short))[0, 1]
    assert abs(correlation) < 5 / np.sqrt(count)
    # Of the true winners, as many are in the cheap copy's best tenth as chance puts there.
    best = np.argsort(-cosines(short), kind="stable")[: count // 10]
    winners = np.count_nonzero(truth.valid)
    expected, deviation = winners / 10, np.sqrt(winners * 0.1 * 0.9)
    assert abs(np.count_nonzero(truth.valid[best]) - expected) < 4 * deviation
    # What a cheat claims is mostly false.
    assert np.mean(~truth.valid[short.valid]) > 0.8
    assert not np.any(np.all(short.digests == truth.digests, axis=1))


@pytest.mark.parametrize("name", sorted(SHORTCUTS))
def test_a_shortcut_tells_nothing_about_the_output(
    name: str, fast: ShardedEngine, quick_engine: MakeEngine, round_: Round, truth: Decisions
) -> None:
    weights = {key: array.copy() for key, array in weights_of(fast).items()}
    SHORTCUTS[name](weights)
    engine = quick_engine()
    engine.adopt(round_, with_weights(fast.network, weights))
    tells_nothing(truth, engine.batch(NONCES))


def test_one_position_dropped_tells_nothing_about_the_output(
    fast: ShardedEngine, quick_arithmetic: Arithmetic, round_: Round, truth: Decisions
) -> None:
    x_BSD = np.delete(inputs(round_, round_.public_key, NONCES), 10, axis=1)
    params = replace(round_.params, seq_len=31)
    y_BV = outputs(quick_arithmetic, params, weights_of(fast), x_BSD)
    bits = head_shift(round_.params)
    tells_nothing(truth, decide(y_BV, bits, fast.network.target, round_.cq))


@pytest.mark.parametrize("shortcut", SHORTCUTS_OF_A_PROVER, ids=lambda shortcut: shortcut.name)
def test_a_shortcut_in_the_arithmetic_tells_nothing_about_the_output(
    shortcut: Shortcut, fast: ShardedEngine, round_: Round
) -> None:
    network = ShortcutNetwork(round_.params, weights_of(fast), shortcut)
    half = NONCES[: COUNT // 2]
    y_BV = network.outputs(inputs(round_, round_.public_key, half))
    bits = head_shift(round_.params)
    tells_nothing(fast.batch(half), decide(y_BV, bits, fast.network.target, round_.cq))


def test_without_a_shortcut_that_arithmetic_is_the_network(
    fast: ShardedEngine, round_: Round, truth: Decisions
) -> None:
    network = ShortcutNetwork(round_.params, weights_of(fast), PLAIN)
    y_BV = network.outputs(inputs(round_, round_.public_key, NONCES[:128]))
    assert np.array_equal(digests(y_BV), truth.digests[:128])


def test_a_skipped_layer_and_int4_weights_tell_nothing_at_full_width(
    quick_engine: MakeEngine, round_: Round
) -> None:
    """One whole layer of full width, and of the next what the last position asks for."""
    shape = replace(WIDE, seq_len=8)
    wide = new_round(block_hash=round_.block_hash, public_key=round_.public_key, params=shape)
    engine, few = quick_engine(), NONCES[:512]
    load(engine, wide)
    whole = engine.batch(few)
    for shortcut in (skip(0), low_bits(4)):
        weights = {name: array.copy() for name, array in weights_of(engine).items()}
        shortcut(weights)
        short = quick_engine()
        short.adopt(wide, with_weights(engine.network, weights))
        tells_nothing(whole, short.batch(few))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_shortcuts_tell_nothing_at_full_width_but_for_a_column_of_the_last_ffn(
    quick_engine: MakeEngine, round_: Round
) -> None:
    """Of 28,672 columns: where nothing follows but the head, a single one leaves a trace."""
    wide = new_round(block_hash=round_.block_hash, public_key=round_.public_key, params=WIDE)
    engine = quick_engine()
    load(engine, wide)
    whole = engine.batch(NONCES)
    for columns, layer in ((29, 0), (1, 0), (29, 1), (1, 1)):
        weights = weights_of(engine)
        weights[f"layers.{layer}.down"] = weights[f"layers.{layer}.down"].copy()
        weights[f"layers.{layer}.down"][:, :columns] = 0
        short = quick_engine()
        short.adopt(wide, with_weights(engine.network, weights))
        came = short.batch(NONCES)
        if (columns, layer) == (1, 1):
            assert 0.05 < np.corrcoef(cosines(whole), cosines(came))[0, 1] < 0.3
        else:
            tells_nothing(whole, came)


def test_the_measure_sees_a_copy_that_does_tell_something(truth: Decisions) -> None:
    with pytest.raises(AssertionError):
        tells_nothing(truth, truth)
    noise = np.random.default_rng(0).normal(0, truth.dots.std() * 7, COUNT)
    weak = replace(truth, dots=truth.dots + noise.astype(np.int64))
    assert np.corrcoef(cosines(truth), cosines(weak))[0, 1] < 0.2
    with pytest.raises(AssertionError):
        tells_nothing(truth, weak)
