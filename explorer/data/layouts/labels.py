"""Turn labels in their usual forms into class names and class indices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from explorer.data.roles import joined_words
from explorer.errors import DatasetError

LABEL_NAMES = (
    "label", "labels", "class", "classname", "classid", "category", "target", "species", "y",
    "type", "breed", "diagnosis", "dx", "emotion", "digit", "finelabel", "imageclasslabels",
    "choice",
)  # fmt: skip
"""Titles of a column of classes, without separators between words; the plainest first."""
ROW_INDEX = re.compile(r"(unnamed: \d+)?|__index_level_\d+__", re.IGNORECASE)
"""The title of a column that numbers the rows, as pandas writes it."""
MOST_CLASSES = 1_000
"""Largest number of classes that a column beside images may give."""
_NUMBER = re.compile(
    r"|nan|[+-]?(inf|(0|[1-9]\d{0,14})(e[+-]\d+)?|((0|[1-9]\d*)\.\d*|\.\d+)(e[+-]?\d+)?)", re.I
)
"""A cell that is a number, or empty."""

_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")


def label_titles(titles: Iterable[str]) -> list[str]:
    """Return the titles of class columns among these, the plainest first."""
    known = [title for title in titles if joined_words(title) in LABEL_NAMES]
    return sorted(known, key=lambda title: LABEL_NAMES.index(joined_words(title)))


def label_title(titles: Iterable[str]) -> str | None:
    """Return the plainest title of a class column among these; None if there is none."""
    return next(iter(label_titles(titles)), None)


def numbers_or_words(cells: Iterable[str]) -> np.ndarray:
    """Return a column of text as float64, with NaN for empty cells, if all others are numbers.

    ``007``, ``1_000``, ``1e3`` and whole numbers of more than 15 digits are names: as numbers they
    could equal other names.
    """
    texts = [*cells]
    if all(_NUMBER.fullmatch(text.strip()) for text in texts):
        return np.array([float(text) if text.strip() else np.nan for text in texts])
    return np.array(texts, str)


def with_points(texts: Sequence[str]) -> Sequence[str]:
    """Return a column of text with points in place of decimal commas; thousands keep theirs."""
    if all(_THOUSANDS.fullmatch(text) for text in texts if "," in text):
        return texts
    pointed = [text.replace(",", ".") for text in texts]
    return pointed if numbers_or_words(pointed).dtype.kind == "f" else texts


def as_words(values: np.ndarray) -> np.ndarray:
    """Return numbers in their usual notation, ``""`` for NaN; words stay as they are."""
    if values.dtype.kind == "U":
        return values
    return np.array(["" if np.isnan(value) else f"{value:.15g}" for value in values])


def plain(values: np.ndarray, name: str) -> np.ndarray:
    """Simplify the axes and type of labels: ``(n,)`` int64 or strings where possible.

    One-hot rows become the index of their 1; whole floats and flags become integers. Other numbers
    become float64, ``(n,)`` or ``(n, k)``.

    Raises:
        DatasetError: they are neither numbers nor strings.
    """
    if values.dtype.kind == "O":
        values = _strings(values, name)
    if values.ndim > 1 and values.size == len(values):
        values = values.reshape(-1)
    if values.dtype.kind == "S":
        values = np.array([*map(_text, values.reshape(-1))], str).reshape(values.shape)
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind not in "biuf":
        raise DatasetError(
            f"{name} must hold numbers or strings, but holds {values.dtype}; "
            "save it as whole numbers or as strings."
        )
    if values.ndim == 2 and _is_one_hot(values):
        return np.asarray(values.argmax(axis=1), np.int64)
    if values.ndim == 1 and np.isfinite(values).all() and not np.any(np.mod(values, 1)):
        is_large = values.dtype.kind == "u" and values.max(initial=0) > np.iinfo(np.int64).max
        return values.astype(str) if is_large else values.astype(np.int64)
    return values.astype(np.float64)


def can_be_classes(values: Sequence[np.ndarray]) -> bool:
    """Whether the plain labels of all parts can be classes: one per image, no fractions."""
    return all(part.ndim == 1 and part.dtype.kind in "iU" for part in values)


def index_classes(
    values: Sequence[np.ndarray], names: Sequence[str] | None = None
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Turn the plain labels of all parts into class names and int64 class indices.

    Args:
        values: the labels of each part, int64 or strings.
        names: names of the labels 0, 1, …; by default the labels are their own names.
    """
    known = np.unique(np.concatenate(values))
    if names is not None and known.dtype.kind == "i" and known[0] >= 0 and known[-1] < len(names):
        known = np.arange(len(names))
        words = tuple(names)
    else:
        words = tuple(str(value) for value in known)
    return words, [np.searchsorted(known, part).astype(np.int64) for part in values]


def in_natural_order(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Put "class 2" before "class 10" if the classes are in alphabetical order; else keep it."""
    if [*classes] != sorted(classes):
        return classes
    return tuple(sorted(classes, key=natural_order))


def natural_order(name: str) -> str:
    """Return a sort key that puts "class 2" before "class 10"."""
    return re.sub(r"\d+", lambda match: match[0].zfill(20), name)


def _is_one_hot(values: np.ndarray) -> bool:
    """Whether each row has a single 1 among zeros, or among −1."""
    other = -1 if values.min(initial=0) == -1 else 0
    return (
        values.shape[1] > 1
        and bool(np.isin(values, (other, 1)).all())
        and bool(((values == 1).sum(axis=1) == 1).all())
    )


def _text(value: bytes) -> str:
    """Decode as UTF-8, or else as Latin-1, which has a character for every byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _strings(values: np.ndarray, name: str) -> np.ndarray:
    """Return an array of objects, as HDF5 and Parquet give strings, as an array of strings."""
    decoded = [_text(value) if isinstance(value, bytes) else value for value in values.reshape(-1)]
    if not all(isinstance(value, str) for value in decoded):
        raise DatasetError(f"{name} must hold numbers or strings; save it as either.")
    return np.array(decoded, str)
