"""The base class of everything that a person can put right."""

from __future__ import annotations


class ExplorerError(ValueError):
    """A mistake, or a file or machine that is not as expected.

    The message is one sentence for a person: what was wrong, what was expected, what to do.
    """


class DatasetError(ExplorerError):
    """Images that cannot be found or used."""
