"""Show how far reading has come, once it takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def with_progress(items: Iterable[Item], total: int) -> Iterator[Item]:
    """Pass items on, with a line on stderr every two seconds."""
    shown_at, shown = time.monotonic(), False
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - shown_at > 2:
            line = f"\rreading images: {done:,} of {total:,}"
            print(line, end="", file=sys.stderr, flush=True)
            shown_at, shown = time.monotonic(), True
    if shown:
        print(f"\rreading images: {done:,} of {total:,}", file=sys.stderr, flush=True)
