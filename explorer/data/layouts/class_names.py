"""Read lists of class names: EMNIST's mappings, WordNet's words, ``classes.txt``, ``names.csv``."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice

import numpy as np

from explorer.data.files.kinds import kind_of_file, suffix_of
from explorer.data.files.matlab import load_mat
from explorer.data.files.tree import Tree
from explorer.data.layouts.labels import numbers_or_words
from explorer.data.layouts.table import decode
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.report import Report
from explorer.data.roles import counts_up, words_of
from explorer.data.sources.source import Layout
from explorer.errors import DatasetError

_CODES = re.compile(r"(.*/)?[^/]*-mapping\.txt")  # a label, then the codes of its characters
_WORDS = re.compile(r"(.*/)?(words|synset_words|loc_synset_mapping)\.txt")  # an id, then words
_LINES = re.compile(r"(.*/)?(classes|labels|(class|label)_?names|categories\w*)\.txt")  # of 0, 1, …
_NAME_WORDS = frozenset(("map", "names", "name", "classes", "class", "labels", "categories"))
"""Words in the names of files, and of arrays in them, that may hold class names."""
_MAT_WORDS = _NAME_WORDS | {"meta", "annos", "annotations"}
_TABLE = re.compile(r"(.*/)?[^/]*(class|label|categor|names|map)[^/]*\.(csv|tsv)", re.IGNORECASE)
_LONGEST_TABLE = 2**16  # bytes
_MANY = 10
"""A list with at least this many names may name more classes than the set has."""
_MOST_LOOKED_INTO = 20  # files of each type
_LONGEST_LIST = 2**25  # bytes
_FIRST = re.compile(r"[\s,;]")  # what ends the first cell of a line

ClassNames = Mapping[str, Mapping[str, str]]
"""For each file, the class names by label."""


class _Doubtful(dict[str, str]):
    """Names that may not be of classes, so that a short list must have the right number."""


def read_class_names(tree: Tree, pick: str | None, *, in_matlab: bool = True) -> ClassNames:
    """Read all lists of class names, first those of the set that the user picked.

    Args:
        pick: a word of the set's name.
        in_matlab: whether to read lists in MATLAB files too.
    """
    found = {}
    for suffix in (".json", ".mat") if in_matlab else (".json",):
        called = (name for name in tree.names() if suffix_of(name) == suffix and _says_names(name))
        for name in islice(called, _MOST_LOOKED_INTO):
            if names := _read_json(tree, name) if suffix == ".json" else _read_mat(tree, name):
                found[name] = names
    for name in islice(filter(_TABLE.fullmatch, tree.names()), _MOST_LOOKED_INTO):
        if names := _read_table(tree, name):
            found[name] = names
    for name in tree.names():
        if name.endswith(".txt") and (read := _reader_of(name.lower())):
            with tree.local(name) as file:
                content = decode(file.read(_LONGEST_LIST))
            lines = [line.strip() for line in content.splitlines() if line.strip()]
            tells_files = all(_is_image(_FIRST.split(line)[0]) for line in lines)
            if not tells_files and len({*lines}) == len(lines):  # else labels of images
                found[name] = read(lines)
    order = sorted(found, key=lambda name: (pick not in words_of(name), len(found[name])))
    return {name: found[name] for name in order}


def name_classes(layout: Layout, lists: ClassNames, report: Report) -> Layout:
    """Name the classes by the first list that has a name for each of them."""
    fitting = ((name, _names_of(layout, lists[name])) for name in lists)
    used, names = next(((name, names) for name, names in fitting if names), (None, {}))
    for name in lists:
        if name != used:
            report.leave_out(kind_of_file(name), name)
    if used is None:
        return layout
    report.note(f"the classes are called as in {used}")
    return replace(layout, classes=tuple(names[label] for label in layout.classes))


def _names_of(layout: Layout, names: Mapping[str, str]) -> Mapping[str, str]:
    """Return the names by label if they name each class, else an empty mapping.

    The list may count from 0 where the labels count from 1. A doubtful list must name no further
    classes.
    """
    is_surely = not isinstance(names, _Doubtful) or len(names) >= _MANY
    if {*names.values()} == {*layout.classes}:  # the list only repeats the classes
        return {}
    from_1 = {str(number + 1): names.get(str(number), "") for number in range(len(names))}
    if {*layout.classes} <= names.keys() and (is_surely or len(layout.classes) == len(names)):
        return names
    return from_1 if {*layout.classes} == from_1.keys() and all(from_1.values()) else {}


def _reader_of(name: str) -> Callable[[list[str]], dict[str, str]] | None:
    table = ((_CODES, _read_codes), (_WORDS, _read_words), (_LINES, _read_lines))
    return next((read for pattern, read in table if pattern.fullmatch(name)), None)


def _says_names(name: str) -> bool:
    """Whether a file's name suggests that it holds class names."""
    words = _MAT_WORDS if suffix_of(name) == ".mat" else _NAME_WORDS
    return not words.isdisjoint(words_of(name.rpartition("/")[2]))


