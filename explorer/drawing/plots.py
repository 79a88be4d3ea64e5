"""What is drawn for print: a map, charts, and sheets of pictures; arrays in, a ``Plot`` out.

Markers, dashes, hatches and names distinguish things without colours too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from explorer.core.elbo import TERMS
from explorer.core.geometry import axis_label
from explorer.drawing import raster
from explorer.drawing.charts import (
    CLASS_COLOURS,
    MAX_NAMED_BARS,
    PALETTE,
    Curve,
    Extent,
    settled_range,
)
from explorer.drawing.paper import LINE, MARGIN, POINT, SMALL, Plot, text_width, wrap
from explorer.drawing.sheet import DPI, Sheet

_MARKERS = "osD^vPX*<>"
_DASHES = ("-", "--", "-.", ":", (0, (4, 1, 1, 1, 1, 1)))
_MAX_DOTS = 20_000
"""More dots become pixels within a vector file, which would otherwise be slow to open."""
MAX_NAMES = 20
"""Largest number of classes of which a map shows the names."""
_MAX_LETTERS = 24
"""Largest length of a name; the rest is left out."""
_BOLD = 1.3
"""Factor by which a bold text is wider."""
_ROUNDS = 8
"""Number of rounds in which classes take turns, so that none covers the others."""
_HALO = [withStroke(linewidth=1.5, foreground="white")]
"""Outline of a text on top of what is drawn."""


def sheets(*shown: Sheet) -> Plot:
    """Sheets with equal numbers of columns, one below the other."""

    def draw(figure: Figure, axes: Sequence[Axes]) -> None:
        for sheet, axis in zip(shown, axes, strict=True):
            _draw_sheet(sheet, axis, figure.get_figwidth())

    heights_widths = [sheet.picture.shape[:2] for sheet in shown]
    return Plot(draw, [height / width for height, width in heights_widths])


def map_plot(
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    axes: tuple[str, str],
    extent: Extent,
) -> Plot:
    """The map: a dot for each test image, with a marker and a colour for each class.

    The name of a class is at its middle. The arguments are those of ``charts.map_figure``; without
    titles the axes have no values either.
    """
    size = float(np.interp(np.log10(max(len(points), 1)), [2, 4], [3.5, 1.3]))
    shown = [label for label in range(len(classes)) if np.any(labels == label)]

    def draw(figure: Figure, panels: Sequence[Axes]) -> None:
        (panel,) = panels
        for turn in range(_ROUNDS):
            for label in shown:
                x, y = points[labels == label][turn::_ROUNDS].T
                panel.plot(
                    x, y, linestyle="none", **_marker(label), markersize=size,
                    markeredgewidth=0, alpha=0.7, rasterized=len(points) > _MAX_DOTS,
                )  # fmt: skip
        panel.set(xlim=extent[:2], ylim=extent[2:], xlabel=axes[0], ylabel=axes[1])
        panel.spines[:].set_visible(True)
        if not any(axes):
            panel.set(xticks=[], yticks=[])
        names = [_short(classes[label]) for label in shown]
        if 1 < len(shown) <= MAX_NAMES:
            handles = [Line2D([], [], linestyle="none", **_marker(label)) for label in shown]
            _legend(figure, handles, names)
            middles = np.array([np.median(points[labels == label], axis=0) for label in shown])
            point = (extent[1] - extent[0]) / (figure.get_figwidth() / POINT)
            sizes = np.array([(_BOLD * text_width(name), LINE * SMALL) for name in names]) * point
            for (x, y), name in zip(spread(middles, sizes), names, strict=True):
                panel.text(
                    x, y, name, ha="center", va="center", fontsize=SMALL, fontweight="bold",
                    path_effects=_HALO, clip_on=True,
                )  # fmt: skip

    left, right, bottom, top = extent
    return Plot(draw, [(top - bottom) / (right - left)])


def curves_plot(history: dict[str, list[float]]) -> Plot:
    """−ELBO and its two terms per epoch, for training and held-out images."""
    kinds = (("", "training", 0, "-"), ("val_", "held out", 2, "--"))

    def draw(figure: Figure, panels: Sequence[Axes]) -> None:
        for panel, (key, title) in zip(panels, TERMS.items(), strict=True):
            curves = []
            for prefix, name, colour, dash in kinds:
                values = np.asarray(history.get(prefix + key, ()))
                epochs = np.arange(1, len(values) + 1)
                panel.plot(
                    epochs, values, dash, color=PALETTE[colour], label=name,
                    marker="o" if len(values) == 1 else None,
                )  # fmt: skip
                curves.append(Curve(name, epochs, values))
            panel.set(ylabel=title, ylim=settled_range(curves))
            panel.label_outer()
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panels[0].set_title("nats per image")
        panels[-1].set_xlabel("epoch")
        _legend(figure, panels[0].get_lines(), [name for _, name, *_ in kinds])
        figure.align_ylabels(panels)

    return Plot(draw, [0.3] * len(TERMS))


def kl_plot(weights: Sequence[float], order: Sequence[int], active: np.ndarray, unit: str) -> Plot:
    """What each latent dimension carries, largest first; many have no names.

    Args:
        weights: what each dimension carries, ``(latent_dim,)``.
        order: the dimensions in the order of the bars.
        active: which are active units, bool ``(latent_dim,)``.
        unit: unit of the weights.
    """
    many = len(order) > MAX_NAMED_BARS

    def draw(figure: Figure, panels: Sequence[Axes]) -> None:
        (panel,) = panels
        ranks = np.arange(1, len(order) + 1)
        is_active = np.asarray(active)[list(order)]
        heights = np.asarray(weights)[list(order)]
        for which, style in ((is_active, _ACTIVE), (~is_active, _INACTIVE)):
            panel.bar(ranks[which], heights[which], width=1.0 if many else 0.8, **style)
        panel.set(ylabel=unit, xlim=(0.4, max(len(order), 6) + 0.6))
        if many:
            panel.set_xlabel("rank of the latent dimension")
        else:
            panel.set_xticks(ranks, [axis_label(dimension) for dimension in order])
            panel.set_xlabel("latent dimension")
        if not is_active.all():
            _legend(figure, [Patch(**_ACTIVE), Patch(**_INACTIVE)], ["active", "inactive"])

    return Plot(draw, [0.5])


def paths_plot(curves: Sequence[Curve], thin: float) -> Plot:
    """How dense the data is along paths, as ``charts.density_figure`` shows it for one.

    Args:
        curves: for each path, percentiles over % of the way.
        thin: the percentile below which a place is thin.
    """

    def draw(figure: Figure, panels: Sequence[Axes]) -> None:
        (panel,) = panels
        for index, curve in enumerate(curves):
            panel.plot(curve.x, curve.y, label=curve.name, **_line(index, len(curve.x)))
        panel.axhline(thin, color="0.3", linestyle=":", linewidth=0.7)
        panel.annotate(
            f"thin: below {thin:.0f} %", (100, thin), (0, 1), textcoords="offset points",
            ha="right", fontsize=SMALL, path_effects=_HALO,
        )  # fmt: skip
        panel.set(
            xlim=(0, 100), ylim=(0, 100), xlabel="% of the way", ylabel="denser than, % of images"
        )
        lines = panel.get_lines()[: len(curves)]
        _legend(figure, lines, [curve.name for curve in curves])

    return Plot(draw, [0.5])


def spread(middles: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Move boxes up and down until none covers another, ``(n, 2)``.

    Args:
        middles: centres of the boxes, ``(n, 2)``.
        sizes: their widths and heights, ``(n, 2)``.
    """
    places = middles.astype(np.float64)
    order = np.argsort(places[:, 1], kind="stable")
    for _ in range(100):
        for below, k in enumerate(order):
            for j in order[below + 1 :]:
                reach = (sizes[k] + sizes[j]) / 2
                across, up = places[j] - places[k]
                if abs(across) < reach[0] and up < reach[1]:
                    places[[k, j], 1] += np.array([-0.5, 0.5]) * (reach[1] - up)
    return places


