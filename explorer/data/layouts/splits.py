"""Which split the columns of tables tell of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explorer.data.layouts.labels import LABEL_NAMES
from explorer.data.layouts.table import SPLIT_OF_TABLE
from explorer.data.report import Report
from explorer.data.roles import (
    CUB_SPLIT,
    SPLIT_NAMES,
    TEST,
    TRAIN,
    VALIDATION,
    all_name_splits,
    joined_words,
    role_of_value,
)

_NUMBERED = {"0": TRAIN, "1": VALIDATION, "2": TEST}  # as of CelebA and Waterbirds
_OTHERWISE_NUMBERED: dict[str, dict[str, str]] = {
    CUB_SPLIT: {"0": TEST, "1": TRAIN},
    "fold": {},
    "dataset": {},
    "set": {},
    "datasettype": {},
    "phase": {},
}
"""Where numbers are other splits, parts for cross-validation, or where images come from."""
TRUE = frozenset(("1", "1.0", "true"))
FALSE = frozenset(("0", "0.0", "false"))
YES_OR_NO = {"istrain": (TRAIN, TEST), "istraining": (TRAIN, TEST), "istest": (TEST, TRAIN)}
"""Titles of columns of flags that tell splits, and what the flags mean."""


def take_splits(columns: dict[str, np.ndarray], report: Report) -> np.ndarray | None:
    """Take the columns that tell splits out of others, and give the split of each image.

    Args:
        columns: of tables, in the order of the images, ``""`` for images that are not in them.
        report: of guesses.

    Returns:
        ``(n,)`` strings, ``""`` for none; None if no column tells splits.
    """
    roles = _splits_of_tables(columns, report)
    splits = {
        title: (_numbers_of(title, values), found)
        for title, values in columns.items()
        if (found := roles_in(title, values.tolist())) is not None
    }
    for title in sorted(splits, key=lambda title: bool(splits[title][0])):  # words first
        said, found = splits[title]
        if roles is not None:
            del columns[title]
            continue
        if said and _is_doubtful(found):
            report.note(
                f"the column {title} is not taken for splits: {said} would make more images "
                "of another split than training images"
            )
            continue
        if said:
            report.note(f"the column {title} tells the splits: {said}")
        roles = np.array(found)
        del columns[title]
    return roles


def _splits_of_tables(columns: dict[str, np.ndarray], report: Report) -> np.ndarray | None:
    """The split of each image by the tables that are of one, ``""`` where none tells it.

    Where they name training images alone, or none, the images that they do not name are the others.
    """
    cells = columns.pop(SPLIT_OF_TABLE, None)
    if cells is None:
        return None
    told, is_unlisted = {*cells.tolist()} - {""}, cells == ""
    if TRAIN in told and len(told) > 1:
        return cells
    labels = [values for title, values in columns.items() if joined_words(title) in LABEL_NAMES]
    has_labels = any((values != "").any() for values in labels)
    are_labelled = any((values[is_unlisted] != "").any() for values in labels)
    if not is_unlisted.any() or has_labels and not are_labelled:
        return None
    others, kind = (TEST, "test") if told == {TRAIN} else (TRAIN, "training")
    report.note(f"the images that no list of a split names are taken as {kind} images")
    return np.where(is_unlisted, others, cells)


def roles_in(title: str, cells: Sequence[str]) -> list[str] | None:
    """The splits that a column tells, ``""`` where it tells none; None if it is no such column."""
    if meaning := YES_OR_NO.get(joined_words(title)):
        lower = [cell.lower() for cell in cells]
        if not {*lower} <= TRUE | FALSE | {""} or len({*lower} - {""}) < 2:
            return None
        return [cell and meaning[cell in FALSE] for cell in lower]
    if joined_words(title) not in SPLIT_NAMES:
        return None
    numbers = _OTHERWISE_NUMBERED.get(joined_words(title), _NUMBERED)
    if {*cells} - {""} <= {*numbers}:
        cells = [numbers.get(cell, "") for cell in cells]
    is_mostly_known = 2 * sum(cell != "" for cell in cells) >= len(cells)
    if not (is_mostly_known and all_name_splits({*cells} - {""})):
        return None
    return [role_of_value(cell) or "" for cell in cells]


def _numbers_of(title: str, cells: np.ndarray) -> str:
    """What the numbers of a column of splits mean; empty if it has words, or is plain."""
    if joined_words(title) in YES_OR_NO:
        return ""
    numbers = _OTHERWISE_NUMBERED.get(joined_words(title), _NUMBERED)
    known = sorted({*cells.tolist()} - {""})
    return ", ".join(f"{n} is {numbers[n]}" for n in known) if {*known} <= {*numbers} else ""


def _is_doubtful(roles: Sequence[str]) -> bool:
    """Whether the training images would be fewer than those of another split."""
    return any(roles.count(TRAIN) < roles.count(role) for role in {*roles} - {TRAIN, ""})
