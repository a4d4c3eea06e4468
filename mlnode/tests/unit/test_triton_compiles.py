"""Every kernel compiles for every kind of device, within what a program may use there."""

from pathlib import Path
from typing import Any

import pytest
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from mlnode.poc.engines import triton_bulk, triton_kernels
from mlnode.poc.engines.products import EXACT_DEPTH
from mlnode.poc.engines.triton_ops import Kind, Tiling, attention_tiles, tilings_within

# Shared memory that a program may have, by capability (CUDA C++ Programming Guide, "Technical
# Specifications per Compute Capability").
_KIB = {80: 163, 86: 99, 89: 99, 90: 227, 100: 227, 120: 99}
SHARED = {capability: 1_024 * kib for capability, kib in _KIB.items()}
# fp16 differs from bf16 in the name of the type alone.
KINDS: dict[Kind, Any] = {"int8": tl.int8, "bf16": tl.bfloat16}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


def compiled(
    kernel: Any,
    capability: int,
    types: dict[str, str],
    constants: dict[str, Any],
    tiling: Tiling | None = None,
) -> Any:
    names = kernel.arg_names
    signature = {
        name: types.get(name, "constexpr" if name in constants else "i32") for name in names
    }
    cut = {} if tiling is None else {"num_warps": tiling.warps, "num_stages": tiling.stages}
    by_16 = [["tt.divisibility", 16]]
    return triton.compile(
        ASTSource(
            fn=kernel,
            signature=signature,
            constexprs={(names.index(name),): value for name, value in constants.items()},
            attrs={(n,): by_16 for n, name in enumerate(names) if signature[name][0] in "*i"},
        ),
        target=GPUTarget("cuda", capability, 32),
        options=cut | {"enable_fp_fusion": False},
    )


def shape(tiling: Tiling) -> dict[str, int]:
    return {"BM": tiling.rows, "BN": tiling.cols, "BK": tiling.depth, "BAND": tiling.band}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("capability", SHARED)
def test_every_product_fits(capability: int, kind: Kind) -> None:
    exact = {"CHUNK": 0 if kind == "int8" else EXACT_DEPTH, "KIND": KINDS[kind]}
    fitting = tilings_within(SHARED[capability], bulk=False)
    wide, paired = fitting.wide, fitting.paired
    for kernel, tiling, out, bits in (
        (triton_kernels.sums_kernel, wide, "*i32", {}),
        (triton_kernels.linear_kernel, wide, "*i8", {"BITS": 9}),
        (triton_kernels.gated_kernel, paired, "*i8", {"BITS": 9, "PRODUCT_BITS": 5}),
    ):
        types = {"x_ptr": "*i8", "w_ptr": "*i8", "out_ptr": out}
        came = compiled(kernel, capability, types, exact | bits | shape(tiling), tiling)
        assert came.metadata.shared <= SHARED[capability], kernel
        if capability == 90:
            assert "wgmma.mma_async" in came.asm["ptx"], "the tensor cores of the device"


@pytest.mark.parametrize("capability", [c for c in SHARED if c >= 90])
def test_every_product_by_bulk_copies_fits(capability: int) -> None:
    fitting = tilings_within(SHARED[capability], bulk=True)
    wide, paired = fitting.wide, fitting.paired
    for kernel, tiling, bits in (
        (triton_bulk.sums_kernel, wide, {}),
        (triton_bulk.linear_kernel, wide, {"BITS": 9}),
        (triton_bulk.gated_kernel, paired, {"BITS": 9, "PRODUCT_BITS": 5}),
    ):
        rows, cols, depth = tiling.rows, tiling.cols, tiling.depth
        types = {
            "x_desc": f"tensordesc<i8[{rows},{depth}]>",
            "w_desc": f"tensordesc<i8[{cols},{depth}]>",
            "out_desc": f"tensordesc<i8[{rows},{cols}]>",
            "out_ptr": "*i32",
        }
        came = compiled(kernel, capability, types, bits | shape(tiling), tiling)
        assert came.metadata.shared <= SHARED[capability], kernel
        assert "cp.async.bulk.tensor" in came.asm["ptx"]


@pytest.mark.parametrize("width", [32, 128])
@pytest.mark.parametrize("capability", SHARED)
def test_attention_fits(capability: int, width: int) -> None:
    types = dict.fromkeys(("q_ptr", "k_ptr", "v_ptr", "out_ptr"), "*i8")
    constants = {"BITS": 4, "PRODUCT_BITS": 5} | attention_tiles(width)
    came = compiled(triton_kernels.attention_kernel, capability, types, constants)
    assert came.metadata.shared <= SHARED[capability]
