"""Data sets: what is read, how it is split, and what a person is told when it cannot be."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import struct
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from explorer.data import folders as image_files
from explorer.data import load as datasets
from explorer.data.load import (
    NAMED,
    Dataset,
    DatasetError,
    Split,
    dataset_fingerprint,
    load_dataset,
    split_by_class,
)

REPOSITORY = Path(__file__).resolve().parents[1]
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the data sets and the Keras cache of the machine that runs the tests."""
    monkeypatch.delenv("LATENT_DATA_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(datasets, "SYSTEM_DATA_DIR", tmp_path / "system")
    (tmp_path / "keras" / "datasets").mkdir(parents=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder called "Our Pets"."""
    path = tmp_path / "Our Pets"
    path.mkdir()
    return path


def save_image(path: Path, colour: object = RED, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "RGB" if isinstance(colour, tuple) else "L"
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def save_classes(folder: Path, counts: dict[str, int]) -> Path:
    """Write PNGs whose colour is unique to each, so that one can tell which were read."""
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


def only_image(dataset: Dataset) -> np.ndarray:
    """Return the first training image of a set whose images are all the same."""
    return dataset.train.images[0]


def read_alone(folder: Path, **options: object) -> np.ndarray:
    """Return the decoded pixels of a folder that holds copies of one image."""
    return only_image(load_dataset(folder, **options))  # type: ignore[arg-type]


# --- the real data sets ---------------------------------------------------------------------


def test_mnist_has_the_bytes_of_the_original_files(data_dir: Path) -> None:
    mnist = load_dataset("mnist", data_dir=data_dir, download=False)
    expected = {
        "train": ("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
        "test": ("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
    }
    for name, md5s in expected.items():
        split: Split = getattr(mnist, name)
        files = idx_bytes(split.images[..., 0]), idx_bytes(split.labels)
        assert tuple(hashlib.md5(content).hexdigest() for content in files) == md5s
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert mnist.test.labels.dtype == np.int64
    assert mnist.image_shape == mnist.train.images.shape[1:] == (28, 28, 1)
    assert mnist.classes == tuple("0123456789")
    assert mnist.background == 0.0


def test_fashion_mnist_is_found_through_the_environment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_DATA_DIR", str(data_dir))
    fashion = load_dataset("fashion_mnist", grey=True, download=False)
    assert (fashion.name, fashion.title) == ("fashion_mnist", "Fashion-MNIST")
    assert (fashion.origin, fashion.image_shape) == ("IDX files", (28, 28, 1))
    assert fashion.test.images.shape == (10_000, 28, 28, 1)
    assert np.bincount(fashion.test.labels).tolist() == [1000] * 10
    assert fashion.classes[fashion.test.labels[0]] == "Ankle boot"


def test_cifar10_reads_only_the_split_that_is_asked_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cifar = load_dataset("cifar10", data_dir=data_dir, grey=True, download=False)
    assert (cifar.name, cifar.title) == ("cifar10-grey", "CIFAR-10 (grey)")
    assert (cifar.origin, cifar.image_shape) == ("zip of class folders (JPEG)", (32, 32, 1))
    decoded: list[str] = []
    decode = image_files._decode_or_none

    def decode_and_note(file: image_files._ImageFile, image_shape: tuple[int, int, int]) -> object:
        decoded.append(file.name)
        return decode(file, image_shape)

    monkeypatch.setattr(image_files, "_decode_or_none", decode_and_note)
    assert np.bincount(cifar.test.labels).tolist() == [1000] * 10
    assert len(decoded) == 10_000
    assert cifar.classes[cifar.test.labels[-1]] == "truck"
    assert isinstance(cifar.background, float)
    assert 0.3 < cifar.background < 0.7


def test_reading_mnist_imports_no_tensorflow(data_dir: Path) -> None:
    code = (
        "import sys; from explorer.data.load import load_dataset;"
        f"load_dataset('mnist', data_dir={str(data_dir)!r}).test.images;"
        "print([name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'keras')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- finding named sets ---------------------------------------------------------------------


def save_small_mnist(folder: Path) -> None:
    for stem, count in (("train-", 12), ("t10k-", 6)):
        arrays = {
            "images-idx3": np.full((count, 28, 28), count),
            "labels-idx1": np.arange(count) % 10,
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            (folder / f"{stem}{name}-ubyte").write_bytes(idx_bytes(array))


def test_places_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = {"x_train": np.full((4, 28, 28), 1, "u1"), "x_test": np.full((3, 28, 28), 1, "u1")}
    labels = {"y_train": np.arange(4), "y_test": np.arange(3)}
    save_npz(tmp_path / "keras" / "datasets" / "mnist.npz", **images, **labels)
    cached = load_dataset("mnist", download=False)
    assert (len(cached.train.images), cached.origin) == (4, "Keras cache")
    assert len(cached.classes) == 10

    save_small_mnist(tmp_path / "system" / "mnist")
    assert load_dataset("mnist", download=False).origin == "IDX files"

    environment, argument = tmp_path / "environment", tmp_path / "argument"
    save_npz(environment_npz := tmp_path / "mnist.npz", **images, **labels)
    environment.mkdir()
    environment_npz.rename(environment / "mnist.npz")
    monkeypatch.setenv("LATENT_DATA_DIR", str(environment))
    assert load_dataset("mnist", download=False).origin == "NPZ file"

    save_small_mnist(argument / "mnist")
    assert len(load_dataset("mnist", data_dir=argument).train.images) == 12


def test_a_named_set_is_resized_when_asked(tmp_path: Path) -> None:
    save_small_mnist(tmp_path / "mnist")
    mnist = load_dataset("mnist", data_dir=tmp_path, image_size=32)
    assert mnist.image_shape == mnist.test.images.shape[1:] == (32, 32, 1)
    assert np.unique(mnist.test.images).tolist() == [6]


def test_a_named_set_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    save_idx(tmp_path / "mnist", "train-", 9)
    save_idx(tmp_path / "mnist", "t10k-", 3)
    with pytest.raises(DatasetError, match=r"shape \(28, 28, 1\), but .* \(5, 4, 1\)"):
        load_dataset("mnist", data_dir=tmp_path)


class _Python2Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Writes bytes as Python 2 wrote its strings, as in the original batches of CIFAR-10."""

    dispatch = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

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


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "attacked"),)

    save_cifar_batches(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "test_batch").write_bytes(pickle.dumps({b"data": Attack()}))
    cifar = load_dataset("cifar10", data_dir=tmp_path)
    with pytest.raises(DatasetError, match="test_batch is not a batch of CIFAR-10"):
        _ = cifar.test
    assert not (tmp_path / "attacked").exists()


