"""The likelihoods of pixels against closed forms, numerical integrals and direct computation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from explorer.bundle.store import read_card
from explorer.core.likelihoods import (
    LEVELS,
    LIKELIHOODS,
    LikelihoodName,
    bits_per_dimension,
    derivatives,
    entropy_floor,
    log_likelihood,
    mean_image,
)
from explorer.data.load import load_dataset
from explorer.recipes.recipe import override
from explorer.root import ROOT
from explorer.web.figures import further_figures, likelihood_note

TWO_BY_TWO = np.array([0.0, 1.0, 1.0, 0.5]).reshape(1, 2, 2, 1)
GREYS = np.arange(LEVELS) / (LEVELS - 1)
ETAS = np.array(
    [0.0, 1e-12, 1e-4, 0.3, 0.599, 0.601, 4.0, 20.0, -1e-4, -0.7, -1.0, -9.0, -35.0]
)  # λ = sigmoid(η): ½, near ½, on both sides of the end of the series, near 1 and 0


def logit(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p) - np.log1p(-p))


def pixels(values: np.ndarray) -> np.ndarray:
    """Return each value as an image of its own, ``(n, 1, 1, 1)``."""
    return np.asarray(values).reshape(-1, 1, 1, 1)


def of_greys(mean: float, log_scale: float, dtype: type = np.float64) -> np.ndarray:
    """Return log P of each of the 256 levels under a discretised logistic."""
    parameters: np.ndarray = np.tile(np.array([mean, log_scale], dtype), (LEVELS, 1, 1, 1))
    return np.asarray(
        log_likelihood(pixels(GREYS).astype(dtype), parameters, "discretised-logistic")
    )


def test_every_name_has_its_likelihood() -> None:
    assert set(get_args(LikelihoodName)) == LIKELIHOODS.keys()


def test_bernoulli_log_likelihood_of_a_2x2_image_computed_by_hand() -> None:
    p = np.array([0.25, 0.5, 0.75, 0.5]).reshape(1, 2, 2, 1)
    expected = math.log(0.75) + math.log(0.5) + math.log(0.75) + math.log(0.5)
    np.testing.assert_allclose(log_likelihood(TWO_BY_TWO, logit(p), "bernoulli"), [expected])


def test_bernoulli_log_likelihood_equals_the_textbook_formula() -> None:
    random = np.random.default_rng(0)
    x, p = random.uniform(0, 1, (4, 5, 6, 3)), random.uniform(0.001, 0.999, (4, 5, 6, 3))
    textbook = np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=(1, 2, 3))
    np.testing.assert_allclose(log_likelihood(x, logit(p), "bernoulli"), textbook)


def test_bernoulli_log_likelihood_does_not_overflow() -> None:
    logits = np.full((1, 2, 2, 1), 1000.0)
    np.testing.assert_allclose(log_likelihood(np.ones_like(logits), logits, "bernoulli"), [0.0])
    np.testing.assert_allclose(
        log_likelihood(np.zeros_like(logits), logits, "bernoulli"), [-4000.0]
    )


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
    perfect = -log_likelihood(images, logit(images), "bernoulli")
    assert entropy_floor(images) == pytest.approx(perfect.mean())


@pytest.mark.parametrize(("name", "nats"), [("mnist", 45.53), ("fashion_mnist", 189.86)])
def test_entropy_floor_of_real_data(data_dir: Path, name: str, nats: float) -> None:
    images = load_dataset(name, data_dir=data_dir).test.images
    assert entropy_floor(images / 255.0) == pytest.approx(nats, abs=0.005)


@pytest.mark.parametrize("eta", ETAS)
def test_a_continuous_bernoulli_has_the_integral_mean_and_variance_of_a_density(
    eta: float,
) -> None:
    nodes, weights = np.polynomial.legendre.leggauss(60)
    x, weights = (nodes + 1) / 2, weights / 2
    output = np.full((len(x), 1, 1, 1), eta)
    density = np.exp(log_likelihood(pixels(x), output, "continuous-bernoulli"))
    assert np.sum(weights * density) == pytest.approx(1.0, abs=1e-9)
    mean = np.sum(weights * density * x)
    assert mean_image(output[:1], "continuous-bernoulli").item() == pytest.approx(mean, abs=1e-7)
    slope, curvature = derivatives(np.zeros((1, 1, 1)), output[0], "continuous-bernoulli")
    assert slope.item() == pytest.approx(mean, abs=1e-9)
    variance = np.sum(weights * density * np.square(x - mean))
    assert curvature.item() == pytest.approx(variance, abs=1e-8)


def test_the_mean_of_a_continuous_bernoulli_is_not_its_parameter() -> None:
    """E[x] = λ / (2λ − 1) + 1 / (2 artanh(1 − 2λ)), Loaiza-Ganem & Cunningham 2019."""
    p = np.array([0.001, 0.2, 0.8, 0.999])
    expected = p / (2 * p - 1) + 1 / (2 * np.arctanh(1 - 2 * p))
    mean = mean_image(pixels(logit(p)), "continuous-bernoulli").ravel()
    np.testing.assert_allclose(mean, expected, rtol=1e-6)


def test_gradients_in_single_precision_are_those_of_the_formulas() -> None:
    keras = pytest.importorskip("keras")
    import tensorflow as tf

    random = np.random.default_rng(1)
    etas = np.concatenate([ETAS, [-500.0, 500.0]]).astype(np.float32)
    extremes = np.array([(m, s) for m in (-9, 0.3, 1, 9) for s in (-30, -5, 0, 30)], np.float32)
    cases: dict[LikelihoodName, np.ndarray] = {
        "continuous-bernoulli": pixels(etas),
        "discretised-logistic": extremes.reshape(-1, 1, 1, 2),
    }
    for name, output in cases.items():
        for x in (0.0, 1.0, random.integers(1, 255) / 255):
            variable = tf.Variable(output)
            image = np.full((len(output), 1, 1, 1), x, np.float32)
            with tf.GradientTape() as tape:
                values = log_likelihood(image, variable, name, ops=keras.ops)
            exact = output.astype(np.float64)
            expected = log_likelihood(image.astype(np.float64), exact, name)
            np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
            slopes = np.stack([derivatives(image[0], one, name)[0] for one in exact])
            found = -np.asarray(tape.gradient(values, variable))
            if name == "discretised-logistic":  # a log-scale beyond the limit does not change
                slopes[..., 1] *= np.abs(exact[..., 1]) < 7
            np.testing.assert_allclose(found, slopes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_probabilities_of_all_levels_sum_to_1(dtype: type) -> None:
    random = np.random.default_rng(2)
    drawn = zip(random.uniform(-0.2, 1.2, 40), random.uniform(-6, 1, 40), strict=True)
    extreme = [(m, s) for m in (-50.0, 0.0, 0.5, 1.0, 50.0) for s in (-50.0, -7.0, 0.0, 50.0)]
    for mean, log_scale in (*drawn, *extreme):
        total = np.exp(of_greys(mean, log_scale, dtype).astype(np.float64)).sum()
        assert total == pytest.approx(1.0, abs=3e-4 if dtype is np.float32 else 1e-10)


def test_a_discretised_logistic_is_the_difference_of_two_sigmoids() -> None:
    random = np.random.default_rng(3)
    for mean, log_scale in zip(random.uniform(0, 1, 20), random.uniform(-3, 1, 20), strict=True):
        edges = (np.arange(1, LEVELS) - 0.5) / (LEVELS - 1)
        below = 1 / (1 + np.exp(-(edges - mean) / np.exp(log_scale)))
        direct = np.diff(np.concatenate([[0.0], below, [1.0]]))
        np.testing.assert_allclose(np.exp(of_greys(mean, log_scale)), direct, rtol=1e-9, atol=1e-15)


def test_the_mean_of_a_discretised_logistic_is_that_of_its_levels() -> None:
    random = np.random.default_rng(4)
    for mean, log_scale in zip(random.uniform(-1, 2, 60), random.uniform(-9, 3, 60), strict=True):
        expected = np.sum(GREYS * np.exp(of_greys(mean, log_scale)))
        output = np.array([mean, log_scale]).reshape(1, 1, 1, 2)
        found = mean_image(output, "discretised-logistic").item()
        # A narrow one lies in one bin, whose level is at most half a step away
        tolerance = 0.5 / (LEVELS - 1) if log_scale < -5.5 else 1e-4
        assert found == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_slopes_are_those_of_the_log_likelihood_and_curvatures_are_not_negative(
    name: LikelihoodName,
) -> None:
    count = len(LIKELIHOODS[name].parameters)
    random = np.random.default_rng(5)
    for x in (0.0, 77 / 255, 1.0):
        output = random.normal(scale=2.0, size=(1, 1, 1, count))
        slopes, curvatures = derivatives(np.full((1, 1, 1), x), output[0], name)
        for i in range(count):
            step = np.zeros_like(output)
            step[..., i] = 1e-5
            ends = [
                log_likelihood(np.full((1, 1, 1, 1), x), at, name)
                for at in (output - step, output + step)
            ]
            assert slopes[..., i].item() == pytest.approx(
                (ends[0] - ends[1]).item() / 2e-5, rel=1e-4
            )
        assert (curvatures >= 0).all()


def test_equal_probabilities_of_all_levels_are_8_bits_per_dimension() -> None:
    assert bits_per_dimension(3072 * math.log(LEVELS), (32, 32, 3)) == pytest.approx(8.0)


def test_a_card_tells_bits_per_dimension_where_the_likelihood_is_of_levels() -> None:
    card = read_card(ROOT / "pretrained" / "mnist-2d")
    assert card.bits_per_dimension is None
    assert "bits per dimension" not in [name for name, _, _ in further_figures(card)]
    assert "even a perfect reconstruction" in likelihood_note(card)
    recipe = override(card.model.recipe, likelihood="discretised-logistic")
    model = card.model.model_copy(update={"recipe_if_trained": recipe})
    metrics = card.metrics.model_copy(update={"neg_elbo": 784 * 3 * math.log(2)})
    other = card.model_copy(update={"model": model, "metrics": metrics})
    assert other.bits_per_dimension == pytest.approx(3.0)
    assert ("bits per dimension", "3.000") in [row[:2] for row in further_figures(other)]
