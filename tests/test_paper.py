"""Figures for print: sizes, pixels and names in the files themselves."""

from __future__ import annotations

import base64
import io
import itertools
import re

import numpy as np
import pytest
from PIL import Image

from explorer.drawing import paper
from explorer.drawing.charts import Curve
from explorer.drawing.paper import missing_letters, text_width, wrap, write
from explorer.drawing.plots import kl_plot, map_plot, paths_plot, sheets, spread
from explorer.drawing.sheet import Paper, Sheet

NAMES = ("$x^2$", "<b>--></b>", "a very long name of a class, which goes on and on", "ß₁ 日本")
POINTS = np.random.default_rng(0).standard_normal((40, 2))


def images(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 6, 4, 3), np.uint8)


def test_a_figure_is_as_wide_as_asked_in_every_format() -> None:
    plot = sheets(Sheet(images(6), 3))
    pdf = write(plot, Paper("pdf", width=8.5))
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf)
    assert box
    assert float(box[1]) == pytest.approx(8.5 / 2.54 * 72, abs=0.01)
    svg = write(plot, Paper("svg", width=17)).decode()
    assert f'width="{17 / 2.54 * 72:.2f}'[:12] in svg
    with Image.open(io.BytesIO(write(plot, Paper("png", width=2.54 * 3, dpi=200)))) as png:
        assert png.width == 600


def test_letters_that_no_font_has_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "FURTHER_FONTS", ("Noto Sans CJK JP of nobody",))
    paper._fonts.cache_clear()
    assert missing_letters("Größe −1 日本, 日") == "日本"
    paper._fonts.cache_clear()


def test_the_pictures_in_a_file_are_the_images_themselves() -> None:
    shown = images(4)
    svg = write(sheets(Sheet(shown, 2, gap=1, row_labels=["a", "b"])), Paper("svg")).decode()
    data = re.search(r"data:image/png;base64,([^\"]+)", svg)
    assert data
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB"))
    zoom = picture.shape[1] // (2 * 4 + 1)
    assert picture.shape == (13 * zoom, 9 * zoom, 3)
    small = picture[::zoom, ::zoom]
    np.testing.assert_array_equal(picture, small.repeat(zoom, 0).repeat(zoom, 1))
    np.testing.assert_array_equal(small[7:, 5:], shown[3])
    assert (small[6] == 255).all()


def test_a_sheet_is_not_distorted() -> None:
    pixels = Image.open(
        io.BytesIO(write(sheets(Sheet(np.zeros((2, 30, 20, 1), np.uint8), 2, gap=0)), Paper("png")))
    )
    black = np.argwhere(np.asarray(pixels.convert("L")) < 128)
    height, width = np.ptp(black, axis=0) + 1
    assert height / width == pytest.approx(30 / 40, rel=0.01)


def test_names_are_text_whatever_they_look_like_and_the_bytes_are_the_same_again() -> None:
    labels = np.arange(40) % 4
    plot = map_plot(POINTS, labels, NAMES, axes=("$z_1$", "z₂"), extent=(-3, 3, -3, 3))
    caption = [f"{NAMES[0]} {NAMES[1]} " * 9, NAMES[3]]
    first = write(plot, Paper("svg"), caption)
    assert first == write(plot, Paper("svg"), caption)
    drawn = re.findall(r"<!-- (.*?) -->", first.decode())
    assert {"$x^2$", "$z_1$", "a very long name of a c…"} <= set(drawn)


def test_lines_differ_without_their_colours() -> None:
    way = np.linspace(0, 100, 11)
    svg = write(
        paths_plot([Curve(str(k), way, way * k / 3) for k in range(3)], thin=10), Paper("svg")
    ).decode()
    dashes = set(re.findall(r"stroke-dasharray: ([^;\"]+)", svg))
    assert len(dashes) >= 3  # two of the lines, and the limit


def test_inactive_dimensions_are_hatched() -> None:
    active = np.array([True, False, True])
    plot = kl_plot([2.0, 0.0, 1.0], [0, 2, 1], active, "nats")
    assert b"<pattern" in write(plot, Paper("svg"))
    assert b"<pattern" not in write(kl_plot([2.0], [0], active[:1], "nats"), Paper("svg"))


def test_names_do_not_cover_each_other() -> None:
    middles, sizes = np.zeros((4, 2)), np.full((4, 2), (2.0, 1.0))
    places = spread(middles, sizes)
    np.testing.assert_array_equal(places[:, 0], 0)
    gaps = [abs(a - b) for a, b in itertools.combinations(places[:, 1], 2)]
    assert min(gaps) > 0.99
    assert places[:, 1].mean() == pytest.approx(0, abs=1e-9)
    apart = np.array([[0, 0], [3, 0.5]])
    np.testing.assert_array_equal(spread(apart, sizes[:2]), apart)


def test_a_caption_has_no_line_that_is_too_long() -> None:
    text = "python -m explorer pictures " + "x" * 200
    lines = wrap(text, 200)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(text_width, lines)) <= 200
    assert wrap("", 200) == []
