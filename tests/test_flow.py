"""The flow against its Jacobian, and against independently known masks and densities."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from explorer.core.elbo import (
    gaussian_log_density,
    kl_per_dimension,
    normal_log_density,
    sampled_kl_per_dimension,
)
from explorer.core.masks import autoregressive_masks
from explorer.recipes.recipe import Recipe, RecipeError, recipe_from_json
from explorer.training.layers import InverseAutoregressive
from explorer.training.vae import VAE, build_flow, build_posterior


@pytest.fixture(autouse=True)
def _same_initial_weights() -> None:
    """Start from the same weights, whichever tests ran before."""
    keras.utils.set_random_seed(1)


def flow_recipe(steps: int, context: int, *, units: int = 16, activation: Any = "elu") -> Recipe:
    step = {"layer": "InverseAutoregressive", "units": units, "activation": activation}
    return recipe_from_json(
        {
            "encoder": [{"layer": "Flatten"}, {"layer": "Dense", "units": 8, "activation": "tanh"}],
            "flow": [step] * steps,
            "context": context,
            "decoder": [{"layer": "Dense", "units": 8}],
            "head": {"layer": "Dense"},
        }
    )


def shake(model: keras.Model) -> None:
    """Move every weight away from its initial value, so that each has an effect."""
    random = np.random.default_rng(2)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(weight.numpy() + random.normal(0.0, 0.3, weight.shape))


def draw(*sizes: int, count: int = 20) -> list[np.ndarray]:
    """Return standard normal numbers ``(count, size)`` for each size that is not 0."""
    random = np.random.default_rng(1)
    return [random.standard_normal((count, size), np.float32) for size in sizes if size]


def jacobian(function: Any, z: np.ndarray, *context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ∂z'/∂z by automatic differentiation, ``(n, latent_dim, latent_dim)``, and log σ."""
    inputs = [tf.constant(values) for values in (z, *context)]
    with tf.GradientTape() as tape:
        tape.watch(inputs[0])
        moved, log_scale = function(inputs)
    return tape.batch_jacobian(moved, inputs[0]).numpy().astype(np.float64), log_scale.numpy()


# ---- Masks ----


def test_masks_of_three_dimensions_written_by_hand() -> None:
    into, out = autoregressive_masks(3, 3, 1, backwards=False)
    # Unit 0 sees the context alone, unit 1 also z₀, unit 2 also z₁.
    assert into.tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 1, 1]]
    # z₀ depends on unit 0, z₁ also on unit 1, z₂ on all.
    assert out.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]


def test_masks_of_three_dimensions_backwards_written_by_hand() -> None:
    into, out = autoregressive_masks(3, 3, 1, backwards=True)
    assert into.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]]
    assert out.tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("units", [8, 13, 64])
def test_a_dimension_sees_all_that_come_before_it_and_the_context(
    units: int, backwards: bool
) -> None:
    into, out = autoregressive_masks(8, units, 2, backwards=backwards)
    paths = into @ out  # number of hidden units through which an output depends on an input
    before = np.triu(np.ones((8, 8), bool), k=1)
    np.testing.assert_array_equal(paths[:8] > 0, before.T if backwards else before)
    assert (paths[8:] > 0).all()


@pytest.mark.parametrize("units", range(2, 8))
def test_with_fewer_units_than_dimensions_the_last_still_sees_others(units: int) -> None:
    into, out = autoregressive_masks(8, units, 0, backwards=False)
    seen = np.flatnonzero((into @ out)[:, -1])
    assert seen.tolist() == list(range(len(seen)))
    assert len(seen) >= 4
    assert not np.tril(into @ out).any()


# ---- A step, and a flow of several steps ----


@pytest.mark.parametrize(("backwards", "expected"), [(False, [[1.5, 5.0]]), (True, [[5.0, 3.5]])])
def test_a_step_computed_by_hand(backwards: bool, expected: list[list[float]]) -> None:
    step = InverseAutoregressive(units=2, activation="linear", backwards=backwards)
    step.build([(None, 2)])
    # m is the sum of the preceding dimensions, and s = 0, so that z' = ½ z + ½ m.
    only_m = np.array([[1.0, 1.0, 0.0, 0.0]] * 2)
    step.set_weights([np.ones((2, 2)), np.zeros(2), only_m, np.zeros(4)])
    z, log_sigma = step([np.array([[3.0, 7.0]], np.float32)])
    np.testing.assert_allclose(z, expected)
    np.testing.assert_allclose(log_sigma, [[-math.log(2.0)] * 2], rtol=1e-6)


