"""What files of whole arrays have in common: labels to check, splits to read all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from explorer.core.subsets import in_chunks
from explorer.data.dataset import Found, Reader, Split
from explorer.data.spool import spool
from explorer.errors import DatasetError


def find_splits(
    path: Path,
    origin: str,
    shapes: Sequence[tuple[int, ...]],
    labels: Sequence[np.ndarray],
    reads: Sequence[Callable[[], np.ndarray]],
    classes: tuple[str, ...] | None,
) -> Found:
    """Check the labels of a training and maybe a test split, and say what there is.

    Args:
        path: of the file or folder, for messages.
        origin: the kind of files, in words.
        shapes: of each split's images, ``(n, height, width)`` or with channels.
        labels: of each split, whole numbers.
        reads: functions that read each split's images.
        classes: the names of the labels 0, 1, …; by default the labels are their own names.

    Raises:
        DatasetError: images and labels do not fit.
    """
    names, indices = _index_labels(path, shapes, labels, classes)
    readers = [read_whole(read, values) for read, values in zip(reads, indices, strict=True)]
    height, width, channels = (*shapes[0][1:], 1)[:3]
    return Found(
        origin=origin,
        classes=names,
        image_shape=(height, width, channels),
        read_train=readers[0],
        read_test=readers[1] if len(readers) == 2 else None,
        train_labels=indices[0],
    )


def read_whole(read: Callable[[], np.ndarray], labels: np.ndarray) -> Reader:
    """Make a reader of images that can only be read all at once."""

    def read_split(indices: np.ndarray | None) -> Split:
        images = read()
        if indices is None:
            return Split(images, labels)
        chosen = (images[chunk] for chunk in in_chunks(indices))
        return Split(spool(chosen, images.shape[1:]), labels[indices])

    return read_split


def _index_labels(
    path: Path,
    shapes: Sequence[tuple[int, ...]],
    labels: Sequence[np.ndarray],
    classes: tuple[str, ...] | None,
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Check each split's labels and turn them into class names and int64 indices into those."""
    for shape, values in zip(shapes, labels, strict=True):
        if values.dtype.kind not in "biu" or values.size != max(values.shape, default=0):
            raise DatasetError(
                f"The labels in {path} must be whole numbers, one for each image, "
                f"but are {values.dtype} of shape {values.shape}."
            )
        if values.size != shape[0]:
            raise DatasetError(f"{path} has {shape[0]} images but {values.size} labels for them.")
    if min(shape[0] for shape in shapes) < 1 or sum(shape[0] for shape in shapes) < 2:
        raise DatasetError(f"{path} must hold at least two images, and one in each split.")
    if any(shape[1:] != shapes[0][1:] for shape in shapes):
        raise DatasetError(f"The training and test images in {path} differ in shape.")
    flat = [values.reshape(-1).astype(np.int64) for values in labels]
    known = np.arange(len(classes)) if classes else np.unique(np.concatenate(flat))
    if not np.isin(np.concatenate(flat), known).all():
        raise DatasetError(f"The labels in {path} must lie in 0..{len(known) - 1}.")
    names = classes or tuple(str(value) for value in known)
    return names, [np.searchsorted(known, values) for values in flat]
