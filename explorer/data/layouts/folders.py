"""Find the splits and classes of image files in folders and archives.

Pixels are read only on demand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from explorer.core.subsets import evenly_spaced
from explorer.data.files.kinds import kind_of_file, stem_of, suffix_of
from explorer.data.files.names import Names
from explorer.data.files.tree import Parts, Tree, paths
from explorer.data.layouts.beside_images import read_beside_images
from explorer.data.layouts.classify import Unclassified, classify
from explorer.data.layouts.copies import (
    without_copied_folders,
    without_variants,
    without_versions,
)
from explorer.data.layouts.folder import Folder, around_images
from explorer.data.layouts.folder_rows import gives_classes_of, spread_over_folders
from explorer.data.layouts.labels import label_title, numbers_or_words
from explorer.data.layouts.lists import lists_images
from explorer.data.layouts.masks import without_mask_files, without_masks
from explorer.data.layouts.table import Table, role_of_table
from explorer.data.layouts.table_files import (
    is_array_of_labels,
    is_table,
    read_tables,
    split_by_tables,
)
from explorer.data.layouts.tables import (
    TableColumns,
    interpret,
    match_rows,
    tell_unused_rows,
    tells_of,
)
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.reading import FILE_NAME, FOLDER, Reading
from explorer.data.report import Report, some
from explorer.data.roles import (
    MASKS,
    PART_WORDS,
    TEST,
    TRAIN,
    UNLABELLED,
    VALIDATION,
    read_name,
    words_of,
)
from explorer.data.sources.pictures import Pictures, count_all_pages
from explorer.data.sources.source import Layout
from explorer.errors import DatasetError

_FEW = 50
"""Most text files that are inspected; if there are more, each may belong to one image."""
_PART = re.compile(rf"(.*(?:{PART_WORDS}|images)[ _-]?)\d+", re.IGNORECASE)
"""The name of a folder that holds a part of a set."""
_FOLD = re.compile(r"k?fold[ _-]?\d+", re.IGNORECASE)
_HASH = re.compile(r"(?=.*[a-f])[0-9a-f]{16,}")
_MOST_DIGITS = 3
"""Most digits of a hash in the name of a folder."""
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
        folders = _unwrap(without_masks(tree, folders, report))
        has_classes = bool(listed or tables) or any(folder.parts[1:] for folder in folders)
        are_folds = has_classes and reading.class_level == 1
        return _without_folds(folders, report) if are_folds else folders

    by_role = _split(inner(folders), roles, report)
    by_role = {role: inner(found) for role, found in by_role.items()}
    places = [folder.place for found in by_role.values() for folder in found]
    read = {name for table in tables for name in table.files}
    tables += read_tables(tree, [name for name in listed if name not in read], places, report)
    images = _files_in([folder for found in by_role.values() for folder in found])
    spread_over_folders(tables, images, report)
    if len(by_role) == 1:
        split_by_tables(tables)
    if reading.label != FOLDER:
        by_role = _without_shards(by_role, tables, files, report)
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


def _unwrap(folders: list[Folder]) -> list[Folder]:
    """Skip outer folders that hold nothing but one folder of folders, or hold all images."""
    while len({folder.parts[:1] for folder in folders}) == 1 and all(f.parts for f in folders):
        name = read_name(folders[0].parts[0])
        says_nothing = name.is_images or (name.role is not None and not name.rest)
        if not says_nothing and any(len(folder.parts) < 2 for folder in folders):
            break
        folders = [folder.below() for folder in folders]
    return folders


def _without_folds(folders: list[Folder], report: Report) -> list[Folder]:
    """Join the folds of a cross-validation, ``fold1``, ``fold2``, …; keep one if each is split."""
    folds = [folder.parts[0] if folder.parts else "" for folder in folders]
    if len({*folds}) < 2 or not all(map(_FOLD.fullmatch, folds)):
        return folders
    inner = [folder.below() for folder in folders]
    if any(folder.parts and read_name(folder.parts[0]).role for folder in inner):
        for fold, folder in zip(folds, folders, strict=True):
            if fold != folds[0]:
                report.leave_out("images of further folds", str(folder), len(folder.names))
        return _unwrap([f for fold, f in zip(folds, folders, strict=True) if fold == folds[0]])
    report.note(f"the folders {folds[0]} … {folds[-1]} are folds, neither splits nor classes")
    return inner


def _split(
    folders: list[Folder], listed: set[str | None], report: Report
) -> dict[str, list[Folder]]:
    """Sort folders by split, if their first or second level names it.

    Args:
        folders: the folders with images.
        listed: splits that have tables, so that folders named after them are not classes.
    """
    tops = {folder.parts[0] for folder in folders if folder.parts}
    roles = {top: read_name(top).role for top in tops}
    if "background" in roles and not any("evaluation" in words_of(top) for top in tops):
        roles["background"] = None  # a class, where it is not Omniglot's split
    masks = {top for top in tops if roles[top] is None and read_name(top).is_masks}
    if not {TRAIN} < {*roles.values()} - {None, UNLABELLED}:
        return _split_below(folders) or _as_classes(folders, roles, report)
    others = {top for top in tops if roles[top] is None} - masks
    rests: dict[str | None, set[tuple[str, ...]]] = {}
    for top in tops:
        rests.setdefault(roles[top], set()).add(read_name(top).rest)
    shared = set.intersection(*(rests[r] for r in (TRAIN, TEST, VALIDATION) if r in rests))
    say_more = all(  # as test_tube and train_car
        any(word.isalpha() and len(word) > 1 for word in read_name(top).rest)  # no version
        for top in tops
        if roles[top] is not None
    )
    say_the_same = any(shared)  # as bounding_box_train and bounding_box_test
    are_doubtful = (bool(others) and not say_the_same) or (say_more and not shared)
    if are_doubtful and not ({TRAIN, TEST} <= listed or _share_classes(folders, roles)):
        return _as_classes(folders, roles, report)
    single = {folder.parts[0] for folder in folders if folder.parts[:1] != folder.parts[1:2]}
    found: dict[str, list[Folder]] = {}
    for folder in folders:
        top = folder.parts[0] if folder.parts else ""
        role, rest = roles.get(top), read_name(top).rest
        if role is None or role == UNLABELLED:
            kind = MASKS if top in masks else "images beside the folders of the splits"
            report.leave_out(kind, str(folder), len(folder.names))
        elif shared and rest not in shared:
            report.leave_out(f"images of another {role} folder", str(folder), len(folder.names))
        else:
            if top not in single:  # unpacked into a folder of its own name
                folder = folder.below()
            inner = ["_".join(rest) or "others"] * (len(shared) > 1)
            found.setdefault(role, []).append(folder.below(*inner))
    return found


def _split_below(folders: list[Folder]) -> dict[str, list[Folder]] | None:
    """Sort by the second level where each class has its own ``train`` and ``test``."""
    found: dict[str, list[Folder]] = {}
    for folder in folders:
        role = read_name(folder.parts[1]).role if len(folder.parts) > 1 else None
        if role is None:
            return None
        parts = (folder.parts[0], *folder.parts[2:])
        found.setdefault(role, []).append(replace(folder, parts=parts))
    return found if TRAIN in found and len(found) > 1 else None


def _as_classes(
    folders: list[Folder], roles: dict[str, str | None], report: Report
) -> dict[str, list[Folder]]:
    if named := sorted(top for top, role in roles.items() if role is not None and len(roles) > 1):
        if len(named) < len(roles):
            why = "others lie beside them"
        elif len({*roles.values()}) > 1 and TRAIN in roles.values():
            why = "their other words differ"
        else:
            why = "one is missing"
        report.note(
            f"the folders {', '.join(named)} are named like splits, but were taken as classes: "
            f"{why}"
        )
    return {TRAIN: folders}


def _without_shards(
    by_role: dict[str, list[Folder]], tables: Sequence[Table], files: Sequence[str], report: Report
) -> dict[str, list[Folder]]:
    """Join folders that are no classes: a table gives them labels, or they only limit folder size.

    The latter hold 1000 images each, are numbered beside a table of labels, or are named after the
    first digits of their files' hashes.
    """
    if all(_is_of_hashes(folder) for folders in by_role.values() for folder in folders):
        report.note("the folders are named after the first digits of their files, and say no class")
        return _joined(by_role)
    every = [around_images(folder.parts) for folders in by_role.values() for folder in folders]
    if all(map(_is_of_its_image, (f for folders in by_role.values() for f in folders))):
        report.note("the folders are named after the one image in each, and say no class")
        return _joined(by_role)
    tops = sorted({parts[0] for parts in every if parts})
    giving = next((table.name for table in tables if gives_classes_of(table, tops)), None)
    if giving is not None:
        report.note(f"the folders {tops[0]}, {tops[1]}, … are no classes, as {giving} gives labels")
        return _joined(by_role)
    is_numbered = len(tops) > 1 and all(re.fullmatch(r"\d{4,}", top) for top in tops)
    is_counted = is_numbered and all(int(top) % 1000 == 0 for top in tops)
    parts = [_PART.fullmatch(top) for top in tops]
    are_parts = len(tops) > 1 and all(parts) and len({part[1] for part in parts if part}) == 1
    is_labelled = (is_numbered or are_parts) and any(
        label_title(table.columns) and tells_of(table, files) for table in tables
    )
    if not ((is_counted or is_labelled) and all(len(parts) == 1 for parts in every)):
        return by_role
    why = "as a table gives the labels" if is_labelled else "as their names count thousands"
    report.note(f"the folders {tops[0]}, {tops[1]}, … are taken as parts of one set, {why}")
    return _joined(by_role)


def _files_in(folders: Sequence[Folder]) -> Names:
    return Names(path for folder in folders for path in paths(folder.place, folder.names))


def _joined(by_role: dict[str, list[Folder]]) -> dict[str, list[Folder]]:
    return {
        role: [replace(folder, parts=()) for folder in folders] for role, folders in by_role.items()
    }


def _is_of_hashes(folder: Folder) -> bool:
    """Whether a folder's name begins the names of its files, as in ``ab/cd/abcd….png``."""
    digits = "".join(folder.parts).lower()
    stems = (stem_of(name).lower() for name in folder.names)
    return 0 < max(map(len, folder.parts), default=0) <= _MOST_DIGITS and all(
        _HASH.fullmatch(stem) and stem.startswith(digits) for stem in stems
    )


