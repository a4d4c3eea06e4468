"""What a GPU proves against what it can, and against float networks, in one run.

``python mlnode/benchmarks/gpu.py [docs/benchmarks/mlnode-gpu.json] [--only TEXT]`` writes the
rows; ``--only`` measures those whose name contains the text. Both sides of a ratio take turns on
the same device. What cannot be measured on a machine says why, and a row of the file that was
measured before stays as it is, with its date and machine. The status is 1 where a measure failed.
The file is written after each row.
"""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from machines import Cuda, Machine, missing
from measures import (
    Bench,
    Measure,
    Sizes,
    UnmeasuredError,
    against_llama,
    big_an_hour,
    big_of,
    differing_decisions,
    engines,
    found_batch,
    hashing,
    loading,
    made_ahead,
    main_of,
    memory_of_batch,
    memory_of_network,
    operation,
    part_of_inputs,
    pipeline,
    products,
    recovery,
    share,
    weights_against_copy,
    weights_against_pool,
)
from rows import Origin, Row, read, written

from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG, MODEL_PARAMS_TEST

FULL = Sizes(
    main=MODEL_PARAMS,
    big=MODEL_PARAMS_BIG,
    small=MODEL_PARAMS_TEST,
    side=8_192,
    bytes=1 << 32,
    decisions=1_000_000,
    seconds=20.0,
    turns=7,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A row that a GPU can fill; name, unit and goal as docs/benchmarks has them."""

    name: str
    unit: str
    measure: Measure
    goal: str = ""


WANTED = (
    Wanted(
        name="share of the best exact engine's dense rate, MODEL_PARAMS",
        unit="%", goal="value >= 75", measure=share(main_of),
    ),
    Wanted(
        name="nonces against a compiled bf16 Llama of equal shape, MODEL_PARAMS",
        unit="nonces/s", goal="ratio >= 1", measure=against_llama,
    ),
    Wanted(
        name="nonces of the int8 engine against the bf16 engine, MODEL_PARAMS",
        unit="nonces/s", measure=engines("int8", "bf16"),
    ),
    Wanted(
        name=f"int8 product of the engine against PyTorch's, {FULL.side:,} a side",
        unit="TOP/s", measure=products("int8", "torch int8"),
    ),
    Wanted(
        name=f"bf16 product of the engine, exact, against PyTorch's, {FULL.side:,} a side",
        unit="TOP/s", measure=products("bf16", "torch bf16"),
    ),
    Wanted(
        name=f"int8 product of the engine against its bf16 product, {FULL.side:,} a side",
        unit="TOP/s", measure=products("int8", "bf16"),
    ),
    *(
        Wanted(
            name=f"{name} of a layer against the dense rate, MODEL_PARAMS",
            unit="TOP/s", measure=operation(name),
        )
        for name in ("qkv", "attention", "o", "gate_up", "down")
    ),
    Wanted(
        name="nonces of a batch, found by timing, against those that fit, MODEL_PARAMS",
        unit="nonces", measure=found_batch,
    ),
    Wanted(
        name="memory of a batch against what is calculated, MODEL_PARAMS",
        unit="GB", goal="ratio <= 1.1", measure=memory_of_batch,
    ),
    Wanted(
        name="memory of network and batch against what is calculated, MODEL_PARAMS",
        unit="GB", goal="ratio <= 1.1", measure=memory_of_network,
    ),
    Wanted(
        name="nonces after an out-of-memory that halved the batch, against before, MODEL_PARAMS",
        unit="nonces/s", measure=recovery,
    ),
    Wanted(
        name="part of a batch's time that its inputs take, MODEL_PARAMS",
        unit="%", goal="value <= 3", measure=part_of_inputs,
    ),
    Wanted(
        name="nonces with inputs made ahead against made first, MODEL_PARAMS",
        unit="nonces/s", measure=made_ahead,
    ),
    Wanted(name="hashing all weights, MODEL_PARAMS", unit="s", measure=hashing),
    Wanted(
        name="loading, MODEL_PARAMS", unit="s", goal="value <= 60", measure=loading(main_of)
    ),
    Wanted(
        name="34 GB of weights, MODEL_PARAMS_BIG",
        unit="s", goal="value <= 1", measure=loading(big_of),
    ),
    Wanted(
        name="weights, each its own draw, against a copy, read and written",
        unit="GB/s", goal="ratio >= 0.25", measure=weights_against_copy,
    ),
    Wanted(
        name="weights, each its own draw, against as many of a tiled 1 % pool",
        unit="10⁹/s", goal="ratio >= 10", measure=weights_against_pool,
    ),
    Wanted(
        name="nonces an hour on one device, MODEL_PARAMS_BIG",
        unit="nonces", goal="value >= 500", measure=big_an_hour,
    ),
    Wanted(
        name="share of the best exact engine's dense rate, MODEL_PARAMS_BIG",
        unit="%", measure=share(big_of),
    ),
    Wanted(
        name="nonces a device of a group's pipeline against a device alone, MODEL_PARAMS",
        unit="nonces/s", goal="ratio >= 0.85", measure=pipeline,
    ),
    Wanted(
        name="differing decisions or digests against a CPU, MODEL_PARAMS_TEST",
        unit="nonces", goal="value <= 0", measure=differing_decisions,
    ),
)  # fmt: skip


def measured(wanted: Wanted, bench: Bench, here: Origin) -> tuple[Row, bool]:
    """Returns a row with its numbers or with the reason why it has none, and whether it failed."""
    try:
        came = wanted.measure(bench)
    except UnmeasuredError as failure:
        return unmeasured(wanted, here, str(failure)), False
    except Exception as failure:
        traceback.print_exc()
        text = f"failed: {type(failure).__name__}: {failure}".partition("\n")[0]
        return unmeasured(wanted, here, text), True
    rest = {key: text for key, text in (("goal", wanted.goal), ("note", came.note)) if text}
    if came.baseline is None:
        return here.row(wanted.name, digits(came.value), wanted.unit, **rest), False
    row = here.row(
        wanted.name,
        digits(came.value),
        wanted.unit,
        baseline=digits(came.baseline),
        ratio=digits(came.value / came.baseline),
        **rest,
    )
    return row, False


def digits(value: float) -> float:
    """Returns a number with the four digits that count, or whole where it is larger."""
    return round(value) if abs(value) >= 1_000 else float(f"{value:.4g}")


def unmeasured(wanted: Wanted, here: Origin, why: str) -> Row:
    """Returns the row of what has no numbers."""
    rest = {"goal": wanted.goal} if wanted.goal else {}
    return here.row(wanted.name, None, wanted.unit, **rest, note=why)


def main(
    arguments: Sequence[str] | None = None,
    *,
    why: Callable[[], str] = missing,
    machine: Callable[[], Machine] = Cuda,
    sizes: Sizes = FULL,
    wanted: Sequence[Wanted] = WANTED,
) -> int:
    """Measures everything in turn and writes the rows; the arguments after the first are fakes'."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, help="for the rows; none prints them only")
    parser.add_argument("--only", default="", help="measure rows whose name contains this")
    parser.add_argument(
        "--decisions", type=int, default=sizes.decisions, help="nonces that a CPU decides as well"
    )
    chosen = parser.parse_args(arguments)
    absent = why()
    here = Origin(machine="no GPU", versions=f"torch {torch.__version__}")
    rows = {each.name: unmeasured(each, here, absent or "not asked for") for each in wanted}
    rows |= {row["name"]: row for row in read(chosen.file) if row["name"] in rows and has(row)}
    failed = False
    if absent:
        sys.stderr.write(f"nothing is measured on a GPU: {absent}\n")
    else:
        bench = Bench(machine(), replace(sizes, decisions=chosen.decisions))
        here = bench.machine.origin()
        for each in wanted:
            if chosen.only not in each.name:
                continue
            sys.stderr.write(f"{each.name}\n")
            row, broken = measured(each, bench, here)
            failed = failed or broken
            if broken or has(row) or not has(rows[each.name]):
                rows[each.name] = row
            written(list(rows.values()), chosen.file)
    sys.stdout.write(written(list(rows.values()), chosen.file))
    return 1 if failed else 0


def has(row: Row) -> bool:
    """Whether a row was measured."""
    return row["value"] is not None


if __name__ == "__main__":
    sys.exit(main())
