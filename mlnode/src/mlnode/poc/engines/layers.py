"""A layer of the proof network in PyTorch, whatever device and kernels do the arithmetic.

Axes: B nonces, S positions, R rows = positions of all nonces, D width, F FFN width, C all keys
or values of a position, V outputs, O and I rows and columns of a weight, X rows that are
filled and N bytes of one, W the four words of a seed, Z = B·kv heads, G queries of a kv head,
E width of a head, Q positions whose output is wanted (the last of S).
"""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from mlnode.poc.arrays import U32
from mlnode.poc.exact8 import PRODUCT_SHIFT, shift
from mlnode.poc.params import PocParams


class Arithmetic(Protocol):
    """The operations of a layer, each exact; tensors int8 on one device unless said otherwise."""

    def sums(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        """Returns x·wᵀ, int32 [R, O]."""
        ...

    def linear(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        """Returns w8((x·wᵀ) >> s(I)), [R, O]."""
        ...

    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        """Returns w8((gate·up) >> 5) of the wrapped gate and up, [R, F]."""
        ...

    def attention(
        self, q_BQD: Tensor, k_BSC: Tensor, v_BSC: Tensor, kv_heads: int, width: int
    ) -> Tensor:
        """Returns the attention of the last Q of S positions, [B, Q, D]."""
        ...

    def fill(self, seed_XW: U32, first: int, step: int, out_XN: Tensor, *, weights: bool) -> None:
        """Sets row x to the bytes from ``first + x·step`` on of stream x.

        Args:
            seed_XW: the seed of each row, or one seed for all rows.
            out_XN: int8 [X, N], contiguous.
            weights: reads the bytes as weights, so that −128 becomes 0.
        """
        ...


def run_layer(
    arithmetic: Arithmetic,
    weights: Mapping[str, Tensor],
    x_BSD: Tensor,
    index: int,
    params: PocParams,
) -> Tensor:
    """Returns the positions after one layer, [B, S, D]; of the last layer the last, [B, 1, D]."""
    name, dim, kv = f"layers.{index}", params.dim, params.kv_dim
    qkv_OI = weights[f"{name}.qkv"]
    if index < params.n_layers - 1:
        x_BQD, qkv_BSO = x_BSD, _rows(arithmetic, x_BSD, qkv_OI)
        q_BQD, kv_BSO = qkv_BSO[..., :dim], qkv_BSO[..., dim:]
    else:
        x_BQD = x_BSD[:, -1:].contiguous()
        q_BQD = _rows(arithmetic, x_BQD, qkv_OI[:dim])
        kv_BSO = _rows(arithmetic, x_BSD, qkv_OI[dim:])
    o_BQD = arithmetic.attention(
        q_BQD, kv_BSO[..., :kv], kv_BSO[..., kv:], params.n_kv_heads, params.head_dim
    )
    # int8 addition wraps, which is what the definition asks for.
    x_BQD = x_BQD + _rows(arithmetic, o_BQD, weights[f"{name}.o"])
    x_RD = x_BQD.reshape(-1, dim)
    a_RF = arithmetic.gated(x_RD, weights[f"{name}.gate_up"])
    return x_BQD + arithmetic.linear(a_RF, weights[f"{name}.down"]).view_as(x_BQD)


def _rows(arithmetic: Arithmetic, x_BSI: Tensor, w_OI: Tensor) -> Tensor:
    size, positions = x_BSI.shape[:2]
    out_RO = arithmetic.linear(x_BSI.reshape(size * positions, -1), w_OI)
    return out_RO.view(size, positions, -1)


def fp32_attention(
    q_BQD: Tensor, k_BSC: Tensor, v_BSC: Tensor, kv_heads: int, width: int
) -> Tensor:
    """Returns the attention of the last Q positions, int8 [B, Q, D].

    In fp32: a sum has at most 1,024 terms of at most 2¹⁴, so that every partial sum is an
    integer of at most 2²⁴, which fp32 holds exactly in whatever order it is added up.
    """
    size, queries = q_BQD.shape[:2]
    positions = k_BSC.shape[1]
    q_ZGE = heads_of_queries(q_BQD, kv_heads, width)
    k_ZSE, v_ZSE = by_head(k_BSC, kv_heads), by_head(v_BSC, kv_heads)
    p_ZGS = low_byte(torch.bmm(q_ZGE, k_ZSE.transpose(1, 2)).to(torch.int32), shift(width))
    if queries > 1:
        seen_QS = torch.ones(queries, positions, dtype=torch.int8, device=p_ZGS.device)
        p_ZGS.view(-1, queries, positions).mul_(seen_QS.tril_(positions - queries))
    o_ZGE = low_byte(torch.bmm(p_ZGS.to(torch.float32), v_ZSE).to(torch.int32), PRODUCT_SHIFT)
    return o_ZGE.view(size, -1, queries, width).permute(0, 2, 1, 3).reshape(size, queries, -1)


def low_byte(sums: Tensor, bits: int) -> Tensor:
    """Returns w8(sums >> bits), int8, of int32, which it changes."""
    return sums.bitwise_right_shift_(bits).to(torch.int8)


def heads_of_queries(q_BQD: Tensor, kv_heads: int, width: int) -> Tensor:
    """Returns the queries in fp32, [Z, G, E]; those of a query head follow each other."""
    size, queries = q_BQD.shape[:2]
    q_BQZGE = q_BQD.reshape(size, queries, kv_heads, -1, width)
    return q_BQZGE.permute(0, 2, 3, 1, 4).to(torch.float32).reshape(size * kv_heads, -1, width)


def by_head(x_BSC: Tensor, heads: int) -> Tensor:
    """Returns keys or values in fp32, [Z, S, E]."""
    size, positions = x_BSC.shape[:2]
    x_BSCE = x_BSC.reshape(size, positions, heads, -1)
    return x_BSCE.transpose(1, 2).to(torch.float32).reshape(size * heads, positions, -1)
