"""Tables beside images, as text: CSV, JSON, Parquet, and lists as data sets publish them.

Known are CelebA's and CUB-200's lists, those of a split's images (``train.txt``, as of Food-101 and
Oxford-IIIT Pet) and the labels of Flowers-102.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

from explorer.data.files.containers import read_npy
from explorer.data.files.kinds import suffix_of
from explorer.data.files.libraries import need
from explorer.data.files.tree import Parts, Tree, parts_of
from explorer.data.layouts.json_tables import cell, columns_of_json, columns_of_records
from explorer.data.layouts.labels import MOST_CLASSES, as_words, plain
from explorer.data.layouts.row_names import are_files
from explorer.data.report import Report
from explorer.data.roles import LABEL_WORDS, TEST, TRAIN, VALIDATION, read_name, words_of
from explorer.errors import DatasetError

LARGEST_TABLE, LARGEST_JSON = 512 * 2**20, 64 * 2**20  # bytes
_MOST_JSON = 100  # files; where there are more, each tells of one image
_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
NUMBER = "number"
"""Title of a column that numbers the images, as CUB-200 does."""
_REMARK = re.compile(r"#[^\t;,|\r\n]*[\r\n]+(?=.)")  # before the titles
_OF_SOMETHING_ELSE = frozenset(("submission", "box", "boxes", "bbox", "bboxes"))
"""Words in the names of forms for predictions, as contests give them, and of tables of objects."""
_BOX = frozenset(("xmin", "xmax"))
"""Titles that a table of objects has, without what lies between their words."""
_NUMBERED_LIST = re.compile(r"(.*?[^\d])(\d{1,2})\.txt")  # and not of years
_WIDEST_LIST = 4  # cells in a line
_SEPARATOR = re.compile(r"[\s,;]+")
_SLIPS = 0.1
"""Share of the lines of a list that may have a cell too many by mistake."""
_OF_OTHERS = frozenset(("not", "exclude", "excluded", "removed", "ignore", "ignored", "without"))
SPLIT_OF_TABLE = "split of the table"
"""Title of a column with the split that a table as a whole is of."""
_PEEKED = 2**12  # bytes of a text file by which it is judged
_CELLS = re.compile(r"[^\s,;]+")  # of a line in a list
_FLOWERS = ("imagelabels.mat", "setid.mat")
_FLOWERS_SPLITS = {"trnid": TRAIN, "valid": VALIDATION, "tstid": TEST}
_LIST_WORDS = frozenset(
    ("list", "attr", "labels", "partition", "identity", "annotations", "images", "split")
)
_OF_NAMES = frozenset(("list", "images", "split", "ids", "names", "files"))
"""Words in the names of a split's lists of images."""


@dataclass
class Table:
    """A table as text.

    Attributes:
        files: that it was read from.
        columns: the cells of each, by its title.
        folder: with a ``/`` at its end, below which the images lie that it may name.
        split: that all its rows are of, if neither a folder nor a column tells it.
        is_used: whether it told something of an image.
        named: the rows that have named an image so far.
    """

    files: Sequence[str]
    columns: dict[str, list[str]]
    folder: str
    split: str | None = None
    is_used: bool = False
    named: set[int] = field(default_factory=set)

    def told(self) -> dict[str, list[str]]:
        """The columns, and one of the split if the table as a whole is of one."""
        if self.split is None or "split" in self.columns:
            return self.columns
        count = len(next(iter(self.columns.values())))
        return {**self.columns, SPLIT_OF_TABLE: [self.split] * count}


def is_table(name: str) -> bool:
    """Tell by its name whether a file may be a table of images."""
    suffix, last = suffix_of(name), name.rpartition("/")[2]
    if not _OF_SOMETHING_ELSE.isdisjoint(words_of(last)):
        return False
    if suffix == ".txt":
        words = _LIST_WORDS | LABEL_WORDS
        return _role_of_list(name) is not None or not words.isdisjoint(words_of(name))
    if suffix == ".npy":
        return is_array_of_labels(name)
    return suffix in _SUFFIXES or last in _FLOWERS


