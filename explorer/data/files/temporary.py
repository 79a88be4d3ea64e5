"""Write unnamed temporary files, and report a full disk in a sentence; map images written there."""

from __future__ import annotations

import contextlib
import math
import mmap
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np

from explorer.errors import DatasetError


def pieces_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Read a file piece by piece."""
    return iter(lambda: stream.read(2**20), b"")


def write_to_disk(pieces: Iterable[bytes]) -> IO[bytes]:
    """Write to an unnamed temporary file; raise DatasetError if the disk is full."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        with no_room_as_sentence():
            file.writelines(pieces)
            file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


@contextlib.contextmanager
def no_room_as_sentence() -> Iterator[None]:
    """Turn a write error into a DatasetError that names the folder."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise DatasetError(
            f"The images could not be written to a temporary file in {tempfile.gettempdir()} "
            f"({error.strerror}); point TMPDIR at a folder with more room."
        ) from error


class Spool:
    """Images that are written one after another to a file in ``$TMPDIR``, and then mapped.

    Mapped images stay valid after it is closed, as by ``with``.
    """

    def __init__(self, image_shape: tuple[int, ...]) -> None:
        with no_room_as_sentence():
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._image_shape = image_shape

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, pixels: np.ndarray) -> None:
        """Write one or several images, uint8; raise DatasetError if the disk is full."""
        rest = memoryview(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data)
        with no_room_as_sentence():
            while rest:
                rest = rest[self._file.write(rest) :]

    def images(self) -> np.ndarray:
        """Map all images written, ``(n, height, width, channels)`` uint8, read-only."""
        shape = (self._file.tell() // math.prod(self._image_shape), *self._image_shape)
        if shape[0] == 0:
            return np.empty(shape, np.uint8)
        return np.memmap(self._file, np.uint8, "r", shape=shape)


def spool(chunks: Iterable[np.ndarray], image_shape: tuple[int, ...]) -> np.ndarray:
    """Write chunks of images to a temporary file and map it."""
    with Spool(image_shape) as spooled:
        for chunk in chunks:
            spooled.append(chunk)
        return spooled.images()


def leave_on_disk(images: np.ndarray) -> None:
    """Give back the memory of mapped images; they are read from their file again when needed."""
    owner: object = images
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        owner.madvise(mmap.MADV_DONTNEED)
