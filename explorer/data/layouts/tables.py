"""Tables beside images: ``labels.csv``, ``metadata.jsonl``, CelebA's lists of attributes.

Rows are matched to images by a column with their names: as a path, a file's name, its stem, or
the number in it.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO

import numpy as np

from explorer.data.files.kinds import suffix_of
from explorer.data.files.tree import Tree
from explorer.data.layouts.roles import (
    TEST,
    TRAIN,
    VALIDATION,
    all_name_splits,
    role_of_value,
    words_of,
)
from explorer.data.report import Report

LARGEST_TABLE = 512 * 2**20  # bytes
_CUB_SPLIT = "traintestsplit"
_LABEL_NAMES = (
    "label", "labels", "class", "classname", "classid", "category", "target", "species", "y",
    "type", "breed", "diagnosis", "dx", "emotion", "digit", "imageclasslabels",
)  # fmt: skip
_SPLIT_NAMES = ("split", "usage", "partition", "subset", "set", "fold", "dataset", _CUB_SPLIT)
_LIST_WORDS = frozenset(
    ("list", "attr", "labels", "partition", "identity", "annotations", "images", "split")
)
_PARTITIONS = {"0": TRAIN, "1": VALIDATION, "2": TEST}  # CelebA
_CUB_PARTITIONS = {"0": TEST, "1": TRAIN}
_KEYS: tuple[Callable[[str], str], ...] = (
    lambda path: path,
    lambda path: path.partition("/")[2],  # below a folder of all images
    lambda path: path.rsplit("/", 1)[-1],
    lambda path: PurePosixPath(path).stem,
    lambda path: PurePosixPath(path).stem.lstrip("0") or "0",
)
"""What a column may call an image, by its path below the table."""
_FLAGS = frozenset(("", "0", "1", "0.0", "1.0"))
_NUMBER = "number"
_SAMPLE = 500  # images by which a column is judged
_MOST_CLASSES = 1_000


@dataclass
class Table:
    """A table as text.

    Attributes:
        files: that it was read from; the first one's folder is that of the images.
        columns: the cells of each, by its title.
        is_used: whether it told something of an image.
        named: the rows that have named an image so far.
    """

    files: Sequence[str]
    columns: dict[str, list[str]]
    is_used: bool = False
    named: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Told:
    """What tables tell of images, in the order of these.

    Attributes:
        labels: ``(n,)`` strings; None if no column is plainly the class.
        label_name: the title of their column.
        columns: the others: ``(n,)`` float64, or strings.
        roles: ``(n,)`` the split of each; None if no table tells it.
    """

    labels: np.ndarray | None = None
    label_name: str = "label"
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    roles: np.ndarray | None = None

    def by_role(self, role: str, count: int) -> dict[str, np.ndarray]:
        """The indices of the images of each split; all are of ``role`` if no table tells it."""
        if self.roles is None:
            return {role: np.arange(count)}
        return {name: np.flatnonzero(self.roles == name) for name in dict.fromkeys(self.roles)}


def is_table(name: str) -> bool:
    """Tell by its name whether a file may be a table of images."""
    suffix = suffix_of(name)
    return suffix in (".csv", ".tsv", ".jsonl", ".ndjson", ".cls", ".parquet") or (
        suffix == ".txt" and not _LIST_WORDS.isdisjoint(words_of(name))
    )


def read_tables(tree: Tree, names: Sequence[str]) -> list[Table]:
    """Read tables as far as they can be read."""
    tables = []
    if classes := [name for name in names if name.endswith(".cls")]:  # WebDataset
        stems = [name.removesuffix(".cls") for name in classes]
        cells = [_read_text(tree, name) for name in classes]
        tables.append(Table(classes, {"image": stems, "label": cells}))
    for name in names:
        if name.endswith(".cls"):
            continue
        with tree.local(name) as file:
            try:
                columns = _parse(name, file)
            except (csv.Error, ValueError):
                continue
        if columns:
            tables.append(Table([name], columns))
    return _join_numbered(tables)


def attach(
    files: Sequence[str], tables: Sequence[Table], classes: Collection[str], report: Report
) -> Told:
    """Find the rows of images in tables.

    Args:
        files: names of the images in the tree, with ``/``.
        tables: found in the same tree.
        classes: names that folders tell; a column of these alone is the class.
        report: of guesses.
    """
    merged: dict[str, np.ndarray] = {}
    for table in tables:
        matched = _match(files, table)
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
            if title in (names, _NUMBER):
                continue
            column = np.array([*cells, ""])[rows]
            if title in merged:  # a table for each split
                missing = merged[title] == ""
                merged[title] = np.where(missing, column, merged[title])
            else:
                merged[title] = column
    return _interpret(merged, files, classes, report)


def tell_unused_rows(tables: Sequence[Table], report: Report) -> None:
    """Tell how many rows of the tables that were used name no image."""
    for table in tables:
        total = len(next(iter(table.columns.values())))
        if table.is_used and (unused := total - len(table.named)):
            report.note(
                f"{unused:,} of {total:,} rows of {table.files[0]} are not used: there is no such "
                "image, or a later row names it"
            )


def _interpret(
    columns: dict[str, np.ndarray], files: Sequence[str], classes: Collection[str], report: Report
) -> Told:
    roles = None
    for title in list(columns):
        if _plain(title) in _SPLIT_NAMES:
            values = columns[title]
            known = {*values.tolist()}
            numbers = _CUB_PARTITIONS if _plain(title) == _CUB_SPLIT else _PARTITIONS
            if known <= {*numbers}:
                values = np.array([numbers[value] for value in values])
            if all_name_splits({*values.tolist()}):
                roles = np.array([role_of_value(value) for value in values])
                del columns[title]
    for title, values in list(columns.items()):
        if _names_images(values, files):
            del columns[title]
    _join_one_hot(columns, report)
    named = (title for title, values in columns.items() if {*values.tolist()} <= {*classes})
    label = next(named, None) or _plainly_the_class(columns)
    others = {title: _typed(values) for title, values in columns.items()}
    labels = None
    if label is not None:
        labels = others.pop(label)
        if labels.dtype.kind != "U":
            labels = np.array(["" if np.isnan(value) else f"{value:g}" for value in labels])
        missing = int((labels == "").sum())
        if missing:
            labels = np.where(labels == "", "not labelled", labels)
            report.note(f"{missing:,} images have no label in the table: class 'not labelled'")
    elif others:
        report.note(
            f"the columns {', '.join(list(others)[:8])}{' …' if len(others) > 8 else ''} beside "
            "the images are kept as columns; --label COLUMN makes one of them the classes"
        )
    return Told(labels, label or "label", others, roles)


def _plainly_the_class(columns: Mapping[str, np.ndarray]) -> str | None:
    """The column that a person would call the class, if there is no doubt."""
    usable = []
    for title, values in columns.items():
        distinct = len({*values.tolist()} - {""})
        if 2 <= distinct <= min(_MOST_CLASSES, max(2, len(values) // 2)):
            usable.append(title)
    by_name = sorted(
        (title for title in usable if _plain(title) in _LABEL_NAMES),
        key=lambda title: _LABEL_NAMES.index(_plain(title)),
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
        report.note(f"the columns {', '.join(flags)} are taken for one: the class")


def _match(files: Sequence[str], table: Table) -> tuple[np.ndarray, str] | None:
    """The row of each image, and the title of the column with the images' names.

    Images that are not in the table get the row after the last.
    """
    folder = table.files[0].rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    places = [i for i, name in enumerate(files) if name.startswith(prefix)]
    if not places:
        return None
    step = max(1, len(places) // _SAMPLE)
    sample = [files[i].removeprefix(prefix) for i in places[::step]]
    best, found = 0.4, None
    for title, cells in table.columns.items():
        known = {*map(_path_of, cells)}
        if 2 * len(known) < len(cells):
            continue
        for key in _KEYS:
            share = sum(key(name) in known for name in sample) / len(sample)
            if share > best:
                best, found = share + 0.01, (title, key)
    if found is None:
        return None
    title, key = found
    if any(key(files[i].removeprefix(prefix)) == _path_of(title) for i in places):
        title = _without_titles(table, title)
    row_of = {_path_of(cell): row for row, cell in enumerate(table.columns[title])}
    rows = np.full(len(files), len(table.columns[title]))
    for place in places:
        rows[place] = row_of.get(key(files[place].removeprefix(prefix)), rows[place])
    return rows, title


def _without_titles(table: Table, names: str) -> str:
    """Take the titles for the first row, as one of them names an image; give the new title."""
    others = [title for title in table.columns if title != names]
    words = words_of(PurePosixPath(table.files[0]).stem)[-1:] if len(others) == 1 else []
    titles = dict(zip(others, words or map(str, range(1, len(table.columns))), strict=False))
    titles[names] = "image"
    table.columns = {titles[old]: [old, *cells] for old, cells in table.columns.items()}
    return "image"


def _join_numbered(tables: list[Table]) -> list[Table]:
    """Join lists whose lines begin with the images' numbers, as those of CUB-200, to the names."""
    kept = []
    numbered = {
        table.files[0].rpartition("/")[0]: table
        for table in tables
        if "images" in table.columns and _NUMBER in table.columns
    }
    for table in tables:
        images = numbered.get(table.files[0].rpartition("/")[0])
        if (
            images is None
            or table is images
            or table.columns.get(_NUMBER) != images.columns[_NUMBER]
        ):
            kept.append(table)
        else:
            images.files = [*images.files, *table.files]
            images.columns |= table.columns
    return kept


