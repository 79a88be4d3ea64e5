"""The base class of errors that the user can correct."""

from __future__ import annotations


class ExplorerError(ValueError):
    """A mistake by the user, or a file or machine that is not as expected.

    The message is one sentence for the user: what was wrong, what was expected, what to do.
    """

    exit_status = 1
    """The exit status of a command that this error ends; 2 where the command itself is wrong."""


def one_line(error: Exception, limit: int | None = None) -> str:
    """Return another library's error message as one line of at most ``limit`` characters."""
    return " ".join(str(error).split())[:limit] or type(error).__name__


class DatasetError(ExplorerError):
    """Images that cannot be found or used."""

    exit_status = 2
