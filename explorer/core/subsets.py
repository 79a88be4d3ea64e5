"""Subsets of items: evenly spaced ones, batches, and training and test images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

CHUNK = 1000
"""Items in a batch or a chunk, unless something else is said."""
MAX_BATCH_VALUES = 2**24
"""Largest number of values in a batch of images: 64 MiB as float32."""


def evenly_spaced(total: int, count: int) -> np.ndarray:
    """Indices of ``count`` of ``total`` items, evenly spaced; of all if there are fewer."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(np.int64)


def batches(size: int, batch_size: int) -> Iterator[slice]:
    """Slices that cover ``size`` items, ``batch_size`` at a time."""
    return (slice(start, start + batch_size) for start in range(0, size, batch_size))


def batch_size_for(values: int, most: int = CHUNK) -> int:
    """How many images of ``values`` values each make a batch, ``most`` if they are small."""
    return max(1, min(most, MAX_BATCH_VALUES // values))


def in_chunks(items: Any, size: int = CHUNK) -> Iterator[Any]:
    """Cut a sequence or an array into pieces of ``size`` items."""
    return (items[batch] for batch in batches(len(items), size))


def split_by_class(
    labels: np.ndarray, test_fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose training and test images at random, the same share of each class.

    Args:
        labels: ``(n,)`` with n ≥ 2.
        test_fraction: share of each class for testing; at least one image if it has two.
        seed: the same seed gives the same choice.

    Returns:
        Sorted indices of the training and of the test images.
    """
    generator = np.random.default_rng(seed)
    if np.bincount(labels).max() == 1:  # one image per class: split regardless of class
        labels = np.zeros_like(labels)
    is_test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = max(1, round(len(members) * test_fraction))
        is_test[members[: min(count, len(members) - 1)]] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)
