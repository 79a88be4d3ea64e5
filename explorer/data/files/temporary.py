"""Temporary files without names, and the sentence for a disk that is full."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import IO

from explorer.errors import DatasetError


def copy_to_disk(stream: IO[bytes]) -> IO[bytes]:
    """Copy to an unnamed temporary file; raises DatasetError if the disk is full."""
    return write_to_disk(iter(lambda: stream.read(2**20), b""))


def write_to_disk(pieces: Iterable[bytes]) -> IO[bytes]:
    """Write to an unnamed temporary file; raises DatasetError if the disk is full."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        with no_room_as_sentence():
            file.writelines(pieces)
            file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


class no_room_as_sentence:  # noqa: N801
    """Turn an error of writing into a sentence that names the place."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise DatasetError(
                f"The images could not be written to a temporary file in {tempfile.gettempdir()} "
                f"({error.strerror}); point TMPDIR at a folder with more room."
            ) from error
