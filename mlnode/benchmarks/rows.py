"""Rows of docs/benchmarks, and the seconds of two pieces of work that take turns.

Axes: T turns.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from mlnode.poc.arrays import F64

Work = Callable[[], object]
Row = dict[str, Any]
TURNS = 7


def nothing() -> None:
    """Waits for nothing: what a CPU was asked is done when the call returns."""


def take_turns(
    one: Work,
    other: Work,
    turns: int = TURNS,
    *,
    clock: Callable[[], float] = process_time,
    wait: Callable[[], None] = nothing,
) -> tuple[float, float]:
    """Returns the seconds of each: medians of runs that alternate, after one to warm up.

    Args:
        wait: returns when the device has done what it was asked.
    """
    one_T, other_T = alternate(one, other, turns, clock=clock, wait=wait)
    return float(np.median(one_T)), float(np.median(other_T))


def alternate(
    one: Work,
    other: Work,
    turns: int,
    *,
    clock: Callable[[], float] = process_time,
    wait: Callable[[], None] = nothing,
) -> tuple[F64, F64]:
    """Returns the seconds of each run; see ``take_turns``."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for work, mine in zip((one, other), seconds, strict=True):
            wait()
            began = clock()
            work()
            wait()
            if turn:
                mine.append(clock() - began)
    return np.array(seconds[0]), np.array(seconds[1])


def middle_half(seconds: tuple[F64, F64]) -> str:
    """Returns between which ratios half of the turns lie, of neighbours in time."""
    low, high = np.quantile(seconds[1] / seconds[0], (0.25, 0.75))
    return f"half of {len(seconds[0])} turns between {low:.2f} and {high:.2f}"


def timed(work: Work, turns: int = TURNS, *, wait: Callable[[], None] = nothing) -> float:
    """Returns the seconds of a piece of work on the clock: as ``take_turns``, for one."""
    return take_turns(work, nothing, turns, clock=perf_counter, wait=wait)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where rows come from.

    Attributes:
        machine, versions: as a reader needs them to tell two measures apart.
    """

    machine: str
    versions: str

    def row(self, name: str, value: float | None, unit: str, **rest: Any) -> Row:
        """Returns a row as docs/benchmarks has it; a value of None was not measured."""
        return {
            "name": name,
            "value": value,
            "unit": unit,
            **rest,
            "date": datetime.now(UTC).date().isoformat(),
            "machine": self.machine,
            "versions": self.versions,
        }

    def pair(
        self, name: str, unit: str, amount: float, seconds: tuple[float, float], **rest: Any
    ) -> Row:
        """Returns the row of two that did the same amount."""
        ours, theirs = (amount / s for s in seconds)
        return self.row(
            name,
            round(ours, 3),
            unit,
            baseline=round(theirs, 3),
            ratio=round(ours / theirs, 2),
            **rest,
        )


def written(rows: Sequence[Row], path: Path | None) -> str:
    """Returns rows as a file has them, and writes it where one is named."""
    text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    if path is not None:
        path.write_text(text, "utf-8")
    return text


def read(path: Path | None) -> list[Row]:
    """Returns the rows of a file, none where there is no such file."""
    if path is None or not path.exists():
        return []
    return list(json.loads(path.read_text("utf-8")))
