"""Plots of a report. plotly ships no types; none leave this module."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from simulation.compare import Change, Response, interval

# Colours that people with the usual kinds of colour blindness tell apart (Okabe and Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7a7a7a")
_OF_WORDS = {"gains": COLOURS[2], "loses": COLOURS[1]}

# So many epochs that each has a tick: there is none between two of them.
_FEW = 12

_SERIES = (
    ("Inequality of weights", "Gini", "gini", 1.0),
    ("Nakamoto coefficient", "hosts with over a third", "nakamoto", 1.0),
    ("Weight that covers every model", "% of weight", "coverage", 100.0),
    ("Serving during PoC", "% of capacity", "serving_share", 100.0),
    ("Unit price", "unine a unit of compute", "unit_price", 1e-6),
    ("Paid", "NINE an epoch", "paid", 1e-6),
)

Columns = dict[str, list[Any]]


def library() -> str:
    """Plotly's own script, to be put into the page: it is read without a network."""
    return str(get_plotlyjs())


def figure_html(figure: Any) -> str:
    """A figure as a part of a page that holds the library already."""
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            default_width="100%",
            config={"displayModeBar": False, "responsive": True},
        )
    )


def by_fleet(fleets: Columns, column: str) -> dict[tuple[int, str], list[float]]:
    """A column's values over replicas, by point and fleet."""
    values: dict[tuple[int, str], list[float]] = defaultdict(list)
    for point, name, value in zip(fleets["point"], fleets["fleet"], fleets[column], strict=True):
        values[point, name].append(value)
    return values


def shown(points: int) -> list[int]:
    """The settings that a plot shows: all, or evenly spaced ones with both ends."""
    most = len(COLOURS)
    if points <= most:
        return list(range(points))
    return [round(i * (points - 1) / (most - 1)) for i in range(most)]


def income_figure(fleets: Columns, labels: Sequence[str]) -> Any:
    """Income per GPU-hour of each fleet by setting, with its 95 % interval over replicas."""
    types: dict[str, dict[str, None]] = defaultdict(dict)
    for name, kind in zip(fleets["fleet"], fleets["gpu"], strict=True):
        types[name][kind] = None
    gpu = {name: " → ".join(kinds) for name, kinds in types.items()}
    values = by_fleet(fleets, "income_per_gpu_hour")
    figure = go.Figure()
    for colour, point in zip(COLOURS, shown(len(labels)), strict=False):
        found = [interval(values[point, name]) for name in gpu]
        figure.add_bar(
            x=[f"{name}<br>{kind}" for name, kind in gpu.items()],
            y=[i.mean / 1e6 for i in found],
            error_y={"type": "data", "array": [_half(i) for i in found], "thickness": 1},
            name=labels[point],
            marker_color=colour,
            hovertemplate="%{x}: %{y:.6f} NINE<extra>%{fullData.name}</extra>",
        )
    title = "Income by fleet and GPU type"
    return _styled(figure, title, "NINE a GPU-hour", len(labels) > 1)


def _half(of: Any) -> float:
    return (of.high - of.mean) / 1e6 if of.high < float("inf") else 0.0


def swept_figure(fleets: Columns, name: str, values: Sequence[float]) -> Any:
    """Income per GPU-hour of each fleet along a swept setting, with its 95 % interval."""
    of = by_fleet(fleets, "income_per_gpu_hour")
    figure = go.Figure()
    order = sorted(range(len(values)), key=lambda i: values[i])
    for colour, fleet in zip(cycle(COLOURS), dict.fromkeys(fleets["fleet"]), strict=False):
        found = [interval(of[point, fleet]) for point in order]
        figure.add_scatter(
            x=[values[point] for point in order],
            y=[i.mean / 1e6 for i in found],
            error_y={"type": "data", "array": [_half(i) for i in found], "thickness": 1},
            mode="lines+markers",
            name=fleet,
            line={"color": colour, "width": 2},
            hovertemplate=f"{name} %{{x:.4~g}}: %{{y:.6f}} NINE<extra>{fleet}</extra>",
        )
    title = f"Income by fleet along {name}"
    return _styled(figure, title, "NINE a GPU-hour", True, x_title=name)


_OF_MODELS = ("coverage", "serving_share", "unit_price")


def epoch_figures(epochs: Columns, labels: Sequence[str], models: bool = True) -> list[Any]:
    """One line a setting over the epochs, mean over replicas; genesis left out.

    Settings that all draw the same line share it. Without models nothing is covered or served.
    """
    figures: list[Any] = []
    for title, unit, column, factor in _SERIES:
        if not models and column in _OF_MODELS:
            continue
        lines = {p: _means(epochs, p, column, factor) for p in shown(len(labels))}
        alike = len(lines) > 1 and len({tuple(ys) for _, ys in lines.values()}) == 1
        if alike:
            lines = {0: lines[0]}
        figure = go.Figure()
        for colour, (point, (xs, ys)) in zip(COLOURS, lines.items(), strict=False):
            figure.add_scatter(
                x=xs,
                y=ys,
                mode="lines",
                name=labels[point],
                line={"color": COLOURS[6] if alike else colour, "width": 2},
                hovertemplate="epoch %{x}: %{y:.4~f}<extra>%{fullData.name}</extra>",
            )
        title_ = f"{title} (all alike)" if alike else title
        made = _styled(figure, title_, unit, len(lines) > 1, x_title="epoch")
        if max(len(xs) for xs, _ in lines.values()) <= _FEW:
            made.update_xaxes(dtick=1)
        figures.append(made)
    return figures


