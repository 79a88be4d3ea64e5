"""Join numbered files of arrays, such as ``train_0.npz`` … ``train_9.npz``, into one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from explorer.data.files.stored import Stored
from explorer.data.layouts.named_arrays import IMAGE_WORDS, is_called_labels
from explorer.data.report import Report
from explorer.data.roles import PART_WORDS, counts_up, words_of
from explorer.data.sources.arrays import arrange_images
from explorer.errors import DatasetError

Arrays = Mapping[str, Stored]
"""The arrays of one file, by their names in it."""
_NUMBERED = re.compile(r"(?P<base>.*?)(?P<number>\d+)(?:[-_ ]?of[-_ ]?(?P<total>\d+))?", re.S)
_PART = re.compile(rf"(?:^|(?<=[\W_]))(?:{PART_WORDS}|block)(?=[\W_]*$)", re.I)
"""A word at the end of a name that says that it is a part."""
_LARGEST_OF_ALL = 2**20  # values in an array that each part may repeat, such as class names


@dataclass
class _Parts:
    """Files whose names differ only in the number at the end.

    Attributes:
        names: names of the files, by number.
        total: the number of parts that their names state; 0 if they do not.
        are_clear: whether no two files have the same number, such as ``x_1`` and ``x_01``.
        are_called_so: whether the names say "part", or nothing but "images".
    """

    names: dict[int, str] = field(default_factory=dict)
    total: int = 0
    are_clear: bool = True
    are_called_so: bool = False

    def follow_each_other(self) -> bool:
        """Whether there are several files, numbered from 0 or 1 without gaps."""
        return len(self.names) > 1 and counts_up(sorted(self.names)) and self.are_clear

    @property
    def in_order(self) -> list[str]:
        """The names, in numerical order."""
        return [self.names[number] for number in sorted(self.names)]

    def of(self, files: Mapping[str, Arrays]) -> list[Arrays]:
        """Return their arrays, in the same order."""
        return [files[name] for name in self.in_order]


def join_parts(files: Mapping[str, Arrays], report: Report) -> dict[str, Arrays]:
    """Join files whose names differ only in the number at the end.

    Their names must say that they are parts, or there must be labels for the images: otherwise each
    file may be a class.

    Args:
        files: the arrays of each file, by its name without its ending.
        report: collects what is joined.

    Returns:
        The same, with one entry in place of all parts of a set.

    Raises:
        DatasetError: the names state more parts than there are.
    """
    every = _group(files)
    labels = _Labels(files, every)
    whole: dict[str, Arrays] = {}
    joined: set[str] = set()
    for base, parts in every.items():
        if base in files or base in whole or not parts.follow_each_other():
            continue
        counts = [_count(arrays) for arrays in parts.of(files)]
        beside = labels.beside(base, counts)
        if not (parts.are_called_so or beside or labels.are_of(base, counts)):
            continue
        for other, more in {base: parts, **beside}.items():
            if other in files or other in whole:
                continue
            if (one := _join(more.of(files), counts)) is not None:
                names = more.in_order
                whole[other] = one
                joined |= {*names}
                report.note(f"{names[0]} … {names[-1]} are taken as {len(names)} parts of one set")
    for name in files if joined else ():  # the only one of its kind, such as ``test_0``
        base, _ = _read_name(name)
        if name not in joined and base not in files and base not in whole:
            whole[base] = files[name]
            joined.add(name)
    return whole | {name: arrays for name, arrays in files.items() if name not in joined}


def _read_name(name: str) -> tuple[str, re.Match[str] | None]:
    """Return a name without its number and the word for a part, and the match of the number."""
    found = _NUMBERED.fullmatch(name)
    return _PART.sub("", found["base"] if found else name).strip(" -_."), found


def _group(files: Mapping[str, Arrays]) -> dict[str, _Parts]:
    every: dict[str, _Parts] = {}
    for name in files:
        base, found = _read_name(name)
        if found:
            parts = every.setdefault(base, _Parts())
            parts.are_clear &= int(found["number"]) not in parts.names
            parts.names[int(found["number"])] = name
            parts.total = max(parts.total, int(found["total"] or 0))
            words = words_of(base)
            says_nothing = bool(words) and IMAGE_WORDS.issuperset(words)
            parts.are_called_so |= bool(
                found["total"] or _PART.search(found["base"]) or says_nothing
            )
    for parts in every.values():
        if parts.total > len(parts.names):
            raise DatasetError(
                f"{len(parts.names)} of {parts.total} parts are there, such as "
                f"{next(iter(parts.names.values()))}; copy or download the others."
            )
    return every


def _count(arrays: Arrays) -> int:
    """Return the number of images in a file, or of rows if it holds labels only."""
    images = [
        array
        for key, array in arrays.items()
        if array.dtype.kind in "biuf" and arrange_images(array.shape) and not is_called_labels(key)
    ]
    deepest = max(images, key=lambda array: len(array.shape), default=None)
    return len(deepest or next((array for array in arrays.values() if array.shape), ()))


class _Labels:
    """The places of labels: in each part, in as many other files, or in one file."""

    def __init__(self, files: Mapping[str, Arrays], every: Mapping[str, _Parts]) -> None:
        self.files, self.every = files, every
        self.lengths = {
            length for name, arrays in files.items() for length in _lengths_of_labels(name, arrays)
        }
        self.bases = [
            base
            for base, parts in every.items()
            if all(_lengths_of_labels(base, arrays) for arrays in parts.of(files))
        ]

    def beside(self, base: str, counts: Sequence[int]) -> dict[str, _Parts]:
        """Return the numbered files of labels whose numbers are those of these image files."""
        numbers = self.every[base].names.keys()
        return {
            other: self.every[other]
            for other in self.bases
            if other != base
            and self.every[other].names.keys() == numbers
            and self.are_of(other, counts)
        }

    def are_of(self, base: str, counts: Sequence[int]) -> bool:
        """Whether each numbered file holds as many labels as given, or one file all of them."""
        parts = self.every[base].of(self.files)
        each = (_lengths_of_labels(base, arrays) for arrays in parts)
        are_in_each = all(n in lengths for n, lengths in zip(counts, each, strict=True))
        return are_in_each or sum(counts) in self.lengths


def _lengths_of_labels(name: str, arrays: Arrays) -> set[int]:
    """Return the lengths of arrays named labels, or of the only array in a file so named."""
    is_alone = len(arrays) == 1 and is_called_labels(name)
    return {
        len(array)
        for key, array in arrays.items()
        if array.shape and (is_alone or is_called_labels(key))
    }


def _join(parts: Sequence[Arrays], counts: Sequence[int]) -> Arrays | None:
    """Concatenate the arrays of the parts; None if they do not continue each other.

    An array of another length than the images must be the same in each part.
    """
    if any(one.keys() != parts[0].keys() for one in parts):
        return None
    joined: dict[str, Stored] = {}
    for key, first in parts[0].items():
        arrays = [one[key] for one in parts]
        if [array.shape[:1] for array in arrays] == [(count,) for count in counts]:
            if len({*map(_form, arrays)}) > 1 or any(array.files for array in arrays):
                return None
            joined[key] = _in_a_row(arrays)
        elif all(_is_repeated(first, array) for array in arrays):
            joined[key] = first
        else:
            return None
    return joined


def _form(array: Stored) -> object:
    """Return the shape of a row and the type, which arrays to be concatenated must share."""
    kind = array.dtype.kind
    is_list = len(array.shape) == 1  # labels, whose types may differ in width
    return array.shape[1:], kind.replace("u", "i") if is_list or kind in "SU" else array.dtype


def _is_repeated(first: Stored, other: Stored) -> bool:
    if first.shape != other.shape or np.prod(first.shape, dtype=int) > _LARGEST_OF_ALL:
        return False
    return not other.is_pickled and np.array_equal(first.read(), other.read())


def _in_a_row(arrays: Sequence[Stored]) -> Stored:
    def rows() -> Iterator[np.ndarray]:
        for array in arrays:
            yield from array.rows()

    first = arrays[0]
    return Stored(
        f"{first.name} and others",
        (sum(map(len, arrays)), *first.shape[1:]),
        np.result_type(*(array.dtype for array in arrays)),
        rows,
        first.origin,
        is_pickled=first.is_pickled,
        note=first.note,
    )
