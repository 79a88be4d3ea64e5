"""Load image sets: Fashion-MNIST, MNIST, CIFAR-10 or a person's own images.

A `Dataset` knows its classes and image shape at once and reads a split when it is first asked
for. TensorFlow and Keras are imported only to download a named set.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from explorer.data.arrays import (
    CIFAR10_CLASSES,
    find_cifar10,
    find_idx,
    find_npz,
    is_cifar10,
    list_idx_files,
)
from explorer.data.folders import (
    DatasetError,
    Found,
    Reader,
    Shape,
    Split,
    choose_shape,
    find_class_folders,
    fit_images,
    in_chunks,
)

__all__ = ["NAMED", "Dataset", "DatasetError", "Split", "dataset_fingerprint", "load_dataset"]

SYSTEM_DATA_DIR = Path("/usr/share/datasets")  # where Debian's dataset-* packages install
MAX_IMAGE_SIZE = 512
"""Pixels a side: images are decoded, and models made, in memory."""
BACKGROUND_SAMPLE = 1000  # images from which the background is estimated


@dataclass(frozen=True)
class NamedSet:
    """A published image set, and where its files usually lie below a folder of data sets."""

    title: str
    classes: tuple[str, ...]
    licence: str
    image_shape: Shape
    background: float | None  # in [0, 1]; None where it must be estimated
    places: tuple[str, ...]
    keras_module: str
    may_be_kept: bool = False


NAMED = {
    "fashion_mnist": NamedSet(
        title="Fashion-MNIST",
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        licence="MIT (Zalando Research)",
        image_shape=(28, 28, 1),
        background=0.0,
        places=("fashion-mnist", "fashion_mnist", "FashionMNIST/raw"),
        keras_module="fashion_mnist",
        may_be_kept=True,
    ),
    "mnist": NamedSet(
        title="MNIST",
        classes=tuple("0123456789"),
        licence="CC BY-SA 3.0 (LeCun, Cortes, Burges)",
        image_shape=(28, 28, 1),
        background=0.0,
        places=("mnist", "MNIST/raw", "mnist.npz"),
        keras_module="mnist",
    ),
    "cifar10": NamedSet(
        title="CIFAR-10",
        classes=CIFAR10_CLASSES,
        licence="none stated (Krizhevsky, 2009)",
        image_shape=(32, 32, 3),
        background=None,
        places=(
            "cifar-10-batches-py-target/cifar-10-batches-py",
            "cifar-10-batches-py",
            "cifar10",
            "cifar10.zip",
            "cifar10-jpeg.zip",
        ),
        keras_module="cifar10",
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Dataset:
    """An image set whose splits are read when first asked for, and then kept.

    Attributes:
        name: such as ``"mnist"``, ``"cifar10-grey"``, or a slug of a folder's name.
        title: the name for people, such as ``"CIFAR-10 (grey)"``.
        classes: names, in the order of the labels.
        licence: one line.
        origin: what was found, such as ``"IDX files"``; never a path.
        image_shape: ``(height, width, channels)``; channels are 1 or 3.
        may_be_kept: whether its licence allows test images to be kept beside a bundle.
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
    known_background: float | None = field(default=None, repr=False)

    @cached_property
    def train(self) -> Split:
        """The training images; raises DatasetError if they turn out to be damaged."""
        return self.read_train()

    @cached_property
    def test(self) -> Split:
        """The test images; raises DatasetError if they turn out to be damaged."""
        return self.read_test()

    @cached_property
    def background(self) -> float | tuple[float, ...]:
        """What lies behind the objects, in [0, 1]; one value for each channel if there are three.

        Where it is not known, the median of the border pixels of up to 1,000 test images.
        """
        if self.known_background is not None:
            return self.known_background
        return _estimate_background(self.test.images)

    def limited(self, count: int) -> Dataset:
        """The same data set with at most ``count`` images in each split, evenly spaced."""
        return replace(
            self,
            read_train=lambda: thin_out(self.train, count),
            read_test=lambda: thin_out(self.test, count),
        )


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


def dataset_fingerprint(split: Split) -> str:
    """SHA-256, in hex, of a split's shape, images and labels, whatever they were read from."""
    digest = hashlib.sha256(repr(tuple(map(int, split.images.shape))).encode())
    for images in in_chunks(split.images):
        digest.update(np.ascontiguousarray(images).data)
    digest.update(split.labels.astype("<i8").data)
    return digest.hexdigest()


