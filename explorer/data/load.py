"""Load an image set: a named one, or a person's own images in any layout that is known."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from explorer.core.subsets import split_by_class
from explorer.data.cifar import find_cifar10, is_cifar10
from explorer.data.dataset import Dataset, Found, Reader, Split, choose_shape
from explorer.data.folders import find_class_folders
from explorer.data.idx import find_idx, list_idx_files
from explorer.data.named import NAMED, find_named
from explorer.data.npz import find_npz
from explorer.data.pixels import Shape, resample, to_picture
from explorer.data.progress import with_progress
from explorer.data.spool import spool
from explorer.errors import DatasetError

MAX_IMAGE_SIZE = 512
"""Pixels a side: images are decoded, and models made, in memory."""


def load_dataset(
    source: str | Path,
    *,
    data_dir: Path | None = None,
    image_size: int | None = None,
    grey: bool = False,
    test_fraction: float = 1 / 7,
    seed: int = 0,
    download: bool = True,
) -> Dataset:
    """Load a named set, or a person's own images.

    A named set is looked for in ``data_dir``, ``$LATENT_DATA_DIR``, ``/usr/share/datasets`` and
    Keras's cache, in this order, and then downloaded. Own images are a folder or zip with one
    folder for each class, a folder of IDX files, or an NPZ file laid out as Keras's ``mnist.npz``.

    Args:
        source: a key of `NAMED`, or the same with ``"-grey"``; else a path.
        data_dir: a folder of data sets, such as one that holds ``mnist/*.gz``.
        image_size: side in pixels to crop and resize to; by default the images' own size if
            they share one of up to 64 px, else 32.
        grey: make the images grey (ITU-R BT.601 luma).
        test_fraction: share of each class to set aside where there is no test split.
        seed: of the choice of those test images.
        download: whether to download a named set that is not on this machine.

    Raises:
        DatasetError: there is no such set, or it cannot be used.

    Example:
        >>> load_dataset("mnist").test.images.shape
        (10000, 28, 28, 1)
    """
    if image_size is not None and not 1 <= image_size <= MAX_IMAGE_SIZE:
        raise DatasetError(
            f"The image size must be from 1 to {MAX_IMAGE_SIZE} pixels, but is {image_size}."
        )
    if not 0 < test_fraction < 1:
        raise DatasetError(f"The test fraction must lie between 0 and 1, but is {test_fraction}.")
    name = str(source).removesuffix("-grey")
    path = Path(source).expanduser()
    try:
        if name in NAMED:
            grey = grey or name != source
            dataset = _load_named(name, data_dir, image_size, grey, download)
        elif source and path.exists():
            dataset = _load_own(path, image_size, grey, test_fraction, seed)
        else:
            raise DatasetError(
                f"There is no data set or file called {source}; "
                f"give one of {', '.join(NAMED)}, or a path to your own images."
            )
    except OSError as error:
        raise _explain(error) from error
    return dataset


def _load_own(
    path: Path, image_size: int | None, grey: bool, test_fraction: float, seed: int
) -> Dataset:
    found = _find_images(path, image_size=image_size, grey=grey or None)
    shape = choose_shape(found.image_shape[:2], 1 if grey else found.image_shape[2], image_size)
    title = path.resolve().name if path.is_dir() else path.stem
    read_train, read_test = _make_splits(found, test_fraction, seed)
    return Dataset(
        name=_slug(title),
        title=title,
        classes=found.classes,
        licence="the owner's",
        origin=found.origin,
        image_shape=shape,
        may_be_kept=True,
        read_train=partial(_read, read_train, shape),
        read_test=partial(_read, read_test, shape),
    )


def _find_images(
    path: Path,
    *,
    classes: tuple[str, ...] | None = None,
    image_size: int | None = None,
    grey: bool | None = None,
) -> Found:
    """Find out what lies at a path; ``image_size`` and ``grey`` count for image files only."""
    if path.is_dir() and is_cifar10(path):
        return find_cifar10(path)
    if path.is_dir() and list_idx_files(path):
        return find_idx(path, classes=classes)
    if path.suffix.lower() == ".npz":
        return find_npz(path, classes=classes)
    if path.is_dir() or zipfile.is_zipfile(path):
        return find_class_folders(path, classes=classes, image_size=image_size, grey=grey)
    raise DatasetError(
        f"{path} is neither a folder nor a zip nor an .npz file; "
        "give a folder or a zip with one folder of images for each class."
    )


def _make_splits(found: Found, test_fraction: float, seed: int) -> tuple[Reader, Reader]:
    """Return readers of the training and test images, setting test images aside if need be."""
    if found.read_test is not None:
        return found.read_train, found.read_test
    labels = found.train_labels
    if labels is None:
        labels = found.read_train(None).labels
    train, test = split_by_class(labels, test_fraction, seed)
    return lambda _: found.read_train(train), lambda _: found.read_train(test)


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "images"
    reserved = {name.replace("_", "-") for name in NAMED}
    return f"own-{slug}" if slug.removesuffix("-grey") in reserved else slug


def _load_named(
    name: str, data_dir: Path | None, image_size: int | None, grey: bool, download: bool
) -> Dataset:
    named = NAMED[name]
    height, _, channels = named.image_shape
    greyed = grey and channels > 1
    shape = choose_shape(named.image_shape[:2], 1 if grey else channels, image_size)
    find = partial(
        _find_images, classes=named.classes, image_size=image_size or height, grey=shape[2] == 1
    )
    found = find_named(name, find, data_dir=data_dir, download=download)
    if found.read_test is None:
        raise DatasetError(f"{named.title} was found without its test images ({found.origin}).")
    if found.image_shape not in (named.image_shape, shape):
        raise DatasetError(
            f"{named.title} has images of shape {named.image_shape}, "
            f"but those found have {found.image_shape} ({found.origin})."
        )
    return Dataset(
        name=f"{name}-grey" if greyed else name,
        title=f"{named.title} (grey)" if greyed else named.title,
        classes=named.classes,
        licence=named.licence,
        origin=found.origin,
        image_shape=shape,
        may_be_kept=named.may_be_kept,
        read_train=partial(_read, found.read_train, shape),
        read_test=partial(_read, found.read_test, shape),
        known_background=named.background,
    )


def _read(read: Reader, image_shape: Shape) -> Split:
    try:
        split = read(None)
    except OSError as error:
        raise _explain(error) from error
    if split.images.shape[1:] == image_shape:
        return split
    return Split(_resize(split.images, image_shape), split.labels)


def _resize(images: np.ndarray, image_shape: Shape) -> np.ndarray:
    """Crop, resize and grey arrays as if each was an image file."""
    pixels = images[..., 0] if images.shape[-1] == 1 else images
    pictures = (to_picture(Image.fromarray(np.asarray(image)), image_shape) for image in pixels)
    resized = (resample(picture, image_shape)[0] for picture in pictures)
    return spool(with_progress(resized, len(images)), image_shape)


def _explain(error: OSError) -> DatasetError:
    reason = error.strerror or error
    return DatasetError(f"{error.filename or 'The data'} could not be read: {reason}.")
