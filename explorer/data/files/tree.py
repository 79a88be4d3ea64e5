"""Files in a folder, in an archive or alone, listed and opened in one way.

Nothing of an archive is ever written under its own name. What is no regular file is never opened.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import shutil
import tarfile
import tempfile
import unicodedata
import weakref
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from explorer.data.files.kinds import kind_of_bytes
from explorer.data.files.libraries import need
from explorer.data.files.names import Names
from explorer.data.report import Report
from explorer.errors import DatasetError

LARGEST_FILE = 256 * 2**20
"""Bytes of one unpacked image file."""
Parts = tuple[str, ...]  # of a folder, relative to the tree

_SYSTEM = {
    name.lower()
    for name in (
        "__MACOSX", "@eaDir", "@__thumb", "#recycle", "@Recycle", "@Recently-Snapshot",
        "$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__",
        "Thumbs.db", "desktop.ini",
    )
}  # fmt: skip
_READABLE_METHODS = (
    zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
)  # fmt: skip
_UNPACKED_BY = {b"\x1f\x8b": gzip.open, b"\xfd7": lzma.open, b"BZ": bz2.open}


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


def open_tree(path: Path, report: Report) -> Tree:
    """List the files of a folder or archive, or a lone file.

    Raises:
        DatasetError: it is an archive that cannot be read, or no regular file.
    """
    if path.is_dir():
        return _Folder(path, _walk(path, report))
    if not path.is_file():
        raise DatasetError(f"{path} is no regular file; give a folder, an archive or a data file.")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise DatasetError(f"{path} is empty (0 bytes); copy or download it again.")
    if _is_tar(path):
        return _Tar(path, report)
    is_zip = head[:4] in (b"PK\x03\x04", b"PK\x05\x06") or path.suffix.lower() == ".zip"
    if is_zip and path.suffix.lower() != ".npz":
        return _Zip(path, report)
    return _Folder(path.parent, {(): [path.name]}, path)


def open_again(place: Sequence[str]) -> Files:
    """Open files in another process without listing a folder."""
    kind, path = place
    return _Zip(Path(path), Report()) if kind == _Zip.kind else _Folder(Path(path), {})


class _Folder(Tree):
    def __init__(
        self, root: Path, folders: Mapping[Parts, Iterable[str]], path: Path | None = None
    ) -> None:
        super().__init__(path or root, folders)
        self._root = str(root)

    def open(self, name: str) -> IO[bytes]:
        return open(f"{self._root}/{name}", "rb")

    local = open

    def place(self) -> Sequence[str]:
        return self.kind, self._root

    def stamp(self, name: str) -> str:
        found = os.stat(f"{self._root}/{name}")
        return f"{name} {found.st_size} {found.st_mtime_ns}"


class _Archive(Tree):
    def stamp(self, name: str) -> str:
        found = self.path.stat()
        return f"{self.path} {found.st_size} {found.st_mtime_ns} {name}"

    def _collect(self, names: Iterator[str], report: Report) -> dict[Parts, Names]:
        folders: dict[Parts, Names] = {}
        for name in names:
            *parts, last = parts_of(name)
            if hidden := next((part for part in (*parts, last) if _is_hidden(part)), None):
                report.leave_out("hidden or system files", hidden)
            else:
                folders.setdefault(tuple(parts), Names()).append(last)
        return folders


class _Zip(_Archive):
    kind = "zip of "

    def __init__(self, path: Path, report: Report) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
            weakref.finalize(self, self._archive.close)
        except (zipfile.BadZipFile, OSError) as error:
            raise DatasetError(_why_no_zip(path)) from error
        members = [member for member in self._archive.infolist() if not member.is_dir()]
        for member in members:
            if member.flag_bits & 1:
                raise DatasetError(f"{path} is encrypted; unpack it with its password.")
            if member.compress_type not in _READABLE_METHODS:
                method = {9: "Deflate64", 93: "Zstandard"}.get(
                    member.compress_type, f"method {member.compress_type}"
                )
                raise DatasetError(
                    f"{path} is compressed with {method}, as some programs do above 2 GB, which "
                    "cannot be read here; unpack it and give the folder."
                )
        self._members = {"/".join(parts_of(member.filename)): member for member in members}
        if double := len(members) - len(self._members):
            report.leave_out("members of the same name", path.name, double)
        super().__init__(path, self._collect(iter(self._members), report))

    def open(self, name: str) -> IO[bytes]:
        with self._archive.open(self._members[name]) as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise OSError("the file is too large")
        return io.BytesIO(content)

    def place(self) -> Sequence[str]:
        return self.kind, str(self.path)

    def local(self, name: str) -> IO[bytes]:
        try:
            with self._archive.open(self._members[name]) as stream:
                return copy_to_disk(stream)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DatasetError(f"{name} in {self.path} is cut short or damaged.") from error


class _Tar(_Archive):
    kind = "tar of "

    def __init__(self, path: Path, report: Report) -> None:
        self._file = _unpack(path) or path.open("rb")
        weakref.finalize(self, self._file.close)
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                members = archive.getmembers()
        except tarfile.TarError as error:
            raise DatasetError(f"{path} is cut short or damaged; download it again.") from error
        self._members = {}
        for member in members:
            if member.isreg():
                self._members["/".join(parts_of(member.name))] = member
            elif not member.isdir():
                report.leave_out("links or devices in the archive", member.name)
        super().__init__(path, self._collect(iter(self._members), report))

    def open(self, name: str) -> IO[bytes]:
        member = self._members[name]
        if member.size > LARGEST_FILE:
            raise OSError("the file is too large")
        return io.BytesIO(os.pread(self._file.fileno(), member.size, member.offset_data))

    def local(self, name: str) -> IO[bytes]:
        member = self._members[name]
        pieces = (
            os.pread(
                self._file.fileno(), min(2**20, member.size - start), member.offset_data + start
            )
            for start in range(0, member.size, 2**20)
        )
        file = tempfile.TemporaryFile()  # noqa: SIM115
        with no_room_as_sentence():
            file.writelines(pieces)
            file.seek(0)
        return file


def title_of(path: Path) -> str:
    """A folder's name, or a file's without ``.npz``, ``.tar.gz`` and the like."""
    if path.is_dir():
        return path.resolve().name
    return Path(re.sub(r"\.(gz|xz|bz2|zst)$", "", path.name, flags=re.I)).stem


def parts_of(name: str) -> Parts:
    """A member's folders and name, without what would lead out of the archive."""
    return tuple(
        part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")
    ) or ("",)


