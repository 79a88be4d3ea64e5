"""The amortisation gap: how much of the ELBO a VAE loses by its encoder.

The encoder's posterior for an image is moved, and stretched along each axis, to minimise that
image's −ELBO with the decoder fixed. A Gaussian thus gets the best mean and diagonal
covariance; a flow's posterior keeps its shape. Refined values show what a better encoder
could reach; they are not the model's −ELBO. ``static/live/shared/refine.js`` does the same
for one image.

Source: Cremer, Li & Duvenaud 2018, "Inference Suboptimality in Variational Autoencoders".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.core.elbo import normal_log_density
from explorer.core.estimates import Model
from explorer.core.likelihoods import LIKELIHOODS, derivatives, log_likelihood
from explorer.core.pixels import to_unit_range
from explorer.core.subsets import batches

STEPS = 6
DRAWS, JUDGING_DRAWS = 16, 40
"""Draws of z per image that refine a posterior, and separate draws that judge the result."""
DAMPINGS = (0.0, 1.0, 10.0)
ENOUGH = 0.01
"""The search for an image ends once a step lowers its −ELBO by less than this, nats."""
_MAX_VALUES = 2**25
"""Number of decoder output values that are held at once."""


def most_decodes(latent_dim: int) -> int:
    """The largest number of latents that are decoded for one image."""
    tried = len(DAMPINGS) * DRAWS
    return DRAWS + STEPS * (2 * latent_dim + tried) + 2 * JUDGING_DRAWS


def amortisation_gap(
    model: Model, images: np.ndarray, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """−ELBO of each image with the encoder's posterior, and with that posterior refined.

    Both are means over the same ``JUDGING_DRAWS`` draws, which were not used to refine.

    Args:
        model: encodes, draws from the posterior, and decodes.
        images: ``(n, height, width, channels)``, uint8 or in [0, 1].
        seed: the same seed gives the same draws.

    Returns:
        Two arrays ``(n,)`` float64, nats.
    """
    refining, judging = (np.random.default_rng([seed, part]) for part in range(2))
    latent_dim = model.encode(to_unit_range(images[:1]))[0].shape[1]
    values = images[0].size * len(LIKELIHOODS[model.likelihood].parameters)
    decoded = max(JUDGING_DRAWS, 2 * latent_dim) * values
    given, refined = np.empty(len(images)), np.empty(len(images))
    for batch in batches(len(images), max(1, _MAX_VALUES // decoded)):
        x = to_unit_range(images[batch])
        change = _refine(_drawn(model, x, refining, DRAWS), model)
        judged = _drawn(model, x, judging, JUDGING_DRAWS)
        given[batch], _ = _neg_elbo(judged, np.zeros_like(change), model)
        refined[batch], _ = _neg_elbo(judged, change, model)
    return given, refined


@dataclass(frozen=True)
class _Images:
    """Images with their posteriors, as the encoder gives them.

    Attributes:
        x: the images, ``(n, height, width, channels)``.
        centre, spread: means and standard deviations of the posteriors, ``(n, latent_dim)``.
        z, log_q: draws from them and log q(z|x) by dimension, ``(n, draws, latent_dim)``.
    """

    x: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    z: np.ndarray
    log_q: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> _Images:
        return _Images(*(array[rows] for array in vars(self).values()))

    def moved(self, change: np.ndarray) -> np.ndarray:
        """The centres after a change."""
        return np.asarray(self.centre + self.spread * change[:, 0])

    def draws(self, change: np.ndarray) -> np.ndarray:
        """The draws after a change.

        Args:
            change: ``(n, 2, latent_dim)``: how far a posterior is moved, in units of its
                spread, and the logarithm of how far it is stretched.
        """
        around = np.exp(change[:, 1, np.newaxis]) * (self.z - self.centre[:, np.newaxis])
        return np.asarray(self.moved(change)[:, np.newaxis] + around)


def _drawn(model: Model, x: np.ndarray, random: np.random.Generator, count: int) -> _Images:
    """Images with ``count`` draws from their posteriors, in pairs of opposite noise."""
    z_mean, z_log_var = model.encode(x)
    z, log_q = model.draw(x, _mirrored(random, (len(x), count, z_mean.shape[1])))
    return _Images(x, z_mean, np.exp(0.5 * z_log_var), z, log_q)


def _neg_elbo(images: _Images, change: np.ndarray, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """−ELBO after a change, ``(n,)``, and the decoder's output for the draws, ``(n, draws, …)``."""
    z = images.draws(change)
    n, count, latent_dim = z.shape
    output = np.asarray(model.parameters(z.reshape(-1, latent_dim)))
    log_px = log_likelihood(np.repeat(images.x, count, axis=0), output, model.likelihood)
    log_q = images.log_q - change[:, 1, np.newaxis]
    log_ratio = np.sum(log_q - normal_log_density(z.astype(np.float64)), axis=-1)
    neg_elbo = np.mean(log_ratio - log_px.reshape(n, count), axis=1)
    return neg_elbo, output.reshape(n, count, *output.shape[1:])


