"""Rows of docs/benchmarks, and what each tells of its origin."""

import datetime
import platform
from importlib import metadata
from pathlib import Path
from typing import Any


def row(name: str, value: float, unit: str, **rest: Any) -> dict[str, Any]:
    """A row without its origin."""
    return {"name": name, "value": value, "unit": unit, "baseline": None, "ratio": None} | rest


def origin() -> dict[str, str]:
    """When, where and with what a row was measured."""
    versions = ", ".join(f"{n} {metadata.version(n)}" for n in ("numpy", "numba", "pyarrow"))
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": f"Python {platform.python_version()}, {versions}",
    }


def machine() -> str:
    """The processor, as the system names it."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, 2 cores used at most"
    return platform.machine()
