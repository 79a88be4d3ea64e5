"""Read images and labels from image files, in folders or zips with one folder for each class.

No pixel is read before it is asked for: `find_class_folders` returns a `Found`, whose readers
decode when called. Memory stays constant, as decoded images go to an unlinked temporary file
(in ``$TMPDIR``) that is then memory-mapped. Nothing of a zip is ever written under its own name.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tempfile
import time
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar

import numpy as np
from PIL import Image, ImageOps

from explorer.errors import ExplorerError

Shape = tuple[int, int, int]  # height, width, channels
Item = TypeVar("Item")

DEFAULT_SIZE = 32  # pixels a side, for images that differ in size
LARGEST_KEPT_SIZE = 64  # images that all have one size up to this keep it
LARGEST_FILE = 256 * 2**20  # bytes of one unzipped image file
CHUNK = 1000  # images handled at a time

Image.init()
# Encapsulated PostScript is left out: Pillow hands it to Ghostscript, which runs it as a program.
IMAGE_FORMATS = tuple(name for name in Image.OPEN if name != "EPS")
FORMAT_OF_SUFFIX = {
    suffix: name for suffix, name in Image.registered_extensions().items() if name in IMAGE_FORMATS
}

TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")  # the first one present is taken


class DatasetError(ExplorerError):
    """Data that cannot be used; the message is one sentence for a person."""


@dataclass(frozen=True, eq=False)
class Split:
    """The images of one split, read only, and the indices of their classes.

    Attributes:
        images: ``(n, height, width, channels)`` uint8, in memory or memory-mapped.
        labels: ``(n,)`` int64.
    """

    images: np.ndarray
    labels: np.ndarray


# Reads the images at the given indices, or all for None, less those that cannot be decoded.
Reader = Callable[[np.ndarray | None], Split]


@dataclass(frozen=True, eq=False)
class Found:
    """What lies at a place, before any of its images is read.

    Attributes:
        origin: the kind of files, in words.
        classes: names, in the order of the labels.
        image_shape: ``(height, width, channels)`` of what the readers return.
        read_train: reads the training images, or all where there is no test split.
        read_test: reads the test images; None where there are none.
        train_labels: ``(n,)`` int64; None where they are known only by reading the images.
    """

    origin: str
    classes: tuple[str, ...]
    image_shape: Shape
    read_train: Reader
    read_test: Reader | None
    train_labels: np.ndarray | None


# --- pixels ---------------------------------------------------------------------------------


def decode_image(file: IO[bytes], image_shape: Shape) -> np.ndarray:
    """Decode an image file to ``image_shape`` uint8.

    It is turned upright (EXIF), laid on black where transparent, scaled to 8 bits, cropped to
    the middle and resized. Of an animation, the first frame counts.
    """
    enough = 2 * max(image_shape[:2])
    with Image.open(file, formats=IMAGE_FORMATS) as image:
        image.draft(None, (enough, enough))  # a JPEG decodes faster at a fraction of its size
        ImageOps.exif_transpose(image, in_place=True)
        return _fit(_lay_on_black(_scale_to_eight_bits(image)), image_shape)


def fit_images(images: np.ndarray, image_shape: Shape) -> np.ndarray:
    """Crop, resize and grey ``(n, h, w, c)`` uint8 images to ``image_shape``, if they differ."""
    if images.shape[1:] == image_shape:
        return images
    pixels = images[..., 0] if images.shape[-1] == 1 else images
    fitted = (_fit(Image.fromarray(np.asarray(image)), image_shape) for image in pixels)
    return store(with_progress(fitted, len(images)), image_shape)


def choose_shape(size: tuple[int, int] | None, channels: int, image_size: int | None) -> Shape:
    """Choose an image shape: the size asked for, or the small one that all share, or 32 × 32."""
    if image_size is not None:
        return image_size, image_size, channels
    if size is not None and max(size) <= LARGEST_KEPT_SIZE:
        return *size, channels
    return DEFAULT_SIZE, DEFAULT_SIZE, channels


def _fit(image: Image.Image, image_shape: Shape) -> np.ndarray:
    height, width, channels = image_shape
    image = image.convert("L" if channels == 1 else "RGB")  # "L" is the luma of ITU-R BT.601
    image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(image_shape)


def _scale_to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale greys of 16 bits, 32 bits and floats to 0..255; Pillow itself would clip them."""
    if not _has_deep_greys(image):
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float32))
    ranges = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    peak = float(values.max())
    top = next((top for top in ranges if peak <= top), peak)
    return Image.fromarray(np.rint(values.clip(0, top) * (255.0 / top)).astype(np.uint8))


