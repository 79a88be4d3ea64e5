"""Keep images on disk instead of in memory, in an unnamed, memory-mapped temporary file."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable

import numpy as np

from explorer.data.files.temporary import no_room_as_sentence


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
