"""Sets two machines' measures side by side."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast


class ReportError(ValueError):
    """A file is no report of ``mlnode bench``, or two cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two machines side by side.

    Attributes:
        rows: what is compared, then each machine's value.
        same_digests: of the digests, how many both found; all of them on sound machines.
        digests: how many both have.
    """

    rows: tuple[tuple[str, str, str], ...]
    same_digests: int
    digests: int


def read_report(path: Path) -> dict[str, Any]:
    """Reads a report.

    Raises:
        ReportError: the file is missing or is no report.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as failure:
        raise ReportError(f"{path}: {failure}") from None
    if not isinstance(content, dict) or "groups" not in content or not content["groups"]:
        raise ReportError(f"{path}: not a report of mlnode bench")
    return cast(dict[str, Any], content)


def compare(one: dict[str, Any], other: dict[str, Any]) -> Comparison:
    """Compares two reports.

    Raises:
        ReportError: they are of different networks.
    """
    if one["params"] != other["params"]:
        raise ReportError(f"params {one['params']} and {other['params']} are different networks")
    both = (one, other)

    def row(name: str, values: list[str]) -> tuple[str, str, str]:
        return name, values[0], values[1]

    rows = (
        row("machine", [str(report["machine"]) for report in both]),
        row("nonces a minute", [f"{report['nonces_per_minute']:.0f}" for report in both]),
        row("of the dense rate", [_each(report, _share) for report in both]),
        row("memory of the machine, GB", [f"{report['memory'] / 1e9:.1f}" for report in both]),
        row("memory of the groups, GB", [_each(report, _peak) for report in both]),
        row("groups", [" | ".join(",".join(g["devices"]) for g in r["groups"]) for r in both]),
        row("engine", [str(report["groups"][0]["engine"]) for report in both]),
        row("loading, s", [f"{report['groups'][0]['load_seconds']:.1f}" for report in both]),
    )
    first, second = one["groups"][0]["digests"], other["groups"][0]["digests"]
    # A slow machine may not have come to all of them.
    same = sum(a == b for a, b in zip(first, second, strict=False))
    return Comparison(rows=rows, same_digests=same, digests=min(len(first), len(second)))


def _each(report: dict[str, Any], show: Callable[[dict[str, Any]], str]) -> str:
    return " | ".join(show(group) for group in report["groups"])


def _peak(group: dict[str, Any]) -> str:
    return f"{group['peak_bytes'] / 1e9:.1f}"


def _share(group: dict[str, Any]) -> str:
    return f"{group['share_of_dense']:.0%}"