def test_a_new_step_keeps_most_of_z() -> None:
    step = InverseAutoregressive(units=8)
    _, log_sigma = step([np.zeros((1, 3), np.float32)])
    np.testing.assert_allclose(log_sigma, -math.log(1.0 + math.exp(-2.0)), rtol=1e-6)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("context", [0, 3])
def test_the_jacobian_of_a_step_is_triangular_with_sigma_on_its_diagonal(
    context: int, backwards: bool
) -> None:
    step = InverseAutoregressive(units=16, backwards=backwards)
    inputs = draw(5, context)
    step(inputs)
    shake(step)
    matrices, log_sigma = jacobian(step, *inputs)
    below = np.tril(np.ones((5, 5), bool), k=-1)
    sees = below.T if backwards else below
    assert (matrices[:, ~sees & ~np.eye(5, dtype=bool)] == 0.0).all()
    assert (np.abs(matrices[:, sees]).mean(axis=0) > 1e-3).all()
    diagonal = np.diagonal(matrices, axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, np.exp(log_sigma), rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("latent_dim", [1, 2, 5, 8])
def test_the_log_determinant_is_that_of_the_jacobian(
    latent_dim: int, context: int, steps: int
) -> None:
    flow = build_flow(flow_recipe(steps, context), latent_dim)
    assert flow is not None
    shake(flow)
    matrices, log_scale = jacobian(flow, *draw(latent_dim, context))
    sign, log_determinant = np.linalg.slogdet(matrices)
    assert (sign == 1.0).all()
    np.testing.assert_allclose(log_scale.sum(axis=1), log_determinant, rtol=1e-4, atol=1e-4)


def test_every_other_step_takes_the_dimensions_backwards() -> None:
    flow = build_flow(flow_recipe(3, 0), 4)
    assert flow is not None
    steps = [layer for layer in flow.layers if isinstance(layer, InverseAutoregressive)]
    assert [step.backwards for step in steps] == [False, True, False]


def test_a_recipe_without_steps_has_no_flow() -> None:
    assert build_flow(flow_recipe(0, 0), 4) is None


@pytest.mark.parametrize(
    "activation",
    ["nosuch", 3, {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA"}}],
    ids=["unknown", "no name", "code"],
)
def test_a_step_that_keras_cannot_build_gets_a_sentence(activation: Any) -> None:
    with pytest.raises(RecipeError, match="the flow cannot be built") as error:
        build_flow(flow_recipe(1, 0, activation=activation), 2)
    assert "\n" not in str(error.value)


# ---- Densities ----


def test_the_sampled_kl_of_a_gaussian_is_on_average_the_exact_one() -> None:
    z_mean, z_log_var = np.array([[0.0, 1.0, -2.0]]), np.array([[0.0, -3.0, 0.7]])
    epsilon = np.random.default_rng(0).standard_normal((100_000, 3))
    z = z_mean + np.exp(0.5 * z_log_var) * epsilon
    draws = sampled_kl_per_dimension(epsilon, z_log_var, z, 0.0)
    errors = draws.mean(axis=0) - kl_per_dimension(z_mean, z_log_var)[0]
    standard_errors = draws.std(axis=0) / math.sqrt(len(draws))
    assert (np.abs(errors) <= 4.0 * standard_errors + 1e-12).all()  # exactly 0 at the prior
    assert (standard_errors < 0.01).all()


def test_the_sampled_kl_is_the_difference_of_two_log_densities() -> None:
    random = np.random.default_rng(0)
    z_mean, z_log_var, epsilon = random.standard_normal((3, 50, 4))
    z = z_mean + np.exp(0.5 * z_log_var) * epsilon
    log_q = gaussian_log_density(z, z_mean, z_log_var)
    log_p = gaussian_log_density(z, 0.0, 0.0)
    sampled = sampled_kl_per_dimension(epsilon, z_log_var, z, 0.0)
    np.testing.assert_allclose(sampled.sum(axis=1), log_q - log_p, rtol=1e-12, atol=1e-12)


def test_a_flow_that_stretches_and_shifts_leaves_a_gaussian() -> None:
    random = np.random.default_rng(0)
    z_mean, z_log_var, epsilon = random.standard_normal((3, 50, 4))
    stretch, shift = np.array([0.5, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, -1.0, 2.0])
    z = stretch * (z_mean + np.exp(0.5 * z_log_var) * epsilon) + shift
    log_var = z_log_var + 2.0 * np.log(stretch)
    log_q = gaussian_log_density(z, stretch * z_mean + shift, log_var)
    log_p = gaussian_log_density(z, 0.0, 0.0)
    sampled = sampled_kl_per_dimension(epsilon, z_log_var, z, np.log(stretch))
    np.testing.assert_allclose(sampled.sum(axis=1), log_q - log_p, rtol=1e-12, atol=1e-12)


def make_vae(latent_dim: int, context: int, steps: int = 2) -> VAE:
    vae = VAE(flow_recipe(steps, context), (3, 4, 1), latent_dim)
    shake(vae)
    return vae


def random_images(count: int) -> np.ndarray:
    return np.random.default_rng(3).random((count, 3, 4, 1), np.float32)


def posterior_of_one_image(vae: VAE, epsilon: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return z and log q(z|x), summed over dimensions, for each ε ``(n, latent_dim)``."""
    images = np.repeat(random_images(1), len(epsilon), axis=0)
    z, log_q = build_posterior(vae).predict_on_batch([images, epsilon.astype(np.float32)])
    return z.astype(np.float64), log_q.sum(axis=1, dtype=np.float64)


@pytest.mark.parametrize("context", [0, 3])
def test_the_posterior_of_one_dimension_integrates_to_one(context: int) -> None:
    epsilon = np.linspace(-7.0, 7.0, 2001)[:, np.newaxis]
    z, log_q = posterior_of_one_image(make_vae(1, context), epsilon)
    assert np.trapezoid(np.exp(log_q), z[:, 0]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("context", [0, 3])
def test_the_posterior_of_two_dimensions_integrates_to_one(context: int) -> None:
    # The flow maps the cells of a grid of ε to quadrilaterals that tile the plane of z.
    places = np.linspace(-6.0, 6.0, 201)
    grid = np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1)
    z, log_q = posterior_of_one_image(make_vae(2, context, steps=3), grid.reshape(-1, 2))
    z, q = z.reshape(grid.shape), np.exp(log_q).reshape(grid.shape[:2])
    rising, falling = z[1:, 1:] - z[:-1, :-1], z[1:, :-1] - z[:-1, 1:]
    areas = 0.5 * np.abs(rising[..., 0] * falling[..., 1] - rising[..., 1] * falling[..., 0])
    heights = 0.25 * (q[1:, 1:] + q[:-1, :-1] + q[1:, :-1] + q[:-1, 1:])
    assert areas.std() > 0.01 * areas.mean(), "a flow that bends nothing would prove nothing"
    assert np.sum(areas * heights) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("context", [0, 3])
def test_the_kl_term_of_training_is_log_q_minus_log_p(context: int) -> None:
    vae, images, (epsilon,) = make_vae(4, context), random_images(20), draw(4)
    z, log_q = build_posterior(vae)([images, epsilon])
    expected = np.sum(log_q - normal_log_density(np.asarray(z)), axis=1)
    kl = np.sum(vae(images, epsilon)["kl"], axis=1)
    np.testing.assert_allclose(kl, expected, rtol=1e-4, atol=1e-4)


def test_without_a_flow_the_posterior_is_the_encoders_gaussian() -> None:
    vae, images, (epsilon,) = make_vae(4, 0, steps=0), random_images(20), draw(4)
    z, log_q = build_posterior(vae)([images, epsilon])
    z_mean, z_log_var = (np.asarray(output) for output in vae.encoder(images))
    np.testing.assert_allclose(z, z_mean + np.exp(0.5 * z_log_var) * epsilon, rtol=1e-4, atol=1e-4)
    density = gaussian_log_density(np.asarray(z), z_mean, z_log_var)
    np.testing.assert_allclose(np.sum(log_q, axis=1), density, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("context", [0, 3])
def test_a_saved_flow_comes_back_the_same(context: int, tmp_path: Path) -> None:
    vae = make_vae(3, context, steps=3)
    vae.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert again.recipe == vae.recipe
    inputs = [random_images(20), *draw(3)]
    for one, other in zip(
        build_posterior(vae)(inputs), build_posterior(again)(inputs), strict=True
    ):
        np.testing.assert_array_equal(one, other)