def fake_keras(monkeypatch: pytest.MonkeyPatch, load_data: object) -> None:
    loader = types.SimpleNamespace(load_data=load_data)
    keras = types.SimpleNamespace(datasets=types.SimpleNamespace(mnist=loader))
    monkeypatch.setitem(sys.modules, "keras", keras)


def test_a_missing_set_is_downloaded_into_the_keras_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "keras" / "datasets" / "mnist.npz"
    cache.write_bytes(b"an interrupted download")
    images, labels = np.zeros((4, 28, 28), np.uint8), np.arange(4)
    fake_keras(
        monkeypatch,
        lambda: save_npz(cache, x_train=images, y_train=labels, x_test=images, y_test=labels),
    )
    mnist = load_dataset("mnist")
    assert (mnist.origin, len(mnist.test.images)) == ("Keras cache", 4)


def test_being_offline_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise Exception("URL fetch failure on https://example.org: None -- no such host")

    fake_keras(monkeypatch, fail)
    assert datasets.main(["mnist"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "MNIST is not on this machine and could not be downloaded" in output.err
    assert "connect to the internet" in output.err


def test_a_missing_keras_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(DatasetError, match="downloading it needs Keras"):
        load_dataset("mnist")


def test_without_download_a_missing_set_says_how_to_get_it() -> None:
    with pytest.raises(DatasetError, match="python -m explorer.datasets fashion_mnist"):
        load_dataset("fashion_mnist", download=False)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DatasetError, match="called minst; give one of fashion_mnist, mnist, cifa"):
        load_dataset("minst")


def test_a_data_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="The data folder .*nowhere does not exist"):
        load_dataset("mnist", data_dir=tmp_path / "nowhere")


