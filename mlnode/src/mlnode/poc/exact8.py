"""The proof network, evaluated as it is defined: plain int64, one nonce at a time.

This is the reference that every engine must equal to the last bit; it is written to be read
against docs/spec/poc.md ("A layer"), not to be fast.

Axes: S positions, Q the positions whose output is wanted (the last Q of S), D width,
F FFN width, E width of one head, V outputs; O and I rows and columns of a weight.
"""

from collections.abc import Mapping

import numpy as np

from mlnode.poc.arrays import I8, I32, I64
from mlnode.poc.params import PocParams

# A product of two uniform bytes deviates by 73.9² = 5,461; so does the attention of position 0,
# a sum of one term. Five is the largest shift that leaves them 128, as s(K) does for sums.
PRODUCT_SHIFT = 5


def shift(k: int) -> int:
    """Returns s(K): the largest shift that leaves a dot product over K a deviation of 128."""
    return ((1820 * k).bit_length() - 1) >> 1


def head_shift(params: PocParams) -> int:
    """Returns the shift of the head, s(D) − 2."""
    return shift(params.dim) - 2


def w8(value: I64) -> I64:
    """Returns the low 8 bits as two's complement, still int64."""
    return value.astype(np.int8).astype(np.int64)


def linear(x_SI: I64, weight_OI: I8) -> I64:
    """Returns w8((x·Wᵀ) >> s(I)), int64 [S, O]."""
    return w8((x_SI @ weight_OI.astype(np.int64).T) >> shift(x_SI.shape[1]))


def attention(q_QD: I64, k_SC: I64, v_SC: I64, params: PocParams) -> I64:
    """Returns the attention of the last Q positions over all of them, int64 [Q, D].

    Args:
        q_QD: queries, by head.
        k_SC, v_SC: keys and values [S, KV·hd], by kv head.
    """
    width, group = params.head_dim, params.n_heads // params.n_kv_heads
    queries, positions = len(q_QD), len(k_SC)
    seen_QS = np.tri(queries, positions, positions - queries, dtype=np.int64)
    out_QD = np.empty_like(q_QD)
    for head in range(params.n_heads):
        mine = slice(head * width, (head + 1) * width)
        kv = slice(head // group * width, (head // group + 1) * width)
        p_QS = w8((q_QD[:, mine] @ k_SC[:, kv].T) >> shift(width)) * seen_QS
        out_QD[:, mine] = w8((p_QS @ v_SC[:, kv]) >> PRODUCT_SHIFT)
    return out_QD


def layer(x_SD: I64, weights: Mapping[str, I8], index: int, params: PocParams, *, last: int) -> I64:
    """Returns the last ``last`` positions after one layer, int64 [Q, D]."""
    name, dim, kv = f"layers.{index}", params.dim, params.kv_dim
    qkv_OI = weights[f"{name}.qkv"]
    x_QD = x_SD[len(x_SD) - last :]
    q_QD = linear(x_QD, qkv_OI[:dim])
    k_SC = linear(x_SD, qkv_OI[dim : dim + kv])
    v_SC = linear(x_SD, qkv_OI[dim + kv :])
    x_QD = w8(x_QD + linear(attention(q_QD, k_SC, v_SC, params), weights[f"{name}.o"]))
    gate_QF, up_QF = np.split(linear(x_QD, weights[f"{name}.gate_up"]), 2, axis=1)
    a_QF = w8((gate_QF * up_QF) >> PRODUCT_SHIFT)
    return w8(x_QD + linear(a_QF, weights[f"{name}.down"]))


def forward(weights: Mapping[str, I8], x_SD: I8, params: PocParams) -> I32:
    """Returns the raw output y of one nonce, int32 [V], not wrapped.

    Only the last position of the last layer enters it, so the others end one layer earlier.

    Args:
        weights: int8 by name, as ``tensors.weight_shapes`` lists them.
        x_SD: input of the nonce, int8 [S, D].
    """
    h_SD = x_SD.astype(np.int64)
    for index in range(params.n_layers):
        last = 1 if index == params.n_layers - 1 else params.seq_len
        h_SD = layer(h_SD, weights, index, params, last=last)
    return (h_SD[0] @ weights["head"].astype(np.int64).T).astype(np.int32)
