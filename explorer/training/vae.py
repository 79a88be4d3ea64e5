"""The variational autoencoder: a Keras model built from a recipe.

Source: Kingma & Welling 2014, "Auto-Encoding Variational Bayes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from explorer.core.elbo import (
    LOG_VAR_LIMIT,
    kl_per_dimension,
    normal_log_density,
    sampled_kl_per_dimension,
)
from explorer.core.likelihoods import LIKELIHOODS, Likelihood, log_likelihood
from explorer.core.refinement import refine
from explorer.recipes.recipe import Independence, Recipe, RecipeError, recipe_from_json
from explorer.training.independence import build_discriminator, penalty
from explorer.training.layers import (
    GaussianParameters,
    InverseAutoregressive,
    apply_layer,
    apply_layers,
    recipe_errors,
)


@recipe_errors("the encoder cannot be built")
def build_encoder(recipe: Recipe, image_shape: tuple[int, ...], latent_dim: int) -> keras.Model:
    """Images ``(n, h, w, c)`` in [0, 1] → ``z_mean``, ``z_log_var``, each ``(n, latent_dim)``.

    With a flow these describe the Gaussian before it; a third output is the recipe's context.
    """
    image = keras.Input(image_shape, name="image")
    features = apply_layers(recipe.encoder, image)
    if len(features.shape) > 2:
        features = keras.layers.Flatten()(features)
    z_mean = keras.layers.Dense(latent_dim, name="z_mean")(features)
    z_log_var = keras.layers.Dense(latent_dim, name="z_log_var_raw")(features)
    z_log_var = keras.layers.ReLU(  # a clip in one op that every runtime has
        max_value=2 * LOG_VAR_LIMIT, name="clip"
    )(z_log_var + LOG_VAR_LIMIT)
    z_log_var = keras.layers.Identity(name="z_log_var")(z_log_var - LOG_VAR_LIMIT)
    outputs = [z_mean, z_log_var]
    if recipe.context:
        outputs.append(keras.layers.Dense(recipe.context, name="context")(features))
    return keras.Model(image, outputs, name="encoder")


@recipe_errors("the flow cannot be built")
def build_flow(recipe: Recipe, latent_dim: int) -> keras.Model | None:
    """``[z]`` or ``[z, context]`` → z after all steps, and log |∂z/∂z₀| by dimension.

    Every other step takes the dimensions in reverse order, so that none is always the first.
    """
    if not recipe.flow:
        return None
    z = keras.Input((latent_dim,), name="z")
    inputs = [z, keras.Input((recipe.context,), name="context")] if recipe.context else [z]
    log_scales = []
    for index, spec in enumerate(recipe.flow):
        arguments = {key: value for key, value in spec.items() if key != "layer"}
        step = InverseAutoregressive(backwards=index % 2 == 1, **arguments)
        z, log_sigma = step([z, *inputs[1:]])
        log_scales.append(log_sigma)
    return keras.Model(inputs, [z, sum(log_scales)], name="flow")


@recipe_errors("the decoder cannot be built")
def build_decoder(recipe: Recipe, image_shape: tuple[int, ...], latent_dim: int) -> keras.Model:
    """Latents ``(n, latent_dim)`` → the likelihood's parameters (``explorer.core.likelihoods``)."""
    height, width, channels = image_shape
    likelihood = LIKELIHOODS[recipe.likelihood]
    outputs = channels * (1 if likelihood.has_sigma else len(likelihood.parameters))
    z = keras.Input((latent_dim,), name="z")
    features = apply_layers(recipe.decoder_layers(image_shape), z)
    head = dict(recipe.head)
    if any(likelihood.start):
        head.setdefault("bias_initializer", _start_of(likelihood, channels))
    if head["layer"] == "Dense":
        if len(features.shape) > 2:
            features = keras.layers.Flatten()(features)
        values = apply_layer({**head, "units": height * width * outputs}, features)
        values = keras.layers.Reshape((height, width, outputs))(values)
    else:
        values = apply_layer({**head, "filters": outputs}, features)
    if tuple(values.shape[1:]) != (height, width, outputs):
        raise RecipeError(
            f"the decoder makes images of shape {(*values.shape[1:3], channels)}; "
            f"the data set's are {tuple(image_shape)}"
        )
    if likelihood.has_sigma:
        values = GaussianParameters(recipe.sigma)(values)
    return keras.Model(z, values, name="decoder")


