"""A model whose likelihood and posterior are known exactly."""

from __future__ import annotations

import numpy as np


class LinearGaussian:
    """x = W z + b + σ ε with z ~ N(0, I): probabilistic PCA, whose p(x) is known.

    The columns of W are orthogonal, so that the exact posterior has a diagonal covariance.
    """

    weights = np.array([[0.6, 0.2], [-0.6, 0.2], [0.3, 0.4], [0.3, -0.4]])  # (pixels, latent_dim)
    bias = np.array([0.5, 0.4, 0.6, 0.5])
    variance = 0.3**2

    def decode_parameters(self, z: np.ndarray) -> np.ndarray:
        mean = (z @ self.weights.T + self.bias).reshape(-1, 2, 2, 1)
        return np.concatenate([mean, np.full_like(mean, np.log(self.variance))], axis=-1)

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and log-variance of the exact posterior."""
        precision = 1.0 + np.sum(self.weights**2, axis=0) / self.variance
        offset = images.reshape(len(images), -1) - self.bias
        z_mean = offset @ self.weights / self.variance / precision
        return z_mean, np.tile(-np.log(precision), (len(images), 1))

    def log_marginal(self, images: np.ndarray) -> np.ndarray:
        """Return log N(x; b, W Wᵀ + σ² I), nats."""
        covariance = self.weights @ self.weights.T + self.variance * np.eye(4)
        offset = images.reshape(len(images), -1) - self.bias
        distances = np.einsum("np,pq,nq->n", offset, np.linalg.inv(covariance), offset)
        log_norm = 4 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
        return np.asarray(-0.5 * (log_norm + distances))

    def reconstruction(
        self, images: np.ndarray, z_mean: np.ndarray, z_log_var: np.ndarray
    ) -> np.ndarray:
        """Return −E[log p(x|z)] in closed form, nats."""
        error = images.reshape(len(images), -1) - self.bias - z_mean @ self.weights.T
        expected = error**2 + np.exp(z_log_var) @ (self.weights**2).T
        terms = np.log(2 * np.pi * self.variance) + expected / self.variance
        return np.asarray(0.5 * np.sum(terms, axis=1))
