"""Open the path that the user gave: a folder, an archive or a single file.

Only regular files are ever opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from explorer.data.files.archives import Zip, kind_of_archive
from explorer.data.files.inside import see_packed
from explorer.data.files.names import Names
from explorer.data.files.tree import Files, Parts, Tree, is_hidden
from explorer.data.report import Report
from explorer.errors import DatasetError


def open_tree(path: Path, report: Report) -> Tree:
    """List the files of a folder or an archive, or a single file.

    Raises:
        DatasetError: it is an archive that cannot be read, an empty file, or no regular file.
    """
    if path.is_dir():
        return see_packed(DiskTree(path, _walk(path, report)))
    if not path.is_file():
        raise DatasetError(
            f"{path} is not a regular file; give a folder, an archive or a data file."
        )
    if path.stat().st_size == 0:
        raise DatasetError(f"{path} is empty (0 bytes); copy or download it again.")
    with path.open("rb") as file:
        archive = kind_of_archive(path.name, file)
    lone = archive(path, report) if archive else DiskTree(path.parent, {(): [path.name]}, path)
    return see_packed(lone)


def open_again(place: Sequence[str]) -> Files:
    """Open files in another process, without listing folders again."""
    kind, path = place
    return Zip(Path(path), Report()) if kind == Zip.kind else DiskTree(Path(path), {})


class DiskTree(Tree):
    """Files on disk."""

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
        return f"{name} {found.st_size} {found.st_mtime_ns} {found.st_ino}"


def _walk(root: Path, report: Report) -> dict[Parts, Names]:
    """List regular files; links to folders are followed, and each folder is entered once."""
    folders: dict[Parts, Names] = {}
    waiting: list[Parts] = [()]
    links: list[Parts] = []  # followed last, so that folders keep their own names
    seen: set[str] = set()
    while waiting or links:
        parts = (waiting or links).pop()
        path = os.path.join(root, *parts)
        if (real := os.path.realpath(path)) in seen:
            report.leave_out("further links to the same folder", "/".join(parts))
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
            if is_hidden(entry.name):
                report.leave_out("hidden or system files", "/".join((*parts, entry.name)))
            elif _is_kind(entry.is_dir):
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
    """Return the names of regular files, and the other entries in reverse order."""
    files, others = Names(), []
    for entry in entries:
        if not is_hidden(entry.name) and _is_kind(entry.is_file):
            files.append(entry.name)
        else:
            others.append(entry)
    return files, sorted(others, key=lambda entry: entry.name, reverse=True)


def _is_kind(ask: Callable[[], bool]) -> bool:
    """Ask an entry what it is; a link that leads to itself is neither a file nor a folder."""
    try:
        return ask()
    except OSError:
        return False
