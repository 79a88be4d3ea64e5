"""Tables beside images: ``labels.csv``, ``metadata.jsonl``, CelebA's lists of attributes.

Rows are matched to images by a column with their names: as a path, a file's name, its stem, or
the number in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np

from explorer.data.files.kinds import suffix_of
from explorer.data.layouts.labels import (
    LABEL_NAMES,
    MOST_CLASSES,
    as_words,
    label_title,
    natural_order,
    numbers_or_words,
)
from explorer.data.layouts.roles import (
    CUB_SPLIT,
    LABEL_WORDS,
    SPLIT_NAMES,
    TEST,
    TRAIN,
    VALIDATION,
    all_name_splits,
    read_name,
    role_of_value,
    words_of,
)
from explorer.data.layouts.table_files import NUMBER, Table
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.report import Report

_PARTITIONS = {"0": TRAIN, "1": VALIDATION, "2": TEST}  # CelebA
_CUB_PARTITIONS = {"0": TEST, "1": TRAIN}
_KEYS: tuple[Callable[[str], str], ...] = (
    lambda path: path,
    lambda path: path.partition("/")[2],  # below a folder of all images
    lambda path: path.rpartition(".")[0],
    lambda path: path.partition("/")[2].rpartition(".")[0],
    lambda path: path.rsplit("/", 1)[-1],
    lambda path: _stem(path),
    lambda path: _stem(path).lstrip("0") or "0",
    lambda path: _number_at_end(path),
)
"""What a column may call an image, by its path below the table; the last by a title of `_IDS`."""
_IDS = frozenset(("id", "image", "img", "imageid", "index", "number", "file", "filename"))
_FLAGS = frozenset(("", "0", "1", "0.0", "1.0"))
_SAMPLE = 500  # images by which a column is judged
_MANY, _NEARLY_ALL = 0.4, 0.9
"""Shares of the images, or of a column's cells, from which on this is a column of their names."""


@dataclass(frozen=True)
class Told:
    """What tables tell of images, in the order of these.

    Attributes:
        labels: ``(n,)`` strings; None if no column is plainly the class.
        label_name: the title of their column.
        columns: the others: ``(n,)`` float64, or strings.
        roles: ``(n,)`` the split of each, ``""`` for none; None if no table tells it.
    """

    labels: np.ndarray | None = None
    label_name: str = "label"
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    roles: np.ndarray | None = None

    def beside(self, labels: np.ndarray, classes: int) -> Told:
        """What is told of images in class folders: a table's labels are used where one has all."""
        if self.labels is None:
            return replace(self, labels=labels)
        if classes == 1:
            return self
        return replace(self, labels=labels, columns={**self.columns, self.label_name: self.labels})


def attach(
    files: Sequence[str],
    role: str,
    tables: Sequence[Table],
    classes: Collection[str],
    report: Report,
    *,
    is_lone: bool,
) -> Told:
    """Find the rows of images in tables.

    Args:
        files: names of the images in the tree, with ``/``.
        role: the split that they are of.
        tables: found in the same tree.
        is_lone: whether folders tell no other split; else rows of others are of no use here.
        classes: names that folders tell; a column of these alone is the class.
        report: of guesses.
    """
    merged: dict[str, np.ndarray] = {}
    below: dict[str, _Below] = {}  # by folder, as there may be a table for each image
    for table in sorted(tables, key=lambda table: len(table.columns) == 1):  # the plainest first
        if table.folder not in below:
            below[table.folder] = _Below(files, table.folder)
        if len(table.columns) == 1:
            is_known = label_title(merged) is not None
            if is_known or not _take_in_order(below[table.folder], role, table, report):
                continue
        matched = _match(below[table.folder], len(files), table, None if is_lone else role, report)
        if matched is None:
            continue
        rows, names = matched
        table.is_used = True
        named, counts = np.unique(rows[rows < len(table.columns[names])], return_counts=True)
        again = table.named.intersection(named.tolist()) | {*named[counts > 1].tolist()}
        if again:
            report.note(f"{len(again):,} rows of {table.files[0]} name more than one image")
        table.named.update(named.tolist())
        for title, cells in table.columns.items():
            if title in (names, NUMBER) or not is_lone and _roles_in(title, cells) is not None:
                continue
            column = np.array([*cells, ""])[rows]
            if title in merged:  # a table for each split
                missing = merged[title] == ""
                if np.any((merged[title] != column) & ~missing & (column != "")):
                    report.note(
                        f"{table.files[0]} gives some images another {title} than a table before "
                        "it, which counts"
                    )
                merged[title] = np.where(missing, column, merged[title])
            else:
                merged[title] = column
    return _interpret(merged, files, classes, report)


