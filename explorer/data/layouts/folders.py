"""Find the splits and classes of image files in folders and archives.

Pixels are read only on demand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from explorer.data.files.kinds import kind_of_file, suffix_of
from explorer.data.files.names import Names
from explorer.data.files.tree import Parts, Tree, paths
from explorer.data.layouts.beside_images import read_beside_images
from explorer.data.layouts.class_folders import classes_of_folders, without_other_folders
from explorer.data.layouts.classify import Unclassified, classify
from explorer.data.layouts.copies import without_copied_folders, without_variants, without_versions
from explorer.data.layouts.file_names import splits_in_names, with_file_names
from explorer.data.layouts.folder import Folder
from explorer.data.layouts.folder_rows import spread_over_folders
from explorer.data.layouts.folder_splits import sort_by_split, unwrap, without_folds
from explorer.data.layouts.labels import numbers_or_words
from explorer.data.layouts.lists import lists_images
from explorer.data.layouts.masks import without_mask_files, without_masks
from explorer.data.layouts.table import Table, role_of_table
from explorer.data.layouts.table_files import (
    is_array_of_labels,
    is_table,
    read_tables,
    split_by_tables,
)
from explorer.data.layouts.tables import TableColumns, interpret, match_rows, tell_unused_rows
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.reading import FILE_NAME, FOLDER, Reading
from explorer.data.report import Report
from explorer.data.roles import TRAIN
from explorer.data.sources.pictures import Pictures, count_all_pages
from explorer.data.sources.source import Layout
from explorer.errors import DatasetError

_FEW = 50
"""Most text files that are inspected; if there are more, each may belong to one image."""
_FORMATS = {**FORMAT_OF_SUFFIX, ".npy": "NumPy"}


def find_in_folders(
    tree: Tree, files: Sequence[str], reading: Reading, report: Report, lists: Collection[str]
) -> Layout:
    """Find the images in a tree whose folders name classes.

    Folders of splits, such as ``train`` and ``seg_test``, may be above the classes or below them;
    folders that hold nothing but one folder of folders are looked through. Tables beside the images
    give columns, and classes if folders do not.

    Args:
        files: the image files among them, in order.
        reading: the user's options.
        lists: files with class names, which are ignored here.

    Raises:
        DatasetError: it holds fewer than two images.
    """
    suffixes = {*map(suffix_of, files)}
    folders, others = _sort_out(tree, files, suffixes, lists)
    folders = without_copied_folders(tree, folders, report)
    folders = without_variants(tree, without_versions(folders, report), report)
    folders = without_mask_files(tree, folders, report)
    texts = [n for n in others if suffix_of(n) == ".txt" and role_of_table(n) is not None]
    peeked = [name for name in texts if lists_images(tree, name)] if len(texts) <= _FEW else []
    listed = [name for name in others if is_table(name) or name in peeked]
    roles = {*map(role_of_table, listed)}
    tables = read_beside_images(tree, others, files, report)

    def inner(folders: list[Folder]) -> list[Folder]:
        folders = unwrap(without_masks(tree, folders, report))
        has_classes = bool(listed or tables) or any(folder.parts[1:] for folder in folders)
        are_folds = has_classes and reading.class_level == 1
        return without_folds(folders, report) if are_folds else folders

    by_role = sort_by_split(inner(folders), roles, report)
    by_role = {role: inner(found) for role, found in by_role.items()}
    every = [folder for found in by_role.values() for folder in found]
    read = {name for table in tables for name in table.files}
    unread = [name for name in listed if name not in read]
    tables += read_tables(tree, unread, [folder.place for folder in every], report)
    spread_over_folders(tables, _files_in(every), report)
    if len(by_role) == 1:
        split_by_tables(tables)
    if reading.label != FOLDER:
        by_role = without_other_folders(by_role, tables, files, report)
    found, names = _classes(tree, by_role, tables, reading, report, bool(lists))
    total = sum(map(len, found.values()))
    if total < 2:
        raise DatasetError(
            f"{tree.path} must hold at least two images (JPEG, PNG, …), with one folder for each "
            f"class, but holds {total or 'none'}."
        )
    tell_unused_rows(tables, files, report)
    used = {name for table in tables if table.is_used for name in table.files}
    for name in others:
        if name not in lists and name not in used:
            report.leave_out(kind_of_file(name), name)
    says_class = reading.label == FOLDER or (reading.label == FILE_NAME and len(names) < 2)
    formats = sorted({_FORMATS[suffix] for suffix in suffixes})
    kind = "class folders" if names else "images"
    return classify(
        tree.path,
        f"{tree.kind}{kind} ({', '.join(formats)})",
        found,
        report,
        label=None if says_class else reading.label,
        names=names or None,
    )


def _sort_out(
    tree: Tree, files: Sequence[str], suffixes: set[str], lists: Collection[str]
) -> tuple[list[Folder], Sequence[str]]:
    """Return the folders with files of these suffixes, and the paths of all other files."""
    if len(files) == sum(map(len, tree.folders.values())):  # the usual case
        return [Folder(parts, parts, names) for parts, names in tree.folders.items()], ()
    folders: list[Folder] = []
    others = Names()
    for parts, names in tree.folders.items():
        images, rest = Names(), Names()
        for name in names:
            is_image = suffix_of(name) in suffixes and not is_array_of_labels(name)
            (images if is_image else rest).append(name)
        if images:
            folders.append(Folder(parts, parts, images))
        for path in paths(parts, rest):
            if path not in lists or suffix_of(path) == ".mat":  # which may hold both
                others.append(path)
    return folders, others


def _files_in(folders: Sequence[Folder]) -> Names:
    return Names(path for folder in folders for path in paths(folder.place, folder.names))


def _classes(
    tree: Tree,
    by_role: dict[str, list[Folder]],
    tables: Sequence[Table],
    reading: Reading,
    report: Report,
    has_lists: bool,
) -> tuple[dict[str, Unclassified], tuple[str, ...]]:
    """Make a source for each split, with labels and columns; also return the folders' classes."""
    by_role = {
        role: _without_strays(by_role[role], report)
        for role in sorted(by_role, key=lambda role: role != TRAIN)  # it decides the class column
    }
    every = [folder for folders in by_role.values() for folder in folders]
    class_of, names = classes_of_folders(tree, every, reading, report)
    found: dict[str, Unclassified] = {}
    files_of = {role: _files_in(folders) for role, folders in by_role.items()}
    label: str | None = None
    for role, folders in by_role.items():
        files = files_of[role]
        if not files:
            continue
        others = [
            name for other in files_of if tables and other != role for name in files_of[other]
        ]
        columns = match_rows(files, role, tables, others, reading.label, report)
        in_folders = bool(folders[0].parts) and len(names) > 1
        told = interpret(columns, files, names, label, reading.label, report, in_folders=in_folders)
        if role == TRAIN and told.labels is not None:
            label = told.label_name
        if len(names) < 2:
            told = with_file_names(told, files, reading, report, has_lists=has_lists)
        numbered = _with_folders(told, folders, class_of, names) if names else told
        if numbered is None:
            kind = f"{role} images that are in no class folders"
            report.leave_out(kind, str(folders[0]), len(files))
            continue
        is_whole = len(by_role) == 1
        found |= _of_each_split(tree, role, files, numbered, reading, report, is_whole=is_whole)
    return found, names


