"""Arithmetic through the Triton kernels; see ``layers.Arithmetic`` for the contract.

Axes: as in ``layers``.
"""

# Constants of a kernel are typed as what the compiler makes of them.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportArgumentType=false

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import triton.language as tl
from torch import Tensor

from mlnode.poc.arrays import U32
from mlnode.poc.engines import triton_kernels as kernels
from mlnode.poc.engines.products import EXACT_DEPTH
from mlnode.poc.exact8 import PRODUCT_SHIFT, shift
from mlnode.poc.streams import BLOCK_BYTES

Kind = Literal["int8", "bf16", "fp16"]
_KINDS: dict[Kind, Any] = {"int8": tl.int8, "bf16": tl.bfloat16, "fp16": tl.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How a product is cut into programs.

    Attributes:
        rows, cols, depth: of a tile; powers of two, 16 or more, depth 32 or more and a
            divisor of 1,024, so that a chunk of exact fp32 sums ends with a tile.
        band: rows of tiles whose programs run together.
        warps, stages: of a program; passed to the compiler.
    """

    rows: int
    cols: int
    depth: int
    band: int = 8
    warps: int = 8
    stages: int = 3

    def __post_init__(self) -> None:
        if EXACT_DEPTH % self.depth:
            raise ValueError(f"depth = {self.depth}: it must divide {EXACT_DEPTH}")


# 128 × 256 sums are 64 KiB of registers in int32: what a Hopper or Ampere program can hold.
WIDE = Tiling(rows=128, cols=256, depth=128)
# Gate and up are two sums for each column, so half the columns.
PAIRED = Tiling(rows=128, cols=128, depth=128)
_ATTENTION = {"BM": 64, "BN": 64, "BE": 32}
_FILL_BLOCKS = 256


class TritonArithmetic:
    """Products in int8 with int32 sums, or in 16-bit floats with sums that stay exact."""

    def __init__(self, kind: Kind, *, wide: Tiling = WIDE, paired: Tiling = PAIRED) -> None:
        self._kind: Kind = kind
        self._wide = wide
        self._paired = paired

    def sums(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int32, device=x_RI.device)
        self._launch(kernels.sums_kernel, x_RI, w_OI, out_RO, self._wide)
        return out_RO

    def linear(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int8, device=x_RI.device)
        bits = shift(x_RI.shape[1])
        self._launch(kernels.linear_kernel, x_RI, w_OI, out_RO, self._wide, BITS=bits)
        return out_RO

    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        out_RF = torch.empty(len(x_RD), len(gate_up_OI) // 2, dtype=torch.int8, device=x_RD.device)
        bits = {"BITS": shift(x_RD.shape[1]), "PRODUCT_BITS": PRODUCT_SHIFT}
        self._launch(kernels.gated_kernel, x_RD, gate_up_OI, out_RF, self._paired, **bits)
        return out_RF

    def attention(
        self, q_BQD: Tensor, k_BSC: Tensor, v_BSC: Tensor, kv_heads: int, width: int
    ) -> Tensor:
        size, queries, dim = q_BQD.shape
        positions, heads = k_BSC.shape[1], dim // width
        out_BQD = torch.empty(size, queries, dim, dtype=torch.int8, device=q_BQD.device)
        tiles = -(-queries // _ATTENTION["BM"]), -(-width // _ATTENTION["BE"])
        strides = [stride for x in (q_BQD, k_BSC, v_BSC) for stride in (x.stride(0), x.stride(1))]
        with _on(q_BQD):
            kernels.attention_kernel[(size * heads, *tiles)](
                q_BQD, k_BSC, v_BSC, out_BQD, queries, positions, heads, heads // kv_heads, width,
                *strides, BITS=shift(width), PRODUCT_BITS=PRODUCT_SHIFT, **_ATTENTION,
            )  # fmt: skip
        return out_BQD

    def fill(self, seed_XW: U32, first: int, step: int, out_XN: Tensor, *, weights: bool) -> None:
        rows, width = out_XN.shape
        if len(seed_XW) == 1 and step == width:
            # Rows that follow each other in one stream are one row.
            rows, width, step = 1, rows * width, 0
        seeds = torch.as_tensor(np.ascontiguousarray(seed_XW)).to(out_XN.device)
        seed_step = 0 if len(seed_XW) == 1 else 4
        whole = not (first % BLOCK_BYTES or step % BLOCK_BYTES or width % BLOCK_BYTES)
        with _on(out_XN):
            if whole:
                out, size = out_XN.view(torch.uint32), width // 4
                grid = (-(-width // (BLOCK_BYTES * _FILL_BLOCKS)), rows)
                kernels.fill_words_kernel[grid](
                    out, seeds, seed_step, first, step, size, WEIGHTS=weights, BLOCKS=_FILL_BLOCKS
                )
            else:
                out, size = out_XN.view(torch.uint8), width
                grid = (-(-width // _FILL_BLOCKS), rows)
                kernels.fill_bytes_kernel[grid](
                    out, seeds, seed_step, first, step, size, WEIGHTS=weights, BYTES=_FILL_BLOCKS
                )

    def _launch(
        self, kernel: Any, x_RI: Tensor, w_OI: Tensor, out: Tensor, tiling: Tiling, **bits: int
    ) -> None:
        rows, cols = out.shape
        if not rows:
            return
        programs = -(-rows // tiling.rows) * -(-cols // tiling.cols)
        with _on(x_RI):
            kernel[(programs,)](
                x_RI.contiguous(), w_OI, out, rows, cols, x_RI.shape[1], **bits,
                CHUNK=0 if self._kind == "int8" else EXACT_DEPTH, KIND=_KINDS[self._kind],
                BM=tiling.rows, BN=tiling.cols, BK=tiling.depth, BAND=tiling.band,
                num_warps=tiling.warps, num_stages=tiling.stages,
            )  # fmt: skip


def _on(tensor: Tensor) -> torch.device | torch.cuda.device:
    """Makes the tensor's device the one that kernels are launched on."""
    if tensor.device.type == "cuda":
        return torch.cuda.device(tensor.device)
    return tensor.device
