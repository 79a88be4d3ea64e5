"""Keep what was slow to read, so that the next start is quick.

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
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from explorer.core.subsets import in_chunks

SLOW = 2.0
"""Seconds: what takes less is not worth the room."""
LARGEST = 20 * 2**30
"""Bytes in the folder; the entries that were not used for longest go first."""
VERSION = 2
"""Of what is kept: to be raised whenever the same files are read in another way."""

_ENTRY = re.compile(r"(images|survey|values)-.+|\.unfinished-.+")
"""What an entry is called: anything else in the folder is not ours to remove."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Kept:
    """The images of a split, as they were read.

    Attributes:
        images: ``(k, height, width, channels)`` uint8, memory-mapped.
        readable: ``(k,)`` which of the images asked for these are.
        transparent: ``(t,)`` which of ``images`` are transparent somewhere.
        alphas: ``(t, height, width, 1)`` uint8, of these.
    """

    images: np.ndarray
    readable: np.ndarray
    transparent: np.ndarray
    alphas: np.ndarray


def cache_folder() -> Path | None:
    """Where entries are kept; None if the cache is turned off."""
    named = os.environ.get("LATENT_CACHE_DIR")
    if named is not None:
        return Path(named).expanduser() if named else None
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "latent-space-explorer"


def clear() -> int:
    """Remove all entries; return how many bytes they had."""
    folder = cache_folder()
    entries = _entries(folder) if folder is not None else []
    for entry, _, _ in entries:
        shutil.rmtree(entry, ignore_errors=True)
    return sum(size for _, size, _ in entries)


def load(key: str) -> Kept | None:
    """The images kept under a key, or None."""
    folder = cache_folder()
    if folder is None or not (entry := folder / key).is_dir():
        return None
    try:
        with np.load(entry / "rest.npz", allow_pickle=False) as rest:
            arrays = {name: rest[name] for name in rest}
        images = np.memmap(entry / "images", np.uint8, "r", shape=tuple(arrays.pop("shape")))
        os.utime(entry)
        return Kept(images, **arrays)
    except (OSError, ValueError, KeyError, TypeError):  # damaged: it is made anew
        shutil.rmtree(entry, ignore_errors=True)
        return None


def keep(key: str, kept: Kept) -> None:
    """Keep images under a key, if there is room."""

    def write(entry: Path) -> None:
        with (entry / "images").open("wb") as file:
            for chunk in in_chunks(kept.images):
                file.write(np.ascontiguousarray(chunk).data)
        np.savez(
            entry / "rest.npz",
            shape=np.array(kept.images.shape),
            readable=kept.readable,
            transparent=kept.transparent,
            alphas=kept.alphas,
        )

    _write(key, write)


def remember(key: str, compute: Callable[[], dict[str, Value]]) -> dict[str, Value]:
    """What ``compute`` returns, as JSON can hold it; kept under a key if it took long."""
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
    with contextlib.suppress(OSError):  # without room or right, the next start is slow again
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
    """Path, bytes and time of last use of each entry."""
    if not folder.is_dir():
        return []
    entries = []
    for entry in folder.iterdir():
        if _ENTRY.fullmatch(entry.name):
            with contextlib.suppress(OSError):  # another process has just removed it
                size = sum(file.stat().st_size for file in entry.iterdir())
                entries.append((entry, size, entry.stat().st_mtime))
    return entries
