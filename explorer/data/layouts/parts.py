"""Join numbered files of arrays, such as ``train_0.npz`` … ``train_9.npz``, into one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from explorer.data.files.stored import Stored
from explorer.data.layouts.array_names import IMAGE_WORDS, key_of
from explorer.data.layouts.named_arrays import are_pictures
from explorer.data.report import Report
from explorer.data.roles import PART_WORDS, counts_up, words_of
from explorer.data.sources.arrays import arrange_images
from explorer.errors import DatasetError

Arrays = Mapping[str, Stored]
"""The arrays of one file, by their names in it."""
_NUMBERED = re.compile(r"(?P<base>.*?)(?P<number>\d+)(?:[-_ ]?of[-_ ]?(?P<total>\d+))?", re.S)
_PART = re.compile(rf"(?:^|(?<=[\W_]))(?:{PART_WORDS})(?=[\W_]*$)", re.I)
"""A word at the end of a name that says that it is a part."""
_LARGEST_OF_ALL = 2**20  # values in an array that each part may repeat, such as class names


@dataclass
class _Parts:
    """Files whose names differ only in the number at the end.

    Attributes:
        names: names of the files, by number.
        are_clear: whether no two files have the same number, such as ``x_1`` and ``x_01``.
        are_called_so: whether the names say "part", or nothing but "images".
    """

    names: dict[int, str] = field(default_factory=dict)
    are_clear: bool = True
    are_called_so: bool = False


def join_parts(files: Mapping[str, Arrays], report: Report) -> dict[str, Arrays]:
    """Join files whose names differ only in the number at the end.

    Their names must say that they are parts, or there must be labels for all of their images, in
    them, in numbered files or in one: otherwise each file may be a class.

    Args:
        files: the arrays of each file, by its name without its ending.

    Returns:
        The same, with one entry in place of all parts of a set.

    Raises:
        DatasetError: the names state more parts than there are, or parts of the same number hold
            unlike numbers of images and labels.
    """
    every = _group(files)
    possible: dict[str, Arrays] = {}
    for base, parts in every.items():
        if base not in files and (one := _join([files[name] for name in parts.names.values()])):
            possible[base] = one
    whole = _with_labels(files, every, possible)
    for base, other in permutations(whole, 2):
        are_of_images = not _holds_images(base, whole[base]) and _holds_images(other, whole[other])
        if are_of_images and key_of(base).role == key_of(other).role:
            _check_parts(files, every[base].names, every[other].names)
    joined: set[str] = set()
    for base in whole:
        first, *more = names = [*every[base].names.values()]
        joined |= {*names}
        report.note(f"{first} … {more[-1]} are taken as {len(names)} parts of one set")
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
    """Return the groups of several files that are numbered from 0 or 1 without gaps, in order."""
    every: dict[str, _Parts] = {}
    total: dict[str, int] = {}
    for name in files:
        base, found = _read_name(name)
        if found:
            parts = every.setdefault(base, _Parts())
            parts.are_clear &= int(found["number"]) not in parts.names
            parts.names[int(found["number"])] = name
            total[base] = max(total.get(base, 0), int(found["total"] or 0))
            words = words_of(base)
            says_nothing = bool(words) and IMAGE_WORDS.issuperset(words)
            parts.are_called_so |= bool(
                found["total"] or _PART.search(found["base"]) or says_nothing
            )
    for base, parts in every.items():
        if total[base] > len(parts.names):
            raise DatasetError(
                f"{len(parts.names)} of {total[base]} parts are there, such as "
                f"{next(iter(parts.names.values()))}; copy or download the others."
            )
        parts.names = dict(sorted(parts.names.items()))
    return {
        base: parts
        for base, parts in every.items()
        if len(parts.names) > 1 and counts_up(parts.names) and parts.are_clear
    }


def _with_labels(
    files: Mapping[str, Arrays], every: Mapping[str, _Parts], possible: Mapping[str, Arrays]
) -> dict[str, Arrays]:
    """Return the sets whose names say that they are parts, or that have as many labels."""
    named = [*files.items(), *possible.items()]
    images = {_count(arrays) for name, arrays in named if _holds_images(name, arrays)}
    labels = {
        len(array)
        for name, arrays in named
        for array in _labels_in(name, arrays)
        if images or not are_pictures(array.shape)  # as in ``class_0.npy``
    }
    numbered = {name for base in possible for name in every[base].names.values()}
    alone = {_count(files[n]) for n in files if n not in numbered and _holds_images(n, files[n])}
    whole: dict[str, Arrays] = {}
    for base, one in possible.items():
        counts = {_count(files[name]) for name in every[base].names.values()}
        is_each_whole = _count(one) not in images and counts <= alone  # labels of the same images
        if every[base].are_called_so or (_count(one) in labels and not is_each_whole):
            whole[base] = one
    return whole


def _check_parts(
    files: Mapping[str, Arrays], rows: Mapping[int, str], images: Mapping[int, str]
) -> None:
    """Raise DatasetError if labels in as many files as the images fit them only all together."""
    if len(rows) != len(images):
        return
    pairs = [*zip(rows.values(), images.values(), strict=True)]
    counts = [(_count(files[one]), _count(files[other])) for one, other in pairs]
    unlike = [number for number, (one, other) in enumerate(counts) if one != other]
    if unlike and len({*map(sum, zip(*counts, strict=True))}) == 1:
        (one, other), (found, wanted) = pairs[unlike[0]], counts[unlike[0]]
        raise DatasetError(
            f"{one} has {found:,} rows for the {wanted:,} images in {other}, although there are as "
            "many in all files; put the labels of each file's images into a file of its number."
        )


def _count(arrays: Arrays) -> int:
    """Return the number of images in a file, or of rows if it holds labels only."""
    deepest = max(_images_in(arrays), key=lambda array: len(array.shape), default=None)
    return len(deepest or next((array for array in arrays.values() if array.shape), ()))


def _images_in(arrays: Arrays) -> list[Stored]:
    return [
        array
        for key, array in arrays.items()
        if array.dtype.kind in "biuf" and arrange_images(array.shape) and not key_of(key).is_labels
    ]


def _holds_images(name: str, arrays: Arrays) -> bool:
    """Whether a file of this name has images in it, not only labels of images elsewhere."""
    return not key_of(name).is_labels and bool(_images_in(arrays))


def _labels_in(name: str, arrays: Arrays) -> list[Stored]:
    """Return the arrays named labels, or the only array in a file so named."""
    is_alone = len(arrays) == 1 and key_of(name).is_labels
    return [
        array
        for key, array in arrays.items()
        if array.shape and (is_alone or key_of(key).is_labels)
    ]


def _join(parts: Sequence[Arrays]) -> Arrays | None:
    """Concatenate the arrays of the parts; None if they do not continue each other.

    An array of another length than the images must be the same in each part.
    """
    if any(one.keys() != parts[0].keys() for one in parts):
        return None
    counts = [(_count(one),) for one in parts]
    joined: dict[str, Stored] = {}
    for key, first in parts[0].items():
        arrays = [one[key] for one in parts]
        if [array.shape[:1] for array in arrays] == counts:
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
