"""Objectives for independent dimensions, where the dependence is known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from explorer.core.information import kl_parts
from explorer.recipes.recipe import recipe_from_json
from explorer.training.independence import (
    build_discriminator,
    discriminator_loss,
    kl_parts_of_batch,
    log_ratio,
)
from explorer.training.loop import train
from explorer.training.run import Run, TrainingError
from explorer.training.vae import VAE

SMALL: dict[str, Any] = {  # with a convolution over the whole image: not compiled by XLA
    "encoder": [{"layer": "Conv2D", "filters": 16, "kernel_size": 8, "activation": "relu"}],
    "decoder": [{"layer": "Dense", "units": 32, "activation": "relu"}],
    "head": {"layer": "Dense"},
    "batch_size": 100,
    "learning_rate": 5e-3,
    "epochs": 25,
}
TC = {"name": "tc", "weight": 20.0}
FACTOR: dict[str, Any] = {
    "name": "factor",
    "gamma": 20.0,
    "layers": [{"layer": "Dense", "units": 32, "activation": "relu"}],
}


def random_latents(count: int, correlation: float) -> np.ndarray:
    """Return normal pairs ``(n, 2)``, float32, of a total correlation of −½ log(1 − ρ²)."""
    covariance = [[1.0, correlation], [correlation, 1.0]]
    draws = np.random.default_rng(0).multivariate_normal([0.0, 0.0], covariance, count)
    return draws.astype(np.float32)


def test_the_parts_of_a_batch_are_those_of_its_posteriors() -> None:
    """The same draws in another order: ``kl_parts`` chooses its images at random."""
    z_mean = random_latents(80, 0.8)
    z_log_var = np.linspace(-3, -1, 160, dtype=np.float32).reshape(80, 2)
    expected = kl_parts(z_mean, z_log_var, 80, seed=5)
    generator = np.random.default_rng(5)
    rows = generator.choice(80, 80, replace=False)
    z_mean, z_log_var = z_mean[rows], z_log_var[rows]
    z = z_mean + np.exp(0.5 * z_log_var) * generator.standard_normal((80, 2))
    found = kl_parts_of_batch(z.astype(np.float32), z_mean, z_log_var)
    for part, estimate in zip(found, vars(expected).values(), strict=True):
        assert float(np.mean(part)) == pytest.approx(estimate.value, abs=1e-4)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_a_discriminator_learns_the_total_correlation(correlation: float) -> None:
    keras.utils.set_random_seed(0)
    recipe = recipe_from_json({**SMALL, "objective": FACTOR})
    discriminator = build_discriminator(recipe, 2)
    assert discriminator is not None
    optimizer = keras.optimizers.Adam(0.01)
    variables = discriminator.trainable_variables

    def step(z: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(discriminator_loss(discriminator, z))
        optimizer.apply(tape.gradient(loss, variables), variables)

    optimizer.build(variables)
    compiled = tf.function(step)
    for batch in random_latents(300 * 256, correlation).reshape(300, 256, 2):
        compiled(tf.constant(batch))
    found = float(np.mean(log_ratio(discriminator, random_latents(5000, correlation))))
    assert found == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.1)


def test_model_and_discriminator_learn_each_from_its_own_term() -> None:
    discriminator = build_discriminator(recipe_from_json({**SMALL, "objective": FACTOR}), 2)
    assert discriminator is not None
    z = tf.Variable(random_latents(50, 0.9))
    with tf.GradientTape(persistent=True) as tape:
        ratio = tf.reduce_sum(log_ratio(discriminator, z))
        loss = tf.reduce_sum(discriminator_loss(discriminator, z))
    variables = discriminator.trainable_variables
    assert all(gradient is None for gradient in tape.gradient(ratio, variables))
    assert tape.gradient(ratio, z) is not None
    assert tape.gradient(loss, z) is None
    assert all(gradient is not None for gradient in tape.gradient(loss, variables))


def run_of(objective: dict[str, Any] | None) -> Run:
    recipe = recipe_from_json({**SMALL, "objective": objective})
    return Run(recipe, (8, 8, 1), latent_dim=2, seed=0, train_sha256="0" * 64)


def correlated_pictures() -> np.ndarray:
    """Return 2,000 pictures of two halves with correlated brightnesses."""
    brightness = 1 / (1 + np.exp(-2 * random_latents(2000, 0.8)))
    images = brightness.reshape(2000, 2, 1, 1).repeat(4, axis=1).repeat(8, axis=2)
    return np.asarray(255 * images, np.uint8)


def test_each_part_of_the_kl_gets_its_weight() -> None:
    images = correlated_pictures()[:50] / np.float32(255)
    model = VAE(run_of({**TC, "information": 3.0}).recipe, (8, 8, 1), 2)
    outputs = model(images)
    information, total_correlation, _ = kl_parts_of_batch(
        outputs["z"], outputs["z_mean"], outputs["z_log_var"]
    )
    found = model.objective(1.0, outputs["kl"].numpy().sum(axis=1), outputs)
    expected = 1 + outputs["kl"].numpy().sum(axis=1) + 2 * information + 19 * total_correlation
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_discriminator_makes_dimensions_less_dependent(tmp_path: Path) -> None:
    images = correlated_pictures()
    found = []
    for objective in (None, FACTOR):
        trained = train(run_of(objective), images, checkpoints=tmp_path)
        terms = {name: values[-1] for name, values in trained.history.items()}
        assert terms["neg_elbo"] == pytest.approx(terms["reconstruction"] + terms["kl"])
        z_mean, z_log_var = trained.model.encoder.predict(images / 255.0, verbose=0)
        found.append(kl_parts(z_mean, z_log_var, 1000, seed=0).total_correlation.value)
    plain, penalised = found
    assert penalised < 0.5 * plain


def test_more_dimensions_than_images_in_a_batch_are_refused(tmp_path: Path) -> None:
    run = replace(run_of(FACTOR), latent_dim=9)
    with pytest.raises(TrainingError, match="batches of 8 images are too small"):
        train(run, correlated_pictures()[:8], checkpoints=tmp_path)


def test_several_devices_are_refused(tmp_path: Path) -> None:
    class Two:
        num_replicas_in_sync = 2

    strategy: Any = Two()
    with pytest.raises(TrainingError, match="train on one device"):
        train(run_of(TC), correlated_pictures(), checkpoints=tmp_path, strategy=strategy)