def _is_of_its_image(folder: Folder) -> bool:
    """Whether a folder holds one image and has its name."""
    parts = around_images(folder.parts)
    return parts[-1:] == (stem_of(folder.names[0]),) and len(folder.names) == 1


def _share_classes(folders: list[Folder], roles: dict[str, str | None]) -> bool:
    """Whether training and test folders hold class folders of the same names."""
    inside: dict[str | None, set[str]] = {}
    for folder in folders:
        if len(folder.parts) > 1:
            inside.setdefault(roles[folder.parts[0]], set()).add(folder.parts[1])
    train = inside.pop(TRAIN, set())
    inside.pop(None, None)
    return any(2 * len(train & other) >= len(other) for other in inside.values())


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
    class_of = {
        folder.parts: unicodedata.normalize("NFC", "/".join(_parts_of_class(folder.parts, reading)))
        for folders in by_role.values()
        for folder in folders
        if folder.parts
    }
    names = tuple(sorted({*class_of.values()}))
    _check_levels(tree, class_of, names, reading, report)
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
            told = _with_file_names(told, files, reading, report, has_lists=has_lists)
        if names:
            numbered = _with_folders(told, folders, class_of, names)
            if numbered is None:
                kind = f"{role} images that are in no class folders"
                report.leave_out(kind, str(folders[0]), len(files))
                continue
            told = numbered
        pages = None if reading.first_page else count_all_pages(tree, files, report)
        roles = {role: np.arange(len(files))}
        if len(by_role) == 1:
            split = _splits_in_names(files, report) if told.roles is None else told.roles
            if split is not None:
                roles = {str(one): np.flatnonzero(split == one) for one in np.unique(split)}
        for part, rows in roles.items():
            if part:
                found[part] = _part(tree, files, told, pages, rows)
            else:
                report.leave_out("images of no split", files[int(rows[0])], len(rows))
    return found, names