def labels_alone(columns: Mapping[str, list[str]], name: str, count: int) -> list[str] | None:
    """The cells of a lone column, if it or its file is called as labels are.

    Args:
        columns: one.
        name: of the file.
        count: of the labels that are expected, which tells whether the title is one of them.
    """
    ((title, cells),) = columns.items()
    if label_title(columns) is not None:
        return cells
    if LABEL_WORDS.isdisjoint(words_of(PurePosixPath(name).stem)):
        return None
    is_label = title in cells or numbers_or_words([title]).dtype.kind == "f"
    return [title, *cells] if is_label or len(cells) == count - 1 else cells


def tell_unused_rows(tables: Sequence[Table], first: str, report: Report) -> None:
    """Tell how many rows of the tables name no image.

    Args:
        tables: all.
        first: the path of an image.
        report: of them.
    """
    for table in tables:
        total = len(next(iter(table.columns.values())))
        unused = total - len(table.named)
        if table.is_used and unused:
            report.note(
                f"{unused:,} of {total:,} rows of {table.files[0]} are not used: there is no such "
                "image, or a later row names it"
            )
        named = next((t for t, cells in table.columns.items() if _are_names(t, cells)), None)
        if not table.is_used and len(table.columns) > 1 and named is not None:
            report.note(
                f"{table.files[0]} is not used: it names {table.columns[named][0]} and others as "
                f"its {named}, but the images are called as {first} is"
            )


def _are_names(title: str, cells: Sequence[str]) -> bool:
    """Whether the cells may be meant as the names of images."""
    are_files = all(suffix_of(cell) in FORMAT_OF_SUFFIX for cell in cells[:10])
    return bool(cells) and (are_files or _plain(title) in _IDS)


def _interpret(
    columns: dict[str, np.ndarray], files: Sequence[str], classes: Collection[str], report: Report
) -> Told:
    roles = None
    for title in list(columns):
        found = _roles_in(title, columns[title].tolist())
        if found is not None:
            roles = np.array(found)
            del columns[title]
    for title, values in list(columns.items()):
        if _names_images(values, files):
            del columns[title]
    _join_one_hot(columns, report)
    named = (title for title, values in columns.items() if {*values.tolist()} <= {*classes})
    label = next(named, None) or _plainly_the_class(columns, report)
    others = {title: numbers_or_words(values) for title, values in columns.items()}
    labels = None
    if label is not None:
        labels = as_words(others.pop(label))
    elif others:
        report.note(
            f"the columns {', '.join(list(others)[:8])}{' …' if len(others) > 8 else ''} beside "
            "the images are kept as columns; --label COLUMN makes one of them the classes"
        )
    return Told(labels, label or "label", others, roles)


def _roles_in(title: str, cells: Sequence[str]) -> list[str] | None:
    """The splits that a column tells, ``""`` where it tells none; None if it is no such column."""
    if _plain(title) not in SPLIT_NAMES:
        return None
    numbers = _CUB_PARTITIONS if _plain(title) == CUB_SPLIT else _PARTITIONS
    if {*cells} - {""} <= {*numbers}:
        cells = [numbers.get(cell, "") for cell in cells]
    is_mostly_known = 2 * sum(cell != "" for cell in cells) >= len(cells)
    if not (is_mostly_known and all_name_splits({*cells} - {""})):
        return None
    return [role_of_value(cell) or "" for cell in cells]


