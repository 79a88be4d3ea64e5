"""Arrays in files that are read a block of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from explorer.core.subsets import CHUNK
from explorer.data.files.rows import Column

BLOCK_BYTES = 2**25
"""Bytes of stored values that are read at a time."""


@dataclass(frozen=True)
class Stored:
    """An array in a file.

    Attributes:
        name: the name of the array or its file, for messages.
        shape: its shape.
        dtype: its data type.
        rows: reads blocks of it along the first axis, in order.
        origin: the kind of file.
        mapped: the array itself, if it is in memory or memory-mapped.
        is_pickled: whether it holds Python objects, which are never loaded.
        files: its rows, if these are bytes that may be image files.
        note: what was guessed about its images, as a note for the user.
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
        """Read the whole array, if it is small, such as labels."""
        blocks = list(self.rows())
        return np.concatenate(blocks) if blocks else np.empty(self.shape, self.dtype)


def rows_at_once(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Return how many rows of an array to read at a time."""
    return max(1, min(CHUNK, BLOCK_BYTES // max(1, math.prod(shape[1:]) * dtype.itemsize)))


def rows_of(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> Iterator[np.ndarray]:
    """Yield the rows of an array that follows in a file, block by block.

    Raises:
        EOFError: the file ends too early.
    """
    step, row_bytes = rows_at_once(shape, dtype), math.prod(shape[1:]) * dtype.itemsize
    for start in range(0, shape[0], step):
        count = min(step, shape[0] - start)
        content = file.read(count * row_bytes)
        if len(content) < count * row_bytes:
            raise EOFError("it is cut short")
        yield np.frombuffer(content, dtype).reshape(count, *shape[1:])


def stored_array(name: str, array: np.ndarray, origin: str, note: str = "") -> Stored:
    """Wrap an array that is in memory or memory-mapped."""

    def rows() -> Iterator[np.ndarray]:
        listed = np.atleast_1d(array)
        step = rows_at_once(listed.shape, array.dtype)
        return (listed[start : start + step] for start in range(0, len(listed), step))

    return Stored(name, array.shape, array.dtype, rows, origin, array, note=note)
