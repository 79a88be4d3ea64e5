"""Split the KL of a VAE into its three parts.

E KL(q(z|x) ‖ p(z)) = I(x; z) + KL(q(z) ‖ Π q(zⱼ)) + Σ KL(q(zⱼ) ‖ p(zⱼ)): what z tells about the
image, how much its dimensions depend on each other (total correlation), and how far each one's
distribution is from the prior's. Source: Chen et al. 2018, "Isolating Sources of Disentanglement
in VAEs", equation 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.core.density import AggregatePosterior
from explorer.core.elbo import gaussian_log_density, normal_log_density
from explorer.core.metrics import standard_error


@dataclass(frozen=True)
class Estimate:
    """A mean over drawn latents, nats, and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class KlParts:
    """The three parts of the KL, nats.

    With n images, ``information`` cannot exceed log n, and comes close to it if every
    image can be identified from its latent alone.
    """

    information: Estimate
    total_correlation: Estimate
    dimension_wise: Estimate


def kl_parts(z_mean: np.ndarray, z_log_var: np.ndarray, samples: int, seed: int) -> KlParts:
    """Split the KL of Gaussian posteriors over n images.

    A latent is drawn from the posterior of each of ``samples`` images; q(z) is the mixture of
    all n posteriors.

    Args:
        z_mean: posterior means, ``(n, latent_dim)``.
        z_log_var: posterior log-variances, ``(n, latent_dim)``.
        samples: latents drawn, at most n.
        seed: seed of the draws.
    """
    generator = np.random.default_rng(seed)
    rows = generator.choice(len(z_mean), min(samples, len(z_mean)), replace=False)
    posterior = AggregatePosterior(z_mean.astype(np.float64), z_log_var.astype(np.float64))
    mean, log_var = posterior.z_mean, posterior.z_log_var  # clipped as in the mixture
    noise = generator.standard_normal((len(rows), z_mean.shape[1]))
    z = mean[rows] + np.exp(0.5 * log_var[rows]) * noise
    own = gaussian_log_density(z, mean[rows], log_var[rows])
    joint = posterior.log_density(z)
    each = sum(
        AggregatePosterior(mean[:, [d]], log_var[:, [d]]).log_density(z[:, [d]])
        for d in range(z.shape[1])
    )
    prior = normal_log_density(z).sum(axis=1)
    return KlParts(_estimate(own - joint), _estimate(joint - each), _estimate(each - prior))


def _estimate(values: np.ndarray) -> Estimate:
    return Estimate(float(np.mean(values)), standard_error(values))