def test_the_command_line_says_what_a_set_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_small_mnist(tmp_path / "mnist")
    assert datasets.main(["mnist", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "MNIST (mnist): 12 training and 6 test images\n"
        "28 × 28 × 1 pixels, 10 classes, read from: IDX files\n"
    )


# --- class folders and zips -----------------------------------------------------------------


def test_a_folder_of_class_folders_becomes_a_split_data_set(folder: Path) -> None:
    pets = load_dataset(save_classes(folder, {"dog": 7, "cat": 14}))
    assert (pets.name, pets.title, pets.licence) == ("our-pets", "Our Pets", "the owner's")
    assert (pets.classes, pets.origin) == (("cat", "dog"), "class folders (PNG)")
    assert pets.image_shape == (8, 8, 3)
    assert np.bincount(pets.train.labels).tolist() == [12, 6]
    assert np.bincount(pets.test.labels).tolist() == [2, 1]
    images = np.concatenate([pets.train.images, pets.test.images])
    labels = np.concatenate([pets.train.labels, pets.test.labels])
    assert (images[:, 0, 0, 0] == labels).all()  # red is the class
    seen = {tuple(pixel) for pixel in images[:, 0, 0, :2].tolist()}
    assert len(seen) == len(images) == 21  # and every file is there once


def test_a_zip_gives_the_same_images_as_its_folder(folder: Path, tmp_path: Path) -> None:
    save_classes(folder, {"cat": 5, "dog": 4})
    for zipped in (
        zip_folder(folder, tmp_path / "a.zip"),
        zip_folder(folder, tmp_path / "b.zip", below="wrapped/twice"),
    ):
        pets = load_dataset(zipped)
        assert pets.origin == "zip of class folders (PNG)"
        for split in ("train", "test"):
            expected = dataset_fingerprint(getattr(load_dataset(folder), split))
            assert dataset_fingerprint(getattr(pets, split)) == expected


def test_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    names = ["b/2.png", "a/1.png", "b/1.png", "a/2.png", "a/deep/er/0.png", "c/1.png", "c/3.png"]
    fingerprints = set()
    for number, order in enumerate((names, sorted(names), names[::-1])):
        for name in order:
            save_image(tmp_path / str(number) / name, tuple(name.encode()[:3]))
        fingerprints.add(dataset_fingerprint(load_dataset(tmp_path / str(number)).train))
    assert len(fingerprints) == 1


def test_another_seed_makes_another_split(folder: Path) -> None:
    save_classes(folder, {"cat": 30})
    first, again, other = (load_dataset(folder, seed=seed).test for seed in (0, 0, 1))
    assert dataset_fingerprint(first) == dataset_fingerprint(again)
    assert dataset_fingerprint(first) != dataset_fingerprint(other)


@pytest.mark.parametrize("test_name", ["test", "VAL", "validation"])
def test_train_and_test_folders_make_the_splits(folder: Path, test_name: str) -> None:
    save_classes(folder / "train", {"cat": 3, "dog": 2})
    save_classes(folder / test_name, {"dog": 1, "emu": 1})
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog", "emu")
    assert pets.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert pets.test.labels.tolist() == [1, 2]


def test_a_validation_folder_beside_a_test_folder_is_left_out(folder: Path) -> None:
    for name, count in (("train", 5), ("val", 3), ("test", 2)):
        save_classes(folder / name, {"cat": count})
    pets = load_dataset(folder)
    assert (len(pets.train.images), len(pets.test.images)) == (5, 2)


def test_a_class_may_be_called_train(folder: Path) -> None:
    assert load_dataset(save_classes(folder, {"train": 2, "plane": 2})).classes == (
        "plane",
        "train",
    )


def test_test_images_without_classes_are_left_out_with_a_warning(folder: Path) -> None:
    save_classes(folder / "train", {"cat": 3, "dog": 4})
    save_image(folder / "test" / "1.png")
    with pytest.warns(UserWarning, match="are in no class folders and were left out"):
        pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog")
    assert len(pets.train.images) + len(pets.test.images) == 7


def test_images_without_class_folders_are_one_class(folder: Path) -> None:
    for number in range(4):
        save_image(folder / f"{number}.png", number)
    pets = load_dataset(folder)
    assert (pets.classes, pets.origin) == (("Our Pets",), "images (PNG)")
    assert (len(pets.train.images), len(pets.test.images)) == (3, 1)
    assert pets.image_shape == (8, 8, 1)


def test_images_beside_class_folders_are_left_out_with_a_warning(folder: Path) -> None:
    save_image(save_classes(folder, {"cat": 3}) / "cover.png")
    with pytest.warns(UserWarning, match="1 images that lie beside the class folders"):
        assert load_dataset(folder).classes == ("cat",)


def test_hidden_files_and_rubbish_are_ignored(folder: Path) -> None:
    save_classes(folder, {"cat": 3})
    save_image(folder / ".thumbnails" / "1.png")
    save_image(folder / "__MACOSX" / "1.png")
    save_image(folder / "cat" / "._000.png")
    for name in (".DS_Store", "Thumbs.db", "labels.csv"):
        (folder / "cat" / name).write_bytes(b"rubbish")
    pets = load_dataset(folder)
    assert pets.classes == ("cat",)
    assert len(pets.train.images) + len(pets.test.images) == 3


def test_links_to_class_folders_are_followed_and_loops_are_not(
    folder: Path, tmp_path: Path
) -> None:
    save_classes(tmp_path / "elsewhere", {"cat": 3})
    (folder / "cat").symlink_to(tmp_path / "elsewhere" / "cat")
    save_classes(folder, {"dog": 3})
    (folder / "dog" / "loop").symlink_to(folder)
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog")
    assert len(pets.train.images) + len(pets.test.images) == 6


def test_unreadable_files_are_skipped_and_counted(folder: Path) -> None:
    save_classes(folder, {"cat": 12})
    whole = (folder / "cat" / "000.png").read_bytes()
    (folder / "cat" / "000.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "001.png").write_bytes(b"no image")
    pets = load_dataset(folder)
    with pytest.warns(UserWarning) as warned:
        count = len(pets.train.images) + len(pets.test.images)
    assert count == len(pets.train.labels) + len(pets.test.labels) == 10
    assert "that could not be read, the first being cat/00" in str(warned[0].message)


def test_a_folder_of_unreadable_files_is_an_error(folder: Path) -> None:
    for name in ("1.png", "2.jpg", "3.gif"):
        (folder / name).write_bytes(b"no image")
    with pytest.raises(DatasetError, match="None of the 3 image files in .* could be read"):
        load_dataset(folder)
    with pytest.raises(DatasetError, match="None of the 2 image files in .* could be read"):
        _ = load_dataset(folder, image_size=8, grey=True).train


def test_too_large_images_and_members_are_unreadable(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_classes(folder, {"cat": 6})
    save_image(folder / "cat" / "bomb.png", size=(100, 100))
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "cat" / "heavy.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000)
    monkeypatch.setattr(image_files, "LARGEST_FILE", 4_000)
    zipped = zip_folder(folder, tmp_path / "cats.zip")
    with pytest.warns(UserWarning, match="could not be read"):
        cats = load_dataset(zipped)
        assert len(cats.train.images) + len(cats.test.images) == 6


def test_a_zip_writes_nothing_outside_itself(tmp_path: Path) -> None:
    image = save_image(tmp_path / "image.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in ("../../evil.png", "/evil.png", "cats/1.png", "cats\\2.png"):
            archive.writestr(name, image)
    before = sorted(tmp_path.rglob("*"))
    evil = load_dataset(tmp_path / "evil.zip")
    assert len(evil.train.images) + len(evil.test.images) >= 2
    assert "cats" in evil.classes
    assert sorted(tmp_path.rglob("*")) == before


def test_images_are_kept_on_disk_not_in_memory(folder: Path) -> None:
    images = load_dataset(save_classes(folder, {"cat": 3})).train.images
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_slow_reading_shows_a_progress_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(image_files.time, "monotonic", lambda: next(clock))
    list(image_files.with_progress(range(6), 6))
    assert "reading images: 6 of 6\n" in capsys.readouterr().err


# --- decoding -------------------------------------------------------------------------------


def test_equal_small_images_keep_their_size_even_if_oblong(folder: Path) -> None:
    for name in ("1.png", "2.png"):
        save_image(folder / name, size=(20, 12))
    assert load_dataset(folder).image_shape == (12, 20, 3)
    assert load_dataset(folder, image_size=16).image_shape == (16, 16, 3)


@pytest.mark.parametrize("sizes", [[(20, 12), (12, 20)], [(100, 100), (100, 100)]])
def test_other_images_become_32_pixels_square(folder: Path, sizes: list[tuple[int, int]]) -> None:
    for number, size in enumerate(sizes):
        save_image(folder / f"{number}.png", size=size)
    pets = load_dataset(folder)
    assert pets.image_shape == pets.train.images.shape[1:] == (32, 32, 3)


def test_images_are_cropped_to_the_middle(folder: Path) -> None:
    image = Image.new("RGB", (300, 100), RED)
    image.paste(Image.new("RGB", (100, 100), GREEN), (100, 0))
    for name in ("1.png", "2.png"):
        image.save(folder / name)
    assert (read_alone(folder, image_size=10)[:, 3:7] == GREEN).all()


def test_photos_are_turned_upright(folder: Path) -> None:
    image = Image.new("RGB", (20, 10), RED)
    image.paste(Image.new("RGB", (10, 10), BLUE), (0, 0))  # blue on the left, red on the right
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: blue on top
    for name in ("1.jpg", "2.jpg"):
        image.save(folder / name, exif=exif, quality=95)
    pixels = read_alone(folder).astype(int)
    assert pixels.shape == (20, 10, 3)
    assert abs(pixels[2, 5] - BLUE).max() < 20
    assert abs(pixels[17, 5] - RED).max() < 20


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_black(folder: Path, mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (200, 200, 200, 255))
    image.paste((200, 200, 200, 0), (0, 0, 4, 8))
    for name in ("1.png", "2.png"):
        image.convert(mode).save(folder / name)
    pixels = read_alone(folder, grey=True)[..., 0]
    assert (pixels[:, :4] == 0).all()
    assert (pixels[:, 4:] == 200).all()


@pytest.mark.parametrize(
    ("values", "suffix"),
    [
        (np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16), "png"),
        (np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16), "tiff"),
        (np.array([[0, 257 * 100], [257 * 200, 65535]], np.int32), "tiff"),
        (np.array([[0, 100 / 255], [200 / 255, 1]], np.float32), "tiff"),
        (np.array([[0, 100], [200, 255]], np.float32), "tiff"),
    ],
)
def test_deep_greys_are_scaled_and_not_clipped(
    folder: Path, values: np.ndarray, suffix: str
) -> None:
    for number in range(2):
        Image.fromarray(values).save(folder / f"{number}.{suffix}")
    assert read_alone(folder)[..., 0].tolist() == [[0, 100], [200, 255]]


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("CMYK", "jpg"), ("YCbCr", "jpg"), ("P", "gif"), ("RGB", "webp"), ("RGB", "bmp")],
)
def test_modes_and_formats_that_people_have_are_read(folder: Path, mode: str, suffix: str) -> None:
    for number in range(2):
        Image.new("RGB", (8, 8), GREEN).convert(mode).save(folder / f"{number}.{suffix}")
    assert abs(read_alone(folder).astype(int) - GREEN).max() < 10
    assert read_alone(folder, grey=True).shape == (8, 8, 1)


