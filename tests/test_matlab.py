"""MATLAB files as people and published sets have them: upright, with their own labels and names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.errors import DatasetError

COUNT, TRAINING = 90, 60
LABELS = np.arange(COUNT) % 3
LETTERS = ("a", "b", "c")
CELL = np.array(LETTERS, object)[:, None]


def faces(*shape: int) -> np.ndarray:
    """Images whose left and right are alike, and whose above and below are not."""
    halves = np.random.default_rng(0).integers(0, 100, (COUNT, *shape), np.uint8)
    halves[:, shape[0] // 2 :] += 100
    return np.asarray(halves // 2 + np.flip(halves, 2) // 2)


GREY, COLOUR = faces(16, 16), faces(16, 16, 3)
BY_ROWS, BY_COLUMNS = GREY.reshape(COUNT, -1), GREY.swapaxes(1, 2).reshape(COUNT, -1)
PLANES = COLOUR.transpose(0, 3, 1, 2).reshape(COUNT, -1)
ONE_HOT = np.eye(3)[LABELS]


def halves(images: str, labels: str, rows: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Both splits under names with a ``{}`` for the split's."""
    parts = (("train", slice(TRAINING)), ("test", slice(TRAINING, None)))
    return {
        name.format(split): array[part]
        for split, part in parts
        for name, array in ((images, rows), (labels, values))
    }


def emnist(first: int) -> dict[str, Any]:
    def split(part: slice) -> dict[str, Any]:
        return {
            "images": BY_COLUMNS[part],
            "labels": LABELS[part, None] + first,
            "writers": np.arange(COUNT)[part, None],
        }

    codes = [[first + number, ord(letter)] for number, letter in enumerate(LETTERS)]
    dataset = {"train": split(slice(TRAINING)), "test": split(slice(TRAINING, None))}
    return {"dataset": dataset | {"mapping": np.array(codes)}}


TEST, ALL = slice(TRAINING, None), slice(None)


@pytest.mark.parametrize(
    ("content", "images", "classes", "part"),
    [
        (emnist(0), GREY, LETTERS, TEST),
        (emnist(1), GREY, LETTERS, TEST),
        ({"fea": BY_COLUMNS.astype(float), "gnd": LABELS[:, None] + 1.0}, GREY, "123", ALL),
        ({"data": BY_ROWS.T, "label": LABELS[None].astype(float)}, GREY, "012", ALL),
        ({"X": BY_COLUMNS, "Y": LABELS[None] + 1, "classnames": CELL.T}, GREY, LETTERS, ALL),
        ({"images": np.moveaxis(GREY, 0, -1), "labels": LABELS[:, None]}, GREY, "012", ALL),
        ({"images": np.moveaxis(COLOUR, 0, -1)}, COLOUR, ["mine"], ALL),
        ({"images": COLOUR, "labels": LABELS}, COLOUR, "012", ALL),
        ({"faces": BY_COLUMNS.T}, GREY, ["mine"], ALL),
        (halves("{}_x", "{}_y", BY_ROWS, ONE_HOT), GREY, "012", TEST),
        (halves("{}_x", "{}_y", PLANES, LABELS[:, None]), COLOUR, "012", TEST),
    ],
)
def test_images_are_upright_and_have_their_labels(
    tmp_path: Path, content: dict[str, Any], images: np.ndarray, classes: Any, part: slice
) -> None:
    savemat(tmp_path / "mine.mat", content, do_compression=True)
    found = load_dataset(tmp_path / "mine.mat", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images.squeeze(), images[part])
    assert found.classes == tuple(classes)
    if len(classes) > 1:
        np.testing.assert_array_equal(found.test.labels, LABELS[part])


def test_columns_of_each_split_are_told_apart_from_images(tmp_path: Path) -> None:
    content = {
        **{"data": BY_COLUMNS[:TRAINING].T / 255, "target": ONE_HOT[:TRAINING].T * 2 - 1},
        **{"testdata": BY_COLUMNS[TRAINING:].T / 255, "testtarget": ONE_HOT[TRAINING:].T * 2 - 1},
    }
    savemat(tmp_path / "chardata.mat", content)
    found = load_dataset(tmp_path / "chardata.mat")
    np.testing.assert_array_equal(found.test.images[..., 0], GREY[TRAINING:])
    np.testing.assert_array_equal(found.train.labels, LABELS[:TRAINING])
    assert any("read column by column" in note for note in found.report.notes)


