"""Write small image sets to disk, in common layouts."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.data.summary import full

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save_image(path: Path, colour: object = RED, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "RGB" if isinstance(colour, tuple) else "L"
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def save_classes(folder: Path, counts: dict[str, int]) -> Path:
    """Write PNGs, each with a colour of its own, which shows which files were read."""
    for index, (name, count) in enumerate(sorted(counts.items())):
        for number in range(count):
            save_image(folder / name / f"{number:03}.png", (index, number, 7))
    return folder


def zip_folder(folder: Path, path: Path, below: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            if file.is_file():
                archive.write(file, Path(below, file.relative_to(folder)))
    return path


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def save_idx(folder: Path, stem: str, count: int, *, zipped: bool = False) -> np.ndarray:
    """Write a pair of IDX files with the labels 0, 1, 2, 0, 1, …; return the images."""
    images = np.random.default_rng(count).integers(0, 256, (count, 5, 4), dtype=np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("images-idx3", images), ("labels-idx1", np.arange(count) % 3)):
        content = idx_bytes(array)
        name = f"{stem}{name}-ubyte{'.gz' if zipped else ''}"
        (folder / name).write_bytes(gzip.compress(content) if zipped else content)
    return images


def save_npz(path: Path, **arrays: object) -> Path:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def read_alone(folder: Path, **options: object) -> np.ndarray:
    """Return the decoded pixels of a folder that holds copies of one image."""
    images = load_dataset(folder, Reading(**options)).train.images  # type: ignore[arg-type]
    return np.asarray(images[0])


def counts(dataset: Dataset) -> tuple[int, int]:
    return len(dataset.train.images), len(dataset.test.images)


def told(dataset: Dataset) -> str:
    """Read a data set, and return its full description."""
    return full(dataset)
