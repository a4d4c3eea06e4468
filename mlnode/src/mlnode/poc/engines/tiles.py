"""Arithmetic in PyTorch on any device, whose int32 sums never leave the cache.

A product's sums are four times the size of what is kept of them. Columns are therefore done
in tiles: multiply, shift, keep the low byte, go on.

Axes: B nonces of a tile, S positions, R rows = positions of all nonces, D width, F FFN width,
O and I rows and columns of a weight, N columns of a tile, C all keys or values of a position,
Q positions wanted, X rows and W words of a seed.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mlnode.poc.arrays import U32
from mlnode.poc.engines.layers import fp32_attention
from mlnode.poc.exact8 import PRODUCT_SHIFT, shift
from mlnode.poc.streams import fill

Product = Callable[[Tensor, Tensor, Tensor], None]
"""(x int8 [R, I], w int8 [O, I], out int32 [R, O]): sets out to x·wᵀ, exactly."""

# int32 sums of a tile: 1 MiB, a usual second-level cache. Half of it costs a tenth of the rate
# in calls; more gains nothing.
_TILE_SUMS = 262_144


class TiledArithmetic:
    """See ``layers.Arithmetic``. Ways to multiply differ in speed, and in nothing else."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def sums(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int32, device=x_RI.device)
        self._product(x_RI, w_OI, out_RO)
        return out_RO

    def linear(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int8, device=x_RI.device)
        for cols in column_tiles(len(x_RI), len(w_OI)):
            out_RO[:, cols] = self._shifted(x_RI, w_OI[cols])
        return out_RO

    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        gate_FD, up_FD = gate_up_OI.chunk(2)
        out_RF = torch.empty(len(x_RD), len(gate_FD), dtype=torch.int8, device=x_RD.device)
        for cols in column_tiles(len(x_RD), len(gate_FD)):
            gate_RN = self._shifted(x_RD, gate_FD[cols]).to(torch.int8).to(torch.int16)
            up_RN = self._shifted(x_RD, up_FD[cols]).to(torch.int8)
            out_RF[:, cols] = gate_RN.mul_(up_RN).bitwise_right_shift_(PRODUCT_SHIFT)
        return out_RF

    def attention(
        self, q_BQD: Tensor, k_BSC: Tensor, v_BSC: Tensor, kv_heads: int, width: int
    ) -> Tensor:
        return fp32_attention(q_BQD, k_BSC, v_BSC, kv_heads, width)

    def fill(self, seed_XW: U32, first: int, step: int, out_XN: Tensor, *, weights: bool) -> None:
        rows, width = out_XN.shape
        # NumPy writes into the tensor's own memory on a CPU, and beside it for a device.
        host_XN = (
            out_XN if out_XN.device.type == "cpu" else torch.empty(out_XN.shape, dtype=torch.int8)
        )
        first_X = np.uint64(first) + np.arange(rows, dtype=np.uint64) * np.uint64(step)
        seed_XW = np.broadcast_to(seed_XW, (rows, 4))
        if len(seed_XW) and step == width and np.all(seed_XW == seed_XW[0]):
            # Rows that follow each other in one stream are one row: tiles need not end with them.
            first_X, seed_XW, host_XN = first_X[:1], seed_XW[:1], host_XN.view(1, -1)
        fill(seed_XW, first_X, host_XN.numpy().view(np.uint8), weights=weights)
        if host_XN.device != out_XN.device:
            out_XN.copy_(host_XN.view_as(out_XN))

    def _shifted(self, x_RI: Tensor, w_NI: Tensor) -> Tensor:
        """Returns (x·wᵀ) >> s(I), int32 [R, N]."""
        return self.sums(x_RI, w_NI).bitwise_right_shift_(shift(x_RI.shape[1]))


def column_tiles(rows: int, cols: int) -> list[slice]:
    """Returns tiles of so many rows whose sums stay in the cache; together they are all columns."""
    width = max(64, _TILE_SUMS // max(rows, 1) // 64 * 64)
    return [slice(first, min(first + width, cols)) for first in range(0, cols, width)]