def test_an_array_for_each_class_and_split(tmp_path: Path) -> None:
    arrays = {
        f"{split}{label}": BY_ROWS[part][LABELS[part] == label]
        for split, part in (("train", slice(TRAINING)), ("test", TEST))
        for label in range(3)
    }
    savemat(tmp_path / "all.mat", arrays)
    found = load_dataset(tmp_path / "all.mat")
    by_class = np.concatenate([GREY[TEST][LABELS[TEST] == label] for label in range(3)])
    np.testing.assert_array_equal(found.test.images[..., 0], by_class)
    np.testing.assert_array_equal(found.test.labels, np.sort(LABELS[TEST]))


def test_images_by_two_factors_in_a_file_for_each_class(tmp_path: Path) -> None:
    for number in range(3):
        images = np.moveaxis(COLOUR[:8], 0, -1).reshape(16, 16, 3, 4, 2)
        savemat(tmp_path / f"car_{number:03}_mesh.mat", {"im": images})
    found = load_dataset(tmp_path, Reading(whole=True))
    np.testing.assert_array_equal(found.test.images[8:16], COLOUR[:8])
    assert found.test.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_freys_face_keeps_its_shape(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (71, 28, 20), np.uint8)
    savemat(tmp_path / "frey_rawface.mat", {"ff": images.reshape(71, -1).T})
    found = load_dataset(tmp_path / "frey_rawface.mat", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images[..., 0], images)


def test_cifar10_for_matlab(tmp_path: Path) -> None:
    for name, part in (("data_batch_1", slice(30)), ("data_batch_2", slice(30, 60))):
        savemat(tmp_path / f"{name}.mat", {"data": PLANES[part], "labels": LABELS[part, None]})
    savemat(tmp_path / "test_batch.mat", {"data": PLANES[TEST], "labels": LABELS[TEST, None]})
    savemat(tmp_path / "batches.meta.mat", {"label_names": CELL})
    found = load_dataset(tmp_path)
    assert found.classes == LETTERS
    np.testing.assert_array_equal(found.train.images, COLOUR[:TRAINING])
    np.testing.assert_array_equal(found.test.images, COLOUR[TEST])


def test_version_7_3_is_read_as_older_ones_are(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "big.mat", "w", userblock_size=512) as file:
        letters = []
        for letter in LETTERS:
            item = file.create_dataset(f"#refs#/{letter}", data=np.array([[ord(letter)]], "u2"))
            item.attrs["MATLAB_class"] = np.bytes_("char")
            letters.append(item.ref)
        file.create_dataset("names", data=np.array([letters], h5py.ref_dtype))
        file["names"].attrs["MATLAB_class"] = np.bytes_("cell")
        file["set/images"] = np.moveaxis(COLOUR, 0, -1).T
        file["set/labels"] = LABELS[None] + 1.0
    content = bytearray((tmp_path / "big.mat").read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "big.mat").write_bytes(content)
    found = load_dataset(tmp_path / "big.mat", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images, COLOUR)
    assert (found.classes, found.test.labels.tolist()) == (LETTERS, LABELS.tolist())


def test_records_beside_pictures_tell_classes_and_splits(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("test", 6)):
        (tmp_path / f"cars_{split}").mkdir()
        for number in range(6):
            path = tmp_path / f"cars_{split}" / f"{number:05}.png"
            Image.fromarray(COLOUR[first + number]).save(path)
        records = np.array(
            [(np.array([[i % 3 + 1]]), f"{i:05}.png") for i in range(6)],
            [("class", "O"), ("fname", "O")],
        )
        (tmp_path / "devkit").mkdir(exist_ok=True)
        savemat(tmp_path / f"devkit/cars_{split}_annos.mat", {"annotations": records[None]})
    savemat(tmp_path / "devkit/cars_meta.mat", {"class_names": CELL.T})
    found = load_dataset(tmp_path)
    assert found.classes == LETTERS
    np.testing.assert_array_equal(found.test.images, COLOUR[6:12])
    assert found.test.labels.tolist() == found.train.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: path.write_bytes(b"words " * 99), "is not a MATLAB file, or is damaged"),
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: savemat(path, {"a": np.arange(5)}), "must hold images as numbers"),
        (lambda path: savemat(path, {"a": "words"}), "but holds nothing"),
    ],
)
def test_other_files_get_a_sentence(
    tmp_path: Path, write: Callable[[Path], object], words: str
) -> None:
    write(tmp_path / "mine.mat")
    with pytest.raises(DatasetError, match=words):
        load_dataset(tmp_path / "mine.mat")
