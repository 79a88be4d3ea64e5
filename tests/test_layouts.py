"""Common layouts of data sets: splits, ranges, aspect ratios, pages, tables, containers."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import textwrap
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas
import pyarrow
import pytest
import zstandard
from image_sets import RED, counts, idx_bytes, save_classes, save_image, save_npz, told
from PIL import Image
from pyarrow import csv, parquet
from scipy.io import savemat

from explorer.data.contact_sheet import write_sheet
from explorer.data.dataset import Dataset
from explorer.data.files.opening import DiskTree
from explorer.data.framing import Framing, frame_picture
from explorer.data.load import load_dataset
from explorer.data.pixels import FORMAT_OF_SUFFIX, Form
from explorer.data.reading import FOLDER, Reading
from explorer.data.sources import cache, workers
from explorer.data.sources.pictures import Pictures
from explorer.data.summary import full, three_lines
from explorer.data.uploads import read_upload
from explorer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("bare_machine")
RANDOM = np.random.default_rng(0)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def save_array(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


# Splits


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("seg_train", "seg_test"),
        ("train_images", "test_images"),
        ("training_set", "test_set"),
        ("Train", "Holdout"),
        ("pets-train", "pets-eval"),
        ("trainset", "devset"),
        ("train2017", "val2017"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("Pets/train", "Pets/valid"),
    ],
)
def test_splits_are_known_by_many_names(folder: Path, train: str, test: str) -> None:
    save_classes(folder / train, {"cat": 3, "dog": 2})
    save_classes(folder / test, {"cat": 1, "dog": 1})
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog")
    assert counts(pets) == (5, 2)


def test_each_class_may_have_its_own_splits(folder: Path) -> None:
    for name in ("cat", "dog"):
        save_classes(folder / name, {"train": 4, "test": 2})
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog")
    assert counts(pets) == (8, 4)


def test_split_and_class_in_one_name_are_told_apart(folder: Path) -> None:
    save_classes(folder / "1", {"train_cat": 3, "train_dog": 3, "test_cat": 1, "test_dog": 2})
    save_classes(folder / "2", {"trainA": 3, "trainB": 3, "testA": 1, "testB": 2})
    for number, classes in (("1", ("cat", "dog")), ("2", ("a", "b"))):
        pets = load_dataset(folder / number)
        assert pets.classes == classes
        assert counts(pets) == (6, 3)


def test_folders_beside_the_splits_are_left_out_and_told(folder: Path) -> None:
    for name, count in (("Training", 4), ("Test", 2), ("test-multiple_sizes", 1)):
        save_classes(folder / name, {"apple": count, "pear": count})
    save_classes(folder / "papers", {"any": 3})
    fruits = load_dataset(folder)
    assert counts(fruits) == (8, 4)
    assert fruits.report.left_out == {
        "images beside the folders of the splits": (3, "papers/any"),
        "images of another test folder": (2, "test-multiple_sizes/apple"),
    }


@pytest.mark.parametrize("name", ["DATA", "images"])
def test_a_folder_that_says_nothing_beside_test_images_is_for_training(
    folder: Path, name: str
) -> None:
    for split, count in ((name, 4), ("TEST", 2)):
        save_classes(folder / split, {"stop": count, "yield": count})
    found = load_dataset(folder)
    assert (found.classes, counts(found)) == (("stop", "yield"), (8, 4))
    assert f"the folder {name} is taken for the training images" in told(found)


def test_a_flat_test_folder_beside_a_flat_training_folder_is_the_test_split(folder: Path) -> None:
    save_classes(folder, {"train": 4, "test": 2})
    pets = load_dataset(folder)
    assert (pets.classes, counts(pets)) == (("Our Pets",), (4, 2))


@pytest.mark.parametrize("place", ["", "train/"])
def test_masks_beside_images_are_left_out_and_told(folder: Path, place: str) -> None:
    for number in range(4):
        save_array(folder / f"{place}images/{number}.png", noise(8, 8))
        save_array(folder / f"{place}masks/{number}.png", noise(8, 8) // 128)
    cells = load_dataset(folder)
    assert counts(cells) == (3, 1)
    assert cells.report.left_out["masks beside the images"][0] == 4


def test_two_levels_of_folders_may_name_a_class(folder: Path) -> None:
    save_classes(folder / "Greek", {"alpha": 2, "beta": 2})
    save_classes(folder / "Latin", {"a": 2})
    outer = load_dataset(folder)
    assert outer.classes == ("Greek", "Latin")
    assert "--class-level 2 takes the 3 of level 2" in outer.report.notes[0]
    inner = load_dataset(folder, Reading(class_level=2))
    assert inner.classes == ("Greek/alpha", "Greek/beta", "Latin/a")
    with pytest.raises(
        DatasetError, match="by 3 levels of folders, but those in .* go only 2 deep"
    ):
        load_dataset(folder, Reading(class_level=3))
    save_classes(folder, {"Runic": 2})
    mixed = load_dataset(folder, Reading(class_level=2))
    assert "folders with images that are less than 2 deep, such as Runic" in mixed.report.notes[0]


def test_the_innermost_folders_may_name_the_classes(folder: Path) -> None:
    """As in sets with a folder for each patient, or for each domain (``amazon/images/mug``)."""
    for place in ("P1", "P2/images"):
        for shade, name in enumerate(("ill", "well")):
            for number in range(3):
                save_image(folder / place / name / f"{number}.png", (shade, 0, 7))
    assert "--label folder their 2 names" in told(load_dataset(folder))
    found = load_dataset(folder, Reading(label=FOLDER)).train
    assert found.labels.tolist() == found.images[:, 0, 0, 0].tolist()
    with pytest.raises(DatasetError, match="give one of the two"):
        Reading(label=FOLDER, class_level=2)
    with pytest.raises(DatasetError, match="no folders that --label folder could take"):
        load_dataset(folder / "P1" / "ill", Reading(label=FOLDER))


def test_levels_of_folders_are_of_pictures_alone(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "digits.npz", images=noise(8, 20, 20))
    with pytest.raises(DatasetError, match="holds no folders of pictures"):
        load_dataset(path, Reading(class_level=2))


# Files that are not images, or cannot be opened


def test_names_equal_but_for_unicode_form_are_one_class_without_loss(folder: Path) -> None:
    for form in ("NFC", "NFD"):
        save_classes(folder / unicodedata.normalize(form, "é"), {"": 3})
    letters = load_dataset(folder)
    assert letters.classes == ("é",)
    assert sum(counts(letters)) == 6


def test_folders_that_cannot_be_opened_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_classes(folder, {"cat": 3, "dog": 3})
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    left_out = load_dataset(folder).report.left_out
    assert left_out == {"folders that cannot be opened: Permission denied": (1, "dog")}


def test_pipes_and_links_are_left_out_and_told(folder: Path) -> None:
    save_classes(folder, {"cat": 4})
    os.mkfifo(folder / "cat" / "pipe.png")
    (folder / "cat" / "gone.png").symlink_to("nowhere.png")
    (folder / "again").symlink_to("cat")
    report = load_dataset(folder).report
    assert report.left_out == {
        "pipes, sockets or devices": (1, "cat/pipe.png"),
        "links that lead nowhere": (1, "cat/gone.png"),
        "further links to the same folder": (1, "again"),
    }
    os.mkfifo(folder / "alone.png")
    with pytest.raises(DatasetError, match="alone.png is not a regular file"):
        load_dataset(folder / "alone.png")


def test_names_that_are_no_utf_8_do_no_harm(folder: Path) -> None:
    for number in range(4):
        place = Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe"))
        save_image(place / os.fsdecode(b"\xe9%d.png" % number))
    found = load_dataset(folder)
    assert counts(found) == (3, 1)
    write_sheet(found, folder / "sheet.png")
    assert os.fsdecode(b"\xff\xfe") in full(found)  # the commands print it with question marks


def test_other_files_are_counted_by_kind(folder: Path) -> None:
    save_classes(folder, {"cat": 4})
    (folder / "cat" / "labels").mkdir()
    (folder / "dog").mkdir()
    for name in (
        *("a.pdf", "b.pdf", "c.cr2", "d.mp4", "e.xyz", ".f.png", "notes"),
        *("g.xlsx", "labels/000.txt", "instances_train.json"),
    ):
        (folder / "cat" / name).write_bytes(b"x")
    left_out = load_dataset(folder).report.left_out
    assert {kind: count for kind, (count, _) in left_out.items()} == {
        "hidden or system files": 1,
        "PDF documents": 2,
        "camera raw photos": 1,
        "videos": 1,
        ".xyz files": 1,
        "files without a suffix": 1,
        "spreadsheets (save them as CSV)": 1,
        "annotations of objects, which are not used": 2,
        "empty folders": 1,
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.tfrecord", "TFRecord files.*tf.data.TFRecordDataset"),
        ("data.mdb", "an LMDB database.*lmdb.open"),
        (".zarray", "a zarr store.*zarr.open"),
        ("scan.nii.gz", "NIfTI volumes.*nibabel"),
        ("scan.dcm", "DICOM files.*pydicom"),
        ("model.pt", "PyTorch files.*torch.load"),
        ("data.pkl", "pickles.*never loaded"),
        ("mnist.pkl.gz", "pickles.*never loaded"),
        ("data.arrow", "Arrow files.*to_parquet"),
        ("mnist.arff", "ARFF files.*to_csv"),
        ("inner.zip", "inner.zip is named like a ZIP archive but is none"),
        ("list.csv", "list.csv in .* must have a column for each pixel"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_conversion(
    folder: Path, name: str, words: str
) -> None:
    (folder / name).write_bytes(b"a,b\n1,x\n")
    with pytest.raises(DatasetError, match=words):
        load_dataset(folder)


def test_files_without_endings_are_named_by_their_content(folder: Path) -> None:
    for number in range(3):
        (folder / f"1.2.840.{number}").write_bytes(bytes(128) + b"DICM" + bytes(9))
    with pytest.raises(DatasetError, match=r"1\.2\.840\.0 in .* is a DICOM file.*pydicom"):
        load_dataset(folder)


def test_matrices_of_norb_are_no_damaged_matlab_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = np.arange(2 * 2 * 96 * 96, dtype=np.uint8).reshape(2, 2, 96, 96)
    header = struct.pack("<6i", 0x1E3D4C55, 4, *pictures.shape)
    (folder / "smallnorb-5x46789-training-dat.mat").write_bytes(header + pictures.tobytes())
    with pytest.raises(DatasetError, match="is a matrix of NORB; save the left pictures") as told:
        load_dataset(folder)
    line = str(told.value).partition("dat: ")[2].removesuffix(".")
    monkeypatch.chdir(folder)
    exec(line, {"numpy": np, "PATH": next(folder.glob("*.mat"))})
    np.testing.assert_array_equal(np.load("left.npy"), pictures[:, 0])


# Ranges


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (noise(8, 9, 9) // 128, 0, 1),
        ((noise(8, 9, 9) // 128).astype(bool), 0, 1),
        ((noise(8, 9, 9) // 128).astype(np.int64), 0, 1),
        (noise(8, 9, 9) // 20, 0, 255),
        (noise(8, 9, 9).astype(np.int32), 0, 255),
        (noise(8, 9, 9).astype(np.uint16) * 4, 0, 1023),
        (noise(8, 9, 9).astype(np.uint16) * 16, 0, 4095),
        (noise(8, 9, 9).astype(np.uint16) * 257, 0, 65535),
        (noise(8, 9, 9).astype(np.int16) - 1000, None, None),
        (noise(8, 9, 9) / 255.0, 0, 1),
        (noise(8, 9, 9) / 255.0 + 1e-4, 0, 1),
        (noise(8, 9, 9) / 127.5 - 1, -1, 1),
        (np.linspace(-0.5, 0.5, 648).reshape(8, 9, 9), -0.5, 0.5),
        (np.linspace(-0.5, 0.6, 648).reshape(8, 9, 9), -1, 1),
        (noise(8, 9, 9).astype(np.float32), 0, 255),
        (noise(8, 9, 9) / 255.0 * 8 - 3, None, None),
        ((noise(8, 9, 9) // 16).astype(np.float64), 0, 15),  # scikit-learn's digits
    ],
)
def test_one_range_is_found_for_the_whole_set(
    tmp_path: Path, values: np.ndarray, low: float | None, high: float | None
) -> None:
    values[0, 0, 0], values[0, 0, 1] = values.min(), values.max()
    low = float(values.min()) if low is None else low  # its own
    high = float(values.max()) if high is None else high
    mine = load_dataset(save_npz(tmp_path / "mine.npz", x_train=values, x_test=values[:1]))
    assert (mine.range.low, mine.range.high) == pytest.approx((low, high), abs=0.5 / 255)
    scaled = (values.astype(np.float64) - low) / (high - low) * 255
    np.testing.assert_allclose(mine.train.images[..., 0], scaled.clip(0, 255), atol=0.51)


@pytest.mark.parametrize(
    ("values", "suffix", "expected"),
    [
        (noise(9, 9) // 128, "png", "0..1"),
        (noise(9, 9).astype(np.uint16) * 16, "png", "0..4095"),
        (noise(9, 9).astype(np.uint16) * 4, "tif", "0..1023"),
        (noise(9, 9).astype(np.float32) / 127.5 - 1, "tif", "-1..1"),
        (noise(9, 9), "png", "0..255"),
    ],
)
def test_pictures_have_one_range_that_uploads_share(
    folder: Path, values: np.ndarray, suffix: str, expected: str
) -> None:
    values[0, 0], values[0, 1] = values.min(), values.max()
    save_array(folder / f"train/1.{suffix}", values)
    half = (values / 2).astype(values.dtype)  # darker: a range of its own would brighten it
    save_array(folder / f"test/1.{suffix}", half)
    mine = load_dataset(folder)
    assert str(mine.range) == expected
    for split, name in ((mine.train, "train"), (mine.test, "test")):
        upload = read_upload((folder / name / f"1.{suffix}").read_bytes(), mine.form)
        image = frame_picture(upload.image, Framing(), mine.image_shape, 0.0)
        np.testing.assert_array_equal(image, split.images[0] / np.float32(255))


def test_an_ordinary_picture_for_a_model_of_masks_is_not_all_white(folder: Path) -> None:
    for number in range(3):
        save_array(folder / f"{number}.png", noise(9, 9) // 128)
    form = load_dataset(folder).form
    picture = io.BytesIO()
    Image.new("L", (9, 9), 100).save(picture, "PNG")
    assert read_upload(picture.getvalue(), form).image.getpixel((0, 0)) == 100


def test_a_person_may_give_the_range(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "mine.npz", x=np.arange(128, dtype=np.uint8).reshape(8, 4, 4))
    mine = load_dataset(path, Reading(range=(0, 51)))
    assert mine.train.images.max() == 255
    assert (mine.train.images[0].ravel() == np.arange(16) * 5).all()
    for low, high in ((1, 1), (0, np.inf)):
        with pytest.raises(DatasetError, match="must go from low to high"):
            Reading(range=(low, high))


@pytest.mark.parametrize(
    ("values", "words"),
    [(noise(9, 9) // 16, "the brightest pixel is 15 of 255"), (noise(9, 9) // 64 * 64, "4 levels")],
)
def test_a_doubtful_range_gets_a_warning(folder: Path, values: np.ndarray, words: str) -> None:
    values[0, :4] = (0, values.max(), 64, 128) if values.max() > 64 else (0, 15, 5, 10)
    for number in range(3):
        save_array(folder / f"{number}.png", values)
    assert words in told(load_dataset(folder))
    assert words in three_lines(load_dataset(folder))


# Aspect ratios and pages


@pytest.mark.parametrize("fit", ["pad", "stretch"])
def test_oblong_pictures_lose_nothing(folder: Path, fit: str) -> None:
    image = np.zeros((64, 200), np.uint8)
    image[:, :20] = image[:, -20:] = 255  # both ends are white
    for number in range(4):
        save_array(folder / f"a/{number}.png", image)
    cut = load_dataset(folder)
    assert "cuts 68 % of the pictures' area away" in cut.report.notes[0]
    assert cut.train.images.max() == 0
    whole = load_dataset(folder, Reading(fit=fit))  # type: ignore[arg-type]
    assert whole.train.images[0, 16, [1, 30], 0].min() > 240
    upload = read_upload((folder / "a/0.png").read_bytes(), whole.form)
    seen = frame_picture(upload.image, Framing(), whole.image_shape, whole.background)
    np.testing.assert_array_equal(seen, whole.train.images[0] / np.float32(255))


def test_images_may_become_oblong(folder: Path) -> None:
    for number in range(4):
        save_array(folder / f"a/{number}.png", noise(128, 400))
    spectrograms = load_dataset(folder, Reading(image_size=(64, 200)))
    assert spectrograms.image_shape == (64, 200, 1)
    assert not any("cuts" in note for note in spectrograms.report.notes)


def save_pages(path: Path, count: int, **options: object) -> Path:
    pages = [Image.fromarray(np.full((9, 9), 20 * number, np.uint8)) for number in range(count)]
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)  # type: ignore[arg-type]
    return path


def test_a_stack_beside_a_table_is_read(folder: Path) -> None:
    save_pages(folder / "film.tif", 12)
    (folder / "notes.csv").write_text("page,label\n0,a\n1,b\n")
    found = load_dataset(folder)
    assert sum(counts(found)) == 12
    assert found.report.left_out == {"tables": (1, "notes.csv")}


def test_a_moving_picture_beside_an_array_is_left_out(folder: Path) -> None:
    np.save(folder / "images.npy", np.zeros((9, 8, 12), np.uint8))
    save_pages(folder / "preview.gif", 12)
    found = load_dataset(folder)
    assert (sum(counts(found)), "pictures" in told(found)) == (9, False)
    assert found.report.left_out == {"images": (1, "preview.gif")}


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp"])
def test_every_page_of_a_stack_is_an_image(folder: Path, suffix: str) -> None:
    for number in range(2):
        save_pages(
            folder / f"{number}.{suffix}", 6, **({"lossless": True} if suffix == "webp" else {})
        )
    stack = load_dataset(folder, Reading(grey=True))
    assert sum(counts(stack)) == 12
    assert (
        "files that are stacks: 2, and each of their 12 pages is an image" in stack.report.notes[0]
    )
    seen = np.concatenate([stack.train.images, stack.test.images])[:, 4, 4, 0]
    assert sorted({*seen.tolist()}) == [0, 20, 40, 60, 80, 100]
    assert sum(counts(load_dataset(folder, Reading(first_page=True)))) == 2


def test_a_lone_stack_is_an_image_set(tmp_path: Path) -> None:
    assert counts(load_dataset(save_pages(tmp_path / "cells.tif", 7))) == (6, 1)


def test_further_frames_that_are_not_read_are_told(folder: Path) -> None:
    for number in range(3):
        save_pages(folder / f"{number}.png", 4)
    assert "of 3 animated pictures, the first frame is read" in load_dataset(folder).report.notes


def test_huge_pictures_give_no_warning_of_a_library(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_classes(folder, {"cat": 4})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)  # pytest makes warnings errors
    assert counts(load_dataset(folder)) == (3, 1)


def test_reduced_copies_in_a_tiff_are_no_pages(folder: Path) -> None:
    for number in range(3):
        large = Image.fromarray(noise(40, 40))
        large.save(folder / f"{number}.tif", save_all=True, append_images=[large.reduce(4)])
    assert sum(counts(load_dataset(folder))) == 3


HEIC = base64.b64decode(  # red on the left, blue on the right, 64 × 32
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAA"
    "AAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAI0AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAA"
    "AA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNw"
    "AAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFz"
    "wIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAIAAAAAEAAAAAAAAA"
    "Av///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAJVtZGF0AAAAiSgBrwngOSMkv//5"
    "BH//+MRuQ/gUZcF//jBeff43IP/+6witcNaUEUqiGXyM6T1lCZfV45ditsH6c+2pMp9S6+xr5pggTori3GbeBwRZzFnBufe/"
    "fIQtwRg7lVPHisWG1ijUyz83uz/+uqxZShnKGthKbN4ARNbOYrFQsePznOyuH0o9ALmN+Q4e"
)


def test_photos_of_phones_are_read_in_training_and_uploads(folder: Path) -> None:
    for name in ("1.HEIC", "2.heif"):
        (folder / name).write_bytes(HEIC)
    photos = load_dataset(folder)
    assert photos.image_shape == (32, 64, 3)
    red, blue = (
        photos.train.images[0, 16, 10].astype(int),
        photos.train.images[0, 16, 54].astype(int),
    )
    assert abs(red - (220, 30, 30)).max() < 25
    assert abs(blue - (30, 30, 220)).max() < 25
    upload = read_upload(HEIC, photos.form)
    assert upload.size == (64, 32)
    assert ".avif" in FORMAT_OF_SUFFIX


# Containers


def test_medmnist_is_read(tmp_path: Path) -> None:
    arrays: dict[str, np.ndarray] = {}
    for split, count in (("train", 9), ("val", 4), ("test", 5)):
        arrays[f"{split}_images"] = noise(count, 28, 28)
        arrays[f"{split}_labels"] = np.arange(count)[:, None] % 3
    medmnist = load_dataset(save_npz(tmp_path / "pathmnist.npz", **arrays))
    assert (counts(medmnist), medmnist.classes) == ((9, 5), ("0", "1", "2"))
    np.testing.assert_array_equal(medmnist.test.images[..., 0], arrays["test_images"])
    assert "validation images: 4" in told(medmnist)


def test_dsprites_has_its_factors_as_columns(tmp_path: Path) -> None:
    factors = np.column_stack([np.ones(40), np.arange(40) % 3, RANDOM.random((40, 4))])
    path = save_npz(
        tmp_path / "dsprites.npz",
        imgs=noise(40, 64, 64) // 128,
        latents_values=factors,
        latents_classes=(factors * 2).astype(int),
        metadata=np.array({"author": "x"}, dtype=object),
    )
    sprites = load_dataset(path)
    assert str(sprites.range) == "0..1"
    assert len(sprites.classes) == 3
    assert {*sprites.test.columns} == {"scale", "orientation", "x", "y"}  # one colour
    assert sprites.report.left_out.popitem()[1] == (1, "metadata")


def test_hdf5_is_read_block_by_block(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file["images"] = images = noise(30, 16, 16, 3)
        file["labels"] = np.column_stack(
            [RANDOM.random((30, 4)), np.arange(30) % 4, RANDOM.random(30)]
        )
    shapes = load_dataset(tmp_path / "3dshapes.h5")
    assert shapes.classes == ("0", "1", "2", "3")
    assert {*shapes.test.columns} == {"floor", "wall", "object", "scale", "orientation"}
    rows = {image.tobytes() for split in (shapes.train, shapes.test) for image in split.images}
    assert rows == {image.tobytes() for image in images}
    with h5py.File(tmp_path / "words.h5", "w") as file:
        for split in ("train", "test"):
            file[f"{split}/x"], file[f"{split}/y"] = RANDOM.random((4, 3, 9, 9)), ["b", "a"] * 2
    words = load_dataset(tmp_path / "words.h5")
    assert (words.classes, words.image_shape) == (("a", "b"), (9, 9, 3))


@pytest.mark.parametrize("kind", ["bytes of any length", "opaque"])
def test_hdf5_of_image_files_is_read(tmp_path: Path, kind: str) -> None:
    files = [png_bytes(number) for number in range(70)]
    with h5py.File(tmp_path / "set.h5", "w") as file:
        if kind == "opaque":
            file["image"] = [np.void(content.ljust(100, b"\0")) for content in files]
        else:
            rows = file.create_dataset("image", (70,), h5py.vlen_dtype(np.uint8))
            for row, content in enumerate(files):
                rows[row] = np.frombuffer(content, np.uint8)
        file["label"] = np.arange(70) % 2
    found = load_dataset(tmp_path / "set.h5", Reading(whole=True))
    assert found.test.images[:, 0, 0, 0].tolist() == [*range(70)]
    assert found.test.labels.tolist() == [0, 1] * 35


def test_a_picture_for_each_array_is_no_class_for_each(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "mine.npz", cat=noise(9, 9, 3), dog=noise(9, 9, 3))
    with pytest.raises(DatasetError, match=r"cat .* has the shape \(9, 9, 3\), which is that of a"):
        load_dataset(path)


def test_unnamed_arrays_are_taken_by_what_they_can_be(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", noise(9, 8, 8), np.arange(9) % 3)
    mine = load_dataset(tmp_path / "mine.npz")
    assert mine.classes == ("0", "1", "2")
    assert "arr 1 is taken as the labels" in told(mine)
    np.savez(tmp_path / "four.npz", noise(9, 8, 8), np.arange(9), noise(4, 8, 8), np.arange(4))
    with pytest.raises(DatasetError, match="several arrays of images without names.*x_train=…"):
        load_dataset(tmp_path / "four.npz")


def test_a_single_picture_is_no_set(tmp_path: Path) -> None:
    for shape in ((64, 64), (50, 40, 3)):  # not 64 images of 8 × 8, nor 50 of 40 × 3
        np.save(tmp_path / "one.npy", noise(*shape))
        with pytest.raises(DatasetError, match="is that of a single picture"):
            load_dataset(tmp_path / "one.npy")


@pytest.mark.parametrize(
    ("shape", "dtype", "scale", "expected"),
    [
        ((64, 64), np.uint8, 1, (64, 64, 1)),  # not 64 images of 8 × 8
        ((20, 50), np.float64, 1 / 255, (20, 50, 1)),
        ((20, 50, 3), np.uint8, 1, (20, 50, 3)),
        ((3, 20, 50), np.uint8, 1, (20, 50, 3)),
        ((20, 50), np.uint16, 257, (20, 50, 1)),
    ],
)
def test_numpy_files_of_one_picture_each_lie_in_class_folders(
    folder: Path,
    shape: tuple[int, ...],
    dtype: type,
    scale: float,
    expected: tuple[int, int, int],
) -> None:
    values: np.ndarray = (noise(8, *shape) * float(scale)).astype(dtype)
    for number, array in enumerate(values):
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        np.save(folder / "ab"[number % 2] / f"{number}.npy", array)
    found = load_dataset(folder)
    assert (found.classes, sum(counts(found))) == (("a", "b"), 8)
    assert (found.image_shape, found.origin) == (expected, "class folders (NumPy)")
    assert found.train.images.max() > 250


def test_an_array_of_labels_beside_single_pictures_is_none_of_them(folder: Path) -> None:
    for number in range(6):
        np.save(folder / f"{number}.npy", noise(8, 8))
    np.save(folder / "labels.npy", np.arange(6) % 2)
    found = load_dataset(folder, Reading(whole=True))
    assert (found.test.labels.tolist(), len(found.test.images)) == ([0, 1] * 3, 6)


def test_pictures_in_colours_of_fractions_are_refused(folder: Path) -> None:
    for number in range(4):
        np.save(folder / f"{number}.npy", RANDOM.random((3, 20, 20)))
    with pytest.raises(DatasetError, match="one picture in colours of float64.*numpy.stack"):
        load_dataset(folder)


def test_a_lone_picture_beside_a_file_of_images_is_left_out(folder: Path) -> None:
    save_npz(folder / "digits.npz", images=noise(8, 20, 20))
    save_image(folder / "preview.png")
    digits = load_dataset(folder)
    assert counts(digits) == (7, 1)
    assert digits.report.left_out == {"images": (1, "preview.png")}


@pytest.mark.parametrize("kind", ["npz", "h5", "csv", "parquet"])
def test_of_pictures_and_a_data_file_that_with_more_images_is_read(folder: Path, kind: str) -> None:
    pixels, path = noise(8, 16), folder / f"digits.{kind}"
    if kind == "npz":
        save_npz(path, images=pixels)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["images"] = pixels
    elif kind == "csv":
        np.savetxt(path, pixels, delimiter=",", fmt="%d")
    else:
        parquet.write_table(pyarrow.table({"image": pixels.tolist()}), path)
    for number in range(3):
        save_image(folder / f"preview{number}.png")
    digits = load_dataset(folder)
    assert (counts(digits), digits.image_shape) == ((7, 1), (4, 4, 1))
    assert f"the 8 images in digits.{kind} are read, not the 3 pictures" in digits.report.notes[0]
    for number in range(3, 9):
        save_image(folder / f"preview{number}.png")
    pictures = load_dataset(folder)
    assert sum(counts(pictures)) == 9
    assert f"the 9 pictures are read, not the 8 images in digits.{kind}" in told(pictures)


def test_a_damaged_data_file_beside_few_pictures_is_an_error(folder: Path) -> None:
    save_classes(folder, {"a": 9})
    (folder / "digits.npz").write_bytes(b"PK\3\4")
    with pytest.raises(DatasetError, match="digits.npz .* is not an NPZ file"):
        load_dataset(folder)
    save_classes(folder, {"a": 10})
    assert "digits.npz" in load_dataset(folder).report.notes[0]


def test_images_along_the_last_axis_are_doubted(tmp_path: Path) -> None:
    path = save_npz(tmp_path / "mine.npz", images=noise(8, 8, 40))
    assert "8 images of 8 × 40; if they are 40 of 8 × 8, save numpy.moveaxis" in told(
        load_dataset(path)
    )


@pytest.mark.parametrize("in_planes", [True, False])
def test_flat_colours_are_told_from_flat_planes(tmp_path: Path, in_planes: bool) -> None:
    ramp = np.linspace(0, 200, 8, dtype=np.uint8)
    image = np.stack([ramp[:, None] + ramp // 4, 0 * ramp[:, None] + ramp, np.full((8, 8), 9)], -1)
    image = image.astype(np.uint8)
    flat = (image.transpose(2, 0, 1) if in_planes else image).reshape(1, -1)
    mine = load_dataset(save_npz(tmp_path / "mine.npz", data=np.repeat(flat, 4, 0)))
    np.testing.assert_array_equal(mine.train.images[0], image)


def test_a_folder_of_arrays_and_a_file_for_each_class_are_read(folder: Path) -> None:
    for name in ("full_numpy_bitmap_cat", "full_numpy_bitmap_dog"):
        np.save(folder / f"{name}.npy", noise(7, 784))
    assert load_dataset(folder).classes == ("cat", "dog")
    shutil.rmtree(folder)
    for split, count in (("train", 6), ("test", 3)):
        np.savez_compressed(folder.parent / "x", noise(1))
        folder.mkdir(exist_ok=True)
        np.savez_compressed(folder / f"k49-{split}-imgs.npz", noise(count, 28, 28))
        np.savez_compressed(folder / f"k49-{split}-labels.npz", np.arange(count) % 2)
    assert counts(load_dataset(folder)) == (6, 3)


def save_idx_set(folder: Path, images: str, labels: str, *, count: int = 6) -> np.ndarray:
    folder.mkdir(parents=True, exist_ok=True)
    pixels = noise(count, 28, 28)
    (folder / images).write_bytes(idx_bytes(pixels))
    (folder / labels).write_bytes(idx_bytes(np.arange(count) % 3))
    return pixels


def test_one_of_the_sets_of_emnist_is_picked_and_turned_upright(folder: Path) -> None:
    for name in ("letters", "digits"):
        for split in ("train", "test"):
            stem = f"emnist-{name}-{split}"
            pixels = save_idx_set(folder, f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte")
            if (name, split) == ("letters", "train"):
                letters = pixels
    with pytest.raises(
        DatasetError, match="several sets: emnist digits, emnist letters; add one's"
    ):
        load_dataset(folder)
    picked = load_dataset(folder / "emnist-letters")
    np.testing.assert_array_equal(picked.train.images[..., 0], letters.transpose(0, 2, 1))
    assert "turned upright" in picked.report.notes[0]
    zipped = shutil.make_archive(str(folder), "zip", folder)
    np.testing.assert_array_equal(
        load_dataset(f"{zipped}/emnist-letters").train.images, picked.train.images
    )
    with pytest.raises(DatasetError, match="holds no set called words"):
        load_dataset(f"{zipped}/emnist-words")
    with pytest.raises(DatasetError, match="no data set or file called"):
        load_dataset(folder / "emnist-words")


def test_qmnist_has_columns_of_its_writers(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / f"qmnist-{split}-images-idx3-ubyte").write_bytes(idx_bytes(noise(9, 28, 28)))
        table = np.column_stack([np.arange(9) % 3, RANDOM.integers(0, 500, (9, 7))]).astype(">i4")
        header = b"\0\0\x0c\x02" + np.array(table.shape, ">u4").tobytes()
        (folder / f"qmnist-{split}-labels-idx2-int").write_bytes(header + table.tobytes())
    qmnist = load_dataset(folder)
    assert qmnist.classes == ("0", "1", "2")
    assert "writer" in qmnist.test.columns


@pytest.mark.parametrize("layout", ["MNIST/raw", "one folder each", "zip"])
def test_idx_files_may_lie_deeper(folder: Path, layout: str) -> None:
    for split in ("train", "t10k"):
        names = f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"
        save_idx_set(folder / "MNIST" / "raw", *names)
    path = folder
    if layout == "one folder each":
        for file in list((folder / "MNIST" / "raw").iterdir()):
            (folder / file.name).mkdir()
            file.rename(folder / file.name / file.name)
    elif layout == "zip":
        path = Path(shutil.make_archive(str(folder), "zip", folder))
    assert counts(load_dataset(path)) == (6, 6)


@pytest.mark.parametrize("kind", ["tar", "gztar", "xztar", "zst"])
def test_tar_archives_give_the_images_of_their_folder(folder: Path, kind: str) -> None:
    save_classes(folder, {"cat": 5, "dog": 4})
    path = Path(shutil.make_archive(str(folder), "tar" if kind == "zst" else kind, folder))
    if kind == "zst":
        packed = path.with_suffix(".tar.zst")
        packed.write_bytes(zstandard.compress(path.read_bytes()))
        path = packed
    expected, found = load_dataset(folder), load_dataset(path)
    assert found.origin == "tar of class folders (PNG)"
    np.testing.assert_array_equal(found.train.images, expected.train.images)


def test_a_packed_file_that_is_no_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "set.tar.zst"
    path.write_bytes(zstandard.compress(noise(2000).tobytes())[:1000])
    with pytest.raises(DatasetError, match="set.tar.zst is cut short or damaged"):
        load_dataset(path)


def test_a_packed_archive_with_a_damaged_end_is_told(folder: Path) -> None:
    save_classes(folder, {"cat": 5, "dog": 4})
    archive = Path(shutil.make_archive(str(folder), "tar", folder)).read_bytes()
    packed = bytearray(zstandard.compress(archive + noise(2000).tobytes()))
    packed[-3000:-2000] = bytes(1000)
    path = folder.with_suffix(".tar.zst")
    path.write_bytes(packed)
    with pytest.raises(DatasetError, match="is cut short or damaged"):
        load_dataset(path)


def test_webdataset_classes_lie_beside_the_images(folder: Path) -> None:
    for number in range(6):
        save_image(folder / f"{number:05}.png")
        (folder / f"{number:05}.cls").write_text(str(number % 2))
    shard = load_dataset(Path(shutil.make_archive(str(folder), "tar", folder)))
    assert (shard.classes, shard.report.left_out) == (("0", "1"), {})


def png_bytes(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (value, 0, 0)).save(file, "PNG")
    return file.getvalue()


def test_parquet_shards_of_hugging_face_are_read(folder: Path) -> None:
    features = {"features": {"fine_label": {"names": ["left", "right"]}}}
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        table = pyarrow.table(
            {
                "img": [{"bytes": png_bytes(number), "path": None} for number in range(7)],
                "fine_label": [number % 2 for number in range(7)],
                "score": [number / 7 for number in range(7)],
            }
        ).replace_schema_metadata({"huggingface": json.dumps({"info": features})})
        (folder / "data").mkdir(exist_ok=True)
        parquet.write_table(table, folder / "data" / f"{name}.parquet", row_group_size=3)
    found = load_dataset(folder)
    assert (found.classes, counts(found)) == (("left", "right"), (14, 7))
    assert found.test.images[:, 0, 0, 0].tolist() == list(range(7))
    assert found.test.columns["score"] == pytest.approx(np.arange(7) / 7)


@pytest.mark.parametrize(
    "metadata", ["{oops", "{}", '{"info": null}', '{"info": {"features": []}}']
)
def test_metadata_that_make_no_sense_name_no_classes(tmp_path: Path, metadata: str) -> None:
    table = pyarrow.table({"image": [png_bytes(1)] * 4, "label": [0, 1] * 2})
    table = table.replace_schema_metadata({"huggingface": metadata})
    parquet.write_table(table, tmp_path / "set.parquet")
    assert load_dataset(tmp_path / "set.parquet").classes == ("0", "1")


def test_classes_keep_their_names_where_some_labels_are_missing(tmp_path: Path) -> None:
    names = {"fine_label": {"names": ["z", "a"]}, "kind": {"names": ["wild", "tame"]}}
    table = pyarrow.table(
        {
            "img": [png_bytes(number) for number in range(6)],
            "fine_label": [0, 1, None, 1, -1, 0],
            "kind": [0, 1] * 3,
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": names}})})
    parquet.write_table(table, tmp_path / "set.parquet")

    def read(label: str | None) -> Dataset:
        return load_dataset(tmp_path / "set.parquet", Reading(whole=True, label=label))

    for label in (None, "fine_label"):
        assert read(label).classes == ("z", "a", "not labelled")
        assert read(label).test.labels.tolist() == [0, 1, 2, 1, 2, 0]
    assert "2 images have no label: class 'not labelled'" in read(None).report.notes
    assert read("kind").classes == ("wild", "tame")


def test_images_that_a_column_splits_are_looked_through_once(tmp_path: Path) -> None:
    first, second = (Image.new("L", (8, 8), level) for level in (0, 255))
    film = io.BytesIO()
    first.save(film, "PNG", save_all=True, append_images=[second])
    columns = {"image": [film.getvalue()] * 6, "split": ["train"] * 4 + ["test"] * 2}
    parquet.write_table(pyarrow.table(columns), tmp_path / "set.parquet")
    found = load_dataset(tmp_path / "set.parquet")
    assert counts(found) == (4, 2)
    assert "of 6 animated pictures, the first frame is read" in told(found)


@pytest.mark.parametrize("title", ["image", "first_input_image"])
def test_the_column_called_image_is_taken_and_others_are_told(tmp_path: Path, title: str) -> None:
    def files(value: int) -> list[dict[str, object]]:
        return [{"bytes": png_bytes(value), "path": None}] * 6

    columns = {"image_mask": files(1), title: files(200), "boxes": [[1, 2]] * 6, "label": [0] * 6}
    parquet.write_table(pyarrow.table(columns), tmp_path / "set.parquet")
    found = load_dataset(tmp_path / "set.parquet")
    assert found.test.images[0, 0, 0, 0] == 200
    assert found.report.left_out == {"columns of neither numbers nor words": (2, "image_mask")}


def test_paths_in_place_of_images_and_labels_of_hidden_tests_are_told(folder: Path) -> None:
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    images = pyarrow.array([{"bytes": None, "path": "1.png"}] * 4, kind)
    parquet.write_table(pyarrow.table({"image": images}), folder / "train.parquet")
    with pytest.raises(
        DatasetError,
        match="train.parquet .* holds no image file in its first row: if it holds paths",
    ):
        load_dataset(folder)
    for name, labels in (("train", [0, 1, 0, 1]), ("test", [-1] * 4)):
        table = pyarrow.table({"image": [png_bytes(9)] * 4, "label": labels})
        parquet.write_table(table, folder / f"{name}.parquet")
    found = load_dataset(folder)
    assert (found.classes, sum(counts(found))) == (("0", "1"), 4)
    assert found.report.left_out["test images without labels"][0] == 4


def in_lists(images: np.ndarray) -> dict[str, object]:
    return {"image": images.tolist()}


def in_flat_floats(images: np.ndarray) -> dict[str, object]:
    flat = pyarrow.array((images.reshape(len(images), -1) / np.float32(255)).tolist())
    return {"pixels": flat.cast(pyarrow.list_(pyarrow.float32()))}


def of_a_stated_shape(images: np.ndarray) -> dict[str, object]:
    flat = images.reshape(len(images), -1)
    sizes = {"height": [images.shape[1]] * len(images), "width": [images.shape[2]] * len(images)}
    return {"img": flat.tolist(), **sizes, "embedding": np.ones((len(images), 64)).tolist()}


def in_a_column_a_pixel(images: np.ndarray) -> dict[str, object]:
    flat = images.reshape(len(images), -1)
    return {f"pixel{number + 1}": column for number, column in enumerate(flat.T)}


@pytest.mark.parametrize(
    ("columns_of", "size"),
    [
        (in_lists, (8, 6)),
        (in_flat_floats, (8, 8)),
        (of_a_stated_shape, (8, 6)),
        (in_a_column_a_pixel, (8, 8)),
    ],
)
def test_parquet_of_numbers_is_read(
    tmp_path: Path,
    columns_of: Callable[[np.ndarray], dict[str, object]],
    size: tuple[int, int],
) -> None:
    images = noise(20, 8, 8)[:, : size[0], : size[1]]
    images[0, 0, :2] = 0, 255
    split = ["train"] * 15 + ["test"] * 5
    table = pyarrow.table({**columns_of(images), "label": np.arange(20) % 2, "split": split})
    parquet.write_table(table, tmp_path / "set.parquet", row_group_size=7)
    found = load_dataset(tmp_path / "set.parquet")
    assert found.image_shape == (*size, 1)
    assert (found.classes, found.test.labels.tolist()) == (("0", "1"), [1, 0, 1, 0, 1])
    np.testing.assert_array_equal(found.test.images[..., 0], images[15:])


def test_ragged_lists_in_parquet_are_refused(tmp_path: Path) -> None:
    ragged = [[1] * 36, [1] * 49, [1] * 23]  # as many numbers as three rows of 36
    parquet.write_table(pyarrow.table({"image": ragged}), tmp_path / "set.parquet")
    with pytest.raises(DatasetError, match="set.parquet differ in shape"):
        load_dataset(tmp_path / "set.parquet")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_splits_of_numbers_of_unlike_shapes_are_refused(tmp_path: Path, kind: str) -> None:
    for split, side in (("train", 8), ("test", 7)):
        table = pyarrow.table(in_a_column_a_pixel(noise(9, side, side)))
        if kind == "csv":
            csv.write_csv(table, tmp_path / f"{split}.csv")
        else:
            parquet.write_table(table, tmp_path / f"{split}.parquet")
    with pytest.raises(DatasetError, match=r"differ in shape: \(7, 7, 1\), \(8, 8, 1\)"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("place", [0, 64])
def test_csv_with_words_as_labels_may_have_no_titles(tmp_path: Path, place: int) -> None:
    images = noise(12, 64)
    rows = [[*map(str, row)] for row in images]
    for number, row in enumerate(rows):
        row.insert(place, "ab"[number % 2])
    (tmp_path / "a.csv").write_text("\n".join(map(",".join, rows)))
    found = load_dataset(tmp_path / "a.csv", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images.reshape(12, 64), images)
    assert (found.classes, found.test.labels.tolist()) == (("a", "b"), [0, 1] * 6)
    assert "the column of words is taken as the label" in told(found)


@pytest.mark.parametrize(
    "titles",
    [
        [f"{2 * number}" for number in range(64)],
        [f"{number}.0" for number in range(64)],
        [f"{number:02}" for number in range(64)],
        [f"{number}" for number in range(64)],
    ],
)
@pytest.mark.parametrize("end", ["", ","])
def test_titles_that_are_numbers_are_no_image(tmp_path: Path, titles: list[str], end: str) -> None:
    images = noise(12, 64)
    rows = [f"{number % 2},{','.join(map(str, row))}{end}" for number, row in enumerate(images)]
    (tmp_path / "a.csv").write_text("\n".join([f"label,{','.join(titles)}{end}", *rows]))
    found = load_dataset(tmp_path / "a.csv", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images.reshape(12, 64), images)
    assert found.classes == ("0", "1")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_of_pixels_are_taken_in_the_order_of_their_numbers(
    tmp_path: Path, kind: str
) -> None:
    images = noise(12, 64)
    table = {f"pixel{number}": images[:, number] for number in sorted(range(64), key=str)}
    path = tmp_path / f"a.{kind}"
    frame = pandas.DataFrame({"label": np.arange(12) % 2, **table})
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    found = load_dataset(path, Reading(whole=True))
    np.testing.assert_array_equal(found.test.images.reshape(12, 64), images)
    assert "pixel0, pixel1, … are taken in the order of their numbers" in told(found)


def test_columns_whose_order_is_not_plain_are_taken_as_they_stand(tmp_path: Path) -> None:
    images = noise(6, 16)
    titles = [f"{row}x{column}" for column in range(4) for row in range(4)]
    np.savetxt(tmp_path / "a.csv", images, "%d", ",", header=",".join(titles), comments="")
    found = load_dataset(tmp_path / "a.csv", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images.reshape(6, 16), images)
    assert "0x0, 1x0, … are taken as they stand" in told(found)


def test_a_csv_without_titles_has_those_of_another(folder: Path) -> None:
    train, test = noise(12, 65), noise(6, 65)
    np.savetxt(folder / "train.csv", train, "%d", ",")
    titles = ",".join([*(f"pixel{number}" for number in range(64)), "label"])
    np.savetxt(folder / "test.csv", test, "%d", ",", header=titles, comments="")
    found = load_dataset(folder)
    np.testing.assert_array_equal(found.train.images.reshape(12, 64), train[:, :64])
    np.testing.assert_array_equal(found.test.images.reshape(6, 64), test[:, :64])
    assert "train.csv in" in told(found)
    assert "has no titles: its columns are those of test.csv" in told(found)


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_a_file_without_arrays_is_told(tmp_path: Path, name: str) -> None:
    if name == "a.npz":
        np.savez(tmp_path / name)
    else:
        h5py.File(tmp_path / name, "w").close()
    with pytest.raises(DatasetError, match="must hold images as numbers .* but holds nothing"):
        load_dataset(tmp_path / name)


def test_where_a_number_is_missing_is_told(tmp_path: Path) -> None:
    images = noise(6, 8, 8) / 255
    images[3, 2, 1] = np.nan
    save_npz(tmp_path / "a.npz", images=images)
    with pytest.raises(DatasetError, match="not finite numbers, the first of them in image 3"):
        load_dataset(tmp_path / "a.npz")


def test_a_set_that_a_file_has_not_is_told(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", images=noise(6, 8, 8))
    with pytest.raises(DatasetError, match="no set called letters, but one set alone; give"):
        load_dataset(tmp_path / "a.npz" / "letters")


def test_two_columns_of_one_title_are_refused(tmp_path: Path) -> None:
    titles = ",".join(["label", "pixel0", *(f"pixel{number}" for number in range(15))])
    np.savetxt(tmp_path / "a.csv", noise(6, 17), "%d", ",", header=titles, comments="")
    with pytest.raises(DatasetError, match="has several columns called pixel0"):
        load_dataset(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "names",
    ["Xtr Ytr Xte Yte", "X_tr y_tr X_te y_te", "trainimages trainlabels testimages testlabels"],
)
def test_short_names_of_splits_are_understood(tmp_path: Path, names: str) -> None:
    arrays = noise(6, 8, 8), np.arange(6) % 2, noise(4, 8, 8), np.arange(4) % 2
    save_npz(tmp_path / "a.npz", **dict(zip(names.split(), arrays, strict=True)))
    found = load_dataset(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.train.images[..., 0], arrays[0])
    assert found.test.labels.tolist() == [0, 1, 0, 1]


def test_arrays_whose_names_say_nothing_are_refused(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", a=noise(6, 8, 8), b=np.arange(6), c=noise(4, 8, 8), d=np.arange(4))
    with pytest.raises(DatasetError, match=r"whose names do not say .* call them x_train, y_train"):
        load_dataset(tmp_path / "a.npz")
    save_npz(tmp_path / "b.npz", cat=noise(6, 8, 8), dog=noise(6, 8, 8), extra=np.arange(6))
    found = load_dataset(tmp_path / "b.npz")
    assert found.classes == ("cat", "dog")
    assert "extra" in str(found.report.left_out)


@pytest.mark.parametrize(
    ("high", "low", "words"),
    [
        (255, 0, "but cat.npy from 0 to 255"),
        (1, -1, "but cat.npy from -1 to 1"),
    ],
)
def test_arrays_in_different_ranges_are_refused(
    folder: Path, high: int, low: int, words: str
) -> None:
    np.save(folder / "cat.npy", np.linspace(low, high, 6 * 64).reshape(6, 8, 8))
    np.save(folder / "dog.npy", np.linspace(0, 1, 6 * 64).reshape(6, 8, 8))
    with pytest.raises(DatasetError, match=f"dog.npy goes from 0 to 1, {words}: bring all"):
        load_dataset(folder)
    assert load_dataset(folder, Reading(range=(0, 255))).classes == ("cat", "dog")


def test_arrays_in_units_of_their_own_are_read(folder: Path) -> None:
    for name, high in (("cat", 0.9), ("dog", 12.0)):
        np.save(folder / f"{name}.npy", np.linspace(0, high, 6 * 64).reshape(6, 8, 8))
    assert load_dataset(folder).classes == ("cat", "dog")


@pytest.mark.parametrize("names", [("en", "te", "tr"), ("te", "tr")])
def test_languages_are_no_splits(folder: Path, names: tuple[str, ...]) -> None:
    save_classes(folder, dict.fromkeys(names, 6))
    assert load_dataset(folder).classes == names


def test_other_columns_keep_their_short_names(tmp_path: Path) -> None:
    numbers = np.arange(6) / 4
    save_npz(tmp_path / "a.npz", images=noise(6, 8, 8), TR=numbers, TE=2 * numbers)
    assert {*load_dataset(tmp_path / "a.npz").train.columns} == {"te", "tr"}


def test_a_split_alone_beside_arrays_is_no_class(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", images=noise(6, 8, 8), split=["train"] * 4 + ["test"] * 2)
    found = load_dataset(tmp_path / "a.npz")
    assert (counts(found), len(found.classes)) == ((4, 2), 1)


def test_a_fourth_channel_is_told(tmp_path: Path) -> None:
    save_npz(tmp_path / "a.npz", images=noise(6, 8, 8, 4), labels=np.arange(6) % 2)
    assert "the fourth of the four channels is taken as transparency" in told(
        load_dataset(tmp_path / "a.npz")
    )


def test_a_split_beside_arrays_is_followed_and_words_may_be_latin_1(tmp_path: Path) -> None:
    images = noise(6, 8, 8)
    words = np.array([b"\xe9", b"\xe8"] * 3)
    split = ["train"] * 4 + ["test"] * 2
    save_npz(tmp_path / "a.npz", images=images, labels=words, split=split)
    found = load_dataset(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.test.images[..., 0], images[4:])
    assert found.classes == ("è", "é")
    assert found.train.labels.tolist() == [1, 0, 1, 0]


def test_csv_of_pixels_is_read_with_titles_or_without(tmp_path: Path) -> None:
    pixels, labels = noise(20, 64), np.arange(20) % 3
    rows = np.column_stack([labels, pixels])
    np.savetxt(tmp_path / "plain.csv", rows, fmt="%d", delimiter=",")
    titles = ",".join(["label", *(f"pixel{number}" for number in range(64))])
    np.savetxt(tmp_path / "titled.csv", rows, fmt="%d", delimiter=",", header=titles, comments="")
    for name in ("plain.csv", "titled.csv"):
        found = load_dataset(tmp_path / name)
        images = np.concatenate([found.train.images, found.test.images])
        assert {image.tobytes() for image in images} == {row.tobytes() for row in pixels}
        assert found.classes == ("0", "1", "2")


def test_numbers_in_a_lone_text_file_are_read(folder: Path) -> None:
    pixels = noise(9, 16)
    np.savetxt(folder / "digits.txt", pixels)
    np.savetxt(folder / "aligned.txt", np.column_stack([np.arange(9) % 2, pixels]), "%5d")
    for path in (folder / "digits.txt", folder / "aligned.txt"):
        found = load_dataset(path, Reading(whole=True))
        assert found.test.images.reshape(9, 16).tolist() == pixels.tolist()
    assert found.classes == ("0", "1")
    np.savetxt(folder / "digits.txt", noise(9, 16), header="of our own")
    assert counts(load_dataset(folder / "digits.txt")) == (8, 1)
    np.savetxt(folder / "digits.txt", noise(16, 16))
    with pytest.raises(DatasetError, match="as many rows as columns, 16, as a single picture has"):
        load_dataset(folder / "digits.txt")


def test_columns_that_only_some_files_have_are_told(folder: Path) -> None:
    for number, more in enumerate(({"label": [0, 1, 0]}, {})):
        table = pyarrow.table({"image": [png_bytes(9)] * 3, **more})
        parquet.write_table(table, folder / f"train-{number}.parquet")
    found = load_dataset(folder)
    assert found.report.left_out == {"columns that only some files have": (1, "label")}


def test_pictures_without_a_suffix_are_named(folder: Path) -> None:
    (folder / "scan1").write_bytes(png_bytes(9))
    with pytest.raises(
        DatasetError, match=r"scan1 is a PNG file: rename all, this one to scan1.png"
    ):
        load_dataset(folder)


def test_an_index_is_no_column_and_an_empty_cell_no_pixel(tmp_path: Path) -> None:
    titles = ",".join(["", "label", *(f"p{number}" for number in range(16))])
    rows = [",".join(map(str, [n, n % 2, *noise(16)])) for n in range(8)]
    (tmp_path / "a.csv").write_text("\n".join([titles, *rows]))
    assert load_dataset(tmp_path / "a.csv").test.columns == {}
    (tmp_path / "a.csv").write_text("\n".join([titles, *rows, f"8,0,,{','.join('9' * 15)}"]))
    with pytest.raises(DatasetError, match="holds values that are not finite numbers"):
        load_dataset(tmp_path / "a.csv")


def as_savetxt_writes(table: np.ndarray) -> str:
    text = io.StringIO()
    np.savetxt(text, table, delimiter=",")
    return text.getvalue()


def with_spaces(table: np.ndarray) -> str:
    text = io.StringIO()
    np.savetxt(text, table)
    return text.getvalue()


def as_pandas_writes(table: np.ndarray) -> str:
    return str(pandas.DataFrame(table).to_csv(index=False))


def as_pandas_writes_with_its_index(table: np.ndarray) -> str:
    return str(pandas.DataFrame(table).to_csv(sep="\t"))


def with_decimal_commas(table: np.ndarray) -> str:
    return "\n".join(";".join(f"{value:g}".replace(".", ",") for value in row) for row in table)


def after_an_empty_line(table: np.ndarray) -> str:
    titles = ",".join(["label", *(f"pixel{number}" for number in range(16))])
    return "\n".join(["", titles, *(",".join(map(str, row)) for row in table)])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "write",
    [
        as_savetxt_writes,
        with_spaces,
        as_pandas_writes,
        as_pandas_writes_with_its_index,
        with_decimal_commas,
        after_an_empty_line,
    ],
)
def test_csv_is_read_as_programs_write_it(
    tmp_path: Path, write: Callable[[np.ndarray], str], encoding: str
) -> None:
    pixels = np.vstack([np.zeros(16), np.ones(16), RANDOM.random((28, 16))]).round(3)
    table = np.column_stack([np.arange(30) % 3, pixels])
    (tmp_path / "a.tsv").write_text(write(table), encoding)
    found = load_dataset(tmp_path / "a.tsv", Reading(whole=True))
    assert (found.classes, found.range.high) == (("0", "1", "2"), 1)
    np.testing.assert_array_equal(found.test.images[..., 0].reshape(30, 16), np.rint(pixels * 255))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_of_any_kind_do_no_harm(tmp_path: Path, kind: str) -> None:
    days = pandas.date_range("2020-01-01", periods=12)
    frame = pandas.DataFrame(
        {
            **{f"pixel{number}": noise(12) for number in range(16)},
            "label": pandas.Categorical([*"abc"] * 3 + ["a", "b", None]),
            "day": days.date,
            "time": days,
            "checked": [True, None] * 6,
            "notes": [None] * 12,
        }
    )
    path = tmp_path / f"set.{kind}"
    frame.to_csv(path) if kind == "csv" else frame[::-1].to_parquet(path)
    found = load_dataset(path)
    assert found.classes == ("a", "b", "c", "not labelled")
    assert "1 image has no label" in told(found)
    assert "day" in found.report.left_out_line()


@pytest.mark.parametrize("has_index", [True, False])
def test_an_image_that_pandas_took_for_titles_is_left_out(tmp_path: Path, has_index: bool) -> None:
    random = np.random.default_rng(0)
    rows = np.column_stack([np.arange(30) % 3, random.integers(0, 9, (30, 64)) ** 2])
    titles: list[str] = []
    for value in map(str, rows[0]):
        count = sum(title.partition(".")[0] == value for title in titles)
        titles.append(f"{value}.{count}" if count else value)
    index = [[""] * has_index, *([str(row)] * has_index for row in range(29))]
    lines = [titles, *(map(str, row) for row in rows[1:])]
    path = tmp_path / "again.csv"
    path.write_text(
        "\n".join(",".join([*i, *cells]) for i, cells in zip(index, lines, strict=True))
    )
    found = load_dataset(path, Reading(whole=True))
    assert "pandas took for titles and made unique (0.1, 0.2, …): it is left out" in told(found)
    np.testing.assert_array_equal(found.test.images.reshape(29, -1), rows[1:, 1:])
    np.testing.assert_array_equal(found.test.labels, rows[1:, 0])
    tenths = [["0", "0.1", "0.2", "0.3"] * 16, *[["0.5", "1", "0", "0.25"] * 16] * 3]
    path.write_text("\n".join(map(",".join, tenths)))
    assert "pandas" not in told(load_dataset(path, Reading(whole=True)))


def test_labels_without_titles_may_come_last(tmp_path: Path) -> None:
    pixels = noise(40, 64) // 16
    pixels[:, 0] = 0  # a corner, as in the digits of scikit-learn
    table = np.column_stack([pixels, np.arange(40) % 10])
    np.savetxt(tmp_path / "digits.csv.gz", table, "%d", ",")
    digits = load_dataset(tmp_path / "digits.csv.gz")
    assert (digits.title, len(digits.classes)) == ("digits", 10)
    assert digits.train.images[:, 0, 0].max() == 0
    assert "the last column is taken as the label" in told(digits)


def test_csv_files_of_a_contest_lie_together(folder: Path) -> None:
    titles = ",".join(f"pixel{number}" for number in range(64))
    for name in ("train-1.csv", "train-2.csv"):
        rows = np.column_stack([np.arange(9) % 3, noise(9, 64)])
        np.savetxt(folder / name, rows, "%d", ",", header=f"label,{titles}", comments="")
    np.savetxt(folder / "test.csv", noise(5, 64), "%d", ",", header=titles, comments="")
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n2,0\n")
    digits = load_dataset(folder)
    assert (digits.classes, sum(counts(digits))) == (("0", "1", "2"), 18)
    assert {kind: count for kind, (count, _) in digits.report.left_out.items()} == {
        "tables without pixels": 1,
        "test images without labels": 5,
    }


def test_fer_has_its_splits_in_a_column(tmp_path: Path) -> None:
    pixels = noise(20, 64)
    usages = ["Training"] * 12 + ["PublicTest"] * 4 + ["PrivateTest"] * 4
    lines = [f"{i % 3},{' '.join(map(str, pixels[i]))},{usages[i]}" for i in range(20)]
    (tmp_path / "fer.csv").write_text("emotion,pixels,Usage\n" + "\n".join(lines))
    fer = load_dataset(tmp_path / "fer.csv")
    assert counts(fer) == (12, 4)
    np.testing.assert_array_equal(fer.test.images.reshape(4, 64), pixels[16:])


def test_pixels_in_one_column_may_be_written_as_lists(tmp_path: Path) -> None:
    path, images = tmp_path / "faces.csv", noise(6, 4, 4)
    rows = [f'"{image.reshape(-1).tolist()}"' for image in images]
    path.write_text("\n".join(["pixels", *rows]))
    faces = load_dataset(path, Reading(whole=True))
    np.testing.assert_array_equal(faces.test.images[..., 0], images)
    path.write_text("\n".join(["pixels", *rows, '"none"']))
    with pytest.raises(DatasetError, match="numbers with spaces between them as pixels, but"):
        load_dataset(path)
    for content, message in ((b"", "is empty"), (b"a\0b", "no text"), (b"pixels\n", "no images")):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=message):
            load_dataset(path)


def test_svhn_is_read_with_the_digit_nought(folder: Path) -> None:
    for split, count in (("train", 9), ("test", 4)):
        images = noise(32, 32, 3, count)
        labels = np.arange(1, count + 1)[:, None] % 10 + 1
        savemat(folder / f"{split}_32x32.mat", {"X": images, "y": labels})
    svhn = load_dataset(folder)
    assert counts(svhn) == (9, 4)
    np.testing.assert_array_equal(svhn.test.images, images.transpose(3, 0, 1, 2))
    assert svhn.classes[0] == "0" and len(svhn.classes) == 9


def test_stl10_is_read_upright_and_by_name(folder: Path) -> None:
    images = noise(4, 96, 96, 3)
    for split in ("train", "test"):
        stored = images.transpose(0, 3, 2, 1)  # planes, column by column
        (folder / f"{split}_X.bin").write_bytes(stored.tobytes())
        (folder / f"{split}_y.bin").write_bytes(bytes([1, 2, 1, 2]))
    (folder / "class_names.txt").write_text("airplane\nbird\n")
    stl10 = load_dataset(folder, Reading(image_size=(96, 96)))
    np.testing.assert_array_equal(stl10.train.images, images)
    assert stl10.classes == ("airplane", "bird")


def test_labels_in_a_table_beside_arrays_are_taken_in_their_order(folder: Path) -> None:
    np.save(folder / "images.npy", noise(6, 8, 8))
    for name, content in (
        ("labels.csv", "id,label\n" + "".join(f"{row},{'ab'[row // 3]}\n" for row in range(6))),
        ("y.txt", "a\na\na\nb\nb\nb\n"),
        ("labels.json", json.dumps(["a"] * 3 + ["b"] * 3)),
    ):
        (folder / name).write_text(content)
        found = load_dataset(folder, Reading(whole=True))
        assert (found.classes, found.test.labels.tolist()) == (("a", "b"), [0, 0, 0, 1, 1, 1])
        assert f"{name} is taken in the order of the images: image 0 is a" in told(found)
        (folder / name).unlink()
    for zeros in ("", "0000"):
        rows = (f"{zeros}{row}" for row in ("3,a", "1,b", "2,a", "0,b", "5,a", "4,b"))
        (folder / "labels.csv").write_text("\n".join(["id,label", *rows]))
        assert load_dataset(folder).report.left_out == {"tables": (1, "labels.csv")}


def test_objects_and_large_tables_beside_images_are_not_read(tmp_path: Path) -> None:
    path = save_npz(
        tmp_path / "mine.npz",
        images=noise(6, 8, 8),
        masks=noise(6, 8, 8),
        boxes=np.zeros((6, 100)),
        notes=np.array([None] * 6),
        size=np.arange(6) / 7,
    )
    mine = load_dataset(path)
    assert {*mine.test.columns} == {"size"}
    kind = "arrays that are neither images nor labels of them"
    assert mine.report.left_out == {kind: (3, "masks")}


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.h5").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DatasetError, match="Reading HDF5 files needs h5py, which is not installed"):
        load_dataset(tmp_path / "a.h5")


def test_a_full_disk_gets_a_sentence_with_the_place(folder: Path, tmp_path: Path) -> None:
    save_classes(folder, {"cat": 9})
    code = (
        "import resource, signal, sys\n"
        "from explorer.data.load import load_dataset\n"
        "from explorer.errors import DatasetError\n"
        "dataset = load_dataset(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        "try:\n"
        "    dataset.train\n"
        "except DatasetError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("The images could not be written to a temporary file in")
    assert f"{tmp_path} (File too large); point TMPDIR at a folder" in done.stdout
    assert done.stderr == ""


# Looking, and keeping


def test_a_contact_sheet_has_a_row_for_each_class(folder: Path) -> None:
    save_classes(folder, {"cat": 3, "dog": 20})
    pets = load_dataset(folder)
    write_sheet(pets, folder / "sheet.png")
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.size == (150 + 16 * 34, 2 * 34)
        assert sheet.getpixel((152, 2)) == tuple(pets.train.images[0, 0, 0])
        assert np.asarray(sheet)[36, 152, 0] == 1  # red is the class


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("dies", [False, True])
def test_many_files_are_decoded_in_processes_of_their_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, dies: bool
) -> None:
    save_classes(folder, {"cat": 9, "dog": 7})
    (folder / "cat" / "broken.png").write_bytes(b"x")
    Image.new("RGBA", (8, 8), (9, 9, 9, 100)).save(folder / "dog" / "clear.png")
    path = Path(shutil.make_archive(str(folder), "zip", folder)) if kind == "zip" else folder
    expected = load_dataset(path)
    expected_images, expected_report = expected.train.images, full(expected)
    monkeypatch.setattr(workers, "FEWEST", 1)
    monkeypatch.setattr(workers, "_cores", lambda: 2)
    asked = []
    ask = workers._Worker.ask

    def ask_and_note(worker: workers._Worker, items: Any, form: Any) -> Any:
        asked.append("headers" if form is None else "pixels")
        if dies:
            worker._process.kill()
        return ask(worker, items, form)

    monkeypatch.setattr(workers._Worker, "ask", ask_and_note)
    found = load_dataset(path)
    np.testing.assert_array_equal(found.train.images, expected_images)
    assert full(found) == expected_report
    assert {*asked} == {"headers", "pixels"}


def test_what_processes_print_is_not_taken_for_pixels(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        save_array(folder / f"{number:02}.png", np.full((8, 8), 9 * number, np.uint8))
    prints = """
        import builtins, os
        print("Xcos\\nsystem")
        open_bytes = builtins.open
        def open_and_print(path, *arguments, **options):
            if str(path).endswith(".png"):
                os.write(1, b"warning: ")
            return open_bytes(path, *arguments, **options)
        builtins.open = open_and_print
    """
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(prints))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(workers, "FEWEST", 1)
    monkeypatch.setattr(workers, "_cores", lambda: 2)
    names = [f"{number:02}.png" for number in range(12)]
    chunks = [[(name, None)] for name in names]
    form = Form((8, 8, 1))
    with monkeypatch.context() as patch:
        patch.setattr(workers, "decode", None)  # here; the processes have their own
        found = [*workers.decode_all(DiskTree(folder, {}), chunks, form, 12)]
    assert [one.colours[0, 0, 0, 0] for one in found] == [9 * number for number in range(12)]


def test_the_second_start_reads_what_was_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(cache, "SLOW", -1.0)
    save_classes(folder, {"cat": 5, "dog": 4})
    (folder / "cat" / "broken.png").write_bytes(b"x")
    first = load_dataset(folder)
    expected = first.train.images.copy(), first.test.labels
    told_first = full(first)
    with monkeypatch.context() as patch:
        patch.setattr("explorer.data.sources.decoding.open_image", None)  # nothing is opened again
        again = load_dataset(folder)
        np.testing.assert_array_equal(again.train.images, expected[0])
        np.testing.assert_array_equal(again.test.labels, expected[1])
        assert full(again) == told_first
    save_image(folder / "cat" / "000.png", RED)
    assert (load_dataset(folder).train.images != expected[0]).any()
    save_image(tmp_path / "kept" / "holidays" / "1.png")  # a user may choose this name
    assert cache.clear() > 0
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["holidays"]


def test_kept_images_are_those_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(cache, "SLOW", -1.0)
    found = []
    for place, shade in (("one", 0), ("two", 100)):
        for number in range(4):
            path = tmp_path / place / f"{number}.bmp"  # all of one size in bytes
            save_array(path, np.full((8, 8), shade + number, np.uint8))
            os.utime(path, (1, 1))
        pets = load_dataset(tmp_path / place)
        found.append({*pets.train.images.ravel(), *pets.test.images.ravel()})
    assert found == [{0, 1, 2, 3}, {100, 101, 102, 103}]


def test_kept_values_are_those_that_were_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "SLOW", -1.0)
    save_array(folder / "deep.png", noise(8, 8).astype(np.uint16) * 16)
    save_array(folder / "ordinary.png", noise(8, 8))
    images = Pictures(DiskTree(folder, {}), ["deep.png", "ordinary.png"])
    found = [one for is_deep in (True, False) for one in images.values(is_deep).values()]
    assert [values.kind for values in found] == ["integers", "bytes"]


def test_columns_that_may_be_the_classes_are_told(tmp_path: Path) -> None:
    table = {"image": [png_bytes(9)] * 6, "is_cat": [True, False] * 3, "age": range(6)}
    parquet.write_table(pyarrow.table(table), tmp_path / "set.parquet")
    hint = "--label COLUMN takes another column as the classes: is_cat, age"
    assert hint in told(load_dataset(tmp_path / "set.parquet"))
    found = load_dataset(tmp_path / "set.parquet", Reading(label="is_cat"))
    assert (len(found.classes), "--label" in told(found)) == (2, False)


def test_damaged_parquet_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    table = pyarrow.table({"image": [png_bytes(9)] * 4, "remark": ["unlikely"] * 4})
    parquet.write_table(table, path, compression="none", use_dictionary=False)
    whole = path.read_bytes()
    for damaged in (whole.replace(b"remark", b"rem\xd2rk"), whole.replace(b"likely", b"l\xd2kely")):
        path.write_bytes(damaged)
        with pytest.raises(DatasetError, match="is not a Parquet file, or is damaged; copy"):
            load_dataset(path)
