"""Open image files in the rows of tables by row number, as if they were in a folder."""

from __future__ import annotations

import io
import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from explorer.data.files.names import Names
from explorer.data.files.tree import Files


class Column:
    """A column of image files that is read in blocks of rows, for access in order."""

    def __init__(
        self,
        starts: Sequence[int],
        read: Callable[[int], Any],
        content_of: Callable[[Any], bytes | None],
        stamp: str,
    ) -> None:
        """Take a column.

        Args:
            starts: the first row of each block, and last the number of rows.
            read: returns the values in a block, by the number of the block.
            content_of: returns the bytes of an image file from a value, None if it has none.
            stamp: a string that changes whenever the file is replaced.
        """
        self._starts, self._read, self._content_of, self.stamp = starts, read, content_of, stamp
        self._lock, self._block = threading.Lock(), -1
        self._values: Any = ()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def image_file(self, row: int) -> bytes | None:
        """Return the bytes of a row's image file, None if it has none; any thread may call this."""
        block = bisect_right(self._starts, row) - 1
        with self._lock:
            if block != self._block:
                self._values, self._block = self._read(block), block
            return self._content_of(self._values[row - int(self._starts[block])])


class Rows(Files):
    """Opens the images of columns, in this process only, by names as ``"12 of train.parquet"``."""

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
        return f"{name} {self._columns[name.partition(' of ')[2]].stamp}"
