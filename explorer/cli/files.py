"""Write the files that a command makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from explorer.bundle.atomic import write_whole
from explorer.errors import ExplorerError


def write_files(
    files: Iterable[tuple[Path, bytes]],
    tell: Callable[[Path, int], str] = lambda path, size: str(path),
) -> None:
    """Write files, each completely or not at all, and name each as it is written.

    Args:
        files: paths and contents.
        tell: returns the line for a path and its size in bytes.

    Raises:
        ExplorerError: if a folder to write into is a file.
    """
    for path, contents in files:
        make_folder(path.parent)
        try:
            write_whole(path, contents)
        except OSError as error:
            error.filename = str(path)  # not the unfinished file beside it
            raise
        print(tell(path, len(contents)))


def make_folder(folder: Path) -> None:
    """Make a folder to write into; raise an ExplorerError if it is a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(path for path in (folder, *folder.parents) if path.exists())
        raise ExplorerError(f"{file} is a file, not a folder; name another --output") from error
