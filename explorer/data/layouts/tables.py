"""Match tables to the images beside them: ``labels.csv``, ``metadata.jsonl``, CelebA's lists.

Rows are matched by a column with the images' names, which `row_names` finds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.data.files.kinds import stem_of
from explorer.data.layouts.json_tables import FILE
from explorer.data.layouts.labels import (
    LABEL_NAMES,
    MOST_CLASSES,
    ROW_INDEX,
    as_words,
    label_title,
    label_titles,
    natural_order,
    numbers_or_words,
)
from explorer.data.layouts.lists import is_of_both
from explorer.data.layouts.row_names import (
    Below,
    Way,
    are_files,
    find_names,
    folder_of,
    is_named_as,
)
from explorer.data.layouts.splits import FALSE, TRUE, may_split, roles_in, take_splits
from explorer.data.layouts.table import NUMBER, SPLIT_OF_TABLE, Table, role_of_table
from explorer.data.report import Report, some
from explorer.data.roles import (
    LABEL_WORDS,
    all_name_splits,
    counts_up,
    read_name,
    says_labels,
)

_FEW, _SLIPS = 3, 0.05
"""Number and share of the images that may have two different rows in a table by mistake."""
_WIDEST = 50
"""Most columns of a table of labels; wider ones hold pixels."""
_SAY_NOTHING = frozenset(("list", "of", "trainval", "celeb", "a"))
"""Words in the name of a table that are not titles."""


@dataclass(frozen=True)
class TableColumns:
    """Information from tables about images, in the order of the images.

    Attributes:
        labels: ``(n,)`` strings; None if no column is plainly the class.
        label_name: the title of the labels' column.
        columns: the other columns: ``(n,)`` float64, or strings.
        roles: ``(n,)`` the split of each image, ``""`` for none; None if no table gives it.
    """

    labels: np.ndarray | None
    label_name: str
    columns: Mapping[str, np.ndarray]
    roles: np.ndarray | None


def match_rows(
    files: Sequence[str],
    role: str,
    tables: Sequence[Table],
    others: Sequence[str],
    asked: str | None,
    report: Report,
) -> dict[str, np.ndarray]:
    """Match the rows of tables to images; return the columns as text, ``""`` where it is missing.

    Tables with several columns come first and lists such as ``trainval.txt`` last.

    Args:
        files: names of the images in the tree, with ``/``.
        role: the split of these images.
        tables: the tables in the same tree.
        others: names of the images of other splits; empty if folders give no splits.
        asked: the title of the class column, if the user chose one.
    """
    merged: dict[str, np.ndarray] = {}
    first: dict[str, str] = {}  # the first table with each column
    places: dict[str, tuple[Below, Below]] = {}  # by folder, as many tables may share one
    for table in sorted(tables, key=lambda t: (len(t.columns) == 1, is_of_both(t.name))):
        if table.folder not in places:
            places[table.folder] = Below(files, table.folder), Below(others, table.folder)
        below, elsewhere = places[table.folder]
        if len(table.told()) == 1:
            is_known = label_title(merged) is not None
            if is_known or not _take_in_order(below, role, table, report):
                continue
        matched = _match(below, elsewhere, len(files), table, role, asked, report)
        if matched is None:
            continue
        rows, names = matched
        table.is_used = True
        named, counts = np.unique(rows[rows < len(table.columns[names])], return_counts=True)
        again = table.named.intersection(named.tolist()) | {*named[counts > 1].tolist()}
        if again:
            report.note(f"{len(again):,} rows of {table.name} name more than one image")
        table.named.update(named.tolist())
        for title, cells in table.told().items():
            is_split = title == SPLIT_OF_TABLE or roles_in(title, cells) is not None
            is_index = ROW_INDEX.fullmatch(title) and all(map(str.isdecimal, cells))
            if title in (names, NUMBER) or is_index or (others and is_split):
                continue
            column = np.array([*cells, ""])[rows]
            before = merged.get(title, np.full(len(files), ""))  # of tables of other splits
            is_other = (before != column) & (before != "") & (column != "")
            if np.any(is_other) and not is_of_both(table.name):
                what = "split" if title == SPLIT_OF_TABLE else title
                report.note(
                    f"{table.name} gives some images another {what} than {first[title]}, which is "
                    "used"
                )
            merged[title] = np.where(before == "", column, before)
            first.setdefault(title, table.name)
    return merged


def tells_of(table: Table, files: Sequence[str]) -> bool:
    """Whether a column of a table names images."""
    below = Below(files, table.folder)
    return bool(below.paths) and find_names(below, table.columns, is_list=False) is not None


def labels_alone(columns: Mapping[str, list[str]], name: str, count: int) -> list[str] | None:
    """Return the cells of a single column if its title or its file's name says "labels".

    Args:
        columns: the only column, by its title.
        name: name of the file.
        count: number of labels expected, which decides whether the title is itself a label.
    """
    ((title, cells),) = columns.items()
    if label_title(columns) is not None:
        return cells
    if not says_labels(stem_of(name)):
        return None
    is_label = title in cells or numbers_or_words([title]).dtype.kind == "f"
    return [title, *cells] if is_label or len(cells) == count - 1 else cells


def note_order(name: str, cells: Sequence[str], ends: tuple[str, str], report: Report) -> None:
    """Report that a file gives labels in the order of the images, from the first to the last."""
    report.note(
        f"{name} is taken in the order of the images: {ends[0]} is {cells[0]}, {ends[1]} is "
        f"{cells[-1]}"
    )


def tell_unused_rows(tables: Sequence[Table], files: Sequence[str], report: Report) -> None:
    """Report how many rows of the tables name no image, and tables that name other images.

    Args:
        tables: all tables.
        files: names of the images.
    """
    for table in tables:
        total = len(table.first)
        unused = total - len(table.named)
        if table.is_used and unused:
            report.note(
                f"{unused:,} of {total:,} rows of {table.name} are not used: there is no such "
                "image, another row names it, or it is of another split"
            )
        if table.is_used or len(table.columns) == 1:
            continue
        named = next((title for title, cells in table.columns.items() if are_files(cells)), None)
        first = next((name for name in files if name.startswith(table.folder)), None)
        if first is None:
            continue
        may_label = FILE not in table.columns and len(table.columns) <= _WIDEST
        if named is None and may_label and label_title(table.columns):
            report.note(f"{table.name} is not used: no column of it names images such as {first}")
        elif named and not any(is_named_as(table.columns[named][0], file) for file in files):
            column = "" if are_files([named]) else f" as its {named}"  # else it has no titles
            report.note(
                f"{table.name} is not used: it names {table.columns[named][0]} and others"
                f"{column}, but the images are called as {first} is"
            )


def interpret(
    columns: dict[str, np.ndarray],
    files: Sequence[str],
    classes: Collection[str],
    label: str | None,
    asked: str | None,
    report: Report,
    *,
    in_folders: bool,
) -> TableColumns:
    """Find the splits and the class among the columns of tables.

    Args:
        columns: the columns as text, in the order of the images.
        files: names of the images.
        classes: the names of class folders; a column of nothing but these is the class.
        label: the column with the classes of the training images, if these are read before.
        asked: the title of the class column, if the user chose one.
        in_folders: whether the images are in several class folders.
    """
    if asked not in columns:
        _join_one_hot(columns, report)
    roles = take_splits(columns, report)
    for title, values in list(columns.items()):
        if title != label and _names_images(values, files):
            del columns[title]
    if label is not None and label not in columns:
        label = None  # any other column would give other classes
    elif label is None:
        guesses = Report() if in_folders else report  # then folders give the classes
        label = _column_of(columns, classes, guesses) or _plainly_the_class(columns, guesses)
    labels = as_words(numbers_or_words(columns.pop(label))) if label is not None else None
    others = {title: numbers_or_words(values) for title, values in columns.items()}
    return TableColumns(labels, label or "label", others, roles)


def _column_of(
    columns: Mapping[str, np.ndarray], classes: Collection[str], report: Report
) -> str | None:
    """Return the column that holds nothing but names of class folders, if there is one."""
    words = {title: {*values.tolist()} for title, values in columns.items()}
    named = [title for title in columns if words[title] <= {*classes}]
    several = [title for title in named if len(words[title]) > 1]
    plainest = label_title(named)
    if plainest is None and len(several) > 1:
        report.note(
            f"the columns {', '.join(several)} hold nothing but names of class folders: "
            f"{several[0]} is taken; --label {several[1]} takes another"
        )
    return plainest or next(iter(several), None)


def _plainly_the_class(columns: Mapping[str, np.ndarray], report: Report) -> str | None:
    """Return the column that is plainly the class; other candidates are reported."""
    usable = []
    for title, values in columns.items():
        distinct = len({*values.tolist()} - {""})
        is_of_splits = may_split(title) or all_name_splits({*values.tolist()} - {""})
        if not is_of_splits and 2 <= distinct <= min(MOST_CLASSES, max(2, len(values) // 2)):
            usable.append(title)
    by_name = label_titles(usable)
    if len(by_name) > 1:
        report.note(
            f"the column {by_name[0]} is taken as the class; --label {by_name[1]} takes another"
        )
    if by_name:
        return by_name[0]
    return usable[0] if len(columns) == 1 and usable else None


def _join_one_hot(columns: dict[str, np.ndarray], report: Report) -> None:
    """Replace one-hot columns by one with the title of the column that holds the 1.

    It gives the splits if the titles name splits, as ``train`` and ``test`` do, else the class.
    """
    flags = [
        title
        for title, values in columns.items()
        if {cell.lower() for cell in {*values.tolist()}} <= TRUE | FALSE | {""}
        and not may_split(title)
    ]
    joined = "split" if all_name_splits(flags) else "class"
    if len(flags) < 2 or (len(flags) == 2 and joined == "class" and label_title(columns)):
        return
    ones = np.array([np.isin(np.char.lower(columns[title]), [*TRUE]) for title in flags])
    known = np.array([columns[title] != "" for title in flags]).all(axis=0)
    if known.any() and (ones.sum(axis=0)[known] == 1).all():
        columns[joined] = np.where(known, np.array(flags)[ones.argmax(axis=0)], "")
        for title in flags:
            del columns[title]
        report.note(f"the columns {some(flags)} are flags, and are joined into one: the {joined}")


def _match(
    below: Below,
    elsewhere: Below,
    count: int,
    table: Table,
    role: str,
    asked: str | None,
    report: Report,
) -> tuple[np.ndarray, str] | None:
    """Return the row of each of ``count`` images, and the title of the column with their names.

    Images that are not in the table get the row after the last. If an image of another split has
    the same name, rows of that split are not matched to the image of this split.

    Args:
        below: the split's images below the table's folder.
        elsewhere: the images of other splits below that folder.
        count: number of all images of the split, wherever they are.
        table: the table.
        role: the split.
        asked: the title of the class column, if the user chose one.
    """
    is_list = role_of_table(table.name) is not None
    found = find_names(below, table.columns, is_list=is_list) if below.paths else None
    if found is None:
        return None
    title, way = found
    if way.of_cell(title) in way.indices:
        title = _without_titles(table, title)
    cells = table.columns[title]
    ambiguous = {*map(way.of_path, elsewhere.paths.values())}
    roles = _roles_of_rows(table, title) if ambiguous else [None] * len(cells)
    names = [*map(way.of_cell, cells)]
    if _describes_objects(table, title, way, [*zip(names, roles, strict=True)], asked, report):
        return None
    after = len(cells)
    rows = np.full(count, after)
    for told in (None, role) if ambiguous else (None,):  # rows of this split come last and win
        for row, name in enumerate(names):
            if roles[row] == told or told is None and name not in ambiguous:
                for index in way.indices.get(name, ()):
                    rows[index] = row
    if (rows == after).all():
        return None
    _note_guessed_names(table, title, way, rows, report)
    return rows, title


def _note_guessed_names(
    table: Table, title: str, way: Way, rows: np.ndarray, report: Report
) -> None:
    """Report rows that are found by numbers or by approximate names, with an example."""
    index = int(np.argmax(rows < len(table.columns[title])))
    path = way.paths[index]
    if way.is_number:
        report.note(
            f"the rows of {table.name} are found by the numbers in the images' names: "
            f"{path} is {title} {way.of_path(path)}"
        )
    elif way.is_loose:
        report.note(
            f"the names in {table.name} are not quite those of the images: "
            f"{table.columns[title][rows[index]]} is taken for {path}"
        )


def _describes_objects(
    table: Table,
    names: str,
    way: Way,
    images: Sequence[tuple[str, str | None]],
    asked: str | None,
    report: Report,
) -> bool:
    """Whether many images have rows of different classes, as objects in images have; reported.

    Args:
        table: the table.
        names: the title of the column that names the images.
        way: how it names them.
        images: the image name and the split of each row.
        asked: the title of the class column, if the user chose one.
    """
    label = label_title(title for title in table.columns if title != names)
    label = asked if asked in table.columns else label
    if label is None:
        return False
    pairs = {*zip(images, table.columns[label], strict=True)}
    counts = Counter(image for image, _ in pairs if image[0] in way.indices)
    several = sum(count > 1 for count in counts.values())
    named = len({name for name, _ in images} & way.indices.keys())
    if several <= max(_FEW, _SLIPS * named):
        return False
    report.note(
        f"{table.name} is not used, as it describes objects in images: {several:,} of "
        f"{named:,} have rows of several classes; a table has a row for each image"
    )
    return True


def _roles_of_rows(table: Table, names: str) -> list[str | None]:
    """Return the split of each row, from the folders in the image's path, a column or the table."""
    told = (roles_in(title, cells) for title, cells in table.columns.items())
    of_column = next((roles for roles in told if roles is not None), None)
    of_table = table.split or role_of_table(table.name)
    by_folder: dict[str, str | None] = {}
    roles: list[str | None] = []
    for row, cell in enumerate(table.columns[names]):
        folder = folder_of(cell)
        if folder not in by_folder:
            parts = map(read_name, folder.split("/"))
            by_folder[folder] = next((p.role for p in parts if p.role and not p.rest), None)
        roles.append(by_folder[folder] or (of_column[row] or None if of_column else of_table))
    return roles


