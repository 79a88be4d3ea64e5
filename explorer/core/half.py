"""Half precision, in which weights and latents are stored."""

from __future__ import annotations

import numpy as np


def to_half(values: np.ndarray) -> np.ndarray:
    """The nearest half-precision numbers, little-endian; infinite beyond ±65,504."""
    with np.errstate(over="ignore"):
        return values.astype("<f2")
