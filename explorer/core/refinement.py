"""Refine Gaussian posteriors through the decoder: the last steps of an encoder that has them.

A network alone guesses the posteriors of unseen images worse than those of its training images.
Each step here moves and stretches a posterior by what its decoded surroundings tell, so that the
guess need only be near: semi-amortised inference. A step counts only if it lowers the −ELBO, as
estimated from a few points of the posterior.

Source: Park, Kim & Kim 2019, "Variational Laplace Autoencoders", with diagonal covariances and
damping (Levenberg 1944, Marquardt 1963); cf. Kim et al. 2018, "Semi-Amortized Variational
Autoencoders".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from explorer.core.elbo import kl_divergence
from explorer.core.likelihoods import LikelihoodName, derivatives, log_likelihood

DAMPING = 0.3
"""Damping of the first step."""
EASING = 4.0
"""Factor by which damping shrinks after a step that counts, and grows after another."""


class _Posterior(NamedTuple):
    """Posteriors of images, with what is known of their −ELBO.

    Attributes:
        mean, log_var: the Gaussians, ``(n, latent_dim)``.
        neg_elbo: nats, ``(n, 1)``.
        gradient: of the −ELBO with respect to the mean, in standard deviations,
            ``(n, latent_dim, 1)``.
        hessian: the same, by Gauss and Newton, ``(n, latent_dim, latent_dim)``.
    """

    mean: Any
    log_var: Any
    neg_elbo: Any
    gradient: Any
    hessian: Any


def refine(
    images: Any,
    z_mean: Any,
    z_log_var: Any,
    decode: Callable[[Any], Any],
    likelihood: LikelihoodName,
    steps: int,
    *,
    ops: Any = np,
) -> tuple[Any, Any]:
    """Refine the posteriors of images by damped Gauss–Newton steps on their −ELBO.

    Each posterior is decoded ``(steps + 1) · 2 · latent_dim`` times.

    Args:
        images: ``(n, height, width, channels)`` in [0, 1].
        z_mean, z_log_var: the posteriors to begin with, ``(n, latent_dim)``.
        decode: latents ``(m, latent_dim)`` → the likelihood's parameters.
        likelihood: name of the likelihood.
        steps: number of steps.
        ops: ``numpy`` or ``keras.ops``.

    Returns:
        The refined ``z_mean`` and ``z_log_var``.
    """

    def look_around(mean: Any, log_var: Any) -> _Posterior:
        return _look_around(images, mean, log_var, decode, likelihood, ops)

    best = look_around(z_mean, z_log_var)
    damping = DAMPING * ops.ones_like(best.neg_elbo)
    identity = np.eye(z_mean.shape[-1], dtype=np.float32)
    for _ in range(steps):
        diagonal = ops.sum(best.hessian * identity, axis=-1)
        damped = best.hessian + (damping * diagonal)[..., np.newaxis] * identity
        shift = _solve(damped, best.gradient, ops)[..., 0]
        tried = look_around(
            best.mean - ops.exp(0.5 * best.log_var) * shift,
            best.log_var - ops.log(diagonal) / (1.0 + damping),
        )
        counts = tried.neg_elbo < best.neg_elbo
        best = _Posterior(
            *(
                ops.where(ops.reshape(counts, (-1, *[1] * (len(new.shape) - 1))), new, old)
                for new, old in zip(tried, best, strict=True)
            )
        )
        damping = ops.where(counts, damping / EASING, damping * EASING)
    return best.mean, best.log_var


def _look_around(
    images: Any,
    mean: Any,
    log_var: Any,
    decode: Callable[[Any], Any],
    likelihood: LikelihoodName,
    ops: Any,
) -> _Posterior:
    """Estimate the −ELBO and its derivatives from points at ±√d σ along each axis.

    These have the Gaussian's mean and covariance, so that polynomials up to the third degree are
    averaged exactly (Arasaratnam & Haykin 2009, "Cubature Kalman Filters").
    """
    latent_dim = mean.shape[-1]
    distance = math.sqrt(latent_dim)
    axes = distance * np.eye(latent_dim, dtype=np.float32)[:, np.newaxis]
    spread = ops.exp(0.5 * log_var)
    z = mean + spread * np.concatenate([axes, -axes])  # (2 · latent_dim, n, latent_dim)
    output = decode(ops.reshape(z, (-1, latent_dim)))
    repeated = ops.concatenate([images] * (2 * latent_dim), axis=0)

    def by_point(values: Any, size: int) -> Any:
        return ops.reshape(values, (2 * latent_dim, -1, size))

    def average(values: Any) -> Any:
        return ops.mean(by_point(values, math.prod(values.shape[1:])), axis=0)

    neg_log_px = -log_likelihood(repeated, output, likelihood, ops=ops)
    slope, curvature = map(average, derivatives(repeated, output, likelihood, ops=ops))
    ahead, behind = ops.split(by_point(output, math.prod(output.shape[1:])), 2, axis=0)
    jacobian = ops.transpose((ahead - behind) / (2.0 * distance), (1, 0, 2))
    weighted = jacobian * curvature[:, np.newaxis]
    prior = ops.square(spread)[..., np.newaxis] * np.eye(latent_dim, dtype=np.float32)
    kl = kl_divergence(mean, log_var, ops=ops)
    return _Posterior(
        mean,
        log_var,
        neg_elbo=ops.mean(by_point(neg_log_px, 1), axis=0) + kl[:, np.newaxis],
        gradient=ops.matmul(jacobian, slope[..., np.newaxis]) + (spread * mean)[..., np.newaxis],
        hessian=ops.matmul(weighted, ops.transpose(jacobian, (0, 2, 1))) + prior,
    )


def _solve(matrix: Any, vector: Any, ops: Any) -> Any:
    """Solve for positive definite matrices, by Gauss and Jordan, in operators that ONNX has.

    Args:
        matrix: ``(n, d, d)``.
        vector: ``(n, d, 1)``.
        ops: ``numpy`` or ``keras.ops``.
    """
    both = ops.concatenate([matrix, vector], axis=-1)
    size = matrix.shape[-1]
    for k, unit in enumerate(np.eye(size, dtype=np.float32)[..., np.newaxis]):
        row = both[:, k : k + 1] / both[:, k : k + 1, k : k + 1]
        both = both - (both[:, :, k : k + 1] - unit) * row
    return both[:, :, size:]
