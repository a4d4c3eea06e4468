"""One self-contained page: answers in words first, then plots, tables and the scenario."""

import html
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from simulation.plots import epoch_figures, figure_html, income_figure, library
from simulation.scenario import Scenario
from simulation.store import Store

_STYLE = """
:root{color-scheme:light;--ink:#1c2330;--soft:#5b6576;--line:#dde2ea;--back:#f6f7fa}
*{box-sizing:border-box}body{margin:0;font:16px/1.55 system-ui,sans-serif;color:var(--ink);
background:var(--back)}main{max-width:1080px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.7rem;margin:.2em 0}h2{font-size:1.2rem;margin:2em 0 .6em}
.soft{color:var(--soft)}.card{background:#fff;border:1px solid var(--line);border-radius:10px;
padding:14px 18px;margin:12px 0}.grid{display:grid;gap:12px;
grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr))}
.grid>*{min-width:0;overflow:hidden;margin:0}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}pre{overflow-x:auto;font-size:.85rem}
li{margin:.3em 0}
"""


def write(folder: Path, out: Path) -> Path:
    """Write the report of a folder of results. Raises ResultError."""
    store = Store(folder)
    manifest = store.manifest()
    epochs, fleets = store.read("epochs"), store.read("fleets")
    first: dict[str, Any] = manifest["points"][0]
    scenario = Scenario.model_validate(first["scenario"])
    labels = [_setting(point["changes"]) for point in manifest["points"]]
    figures = [
        income_figure(fleets, labels),
        *epoch_figures(epochs, labels),
    ]
    parts = [
        f"<h1>{html.escape(scenario.name)}</h1>",
        f"<p class=soft>{html.escape(scenario.question)}</p>" if scenario.question else "",
        "<div class=card><ul>",
        *(f"<li>{html.escape(line)}</li>" for line in answers(scenario, epochs, fleets)),
        "</ul></div>",
        "<h2>Plots</h2><div class=grid>",
        *(f"<div class=card>{figure_html(f)}</div>" for f in figures),
        "</div><h2>Fleets</h2>",
        _table(fleets, manifest["points"]),
        "<h2>What was run</h2>",
        _origin(manifest, first),
    ]
    page = (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{html.escape(scenario.name)}</title><style>{_STYLE}</style>"
        f"<script>{library()}</script></head><body><main>{''.join(parts)}</main></body></html>"
    )
    out.write_text(page, encoding="utf-8")
    return out


def answers(
    scenario: Scenario, epochs: dict[str, list[Any]], fleets: dict[str, list[Any]]
) -> list[str]:
    """The headline, in words: of the first point, means over its replicas and epochs."""

    def mean(column: str) -> float:
        rows = zip(epochs["point"], epochs["epoch"], epochs[column], strict=True)
        # The first epoch pays nothing: genesis was never proven.
        values = [v for point, epoch, v in rows if point == 0 and epoch > 1]
        return sum(values) / max(1, len(values))

    income: dict[str, list[float]] = defaultdict(list)
    for point, name, value in zip(
        fleets["point"], fleets["fleet"], fleets["income_per_gpu_hour"], strict=True
    ):
        if point == 0:
            income[name].append(value)
    ranked = sorted(((sum(v) / len(v), k) for k, v in income.items()), reverse=True)
    lines = [
        f"{scenario.replicas} replicas of {scenario.epochs} epochs paid "
        f"{mean('paid') / 1e6:,.0f} NINE an epoch to {mean('hosts'):,.0f} hosts.",
        f"{mean('coverage'):.0%} of the weight covers every model; during PoC "
        f"{mean('serving_share'):.0%} of the capacity keeps serving.",
        f"It takes {mean('nakamoto'):.1f} hosts to hold a third of the weight "
        f"(Gini {mean('gini'):.2f}, HHI {mean('hhi'):.4f}).",
        f"Of the credited nonces {mean('forged_credit_share'):.3%} were forged; "
        f"{mean('fraud_hosts'):.2f} hosts an epoch were found out.",
    ]
    if len(ranked) > 1:
        best, worst = ranked[0], ranked[-1]
        lines.append(
            f"Per GPU-hour {best[1]} earns most ({best[0] / 1e6:,.4f} NINE), "
            f"{worst[1]} least ({worst[0] / 1e6:,.4f})."
        )
    if scenario.verdict:
        lines.append(scenario.verdict)
    if scenario.rule:
        lines.append(f"The rule behind it: {scenario.rule}")
    return lines


def _table(fleets: dict[str, list[Any]], points: list[dict[str, Any]]) -> str:
    sums: dict[tuple[int, str], list[tuple[float, ...]]] = defaultdict(list)
    columns = ("income_per_gpu_hour", "profit_usd", "weight_share", "zeroed_share")
    for row in zip(fleets["point"], fleets["fleet"], *(fleets[c] for c in columns), strict=True):
        sums[row[0], row[1]].append(row[2:])
    head = "".join(
        f"<th>{t}</th>"
        for t in ("Fleet", "Setting", "NINE a GPU-hour", "Profit, USD", "Weight", "Zeroed")
    )
    body: list[str] = []
    for (point, name), rows in sorted(sums.items()):
        means = [sum(v) / len(rows) for v in zip(*rows, strict=True)]
        setting = _setting(points[point]["changes"])
        cells = (
            html.escape(name),
            html.escape(setting),
            f"{means[0] / 1e6:,.6f}",
            f"{means[1]:,.0f}",
            f"{means[2]:.2%}",
            f"{means[3]:.2%}",
        )
        body.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    return f"<div class='card scroll'><table><tr>{head}</tr>{''.join(body)}</table></div>"


def _setting(changes: dict[str, str]) -> str:
    return ", ".join(f"{k.rpartition('.')[2]} {v}" for k, v in changes.items()) or "as written"


def _origin(manifest: dict[str, Any], first: dict[str, Any]) -> str:
    version = manifest["version"]
    facts = (
        f"scenario {first['digest']} · commit {version['commit']} · core {version['core']} · "
        f"mode {manifest['mode']} · seed {first['scenario']['seed']} · "
        f"{len(manifest['points'])} settings"
    )
    text = html.escape(json.dumps(first["scenario"], indent=2))
    return (
        f"<p class=soft>{html.escape(facts)}</p>"
        f"<details class=card><summary>The scenario</summary><pre>{text}</pre></details>"
    )
