"""The report of a folder of results: answers in words first, then plots, tables, the scenario."""

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simulation import page
from simulation.compare import interval
from simulation.errors import ResultError
from simulation.page import Page, Table
from simulation.plots import (
    Columns,
    by_fleet,
    epoch_figures,
    income_figure,
    shown,
    swept_figure,
)
from simulation.scenario import Scenario
from simulation.store import Store


def write(folder: Path, out: Path) -> Path:
    """Write the report of a folder of results. Raises ResultError."""
    store = Store(folder)
    manifest = store.manifest()
    epochs, fleets = store.read("epochs"), store.read("fleets")
    points, unfinished = _finished(manifest["points"], store.done(), epochs, fleets)
    first: dict[str, Any] = points[0]
    scenario = _scenario(folder, first["scenario"])
    settings: list[dict[str, str]] = [point["changes"] for point in points]
    labels = [_setting(changes) for changes in settings]
    swept = _axis(settings)
    lines = answers(scenario, epochs, fleets, as_written=not first["changes"])
    if len(settings) > 1:
        lines = [_trend(settings, fleets), f"With {labels[0]}:", *lines]
    if unfinished:
        lines = [unfinished, *lines]
    if len(shown(len(settings))) < len(settings):
        lines.append("Plots over epochs show seven of the settings; the table has all of them.")
    income = income_figure(fleets, labels) if swept is None else swept_figure(fleets, *swept)
    made = Page(
        title=scenario.name,
        question=scenario.question,
        answers=lines,
        figures=[income, *epoch_figures(epochs, labels)],
        tables=[_table(fleets, labels), _by_gpu(fleets, labels)],
        facts=facts(manifest["version"], manifest["mode"], [first["digest"]], scenario)
        + (f" · {len(settings)} settings" if len(settings) > 1 else ""),
        scenarios=[("The scenario", first["scenario"])],
    )
    return page.write(made, out)


def _finished(
    points: list[dict[str, Any]], done: list[tuple[int, int]], epochs: Columns, fleets: Columns
) -> tuple[list[dict[str, Any]], str]:
    """The settings of which anything is done, numbered anew in the columns, and what is missing."""
    there = sorted({point for point, _ in done})
    number = {point: at for at, point in enumerate(there)}
    for columns in (epochs, fleets):
        columns["point"] = [number[point] for point in columns["point"]]
    wanted = sum(int(point["scenario"]["replicas"]) for point in points)
    if len(done) == wanted:
        return points, ""
    words = (
        f"Unfinished: {len(done)} of {wanted} replicas are done, of {len(there)} of "
        f"{len(points)} settings; the same command with --resume goes on."
    )
    return [points[point] for point in there], words


def _scenario(folder: Path, tree: dict[str, Any]) -> Scenario:
    try:
        return Scenario.model_validate(tree)
    except ValidationError as error:
        raise ResultError(f"the scenario in {folder} is none of this version: {error}") from error


def facts(version: dict[str, str], mode: str, digests: list[str], scenario: Scenario) -> str:
    """What a page's numbers were computed from."""
    return " · ".join(
        [
            *(f"scenario {d}" for d in digests),
            f"commit {version['commit']}",
            f"core {version['core']}",
            f"mode {mode}",
            f"seed {scenario.seed}",
            f"{scenario.replicas} replicas of {scenario.epochs} epochs",
        ]
    )


def answers(scenario: Scenario, epochs: Columns, fleets: Columns, *, as_written: bool) -> list[str]:
    """The headline, in words: of the first point, means over its replicas and epochs.

    Args:
        as_written: whether nothing of the scenario's file was changed, so that its verdict is
            about these numbers.
    """
    # The first epoch pays nothing: genesis was never proven.
    counted = [
        point == 0 and epoch > 1
        for point, epoch in zip(epochs["point"], epochs["epoch"], strict=True)
    ]
    if not any(counted):
        return ["One epoch settles genesis, which earns nothing: set epochs to 2 or more."]

    def mean(column: str) -> float:
        values = [v for v, counts in zip(epochs[column], counted, strict=True) if counts]
        return sum(values) / len(values)

    def of_fleet(column: str, fleet: str) -> float:
        values = by_fleet(fleets, column)[0, fleet]
        return sum(values) / len(values)

    of = by_fleet(fleets, "income_per_gpu_hour")
    ranked = sorted(((sum(v) / len(v), k[1]) for k, v in of.items() if k[0] == 0), reverse=True)
    lines: list[str] = []
    if scenario.metric:
        lines.append(f"Its metric, {scenario.metric}: {_metric(scenario.metric, mean, of_fleet)}.")
    if len(ranked) > 1:
        best, worst = ranked[0], ranked[-1]
        lines.append(
            f"Per GPU-hour {best[1]} earns most ({best[0] / 1e6:,.4f} NINE), "
            f"{worst[1]} least ({worst[0] / 1e6:,.4f})."
        )
    forged = any(v > 0 for v in epochs["detected_share"]) or mean("forged_credit_share") > 0
    lines += [
        f"An epoch pays {mean('paid') / 1e6:,.0f} NINE to {mean('hosts'):,.0f} hosts "
        f"(mean of {sum(counted)} epochs, all but the first of each replica).",
        f"{mean('coverage'):.0%} of the weight covers every model; during PoC "
        f"{mean('serving_share'):.0%} of the capacity keeps serving.",
        f"It takes {mean('nakamoto'):.1f} hosts to hold more than a third of the weight "
        f"(Gini {mean('gini'):.2f}, HHI {mean('hhi'):.4f}).",
        f"Of the credited nonces {mean('forged_credit_share'):.3%} were forged; "
        f"{mean('fraud_hosts'):.2f} hosts an epoch were found out"
        + (f", {mean('detected_share'):.1%} of those that forged." if forged else "."),
    ]
    if scenario.verdict and as_written:
        lines.append(f"What the scenario's file says of it: {scenario.verdict}")
    if scenario.rule:
        lines.append(f"The rule behind it: {scenario.rule}.")
    return lines