def _start_of(likelihood: Likelihood, channels: int) -> Callable[..., Any]:
    """The initial bias of a head: ``start`` in every pixel."""

    def initial(shape: tuple[int, ...], dtype: Any = None) -> Any:
        return ops.cast(np.resize(np.repeat(likelihood.start, channels), shape), dtype)

    return initial


@keras.saving.register_keras_serializable("explorer")
class VAE(keras.Model):
    """A variational autoencoder that trains with plain ``fit`` on images alone.

    Args:
        recipe: the architecture, as a ``Recipe`` or its JSON values.
        image_shape: ``(height, width, channels)``.
        latent_dim: dimensions of the latent space.
        seed: seed for the reparameterisation noise.

    ``kl_warmup_steps`` is set by the caller, who knows the length of the run.

    Metrics, nats per image: ``reconstruction`` (−log p(x|z), one sample),
    ``kl``, and ``neg_elbo``, their sum. The loss is the same with the KL term weighted by
    ``beta`` and its warm-up, and with what the recipe's ``objective`` adds; a bound from
    several samples is computed by ``explorer.training.loop``, not by ``fit``.
    """

    def __init__(
        self,
        recipe: Recipe | Mapping[str, Any],
        image_shape: Iterable[int],
        latent_dim: int,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.recipe = recipe if isinstance(recipe, Recipe) else recipe_from_json(recipe)
        self.image_shape = tuple(image_shape)
        self.latent_dim = latent_dim
        self.seed = seed
        self.encoder = build_encoder(self.recipe, self.image_shape, latent_dim)
        self.flow = build_flow(self.recipe, latent_dim)
        self.decoder = build_decoder(self.recipe, self.image_shape, latent_dim)
        self.discriminator = build_discriminator(self.recipe, latent_dim)
        self.noise = keras.random.SeedGenerator(seed)
        self.kl_warmup_steps = 0
        self.terms = {
            name: keras.metrics.Mean(name) for name in ("reconstruction", "kl", "neg_elbo")
        }
        self.built = True

    def is_of_posterior(self, variable: Any) -> bool:
        """Whether a variable belongs to q(z|x): to the encoder or the flow."""
        parts = self.encoder, self.flow
        return any(variable is v for part in parts if part for v in part.trainable_variables)

    def call(self, images: Any, epsilon: Any = None, training: bool = False) -> dict[str, Any]:
        """Encode, sample and decode images ``(n, h, w, c)`` in [0, 1].

        Args:
            images: in [0, 1].
            epsilon: standard normal noise ``(n, latent_dim)``; None draws it.
            training: whether layers like dropout are active.

        Returns:
            ``kl``, by dimension ``(n, latent_dim)``: exact, or at one draw where there is
            a flow; ``parameters`` of the likelihood; the draw ``z``, and ``z_mean`` and
            ``z_log_var`` of the Gaussian, ``(n, latent_dim)`` each.
        """
        encoded = self.encoder(images, training=training)
        if epsilon is None:
            epsilon = keras.random.normal(ops.shape(encoded[0]), seed=self.noise)
        return self._draw(encoded, epsilon, training, exact_kl=self.flow is None)

    def draw_often(self, images: Any, epsilon: Any, training: bool = False) -> dict[str, Any]:
        """Return what ``call`` returns, for several draws from the posterior of each image.

        Args:
            images: ``(n, h, w, c)`` in [0, 1].
            epsilon: standard normal noise ``(n, draws, latent_dim)``.
            training: whether layers like dropout are active.

        Returns:
            As ``call``, with ``n · draws`` rows, image after image, and the KL term of each draw.
        """
        draws = epsilon.shape[1]
        encoded = self.encoder(images, training=training)
        encoded = [ops.repeat(output, draws, axis=0) for output in encoded]
        epsilon = ops.reshape(epsilon, (-1, self.latent_dim))
        return self._draw(encoded, epsilon, training, exact_kl=False)

    def _draw(
        self, encoded: list[Any], epsilon: Any, training: bool, *, exact_kl: bool
    ) -> dict[str, Any]:
        z_mean, z_log_var, *context = encoded
        z, log_scale = reparameterise(z_mean, z_log_var, epsilon), 0.0
        if self.flow is not None:
            z, log_scale = self.flow([z, *context], training=training)
        if exact_kl:
            kl = kl_per_dimension(z_mean, z_log_var, ops=ops)
        else:
            kl = sampled_kl_per_dimension(epsilon, z_log_var, z, log_scale, ops=ops)
        parameters = self.decoder(z, training=training)
        return {
            "kl": kl, "parameters": parameters, "z": z, "z_mean": z_mean, "z_log_var": z_log_var,
        }  # fmt: skip

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The objective averaged over the batch, nats per image."""
        reconstruction, kl = self.elbo_terms(x, y_pred)
        self.terms["reconstruction"].update_state(reconstruction)
        self.terms["kl"].update_state(kl)
        self.terms["neg_elbo"].update_state(reconstruction + kl)
        return ops.mean(self.objective(reconstruction, kl, y_pred)) + sum(self.losses)

    def elbo_terms(self, images: Any, outputs: dict[str, Any]) -> tuple[Any, Any]:
        """Reconstruction and KL term of each image, nats, ``(n,)``, from what ``call`` returns."""
        log_px = log_likelihood(images, outputs["parameters"], self.recipe.likelihood, ops=ops)
        return -log_px, ops.sum(outputs["kl"], axis=-1)

    def objective(self, reconstruction: Any, kl: Any, outputs: dict[str, Any]) -> Any:
        """What training minimises, nats, ``(n,)``: the −ELBO with the KL term weighted, and more.

        The weight of the KL term is β, the recipe's ``objective`` may add a penalty, and the
        warm-up scales both.
        """
        weighted = self.recipe.beta * kl
        if isinstance(self.recipe.objective, Independence):
            weighted += penalty(self.recipe.objective, outputs, self.discriminator)
        if self.kl_warmup_steps:
            step = ops.cast(self.optimizer.iterations, "float32")
            weighted *= ops.minimum(1.0, step / self.kl_warmup_steps)
        return reconstruction + weighted

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The three terms; ``fit`` shows them without the loss, which warm-up distorts."""
        return {name: metric.result() for name, metric in self.terms.items()}

    def get_config(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "seed": self.seed,
        }


def build_refined(model: VAE) -> keras.Model:
    """Images → ``z_mean``, ``z_log_var``: the encoder with its recipe's steps of refinement."""
    if not model.recipe.refinement:
        return model.encoder
    image = keras.Input(model.image_shape, name="image")
    z_mean, z_log_var = model.encoder(image)
    refined = refine(
        image, z_mean, z_log_var, model.decoder, model.recipe.likelihood,
        model.recipe.refinement, ops=ops,
    )  # fmt: skip
    return keras.Model(image, refined, name="refined")


def build_posterior(model: VAE) -> keras.Model:
    """Image and noise ε → a draw z from q(z|x) and log q(z|x) by dimension.

    Both ``(n, latent_dim)``; the sum of the second over dimensions is log q(z|x), nats.
    """
    image = keras.Input(model.image_shape, name="image")
    epsilon = keras.Input((model.latent_dim,), name="epsilon")
    z_mean, z_log_var, *context = model.encoder(image)
    z = reparameterise(z_mean, z_log_var, epsilon)
    log_q = normal_log_density(epsilon, ops=ops) - 0.5 * z_log_var
    if model.flow is not None:
        z, log_scale = model.flow([z, *context])
        log_q = log_q - log_scale
    return keras.Model([image, epsilon], [z, log_q], name="posterior")


def reparameterise(z_mean: Any, z_log_var: Any, epsilon: Any) -> Any:
    """z = μ + σ ⊙ ε with ε ~ N(0, I): the reparameterisation trick, ``(n, latent_dim)``."""
    return z_mean + ops.exp(0.5 * z_log_var) * epsilon
