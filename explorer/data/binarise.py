"""Grey images made black and white: a pixel is white with its grey value as probability.

So a Bernoulli likelihood is one of what it is given, and −log p(x) is comparable with that of
published models. Source: Salakhutdinov & Murray 2008, "On the Quantitative Analysis of Deep
Belief Networks".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from explorer.core.subsets import in_chunks
from explorer.data.reading import Binarisation

SEED = 0
BINARY = "-binary"
"""Suffix of the name of a set whose pixels are drawn black or white."""

WORDS: dict[Binarisation, str] = {
    "dynamic": (
        "each pixel is drawn black or white with its grey value as probability: of the training "
        "images anew in each batch, of the test images once"
    ),
    "static": "each pixel is drawn black or white once, with its grey value as probability",
}
"""What is done, for a person."""


def drawn_once(images: np.ndarray, split: int) -> Iterator[np.ndarray]:
    """Draw images, the same ones every time, in chunks.

    Args:
        images: ``(n, height, width, channels)`` uint8.
        split: number of the split, so that each has its own draws.

    Yields:
        As many images, uint8, of 0 and 255: white with probability ``images`` / 255 exactly.
    """
    random = np.random.default_rng([SEED, split])
    for chunk in in_chunks(images):
        thresholds = random.integers(255, size=chunk.shape, dtype=np.uint8)
        yield np.where(thresholds < chunk, np.uint8(255), np.uint8(0))
