"""Write unnamed temporary files, and report a full disk in a sentence."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from explorer.errors import DatasetError


def copy_to_disk(stream: IO[bytes]) -> IO[bytes]:
    """Copy to an unnamed temporary file; raise DatasetError if the disk is full."""
    return write_to_disk(iter(lambda: stream.read(2**20), b""))


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
