"""Search for the q(z|x) that explains an image best, from the one that the encoder gives.

The decoder is a callable from latents ``(n, latent_dim)`` to the likelihood's parameters
``(n, height, width, …)``, as in ``explorer.core.likelihoods``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.core.elbo import LOG_VAR_LIMIT, kl_divergence
from explorer.core.likelihoods import LikelihoodName, derivatives, log_likelihood

STEPS = 8
_APART = 1e-2  # of finite differences; float32 decoders round at about 1e-6
_DAMPINGS = (0.0, 1.0, 10.0, 100.0, 1000.0)
_ENOUGH = 0.01  # nats: a step that gains less is the last
_MOST_PAIRS = 4
_DECODED = 170  # latents at most for a step, if one pair of draws takes no more

Decode = Callable[[np.ndarray], np.ndarray]


def negative_elbo(
    z_mean: np.ndarray,
    z_log_var: np.ndarray,
    noise: np.ndarray,
    image: np.ndarray,
    decode_parameters: Decode,
    likelihood: LikelihoodName,
) -> np.ndarray:
    """−ELBO of an image under Gaussian posteriors, nats, ``(n,)`` float64.

    Args:
        z_mean: their means ``(n, latent_dim)``.
        z_log_var: their log-variances, of the same shape.
        noise: the standard normal draws that all share, ``(samples, latent_dim)``.
        image: ``(height, width, channels)`` in [0, 1].
        decode_parameters: latents to likelihood parameters.
        likelihood: what these parametrise.
    """
    z = z_mean[:, np.newaxis] + np.exp(0.5 * z_log_var)[:, np.newaxis] * noise
    parameters = decode_parameters(z.reshape(-1, z.shape[-1]).astype(np.float32))
    log_px = log_likelihood(image[np.newaxis], parameters.astype(np.float64), likelihood)
    expected = log_px.reshape(z.shape[:2]).mean(axis=1)
    return np.asarray(kl_divergence(z_mean, z_log_var) - expected)


def refine(
    z_mean: np.ndarray,
    z_log_var: np.ndarray,
    image: np.ndarray,
    decode_parameters: Decode,
    likelihood: LikelihoodName,
) -> tuple[np.ndarray, np.ndarray]:
    """Descend −ELBO by mean and variance of q(z|x) itself: semi-amortised (Kim et al. 2018).

    At most ``STEPS`` damped Gauss–Newton steps (Levenberg 1944), with gradient and curvature
    averaged over draws of z: a precision of the best Gaussian is the expected curvature in its
    dimension (Opper & Archambeau 2009, eq. 5), for which the likelihood's curvature stands in.
    The Jacobian at each draw is taken by forward differences, all in one run of the decoder.
    Draws come in pairs of opposite noise, whose errors cancel to first order.

    Args:
        z_mean: the encoder's, ``(latent_dim,)``.
        z_log_var: the encoder's, ``(latent_dim,)``.
        image: ``(height, width, channels)`` in [0, 1].
        decode_parameters: latents to likelihood parameters.
        likelihood: what these parametrise.

    Returns:
        The way of the mean and of the log-variance from the encoder's to the best ones found,
        ``(k, latent_dim)`` float32 each.
    """
    latent_dim = len(z_mean)
    pairs = min(max(_DECODED // (2 * (latent_dim + 1)), 1), _MOST_PAIRS)
    half = np.random.default_rng(0).standard_normal((pairs, latent_dim))
    noise = np.concatenate([half, -half])
    mean = z_mean.astype(np.float64)
    log_var = np.clip(z_log_var.astype(np.float64), -LOG_VAR_LIMIT, LOG_VAR_LIMIT)
    means, log_vars = [mean], [log_var]

    def objective(means: np.ndarray, log_vars: np.ndarray) -> np.ndarray:
        return negative_elbo(means, log_vars, noise, image, decode_parameters, likelihood)

    before = objective(mean[np.newaxis], log_var[np.newaxis])[0]
    for _ in range(STEPS):
        gradient, hessian = _curvature(
            mean + np.exp(0.5 * log_var) * noise, image, decode_parameters, likelihood
        )
        gradient, hessian = gradient + mean, hessian + np.eye(latent_dim)
        precision = np.exp(-log_var)
        tried = [
            (
                mean - np.linalg.solve(hessian + damping * np.eye(latent_dim), gradient),
                -np.log((np.diag(hessian) + damping * precision) / (1.0 + damping)),
            )
            for damping in _DAMPINGS
        ]
        after = objective(np.stack([m for m, _ in tried]), np.stack([v for _, v in tried]))
        best = int(np.argmin(after))
        gain, before = before - after[best], after[best]
        if not gain > 0.0:
            break
        mean, log_var = tried[best]
        means.append(mean)
        log_vars.append(log_var)
        if gain < _ENOUGH:
            break
    return np.stack(means).astype(np.float32), np.stack(log_vars).astype(np.float32)


def _curvature(
    z: np.ndarray, image: np.ndarray, decode_parameters: Decode, likelihood: LikelihoodName
) -> tuple[np.ndarray, np.ndarray]:
    """Mean gradient of −log p(x|z) over draws ``(n, latent_dim)``, and its mean curvature."""
    n, latent_dim = z.shape
    apart = _APART * np.concatenate([np.zeros((1, latent_dim)), np.eye(latent_dim)])
    near = (z[:, np.newaxis] + apart).reshape(-1, latent_dim).astype(np.float32)
    parameters = decode_parameters(near).astype(np.float64)
    parameters = parameters.reshape(n, latent_dim + 1, *parameters.shape[1:])
    gradient, hessian = np.zeros(latent_dim), np.zeros((latent_dim, latent_dim))
    for here, *moved in parameters:
        jacobian = ((np.stack(moved) - here) / _APART).reshape(latent_dim, -1)
        slope, curvature = derivatives(image, here, likelihood)
        gradient += jacobian @ slope.ravel() / n
        hessian += (jacobian * curvature.ravel()) @ jacobian.T / n
    return gradient, hessian
