"""Bound −log p(x) of an image by any number of importance samples, in constant memory."""

from __future__ import annotations

import numpy as np

from explorer.core.elbo import normal_log_density
from explorer.core.estimates import Model
from explorer.core.likelihoods import LikelihoodName, log_likelihood
from explorer.core.subsets import batch_size_for

DRAWS = 1000
"""Draws of z that are decoded at once, unless images are large."""
SEED = 0
_FACTORS = 16
"""Number of factors between 1 and 2 to multiply before taking a logarithm, without overflow."""


def importance_bound(
    model: Model, image: np.ndarray, index: int, latent_dim: int, *, samples: int
) -> float:
    """Importance-sampled estimate of −log p(x) of one image, nats.

    ``estimates.importance_weighted_bound`` with noise that depends on the image's index
    alone, so that any image's bound can be recomputed without the others.

    Args:
        model: draws from the posterior, and decodes.
        image: ``(height, width, channels)`` float32 in [0, 1].
        index: index of the image in its set, which seeds the noise.
        latent_dim: dimensions of z.
        samples: draws of z, K.

    Source: Burda et al. 2016, eq. 8.
    """
    random = np.random.default_rng([SEED, index])
    total = -np.inf
    step = batch_size_for(image.size, DRAWS)
    for start in range(0, samples, step):
        count = min(step, samples - start)
        noise = random.standard_normal((count, latent_dim), dtype=np.float32)
        z, log_q = (values[0] for values in model.draw(image[np.newaxis], noise[np.newaxis]))
        parameters = np.asarray(model.parameters(z))
        log_ratio = np.sum(normal_log_density(z) - log_q, axis=-1, dtype=np.float64)
        log_weights = _log_likelihood(image, parameters, model.likelihood) + log_ratio
        total = np.logaddexp(total, np.logaddexp.reduce(log_weights))
    return float(np.log(samples) - total)


def _log_likelihood(
    image: np.ndarray, parameters: np.ndarray, likelihood: LikelihoodName
) -> np.ndarray:
    """``likelihoods.log_likelihood`` of one image at many draws, ``(n,)``."""
    if likelihood == "bernoulli":
        return many_bernoulli_log_likelihoods(image, parameters)
    return np.asarray(log_likelihood(image[np.newaxis], parameters, likelihood))


def many_bernoulli_log_likelihoods(image: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """``likelihoods.log_likelihood`` of one image (Bernoulli) at many draws, ``(n,)`` float32.

    As x·l − max(l, 0) − log(1 + e^−|l|) = (x − ½)·l − ½|l| − log(1 + e^−|l|), whose first two
    terms are products with a vector, and whose last takes one logarithm for several pixels.

    Args:
        image: ``(height, width, channels)`` float32 in [0, 1].
        logits: ``(n, height, width, channels)`` float32.
    """
    pixels = image.size
    flat = logits.reshape(-1, pixels)
    log_px = flat @ (image.reshape(pixels) - np.float32(0.5))
    values = np.abs(flat)
    log_px -= values @ np.full(pixels, 0.5, np.float32)
    np.negative(values, out=values)
    np.exp(values, out=values)
    values += np.float32(1.0)
    factors = next(count for count in range(_FACTORS, 0, -1) if pixels % count == 0)
    products = np.multiply.reduce(values.reshape(len(flat), factors, -1), axis=1)
    log_px -= np.log(products).sum(axis=1)
    return log_px
