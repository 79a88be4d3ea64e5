"""Cache what was slow to read, so that the next start is fast.

The folder is ``$LATENT_CACHE_DIR``, else ``latent-space-explorer`` in the user's cache folder; an
empty ``LATENT_CACHE_DIR`` turns the cache off. Nothing is ever written beside the images.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from explorer.core.subsets import in_chunks
from explorer.data.sources.decoding import Decoded

SLOW = 2.0
"""Seconds; what takes less time is not cached."""
LARGEST = 20 * 2**30
"""Most bytes in the folder; the least recently used entries are removed first."""
VERSION = 2
"""Version of the cache; raise it whenever the same files are read in another way."""

_ENTRY = re.compile(r"(images|survey|values)-.+|\.unfinished-.+")
"""Names of entries; nothing else in the folder is ever removed."""

Value = TypeVar("Value")


def cache_folder() -> Path | None:
    """Return the folder of the entries; None if the cache is turned off."""
    named = os.environ.get("LATENT_CACHE_DIR")
    if named is not None:
        return Path(named).expanduser() if named else None
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "latent-space-explorer"


def clear() -> int:
    """Remove all entries; return the number of bytes removed."""
    folder = cache_folder()
    entries = _entries(folder) if folder is not None else []
    for entry, _, _ in entries:
        shutil.rmtree(entry, ignore_errors=True)
    return sum(size for _, size, _ in entries)


def load(key: str) -> Decoded | None:
    """Return the images cached under a key, or None."""
    folder = cache_folder()
    if folder is None or not (entry := folder / key).is_dir():
        return None
    try:
        with np.load(entry / "rest.npz", allow_pickle=False) as rest:
            arrays = {name: rest[name] for name in rest}
        images = np.memmap(entry / "images", np.uint8, "r", shape=tuple(arrays.pop("shape")))
        os.utime(entry)
        return Decoded(colours=images, **arrays)
    except (OSError, ValueError, KeyError, TypeError):  # damaged: it will be written again
        shutil.rmtree(entry, ignore_errors=True)
        return None


def keep(key: str, kept: Decoded) -> None:
    """Cache images under a key, if there is room."""

    def write(entry: Path) -> None:
        with (entry / "images").open("wb") as file:
            for chunk in in_chunks(kept.colours):
                file.write(np.ascontiguousarray(chunk).data)
        rest = kept._asdict()
        np.savez(entry / "rest.npz", shape=np.array(rest.pop("colours").shape), **rest)

    _write(key, write)


def remember(key: str, compute: Callable[[], dict[str, Value]]) -> dict[str, Value]:
    """Return the JSON-compatible result of ``compute``, cached under a key if it took long."""
    folder = cache_folder()
    if folder is not None:
        with contextlib.suppress(OSError, ValueError):
            entry = folder / key
            value: dict[str, Value] = json.loads((entry / "value.json").read_text("utf-8"))
            os.utime(entry)
            return value
    start = time.monotonic()
    value = compute()
    if time.monotonic() - start > SLOW:
        text = json.dumps(value)
        _write(key, lambda entry: (entry / "value.json").write_text(text, "utf-8"))
    return value


def _write(key: str, write: Callable[[Path], object]) -> None:
    folder = cache_folder()
    if folder is None:
        return
    with contextlib.suppress(OSError):  # no room or permission: the next start is slow again
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
        try:
            write(unfinished)
            os.rename(unfinished, folder / key)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        _make_room(folder)


def _make_room(folder: Path) -> None:
    entries = sorted(_entries(folder), key=lambda entry: entry[2])
    total = sum(size for _, size, _ in entries)
    for entry, size, _ in entries[:-1]:
        if total > LARGEST:
            shutil.rmtree(entry, ignore_errors=True)
            total -= size


def _entries(folder: Path) -> list[tuple[Path, int, float]]:
    """Return the path, bytes and time of last use of each entry."""
    if not folder.is_dir():
        return []
    entries = []
    for entry in folder.iterdir():
        if _ENTRY.fullmatch(entry.name):
            with contextlib.suppress(OSError):  # another process has just removed it
                size = sum(file.stat().st_size for file in entry.iterdir())
                entries.append((entry, size, entry.stat().st_mtime))
    return entries
