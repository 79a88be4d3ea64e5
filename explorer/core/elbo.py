"""KL divergence and normal densities, for the evidence lower bound (ELBO), in nats per image.

The bound's other term is in ``explorer.core.likelihoods``.

Every function is pure arithmetic and runs on NumPy arrays by default; given
``ops=keras.ops`` the same formula trains the model, so that training,
evaluation and the app cannot disagree.

Shapes: latents ``(n, latent_dim)``. Sums run over all axes but the first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

LOG_VAR_LIMIT = 12.0
"""z_log_var is clipped to ±12: a posterior narrower than e⁻⁶ carries nothing a float can show."""

LOG_2PI = math.log(2.0 * math.pi)

TERMS = {"neg_elbo": "−ELBO", "reconstruction": "reconstruction", "kl": "KL"}
"""The −ELBO and its two terms: their names in cards and histories → those for readers."""


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


def importance_weighted(losses: Any, samples: int, *, ops: Any = np) -> Any:
    """The bound on −log p(x) from several samples, nats, ``(n,)``.

    Args:
        losses: log q(z|x) − log p(x, z) at each draw, ``(n · samples,)``, image after image.
        samples: samples for each image, K.
        ops: ``numpy`` or ``keras.ops``.

    Source: Burda et al. 2016, eq. 8.
    """
    losses = ops.reshape(losses, (-1, samples))
    least = ops.min(losses, axis=1, keepdims=True)
    return least[:, 0] - ops.log(ops.mean(ops.exp(least - losses), axis=1))


def normal_log_density(z: Any, *, ops: Any = np) -> Any:
    """log N(z; 0, 1) of each number, nats, in the shape of ``z``."""
    return -0.5 * (LOG_2PI + ops.square(z))


def gaussian_log_density(x: Any, mean: Any, log_var: Any, *, ops: Any = np) -> Any:
    """log N(x; mean, diag exp(log_var)) summed over all axes but the first, nats, ``(n,)``."""
    terms = -0.5 * (LOG_2PI + log_var + ops.square(x - mean) * ops.exp(-log_var))
    return sum_per_example(terms, ops)


def sum_per_example(terms: Any, ops: Any) -> Any:
    """The sum over all axes but the first, ``(n,)``."""
    return ops.sum(terms, axis=tuple(range(1, len(terms.shape))))
