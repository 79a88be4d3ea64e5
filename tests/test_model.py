"""The model: its shapes, its loss, its construction from a recipe, and what a file keeps of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from explorer.core.elbo import LOG_VAR_LIMIT, kl_per_dimension
from explorer.core.likelihoods import LIKELIHOODS, log_likelihood
from explorer.recipes.find import RECIPES
from explorer.recipes.recipe import RecipeError, recipe_from_json
from explorer.training.layers import Residual
from explorer.training.vae import VAE, reparameterise

DENSE = {"layer": "Dense", "units": 8, "activation": "relu"}
FLATTEN = {"layer": "Flatten"}
STEP = {"layer": "InverseAutoregressive", "units": 8}
PLAIN = {"encoder": [FLATTEN, DENSE], "decoder": [DENSE], "head": {"layer": "Dense"}}


@pytest.fixture(autouse=True)
def _same_initial_weights() -> None:
    """Start from the same weights, whichever tests ran before."""
    keras.utils.set_random_seed(0)


def plain(image_shape: tuple[int, ...] = (8, 8, 1), latent_dim: int = 2, **changes: Any) -> VAE:
    return VAE(recipe_from_json({**PLAIN, **changes}), image_shape, latent_dim)


def random_images(shape: tuple[int, ...], count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((count, *shape), np.float32)


@pytest.mark.parametrize("latent_dim", [1, 2, 8, 80])
@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (5, 7, 3), (1, 1, 1)])
def test_every_shape_of_image_and_every_latent_dimension(
    shape: tuple[int, ...], latent_dim: int
) -> None:
    outputs = plain(shape, latent_dim)(random_images(shape))
    assert outputs["kl"].shape == (3, latent_dim)
    assert outputs["parameters"].shape == (3, *shape)


@pytest.mark.parametrize("name", RECIPES)
def test_every_built_in_recipe_builds(name: str) -> None:
    shape = (32, 32, 3) if "colour" in RECIPES[name].summary else (28, 28, 1)
    recipe = RECIPES[name]
    outputs = VAE(recipe, shape, 2)(random_images(shape))
    channels = shape[2] * len(LIKELIHOODS[recipe.likelihood].parameters)
    assert outputs["parameters"].shape == (3, *shape[:2], channels)


def test_the_tutorial_recipe_has_the_size_counted_by_hand() -> None:
    model = VAE(RECIPES["tutorial"], (28, 28, 1), 2)
    convolutions = (9 + 1) * 32 + (9 * 32 + 1) * 64 + 2 * (9 * 64 + 1) * 64
    dense = (14 * 14 * 64 + 1) * 32
    assert model.encoder.count_params() == convolutions + dense + 2 * (32 + 1) * 2
    dense, transpose, head = (2 + 1) * 14 * 14 * 64, (9 * 64 + 1) * 32, 9 * 32 + 1
    assert model.decoder.count_params() == dense + transpose + head


def test_an_encoder_without_flatten_is_flattened() -> None:
    model = plain(encoder=[{"layer": "Conv2D", "filters": 2, "kernel_size": 3}])
    assert model.encoder.output[0].shape == (None, 2)


def test_an_untrained_discretised_logistic_is_about_mid_grey() -> None:
    model = plain((4, 5, 3), likelihood="discretised-logistic")
    parameters = np.asarray(model.decoder(np.zeros((1, 2), np.float32)))
    assert parameters.shape == (1, 4, 5, 6)
    assert (parameters == [0.5, 0.5, 0.5, -2, -2, -2]).all()


def test_a_gaussian_decoder_gives_means_and_the_log_variance_of_its_sigma() -> None:
    model = plain((4, 5, 3), likelihood="gaussian", sigma=0.1)
    parameters = np.asarray(model.decoder(np.ones((2, 2), np.float32)))
    assert parameters.shape == (2, 4, 5, 6)
    np.testing.assert_allclose(parameters[..., 3:], math.log(0.1**2), rtol=1e-6)
    assert parameters[..., :3].std() > 0


def test_a_fixed_sigma_is_not_trained_and_a_learned_one_is() -> None:
    def names(sigma: float | None) -> list[str]:
        model = plain(likelihood="gaussian", sigma=sigma)
        return [weight.name for weight in model.trainable_weights]

    assert "log_var" not in names(0.1)
    assert "log_var" in names(None)


@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_a_learned_sigma_finds_the_noise_of_the_data(noise: float) -> None:
    images = 0.5 + noise * np.random.default_rng(0).standard_normal((1024, 6, 6, 1), np.float32)
    model = plain((6, 6, 1), 1, likelihood="gaussian")
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    model.fit(images, batch_size=32, epochs=8, verbose=0)
    log_var = float(np.asarray(model.decoder(np.zeros((1, 1), np.float32)))[0, 0, 0, 1])
    assert math.exp(0.5 * log_var) == pytest.approx(noise, rel=0.08)


@pytest.mark.parametrize(
    ("bias", "expected"),
    [(1e6, LOG_VAR_LIMIT), (-1e6, -LOG_VAR_LIMIT), (3.5, 3.5), (-3.5, -3.5), (0.0, 0.0)],
)
def test_the_log_variance_is_clipped_at_its_limits_only(bias: float, expected: float) -> None:
    model = plain()
    kernel, weights = model.encoder.get_layer("z_log_var_raw").weights
    kernel.assign(np.zeros(kernel.shape))
    weights.assign(np.full(weights.shape, bias))
    _, z_log_var = model.encoder(random_images((8, 8, 1)))
    np.testing.assert_allclose(z_log_var, expected, atol=1e-6)


def compiled(**changes: Any) -> VAE:
    model = plain(**changes)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    return model


def loss(model: VAE, images: np.ndarray, **outputs: np.ndarray) -> float:
    tensors = {name: keras.ops.convert_to_tensor(value) for name, value in outputs.items()}
    return float(model.compute_loss(keras.ops.convert_to_tensor(images), y_pred=tensors))


ONE_NAT_OF_KL = {
    "kl": np.full((3, 2), 0.5, np.float32),
    "parameters": np.zeros((3, 8, 8, 1), np.float32),  # p = ½: log 2 nats a pixel
}


def test_the_loss_of_a_case_known_by_hand() -> None:
    model = compiled(beta=4.0)
    images = random_images((8, 8, 1))
    assert loss(model, images, **ONE_NAT_OF_KL) == pytest.approx(64 * math.log(2) + 4.0, rel=1e-6)
    terms = {name: float(metric.result()) for name, metric in model.terms.items()}
    assert terms["reconstruction"] == pytest.approx(64 * math.log(2), rel=1e-6)
    assert terms["kl"] == pytest.approx(1.0)
    assert terms["neg_elbo"] == pytest.approx(64 * math.log(2) + 1.0, rel=1e-6)  # not weighted


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0])
def test_the_loss_is_what_numpy_computes(likelihood: Any, beta: float) -> None:
    random = np.random.default_rng(1)
    images = random_images((8, 8, 1))
    channels = len(LIKELIHOODS[likelihood].parameters)
    outputs = {
        "kl": random.standard_normal((3, 2)).astype(np.float32),
        "parameters": random.standard_normal((3, 8, 8, channels)).astype(np.float32),
    }
    reconstruction = -log_likelihood(images, outputs["parameters"], likelihood)
    kl = outputs["kl"].sum(axis=1)
    assert loss(compiled(likelihood=likelihood, beta=beta), images, **outputs) == pytest.approx(
        float(np.mean(reconstruction + beta * kl)), rel=1e-6
    )


@pytest.mark.parametrize(("step", "weight"), [(0, 0.0), (5, 0.5), (10, 1.0), (99, 1.0)])
def test_the_weight_of_the_kl_term_grows_to_beta(step: int, weight: float) -> None:
    model = compiled(beta=2.0)
    model.kl_warmup_steps = 10
    model.optimizer.iterations.assign(step)
    expected = 64 * math.log(2) + 2.0 * weight
    assert loss(model, random_images((8, 8, 1)), **ONE_NAT_OF_KL) == pytest.approx(
        expected, rel=1e-6
    )


def test_noise_becomes_a_draw_of_the_posterior() -> None:
    z_mean, z_log_var, epsilon = np.array([[1.0, -2.0]]), np.array([[0.0, 2.0]]), [[0.5, -1.0]]
    given = (keras.ops.cast(values, "float32") for values in (z_mean, z_log_var, epsilon))
    np.testing.assert_allclose(reparameterise(*given), [[1.5, -2.0 - math.e]], rtol=1e-6)


def test_the_kl_term_of_a_gaussian_posterior_is_exact_whatever_the_noise() -> None:
    model, images = plain(), random_images((8, 8, 1))
    expected = kl_per_dimension(*(np.asarray(values) for values in model.encoder(images)))
    for seed in (0, 1):
        epsilon = keras.random.normal((3, 2), seed=seed)
        np.testing.assert_allclose(model(images, epsilon)["kl"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("flow", [(), ({"layer": "InverseAutoregressive", "units": 8},) * 2])
def test_several_draws_of_an_image_are_each_as_one_alone(flow: Any) -> None:
    model, images = plain(flow=flow), random_images((8, 8, 1))
    epsilon = keras.random.normal((3, 4000, 2), seed=0)
    often = {name: np.asarray(values) for name, values in model.draw_often(images, epsilon).items()}
    kl = often.pop("kl").reshape(3, 4000, 2)
    for draw in (0, 7):
        alone = model(images, epsilon[:, draw])
        for name, values in often.items():
            np.testing.assert_allclose(values[draw::4000], alone[name], rtol=1e-4, atol=1e-5)
        if flow:
            np.testing.assert_allclose(kl[:, draw], alone["kl"], rtol=1e-4, atol=1e-5)
    if not flow:  # exact for one draw, sampled here
        np.testing.assert_allclose(kl.mean(axis=1), model(images)["kl"], atol=0.1)


def test_residual_adds_what_its_layers_give() -> None:
    triple = Residual([{"layer": "Dense", "units": 3, "kernel_initializer": "identity"}] * 2)
    x = np.array([[1.0, -2.0, 3.0]], np.float32)
    np.testing.assert_allclose(triple(x), 2 * x)
    kernel = triple.layers[0].kernel
    kernel.assign(2 * kernel.numpy())
    np.testing.assert_allclose(triple(x), 3 * x)


def test_residuals_nest() -> None:
    identity = {"layer": "Dense", "units": 2, "kernel_initializer": "identity"}
    layer = Residual([{"layer": "Residual", "layers": [identity]}])
    np.testing.assert_allclose(layer(np.ones((1, 2), np.float32)), 3.0)


RICH = {
    "encoder": [
        {"layer": "Conv2D", "filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"layer": "BatchNormalization"},
        {"layer": "LeakyReLU"},
        FLATTEN,
        {"layer": "Residual", "layers": [{"layer": "Dense", "units": 64}]},
        {"layer": "Dropout", "rate": 0.5},
    ],
    "decoder": [
        {"layer": "Dense", "units": 16},
        {"layer": "LayerNormalization"},
        {"layer": "Reshape", "target_shape": [4, 4, 1]},
        {"layer": "UpSampling2D"},
    ],
    "head": {"layer": "Conv2D", "kernel_size": 3, "padding": "same"},
}


def shake(model: VAE) -> None:
    """Move every weight away from its initial value, so that a lost weight is noticed."""
    random = np.random.default_rng(2)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(weight.numpy() + random.uniform(0.0, 0.3, weight.shape))


@pytest.mark.parametrize(
    "likelihood",
    [{}, {"likelihood": "gaussian"}, {"likelihood": "gaussian", "sigma": 0.2}],
    ids=["bernoulli", "learned sigma", "fixed sigma"],
)
def test_a_saved_model_comes_back_the_same_without_help(
    tmp_path: Path, likelihood: dict[str, Any]
) -> None:
    model = VAE(recipe_from_json({**RICH, **likelihood}), (8, 8, 3), 5, seed=3)
    shake(model)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert isinstance(again, VAE)
    assert again.get_config() == model.get_config()
    images, z = random_images((8, 8, 3), 10), random_images((5,), 10)
    for one, other in zip(model.encoder(images), again.encoder(images), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.decoder(z), again.decoder(z))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder": [{"layer": "Dense", "unitz": 3}]}, ["Dense", "unitz"]),
        ({"encoder": [{"layer": "Dense", "units": "x"}]}, ["Dense", "units"]),
        ({"encoder": [{**DENSE, "activation": "nosuch"}]}, ["Dense", "nosuch"]),
        (
            {"encoder": [FLATTEN, {"layer": "Conv2D", "filters": 3, "kernel_size": 3}]},
            ["Conv2D", "(None, 64)"],
        ),
        ({"encoder": [{"layer": "MaxPooling2D", "pool_size": 50}]}, ["MaxPooling2D", "50"]),
        ({"encoder": [{"layer": "Reshape", "target_shape": [3, 3]}]}, ["Reshape", "(3, 3)"]),
        ({"encoder": [{"layer": "Reshape", "target_shape": "abc"}]}, ["encoder"]),
        ({"encoder": [FLATTEN, {"layer": "Residual", "layers": [DENSE]}]}, ["Residual", "64", "8"]),
        ({"encoder": [{"layer": "Residual"}]}, ["Residual", "layers"]),
        ({"encoder": [{"layer": "Flatten", "name": "image"}]}, ["encoder", "image"]),
        ({"head": {"layer": "Conv2D", "kernel_size": 3}}, ["Conv2D", "(None, 8)"]),
        ({"head": {"layer": "Flatten"}}, ["Flatten", "filters"]),
        (
            {"head": {"layer": "Dense", "activation": "nosuch"}, "likelihood": "gaussian"},
            ["Dense", "nosuch"],
        ),
        ({"flow": [{**STEP, "units": 0}]}, ["Autoregressive", "1 unit or more", "0"]),
        ({"flow": [{**STEP, "units": "8"}]}, ["Autoregressive", "1 unit or more", "'8'"]),
    ],
)
def test_a_recipe_that_keras_cannot_build_gets_a_sentence(
    change: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(RecipeError) as error:
        plain(**change)
    text = str(error.value)
    assert "\n" not in text
    assert "\x1b" not in text
    for word in words:
        assert word in text


GRID = [{"layer": "Dense", "units": 9}, {"layer": "Reshape", "target_shape": [3, 3, 1]}]


def test_a_dense_head_reads_all_that_convolutions_give() -> None:
    model = plain(decoder=GRID)
    assert model.decoder.output_shape == (None, 8, 8, 1)
    assert model.decoder.layers[-2].kernel.shape == (9, 64)


def test_a_decoder_of_another_shape_gets_a_sentence() -> None:
    with pytest.raises(RecipeError) as error:
        plain(decoder=GRID, head={"layer": "Conv2D", "kernel_size": 3})
    assert "(8, 8, 1)" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_grid_that_does_not_divide_the_image_gets_a_sentence() -> None:
    grid = {"layer": "Grid", "downscale": 3, "filters": 2}
    head = {"layer": "Conv2DTranspose", "kernel_size": 3, "strides": 3}
    with pytest.raises(RecipeError, match=r"makes images of shape \(6, 6, 1\); .* \(8, 8, 1\)"):
        plain(decoder=[grid], head=head)


def test_a_recipe_cannot_smuggle_in_code() -> None:
    smuggled = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA"}}
    with pytest.raises(RecipeError, match="disallowed"):
        plain(encoder=[{**DENSE, "activation": smuggled}])
    system = {"class_name": "function", "module": "os", "config": "system"}
    with pytest.raises(RecipeError, match="Dense does not take"):
        plain(encoder=[{**DENSE, "activation": system}])
