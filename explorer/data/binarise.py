"""Binarise grey images: a pixel becomes white with its grey value as probability.

A Bernoulli likelihood is then a proper likelihood of the data, and −log p(x) is comparable with
that of published models. Source: Salakhutdinov & Murray 2008, "On the Quantitative Analysis of Deep
Belief Networks".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from explorer.core.subsets import in_chunks
from explorer.data.reading import Binarisation

SEED = 0
BINARY = "-binary"
"""Suffix of the name of a binarised set."""

WORDS: dict[Binarisation, str] = {
    "dynamic": (
        "each pixel is drawn black or white with its grey value as probability: of the training "
        "images anew in each batch, of the test images once"
    ),
    "static": "each pixel is drawn black or white once, with its grey value as probability",
}
"""Descriptions for the user."""


def drawn_once(images: np.ndarray, split: int) -> Iterator[np.ndarray]:
    """Binarise images in chunks, with the same result every time.

    Args:
        images: ``(n, height, width, channels)`` uint8.
        split: number of the split, so that each has its own random draws.

    Yields:
        Chunks of binarised images, uint8 with values 0 and 255: white with probability exactly
        ``images`` / 255.
    """
    random = np.random.default_rng([SEED, split])
    for chunk in in_chunks(images):
        thresholds = random.integers(255, size=chunk.shape, dtype=np.uint8)
        yield np.where(thresholds < chunk, np.uint8(255), np.uint8(0))
