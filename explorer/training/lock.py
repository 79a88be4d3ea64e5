"""Reserve the name of a bundle for one process, so that two do not train it at once."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from explorer.training.destination import Destination
from explorer.training.run import TrainingError


@contextlib.contextmanager
def locked(destination: Destination) -> Iterator[None]:
    """Reserve a name for this process; at the end leave neither lock nor empty folders.

    The system releases the lock when the process ends, however it ends.

    Raises:
        TrainingError: another process trains a model of that name.
    """
    destination.output.mkdir(parents=True, exist_ok=True)
    path = destination.output / f".{destination.name}.lock"
    with _hold(path, destination.name):
        shutil.rmtree(
            destination.path.with_name(f".{destination.name}.unfinished"), ignore_errors=True
        )
        try:
            yield
        finally:
            with contextlib.suppress(PermissionError):  # Windows cannot remove an open file
                path.unlink(missing_ok=True)
            for folder in (destination.checkpoints, destination.checkpoints.parent):
                with contextlib.suppress(OSError):  # it is not empty, or not there
                    folder.rmdir()


@contextlib.contextmanager
def _hold(path: Path, name: str) -> Iterator[None]:
    """Hold a lock file, which says who holds it."""
    with path.open("a+", encoding="utf-8") as file:
        if not _lock(file) or not os.fstat(file.fileno()).st_nlink:  # its last holder removed it
            file.seek(0)
            raise TrainingError(
                f"{name} is being trained already ({file.read()}); wait until that has "
                "ended, or give this one another --name"
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {time.ctime()}")
        file.flush()
        yield


def _lock(file: IO[str]) -> bool:
    """Lock an open file, if no other process has."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**30)  # on Windows nobody can read the locked part
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
