"""What is compiled comes to what NumPy and PyTorch come to, whatever the shape."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mlnode.poc import streams
from mlnode.poc.engines import compiled
from mlnode.poc.engines.cpu_arithmetic import CpuArithmetic, fp32_arithmetic, int8_arithmetic
from mlnode.poc.engines.products import int8_product
from mlnode.poc.engines.tiles import TiledArithmetic

PLAIN = TiledArithmetic(int8_product)
SEEDS = streams.streams(1, b"weights", b"\xab" * 32, last=[b"a", b"b", b"c"])


@settings(max_examples=60, deadline=None)
@given(
    first=st.lists(
        st.integers(0, 2**40) | st.integers(2**36 - 70, 2**36 + 70), min_size=1, max_size=3
    ),
    width=st.integers(0, 70) | st.integers(8_000, 17_000),
    weights=st.booleans(),
)
def test_any_part_of_a_stream_is_the_one_that_numpy_makes(
    first: list[int], width: int, weights: bool
) -> None:
    rows = len(first)
    wanted, came = np.empty((rows, width), np.uint8), np.full((rows, width), 7, np.uint8)
    first_X = np.array(first, np.uint64)
    streams.fill(SEEDS[:rows], first_X, wanted, weights=weights)
    compiled.fill(SEEDS[:rows], first_X, came, weights=weights)
    assert np.array_equal(came, wanted)
    assert not weights or not np.any(came == 0x80)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_a_pass_over_sums_makes_the_bytes_of_the_definition(kind: type) -> None:
    generator = np.random.default_rng(3)
    gate, up = generator.integers(-(2**24) + 1, 2**24, (2, 5, 37), np.int64)
    wanted = {bits: (gate >> bits).astype(np.int8) for bits in (5, 9, 12)}
    for bits, bytes_RT in wanted.items():
        out = np.full((5, 50), 99, np.int8)
        compiled.narrow(gate.astype(kind), bits, 11, out)
        assert np.array_equal(out[:, 11:48], bytes_RT)
        assert np.all(np.delete(out, slice(11, 48), axis=1) == 99)
    out = np.zeros((5, 37), np.int8)
    compiled.gate(gate.astype(kind), up.astype(kind), 9, 5, 0, out)
    product = wanted[9].astype(np.int64) * (up >> 9).astype(np.int8)
    assert np.array_equal(out, (product >> 5).astype(np.int8))


def random_bytes(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(-127, 128, shape, dtype=torch.int8, generator=generator)


@pytest.mark.parametrize("make", [int8_arithmetic, fp32_arithmetic], ids=["int8", "fp32"])
@pytest.mark.parametrize(
    ("rows", "cols", "depth"),
    [(1, 1, 64), (3, 70, 65), (33, 200, 1_024), (2_100, 130, 96), (17, 66, 1_025), (5, 64, 3_000)],
)
def test_products_of_any_shape_are_those_of_plain_tensors(
    make: type[CpuArithmetic], rows: int, cols: int, depth: int
) -> None:
    arithmetic, x, w = make(), random_bytes(rows, depth), random_bytes(cols * 2, depth)
    assert torch.equal(arithmetic.sums(x, w), PLAIN.sums(x, w))
    assert torch.equal(arithmetic.linear(x, w), PLAIN.linear(x, w))
    assert torch.equal(arithmetic.gated(x, w), PLAIN.gated(x, w))


@pytest.mark.parametrize("queries", [1, 3, 40])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_attention_in_one_pass_is_that_of_plain_tensors(queries: int, kv_heads: int) -> None:
    q, kv = random_bytes(3, queries, 4 * 32), random_bytes(3, 40, 2 * kv_heads * 32)
    # Views, as a layer cuts them out of one product.
    k, v = kv[..., : kv_heads * 32], kv[..., kv_heads * 32 :]
    wanted = PLAIN.attention(q, k, v, kv_heads, 32)
    assert torch.equal(int8_arithmetic().attention(q, k, v, kv_heads, 32), wanted)


# --- the code on disk ---

FILL = """
import resource, sys
import numpy as np
from mlnode.poc.engines import compiled
if sys.argv[1:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
seed, first, out = np.zeros((1, 4), np.uint32), np.zeros(1, np.uint64), np.zeros((1, 8), np.uint8)
compiled.fill(seed, first, out)
print(out.tobytes().hex(), sum(compiled._fill.stats.cache_hits.values()))
"""


def filled(cache: Path, *limited: str) -> tuple[str, str, str]:
    """What a fresh process makes, how often it found the code, and what it said."""
    run = subprocess.run(
        [sys.executable, "-c", FILL, *limited],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    made, hits = run.stdout.split()
    return made, hits, run.stderr


def test_a_full_disk_costs_the_kept_code_and_nothing_else(tmp_path: Path) -> None:
    made, hits, said = filled(tmp_path, "full")
    assert hits == "0"
    assert "compiled code is not kept: OSError(27, 'File too large')" in said
    assert not list(tmp_path.rglob("*.nbc"))
    assert filled(tmp_path) == (made, "0", "")
    # The next process finds it, unless it is damaged.
    assert filled(tmp_path) == (made, "1", "")
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(index.read_bytes()[:7])
    again, hits, said = filled(tmp_path)
    assert (again, hits) == (made, "0")
    assert "compiled code is not read" in said
    assert filled(tmp_path) == (made, "1", "")
