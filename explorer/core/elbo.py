"""The terms of the evidence lower bound (ELBO), in nats per image.

Every function is pure arithmetic and runs on NumPy arrays by default; given
``ops=keras.ops`` the same formula trains the model, so that training,
evaluation and the app cannot disagree.

Shapes: images and likelihood parameters ``(n, height, width, channels)``,
latents ``(n, latent_dim)``. Sums run over all axes but the first.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

LikelihoodName = Literal["bernoulli", "gaussian"]

LOG_VAR_LIMIT = 12.0
"""z_log_var is clipped to ±12: a posterior narrower than e⁻⁶ carries nothing a float can show."""

LOG_2PI = math.log(2.0 * math.pi)


def kl_per_dimension(z_mean: Any, z_log_var: Any, *, ops: Any = np) -> Any:
    """KL(q(z|x) ‖ N(0, 1)) of each latent dimension, nats, ``(n, latent_dim)``.

    Source: Kingma & Welling 2014, appendix B.
    """
    return 0.5 * (ops.square(z_mean) + ops.exp(z_log_var) - 1.0 - z_log_var)


def kl_divergence(z_mean: Any, z_log_var: Any, *, ops: Any = np) -> Any:
    """KL(q(z|x) ‖ N(0, I)) summed over latent dimensions, nats, ``(n,)``."""
    return ops.sum(kl_per_dimension(z_mean, z_log_var, ops=ops), axis=-1)


def sampled_kl_per_dimension(
    epsilon: Any, z_log_var: Any, z: Any, log_scale: Any, *, ops: Any = np
) -> Any:
    """log q(z|x) − log p(z) at one draw, by latent dimension, nats, ``(n, latent_dim)``.

    Its expectation, summed over dimensions, is the KL divergence of a posterior that
    a flow makes of the Gaussian draw ``z_mean + exp(z_log_var / 2) · epsilon``; without
    a flow (``log_scale`` 0) each dimension's is ``kl_per_dimension``.

    Args:
        epsilon: the standard normal noise of the draw.
        z_log_var: log-variances of the Gaussian before the flow.
        z: the draw after the flow.
        log_scale: log-determinant of the flow's Jacobian, by dimension.
        ops: ``numpy`` or ``keras.ops``.

    Source: Kingma et al. 2016, eq. 11.
    """
    return 0.5 * (ops.square(z) - ops.square(epsilon) - z_log_var) - log_scale


def normal_log_density(z: Any, *, ops: Any = np) -> Any:
    """log N(z; 0, 1) of each number, nats, in the shape of ``z``."""
    return -0.5 * (LOG_2PI + ops.square(z))


def gaussian_log_density(x: Any, mean: Any, log_var: Any, *, ops: Any = np) -> Any:
    """log N(x; mean, diag exp(log_var)) summed over all axes but the first, nats, ``(n,)``."""
    terms = -0.5 * (LOG_2PI + log_var + ops.square(x - mean) * ops.exp(-log_var))
    return _sum_per_example(terms, ops)


def bernoulli_log_likelihood(images: Any, logits: Any, *, ops: Any = np) -> Any:
    """log p(x|z) with grey values in [0, 1] read as Bernoulli probabilities, nats, ``(n,)``.

    Equals ``x log p + (1 - x) log(1 - p)`` for ``p = sigmoid(logits)``, written
    without overflow as ``x·l - max(l, 0) - log(1 + exp(-|l|))``.
    """
    terms = images * logits - ops.maximum(logits, 0.0) - ops.log1p(ops.exp(-ops.abs(logits)))
    return _sum_per_example(terms, ops)


def log_likelihood(
    images: Any, parameters: Any, likelihood: LikelihoodName, *, ops: Any = np
) -> Any:
    """log p(x|z) of images under the decoder's output, nats, ``(n,)``.

    Args:
        images: values in [0, 1].
        parameters: what the decoder returns: ``channels`` logits per pixel
            ("bernoulli"), or ``channels`` means followed by ``channels``
            log-variances ("gaussian").
        likelihood: ``bernoulli`` or ``gaussian``.
        ops: ``numpy`` or ``keras.ops``.
    """
    if likelihood == "bernoulli":
        return bernoulli_log_likelihood(images, parameters, ops=ops)
    mean, log_var = ops.split(parameters, 2, axis=-1)
    return gaussian_log_density(images, mean, log_var, ops=ops)


def mean_image(parameters: np.ndarray, likelihood: LikelihoodName) -> np.ndarray:
    """E[x|z] as displayable images in [0, 1], float32, from the decoder's output."""
    if likelihood == "bernoulli":
        with np.errstate(over="ignore"):
            mean = 1.0 / (1.0 + np.exp(-parameters))
    else:
        mean = np.clip(np.split(parameters, 2, axis=-1)[0], 0.0, 1.0)
    return np.asarray(mean, np.float32)


def entropy_floor(images: np.ndarray) -> float:
    """Mean Bernoulli reconstruction term of a perfect reconstruction, nats per image.

    Grey values make the term positive even at ``p = x``: no model goes below it.
    """
    x = np.clip(images.astype(np.float64), 1e-12, 1.0 - 1e-12)
    entropy = -(x * np.log(x) + (1.0 - x) * np.log1p(-x))
    return float(np.mean(_sum_per_example(entropy, np)))


def _sum_per_example(terms: Any, ops: Any) -> Any:
    return ops.sum(terms, axis=tuple(range(1, len(terms.shape))))
