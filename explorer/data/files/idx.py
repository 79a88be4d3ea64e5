"""Map IDX files, the format of MNIST; those that are gzipped are unpacked to the disk."""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from explorer.data.files.archives import unpack
from explorer.data.files.stored import Stored, stored_array
from explorer.data.files.tree import Tree
from explorer.data.report import Report
from explorer.data.roles import says_labels, words_of
from explorer.errors import DatasetError

_IDX_NAME = re.compile(
    r".*([-.]idx[1-4](-\w+)?|(images?|labels?)[^/]*\.(idx|ubyte))(\.gz)?", re.IGNORECASE
)
_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_EMNIST_SHAPE = (28, 28)


def is_idx(name: str) -> bool:
    """Whether a file is in IDX format, judged by its name."""
    return _IDX_NAME.fullmatch(name) is not None


def read_idx(tree: Tree, names: Sequence[str], report: Report) -> dict[str, Stored]:
    """Read the headers of IDX files, and return their arrays by name.

    Format: https://yann.lecun.com/exdb/mnist; EMNIST's images are stored transposed.

    Raises:
        DatasetError: a file is not an IDX file, is empty or is cut short.
    """
    stored: dict[str, Stored] = {}
    paths = {name.removesuffix(".gz") for name in names}
    are_unique = len({path.rsplit("/", 1)[-1] for path in paths}) == len(paths)
    for name in sorted(names, reverse=True):  # "x.gz" comes first and "x" replaces it
        key = name.removesuffix(".gz")
        key = key.rsplit("/", 1)[-1] if are_unique else key
        array = _read_header(tree, name)
        if "emnist" in words_of(name) and array.shape[1:] == _EMNIST_SHAPE:
            report.note("EMNIST's images are stored on their side: they were turned upright")
            array = replace(array, rows=partial(_upright, array), mapped=None)
        stored[key] = array
    return dict(sorted(stored.items()))


def _upright(array: Stored) -> Iterator[np.ndarray]:
    return (rows.transpose(0, 2, 1) for rows in array.rows())


def _read_header(tree: Tree, name: str) -> Stored:
    where = tree.where(name)
    with unpack(tree.local(name), where) as file:
        start = file.read(4)
        dimensions = start[3] if len(start) == 4 else 0
        header = file.read(4 * dimensions)
        wanted = 1 if says_labels(name) else 3
        is_known = start[:2] == b"\0\0" and len(start) == 4 and start[2] in _TYPES
        if not is_known or len(header) < 4 * dimensions or (wanted == 3 and dimensions < 3):
            raise DatasetError(
                f"{where} is not an IDX file of {'labels' if wanted == 1 else 'images'}: it must "
                f"begin with the bytes 00 00 08 0{wanted} but begins with "
                f"{start.hex(' ') or 'nothing'}."
            )
        shape, dtype = struct.unpack(f">{dimensions}I", header), np.dtype(_TYPES[start[2]])
        offset, size = 4 + 4 * dimensions, math.prod(shape) * dtype.itemsize
        if size == 0:
            raise DatasetError(f"{where} is empty: its header gives the shape {shape}.")
        if (found := os.fstat(file.fileno()).st_size) < offset + size:
            raise DatasetError(
                f"{where} is cut short: it must have {offset + size:,} bytes "
                f"but has {found:,}; download it again."
            )
        return stored_array(name, np.memmap(file, dtype, "r", offset, shape), "IDX files")
