"""Name the classes by folders, unless these only hold a part of a set, a patient or one image."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from explorer.data.files.kinds import stem_of
from explorer.data.files.tree import Parts, Tree
from explorer.data.layouts.folder import Folder, around_images
from explorer.data.layouts.folder_rows import gives_classes_of
from explorer.data.layouts.labels import label_title
from explorer.data.layouts.table import Table
from explorer.data.layouts.tables import tells_of
from explorer.data.reading import FOLDER, Reading
from explorer.data.report import Report
from explorer.data.roles import PART_WORDS, TEST, read_name
from explorer.errors import DatasetError

_PART = re.compile(rf"(.*(?:{PART_WORDS}|images)[ _-]?)\d+", re.IGNORECASE)
"""The name of a folder that holds a part of a set."""
_HASH = re.compile(r"(?=.*[a-f])[0-9a-f]{16,}")
_MOST_DIGITS = 3
"""Most digits of a hash in the name of a folder."""


def without_other_folders(
    by_role: dict[str, list[Folder]], tables: Sequence[Table], files: Sequence[str], report: Report
) -> dict[str, list[Folder]]:
    """Join the folders of each split if they are no classes."""
    why = _why_no_classes([f for found in by_role.values() for f in found], tables, files)
    if why is None:
        return by_role
    report.note(why)
    return {
        role: [replace(folder, parts=()) for folder in found] for role, found in by_role.items()
    }


def _why_no_classes(
    folders: Sequence[Folder], tables: Sequence[Table], files: Sequence[str]
) -> str | None:
    """Return a sentence on folders that are no classes; None if they may be.

    They are none if they are named after the first digits of their files' hashes or after the one
    image in each, if a table gives them labels, if they hold 1000 images each, or if they are
    numbered beside a table of labels.
    """
    if all(map(_is_of_hashes, folders)):
        return "the folders are named after the first digits of their files, and say no class"
    if all(map(_is_of_its_image, folders)):
        return "the folders are named after the one image in each, and say no class"
    every = [around_images(folder.parts) for folder in folders]
    tops = sorted({parts[0] for parts in every if parts})
    if giving := next((table.name for table in tables if gives_classes_of(table, tops)), None):
        return f"the folders {tops[0]}, {tops[1]}, … are no classes, as {giving} gives labels"
    if len(tops) < 2 or any(len(parts) != 1 for parts in every):
        return None
    are_numbered = all(re.fullmatch(r"\d{4,}", top) for top in tops)
    start, *others = {match and match[1] for match in map(_PART.fullmatch, tops)}
    if (are_numbered or (start and not others)) and any(
        label_title(table.columns) and tells_of(table, files) for table in tables
    ):
        why = "as a table gives the labels"
    elif are_numbered and all(int(top) % 1000 == 0 for top in tops):
        why = "as their names count thousands"
    else:
        return None
    return f"the folders {tops[0]}, {tops[1]}, … are taken as parts of one set, {why}"


def classes_of_folders(
    tree: Tree, folders: Sequence[Folder], reading: Reading, report: Report
) -> tuple[dict[Parts, str], tuple[str, ...]]:
    """Return the class of each folder by its parts, and the names of all classes.

    Raises:
        DatasetError: no folder goes as deep as the user asked for, or none is a class.
    """
    class_of = {
        folder.parts: unicodedata.normalize("NFC", "/".join(_parts_of_class(folder.parts, reading)))
        for folder in folders
        if folder.parts
    }
    names = tuple(sorted({*class_of.values()}))
    if reading.label != FOLDER:
        _check_levels(tree, [*class_of], len(names), reading.class_level, report)
    elif not names:
        raise DatasetError(
            f"{tree.path} holds no folders that --label {FOLDER} could take as the classes; "
            "leave it out."
        )
    return class_of, names


def _parts_of_class(parts: Parts, reading: Reading) -> Parts:
    if reading.label == FOLDER:
        return around_images(parts)[-1:]
    return parts[: reading.class_level]


def _check_levels(
    tree: Tree, places: Sequence[Parts], classes: int, level: int, report: Report
) -> None:
    """Report folders below those that name classes, and folders that do not go that deep.

    Raises:
        DatasetError: none goes as deep as the user asked for.
    """
    deepest = max(map(len, places), default=0)
    if 1 < level > deepest:
        raise DatasetError(
            f"--class-level {level} names classes by {level} levels of folders, but those in "
            f"{tree.path} go only {deepest} deep; give --class-level {max(1, deepest)}."
        )
    if shallow := sorted("/".join(parts) for parts in places if len(parts) < level):
        report.note(
            f"folders with images that are less than {level} deep, such as {shallow[0]}, are "
            f"classes of their own: {len(shallow):,}"
        )
    if classes < 2:
        return
    inner = {deeper: {parts[:deeper] for parts in places} for deeper in range(level, deepest + 1)}
    most = max(inner, key=lambda deeper: len(inner[deeper]))
    below = {parts[level:] for parts in inner[most]} - {()}
    innermost = {around_images(parts)[-1] for parts in places}
    if len(inner[most]) > classes:
        repeat = len(innermost) < len(inner[most])
        by_name = f", --label {FOLDER} their {len(innermost):,} names" if repeat else ""
        report.note(
            f"classes are the {classes:,} folders of level {level}; --class-level {most} takes "
            f"the {len(inner[most]):,} of level {most}{by_name}"
        )
    if any(read_name(part).role == TEST for parts in below for part in parts):
        report.note(
            "folders that are called as splits are lie within the classes: a path to the folder "
            "around them reads the splits"
        )
    elif len(inner[most]) == classes * len(below) and len(below) > 1:
        report.note(
            f"all classes hold folders of the same names, such as {'/'.join(min(below))}: if they "
            "are versions of the same images, give the path of one version"
        )


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
