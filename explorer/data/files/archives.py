"""Read files in zip and tar archives; no member is ever written to disk under its own name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import threading
import weakref
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from explorer.data.files.kinds import kind_of_bytes, suffix_of
from explorer.data.files.libraries import need
from explorer.data.files.names import Names
from explorer.data.files.temporary import pieces_of, write_to_disk
from explorer.data.files.tree import Parts, Tree, is_hidden, parts_of
from explorer.data.report import Report
from explorer.errors import DatasetError

LARGEST_FILE = 256 * 2**20
"""Most bytes of one unpacked image file."""
_IS_UTF8 = 0x800  # a flag of a member whose name is UTF-8
_READABLE_METHODS = (
    zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA
)  # fmt: skip
_PIECE = 2**10  # compressed bytes of Zstandard, which may expand 30,000-fold
_UNPACKED_BY = {b"\x1f\x8b": gzip.open, b"\xfd7": lzma.open, b"BZ": bz2.open}


class _Archive(Tree):
    def __init__(self, path: Path, names: Iterable[str], report: Report) -> None:
        folders: dict[Parts, Names] = {}
        for name in names:
            *parts, last = parts_of(name)
            if hidden := next((part for part in (*parts, last) if is_hidden(part)), None):
                report.leave_out("hidden or system files", hidden)
            else:
                folders.setdefault(tuple(parts), Names()).append(last)
        super().__init__(path, folders)

    def stamp(self, name: str) -> str:
        found = self.path.stat()
        return f"{self.path} {found.st_size} {found.st_mtime_ns} {name}"


class Zip(_Archive):
    """A zip archive.

    Args:
        path: the archive's path or, for one in another archive, its name in messages.
        report: collects what is left out.
        content: the open file, for one in another archive.
    """

    kind = "zip of "

    def __init__(self, path: Path, report: Report, content: IO[bytes] | None = None) -> None:
        content = content or path.open("rb")
        weakref.finalize(self, content.close)
        try:
            self._archive = zipfile.ZipFile(content)
        except (zipfile.BadZipFile, OSError) as error:
            raise DatasetError(_why_no_zip(path, content)) from error
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
        self._members = {"/".join(parts_of(_name_of(member))): member for member in members}
        if double := len(members) - len(self._members):
            report.leave_out("members of the same name", path.name, double)
        super().__init__(path, self._members, report)

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
                return write_to_disk(pieces_of(stream))
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DatasetError(f"{name} in {self.path} is cut short or damaged.") from error


def _name_of(member: zipfile.ZipInfo) -> str:
    """Return a member's name: UTF-8 where its bytes are that, as Info-ZIP writes without saying."""
    if member.flag_bits & _IS_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def _as_text(name: str) -> str:
    """Return a name in a tar archive, read as Latin-1 where its bytes are not UTF-8."""
    try:
        name.encode()
        return name
    except UnicodeEncodeError:  # surrogates stand for the bytes
        return name.encode(errors="surrogateescape").decode("latin-1")


class Tar(_Archive):
    """A tar archive, compressed or not; arguments as for `Zip`."""

    kind = "tar of "

    def __init__(self, path: Path, report: Report, content: IO[bytes] | None = None) -> None:
        self._file = unpack(content or path.open("rb"), str(path))
        self._turn = threading.Lock()
        weakref.finalize(self, self._file.close)
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                members = archive.getmembers()
        except tarfile.TarError as error:
            raise DatasetError(f"{path} is cut short or damaged; download it again.") from error
        self._members = {}
        for member in members:
            if member.isreg():
                self._members["/".join(parts_of(_as_text(member.name)))] = member
            elif not member.isdir():
                report.leave_out("links or devices in the archive", member.name)
        super().__init__(path, self._members, report)

    def open(self, name: str) -> IO[bytes]:
        member = self._members[name]
        if member.size > LARGEST_FILE:
            raise OSError("the file is too large")
        return io.BytesIO(self._read(member.offset_data, member.size))

    def local(self, name: str) -> IO[bytes]:
        member = self._members[name]
        return write_to_disk(
            self._read(member.offset_data + start, min(2**20, member.size - start))
            for start in range(0, member.size, 2**20)
        )

    def _read(self, start: int, count: int) -> bytes:
        """Read a part of the file; threads take turns."""
        with self._turn:
            self._file.seek(start)
            return self._file.read(count)


def kind_of_archive(name: str, content: IO[bytes]) -> type[Tar | Zip] | None:
    """Return the type of an archive by its content, or by name for a damaged zip; else None."""
    if _is_tar(content):
        return Tar
    is_zip = content.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    content.seek(0)
    suffix = suffix_of(name)
    return Zip if suffix == ".zip" or (is_zip and suffix != ".npz") else None


def unpack(content: IO[bytes], where: str) -> IO[bytes]:
    """Decompress a file into a temporary one; return the file itself if it is not compressed.

    Raises:
        DatasetError: it is damaged (the message names it as ``where``), or the disk is full.
    """
    if (pieces := _unpacked(content)) is None:
        return content
    try:
        with content:
            return write_to_disk(pieces)
    except _damage() as error:  # bz2 and gzip raise a plain OSError
        if getattr(error, "errno", None) is not None:
            raise
        raise DatasetError(f"{where} is cut short or damaged; download it again.") from error


def _is_tar(content: IO[bytes]) -> bool:
    try:
        head = b""
        for piece in _unpacked(content) or [content.read(512)]:
            if len(head := head + piece) >= 512:
                break
    except _damage():
        return False
    finally:
        content.seek(0)
    return head[257:262] == b"ustar"


def _unpacked(content: IO[bytes]) -> Iterator[bytes] | None:
    """Decompress a file piece by piece; None if it is not compressed."""
    magic = content.read(4)
    content.seek(0)
    if magic == b"\x28\xb5\x2f\xfd":
        return _frames(content)
    if (opener := _UNPACKED_BY.get(magic[:2])) is None:
        return None
    return pieces_of(opener(content, "rb"))  # type: ignore[operator]


def _frames(content: IO[bytes]) -> Iterator[bytes]:
    """Decompress Zstandard frames; its own streams do not report that the last is cut short."""
    unpacking = need("zstandard", "Zstandard archives").ZstdDecompressor()
    frame, rest = None, b""
    while piece := rest or content.read(_PIECE):
        frame = frame or unpacking.decompressobj()
        yield frame.decompress(piece)
        rest = frame.unused_data
        if frame.eof:
            frame = None
    if frame is not None:
        raise EOFError("a frame is cut short")


def _why_no_zip(path: Path, content: IO[bytes]) -> str:
    content.seek(0)
    head = content.read(512)
    if head.startswith(b"PK"):
        return f"{path} is a ZIP archive that is cut short or damaged; copy or download it again."
    if kind := kind_of_bytes(head):
        return f"{path} is not a ZIP archive but {kind[0]}; {kind[1]}."
    return f"{path} is named like a ZIP archive but is none; give the right file."


def _damage() -> tuple[type[Exception], ...]:
    """Return the exceptions that unpacking a damaged file may raise."""
    zstandard = sys.modules.get("zstandard")
    of_zstandard = (zstandard.ZstdError,) if zstandard else ()
    return OSError, EOFError, lzma.LZMAError, zlib.error, *of_zstandard
