"""Data sets: where they are found, and the messages when they are not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from image_sets import RED, idx_bytes, save_classes, save_idx, save_image, save_npz
from PIL import Image

from explorer.cli import data as command
from explorer.data import pixels
from explorer.data.dataset import Split, dataset_fingerprint
from explorer.data.files.download import File
from explorer.data.load import load_dataset
from explorer.data.named import NAMED
from explorer.data.pixels import Form, Pixels
from explorer.data.reading import Reading
from explorer.data.sources import decoding, workers
from explorer.data.summary import full
from explorer.errors import DatasetError

REPOSITORY = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.usefixtures("bare_machine")


# The real data sets


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
    fashion = load_dataset("fashion_mnist", Reading(grey=True), download=False)
    assert (fashion.name, fashion.title) == ("fashion_mnist", "Fashion-MNIST")
    assert (fashion.origin, fashion.image_shape) == ("IDX files", (28, 28, 1))
    assert fashion.test.images.shape == (10_000, 28, 28, 1)
    assert np.bincount(fashion.test.labels).tolist() == [1000] * 10
    assert fashion.classes[fashion.test.labels[0]] == "Ankle boot"


def test_cifar10_reads_only_the_split_that_is_asked_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cifar = load_dataset("cifar10", Reading(grey=True), data_dir=data_dir, download=False)
    assert (cifar.name, cifar.title) == ("cifar10-grey", "CIFAR-10 (grey)")
    assert (cifar.origin, cifar.image_shape) == ("zip of class folders (JPEG)", (32, 32, 1))
    decoded: list[str] = []
    read = pixels.read_pixels

    def read_and_note(image: Image.Image, form: Form) -> Pixels:
        decoded.append(image.format or "")
        return read(image, form)

    monkeypatch.setattr(decoding, "read_pixels", read_and_note)
    monkeypatch.setattr(workers, "FEWEST", 10**6)  # in this process
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


# Finding named sets


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
    mnist = load_dataset("mnist", Reading(image_size=(32, 32)), data_dir=tmp_path)
    assert mnist.image_shape == mnist.test.images.shape[1:] == (32, 32, 1)
    assert np.unique(mnist.test.images).tolist() == [6]


def test_a_named_set_that_is_taken_as_it_is_keeps_its_parts(tmp_path: Path) -> None:
    save_small_mnist(tmp_path / "mnist")
    whole = load_dataset("mnist", Reading(whole=True), data_dir=tmp_path)
    plain = load_dataset("mnist", data_dir=tmp_path)
    np.testing.assert_array_equal(whole.test.images, plain.test.images)
    assert whole.reading.whole


def test_a_named_set_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    save_idx(tmp_path / "mnist", "train-", 9)
    save_idx(tmp_path / "mnist", "t10k-", 3)
    with pytest.raises(DatasetError, match=r"shape \(28, 28, 1\), but .* \(5, 4, 1\)"):
        load_dataset("mnist", data_dir=tmp_path)


def publish(monkeypatch: pytest.MonkeyPatch, path: Path, sha256: str | None = None) -> None:
    """Let MNIST be downloaded from a file."""
    files = (File(path.as_uri(), "mnist.npz", sha256),)
    monkeypatch.setitem(NAMED, "mnist", replace(NAMED["mnist"], files=files))


def test_a_missing_set_is_downloaded_into_the_keras_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "keras" / "datasets" / "mnist.npz"
    cache.write_bytes(b"an interrupted download")
    images, labels = np.zeros((4, 28, 28), np.uint8), np.arange(4)
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    publish(monkeypatch, save_npz(tmp_path / "published.npz", **arrays))
    mnist = load_dataset("mnist")
    assert (mnist.origin, len(mnist.test.images)) == ("Keras cache", 4)
    assert capsys.readouterr().err.startswith("\rdownloading mnist.npz: 0.0 of 0.0 MB")
    assert [path.name for path in cache.parent.iterdir()] == ["mnist.npz"]


def test_a_download_of_other_content_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, save_npz(tmp_path / "published.npz", x_train=np.zeros(3)), "0" * 64)
    with pytest.raises(DatasetError, match="differs from what was published"):
        load_dataset("mnist")
    assert list((tmp_path / "keras" / "datasets").iterdir()) == []


def test_without_download_a_missing_set_says_how_to_get_it() -> None:
    with pytest.raises(DatasetError, match="python -m explorer data fashion_mnist"):
        load_dataset("fashion_mnist", download=False)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        DatasetError, match="called minst; give one of fashion_mnist, mnist, binarized_mnist, cifa"
    ):
        load_dataset("minst")


@pytest.mark.parametrize("spelling", ["MNIST", "Mnist", "mnist"])
def test_the_set_may_be_spelled_otherwise_and_lie_in_the_folder_itself(
    tmp_path: Path, spelling: str
) -> None:
    save_small_mnist(tmp_path / "mnist")
    for data_dir in (tmp_path, tmp_path / "mnist"):
        mnist = load_dataset(spelling, data_dir=data_dir, download=False)
        assert (mnist.name, len(mnist.train.images)) == ("mnist", 12)
    with pytest.raises(DatasetError, match="Fashion-MNIST is not on this machine"):
        load_dataset("fashion-mnist", data_dir=tmp_path / "mnist", download=False)


def test_options_for_own_images_do_not_go_with_a_named_set() -> None:
    with pytest.raises(DatasetError, match="MNIST is read as it is published"):
        load_dataset("mnist", Reading(label="digit"))


def test_a_data_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="The data folder .*nowhere does not exist"):
        load_dataset("mnist", data_dir=tmp_path / "nowhere")


# The command


def test_the_command_line_says_what_a_set_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_small_mnist(tmp_path / "mnist")
    assert command.main(["mnist", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "set:       MNIST (mnist)\n"
        "source:    IDX files\n"
        "images:    12 training and 6 test images\n"
        "pixels:    28 × 28, grey, 10 classes, range 0..255\n"
        "classes:   10: 0 (3), 1 (3), 2 (2), 3 (2), 4 (2), 5 (2), 6 (1), 7 (1), 8 (1), 9 (1)\n"
        "warning:   the brightest pixel is 6 of 255: give --range LOW HIGH if white is darker\n"
        "left out:  nothing\n"
    )


def test_being_offline_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(monkeypatch, tmp_path / "nowhere.npz")
    assert command.main(["mnist"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "MNIST is not on this machine and could not be downloaded" in output.err
    assert "connect to the internet" in output.err


def test_a_sheet_that_cannot_be_written_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_classes(folder, {"cat": 2, "dog": 2})
    assert command.main([str(folder), "--sheet", str(folder / "no" / "a.png")]) == 2
    assert "no/a.png cannot be written: No such file" in capsys.readouterr().err


def test_a_reader_that_has_enough_ends_the_command_quietly(folder: Path) -> None:
    save_classes(folder, {"cat": 2, "dog": 2})
    run = [sys.executable, "-m", "explorer", "data", str(folder)]
    with subprocess.Popen(
        run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 141)


# Background and fingerprint


def test_the_background_is_the_median_of_the_border(folder: Path) -> None:
    image = Image.new("RGB", (9, 9), (51, 102, 255))
    image.paste(RED, (1, 1, 8, 8))
    for number in range(4):
        image.save(folder / f"{number}.png")
    assert load_dataset(folder).background == pytest.approx((0.2, 0.4, 1.0))
    assert isinstance(load_dataset(folder, Reading(grey=True)).background, float)


def save_cut_out(path: Path, ground: tuple[int, int, int] | None) -> None:
    """Save a red square in the middle, on a background or on none."""
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0) if ground is None else (*ground, 255))
    image.paste((255, 0, 0, 255), (3, 3, 5, 5))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


@pytest.mark.parametrize("order", [("train", "background"), ("background", "train")])
def test_what_is_transparent_shows_the_ground_of_the_opaque_images(
    folder: Path, order: tuple[str, str]
) -> None:
    for number, ground in enumerate([None, (250, 240, 230), None, (250, 240, 230), None]):
        save_cut_out(folder / "train" / "any" / f"{number}.png", None)
        save_cut_out(folder / "test" / "any" / f"{number}.png", ground)
    dataset = load_dataset(folder)
    for attribute in order:
        getattr(dataset, attribute)
    assert dataset.background == pytest.approx((250 / 255, 240 / 255, 230 / 255))
    for split in (dataset.train, dataset.test, dataset.limited(2).train):
        assert (split.images[:, 0, 0] == (250, 240, 230)).all()
        assert (split.images[:, 4, 4] == RED).all()
        assert split.transparency is None
    assert dataset.limited(1).background == dataset.background


def test_what_is_transparent_is_black_if_nothing_opaque_says_otherwise(folder: Path) -> None:
    for number in range(4):
        save_cut_out(folder / f"{number}.png", None)
    touching = Image.new("RGBA", (8, 8))
    touching.paste((0, 0, 255, 255), (0, 2, 8, 6))  # an object from edge to edge is no background
    for number in range(4, 8):
        touching.save(folder / f"{number}.png")
    dataset = load_dataset(folder)
    assert dataset.background == (0.0, 0.0, 0.0)
    assert (dataset.train.images[:, 0, 0] == 0).all()


def test_black_ink_on_a_transparent_ground_is_shown_on_white(folder: Path) -> None:
    for number in range(4):
        ink = Image.new("RGBA", (8, 8))
        ink.paste((0, 0, 0, 255), (2, 2, 6, 6))
        ink.save(folder / f"{number}.png")
    dataset = load_dataset(folder)
    assert dataset.background == (1.0, 1.0, 1.0)
    assert (dataset.train.images[:, 0, 0] == 255).all()
    assert (dataset.train.images[:, 4, 4] == 0).all()
    assert "transparent parts are shown white" in full(dataset)


def test_only_some_images_of_many_are_transparent(folder: Path) -> None:
    clear = [3, 999, 1000, 1001, 2047]  # in the first chunk, at its end, in the next chunks
    for number in range(2100):
        colour = (number % 256, 9, 9, 0 if number in clear else 255)
        Image.new("RGBA", (2, 2), colour).save(folder / f"{number:04}.png")
    (folder / "train").mkdir()
    for path in folder.glob("*.png"):
        path.rename(folder / "train" / path.name)
    save_image(folder / "test" / "1.png", (7, 8, 9), size=(2, 2))
    images = load_dataset(folder).train.images
    expected = [(7, 8, 9) if n in clear else (n % 256, 9, 9) for n in range(2100)]
    assert images[:, 0, 0].tolist() == [list(colour) for colour in expected]


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


# Mistakes


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"no zip")
    with pytest.raises(DatasetError, match="named like a ZIP archive but is none"):
        load_dataset(tmp_path / "photos.zip")
    with pytest.raises(DatasetError, match="at least two images .* but holds 1"):
        load_dataset(save_image(tmp_path / "cat.png"))


def test_an_own_folder_is_not_mistaken_for_a_named_set(tmp_path: Path) -> None:
    assert load_dataset(save_classes(tmp_path / "MNIST", {"0": 2})).name == "own-mnist"
    assert load_dataset(save_classes(tmp_path / "写真", {"0": 2})).name == "images"


def test_class_folders_of_a_named_set_must_be_its_classes(tmp_path: Path) -> None:
    save_classes(tmp_path / "cifar10" / "train", {"cat": 2})
    with pytest.raises(DatasetError, match="must hold the classes airplane, .* holds cat"):
        load_dataset("cifar10", data_dir=tmp_path)


def test_an_empty_name_is_not_the_current_folder() -> None:
    with pytest.raises(DatasetError, match="no data set or file called"):
        load_dataset("")


@pytest.mark.parametrize("size", [0, -1, 100_000])
def test_an_image_size_out_of_range_gets_a_sentence(size: int) -> None:
    with pytest.raises(DatasetError, match=f"must be from 1 to 512 pixels, but is {size}"):
        Reading(image_size=(size, size))