def _read_mat(tree: Tree, name: str) -> dict[str, str]:
    """Return the names of the labels 1, 2, … in a MATLAB file."""
    try:
        content = load_mat(tree, name)
    except DatasetError:  # no list of names; reported elsewhere
        return {}
    called = (each for key, each in content.items() if not _NAME_WORDS.isdisjoint(words_of(key)))
    words = [each for each in called if isinstance(each, np.ndarray) and each.dtype.kind == "U"]
    are_names = len(words) == 1 and len({*words[0].tolist()}) == words[0].size > 1
    return {str(i): str(word) for i, word in enumerate(words[0], 1)} if are_names else {}


def _read_json(tree: Tree, name: str) -> dict[str, str]:
    """Read ``{"0": "cat"}``, ``{"cat": 0}`` or names in order; return ``{}`` for anything else."""
    with tree.local(name) as file:
        content = file.read(_LONGEST_LIST)
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if isinstance(read, list):
        labels, names = [*map(str, range(len(read)))], read
    elif isinstance(read, dict):
        labels, names = [*read], [*read.values()]
    else:
        return {}
    are_numbered = all(type(value) is int for value in names)
    if are_numbered:
        labels, names = [*map(str, names)], labels
    are_names = all(isinstance(name, str) for name in names)
    differ = are_names and len({*names}) == len({*labels}) == len(names) > 1
    if not differ or any(map(_is_image, (*labels, *names))):
        return {}  # perhaps labels of images
    found = zip(labels, names, strict=True)
    return _Doubtful(found) if are_numbered or isinstance(read, list) else dict(found)


def _read_table(tree: Tree, name: str) -> dict[str, str]:
    """Read rows of a number that counts up and a name, last; return ``{}`` for anything else."""
    with tree.local(name) as file:
        content = decode(file.read(_LONGEST_TABLE + 1))
    mark = max("\t;,", key=content.count)
    rows = [row for row in csv.reader(content.splitlines(), delimiter=mark) if row]
    if len(content) > _LONGEST_TABLE or {*map(len, rows)} not in ({2}, {3}):
        return {}
    cells = [[cell.strip() for cell in row] for row in rows[1:]]
    labels, names = [row[0] for row in cells], [row[-1] for row in cells]
    are_words = numbers_or_words(names).dtype.kind == "U" and len({*names}) == len(names) > 1
    if not (counts_up(labels) and are_words) or any(map(_is_image, names)):
        return {}  # perhaps labels of images
    return _Doubtful(zip(labels, names, strict=True))


def _is_image(name: str) -> bool:
    return suffix_of(name) in FORMAT_OF_SUFFIX


def _read_codes(lines: list[str]) -> dict[str, str]:
    cells = [line.split() for line in lines]
    return {
        label: chr(int(codes[0]))
        for label, *codes in cells
        if codes and codes[0].isdecimal() and int(codes[0]) <= sys.maxunicode
    }


def _read_words(lines: list[str]) -> dict[str, str]:
    """Return each label's first word or, if another class has the same one, all its words."""
    words = dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1)
    counts = Counter(text.partition(",")[0] for text in words.values())
    return {
        label: first if counts[first := text.partition(",")[0]] == 1 else text
        for label, text in words.items()
    }


def _read_lines(lines: list[str]) -> dict[str, str]:
    """Read one name per line, optionally with its label before or after it."""
    before = [match for line in lines if (match := re.fullmatch(r"(\d+)[\s:,]+(.+)", line))]
    if len(before) == len(lines):
        return {match[1]: match[2] for match in before}
    after = [match for line in lines if (match := re.fullmatch(r"(.+?)[\s:,]+(\d+)", line))]
    numbers, names = [int(match[2]) for match in after], {match[1] for match in after}
    if len(names) == len(lines) == len(after) and counts_up(sorted(numbers)):
        return {match[2]: match[1] for match in after}
    return {str(label): name for label, name in enumerate(lines)}