def test_images_are_grey_only_if_all_are(folder: Path) -> None:
    Image.new("L", (8, 8), 9).save(folder / "1.png")
    Image.new("1", (8, 8), 1).save(folder / "2.png")
    Image.new("L", (8, 8), 9).convert("P").save(folder / "3.png")
    Image.new("I;16", (8, 8), 9).save(folder / "4.png")
    assert load_dataset(folder).image_shape == (8, 8, 1)
    save_image(folder / "5.png", RED)
    assert load_dataset(folder).image_shape == (8, 8, 3)
    assert load_dataset(folder, grey=True).image_shape == (8, 8, 1)


def test_of_an_animation_the_first_frame_counts(folder: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    for name in ("1.gif", "2.gif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    assert (read_alone(folder) == RED).all()


def test_postscript_never_reaches_ghostscript(folder: Path) -> None:
    for name in ("1.png", "2.png"):
        Image.new("RGB", (8, 8), RED).save(folder / name, format="EPS")
    with pytest.raises(DatasetError, match="None of the 2 image files"):
        load_dataset(folder)


def test_the_background_is_the_median_of_the_border(folder: Path) -> None:
    image = Image.new("RGB", (9, 9), (51, 102, 255))
    image.paste(RED, (1, 1, 8, 8))
    for number in range(4):
        image.save(folder / f"{number}.png")
    assert load_dataset(folder).background == pytest.approx((0.2, 0.4, 1.0))
    assert isinstance(load_dataset(folder, grey=True).background, float)


# --- IDX and NPZ files ----------------------------------------------------------------------


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
    expect("cut short or damaged")
    images.write_bytes(labels.read_bytes())
    expect("must begin with the bytes 00 00 08 03 but begins with 00 00 08 01")
    images.write_bytes(b"")
    expect("begins with nothing")
    images.write_bytes(content)
    labels.write_bytes(idx_bytes(np.arange(8)))
    expect("9 images but 8 labels")
    labels.unlink()
    expect("lacks the IDX file labels-")
    labels.write_bytes(idx_bytes(np.arange(9)))
    save_idx(folder, "more-", 4)
    expect(r"holds \*, more-\*")


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
    mine = load_dataset(save_npz(tmp_path / "mine.npz", x_train=images), grey=True)
    assert mine.image_shape == mine.train.images.shape[1:] == (32, 32, 1)
    assert np.unique(mine.train.images).tolist() == [200]


IMAGES = np.zeros((4, 6, 6), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "must hold x_train .* but holds images"),
        ({"x_train": IMAGES.reshape(4, 36)}, r"but is uint8 of shape \(4, 36\)"),
        ({"x_train": np.zeros((4, 3, 6, 6))}, r"but is float64 of shape \(4, 3, 6, 6\)"),
        ({"x_train": IMAGES.astype(object)}, "must be numbers of shape"),
        ({"x_train": IMAGES, "y_train": np.arange(3)}, "4 images but 3 labels"),
        ({"x_train": IMAGES, "y_train": np.eye(4, 10)}, r"are float64 of shape \(4, 10\)"),
        ({"x_train": IMAGES, "y_train": np.array([None] * 4)}, "not an NPZ file of plain arrays"),
        ({"x_train": IMAGES, "x_test": IMAGES, "y_test": np.arange(4)}, "one split only"),
        ({"x_train": IMAGES, "x_test": np.zeros((2, 5, 6), "u1")}, "differ in shape"),
        ({"x_train": IMAGES[:1]}, "at least two images"),
        ({"x_train": IMAGES - 1.0}, "goes from -1.0 to -1.0"),
        ({"x_train": IMAGES * np.nan}, "goes from nan"),
        ({"x_train": IMAGES + np.uint16(999)}, "goes from 999 to 999"),
    ],
)
def test_npz_files_that_cannot_be_used_say_why(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    path = save_npz(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DatasetError, match=message):
        _ = load_dataset(path).train


def test_a_damaged_npz_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="not an NPZ file"):
        load_dataset(path)


