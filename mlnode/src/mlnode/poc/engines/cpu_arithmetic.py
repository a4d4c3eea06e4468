"""Arithmetic on a CPU: products of a library, and everything around them compiled.

A product's sums are four times the size of what is kept of them. Columns are therefore done
in tiles that stay in the cache, and one pass makes bytes of a tile's sums.

Axes: as in ``layers``; T columns of a tile.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mlnode.poc.arrays import U32
from mlnode.poc.engines import compiled
from mlnode.poc.engines.layers import by_head, heads_of_queries
from mlnode.poc.engines.products import EXACT_DEPTH, int8_product
from mlnode.poc.engines.tiles import column_tiles
from mlnode.poc.exact8 import PRODUCT_SHIFT, shift

Sums = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(x prepared [R, I], w int8 [T, I], int32 [R, T] to work in): returns x·wᵀ, int32 or fp32."""


class CpuArithmetic:
    """See ``layers.Arithmetic``. Ways to multiply differ in speed, and in nothing else."""

    def __init__(self, prepare: Callable[[Tensor], Tensor], sums: Sums) -> None:
        """Takes a way to multiply.

        Args:
            prepare: makes of int8 rows what the product wants, once for all its tiles.
            sums: multiplies.
        """
        self._prepare = prepare
        self._sums = sums

    def sums(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int32)
        return self._sums(self._prepare(x_RI), w_OI, out_RO).to(torch.int32)

    def linear(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int8)
        x, bits, room = self._prepare(x_RI), shift(x_RI.shape[1]), _room(len(x_RI), len(w_OI))
        for cols in column_tiles(len(x_RI), len(w_OI)):
            sums_RT = self._tile(x, w_OI[cols], room)
            compiled.narrow(sums_RT.numpy(), bits, cols.start, out_RO.numpy())
        return out_RO

    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        gate_FD, up_FD = gate_up_OI.chunk(2)
        out_RF = torch.empty(len(x_RD), len(gate_FD), dtype=torch.int8)
        x, bits = self._prepare(x_RD), shift(x_RD.shape[1])
        rooms = [_room(len(x_RD), len(gate_FD)) for _ in range(2)]
        for cols in column_tiles(len(x_RD), len(gate_FD)):
            gate_RT = self._tile(x, gate_FD[cols], rooms[0])
            up_RT = self._tile(x, up_FD[cols], rooms[1])
            compiled.gate(
                gate_RT.numpy(), up_RT.numpy(), bits, PRODUCT_SHIFT, cols.start, out_RF.numpy()
            )
        return out_RF

    def attention(
        self, q_BQD: Tensor, k_BSC: Tensor, v_BSC: Tensor, kv_heads: int, width: int
    ) -> Tensor:
        """As ``layers.fp32_attention``, with one pass over the scores instead of five."""
        size, queries, dim = q_BQD.shape
        q_ZGE = heads_of_queries(q_BQD, kv_heads, width)
        p_ZGS = torch.bmm(q_ZGE, by_head(k_BSC, kv_heads).transpose(1, 2))
        compiled.wrap_seen(p_ZGS.numpy(), shift(width), queries)
        sums_RE = torch.bmm(p_ZGS, by_head(v_BSC, kv_heads)).view(-1, width)
        o_RE = torch.empty(sums_RE.shape, dtype=torch.int8)
        compiled.narrow(sums_RE.numpy(), PRODUCT_SHIFT, 0, o_RE.numpy())
        o_BHQE = o_RE.view(size, dim // width, queries, width)
        return o_BHQE.transpose(1, 2).reshape(size, queries, dim)

    def fill(self, seed_XW: U32, first: int, step: int, out_XN: Tensor, *, weights: bool) -> None:
        first_X = np.uint64(first) + np.arange(len(out_XN), dtype=np.uint64) * np.uint64(step)
        compiled.fill(seed_XW, first_X, out_XN.numpy().view(np.uint8), weights=weights)

    def _tile(self, x: Tensor, w_TI: Tensor, room: Tensor) -> Tensor:
        return self._sums(x, w_TI, room[: len(x) * len(w_TI)].view(len(x), -1))


def int8_arithmetic() -> CpuArithmetic:
    """Returns int8 products in int32 sums; fast where the CPU has VNNI."""

    def multiply(x_RI: Tensor, w_TI: Tensor, room_RT: Tensor) -> Tensor:
        int8_product(x_RI, w_TI, room_RT)
        return room_RT

    return CpuArithmetic(lambda x_RI: x_RI, multiply)


def fp32_arithmetic() -> CpuArithmetic:
    """Returns fp32 products of at most 1,024 terms, added up in int32; for other CPUs."""

    def multiply(x_RI: Tensor, w_TI: Tensor, room_RT: Tensor) -> Tensor:
        depth = w_TI.shape[1]
        if depth <= EXACT_DEPTH:
            # The integers in fp32 take the room of the int32 sums, and nobody adds to them.
            out_RT = room_RT.view(torch.float32)
            return torch.mm(x_RI, w_TI.to(torch.float32).t(), out=out_RT)
        room_RT.zero_()
        for first in range(0, depth, EXACT_DEPTH):
            part = slice(first, first + EXACT_DEPTH)
            part_RT = torch.mm(x_RI[:, part], w_TI[:, part].to(torch.float32).t())
            compiled.add(part_RT.numpy(), room_RT.numpy())
        return room_RT

    return CpuArithmetic(lambda x_RI: x_RI.to(torch.float32), multiply)


def _room(rows: int, cols: int) -> Tensor:
    """Returns memory for the sums of any tile."""
    tiles = column_tiles(rows, cols)
    width = max((len(range(cols)[tile]) for tile in tiles), default=0)
    return torch.empty(rows * width, dtype=torch.int32)
