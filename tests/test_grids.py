"""Grids over a plane against independently known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.grids import SPACINGS, Spacing, grid_coordinates, grid_points

properties = settings(deadline=None, max_examples=60)


def test_linear_coordinates() -> None:
    xs, ys = grid_coordinates((3, 5), spacing="linear", extent=2.0)
    np.testing.assert_allclose(xs, [-2, -1, 0, 1, 2])
    np.testing.assert_allclose(ys, [-2, 0, 2])


def test_normal_coordinates_lie_at_the_quartiles() -> None:
    # Φ(±x) at the ends is 1/4 and 3/4, so that the points between are 3/8, 1/2 and 5/8.
    quartile = 0.6744897501960817
    xs, _ = grid_coordinates((1, 5), spacing="normal", extent=quartile)
    np.testing.assert_allclose(xs, [-quartile, -0.31863936, 0, 0.31863936, quartile], atol=1e-8)


@properties
@given(st.integers(2, 60), st.sampled_from(SPACINGS), st.floats(0.1, 30))
def test_coordinates_are_symmetric_ascending_and_end_at_the_extent(
    size: int, spacing: Spacing, extent: float
) -> None:
    xs, ys = grid_coordinates((size, size), spacing=spacing, extent=extent)
    np.testing.assert_array_equal(xs, ys)
    np.testing.assert_array_equal(xs, -xs[::-1])
    assert np.all(np.diff(xs) > 0)
    assert xs[-1] == pytest.approx(extent)


def test_a_single_tile_lies_in_the_middle() -> None:
    for spacing in SPACINGS:
        xs, ys = grid_coordinates((1, 1), spacing=spacing, extent=3.0)
        assert xs.tolist() == ys.tolist() == [0.0]


@pytest.mark.parametrize(
    ("size", "spacing", "extent"),
    [
        ((0, 3), "normal", 3.0),
        ((3, 0), "normal", 3.0),
        ((3, 3), "cubic", 3.0),
        ((3, 3), "normal", 0.0),
        ((3, 3), "normal", 31.0),
        ((3, 3), "linear", math.inf),
        ((3, 3), "linear", math.nan),
    ],
)
def test_impossible_grids_are_refused(
    size: tuple[int, int], spacing: Spacing, extent: float
) -> None:
    with pytest.raises(ValueError, match="received"):
        grid_coordinates(size, spacing=spacing, extent=extent)


def test_grid_points_run_row_by_row_from_the_top_left() -> None:
    points = grid_points(np.array([-1.0, 0.0, 1.0]), np.array([-5.0, 5.0]))
    assert points.tolist() == [[-1, 5], [0, 5], [1, 5], [-1, -5], [0, -5], [1, -5]]
