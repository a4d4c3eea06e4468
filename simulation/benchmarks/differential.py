"""Random cases through the chain's own core and its twins, where every integer must be the same.

    differential.py OUT.json          cases a second of each operation
    differential.py OUT.json CASES    puts so many cases, an equal share for each operation

Writes its rows into OUT.json, in the place of those it wrote before. A case counts with its making,
its way through the pipe and its comparing, in the CPU time of both processes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import Any

from rows import origin, row

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 2.0  # of CPU time, for each operation
IN_ALL = "differential, cases in all"
GOAL = "value >= 20000"


def rates() -> list[dict[str, Any]]:
    """A row of each operation. Raises SystemExit where a twin differs from the core."""
    tests, rows = _module("test_differential"), list[dict[str, Any]]()
    with core() as go:
        for name in tests.OPERATIONS:
            _put(tests, go, name, 0, 1)  # what is loaded once does not count
            before, started, batches = go.cases, seconds(go), 0
            while (taken := seconds(go) - started) < SECONDS:
                _put(tests, go, name, batches, batches + 1)
                batches += 1
            rate = (go.cases - before) / taken
            batched = name in tests.BATCHED
            told = {"goal": GOAL} if batched else {"note": "the twin takes one at a time"}
            rows.append(row(f"differential {name}", rate, "cases a second of CPU time", **told))
    return rows


def in_all(cases: int) -> list[dict[str, Any]]:
    """A row of so many cases or a few more, an equal share for each operation."""
    tests = _module("test_differential")
    share = -(-cases // len(tests.OPERATIONS))
    with core() as go:
        started = seconds(go)
        for name in tests.OPERATIONS:
            first, seed = go.cases, 0
            while go.cases - first < share:
                _put(tests, go, name, seed, seed + 1)
                seed += 1
            sys.stderr.write(f"{name}: {go.cases - first:,} cases, none differs\n")
        taken = seconds(go) - started
    note = (
        f"{share:,} or a few more of each of {len(tests.OPERATIONS)} operations, none differs; "
        f"{taken / 60:.0f} minutes of CPU time"
    )
    return [row(IN_ALL, go.cases, "cases", note=note)]


@contextmanager
def core() -> Iterator[Any]:
    """The chain's core, built and running."""
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "simcore"
        build = ["go", "build", "-o", str(binary), "./inference-chain/cmd/simcore"]
        subprocess.run(build, cwd=ROOT, check=True)
        with _module("conftest").GoCore(binary) as go:
            yield go


def seconds(go: Any) -> float:
    """CPU time of this process and of the core."""
    after_name = Path(f"/proc/{go.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    user, system = after_name.split()[11:13]
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _put(tests: Any, go: Any, name: str, first: int, after: int) -> None:
    make, twin = tests.OPERATIONS[name]
    for seed in range(first, after):
        cases = make(tests.Source(seed))
        if twin(cases) != go.ask(name, cases):
            raise SystemExit(f"{name}, seed {seed}: a twin differs from the core")


def _module(name: str) -> Any:
    spec = util.spec_from_file_location(name, HERE.parent / "tests" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{name} is no module")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def replaced(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The old rows, with the new ones where the first of their kind stood, or at the end."""
    whole = new[0]["name"] == IN_ALL

    def ours(one: dict[str, Any]) -> bool:
        return one["name"].startswith("differential") and (one["name"] == IN_ALL) == whole

    at = next((i for i, one in enumerate(old) if ours(one)), len(old))
    kept = [one for one in old[at:] if not ours(one)]
    return old[:at] + new + kept


if __name__ == "__main__":
    path = Path(sys.argv[1])
    new = in_all(int(sys.argv[2])) if sys.argv[2:] else rates()
    old: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    rows = replaced(old, [one | origin() for one in new])
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
