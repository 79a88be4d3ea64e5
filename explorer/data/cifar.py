"""Read the batches of CIFAR-10 as they are published, without running what a pickle may hold."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from explorer.data.arrays import read_whole
from explorer.data.dataset import Found, Split
from explorer.data.spool import spool
from explorer.errors import DatasetError

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
)  # fmt: skip


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles NumPy arrays and plain values and refuses all else, as pickles can run any code."""

    _ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self._ALLOWED[module, name]


def is_cifar10(folder: Path) -> bool:
    """Tell whether a folder holds the original batches of CIFAR-10 (Python version)."""
    return (folder / "test_batch").is_file() and (folder / "data_batch_1").is_file()


def find_cifar10(folder: Path) -> Found:
    """Find the images in the original batches of CIFAR-10, as in Keras's cache.

    Format: https://www.cs.toronto.edu/~kriz/cifar.html.

    Raises:
        DatasetError: one of the six batches is missing.
    """
    train = [folder / f"data_batch_{number}" for number in range(1, 6)]
    test = [folder / "test_batch"]
    for path in train + test:
        if not path.is_file():
            raise DatasetError(f"{folder} lacks {path.name} of CIFAR-10; download the set again.")
    return Found(
        origin="CIFAR-10 batches",
        classes=CIFAR10_CLASSES,
        image_shape=(32, 32, 3),
        read_train=partial(_read_batches, train),
        read_test=partial(_read_batches, test),
        train_labels=None,
    )


def _read_batches(paths: Sequence[Path], indices: np.ndarray | None) -> Split:
    labels: list[int] = []

    def read_images() -> Iterator[np.ndarray]:
        for path in paths:
            batch_images, batch_labels = _read_batch(path)
            labels.extend(batch_labels)
            yield batch_images

    images = spool(read_images(), (32, 32, 3))
    return read_whole(lambda: images, np.array(labels, np.int64))(indices)


def _read_batch(path: Path) -> tuple[np.ndarray, list[int]]:
    try:
        with path.open("rb") as file:
            batch = _ArrayUnpickler(file, encoding="bytes").load()
        images = batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels = [int(label) for label in batch[b"labels"]]
        if images.dtype != np.uint8 or len(images) != len(labels):
            raise ValueError("images and labels do not fit")
    except OSError:
        raise
    except Exception as error:  # damaged pickles raise nearly anything
        raise DatasetError(
            f"{path} is not a batch of CIFAR-10, or is damaged; download the set again."
        ) from error
    return images, labels
