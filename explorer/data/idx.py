"""Read IDX files, the format of MNIST; those that are not gzipped are memory-mapped in place."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from explorer.data.arrays import find_splits
from explorer.data.dataset import Found
from explorer.data.spool import spool
from explorer.errors import DatasetError

_IDX_NAME = re.compile(r"(?P<stem>.*)(?P<kind>images|labels)[-.]idx[13]-ubyte(\.gz)?", re.I)
_IDX_MAGIC = {"images": 0x803, "labels": 0x801}  # uint8; three dimensions, or one
_UNZIP_SIZE = 2**20  # bytes unzipped at a time


def list_idx_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Map ``"train-"``, ``"t10k-"``, … to their ``"images"`` and ``"labels"`` files."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir(), reverse=True):  # "x.gz" comes first and "x" replaces it
        if (match := _IDX_NAME.fullmatch(path.name)) and path.is_file():
            files.setdefault(match["stem"].lower(), {})[match["kind"].lower()] = path
    return files


def find_idx(folder: Path, *, classes: tuple[str, ...] | None = None) -> Found:
    """Find the images in a folder of IDX files: ``train-*`` and ``t10k-*``, or a single pair.

    Format: https://yann.lecun.com/exdb/mnist.

    Raises:
        DatasetError: files do not pair up, are not IDX, or disagree with each other.
    """
    files = list_idx_files(folder)
    images, labels, shapes = [], [], []
    for stem in _order_stems(folder, list(files)):
        for kind in _IDX_MAGIC:
            if kind not in files[stem]:
                raise DatasetError(f"{folder} lacks the IDX file {stem}{kind}-….")
        images.append(files[stem]["images"])
        shapes.append(_read_idx_shape(images[-1], "images"))
        labels.append(_read_idx(files[stem]["labels"], "labels"))
    reads = [partial(_read_idx_images, path) for path in images]
    return find_splits(folder, "IDX files", shapes, labels, reads, classes)


def _order_stems(folder: Path, stems: list[str]) -> list[str]:
    """Return the training pair's stem and, unless it is the only one, the test pair's."""
    train = [stem for stem in stems if "train" in stem]
    test = [stem for stem in stems if "t10k" in stem or "test" in stem]
    if len(stems) == 1:
        return stems
    if len(stems) == 2 and len(train) == len(test) == 1:
        return train + test
    raise DatasetError(
        f"{folder} must hold one pair of IDX files (images and labels), or the pairs train-* and "
        f"t10k-*, but holds {', '.join(f'{stem}*' for stem in sorted(stems))}."
    )


def _read_idx_images(path: Path) -> np.ndarray:
    return _read_idx(path, "images")[..., None]  # (n, height, width, 1)


def _read_idx_shape(path: Path, kind: str) -> tuple[int, ...]:
    """Return ``(n, height, width)`` of images or ``(n,)`` of labels."""
    magic = struct.pack(">I", _IDX_MAGIC[kind])
    with _open_idx(path) as file:
        header = file.read(_header_size(kind))
    if header[:4] != magic or len(header) < _header_size(kind):
        raise DatasetError(
            f"{path} is not an IDX file of {kind}: it must begin with the bytes {magic.hex(' ')} "
            f"but begins with {header[:4].hex(' ') or 'nothing'}."
        )
    return struct.unpack(f">{magic[3]}I", header[4:])  # the last byte counts the dimensions


def _header_size(kind: str) -> int:
    return 4 + 4 * (_IDX_MAGIC[kind] & 0xFF)


def _read_idx(path: Path, kind: str) -> np.ndarray:
    """Map an IDX file's values, uint8: in place, or unzipped to a temporary file."""
    shape = _read_idx_shape(path, kind)
    size, offset = math.prod(shape), _header_size(kind)
    if size == 0:
        raise DatasetError(f"{path} is empty: its header gives the shape {shape}.")
    if _is_gzip(path):
        return spool(_unzip(path, offset, size), ()).reshape(shape)
    if path.stat().st_size < offset + size:
        raise DatasetError(
            f"{path} is cut short: it must have {offset + size:,} bytes "
            f"but has {path.stat().st_size:,}; download it again."
        )
    return np.memmap(path, np.uint8, "r", offset, shape)


@contextmanager
def _open_idx(path: Path) -> Iterator[gzip.GzipFile | BinaryIO]:
    try:
        with gzip.GzipFile(path) if _is_gzip(path) else path.open("rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path} is cut short or damaged; download it again.") from error


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _unzip(path: Path, offset: int, size: int) -> Iterator[np.ndarray]:
    with _open_idx(path) as file:
        file.seek(offset)
        while size > 0:
            if not (chunk := file.read(min(size, _UNZIP_SIZE))):
                raise EOFError
            size -= len(chunk)
            yield np.frombuffer(chunk, np.uint8)
