"""Files of arrays: IDX, NPZ and the batches of CIFAR-10."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import shutil
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pytest
from image_sets import counts, idx_bytes, save_classes, save_idx, save_npz, told
from pyarrow import csv, parquet

from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset
from explorer.data.named import NAMED
from explorer.data.reading import Reading
from explorer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("bare_machine")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_of_idx_files_is_read(folder: Path, zipped: bool) -> None:
    train = save_idx(folder, "emnist-train-", 9, zipped=zipped)
    test = save_idx(folder, "emnist-test-", 6, zipped=zipped)
    letters = load_dataset(folder)
    assert (letters.classes, letters.image_shape) == (("0", "1", "2"), (5, 4, 1))
    np.testing.assert_array_equal(letters.train.images[..., 0], train)
    np.testing.assert_array_equal(letters.test.images[..., 0], test)
    assert letters.test.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_an_idx_file_that_is_not_zipped_is_mapped_in_place(folder: Path) -> None:
    save_idx(folder, "train-", 9)
    save_idx(folder, "t10k-", 3)
    images = load_dataset(folder).train.images
    assert isinstance(images, np.memmap)
    assert Path(str(images.filename)) == folder / "train-images-idx3-ubyte"


def test_a_single_pair_of_idx_files_is_split(folder: Path) -> None:
    images = save_idx(folder, "", 21, zipped=True)
    letters = load_dataset(folder)
    assert np.bincount(letters.train.labels).tolist() == [6, 6, 6]
    assert np.bincount(letters.test.labels).tolist() == [1, 1, 1]
    rows = {image.tobytes() for split in (letters.train, letters.test) for image in split.images}
    assert rows == {image.tobytes() for image in images}


def test_idx_files_with_dots_and_other_files_beside_them_are_read(folder: Path) -> None:
    for stem in ("train-", "t10k-"):
        save_idx(folder, stem, 6)
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("-idx", ".idx"))
    (folder / "readme.txt").write_text("about")
    assert load_dataset(folder).origin == "IDX files"


def test_damaged_idx_files_are_told_apart(folder: Path) -> None:
    save_idx(folder, "", 9)
    images, labels = folder / "images-idx3-ubyte", folder / "labels-idx1-ubyte"
    content = images.read_bytes()

    def expect(message: str) -> None:
        with pytest.raises(DatasetError, match=message):
            _ = load_dataset(folder).train

    images.write_bytes(content[:-5])
    expect("cut short: it must have 196 bytes but has 191")
    images.write_bytes(gzip.compress(content)[:-20])
    expect("cut short or damaged")
    images.write_bytes(gzip.compress(content[:-5]))
    expect("cut short: it must have 196 bytes but has 191")
    images.write_bytes(labels.read_bytes())
    expect("must begin with the bytes 00 00 08 03 but begins with 00 00 08 01")
    images.write_bytes(b"")
    expect("begins with nothing")
    images.write_bytes(content)
    labels.write_bytes(idx_bytes(np.arange(8)))
    expect("9 images but 8 labels")
    labels.write_bytes(idx_bytes(np.arange(9)))
    save_idx(folder, "more-", 4)
    expect("holds several sets: .*more; add one's name to the path")


def test_idx_images_without_labels_are_one_class(folder: Path) -> None:
    save_idx(folder, "", 9)
    (folder / "labels-idx1-ubyte").unlink()
    assert load_dataset(folder).classes == ("Our Pets",)


@pytest.mark.parametrize(
    "images",
    [
        np.array([[[0, 51]], [[102, 255]]], np.uint8),
        np.array([[[0, 51]], [[102, 255]]], np.int64),
        np.array([[[0, 0.2]], [[0.4, 1]]], np.float64),
        np.array([[[0, 51]], [[102, 255]]], np.float32),
        np.array([[[[0], [51]]], [[[102], [255]]]], np.uint8),
    ],
)
def test_npz_values_and_shapes_that_people_have_are_read(
    tmp_path: Path, images: np.ndarray
) -> None:
    path = save_npz(tmp_path / "mine.npz", x_train=images, x_test=images)
    mine = load_dataset(path)
    assert (mine.name, mine.classes, mine.origin) == ("mine", ("mine",), "NPZ file")
    assert mine.train.images.dtype == np.uint8
    assert mine.test.images.tolist() == [[[[0], [51]]], [[[102], [255]]]]
    assert mine.train.labels.tolist() == [0, 0]


def test_npz_labels_are_named_by_their_values_and_split(tmp_path: Path) -> None:
    labels = np.repeat([3, 7], 7)[:, None]  # (n, 1), as CIFAR-10's in Keras
    images = np.repeat([3, 7], 7).astype(np.uint8)[:, None, None, None] * np.ones((6, 6, 3), "u1")
    mine = load_dataset(save_npz(tmp_path / "mine.npz", x_train=images, y_train=labels))
    assert (mine.classes, mine.image_shape) == (("3", "7"), (6, 6, 3))
    assert mine.train.labels.tolist() == [0] * 6 + [1] * 6
    assert mine.test.labels.tolist() == [0, 1]
    assert mine.test.images[:, 0, 0, 0].tolist() == [3, 7]


def test_large_npz_images_are_made_smaller(tmp_path: Path) -> None:
    images = np.full((3, 100, 80, 3), 200, np.uint8)
    mine = load_dataset(save_npz(tmp_path / "mine.npz", x_train=images), Reading(grey=True))
    assert mine.image_shape == mine.train.images.shape[1:] == (32, 32, 1)
    assert np.unique(mine.train.images).tolist() == [200]


IMAGES = np.zeros((4, 6, 6), np.uint8)
STEPS = (85 * np.arange(4)).astype(np.uint8)[:, None, None] * np.ones((1, 6, 6), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"words": np.array(["a", "b"])}, r"must hold images .* but holds words \(<U1 \(2,\)\)"),
        ({"x_train": np.zeros((4, 35))}, r"but holds x_train \(float64 \(4, 35\)\)"),
        ({"x_train": np.zeros((4, 9, 6, 6))}, r"but holds x_train \(float64 \(4, 9, 6, 6\)\)"),
        ({"x_train": IMAGES.astype(object)}, "Python objects, which are never loaded"),
        ({"x_train": IMAGES, "y_train": np.arange(3)}, "4 images but 3 labels"),
        ({"x_train": IMAGES, "y_train": np.array([None] * 4)}, "y_train .* never loaded"),
        ({"x_train": IMAGES, "x_test": IMAGES, "y_test": np.arange(4)}, "one split only"),
        ({"x_train": IMAGES, "x_test": np.zeros((2, 5, 6), "u1")}, "differ in shape"),
        ({"x_train": IMAGES[:1]}, "at least two images"),
        ({"x_train": IMAGES * np.nan}, "the first of them in image 0"),
        ({"x_train": IMAGES[:, :0]}, r"but holds x_train \(uint8 \(4, 0, 6\)\)"),
    ],
)
def test_npz_files_that_cannot_be_used_say_why(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    path = save_npz(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DatasetError, match=message):
        _ = load_dataset(path).train


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (STEPS.astype(object), "npy"),
        ({"images": STEPS, "labels": [0, 1, 0, 1]}, "npy"),
        (STEPS.astype(object), "npz"),
    ],
)
def test_the_line_told_for_python_objects_saves_plain_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, ending: str
) -> None:
    path = tmp_path / f"mine.{ending}"
    if ending == "npz":
        save_npz(path, images=content)
    else:
        np.save(path, content, allow_pickle=True)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="holds Python objects") as raised:
        load_dataset(path)
    monkeypatch.chdir(tmp_path)
    line = str(raised.value).partition("it, run ")[2].partition(" and put")[0]
    exec(line, {"numpy": np, "PATH": path})
    (plain,) = tmp_path.glob("plain.*")
    found = load_dataset(plain, Reading(whole=True))
    np.testing.assert_array_equal(found.test.images[..., 0], STEPS)


def test_a_damaged_npz_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="not an NPZ file"):
        load_dataset(path)
    save_npz(path, x=IMAGES)
    directory = (content := path.read_bytes()).index(b"PK\x01\x02")
    for place, value, message in ((8, 1, "is encrypted"), (10, 9, "method is not supported")):
        changed = bytearray(content)
        changed[place - 2] = changed[directory + place] = value  # of the file, and its entry
        path.write_bytes(changed)
        with pytest.raises(DatasetError, match=message):
            load_dataset(path)


def test_images_that_are_named_unlabelled_are_a_set(tmp_path: Path) -> None:
    np.save(tmp_path / "unlabeled.npy", np.stack([IMAGES[0], IMAGES[1]]))
    assert counts(load_dataset(tmp_path / "unlabeled.npy")) == (1, 1)


class _Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 strings, as in the original batches of CIFAR-10."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_bytes(self, content: bytes) -> None:
        self.write(  # type: ignore[attr-defined]
            pickle.BINSTRING + struct.pack("<i", len(content)) + content
        )

    dispatch[bytes] = save_bytes  # type: ignore[assignment]


def save_cifar_batches(folder: Path) -> np.ndarray:
    """Write the six batches, of two images each; return the images of the test batch."""
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        pixels = np.random.default_rng(len(name)).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
        buffer = io.BytesIO()
        batch = {b"data": pixels.reshape(2, -1), b"labels": [3, 9]}
        _Python2Pickler(buffer, protocol=2).dump(batch)
        (folder / name).write_bytes(buffer.getvalue().replace(b"numpy._core", b"numpy.core"))
    return pixels.transpose(0, 2, 3, 1)


def test_cifar10_batches_are_read_from_the_keras_cache(tmp_path: Path) -> None:
    place = NAMED["cifar10"].places[0]
    expected = save_cifar_batches(tmp_path / "keras" / "datasets" / place)
    cifar = load_dataset("cifar10", download=False)
    assert cifar.origin == "Keras cache"
    assert len(cifar.train.images) == 10
    np.testing.assert_array_equal(cifar.test.images, expected)
    assert [cifar.classes[label] for label in cifar.test.labels] == ["cat", "truck"]

    grey = load_dataset("cifar10-grey", download=False)
    assert (grey.name, grey.image_shape) == ("cifar10-grey", (32, 32, 1))
    luma = expected @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert abs(grey.test.images[..., 0] - luma).max() < 1


def test_cifar100_has_its_superclasses_as_a_column(folder: Path) -> None:
    def save(name: str, content: dict[bytes, object]) -> None:
        buffer = io.BytesIO()
        _Python2Pickler(buffer, protocol=2).dump(content)
        (folder / name).write_bytes(buffer.getvalue().replace(b"numpy._core", b"numpy.core"))

    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
    fine, coarse = [0, 1, 2, 0, 1, 2], [0, 0, 1, 0, 0, 1]
    for name in ("train", "test"):
        labels = {b"fine_labels": fine, b"coarse_labels": coarse}
        save(name, {b"data": pixels.reshape(6, -1), **labels})
    names = [b"bee", b"fly", b"oak"], [b"fauna", b"flora"]
    save("meta", {b"fine_label_names": names[0], b"coarse_label_names": names[1]})
    archive = shutil.make_archive(str(folder), "gztar", folder)
    for place in (folder, archive):
        cifar = load_dataset(place)
        assert cifar.classes == ("bee", "fly", "oak")
        np.testing.assert_array_equal(cifar.test.images, pixels.transpose(0, 2, 3, 1))
        assert cifar.test.columns["superclass (0 fauna, 1 flora)"].tolist() == coarse


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (dict.fromkeys(("train", "test", "meta"), b"x"), "meta .* is not the list of classes of"),
        ({"train_X.bin": bytes(9), "train_y.bin": b"1"}, "train_X.bin .* has 9 bytes, too few for"),
        (
            {"train_X.bin": bytes(27648), "train_y.bin": b"1", "test_X.bin": b""},
            "lacks test_y.bin of STL-10",
        ),
    ],
)
def test_published_sets_that_are_damaged_get_a_sentence(
    folder: Path, files: dict[str, bytes], message: str
) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for place in (folder, shutil.make_archive(str(folder), "zip", folder)):
        with pytest.raises(DatasetError, match=message):
            load_dataset(place)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "attacked"),)

    save_cifar_batches(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "test_batch").write_bytes(pickle.dumps({b"data": Attack()}))
    with pytest.raises(DatasetError, match="test_batch .* is not a batch of CIFAR-10"):
        load_dataset("cifar10", data_dir=tmp_path)
    assert not (tmp_path / "attacked").exists()


IMAGES = np.arange(40, dtype=np.uint8)[:, np.newaxis, np.newaxis] + np.zeros((1, 6, 5), np.uint8)
"""Forty images, each of one value: its number."""
IS_TRAIN = np.arange(40) % 4 > 0


def split_of(dataset: Dataset) -> tuple[list[int], list[int]]:
    """Return the numbers of the training and of the test images."""
    train, test = dataset.train.images[:, 0, 0, 0], dataset.test.images[:, 0, 0, 0]
    return sorted(train.tolist()), sorted(test.tolist())


SPLIT = np.flatnonzero(IS_TRAIN).tolist(), np.flatnonzero(~IS_TRAIN).tolist()


@pytest.mark.parametrize(
    "arrays",
    [
        {"is_train": IS_TRAIN},
        {"is_test": (~IS_TRAIN).astype(np.int64)},
        {"split": np.where(IS_TRAIN, 0, 2)},
        {"split": np.where(IS_TRAIN, "train", "test")},
        {"train_idx": np.flatnonzero(IS_TRAIN), "test_idx": np.flatnonzero(~IS_TRAIN)},
    ],
    ids=str,
)
def test_arrays_beside_the_images_give_the_splits(
    tmp_path: Path, arrays: dict[str, np.ndarray]
) -> None:
    path = save_npz(tmp_path / "a.npz", images=IMAGES, labels=np.arange(40) % 2, **arrays)
    dataset = load_dataset(path)
    assert split_of(dataset) == SPLIT
    assert dataset.classes == ("0", "1")
    assert not dataset.test.columns


def test_shuffled_indices_of_the_splits_keep_each_image_and_its_label_together(
    tmp_path: Path,
) -> None:
    order = np.random.default_rng(0).permutation(2400)  # several blocks of rows
    numbers = np.arange(2400) % 200
    images = np.broadcast_to(numbers[:, None, None].astype(np.uint8), (2400, 5, 5))
    path = save_npz(
        tmp_path / "a.npz", images=images, labels=numbers, train_idx=order[:2000],
        test_idx=order[2000:],
    )  # fmt: skip
    dataset = load_dataset(path)
    for split, rows in ((dataset.train, order[:2000]), (dataset.test, order[2000:])):
        shown = split.images[:, 0, 0, 0]
        assert [dataset.classes[label] for label in split.labels] == [*map(str, shown)]
        assert sorted(shown.tolist()) == sorted(numbers[rows].tolist())


def test_bytes_behind_an_array_are_not_read(tmp_path: Path) -> None:
    images = np.asfortranarray(np.arange(20 * 64, dtype=np.uint8).reshape(20, 8, 8))
    content = io.BytesIO()
    np.save(content, images)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", content.getvalue() + b"\n")
    found = load_dataset(tmp_path / "a.npz", Reading(whole=True))
    np.testing.assert_array_equal(found.train.images[..., 0], images)


def test_a_flag_in_tables_of_pixels_gives_the_splits(tmp_path: Path) -> None:
    pixels = {f"pixel{i}": np.repeat(np.arange(40), 1) for i in range(25)}
    table = pyarrow.table({"label": np.arange(40) % 2, "is_train": IS_TRAIN, **pixels})
    parquet.write_table(table, tmp_path / "a.parquet")
    csv.write_csv(table, tmp_path / "a.csv")
    for name in ("a.parquet", "a.csv"):
        assert split_of(load_dataset(tmp_path / name)) == SPLIT


@pytest.mark.parametrize("shape", [(6, 5, 40), (6, 5, 1, 40), (6, 5, 3, 40)])
def test_images_that_the_last_axis_counts_are_read_where_the_labels_tell(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    images = np.broadcast_to(np.arange(40, dtype=np.uint8), shape)
    dataset = load_dataset(save_npz(tmp_path / "a.npz", images=images, labels=np.arange(40) % 2))
    assert sorted(sum(split_of(dataset), [])) == [*range(40)]
    assert dataset.image_shape[:2] == (6, 5)
    assert "the last axis of images" in told(dataset)


@pytest.mark.parametrize("shape", [(40, 784), (784, 40), (40, 784, 1), (40, 1, 784)])
def test_flat_images_may_lie_along_any_axis(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = np.arange(40, dtype=np.uint8)[:, np.newaxis] * np.ones((1, 784), np.uint8)
    images = images.T if shape[0] == 784 else images.reshape(shape)
    dataset = load_dataset(save_npz(tmp_path / "a.npz", images=images, labels=np.arange(40) % 2))
    assert dataset.image_shape == (28, 28, 1)
    assert sorted(sum(split_of(dataset), [])) == [*range(40)]


def test_structs_of_parquet_that_hold_no_image_files_are_refused(tmp_path: Path) -> None:
    rows = [{"image": {"bytes": b"x", "path": "a"}, "label": 1}] * 4
    parquet.write_table(pyarrow.table({"sample": rows}), tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="has no column of images|must"):
        load_dataset(tmp_path / "a.parquet")


@pytest.mark.parametrize("ending", [".idx", ".ubyte", ".idx.gz"])
def test_idx_files_may_have_short_endings(folder: Path, ending: str) -> None:
    images = save_idx(folder, "", 12)
    for kind, name in (("images-idx3", "images_train"), ("labels-idx1", "labels_train")):
        content = (folder / f"{kind}-ubyte").read_bytes()
        zipped = gzip.compress(content) if ending.endswith(".gz") else content
        (folder / f"{name}{ending}").write_bytes(zipped)
        (folder / f"{kind}-ubyte").unlink()
    dataset = load_dataset(folder)
    assert sum(counts(dataset)) == len(images)
    assert dataset.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    "beside",
    [
        {"labels": np.arange(40)[:, np.newaxis] % 2, "label_names": np.array(["a"] * 6)},
        {"target": np.eye(2)[np.arange(40) % 2], "y_angle": np.arange(6)},
    ],
    ids=str,
)
def test_an_array_of_names_does_not_turn_the_images(
    tmp_path: Path, beside: dict[str, np.ndarray]
) -> None:
    images = np.broadcast_to(IMAGES[..., :1], (40, 6, 6))
    dataset = load_dataset(save_npz(tmp_path / "a.npz", images=images, **beside))
    assert sum(counts(dataset)) == 40


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.csv", "a.h5", "a-images-idx3-ubyte"])
def test_what_was_downloaded_in_place_of_a_file_is_told(folder: Path, name: str) -> None:
    (folder / name).write_text("<!DOCTYPE html>\n<title>Virus scan warning</title>")
    with pytest.raises(DatasetError, match=f"{name} in .* is a web page; download the file itself"):
        load_dataset(folder)


def test_several_values_for_an_image_are_told_to_be_columns(tmp_path: Path) -> None:
    images = np.arange(12, dtype=np.uint8)[:, None, None] * np.ones((1, 6, 6), np.uint8)
    found = load_dataset(save_npz(tmp_path / "a.npz", images=images, labels=np.eye(12, 3) + 1))
    assert len(found.classes) == 1
    assert "labels has several values for an image: they are columns" in told(found)


def test_damaged_hdf5_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    with h5py.File(path, "w") as file:
        file["images"] = IMAGES
    whole = path.read_bytes()
    for place in whole.find(b"HEAP"), whole.find(b"TREE"), whole.find(b"SNOD"):
        path.write_bytes(whole[:place] + b"\xff" * 40 + whole[place + 40 :])
        with pytest.raises(DatasetError, match="mine.h5 in .* is not an HDF5 file, or is damaged"):
            load_dataset(tmp_path)


def test_names_in_hdf5_may_have_any_encoding(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file[b"gr\xf6\xdfe"] = np.arange(40)
        file["images"] = IMAGES
    assert "größe" in load_dataset(tmp_path).train.columns


@pytest.mark.parametrize("name", ["labels.npy", "labels.csv"])
def test_odd_labels_beside_images_do_no_harm(folder: Path, name: str) -> None:
    save_classes(folder, {"a": 3})
    if name == "labels.npy":
        np.save(folder / name, np.array(3))
    else:
        (folder / name).write_text('"\n"\n')
    assert sum(counts(load_dataset(folder))) == 3


def test_arrays_without_a_row_are_told(folder: Path) -> None:
    np.save(folder / "images.npy", IMAGES[:0])
    (folder / "labels.csv").write_text("label\n")
    with pytest.raises(DatasetError, match="at least two images"):
        load_dataset(folder)


def test_an_empty_test_split_is_no_test_split(tmp_path: Path) -> None:
    labels = np.arange(40) % 2
    path = save_npz(tmp_path / "a.npz", x_train=IMAGES, y_train=labels, x_test=IMAGES[:0])
    assert sum(counts(load_dataset(path))) == 40
