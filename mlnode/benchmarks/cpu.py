"""What a CPU proves against Llama forward passes of the same shape, in one run.

``python mlnode/benchmarks/cpu.py [docs/benchmarks/mlnode.json]`` writes the rows. Measure on a
machine that does nothing else. Every pair takes turns with the same shape, batch and threads,
in seconds of the processor, so that what else runs on the machine takes little from either;
but for inputs that are made ahead, where what two threads save is time on the clock.

Axes: B sequences, S positions, D width, X streams and N bytes of one.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mlnode.poc.engines.base import load
from mlnode.poc.engines.cpu_arithmetic import fp32_arithmetic
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.params import MODEL_PARAMS, PocParams
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.tensors import input_seeds, weight_seed
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.gpu import group_engines

SHAPE = PocParams(
    dim=256, n_layers=4, n_heads=4, n_kv_heads=4, vocab_size=1024,
    ffn_dim_multiplier=Decimal(1), multiple_of=64, seq_len=32,
)  # fmt: skip
BATCH = 64
# Full width, and as many layers as fit into a few seconds; the last is the short one.
WIDE = replace(MODEL_PARAMS, n_layers=2)
WIDE_BATCH = 4
TURNS = 7
AHEAD_BATCHES = 16
WEIGHT_BYTES = 1 << 26
# Share of the weights that a float network draws; the rest repeats it.
POOL = 0.01
GPU_ROWS = (
    ("share of the best exact engine's dense rate, MODEL_PARAMS", "%", "value >= 75"),
    ("nonces against a bf16 Llama of equal shape, MODEL_PARAMS", "1/s", "ratio >= 1"),
    ("34 GB of weights", "s", "value <= 1"),
    ("weights against a tiled 1 % pool", "GB/s", "ratio >= 10"),
    ("share of a batch that its inputs take", "%", "value <= 3"),
    ("differing decisions in 10⁶ nonces, against a CPU", "nonces", "value <= 0"),
)


class Layer(nn.Module):
    """A decoder layer as Llama has it: RMS norm, rotary attention, SwiGLU."""

    def __init__(self, params: PocParams) -> None:
        super().__init__()
        self.params = params
        self.norm_1, self.norm_2 = nn.RMSNorm(params.dim), nn.RMSNorm(params.dim)
        self.qkv = nn.Linear(params.dim, params.qkv_dim, bias=False)
        self.o = nn.Linear(params.dim, params.dim, bias=False)
        self.gate_up = nn.Linear(params.dim, 2 * params.ffn_dim, bias=False)
        self.down = nn.Linear(params.ffn_dim, params.dim, bias=False)

    def forward(self, x_BSD: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        size, positions, dim = x_BSD.shape
        heads = (size, positions, -1, self.params.head_dim)
        q, k, v = self.qkv(self.norm_1(x_BSD)).split((dim, *(self.params.kv_dim,) * 2), -1)
        q, k, v = (part.view(heads).transpose(1, 2) for part in (q, k, v))
        q, k = (part * cos + torch.cat((-part.chunk(2, -1)[1], part.chunk(2, -1)[0]), -1) * sin
                for part in (q, k))  # fmt: skip
        o = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x_BSD = x_BSD + self.o(o.transpose(1, 2).reshape(size, positions, dim))
        gate, up = self.gate_up(self.norm_2(x_BSD)).chunk(2, -1)
        return x_BSD + self.down(functional.silu(gate) * up)


class Llama(nn.Module):
    """The baseline: the same shape, and the head for the last position only, as in the proof."""

    def __init__(self, params: PocParams) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(params) for _ in range(params.n_layers))
        self.norm = nn.RMSNorm(params.dim)
        self.head = nn.Linear(params.dim, params.vocab_size, bias=False)
        angle = torch.outer(
            torch.arange(params.seq_len),
            500_000.0 ** (-torch.arange(0, params.head_dim, 2) / params.head_dim),
        ).repeat(1, 2)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, x_BSD: Tensor) -> Tensor:
        for layer in self.layers:
            x_BSD = layer(x_BSD, self.cos, self.sin)
        return self.head(self.norm(x_BSD[:, -1]))


Work = Callable[[], object]


def take_turns(
    one: Work, other: Work, turns: int = TURNS, *, clock: Callable[[], float] = process_time
) -> tuple[float, float]:
    """Returns the seconds of each: medians of runs that alternate, after one to warm up."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for work, mine in zip((one, other), seconds, strict=True):
            began = clock()
            work()
            if turn:
                mine.append(clock() - began)
    return float(np.median(seconds[0])), float(np.median(seconds[1]))


def llama(params: PocParams, batch: int, dtype: torch.dtype) -> Work:
    """Returns a forward pass of the baseline, compiled."""
    model = torch.compile(Llama(params).to(dtype).eval())
    x_BSD = torch.randn(batch, params.seq_len, params.dim, dtype=dtype)

    def run() -> object:
        with torch.inference_mode():
            return model(x_BSD)

    return run


def proof(engine: ShardedEngine, params: PocParams, batch: int) -> tuple[Round, Work]:
    """Returns the round, and a batch of it on an engine."""
    round_ = new_round(block_hash="be" * 32, public_key=bytes(20), params=params)
    load(engine, round_)
    nonces_B = np.arange(batch, dtype=np.uint64)
    return round_, lambda: engine.batch(nonces_B)


