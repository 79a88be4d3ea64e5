"""Find classes and splits in the names of image files, such as ``cat.12.jpg``."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from explorer.core.subsets import evenly_spaced
from explorer.data.files.kinds import stem_of
from explorer.data.files.names import Names
from explorer.data.layouts.labels import numbers_or_words
from explorer.data.layouts.tables import TableColumns
from explorer.data.reading import FILE_NAME, Reading
from explorer.data.report import Report, some
from explorer.data.roles import TRAIN, read_name, words_of


def with_file_names(
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


def splits_in_names(files: Names, report: Report) -> np.ndarray | None:
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
