"""How numbers and files are kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np


def to_half(values: np.ndarray) -> np.ndarray:
    """The nearest half-precision numbers, little-endian; infinite beyond ±65,504."""
    with np.errstate(over="ignore"):
        return values.astype("<f2")


def flush(folder: Path) -> None:
    """Wait until the files of a folder, and their names, are on the disk: a power cut spares them.

    Args:
        folder: with files alone.
    """
    for path in (*folder.iterdir(), folder) if os.name == "posix" else folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