def is_array_of_labels(name: str) -> bool:
    """Tell by its name whether a NumPy file holds labels."""
    stem = PurePosixPath(name).stem if name.endswith(".npy") else ""
    return not LABEL_WORDS.isdisjoint(words_of(stem))


def read_tables(
    tree: Tree, names: Sequence[str], places: Sequence[Parts], report: Report
) -> list[Table]:
    """Read tables as far as they can be read.

    Args:
        tree: all files.
        names: of the tables.
        places: the folders of images.
        report: of those that are not what they seem.
    """
    tables = []
    if sum(suffix_of(name) == ".json" for name in names) > _MOST_JSON:
        names = [name for name in names if suffix_of(name) != ".json"]
    flowers = [name for name in names if name.rpartition("/")[2] in _FLOWERS]
    if len(flowers) == len(_FLOWERS):
        folder = _folder_with_images(flowers[0], places)
        tables.append(Table(flowers, _read_flowers(tree, flowers), folder))
    for name in (name for name in names if name not in flowers):
        try:
            if suffix_of(name) == ".npy":
                columns = _read_labels(tree, name)
            else:
                with tree.local(name) as file:
                    columns = _parse(name, file, report)
        except DatasetError as error:
            report.note(str(error).removesuffix("."))
            continue
        except json.JSONDecodeError as error:
            report.note(f"{name} is not JSON, or is damaged: {error}")
            continue
        except (csv.Error, ValueError, RecursionError) as error:
            report.note(f"{name} is not used, as it is damaged: {error}")
            continue
        if columns:
            is_list = suffix_of(name) == ".txt" and next(iter(columns)) == "image"
            split = split_of_list(name, next(iter(columns.values()))) if is_list else None
            tables.append(Table([name], columns, _folder_with_images(name, places), split))
    return _join_numbered(_without_alternatives(_without_objects(tables, report), report))


def lists_images(tree: Tree, name: str) -> bool:
    """Whether a text file that is called as a split is a list of image files."""
    if role_of_table(name) is None or not _OF_SOMETHING_ELSE.isdisjoint(words_of(name)):
        return False
    with tree.open(name) as file:
        rows = [*map(str.split, decode(file.read(_PEEKED)).splitlines()[:10])]
    return are_files([row[0] for row in rows if row]) and max(map(len, rows)) <= _WIDEST_LIST


def _without_objects(tables: list[Table], report: Report) -> list[Table]:
    """Leave out tables of boxes if one has several rows for an image."""
    boxed = [table for table in tables if {"".join(words_of(t)) for t in table.columns} >= _BOX]
    names = (cells for table in boxed for cells in table.columns.values() if are_files(cells))
    if all(len({*cells}) == len(cells) for cells in names):
        return tables
    for table in boxed:
        report.note(f"{table.files[0]} is not used, as its rows tell of objects, not of images")
    return [table for table in tables if table not in boxed]


def _without_alternatives(tables: list[Table], report: Report) -> list[Table]:
    """Of numbered lists that split the same images in several ways, keep those of the first way."""
    numbers = {
        id(table): (match[1], int(match[2]))
        for table in tables
        if table.split is not None
        and (match := _NUMBERED_LIST.fullmatch(table.files[0]))
        and _look_like_paths(next(iter(table.columns.values())))
    }
    listed: dict[str, set[str]] = {}
    repeated = set()
    for table in tables:
        if id(table) in numbers:
            start, _ = numbers[id(table)]
            names = {*next(iter(table.columns.values()))}
            if not names.isdisjoint(listed.setdefault(start, set())):
                repeated.add(start.rpartition("/")[0])
            listed[start] |= names
    if not repeated:
        return tables
    first: dict[str, int] = {}
    for start, number in numbers.values():
        folder = start.rpartition("/")[0]
        first[folder] = min(number, first.get(folder, number))
    kept = []
    for table in tables:
        start, number = numbers.get(id(table), ("", 0))
        folder = start.rpartition("/")[0]
        if folder not in repeated or number == first.get(folder, number):
            kept.append(table)
    chosen = next(t.files[0] for t in kept if id(t) in numbers)
    report.note(f"{chosen} and others of its number tell the splits: other lists tell others")
    return kept


def _look_like_paths(cells: Sequence[str]) -> bool:
    return are_files(cells) or all("/" in cell for cell in cells[:10])


