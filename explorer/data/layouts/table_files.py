"""Read tables beside images as text: CSV, JSON, Parquet, and lists as published with data sets.

Known are the lists of CelebA and CUB-200, lists of a split's images (``train.txt``, as in Food-101
and Oxford-IIIT Pet), records in MATLAB files (Stanford Cars) and the labels of Flowers-102.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from typing import IO, Any

from explorer.data.files.containers import read_npy
from explorer.data.files.kinds import stem_of, suffix_of
from explorer.data.files.matlab import columns_in_mat, load_mat
from explorer.data.files.tree import Parts, Tree, parts_of
from explorer.data.layouts.json_tables import cell, columns_of_json, columns_of_records
from explorer.data.layouts.labels import MOST_CLASSES, as_words, plain, with_points
from explorer.data.layouts.lists import (
    OF_SOMETHING_ELSE,
    read_list,
    role_of_list,
    split_of_list,
    without_alternatives,
)
from explorer.data.layouts.row_names import are_files
from explorer.data.layouts.table import NUMBER, Table, by_rows, decode, role_of_table
from explorer.data.report import Report
from explorer.data.roles import (
    LABEL_WORDS,
    TEST,
    TRAIN,
    VALIDATION,
    joined_words,
    says_labels,
    words_of,
)
from explorer.errors import DatasetError

LARGEST_TABLE, LARGEST_JSON = 512 * 2**20, 64 * 2**20  # bytes
_MOST_JSON = 100  # files; if there are more, each describes one image
_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
_REMARK = re.compile(r"(#[^\t;,|\r\n]*|(?i:sep)=.)[\r\n]+(?=.)")  # before the titles
_DELIMITER = re.compile(r"[\t;,|]")
_BOX = frozenset(("xmin", "xmax"))
"""Titles that a table of objects has, without separators between words."""
_FLOWERS = ("imagelabels.mat", "setid.mat")
_FLOWERS_SPLITS = {"trnid": TRAIN, "valid": VALIDATION, "tstid": TEST}
_LIST_WORDS = frozenset(
    ("list", "attr", "labels", "partition", "identity", "annotations", "annos", "images", "split")
)


def is_table(name: str) -> bool:
    """Whether a file may be a table of images, judged by its name."""
    suffix, last = suffix_of(name), name.rpartition("/")[2]
    if not OF_SOMETHING_ELSE.isdisjoint(words_of(last)):
        return False
    words = _LIST_WORDS | LABEL_WORDS
    if suffix == ".txt":
        return role_of_list(name) is not None or not words.isdisjoint(words_of(name))
    if suffix == ".mat":
        return last in _FLOWERS or not words.isdisjoint(words_of(last))
    if suffix == ".npy":
        return is_array_of_labels(name)
    return suffix in _SUFFIXES


def is_array_of_labels(name: str) -> bool:
    """Whether a NumPy file holds labels, judged by its name."""
    return name.endswith(".npy") and says_labels(stem_of(name))


def read_tables(
    tree: Tree, names: Sequence[str], places: Sequence[Parts], report: Report
) -> list[Table]:
    """Read all tables that can be read.

    Args:
        names: names of the tables.
        places: the folders of images.
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
            columns = _read(tree, name, report)
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
    return _join_numbered(without_alternatives(_without_objects(tables, report), report))


def _without_objects(tables: list[Table], report: Report) -> list[Table]:
    """Leave out tables of bounding boxes if one of them has several rows for an image."""
    boxed = [table for table in tables if {joined_words(t) for t in table.columns} >= _BOX]
    names = (cells for table in boxed for cells in table.columns.values() if are_files(cells))
    if all(len({*cells}) == len(cells) for cells in names):
        return tables
    for table in boxed:
        report.note(f"{table.name} is not used, as its rows tell of objects, not of images")
    return [table for table in tables if table not in boxed]


def split_by_tables(tables: Sequence[Table]) -> None:
    """Set the split of tables such as ``train.csv`` and ``test.csv``.

    Args:
        tables: tables beside images that are not split by folders.
    """
    roles = [role_of_table(table.name) for table in tables]
    if TRAIN in roles and len({*roles} - {None}) > 1:
        for table, role in zip(tables, roles, strict=True):
            if len(table.columns) > 1 or are_files(table.first):
                table.split = role


