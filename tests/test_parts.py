"""Sets in several pieces: numbered files, packed files, archives in folders and in archives."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import zstandard
from image_sets import counts, save_classes, save_npz, told, zip_folder
from PIL import Image

from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset
from explorer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("bare_machine")
IMAGES = np.random.default_rng(0).integers(0, 256, (15, 6, 6), dtype=np.uint8)
LABELS = np.arange(15) % 3
SHADES = np.arange(0, 240, 20, dtype=np.uint8)  # of 12 pictures, whose labels are the same


def are_known(found: Dataset) -> bool:
    """Whether each of IMAGES is there with its label."""
    classes = [int(name) for name in found.classes]
    told = {
        image.tobytes(): classes[label]
        for split in (found.train, found.test)
        for image, label in zip(split.images, split.labels, strict=True)
    }
    return told == {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}


def shades(found: Dataset) -> dict[int, str]:
    """The class of each picture by its shade."""
    return {
        int(image[0, 0, 0]): found.classes[label]
        for split in (found.train, found.test)
        for image, label in zip(split.images, split.labels, strict=True)
    }


def png(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), int(shade)).save(file, "png")
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, each in files.items():
            archive.writestr(name, each)
    return content.getvalue()


# --- numbered files -------------------------------------------------------------------------


def test_numbered_files_with_labels_are_parts_of_one_set(folder: Path) -> None:
    for part in range(15):
        rows = slice(part, part + 1)
        names = np.array(["0", "1", "2"])
        save_npz(folder / f"d_{part}.npz", x=IMAGES[rows], y=LABELS[rows], class_names=names)
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "d_0 … d_14 are taken as 15 parts of one set" in told(digits)


@pytest.mark.parametrize("test", ["test_0", "test"])
def test_numbered_files_of_splits(folder: Path, test: str) -> None:
    for part in range(2):
        rows = slice(5 * part, 5 * part + 5)
        save_npz(folder / f"train_{part}.npz", images=IMAGES[rows], labels=LABELS[rows])
    save_npz(folder / f"{test}.npz", images=IMAGES[10:], labels=LABELS[10:])
    digits = load_dataset(folder)
    assert are_known(digits)
    assert counts(digits) == (10, 5)


def test_images_and_labels_may_lie_in_numbered_files_of_their_own(folder: Path) -> None:
    for part in range(3):
        rows = slice(5 * part, 5 * part + 5)
        np.save(folder / f"x_{part + 1}.npy", IMAGES[rows])
        np.save(folder / f"y_{part + 1}.npy", LABELS[rows])
    assert are_known(load_dataset(folder))


def test_parts_of_hdf5(folder: Path) -> None:
    for part, rows in enumerate((slice(7), slice(7, 15))):
        with h5py.File(folder / f"shard-{part:05}-of-00002.h5", "w") as file:
            file["images"], file["labels"] = IMAGES[rows], LABELS[rows]
    assert are_known(load_dataset(folder))


@pytest.mark.parametrize("name", ["part-{:05}", "images_batch_{}", "x-{}-of-3"])
def test_files_that_are_called_parts_need_no_labels(folder: Path, name: str) -> None:
    for part in range(3):
        np.save(folder / f"{name.format(part)}.npy", IMAGES[5 * part : 5 * part + 5])
    assert load_dataset(folder).classes == ("Our Pets",)


def test_numbers_alone_are_classes(folder: Path) -> None:
    for label in range(3):
        np.save(folder / f"{label}.npy", IMAGES[label == LABELS])
    assert are_known(load_dataset(folder))


@pytest.mark.parametrize("break_it", ["a gap", "another size", "another type"])
def test_files_that_do_not_continue_each_other_are_refused(folder: Path, break_it: str) -> None:
    last = IMAGES[10:]
    if break_it == "another size":
        last = last[:, :5, :5]
    elif break_it == "another type":
        last = last.astype(np.int16)
    save_npz(folder / "d_0.npz", x=IMAGES[:5], y=LABELS[:5])
    save_npz(folder / "d_1.npz", x=IMAGES[5:10], y=LABELS[5:10])
    save_npz(folder / f"d_{3 if break_it == 'a gap' else 2}.npz", x=last, y=LABELS[10:])
    with pytest.raises(DatasetError, match=r"in numbered arrays: d_0/x, .*; join those"):
        load_dataset(folder)


# --- packed files ---------------------------------------------------------------------------


def csv_of_pixels() -> bytes:
    titles = ",".join(["label", *(f"pixel{number}" for number in range(36))])
    rows = [",".join(map(str, (y, *x.ravel()))) for x, y in zip(IMAGES, LABELS, strict=True)]
    return "\n".join([titles, *rows]).encode()


def npz_of_digits() -> bytes:
    content = io.BytesIO()
    np.savez(content, x=IMAGES, y=LABELS)
    return content.getvalue()


@pytest.mark.parametrize("make", [csv_of_pixels, npz_of_digits])
@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_a_packed_data_file_is_what_is_in_it(
    folder: Path, make: Callable[[], bytes], suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path = folder / f"digits.{make.__name__[:3]}{suffix}"
    path.write_bytes(pack(make()))
    for place in (path, folder):
        assert are_known(load_dataset(place))
    path.write_bytes(pack(make())[:-60])
    with pytest.raises(DatasetError, match=rf"{path.name} is cut short or damaged"):
        load_dataset(path)


def test_a_packed_file_in_an_archive(folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped({"data/digits.npz.gz": gzip.compress(npz_of_digits())}))
    assert are_known(load_dataset(folder / "a.zip"))


def test_of_a_file_and_the_same_packed_the_first_is_read(folder: Path) -> None:
    (folder / "digits.npz").write_bytes(npz_of_digits())
    (folder / "digits.npz.gz").write_bytes(b"anything")
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "archives: 1 (digits.npz.gz)" in told(digits)


# --- archives -------------------------------------------------------------------------------


def test_archives_in_a_folder_are_folders_of_their_names(folder: Path, tmp_path: Path) -> None:
    for name, count in (("train", 4), ("test", 2)):
        save_classes(tmp_path / name, {"cat": count, "dog": count})
        zip_folder(tmp_path / name, folder / f"{name}.zip")
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog")
    assert counts(pets) == (8, 4)
    assert "test.zip … train.zip are read as folders" in told(pets)


def test_archives_in_an_archive_beside_a_table(folder: Path) -> None:
    parts = {
        f"images_{part}.zip": zipped({f"{n}.png": png(SHADES[n]) for n in range(part, 12, 2)})
        for part in (0, 1)
    }
    table = "file,kind\n" + "".join(f"{n}.png,{n % 3}\n" for n in range(12))
    (folder / "all.zip").write_bytes(zipped({**parts, "labels.csv": table.encode()}))
    assert shades(load_dataset(folder / "all.zip")) == {
        shade: str(n % 3) for n, shade in enumerate(SHADES.tolist())
    }


def test_archives_with_files_of_the_same_names_stay_apart(folder: Path) -> None:
    for label in (1, 2):
        content = zipped({f"{n}.png": png(20 * n + label) for n in range(5)})
        (folder / f"{label}.zip").write_bytes(content)
    found = shades(load_dataset(folder))
    assert found == {20 * n + label: str(label) for n in range(5) for label in (1, 2)}


@pytest.mark.parametrize("suffix", ["cls", "json"])
def test_webdataset_shards(folder: Path, suffix: str) -> None:
    for start in range(0, 12, 3):
        split, number = ("train", start // 3) if start < 9 else ("test", 0)
        with tarfile.open(folder / f"{split}-{number:06}.tar", "w") as archive:
            for n in range(start, start + 3):
                label = json.dumps({"label": n % 3, "caption": "x"}) if suffix == "json" else n % 3
                for end, content in (("png", png(SHADES[n])), (suffix, str(label).encode())):
                    member = tarfile.TarInfo(f"{n:05}.{end}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    found = load_dataset(folder)
    assert shades(found) == {shade: str(n % 3) for n, shade in enumerate(SHADES.tolist())}
    assert counts(found) == (9, 3)


def test_an_archive_beside_images_is_left_out_and_told(folder: Path) -> None:
    save_classes(folder, {"cat": 3, "dog": 3})
    (folder / "old.zip").write_bytes(zipped({"1.png": png(0)}))
    pets = load_dataset(folder)
    assert counts(pets) == (4, 2)
    assert "archives: 1 (old.zip)" in told(pets)


def test_an_archive_beside_rows_of_pixels_is_left_out_and_told(folder: Path) -> None:
    (folder / "digits.csv").write_bytes(csv_of_pixels())
    (folder / "old.zip").write_bytes(zipped({"1.png": png(0)}))
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "archives: 1 (old.zip)" in told(digits)


def test_a_damaged_archive_among_others_is_told(folder: Path) -> None:
    whole = zipped({f"{n}.png": png(n) for n in range(9)})
    (folder / "cat.zip").write_bytes(whole)
    (folder / "dog.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"dog.zip is a ZIP archive that is cut short"):
        load_dataset(folder)
