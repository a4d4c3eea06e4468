"""Arithmetic through the Triton kernels; see ``layers.Arithmetic`` for the contract.

Axes: as in ``layers``.
"""

# Constants of a kernel are typed as what the compiler makes of them.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportArgumentType=false

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from mlnode.poc.arrays import U32
from mlnode.poc.engines import triton_bulk
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tilings:
    """How a device's products are cut: of one sum a column, and of gate and up, which are two."""

    wide: Tiling
    paired: Tiling


# 128 × 256 sums are 64 KiB of registers in int32: what a data-centre's program can hold.
LARGE = Tilings(
    wide=Tiling(rows=128, cols=256, depth=128), paired=Tiling(rows=128, cols=128, depth=128)
)
# Of workstations' and consumers' devices, whose shared memory is less than half of that.
COMPACT = Tilings(
    wide=Tiling(rows=128, cols=128, depth=64), paired=Tiling(rows=128, cols=64, depth=64)
)
# By bulk copies, where four steps of depth fit into shared memory.
BULK = Tilings(wide=Tiling(rows=256, cols=128, depth=128, band=16, stages=4), paired=LARGE.paired)
LARGE_SHARED, BULK_SHARED = 160 * 1_024, 224 * 1_024
"""Bytes of shared memory of a program from which a device takes these tiles: A100, H100."""
# Of a program of four warps: a thread writes 8 blocks, 128 bytes, and makes its keys once for all.
_FILL_BLOCKS = 1_024
# Sums are integers in whatever type they are held; a compiler that fuses nothing changes nothing.
_EXACT = {"enable_fp_fusion": False}
# Of a device whose copies fetch tiles, and what they ask of an address and of a row's bytes.
_BULK_CAPABILITY, _BULK_BYTES = 9, 16


