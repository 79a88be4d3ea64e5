"""The base class of everything that a person can put right."""

from __future__ import annotations


class ExplorerError(ValueError):
    """A mistake, or a file or machine that is not as expected.

    The message is one sentence for a person: what was wrong, what was expected, what to do.
    """


def one_line(error: Exception, limit: int | None = None) -> str:
    """What another library's error says, in one line of at most ``limit`` characters."""
    return " ".join(str(error).split())[:limit] or type(error).__name__


class DatasetError(ExplorerError):
    """Images that cannot be found or used."""
