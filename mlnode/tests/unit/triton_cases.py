"""What test_triton.py runs under Triton's interpreter; says what held, stops where it does not."""

import sys
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from mlnode.poc.engines.layers import run_layer
from mlnode.poc.engines.products import int8_product
from mlnode.poc.engines.selftest import self_test
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.engines.triton_ops import Kind, Tiling, Tilings, TritonArithmetic
from mlnode.poc.exact8 import forward
from mlnode.poc.golden import GOLDEN_PARAMS, golden_round
from mlnode.poc.streams import act, stream, streams, wgt
from mlnode.poc.tensors import inputs, weight, weight_shapes
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.placement import even_stages

_TILE = Tiling(rows=16, cols=32, depth=32)
SMALL = Tilings(wide=_TILE, paired=_TILE)
PLAIN = TiledArithmetic(int8_product)


def bytes_of(generator: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.as_tensor(generator.integers(-127, 128, shape, np.int8))


def same(one: torch.Tensor, other: torch.Tensor, what: str) -> None:
    assert one.dtype == other.dtype, what
    assert torch.equal(one, other), what


def products(kind: Kind, *, bulk: bool = False) -> None:
    made = TritonArithmetic(kind, tilings=SMALL, bulk=lambda _: bulk)
    generator = np.random.default_rng(1)
    # Nothing divides anything; then a depth of more than one exact chunk, and rows of 16 bytes.
    for rows, cols, depth in ((21, 70, 99), (3, 34, 2_100), (37, 96, 112), (70, 96, 1_040)):
        x_RI, w_OI = bytes_of(generator, rows, depth), bytes_of(generator, cols, depth)
        x_RI[0], w_OI[0], x_RI[1] = -128, -127, 127
        w_OI[1] = 127
        same(made.sums(x_RI, w_OI), PLAIN.sums(x_RI, w_OI), "sums")
        same(made.linear(x_RI, w_OI), PLAIN.linear(x_RI, w_OI), "linear")
        same(made.gated(x_RI, w_OI), PLAIN.gated(x_RI, w_OI), "gated")
    same(made.sums(x_RI[:0], w_OI), PLAIN.sums(x_RI[:0], w_OI), "nothing")
    for heads, kv_heads, width, positions, queries in ((4, 2, 33, 70, 70), (2, 1, 64, 9, 1)):
        qkv = bytes_of(generator, 2, positions, (heads + 2 * kv_heads) * width)
        dim, kv = heads * width, kv_heads * width
        q, k, v = qkv[:, -queries:, :dim], qkv[:, :, dim : dim + kv], qkv[:, :, dim + kv :]
        wanted = PLAIN.attention(q, k, v, kv_heads, width)
        same(made.attention(q, k, v, kv_heads, width), wanted, "attention")


def random_bytes() -> None:
    made = TritonArithmetic("int8")
    seed_W = stream(1, b"any", b"tensor")
    parts = (
        (64, range(3, 9), range(64)),
        (64, range(2, 7), range(16, 48)),
        (37, range(2, 6), range(37)),
        (37, range(1, 5), range(5, 20)),
    )
    for width, rows, cols in parts:
        out = torch.zeros(len(rows), len(cols), dtype=torch.int8)
        first = rows.start * width + cols.start
        made.fill(seed_W[None], first, width, out, weights=True)
        assert np.array_equal(out.numpy(), wgt(seed_W, width, rows, cols)), (width, rows, cols)
    far = 2**36 + 16
    out = torch.zeros(1, 4_096, dtype=torch.int8)
    made.fill(seed_W[None], far, 0, out, weights=False)
    assert np.array_equal(out.numpy(), act(seed_W[None], 4_096, first=far)), "beyond 32 bits"
    assert (out == -128).any()
    made.fill(seed_W[None], far, 0, out, weights=True)
    assert not (out == -128).any()
    seed_XW = streams(1, b"input", last=[b"0", b"1", b"2"])
    out = torch.zeros(3, 48, dtype=torch.int8)
    made.fill(seed_XW, 0, 0, out, weights=False)
    assert np.array_equal(out.numpy(), act(seed_XW, 48)), "a stream for each row"


def network() -> None:
    params = replace(GOLDEN_PARAMS, vocab_size=256, seq_len=8)
    round_ = replace(golden_round(), params=params)
    names = weight_shapes(params)
    weights = {name: torch.as_tensor(weight(round_, name)) for name in names}
    x_BSD = inputs(round_, round_.public_key, np.array([0, 7], np.uint64))
    made = TritonArithmetic("int8", tilings=SMALL, bulk=lambda _: True)
    h_BSD = torch.as_tensor(x_BSD)
    for index in range(params.n_layers):
        h_BSD = run_layer(made, weights, h_BSD, index, params)
    y_BV = made.sums(h_BSD[:, 0], weights["head"]).numpy()
    plain = {name: array.numpy() for name, array in weights.items()}
    assert np.array_equal(y_BV, np.stack([forward(plain, x_SD, params) for x_SD in x_BSD]))


def golden(kind: Kind) -> None:
    """What a GPU's engine must pass before it proves: golden digests, worst and random products."""
    one_cpu = partial(even_stages, devices=("cpu",))
    self_test(ShardedEngine(kind, TritonArithmetic(kind), one_cpu))


def main() -> None:
    """Runs every case."""
    # The interpreter cannot multiply bf16; it differs from fp16 in the name of the type alone.
    kinds: tuple[Kind, ...] = ("int8", "fp16")
    for kind in kinds:
        products(kind)
        golden(kind)
        sys.stdout.write(f"{kind} ")
    products("int8", bulk=True)
    random_bytes()
    network()
    sys.stdout.write("fill network\n")


if __name__ == "__main__":
    main()
