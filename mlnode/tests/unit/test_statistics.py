"""The network's outputs look like chance, so that a nonce is worth the same to everyone.

Rounds and nonces are fixed: a limit says how unlikely the numbers would be by chance, it does
not make a test fail now and then.
"""

from dataclasses import replace

import numpy as np
import pytest
from engines import MakeEngine, weights_of
from scipy import stats

from mlnode.poc.engines.base import load
from mlnode.poc.exact8 import PRODUCT_SHIFT, attention, layer, shift, w8
from mlnode.poc.params import MODEL_PARAMS, PocParams
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import inputs, weight
from mlnode.shard.engine import ShardedEngine

COUNT = 8_192
NONCES = np.arange(COUNT, dtype=np.uint64)


def test_the_valid_rate_is_p_and_the_distances_follow_their_law(
    round_: Round, quick_engine: MakeEngine
) -> None:
    distances: list[np.ndarray] = []
    for first in ("5a", "00", "e7"):
        engine = quick_engine()
        load(engine, replace(round_, block_hash=first * 32))
        came = engine.batch(NONCES)
        # One point is three standard errors of 8,192 nonces.
        assert np.mean(came.valid) == pytest.approx(0.1, abs=0.01)
        distances.append(came.distances)
    shape = (round_.params.vocab_size - 1) / 2
    halves = (np.concatenate(distances) / 2) ** 2
    assert stats.kstest(halves, stats.beta(shape, shape).cdf).pvalue > 1e-4


def test_the_decision_agrees_with_the_reported_distance(fast: ShardedEngine, round_: Round) -> None:
    came = fast.batch(NONCES)
    # T, Y and cq are floors of 20 bits and more: they move the border by less than 1e-5.
    clear = np.abs(came.distances - round_.r_target) > 1e-5
    assert np.count_nonzero(clear) > 0.99 * COUNT
    assert np.array_equal(came.valid[clear], came.distances[clear] < round_.r_target)


def entropy(values: np.ndarray) -> float:
    share = np.bincount(values.astype(np.int8).view(np.uint8).ravel(), minlength=256) / values.size
    return float(stats.entropy(share, base=2))


def bytes_of_a_layer(
    x_BSD: np.ndarray, weights: dict[str, np.ndarray], index: int, params: PocParams
) -> dict[str, np.ndarray]:
    """Returns what each step of a layer yields, in float64 products, which are exact here."""

    def product(x_BSI: np.ndarray, weight_OI: np.ndarray) -> np.ndarray:
        sums = x_BSI.astype(np.float64) @ weight_OI.astype(np.float64).T
        return w8(sums.astype(np.int64) >> shift(weight_OI.shape[1]))

    dim, kv = params.dim, params.kv_dim
    qkv_BSO = product(x_BSD, weights[f"layers.{index}.qkv"])
    q_BSD, k_BSO, v_BSO = np.split(qkv_BSO, (dim, dim + kv), axis=2)
    heads = zip(q_BSD, k_BSO, v_BSO, strict=True)
    o_BSD = np.stack([attention(q_SD, k_SO, v_SO, params) for q_SD, k_SO, v_SO in heads])
    mid_BSD = w8(x_BSD + product(o_BSD, weights[f"layers.{index}.o"]))
    gate_BSF, up_BSF = np.split(product(mid_BSD, weights[f"layers.{index}.gate_up"]), 2, axis=2)
    a_BSF = w8((gate_BSF * up_BSF) >> PRODUCT_SHIFT)
    out_BSD = w8(mid_BSD + product(a_BSF, weights[f"layers.{index}.down"]))
    return {"x": x_BSD, "q": q_BSD, "o": o_BSD, "gate": gate_BSF, "gated": a_BSF, "out": out_BSD}


def stays_uniform(seen: dict[str, np.ndarray]) -> None:
    for name, values in seen.items():
        # A product of two bytes is a little less than uniform.
        assert entropy(values) >= (7.95 if name == "gated" else 7.99), name


def test_activations_stay_uniform_bytes_in_every_layer(fast: ShardedEngine, round_: Round) -> None:
    # 131,072 bytes a layer: counting alone takes 0.0014 bits off the 8 of uniform ones.
    params, weights = round_.params, weights_of(fast)
    h_BSD = inputs(round_, round_.public_key, NONCES[:32]).astype(np.int64)
    for index in range(params.n_layers):
        seen = bytes_of_a_layer(h_BSD, weights, index, params)
        stays_uniform(seen)
        h_BSD = seen["out"]
        wanted_SD = layer(seen["x"][0], weights, index, params, last=params.seq_len)
        assert np.array_equal(h_BSD[0], wanted_SD)


def test_activations_stay_uniform_bytes_in_a_layer_of_full_width(round_: Round) -> None:
    wide = replace(round_, params=MODEL_PARAMS)
    names = [f"layers.7.{name}" for name in ("qkv", "o", "gate_up", "down")]
    weights = {name: weight(wide, name) for name in names}
    h_BSD = inputs(wide, wide.public_key, NONCES[:1]).astype(np.int64)
    stays_uniform(bytes_of_a_layer(h_BSD, weights, 7, MODEL_PARAMS))