def _has_deep_greys(image: Image.Image) -> bool:
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _lay_on_black(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)


def store(chunks: Iterable[np.ndarray], image_shape: Shape) -> np.ndarray:
    """Write pixels to an unlinked temporary file and map it, ``(n, h, w, c)`` uint8, read only."""
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            try:
                file.write(np.ascontiguousarray(chunk).data)
                file.flush()
            except OSError as error:
                raise DatasetError(
                    f"The images could not be written to a temporary file ({error.strerror}); "
                    "point TMPDIR at a folder with more room."
                ) from error
        shape = (file.tell() // math.prod(image_shape), *image_shape)
        if shape[0] == 0:
            return np.empty(shape, np.uint8)
        return np.memmap(file, np.uint8, "r", shape=shape)


def in_chunks(items: Any, size: int = CHUNK) -> Iterator[Any]:
    """Cut a sequence or an array into pieces of ``size`` items."""
    return (items[start : start + size] for start in range(0, len(items), size))


def with_progress(items: Iterable[Item], total: int) -> Iterator[Item]:
    """Pass items on, with a line on stderr as soon as this takes longer than two seconds."""
    shown_at, shown = time.monotonic(), False
    for done, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - shown_at > 2:
            line = f"\rreading images: {done:,} of {total:,}"
            print(line, end="", file=sys.stderr, flush=True)
            shown_at, shown = time.monotonic(), True
    if shown:
        print(f"\rreading images: {done:,} of {total:,}", file=sys.stderr, flush=True)


# --- folders and zips -----------------------------------------------------------------------

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
            with file.open() as stream, Image.open(stream, formats=IMAGE_FORMATS) as image:
                sizes.add(_measure_upright(image))
                all_grey = all_grey and _is_grey(image)
        except Exception:  # as in _decode_or_none
            continue
        if not all_grey and (len(sizes) > 1 or max(map(max, sizes)) > LARGEST_KEPT_SIZE):
            break
    if not sizes:
        raise DatasetError(f"None of the {len(files)} image files in {path} could be read.")
    return sizes.pop() if len(sizes) == 1 else None, all_grey


def _measure_upright(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    is_small_oblong = width != height and max(image.size) <= LARGEST_KEPT_SIZE
    if is_small_oblong and image.getexif().get(0x0112, 1) >= 5:  # EXIF orientation: on its side
        return width, height
    return height, width


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        colours = np.reshape(image.getpalette() or (0, 0, 1), (-1, 3))
        return bool((colours == colours[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La") or _has_deep_greys(image)


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

    def decode_chosen() -> Iterator[np.ndarray]:
        decode = partial(_decode_or_none, image_shape=image_shape)
        with ThreadPoolExecutor(2) as pool:
            for chunk in in_chunks(chosen):  # a chunk at a time, as map() holds all its results
                results = pool.map(decode, (files[index] for index in chunk))
                for index, image in zip(chunk, results, strict=True):
                    if image is None:
                        unreadable.append(index)
                    else:
                        readable.append(index)
                        yield image

    images = store(with_progress(decode_chosen(), len(chosen)), image_shape)
    if not readable:
        raise DatasetError(f"None of the {len(chosen)} image files in {path} could be read.")
    if unreadable:
        _warn(
            f"Skipped {len(unreadable)} of {len(chosen)} image files in {path} that could not be "
            f"read, the first being {files[unreadable[0]].name}."
        )
    return Split(images, labels[readable])


def _decode_or_none(file: _ImageFile, image_shape: Shape) -> np.ndarray | None:
    try:
        with file.open() as stream:
            return decode_image(stream, image_shape)
    except Exception:  # damaged files make Pillow and zipfile raise nearly anything
        return None


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)