def _plainly_the_class(columns: Mapping[str, np.ndarray], report: Report) -> str | None:
    """The column that a person would call the class; others that are called so are told."""
    usable = []
    for title, values in columns.items():
        distinct = len({*values.tolist()} - {""})
        if 2 <= distinct <= min(MOST_CLASSES, max(2, len(values) // 2)):
            usable.append(title)
    by_name = sorted(
        (title for title in usable if _plain(title) in LABEL_NAMES),
        key=lambda title: LABEL_NAMES.index(_plain(title)),
    )
    if len(by_name) > 1:
        report.note(
            f"the column {by_name[0]} is taken as the class; --label {by_name[1]} takes another"
        )
    if by_name:
        return by_name[0]
    return usable[0] if len(columns) == 1 and usable else None


def _join_one_hot(columns: dict[str, np.ndarray], report: Report) -> None:
    """Replace columns of which each row has a single 1 by one with that column's title."""
    flags = [title for title in columns if {*columns[title].tolist()} <= _FLAGS]
    if len(flags) < 3:
        return
    ones = np.array([np.isin(columns[title], ("1", "1.0")) for title in flags])
    known = np.array([columns[title] != "" for title in flags]).all(axis=0)
    if known.any() and (ones.sum(axis=0)[known] == 1).all():
        columns["class"] = np.where(known, np.array(flags)[ones.argmax(axis=0)], "")
        for title in flags:
            del columns[title]
        report.note(f"the columns {', '.join(flags)} are taken as one: the class")


class _Below:
    """The images below a folder.

    Attributes:
        paths: by the images' indices, from the folder on.
        some: of them, by which a column is judged.
    """

    def __init__(self, files: Sequence[str], folder: str) -> None:
        self.paths = {
            index: name.removeprefix(folder)
            for index, name in enumerate(files)
            if name.startswith(folder)
        }
        self.some = [*self.paths.values()][:: max(1, len(self.paths) // _SAMPLE)]

    @cached_property
    def ways(self) -> list[_Way]:
        """How a column may name the images, the plainest first."""
        plain = [_Way(_path_of, key) for key in _KEYS]
        ending = _Way(_Ending({*self.paths.values()}, _slashes), _slashes)
        return [plain[0], ending, *plain[1:]]

    @cached_property
    def loose_ways(self) -> list[_Way]:
        """The same where names differ in capital letters, in how accents are written or endings."""
        paths = {*map(_loose, self.paths.values())}
        return [
            _Way(_Ending(paths, _loose), _loose),
            _Way(lambda cell: _last(_loose(cell)), lambda path: _last(_loose(path))),
        ]


@dataclass(frozen=True)
class _Way:
    """What a column's cell calls an image, and what the image is called by its path."""

    of_cell: Callable[[str], str]
    of_path: Callable[[str], str]

    def share(self, known: Collection[str], paths: Collection[str]) -> float:
        """The share of images whose names are among the known ones."""
        return sum(self.of_path(path) in known for path in paths) / len(paths)

    def share_of_cells(self, cells: Sequence[str], paths: Collection[str]) -> float:
        """The share of cells that name an image."""
        known = {*map(self.of_path, paths)}
        return sum(self.of_cell(cell) in known for cell in cells) / len(cells)


@dataclass(frozen=True)
class _Ending:
    """The longest ending of a cell that is the path of an image: of another machine's paths."""

    paths: Collection[str]
    spell: Callable[[str], str]

    def __call__(self, cell: str) -> str:
        parts = self.spell(cell).split("/")
        endings = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((ending for ending in endings if ending in self.paths), "")


def _match(
    below: _Below, count: int, table: Table, role: str | None, report: Report
) -> tuple[np.ndarray, str] | None:
    """The row of each of ``count`` images, and the title of the column with the images' names.

    Images that are not in the table get the row after the last. Rows of another split than ``role``
    are not looked at, if it is given.
    """
    found = _find_names(below, table, report) if below.paths else None
    if found is None:
        return None
    title, way = found
    if any(way.of_path(path) == _path_of(title) for path in below.paths.values()):
        title = _without_titles(table, title)
    cells = table.columns[title]
    names = [*map(way.of_cell, cells)]
    roles = _roles_of_rows(table, title) if role else [None] * len(cells)
    row_of = {
        name: row
        for row, (name, told) in enumerate(zip(names, roles, strict=True))
        if told in (None, role)
    }
    after = len(cells)
    rows = np.full(count, after)
    for index, path in below.paths.items():
        rows[index] = row_of.get(way.of_path(path), after)
    if (rows == after).all():
        return None
    if way in below.loose_ways:
        index = int(np.argmax(rows < after))
        report.note(
            f"the names in {table.files[0]} are not quite those of the images: "
            f"{cells[rows[index]]} is taken for {below.paths[index]}"
        )
    return rows, title


def _find_names(below: _Below, table: Table, report: Report) -> tuple[str, _Way] | None:
    """The column that names the images, and how; of guesses a person is told."""
    titles = {
        title: cells
        for title, cells in table.columns.items()
        if cells and 2 * len({*map(_path_of, cells)}) >= len(cells)
    }
    best, found = _MANY, None
    for title, cells in titles.items():
        known = {*map(_path_of, cells)}
        for way in below.ways:
            if way.of_path is _KEYS[-1] and _plain(title) not in _IDS:
                continue
            if way.of_cell is not _path_of:
                known_here = {way.of_cell(cell) for cell in cells if "/" in _slashes(cell)}
            else:
                known_here = known
            if (share := way.share(known_here, below.some)) > best:
                best, found = share + 0.01, (title, way)
    if found is None:
        return _find_few_names(below, titles) or _find_loose_names(below, titles)
    title, way = found
    if way.of_path is _KEYS[-1]:
        first = below.paths[min(below.paths)]
        report.note(
            f"the rows of {table.files[0]} are found by the numbers in the images' names: {first} "
            f"is {title} {way.of_path(first)}"
        )
    return found


def _find_few_names(below: _Below, titles: Mapping[str, Sequence[str]]) -> tuple[str, _Way] | None:
    """The column of a list of few of the images, all or nearly all of whose rows name one."""
    ways = [way for way in below.ways if way.of_path not in _KEYS[-2:]]
    for title, cells in titles.items():
        for way in ways if _are_names(title, cells) else ():
            if way.share_of_cells(cells, below.paths.values()) > _NEARLY_ALL:
                return title, way
    return None


def _find_loose_names(
    below: _Below, titles: Mapping[str, Sequence[str]]
) -> tuple[str, _Way] | None:
    """The column of names that are not quite those of the images."""
    for title, cells in titles.items():
        for way in below.loose_ways:
            if way.share({*map(way.of_cell, cells)}, below.some) > _MANY:
                return title, way
    return None


def _roles_of_rows(table: Table, names: str) -> list[str | None]:
    """The split of each row: by the folders in the image's name, a column, or the table's name."""
    told = (_roles_in(title, cells) for title, cells in table.columns.items())
    of_column = next((roles for roles in told if roles is not None), None)
    of_table = read_name(PurePosixPath(table.files[0]).stem).role
    by_folder: dict[str, str | None] = {}
    roles: list[str | None] = []
    for row, cell in enumerate(table.columns[names]):
        folder = _slashes(cell).rpartition("/")[0]
        if folder not in by_folder:
            parts = map(read_name, folder.split("/"))
            by_folder[folder] = next((p.role for p in parts if p.role and not p.rest), None)
        in_column = of_column[row] or None if of_column else of_table
        roles.append(by_folder[folder] or in_column)
    return roles


def _take_in_order(below: _Below, role: str, table: Table, report: Report) -> bool:
    """Add the images' names to a column of labels alone, if it has one for each image of a folder.

    That is said, and which label the first and the last get. Where a program may have counted them
    in another order, none is taken.
    """
    stem = PurePosixPath(table.files[0]).stem
    paths = [*below.paths.values()]
    is_one_folder = len({path.rpartition("/")[0] for path in paths}) == 1
    if not (is_one_folder and read_name(stem).role in (None, role)):
        return False
    cells = labels_alone(table.columns, table.files[0], len(paths))
    if cells is None:
        return False
    if len(cells) != len(paths):
        report.note(f"{table.files[0]} has {len(cells):,} labels for {len(paths):,} images")
        return False
    counted = sorted(paths, key=natural_order)
    if counted != paths and not _count_up(counted):
        report.note(
            f"{table.files[0]} is not used, as the order of {paths[0]}, {paths[1]}, … is not "
            "plain: give a table with their names beside the labels"
        )
        return False
    title = label_title(table.columns) or "label"
    table.columns = {"image": counted, title: cells}
    report.note(
        f"{table.files[0]} is taken in the order of the images' names: {counted[0]} is "
        f"{cells[0]}, {counted[-1]} is {cells[-1]}"
    )
    return True


def _count_up(paths: Sequence[str]) -> bool:
    """Whether names differ in a number alone that counts from 0 or 1."""
    found = [re.fullmatch(r"(.*?)(\d+)(\D*)", path) for path in paths]
    if not all(found):
        return False
    numbers = [int(match[2]) for match in found if match]
    around = {(match[1], match[3]) for match in found if match}
    return len(around) == 1 and numbers in (
        [*range(len(numbers))],
        [*range(1, len(numbers) + 1)],
    )


def _without_titles(table: Table, names: str) -> str:
    """Take the titles for the first row, as one of them names an image; give the new title."""
    others = [title for title in table.columns if title != names]
    words = words_of(PurePosixPath(table.files[0]).stem)[-1:] if len(others) == 1 else []
    titles = dict(zip(others, words or map(str, range(1, len(table.columns))), strict=False))
    titles[names] = "image"
    table.columns = {titles[old]: [old, *cells] for old, cells in table.columns.items()}
    return "image"


def _number_at_end(path: str) -> str:
    """``"img_0012.png"`` → ``"12"``."""
    match = re.search(r"0*(\d+)\D*$", _stem(path))
    return match[1] if match else path


def _stem(path: str) -> str:
    last = path.rsplit("/", 1)[-1]
    return last.rpartition(".")[0] or last


def _path_of(cell: str) -> str:
    """A path in a table as a tree has it: of another machine, the last part alone counts."""
    cell = _slashes(cell)
    return _last(cell) if cell.startswith("/") or ":" in cell else cell.lstrip("./")


def _slashes(path: str) -> str:
    return path.replace("\\", "/")


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _loose(path: str) -> str:
    """A path without its ending, in small letters and one spelling of accents."""
    folder, _, last = _slashes(unicodedata.normalize("NFC", path).casefold()).rpartition("/")
    return f"{folder}/{_stem(last)}" if folder else _stem(last)


def _names_images(values: np.ndarray, files: Sequence[str]) -> bool:
    """Whether a column only repeats the images' names."""
    sample = range(0, len(files), max(1, len(files) // 50))
    if len({*values.tolist()}) < max(2, len(files) // 2):
        return False
    hits = sum(
        any(key(files[i]) == _path_of(values[i]) for key in _KEYS) or files[i].endswith(values[i])
        for i in sample
    )
    return 2 * hits > len(sample)


def _plain(title: str) -> str:
    return "".join(words_of(title))
