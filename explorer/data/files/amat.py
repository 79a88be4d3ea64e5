"""Read ``.amat`` files, the text format of Larochelle's sets: a row of integers per image."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np

from explorer.core.subsets import CHUNK
from explorer.data.files.stored import Stored
from explorer.data.files.tree import Tree
from explorer.errors import DatasetError


def read_amat(tree: Tree, name: str) -> dict[str, Stored]:
    """Count the rows and columns of integers from 0 to 255; the rows are read in blocks later.

    Raises:
        DatasetError: the file is empty.
    """
    with tree.local(name) as file:
        columns = len(file.readline().split())
        rows = 1 + sum(1 for line in file if line.strip())
    if not columns:
        raise DatasetError(f"{tree.where(name)} must hold rows of numbers, but is empty.")
    shape, dtype = (rows, columns), np.dtype(np.uint8)
    return {"": Stored(name, shape, dtype, partial(_rows, tree, name, columns), "AMAT file")}


def _rows(tree: Tree, name: str, columns: int) -> Iterator[np.ndarray]:
    with tree.local(name) as file:
        lines = (line.decode("latin-1") for line in file if line.strip())
        while block := list(islice(lines, CHUNK)):
            try:
                yield np.loadtxt(block, np.uint8, ndmin=2).reshape(-1, columns)
            except ValueError as error:
                raise DatasetError(
                    f"{tree.where(name)} must hold rows of {columns} whole numbers from 0 to 255, "
                    f"but {error}."
                ) from error
