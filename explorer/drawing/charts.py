"""The Plotly figures: arrays in, figures out."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go

from explorer.core.elbo import TERMS
from explorer.core.geodesics import THIN
from explorer.core.geometry import axis_label

PALETTE = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Ten colours that stay apart for colour-blind eyes, on light and dark alike.

Source: Petroff 2021, "Accessible Color Sequences for Data Visualization".
"""
CLASS_COLOURS = (
    "#0393ff", "#ff4b69", "#1c6b00", "#ac2b84", "#7c850d",
    "#3152ff", "#c66aae", "#593307", "#7f33bf", "#421793",
)  # fmt: skip
"""The colours of classes on a white page: those of the page's map, ``map/colours.js``."""
SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "star")
"""Beyond ten classes the colours repeat with another symbol."""
DASHES = ("solid", "dash", "dot")
"""Beyond ten lines the colours repeat with another dash."""
Extent = tuple[float, float, float, float]
"""Left, right, bottom and top of what a map shows."""
Time = Literal["epochs", "minutes"]
MAX_NAMED_BARS = 20
"""Largest number of latent dimensions that a bar chart names on its axis."""
SMALL_HEIGHT = 190
"""Height in pixels of a chart beside others."""
_SMALL = {"margin": {"l": 8, "r": 8, "t": 8, "b": 8}, "dragmode": False}
"""Layout of a chart within a page; without a drag mode a finger on it scrolls the page."""


class Curve(NamedTuple):
    """A line of a chart: its name, and ``x`` and ``y`` of its points, ``(n,)`` each."""

    name: str
    x: np.ndarray
    y: np.ndarray


