"""Read the files of a bundle, each checked before it is read."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from explorer.bundle.card import BundleError, FileCard

MAX_BYTES = {
    "card.json": 2**20,
    "history.json": 2**24,
    "encoder.onnx": 2**29,
    "decoder.onnx": 2**29,
    "latents.npz": 2**29,
}
"""A larger file of that name is not read."""

MAX_OTHER = 2**31


def read_file(path: Path) -> bytes:
    """Read a regular file of a reasonable size.

    Raises:
        BundleError: it is missing, not a file, too large, or cannot be read.
    """
    size = file_size(path)
    limit = MAX_BYTES.get(path.name, MAX_OTHER)
    if size > limit:
        raise BundleError(f"{_place(path)} has {size:,} bytes; at most {limit:,} are read")
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise BundleError(f"{_place(path)} cannot be read") from error


def read_checked(path: Path, expected: FileCard) -> bytes:
    """Read a file and check that its size and hash are those on the card.

    Raises:
        BundleError: as for ``read_file`` and ``check_size``, or its contents were changed.
    """
    check_size(path, expected)
    content = read_file(path)
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise BundleError(f"{_place(path)} was changed: its SHA-256 is not the card's")
    return content


def check_size(path: Path, expected: FileCard) -> None:
    """Compare a file's size with the card's, without reading it.

    Raises:
        BundleError: it differs, or there is no such file.
    """
    if (size := file_size(path)) != expected.bytes:
        raise BundleError(
            f"{_place(path)} has {size:,} bytes; its card says {expected.bytes:,}: "
            "the file was cut short or replaced"
        )


def file_size(path: Path) -> int:
    """The size of a regular file, or of the one that a link leads to.

    Raises:
        BundleError: it is missing, or not a file (but a folder, a pipe or a device).
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise BundleError(f"{_place(path)} is missing") from error
    except OSError as error:
        raise BundleError(f"{_place(path)} cannot be read") from error
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{_place(path)} cannot be read: it is not a file")
    return status.st_size


def describe_file(path: Path) -> FileCard:
    """Size and hash of a file, as a card gives them."""
    content = path.read_bytes()
    return FileCard(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _place(path: Path) -> str:
    return f"{path.name} of {path.parent.name}"
