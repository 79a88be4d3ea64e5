"""Read images and labels from files of arrays: IDX, NPZ and the batches of CIFAR-10.

Headers and labels are read at once, images when a reader is called. An IDX file that is not
gzipped is memory-mapped in place.
"""

from __future__ import annotations

import gzip
import math
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from explorer.data.folders import DatasetError, Found, Reader, Split, in_chunks, store

CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"
)  # fmt: skip


# --- IDX ------------------------------------------------------------------------------------

_IDX_NAME = re.compile(r"(?P<stem>.*)(?P<kind>images|labels)[-.]idx[13]-ubyte(\.gz)?", re.I)
_IDX_MAGIC = {"images": 0x803, "labels": 0x801}  # uint8; three dimensions, or one
_UNZIP_SIZE = 2**20  # bytes unzipped at a time


def list_idx_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Map ``"train-"``, ``"t10k-"``, … to their ``"images"`` and ``"labels"`` files."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir(), reverse=True):  # "x.gz" comes first and "x" replaces it
        if (match := _IDX_NAME.fullmatch(path.name)) and path.is_file():
            files.setdefault(match["stem"].lower(), {})[match["kind"].lower()] = path
    return files


def find_idx(folder: Path, *, classes: tuple[str, ...] | None = None) -> Found:
    """Find the images in a folder of IDX files: ``train-*`` and ``t10k-*``, or a single pair.

    Format: https://yann.lecun.com/exdb/mnist.

    Raises:
        DatasetError: files do not pair up, are not IDX, or disagree with each other.
    """
    files = list_idx_files(folder)
    images, labels, shapes = [], [], []
    for stem in _order_stems(folder, list(files)):
        for kind in _IDX_MAGIC:
            if kind not in files[stem]:
                raise DatasetError(f"{folder} lacks the IDX file {stem}{kind}-….")
        images.append(files[stem]["images"])
        shapes.append(_read_idx_shape(images[-1], "images"))
        labels.append(_read_idx(files[stem]["labels"], "labels"))
    names, indices = _index_labels(folder, shapes, labels, classes)
    readers = [
        _read_whole(partial(_read_idx_images, path), labels)
        for path, labels in zip(images, indices, strict=True)
    ]
    return _found("IDX files", names, shapes[0], readers, indices)


def _order_stems(folder: Path, stems: list[str]) -> list[str]:
    """Return the training pair's stem and, unless it is the only one, the test pair's."""
    train = [stem for stem in stems if "train" in stem]
    test = [stem for stem in stems if "t10k" in stem or "test" in stem]
    if len(stems) == 1:
        return stems
    if len(stems) == 2 and len(train) == len(test) == 1:
        return train + test
    raise DatasetError(
        f"{folder} must hold one pair of IDX files (images and labels), or the pairs train-* and "
        f"t10k-*, but holds {', '.join(f'{stem}*' for stem in sorted(stems))}."
    )


def _read_idx_images(path: Path) -> np.ndarray:
    return _read_idx(path, "images")[..., None]  # (n, height, width, 1)


def _read_idx_shape(path: Path, kind: str) -> tuple[int, ...]:
    """Return ``(n, height, width)`` of images or ``(n,)`` of labels."""
    magic = struct.pack(">I", _IDX_MAGIC[kind])
    with _open_idx(path) as file:
        header = file.read(_header_size(kind))
    if header[:4] != magic or len(header) < _header_size(kind):
        raise DatasetError(
            f"{path} is not an IDX file of {kind}: it must begin with the bytes {magic.hex(' ')} "
            f"but begins with {header[:4].hex(' ') or 'nothing'}."
        )
    return struct.unpack(f">{magic[3]}I", header[4:])  # the last byte counts the dimensions


def _header_size(kind: str) -> int:
    return 4 + 4 * (_IDX_MAGIC[kind] & 0xFF)


def _read_idx(path: Path, kind: str) -> np.ndarray:
    """Map an IDX file's values, uint8: in place, or unzipped to a temporary file."""
    shape = _read_idx_shape(path, kind)
    size, offset = math.prod(shape), _header_size(kind)
    if size == 0:
        raise DatasetError(f"{path} is empty: its header gives the shape {shape}.")
    if _is_gzip(path):
        return store(_unzip(path, offset, size), (1, 1, 1)).reshape(shape)
    if path.stat().st_size < offset + size:
        raise DatasetError(
            f"{path} is cut short: it must have {offset + size:,} bytes "
            f"but has {path.stat().st_size:,}; download it again."
        )
    return np.memmap(path, np.uint8, "r", offset, shape)


