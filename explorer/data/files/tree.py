"""Files in a folder, in an archive or alone, under one face: listed and opened in one way."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from explorer.data.files.names import Names

Parts = tuple[str, ...]  # of a folder, relative to the tree

_SYSTEM = {
    name.lower()
    for name in (
        "__MACOSX", "@eaDir", "@__thumb", "#recycle", "@Recycle", "@Recently-Snapshot",
        "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__",
        "Thumbs.db", "desktop.ini",
    )
}  # fmt: skip


class Files(Protocol):
    """What opens image files by their names."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file; any thread may do so."""

    def stamp(self, name: str) -> str:
        """What changes whenever a file is replaced."""

    def place(self) -> Sequence[str] | None:
        """What `open_again` takes in another process; None where that is of no use."""


class Tree(ABC):
    """Files below a place.

    Attributes:
        path: of the folder or file, for messages and stamps.
        folders: names of files by the parts of their folder, both in the same order everywhere.
        kind: ``""`` for folders and lone files, else such as ``"zip of "``.
    """

    kind = ""

    def __init__(self, path: Path, folders: Mapping[Parts, Iterable[str]]) -> None:
        self.path = path
        self.folders = {
            parts: Names(sorted(folders[parts], key=_order))
            for parts in sorted(folders, key=lambda parts: [_order(part) for part in parts])
        }

    def names(self) -> Iterator[str]:
        """All files' names, with ``/`` between the parts."""
        for parts, names in self.folders.items():
            yield from paths(parts, names)

    def where(self, name: str) -> str:
        """What a message calls a file."""
        return str(self.path) if self.path.name == name else f"{name} in {self.path}"

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """Open a small file, by its name with ``/``; any thread may do so."""

    @abstractmethod
    def local(self, name: str) -> IO[bytes]:
        """Open a file of any size that has a number in the system and can be mapped."""

    @abstractmethod
    def stamp(self, name: str) -> str:
        """What changes whenever a file is replaced."""

    def place(self) -> Sequence[str] | None:
        """What `open_again` takes in another process; None where that is of no use."""
        return None


def paths(parts: Parts, names: Iterable[str]) -> Iterator[str]:
    """Put a folder before the names of files in it, with ``/`` between."""
    start = "".join(f"{part}/" for part in parts)
    return (start + name for name in names)


def title_of(path: Path) -> str:
    """A folder's name, or a file's without ``.npz``, ``.tar.gz`` and the like."""
    if path.is_dir():
        return path.resolve().name
    return without_endings(path.name)


def without_endings(name: str) -> str:
    """A file's name without ``.npz``, ``.tar.gz`` and the like; folders before it stay."""
    return re.sub(r"(?<=[^/])\.[^./]+$", "", re.sub(r"\.(gz|xz|bz2|zst)$", "", name, flags=re.I))


def parts_of(name: str) -> Parts:
    """A member's folders and name, without what would lead out of the archive."""
    return tuple(
        part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")
    ) or ("",)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or one that systems make for themselves."""
    return name.startswith(".") or name.lower() in _SYSTEM


def _order(name: str) -> tuple[str, str]:
    """By the name as people read it, in the same order on every machine."""
    return (name, name) if name.isascii() else (unicodedata.normalize("NFC", name), name)
