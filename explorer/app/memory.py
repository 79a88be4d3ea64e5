"""Return freed memory to the system; by default glibc keeps much of it for each thread."""

from __future__ import annotations

import ctypes
import platform

from anyio import sleep, to_thread

_M_ARENA_MAX, _ARENAS = -8, 2
_M_MMAP_THRESHOLD, _LARGE = -3, 2**20
_PAUSE = 10.0
_GLIBC = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def keep_little() -> None:
    """Let all threads allocate from two arenas, and return large blocks as soon as they are free.

    By default there are eight arenas for each core, and what counts as large grows up to 32 MiB.
    See ``mallopt(3)``; does nothing without glibc.
    """
    if _GLIBC is not None:
        _GLIBC.mallopt(_M_ARENA_MAX, _ARENAS)
        _GLIBC.mallopt(_M_MMAP_THRESHOLD, _LARGE)


async def give_back() -> None:
    """Return free memory every few seconds (``malloc_trim(3)``), until cancelled."""
    while _GLIBC is not None:
        await sleep(_PAUSE)
        await to_thread.run_sync(_GLIBC.malloc_trim, 0)
