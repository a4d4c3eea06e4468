"""What a CPU proves against Llama forward passes of the same shape, in one run.

``python mlnode/benchmarks/cpu.py [docs/benchmarks/mlnode.json]`` writes the rows. Measure on a
machine that does nothing else. Every pair takes turns with the same shape and batch on one
thread, whose seconds of the processor are those of work: a second one would spin where it waits.
What else runs on the machine then takes little from either. Inputs that are made ahead are the
exception: what a second thread saves there is time on the clock.

Axes: B sequences, S positions, D width, X streams and N bytes of one.
"""

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from llama import llama, tiled_pool
from parts import PRODUCTS, parts
from rows import Origin, Row, Work, alternate, middle_half, take_turns, written

from mlnode.poc.engines.base import load
from mlnode.poc.engines.cpu_arithmetic import fp32_arithmetic
from mlnode.poc.engines.products import fp32_product, int8_product
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
# Name, shape and batch of what is set against a Llama.
SHAPES = (
    ("dim 256, 4 layers", SHAPE, BATCH),
    ("dim 1024, F 28,672, 2 layers", WIDE, WIDE_BATCH),
)
SIDE = 1_024
# Batches of milliseconds: a machine that others share is quick in some turns and slow in others.
TURNS = 25
AHEAD_BATCHES = 16
WEIGHT_BYTES = 1 << 26


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


def origin() -> Origin:
    """Returns what tells this machine's rows from another's."""
    return Origin(
        machine=f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{torch.get_num_threads()} thread",
        versions=f"torch {torch.__version__}, numpy {np.__version__}",
    )


def against(
    here: Origin,
    batch: Work,
    dtype: torch.dtype,
    name: str,
    shape: PocParams,
    size: int,
    turns: int,
    *,
    note: str,
    **rest: str,
) -> Row:
    """Returns the row of a batch against a Llama of its shape."""
    seconds = alternate(batch, llama(shape, size, dtype), turns)
    kind = {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
    return here.pair(
        f"nonces against a compiled {kind} Llama, {name}",
        "nonces/CPU s",
        size,
        (float(np.median(seconds[0])), float(np.median(seconds[1]))),
        note=f"{note}; {middle_half(seconds)}",
        **rest,
    )


def parts_rows(here: Origin, engine: ShardedEngine, ratios: Sequence[float]) -> list[Row]:
    """Returns the rows of where the time goes, of a batch and of the Llama beside it.

    Args:
        ratios: the batch's rate over the Llama's, of each shape.
    """
    rows: list[Row] = []
    for (name, shape, size), ratio in zip(SHAPES, ratios, strict=True):
        _, batch = proof(engine, shape, size)
        ours, theirs = parts(batch), parts(llama(shape, size, torch.float32))
        rows += [
            here.row(
                f"part of a batch, {name}: {part}",
                round(100 * share, 1),
                "%",
                baseline=round(100 * theirs.get(part, 0.0), 1),
                note="The baseline is its part of the compiled fp32 Llama",
            )
            for part, share in ours.items()
            if part == PRODUCTS or share >= 0.01
        ]
        rows.append(
            here.row(
                f"a compiled fp32 Llama's time over that of the products alone, {name}",
                round(ratio / ours[PRODUCTS], 2),
                "×",
                note=f"The {engine.name} engine if all but its products were free",
            )
        )
    return rows


def product_rates() -> tuple[Work, Work]:
    """Returns an exact product in int8 and the same in fp32, of a square of SIDE."""
    generator = np.random.default_rng(1)
    x, w = (torch.as_tensor(generator.integers(-127, 128, (SIDE, SIDE), np.int8)) for _ in range(2))
    out = torch.empty(SIDE, SIDE, dtype=torch.int32)
    return lambda: int8_product(x, w, out), lambda: fp32_product(x, w, out)


def main() -> None:
    """Measures everything in turn and writes the rows."""
    torch.set_num_threads(1)
    selection, here = select_engine(group_engines(("cpu",))), origin()
    engine = selection.engine
    round_, batch = proof(engine, SHAPE, BATCH)
    (shape, _, _), (wide, _, _) = SHAPES
    note = f"Engine {engine.name}"
    if engine.name != "int8":
        note += "; the goal is one for int8, which needs a processor with VNNI"
    rows = [
        against(here, batch, dtype, shape, SHAPE, BATCH, TURNS, goal=goal, note=note)
        for dtype, goal in ((torch.float32, "ratio >= 4"), (torch.bfloat16, "ratio >= 1.2"))
    ]
    rows += [
        here.pair("inputs against NumPy's normals, a generator for each nonce", "nonces/CPU s",
             BATCH, take_turns(made_inputs(round_), normals), goal="ratio >= 5"),
        here.pair("weights, each its own draw, against a tiled 1 % pool", "GB/CPU s",
             WEIGHT_BYTES / 1e9,
             take_turns(made_weights(round_), lambda: tiled_pool(WEIGHT_BYTES))),
        here.pair(f"inputs made ahead against made first, {shape}", "nonces/s",
             AHEAD_BATCHES * BATCH,
             take_turns(walk(engine, ahead=True), walk(engine, ahead=False), clock=perf_counter),
             note=f"{len(os.sched_getaffinity(0))} cores; inputs are a small part of a batch on a "
             "CPU, and on one core they take as long either way"),
    ]  # fmt: skip
    _, batch = proof(engine, WIDE, WIDE_BATCH)
    rows += [
        against(here, batch, torch.float32, wide, WIDE, WIDE_BATCH, 3, note=note),
        here.pair(f"exact int8 products against exact fp32 ones, {SIDE:,} a side", "GOP/CPU s",
             2 * SIDE**3 / 1e9, take_turns(*product_rates())),
    ]  # fmt: skip
    rows += parts_rows(here, engine, [rows[0]["ratio"], rows[-2]["ratio"]])
    text = written(rows, Path(sys.argv[1]) if sys.argv[1:] else None)
    sys.stdout.write(f"{selection.summary}\n{text}")


if __name__ == "__main__":
    main()
