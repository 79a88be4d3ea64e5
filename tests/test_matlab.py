"""MATLAB files of users and published sets: read upright, with their own labels and names."""

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
    """Return images that are symmetric from left to right but not from top to bottom."""
    coarse = np.random.default_rng(0).integers(0, 100, (COUNT, 4, 4, *shape[2:]), np.uint8)
    halves = coarse.repeat(shape[0] // 4, axis=1).repeat(shape[1] // 4, axis=2)
    halves[:, shape[0] // 2 :] += 100
    return np.asarray(halves // 2 + np.flip(halves, 2) // 2)


GREY, COLOUR = faces(16, 16), faces(16, 16, 3)
BY_ROWS, BY_COLUMNS = GREY.reshape(COUNT, -1), GREY.swapaxes(1, 2).reshape(COUNT, -1)
PLANES = COLOUR.transpose(0, 3, 1, 2).reshape(COUNT, -1)
ONE_HOT = np.eye(3)[LABELS]


def halves(images: str, labels: str, rows: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Return both splits under names with a ``{}`` for the split's name."""
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
        images = np.moveaxis(COLOUR[:8], 0, -1).reshape(16, 16, 3, 4, 2, order="F")
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
    assert (found.classes, found.report.left_out) == (LETTERS, {})
    np.testing.assert_array_equal(found.test.images, COLOUR[6:12])
    assert found.test.labels.tolist() == found.train.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: path.write_bytes(b"words " * 99), "is not a MATLAB file, or is damaged"),
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: savemat(path, {"a": np.arange(5)}), "must hold images as numbers"),
        (lambda path: savemat(path, {"a": "words"}), "but holds nothing"),
        (lambda path: savemat(path, {"a": np.zeros((2, 8, 8, 3, 4))}), "must hold images as"),
    ],
)
def test_other_files_get_a_sentence(
    tmp_path: Path, write: Callable[[Path], object], words: str
) -> None:
    write(tmp_path / "mine.mat")
    with pytest.raises(DatasetError, match=words):
        load_dataset(tmp_path / "mine.mat")


def test_labels_count_from_1_in_all_files_where_names_lie_in_one(tmp_path: Path) -> None:
    names = np.array(["a", "b", "c", "never"], object)[:, None]
    train, test = slice(TRAINING), slice(TRAINING, None)
    few = np.where(LABELS == 2, 1, LABELS) + 1  # the test images have no third class
    savemat(
        tmp_path / "train.mat",
        {"images": COLOUR[train], "labels": LABELS[train, None] + 1, "names": names},
    )
    savemat(tmp_path / "test.mat", {"images": COLOUR[test], "labels": few[test, None]})
    found = load_dataset(tmp_path)
    assert found.classes == ("a", "b", "c", "never")
    np.testing.assert_array_equal(found.train.labels, LABELS[train])
    np.testing.assert_array_equal(found.test.labels, few[test] - 1)


def test_words_of_the_images_are_their_labels_and_not_names(tmp_path: Path) -> None:
    words = np.array([LETTERS[label] for label in LABELS], object)[:, None]
    savemat(tmp_path / "set_images.mat", {"images": COLOUR})
    savemat(tmp_path / "set_labels.mat", {"labels": words})
    found = load_dataset(tmp_path, Reading(whole=True))
    assert (found.classes, found.test.labels.tolist()) == (LETTERS, LABELS.tolist())


def test_flat_images_of_all_files_lie_alike(tmp_path: Path) -> None:
    for number in range(3):
        flat = GREY[number == LABELS]
        if number == 1:  # on its own this split would seem to lie on its side
            flat = flat[:, :, :1].repeat(16, axis=2)
        savemat(tmp_path / f"{'abc'[number]}.mat", {"x": flat.reshape(len(flat), -1)})
    found = load_dataset(tmp_path, Reading(whole=True))
    np.testing.assert_array_equal(found.test.images[found.test.labels == 0, ..., 0], GREY[::3])
    first = GREY[1::3, :, :1].repeat(16, axis=2)
    np.testing.assert_array_equal(found.test.images[found.test.labels == 1, ..., 0], first)
    assert any("flat images are read row by row" in note for note in found.report.notes)