def role_of_table(name: str) -> str | None:
    """The split that a table is of by its file's name, as ``test_labels.csv`` is."""
    stem = PurePosixPath(name).stem
    return read_name(stem).role if _OF_OTHERS.isdisjoint(words_of(stem)) else None


def split_by_tables(tables: Sequence[Table]) -> None:
    """Tell of tables such as ``train.csv`` and ``test.csv`` the split that they are of.

    Args:
        tables: beside images that no folder splits.
    """
    roles = [role_of_table(table.files[0]) for table in tables]
    if TRAIN in roles and len({*roles} - {None}) > 1:
        for table, role in zip(tables, roles, strict=True):
            if len(table.columns) > 1 or are_files(next(iter(table.columns.values()))):
                table.split = role


def _folder_with_images(name: str, places: Sequence[Parts]) -> str:
    """The table's own folder, or the next one around it below which there are images."""
    parts = parts_of(name)[:-1]
    while parts and not any(place[: len(parts)] == parts for place in places):
        parts = parts[:-1]
    return "".join(f"{part}/" for part in parts)


def _join_numbered(tables: list[Table]) -> list[Table]:
    """Join lists whose lines begin with the images' numbers, as those of CUB-200, to the names."""
    kept = []
    numbered = {
        table.files[0].rpartition("/")[0]: table
        for table in tables
        if "images" in table.columns and NUMBER in table.columns
    }
    for table in tables:
        images = numbered.get(table.files[0].rpartition("/")[0])
        if images is None or table is images or table.columns.get(NUMBER) != images.columns[NUMBER]:
            kept.append(table)
        else:
            images.files = [*images.files, *table.files]
            images.columns |= table.columns
    return kept


def _parse(name: str, file: IO[bytes], report: Report) -> dict[str, list[str]]:
    suffix = suffix_of(name)
    if suffix == ".parquet":
        return _read_parquet(file)
    if suffix == ".json" and file.seek(0, io.SEEK_END) > LARGEST_JSON:
        raise DatasetError(
            f"{name} has more than {LARGEST_JSON // 2**20} MB, and JSON must be read whole; such a "
            "table is read as CSV or JSON lines."
        )
    file.seek(0)
    content = decode(file.read(LARGEST_TABLE)).replace("\0", "")
    if suffix in (".jsonl", ".ndjson"):
        return columns_of_records(
            [json.loads(line) for line in content.splitlines() if line.strip()]
        )
    if suffix == ".json":
        return columns_of_json(name, json.loads(content))
    if suffix == ".txt":
        return _by_spaces(name, content, report)
    while remark := _REMARK.match(content):
        content = content[remark.end() :]
    first = re.split(r"[\r\n]", content, maxsplit=1)[0]
    delimiter = max("\t;,|", key=first.count)
    cells = [*csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)]
    if any("\n" in cell or "\r" in cell for row in cells for cell in row):
        reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                pass
        except csv.Error as error:
            raise csv.Error(
                f"up to line {reader.line_num} a quotation mark is not closed, or has more after it"
            ) from error
    return _by_rows(name, cells, report)


def _read_labels(tree: Tree, name: str) -> dict[str, list[str]]:
    """The labels in a NumPy file, in the order of the images."""
    array = read_npy(tree, name)[""]
    if math.prod(array.shape[1:]) > MOST_CLASSES:
        return {}
    values = plain(array.read(), tree.where(name))
    return {"label": as_words(values).tolist()} if values.ndim == 1 else {}


