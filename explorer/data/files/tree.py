"""One interface to files in a folder, in an archive or alone: list and open them."""

from __future__ import annotations

import re
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from explorer.data.files.names import Names

UNREADABLE = OSError, EOFError, zipfile.BadZipFile, zlib.error
"""What reading a damaged file, in a folder or an archive, may raise."""
Parts = tuple[str, ...]  # the parts of a folder's path, relative to the tree

_SYSTEM = re.compile(
    r"__macosx|thumbs\.db|ehthumbs\.db|desktop\.ini|icon\r|__pycache__|lost\+found|found\.\d{3}"
    r"|system volume information|network trash folder|temporary items"
    r"|(?-i:RECYCLE[RD])|\$recycle\.bin"
    r"|[#@](recycle|snapshot|recently-snapshot|tmp|eadir|__thumb|sharebin|sharesnap)"
    r"|@(app|appstore|appdata|apphome|appconf|appshare|apptemp|database|docker|optware|synology\w*)",
    re.IGNORECASE,
)
"""Files and folders that Windows, macOS and network storage create."""


class Files(Protocol):
    """Opens image files by name."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """Open a small file by its name with ``/``; any thread may do so."""

    @abstractmethod
    def stamp(self, name: str) -> str:
        """Return a string that changes whenever a file is replaced."""

    def place(self) -> Sequence[str] | None:
        """Return the argument for `open_again` in another process; None if that cannot be used."""
        return None


class Tree(Files, ABC):
    """Files in a folder or an archive, or a single file.

    Attributes:
        path: path of the folder or file, for messages and stamps.
        folders: file names by the parts of their folder; the order is the same on every machine.
        kind: ``""`` for folders and single files, else a phrase such as ``"zip of "``.
    """

    kind = ""

    def __init__(self, path: Path, folders: Mapping[Parts, Iterable[str]]) -> None:
        self.path = path
        self.folders = {
            parts: Names(sorted(folders[parts], key=_order))
            for parts in sorted(folders, key=lambda parts: [_order(part) for part in parts])
        }

    def names(self) -> Iterator[str]:
        """Yield the names of all files, with ``/`` between the parts."""
        for parts, names in self.folders.items():
            yield from paths(parts, names)

    def where(self, name: str) -> str:
        """Return the name of a file for messages."""
        return str(self.path) if self.path.name == name else f"{name} in {self.path}"

    @abstractmethod
    def local(self, name: str) -> IO[bytes]:
        """Open a file of any size, with a file descriptor, so that it can be mapped."""


def paths(parts: Parts, names: Iterable[str]) -> Iterator[str]:
    """Join a folder and the names of files in it with ``/``."""
    start = "".join(f"{part}/" for part in parts)
    return (start + name for name in names)


def title_of(path: Path) -> str:
    """Return a folder's name, or a file's name without ``.npz``, ``.tar.gz`` and the like."""
    if path.is_dir():
        return path.resolve().name
    return without_endings(path.name)


def without_endings(name: str) -> str:
    """Return a name without ``.npz``, ``.tar.gz`` and the like; folders before it stay."""
    return re.sub(r"(?<=[^/])\.[^./]+$", "", re.sub(r"\.(gz|xz|bz2|zst)$", "", name, flags=re.I))


def parts_of(name: str) -> Parts:
    """Split an archive member's path, without parts that would lead out of the archive."""
    return tuple(
        part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")
    ) or ("",)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or created by the operating system."""
    return name.startswith(".") or _SYSTEM.fullmatch(name) is not None


def _order(name: str) -> tuple[str, str]:
    """Return a sort key that ignores how accents are encoded, the same on every machine."""
    return (name, name) if name.isascii() else (unicodedata.normalize("NFC", name), name)
