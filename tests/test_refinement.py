"""Refined posteriors: exact where the best one is known, and better on average elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from linear_gaussian import LinearGaussian

from explorer.core.elbo import kl_divergence
from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName, log_likelihood
from explorer.core.refinement import refine

MODEL = LinearGaussian()
IMAGES = np.random.default_rng(0).random((20, 2, 2, 1)).astype(np.float32)


@pytest.mark.parametrize(("shift", "log_scale"), [(0.0, 0.0), (1.0, 1.5), (-3.0, -2.0)])
def test_a_misplaced_gaussian_becomes_the_exact_posterior(shift: float, log_scale: float) -> None:
    z_mean, z_log_var = MODEL.encode(IMAGES)
    start = z_mean + shift * np.exp(0.5 * z_log_var), z_log_var + 2 * log_scale
    found = refine(IMAGES, *start, MODEL.decode_parameters, "gaussian", 8)
    np.testing.assert_allclose(found[0], z_mean, atol=1e-3)
    np.testing.assert_allclose(found[1], z_log_var, atol=1e-2)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_neg_elbo_falls_for_every_likelihood_and_almost_every_image(
    likelihood: LikelihoodName,
) -> None:
    random = np.random.default_rng(1)
    first = random.standard_normal((3, 8)).astype(np.float32)
    parameters = len(LIKELIHOODS[likelihood].parameters)
    second = 0.5 * random.standard_normal((8, 12 * parameters)).astype(np.float32)
    images = random.random((50, 3, 4, 1), np.float32)

    def decode(z: np.ndarray) -> np.ndarray:
        return np.asarray(np.tanh(z @ first) @ second).reshape(-1, 3, 4, parameters)

    def neg_elbo(z_mean: np.ndarray, z_log_var: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(2).standard_normal((400, 1, 3), np.float32)
        z = (z_mean + np.exp(0.5 * z_log_var) * noise).reshape(-1, 3)
        log_px = log_likelihood(np.concatenate([images] * 400), decode(z), likelihood)
        return np.asarray(kl_divergence(z_mean, z_log_var) - log_px.reshape(400, -1).mean(axis=0))

    start = np.zeros((50, 3), np.float32), np.zeros((50, 3), np.float32)
    reached = [
        neg_elbo(*refine(images, *start, decode, likelihood, steps)) for steps in (0, 1, 2, 6)
    ]
    means = np.mean(reached, axis=1)
    assert means[1] < means[0] - 0.02
    assert np.all(np.diff(means) < 0.01)
    assert np.mean(reached[-1] < reached[0] + 0.1) > 0.95


def test_no_steps_change_nothing() -> None:
    start = MODEL.encode(IMAGES)
    found = refine(IMAGES, *start, MODEL.decode_parameters, "gaussian", 0)
    np.testing.assert_array_equal(found, start)
