"""Figures that say how good a model is, computed from arrays and plain callables.

Images may be uint8 (also memory-mapped) or floats in [0, 1]; they are converted batch by
batch, so that memory does not grow with the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from explorer.core.neighbours import BATCH, index, majority
from explorer.core.pixels import to_unit_range
from explorer.core.subsets import batch_size_for, batches


def active_units(z_mean: np.ndarray) -> np.ndarray:
    """Which latent dimensions vary with the data, bool ``(latent_dim,)``.

    A dimension is active if the variance of its posterior mean over the data
    exceeds 0.01 (Burda et al. 2016, section 5.2).
    """
    active: np.ndarray = np.var(z_mean, axis=0, dtype=np.float64) > 0.01
    return active


def knn_accuracy(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    k: int,
) -> float:
    """Share of test points whose k nearest training points vote for their class, 0–1.

    Exact Euclidean neighbours and a majority vote; among classes with equally
    many votes, that of the nearest neighbour wins.

    Args:
        train: ``(n_train, latent_dim)``.
        train_labels: integers, ``(n_train,)``.
        test: ``(n_test, latent_dim)``.
        test_labels: integers, ``(n_test,)``.
        k: neighbours that vote; all training points where there are fewer.
    """
    search, k = index(train), min(k, len(train))
    correct = 0
    for batch in batches(len(test), BATCH):
        neighbours = search.kneighbors(test[batch], k, return_distance=False)  # (batch, k)
        correct += np.sum(majority(train_labels[neighbours]) == test_labels[batch])
    return float(correct / len(test))


def squared_error_per_pixel(
    images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]
) -> float:
    """Mean squared difference over all images, pixels and channels, for values in [0, 1].

    Args:
        images: ``(n, ...)``.
        reconstruct: a slice of the images → their reconstructions, uint8 or in [0, 1], in any
            shape.
    """
    total = sum(_squared_error(x, y) for x, y in _pairs(images, reconstruct))
    return total / images.size


def error_and_sharpness(
    images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]
) -> tuple[float, float | None]:
    """``squared_error_per_pixel``, and the share of the images' detail that reconstructions have.

    The share is the energy of the Laplacian, Σ (4 x − its four neighbours)² over all inner pixels,
    of the reconstructions over that of the images: 1 means equally sharp, and any blur lowers it.
    Detail need not be in the right place: the squared error measures that. Each image is
    reconstructed once for both. Arguments as for ``squared_error_per_pixel``.

    Source: Subbarao, Choi & Nikzad 1993, "Focusing techniques"; Pertuz, Puig & Garcia 2013,
    "Analysis of focus measure operators for shape-from-focus", LAP1.

    Returns:
        The squared error, and the share; None where the images have no detail, or no inner pixels.
    """
    total = of_images = of_reconstructions = 0.0
    for x, y in _pairs(images, reconstruct):
        total += _squared_error(x, y)
        of_images += _laplacian_energy(x)
        of_reconstructions += _laplacian_energy(y)
    return total / images.size, of_reconstructions / of_images if of_images else None


def _pairs(
    images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of images and their reconstructions, in [0, 1] and of the same shape."""
    for batch in batches(len(images), batch_size_for(images[0].size)):
        x = to_unit_range(images[batch])
        yield x, to_unit_range(reconstruct(batch)).reshape(x.shape)


def _squared_error(x: np.ndarray, y: np.ndarray) -> float:
    """The sum of squared differences."""
    return float(np.sum(np.square(x - y), dtype=np.float64))


def _laplacian_energy(x: np.ndarray) -> float:
    """The sum of squares over images ``(n, height, width, channels)``."""
    above, below, left, right = x[:, :-2, 1:-1], x[:, 2:, 1:-1], x[:, 1:-1, :-2], x[:, 1:-1, 2:]
    laplacian = 4.0 * x[:, 1:-1, 1:-1] - above - below - left - right
    return float(np.sum(np.square(laplacian), dtype=np.float64))


def standard_error(values: np.ndarray) -> float:
    """The standard error of the mean of values ``(n,)``; 0 for a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def percentile_of(value: Any, reference_sorted: np.ndarray) -> Any:
    """Share of the reference values below a value (or each of an array), 0–100; NaN for NaN.

    Args:
        value: a number or an array of numbers.
        reference_sorted: the values to compare with, ascending, ``(n,)``.
    """
    below = np.searchsorted(reference_sorted, value, side="left")
    return np.where(np.isnan(value), np.nan, 100.0 * below / len(reference_sorted))[()]
