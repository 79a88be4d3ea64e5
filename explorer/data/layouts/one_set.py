"""Which of several data files belong to one set, by their names, and of which split each is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from explorer.data.files.tree import Tree
from explorer.data.report import Report
from explorer.data.roles import PART_WORDS, TRAIN, read_name, words_of
from explorer.errors import DatasetError

_SAY_NOTHING = frozenset(("of", *PART_WORDS.split("|")))
"""Words in the names of parts of one set, beside numbers and hashes."""


def files_by_split(
    tree: Tree, names: Sequence[str], pick: str | None, report: Report
) -> dict[str, list[str]]:
    """The files of a set by their split; those without one are of training images.

    Where one set has training images by its files' names, others are left out, as are files of
    no split beside them, and copies.

    Args:
        tree: all files.
        names: of the files that hold images.
        pick: a word that names one of several sets.
        report: of what is left out.

    Raises:
        DatasetError: there are several sets, or none of which a name has that word.
    """
    sets: dict[tuple[str, ...], list[str]] = {}
    for name in without_copies(tree, names, report):
        sets.setdefault(_set_of(name), []).append(name)
    chosen = _choose(tree, sets, pick)
    for words, files in sets.items():
        if words != chosen:
            report.leave_out("files of another set by their name", files[0], len(files))
    by_role: dict[str | None, list[str]] = {}
    for name in sets[chosen]:
        by_role.setdefault(read_name(name).role, []).append(name)
    others = by_role.pop(None, [])
    if TRAIN not in by_role:
        by_role[TRAIN] = others
    elif others:
        report.leave_out("files of no split by their name", others[0], len(others))
    return {str(role): files for role, files in by_role.items() if files}


def _set_of(name: str) -> tuple[str, ...]:
    """The words of a file's path that name its set: all but the split, numbers and hashes."""
    words = read_name(name.rpartition(".")[0]).rest
    return tuple(w for w in words if w.isalpha() and w not in _SAY_NOTHING)


def _choose(
    tree: Tree, sets: Mapping[tuple[str, ...], Sequence[str]], pick: str | None
) -> tuple[str, ...]:
    if pick is not None:
        found = [words for words in sets if pick in words]
        if len(found) != 1:
            raise DatasetError(
                f"{tree.path} holds {len(found) or 'no'} sets called {pick}; its files are "
                f"{_list(sets)}."
            )
        return found[0]
    split = [words for words in sets if any(read_name(n).role == TRAIN for n in sets[words])]
    candidates = split or [*sets]
    if len(candidates) > 1:
        raise DatasetError(
            f"{tree.path} holds several sets by the names of its files: {_list(sets)}; give the "
            "path of one file, or a folder with those of one set."
        )
    return candidates[0]


def _list(sets: Mapping[tuple[str, ...], Sequence[str]]) -> str:
    return ", ".join(files[0] for files in [*sets.values()][:6]) + " …" * (len(sets) > 6)


def without_copies(tree: Tree, names: Sequence[str], report: Report) -> list[str]:
    """Leave out files that lie twice in a set that was unpacked twice.

    Their names are the same, or differ in what stands between words, and so do their bytes.
    """
    by_name: dict[str, list[str]] = {}
    for name in names:
        by_name.setdefault("".join(words_of(name.rpartition("/")[2])), []).append(name)
    copies: set[str] = set()
    for alike in by_name.values():
        seen: set[bytes] = set()
        for name in alike if len(alike) > 1 else ():
            with tree.open(name) as file:
                digest = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
            if digest in seen:
                copies.add(name)
                report.leave_out("copies of files", name)
            seen.add(digest)
    return [name for name in names if name not in copies]
