"""The report of a folder of results: answers in words first, then plots, tables, the scenario."""

from collections import defaultdict
from pathlib import Path

from simulation import fixed, page
from simulation.checks import held, per_replica, with_unit
from simulation.compare import interval
from simulation.errors import DecimalError
from simulation.page import Page, Table
from simulation.plots import (
    Columns,
    by_fleet,
    epoch_figures,
    income_figure,
    shown,
    swept_figure,
)
from simulation.scenario import Scenario, canonical
from simulation.store import Manifest, Store


def write(folder: Path, out: Path) -> Path:
    """Write the report of a folder of results, finished or not. Raises ResultError."""
    store = Store(folder)
    manifest = store.manifest()
    epochs, fleets = store.read("epochs"), store.read("fleets")
    # Settings of which nothing is done yet are told of, and left out.
    there: list[int] = sorted(set(fleets["point"]))
    _renumber(epochs, there)
    _renumber(fleets, there)
    points = [manifest.points[i] for i in there]
    scenario = points[0].scenario
    settings = [point.changes for point in points]
    labels = [_setting(changes) for changes in settings]
    swept = _axis(settings)
    lines = answers(scenario, epochs, fleets)
    if len(settings) > 1:
        moves = [_trend(settings, fleets), *_abandoned(settings, epochs)]
        lines = [*moves, f"With {labels[0]}:", *lines]
    if len(shown(len(settings))) < len(settings):
        lines.append("Plots over epochs show seven of the settings; the table has all of them.")
    done = len(set(zip(fleets["point"], fleets["replica"], strict=True)))
    if done < len(manifest.parts):
        lines = [_unfinished(manifest, there, done), *lines]
    income = income_figure(fleets, labels) if swept is None else swept_figure(fleets, *swept)
    made = Page(
        title=scenario.name,
        question=scenario.question,
        answers=lines,
        figures=[income, *epoch_figures(epochs, labels, bool(scenario.models))],
        tables=[_table(fleets, labels), _by_gpu(fleets, labels)],
        facts=facts(manifest.version, manifest.mode, [points[0].digest], scenario)
        + (f" · {len(settings)} settings" if len(settings) > 1 else "")
        + ("" if done == len(manifest.parts) else f" · unfinished: {store.progress(manifest)}"),
        scenarios=[("The scenario", scenario.model_dump(mode="json"))],
    )
    return page.write(made, out)


def _renumber(columns: Columns, there: list[int]) -> None:
    at = {point: i for i, point in enumerate(there)}
    columns["point"] = [at[point] for point in columns["point"]]


def _unfinished(manifest: Manifest, there: list[int], done: int) -> str:
    line = f"Unfinished: {done:,} of {len(manifest.parts):,} replicas are done"
    none = [_setting(p.changes) for i, p in enumerate(manifest.points) if i not in set(there)]
    if none:
        some = ", ".join(none[:7]) + (" …" if len(none) > 7 else "")
        line += f", and none of {len(none):,} of {len(manifest.points):,} settings ({some})"
    return f"{line}. The same command with --resume goes on; what follows is of what is done."


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


