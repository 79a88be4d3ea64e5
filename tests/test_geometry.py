"""Planes against independently known values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.geometry import (
    Plane,
    axis_label,
    axis_plane,
    principal_plane,
)

latent_dims = st.integers(2, 12)
seeds = st.integers(0, 2**32 - 1)
properties = settings(deadline=None, max_examples=60)


def random_plane(latent_dim: int, random: np.random.Generator) -> Plane:
    directions = np.linalg.qr(random.standard_normal((latent_dim, 2)))[0].T
    return Plane(random.standard_normal(latent_dim), directions, ("right", "up"))


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
