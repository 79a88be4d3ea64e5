"""Show compressed files and archives in a tree as their contents."""

from __future__ import annotations

import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO

from explorer.data.files.archive_places import place_archives
from explorer.data.files.archives import kind_of_archive, unpack
from explorer.data.files.containers import DATA_SUFFIXES
from explorer.data.files.kinds import is_archive, suffix_of
from explorer.data.files.names import Names
from explorer.data.files.tree import Parts, Tree, paths
from explorer.data.report import Report
from explorer.errors import DatasetError

_PACKED = (".gz", ".bz2", ".xz", ".zst")
_TABLES = (".parquet", ".csv", ".tsv", ".txt", ".dat", ".json", ".jsonl", ".ndjson")
_CERTAIN = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
"""Endings that only archives have."""
_OPEN = 128  # archives kept open
_KEPT = 8  # unpacked files kept
_DESCRIPTORS = Path("/proc/self/fd")
"""If this folder exists, an unnamed file can be opened again."""


def see_packed(tree: Tree) -> Tree:
    """Show data files that are compressed one by one, such as ``x.npy.gz``, as their contents."""
    packed = [
        name
        for name in tree.names()
        if name.lower().endswith(_PACKED)
        and _without_suffix(name).lower().endswith(DATA_SUFFIXES + _TABLES)
    ]
    if not packed:
        return tree
    seen = {*tree.names()}
    inside: dict[str, str] = {}
    for name in packed:
        shown = _without_suffix(name)
        if shown not in seen:  # else it is there too, or compressed in two ways
            inside[shown] = name
            seen.add(shown)
    return _Unpacked(tree, inside)


def see_archives(tree: Tree, report: Report) -> Tree:
    """Show each archive as a folder with its name, and numbered parts of one set as one folder.

    Raises:
        DatasetError: an archive is damaged.
    """
    archives: dict[str, Mapping[Parts, Names]] = {}

    @lru_cache(_OPEN)
    def open_archive(name: str) -> Tree | None:
        return _open_archive(tree, name, Report() if name in archives else report)

    for name in tree.names():
        if is_archive(name) and (opened := open_archive(name)):
            archives[name] = opened.folders
    return see_packed(_Opened(tree, archives, open_archive, report)) if archives else tree


def _open_archive(tree: Tree, name: str, report: Report) -> Tree | None:
    """Open the tree in a file; None if it is not an archive."""
    content = tree.local(name)
    if kind := kind_of_archive(name, content):
        return kind(tree.path / name, report, content)
    content.close()
    if name.lower().endswith(_CERTAIN):
        raise DatasetError(f"{tree.where(name)} is cut short or damaged; download it again.")
    return None


class _Unpacked(Tree):
    """A tree in which some files are shown decompressed, without their last suffix."""

    def __init__(self, outer: Tree, packed: Mapping[str, str]) -> None:
        self.kind, self._outer, self._packed = outer.kind, outer, packed
        self._kept: dict[str, IO[bytes]] = {}
        self._turn = threading.Lock()
        weakref.finalize(self, _close_all, self._kept)
        names = {*packed.values()}
        folders = {
            parts: Names(
                _without_suffix(file) if path in names else file
                for file, path in zip(files, paths(parts, files), strict=True)
            )
            for parts, files in outer.folders.items()
        }
        super().__init__(outer.path, folders)

    def open(self, name: str) -> IO[bytes]:
        return self.local(name) if name in self._packed else self._outer.open(name)

    def local(self, name: str) -> IO[bytes]:
        if name not in self._packed:
            return self._outer.local(name)
        if not _DESCRIPTORS.is_dir():
            return self._unpack(name)
        with self._turn:
            if name not in self._kept:
                while len(self._kept) >= _KEPT:
                    self._kept.pop(next(iter(self._kept))).close()
                self._kept[name] = self._unpack(name)
            return (_DESCRIPTORS / str(self._kept[name].fileno())).open("rb")

    def _unpack(self, name: str) -> IO[bytes]:
        return unpack(self._outer.local(self._packed[name]), self.where(name))

    def where(self, name: str) -> str:
        return self._outer.where(self._packed.get(name, name))

    def stamp(self, name: str) -> str:
        return self._outer.stamp(self._packed.get(name, name))

    def place(self) -> Sequence[str] | None:
        are_pictures = any(suffix_of(name) == ".npy" for name in self._packed)
        return None if are_pictures else self._outer.place()


def _close_all(files: Mapping[str, IO[bytes]]) -> None:
    for file in files.values():
        file.close()


class _Opened(Tree):
    """A tree in which some files are archives that are shown as folders.

    Args:
        outer: the tree.
        archives: the contents of each archive, by its name.
        open_archive: opens an archive by its name.
    """

    kind = "archives of "

    def __init__(
        self,
        outer: Tree,
        archives: Mapping[str, Mapping[Parts, Names]],
        open_archive: Callable[[str], Tree | None],
        report: Report,
    ) -> None:
        self._outer, self._open_archive = outer, open_archive
        folders: defaultdict[Parts, Names] = defaultdict(Names)
        for parts, files in outer.folders.items():
            for file, path in zip(files, paths(parts, files), strict=True):
                if path not in archives:
                    folders[parts].append(file)
        self._inside: dict[str, tuple[str, str]] = {}
        for name, top, mark, twice in place_archives(archives, {*folders}, report):
            for parts, files in archives[name].items():
                for file, path in zip(files, paths(parts, files), strict=True):
                    shown = mark + file if path in twice else file
                    folders[*top, *parts].append(shown)
                    self._inside["/".join((*top, *parts, shown))] = name, path
        super().__init__(outer.path, folders)

    def open(self, name: str) -> IO[bytes]:
        tree, inside = self._find(name)
        return tree.open(inside)

    def local(self, name: str) -> IO[bytes]:
        tree, inside = self._find(name)
        return tree.local(inside)

    def stamp(self, name: str) -> str:
        archive, inside = self._inside.get(name, (name, ""))
        return f"{self.path} {self._outer.stamp(archive)} {inside}"

    def _find(self, name: str) -> tuple[Tree, str]:
        if name not in self._inside:
            return self._outer, name
        archive, inside = self._inside[name]
        if (tree := self._open_archive(archive)) is None:
            raise DatasetError(f"{self._outer.where(archive)} was replaced while it was read.")
        return tree, inside


def _without_suffix(name: str) -> str:
    return name.rpartition(".")[0]
