"""Write what a command makes, and say what went wrong in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from explorer.cli.arguments import UsageError
from explorer.errors import ExplorerError


def write_files(
    make: Callable[[], Iterable[tuple[Path, bytes]]],
    tell: Callable[[Path, int], str] = lambda path, size: str(path),
    wrong_usage: tuple[type[ExplorerError], ...] = (UsageError,),
) -> int:
    """Write files and name each as it is written.

    Args:
        make: returns paths and contents.
        tell: returns the line for a path and its size in bytes.
        wrong_usage: errors that say that the command is wrong.

    Returns:
        The exit status: 0; 1 if something is broken or cannot be written; 2 for a wrong command.
    """
    try:
        for path, contents in make():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)
            print(tell(path, len(contents)))
    except ExplorerError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, wrong_usage) else 1
    except OSError as error:
        print(f"cannot read or write a file: {error}", file=sys.stderr)
        return 1
    return 0
