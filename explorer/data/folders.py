"""Read image files in folders and zips that have one folder for each class.

No pixel is read before it is asked for: `find_class_folders` returns a `Found`, whose readers
decode when called. Nothing of a zip is ever written under its own name.
"""

from __future__ import annotations

import io
import os
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from PIL.ImageFile import ImageFile

from explorer.core.subsets import in_chunks
from explorer.data.dataset import LARGEST_KEPT_SIZE, Found, Split, Transparency, choose_shape
from explorer.data.pixels import (
    FORMAT_OF_SUFFIX,
    Pixels,
    Shape,
    is_grey,
    open_image,
    read_pixels,
    upright_size,
)
from explorer.data.progress import with_progress
from explorer.data.spool import Spool, spool
from explorer.errors import DatasetError

LARGEST_FILE = 256 * 2**20
"""Bytes of one unzipped image file."""
TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")
"""The first one that is there is taken."""

Parts = tuple[str, ...]  # a path relative to the folder or zip
Opener = Callable[[], IO[bytes]]
Files = dict[Parts, Opener]  # in the order in which they are read


@dataclass(frozen=True)
class _ImageFile:
    name: str
    class_name: str
    open: Opener


def find_class_folders(
    path: Path,
    *,
    classes: tuple[str, ...] | None = None,
    image_size: int | None = None,
    grey: bool | None = None,
) -> Found:
    """Find the images in a folder or zip that has one folder for each class.

    Deeper folders count to their class. A level of ``train`` and ``test`` (or ``val``) folders
    above the classes makes the splits. A folder of images without folders is one class, and
    folders that hold nothing but one folder of folders are looked through.

    Args:
        path: the folder or zip.
        classes: the names to insist on; by default the folders' own, sorted.
        image_size: side in pixels to decode to; by default the images' own size if they share
            one of up to 64 px, else 32.
        grey: decode to one channel or to three; by default to one if all images are grey.

    Raises:
        DatasetError: it is not a zip, or holds fewer than two images, or other classes.
    """
    files = _list_folder(path) if path.is_dir() else _list_zip(path)
    lone_class = path.resolve().name if path.is_dir() else path.stem
    train_files, test_files = _split_by_folder(path, _unwrap(files))
    train = _sort_into_classes(path, train_files, lone_class)
    test = _sort_into_classes(path, test_files, lone_class)
    if len(train) + len(test) < 2:
        raise DatasetError(
            f"{path} must hold at least two images (JPEG, PNG, …), with one folder for each "
            f"class, but holds {len(train) + len(test) or 'none'}."
        )
    names = tuple(sorted({file.class_name for file in train + test}))
    if classes is not None and names != classes:
        raise DatasetError(
            f"{path} must hold the class folders {', '.join(classes)} but holds {', '.join(names)}."
        )
    shape = _choose_shape_of_files(path, train + test, image_size, grey)
    indices = {name: index for index, name in enumerate(names)}
    train_labels = np.array([indices[file.class_name] for file in train], np.int64)
    test_labels = np.array([indices[file.class_name] for file in test], np.int64)
    return Found(
        origin=_describe(path, files),
        classes=names,
        image_shape=shape,
        read_train=partial(_read_files, path, train, train_labels, shape),
        read_test=partial(_read_files, path, test, test_labels, shape) if test else None,
        train_labels=train_labels,
    )


def _list_folder(root: Path) -> Files:
    files: Files = {}
    seen = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:  # a link back to where we have been
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        for path in (Path(folder, name) for name in names):
            files[path.relative_to(root).parts] = partial(_open_file, path)
    return _keep_images(files)


def _list_zip(path: Path) -> Files:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DatasetError(f"{path} is not a zip file, or is damaged.") from error
    files: Files = {}
    for member in archive.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if not member.is_dir():
            files[parts] = partial(_open_member, archive, member)
    return _keep_images(files)


def _open_file(path: Path) -> IO[bytes]:
    return path.open("rb")


def _open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    with archive.open(member) as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise OSError("the file is too large")
    return io.BytesIO(content)


def _keep_images(files: Files) -> Files:
    """Keep what is named as an image and not hidden, in the same order on every machine."""
    kept = {
        tuple(unicodedata.normalize("NFC", part) for part in parts): opener
        for parts, opener in files.items()
        if Path(parts[-1]).suffix.lower() in FORMAT_OF_SUFFIX
        and not any(part.startswith(".") or part == "__MACOSX" for part in parts)
    }
    return dict(sorted(kept.items()))


def _unwrap(files: Files) -> Files:
    """Drop outer folders that hold nothing but one folder of folders."""
    while len({parts[0] for parts in files}) == 1 and all(len(parts) > 2 for parts in files):
        files = {parts[1:]: opener for parts, opener in files.items()}
    return files


