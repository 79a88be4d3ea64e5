"""Show the progress of reading, once it takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def with_progress(
    items: Iterable[Item], total: int, count: Callable[[Item], int]
) -> Iterator[Item]:
    """Pass items on, with a line on stderr every two seconds.

    Args:
        items: the items to pass on.
        total: number of images in all items.
        count: returns the number of images in an item.
    """
    shown_at, shown, done = time.monotonic(), False, 0
    for item in items:
        yield item
        done += count(item)
        if time.monotonic() - shown_at > 2:
            _show(done, total, end="")
            shown_at, shown = time.monotonic(), True
    if shown:
        _show(done, total, end="\n")


def _show(done: int, total: int, *, end: str) -> None:
    print(f"\rreading images: {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)
