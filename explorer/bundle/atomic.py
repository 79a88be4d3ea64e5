"""Files that survive a power cut."""

from __future__ import annotations

import os
from pathlib import Path


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
