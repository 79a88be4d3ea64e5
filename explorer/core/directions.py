"""Meaningful directions in the latent space, and how well they separate images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.core.hidden_imports import without_pandas

_ROUNDING = 1e-9
"""A deviation of at most this share of the largest coordinate counts as rounding error."""
FIT_EVERY = 2
"""A direction is fitted to one image in ``FIT_EVERY``, and judged on the others."""


@dataclass(frozen=True, eq=False)
class Direction:
    """A line through the middle of the test images.

    Attributes:
        unit: unit vector along it, ``(latent_dim,)``.
        middle: mean of the test images along it.
        deviation: their standard deviation along it, which is one step on the page.
    """

    unit: np.ndarray
    middle: float
    deviation: float

    def project(self, z: np.ndarray) -> np.ndarray:
        """Positions along it, in standard deviations from the middle, ``(n,)``."""
        return np.asarray((z @ self.unit - self.middle) / self.deviation)


def direction(vector: np.ndarray, z: np.ndarray) -> Direction:
    """The direction of a vector ``(latent_dim,)``, on the scale of latents ``(n, latent_dim)``.

    Raises:
        ValueError: the vector has no direction.
    """
    length = np.linalg.norm(vector)
    if not np.isfinite(length) or length < 1e-9:
        raise ValueError("both ends are the same place, so there is no direction")
    unit = np.asarray(vector, np.float64) / length
    along = z @ unit
    deviation = float(along.std())
    is_rounding = deviation <= _ROUNDING * np.abs(along).max()
    return Direction(unit, float(along.mean()), 1.0 if is_rounding else deviation)


def between_means(z: np.ndarray, is_second: np.ndarray) -> np.ndarray:
    """The vector from the mean of the first group to that of the second, ``(latent_dim,)``."""
    return np.asarray(z[is_second].mean(axis=0) - z[~is_second].mean(axis=0), np.float64)


def fitted_to_groups(z: np.ndarray, is_second: np.ndarray) -> np.ndarray:
    """The vector of a logistic regression, towards the second group, ``(latent_dim,)``."""
    with without_pandas():
        from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(max_iter=1000).fit(z, is_second)
    return np.asarray(fitted.coef_[0], np.float64)


def fitted_to_values(z: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The vector of a linear regression, towards larger values, ``(latent_dim,)``; NaN is left out.

    Raises:
        ValueError: fewer than two different numbers are known.
    """
    known = ~np.isnan(values)
    if len(np.unique(values[known])) < 2:
        raise ValueError("fewer than two different values are known")
    centred = z[known] - z[known].mean(axis=0)
    found, *_ = np.linalg.lstsq(centred, values[known] - values[known].mean())
    return np.asarray(found, np.float64)


def is_for_fitting(count: int) -> np.ndarray:
    """Which of ``count`` images a direction is fitted to, bool ``(count,)``."""
    return np.asarray(np.arange(count) % FIT_EVERY == 0)


def area_under_curve(scores: np.ndarray, is_second: np.ndarray) -> float:
    """How often an image of the second group lies farther along than one of the first.

    The area under the receiver operating characteristic, by ranks (Mann & Whitney 1947).

    Args:
        scores: ``(n,)``.
        is_second: bool ``(n,)``, with images of both groups.
    """
    from scipy.stats import rankdata

    ranks, second = rankdata(scores), int(is_second.sum())
    above = ranks[is_second].sum() - second * (second + 1) / 2
    return float(above / (second * (len(scores) - second)))
