"""Return freed memory to the system; by default glibc keeps much of it for each thread."""

from __future__ import annotations

import ctypes
import platform

from anyio import sleep, to_thread

_M_ARENA_MAX, _ARENAS = -8, 2
_PAUSE = 10.0
_GLIBC = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def share_arenas() -> None:
    """Let all threads allocate from two arenas, instead of eight for each core.

    See ``mallopt(3)``; does nothing without glibc.
    """
    if _GLIBC is not None:
        _GLIBC.mallopt(_M_ARENA_MAX, _ARENAS)


async def give_back() -> None:
    """Return free memory every few seconds (``malloc_trim(3)``), until cancelled."""
    while _GLIBC is not None:
        await sleep(_PAUSE)
        await to_thread.run_sync(_GLIBC.malloc_trim, 0)
