"""Principal components against hand-made cases and published figures for real data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.core.metrics import knn_accuracy, squared_error_per_pixel
from explorer.core.pca import pca_fit, pca_inverse_transform, pca_transform
from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset

FittedPCA = Callable[[str], tuple[Dataset, Any]]


def test_pca_of_a_known_ellipse() -> None:
    angle = np.radians(30)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turns = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    scores = np.stack([0.4 * np.cos(turns), 0.1 * np.sin(turns)], axis=1)
    images = (0.5 + scores @ axes).astype(np.float32).reshape(100, 1, 2, 1)
    pca = pca_fit(images, 2)
    np.testing.assert_allclose(pca.mean_, [0.5, 0.5], atol=1e-6)
    signs = np.sign(np.diag(pca.components_ @ axes.T))  # they are arbitrary
    np.testing.assert_allclose(pca.components_, signs[:, np.newaxis] * axes, atol=1e-6)
    np.testing.assert_allclose(pca_transform(pca, images), signs * scores, atol=1e-6)
    restored = pca_inverse_transform(pca, pca_transform(pca, images))
    np.testing.assert_allclose(restored, images.reshape(100, 2), atol=1e-6)


def test_pca_of_one_component_leaves_the_variance_of_the_other() -> None:
    images = np.array([[0.1, 0.4], [0.1, 0.6], [0.9, 0.4], [0.9, 0.6]], np.float32)
    pca = pca_fit(images, 1)
    again = pca_inverse_transform(pca, pca_transform(pca, images))
    error = squared_error_per_pixel(images, again.__getitem__)
    assert error == pytest.approx(0.1**2 / 2)


def test_pca_of_large_images_agrees_with_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    spread = 0.2 / np.arange(1, 101)  # standard deviations of the hundred directions
    directions = np.linalg.qr(random.standard_normal((100, 100)))[0]
    images = (0.5 + random.standard_normal((500, 100)) * spread @ directions).astype(np.float32)
    exact = pca_fit(images, 3)
    monkeypatch.setattr("explorer.core.pca.MAX_COVARIANCE_PIXELS", 99)
    randomized = pca_fit(images, 3)
    np.testing.assert_allclose(randomized.mean_, exact.mean_)
    np.testing.assert_allclose(randomized.components_, exact.components_, atol=1e-4)


def test_pca_of_many_images_takes_some_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.linspace(0, 1, 101, dtype=np.float32).reshape(101, 1, 1, 1) * [[[0.6]], [[0.8]]]
    monkeypatch.setattr("explorer.core.pca.MAX_PCA_VALUES", 2 * 11)
    pca = pca_fit(images, 1)
    np.testing.assert_allclose(pca.mean_, [0.3, 0.4], atol=1e-6)
    np.testing.assert_allclose(np.abs(pca.components_), [[0.6, 0.8]], atol=1e-6)
    assert pca.n_samples_ == 11


def test_pca_has_a_precise_mean_of_many_images() -> None:
    images = np.tile(np.array([[25] * 9, [26] * 9], np.uint8), (50_000, 1))
    np.testing.assert_allclose(pca_fit(images, 1).mean_, 25.5 / 255, rtol=1e-6)
    naive = np.mean(images.astype(np.float32) / 255, axis=0)
    assert np.all(np.abs(naive * 255 / 25.5 - 1) > 1e-5)  # what it would be in float32


def test_pca_has_no_more_components_than_images() -> None:
    assert len(pca_fit(np.eye(3, 7, dtype=np.float32), 5).components_) == 3


def test_pca_gives_images_in_range() -> None:
    pca = pca_fit(np.array([[0.25], [0.75]], np.float32), 1)
    images = pca_inverse_transform(pca, np.array([[-3.0], [0.25], [3.0]]) * pca.components_)
    np.testing.assert_allclose(images, [[0.0], [0.75], [1.0]], atol=1e-6)


# Figures of real data, computed elsewhere (shared/datasets/README.md)


@pytest.mark.parametrize(
    ("name", "latent_dim", "accuracy", "squared_error"),
    [
        ("mnist", 2, 0.443, 0.0555),
        ("mnist", 8, 0.903, 0.0364),
        ("fashion_mnist", 2, 0.530, 0.0456),
        ("fashion_mnist", 8, 0.794, 0.0260),
    ],
)
def test_pca_and_knn_figures_of_real_data(
    fitted_pca: FittedPCA, name: str, latent_dim: int, accuracy: float, squared_error: float
) -> None:
    dataset, pca = fitted_pca(name)
    train, test = (
        pca_transform(pca, split.images)[:, :latent_dim] for split in (dataset.train, dataset.test)
    )
    rest = np.zeros((len(test), 8 - latent_dim), np.float32)  # as in a fit with fewer components
    scores = np.concatenate([test, rest], axis=1)
    error = squared_error_per_pixel(
        dataset.test.images, lambda rows: pca_inverse_transform(pca, scores[rows])
    )
    assert error == pytest.approx(squared_error, abs=0.00006)
    found = knn_accuracy(train, dataset.train.labels, test, dataset.test.labels, k=10)
    assert found == pytest.approx(accuracy, abs=0.003)


@pytest.fixture(scope="module")
def fitted_pca(data_dir: Path) -> FittedPCA:
    """Return data set and first eight principal components, fitted once for both dimensions."""

    @cache
    def load_and_fit(name: str) -> tuple[Dataset, Any]:
        dataset = load_dataset(name, data_dir=data_dir)
        return dataset, pca_fit(dataset.train.images, 8)

    return load_and_fit