def _folder_with_images(name: str, places: Sequence[Parts]) -> str:
    """Return the innermost folder around the table below which there are images."""
    parts = parts_of(name)[:-1]
    while parts and not any(place[: len(parts)] == parts for place in places):
        parts = parts[:-1]
    return "".join(f"{part}/" for part in parts)


def _join_numbered(tables: list[Table]) -> list[Table]:
    """Join lists whose lines begin with image numbers, as in CUB-200, to the list of names."""
    kept = []
    numbered = {
        table.name.rpartition("/")[0]: table
        for table in tables
        if "images" in table.columns and NUMBER in table.columns
    }
    for table in tables:
        images = numbered.get(table.name.rpartition("/")[0])
        if images is None or table is images or table.columns.get(NUMBER) != images.columns[NUMBER]:
            kept.append(table)
        else:
            images.files = [*images.files, *table.files]
            images.columns |= table.columns
    return kept


def _read(tree: Tree, name: str, report: Report) -> dict[str, list[str]]:
    """Return the columns of a table as text, as its suffix says."""
    suffix = suffix_of(name)
    if suffix == ".npy":
        return _read_labels(tree, name)
    if suffix == ".mat":
        table = columns_in_mat(tree, name)
        return {title: [*map(cell, cells)] for title, cells in table.items()}
    with tree.local(name) as file:
        if suffix == ".parquet":
            return _read_parquet(file)
        if suffix == ".json" and file.seek(0, io.SEEK_END) > LARGEST_JSON:
            raise DatasetError(
                f"{name} has more than {LARGEST_JSON // 2**20} MB, and JSON must be read whole; "
                "such a table is read as CSV or JSON lines."
            )
        file.seek(0)
        content = decode(file.read(LARGEST_TABLE)).replace("\0", "")
    if suffix in (".jsonl", ".ndjson"):
        records = [json.loads(line) for line in content.splitlines() if line.strip()]
        return columns_of_records(records, name, report)
    if suffix == ".json":
        return columns_of_json(name, json.loads(content), report)
    if suffix == ".txt":
        return read_list(name, content, report)
    return _read_csv(name, content, report)


def _read_csv(name: str, content: str, report: Report) -> dict[str, list[str]]:
    """Return the columns of a table whose cells are separated by tabs, semicolons, commas or bars.

    Raises:
        csv.Error: a quotation mark is not closed, or has more after it.
    """
    content = content.lstrip("\r\n")
    while remark := _REMARK.match(content):
        content = content[remark.end() :]
    lines = io.StringIO(content, newline="")
    line = next(filter(_DELIMITER.search, lines), "")
    delimiter = max("\t;,|", key=line.count)
    cells = [*csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)]
    while len(cells) > 1 and not any(cells[0][1:]) and any(any(row[1:]) for row in cells[1:9]):
        del cells[0]  # the title of the whole table
    if any("\n" in cell or "\r" in cell for row in cells for cell in row):
        reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                pass
        except csv.Error as error:
            raise csv.Error(
                f"up to line {reader.line_num} a quotation mark is not closed, or has more after it"
            ) from error
    columns = by_rows(name, cells, report)
    if delimiter == ",":
        return columns
    return {title: [*with_points(texts)] for title, texts in columns.items()}


def _read_labels(tree: Tree, name: str) -> dict[str, list[str]]:
    """Return the labels in a NumPy file, in the order of the images."""
    array = read_npy(tree, name)[""]
    if math.prod(array.shape[1:]) > MOST_CLASSES:
        return {}
    values = plain(array.read(), tree.where(name))
    return {"label": as_words(values).tolist()} if values.ndim == 1 else {}


def _read_flowers(tree: Tree, names: Sequence[str]) -> dict[str, list[str]]:
    """Read the labels and splits of Flowers-102.

    Format: https://www.robots.ox.ac.uk/~vgg/data/flowers/102.

    Raises:
        DatasetError: the files are not those of Flowers-102.
    """
    content: dict[str, Any] = {}
    for name in names:
        content |= load_mat(tree, name)
    try:
        labels = content["labels"].reshape(-1).tolist()
        splits = [""] * len(labels)
        for title, role in _FLOWERS_SPLITS.items():
            for number in content[title].reshape(-1).tolist():
                splits[number - 1] = role
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise DatasetError(
            f"{tree.where(names[0])} and {names[1]} are not those of Flowers-102."
        ) from error
    images = [f"image_{number:05}" for number in range(1, len(labels) + 1)]
    return {"image": images, "label": [*map(str, labels)], "split": splits}


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
