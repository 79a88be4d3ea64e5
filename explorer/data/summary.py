"""Describe an image set and how its files were understood, as text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset
from explorer.data.report import some

FEWEST_LEVELS, DARKEST_WHITE = 32, 32
"""Number of distinct levels, of 256, and brightest value, of 255, below which a range is doubtful.
"""
_LOOKED_AT = 2_000
_CLASSES_TOLD = 12


def three_lines(dataset: Dataset) -> str:
    """Describe the images, how they were read, and what was left out, in a line each.

    This reads both splits.
    """
    left_out = dataset.report.left_out_line()
    return "\n".join(
        (
            f"{dataset.title}: {_count(dataset)}, from {dataset.origin}",
            "; ".join((_form(dataset), *_doubts(dataset), *dataset.report.notes)),
            f"left out: {left_out or 'nothing'}",
        )
    )


def full(dataset: Dataset) -> str:
    """Describe everything known about the set, a line for each item."""
    return "\n".join(f"{title + ':':<10} {text}" for title, text in _matters(dataset))


def _matters(dataset: Dataset) -> Iterator[tuple[str, str]]:
    yield "set", f"{dataset.title} ({dataset.name})"
    yield "source", dataset.origin
    yield "images", _count(dataset)
    yield "pixels", _form(dataset)
    yield "classes", _classes(dataset)
    if dataset.test.columns:
        yield "columns", "; ".join(dataset.test.columns)
    for note in dataset.report.notes:
        yield "note", note
    for doubt in _doubts(dataset):
        yield "warning", doubt
    yield "left out", dataset.report.left_out_line() or "nothing"


def _count(dataset: Dataset) -> str:
    train, test = len(dataset.train.images), len(dataset.test.images)
    return f"{train:,} training and {test:,} test images"


def _form(dataset: Dataset) -> str:
    height, width, channels = dataset.image_shape
    colour = "grey" if channels == 1 else "colour"
    count = len(dataset.classes)
    classes = f"{count:,} class{'es' if count > 1 else ''}"
    return f"{height} × {width}, {colour}, {classes}, range {dataset.range}"


def _classes(dataset: Dataset) -> str:
    counts = _images_of_classes(dataset)
    told = [f"{name} ({count:,})" for name, count in counts[:_CLASSES_TOLD]]
    more = len(dataset.classes) - len(told)
    return f"{len(dataset.classes):,}: {', '.join(told)}{f' and {more:,} more' if more else ''}"


def _images_of_classes(dataset: Dataset) -> list[tuple[str, int]]:
    labels = np.concatenate([dataset.train.labels, dataset.test.labels])
    counts = np.bincount(labels, minlength=len(dataset.classes)).tolist()
    return [*zip(dataset.classes, counts, strict=True)]


def _doubts(dataset: Dataset) -> Iterator[str]:
    """Yield classes without images, and signs that the range or the channels are wrong."""
    if empty := [name for name, count in _images_of_classes(dataset) if not count]:
        yield f"no image of these classes was read: {some(empty)}"
    images = dataset.test.images
    images = images[evenly_spaced(len(images), _LOOKED_AT)]
    levels, peak = len(np.unique(images)), int(images.max())
    if images.shape[-1] == 3 and (images == images[..., :1]).all():
        yield "the files have colours, but all images inspected are grey: --grey reads them as grey"
    if peak < DARKEST_WHITE:
        option = dataset.reading.range_option
        yield f"the brightest pixel is {peak} of 255: give {option} if white is darker"
    elif levels < FEWEST_LEVELS and dataset.reading.binarise is None:
        yield f"the pixels have only {levels} level{'s' * (levels > 1)}"
