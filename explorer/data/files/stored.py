"""Arrays in files, read a block of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from explorer.core.subsets import CHUNK
from explorer.data.files.rows import Column

BLOCK_BYTES = 2**25
"""Of stored values that are read at a time."""


@dataclass(frozen=True)
class Stored:
    """An array in a file.

    Attributes:
        name: of the file and the array in it, in words that a person knows it by.
        shape: of it.
        dtype: of it.
        rows: reads blocks of it along the first axis, in order.
        mapped: the array itself, where the system can map it.
        origin: the kind of file.
        is_pickled: whether it holds Python objects, which are never loaded.
        files: its rows, where these are bytes that may be image files.
        note: what was guessed of it, if it holds images, for a person to know.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    rows: Callable[[], Iterator[np.ndarray]]
    origin: str
    mapped: np.ndarray | None = None
    is_pickled: bool = False
    files: Column | None = None
    note: str = ""

    def __len__(self) -> int:
        return self.shape[0]

    def read(self) -> np.ndarray:
        """All of it, for labels and other small ones."""
        blocks = list(self.rows())
        return np.concatenate(blocks) if blocks else np.empty(self.shape, self.dtype)


def rows_at_once(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """How many rows of an array to read at a time."""
    return max(1, min(CHUNK, BLOCK_BYTES // max(1, math.prod(shape[1:]) * dtype.itemsize)))


def stored_array(name: str, array: np.ndarray, origin: str) -> Stored:
    """An array that is in memory or mapped."""

    def rows() -> Iterator[np.ndarray]:
        step = rows_at_once(array.shape, array.dtype)
        return (array[start : start + step] for start in range(0, len(array), step))

    return Stored(name, array.shape, array.dtype, rows, origin, array)
