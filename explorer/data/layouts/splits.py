"""Find the split of each image in the columns of tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explorer.data.layouts.labels import LABEL_NAMES
from explorer.data.layouts.table import SPLIT_OF_TABLE
from explorer.data.report import Report
from explorer.data.roles import (
    CUB_SPLIT,
    FOLDS,
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
    **dict.fromkeys(FOLDS, {}),
    "dataset": {},
    "set": {},
    "subset": {},
    "datasettype": {},
    "phase": {},
}
"""Titles where numbers stand for other splits, cross-validation folds or origins of images."""
TRUE = frozenset(("1", "1.0", "true"))
FALSE = frozenset(("0", "0.0", "false"))
YES_OR_NO = {"istrain": (TRAIN, TEST), "istraining": (TRAIN, TEST), "istest": (TEST, TRAIN)}
"""Titles of columns of flags that give splits, with the splits that true and false stand for."""


def may_split(title: str) -> bool:
    """Whether a column of this title may give splits."""
    return joined_words(title) in YES_OR_NO or joined_words(title) in SPLIT_NAMES


def take_splits(columns: dict[str, np.ndarray], report: Report) -> np.ndarray | None:
    """Remove the columns that give splits, and return the split of each image.

    Args:
        columns: columns of tables, in the order of the images, ``""`` for images not in a table.

    Returns:
        ``(n,)`` strings, ``""`` for images of no split; None if no column gives splits.
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
        others = {*found} - {TRAIN, ""}
        if said and any(found.count(TRAIN) < found.count(role) for role in others):
            report.note(
                f"the column {title} is not taken for splits: {said} would make more images "
                "of another split than training images"
            )
            continue
        if said:
            report.note(f"the splits are taken from the column {title}: {said}")
        roles = np.array(found)
        del columns[title]
    for title, values in columns.items():
        if joined_words(title) in FOLDS and all(map(str.isdigit, {*values.tolist()} - {""})):
            report.note(f"the column {title} gives folds, not splits: it is a column like others")
    return roles


def _splits_of_tables(columns: dict[str, np.ndarray], report: Report) -> np.ndarray | None:
    """Return the split of each image from tables that belong to one split, ``""`` if unknown.

    If they name training images only, the images that they do not name are test images; if they
    name no training images, those are training images.
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
    """Return the splits in a column, ``""`` for none; None if it is not a column of splits."""
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
    """Say what the numbers in a column of splits mean; empty if it has words or flags."""
    if joined_words(title) in YES_OR_NO:
        return ""
    numbers = _OTHERWISE_NUMBERED.get(joined_words(title), _NUMBERED)
    known = sorted({*cells.tolist()} - {""})
    return ", ".join(f"{n} is {numbers[n]}" for n in known) if {*known} <= {*numbers} else ""
