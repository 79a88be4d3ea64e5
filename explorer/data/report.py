"""Collect what the user should know about how a set was read: guesses, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_LISTED = 6
"""Largest number of names that a sentence lists."""


@dataclass
class Report:
    """Collects notes and what is left out while a set is found and read.

    Attributes:
        notes: sentences without a full stop, each once.
        left_out: for each kind that was left out, in the plural, its count and first name.
    """

    notes: list[str] = field(default_factory=list)
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict)

    def note(self, sentence: str) -> None:
        """Add a sentence, unless it was added before."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def leave_out(self, kind: str, name: str, count: int = 1) -> None:
        """Count something that is not read.

        Args:
            kind: what it is, or why it is left out, in the plural, such as ``"PDF documents"``.
            name: the name of the first one.
            count: how many there are.
        """
        if count:
            before, first = self.left_out.get(kind, (0, name))
            self.left_out[kind] = before + count, first

    def left_out_line(self) -> str:
        """Return all kinds that were left out, in one line; empty if nothing was."""
        return ", ".join(
            f"{kind}: {count:,} ({_show(name)}{', …' if count > 1 else ''})"
            for kind, (count, name) in self.left_out.items()
        )


def some(words: Sequence[str]) -> str:
    """Return the first of several words, as text, with … for the others."""
    return ", ".join(words[:MOST_LISTED]) + " …" * (len(words) > MOST_LISTED)


def _show(name: str) -> str:
    """Return at most 60 characters of a file's name, without bytes that no terminal can show."""
    plain = name.encode(errors="replace").decode()
    return plain if len(plain) <= 60 else f"…{plain[-59:]}"
