"""Write the files that a command makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path


def write_files(
    files: Iterable[tuple[Path, bytes]],
    tell: Callable[[Path, int], str] = lambda path, size: str(path),
) -> None:
    """Write files and name each as it is written.

    Args:
        files: paths and contents.
        tell: returns the line for a path and its size in bytes.
    """
    for path, contents in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
        print(tell(path, len(contents)))
