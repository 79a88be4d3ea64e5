"""Figures for print: Matplotlib's PDF, SVG and PNG in one style, at a width in centimetres.

What is drawn is in ``plots``.
"""

from __future__ import annotations

import io
import textwrap
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.textpath import text_to_path

from explorer.drawing.sheet import Format, Paper

_CM, POINT = 1 / 2.54, 1 / 72
"""Units in inches."""
SMALL = 6.0
"""Size in points of the smallest text, which journals still allow."""
MARGIN = 3.0
"""Margin in points around the caption."""
LINE = 1.3
"""Distance from a line of text to the next, in heights of its letters."""
FONT = "DejaVu Sans"
"""Comes with Matplotlib, so it is the same everywhere."""
FURTHER_FONTS = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "WenQuanYi Zen Hei"),
    *("IPAexGothic", "Hiragino Sans", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic"),
    *("Noto Sans", "Noto Sans Devanagari", "Noto Sans Thai", "Arial Unicode MS"),
)
"""Fonts with letters that ``FONT`` lacks; those that are installed are used for these."""
_LOCK = threading.Lock()
"""Matplotlib's settings and fonts are shared by all threads."""
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "0.3",
    "axes.grid": False,
    "axes.labelsize": 7,
    "axes.linewidth": 0.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 2,
    "axes.titlesize": SMALL,
    "font.size": 7,
    "hatch.linewidth": 0.4,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1,
    "lines.markersize": 3,
    "pdf.fonttype": 42,  # text stays text, as journals ask for
    "svg.hashsalt": "latent",  # so that the same figure gives the same bytes
    "text.hinting": "none",  # a text is as wide in pixels as in a vector file
    "text.parse_math": False,  # names may have dollar signs
    "xtick.labelsize": SMALL,
    "xtick.major.pad": 2,
    "xtick.major.size": 2,
    "xtick.major.width": 0.5,
    "ytick.labelsize": SMALL,
    "ytick.major.pad": 2,
    "ytick.major.size": 2,
    "ytick.major.width": 0.5,
}


@dataclass(frozen=True)
class Plot:
    """Axes stacked from top to bottom.

    Attributes:
        draw: draws into as many axes as there are aspects, from the top.
        aspects: height of each over its width.
    """

    draw: Callable[[Figure, Sequence[Axes]], None]
    aspects: Sequence[float]


def write(plot: Plot, paper: Paper, caption: Sequence[str] = ()) -> bytes:
    """Return the file of a figure; the same arguments give the same bytes.

    Args:
        plot: what it shows.
        paper: what it is printed on.
        caption: paragraphs below it.
    """
    style = _STYLE | {"font.family": _fonts()}
    with _LOCK, matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # a box replaces it
        width = paper.width * _CM
        figure = Figure((width, width * (1 + sum(plot.aspects))), layout="constrained")
        rows = figure.subplots(
            len(plot.aspects), squeeze=False, gridspec_kw={"height_ratios": plot.aspects}
        )
        axes = rows[:, 0].tolist()
        plot.draw(figure, axes)
        if paper.format == "png":  # its pixels are not those of the pictures
            for image in (image for axis in axes for image in axis.get_images()):
                image.set_interpolation("auto")
        _lay_out(figure, axes, plot.aspects, caption)
        file = io.BytesIO()
        figure.savefig(
            file, format=paper.format, dpi=paper.dpi, metadata=_metadata(paper.format, caption)
        )
    return file.getvalue()


def missing_letters(text: str) -> str:
    """The letters of a text that no installed font has: figures show boxes for them."""
    known = {code for font in _fonts() for code in get_font(findfont(font)).get_charmap()}
    return "".join(sorted({letter for letter in text if ord(letter) not in known}))


@cache
def _fonts() -> list[str]:
    installed = {font.name for font in fontManager.ttflist}
    return [FONT, *(name for name in FURTHER_FONTS if name in installed)]


def _lay_out(
    figure: Figure, axes: Sequence[Axes], aspects: Sequence[float], caption: Sequence[str]
) -> None:
    """Put the caption below, and choose the height that gives the axes their aspects."""
    width = figure.get_figwidth()
    lines = [line for part in caption for line in wrap(part, width / POINT - 2 * MARGIN)]
    below = (len(lines) * LINE * SMALL + 2 * MARGIN) * POINT if lines else 0.0
    figure.text(
        MARGIN * POINT, MARGIN * POINT, "\n".join(lines), color="0.25", fontsize=SMALL,
        linespacing=LINE, va="bottom", transform=figure.dpi_scale_trans,
    ).set_in_layout(False)  # fmt: skip
    figure.set_figheight(figure.get_figheight() + below)
    for _ in range(2):  # twice, because the labels of the axes may change
        height = figure.get_figheight()
        engine: Any = figure.get_layout_engine()
        engine.set(rect=(0, below / height, 1, 1 - below / height))
        engine.execute(figure)
        boxes = [axis.get_window_extent() for axis in axes]
        missing = sum(b.width * a - b.height for b, a in zip(boxes, aspects, strict=True))
        figure.set_figheight(height + missing / figure.dpi)
    height = figure.get_figheight()
    engine.set(rect=(0, below / height, 1, 1 - below / height))


def wrap(text: str, room: float) -> list[str]:
    """Wrap a small text into lines of at most ``room`` points."""
    lines: list[str] = []
    for length in range(min(len(text), int(room)), 0, -1):
        lines = textwrap.wrap(text, length)
        if all(text_width(line) <= room for line in lines):
            break
    return lines


def text_width(text: str) -> float:
    """The width of a small text in points."""
    width: float
    width, _, _ = text_to_path.get_text_width_height_descent(
        text, FontProperties(size=SMALL), ismath=False
    )
    return width


def _metadata(format: Format, caption: Sequence[str]) -> dict[str, Any]:
    """The metadata of the file, without the time of its creation."""
    about = {"Title": " ".join(caption)} if caption else {}
    return about | {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[format]
