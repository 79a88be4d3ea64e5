"""Pixels as bytes, and as the numbers in [0, 1] that models take."""

from __future__ import annotations

import math

import numpy as np


def to_unit_range(images: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]: uint8 is divided by 255, floats are taken as they are."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255.0)
    return np.asarray(images, np.float32)


def to_pixels(images: np.ndarray) -> np.ndarray:
    """Values in [0, 1] (clipped) → uint8 0–255, same shape; NaN, of a latent far away, → 0."""
    clipped = np.minimum(np.fmax(images, 0.0), 1.0)  # fmax takes the other value for NaN
    return np.asarray(np.round(clipped * 255.0), np.uint8)


def square_of(length: int) -> tuple[int, int] | None:
    """Side and channels, 1 or 3, of a square image with this many values; None if there is none."""
    for channels in (1, 3):
        side = math.isqrt(length // channels)
        if side * side * channels == length:
            return side, channels
    return None
