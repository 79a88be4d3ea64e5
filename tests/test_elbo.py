"""The terms of the ELBO against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explorer.core.elbo import (
    gaussian_log_density,
    importance_weighted,
    kl_divergence,
    kl_per_dimension,
)


def test_kl_is_zero_at_the_prior() -> None:
    np.testing.assert_array_equal(kl_divergence(np.zeros((3, 5)), np.zeros((3, 5))), 0.0)


def test_kl_of_a_normal_shifted_by_one_is_half_a_nat() -> None:
    assert kl_divergence(np.ones((1, 1)), np.zeros((1, 1))) == pytest.approx(0.5)


def test_kl_of_a_normal_of_half_the_width() -> None:
    # ½ (σ² − 1 − log σ²) at σ = ½.
    expected = 0.5 * (0.25 - 1.0 + math.log(4.0))
    assert kl_divergence(np.zeros((1, 1)), np.log([[0.25]])) == pytest.approx(expected)


def test_kl_sums_over_dimensions() -> None:
    z_mean, z_log_var = np.array([[0.0, 1.0, 2.0]]), np.zeros((1, 3))
    np.testing.assert_allclose(kl_per_dimension(z_mean, z_log_var), [[0.0, 0.5, 2.0]])
    np.testing.assert_allclose(kl_divergence(z_mean, z_log_var), [2.5])


def test_kl_is_the_integral_of_its_definition() -> None:
    z = np.linspace(-12, 12, 100_001)[:, None]
    log_q = gaussian_log_density(z, 0.7, math.log(0.3))
    log_p = gaussian_log_density(z, 0.0, 0.0)
    integral = np.sum(np.exp(log_q) * (log_q - log_p)) * 24 / 100_000
    assert kl_divergence(np.array([[0.7]]), np.log([[0.3]])) == pytest.approx(integral)


def test_gaussian_log_density_of_the_standard_normal() -> None:
    values = gaussian_log_density(np.array([[0.0, 0.0], [1.0, 2.0]]), 0.0, 0.0)
    np.testing.assert_allclose(values, [-1.8378770664, -1.8378770664 - 2.5])


def test_the_bound_of_several_samples_is_the_logarithm_of_their_mean_weight() -> None:
    losses = np.array([1.0, 2.0, 4.0, 5000.0, 5001.0, 9000.0])  # weights that underflow
    mean = (math.exp(-1.0) + math.exp(-2.0) + math.exp(-4.0)) / 3
    expected = [-math.log(mean), 5000.0 - math.log((1 + math.exp(-1.0)) / 3)]
    np.testing.assert_allclose(importance_weighted(losses, 3), expected)
    np.testing.assert_array_equal(importance_weighted(losses, 1), losses)