def _parts_of_class(parts: Parts, reading: Reading) -> Parts:
    if reading.label == FOLDER:
        return around_images(parts)[-1:]
    return parts[: reading.class_level]


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


def _with_file_names(
    told: TableColumns, files: Names, reading: Reading, report: Report, *, has_lists: bool
) -> TableColumns:
    """Take classes from names such as ``cat.12.jpg`` if the user asks for it or a column agrees.

    If only the names suggest classes, this is reported.

    Args:
        told: information from tables.
        files: the images.
        reading: the user's options.
        has_lists: whether there are files that give names to numbered classes.
    """
    if reading.label == FILE_NAME:
        prefixes = np.array([_before_number(name) for name in files])
        return replace(told, labels=prefixes if prefixes.any() else None)
    sample = evenly_spaced(len(files), 1000)
    known = sorted({_before_number(files[i]) for i in sample})
    if not (all(known) and 2 <= len(known) <= len(sample) // 2):
        return told
    prefixes = np.array([_before_number(name) for name in files])
    are_words = all(word[0].isalpha() for word in known)  # and not a patient's number
    columns = told.columns
    if told.labels is not None:
        is_number = numbers_or_words(told.labels).dtype.kind == "f"
        if reading.label is not None or has_lists or not is_number:
            return told
        columns = {told.label_name: told.labels}
    for title, values in columns.items() if are_words else ():
        if _tell_the_same(prefixes, values):
            report.note(f"the files' names give the classes, as the column {title} does")
            return replace(told, labels=prefixes)
    if told.labels is None:
        report.note(
            f"the files' names begin with {some(known)}: --label {FILE_NAME} takes these as the "
            "classes"
        )
    return told


def _splits_in_names(files: Names, report: Report) -> np.ndarray | None:
    """Return the splits with which all file names begin, as ``train_0001.png`` does; else None."""
    first = (words_of(stem_of(name))[:1] for name in (files[0], files[-1]))
    if any(read_name("".join(words)).role is None for words in first):
        return None  # the usual case
    begins = [next(iter(words_of(stem_of(name))), "") for name in files]
    role_of = {word: read_name(word).role for word in {*begins}}
    if None in role_of.values() or not {TRAIN} < {*role_of.values()}:
        return None
    report.note(
        f"the splits are taken from the files' names, which begin with {', '.join(sorted(role_of))}"
    )
    return np.array([role_of[word] for word in begins])


def _tell_the_same(words: np.ndarray, values: np.ndarray) -> bool:
    """Whether words and values correspond one to one."""
    known = values == values  # not NaN
    pairs = {*zip(words[known].tolist(), values[known].tolist(), strict=True)}
    return len(pairs) == len(np.unique(words)) == len({value for _, value in pairs})


def _before_number(path: str) -> str:
    """Return what precedes the number in a name: ``"a/cat_012.jpg"`` → ``"cat"``."""
    return re.sub(r"[\W_]*\d+\W*$", "", stem_of(path))


def _check_levels(
    tree: Tree, class_of: dict[Parts, str], names: tuple[str, ...], reading: Reading, report: Report
) -> None:
    """Report folders below those that name classes, and folders that do not go that deep.

    Raises:
        DatasetError: none goes as deep as the user asked for.
    """
    if reading.label == FOLDER:
        if not names:
            raise DatasetError(
                f"{tree.path} holds no folders that --label {FOLDER} could take as the classes; "
                "leave it out."
            )
        return
    level, depths = reading.class_level, [len(parts) for parts in class_of]
    deepest = max(depths, default=0)
    if 1 < level > deepest:
        raise DatasetError(
            f"--class-level {level} names classes by {level} levels of folders, but those in "
            f"{tree.path} go only {deepest} deep; give --class-level {max(1, deepest)}."
        )
    if shallow := sorted("/".join(parts) for parts in class_of if len(parts) < level):
        report.note(
            f"folders with images that are less than {level} deep, such as {shallow[0]}, are "
            f"classes of their own: {len(shallow):,}"
        )
    if len(names) < 2:
        return
    inner = {deeper: {parts[:deeper] for parts in class_of} for deeper in range(level, deepest + 1)}
    most = max(inner, key=lambda deeper: len(inner[deeper]))
    below = {parts[level:] for parts in inner[most]} - {()}
    innermost = {around_images(parts)[-1] for parts in class_of}
    if len(inner[most]) > len(names):
        repeat = len(innermost) < len(inner[most])
        by_name = f", --label {FOLDER} their {len(innermost):,} names" if repeat else ""
        report.note(
            f"classes are the {len(names):,} folders of level {level}; --class-level {most} takes "
            f"the {len(inner[most]):,} of level {most}{by_name}"
        )
    if any(read_name(part).role == TEST for parts in below for part in parts):
        report.note(
            "folders that are called as splits are lie within the classes: a path to the folder "
            "around them reads the splits"
        )
    elif len(inner[most]) == len(names) * len(below) and len(below) > 1:
        report.note(
            f"all classes hold folders of the same names, such as {'/'.join(min(below))}: if they "
            "are versions of the same images, give the path of one version"
        )
