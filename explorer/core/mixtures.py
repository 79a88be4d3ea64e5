"""A Gaussian mixture fitted to latents by scikit-learn, to draw latents where images lie."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from explorer.core.hidden_imports import without_pandas
from explorer.core.subsets import evenly_spaced

COMPONENTS = (1, 5, 20)
"""Numbers of components that are tried."""
ITERATIONS = 30
"""Largest number of iterations of expectation–maximisation."""
LARGEST = 2_500
"""Largest number of latents that a mixture is fitted to."""
MOST_FULL = 10
"""Dimensions up to which covariances are full; with more they are diagonal."""
HELD_OUT = 5
"""One latent in ``HELD_OUT`` is held out, to choose among ``COMPONENTS``."""
FEWEST = 10
"""Latents for each component, at least; with fewer in all, none is held out."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Σ wₖ N(z; μₖ, Σₖ).

    Attributes:
        weights: ``(k,)``.
        means: ``(k, latent_dim)``.
        covariances: ``(k, latent_dim, latent_dim)``.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Draw latents, ``(count, latent_dim)`` float32."""
        which = generator.choice(len(self.weights), count, p=self.weights)
        noise = generator.standard_normal((count, self.means.shape[1]))
        factors = np.linalg.cholesky(self.covariances)
        return np.asarray(
            self.means[which] + np.einsum("nij,nj->ni", factors[which], noise), np.float32
        )


def fit_mixture(z: np.ndarray, seed: int) -> Mixture:
    """Fit a mixture with the number of components that makes held-out latents most likely.

    Args:
        z: latents, ``(n, latent_dim)``, n > 0; with fewer than 50 there is one component.
        seed: seed of the initial guesses.
    """
    with without_pandas():
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

    z = z[evenly_spaced(len(z), LARGEST)].astype(np.float64)
    z = np.resize(z, (max(2, len(z)), z.shape[1]))  # scikit-learn cannot fit a single point
    is_held_out = np.arange(len(z)) % HELD_OUT == 0
    seen, held_out = (z[~is_held_out], z[is_held_out]) if len(z) >= FEWEST else (z, z)

    def fit(k: int) -> GaussianMixture:
        mixture = GaussianMixture(
            k,
            covariance_type="full" if z.shape[1] <= MOST_FULL else "diag",
            reg_covar=1e-4,
            random_state=seed,
            init_params="k-means++",
            tol=0.01,
            max_iter=ITERATIONS,
        )
        with warnings.catch_warnings():  # that it stopped before convergence
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(seen)

    fitted = [fit(k) for k in COMPONENTS if k == 1 or FEWEST * k <= len(z)]
    best = max(fitted, key=lambda mixture: mixture.score(held_out))
    covariances = best.covariances_
    if covariances.ndim == 2:
        covariances = np.stack([np.diag(variances) for variances in covariances])
    return Mixture(best.weights_, best.means_, covariances)
