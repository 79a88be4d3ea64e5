"""Directions against independently known values."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.core.directions import (
    area_under_curve,
    between_means,
    direction,
    fitted_to_groups,
    fitted_to_values,
)


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    """Of the pairs (1, 2), (1, 5), (3, 2), (3, 5), three are in order; a tie counts half."""
    is_second = np.array([False, False, True, True])
    assert area_under_curve(np.array([1.0, 3, 2, 5]), is_second) == 0.75
    assert area_under_curve(np.array([1.0, 2, 2, 5]), is_second) == 0.875
    assert area_under_curve(np.array([5.0, 6, 1, 2]), is_second) == 0.0


def test_a_direction_counts_in_standard_deviations_from_the_middle() -> None:
    z = np.array([[1.0, 0], [3, 0], [5, 0], [7, 0]])
    found = direction(np.array([10.0, 0]), z)
    np.testing.assert_allclose(found.unit, [1, 0])
    assert found.middle == 4.0
    assert found.deviation == pytest.approx(5**0.5)
    np.testing.assert_allclose(found.project(z[[0, 3]]), [-3 / 5**0.5, 3 / 5**0.5])
    with pytest.raises(ValueError, match="no direction"):
        direction(np.zeros(2), z)


def test_groups_in_a_slanting_cloud() -> None:
    """The means differ along x, but x − y separates the groups best."""
    generator = np.random.default_rng(0)
    is_second = np.arange(4000) % 2 == 1
    common = generator.normal(size=4000) * 3
    x = common + generator.normal(size=4000) * 0.3 + is_second
    z = np.stack([x, common + generator.normal(size=4000) * 0.3], axis=1)
    mean, fitted = between_means(z, is_second), fitted_to_groups(z, is_second)
    np.testing.assert_allclose(mean, [1, 0], atol=0.15)
    np.testing.assert_allclose(fitted / fitted[0], [1, -1], atol=0.05)
    scores = [area_under_curve(z @ vector, is_second) for vector in (mean, fitted)]
    assert scores[0] < 0.65
    assert scores[1] == pytest.approx(0.952, abs=0.01)  # Φ(1 / (0.3 · 2))


def test_a_number_that_grows_along_a_slope() -> None:
    z = np.random.default_rng(0).normal(size=(500, 3))
    values = z @ [2.0, -1, 0] + 7
    values[::10] = np.nan
    np.testing.assert_allclose(fitted_to_values(z, values), [2, -1, 0], atol=1e-9)


@pytest.mark.parametrize("values", [[3.0] * 4, [np.nan] * 4, [np.nan, 5, np.nan, 5]])
def test_a_column_without_two_values_gives_no_direction(values: list[float]) -> None:
    with pytest.raises(ValueError, match="fewer than two different values"):
        fitted_to_values(np.arange(8.0).reshape(4, 2), np.array(values))