def _means(
    epochs: Columns, point: int, column: str, factor: float
) -> tuple[list[int], list[float]]:
    sums: dict[int, list[float]] = defaultdict(list)
    for of, epoch, value in zip(epochs["point"], epochs["epoch"], epochs[column], strict=True):
        if of == point and epoch > 1:
            sums[epoch].append(value * factor)
    at = sorted(sums)
    return at, [sum(sums[e]) / len(sums[e]) for e in at]


def change_figure(changes: Sequence[Change]) -> Any:
    """What a proposal does to each fleet's income, with its 95 % interval."""
    figure = go.Figure()
    rows = list(reversed(changes))
    scale = [100 / c.base if c.base else 0.0 for c in rows]
    figure.add_bar(
        orientation="h",
        y=[f"{c.fleet} ({c.gpu})" for c in rows],
        x=[c.difference.mean * s for c, s in zip(rows, scale, strict=True)],
        error_x={
            "type": "data",
            "array": [
                (c.difference.high - c.difference.mean) * s
                for c, s in zip(rows, scale, strict=True)
            ],
        },
        marker_color=[_OF_WORDS.get(c.words, COLOURS[6]) for c in rows],
        customdata=[c.words for c in rows],
        hovertemplate="%{y}: %{x:+.3f} %<br>%{customdata}<extra></extra>",
    )
    title = "Who gains and who loses"
    made = _styled(figure, title, "", False, x_title="change of income, %")
    made.update_layout(height=120 + 48 * len(rows), yaxis={"automargin": True, "rangemode": None})
    return made


def regret_figure(responses: Sequence[Response], best: Response | None = None) -> Any:
    """What a behaviour earns beyond honesty, by what it tried, with its 95 % interval.

    The best on fresh seeds stands out, where there is one.
    """
    by_parts = len({r.strength for r in responses}) == 1
    figure = go.Figure()
    for colour, parts in zip(cycle(COLOURS), sorted({r.parts for r in responses}), strict=False):
        rows = sorted((r for r in responses if r.parts == parts), key=lambda r: r.strength)
        figure.add_scatter(
            x=[r.parts if by_parts else r.strength for r in rows],
            y=[r.gain.mean / 1e6 for r in rows],
            error_y={"type": "data", "array": [_half(r.gain) for r in rows]},
            mode="markers" if by_parts else "lines+markers",
            name=f"{parts} parts",
            line={"color": colour, "width": 2},
            hovertemplate="%{x:g}: %{y:+,.6f} NINE<extra>%{fullData.name}</extra>",
        )
    if best is not None:
        figure.add_scatter(
            x=[best.parts if by_parts else best.strength],
            y=[best.gain.mean / 1e6],
            error_y={"type": "data", "array": [_half(best.gain)]},
            mode="markers",
            name="the best, on fresh seeds",
            marker={"color": "#1c2330", "size": 11, "symbol": "diamond"},
            hovertemplate="%{x:g}: %{y:+,.6f} NINE<extra>%{fullData.name}</extra>",
        )
    figure.add_hline(y=0, line={"color": COLOURS[6], "dash": "dot"})
    title = "Gain over honesty"
    several = best is not None or (not by_parts and len({r.parts for r in responses}) > 1)
    x_title = "parts" if by_parts else "strength"
    made = _styled(figure, title, "NINE an epoch", several, x_title=x_title)
    made.update_layout(yaxis={"rangemode": "normal"})
    # Ruin is a thousand times what is gained: beside it no gain could be seen.
    scale = max(abs(end) for r in (best or responses[0],) for end in (r.gain.low, r.gain.high))
    if 0 < scale < math.inf and min(r.gain.mean for r in responses) < -4 * scale:
        made.update_yaxes(range=[-2 * scale / 1e6, 1.3 * scale / 1e6])
        made.update_layout(title={"text": f"{title} (great losses are not shown)"})
    if not by_parts and all(r.strength > 0 for r in responses):
        # One label a decade, which a phone has room for.
        made.update_xaxes(type="log", dtick=1)
    return made


# Labels stand off their axes, so that those at the corner do not run into each other.
_APART = {"ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)"}


def _styled(figure: Any, title: str, unit: str, legend: bool, x_title: str = "") -> Any:
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "x": 0.02},
        yaxis={
            "title": {"text": unit},
            "rangemode": "tozero",
            "gridcolor": "#e8ebf0",
            "automargin": True,
            **_APART,
        },
        xaxis={"gridcolor": "#f2f4f7", "automargin": True, "title": {"text": x_title}, **_APART},
        # On a phone a legend has one line for each of its entries.
        height=300 + (40 + 14 * max(0, len(figure.data) - 2) if legend else 0),
        margin={"l": 8, "r": 12, "t": 44, "b": 8},
        showlegend=legend,
        legend={"orientation": "h", "y": -0.25, "yanchor": "top", "font": {"size": 11}},
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 12},
    )
    return figure