def _split_by_folder(path: Path, files: Files) -> tuple[Files, Files]:
    """Return the training and test files; all and none where no folders tell them apart."""
    split: dict[str, Files] = {}
    for parts, opener in files.items():
        if len(parts) > 1:
            split.setdefault(parts[0].lower(), {})[parts[1:]] = opener
    train = next((split[name] for name in TRAIN_FOLDERS if name in split), None)
    test = next((split[name] for name in TEST_FOLDERS if name in split), None)
    if train is None or test is None:
        return files, {}
    if _has_folders(train) and not _has_folders(test):
        _warn(f"The test images in {path} are in no class folders and were left out.")
        return train, {}
    return train, test


def _has_folders(files: Files) -> bool:
    return any(len(parts) > 1 for parts in files)


def _sort_into_classes(path: Path, files: Files, lone_class: str) -> list[_ImageFile]:
    if not _has_folders(files):
        return [_ImageFile("/".join(parts), lone_class, files[parts]) for parts in files]
    sorted_files = [
        _ImageFile("/".join(parts), parts[0], opener)
        for parts, opener in files.items()
        if len(parts) > 1
    ]
    if strays := len(files) - len(sorted_files):
        _warn(f"Left out of {path}: {strays} images that lie beside the class folders.")
    return sorted_files


def _describe(path: Path, files: Files) -> str:
    formats = sorted({FORMAT_OF_SUFFIX[Path(parts[-1]).suffix.lower()] for parts in files})
    folders = "class folders" if _has_folders(files) else "images"
    return f"{'' if path.is_dir() else 'zip of '}{folders} ({', '.join(formats)})"


def _choose_shape_of_files(
    path: Path, files: Sequence[_ImageFile], image_size: int | None, grey: bool | None
) -> Shape:
    if image_size is not None and grey is not None:
        return image_size, image_size, 1 if grey else 3
    size, all_grey = _survey(path, files)
    return choose_shape(size, 1 if grey or (grey is None and all_grey) else 3, image_size)


def _survey(path: Path, files: Sequence[_ImageFile]) -> tuple[tuple[int, int] | None, bool]:
    """Return the (height, width) that all images share, or None, and whether all are grey.

    Reads headers only, and stops as soon as both are ruled out.
    """
    sizes = set()
    all_grey = True
    for file in with_progress(files, len(files)):
        try:
            with file.open() as stream, open_image(stream) as image:
                sizes.add(_measure(image))
                all_grey = all_grey and is_grey(image)
        except Exception:  # as in _read_or_none
            continue
        if not all_grey and (len(sizes) > 1 or max(map(max, sizes)) > LARGEST_KEPT_SIZE):
            break
    if not sizes:
        raise DatasetError(f"None of the {len(files)} image files in {path} could be read.")
    return sizes.pop() if len(sizes) == 1 else None, all_grey


def _measure(image: ImageFile) -> tuple[int, int]:
    """The (height, width); only where it matters is it looked up which way up the image is."""
    is_small_oblong = image.width != image.height and max(image.size) <= LARGEST_KEPT_SIZE
    return upright_size(image) if is_small_oblong else (image.height, image.width)


def _read_files(
    path: Path,
    files: Sequence[_ImageFile],
    labels: np.ndarray,
    image_shape: Shape,
    indices: np.ndarray | None,
) -> Split:
    chosen = np.arange(len(files)) if indices is None else indices
    readable: list[int] = []
    unreadable: list[int] = []
    transparent: list[int] = []

    def read_chosen() -> Iterator[np.ndarray]:
        read = partial(_read_or_none, image_shape=image_shape)
        with ThreadPoolExecutor(2) as pool:
            for chunk in in_chunks(chosen):  # a chunk at a time, as map() holds all its results
                results = pool.map(read, (files[index] for index in chunk))
                for index, pixels in zip(chunk, results, strict=True):
                    if pixels is None:
                        unreadable.append(index)
                        continue
                    colour, alpha = pixels
                    if alpha is not None:
                        transparent.append(len(readable))
                        alphas.append(alpha)
                    readable.append(index)
                    yield colour

    with Spool((*image_shape[:2], 1)) as alphas:
        images = spool(with_progress(read_chosen(), len(chosen)), image_shape)
        alpha = alphas.images()
    if not readable:
        raise DatasetError(f"None of the {len(chosen)} image files in {path} could be read.")
    if unreadable:
        _warn(
            f"Skipped {len(unreadable)} of {len(chosen)} image files in {path} that could not be "
            f"read, the first being {files[unreadable[0]].name}."
        )
    transparency = Transparency(np.array(transparent), alpha) if transparent else None
    return Split(images, labels[readable], transparency)


def _read_or_none(file: _ImageFile, image_shape: Shape) -> Pixels | None:
    try:
        with file.open() as stream:
            return read_pixels(stream, image_shape)
    except Exception:  # damaged files make Pillow and zipfile raise nearly anything
        return None


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)
