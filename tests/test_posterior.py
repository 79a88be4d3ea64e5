"""Posteriors give draws with their density, with and without a flow."""

from __future__ import annotations

import numpy as np

from explorer.bundle.posterior import FlowPosterior, GaussianPosterior
from explorer.core.elbo import gaussian_log_density

IMAGES = np.zeros((2, 1, 1, 1), np.float32)
Z_MEAN = np.array([[0.5, -1.0], [2.0, 0.0]])
Z_LOG_VAR = np.log(np.array([[0.25, 4.0], [1.0, 0.09]]))
NOISE = np.random.default_rng(0).standard_normal((2, 5, 2))


def test_a_gaussian_draw_has_the_density_of_its_gaussian() -> None:
    z, log_q = GaussianPosterior(lambda images: (Z_MEAN, Z_LOG_VAR)).draw(IMAGES, NOISE)
    np.testing.assert_allclose(z[0, 0], [0.5 + 0.5 * NOISE[0, 0, 0], -1 + 2 * NOISE[0, 0, 1]])
    for i in range(2):
        mean, log_var = np.tile(Z_MEAN[i], (5, 1)), np.tile(Z_LOG_VAR[i], (5, 1))
        expected = gaussian_log_density(z[i], mean, log_var)
        np.testing.assert_allclose(log_q[i].sum(axis=-1), expected)


def test_a_flow_that_is_a_gaussian_is_that_gaussian() -> None:
    """z = μ + σ ε, written as a flow, gives the same results as the Gaussian itself."""

    def run(images: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        times = len(images) // 2
        mean, log_var = (np.repeat(values, times, axis=0) for values in (Z_MEAN, Z_LOG_VAR))
        z, log_q = GaussianPosterior(lambda _: (mean, log_var)).draw(images, noise[:, np.newaxis])
        return z[:, 0], log_q[:, 0]

    flow, gaussian = FlowPosterior(run, 2), GaussianPosterior(lambda images: (Z_MEAN, Z_LOG_VAR))
    for ours, expected in zip(flow.encode(IMAGES), gaussian.encode(IMAGES), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)
    for ours, expected in zip(flow.draw(IMAGES, NOISE), gaussian.draw(IMAGES, NOISE), strict=True):
        np.testing.assert_allclose(ours, expected)


def test_every_image_gets_its_own_draws() -> None:
    def run(images: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return images.reshape(-1, 1) + noise, noise

    images = np.array([10.0, 20.0]).reshape(2, 1, 1, 1)
    z, _ = FlowPosterior(run, 1).draw(images, np.array([[[1.0], [2.0]], [[3.0], [4.0]]]))
    np.testing.assert_array_equal(z[..., 0], [[11, 12], [23, 24]])
