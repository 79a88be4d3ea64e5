"""Folders and files that are replaced as a whole or not at all, even if the power fails."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A folder to write into, which becomes ``path`` when the block ends without an error.

    An earlier folder of that name is replaced as a whole or left as it was.
    """
    path = path.resolve()  # replace the target of a link, not the link
    recover(path)
    folder = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        flush(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    previous = _previous(path)
    if path.exists():
        os.replace(path, previous)
    try:
        os.replace(folder, path)
    except OSError:
        recover(path)
        raise
    with contextlib.suppress(OSError):  # the bundle is in place
        _sync(path.parent)
    shutil.rmtree(previous, ignore_errors=True)


def write_whole(path: Path, contents: bytes) -> None:
    """Write a file, or leave an earlier file of that name as it was."""
    path = path.resolve()  # replace the target of a link, not the link
    if path.exists() and not path.is_file():  # a device or a pipe
        path.write_bytes(contents)
        return
    beside = path.with_name(f".{path.name}.unfinished")
    try:
        beside.write_bytes(contents)
        _sync(beside)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def recover(path: Path) -> None:
    """Bring back the folder ``path`` if it was left between the two renames of ``unfinished``."""
    path = path.resolve()
    previous = _previous(path)
    if path.exists():
        shutil.rmtree(previous, ignore_errors=True)
    elif previous.exists():
        os.replace(previous, path)


def _previous(path: Path) -> Path:
    return path.with_name(f".{path.name}.previous")


def flush(folder: Path) -> None:
    """fsync everything in a folder, then the folder, so that a power cut cannot lose it."""
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            _sync(path)


def _sync(path: Path) -> None:
    """fsync a file, or, where the system can, a folder: the names in it."""
    if os.name != "posix" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