class TritonArithmetic:
    """Products in int8 with int32 sums, or in 16-bit floats with sums that stay exact."""

    def __init__(
        self,
        kind: Kind,
        *,
        tilings: Tilings | None = None,
        bulk: Callable[[torch.device], bool] | None = None,
    ) -> None:
        """Builds the arithmetic.

        Args:
            tilings: how products are cut; None asks the device.
            bulk: whether a device fetches tiles by bulk copies; None asks the device.
        """
        self._kind: Kind = kind
        self._tilings = tilings
        self._bulk = bulk or _copies_tiles

    def sums(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int32, device=x_RI.device)
        self._launch("sums_kernel", x_RI, w_OI, out_RO)
        return out_RO

    def linear(self, x_RI: Tensor, w_OI: Tensor) -> Tensor:
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int8, device=x_RI.device)
        bits = shift(x_RI.shape[1])
        self._launch("linear_kernel", x_RI, w_OI, out_RO, BITS=bits)
        return out_RO

    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        out_RF = torch.empty(len(x_RD), len(gate_up_OI) // 2, dtype=torch.int8, device=x_RD.device)
        bits = {"BITS": shift(x_RD.shape[1]), "PRODUCT_BITS": PRODUCT_SHIFT}
        self._launch("gated_kernel", x_RD, gate_up_OI, out_RF, **bits)
        return out_RF

    def attention(
        self, q_BQD: Tensor, k_BSC: Tensor, v_BSC: Tensor, kv_heads: int, width: int
    ) -> Tensor:
        size, queries, dim = q_BQD.shape
        positions, heads = k_BSC.shape[1], dim // width
        out_BQD = torch.empty(size, queries, dim, dtype=torch.int8, device=q_BQD.device)
        cut = attention_tiles(width)
        tiles = -(-queries // cut["BM"]), -(-width // cut["BE"])
        strides = [stride for x in (q_BQD, k_BSC, v_BSC) for stride in (x.stride(0), x.stride(1))]
        with _on(q_BQD):
            kernels.attention_kernel[(size * heads, *tiles)](
                q_BQD, k_BSC, v_BSC, out_BQD, queries, positions, heads, heads // kv_heads, width,
                *strides, BITS=shift(width), PRODUCT_BITS=PRODUCT_SHIFT, **cut, **_EXACT,
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
                    out, seeds, seed_step, first, step, size,
                    WEIGHTS=weights, BLOCKS=_FILL_BLOCKS, **_EXACT,
                )  # fmt: skip
            else:
                out, size = out_XN.view(torch.uint8), width
                grid = (-(-width // _FILL_BLOCKS), rows)
                kernels.fill_bytes_kernel[grid](
                    out, seeds, seed_step, first, step, size,
                    WEIGHTS=weights, BYTES=_FILL_BLOCKS, **_EXACT,
                )  # fmt: skip

    def _launch(self, name: str, x_RI: Tensor, w_OI: Tensor, out: Tensor, **bits: int) -> None:
        rows, cols = out.shape
        if not rows:
            return
        x_RI = x_RI.contiguous()
        bulk = self._by_bulk_copies(x_RI, w_OI, out)
        tilings = self._tilings or tilings_of(x_RI.device, bulk=bulk)
        tiling = tilings.paired if name == "gated_kernel" else tilings.wide
        tiles = -(-rows // tiling.rows) * -(-cols // tiling.cols)
        shapes = {"BM": tiling.rows, "BN": tiling.cols, "BK": tiling.depth, "BAND": tiling.band}
        options = {"num_warps": tiling.warps, "num_stages": tiling.stages} | _EXACT
        with _on(x_RI):
            if bulk:
                _join(x_RI.device)
                whole = out.dtype == torch.int32
                programs = tiles if whole else min(tiles, _processors(out.device))
                getattr(triton_bulk, name)[(programs,)](
                    _tiled(x_RI, tiling.rows, tiling.depth),
                    _tiled(w_OI, tiling.cols, tiling.depth),
                    out if whole else _tiled(out, tiling.rows, tiling.cols),
                    rows, cols, x_RI.shape[1], **bits, **shapes, **options,
                )  # fmt: skip
            else:
                getattr(kernels, name)[(tiles,)](
                    x_RI, w_OI, out, rows, cols, x_RI.shape[1], **bits,
                    CHUNK=0 if self._kind == "int8" else EXACT_DEPTH, KIND=_KINDS[self._kind],
                    **shapes, **options,
                )  # fmt: skip

    def _by_bulk_copies(self, *tensors: Tensor) -> bool:
        """Whether bulk copies can fetch and write these; they move no fraction of 16 bytes."""
        aligned = all(
            not (tensor.data_ptr() % _BULK_BYTES or tensor.stride(0) % _BULK_BYTES)
            for tensor in tensors
        )
        return aligned and self._kind == "int8" and self._bulk(tensors[0].device)


def tilings_of(device: torch.device, *, bulk: bool = False) -> Tilings:
    """Returns the tilings whose tiles fit into the device's shared memory."""
    if device.type != "cuda":
        return LARGE
    shared = int(torch.cuda.get_device_properties(device).shared_memory_per_block_optin)
    return tilings_within(shared, bulk=bulk)


def tilings_within(shared: int, *, bulk: bool) -> Tilings:
    """Returns the tilings for so many bytes of shared memory of a program."""
    if bulk and shared >= BULK_SHARED:
        return BULK
    return LARGE if shared >= LARGE_SHARED else COMPACT


def attention_tiles(width: int) -> dict[str, int]:
    """Returns the queries, keys and columns of a program that attends with a head so wide."""
    if width <= 32:
        return {"BM": 64, "BN": 64, "BE": 32}
    return {"BM": 128, "BN": 64, "BE": 64 if width <= 64 else 128}


_thread = threading.local()


def _join(device: torch.device) -> None:
    """Makes the device's context this thread's.

    A kernel does so when it is launched; a tensor as bulk copies know it is made before, by the
    driver, which asks for a context.
    """
    if device.type == "cuda" and getattr(_thread, "device", None) != device:
        torch.cuda.current_stream(device).record_event()
        _thread.device = device


def _copies_tiles(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= _BULK_CAPABILITY


def _processors(device: torch.device) -> int:
    """Returns how many programs run at a time; any number is right."""
    if device.type != "cuda":
        return 2
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def _tiled(x_RN: Tensor, rows: int, cols: int) -> TensorDescriptor:
    """Returns a tensor as a bulk copy knows it, in tiles of so many rows and columns."""
    return TensorDescriptor(x_RN, list(x_RN.shape), [x_RN.stride(0), 1], [rows, cols])


def _on(tensor: Tensor) -> torch.device | torch.cuda.device:
    """Makes the tensor's device the one that kernels are launched on."""
    if tensor.device.type == "cuda":
        return torch.cuda.device(tensor.device)
    return tensor.device
