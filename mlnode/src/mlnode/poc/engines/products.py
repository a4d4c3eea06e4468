"""Exact products of int8 matrices in PyTorch on a CPU.

Axes: R rows, O columns and I depth of a product.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

# |partial sum| ≤ 128·128·1024 = 2²⁴: the largest run of integers that fp32 holds exactly.
EXACT_DEPTH = 1_024

# oneDNN's s8·s8→s32 product. The name is PyTorch's own, unstable by its underscore; the
# self-test at start is what we rely on.
_int_mm = cast(Callable[..., Tensor], torch._int_mm)  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]


def int8_product(x_RI: Tensor, w_OI: Tensor, out_RO: Tensor) -> None:
    """Sets out to x·wᵀ in int32 sums."""
    _int_mm(x_RI, w_OI.t(), out=out_RO)


def fp32_product(x_RI: Tensor, w_OI: Tensor, out_RO: Tensor) -> None:
    """Sets out to x·wᵀ in fp32 sums over at most 1,024 terms, added up in int32."""
    out_RO.zero_()
    for first in range(0, x_RI.shape[1], EXACT_DEPTH):
        depth = slice(first, first + EXACT_DEPTH)
        part_RO = torch.mm(x_RI[:, depth].to(torch.float32), w_OI[:, depth].to(torch.float32).t())
        out_RO.add_(part_RO.to(torch.int32))