# --- mistakes -------------------------------------------------------------------------------


def test_an_empty_folder_is_an_error(folder: Path) -> None:
    with pytest.raises(DatasetError, match="at least two images .* but holds none"):
        load_dataset(folder)
    save_image(folder / "cat" / "1.png")
    with pytest.raises(DatasetError, match="at least two images .* but holds 1"):
        load_dataset(folder)


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="neither a folder nor a zip"):
        load_dataset(tmp_path / "photos.zip")
    with pytest.raises(DatasetError, match="neither a folder nor a zip"):
        load_dataset(save_image(tmp_path / "cat.png"))


@pytest.mark.parametrize("options", [{"image_size": 0}, {"test_fraction": 1.0}])
def test_options_out_of_range_are_errors(folder: Path, options: dict[str, float]) -> None:
    with pytest.raises(DatasetError, match="but is"):
        load_dataset(folder, **options)  # type: ignore[arg-type]


def test_an_own_folder_is_not_mistaken_for_a_named_set(tmp_path: Path) -> None:
    assert load_dataset(save_classes(tmp_path / "MNIST", {"0": 2})).name == "own-mnist"
    assert load_dataset(save_classes(tmp_path / "写真", {"0": 2})).name == "images"


def test_class_folders_of_a_named_set_must_be_its_classes(tmp_path: Path) -> None:
    save_classes(tmp_path / "cifar10" / "train", {"cat": 2})
    with pytest.raises(DatasetError, match="must hold the class folders airplane, .* holds cat"):
        load_dataset("cifar10", data_dir=tmp_path)


