"""Grey pictures of bars and blobs, 12 × 12, from which a model learns something in a second."""

from __future__ import annotations

import numpy as np


def draw_shapes() -> tuple[np.ndarray, np.ndarray]:
    """Return 400 images ``(n, 12, 12)`` uint8 and classes ``(n,)``; the last 100 are for tests."""
    random = np.random.default_rng(0)
    labels = np.arange(400) % 3
    images = random.integers(0, 60, (400, 12, 12), np.uint8)
    for image, label, place in zip(images, labels, random.integers(2, 9, 400), strict=True):
        rows = slice(place - 1, place + 2)
        image[(rows, slice(None)) if label == 0 else (slice(None), rows)] = 220
        if label == 2:
            image[:, :] = 20
            image[rows, rows] = 250
    return images, labels
