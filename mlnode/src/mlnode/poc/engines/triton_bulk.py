"""The int8 products where tiles come by bulk copies (TMA; Hopper and later).

One thread asks for a tile that the pointers of ``triton_kernels`` need all threads for. Where
bytes are written, as many programs as the device has multiprocessors take tile after tile, and
the loops over tiles and depth are one, so that the first reads of a tile run while the one before
is written.

In the kernels: BM rows, BN columns and BK depth of a tile. What a copy reads beyond a tensor is 0,
and what it would write there is dropped.
"""

# Triton's language is not typed, and what stands in a kernel is not Python.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeArgument=false, reportArgumentType=false
# pyright: reportGeneralTypeIssues=false, reportAttributeAccessIssue=false

import triton
import triton.language as tl

from mlnode.poc.engines.triton_kernels import tile_of


@triton.jit
def sums_kernel(x_desc, w_desc, out_ptr, rows, cols, depth, BM: tl.constexpr, BN: tl.constexpr,
                BK: tl.constexpr, BAND: tl.constexpr):  # fmt: skip
    """Sets out, int32, to x·wᵀ; a program makes one tile, which shared memory holds but once."""
    row, col = tile_of(tl.program_id(0), rows, cols, BM, BN, BAND)
    sums = tl.zeros((BM, BN), dtype=tl.int32)
    for first in range(0, depth, BK):
        x, w = x_desc.load([row * BM, first]), w_desc.load([col * BN, first])
        sums = tl.dot(x, w.T, sums, out_dtype=tl.int32)
    m, n = row * BM + tl.arange(0, BM), col * BN + tl.arange(0, BN)
    at = m.to(tl.int64)[:, None] * cols + n[None, :]
    tl.store(out_ptr + at, sums, mask=(m < rows)[:, None] & (n < cols)[None, :])


@triton.jit
def linear_kernel(x_desc, w_desc, out_desc, rows, cols, depth, BITS: tl.constexpr,
                  BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
                  BAND: tl.constexpr):  # fmt: skip
    """Sets out, int8, to w8((x·wᵀ) >> BITS)."""
    tiles = tl.cdiv(rows, BM) * tl.cdiv(cols, BN)
    for tile in tl.range(tl.program_id(0), tiles, tl.num_programs(0), flatten=True):
        row, col = tile_of(tile, rows, cols, BM, BN, BAND)
        sums = tl.zeros((BM, BN), dtype=tl.int32)
        for first in range(0, depth, BK):
            x, w = x_desc.load([row * BM, first]), w_desc.load([col * BN, first])
            sums = tl.dot(x, w.T, sums, out_dtype=tl.int32)
        out_desc.store([row * BM, col * BN], (sums >> BITS).to(tl.int8))


@triton.jit
def gated_kernel(x_desc, w_desc, out_desc, rows, cols, depth, BITS: tl.constexpr,
                 PRODUCT_BITS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
                 BK: tl.constexpr, BAND: tl.constexpr):  # fmt: skip
    """Sets out, int8, to w8((gate·up) >> PRODUCT_BITS); w holds cols gates, then cols ups."""
    tiles = tl.cdiv(rows, BM) * tl.cdiv(cols, BN)
    for tile in tl.range(tl.program_id(0), tiles, tl.num_programs(0), flatten=True):
        row, col = tile_of(tile, rows, cols, BM, BN, BAND)
        gates = tl.zeros((BM, BN), dtype=tl.int32)
        ups = tl.zeros((BM, BN), dtype=tl.int32)
        for first in range(0, depth, BK):
            x = x_desc.load([row * BM, first])
            gate, up = w_desc.load([col * BN, first]), w_desc.load([cols + col * BN, first])
            gates = tl.dot(x, gate.T, gates, out_dtype=tl.int32)
            ups = tl.dot(x, up.T, ups, out_dtype=tl.int32)
        gate_bytes = (gates >> BITS).to(tl.int8).to(tl.int32)
        up_bytes = (ups >> BITS).to(tl.int8).to(tl.int32)
        out = ((gate_bytes * up_bytes) >> PRODUCT_BITS).to(tl.int8)
        out_desc.store([row * BM, col * BN], out)
