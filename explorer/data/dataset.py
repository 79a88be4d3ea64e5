"""An image set: splits of images and labels, which are read on first use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from explorer.core.subsets import CHUNK, evenly_spaced, in_chunks
from explorer.data.binarise import drawn_once
from explorer.data.files.temporary import spool
from explorer.data.pixels import Background, Form, Shape, lay_on
from explorer.data.ranges import BYTES, Range
from explorer.data.reading import AS_THEY_ARE, Reading
from explorer.data.report import Report

_DARK = 64
"""A value, of 255, below which an object would hardly be seen on black."""
BACKGROUND_SAMPLE = 1000
"""Fewest test images from which the background is estimated; all if there are fewer."""


@dataclass(frozen=True, eq=False)
class Transparency:
    """Which images of a split are transparent somewhere, and how much.

    Attributes:
        indices: ``(m,)`` int64, indices of the images, ascending.
        alpha: ``(m, height, width, 1)`` uint8, 255 where they are opaque.
    """

    indices: np.ndarray
    alpha: np.ndarray


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one split, read-only, and the indices of their classes.

    Attributes:
        images: ``(n, height, width, channels)`` uint8, in memory or memory-mapped.
        labels: ``(n,)`` int64.
        transparency: alpha of images without a background yet; None if all images are opaque.
        columns: other values for each image, by name: ``(n,)`` float64, NaN where unknown.
    """

    images: np.ndarray
    labels: np.ndarray
    transparency: Transparency | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Dataset:
    """An image set whose splits are read on first use, and then kept.

    Attributes:
        name: its identifier, such as ``"mnist"``, ``"cifar10-grey"``, or a slug of a folder's name.
        title: its name for display, such as ``"CIFAR-10 (grey)"``.
        classes: class names, in the order of the labels.
        licence: its licence, in one line.
        origin: the kind of files found, such as ``"IDX files"``; never a path.
        image_shape: ``(height, width, channels)``, with 1 or 3 channels.
        may_be_kept: whether its licence allows test images to be kept beside a bundle.
        range: the stored values that are black and white.
        reading: the user's options.
        report: what was guessed and left out; complete once both splits have been read.
        stored_size: (height, width) of the images as they are stored, if all have the same.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    licence: str
    origin: str
    image_shape: Shape
    may_be_kept: bool
    read_train: Callable[[], Split] = field(repr=False)
    read_test: Callable[[], Split] = field(repr=False)
    known_background: Background | None = field(default=None, repr=False)
    range: Range = BYTES
    reading: Reading = field(default=AS_THEY_ARE, repr=False)
    report: Report = field(default_factory=Report, repr=False)
    stored_size: tuple[int, int] | None = None

    @property
    def form(self) -> Form:
        """How an image of this set becomes the model's pixels."""
        return Form(self.image_shape, self.range, self.reading.fit)

    @cached_property
    def train(self) -> Split:
        """The training images; raises DatasetError if they turn out to be damaged."""
        return self.test if self.reading.whole else self._drawn_once(self._grey_train, 0)

    @cached_property
    def test(self) -> Split:
        """The test images; raises DatasetError if they turn out to be damaged."""
        return self._drawn_once(self._grey_test, 1)

    @property
    def drawn_from(self) -> np.ndarray | None:
        """Grey training images that each batch is binarised from; None if ``train`` is used."""
        if self.reading.binarise != "dynamic":
            return None
        return (self._grey_test if self.reading.whole else self._grey_train).images

    @cached_property
    def background(self) -> Background:
        """Background colour behind the objects, in [0, 1], one value or one for each channel.

        Transparent parts are laid on it. If it is not known, it is the median of the opaque border
        pixels of at least 1,000 test images (all if there are fewer). If they have none, it is
        black, or white behind objects that would hardly be seen on black.
        """
        if self.known_background is not None:
            return self.known_background
        return _estimate_background(self._test_as_read, self.report)

    def limited(self, count: int) -> Dataset:
        """Return the same data set with at most ``count`` images in each split, evenly spaced."""
        return replace(
            self,
            read_train=lambda: thin_out(self._grey_train, count),
            read_test=lambda: thin_out(self._grey_test, count),
            known_background=self.background,
        )

    def relabelled(self, labels: np.ndarray, classes: tuple[str, ...]) -> Dataset:
        """Return the same data set with other labels for its test images, ``(n,)`` int64."""
        return replace(
            self,
            classes=classes,
            read_test=lambda: replace(self._grey_test, labels=labels),
            known_background=self.background,
        )

    def ordered(self, classes: tuple[str, ...]) -> Dataset:
        """Return the data set with its classes in this order; unchanged if the classes differ."""
        if classes == self.classes or sorted(classes) != sorted(self.classes):
            return self
        places = np.array([classes.index(name) for name in self.classes])

        def renumber(read: Callable[[], Split]) -> Split:
            split = read()
            return replace(split, labels=places[split.labels])

        return replace(
            self,
            classes=classes,
            read_train=partial(renumber, self.read_train),
            read_test=partial(renumber, self.read_test),
        )

    @cached_property
    def _test_as_read(self) -> Split:
        return self.read_test()

    @cached_property
    def _grey_train(self) -> Split:
        return self._on_background(self.read_train())

    @cached_property
    def _grey_test(self) -> Split:
        return self._on_background(self._test_as_read)

    def _drawn_once(self, split: Split, number: int) -> Split:
        if self.reading.binarise is None:
            return split
        images = spool(drawn_once(split.images, number), self.image_shape)
        return replace(split, images=images)

    def _on_background(self, split: Split) -> Split:
        if split.transparency is None:
            return split
        images = spool(_lay_all_on(split, self.background), self.image_shape)
        return Split(images, split.labels, columns=split.columns)


