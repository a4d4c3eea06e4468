"""Makes docs/benchmarks.md from docs/benchmarks/*.json.

A row is {name, value, unit, baseline, ratio, date, machine, versions}. A value that is null was
not measured. Two keys are optional: "goal", as "ratio >= 15" or "value <= 0.5", which is then
shown as met or missed; and "note", which says what a reader must know.

    benchmarks.py          write the page
    benchmarks.py --check  status 1 when the page is not the one that would be written
"""

import json
import operator
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"
_HOLDS = {">=": operator.ge, "<=": operator.le}
_HEAD = """<!-- Made by tools/benchmarks.py from docs/benchmarks/. Do not edit. -->

# Benchmarks

Every number was measured on the machine and with the versions that stand below its table. A ratio \
compares a value with its baseline in the same run; the name says which way. Measure them again \
with the `make bench-…` verbs.
"""


def page(folder: Path = FOLDER) -> str:
    """The whole page."""
    files = sorted(folder.glob("*.json"))
    return _HEAD + "".join(_section(path) for path in files)


def _section(path: Path) -> str:
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    lines = [
        f"\n## {path.stem}\n",
        "| What | Value | Baseline | Ratio | Goal | |",
        "|---|--:|--:|--:|---|---|",
        *(_line(row) for row in rows),
    ]
    origins = dict.fromkeys(
        f"{r['date']}, {r['machine']}; {r['versions']}" for r in rows if r["value"] is not None
    )
    said = [f"Measured {text}.\n" for text in origins] or ["Nothing of it is measured yet.\n"]
    return "\n".join([*lines, "", *said])


def _line(row: dict[str, Any]) -> str:
    unit = row["unit"]
    value = "not measured" if row["value"] is None else f"{number(row['value'])} {unit}"
    baseline = "" if row.get("baseline") is None else f"{number(row['baseline'])} {unit}"
    ratio = "" if row.get("ratio") is None else number(row["ratio"])
    goal = row.get("goal", "")
    name = row["name"] + (f". {row['note']}" if row.get("note") else "")
    return f"| {name} | {value} | {baseline} | {ratio} | {goal} | {verdict(row)} |"


def verdict(row: dict[str, Any]) -> str:
    """Whether a row meets its goal, in a word; nothing for a row without one."""
    if not row.get("goal"):
        return ""
    of, sign, bound = row["goal"].split()
    if row.get(of) is None:
        return "not measured"
    return "met" if _HOLDS[sign](row[of], float(bound)) else "**missed**"


def number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return f"{value:.6f}".rstrip("0") if "e" in text else text


def main(arguments: list[str]) -> int:
    """Write or check the page."""
    out = FOLDER.parent / "benchmarks.md"
    made = page()
    if arguments == ["--check"]:
        same = out.exists() and out.read_text(encoding="utf-8") == made
        if not same:
            sys.stderr.write(f"{out} is stale: run tools/benchmarks.py\n")
        return 0 if same else 1
    out.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
