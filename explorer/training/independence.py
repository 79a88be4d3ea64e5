"""Penalties added to the −ELBO in training so that latent dimensions become independent.

Both add total correlation, KL(q(z) ‖ Π q(zⱼ)), and differ in how it is estimated from a batch:
by the posteriors of all its images, or by a discriminator that is trained with the model.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from explorer.core.elbo import LOG_2PI, gaussian_log_density, normal_log_density
from explorer.recipes.recipe import DensityRatio, Independence, Recipe, TotalCorrelation
from explorer.training.layers import apply_layers, recipe_errors


def penalty(
    objective: Independence, outputs: dict[str, Any], discriminator: keras.Model | None
) -> Any:
    """The penalty that an objective adds for each image of a batch, nats, ``(n,)``.

    Args:
        objective: objective of the recipe.
        outputs: outputs of the VAE: ``z``, ``z_mean`` and ``z_log_var``.
        discriminator: the discriminator, for a density ratio.
    """
    z = outputs["z"]
    if isinstance(objective, TotalCorrelation):
        weights = objective.information, objective.weight, objective.dimension_wise
        parts = kl_parts_of_batch(z, outputs["z_mean"], outputs["z_log_var"])
        return sum((weight - 1.0) * part for weight, part in zip(weights, parts, strict=True))
    assert discriminator is not None
    return objective.gamma * log_ratio(discriminator, z) + discriminator_loss(discriminator, z)


def kl_parts_of_batch(z: Any, z_mean: Any, z_log_var: Any) -> tuple[Any, Any, Any]:
    """The three parts of each image's KL at one draw, nats, ``(n,)`` each.

    Mutual information, total correlation and dimension-wise KL as in ``core.information``, with
    the mixture of the batch's posteriors for q(z). Chen et al. 2018 estimate log q(z) by
    minibatch-weighted sampling (appendix C.1), which also subtracts log N for N training images:
    the gradients are the same.

    Args:
        z: a draw from each image's posterior, ``(n, latent_dim)``.
        z_mean, z_log_var: means and log-variances of those posteriors, ``(n, latent_dim)``.
    """
    mean, log_var = z_mean[None], z_log_var[None]
    squares = ops.square(z[:, None] - mean) * ops.exp(-log_var)
    log_density = -0.5 * (LOG_2PI + log_var + squares)  # (draw, posterior, dimension)
    log_n = ops.log(ops.cast(ops.shape(z)[0], "float32"))
    own = gaussian_log_density(z, z_mean, z_log_var, ops=ops)
    joint = ops.logsumexp(ops.sum(log_density, axis=-1), axis=1) - log_n
    each = ops.sum(ops.logsumexp(log_density, axis=1) - log_n, axis=-1)
    prior = ops.sum(normal_log_density(z, ops=ops), axis=-1)
    return own - joint, joint - each, each - prior


@recipe_errors("the discriminator cannot be built")
def build_discriminator(recipe: Recipe, latent_dim: int) -> keras.Model | None:
    """Latents ``(n, latent_dim)`` → log-odds that their dimensions belong together, ``(n, 1)``."""
    if not isinstance(recipe.objective, DensityRatio):
        return None
    z = keras.Input((latent_dim,), name="z")
    log_odds = keras.layers.Dense(1, name="log_odds")(apply_layers(recipe.objective.layers, z))
    return keras.Model(z, log_odds, name="discriminator")


def log_ratio(discriminator: keras.Model, z: Any) -> Any:
    """log q(z) − Σ log q(zⱼ) by the discriminator, nats, ``(n,)``: Kim & Mnih 2018, eq. 3.

    Its mean is the total correlation. The discriminator's weights get no gradient from it.
    """
    weights = [ops.stop_gradient(variable) for variable in discriminator.trainable_variables]
    log_odds, _ = discriminator.stateless_call(weights, discriminator.non_trainable_variables, z)
    return log_odds[:, 0]


def discriminator_loss(discriminator: keras.Model, z: Any) -> Any:
    """What the discriminator minimises: cross-entropy of draws and permuted draws, nats, ``(n,)``.

    Batches come in random order, so draws are permuted (Kim & Mnih 2018, algorithm 1) by rolling
    each dimension by a different number of images. The draws get no gradient from it.
    """
    z = ops.stop_gradient(z)
    moved = [ops.roll(z[:, j], j, axis=0) for j in range(z.shape[1])]
    permuted = ops.stack(moved, axis=1)
    losses = ops.softplus(-discriminator(z)) + ops.softplus(discriminator(permuted))
    return 0.5 * losses[:, 0]
