"""The terms of the ELBO and a tighter bound of each image, estimated by draws of z from q(z|x).

Images may be uint8 (also memory-mapped) or floats in [0, 1]; they are converted batch by batch, so
that memory does not grow with the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from explorer.core.elbo import importance_weighted, normal_log_density
from explorer.core.likelihoods import LikelihoodName, log_likelihood
from explorer.core.pixels import to_unit_range
from explorer.core.subsets import batch_size_for, batches

AT_ONCE = 1000
"""Images encoded, or latents decoded, at once; fewer if images are large."""


class Model(Protocol):
    """The parts of a trained model that estimates need; ``explorer.bundle.codec.Codec`` is one."""

    @property
    def likelihood(self) -> LikelihoodName:
        """What the decoder's output parametrises."""

    def encode(self, images: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        """Images in [0, 1] ``(n, height, width, channels)`` float32 → ``z_mean``, ``z_log_var``.

        Both are ``(n, latent_dim)``.
        """

    def draw(self, images: np.ndarray, noise: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        """Images and noise ε → draws z from q(z|x), and log q(z|x) by dimension, nats.

        Noise and results are ``(n, samples, latent_dim)``.
        """

    def parameters(self, z: np.ndarray, /) -> np.ndarray:
        """Latents ``(n, latent_dim)`` → the likelihood's parameters, not mean images."""


def encode_all(
    encode: Callable[[np.ndarray], tuple[Any, Any]], images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and log-variances of all images, ``(n, latent_dim)`` float32 each."""
    size = batch_size_for(images[0].size, AT_ONCE)
    means, log_vars = zip(
        *(encode(to_unit_range(images[batch])) for batch in batches(len(images), size)),
        strict=True,
    )
    return np.concatenate(means).astype(np.float32), np.concatenate(log_vars).astype(np.float32)


def elbo_terms(
    model: Model, images: np.ndarray, latent_dim: int, *, samples: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The two terms of the negative ELBO of each image, nats, as means over draws of z.

    −E[log p(x|z)] and, by dimension, E[log q(z|x) − log p(z)], whose sum is the KL
    divergence (Kingma & Welling 2014, eq. 3). For a Gaussian posterior the latter has a
    closed form without noise: ``elbo.kl_per_dimension``.

    Args:
        model: draws from the posterior, and decodes.
        images: ``(n, height, width, channels)``.
        latent_dim: dimensions of z.
        samples: draws of z for each image.
        seed: the same seed gives the same draws, whatever the batch size.

    Returns:
        Reconstruction term ``(n,)`` and KL divergence ``(n, latent_dim)``, float64.
    """
    reconstruction, kl = np.empty(len(images)), np.empty((len(images), latent_dim))
    for batch, log_px, log_ratio in _draws(model, images, latent_dim, samples, seed):
        reconstruction[batch], kl[batch] = -log_px.mean(axis=1), -log_ratio.mean(axis=1)
    return reconstruction, kl


def importance_weighted_bound(
    model: Model, images: np.ndarray, latent_dim: int, *, samples: int, seed: int = 0
) -> np.ndarray:
    """Importance-sampled estimate of −log p(x) of each image, nats, ``(n,)`` float64.

    −log 1/K Σ p(x|z_k) p(z_k) / q(z_k|x) with z_k from q(z|x) (Burda et al.
    2016, eq. 8). Its expectation lies above −log p(x), and approaches it
    as K = ``samples`` grows; at K = 1 it is the −ELBO. Arguments as for
    ``elbo_terms``.
    """
    bound = np.empty(len(images))
    for batch, log_px, log_ratio in _draws(model, images, latent_dim, samples, seed):
        log_weights = log_px + log_ratio.sum(axis=-1)
        bound[batch] = importance_weighted(-log_weights.ravel(), samples)
    return bound


def _draws(
    model: Model, images: np.ndarray, latent_dim: int, samples: int, seed: int
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Batch by batch: log p(x|z) ``(batch, samples)``, and log p(z) − log q(z|x) by dimension.

    Noise is drawn image after image, so the batch size does not change it.
    """
    random = np.random.default_rng(seed)
    size = batch_size_for(images[0].size, AT_ONCE)
    for batch in batches(len(images), max(1, size // samples)):
        x = to_unit_range(images[batch])
        noise = random.standard_normal((len(x), samples, latent_dim), dtype=np.float32)
        z, log_q = model.draw(x, noise)  # (batch, samples, latent_dim) each
        parameters = np.asarray(model.parameters(z.reshape(-1, latent_dim)))
        log_px = log_likelihood(np.repeat(x, samples, axis=0), parameters, model.likelihood)
        log_ratio = normal_log_density(z.astype(np.float64)) - log_q
        yield batch, log_px.reshape(len(x), samples).astype(np.float64), log_ratio
