"""Find or download the published image sets that can be given by name."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.data.files.download import File
from explorer.data.files.download import download as fetch
from explorer.data.files.published import CIFAR10_CLASSES
from explorer.data.pixels import Shape
from explorer.data.ranges import BYTES, Range
from explorer.data.sources.source import Layout
from explorer.errors import DatasetError

SYSTEM_DATA_DIR = Path("/usr/share/datasets")
"""Where Debian's dataset-* packages install their files."""
_LAROCHELLE = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


@dataclass(frozen=True)
class NamedSet:
    """A published image set, and where its files usually are below a folder of data sets."""

    title: str
    classes: tuple[str, ...]
    licence: str
    image_shape: Shape
    background: float | None  # in [0, 1]; None if it must be estimated
    places: tuple[str, ...]
    files: tuple[File, ...]
    has_licence: bool = True
    may_be_kept: bool = False
    range: Range = BYTES


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
        places=("fashion-mnist", "fashion_mnist", "FashionMNIST/raw", "FashionMNIST"),
        files=tuple(
            File(f"{_KERAS}{split}-{kind}-ubyte.gz", f"fashion-mnist/{split}-{kind}-ubyte.gz")
            for split in ("train", "t10k")
            for kind in ("images-idx3", "labels-idx1")
        ),
        may_be_kept=True,
    ),
    "mnist": NamedSet(
        title="MNIST",
        classes=tuple("0123456789"),
        licence="CC BY-SA 3.0 (LeCun, Cortes, Burges)",
        image_shape=(28, 28, 1),
        background=0.0,
        places=("mnist", "MNIST/raw", "MNIST", "mnist.npz"),
        files=(
            File(
                f"{_KERAS}mnist.npz", "mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            ),
        ),
    ),
    "binarized_mnist": NamedSet(
        title="MNIST as Larochelle binarised it",
        classes=("digit",),
        licence="CC BY-SA 3.0 (LeCun, Cortes, Burges; Larochelle)",
        image_shape=(28, 28, 1),
        background=0.0,
        places=("binarized_mnist", "binarized-mnist", "BinaryMNIST"),
        files=tuple(
            File(f"{_LAROCHELLE}{name}", f"binarized_mnist/{name}", sha256)
            for name, sha256 in (
                (
                    "binarized_mnist_train.amat",
                    "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
                ),
                (
                    "binarized_mnist_valid.amat",
                    "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
                ),
                (
                    "binarized_mnist_test.amat",
                    "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
                ),
            )
        ),
        range=Range(0.0, 1.0),
    ),
    "cifar10": NamedSet(
        title="CIFAR-10",
        classes=CIFAR10_CLASSES,
        licence="none stated (Krizhevsky, 2009)",
        has_licence=False,
        image_shape=(32, 32, 3),
        background=None,
        places=(
            "cifar-10-batches-py-target/cifar-10-batches-py",
            "cifar-10-batches-py",
            "cifar-10-python.tar.gz",
            "cifar10",
            "cifar10.zip",
            "cifar10-jpeg.zip",
        ),
        files=(
            File(
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                "cifar-10-python.tar.gz",
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ),
        ),
    ),
}  # fmt: skip


def name_of_set(source: str) -> str | None:
    """Return the key of a set given in a spelling such as ``"Fashion-MNIST"``; None for others."""
    plain = _plain(source.removesuffix("/")).removesuffix("grey")
    return next((name for name in NAMED if _plain(name) == plain), None)


def find_named(
    name: str, find: Callable[[Path], Layout], *, data_dir: Path | None, download: bool
) -> Layout:
    """Find a named set, or download it.

    Args:
        name: a key of `NAMED`.
        find: finds the images in a folder or file.
        data_dir: a folder of data sets to look in first.
        download: whether to download a set that is not on this machine.

    Raises:
        DatasetError: it is not on this machine and cannot be downloaded.
    """
    named = NAMED[name]
    result = _find_in_folders(named, find, data_dir) or _find_in_keras_cache(named, find)
    if result is None and download:
        _download(named)
        result = _find_in_keras_cache(named, find)
    if result is None:
        raise DatasetError(
            f"{named.title} is not on this machine; fetch it with "
            f"'python -m explorer data {name}', or name a folder that holds it in --data-dir "
            f"or LATENT_DATA_DIR."
        )
    return result


def _find_in_folders(
    named: NamedSet, find: Callable[[Path], Layout], data_dir: Path | None
) -> Layout | None:
    variable = os.environ.get("LATENT_DATA_DIR")
    folders = [Path(folder).expanduser() for folder in (data_dir, variable) if folder]
    for folder in folders:
        if not folder.is_dir():
            raise DatasetError(f"The data folder {folder} does not exist.")
    own_names = {_plain(place) for place in named.places}
    for folder in [*folders, SYSTEM_DATA_DIR]:
        for place in named.places:
            if (folder / place).exists():
                return find(folder / place)
        full = folder.resolve()
        if {_plain(full.name), _plain(f"{full.parent.name}/{full.name}")} & own_names:
            return find(folder)
    return None


def _plain(name: str) -> str:
    """Return a name in lower case without separators, which people spell differently."""
    return re.sub(r"[-_ /]", "", name.lower())


def _find_in_keras_cache(named: NamedSet, find: Callable[[Path], Layout]) -> Layout | None:
    for folder in _keras_caches():
        for place in named.places:
            # An interrupted download counts as missing: Keras will download it again.
            with contextlib.suppress(DatasetError):
                if (folder / place).exists():
                    return replace(find(folder / place), origin="Keras cache")
    return None


def _keras_caches() -> list[Path]:
    """Return where Keras keeps downloads: its home and, if not writable, a temporary folder."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    fallback = Path("/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir(), ".keras")
    above = next(folder for folder in (home, *home.parents) if folder.exists())
    homes = [home] if os.access(above, os.W_OK) else [home, fallback]
    return [folder / "datasets" for folder in homes]


def _download(named: NamedSet) -> None:
    """Download a set to where Keras keeps it, so that both programs find it."""
    from http.client import HTTPException  # slow to import and seldom needed

    try:
        fetch(named.files, _keras_caches()[-1])
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        source = named.files[0].url.rpartition("/")[0]
        raise DatasetError(
            f"{named.title} is not on this machine and could not be downloaded ({reason}); connect "
            f"to the internet, or get it from {source} and name a folder that holds the set in "
            "--data-dir or LATENT_DATA_DIR."
        ) from error
