"""Pixels drawn black or white: in the right proportion, and the same draws for every worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.bundle.images import describe_data, load_card_data
from explorer.cli.train import Settings
from explorer.data.binarise import drawn_once
from explorer.data.dataset import Dataset, dataset_fingerprint
from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.errors import DatasetError
from explorer.recipes.recipe import Augmentation
from explorer.training.batches import shuffled_batches

N = 4000
RAMP = np.tile(np.arange(0, 256, 17, dtype=np.uint8), (N, 1)).reshape(N, 4, 4, 1)


def assert_share_is_grey(white: np.ndarray) -> None:
    """Assert that each pixel's share of white over N draws is its grey, to 5 standard errors."""
    expected = RAMP[0].astype(float) / 255
    error = np.sqrt(expected * (1 - expected) / N)
    assert np.all(np.abs(white - expected) <= 5 * error)


def test_a_pixel_is_white_with_its_grey_value_as_probability() -> None:
    drawn = np.concatenate(list(drawn_once(RAMP, 0)))
    assert set(np.unique(drawn)) == {0, 255}
    assert_share_is_grey((drawn == 255).mean(axis=0))
    np.testing.assert_array_equal(np.concatenate(list(drawn_once(RAMP, 0))), drawn)
    other = np.concatenate(list(drawn_once(RAMP, 1)))
    assert np.corrcoef(drawn[:, 1, 1, 0], other[:, 1, 1, 0])[0, 1] < 0.1


def stream(**options: Any) -> np.ndarray:
    """Return all images of a stream, ``(n, 4, 4, 1)``."""
    options = {"epochs": range(2), "noise": (1, 2), "seed": 0, **options}
    batches = shuffled_batches(RAMP, np.arange(N), N // 4, draw=True, **options)
    return np.concatenate([x.numpy() for x, _ in batches])


def test_a_stream_draws_in_each_batch_anew_and_the_same_after_a_resumption() -> None:
    images = stream()
    assert set(np.unique(images)) == {0.0, 1.0}
    first, second = np.split(images, 2)
    assert_share_is_grey(first.mean(axis=0))
    assert_share_is_grey(second.mean(axis=0))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(stream(epochs=range(1, 2)), second)
    parts = stream(replicas=(slice(0, 2), 2))
    np.testing.assert_array_equal(parts, images)


def test_a_stream_draws_what_augmentation_has_changed() -> None:
    images = stream(augmentation=Augmentation(rotation=0.3, until=1.0))
    assert set(np.unique(images)) == {0.0, 1.0}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ramps.npz"
    labels = np.arange(N) % 2
    np.savez(path, x_train=RAMP, y_train=labels, x_test=RAMP[:10], y_test=labels[:10])
    return path


def read(source: Path, **reading: Any) -> Dataset:
    return load_dataset(source, Reading(**reading))


def test_a_data_set_is_drawn_once_but_for_the_images_that_batches_draw_from(source: Path) -> None:
    grey, static, dynamic = (read(source, binarise=how) for how in (None, "static", "dynamic"))
    np.testing.assert_array_equal(dynamic.train.images, static.train.images)
    np.testing.assert_array_equal(dynamic.test.images, static.test.images)
    assert set(np.unique(static.train.images)) == set(np.unique(static.test.images)) == {0, 255}
    assert grey.drawn_from is static.drawn_from is None
    np.testing.assert_array_equal(dynamic.drawn_from, grey.train.images)
    assert (dynamic.name, dynamic.title) == ("ramps-binary", "ramps (binary)")
    assert grey.name == "ramps"
    assert "anew in each batch" in dynamic.report.notes[-1]
    some = dynamic.limited(7)
    np.testing.assert_array_equal(some.drawn_from, grey.limited(7).train.images)
    assert set(np.unique(some.train.images)) == {0, 255}


def test_the_card_and_the_command_tell_how_images_were_drawn(source: Path) -> None:
    dataset = read(source, binarise="dynamic")
    data = describe_data(dataset, train_sha256=dataset_fingerprint(dataset.train))
    assert data.reading.binarise == "dynamic"
    again = load_card_data(data, str(source))
    assert dataset_fingerprint(again.train) == data.train_sha256
    assert dataset_fingerprint(again.test) == data.test_sha256
    command = Settings("mnist", 50, reading=Reading(binarise="dynamic")).command()
    assert command == "python train.py mnist --latent-dim 50 --binarise dynamic"


def test_larochelles_split_is_read_as_it_is_published(tmp_path: Path) -> None:
    folder = tmp_path / "binarized_mnist"
    folder.mkdir()
    random = np.random.default_rng(0)
    written = {}
    for split, count in (("train", 5), ("valid", 3), ("test", 2)):
        written[split] = random.integers(0, 2, (count, 784))
        np.savetxt(folder / f"binarized_mnist_{split}.amat", written[split], "%d")
    dataset = load_dataset("binarized_mnist", data_dir=tmp_path)
    for split, images in (("train", dataset.train.images), ("test", dataset.test.images)):
        np.testing.assert_array_equal(images.reshape(-1, 784), 255 * written[split])
    assert dataset.classes == ("digit",)
    assert "validation images: 3" in dataset.report.left_out_line()
    data = describe_data(dataset, train_sha256="0" * 64)
    again = load_card_data(data, data_dir=tmp_path)
    assert dataset_fingerprint(again.test) == data.test_sha256

    (folder / "binarized_mnist_test.amat").write_text("0 " * 783 + "grey\n")
    with pytest.raises(DatasetError, match="must hold rows of 784 whole numbers"):
        _ = load_dataset("binarized_mnist", data_dir=tmp_path).test


@pytest.mark.usefixtures("bare_machine")
def test_who_has_no_larochelle_split_is_told_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any) -> None:
        raise OSError("no route")

    monkeypatch.setattr("explorer.data.named.fetch", unreachable)
    with pytest.raises(DatasetError, match=r"cs\.toronto\.edu/~larocheh/\S+/binarized_mnist and"):
        load_dataset("binarized_mnist")