@contextmanager
def _open_idx(path: Path) -> Iterator[gzip.GzipFile | BinaryIO]:
    try:
        with gzip.GzipFile(path) if _is_gzip(path) else path.open("rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path} is cut short or damaged; download it again.") from error


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _unzip(path: Path, offset: int, size: int) -> Iterator[np.ndarray]:
    with _open_idx(path) as file:
        file.seek(offset)
        while size > 0:
            if not (chunk := file.read(min(size, _UNZIP_SIZE))):
                raise EOFError
            size -= len(chunk)
            yield np.frombuffer(chunk, np.uint8)


# --- NPZ ------------------------------------------------------------------------------------


def find_npz(path: Path, *, classes: tuple[str, ...] | None = None) -> Found:
    """Find the images in an NPZ file laid out as Keras's ``mnist.npz``.

    ``x_train`` and optionally ``x_test`` are ``(n, h, w)`` or ``(n, h, w, 1 or 3)``, in 0..255 or,
    as floats, in 0..1. ``y_train`` and ``y_test`` are whole numbers, or absent for one class.

    Raises:
        DatasetError: arrays are missing, of another kind, or disagree with each other.
    """
    with _open_npz(path) as archive:
        if "x_train" not in archive:
            raise DatasetError(
                f"{path} must hold x_train (and y_train, x_test, y_test, as Keras's mnist.npz) "
                f"but holds {', '.join(archive) or 'nothing'}."
            )
        splits = [split for split in ("train", "test") if f"x_{split}" in archive]
        shapes = [_read_npz_shape(path, archive, f"x_{split}") for split in splits]
        labels = [archive[f"y_{split}"] for split in splits if f"y_{split}" in archive]
    if not labels:
        classes = classes or (path.stem,)
        labels = [np.zeros(shape[0], np.int64) for shape in shapes]
    if len(labels) < len(splits):
        raise DatasetError(f"{path} has labels for one split only; give both, or none.")
    names, indices = _index_labels(path, shapes, labels, classes)
    readers = [
        _read_whole(partial(_read_npz_images, path, f"x_{split}"), labels)
        for split, labels in zip(splits, indices, strict=True)
    ]
    return _found("NPZ file", names, shapes[0], readers, indices)


@contextmanager
def _open_npz(path: Path) -> Iterator[Any]:
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("no zip archive")
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except DatasetError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(
            f"{path} is not an NPZ file of plain arrays, or is damaged: {error}"
        ) from error


def _read_npz_shape(path: Path, archive: Any, key: str) -> tuple[int, ...]:
    """Read an array's shape from its header alone, and check it."""
    with archive.zip.open(f"{key}.npy") as member:
        if np.lib.format.read_magic(member) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(member)
    if dtype.kind in "biuf" and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
        return shape
    raise DatasetError(
        f"{key} in {path} must be numbers of shape (n, height, width) or (n, height, width, "
        f"1 or 3), but is {dtype} of shape {shape}."
    )


def _read_npz_images(path: Path, key: str) -> np.ndarray:
    with _open_npz(path) as archive:
        images = archive[key]
    images = images if images.ndim == 4 else images[..., None]  # (n, height, width, channels)
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):  # nor if a value is not a number
        raise DatasetError(
            f"{key} in {path} must be in 0..255 or in 0..1, but goes from {low} to {high}."
        )
    scale = 255.0 if high <= 1 and images.dtype.kind in "bf" else 1.0
    chunks = (np.rint(chunk * scale).astype(np.uint8) for chunk in in_chunks(images))
    return store(chunks, images.shape[1:])


# --- CIFAR-10 batches -----------------------------------------------------------------------


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

    images = store(read_images(), (32, 32, 3))
    return _read_whole(lambda: images, np.array(labels, np.int64))(indices)


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


# --- shared ---------------------------------------------------------------------------------


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


def _read_whole(read: Callable[[], np.ndarray], labels: np.ndarray) -> Reader:
    """Make a reader of images that can only be read all at once."""

    def read_split(indices: np.ndarray | None) -> Split:
        images = read()
        if indices is None:
            return Split(images, labels)
        chosen = (images[chunk] for chunk in in_chunks(indices))
        return Split(store(chosen, images.shape[1:]), labels[indices])

    return read_split


def _found(
    origin: str,
    classes: tuple[str, ...],
    shape: tuple[int, ...],
    readers: Sequence[Reader],
    labels: Sequence[np.ndarray],
) -> Found:
    height, width, channels = (*shape[1:], 1)[:3]
    return Found(
        origin=origin,
        classes=classes,
        image_shape=(height, width, channels),
        read_train=readers[0],
        read_test=readers[1] if len(readers) == 2 else None,
        train_labels=labels[0],
    )
