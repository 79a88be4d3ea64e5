"""What is found at a place before its images are read: sources of images, and the layout of them.

A source knows how many images it has and what they are like, and decodes them in order, a block at
a time, so that memory does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from explorer.data.pixels import Form, Shape
from explorer.data.ranges import Values
from explorer.errors import DatasetError

DEFAULT_SIZE = 32
"""Pixels a side, for images that differ in size."""
LARGEST_KEPT_SIZE = 64
"""Pixels: images that all have one size up to this keep it."""


class Block(NamedTuple):
    """Some decoded images.

    Attributes:
        indices: which of the source's images were asked for, ``(m,)``.
        readable: positions in ``indices`` of those that could be read, ``(k,)``.
        colours: ``(k, height, width, channels)`` uint8.
        transparent: positions in ``readable`` of those that are transparent somewhere, ``(t,)``.
        alphas: of these, ``(t, height, width, 1)`` uint8.
    """

    indices: np.ndarray
    readable: np.ndarray
    colours: np.ndarray
    transparent: np.ndarray
    alphas: np.ndarray


@dataclass(frozen=True)
class Survey:
    """What images are like, from headers alone.

    Attributes:
        sizes: how many images have each (height, width).
        is_grey: whether none has colours.
        is_deep: whether any has values of more than 8 bits.
        seen: how many images were looked at.
        with_frames: how many of these have further frames that are not read.
        with_channels: how many have channels beside colours and transparency that are not read.
    """

    sizes: Mapping[tuple[int, int], int]
    is_grey: bool
    is_deep: bool
    seen: int
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
        """Choose the model's shape: the size asked for, or the small one that all share, or 32².

        Args:
            image_size: (height, width) asked for.
            grey: whether one channel is asked for, whatever the images have.
        """
        channels = 1 if grey or self.is_grey else 3
        if image_size is not None:
            return *image_size, channels
        if len(self.sizes) == 1 and max(size := next(iter(self.sizes))) <= LARGEST_KEPT_SIZE:
            return *size, channels
        return DEFAULT_SIZE, DEFAULT_SIZE, channels

    def share_outside(self, shape: Shape) -> float:
        """The share of the pictures' area that a crop of these proportions leaves out."""
        wanted = shape[0] / shape[1]
        outside = sum(
            count * (1 - min(height / width, wanted) / max(height / width, wanted))
            for (height, width), count in self.sizes.items()
        )
        return outside / max(1, sum(self.sizes.values()))


class Source(Protocol):
    """Images that can be decoded in order."""

    def __len__(self) -> int:
        """How many images there are."""

    def survey(self) -> Survey:
        """Look at the headers."""

    def values(self, is_deep: bool) -> dict[str, Values]:
        """Look at the stored values, as far as the range depends on them.

        They are those of each array, by its name, or of all image files together; what is blank
        is left out.
        """

    def blocks(self, indices: np.ndarray, form: Form) -> Iterator[Block]:
        """Decode the images at these indices, which ascend."""

    def mapped(self, form: Form) -> np.ndarray | None:
        """The images themselves, where they lie on the disk in just this form, else None."""

    def digest(self) -> str | None:
        """SHA-256, in hex, of what changes whenever the files do; None if a cache is of no use."""

    def name(self, index: int) -> str:
        """What a message calls an image."""

    def fault(self, index: int) -> str:
        """Say why an image could not be read."""


@dataclass(frozen=True)
class Chosen:
    """Some images of a source, as a source."""

    source: Source
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def survey(self) -> Survey:
        return self.source.survey()

    def values(self, is_deep: bool) -> dict[str, Values]:
        return self.source.values(is_deep)

    def blocks(self, indices: np.ndarray, form: Form) -> Iterator[Block]:
        for block in self.source.blocks(self.indices[indices], form):
            yield block._replace(indices=np.searchsorted(self.indices, block.indices))

    def mapped(self, form: Form) -> None:
        return None

    def digest(self) -> None:
        return None

    def name(self, index: int) -> str:
        return self.source.name(int(self.indices[index]))

    def fault(self, index: int) -> str:
        return self.source.fault(int(self.indices[index]))


def all_of(source: Source) -> Source:
    """The source that images were chosen from; itself if none were."""
    return source.source if isinstance(source, Chosen) else source


@dataclass(frozen=True)
class Part:
    """One split as it was found.

    Attributes:
        source: of its images.
        labels: ``(n,)`` int64, indices of the layout's classes.
        columns: what else is known of each image: ``(n,)`` float64.
    """

    source: Source
    labels: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """What lies at a place.

    Attributes:
        origin: the kind of files, in words.
        classes: names, in the order of the labels.
        parts: by their role, see ``explorer.data.roles``.
        image_shape: of arrays, which have one; None for image files.
    """

    origin: str
    classes: tuple[str, ...]
    parts: Mapping[str, Part]
    image_shape: Shape | None = None

    def with_classes(self, names: tuple[str, ...], path: Path) -> Layout:
        """The same with the classes of a published set, whose labels may be their numbers.

        Raises:
            DatasetError: the classes found are others.
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
