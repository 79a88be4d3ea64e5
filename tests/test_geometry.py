"""Planes, grids and neighbours against independently known values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.geometry import (
    SPACINGS,
    Plane,
    Spacing,
    axis_label,
    axis_plane,
    grid_points,
    plane_coordinates_grid,
    principal_plane,
)
from explorer.core.neighbours import nearest

latent_dims = st.integers(2, 12)
seeds = st.integers(0, 2**32 - 1)
properties = settings(deadline=None, max_examples=60)


def random_plane(latent_dim: int, random: np.random.Generator) -> Plane:
    directions = np.linalg.qr(random.standard_normal((latent_dim, 2)))[0].T
    return Plane(random.standard_normal(latent_dim), directions, ("right", "up"))


# Planes


def distance(plane: Plane, z: Any) -> np.ndarray:
    """Return the Euclidean distance of latents from a plane, ``(n,)``."""
    off = z - (plane.origin + plane.project(z) @ plane.directions)
    return np.asarray(np.linalg.norm(off, axis=-1))


@properties
@given(latent_dims, seeds)
def test_projecting_what_was_lifted_gives_the_same_point(latent_dim: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = random_plane(latent_dim, random)
    points = random.uniform(-5, 5, (7, 2))
    np.testing.assert_allclose(plane.project(plane.lift(points)), points, atol=1e-5)


@properties
@given(latent_dims, seeds)
def test_projection_is_the_nearest_point_of_the_plane(latent_dim: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = random_plane(latent_dim, random)
    z = random.standard_normal((1, latent_dim))
    others = plane.project(z) + random.standard_normal((50, 2))
    distance_to_others = np.linalg.norm(plane.lift(others) - z, axis=1)
    assert np.all(distance(plane, z) <= distance_to_others + 1e-5)
    assert distance(plane, z) == pytest.approx(
        np.linalg.norm(plane.lift(plane.project(z)) - z), abs=1e-5
    )


@properties
@given(latent_dims, seeds)
def test_distances_along_and_off_the_plane_obey_pythagoras(latent_dim: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = random_plane(latent_dim, random)
    z = random.standard_normal((7, latent_dim))
    in_plane = np.sum(plane.project(z) ** 2, axis=1)
    total = np.sum((z - plane.origin) ** 2, axis=1)
    np.testing.assert_allclose(distance(plane, z) ** 2 + in_plane, total, atol=1e-9)


def test_an_axis_plane_keeps_latent_coordinates_and_the_other_entries() -> None:
    plane = axis_plane(2, 0, through=[9.0, 8.0, 7.0, 6.0])
    np.testing.assert_array_equal(plane.project([[1.0, 8.0, 3.0, 6.0]]), [[3.0, 1.0]])
    np.testing.assert_array_equal(plane.lift([[3.0, 1.0]]), [[1.0, 8.0, 3.0, 6.0]])
    np.testing.assert_array_equal(distance(plane, [[1.0, 11.0, 3.0, 2.0]]), [5.0])
    assert plane.labels == ("z₃", "z₁")
    assert plane.lift([[3.0, 1.0]]).dtype == np.float32


def test_an_axis_plane_leaves_the_latent_it_goes_through_unchanged() -> None:
    through = np.array([1.0, 2.0, 3.0])
    axis_plane(0, 1, through)
    np.testing.assert_array_equal(through, [1.0, 2.0, 3.0])


def test_axis_labels_count_from_one() -> None:
    assert [axis_label(0), axis_label(9), axis_label(499)] == ["z₁", "z₁₀", "z₅₀₀"]


@pytest.mark.parametrize(("horizontal", "vertical"), [(0, 2), (-1, 0), (1, 1)])
def test_dimensions_that_do_not_span_a_plane_are_refused(horizontal: int, vertical: int) -> None:
    with pytest.raises(ValueError, match="received"):
        axis_plane(horizontal, vertical, np.zeros(2))


def test_directions_that_would_distort_are_refused() -> None:
    with pytest.raises(ValueError, match="orthogonal"):
        Plane(np.zeros(2), np.array([[1.0, 0.0], [1.0, 1.0]]), ("", ""))
    with pytest.raises(ValueError, match="received directions of shape"):
        Plane(np.zeros(3), np.eye(2), ("", ""))


def test_the_principal_plane_of_a_known_ellipsoid() -> None:
    # Axis-parallel, with variances 9 : 4 : 1 after a quarter turn of dimensions 0 and 2.
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    centre = np.array([5.0, -2.0, 1.0])
    plane = principal_plane(centre + signs * [1.0, 2.0, 3.0])
    np.testing.assert_allclose(plane.origin, centre)
    np.testing.assert_allclose(plane.directions, [[0, 0, 1], [0, 1, 0]], atol=1e-12)
    assert plane.labels == (
        "principal component 1 (64 % of variance)",  # 9 / 14
        "principal component 2 (29 % of variance)",  # 4 / 14
    )


@properties
@given(latent_dims, seeds)
def test_the_principal_plane_is_nearer_to_the_data_than_any_other(
    latent_dim: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    z = random.standard_normal((40, latent_dim)) * random.uniform(0.1, 3, latent_dim)
    directions = random_plane(latent_dim, random).directions
    other = Plane(z.mean(axis=0), directions, ("", ""))
    squared = np.sum(distance(principal_plane(z), z) ** 2)
    assert squared <= np.sum(distance(other, z) ** 2) + 1e-9


def test_the_principal_plane_has_a_fixed_sign() -> None:
    z = np.random.default_rng(0).standard_normal((50, 5)) * [1, 2, 3, 4, 5]
    directions = principal_plane(z).directions
    np.testing.assert_allclose(principal_plane(2 * z.mean(axis=0) - z).directions, directions)
    assert np.all(directions[[0, 1], np.abs(directions).argmax(axis=1)] > 0)


def test_the_principal_plane_of_identical_latents_is_still_a_plane() -> None:
    plane = principal_plane(np.ones((4, 3)))
    np.testing.assert_allclose(distance(plane, np.ones((1, 3))), 0.0)
    assert plane.labels[0] == "principal component 1 (0 % of variance)"


def test_one_latent_dimension_has_no_plane() -> None:
    with pytest.raises(ValueError, match="at least 2 latent dimensions"):
        principal_plane(np.zeros((4, 1)))


# Grids


def test_linear_coordinates() -> None:
    xs, ys = plane_coordinates_grid((3, 5), spacing="linear", extent=2.0)
    np.testing.assert_allclose(xs, [-2, -1, 0, 1, 2])
    np.testing.assert_allclose(ys, [-2, 0, 2])


def test_normal_coordinates_lie_at_the_quartiles() -> None:
    # Φ(±x) at the ends is 1/4 and 3/4, so that the points between are 3/8, 1/2 and 5/8.
    quartile = 0.6744897501960817
    xs, _ = plane_coordinates_grid(5, spacing="normal", extent=quartile)
    np.testing.assert_allclose(xs, [-quartile, -0.31863936, 0, 0.31863936, quartile], atol=1e-8)


@properties
@given(st.integers(2, 60), st.sampled_from(SPACINGS), st.floats(0.1, 30))
def test_coordinates_are_symmetric_ascending_and_end_at_the_extent(
    size: int, spacing: Spacing, extent: float
) -> None:
    xs, ys = plane_coordinates_grid(size, spacing=spacing, extent=extent)
    np.testing.assert_array_equal(xs, ys)
    np.testing.assert_array_equal(xs, -xs[::-1])
    assert np.all(np.diff(xs) > 0)
    assert xs[-1] == pytest.approx(extent)


def test_a_single_tile_lies_in_the_middle() -> None:
    for spacing in SPACINGS:
        xs, ys = plane_coordinates_grid(1, spacing=spacing, extent=3.0)
        assert xs.tolist() == ys.tolist() == [0.0]


@pytest.mark.parametrize(
    ("size", "spacing", "extent"),
    [
        (0, "normal", 3.0),
        ((3, 0), "normal", 3.0),
        (3, "cubic", 3.0),
        (3, "normal", 0.0),
        (3, "normal", 31.0),
        (3, "linear", math.inf),
        (3, "linear", math.nan),
    ],
)
def test_impossible_grids_are_refused(size: int, spacing: Spacing, extent: float) -> None:
    with pytest.raises(ValueError, match="received"):
        plane_coordinates_grid(size, spacing=spacing, extent=extent)


def test_grid_points_run_row_by_row_from_the_top_left() -> None:
    points = grid_points(np.array([-1.0, 0.0, 1.0]), np.array([-5.0, 5.0]))
    assert points.tolist() == [[-1, 5], [0, 5], [1, 5], [-1, -5], [0, -5], [1, -5]]


# Neighbours


def test_nearest_sorts_by_distance_and_then_by_index() -> None:
    candidates = np.array([[3.0, 4.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.5]])
    indices, distances = nearest([0.0, 0.0], candidates, k=4)
    assert indices.tolist() == [3, 1, 2, 0]
    assert distances.tolist() == [0.5, 1.0, 1.0, 5.0]


def test_nearest_finds_a_latent_itself_at_distance_zero() -> None:
    candidates = 1e4 + np.random.default_rng(0).standard_normal((100, 8)).astype(np.float32)
    indices, distances = nearest(candidates[17], candidates)
    assert (indices.tolist(), distances.tolist()) == ([17], [0.0])


def test_nearest_returns_all_where_there_are_fewer() -> None:
    assert len(nearest([0.0], np.zeros((2, 1)), k=5)[0]) == 2
