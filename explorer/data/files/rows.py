"""Image files in the rows of tables, opened by their numbers as if they lay in a folder."""

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
        """How many rows there are."""

    def image_file(self, row: int) -> bytes | None:
        """The bytes of an image file, in any thread; None where there are none."""

    def stamp(self) -> str:
        """What changes whenever the file is replaced."""


class Rows:
    """Opens the images of columns by names such as ``"12 of train.parquet"``."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns
        self.names = Names(
            f"{row} of {name}" for name, column in columns.items() for row in range(len(column))
        )

    def open(self, name: str) -> IO[bytes]:
        """Open the image of a row; what is missing is empty."""
        row, _, column = name.partition(" of ")
        return io.BytesIO(self._columns[column].image_file(int(row)) or b"")

    def stamp(self, name: str) -> str:
        """What changes whenever the file is replaced."""
        return f"{name} {self._columns[name.partition(' of ')[2]].stamp()}"

    def place(self) -> None:
        """None, as columns are open in this process alone."""
        return None


class Blocks:
    """A column that is read a block of rows after another, as they are asked for in order."""

    def __init__(self, count: int, read: Callable[[int, int], list[bytes]], stamp: str) -> None:
        self._count, self._read, self._stamp = count, read, stamp
        self._lock, self._start, self._rows = threading.Lock(), 0, list[bytes]()

    def __len__(self) -> int:
        return self._count

    def image_file(self, row: int) -> bytes:
        """The bytes of a row."""
        with self._lock:
            if not 0 <= row - self._start < len(self._rows):
                self._start = row - row % _BLOCK
                self._rows = self._read(self._start, self._start + _BLOCK)
            return self._rows[row - self._start]

    def stamp(self) -> str:
        """What changes whenever the file is replaced."""
        return self._stamp
