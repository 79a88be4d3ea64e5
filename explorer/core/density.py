"""Density of the data in the latent space, under the aggregate posterior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from explorer.core.elbo import LOG_2PI
from explorer.core.neighbours import nearest_others
from explorer.core.subsets import batches

KERNEL_POINTS = 2000
"""Largest number of points from which the width of a kernel is found."""
MIN_LOG_VARIANCE = -24.0
"""Narrower posteriors are taken to be as wide as this: squares would lose precision."""
_CHUNK_BYTES = 8_000_000  # size of one chunk of the (places, components) matrix


@dataclass(frozen=True, eq=False)
class AggregatePosterior:
    """q(z) = 1/N Σ N(z; μ_i, diag σ_i²), the mixture of the posteriors of N images.

    Source: Hoffman & Johnson 2016, "ELBO surgery"; Tomczak & Welling 2018, section 2.

    Attributes:
        z_mean: posterior means μ_i, ``(n, latent_dim)``.
        z_log_var: posterior log-variances log σ_i², ``(n, latent_dim)``.
    """

    z_mean: np.ndarray
    z_log_var: np.ndarray

    def __post_init__(self) -> None:
        """Refuse means and log-variances that do not belong together."""
        if self.z_mean.shape != self.z_log_var.shape or self.z_mean.size == 0:
            raise ValueError(
                "Means and log-variances must have the same shape (n, latent_dim) with n > 0; "
                f"received {self.z_mean.shape} and {self.z_log_var.shape}."
            )
        object.__setattr__(self, "z_log_var", np.maximum(self.z_log_var, MIN_LOG_VARIANCE))

    def log_density(self, z: Any, own: np.ndarray | None = None) -> np.ndarray:
        """log q(z) at latents ``(m, latent_dim)``, nats, ``(m,)`` float64.

        Args:
            z: the latents.
            own: index of the image at whose posterior mean each latent lies, or −1, ``(m,)``. To be
                comparable with other places, q is then the mixture of the other images'
                posteriors (NaN if there is only one image).
        """
        z = np.asarray(z, np.float64)
        features = np.concatenate([np.square(z), z, np.ones((len(z), 1))], axis=1)
        density = np.empty(len(z))
        for chunk in batches(len(z), max(1, _CHUNK_BYTES // (8 * len(self.z_mean)))):
            log_terms = features[chunk] @ self._coefficients
            if own is not None and len(self.z_mean) > 1:
                (has_own,) = np.nonzero(own[chunk] >= 0)
                log_terms[has_own, own[chunk][has_own]] = -np.inf
            density[chunk] = _log_mean_exp(log_terms)
        if own is not None:
            others = len(self.z_mean) - 1
            density[own >= 0] += math.log(1 + 1 / others) if others else math.nan
        return density

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Draw latents, ``(count, latent_dim)`` float32."""
        rows = generator.integers(len(self.z_mean), size=count)
        noise = generator.standard_normal((count, self.z_mean.shape[1]))
        deviation = np.exp(0.5 * self.z_log_var[rows])
        return np.asarray(self.z_mean[rows] + deviation * noise, np.float32)

    @cached_property
    def _coefficients(self) -> np.ndarray:
        """Coefficients of (z², z, 1) in log N(z; μ_i, σ_i²), ``(2 * latent_dim + 1, n)``.

        With precision p = 1/σ²: −½ p z² + p μ z − ½ Σ (log 2π + log σ² + p μ²).
        """
        mean = self.z_mean.astype(np.float64)
        log_var = self.z_log_var.astype(np.float64)
        precision = np.exp(-log_var)
        constant = -0.5 * np.sum(LOG_2PI + log_var + precision * np.square(mean), axis=1)
        return np.concatenate([-0.5 * precision.T, (precision * mean).T, constant[np.newaxis]])


def _log_mean_exp(log_terms: np.ndarray) -> np.ndarray:
    """log of the mean of exp over the last axis; overwrites its argument, ``(m,)``.

    Once the largest is subtracted, the terms are at most 0, where float32 costs
    less than 1e-6 nats and halves the time.
    """
    largest: np.ndarray = log_terms.max(axis=1)
    log_terms -= largest[:, np.newaxis]
    terms = log_terms.astype(np.float32)
    np.exp(terms, out=terms)
    largest += np.log(terms.mean(axis=1, dtype=np.float64))
    return largest


def kernel_log_variance(z: np.ndarray) -> float:
    """The log-variance of a kernel for points without their own, ``(n, latent_dim)``.

    Its standard deviation is the median distance from a point to its nearest neighbour, divided by
    the square root of ``latent_dim``.
    """
    gap = float(np.median(nearest_others(z, 1)[0])) if len(z) > 1 else 1.0
    return 2 * math.log(max(gap, 1e-3) / math.sqrt(z.shape[1]))