def class_style(label: int) -> dict[str, str]:
    """Colour and symbol of a class."""
    symbol = SYMBOLS[label // len(CLASS_COLOURS) % len(SYMBOLS)]
    return {"color": CLASS_COLOURS[label % len(CLASS_COLOURS)], "symbol": symbol}


def map_figure(
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    axes: tuple[str, str],
    extent: Extent,
) -> go.Figure:
    """The map: test-set latent means in a plane, one trace per class.

    Args:
        points: plane coordinates ``(n, 2)``.
        labels: class of each, ``(n,)``.
        classes: names by label.
        axes: titles of the two axes.
        extent: left, right, bottom, top of what is shown at first.
    """
    figure = go.Figure()
    left, right, bottom, top = extent
    size = float(np.interp(np.log10(max(len(points), 1)), [2, 4], [9, 4]))  # few dots, large dots
    for label, name in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        if not len(rows):
            continue
        figure.add_trace(
            go.Scattergl(
                x=points[rows, 0].astype(np.float32),
                y=points[rows, 1].astype(np.float32),
                name=_literal(name),
                mode="markers",
                marker={**class_style(label), "size": size, "opacity": 0.7},
            )
        )
    figure.update_layout(
        height=600,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        dragmode="pan",
        legend={"orientation": "h", "y": -0.1, "yanchor": "top", "itemsizing": "constant"},
        xaxis={"title": axes[0], "range": [left, right], "constrain": "domain"},
        yaxis={"title": axes[1], "range": [bottom, top], "scaleanchor": "x"},
    )
    figure.update_xaxes(zeroline=False)
    figure.update_yaxes(zeroline=False)
    return figure


def extent_of(points: np.ndarray) -> Extent:
    """A square that shows nearly all points, ``(n, 2)``."""
    low, high = np.quantile(points, [0.0005, 0.9995], axis=0)
    x, y = ((low + high) / 2).tolist()
    reach = max(float(np.max(high - low)) / 2 * 1.08, 1e-3)
    return x - reach, x + reach, y - reach, y + reach


def curves_figure(history: dict[str, list[float]]) -> go.Figure:
    """−ELBO and its two terms per epoch, for training and held-out images."""
    figure = go.Figure()
    for index, (key, name) in enumerate(TERMS.items()):
        for prefix, dash, suffix in (("", "solid", "training"), ("val_", "dot", "held out")):
            values = history.get(prefix + key)
            if not values:
                continue
            figure.add_trace(
                go.Scatter(
                    x=np.arange(1, len(values) + 1),
                    y=np.asarray(values, np.float64),
                    name=f"{name}, {suffix}",
                    line={"color": PALETTE[(0, 2, 1)[index]], "dash": dash},
                    visible=True if key == "neg_elbo" else "legendonly",
                )
            )
    figure.update_layout(
        height=320,
        **_SMALL,
        legend={"orientation": "h", "y": -0.25},
        xaxis={"title": "epoch"},
        yaxis={"title": "nats per image"},
    )
    return figure


def comparison_figure(curves: Sequence[Curve], *, time: Time) -> go.Figure:
    """Held-out −ELBO of several models over ``epochs``, or over ``minutes`` on a log axis.

    The first curve is that of the model in view.
    """
    figure = go.Figure()
    for index, (name, x, y) in enumerate(curves):
        if not len(y):
            continue
        figure.add_trace(
            go.Scatter(
                x=x,
                y=y,
                name=_literal(name),
                mode="lines" if len(y) > 1 else "markers",
                line={
                    "color": PALETTE[index % len(PALETTE)],
                    "dash": DASHES[index // len(PALETTE) % len(DASHES)],
                    "width": 1.5 if index else 4,
                },
                zorder=0 if index else 1,
                hovertemplate=f"%{{y:.2f}} nats after %{{x:.4~g}} {time}"
                "<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_layout(
        height=380,
        **_SMALL,
        legend={"orientation": "h", "y": -0.25},
        showlegend=True,
        xaxis={"title": time, "type": "log" if time == "minutes" else "linear"},
        yaxis={
            "title": "held-out −ELBO, nats per image",
            "range": settled_range(curves),
            "tickformat": "~f",
        },
    )
    return figure


def settled_range(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """The range of the curves without the first fifth of each, which falls steeply.

    None if the curves have no points.
    """
    values = [curve.y[len(curve.y) // 5 :] for curve in curves if len(curve.y)]
    if not values:
        return None
    low = min(float(y.min()) for y in values)
    high = max(float(y.max()) for y in values)
    margin = max(0.05 * (high - low), 1e-3)
    return low - margin, high + margin


def kl_figure(kl_per_dimension: Sequence[float], order: Sequence[int]) -> go.Figure:
    """KL of each latent dimension, largest first; many have names in the tooltips only."""
    ranks = np.arange(1, len(order) + 1)
    names = [axis_label(dimension) for dimension in order]
    many = len(order) > MAX_NAMED_BARS
    figure = go.Figure(
        go.Bar(
            x=ranks,
            y=np.asarray(kl_per_dimension, np.float64)[list(order)],
            customdata=names,
            marker={"color": PALETTE[0], "line": {"width": 0}},
            hovertemplate="%{customdata}: %{y:.2f} nats<extra></extra>",
        )
    )
    figure.update_layout(
        height=320,
        **_SMALL,
        bargap=0 if many else 0.2,
        xaxis={"title": "rank of the latent dimension by KL"}
        if many
        else {"title": "latent dimension, by KL", "tickvals": ranks, "ticktext": names},
        yaxis={"title": "nats per image"},
    )
    return figure


def density_figure(percentiles: np.ndarray, places: np.ndarray) -> go.Figure:
    """How dense the data is along a direction, as percentiles of the test images' own places.

    Args:
        percentiles: percentiles along the direction, ``(k,)``.
        places: positions along it in standard deviations, ``(k,)``.
    """
    thin = 100 * THIN
    thin_line = {"color": PALETTE[2], "dash": "dot", "width": 1}
    return go.Figure(
        go.Scatter(
            x=places,
            y=percentiles,
            line={"color": PALETTE[0]},
            hovertemplate="%{x:.3g} standard deviations: denser than %{y:.0f} %<extra></extra>",
        ),
        go.Layout(
            height=SMALL_HEIGHT,
            **_SMALL,
            shapes=[
                {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y",
                 "y0": thin, "y1": thin, "line": thin_line}
            ],
            xaxis={"title": {"text": "standard deviations"}},
            yaxis={"title": {"text": "denser than, % of images"}, "range": [0, 100]},
        ),
    )  # fmt: skip


def groups_figure(places: np.ndarray, is_second: np.ndarray, names: Sequence[str]) -> go.Figure:
    """Where the images of two groups lie along a direction.

    Args:
        places: positions of the images, in standard deviations, ``(n,)``.
        is_second: which are of the second group, bool ``(n,)``.
        names: names of both groups.
    """
    figure = go.Figure()
    for which, name, colour in zip((~is_second, is_second), names, PALETTE, strict=False):
        figure.add_trace(
            go.Histogram(
                x=np.asarray(places[which], np.float32),
                name=_literal(name),
                marker={"color": colour},
                opacity=0.6,
                xbins={"size": 0.1},
            )
        )
    figure.update_layout(
        height=SMALL_HEIGHT,
        **_SMALL,
        barmode="overlay",
        legend={"orientation": "h", "y": 1.2},
        xaxis={"title": "standard deviations"},
        yaxis={"title": "images"},
    )
    return figure


def _literal(name: str) -> str:
    """Escape a name, in which Plotly would read HTML."""
    return html.escape(name, quote=False)