def answers(scenario: Scenario, epochs: Columns, fleets: Columns) -> list[str]:
    """The headline, in words: of the first point, means over its replicas and epochs.

    What the scenario's author claims comes first where it is held to these numbers, and last,
    as the author's words, where it stands without a check.
    """

    def mean(metric: str) -> float:
        values = per_replica(metric, epochs, fleets)
        return sum(values) / len(values)

    checked = [held(check, epochs, fleets) for check in scenario.checks]
    gone = abandoned_words(scenario, epochs)
    lines = [*(line for _, line in checked), *gone]
    points = zip(epochs["point"], epochs["epoch"], strict=True)
    counted = sum(point == 0 and epoch > 1 for point, epoch in points)
    if counted == 0:
        lines.append("Only the first epoch was run, which pays nothing: set epochs to 2 or more.")
        return lines
    if scenario.metric:
        value = with_unit(scenario.metric, mean(scenario.metric))
        lines.append(f"Its metric, {scenario.metric}: {value}.")
    of = by_fleet(fleets, "income_per_gpu_hour")
    ranked = sorted(((sum(v) / len(v), k[1]) for k, v in of.items() if k[0] == 0), reverse=True)
    if len(ranked) > 1:
        best, worst = ranked[0], ranked[-1]
        lines.append(
            f"Per GPU-hour {best[1]} earns most ({best[0] / 1e6:,.4f} NINE), "
            f"{worst[1]} least ({worst[0] / 1e6:,.4f})."
        )
    forged = any(v > 0 for v in epochs["detected_share"]) or mean("forged_credit_share") > 0
    replicas = len(per_replica("paid", epochs, fleets))
    lines += [
        f"An epoch pays {mean('paid') / 1e6:,.0f} NINE to {mean('hosts'):,.0f} hosts "
        f"(mean of {replicas} × {counted // replicas} epochs; the first pays nothing, "
        f"{'nor do those that were' if gone else 'none was'} abandoned).",
        f"{mean('coverage'):.0%} of the weight covers every model; during PoC "
        f"{mean('serving_share'):.0%} of the capacity keeps serving."
        if scenario.models
        else "There are no models, and so nothing to cover and nothing that keeps serving.",
        f"It takes {mean('nakamoto'):.1f} hosts to hold more than a third of the weight "
        f"(Gini {mean('gini'):.2f}, HHI {mean('hhi'):.4f})."
        if mean("total_weight") > 0
        else "Nobody holds any weight.",
        f"Of the credited nonces {mean('forged_credit_share'):.3%} were forged; "
        f"{mean('fraud_hosts'):.2f} hosts an epoch were found out"
        + (f", {mean('detected_share'):.1%} of those that forged." if forged else "."),
    ]
    return [*lines, *_words(scenario, [holds for holds, _ in checked])]


def abandoned_words(scenario: Scenario, epochs: Columns, point: int = 0) -> list[str]:
    """How many epochs of a point were abandoned, and why; nothing where none was."""
    columns = zip(*(epochs[c] for c in ("point", "abandoned", "kept_share")), strict=True)
    found = [(gone, kept) for of, gone, kept in columns if of == point]
    shares = [kept for gone, kept in found if gone]
    if not shares:
        return []
    few = [share for share in shares if share > 0]
    why: list[str] = []
    if len(few) < len(shares):
        why.append(f"in {len(shares) - len(few):,} nobody who held weight formed any anew")
    if few:
        least = scenario.parameters.decimal("min_kept_power") / fixed.ONE
        ends = dict.fromkeys(f"{share:.1%}" for share in (min(few), max(few)))
        why.append(
            f"in {len(few):,} those who did held {' to '.join(ends)} of the weight before, and "
            f"min_kept_power asks for {least:.1%}"
        )
    return [
        f"{len(shares):,} of {len(found):,} epochs were abandoned, so that nothing was paid and "
        f"the epoch before went on: {'; '.join(why)}."
    ]


def _abandoned(settings: list[dict[str, str]], epochs: Columns) -> list[str]:
    """In how many epochs of each setting of a sweep that was, where it was in any."""
    gone = [0] * len(settings)
    all_ = [0] * len(settings)
    for point, abandoned in zip(epochs["point"], epochs["abandoned"], strict=True):
        gone[point] += abandoned
        all_[point] += 1
    told = [
        f"{gone[point]:,} of {all_[point]:,} with {_setting(changes)}"
        for point, changes in enumerate(settings)
        if gone[point]
    ]
    return [f"Epochs that were abandoned, and paid nothing: {', '.join(told)}."] if told else []


def _words(scenario: Scenario, holds: list[bool]) -> list[str]:
    """The author's words, and what they are worth here."""
    if not scenario.verdict and not scenario.rule:
        return []
    if not all(holds):
        return [
            f"The file's own verdict is left out: {holds.count(False)} of the {len(holds)} checks "
            "that it rests on do not certainly hold for these numbers."
        ]
    worth = "whose checks all hold" if holds else "to which no number here was held"
    verdict = f"The file's own verdict, {worth}: {scenario.verdict}" if scenario.verdict else ""
    rule = f"The rule behind it, in the file's words: {scenario.rule}." if scenario.rule else ""
    return [line for line in (verdict, rule) if line]


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
        return canonical(key), [float(fixed.rational(changes[key])) for changes in settings]
    except (KeyError, DecimalError):
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
    return ", ".join(f"{canonical(k)} {_plain(v)}" for k, v in changes.items()) or "as written"


def _plain(value: str) -> str:
    """3/20 as 0.15, where that is what it is."""
    try:
        return f"{float(fixed.rational(value)):.6g}" if "/" in value else value
    except DecimalError:
        return value
