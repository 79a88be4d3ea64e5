"""Mixtures against the distributions to which they are fitted."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.core.density import AggregatePosterior
from explorer.core.mixtures import fit_mixture


@pytest.mark.parametrize("latent_dim", [2, 12])
def test_draws_lie_where_the_latents_lie(latent_dim: int) -> None:
    """Two round clusters in a ratio of 3 : 1; hardly any draw lies between them."""
    generator = np.random.default_rng(0)
    middles = np.zeros((1000, latent_dim))
    middles[:750, 0], middles[750:, 0] = -10, 10
    z = middles + generator.standard_normal(middles.shape)
    drawn = fit_mixture(z, seed=0).draw(4000, generator)
    assert drawn.shape == (4000, latent_dim)
    assert np.mean(np.abs(drawn[:, 0]) < 5) < 0.005
    assert np.mean(drawn[:, 0] < 0) == pytest.approx(0.75, abs=0.03)
    left = drawn[drawn[:, 0] < 0]
    np.testing.assert_allclose(left.mean(axis=0), [-10] + [0] * (latent_dim - 1), atol=0.2)
    np.testing.assert_allclose(left.std(axis=0), 1, atol=0.15)


def test_few_latents_are_one_heap() -> None:
    mixture = fit_mixture(np.arange(4.0)[:, np.newaxis], seed=0)
    assert mixture.weights.tolist() == [1]
    assert mixture.means[0, 0] == pytest.approx(1.5)


def test_a_single_latent_is_drawn_again() -> None:
    drawn = fit_mixture(np.array([[3.0, -1.0]]), seed=0).draw(50, np.random.default_rng(0))
    np.testing.assert_allclose(drawn, np.tile([3.0, -1.0], (50, 1)), atol=0.1)


def test_the_aggregate_posterior_is_drawn_image_by_image() -> None:
    z_mean = np.array([[0.0, 0.0], [100.0, 50.0]])
    posterior = AggregatePosterior(z_mean, np.log(np.array([[1.0, 1.0], [4.0, 0.25]])))
    drawn = posterior.draw(4000, np.random.default_rng(0))
    second = drawn[drawn[:, 0] > 50]
    assert len(second) == pytest.approx(2000, abs=120)
    np.testing.assert_allclose(second.mean(axis=0), [100, 50], atol=0.15)
    np.testing.assert_allclose(second.std(axis=0), [2, 0.5], rtol=0.06)
