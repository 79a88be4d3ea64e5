"""Sources of images, and the layout of a set that is found before its images are read.

A source knows the number and properties of its images, and decodes them in order, a block at a
time, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from explorer.data.pixels import Form, Shape
from explorer.data.ranges import Values
from explorer.data.sources.decoding import Decoded
from explorer.errors import DatasetError

DEFAULT_SIZE = 32
"""Pixels a side, for images that differ in size."""
LARGEST_KEPT_SIZE = 64
"""Pixels a side; images that all have the same size, up to this, keep it."""


@dataclass(frozen=True)
class Survey:
    """Properties of images, from their headers only.

    Attributes:
        sizes: number of images of each (height, width).
        is_grey: whether none has colours.
        is_deep: whether any has values of more than 8 bits.
        seen: number of images inspected.
        with_frames: number of these that have further frames, which are not read.
        with_channels: number of these that have channels beside colours and transparency, which
            are not read.
    """

    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    is_grey: bool = True
    is_deep: bool = False
    seen: int = 0
    with_frames: int = 0
    with_channels: int = 0

    def __or__(self, other: Survey) -> Survey:
        return Survey(
            Counter(self.sizes) + Counter(other.sizes),
            self.is_grey and other.is_grey,
            self.is_deep or other.is_deep,
            self.seen + other.seen,
            self.with_frames + other.with_frames,
            self.with_channels + other.with_channels,
        )

    def shape(self, image_size: tuple[int, int] | None, grey: bool) -> Shape:
        """Choose the model's shape: the requested size, a small size that all share, or 32 × 32.

        Args:
            image_size: the requested (height, width).
            grey: whether one channel is requested, whatever the images have.
        """
        channels = 1 if grey or self.is_grey else 3
        if image_size is not None:
            return *image_size, channels
        if len(self.sizes) == 1 and max(size := next(iter(self.sizes))) <= LARGEST_KEPT_SIZE:
            return *size, channels
        return DEFAULT_SIZE, DEFAULT_SIZE, channels

    def share_outside(self, shape: Shape) -> float:
        """Return the share of the pictures' area that a crop of this aspect ratio leaves out."""
        wanted = shape[0] / shape[1]
        outside = sum(
            count * (1 - min(height / width, wanted) / max(height / width, wanted))
            for (height, width), count in self.sizes.items()
        )
        return outside / max(1, sum(self.sizes.values()))


class Source(Protocol):
    """Images that can be decoded in order."""

    def __len__(self) -> int:
        """Return the number of images."""

    def survey(self) -> Survey:
        """Read the headers."""

    def values(self, is_deep: bool) -> dict[str, Values]:
        """Find the extremes of the stored values, as far as the range depends on them.

        They are those of each array, by its name, or of all image files together; arrays and files
        without values are left out.
        """

    def blocks(self, indices: np.ndarray, form: Form) -> Iterator[Decoded]:
        """Decode the images at these indices, which must ascend."""

    def mapped(self, form: Form) -> np.ndarray | None:
        """Map the images if they are on disk in exactly this form, else return None."""

    @property
    def digest(self) -> str | None:
        """Return a SHA-256, in hex, that changes with the files; None if a cache is of no use."""

    def name(self, index: int) -> str:
        """Return the name of an image for messages."""

    def fault(self, index: int) -> str:
        """Say why an image could not be read."""


@dataclass(frozen=True)
class Chosen:
    """Images of a source.

    Attributes:
        source: where they come from.
        rows: their indices in the source; None for all of its images.
    """

    source: Source
    rows: np.ndarray | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(self.source) if self.rows is None else len(self.rows)

    def name(self, index: int) -> str:
        """Return the name of an image for messages."""
        return self.source.name(index if self.rows is None else int(self.rows[index]))


@dataclass(frozen=True)
class Part(Chosen):
    """One split as it was found.

    Attributes:
        labels: ``(n,)`` int64, indices of the layout's classes.
        columns: other values for each image, by name: ``(n,)`` float64.
    """

    labels: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """The splits and classes found at a path.

    Attributes:
        origin: a description of the kind of files.
        classes: class names, in the order of the labels.
        parts: the splits by their role, see ``explorer.data.roles``.
    """

    origin: str
    classes: tuple[str, ...]
    parts: Mapping[str, Part]

    def with_classes(self, names: tuple[str, ...], path: Path) -> Layout:
        """Return a copy with the class names of a published set; its files may only number them.

        Raises:
            DatasetError: the classes found are not those of the set.
        """
        if self.classes == names:
            return self
        if len(self.classes) == len(names) == 1:
            return replace(self, classes=names)
        if not all(name.isdigit() and int(name) < len(names) for name in self.classes):
            raise DatasetError(
                f"{path} must hold the classes {', '.join(names)} but holds "
                f"{', '.join(self.classes)}."
            )
        numbers = np.array([int(name) for name in self.classes])
        parts = {
            role: replace(part, labels=numbers[part.labels]) for role, part in self.parts.items()
        }
        return replace(self, classes=names, parts=parts)
