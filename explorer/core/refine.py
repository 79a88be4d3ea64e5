"""Search for the latent that explains an image best, from where the encoder puts it.

The decoder is a callable from latents ``(n, latent_dim)`` to the likelihood's parameters
``(n, height, width, …)``, as in ``explorer.core.likelihoods``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.core.likelihoods import LikelihoodName, derivatives, log_likelihood

STEPS = 8
_APART = 1e-2  # of finite differences; float32 decoders round at about 1e-6
_DAMPINGS = (0.0, 1.0, 10.0, 100.0, 1000.0)
_ENOUGH = 0.01  # nats: a step that gains less is the last


def negative_log_joint(
    z: np.ndarray, image: np.ndarray, parameters: np.ndarray, likelihood: LikelihoodName
) -> np.ndarray:
    """−log p(x|z) + ½‖z‖², which is −log p(x, z) up to a constant, nats, ``(n,)`` float64.

    Args:
        z: latents ``(n, latent_dim)``.
        image: ``(height, width, channels)`` in [0, 1].
        parameters: what the decoder makes of the latents.
        likelihood: what these parametrise.
    """
    log_px = log_likelihood(image[np.newaxis], parameters.astype(np.float64), likelihood)
    return np.asarray(0.5 * np.sum(np.square(z, dtype=np.float64), axis=1) - log_px)


def refine(
    start: np.ndarray,
    image: np.ndarray,
    decode_parameters: Callable[[np.ndarray], np.ndarray],
    likelihood: LikelihoodName,
) -> np.ndarray:
    """Descend ``negative_log_joint`` by at most ``STEPS`` damped Gauss–Newton steps.

    The Jacobian is taken by forward differences, in one run of the decoder. The steps of
    several dampings are tried in another, and the best is taken if it is better than none
    (Levenberg 1944; with the likelihood's curvature in place of the Hessian).

    Args:
        start: the encoder's latent, ``(latent_dim,)``.
        image: ``(height, width, channels)`` in [0, 1].
        decode_parameters: latents to likelihood parameters.
        likelihood: what these parametrise.

    Returns:
        The way, from ``start`` to the best place found, ``(k, latent_dim)`` float32.
    """
    way = [np.asarray(start, np.float32)]
    identity = np.eye(len(start), dtype=np.float32)
    for _ in range(STEPS):
        z = way[-1]
        parameters = decode_parameters(z + _APART * np.concatenate([0 * identity[:1], identity]))
        before = negative_log_joint(z[np.newaxis], image, parameters[:1], likelihood)[0]
        flat = parameters.reshape(len(parameters), -1).astype(np.float64)
        jacobian = (flat[1:] - flat[0]) / _APART  # (latent_dim, parameters)
        slope, curvature = derivatives(image, parameters[0].astype(np.float64), likelihood)
        gradient = jacobian @ slope.ravel() + z
        hessian = (jacobian * curvature.ravel()) @ jacobian.T + identity
        tried = np.stack(
            [z - np.linalg.solve(hessian + damping * identity, gradient) for damping in _DAMPINGS]
        ).astype(np.float32)
        after = negative_log_joint(tried, image, decode_parameters(tried), likelihood)
        best = int(np.argmin(after))
        if not after[best] < before:
            break
        way.append(tried[best])
        if before - after[best] < _ENOUGH:
            break
    return np.stack(way)