_ACTIVE: dict[str, Any] = {"facecolor": PALETTE[0], "edgecolor": "0.2", "linewidth": 0.4}
_INACTIVE: dict[str, Any] = {
    "facecolor": "white",
    "edgecolor": "0.2",
    "linewidth": 0.4,
    "hatch": "//////",
}


def _marker(label: int) -> dict[str, Any]:
    """Colour and marker of a class."""
    count = len(CLASS_COLOURS)
    place = label + label // count
    return {"color": CLASS_COLOURS[label % count], "marker": _MARKERS[place % len(_MARKERS)]}


def _line(index: int, points: int) -> dict[str, Any]:
    return {
        "color": PALETTE[(0, 2, 1, *range(3, len(PALETTE)))[index % len(PALETTE)]],
        "linestyle": _DASHES[index % len(_DASHES)],
        "marker": _MARKERS[index % len(_MARKERS)],
        "markevery": max(1, points // 8),
    }


def _legend(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    room = figure.get_figwidth() / POINT - 4 * MARGIN
    fitting = max(1, int(room // (max(map(text_width, names)) + 3.5 * SMALL)))
    rows = -(-len(names) // fitting)
    figure.legend(
        handles, names, loc="outside upper center", ncols=-(-len(names) // rows),
        columnspacing=0.8, handletextpad=0.3, handlelength=2 if len(names) < 4 else 1.2,
    )  # fmt: skip


def _draw_sheet(sheet: Sheet, axis: Axes, width: float) -> None:
    picture = sheet.picture
    height, across = picture.shape[:2]
    zoom = -(-round(width * DPI) // across)  # viewers blur images with fewer pixels than the screen
    large = raster.enlarge(picture, zoom)
    axis.imshow(
        large[..., 0] if large.shape[-1] == 1 else large, cmap="gray", vmin=0, vmax=255,
        extent=(0, across, height, 0), aspect="auto", interpolation="none",
    )  # fmt: skip
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    room = width / POINT - 2 * MARGIN
    axis.set(title="\n".join(wrap(sheet.title, room)), xlabel=sheet.x_title, ylabel=sheet.y_title)
    pixels = [(side + sheet.gap) for side in sheet.images.shape[1:3]]
    down, right = (
        [(k + 0.5) * side - sheet.gap / 2 for k in range(count)]
        for side, count in zip(pixels, (sheet.rows, sheet.columns), strict=True)
    )
    axis.set_yticks(down[: len(sheet.row_labels)], sheet.row_labels)
    labels, turned = [_short(label) for label in sheet.column_labels], 0
    needed = max(map(text_width, labels), default=0.0) + MARGIN
    step = int(-(-needed * sheet.columns // (0.85 * width / POINT)))
    if step > 1 and sheet.is_scale:
        last = len(labels) - 1
        labels = [
            label if k == last or (k % step == 0 and last - k >= step) else ""
            for k, label in enumerate(labels)
        ]
    elif step > 1:
        turned = 90
    axis.set_xticks(right[: len(labels)], labels, rotation=turned)


def _short(name: str) -> str:
    """A name in one line of at most ``_MAX_LETTERS`` letters."""
    line = " ".join(name.split())
    return line if len(line) <= _MAX_LETTERS else f"{line[: _MAX_LETTERS - 1]}…"
