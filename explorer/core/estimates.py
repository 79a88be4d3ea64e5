"""The terms of the ELBO and a tighter bound of each image, estimated by draws of z from q(z|x).

``encode`` takes images in [0, 1], ``(n, height, width, channels)`` float32, to
``(z_mean, z_log_var)``, each ``(n, latent_dim)``; ``draw`` takes images and
noise ε ``(n, samples, latent_dim)`` to draws z from q(z|x) and log q(z|x) by dimension,
in nats (``Codec.draw``); ``decode_parameters`` takes
latents ``(n, latent_dim)`` to the parameters of the likelihood, as in
``explorer.core.likelihoods`` (``Codec.parameters``, not the mean images of
``Codec.decode``). Images may be uint8 (also memory-mapped) or floats in
[0, 1]; they are converted batch by batch, so that memory does not grow with
the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from explorer.core.elbo import importance_weighted, normal_log_density
from explorer.core.likelihoods import LikelihoodName, log_likelihood
from explorer.core.pixels import to_unit_range
from explorer.core.subsets import batch_size_for, batches

Encode = Callable[[np.ndarray], tuple[Any, Any]]
Draw = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
DecodeParameters = Callable[[np.ndarray], Any]


def encode_all(
    encode: Encode, images: np.ndarray, batch_size: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and log-variances of all images, ``(n, latent_dim)`` float32 each."""
    size = batch_size_for(images[0].size, batch_size)
    means, log_vars = zip(
        *(encode(to_unit_range(images[batch])) for batch in batches(len(images), size)),
        strict=True,
    )
    return np.concatenate(means).astype(np.float32), np.concatenate(log_vars).astype(np.float32)


def elbo_terms(
    draw: Draw,
    decode_parameters: DecodeParameters,
    images: np.ndarray,
    latent_dim: int,
    likelihood: LikelihoodName,
    *,
    samples: int = 1,
    seed: int = 0,
    batch_size: int = 1000,
) -> tuple[np.ndarray, np.ndarray]:
    """The two terms of the negative ELBO of each image, nats, as means over draws of z.

    −E[log p(x|z)] and, by dimension, E[log q(z|x) − log p(z)], whose sum is the KL
    divergence (Kingma & Welling 2014, eq. 3). For a Gaussian posterior the latter has a
    closed form without noise: ``elbo.kl_per_dimension``.

    Args:
        draw: images and noise to draws of z and log q(z|x).
        decode_parameters: latents to likelihood parameters.
        images: ``(n, height, width, channels)``.
        latent_dim: dimensions of z.
        likelihood: what the decoder's output parametrises.
        samples: draws of z for each image.
        seed: the same seed gives the same draws, whatever the batch size.
        batch_size: latents decoded at once (at least the draws of one image; fewer where images
            are large).

    Returns:
        Reconstruction term ``(n,)`` and KL divergence ``(n, latent_dim)``, float64.
    """
    reconstruction, kl = np.empty(len(images)), np.empty((len(images), latent_dim))
    for batch, log_px, log_ratio in _draws(
        draw, decode_parameters, images, latent_dim, likelihood, samples, seed, batch_size
    ):
        reconstruction[batch], kl[batch] = -log_px.mean(axis=1), -log_ratio.mean(axis=1)
    return reconstruction, kl


def importance_weighted_bound(
    draw: Draw,
    decode_parameters: DecodeParameters,
    images: np.ndarray,
    latent_dim: int,
    likelihood: LikelihoodName,
    *,
    samples: int = 100,
    seed: int = 0,
    batch_size: int = 1000,
) -> np.ndarray:
    """Importance-sampled estimate of −log p(x) of each image, nats, ``(n,)`` float64.

    −log 1/K Σ p(x|z_k) p(z_k) / q(z_k|x) with z_k from q(z|x) (Burda et al.
    2016, eq. 8). Its expectation lies above −log p(x), and approaches it
    as K = ``samples`` grows; at K = 1 it is the −ELBO. Arguments as for
    ``elbo_terms``.
    """
    bound = np.empty(len(images))
    for batch, log_px, log_ratio in _draws(
        draw, decode_parameters, images, latent_dim, likelihood, samples, seed, batch_size
    ):
        log_weights = log_px + log_ratio.sum(axis=-1)
        bound[batch] = importance_weighted(-log_weights.ravel(), samples)
    return bound


def _draws(
    draw: Draw,
    decode_parameters: DecodeParameters,
    images: np.ndarray,
    latent_dim: int,
    likelihood: LikelihoodName,
    samples: int,
    seed: int,
    batch_size: int,
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Batch by batch: log p(x|z) ``(batch, samples)``, and log p(z) − log q(z|x) by dimension.

    Noise is drawn image after image, so the batch size does not change it.
    """
    random = np.random.default_rng(seed)
    size = batch_size_for(images[0].size, batch_size)
    for batch in batches(len(images), max(1, size // samples)):
        x = to_unit_range(images[batch])
        noise = random.standard_normal((len(x), samples, latent_dim), dtype=np.float32)
        z, log_q = draw(x, noise)  # (batch, samples, latent_dim) each
        parameters = np.asarray(decode_parameters(z.reshape(-1, latent_dim)))
        log_px = log_likelihood(np.repeat(x, samples, axis=0), parameters, likelihood)
        log_ratio = normal_log_density(z.astype(np.float64)) - log_q
        yield batch, log_px.reshape(len(x), samples).astype(np.float64), log_ratio
