"""Numbers on a command line: what is out of range is refused with one sentence."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", int, float)

SEEDS = 0, 2**32 - 1


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
