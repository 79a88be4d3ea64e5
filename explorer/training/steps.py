"""The compiled functions that training runs: steps on batches, and the terms of held-out images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from explorer.core.elbo import importance_weighted
from explorer.recipes.recipe import Layer
from explorer.training.batches import as_written
from explorer.training.vae import VAE


def compile_steps(
    model: VAE, strategy: tf.distribute.Strategy, batch_size: int
) -> Callable[[Any, int, int], tf.Tensor]:
    """Compile the function that takes ``count`` steps with ``draws`` samples of z for each image.

    It returns the sums of reconstruction and KL term over all their images, nats, ``(2,)``.
    """
    compiled = tf.function(jit_compile=_is_dense(model), autograph=False)
    variables = model.trainable_variables
    posterior = [variable for variable in variables if model.is_of_posterior(variable)]
    augmentation = model.recipe.augmentation
    copies = augmentation.copies if augmentation else 1

    def gradients(
        images: tf.Tensor, noise: tf.Tensor, draws: int, variables: list[Any]
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        with tf.GradientTape() as tape:
            if draws == 1:
                outputs = model(images, noise[:, 0], training=True)
            else:
                outputs = model.draw_often(images, noise, training=True)
                images = tf.repeat(images, draws, axis=0)
            reconstruction, kl = model.elbo_terms(images, outputs)
            losses = model.objective(reconstruction, kl, outputs)
            if draws > 1:
                losses = importance_weighted(losses, draws, ops=keras.ops)
            loss = tf.reduce_sum(losses) / batch_size
            if variables is not posterior:  # once per step
                loss += sum(model.losses) / strategy.num_replicas_in_sync  # layers' regularisers
        sums = tf.stack([tf.reduce_sum(reconstruction), tf.reduce_sum(kl)]) / draws
        return tape.gradient(loss, variables), sums

    @compiled
    def all_gradients(
        images: tf.Tensor, noise: tf.Tensor, draws: int
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Gradients for the images, plus the encoder's for the changed ones that follow them."""
        n = batch_size // strategy.num_replicas_in_sync
        computed, sums = gradients(images[:n], noise[:n], draws, variables)
        if copies > 1:
            more = iter(gradients(images[n:], noise[n:], draws, posterior)[0])
            computed = [
                gradient + next(more) if model.is_of_posterior(variable) else gradient
                for variable, gradient in zip(variables, computed, strict=True)
            ]
        return computed, sums

    @as_written
    def step(images: tf.Tensor, noise: tf.Tensor, draws: int) -> tf.Tensor:
        computed, sums = all_gradients(images, noise, draws)
        model.optimizer.apply(computed, variables)  # sums over replicas
        return sums

    if strategy.num_replicas_in_sync == 1:
        step = compiled(step)  # XLA cannot compile communication between replicas

    @tf.function
    def run_steps(batches: Any, count: tf.Tensor, draws: int) -> tf.Tensor:
        totals = tf.zeros(2)
        for _ in tf.range(count):
            sums = strategy.run(step, (*next(batches), draws))
            totals += strategy.reduce("SUM", sums, axis=None)
        return totals

    return lambda batches, count, draws: run_steps(batches, tf.constant(count), draws)


def compile_validation(model: VAE) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Compile the function that sums both terms over images with one draw each, nats, ``(2,)``."""

    @tf.function(jit_compile=False, reduce_retracing=True, autograph=False)
    def validate(images: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        reconstruction, kl = model.elbo_terms(images, model(images, noise))
        return tf.stack([tf.reduce_sum(reconstruction), tf.reduce_sum(kl)])

    compiled: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = validate
    return compiled


def _is_dense(model: VAE) -> bool:
    """Whether the model has no convolutions: on the CPU, XLA speeds up matrix products only."""

    def has_convolution(layer: Layer) -> bool:
        return "Conv" in layer["layer"] or any(map(has_convolution, layer.get("layers", ())))

    recipe = model.recipe
    return not any(map(has_convolution, (*recipe.encoder, *recipe.decoder, recipe.head)))
