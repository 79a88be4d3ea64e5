"""Read text files that list images: lists of a split, and the lists of CelebA and CUB-200."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from explorer.data.files.kinds import stem_of
from explorer.data.files.tree import Tree
from explorer.data.layouts.row_names import are_files
from explorer.data.layouts.table import NUMBER, Table, by_rows, decode, role_of_table
from explorer.data.report import Report
from explorer.data.roles import TRAIN, read_name, words_of

OF_SOMETHING_ELSE = frozenset(("submission", "box", "boxes", "bbox", "bboxes"))
"""Words in the names of contests' submission templates and of tables of objects in images."""
_WIDEST_LIST = 4  # most cells in a line
_SEPARATOR = re.compile(r"[\s,;]+")
_SLIPS = 0.1
"""Share of a list's lines that may have an extra cell by mistake."""
_NUMBERED_LIST = re.compile(r"(.*?[^\d])(\d{1,2})\.txt")  # not years
_PEEKED = 2**12  # bytes of a text file that are inspected
_CELLS = re.compile(r"[^\s,;]+")  # in a line of a list
_OF_NAMES = frozenset(("list", "images", "split", "ids", "names", "files"))
"""Words in the names of lists of a split's images."""


def lists_images(tree: Tree, name: str) -> bool:
    """Whether the lines of a text file begin with the names of image files."""
    if not OF_SOMETHING_ELSE.isdisjoint(words_of(name)):
        return False
    with tree.open(name) as file:
        rows = [*map(str.split, decode(file.read(_PEEKED)).splitlines()[:10])]
    return are_files([row[0] for row in rows if row]) and max(map(len, rows)) <= _WIDEST_LIST


def read_list(name: str, content: str, report: Report) -> dict[str, list[str]]:
    """Return the columns of a list of images.

    CelebA's lists have a line with the number of images, a line with titles, then rows; CUB-200's
    have rows that begin with a number. Other lists have rows alone, or titles and rows.
    """
    lines = content.splitlines()
    if len(lines) > 1 and lines[0].strip() == str(len(lines) - 2):
        titles = lines[1].split()
        rows = [line.split() for line in lines[2:] if line.strip()]
        if rows and len(rows[0]) == len(titles) + 1:
            titles = ["image", *titles]
        return by_rows(name, [titles, *rows], report)
    lines = [line.strip() for line in lines if line.strip(" \t,;") and not line.startswith("#")]
    cells = [*map(_CELLS.findall, lines)]
    if sum(len(row) > 2 for row in cells) > _SLIPS * len(cells) and min(map(len, cells)) == 2:
        cells = [_SEPARATOR.split(line, maxsplit=1) for line in lines]  # labels of several words
    names = [row[0] for row in cells]
    if are_files(names[1:]) and not are_files(names[:1]) and len(cells[0]) == len(cells[1]):
        return by_rows(name, [["image", *cells[0][1:]], *cells[1:]], report)
    if cells and split_of_list(name, names) is not None:
        others = ["label"] if len(cells[0]) == 2 else map(str, range(1, len(cells[0])))
        return by_rows(name, [["image", *others], *cells], report)
    if cells and len(cells[0]) == 2 and cells[0][0] == "1":  # CUB-200's
        cells.insert(0, [NUMBER, stem_of(name)])
    return by_rows(name, cells, report)


def split_of_list(name: str, first: Sequence[str]) -> str | None:
    """Return the split whose images a text file lists; None if it does not list a split.

    Args:
        name: name of the file.
        first: the first cell of each line; if the name is ambiguous, these must be image files.
    """
    role = role_of_list(name)
    if role is None and not _is_of_all(name) and are_files(first):
        return role_of_table(name)
    return role


def role_of_list(name: str) -> str | None:
    """Return the split of a list by its name alone, as for ``train_val_list.txt``."""
    if is_of_both(name):
        return TRAIN
    words = read_name(stem_of(name)).rest
    rest = {word for word in words if not (word.isdecimal() and len(word) < 3)}
    return role_of_table(name) if rest <= _OF_NAMES and not _is_of_all(name) else None


def _is_of_all(name: str) -> bool:
    """Whether a list holds images of all splits, as ``list_eval_partition.txt`` does."""
    words = {*words_of(stem_of(name))}
    return "partition" in words or ("split" in words and role_of_table(name) is None)


def is_of_both(name: str) -> bool:
    """Whether a list holds both training and validation images, as ``trainval.txt`` does."""
    words = [word for word in words_of(stem_of(name)) if word not in _OF_NAMES]
    return words in (["trainval"], ["train", "val"])


def without_alternatives(tables: list[Table], report: Report) -> list[Table]:
    """Where numbered lists split the same images in several ways, keep those of the first way."""
    by_folder: dict[str, list[tuple[int, str, Table]]] = {}
    for table in tables:
        match = _NUMBERED_LIST.fullmatch(table.name)
        if match and table.split is not None and _are_paths(table.first):
            folder = match[1].rpartition("/")[0]
            by_folder.setdefault(folder, []).append((int(match[2]), match[1], table))
    left_out: set[int] = set()
    for lists in by_folder.values():
        listed = Counter((start, name) for _, start, table in lists for name in {*table.first})
        if max(listed.values()) > 1:
            first, _, chosen = min(lists, key=lambda one: one[0])
            left_out |= {id(table) for number, _, table in lists if number != first}
            report.note(
                f"the splits are taken from {chosen.name} and the other lists of its number"
            )
    return [table for table in tables if id(table) not in left_out]


def _are_paths(cells: Sequence[str]) -> bool:
    return are_files(cells) or all("/" in cell for cell in cells[:10])
