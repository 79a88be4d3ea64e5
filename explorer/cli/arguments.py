"""What the command lines share: the command's own name, and numbers within a range."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

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