def _take_in_order(below: Below, role: str, table: Table, report: Report) -> bool:
    """Add the images' names to a lone column of labels, if it has one for each image of a folder.

    This is reported, with the labels of the first and the last image. If the order of the images is
    ambiguous, the labels are not used.
    """
    paths = [*below.paths.values()]
    is_one_folder = len({path.rpartition("/")[0] for path in paths}) == 1
    if not (is_one_folder and role_of_table(table.name) in (None, role)):
        return False
    cells = labels_alone(table.columns, table.name, len(paths))
    if cells is None:
        return False
    if len(cells) != len(paths):
        report.note(f"{table.name} has {len(cells):,} labels for {len(paths):,} images")
        return False
    counted = sorted(paths, key=natural_order)
    if counted != paths and not _are_numbered(counted):
        report.note(
            f"{table.name} is not used, as the order of {paths[0]}, {paths[1]}, … is "
            "ambiguous: give a table with their names beside the labels"
        )
        return False
    title = label_title(table.columns) or "label"
    table.columns = {"image": counted, title: cells}
    note_order(table.name, cells, (counted[0], counted[-1]), report)
    return True


def _are_numbered(paths: Sequence[str]) -> bool:
    """Whether names differ only in a number that counts from 0 or 1."""
    found = [re.fullmatch(r"(.*?)(\d+)(\D*)", path) for path in paths]
    if not all(found):
        return False
    numbers = [int(match[2]) for match in found if match]
    around = {(match[1], match[3]) for match in found if match}
    return len(around) == 1 and counts_up(numbers)


