"""Paths against independently known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.core.paths import lerp, slerp, traversal

coordinates = st.floats(-10, 10, width=32)
properties = settings(deadline=None, max_examples=60)


@st.composite
def two_latents(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    latent_dim = draw(st.integers(1, 8))
    latent = arrays(np.float32, latent_dim, elements=coordinates)
    return draw(latent), draw(latent)


def test_slerp_half_way_between_orthogonal_unit_vectors_is_their_normalised_sum() -> None:
    middle = slerp([1.0, 0.0], [0.0, 1.0], [0.5])
    np.testing.assert_allclose(middle, [[math.sqrt(0.5), math.sqrt(0.5)]], rtol=1e-7)


def test_slerp_turns_at_constant_speed_and_changes_the_norm_linearly() -> None:
    path = slerp([1.0, 0.0], [0.0, 4.0], [1 / 3, 2 / 3])
    thirty, sixty = math.radians(30), math.radians(60)
    expected = [
        [2 * math.cos(thirty), 2 * math.sin(thirty)],
        [3 * math.cos(sixty), 3 * math.sin(sixty)],
    ]
    np.testing.assert_allclose(path, expected, rtol=1e-6)


def test_slerp_between_opposite_vectors_is_a_half_circle() -> None:
    path = slerp([2.0, 0.0, 0.0], [-2.0, 0.0, 0.0], np.linspace(0, 1, 181))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2.0, rtol=1e-6)
    np.testing.assert_allclose(path[90], [0.0, 2.0, 0.0], atol=1e-6)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    np.testing.assert_allclose(steps, 4 * math.sin(math.radians(0.5)), rtol=1e-4)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 2.0], [2.0, 4.0]),  # the same direction
        ([0.0, 0.0], [3.0, 1.0]),  # from the origin
        ([3.0, 1.0], [0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([2.0], [-1.0]),  # one dimension
    ],
)
def test_slerp_is_the_straight_line_where_there_is_no_arc(a: list[float], b: list[float]) -> None:
    t = np.linspace(0, 1, 11)
    np.testing.assert_allclose(slerp(a, b, t), lerp(a, b, t), atol=1e-6)


def test_slerp_of_nearly_parallel_vectors_is_close_to_the_straight_line() -> None:
    t = np.linspace(0, 1, 11)
    a, b = np.array([1.0, 0.0]), np.array([1.0, 2e-7])
    np.testing.assert_allclose(slerp(a, b, t), lerp(a, b, t), atol=1e-9)


def test_lerp_is_the_weighted_mean() -> None:
    path = lerp([0.0, 4.0], [8.0, 0.0], [0.0, 0.25, 1.0])
    np.testing.assert_array_equal(path, [[0, 4], [2, 3], [8, 0]])


@properties
@given(two_latents())
def test_paths_begin_and_end_exactly_at_their_ends(ends: tuple[np.ndarray, np.ndarray]) -> None:
    for path in (lerp, slerp):
        np.testing.assert_array_equal(path(*ends, [0.0, 1.0]), ends)


@properties
@given(two_latents())
def test_slerp_has_norms_between_those_of_its_ends(ends: tuple[np.ndarray, np.ndarray]) -> None:
    norms = np.linalg.norm(slerp(*ends, np.linspace(0, 1, 21)).astype(np.float64), axis=1)
    # Only the straight line through the origin, in one dimension, may come nearer to it.
    low, high = sorted(np.linalg.norm(end.astype(np.float64)) for end in ends)
    assert norms.max() <= high + 1e-5
    assert norms.min() >= low - 1e-5 or len(ends[0]) == 1


@properties
@given(two_latents())
def test_lerp_never_leaves_the_ball_of_its_ends(ends: tuple[np.ndarray, np.ndarray]) -> None:
    norms = np.linalg.norm(lerp(*ends, np.linspace(0, 1, 21)), axis=1)
    assert norms.max() <= max(np.linalg.norm(end) for end in ends) + 1e-5


def test_a_traversal_changes_one_dimension() -> None:
    z = np.array([1.0, 2.0, 3.0])
    latents = traversal(z, 1, [-1.0, 0.0])
    assert latents.tolist() == [[1, -1, 3], [1, 0, 3]]
    assert z.tolist() == [1, 2, 3]
    assert latents.dtype == np.float32


def test_a_traversal_of_a_missing_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 2; received 3"):
        traversal(np.zeros(3), 3, [0.0])
