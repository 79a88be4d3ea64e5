"""Folders that are replaced as a whole or not at all, even if the power fails."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_PREVIOUS = ".previous"


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A folder to write into, which becomes ``path`` when the block ends without an error.

    An earlier folder of that name is replaced as a whole or left as it was.
    """
    path = path.resolve()  # what a link leads to is replaced, not the link
    recover(path.parent)
    folder = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    flush(folder)
    previous = path.with_name(f".{path.name}{_PREVIOUS}")
    shutil.rmtree(previous, ignore_errors=True)
    if path.exists():
        os.replace(path, previous)
    try:
        os.replace(folder, path)
    except OSError:
        recover(path.parent)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def recover(folder: Path) -> None:
    """Bring back what was interrupted between the two renames of ``unfinished``."""
    for previous in folder.glob(f".*{_PREVIOUS}"):
        path = folder / previous.name[1 : -len(_PREVIOUS)]
        if path.exists():
            shutil.rmtree(previous)
        else:
            os.replace(previous, path)


def flush(folder: Path) -> None:
    """fsync every file of a folder, then the folder, so that a power cut cannot lose them.

    Args:
        folder: with files alone.
    """
    for path in (*folder.iterdir(), folder) if os.name == "posix" else folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
