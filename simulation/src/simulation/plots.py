"""Plots of a report. plotly ships no types; none leave this module."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from collections import defaultdict
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

# Colours that people with the usual kinds of colour blindness tell apart (Okabe and Ito).
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7a7a7a")

_SERIES = (
    ("Inequality of weights", "Gini", "gini", 1.0),
    ("Hosts that hold a third of the weight", "hosts", "nakamoto", 1.0),
    ("Weight that covers every model", "% of weight", "coverage", 100.0),
    ("Serving during PoC", "% of capacity", "serving_share", 100.0),
    ("Unit price", "10⁻⁶ unine", "unit_price", 1.0),
    ("Paid", "NINE an epoch", "paid", 1e-6),
)


def library() -> str:
    """Plotly's own script, to be put into the page: it is read without a network."""
    return str(get_plotlyjs())


def figure_html(figure: Any) -> str:
    """A figure as a part of a page that holds the library already."""
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            config={"displayModeBar": False, "responsive": True},
        )
    )


def income_figure(fleets: dict[str, list[Any]], labels: list[str]) -> Any:
    """Income per GPU-hour of each fleet, mean over replicas, by setting."""
    values: dict[tuple[int, str], list[float]] = defaultdict(list)
    for point, name, gpu, value in zip(
        *(fleets[c] for c in ("point", "fleet", "gpu", "income_per_gpu_hour")), strict=True
    ):
        values[point, f"{name}<br>{gpu}"].append(value / 1e6)
    names = sorted({name for _, name in values})
    figure = go.Figure()
    for point, label in enumerate(labels[: len(_COLOURS)]):
        rows = [values.get((point, n), [0.0]) for n in names]
        figure.add_bar(
            x=names,
            y=[sum(r) / len(r) for r in rows],
            name=label,
            marker_color=_COLOURS[point],
            hovertemplate="%{x}<br>%{y:.6f} NINE<extra></extra>",
        )
    return _styled(figure, "Income by fleet and GPU type", "NINE a GPU-hour", len(labels) > 1)


def epoch_figures(epochs: dict[str, list[Any]], labels: list[str]) -> list[Any]:
    """One line a setting over the epochs, mean over replicas; genesis left out."""
    figures: list[Any] = []
    points = sorted(set(epochs["point"]))[: len(_COLOURS)]
    for title, unit, column, factor in _SERIES:
        figure = go.Figure()
        for point in points:
            sums: dict[int, list[float]] = defaultdict(list)
            for of, epoch, value in zip(
                epochs["point"], epochs["epoch"], epochs[column], strict=True
            ):
                if of == point and epoch > 1:
                    sums[epoch].append(value * factor)
            figure.add_scatter(
                x=sorted(sums),
                y=[sum(sums[e]) / len(sums[e]) for e in sorted(sums)],
                mode="lines",
                name=labels[point],
                line={"color": _COLOURS[point], "width": 2},
                hovertemplate="epoch %{x}: %{y:.4~f}<extra></extra>",
            )
        figures.append(_styled(figure, title, unit, len(points) > 1))
    return figures


def _styled(figure: Any, title: str, unit: str, legend: bool) -> Any:
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0.02},
        yaxis={"title": {"text": unit}, "rangemode": "tozero", "gridcolor": "#e8ebf0"},
        xaxis={"gridcolor": "#f2f4f7", "automargin": True},
        height=320,
        margin={"l": 60, "r": 12, "t": 44, "b": 40},
        showlegend=legend,
        legend={"orientation": "h", "y": -0.2},
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 12},
    )
    return figure
