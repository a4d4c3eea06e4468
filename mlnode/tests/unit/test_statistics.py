"""The network's outputs look like chance, so that a nonce is worth the same to everyone.

Rounds and nonces are fixed: a limit says how unlikely the numbers would be by chance, it does
not make a test fail now and then.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mlnode.poc.engines.base import load
from mlnode.poc.engines.cpu import int8_engine
from mlnode.poc.engines.exact import ExactEngine
from mlnode.poc.exact8 import PRODUCT_SHIFT, attention, layer, linear, w8
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import inputs

COUNT = 8_192
NONCES = np.arange(COUNT, dtype=np.uint64)


def test_the_valid_rate_is_p_and_the_distances_follow_their_law(round_: Round) -> None:
    distances: list[np.ndarray] = []
    for first in ("5a", "00", "e7"):
        engine = int8_engine()
        load(engine, replace(round_, block_hash=first * 32))
        came = engine.batch(NONCES)
        # One point is three standard errors of 8,192 nonces.
        assert np.mean(came.valid) == pytest.approx(0.1, abs=0.01)
        distances.append(came.distances)
    shape = (round_.params.vocab_size - 1) / 2
    halves = (np.concatenate(distances) / 2) ** 2
    assert stats.kstest(halves, stats.beta(shape, shape).cdf).pvalue > 1e-4


def test_the_decision_agrees_with_the_reported_distance(fast: ExactEngine, round_: Round) -> None:
    came = fast.batch(NONCES)
    # T, Y and cq are floors of 20 bits and more: they move the border by less than 1e-5.
    clear = np.abs(came.distances - round_.r_target) > 1e-5
    assert np.count_nonzero(clear) > 0.99 * COUNT
    assert np.array_equal(came.valid[clear], came.distances[clear] < round_.r_target)


def test_no_host_is_luckier_than_another(fast: ExactEngine) -> None:
    hosts = [bytes([number]) * 20 for number in range(8)]
    counts = [np.count_nonzero(fast.batch(NONCES[:2048], host).valid) for host in hosts]
    assert stats.chi2_contingency([counts, [2048 - c for c in counts]]).pvalue > 1e-4


def entropy(values: np.ndarray) -> float:
    share = np.bincount(values.astype(np.int8).view(np.uint8).ravel(), minlength=256) / values.size
    return float(stats.entropy(share, base=2))


def test_activations_stay_uniform_bytes_in_every_layer(fast: ExactEngine, round_: Round) -> None:
    # 131,072 bytes a layer: counting alone takes 0.0014 bits off the 8 of uniform ones.
    params, weights = round_.params, fast.network.weights
    dim, kv = params.dim, params.kv_dim
    h_BSD = inputs(round_, round_.public_key, NONCES[:32]).astype(np.int64)
    for index in range(params.n_layers):
        assert entropy(h_BSD) >= 7.99
        seen: dict[str, list[np.ndarray]] = {"q": [], "o": [], "gate": [], "gated": []}
        for x_SD in h_BSD:
            qkv_SO = linear(x_SD, weights[f"layers.{index}.qkv"])
            q_SD, k_SC, v_SC = np.split(qkv_SO, (dim, dim + kv), axis=1)
            o_SD = attention(q_SD, k_SC, v_SC, params)
            mid_SD = w8(x_SD + linear(o_SD, weights[f"layers.{index}.o"]))
            gate_SF, up_SF = np.split(linear(mid_SD, weights[f"layers.{index}.gate_up"]), 2, axis=1)
            for name, value in zip(seen, (q_SD, o_SD, gate_SF, None), strict=True):
                seen[name].append(
                    w8((gate_SF * up_SF) >> PRODUCT_SHIFT) if value is None else value
                )
        for name, values in seen.items():
            # A product of two bytes is a little less than uniform.
            assert entropy(np.stack(values)) >= (7.95 if name == "gated" else 7.99), (index, name)
        h_BSD = np.stack([layer(x, weights, index, params, last=params.seq_len) for x in h_BSD])