def copy_to_disk(stream: IO[bytes]) -> IO[bytes]:
    """Copy to an unnamed temporary file; raises DatasetError if the disk is full."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    with no_room_as_sentence():
        shutil.copyfileobj(stream, file, 2**20)
        file.seek(0)
    return file


class no_room_as_sentence:  # noqa: N801
    """Turn an error of writing into a sentence that names the place."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise DatasetError(
                f"The images could not be written to a temporary file in {tempfile.gettempdir()} "
                f"({error.strerror}); point TMPDIR at a folder with more room."
            ) from error


def _walk(root: Path, report: Report) -> dict[Parts, Names]:
    """List regular files; links to folders are followed, each folder is entered once."""
    folders: dict[Parts, Names] = {}
    waiting: list[Parts] = [()]
    links: list[Parts] = []  # last, so that a folder has its own name and not a link's
    seen: set[str] = set()
    while waiting or links:
        parts = (waiting or links).pop()
        path = os.path.join(root, *parts)
        if (real := os.path.realpath(path)) in seen:
            report.leave_out("second links to the same folder", "/".join(parts))
            continue
        seen.add(real)
        try:
            with os.scandir(path) as entries:
                files, others = _plain_files(entries)
        except OSError as error:
            if not parts:
                raise
            report.leave_out(f"folders that cannot be opened: {error.strerror}", "/".join(parts))
            continue
        for entry in others:
            if _is_hidden(entry.name):
                report.leave_out("hidden or system files", "/".join((*parts, entry.name)))
            elif entry.is_dir():
                (links if entry.is_symlink() else waiting).append((*parts, entry.name))
            else:
                is_link = entry.is_symlink() and not os.path.exists(entry.path)
                kind = "links that lead nowhere" if is_link else "pipes, sockets or devices"
                report.leave_out(kind, "/".join((*parts, entry.name)))
        if files:
            folders[parts] = files
        elif not others:
            report.leave_out("empty folders", "/".join(parts))
    return folders


def _plain_files(entries: Iterable[os.DirEntry[str]]) -> tuple[Names, list[os.DirEntry[str]]]:
    """The names of regular files, of which there may be many, and the other entries, last first."""
    files, others = Names(), []
    for entry in entries:
        if not _is_hidden(entry.name) and entry.is_file():
            files.append(entry.name)
        else:
            others.append(entry)
    return files, sorted(others, key=lambda entry: entry.name, reverse=True)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM


def _order(name: str) -> tuple[str, str]:
    """By the name as people read it, in the same order on every machine."""
    return (name, name) if name.isascii() else (unicodedata.normalize("NFC", name), name)


def _why_no_zip(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        return f"{path} is a ZIP archive that is cut short or damaged; copy or download it again."
    if kind := kind_of_bytes(head):
        return f"{path} is no ZIP archive but {kind[0]}; {kind[1]}."
    return f"{path} is neither a folder nor a zip, but is named as one; give the right file."


def _is_tar(path: Path) -> bool:
    """Whether a file is a tar archive, packed or not, by its content."""
    try:
        with _opened(path) as file:
            head = file.read(512)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return False
    return head[257:262] == b"ustar"


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"\x28\xb5\x2f\xfd":
        stream: IO[bytes] = need("zstandard", "Zstandard archives").open(path, "rb")
        return stream
    opener = _UNPACKED_BY.get(magic[:2], open)
    return opener(path, "rb")  # type: ignore[operator,no-any-return]


def _unpack(path: Path) -> IO[bytes] | None:
    """A temporary file with what is packed in a file; None if nothing is."""
    try:
        with _opened(path) as stream:
            return None if isinstance(stream, io.BufferedReader) else copy_to_disk(stream)
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise DatasetError(f"{path} is cut short or damaged; download it again.") from error
