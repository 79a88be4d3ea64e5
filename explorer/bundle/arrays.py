"""Write arrays to ``.npz`` files, always as the same bytes, and read them, safe from zip bombs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from explorer.bundle.card import BundleError
from explorer.errors import one_line

MAX_UNPACKED = 2**31
"""Bytes: a file that says it unpacks to more is not opened, however small it is."""


def save_arrays(target: Path | BinaryIO, **arrays: np.ndarray) -> None:
    """Write a compressed ``.npz`` whose bytes depend on the arrays alone (no time stamps)."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def read_arrays(
    npz: bytes, names: Iterable[str], place: str, most: int = MAX_UNPACKED
) -> dict[str, np.ndarray]:
    """Read all arrays of an ``.npz``.

    Args:
        npz: contents of the file.
        names: arrays that it must have.
        place: name of the file in messages.
        most: largest number of bytes that it may unpack to.

    Raises:
        BundleError: it is damaged, too large, or lacks one of these arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(npz)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > most:
                raise ValueError(f"it would unpack to more than {most:,} bytes")
        with np.load(io.BytesIO(npz), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in dict.fromkeys((*names, *arrays))}
        for name, array in found.items():
            if not isinstance(array, np.ndarray):  # NumPy gives anything else as bytes
                raise TypeError(f"{name} is not an array")
        return found
    except Exception as error:  # the errors for a damaged zip share no base class
        raise BundleError(f"{place} is not usable: {one_line(error)}") from error


def read_images(npz: bytes, shape: tuple[int, ...], place: str) -> np.ndarray:
    """Read the array ``images`` of an ``.npz``, uint8 of this shape.

    Raises:
        BundleError: it is missing, or has another shape or type.
    """
    images = read_arrays(npz, ["images"], place)["images"]
    expect(place, "images", images, shape, np.uint8)
    return images


def expect(
    place: str,
    name: str,
    array: np.ndarray,
    shape: tuple[int, ...],
    dtype: type,
    *,
    finite: bool = True,
) -> None:
    """Raise a ``BundleError`` unless an array has this shape and type, and finite numbers."""
    if array.shape != shape or array.dtype != dtype:
        raise BundleError(
            f"{name} in {place} is {array.dtype} {array.shape}; expected {np.dtype(dtype)} {shape}"
        )
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BundleError(f"{name} in {place} holds NaN or infinity")
