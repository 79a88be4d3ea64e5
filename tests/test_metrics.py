"""Metrics against closed forms and hand-made cases."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from explorer.core import subsets
from explorer.core.metrics import (
    active_units,
    error_and_sharpness,
    knn_accuracy,
    percentile_of,
    squared_error_per_pixel,
)
from explorer.data.load import load_dataset


def test_large_images_come_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsets, "MAX_BATCH_VALUES", 50)
    sizes = []

    def reconstruct(rows: slice) -> np.ndarray:
        sizes.append(rows.stop - rows.start)
        return np.ones((5, 4, 4, 1))[rows]

    assert squared_error_per_pixel(np.zeros((5, 4, 4, 1)), reconstruct) == 1.0
    assert sizes == [3, 3]
    assert [subsets.batch_size_for(values) for values in (1, 20, 60)] == [50, 2, 1]


def test_active_units_are_those_whose_mean_moves() -> None:
    z_mean = np.array([[1.0, 0.0, 100.0], [-1.0, 0.18, 100.0]])  # variances 1, 0.0081, 0
    assert active_units(z_mean).tolist() == [True, False, False]


# Nearest neighbours


def test_knn_takes_the_majority() -> None:
    train = np.array([[0.0], [0.2], [0.3], [9.0], [9.1]])
    labels = np.array([1, 2, 2, 3, 3])
    test = np.array([[0.0], [9.0]])
    assert knn_accuracy(train, labels, test, np.array([2, 3]), k=3) == 1.0
    assert knn_accuracy(train, labels, test, np.array([1, 3]), k=3) == 0.5
    assert knn_accuracy(train, labels, test, np.array([1, 3]), k=1) == 1.0


def test_knn_breaks_a_tie_by_the_nearest_neighbour() -> None:
    train = np.array([[3.0], [1.0], [2.0], [4.0]])
    labels = np.array([0, 5, 0, 5])
    assert knn_accuracy(train, labels, np.zeros((1, 1)), np.array([5]), k=4) == 1.0


def test_knn_with_fewer_points_than_neighbours_asks_them_all() -> None:
    train, labels = np.array([[0.0], [1.0], [2.0]]), np.array([7, 4, 4])
    assert knn_accuracy(train, labels, np.zeros((1, 1)), np.array([4]), k=10) == 1.0


def test_knn_agrees_with_a_search_by_differences() -> None:
    random = np.random.default_rng(0)
    offset = 1000.0  # float32 products would lose the differences here
    train = (offset + random.standard_normal((300, 4))).astype(np.float32)
    test = (offset + random.standard_normal((150, 4))).astype(np.float32)
    train_labels, test_labels = random.integers(0, 4, 300), random.integers(0, 4, 150)
    correct = 0
    for place, label in zip(test, test_labels, strict=True):
        distances = np.linalg.norm(train.astype(np.float64) - place, axis=1)
        neighbours = list(train_labels[np.argsort(distances)[:7]])
        correct += max(neighbours, key=neighbours.count) == label  # the first, which is the nearest
    assert knn_accuracy(train, train_labels, test, test_labels, k=7) == correct / 150


def test_squared_error_reads_bytes_as_shares_of_255() -> None:
    images = np.array([0, 255, 255, 0], np.uint8).reshape(1, 2, 2, 1)
    assert squared_error_per_pixel(images, images.__getitem__) == 0.0
    reconstructions = np.array([[0.5, 1.0, 1.0, 0.0]])
    assert squared_error_per_pixel(images, reconstructions.__getitem__) == pytest.approx(0.25 / 4)


def sharpness(images: np.ndarray, reconstructions: np.ndarray) -> float | None:
    return error_and_sharpness(images, reconstructions.__getitem__)[1]


def test_squared_error_and_sharpness_reconstruct_each_image_once() -> None:
    images, made = np.random.default_rng(0).random((2_500, 4, 4, 1)), list[int]()

    def reconstruct(rows: slice) -> np.ndarray:
        made.extend(range(*rows.indices(2_500)))
        return np.round(images[rows], 1)

    error, share = error_and_sharpness(images, reconstruct)
    assert made == [*range(2_500)]
    assert error == squared_error_per_pixel(images, reconstruct)
    assert share == pytest.approx(1.0, abs=0.05)


def test_sharpness_is_the_share_of_the_laplacians_energy() -> None:
    images = np.zeros((1, 5, 5, 1))
    images[0, 2, 2] = 1.0  # Laplacian 4 there and −1 at each of four neighbours
    other = np.zeros((1, 5, 5, 1))
    other[0, 1, 1:4] = 0.5  # 1.5, 1, 1.5 along the line, −0.5 three times below it
    assert sharpness(images, images) == 1.0
    assert sharpness(images, other) == pytest.approx(6.25 / 20)
    assert sharpness(np.ones((2, 5, 5, 1)), other.repeat(2, axis=0)) is None
    assert sharpness(np.ones((2, 2, 2, 1)), np.ones((2, 4))) is None


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_sharpness_falls_with_every_further_blur(name: str, data_dir: Path) -> None:
    images = load_dataset(name, data_dir=data_dir).test.images[:500] / np.float32(255)
    shares = [
        sharpness(images, gaussian_filter(images, (0, blur, blur, 0))) or 0.0
        for blur in (0.2, 0.4, 0.6, 1.0, 2.0, 4.0)
    ]
    assert all(more > less for more, less in pairwise([1.0, *shares]))
    assert shares[-1] < 0.01


def test_percentile_is_the_share_below() -> None:
    reference = np.array([1.0, 2.0, 2.0, 3.0])
    assert [percentile_of(value, reference) for value in (0, 2, 2.5, 9)] == [0, 25, 75, 100]
    assert percentile_of([0.0, 2.5], reference).tolist() == [0, 75]
    assert np.isnan(percentile_of(np.nan, reference))