# --- arithmetic -----------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=40),
    test_fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
)
def test_a_split_loses_nothing_and_leaves_no_class_without_test_images(
    labels: list[int], test_fraction: float, seed: int
) -> None:
    array = np.array(labels)
    train, test = split_by_class(array, test_fraction, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert len(train) > 0
    assert len(test) > 0
    for label, count in zip(*np.unique(array, return_counts=True), strict=True):
        if count > 1:
            assert label in array[train]
            assert label in array[test]


def test_a_split_gives_each_class_its_share() -> None:
    labels = np.repeat([0, 1], [70, 21])
    _, test = split_by_class(labels, 1 / 7, seed=0)
    assert np.bincount(labels[test]).tolist() == [10, 3]


def test_a_fingerprint_depends_on_content_alone() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2500, 3, 2, 1), dtype=np.uint8)
    labels = np.arange(2500) % 10
    fingerprint = dataset_fingerprint(Split(images, labels))
    whole = hashlib.sha256(b"(2500, 3, 2, 1)" + images.tobytes() + labels.tobytes()).hexdigest()
    assert fingerprint == whole
    assert dataset_fingerprint(Split(np.asfortranarray(images), labels)) == fingerprint
    assert dataset_fingerprint(Split(images.reshape(2500, 2, 3, 1), labels)) != fingerprint
    assert dataset_fingerprint(Split(images, labels[::-1])) != fingerprint
    images[-1, 0, 0, 0] ^= 1
    assert dataset_fingerprint(Split(images, labels)) != fingerprint


def test_an_empty_name_is_not_the_current_folder():
    with pytest.raises(DatasetError, match="no data set or file called"):
        load_dataset("")


@pytest.mark.parametrize("size", [0, -1, 100_000])
def test_an_image_size_out_of_range_gets_a_sentence(size: int):
    with pytest.raises(DatasetError, match=f"must be from 1 to 512 pixels, but is {size}"):
        load_dataset("mnist", image_size=size)