def _without_titles(table: Table, names: str) -> str:
    """Turn the titles into a first row, as one of them names an image; return the new title."""
    others = [title for title in table.columns if title != names]
    of_splits = [old for old in others if all_name_splits({old, *table.columns[old]})][:1]
    others = [title for title in others if title not in of_splits]
    lone = [_title_by_file(table.name)] if len(others) == 1 else []
    titles = dict(zip(others, lone or map(str, range(1, len(table.columns))), strict=False))
    titles |= {names: "image", **dict.fromkeys(of_splits, "split")}
    table.columns = {titles[old]: [old, *cells] for old, cells in table.columns.items()}
    return "image"


def _title_by_file(name: str) -> str:
    """Name the only column beside the images' names after the file."""
    words = [w for w in read_name(stem_of(name)).rest if w not in _SAY_NOTHING]
    labels = [word for word in words if word in LABEL_WORDS or word in LABEL_NAMES]
    return next(iter([*labels, *reversed(words)]), "label")


def _names_images(values: np.ndarray, files: Sequence[str]) -> bool:
    """Whether a column only repeats the images' names."""
    sample = range(0, len(files), max(1, len(files) // 50))
    if len({*values.tolist()}) < max(2, len(files) // 2):
        return False
    hits = sum(is_named_as(values[i], files[i]) for i in sample)
    return 2 * hits > len(sample)
