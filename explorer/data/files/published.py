"""Read CIFAR-10, CIFAR-100 and STL-10 from the files in which they are published.

Their pickles are read without running any code in them.
"""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from explorer.data.files.stored import Stored, stored_array
from explorer.data.files.tree import Tree
from explorer.data.report import Report
from explorer.errors import DatasetError

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
)  # fmt: skip
_CIFAR_SHAPE = (3, 32, 32)
_STL10_SHAPE = (3, 96, 96)
_MOST_FILES = 100
"""Most files in the folder of such a set; other folders may have millions."""
_BATCH, _BINARY = "a batch of CIFAR-10 or CIFAR-100", "CIFAR binary files"

Published = tuple[dict[str, Stored], tuple[str, ...]]
"""Arrays by name, and the names of the labels 0, 1, …"""
_Read = Callable[[str], tuple[np.ndarray, np.ndarray]]
"""Returns the images and the labels in a file."""


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles NumPy arrays and plain values only, as pickles can run any code."""

    _ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self._ALLOWED[module, name]


def find_published(tree: Tree, report: Report) -> Published | None:
    """Find one of these sets in a folder of the tree; None if there is none.

    Formats: https://www.cs.toronto.edu/~kriz/cifar.html, https://cs.stanford.edu/~acoates/stl10.

    Raises:
        DatasetError: a file of it is missing or damaged.
    """
    for parts, names in tree.folders.items():
        if len(names) > _MOST_FILES:
            continue
        prefix, there = "".join(f"{part}/" for part in parts), {*names}
        if {"test_batch", "data_batch_1"} <= there:
            return _cifar10(tree, prefix, there, "", partial(_batch, tree), "CIFAR-10 batches")
        if {"train", "test", "meta"} <= there:
            return _cifar100(tree, prefix)
        if {"test_batch.bin", "data_batch_1.bin"} <= there:
            read = partial(_records, tree, 1)
            return _cifar10(tree, prefix, there, ".bin", read, _BINARY)
        if {"train.bin", "test.bin", "fine_label_names.txt"} <= there:
            read = partial(_records, tree, 2)
            arrays = _splits([f"{prefix}train.bin"], f"{prefix}test.bin", read, _BINARY)
            return arrays, _names_in(tree, f"{prefix}fine_label_names.txt")
        if {"train_X.bin", "train_y.bin"} <= there:
            return _stl10(tree, prefix, there, report)
    return None


def _cifar10(
    tree: Tree, prefix: str, there: Set[str], ending: str, read: _Read, origin: str
) -> Published:
    train, test = [f"data_batch_{number}{ending}" for number in range(1, 6)], f"test_batch{ending}"
    for name in (*train, test):
        if name not in there:
            raise DatasetError(_lacks(tree, name, "CIFAR-10"))
    return _splits([prefix + name for name in train], prefix + test, read, origin), CIFAR10_CLASSES


def _cifar100(tree: Tree, prefix: str) -> Published:
    with _damage_as_sentence(tree, prefix + "meta", "the list of classes of CIFAR-100"):
        meta = _unpickle(tree, prefix + "meta")
        fine = tuple(name.decode() for name in meta[b"fine_label_names"])
        coarse = np.array([name.decode() for name in meta[b"coarse_label_names"]])
    read = partial(_batch, tree)
    arrays = _splits([prefix + "train"], prefix + "test", read, "CIFAR-100 batches")
    for split in ("train", "test"):
        with _damage_as_sentence(tree, prefix + split, _BATCH):
            kinds = coarse[_unpickle(tree, prefix + split)[b"coarse_labels"]]
        arrays[f"{split} superclass"] = stored_array(f"{split} superclass", kinds, "")
    return arrays, fine


def _splits(train: Sequence[str], test: str, read: _Read, origin: str) -> dict[str, Stored]:
    return _of_split("train", train, read, origin) | _of_split("test", [test], read, origin)


def _of_split(split: str, names: Sequence[str], read: _Read, origin: str) -> dict[str, Stored]:
    """Return the images in some files, one file at a time, and their labels."""
    labels = np.concatenate([read(name)[1] for name in names])

    def rows() -> Iterator[np.ndarray]:
        return (read(name)[0] for name in names)

    shape = len(labels), *_CIFAR_SHAPE
    images = Stored(f"x_{split}", shape, np.dtype(np.uint8), rows, origin)
    return {images.name: images, f"y_{split}": stored_array(f"y_{split}", labels, origin)}


def _records(tree: Tree, labels: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Map a file of records of ``labels`` label bytes, the last of which counts, and the pixels."""
    pixels = math.prod(_CIFAR_SHAPE)
    size = labels + pixels
    with tree.local(name) as file:
        found = os.fstat(file.fileno()).st_size
        if not found or found % size:
            raise DatasetError(
                f"{tree.where(name)} has {found:,} bytes, which are no whole number of images of "
                f"{size:,}; download the set again."
            )
        records = np.memmap(file, np.uint8, "r", shape=(found // size, size))
    return records[:, labels:].reshape(-1, *_CIFAR_SHAPE), records[:, labels - 1].astype(np.int64)


def _batch(tree: Tree, name: str) -> tuple[np.ndarray, np.ndarray]:
    with _damage_as_sentence(tree, name, _BATCH):
        batch = _unpickle(tree, name)
        images = batch[b"data"].reshape(-1, *_CIFAR_SHAPE)
        labels = np.array(batch.get(b"labels", batch.get(b"fine_labels")), np.int64)
        if images.dtype != np.uint8 or labels.shape != (len(images),):
            raise ValueError("images and labels do not fit")
    return images, labels


def _stl10(tree: Tree, prefix: str, there: Set[str], report: Report) -> Published:
    """Read pixels in one plane per colour, column by column, and labels that count from 1."""
    arrays: dict[str, Stored] = {}
    for split in ("train", "test"):
        if f"{split}_X.bin" not in there:
            continue
        if f"{split}_y.bin" not in there:
            raise DatasetError(_lacks(tree, f"{split}_y.bin", "STL-10"))
        with tree.open(f"{prefix}{split}_y.bin") as file:
            labels = np.frombuffer(file.read(), np.uint8)
        name = f"{prefix}{split}_X.bin"
        with tree.local(name) as file:
            found = os.fstat(file.fileno()).st_size
            if not 0 < len(labels) * math.prod(_STL10_SHAPE) <= found:
                raise DatasetError(
                    f"{tree.where(name)} has {found:,} bytes, too few for its {len(labels):,} "
                    "labels; download the set again."
                )
            images = np.memmap(file, np.uint8, "r", shape=(len(labels), *_STL10_SHAPE))
        images = images.transpose(0, 3, 2, 1)
        arrays[f"x_{split}"] = stored_array(f"x_{split}", images, "STL-10 files")
        arrays[f"y_{split}"] = stored_array(f"y_{split}", labels.astype(np.int64) - 1, "")
    if "unlabeled_X.bin" in there:
        report.leave_out("files of images without labels", "unlabeled_X.bin")
    names = "class_names.txt"
    return arrays, _names_in(tree, prefix + names) if names in there else ()


def _lacks(tree: Tree, name: str, title: str) -> str:
    return f"{tree.path} lacks {name} of {title}; download the set again."


def _names_in(tree: Tree, name: str) -> tuple[str, ...]:
    with tree.open(name) as file:
        return tuple(file.read().decode().split())


@contextmanager
def _damage_as_sentence(tree: Tree, name: str, kind: str) -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # damaged pickles raise nearly anything
        raise DatasetError(
            f"{tree.where(name)} is not {kind}, or is damaged; download the set again."
        ) from error


def _unpickle(tree: Tree, name: str) -> dict[bytes, Any]:
    with tree.local(name) as file:
        content: dict[bytes, Any] = _ArrayUnpickler(file, encoding="bytes").load()
        return content
