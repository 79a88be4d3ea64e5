"""Nearest neighbours: exact and Euclidean; of many points by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.core.hidden_imports import without_pandas
from explorer.core.subsets import batches

if TYPE_CHECKING:
    from sklearn.neighbors import NearestNeighbors

MAX_TREE_DIMENSIONS = 4
"""With more dimensions, comparing all pairs is faster than a k-d tree."""
BATCH = 10_000
"""Points whose neighbours are searched at once."""


def nearest(z: Any, candidates: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k candidates nearest to a latent, nearest first; equal distances by index.

    Args:
        z: one latent, ``(latent_dim,)``.
        candidates: latents, ``(n, latent_dim)``.
        k: how many; all of them where there are fewer.

    Returns:
        Indices into ``candidates`` and Euclidean distances, ``(min(k, n),)`` each.
    """
    offsets = candidates - np.asarray(z, np.float64)
    squared = np.einsum("nd,nd->n", offsets, offsets)
    indices = np.argsort(squared, kind="stable")[:k]
    return indices, np.sqrt(squared[indices])


def index(points: np.ndarray) -> NearestNeighbors:
    """A nearest-neighbour search among points ``(n, d)``."""
    with without_pandas():
        from sklearn.neighbors import NearestNeighbors

    algorithm = "kd_tree" if points.shape[1] <= MAX_TREE_DIMENSIONS else "brute"
    return NearestNeighbors(algorithm=algorithm).fit(points)


def nearest_others(
    points: np.ndarray, k: int, rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Distances to, and indices of, the k other points nearest to each, ``(len(rows), k)``.

    A point that equals another one is at distance 0 from it, but never its own neighbour.

    Args:
        points: ``(n, d)``, n > k.
        k: how many.
        rows: indices of the points whose neighbours are sought; None for all.
    """
    rows = np.arange(len(points)) if rows is None else rows
    search = index(points)
    distances = np.empty((len(rows), k))
    indices = np.empty((len(rows), k), np.int64)
    for batch in batches(len(rows), BATCH):
        far, found = search.kneighbors(points[rows[batch]], k + 1)
        # Points equal to it may push it off the list; then drop the last one
        is_other = found != rows[batch, np.newaxis]
        is_other[is_other.all(axis=1), -1] = False
        distances[batch] = far[is_other].reshape(-1, k)
        indices[batch] = found[is_other].reshape(-1, k)
    return distances, indices


def majority(labels: np.ndarray) -> np.ndarray:
    """The most frequent label of each row ``(rows, k)``, the first of them on a tie."""
    votes = np.sum(labels[:, :, np.newaxis] == labels[:, np.newaxis, :], axis=2)
    return np.take_along_axis(labels, votes.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