def evenly_spaced(total: int, count: int) -> np.ndarray:
    """Indices of ``count`` of ``total`` items, or of all if there are fewer, spread over all."""
    return np.linspace(0, total - 1, min(count, total)).round().astype(np.int64)


def thin_out(split: Split, count: int) -> Split:
    """At most ``count`` of a split's images, spread over all of them, as a copy."""
    chosen = evenly_spaced(len(split.images), count)
    return Split(split.images[chosen], split.labels[chosen])


# --- a person's own images ------------------------------------------------------------------


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


def split_by_class(
    labels: np.ndarray, test_fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose training and test images at random, the same share of each class.

    Args:
        labels: ``(n,)`` with n ≥ 2.
        test_fraction: of each class; at least one image of it, if it has two.
        seed: the same seed gives the same choice.

    Returns:
        Sorted indices of the training and of the test images.
    """
    generator = np.random.default_rng(seed)
    if np.bincount(labels).max() == 1:  # one image of each class: only the whole can be split
        labels = np.zeros_like(labels)
    is_test = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = max(1, round(len(members) * test_fraction))
        is_test[members[: min(count, len(members) - 1)]] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "images"
    reserved = {name.replace("_", "-") for name in NAMED}
    return f"own-{slug}" if slug.removesuffix("-grey") in reserved else slug


# --- named sets -----------------------------------------------------------------------------


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
    found = _find_named(named, find, data_dir) or _find_in_keras_cache(named, find)
    if found is None and download:
        _download(named)
        found = _find_in_keras_cache(named, find)
    if found is None:
        raise DatasetError(
            f"{named.title} is not on this machine; fetch it with "
            f"'python -m explorer.datasets {name}', or name a folder that holds it in --data-dir "
            f"or LATENT_DATA_DIR."
        )
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


def _find_named(
    named: NamedSet, find: Callable[[Path], Found], data_dir: Path | None
) -> Found | None:
    variable = os.environ.get("LATENT_DATA_DIR")
    folders = [Path(folder).expanduser() for folder in (data_dir, variable) if folder]
    for folder in folders:
        if not folder.is_dir():
            raise DatasetError(f"The data folder {folder} does not exist.")
    for folder in [*folders, SYSTEM_DATA_DIR]:
        for place in named.places:
            if (folder / place).exists():
                return find(folder / place)
    return None


def _find_in_keras_cache(named: NamedSet, find: Callable[[Path], Found]) -> Found | None:
    for folder in _keras_caches():
        for place in named.places:
            # An interrupted download is as good as none: Keras will download it again.
            with contextlib.suppress(DatasetError):
                if (folder / place).exists():
                    return replace(find(folder / place), origin="Keras cache")
    return None


def _keras_caches() -> list[Path]:
    """Where Keras keeps downloads: its home, or a temporary folder if it may not write there."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    fallback = Path("/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir(), ".keras")
    homes = [home] if os.access(home, os.W_OK) else [home, fallback]
    return [folder / "datasets" for folder in homes]


def _download(named: NamedSet) -> None:
    """Have Keras download a set into its cache, showing its progress bar."""
    try:
        keras = importlib.import_module("keras")
    except ImportError as error:
        raise DatasetError(
            f"{named.title} is not on this machine, and downloading it needs Keras; "
            "install TensorFlow, or name a folder that holds the set in LATENT_DATA_DIR."
        ) from error
    try:
        getattr(keras.datasets, named.keras_module).load_data()
    except Exception as error:  # Keras raises plain Exception when it cannot reach a server
        raise DatasetError(
            f"{named.title} is not on this machine and could not be downloaded ({error}); connect "
            "to the internet, or name a folder that holds the set in --data-dir or LATENT_DATA_DIR."
        ) from error


# --- shared ---------------------------------------------------------------------------------


def _read(read: Reader, image_shape: Shape) -> Split:
    try:
        split = read(None)
    except OSError as error:
        raise _explain(error) from error
    return Split(fit_images(split.images, image_shape), split.labels)


def _explain(error: OSError) -> DatasetError:
    reason = error.strerror or error
    return DatasetError(f"{error.filename or 'The data'} could not be read: {reason}.")


def _estimate_background(images: np.ndarray) -> float | tuple[float, ...]:
    sample = images[:: max(1, len(images) // BACKGROUND_SAMPLE)]  # spread over all classes
    is_border = np.ones(images.shape[1:3], bool)
    is_border[1:-1, 1:-1] = False
    median = np.median(sample[:, is_border], axis=(0, 1)) / 255  # (channels,)
    return float(median[0]) if len(median) == 1 else tuple(float(value) for value in median)