def _refine(images: _Images, model: Model) -> np.ndarray:
    """The change of each posterior that lowers the −ELBO most, after at most ``STEPS`` steps.

    Each image takes the best of several damped Gauss–Newton steps, if that lowers the −ELBO
    (Levenberg 1944, Marquardt 1963).
    """
    change = np.zeros((len(images.x), 2, images.centre.shape[1]), np.float32)
    neg_elbo, output = _neg_elbo(images, change, model)
    rows = np.arange(len(change))
    for _ in range(STEPS):
        some, start, before = images[rows], change[rows], neg_elbo[rows]
        gradient, hessian = _derivatives(some, start, output[rows], model)
        diagonal = np.einsum("nii->ni", hessian)
        for damping in DAMPINGS:
            damped = hessian + damping * diagonal[:, np.newaxis] * np.eye(diagonal.shape[1])
            shift = np.exp(start[:, 1]) * np.linalg.solve(damped, gradient[..., np.newaxis])[..., 0]
            stretch = 0.5 * np.log(diagonal) / (1.0 + damping)
            tried = (start - np.stack([shift, stretch], axis=1)).astype(np.float32)
            reached, decoded = _neg_elbo(some, tried, model)
            better = reached < neg_elbo[rows]
            chosen = rows[better]
            change[chosen], neg_elbo[chosen] = tried[better], reached[better]
            output[chosen] = decoded[better]
        rows = rows[before - neg_elbo[rows] > ENOUGH]
        if not len(rows):
            break
    return change


def _derivatives(
    images: _Images, change: np.ndarray, output: np.ndarray, model: Model
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient ``(n, latent_dim)`` and Hessian of E[−log p(x, z)] w.r.t. the posterior's centre.

    The unit is the posterior's spread, which is also the step of the central differences: the
    Jacobian describes the decoder over the width of the posterior, not at a point. The
    likelihood's derivatives are averaged over the draws. A Gaussian has its best width along
    an axis where the diagonal of the Hessian is 1.
    """
    spread = images.spread * np.exp(change[:, 1])
    latent_dim = spread.shape[1]
    axes = np.concatenate([np.eye(latent_dim), -np.eye(latent_dim)]).astype(np.float32)
    z = images.moved(change)[:, np.newaxis] + spread[:, np.newaxis] * axes  # (n, 2 · latent_dim, …)
    decoded = np.asarray(model.parameters(z.reshape(-1, latent_dim)))
    ahead, behind = np.split(decoded.reshape(*z.shape[:2], -1), 2, axis=1)
    jacobian = 0.5 * (ahead - behind)  # (n, latent_dim, outputs)

    slope, curvature = (
        np.mean(values, axis=1).reshape(len(z), -1)
        for values in derivatives(images.x[:, np.newaxis], output, model.likelihood)
    )
    gradient = np.einsum("ndo,no->nd", jacobian, slope)
    hessian = np.matmul(jacobian * curvature[:, np.newaxis], jacobian.swapaxes(1, 2))
    gradient += spread * images.draws(change).mean(axis=1)
    hessian += np.square(spread)[..., np.newaxis] * np.eye(latent_dim)
    return gradient, hessian


def _mirrored(random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Standard normal noise ``(n, draws, latent_dim)``, half of it the negative of the other."""
    n, draws, latent_dim = shape
    half = random.standard_normal((n, draws // 2, latent_dim), dtype=np.float32)
    return np.concatenate([half, -half], axis=1)
