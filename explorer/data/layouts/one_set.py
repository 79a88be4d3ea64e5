"""Find by name which of several data files belong to one set, and the split of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from explorer.data.files.tree import Tree
from explorer.data.layouts.copies import without_copied_files
from explorer.data.report import Report, some
from explorer.data.roles import PART_WORDS, TEST, TRAIN, VALIDATION, read_name, words_of
from explorer.errors import DatasetError

_SAY_NOTHING = frozenset(("of", *PART_WORDS.split("|")))
"""Words that do not distinguish sets, as they occur in the names of a set's parts."""
_HASH = re.compile(r"[a-f]{8,}")  # a hash that happens to have no digit
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


def files_by_split(
    tree: Tree, names: Sequence[str], pick: str | None, report: Report
) -> dict[str, list[str]]:
    """Return the files of a set by their split; files of no split hold training images.

    Files belong to one set if their names differ only in splits and numbers. If only one of several
    sets with training images also has test or validation images, that set is read; if several do,
    the sets are ambiguous; if none does, all are read as one set.

    Args:
        names: names of the files that hold images.
        pick: a word that names one of several sets.

    Raises:
        DatasetError: there are several sets, or not exactly one has that word in a name.
    """
    sets: dict[str, dict[str | None, list[str]]] = {}
    for name in without_copied_files(tree, names, report):
        of_role = sets.setdefault(_set_of(name), {})
        of_role.setdefault(read_name(name).role, []).append(name)
    if pick is not None:
        sets = _picked(tree, sets, pick)
    first, *more = read = _with_training_images(tree, sets)
    chosen: dict[str | None, list[str]] = {}
    for name in read:
        for role, files in sets[name].items():
            chosen.setdefault(role, []).extend(files)
    if more:
        report.note(
            f"{_example(sets[first])}, {_example(sets[more[0]])}{' …' * (len(more) > 1)} are read "
            "as one set: a path to one file reads it alone"
        )
    rest = [files for name, files in sets.items() if name not in read]
    for role in (TEST, VALIDATION):  # named otherwise than the training images
        having = [files for files in rest if role in files]
        if role not in chosen and len(having) == 1:
            chosen[role] = having[0].pop(role)
            report.note(f"{chosen[role][0]} is taken for {role} images of {_example(sets[first])}")
    for of_role in rest:
        for files in of_role.values():
            report.leave_out("files of another set by their name", files[0], len(files))
    others = chosen.pop(None, [])
    if TRAIN not in chosen:
        chosen[TRAIN] = others
    elif others:
        report.leave_out("files of no split by their name", others[0], len(others))
    return {str(role): files for role, files in chosen.items() if files}


def _set_of(name: str) -> str:
    """Return the words of a file's name that identify its set, or else those of its folder."""
    stem = _UUID.sub("", name.rpartition(".")[0])
    for part in reversed(stem.split("/")):
        words = (word for word in read_name(part).rest if word.isalpha())
        if said := "".join(w for w in words if w not in _SAY_NOTHING and not _HASH.fullmatch(w)):
            return said
    return ""


def _picked(
    tree: Tree, sets: Mapping[str, dict[str | None, list[str]]], pick: str
) -> dict[str, dict[str | None, list[str]]]:
    """Return the only set whose files have this word in their names."""
    found = {
        name: files
        for name, files in sets.items()
        if pick in words_of(" ".join(file for of_role in files.values() for file in of_role))
    }
    if len(found) != 1:
        raise DatasetError(
            f"{tree.path} holds {len(found) or 'no'} sets called {pick}; its files are "
            f"{some([*map(_example, sets.values())])}."
        )
    return found


def _with_training_images(
    tree: Tree, sets: Mapping[str, Mapping[str | None, Sequence[str]]]
) -> list[str]:
    """Return the names of the sets to read: those with training images, unless they compete.

    Raises:
        DatasetError: several have training images as well as test or validation images.
    """
    trained = [name for name, files in sets.items() if TRAIN in files]
    trained = trained or [name for name, files in sets.items() if None in files] or [*sets]
    whole = [name for name in trained if {TEST, VALIDATION} & {*sets[name]}]
    if len(whole) > 1:
        raise DatasetError(
            f"{tree.path} holds several sets by the names of its files: "
            f"{some([*map(_example, sets.values())])}; give the path of one file, or a folder with "
            "those of one set."
        )
    return whole or trained


def _example(files: Mapping[str | None, Sequence[str]]) -> str:
    """Return the name of one of a set's files, preferably of training images."""
    return (files.get(TRAIN) or next(iter(files.values())))[0]
