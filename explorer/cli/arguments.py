"""What the command lines share: their own name, numbers within a range, bundles by name."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from explorer.errors import ExplorerError

T = TypeVar("T", int, float)

SEEDS = 0, 2**32 - 1


def command_name() -> str:
    """This command as it was typed: ``python -m explorer NAME`` or ``python -m explorer.NAME``."""
    called = sys.argv[0]  # the first spelling is put there by ``explorer.__main__``
    return called if " " in called else f"python -m explorer.{Path(called).stem}"


def number(kind: type[T], low: float, high: float = math.inf) -> Callable[[str], T]:
    """What ``type`` of argparse's ``add_argument`` takes, for a number from ``low`` to ``high``."""

    def parse(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            noun = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {noun}") from None
        if not low <= value <= high:
            expected = f"{low:,} or more" if high == math.inf else f"between {low:,} and {high:,}"
            raise argparse.ArgumentTypeError(f"{text} is not {expected}")
        return value

    return parse


class UsageError(ExplorerError):
    """A mistake in the command; the message is a sentence for a person."""


def choose_bundles(found: Iterable[Path], names: Sequence[str], folder: Path) -> list[Path]:
    """The bundles of these names among those found in ``folder``; without names, all of them.

    Raises:
        UsageError: there is none, or none of that name.
    """
    known = {path.name: path for path in found}
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise UsageError(f"there is no bundle {name!r} in {folder}; there are: {there}")
    if not known:
        raise UsageError(f"there are no bundles in {folder}")
    return [known[name] for name in names or known]