def dataset_fingerprint(split: Split) -> str:
    """Return the SHA-256, in hex, of a split's shape, images and labels, whatever their source."""
    digest = hashlib.sha256(repr(tuple(map(int, split.images.shape))).encode())
    for images in in_chunks(split.images):
        digest.update(np.ascontiguousarray(images).data)
    digest.update(split.labels.astype("<i8").data)
    return digest.hexdigest()


def thin_out(split: Split, count: int) -> Split:
    """Return a copy of at most ``count`` of a split's images, evenly spaced."""
    chosen = evenly_spaced(len(split.images), count)
    columns = {name: values[chosen] for name, values in split.columns.items()}
    return Split(split.images[chosen], split.labels[chosen], columns=columns)


def _lay_all_on(split: Split, background: Background) -> Iterator[np.ndarray]:
    """Yield the images in chunks, with transparent ones laid on a background."""
    assert split.transparency is not None
    indices, alpha = split.transparency.indices, split.transparency.alpha
    for start in range(0, len(split.images), CHUNK):
        images = split.images[start : start + CHUNK].copy()
        first, last = np.searchsorted(indices, (start, start + CHUNK))
        at = indices[first:last] - start
        images[at] = lay_on(background, images[at], alpha[first:last])
        yield images


def _estimate_background(split: Split, report: Report) -> Background:
    chosen = np.arange(0, len(split.images), max(1, len(split.images) // BACKGROUND_SAMPLE))
    images = split.images[chosen]
    is_border = np.ones(images.shape[1:3], bool)
    is_border[1:-1, 1:-1] = False
    opaque = np.ones(images.shape[:3], bool)
    if split.transparency is not None:
        _, at, of = np.intersect1d(chosen, split.transparency.indices, return_indices=True)
        opaque[at] = split.transparency.alpha[of][..., 0] == 255
    seen = opaque[:, is_border]
    seen &= seen.mean(axis=1, keepdims=True) > 0.5  # others have an object at the border
    if seen.any():
        median = np.median(images[:, is_border][seen], axis=0) / 255  # (channels,)
    else:
        objects = images[opaque]  # (pixels, channels)
        are_dark = objects.size > 0 and np.median(objects.max(axis=-1)) < _DARK
        if are_dark:
            report.note("transparent parts are shown white, as what they surround is dark")
        median = np.full(images.shape[-1], float(are_dark))
    return float(median[0]) if len(median) == 1 else tuple(float(value) for value in median)
