"""The terms of the ELBO against closed forms and a 2×2 case computed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from explorer.core.elbo import (
    bernoulli_log_likelihood,
    entropy_floor,
    gaussian_log_density,
    kl_divergence,
    kl_per_dimension,
    log_likelihood,
    mean_image,
)
from explorer.data.load import load_dataset

TWO_BY_TWO = np.array([0.0, 1.0, 1.0, 0.5]).reshape(1, 2, 2, 1)


def logit(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p) - np.log1p(-p))


def test_kl_is_zero_at_the_prior() -> None:
    np.testing.assert_array_equal(kl_divergence(np.zeros((3, 5)), np.zeros((3, 5))), 0.0)


def test_kl_of_a_normal_shifted_by_one_is_half_a_nat() -> None:
    assert kl_divergence(np.ones((1, 1)), np.zeros((1, 1))) == pytest.approx(0.5)


def test_kl_of_a_normal_of_half_the_width() -> None:
    # ½ (σ² − 1 − log σ²) at σ = ½.
    expected = 0.5 * (0.25 - 1.0 + math.log(4.0))
    assert kl_divergence(np.zeros((1, 1)), np.log([[0.25]])) == pytest.approx(expected)


def test_kl_sums_over_dimensions() -> None:
    z_mean, z_log_var = np.array([[0.0, 1.0, 2.0]]), np.zeros((1, 3))
    np.testing.assert_allclose(kl_per_dimension(z_mean, z_log_var), [[0.0, 0.5, 2.0]])
    np.testing.assert_allclose(kl_divergence(z_mean, z_log_var), [2.5])


def test_kl_is_the_integral_of_its_definition() -> None:
    z = np.linspace(-12, 12, 100_001)[:, None]
    log_q = gaussian_log_density(z, 0.7, math.log(0.3))
    log_p = gaussian_log_density(z, 0.0, 0.0)
    integral = np.sum(np.exp(log_q) * (log_q - log_p)) * 24 / 100_000
    assert kl_divergence(np.array([[0.7]]), np.log([[0.3]])) == pytest.approx(integral)


def test_gaussian_log_density_of_the_standard_normal() -> None:
    values = gaussian_log_density(np.array([[0.0, 0.0], [1.0, 2.0]]), 0.0, 0.0)
    np.testing.assert_allclose(values, [-1.8378770664, -1.8378770664 - 2.5])


def test_bernoulli_log_likelihood_of_a_2x2_image_computed_by_hand() -> None:
    p = np.array([0.25, 0.5, 0.75, 0.5]).reshape(1, 2, 2, 1)
    expected = math.log(0.75) + math.log(0.5) + math.log(0.75) + math.log(0.5)
    np.testing.assert_allclose(bernoulli_log_likelihood(TWO_BY_TWO, logit(p)), [expected])


def test_bernoulli_log_likelihood_equals_the_textbook_formula() -> None:
    random = np.random.default_rng(0)
    x, p = random.uniform(0, 1, (4, 5, 6, 3)), random.uniform(0.001, 0.999, (4, 5, 6, 3))
    textbook = np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=(1, 2, 3))
    np.testing.assert_allclose(bernoulli_log_likelihood(x, logit(p)), textbook)


def test_bernoulli_log_likelihood_does_not_overflow() -> None:
    logits = np.full((1, 2, 2, 1), 1000.0)
    np.testing.assert_allclose(bernoulli_log_likelihood(np.ones_like(logits), logits), [0.0])
    np.testing.assert_allclose(bernoulli_log_likelihood(np.zeros_like(logits), logits), [-4000.0])


def test_gaussian_parameters_are_means_and_then_log_variances() -> None:
    images = np.zeros((1, 1, 1, 2))
    parameters = np.array([1.0, 2.0, 0.0, math.log(4.0)]).reshape(1, 1, 1, 4)
    expected = -0.5 * (2 * math.log(2 * math.pi) + math.log(4.0) + 1.0 / 1.0 + 4.0 / 4.0)
    np.testing.assert_allclose(log_likelihood(images, parameters, "gaussian"), [expected])


def test_mean_image_is_the_sigmoid_or_the_clipped_mean() -> None:
    logits = np.array([-2000.0, 0.0, math.log(3.0), 2000.0], np.float32).reshape(1, 2, 2, 1)
    image = mean_image(logits, "bernoulli")
    np.testing.assert_allclose(image.ravel(), [0.0, 0.5, 0.75, 1.0], rtol=1e-6)
    parameters = np.array([-0.5, 5.0, 0.5, 5.0, 1.5, 5.0]).reshape(1, 1, 3, 2)
    assert mean_image(parameters, "gaussian").ravel().tolist() == [0.0, 0.5, 1.0]


def test_entropy_floor_is_the_reconstruction_term_of_a_perfect_reconstruction() -> None:
    assert entropy_floor(TWO_BY_TWO) == pytest.approx(math.log(2.0), abs=1e-8)
    images = np.random.default_rng(0).uniform(0.01, 0.99, (3, 4, 4, 1))
    perfect = -bernoulli_log_likelihood(images, logit(images))
    assert entropy_floor(images) == pytest.approx(perfect.mean())


@pytest.mark.parametrize(("name", "nats"), [("mnist", 45.53), ("fashion_mnist", 189.86)])
def test_entropy_floor_of_real_data(data_dir: Path, name: str, nats: float) -> None:
    images = load_dataset(name, data_dir=data_dir).test.images
    assert entropy_floor(images / 255.0) == pytest.approx(nats, abs=0.005)
