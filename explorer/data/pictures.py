"""Image files as a source of images: looked through and decoded in order, on all cores."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import IO, Any, TypeVar

import numpy as np
from PIL import Image
from PIL import __version__ as pillow_version
from PIL.ImageFile import ImageFile

from explorer.core.subsets import evenly_spaced, in_chunks
from explorer.data.cache import VERSION, remember
from explorer.data.pixels import (
    Form,
    Pixels,
    has_deep_greys,
    is_grey,
    open_image,
    read_pixels,
    upright_size,
)
from explorer.data.progress import with_progress
from explorer.data.ranges import Values, look_at
from explorer.data.report import Report
from explorer.data.source import LARGEST_KEPT_SIZE, Block, Survey

STACKS = ("TIFF", "GIF", "WEBP")
"""Formats whose files may hold several images that are looked for."""
SAMPLE, LARGEST_SURVEY = 1_000, 100_000
"""Headers read at least, and at most."""

Opener = Callable[[str], IO[bytes]]
Item = TypeVar("Item")
Result = TypeVar("Result")
Unit = tuple[str, Sequence[int] | None]  # a file, and the pages of it; None for the only one


class Pictures:
    """Image files, in order; of stacks, every page is an image."""

    def __init__(
        self,
        open_file: Opener,
        names: Sequence[str],
        stamp: Callable[[str], str],
        pages: np.ndarray | None = None,
    ) -> None:
        """Args:
        open_file: opens a file by its name, in any thread.
        names: of the files.
        stamp: gives what changes whenever the file of a name is replaced.
        pages: ``(files,)``, see `count_pages`; None if each holds one image.
        """
        self._open, self._names, self._stamp = open_file, names, stamp
        self._starts = None if pages is None else np.concatenate([[0], np.cumsum(pages)])

    def __len__(self) -> int:
        return len(self._names) if self._starts is None else int(self._starts[-1])

    def name(self, index: int) -> str:
        return self._names[int(self._file_of(np.array([index]))[0])]

    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(f"{VERSION} {pillow_version} {self._starts}".encode())
        for name in self._names:
            digest.update(f"{self._stamp(name)}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def mapped(self, form: Form) -> None:
        return None

    def survey(self) -> Survey:
        """Look at the headers of a sample, and of the rest as long as that can change the result.

        Images that differ in size or are large get a size of our choice; the first in colours
        makes all coloured.
        """
        found = remember(f"survey-{self.digest()}", self._survey)
        sizes = {(height, width): count for height, width, count in found.pop("sizes")}
        return Survey(sizes, **found)

    def _survey(self) -> dict[str, Any]:
        total = len(self._names)
        first = evenly_spaced(total, SAMPLE)
        rest = np.setdiff1d(evenly_spaced(total, LARGEST_SURVEY), first)
        survey = Survey({}, True, False, 0)
        chunks = in_chunks(np.concatenate([first, rest]), SAMPLE)
        for chunk in with_progress(chunks, len(first) + len(rest), len):
            found = [
                size for size in spread(self._measure, [self._names[i] for i in chunk]) if size
            ]
            seen_sizes = Counter(size for size, _, _ in found)
            all_grey = all(grey for _, grey, _ in found)
            survey |= Survey(seen_sizes, all_grey, any(deep for _, _, deep in found), len(found))
            is_settled = (
                len(survey.sizes) > 1 or max(map(max, survey.sizes), default=0) > LARGEST_KEPT_SIZE
            )
            if is_settled and not survey.is_grey:
                break
        sizes = [(*size, count) for size, count in survey.sizes.items()]
        return {**vars(survey), "sizes": sizes}

    def values(self, is_deep: bool) -> Values | None:
        """Look at pixels: of deep greys at all, of others until one is above 1 of 255."""
        found = remember(f"values-{self.digest()}", lambda: self._values(is_deep))
        return Values(**found) if found else None

    def _values(self, is_deep: bool) -> dict[str, Any]:
        values: Values | None = None
        units = self._units(np.arange(len(self)))
        order = units if is_deep else [units[i] for i in evenly_spaced(len(units), 100)] + units
        for chunk in with_progress(in_chunks(order, 100), len(order), len):
            for found in spread(lambda unit: self._look(unit, is_deep), chunk):
                if found is not None:
                    values = found if values is None else values | found
            if not is_deep and values is not None and values.high > 1:
                break
        return {} if values is None else vars(values)

    def blocks(self, indices: np.ndarray, form: Form) -> Iterator[Block]:
        def read(unit: Unit) -> list[Pixels | None]:
            return self._read(unit, form)

        for chunk in in_chunks(indices):
            found = [pixels for one in spread(read, self._units(chunk)) for pixels in one]
            readable = np.array([i for i, pixels in enumerate(found) if pixels is not None], int)
            kept = [pixels for pixels in found if pixels is not None]
            transparent = [i for i, (_, alpha) in enumerate(kept) if alpha is not None]
            yield Block(
                chunk,
                readable,
                np.array([colour for colour, _ in kept], np.uint8).reshape(-1, *form.shape),
                np.array(transparent, int),
                np.array([kept[i][1] for i in transparent], np.uint8).reshape(
                    -1, *form.shape[:2], 1
                ),
            )

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

    def _frames(self, unit: Unit) -> Iterator[ImageFile]:
        name, pages = unit
        with self._open(name) as stream, open_image(stream) as image:
            for page in pages or (0,):
                if page:
                    image.seek(page)
                yield image

    def _read(self, unit: Unit, form: Form) -> list[Pixels | None]:
        found: list[Pixels | None] = []
        try:
            for image in self._frames(unit):
                found.append(read_pixels(image, form))
        except Exception:  # damaged files make Pillow and zipfile raise nearly anything
            found += [None] * (len(unit[1] or (0,)) - len(found))
        return found

    def _measure(self, name: str) -> tuple[tuple[int, int], bool, bool] | None:
        """(height, width), and whether it is grey and deep; None if it cannot be read."""
        try:
            for image in self._frames((name, None)):
                is_oblong = image.width != image.height  # only then it matters which way up it is
                size = upright_size(image) if is_oblong else image.size
                return size, is_grey(image), has_deep_greys(image)
        except Exception:  # as in _read
            pass
        return None

    def _look(self, unit: Unit, is_deep: bool) -> Values | None:
        found: Values | None = None
        try:
            for image in self._frames(unit):
                if has_deep_greys(image) == is_deep:
                    values = _stored_values(image)
                    if values.size:
                        one = look_at(values, unit[0])
                        found = one if found is None else found | one
        except Exception:  # as in _read
            pass
        return found


def count_pages(
    open_file: Opener, names: Sequence[str], formats: Sequence[str], report: Report
) -> np.ndarray | None:
    """Count the images in each file that may be a stack: ``(files,)``, or None if none is one.

    Copies of reduced size, as some TIFFs hold them of their first page, do not count.
    """
    pages = np.ones(len(names), int)
    chosen = [i for i, format in enumerate(formats) if format in STACKS]

    def count(index: int) -> int:
        try:
            with open_file(names[index]) as stream, open_image(stream) as image:
                return _count_pages(image)
        except Exception:  # it will be counted as unreadable once it is read
            return 1

    for chunk in in_chunks(chosen):
        pages[chunk] = list(spread(count, chunk))
    if (stacks := np.flatnonzero(pages > 1)).size == 0:
        return None
    report.note(
        f"{stacks.size:,} files are stacks: each of their {pages[stacks].sum():,} pages is an image"
        " (--first-page takes the first alone)"
    )
    return pages


def spread(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterable[Result]:
    """Apply a function in one thread for each core; results in order."""
    with ThreadPoolExecutor(_cores()) as pool:
        return list(pool.map(function, items))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count_pages(image: ImageFile) -> int:
    count: int = getattr(image, "n_frames", 1)
    if image.format != "TIFF":
        return count
    width, height = image.size
    for page in range(1, count):
        image.seek(page)
        tags: Any = getattr(image, "tag_v2", {})
        is_reduced = tags.get(254, 0) & 1  # NewSubfileType, TIFF 6.0
        if is_reduced or (2 * image.width <= width and 2 * image.height <= height):
            return page
    return count


def _stored_values(image: Image.Image) -> np.ndarray:
    if has_deep_greys(image):
        values: np.ndarray = np.asarray(image)
        return np.asarray(values[np.isfinite(values)])
    return np.asarray(image.convert("RGB" if image.mode not in ("1", "L") else "L"))
