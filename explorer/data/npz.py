"""Read NPZ files that are laid out as Keras's ``mnist.npz``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from explorer.core.subsets import in_chunks
from explorer.data.arrays import find_splits
from explorer.data.dataset import Found
from explorer.data.spool import spool
from explorer.errors import DatasetError


def find_npz(path: Path, *, classes: tuple[str, ...] | None = None) -> Found:
    """Find the images in an NPZ file laid out as Keras's ``mnist.npz``.

    ``x_train`` and optionally ``x_test`` are ``(n, h, w)`` or ``(n, h, w, 1 or 3)``, in 0..255 or,
    as floats, in 0..1. ``y_train`` and ``y_test`` are whole numbers, or absent for one class.

    Raises:
        DatasetError: arrays are missing, of another kind, or disagree with each other.
    """
    with _open_npz(path) as archive:
        if "x_train" not in archive:
            raise DatasetError(
                f"{path} must hold x_train (and y_train, x_test, y_test, as Keras's mnist.npz) "
                f"but holds {', '.join(archive) or 'nothing'}."
            )
        splits = [split for split in ("train", "test") if f"x_{split}" in archive]
        shapes = [_read_npz_shape(path, archive, f"x_{split}") for split in splits]
        labels = [archive[f"y_{split}"] for split in splits if f"y_{split}" in archive]
    if not labels:
        classes = classes or (path.stem,)
        labels = [np.zeros(shape[0], np.int64) for shape in shapes]
    if len(labels) < len(splits):
        raise DatasetError(f"{path} has labels for one split only; give both, or none.")
    reads = [partial(_read_npz_images, path, f"x_{split}") for split in splits]
    return find_splits(path, "NPZ file", shapes, labels, reads, classes)


@contextmanager
def _open_npz(path: Path) -> Iterator[Any]:
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("no zip archive")
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except DatasetError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(
            f"{path} is not an NPZ file of plain arrays, or is damaged: {error}"
        ) from error


def _read_npz_shape(path: Path, archive: Any, key: str) -> tuple[int, ...]:
    """Read an array's shape from its header alone, and check it."""
    with archive.zip.open(f"{key}.npy") as member:
        if np.lib.format.read_magic(member) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(member)
    if dtype.kind in "biuf" and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
        return shape
    raise DatasetError(
        f"{key} in {path} must be numbers of shape (n, height, width) or (n, height, width, "
        f"1 or 3), but is {dtype} of shape {shape}."
    )


def _read_npz_images(path: Path, key: str) -> np.ndarray:
    with _open_npz(path) as archive:
        images: np.ndarray = archive[key]
    images = images if images.ndim == 4 else images[..., None]  # (n, height, width, channels)
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):  # nor if a value is not a number
        raise DatasetError(
            f"{key} in {path} must be in 0..255 or in 0..1, but goes from {low} to {high}."
        )
    scale = 255.0 if high <= 1 and images.dtype.kind in "bf" else 1.0
    chunks = (np.rint(chunk * scale).astype(np.uint8) for chunk in in_chunks(images))
    return spool(chunks, images.shape[1:])
