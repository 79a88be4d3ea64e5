"""Image files as a source of images: inspect them, and decode them in order, on all cores."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from PIL import __version__ as pillow_version

from explorer.core.subsets import evenly_spaced, in_chunks
from explorer.data.files.tree import Files
from explorer.data.pixels import FORMAT_OF_SUFFIX, Form
from explorer.data.ranges import Values
from explorer.data.report import Report
from explorer.data.sources.cache import VERSION, remember
from explorer.data.sources.decoding import STACKS, Decoded, Unit, count_pages, fault, look
from explorer.data.sources.progress import with_progress
from explorer.data.sources.source import LARGEST_KEPT_SIZE, Survey
from explorer.data.sources.workers import decode_all, measure_all, spread

SAMPLE, LARGEST_SURVEY = 1_000, 100_000
"""Fewest and most headers that are read, if there are so many images."""
STACK_SUFFIXES = tuple(suffix for suffix, kind in FORMAT_OF_SUFFIX.items() if kind in STACKS)


class Pictures:
    """Image files, in order; each page of a stack is an image."""

    def __init__(self, files: Files, names: Sequence[str], pages: np.ndarray | None = None) -> None:
        """Take files, their names, and ``pages`` as from `count_all_pages`, if stacks are read."""
        self._files, self._names = files, names
        self._starts = None if pages is None else np.concatenate([[0], np.cumsum(pages)])

    def __len__(self) -> int:
        return len(self._names) if self._starts is None else int(self._starts[-1])

    def name(self, index: int) -> str:
        return self._names[int(self._file_of(np.array([index]))[0])]

    def fault(self, index: int) -> str:
        return fault(self._files.open, self.name(index))

    @cached_property
    def digest(self) -> str:
        digest = hashlib.sha256(f"{VERSION} {pillow_version} {self._starts}".encode())
        for name in self._names:
            digest.update(f"{self._files.stamp(name)}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def mapped(self, form: Form) -> None:
        return None

    def survey(self) -> Survey:
        """Read the headers of a sample, and more as long as they can change the result.

        If images differ in size or are large, a default size is chosen; one image in colour makes
        all images colour images.
        """
        found = remember(f"survey-{self.digest}", self._survey)
        sizes = {(height, width): count for height, width, count in found.pop("sizes")}
        return Survey(sizes, **found)

    def _survey(self) -> dict[str, Any]:
        total = len(self._names)
        first = evenly_spaced(total, SAMPLE)
        rest = np.setdiff1d(evenly_spaced(total, LARGEST_SURVEY), first)
        survey = Survey()
        order = np.concatenate([first, rest])
        chunks = ([self._names[index] for index in chunk] for chunk in in_chunks(order, SAMPLE))
        headers_of = measure_all(self._files, chunks, len(order))
        for headers in with_progress(headers_of, len(order), len):
            found = [header for header in headers if header is not None]
            survey |= Survey(
                Counter((header.height, header.width) for header in found),
                all(header.is_grey for header in found),
                any(header.is_deep for header in found),
                len(found),
                sum(header.has_frames for header in found),
                sum(header.has_further_channels for header in found),
            )
            largest = max(map(max, survey.sizes), default=0)
            is_settled = len(survey.sizes) > 1 or largest > LARGEST_KEPT_SIZE
            if is_settled and not survey.is_grey:
                break
        sizes = [(*size, count) for size, count in survey.sizes.items()]
        return {**vars(survey), "sizes": sizes}

    def values(self, is_deep: bool) -> dict[str, Values]:
        """Find the extremes of the pixels: of all deep greys, else until one is above 1 of 255."""
        key = f"values-{'deep-' * is_deep}{self.digest}"
        found = remember(key, lambda: self._values(is_deep))
        return {"the image files": Values(**found)} if found else {}

    def _values(self, is_deep: bool) -> dict[str, Any]:
        values: Values | None = None
        every = np.arange(len(self))
        order = every if is_deep else np.concatenate([evenly_spaced(len(self), 100), every])
        for chunk in with_progress(in_chunks(order, 100), len(order), len):
            units = self._units(chunk)
            for found in spread(lambda unit: look(self._files.open, unit, is_deep), units):
                if found is not None:
                    values = found if values is None else values | found
            if not is_deep and values is not None and values.high > 1:
                break
        return {} if values is None else vars(values)

    def blocks(self, indices: np.ndarray, form: Form) -> Iterator[Decoded]:
        units = (self._units(chunk) for chunk in in_chunks(indices))
        return decode_all(self._files, units, form, len(indices))

    def _file_of(self, indices: np.ndarray) -> np.ndarray:
        if self._starts is None:
            return indices
        return np.searchsorted(self._starts, indices, side="right") - 1

    def _units(self, indices: np.ndarray) -> list[Unit]:
        """Group images by file, so that a stack is opened once."""
        if self._starts is None:
            return [(self._names[index], None) for index in indices]
        files = self._file_of(indices)
        cuts = np.flatnonzero(np.diff(files)) + 1
        return [
            (self._names[file[0]], (pages - self._starts[file[0]]).tolist())
            for file, pages in zip(np.split(files, cuts), np.split(indices, cuts), strict=True)
        ]


def count_all_pages(files: Files, names: Sequence[str], report: Report) -> np.ndarray | None:
    """Count the images in each file, ``(files,)``; None if no file is a stack."""
    pages = np.ones(len(names), int)
    chosen = [i for i, name in enumerate(names) if name[-5:].lower().endswith(STACK_SUFFIXES)]
    for chunk in in_chunks(chosen):
        pages[chunk] = spread(lambda index: count_pages(files.open, names[index]), chunk)
    if (stacks := np.flatnonzero(pages > 1)).size == 0:
        return None
    report.note(
        f"files that are stacks: {stacks.size:,}, and each of their {pages[stacks].sum():,} pages "
        "is an image (--first-page takes the first alone)"
    )
    return pages