def _path_of(cell: str) -> str:
    """A path in a table as a tree has it: of another machine, the last part alone counts."""
    if "\\" in cell:
        cell = cell.replace("\\", "/")
    return cell.rsplit("/", 1)[-1] if cell.startswith("/") or ":" in cell else cell.lstrip("./")


def _names_images(values: np.ndarray, files: Sequence[str]) -> bool:
    """Whether a column only repeats the images' names."""
    sample = range(0, len(files), max(1, len(files) // 50))
    if len({*values.tolist()}) < max(2, len(files) // 2):
        return False
    hits = sum(
        any(key(files[i]) == _path_of(values[i]) for key in _KEYS) or files[i].endswith(values[i])
        for i in sample
    )
    return 2 * hits >= len(sample)


def _typed(values: np.ndarray) -> np.ndarray:
    try:
        return np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return values


def _parse(name: str, file: IO[bytes]) -> dict[str, list[str]]:
    suffix = suffix_of(name)
    if suffix == ".parquet":
        return _read_parquet(file)
    content = _decode(file.read(LARGEST_TABLE))
    if suffix in (".jsonl", ".ndjson"):
        records = [json.loads(line) for line in content.splitlines() if line.strip()]
        titles = dict.fromkeys(title for record in records for title in record)
        return {
            title: [_cell(record.get(title)) for record in records]
            for title in titles
            if all(isinstance(r.get(title), (str, int, float, type(None))) for r in records)
        }
    if suffix == ".txt":
        return _by_spaces(name, content)
    first = content.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    return _by_rows(csv.reader(io.StringIO(content), delimiter=delimiter))


def _by_spaces(name: str, content: str) -> dict[str, list[str]]:
    """CelebA's lists: a line with the number of images, one with titles, then rows."""
    lines = content.splitlines()
    if lines and lines[0].strip().isdigit():
        titles = lines[1].split()
        rows = [line.split() for line in lines[2:] if line.strip()]
        if rows and len(rows[0]) == len(titles) + 1:
            titles = ["image", *titles]
        return _by_rows(iter([titles, *rows]))
    cells = [line.split() for line in lines if line.strip()]
    if cells and len(cells[0]) == 2 and cells[0][0] == "1":  # CUB-200's
        cells.insert(0, [_NUMBER, PurePosixPath(name).stem])
    return _by_rows(iter(cells))


def _by_rows(rows: Iterator[list[str]]) -> dict[str, list[str]]:
    titles = [title.strip() for title in next(rows, [])]
    kept = [row for row in rows if len(row) == len(titles)]
    return {
        title or f"column {i + 1}": [row[i].strip() for row in kept]
        for i, title in enumerate(titles)
    }


def _read_parquet(file: IO[bytes]) -> dict[str, list[str]]:
    from pyarrow import parquet, types  # its errors are ValueErrors

    schema = parquet.read_schema(file)
    plain = [
        field.name
        for field in schema
        if types.is_primitive(field.type)
        or types.is_string(field.type)
        or types.is_large_string(field.type)
    ]
    table = parquet.read_table(file, columns=plain)
    return {title: [_cell(value) for value in table[title].to_pylist()] for title in plain}


def _decode(content: bytes) -> str:
    """Text in UTF-8, or as spreadsheets save it: UTF-16 with its mark, or Windows-1252."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _plain(title: str) -> str:
    return "".join(words_of(title))


def _read_text(tree: Tree, name: str) -> str:
    with tree.open(name) as file:
        return file.read().decode("utf-8", "replace").strip()