@pytest.mark.parametrize("axis", [0, -1])
def test_of_three_axes_the_roughest_counts_images(tmp_path: Path, axis: int) -> None:
    images = GREY[:10, :, :12]  # fewer than their height
    savemat(tmp_path / "mine.mat", {"volume": np.moveaxis(images, 0, axis)})
    found = load_dataset(tmp_path / "mine.mat", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images[..., 0], images)
    assert "volume is taken as 10 of 16 × 12" in found.report.notes


def test_classes_may_count_along_an_axis_of_their_own(tmp_path: Path) -> None:
    images = faces(8, 8).reshape(COUNT, -1)[:, None].repeat(9, axis=1).reshape(3, -1, 64)
    savemat(tmp_path / "usps_all.mat", {"data": images.transpose(2, 1, 0)})
    found = load_dataset(tmp_path / "usps_all.mat", Reading(whole=True))
    assert found.classes == ("1", "2", "3")
    rows = found.test.images.swapaxes(1, 2).reshape(3, -1, 64)  # stored row by row
    assert {tuple(row) for row in rows[0]} in (
        {tuple(row) for row in images[0]},
        {tuple(row.reshape(8, 8).T.reshape(-1)) for row in images[0]},
    )


def test_one_file_may_hold_records_and_the_names_of_their_classes(tmp_path: Path) -> None:
    for number in range(6):
        Image.fromarray(COLOUR[number]).save(tmp_path / f"{number:06}.png")
    records = np.array(
        [(f"{i:06}.png", np.array([[i % 3 + 1]])) for i in range(6)],
        [("relative_im_path", "O"), ("class", "O")],
    )
    savemat(tmp_path / "cars_annos.mat", {"annotations": records[None], "class_names": CELL.T})
    found = load_dataset(tmp_path, Reading(whole=True))
    assert (found.classes, found.test.labels.tolist()) == (LETTERS, [0, 1, 2, 0, 1, 2])


def test_annotations_of_each_picture_are_no_images(tmp_path: Path) -> None:
    for number in range(12):
        Image.fromarray(COLOUR[number]).save(tmp_path / f"{number:03}.png")
        savemat(tmp_path / f"{number:03}.mat", {"S": np.ones((256, 256)), "names": CELL})
    found = load_dataset(tmp_path, Reading(whole=True))
    np.testing.assert_array_equal(found.test.images, COLOUR[:12])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"targets": np.array([np.nan, 1, 2] * 30)}, None),
        ({"classes": np.array(["ant ", "bee ", "cat "]), "labels": LABELS + 1}, ("ant", "bee")),
        ({"y": LABELS[:, None] * 4 + 1}, ("1", "5", "9")),
    ],
)
def test_labels_of_all_sorts(tmp_path: Path, content: dict[str, Any], words: Any) -> None:
    cells = np.empty(COUNT, object)
    cells[:] = [*COLOUR]
    savemat(tmp_path / "mine.mat", {"images": cells, **content})
    found = load_dataset(tmp_path / "mine.mat", Reading(whole=True))
    np.testing.assert_array_equal(found.test.images, COLOUR)
    assert words is None or found.classes[: len(words)] == words


def test_cells_that_cannot_be_one_array_get_a_sentence(tmp_path: Path) -> None:
    cells = np.empty(2, object)
    cells[:] = [np.zeros((8, 8)), np.zeros((9, 9))]
    savemat(tmp_path / "mine.mat", {"pictures": cells})
    with pytest.raises(DatasetError, match=r"holds cells or records \(pictures\)"):
        load_dataset(tmp_path / "mine.mat")


def test_records_that_no_file_of_its_size_can_hold_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "mine.mat"
    records = np.zeros((3, 1), [("x", object)])
    savemat(path, {"records": records})
    content = path.read_bytes()
    size = np.array([3, 1], "<i4").tobytes()
    assert content.count(size) == 1
    path.write_bytes(content.replace(size, np.array([2**28, 1], "<i4").tobytes()))
    with pytest.raises(DatasetError, match="damaged .more records than the file can hold"):
        load_dataset(path)