def _by_spaces(name: str, content: str, report: Report) -> dict[str, list[str]]:
    """CelebA's lists: a line with the number of images, one with titles, then rows."""
    lines = content.splitlines()
    if len(lines) > 1 and lines[0].strip() == str(len(lines) - 2):
        titles = lines[1].split()
        rows = [line.split() for line in lines[2:] if line.strip()]
        if rows and len(rows[0]) == len(titles) + 1:
            titles = ["image", *titles]
        return _by_rows(name, [titles, *rows], report)
    lines = [line.strip() for line in lines if line.strip(" \t,;") and not line.startswith("#")]
    cells = [*map(_CELLS.findall, lines)]
    if sum(len(row) > 2 for row in cells) > _SLIPS * len(cells) and min(map(len, cells)) == 2:
        cells = [_SEPARATOR.split(line, maxsplit=1) for line in lines]  # words of several words
    names = [row[0] for row in cells]
    if are_files(names[1:]) and not are_files(names[:1]) and len(cells[0]) == len(cells[1]):
        return _by_rows(name, [["image", *cells[0][1:]], *cells[1:]], report)
    if cells and split_of_list(name, names) is not None:
        others = ["label"] if len(cells[0]) == 2 else map(str, range(1, len(cells[0])))
        return _by_rows(name, [["image", *others], *cells], report)
    if cells and len(cells[0]) == 2 and cells[0][0] == "1":  # CUB-200's
        cells.insert(0, [NUMBER, PurePosixPath(name).stem])
    return _by_rows(name, cells, report)


def split_of_list(name: str, first: Sequence[str]) -> str | None:
    """The split whose images a text file lists.

    Args:
        name: of the file.
        first: the first cell of each line, of image files if the name may mean anything.
    """
    role = _role_of_list(name)
    if role is None and not _is_of_all(name) and are_files(first):
        return role_of_table(name)
    return role


def _role_of_list(name: str) -> str | None:
    """The split of such a file by its name alone, as that of ``train_val_list.txt``."""
    if is_of_both(name):
        return TRAIN
    words = read_name(PurePosixPath(name).stem).rest
    rest = {word for word in words if not (word.isdecimal() and len(word) < 3)}
    return role_of_table(name) if rest <= _OF_NAMES and not _is_of_all(name) else None


def _is_of_all(name: str) -> bool:
    """Whether a list is of images of all splits, as ``list_eval_partition.txt`` is."""
    words = {*words_of(PurePosixPath(name).stem)}
    return "partition" in words or ("split" in words and role_of_table(name) is None)


def is_of_both(name: str) -> bool:
    """Whether a list is of training and validation images together, as ``trainval.txt`` is."""
    words = [word for word in words_of(PurePosixPath(name).stem) if word not in _OF_NAMES]
    return words in (["trainval"], ["train", "val"])


def _read_flowers(tree: Tree, names: Sequence[str]) -> dict[str, list[str]]:
    """Labels and splits of Flowers-102; https://www.robots.ox.ac.uk/~vgg/data/flowers/102.

    Raises:
        DatasetError: the files are others.
    """
    scipy = need("scipy.io", "MATLAB files")
    content: dict[str, Any] = {}
    try:
        for name in names:
            with tree.local(name) as file:
                content |= scipy.loadmat(file)
        labels = content["labels"].reshape(-1).tolist()
        splits = [""] * len(labels)
        for title, role in _FLOWERS_SPLITS.items():
            for number in content[title].reshape(-1).tolist():
                splits[number - 1] = role
    except Exception as error:  # damaged ones make SciPy raise nearly anything
        raise DatasetError(
            f"{tree.where(names[0])} and {names[1]} are not those of Flowers-102, or are damaged."
        ) from error
    images = [f"image_{number:05}" for number in range(1, len(labels) + 1)]
    return {"image": images, "label": [*map(str, labels)], "split": splits}


def _by_rows(name: str, rows: Sequence[Sequence[str]], report: Report) -> dict[str, list[str]]:
    """The columns of rows under their titles; of rows of other lengths a person is told."""
    titles = [title.strip() for title in rows[0]] if rows else []
    count = len(titles)
    filled = [(number, row) for number, row in enumerate(rows[1:], 2) if any(row)]
    kept = [row for _, row in filled if len(row) >= count and not any(row[count:])]
    if odd := [(number, row) for number, row in filled if len(row) < count or any(row[count:])]:
        number, row = odd[0]
        told = f"row {number} has {len(row)} cells for {count} titles"
        if 2 * len(odd) > len(filled):
            raise ValueError(told)
        report.note(f"{len(odd):,} of {len(filled):,} rows of {name} are left out: {told}")
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
    return {title: [cell(value) for value in table[title].to_pylist()] for title in plain}


def decode(content: bytes) -> str:
    """Text in UTF-8, or as spreadsheets save it: UTF-16 with its mark, or Windows-1252."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
