"""Numbered files of arrays, such as ``train_0.npz`` … ``train_9.npz``, as one file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from explorer.data.files.stored import Stored
from explorer.data.layouts.named_arrays import is_called_labels
from explorer.data.report import Report

Arrays = Mapping[str, Stored]
"""Of one file, by their names in it."""
_NUMBERED = re.compile(r"(?P<base>.*?)(?P<number>\d+)(?P<total>[-_ ]?of[-_ ]?\d+)?", re.S)
_PART = re.compile(r"(?:^|(?<=[\W_]))(?:part|shard|chunk|batch|block)(?=[\W_]*$)", re.I)
"""A last word that says so."""


def join_parts(files: Mapping[str, Arrays], report: Report) -> dict[str, Arrays]:
    """Join files whose names differ in the number at their end.

    Their names must say that they are parts, or labels lie beside the images of each: else a file
    may well be a class.

    Args:
        files: the arrays of each, by its name without its ending.
        report: of what is joined.

    Returns:
        The same, with one in place of all parts of one set.
    """
    numbered: defaultdict[str, dict[int, str]] = defaultdict(dict)
    called_so = set()
    for name in files:
        if found := _NUMBERED.fullmatch(name):
            base = _PART.sub("", found["base"]).strip(" -_.(")
            numbered[base][int(found["number"])] = name
            if found["total"] or _PART.search(found["base"]):
                called_so.add(base)
    whole: dict[str, Arrays] = {}
    joined: set[str] = set()
    for base, parts in numbered.items():
        names = [parts[number] for number in sorted(parts)]
        if base in files or not _follow_each_other(parts) or not _are_alike(files, names):
            continue
        if base in called_so or _have_labels(files, numbered, base):
            whole[base] = _join(files, names)
            joined |= {*names}
            report.note(f"{names[0]} … {names[-1]} are taken as {len(names)} parts of one set")
    for base, parts in numbered.items() if joined else ():
        (first, *more) = parts.values()
        if not more and base not in files:  # the only part of its kind, such as ``test_0``
            whole[base] = files[first]
            joined.add(first)
    return whole | {name: arrays for name, arrays in files.items() if name not in joined}


def _follow_each_other(parts: Mapping[int, str]) -> bool:
    first, last = min(parts), max(parts)
    return len(parts) > 1 and first in (0, 1) and last - first == len(parts) - 1


def _are_alike(files: Mapping[str, Arrays], names: Sequence[str]) -> bool:
    """Whether all have the same arrays, of the same kind and shape of row."""

    def form(name: str) -> dict[str, object]:
        return {
            key: (array.shape[1:], array.dtype.kind if array.dtype.kind in "SU" else array.dtype)
            for key, array in files[name].items()
        }

    first, *rest = map(form, names)
    has_image_files = any(array.files for name in names for array in files[name].values())
    return all(one == first for one in rest) and not has_image_files


def _have_labels(
    files: Mapping[str, Arrays], numbered: Mapping[str, Mapping[int, str]], base: str
) -> bool:
    """Whether each part holds as many labels as images, or has a file of its number that does."""
    for number, name in numbered[base].items():
        own = dict(files[name])
        count = _count(own)
        for other, parts in numbered.items():
            if other != base and parts.keys() == numbered[base].keys():
                more = files[parts[number]]
                own |= {f"{other} {key}": array for key, array in more.items()}
        labels = [key for key, array in own.items() if array.shape[:1] == (count,)]
        if len(labels) < 2 or not any(map(is_called_labels, [base, *labels])):
            return False
    return True


def _count(arrays: Arrays) -> int:
    """How many images a file holds: what has another length is of the whole set."""
    lengths = Counter(len(array) for array in arrays.values() if array.shape)
    return max(lengths, key=lambda length: (lengths[length], length), default=0)


def _join(files: Mapping[str, Arrays], names: Sequence[str]) -> Arrays:
    counts = [_count(files[name]) for name in names]
    joined = {}
    for key, first in files[names[0]].items():
        parts = [files[name][key] for name in names]
        each = [len(part) if part.shape else 0 for part in parts]
        joined[key] = _in_a_row(parts) if each == counts else first
    return joined


def _in_a_row(parts: Sequence[Stored]) -> Stored:
    def rows() -> Iterator[np.ndarray]:
        for part in parts:
            yield from part.rows()

    first = parts[0]
    return Stored(
        f"{first.name} and others",
        (sum(map(len, parts)), *first.shape[1:]),
        np.result_type(*(part.dtype for part in parts)),
        rows,
        first.origin,
        is_pickled=first.is_pickled,
    )
