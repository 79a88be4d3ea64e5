"""What is packed in the files of a tree, seen in their place."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from explorer.data.files.archives import kind_of_archive, unpack
from explorer.data.files.kinds import is_archive
from explorer.data.files.names import Names
from explorer.data.files.tree import Parts, Tree, paths, stem_of
from explorer.data.report import Report

_PACKED = (".gz", ".bz2", ".xz", ".zst")
_DATA = (
    *(".npy", ".npz", ".h5", ".hdf5", ".hdf", ".mat"),
    *(".csv", ".tsv", ".txt", ".dat", ".json", ".jsonl", ".parquet"),
)
_NUMBER = re.compile(r"[-_. ]*\d+$")


def see_packed(tree: Tree) -> Tree:
    """See data files that are packed one by one, such as ``x.npy.gz``, as what is in them."""
    packed = [name for name in tree.names() if _is_packed(name.lower())]
    if packed:
        there = {*tree.names()}
        packed = [name for name in packed if _without_suffix(name) not in there]
    return _Unpacked(tree, packed) if packed else tree


def see_archives(tree: Tree, report: Report) -> Tree:
    """See archives as folders of their names; numbered ones, of which each is a part, as one."""
    archives = {}
    for name in tree.names():
        if is_archive(name):
            with tree.local(name) as content:
                kind = kind_of_archive(name, content)
            if kind:
                archives[name] = kind(tree.path / name, report, tree.local(name))
    if not archives:
        return tree
    first, *more = archives
    report.note(
        f"{first} … {more[-1]} are read as folders" if more else f"{first} is read as a folder"
    )
    return see_packed(_Opened(tree, archives))


class _Unpacked(Tree):
    """A tree, some of whose files lose a last suffix and what it stands for."""

    def __init__(self, outer: Tree, packed: Sequence[str]) -> None:
        self.kind, self._outer = outer.kind, outer
        self._packed = {_without_suffix(name): name for name in packed}
        names = {*packed}
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
        return unpack(self._outer.local(self._packed[name]), self.where(name))

    def where(self, name: str) -> str:
        return self._outer.where(self._packed.get(name, name))

    def stamp(self, name: str) -> str:
        return self._outer.stamp(self._packed.get(name, name))

    def place(self) -> Sequence[str] | None:
        return self._outer.place()


class _Opened(Tree):
    """A tree, some of whose files are archives and seen as folders."""

    kind = "archives of "

    def __init__(self, outer: Tree, archives: Mapping[str, Tree]) -> None:
        self._outer, self._archives = outer, archives
        folders: defaultdict[Parts, Names] = defaultdict(Names)
        for parts, files in outer.folders.items():
            for file, path in zip(files, paths(parts, files), strict=True):
                if path not in archives:
                    folders[parts].append(file)
        self._inside: dict[str, tuple[str, str]] = {}
        for name, top in _tops(archives):
            for parts, files in archives[name].folders.items():
                for file, path in zip(files, paths(parts, files), strict=True):
                    folders[*top, *parts].append(file)
                    self._inside["/".join((*top, path))] = name, path
        super().__init__(outer.path, folders)

    def open(self, name: str) -> IO[bytes]:
        tree, inside = self._find(name)
        return tree.open(inside)

    def local(self, name: str) -> IO[bytes]:
        tree, inside = self._find(name)
        return tree.local(inside)

    def stamp(self, name: str) -> str:
        archive, inside = self._inside.get(name, (name, ""))
        return f"{self._outer.stamp(archive)} {inside}"

    def _find(self, name: str) -> tuple[Tree, str]:
        if name not in self._inside:
            return self._outer, name
        archive, inside = self._inside[name]
        return self._archives[archive], inside


def _tops(archives: Mapping[str, Tree]) -> Iterator[tuple[str, Parts]]:
    """The folder that each archive is seen as.

    Numbered ones are seen as one folder if they have no name of a file in common.
    """
    stems = Counter(stem_of(name) for name in archives)
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in archives:
        groups[_NUMBER.sub("", stem_of(name))].append(name)
    for base, names in groups.items():
        inside = [path for name in names for path in archives[name].names()]
        are_parts = len(names) > 1 and base.rpartition("/")[2] and len(inside) == len({*inside})
        for name in names:
            own = stem_of(name) if stems[stem_of(name)] == 1 else name
            yield name, tuple((base if are_parts else own).split("/"))


def _is_packed(name: str) -> bool:
    return name.endswith(_PACKED) and _without_suffix(name).endswith(_DATA)


def _without_suffix(name: str) -> str:
    return name.rpartition(".")[0]
