"""The aggregate posterior's density against the normal density and a naive mixture."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explorer.core.density import MIN_LOG_VARIANCE, AggregatePosterior


def random_posteriors(n: int, latent_dim: int) -> AggregatePosterior:
    random = np.random.default_rng(0)
    z_mean = random.normal(0, 2, (n, latent_dim)).astype(np.float32)
    z_log_var = random.uniform(-9, 0.5, (n, latent_dim)).astype(np.float32)
    return AggregatePosterior(z_mean, z_log_var)


def naive_log_density(posteriors: AggregatePosterior, z: np.ndarray) -> float:
    mean = posteriors.z_mean.astype(np.float64)
    variance = np.exp(posteriors.z_log_var.astype(np.float64))
    terms = np.log(2 * np.pi * variance) + (z.astype(np.float64) - mean) ** 2 / variance
    return float(np.logaddexp.reduce(-0.5 * terms.sum(axis=1)) - np.log(len(mean)))


def test_one_standard_normal_component() -> None:
    posteriors = AggregatePosterior(np.zeros((1, 2)), np.zeros((1, 2)))
    log_density = posteriors.log_density([[0.0, 0.0], [3.0, 4.0]])
    at_origin = -math.log(2 * math.pi)
    np.testing.assert_allclose(log_density, [at_origin, at_origin - 12.5])


def test_one_component_with_its_own_mean_and_variance() -> None:
    posteriors = AggregatePosterior(np.array([[1.0]]), np.array([[math.log(4.0)]]))
    expected = -0.5 * math.log(2 * math.pi * 4.0) - 0.5 * (5.0 - 1.0) ** 2 / 4.0
    np.testing.assert_allclose(posteriors.log_density([[5.0]]), [expected])


def test_a_mixture_is_the_mean_of_its_components() -> None:
    means = np.array([[-1.0], [1.0]])
    one_each = [AggregatePosterior(mean[None], np.zeros((1, 1))) for mean in means]
    z = np.linspace(-3, 3, 7)[:, None]
    expected = np.mean([np.exp(one.log_density(z)) for one in one_each], axis=0)
    mixture = AggregatePosterior(means, np.zeros((2, 1)))
    np.testing.assert_allclose(np.exp(mixture.log_density(z)), expected, rtol=1e-6)


@pytest.mark.parametrize("latent_dim", [1, 2, 8, 20])
def test_the_matrix_product_agrees_with_the_naive_formula(latent_dim: int) -> None:
    posteriors = random_posteriors(300, latent_dim)
    z = np.random.default_rng(1).normal(0, 3, (40, latent_dim)).astype(np.float32)
    z[0] = posteriors.z_mean[0]  # in the middle of a narrow component
    z[1] = 40.0  # far from all components
    expected = [naive_log_density(posteriors, place) for place in z]
    np.testing.assert_allclose(posteriors.log_density(z), expected, rtol=1e-9, atol=1e-5)


@pytest.mark.parametrize("count", [2, 50])
def test_a_place_in_the_mixture_of_the_others(count: int) -> None:
    posteriors = random_posteriors(count, 3)
    own = np.arange(count)
    own[-1] = -1
    z = posteriors.z_mean
    expected = [
        naive_log_density(
            AggregatePosterior(np.delete(z, i, 0), np.delete(posteriors.z_log_var, i, 0)), z[i]
        )
        for i in range(count - 1)
    ]
    expected.append(naive_log_density(posteriors, z[-1]))
    np.testing.assert_allclose(posteriors.log_density(z, own), expected, rtol=1e-5)


def test_a_mixture_of_one_has_no_others() -> None:
    posteriors = AggregatePosterior(np.zeros((1, 2)), np.zeros((1, 2)))
    first, other = posteriors.log_density(np.zeros((2, 2)), np.array([0, -1]))
    assert np.isnan(first)
    assert other == pytest.approx(-math.log(2 * math.pi))


def test_chunks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    posteriors = random_posteriors(50, 3)
    z = np.random.default_rng(1).standard_normal((101, 3))
    whole = posteriors.log_density(z)
    monkeypatch.setattr("explorer.core.density._CHUNK_BYTES", 8 * 50 * 10)
    np.testing.assert_allclose(posteriors.log_density(z), whole)
    assert whole.shape == (101,)


def test_the_density_integrates_to_one() -> None:
    posteriors = random_posteriors(20, 1)
    z = np.linspace(-15, 15, 200_001)[:, None]
    assert np.sum(np.exp(posteriors.log_density(z))) * 30 / 200_000 == pytest.approx(1, abs=1e-4)


def test_a_very_distant_place_is_finite_and_not_dense() -> None:
    log_density = random_posteriors(50, 2).log_density([[1e6, -1e6]])
    assert np.isfinite(log_density).all() and log_density[0] < -1e11


def test_the_narrowest_posteriors_are_told_from_each_other() -> None:
    z_mean = np.array([[3.0, 2.0], [3.001, 2.0]])
    density = AggregatePosterior(z_mean, np.full((2, 2), -60.0)).log_density(z_mean)
    widest = -0.5 * 2 * (np.log(2 * np.pi) + MIN_LOG_VARIANCE)
    np.testing.assert_allclose(density, widest - np.log(2), atol=1e-3)


def test_no_place_has_no_density() -> None:
    assert random_posteriors(50, 2).log_density(np.empty((0, 2))).shape == (0,)


def test_means_and_log_variances_must_belong_together() -> None:
    with pytest.raises(ValueError, match=r"received \(3, 2\) and \(3, 1\)"):
        AggregatePosterior(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="n > 0"):
        AggregatePosterior(np.zeros((0, 2)), np.zeros((0, 2)))
