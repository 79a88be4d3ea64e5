"""The charts of training and comparison: what is drawn, in which range, under which name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from explorer.drawing.charts import (
    CLASS_COLOURS,
    Curve,
    comparison_figure,
    curves_figure,
    extent_of,
    kl_figure,
    map_figure,
    settled_range,
)


def falling(name: str, epochs: int, start: float, end: float) -> Curve:
    """Return a curve that falls from ``start`` to ``end`` within a tenth of its epochs."""
    values = np.full(epochs, end)
    values[: epochs // 10] = start
    return Curve(name, np.arange(1, epochs + 1), values)


def test_the_first_model_stands_out_and_all_are_drawn() -> None:
    curves = [falling(name, 20, 300, end) for name, end in (("a", 110), ("b", 100), ("c", 120))]
    figure = comparison_figure(curves, time="epochs")
    assert [trace.name for trace in figure.data] == ["a", "b", "c"]
    assert [trace.y[-1] for trace in figure.data] == [110, 100, 120]
    first, *others = figure.data
    assert all(first.line.width > other.line.width for other in others)
    assert all(first.zorder > other.zorder for other in others)
    assert len({trace.line.color for trace in figure.data}) == 3


def test_the_steep_start_does_not_set_the_range() -> None:
    settled = settled_range([falling("a", 50, 500, 100), falling("b", 10, 900, 120)])
    assert settled is not None
    low, high = settled
    assert low < 100 < 120 < high
    assert high < 125
    assert low > 95


def test_a_late_rise_stays_in_the_range() -> None:
    rising = Curve("a", np.arange(1, 5), np.array([10.0, 11.0, 13.0, 10.5]))
    settled = settled_range([rising])
    assert settled is not None
    assert settled[1] > 13


def test_lines_without_held_out_values_are_left_out() -> None:
    nothing = Curve("none", np.zeros(0), np.zeros(0))
    assert settled_range([nothing]) is None
    figure = comparison_figure([nothing, falling("b", 20, 300, 100)], time="epochs")
    assert [trace.name for trace in figure.data] == ["b"]


def test_one_epoch_is_a_dot() -> None:
    figure = comparison_figure([falling("a", 1, 0, 100)], time="minutes")
    assert figure.data[0].mode == "markers"


def test_minutes_differ_too_much_for_a_linear_axis() -> None:
    curves = [falling("a", 20, 300, 100)]
    assert comparison_figure(curves, time="minutes").layout.xaxis.type == "log"
    assert comparison_figure(curves, time="epochs").layout.xaxis.type == "linear"


def test_more_models_than_colours_differ_by_their_dashes() -> None:
    curves = [falling(str(k), 20, 300, 100 + k) for k in range(25)]
    lines = [trace.line for trace in comparison_figure(curves, time="epochs").data]
    assert len({(line.color, line.dash) for line in lines}) == 25


def test_the_terms_are_drawn_for_training_and_held_out_images() -> None:
    history = {"kl": [1.0, 2.0], "neg_elbo": [9.0, 8.0], "reconstruction": [8.0, 6.0],
               "val_neg_elbo": [9.5, 8.5]}  # fmt: skip
    figure = curves_figure(history)
    shown = {trace.name: trace.y.tolist() for trace in figure.data if trace.visible is True}
    assert shown == {"−ELBO, training": [9, 8], "−ELBO, held out": [9.5, 8.5]}
    hidden = [trace.name for trace in figure.data if trace.visible == "legendonly"]
    assert hidden == ["reconstruction, training", "KL, training"]


def test_each_dimension_has_a_bar_and_a_name() -> None:
    figure = kl_figure([0.5, 2.0, 1.0], (1, 2, 0))
    (bars,) = figure.data
    assert bars.y.tolist() == [2, 1, 0.5]
    assert list(bars.customdata) == ["z₂", "z₃", "z₁"]
    assert list(figure.layout.xaxis.ticktext) == ["z₂", "z₃", "z₁"]


@pytest.mark.parametrize("latent_dim", [80, 500])
def test_of_many_dimensions_only_ranks_are_written(latent_dim: int) -> None:
    kl = np.linspace(3, 0, latent_dim)
    figure = kl_figure(kl.tolist(), range(latent_dim))
    np.testing.assert_allclose(figure.data[0].y, kl, rtol=1e-6)
    assert figure.layout.xaxis.ticktext is None
    assert (figure.data[0].x[0], figure.data[0].x[-1]) == (1, latent_dim)
    assert len(figure.data[0].customdata) == latent_dim


def test_names_are_text_whatever_they_look_like() -> None:
    name = "<b>x</b> %{x}"
    points, labels = np.zeros((3, 2)), np.zeros(3, np.int64)
    scatter = map_figure(points, labels, [name], axes=("a", "b"), extent=(-1, 1, -1, 1))
    lines = comparison_figure([falling(name, 3, 9.0, 5.0)], time="epochs")
    for trace in (scatter.data[0], lines.data[0]):
        assert trace.name == "&lt;b&gt;x&lt;/b&gt; %{x}"
        assert name not in (trace.hovertemplate or "")


def test_the_extent_is_a_square_about_nearly_all_points() -> None:
    points = np.zeros((10_001, 2))
    points[:, 0] = np.linspace(-1, 3, 10_001)
    points[0, 1] = 1000.0  # one distant dot does not set the scale
    left, right, bottom, top = extent_of(points)
    assert (left + right) / 2 == pytest.approx(1.0)
    assert right - left == pytest.approx(top - bottom) == pytest.approx(4 * 0.999 * 1.08)


def test_figures_out_of_all_proportion_are_drawn_without_a_warning() -> None:
    assert kl_figure([1e308, -1e308], [0, 1]).data[0].y.tolist() == [1e308, -1e308]
    curves = curves_figure({"neg_elbo": [1e308], "val_neg_elbo": [-1e308]})
    assert [trace.y[0] for trace in curves.data] == [1e308, -1e308]


def test_classes_have_the_colours_of_the_pages_map() -> None:
    path = Path(__file__).parents[1] / "static" / "live" / "parts" / "map" / "colours.js"
    light = path.read_text(encoding="utf-8").partition("classes: [")[2].partition("]")[0]
    assert tuple(re.findall("#[0-9a-f]{6}", light)) == CLASS_COLOURS
