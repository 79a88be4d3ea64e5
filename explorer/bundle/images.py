"""The test images that a bundle was computed from: kept once for all bundles of a data set."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from pathlib import Path

import numpy as np

from explorer.bundle.arrays import read_images, save_arrays
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import BundleError, DataCard, ReadingCard, storable
from explorer.bundle.files import read_file
from explorer.bundle.store import IMAGES_FOLDER
from explorer.data.binarise import BINARY
from explorer.data.dataset import Dataset, Split, dataset_fingerprint
from explorer.data.named import NAMED
from explorer.data.reading import Reading
from explorer.errors import DatasetError

MAX_VALUES = 256 * 256
"""Largest number of values in an image to which a public data set's test images are resized: 10,000
of that size fill a temporary file of 0.7 GB."""


def images_path(folder: Path, data: DataCard) -> Path:
    """Where the test images of a data set are kept for all its bundles in ``folder``."""
    return folder / IMAGES_FOLDER / f"{data.name}-{data.test_sha256[:8]}.npz"


def save_images(images: np.ndarray, path: Path) -> None:
    """Keep test images for all bundles of a data set; several processes may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=path.parent) as folder:
        save_arrays(Path(folder) / path.name, images=images)
        os.replace(Path(folder) / path.name, path)


def load_images(path: Path, data: DataCard) -> np.ndarray:
    """Read kept test images, ``(n, height, width, channels)`` uint8.

    Raises:
        BundleError: the file is damaged or holds other images.
    """
    shape = data.test_images, *data.image_shape
    return read_images(read_file(path), shape, f"{path.name} of {path.parent.name}")


def find_originals(bundle: Bundle) -> np.ndarray | None:
    """The test images, uint8 ``(n, height, width, channels)``; None if they cannot be found.

    They are searched for beside the bundle, then, unless ``are_too_large``, among this machine's
    data sets. Nothing is downloaded, and images other than the card's are not accepted.
    """
    data = bundle.card.data

    def are_those(images: np.ndarray) -> bool:
        return dataset_fingerprint(Split(images, bundle.latents.labels)) == data.test_sha256

    with contextlib.suppress(BundleError):  # missing or damaged, but this machine may have them
        kept = load_images(images_path(bundle.path.parent, data), data)
        if are_those(kept):
            return kept
    if are_too_large(data):
        return None
    try:
        found = load_card_data(data).test.images
    except DatasetError:
        return None
    return found if are_those(found) else None


def are_too_large(data: DataCard) -> bool:
    """Whether a public data set's images are not resized to the card's size."""
    return public_name(data) is not None and math.prod(data.image_shape) > MAX_VALUES


def why_missing(data: DataCard) -> str:
    """Say why ``find_originals`` finds no images, after 'the images of …'."""
    if are_too_large(data):
        height, width, _ = data.image_shape
        return f"are not enlarged to {width} × {height} pixels here, as that takes too much room"
    return "are not on this machine"


def load_card_data(
    data: DataCard, source: str | None = None, data_dir: Path | None = None
) -> Dataset:
    """Load the data set that a card names, in the card's form; nothing is downloaded.

    Args:
        data: the card's description of the data set.
        source: where the data set is, if it is not a public one.
        data_dir: folder that is searched first for data sets.

    Raises:
        DatasetError: it is not on this machine, or ``source`` is needed.
    """
    from explorer.data.load import load_dataset  # slow to import, and seldom needed

    source = source or public_name(data)
    if source is None:
        raise DatasetError(f"{data.title} is not a public data set; say where it is with --data.")
    kept = data.reading
    reading = Reading(
        image_size=data.image_shape[:2],
        grey=data.image_shape[2] == 1,
        fit=kept.fit,
        range=(kept.low, kept.high),
        label=kept.label,
        class_level=kept.class_level,
        first_page=kept.first_page,
        whole=kept.whole,
        binarise=kept.binarise,
    )
    dataset = load_dataset(source, reading, data_dir=data_dir, download=False)
    dataset = dataset.ordered(data.classes)
    return dataset if data.limit is None else dataset.limited(data.limit)


def find_data(bundle: Bundle, source: str | None, data_dir: Path | None) -> Dataset:
    """Find the very images from which the card was computed.

    Raises:
        DatasetError: if they are not on this machine, or if the images here are others.
    """
    data = bundle.card.data
    dataset = load_card_data(data, source, data_dir)
    if data.reading.whole and len(dataset.test.images) == data.test_images:
        dataset = dataset.relabelled(bundle.latents.labels, data.classes)  # they may be the user's
    for part, split, expected in (
        ("training", dataset.train, data.train_sha256),
        ("test", dataset.test, data.test_sha256),
    ):
        if dataset_fingerprint(split) != expected:
            raise DatasetError(
                f"the {part} images of {data.title} on this machine are not the card's"
            )
    return dataset


def describe_data(dataset: Dataset, *, train_sha256: str, limit: int | None = None) -> DataCard:
    """Describe the images for a card.

    Args:
        dataset: the images.
        train_sha256: ``dataset_fingerprint`` of the training images, which takes a while.
        limit: the ``count`` that ``Dataset.limited`` was given.
    """
    reading = dataset.reading
    return DataCard(
        name=dataset.name,
        title=storable(dataset.title),
        classes=tuple(map(storable, dataset.classes)),
        image_shape=dataset.image_shape,
        background=dataset.background,
        licence=dataset.licence,
        origin=dataset.origin,
        limit=limit,
        train_images=len(dataset.train.images),
        test_images=len(dataset.test.images),
        train_sha256=train_sha256,
        test_sha256=dataset_fingerprint(dataset.test),
        reading=ReadingCard(
            low=dataset.range.low,
            high=dataset.range.high,
            kind=dataset.range.kind,
            fit=reading.fit,
            label=reading.label,
            class_level=reading.class_level,
            first_page=reading.first_page,
            whole=reading.whole,
            binarise=reading.binarise,
        ),
    )


def public_name(data: DataCard) -> str | None:
    """The name by which anyone can get the images; None for the user's own."""
    name = data.name.removesuffix(BINARY).removesuffix("-grey")
    return name if name in NAMED else None
