"""Metrics against closed forms, hand-made cases and published figures for real data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from linear_gaussian import LinearGaussian
from scipy.ndimage import gaussian_filter

from explorer.bundle.posterior import GaussianPosterior
from explorer.core import subsets
from explorer.core.elbo import kl_divergence
from explorer.core.likelihoods import log_likelihood
from explorer.core.metrics import (
    active_units,
    elbo_terms,
    encode_all,
    importance_weighted_bound,
    knn_accuracy,
    pca_fit,
    pca_inverse_transform,
    pca_transform,
    percentile_of,
    sharpness,
    squared_error_per_pixel,
)
from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset

FittedPCA = Callable[[str], tuple[Dataset, Any]]


MODEL = LinearGaussian()
COPIES = 2000  # copies of one image, whose estimates are independent draws of the same figure
IMAGE = np.array([0.9, 0.2, 0.7, 0.1], np.float32).reshape(1, 2, 2, 1)
IMAGES = np.repeat(IMAGE, COPIES, axis=0)
WRONG_POSTERIOR = np.array([[0.5, 0.3]]), np.log([[0.4, 0.5]])  # not the exact one


draw_exact = GaussianPosterior(MODEL.encode).draw
draw_wrong = GaussianPosterior(lambda images: WRONG_POSTERIOR).draw


def standard_error(values: np.ndarray) -> float:
    return float(values.std() / np.sqrt(len(values)))


# The bound


def test_the_exact_posterior_makes_every_bound_the_log_likelihood() -> None:
    images = np.random.default_rng(0).uniform(0, 1, (20, 2, 2, 1)).astype(np.float32)
    for samples in (1, 7):
        bound = importance_weighted_bound(
            draw_exact, MODEL.decode_parameters, images, 2, "gaussian", samples=samples
        )
        np.testing.assert_allclose(bound, -MODEL.log_marginal(images), atol=1e-5)
    z_mean, z_log_var = MODEL.encode(images)
    exact_elbo = MODEL.reconstruction(images, z_mean, z_log_var) + kl_divergence(z_mean, z_log_var)
    np.testing.assert_allclose(exact_elbo, -MODEL.log_marginal(images), atol=1e-5)


def test_the_sampled_terms_agree_with_their_closed_forms() -> None:
    reconstruction, kl = elbo_terms(
        draw_wrong, MODEL.decode_parameters, IMAGES, 2, "gaussian", samples=10
    )
    exact = MODEL.reconstruction(IMAGE, *WRONG_POSTERIOR)[0]
    assert abs(reconstruction.mean() - exact) < 4 * standard_error(reconstruction)
    # ½ (μ² + σ² − 1 − log σ²) of each dimension
    for sampled, mean, variance in zip(kl.T, (0.5, 0.3), (0.4, 0.5), strict=True):
        exact = 0.5 * (mean**2 + variance - 1 - np.log(variance))
        assert abs(sampled.mean() - exact) < 4 * standard_error(sampled)


def test_the_importance_weighted_bound_with_one_sample_is_the_negative_elbo() -> None:
    bound = importance_weighted_bound(
        draw_wrong, MODEL.decode_parameters, IMAGES, 2, "gaussian", samples=1
    )
    kl = 0.5 * (0.25 + 0.09 + 0.9 - 2 - np.log(0.2))
    exact = MODEL.reconstruction(IMAGE, *WRONG_POSTERIOR)[0] + kl
    assert abs(bound.mean() - exact) < 4 * standard_error(bound)


def test_the_importance_weighted_bound_tightens_and_converges() -> None:
    exact = -MODEL.log_marginal(IMAGE)[0]
    means = []
    for samples in (1, 4, 16, 64):
        bound = importance_weighted_bound(
            draw_wrong, MODEL.decode_parameters, IMAGES, 2, "gaussian", samples=samples
        )
        likelihood = np.exp(exact - bound)  # an unbiased estimate of 1, whatever K
        assert abs(likelihood.mean() - 1.0) < 4 * standard_error(likelihood)
        means.append(bound.mean())
    assert means == sorted(means, reverse=True)
    assert means[0] > exact + 1.0
    assert means[-1] == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize("estimate", [elbo_terms, importance_weighted_bound])
def test_the_seed_and_nothing_else_decides_the_samples(estimate: Callable[..., Any]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (23, 2, 2, 1), np.uint8)

    draw = GaussianPosterior(lambda x: (np.zeros((len(x), 3)),) * 2).draw

    def sums_of_latents(z: np.ndarray) -> np.ndarray:
        return np.repeat(z.sum(axis=1), 4).reshape(-1, 2, 2, 1)

    def run(**options: int) -> np.ndarray:
        arguments = (draw, sums_of_latents, images, 3, "bernoulli")
        estimates = estimate(*arguments, samples=5, **options)
        return np.asarray(estimates[0] if isinstance(estimates, tuple) else estimates)

    np.testing.assert_array_equal(run(seed=1), run(seed=1))
    np.testing.assert_allclose(run(seed=1, batch_size=7), run(seed=1), rtol=1e-6)
    assert not np.allclose(run(seed=1), run(seed=2))


def test_a_posterior_without_width_reconstructs_from_its_mean() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 2, 2, 1), np.uint8)

    def encode(x: np.ndarray) -> np.ndarray:
        return np.asarray(x.sum(axis=(1, 2)))

    draw = GaussianPosterior(lambda x: (encode(x), np.full((len(x), 1), -200.0))).draw

    def constant_logits(z: np.ndarray) -> np.ndarray:
        return np.repeat(z, 4, axis=1).reshape(-1, 2, 2, 1)

    reconstruction, _ = elbo_terms(draw, constant_logits, images, 1, "bernoulli")
    x = images.astype(np.float32) / np.float32(255)
    expected = -log_likelihood(x, constant_logits(encode(x)), "bernoulli")
    np.testing.assert_allclose(reconstruction, expected, rtol=1e-6)


def test_encode_all_scales_pixels_and_keeps_batches_small_and_in_order() -> None:
    images = np.arange(25, dtype=np.uint8).reshape(25, 1, 1, 1) * 10
    sizes = []

    def encode(batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert batch.dtype == np.float32
        sizes.append(len(batch))
        return batch.reshape(-1, 1), -batch.reshape(-1, 1)

    z_mean, z_log_var = encode_all(encode, images, batch_size=10)
    np.testing.assert_allclose(z_mean, images.reshape(25, 1) / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(z_log_var, -z_mean)
    assert sizes == [10, 10, 5]


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


# Principal components


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
    monkeypatch.setattr("explorer.core.metrics.MAX_COVARIANCE_PIXELS", 99)
    randomized = pca_fit(images, 3)
    np.testing.assert_allclose(randomized.mean_, exact.mean_)
    np.testing.assert_allclose(randomized.components_, exact.components_, atol=1e-4)


def test_pca_of_many_images_takes_some_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.linspace(0, 1, 101, dtype=np.float32).reshape(101, 1, 1, 1) * [[[0.6]], [[0.8]]]
    monkeypatch.setattr("explorer.core.metrics.MAX_PCA_VALUES", 2 * 11)
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


# Comparing


def test_squared_error_reads_bytes_as_shares_of_255() -> None:
    images = np.array([0, 255, 255, 0], np.uint8).reshape(1, 2, 2, 1)
    assert squared_error_per_pixel(images, images.__getitem__) == 0.0
    reconstructions = np.array([[0.5, 1.0, 1.0, 0.0]])
    assert squared_error_per_pixel(images, reconstructions.__getitem__) == pytest.approx(0.25 / 4)


def test_sharpness_is_the_share_of_the_laplacians_energy() -> None:
    images = np.zeros((1, 5, 5, 1))
    images[0, 2, 2] = 1.0  # Laplacian 4 there and −1 at each of four neighbours
    other = np.zeros((1, 5, 5, 1))
    other[0, 1, 1:4] = 0.5  # 1.5, 1, 1.5 along the line, −0.5 three times below it
    assert sharpness(images, images.__getitem__) == 1.0
    assert sharpness(images, other.__getitem__) == pytest.approx(6.25 / 20)
    assert sharpness(np.ones((2, 5, 5, 1)), other.repeat(2, axis=0).__getitem__) is None
    assert sharpness(np.ones((2, 2, 2, 1)), np.ones((2, 4)).__getitem__) is None


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_sharpness_falls_with_every_further_blur(name: str, data_dir: Path) -> None:
    images = load_dataset(name, data_dir=data_dir).test.images[:500] / np.float32(255)
    shares = [
        sharpness(images, gaussian_filter(images, (0, blur, blur, 0)).__getitem__) or 0.0
        for blur in (0.2, 0.4, 0.6, 1.0, 2.0, 4.0)
    ]
    assert all(more > less for more, less in pairwise([1.0, *shares]))
    assert shares[-1] < 0.01


def test_percentile_is_the_share_below() -> None:
    reference = np.array([1.0, 2.0, 2.0, 3.0])
    assert [percentile_of(value, reference) for value in (0, 2, 2.5, 9)] == [0, 25, 75, 100]
    assert percentile_of([0.0, 2.5], reference).tolist() == [0, 75]
    assert np.isnan(percentile_of(np.nan, reference))


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
