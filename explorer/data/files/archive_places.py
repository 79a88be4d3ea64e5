"""Choose the folder that stands for an archive: its own, or one for all parts of a set."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from explorer.data.files.kinds import suffix_of
from explorer.data.files.names import Names
from explorer.data.files.tree import Parts, paths, without_endings
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.report import Report
from explorer.data.roles import PART_WORDS, counts_up, read_name

_NUMBER = re.compile(r"[-_. ]*(?P<number>\d+)(?:[-_ ]?of[-_ ]?\d+|-\d{3})?$")
"""The number of a part: ``-00003``, ``-00003-of-00010``, or Google Drive's ``-3-001``."""
_PART = re.compile(rf"(?:^|[\W_])(?:{PART_WORDS}|split)$", re.I)
_PADDED = 4  # fewest digits of a padded number


def place_archives(
    archives: Mapping[str, Mapping[Parts, Names]], taken: Collection[Parts], report: Report
) -> Iterator[tuple[str, Parts, str, Collection[str]]]:
    """Choose the folder that stands for each archive.

    Args:
        archives: the contents of each archive, by its name.
        taken: the folders that exist already.

    Yields:
        An archive's name, its folder, a prefix for ambiguous file names, and the paths of these.
    """
    tops = {place[:end] for place in taken for end in range(1, len(place) + 1)}
    alone = {*archives}
    for base, numbers in _numbered(archives):
        top = tuple(filter(None, base.split("/")))
        if top in tops:
            continue
        tops.add(top)
        alone -= {*numbers}
        first, *more = numbers
        if more:
            report.note(f"{first} … {more[-1]} are taken as {len(numbers)} parts of one set")
        every = Counter(
            path for name in numbers for each in archives[name].items() for path in paths(*each)
        )
        twice = {path for path, count in every.items() if count > 1}
        are_told_apart = len({*numbers.values()}) == len(numbers)
        for name, number in numbers.items():
            mark = number if are_told_apart else without_endings(name).rpartition("/")[2]
            yield name, top, f"{mark}-", twice
    folders = [name for name in archives if name in alone]
    for name in folders:
        top = tuple(without_endings(name).split("/"))
        if top in tops:
            top = tuple(name.split("/"))
        tops.add(top)
        yield name, top, "", set()
    if folders:
        first, *more = folders
        report.note(
            f"{first} … {more[-1]} are read as folders" if more else f"{first} is read as a folder"
        )


def _numbered(
    archives: Mapping[str, Mapping[Parts, Names]],
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield groups of archives that are parts of one set: their common name, and their numbers.

    They are if the rest of their names says "part", names a split or says nothing; if the numbers
    are zero-padded as programs write them, or the same as in another group; or if the archives
    hold labels, folders or no pictures. Otherwise each may be a class.
    """
    groups: defaultdict[str, dict[str, str]] = defaultdict(dict)
    separated: set[str] = set()
    for name in archives:
        stem = without_endings(name)
        if found := _NUMBER.search(stem):
            base = stem[: found.start()]
            groups[base][name] = found["number"]
            if found[0][0] in "-_. " or base.endswith("/"):
                separated.add(base)
    every = Counter(frozenset(numbers.values()) for numbers in groups.values())
    for base, numbers in groups.items():
        last = base.rpartition("/")[2]
        said = read_name(last)
        says_so = _PART.search(last) or said.role is not None or (last and not said.rest)
        are_written_so = (not base or base in separated) and _are_padded([*numbers.values()])
        are_several = every[frozenset(numbers.values())] > 1
        hold_no_class = all(_holds_no_class(archives[name]) for name in numbers)
        if says_so or are_written_so or (len(numbers) > 1 and (are_several or hold_no_class)):
            yield base, numbers


def _are_padded(numbers: Sequence[str]) -> bool:
    """Whether numbers are consecutive from 0 or 1 and zero-padded, as programs number parts."""
    is_row = counts_up(sorted(map(int, numbers)))
    return is_row and len({*map(len, numbers)}) == 1 and len(numbers[0]) >= _PADDED


def _holds_no_class(folders: Mapping[Parts, Names]) -> bool:
    """Whether an archive is probably not a class: it has folders or labels, or no pictures."""
    suffixes = {suffix_of(file) for files in folders.values() for file in files}
    return (
        any(folders) or bool(suffixes & {".cls", ".json"}) or not suffixes & FORMAT_OF_SUFFIX.keys()
    )
