"""The shell of a report: one self-contained page that is read without a network."""

import html
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulation.errors import ResultError
from simulation.plots import figure_html, library

_STYLE = """
:root{color-scheme:light;--ink:#1c2330;--soft:#5b6576;--line:#dde2ea;--back:#f6f7fa}
*{box-sizing:border-box}
body{margin:0;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--back)}
main{max-width:1080px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.7rem;line-height:1.25;margin:.2em 0}h2{font-size:1.2rem;margin:2em 0 .6em}
.soft{color:var(--soft);overflow-wrap:anywhere}
.card{background:#fff;border:1px solid var(--line);border-radius:10px;padding:14px 18px;
margin:12px 0}
.answers ul{margin:0;padding-left:1.1em}
.answers li{margin:.35em 0;overflow-wrap:anywhere}
.answers li:first-child{font-size:1.1rem;font-weight:600}
.grid{display:grid;gap:12px;grid-template-columns:repeat(2,minmax(0,1fr))}
.grid>*{margin:0;padding:8px;overflow:hidden}
.grid>.wide{grid-column:1/-1}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
tr:last-child td{border-bottom:0}
th:first-child,td:first-child{text-align:left}
pre{overflow-x:auto;font-size:.85rem}summary{cursor:pointer}
@media(max-width:760px){main{padding:16px 10px 48px}.grid{grid-template-columns:minmax(0,1fr)}
.card{padding:10px 12px}h1{font-size:1.4rem}table{font-size:.85rem}
th,td{padding:5px 6px}th{white-space:normal}}
"""


# A plot is drawn while the page is still being read, when its card may have another width.
_FIT = """
addEventListener("load",()=>document.querySelectorAll(".js-plotly-plot")
.forEach(plot=>Plotly.Plots.resize(plot)))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the first column is text, the others are numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a report says, in the order in which it says it."""

    title: str
    question: str
    answers: Sequence[str]
    figures: Sequence[Any]  # of plotly; the first is as wide as the page
    tables: Sequence[Table]
    facts: str  # what it was computed from
    scenarios: Sequence[tuple[str, dict[str, Any]]]


def check(out: Path) -> Path:
    """The file itself, where a page can be written to. Raises ResultError."""
    try:
        if out.exists():
            with out.open("ab"):
                pass
        else:
            with tempfile.TemporaryFile(dir=out.parent):
                pass
    except OSError as error:
        raise ResultError(f"cannot write {out}: {error.strerror}") from error
    return out


def write(page: Page, out: Path) -> Path:
    """Write a page. Raises ResultError when the file cannot be written."""
    try:
        out.write_text(render(page), encoding="utf-8")
    except OSError as error:
        raise ResultError(f"cannot write {out}: {error}") from error
    return out


def render(page: Page) -> str:
    """The page as HTML."""
    text = html.escape
    # The first is as wide as the page, and so is the last where it would stand alone.
    last = len(page.figures) - 1
    wide = {0, last} if last % 2 else {0}
    parts = [
        f"<h1>{text(page.title)}</h1>",
        f"<p class=soft>{text(page.question)}</p>" if page.question else "",
        "<div class='card answers'><ul>",
        *(f"<li>{text(line)}</li>" for line in page.answers),
        "</ul></div><h2>Plots</h2><div class=grid>",
        *(
            f"<div class='card{' wide' if i in wide else ''}'>{figure_html(figure)}</div>"
            for i, figure in enumerate(page.figures)
        ),
        "</div>",
        *(_table(table) for table in page.tables),
        f"<h2>What was run</h2><p class=soft>{text(page.facts)}</p>",
        *(
            f"<details class=card><summary>{text(name)}</summary>"
            f"<pre>{text(json.dumps(tree, indent=2, ensure_ascii=False))}</pre></details>"
            for name, tree in page.scenarios
        ),
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{text(page.title)}</title><style>{_STYLE}</style>"
        f"<script>{library()}</script><script>{_FIT}</script></head><body><main>{''.join(parts)}</main></body></html>"
    )


def _table(table: Table) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    body = "".join(line(row, "td") for row in table.rows)
    return (
        f"<h2>{html.escape(table.title)}</h2>"
        f"<div class='card scroll'><table>{line(table.head, 'th')}{body}</table></div>"
    )
