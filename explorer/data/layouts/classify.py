"""Combine the labels and columns of all splits into classes, class indices and numeric columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from explorer.data.files.tree import title_of
from explorer.data.layouts.labels import (
    as_words,
    can_be_classes,
    index_classes,
    label_title,
    plain,
)
from explorer.data.layouts.splits import may_split, take_splits
from explorer.data.report import MOST_LISTED, Report, some
from explorer.data.roles import TRAIN
from explorer.data.sources.arrays import Images
from explorer.data.sources.source import Chosen, Layout, Part, Source
from explorer.errors import DatasetError

NOT_LABELLED = "not labelled"
"""The class of images without a label, where others have one."""
MOST_WORDS = 256
"""A column with more distinct words names images rather than kinds of images, and is not kept."""


@dataclass(frozen=True)
class Unclassified(Chosen):
    """A split before the classes of all splits are combined.

    Attributes:
        labels: plain labels, ``(n,)``; None if there are none.
        columns: plain columns, ``(n,)`` each.
        label_name: the name of the labels in the files.
    """

    labels: np.ndarray | None
    columns: Mapping[str, np.ndarray]
    label_name: str = "label"

    def chosen(self, indices: np.ndarray) -> Unclassified:
        """Return only the images at these indices."""
        return replace(
            self,
            rows=indices if self.rows is None else self.rows[indices],
            labels=None if self.labels is None else self.labels[indices],
            columns={name: values[indices] for name, values in self.columns.items()},
        )


def classify(
    path: Path,
    origin: str,
    found: Mapping[str, Unclassified],
    report: Report,
    *,
    label: str | None = None,
    names: Sequence[str] | None = None,
) -> Layout:
    """Combine the classes of all splits.

    Args:
        path: the file or folder, named in messages.
        origin: a description of the kind of files.
        found: the splits by their role.
        label: the column to take as classes, if the user chose one.
        names: names of the labels 0, 1, …; by default the labels are their own names.

    Raises:
        DatasetError: there is no such column, too few images, or arrays differ in shape.
    """
    _check_shapes(path, found)
    found, names = _without_gaps(found, names, report)
    found = _without_unlabelled_tests(found, report)
    if label is not None:
        chosen = {role: _with_label(path, part, label) for role, part in found.items()}
        if any(label in part.columns for part in found.values()):  # else these are the labels
            found, names = _without_gaps(chosen, None, report)
    parts = list(found.values())
    if min(map(len, parts)) < 1 or sum(map(len, parts)) < 2:
        raise DatasetError(f"{path} must hold at least two images, and one in each split.")
    columns = [dict(part.columns) for part in parts]
    known = [part.labels for part in parts if part.labels is not None]
    if 0 < len(known) < len(parts):
        if len(found) == 2:
            raise DatasetError(f"{path} has labels for one split only; give both, or none.")
        report.note("the labels are not used, as only some splits have any")
        known = []
    if known and not can_be_classes(known):
        report.note("the labels are fractions: they are a column, and all images are one class")
        for kept, values in zip(columns, known, strict=True):
            kept["label"] = values
        known = []
    if known:
        classes, indices = index_classes(known, names)
        _note_doubtful_classes(classes, dict(zip(found, indices, strict=True)), report)
    else:
        classes = (title_of(path),)  # of images without labels
        indices = [np.zeros(len(part), np.int64) for part in parts]
    numbers = _as_numbers(columns, report)
    if label is None:
        differ = [{name for name in part if len(np.unique(part[name])) > 1} for part in columns]
        others = [name for name in columns[0] if any(name in found for found in differ)]
        if others:
            report.note(f"--label COLUMN takes another column as the classes: {some(others)}")
    return Layout(
        origin,
        classes,
        {
            role: Part(part.source, index, kept, rows=part.rows)
            for (role, part), index, kept in zip(found.items(), indices, numbers, strict=True)
        },
    )


def _check_shapes(path: Path, found: Mapping[str, Unclassified]) -> None:
    """Raise DatasetError if arrays, whose images are numbers, differ in shape between splits."""
    sources = (part.source for part in found.values())
    shapes = {source.image_shape for source in sources if isinstance(source, Images)}
    if len(shapes) > 1:
        raise DatasetError(
            f"The training and test images in {path} differ in shape: "
            f"{', '.join(map(str, sorted(shapes)))}; give them one, or save them as picture files."
        )


def _without_unlabelled_tests(
    found: Mapping[str, Unclassified], report: Report
) -> Mapping[str, Unclassified]:
    """Leave out splits without labels if the training images have labels, as in contests."""
    if TRAIN not in found or found[TRAIN].labels is None:
        return found
    kept = {role: part for role, part in found.items() if part.labels is not None}
    for role in found.keys() - kept.keys():
        part = found[role]
        first = part.name(0) if len(part) else role
        report.leave_out(f"{role} images without labels", first, len(part))
    return kept


def _without_gaps(
    found: Mapping[str, Unclassified], names: Sequence[str] | None, report: Report
) -> tuple[dict[str, Unclassified], Sequence[str] | None]:
    """Give images without a label a class of their own; drop a split's labels if all are missing.

    Missing are empty words and NaN, also as a word. −1 is missing as well if a whole split has it
    or if labels have names, as Hugging Face marks it. The class is added to the end of the names.
    """
    count, filled = 0, {}
    for role, part in found.items():
        labels = part.labels
        if labels is not None:
            is_missing = _are_missing(labels, has_names=names is not None)
            if is_missing.all():
                labels = None
            elif is_missing.any() and not _are_fractions(labels):
                labels = _fill(labels, is_missing, names)
                count += int(is_missing.sum())
        filled[role] = replace(part, labels=labels)
    if count:
        report.note(
            f"{count:,} image{'s have' if count > 1 else ' has'} no label: class '{NOT_LABELLED}'"
        )
        names = None if names is None else (*names, NOT_LABELLED)
    return filled, names


def _are_missing(labels: np.ndarray, *, has_names: bool) -> np.ndarray:
    if labels.dtype.kind == "U":
        return np.asarray(np.isin(np.char.lower(labels), ("", "nan")))
    is_missing = np.isnan(labels)
    if has_names or (labels == -1).all():
        is_missing |= labels == -1
    return np.asarray(is_missing)


def _fill(labels: np.ndarray, is_missing: np.ndarray, names: Sequence[str] | None) -> np.ndarray:
    """Return the labels with that of ``NOT_LABELLED`` in place of missing ones."""
    if names is None or labels.dtype.kind == "U":
        return np.where(is_missing, NOT_LABELLED, as_words(labels))
    return np.where(is_missing, len(names), labels).astype(np.int64)


def _are_fractions(labels: np.ndarray) -> bool:
    return labels.dtype.kind == "f" and bool(np.any(np.mod(labels[~np.isnan(labels)], 1)))


def _note_doubtful_classes(
    classes: Sequence[str], indices: Mapping[str, np.ndarray], report: Report
) -> None:
    """Report classes that may be one in two spellings, or that have no training images."""
    by_spelling: dict[str, list[str]] = {}
    for name in classes:
        if len(name) > 1:  # "a" and "A" may be classes of letters
            by_spelling.setdefault(name.casefold(), []).append(name)
    if twins := [name for names in by_spelling.values() if len(names) > 1 for name in names]:
        report.note(f"the classes {some(twins)} differ only in capital letters")
    if len(indices) > 1 and TRAIN in indices:
        others = np.concatenate([index for role, index in indices.items() if role != TRAIN])
        if (unknown := np.setdiff1d(others, indices[TRAIN])).size:
            names = [classes[index] for index in unknown]
            report.note(f"there are no training images of the classes {some(names)}")


def _with_label(path: Path, part: Unclassified, label: str) -> Unclassified:
    """Return the split with this column as its labels, and its former labels as a column.

    Raises:
        DatasetError: there is no such column.
    """
    columns = dict(part.columns)
    if label not in columns:
        if part.labels is not None and label in ("label", part.label_name):
            return part
        there = ", ".join(columns) or "none"
        now = f", and {part.label_name!r} is the class already" if part.labels is not None else ""
        raise DatasetError(f"{path} has no column {label!r}; its columns are: {there}{now}.")
    values = columns.pop(label)
    if part.labels is not None:
        columns.setdefault(part.label_name, part.labels)
    labels = values if values.dtype.kind == "i" else as_words(values)
    return replace(part, labels=labels, columns=columns, label_name=label)


def _as_numbers(
    columns: Sequence[Mapping[str, np.ndarray]], report: Report
) -> list[dict[str, np.ndarray]]:
    """Return the columns that all splits have and that are not constant, as float64.

    Words become numbers in alphabetical order, and the column's name says what these mean.
    """
    kept: list[dict[str, np.ndarray]] = [{} for _ in columns]
    for name in dict.fromkeys(name for part in columns for name in part):
        if not all(name in part for part in columns):
            report.leave_out("columns that only some splits have", name)
            continue
        parts = [part[name] for part in columns]
        have_words = any(part.dtype.kind == "U" for part in parts)
        values = np.concatenate([part.astype(str) for part in parts] if have_words else parts)
        if have_words:
            known = np.setdiff1d(values, [""])
            if len(known) > min(MOST_WORDS, max(2, len(values) // 2)):
                report.leave_out("columns with a different word for nearly every image", name)
                continue
            values = np.where(values == "", np.nan, np.searchsorted(known, values))
            name = f"{name} ({_spell_out(known)})"
        numbers = np.where(np.isfinite(values), values, np.nan)
        if len(np.unique(numbers)) > 1:
            ends = np.cumsum([*map(len, parts)])
            for part, column in zip(kept, np.split(numbers, ends[:-1]), strict=True):
                part[name] = column
    return kept


def _spell_out(words: np.ndarray) -> str:
    """Say what the numbers of words mean: for all words if they are few, else first and last."""
    if len(words) <= MOST_LISTED:
        return ", ".join(f"{number} {word}" for number, word in enumerate(words))
    return f"0 {words[0]} to {len(words) - 1} {words[-1]}, by the alphabet"


def with_columns(
    source: Source, tables: Sequence[Mapping[str, np.ndarray]], asked: str | None, report: Report
) -> Unclassified:
    """Return the images of a split with the columns that all of its files have.

    Args:
        source: the images.
        tables: the columns of each file.
        asked: the title of the class column, if the user chose one.
    """
    joined = {}
    for title in dict.fromkeys(title for table in tables for title in table):
        if all(title in table for table in tables):
            joined[title] = plain(np.concatenate([table[title] for table in tables]), title)
        else:
            report.leave_out("columns that only some files have", title)
    label = asked if asked in joined else label_title(joined)
    labels = None if label is None else joined.pop(label)
    return Unclassified(source, labels, joined, label or "label")


def split_by_column(
    found: Mapping[str, Unclassified], report: Report
) -> Mapping[str, Unclassified]:
    """Divide the images by a column such as ``Usage`` or ``is_train``, if they are of one split."""
    if len(found) > 1:
        return found
    (whole,) = found.values()
    cells = {title: as_words(values) for title, values in whole.columns.items() if may_split(title)}
    others = whole.columns.keys() - cells.keys()
    roles = take_splits(cells, report)  # which removes the columns that it takes
    if roles is None:
        return found
    left = others | cells.keys()
    kept = {name: values for name, values in whole.columns.items() if name in left}
    rest = replace(whole, columns=kept)
    rows = {str(one): np.flatnonzero(roles == one) for one in dict.fromkeys(roles)}
    if (unknown := rows.pop("", None)) is not None:
        report.leave_out("images of no split", whole.name(int(unknown[0])), len(unknown))
    return {one: rest.chosen(indices) for one, indices in rows.items()}