def _metric(
    metric: str, mean: Callable[[str], float], of_fleet: Callable[[str, str], float]
) -> str:
    """A metric's mean with its unit."""
    column, colon, fleet = metric.partition(":")
    value = of_fleet(column, fleet) if colon else mean(column)
    if column in ("paid", "income", "income_per_gpu_hour"):
        return f"{value / 1e6:,.4f} NINE"
    return f"{value:.2%}" if column in _SHARES else f"{value:,.4g}"


_SHARES = ("forged_credit_share", "coverage", "serving_share", "weight_share", "zeroed_share")


def _trend(settings: list[dict[str, str]], fleets: Columns) -> str:
    """What changes from the first setting to the last, fleet by fleet."""
    of = by_fleet(fleets, "income_per_gpu_hour")
    last = len(settings) - 1
    parts: list[str] = []
    for fleet in dict.fromkeys(fleets["fleet"]):
        before, after = (sum(of[p, fleet]) / len(of[p, fleet]) for p in (0, last))
        change = f"{after / before - 1:+.1%}" if before else f"{after / 1e6:+,.4f} NINE"
        parts.append(f"{fleet} {change}")
    ends = f"From {_setting(settings[0])} to {_setting(settings[last])}"
    return f"{ends}, income a GPU-hour moves: {', '.join(parts)}."


def _axis(settings: list[dict[str, str]]) -> tuple[str, list[float]] | None:
    """The one number that a sweep moves, if it is one."""
    keys = {key for changes in settings for key in changes}
    if len(settings) < 3 or len(keys) != 1:
        return None
    key = next(iter(keys))
    try:
        return key.rpartition(".")[2], [float(Fraction(changes[key])) for changes in settings]
    except (KeyError, ValueError, ZeroDivisionError):
        return None


def _table(fleets: Columns, labels: list[str]) -> Table:
    sums: dict[tuple[int, str], list[tuple[float, ...]]] = defaultdict(list)
    columns = ("income_per_gpu_hour", "profit_usd", "weight_share", "zeroed_share")
    for row in zip(fleets["point"], fleets["fleet"], *(fleets[c] for c in columns), strict=True):
        sums[row[0], row[1]].append(row[2:])
    several = len(labels) > 1
    rows: list[list[str]] = []
    for (point, name), values in sorted(sums.items()):
        income, *rest = (list(v) for v in zip(*values, strict=True))
        profit, share, zeroed = (sum(v) / len(v) for v in rest)
        of = interval(income)
        half = f" ± {(of.high - of.mean) / 1e6:,.6f}" if len(income) > 1 else ""
        rows.append(
            [
                name,
                *([labels[point]] if several else []),
                f"{of.mean / 1e6:,.6f}{half}",
                f"{profit:,.0f}",
                f"{share:.2%}",
                f"{zeroed:.2%}",
            ]
        )
    head = ["NINE a GPU-hour (95 %)", "Profit, USD", "Weight", "Zeroed"]
    return Table(
        title="Fleets", head=["Fleet", *(["Setting"] if several else []), *head], rows=rows
    )


def _by_gpu(fleets: Columns, labels: list[str]) -> Table:
    """Income a GPU-hour of each GPU type: what all fleets earned with it over what it ran."""
    sums: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    columns = ("point", "gpu", "income", "gpu_hours")
    for point, gpu, income, hours in zip(*(fleets[c] for c in columns), strict=True):
        sums[point, gpu][0] += income
        sums[point, gpu][1] += hours
    several = len(labels) > 1
    rows = [
        [gpu, *([labels[point]] if several else []), f"{income / 1e6 / max(hours, 1e-12):,.6f}"]
        for (point, gpu), (income, hours) in sorted(sums.items())
    ]
    head = ["GPU type", *(["Setting"] if several else []), "NINE a GPU-hour"]
    return Table(title="GPU types", head=head, rows=rows)


def _setting(changes: dict[str, str]) -> str:
    return ", ".join(f"{k.rpartition('.')[2]} {_plain(v)}" for k, v in changes.items()) or (
        "as written"
    )


def _plain(value: str) -> str:
    """3/20 as 0.15, where that is what it is."""
    try:
        return f"{float(Fraction(value)):.6g}" if "/" in value else value
    except (ValueError, ZeroDivisionError):
        return value