def made_inputs(round_: Round) -> Work:
    """Returns the making of a batch's inputs, seeds included."""
    arithmetic, nonces_B = fp32_arithmetic(), np.arange(BATCH, dtype=np.uint64)
    out_XN = torch.empty(BATCH, SHAPE.seq_len * SHAPE.dim, dtype=torch.int8)

    def run() -> object:
        seed_XW = input_seeds(round_, round_.public_key, nonces_B)
        return arithmetic.fill(seed_XW, 0, 0, out_XN, weights=False)

    return run


def walk(engine: ShardedEngine, *, ahead: bool) -> Work:
    """Returns a walk over batches of the round that stands, foreseen or not."""

    def run() -> object:
        for turn in range(AHEAD_BATCHES):
            first = turn * BATCH
            if ahead:
                engine.foresee(np.arange(first + BATCH, first + 2 * BATCH, dtype=np.uint64))
            engine.batch(np.arange(first, first + BATCH, dtype=np.uint64))
        return None

    return run


def normals() -> object:
    """Makes what the inputs of a float network take: a generator of normals for each nonce."""
    shape = (SHAPE.seq_len, SHAPE.dim)
    return [
        np.random.default_rng(nonce).standard_normal(shape, np.float32) for nonce in range(BATCH)
    ]


def made_weights(round_: Round) -> Work:
    """Returns the making of weights, every byte its own draw."""
    arithmetic, seed_W = fp32_arithmetic(), weight_seed(round_, "layers.0.down")
    out_XN = torch.empty(1, WEIGHT_BYTES, dtype=torch.int8)
    return lambda: arithmetic.fill(seed_W[None], 0, WEIGHT_BYTES, out_XN, weights=True)


def tiled_pool() -> object:
    """Makes as many weights in bf16 as a float network does: a pool of normals, repeated."""
    pool_N = torch.randn(int(WEIGHT_BYTES * POOL)).to(torch.bfloat16)
    return pool_N.repeat(-(-WEIGHT_BYTES // len(pool_N)))[:WEIGHT_BYTES]


def row(name: str, value: float | None, unit: str, **rest: Any) -> dict[str, Any]:
    """Returns a row as docs/benchmarks has it."""
    return {
        "name": name,
        "value": value,
        "unit": unit,
        **rest,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{torch.get_num_threads()} threads",
        "versions": f"torch {torch.__version__}, numpy {np.__version__}",
    }


def pair(
    name: str, unit: str, amount: float, seconds: tuple[float, float], **rest: Any
) -> dict[str, Any]:
    """Returns the row of two that did the same amount."""
    ours, theirs = (amount / s for s in seconds)
    return row(
        name,
        round(ours, 3),
        unit,
        baseline=round(theirs, 3),
        ratio=round(ours / theirs, 2),
        **rest,
    )


def main() -> None:
    """Measures everything in turn and writes the rows."""
    selection = select_engine(group_engines(("cpu",)))
    engine = selection.engine
    round_, batch = proof(engine, SHAPE, BATCH)
    shape, note = "dim 256, 4 layers", f"Engine {engine.name}"
    if engine.name != "int8":
        note += "; the goal is one for int8, which needs a processor with VNNI"
    rows = [
        pair(f"nonces against a compiled fp32 Llama, {shape}", "nonces/CPU s", BATCH,
             take_turns(batch, llama(SHAPE, BATCH, torch.float32)), goal="ratio >= 4", note=note),
        pair(f"nonces against a compiled bf16 Llama, {shape}", "nonces/CPU s", BATCH,
             take_turns(batch, llama(SHAPE, BATCH, torch.bfloat16), 3), goal="ratio >= 1.2",
             note=note),
        pair("inputs against NumPy's normals, a generator for each nonce", "nonces/CPU s", BATCH,
             take_turns(made_inputs(round_), normals), goal="ratio >= 5"),
        pair("weights, each its own draw, against a tiled 1 % pool", "GB/CPU s", WEIGHT_BYTES / 1e9,
             take_turns(made_weights(round_), tiled_pool)),
        pair(f"inputs made ahead against made first, {shape}", "nonces/s", AHEAD_BATCHES * BATCH,
             take_turns(walk(engine, ahead=True), walk(engine, ahead=False), clock=perf_counter),
             note=f"{len(os.sched_getaffinity(0))} cores; inputs are a small part of a batch on a "
             "CPU, and on one core they take as long either way"),
    ]  # fmt: skip
    _, batch = proof(engine, WIDE, WIDE_BATCH)
    seconds = take_turns(batch, llama(WIDE, WIDE_BATCH, torch.float32), 2)
    wide = "dim 1024, F 28,672, 2 layers"
    rows.append(
        pair(
            f"nonces against a compiled fp32 Llama, {wide}",
            "nonces/CPU s",
            WIDE_BATCH,
            seconds,
            note=note,
        )
    )
    rows += [row(f"GPU: {name}", None, unit, goal=goal) for name, unit, goal in GPU_ROWS]
    text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(text, "utf-8")
    sys.stdout.write(f"{selection.summary}\n{text}")


if __name__ == "__main__":
    main()
