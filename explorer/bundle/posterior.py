"""The approximate posterior q(z|x): a Gaussian, or one transformed by a flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from explorer.core.elbo import LOG_2PI, normal_log_density

Pair = tuple[np.ndarray, np.ndarray]
"""``z_mean`` and ``z_log_var``, or draws z and log q(z|x) by dimension."""


class Posterior(Protocol):
    """What q(z|x) must offer, for images ``(n, h, w, c)`` float32 in [0, 1]."""

    def encode(self, images: np.ndarray) -> Pair:
        """Centre and log-variance, ``z_mean`` and ``z_log_var``, ``(n, latent_dim)`` each."""

    def draw(self, images: np.ndarray, noise: np.ndarray) -> Pair:
        """Draws z, and log q(z|x) by dimension, nats, for standard normal noise.

        All three ``(n, samples, latent_dim)``; log q(z|x) is the sum over dimensions.
        """


@dataclass(frozen=True)
class GaussianPosterior:
    """N(z_mean, diag exp(z_log_var)).

    Attributes:
        run: images → ``z_mean``, ``z_log_var``.
    """

    run: Callable[[np.ndarray], Pair]

    def encode(self, images: np.ndarray) -> Pair:
        """See ``Posterior.encode``."""
        z_mean, z_log_var = self.run(images)
        return z_mean, z_log_var

    def draw(self, images: np.ndarray, noise: np.ndarray) -> Pair:
        """See ``Posterior.draw``."""
        mean, log_var = (values[:, np.newaxis] for values in self.encode(images))
        return mean + np.exp(0.5 * log_var) * noise, normal_log_density(noise) - 0.5 * log_var


@dataclass(frozen=True)
class FlowPosterior:
    """Gaussian noise transformed by a flow.

    Its centre is the z for noise 0, and its log-variance that of the Gaussian with the same
    density there, dimension by dimension.

    Attributes:
        run: what the flow reads and noise, ``(n, latent_dim)`` → z and log q by dimension.
        latent_dim: dimensions of z.
        read: images → what the flow reads of them, once for all draws of an image; by default
            the images themselves.
    """

    run: Callable[..., Sequence[np.ndarray]]
    latent_dim: int
    read: Callable[[np.ndarray], Sequence[np.ndarray]] = lambda images: [images]

    def encode(self, images: np.ndarray) -> Pair:
        """See ``Posterior.encode``."""
        noise = np.zeros((len(images), self.latent_dim), np.float32)
        z, log_q = self.run(*self.read(images), noise)
        return z, -2.0 * log_q - np.float32(LOG_2PI)

    def draw(self, images: np.ndarray, noise: np.ndarray) -> Pair:
        """See ``Posterior.draw``."""
        flat = noise.reshape(-1, self.latent_dim)
        repeated = (np.repeat(values, noise.shape[1], axis=0) for values in self.read(images))
        z, log_q = self.run(*repeated, flat)
        return z.reshape(noise.shape), log_q.reshape(noise.shape)
