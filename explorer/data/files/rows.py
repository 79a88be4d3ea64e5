"""Open image files in the rows of tables by row number, as if they were in a folder."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from typing import IO, Protocol

from explorer.data.files.names import Names

_BLOCK = 64  # rows that are read at a time


class Column(Protocol):
    """A column of image files."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def image_file(self, row: int) -> bytes | None:
        """Return the bytes of a row's image file, None if it has none; any thread may call this."""

    def stamp(self) -> str:
        """Return a string that changes whenever the file is replaced."""


class Rows:
    """Opens the images of columns by names such as ``"12 of train.parquet"``."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self.names = Names(
            f"{row} of {name}" for name, column in columns.items() for row in range(len(column))
        )

    def open(self, name: str) -> IO[bytes]:
        """Open the image file of a row; a missing one is empty."""
        row, _, column = name.partition(" of ")
        return io.BytesIO(self._columns[column].image_file(int(row)) or b"")

    def stamp(self, name: str) -> str:
        """Return a string that changes whenever the file is replaced."""
        return f"{name} {self._columns[name.partition(' of ')[2]].stamp()}"

    def place(self) -> None:
        """Return None, as columns are open in this process only."""
        return None


class Blocks:
    """A column that is read in blocks of rows, for access in order."""

    def __init__(self, count: int, read: Callable[[int, int], list[bytes]], stamp: str) -> None:
        self._count, self._read, self._stamp = count, read, stamp
        self._lock, self._start, self._rows = threading.Lock(), 0, list[bytes]()

    def __len__(self) -> int:
        return self._count

    def image_file(self, row: int) -> bytes:
        """Return the bytes of a row."""
        with self._lock:
            if not 0 <= row - self._start < len(self._rows):
                self._start = row - row % _BLOCK
                self._rows = self._read(self._start, self._start + _BLOCK)
            return self._rows[row - self._start]

    def stamp(self) -> str:
        """Return a string that changes whenever the file is replaced."""
        return self._stamp