def _with_folders(
    told: TableColumns, folders: list[Folder], class_of: Mapping[Parts, str], names: tuple[str, ...]
) -> TableColumns | None:
    """Add the classes of a split's folders or, without folders, a table's if they are the same.

    Several class folders give the labels, and a table's labels are kept as a column; beside one
    class folder, a table's are the labels. Return None if there are neither.
    """
    index = {name: number for number, name in enumerate(names)}
    if all(map(str.isdecimal, names)):
        index = {str(int(name)): number for name, number in index.items()} | index  # "7": "007"
    if folders[0].parts:
        if told.labels is not None and len(names) == 1:
            return told
        labels = np.array([index[class_of[folder.parts]] for folder in folders], np.int64)
        labels = np.repeat(labels, [len(folder.names) for folder in folders])
        own = {} if told.labels is None else {told.label_name: numbers_or_words(told.labels)}
        return replace(told, labels=labels, columns={**told.columns, **own})
    if told.labels is None or not {*told.labels.tolist()} <= index.keys():
        return None
    return replace(told, labels=np.array([index[name] for name in told.labels.tolist()], np.int64))


def _without_strays(folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out images beside class folders."""
    inner = [folder for folder in folders if folder.parts]
    for folder in folders:
        if inner and not folder.parts:
            kind = "images that lie beside the class folders"
            first = folder.path(folder.names[0])
            report.leave_out(kind, first, len(folder.names))
    return inner or folders


def _of_each_split(
    tree: Tree,
    role: str,
    files: Names,
    told: TableColumns,
    reading: Reading,
    report: Report,
    *,
    is_whole: bool,
) -> dict[str, Unclassified]:
    """Return the images of a split or, of a whole set, of all splits that a table or names give."""
    pages = None if reading.first_page else count_all_pages(tree, files, report)
    split = None
    if is_whole:
        split = splits_in_names(files, report) if told.roles is None else told.roles
    if split is None:
        return {role: _part(tree, files, told, pages, np.arange(len(files)))}
    found = {}
    for one in np.unique(split).tolist():
        rows = np.flatnonzero(split == one)
        if one:
            found[one] = _part(tree, files, told, pages, rows)
        else:
            report.leave_out("images of no split", files[int(rows[0])], len(rows))
    return found


def _part(
    tree: Tree, files: Names, told: TableColumns, pages: np.ndarray | None, rows: np.ndarray
) -> Unclassified:
    """Return the images in some of the files, one per page, with their labels and columns."""
    repeats = None if pages is None else pages[rows]
    rows_of_images = rows if repeats is None else np.repeat(rows, repeats)
    chosen = files if len(rows) == len(files) else Names(files[int(row)] for row in rows)
    return Unclassified(
        Pictures(tree, chosen, repeats),
        None if told.labels is None else told.labels[rows_of_images],
        {name: values[rows_of_images] for name, values in told.columns.items()},
        told.label_name,
    )
