"""The layers of recipes: Keras's own, and those that are defined here."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from explorer.core.masks import autoregressive_masks
from explorer.recipes.recipe import Layer, RecipeError
from explorer.training.problems import reason


@keras.saving.register_keras_serializable("explorer")
class Residual(keras.layers.Layer):
    """x + f(x), with f the given layers; both must have the same shape."""

    def __init__(self, layers: Iterable[Layer], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.specs = [dict(layer) for layer in layers]
        self.layers = [build_layer(layer) for layer in self.specs]

    def build(self, input_shape: Any) -> None:
        shape = input_shape
        for layer in self.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        if tuple(shape) != tuple(input_shape):
            raise RecipeError(f"a Residual must keep its shape; got {input_shape} → {shape}")

    def call(self, x: Any) -> Any:
        y = x
        for layer in self.layers:
            y = layer(y)
        return x + y

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layers": self.specs}


@keras.saving.register_keras_serializable("explorer")
class GaussianParameters(keras.layers.Layer):
    """Appends one log-variance, shared by all pixels, to the means as further channels.

    Source: Rybkin et al. 2021, "Simple and Effective VAE Training with Calibrated Decoders".
    """

    def __init__(self, sigma: float | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sigma = sigma

    def build(self, input_shape: Any) -> None:
        start = -4.0 if self.sigma is None else 2.0 * math.log(self.sigma)
        self.log_var = self.add_weight(
            name="log_var",
            shape=(),
            initializer=keras.initializers.Constant(start),
            trainable=self.sigma is None,
        )

    def call(self, mean: Any) -> Any:
        return ops.concatenate([mean, ops.ones_like(mean) * self.log_var], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 2 * input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sigma": self.sigma}


@keras.saving.register_keras_serializable("explorer")
class InverseAutoregressive(keras.layers.Layer):
    """A step of an inverse autoregressive flow: z → σ ⊙ z + (1 − σ) ⊙ m.

    m and σ of a dimension come from a masked network with one hidden layer that sees
    the context and the dimensions before this one. So the Jacobian is triangular with
    σ on its diagonal.

    Args:
        units: size of the hidden layer.
        activation: activation of the hidden layer.
        backwards: take the dimensions from last to first.

    Source: Kingma et al. 2016, "Improved Variational Inference with Inverse
    Autoregressive Flow", eqs. 13 and 14.
    """

    def __init__(
        self, units: int, activation: str = "elu", backwards: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(units, int) or units < 1:
            raise RecipeError(f"InverseAutoregressive takes 1 unit or more, not {units!r}")
        self.units, self.backwards = units, backwards
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Any) -> None:
        latent_dim, context = input_shape[0][-1], sum(shape[-1] for shape in input_shape[1:])
        into, out = autoregressive_masks(latent_dim, self.units, context, backwards=self.backwards)
        self.masks = into, np.concatenate([out, out], axis=1)
        self.hidden_kernel = self.add_weight(name="hidden_kernel", shape=into.shape)
        self.hidden_bias = self.add_weight(
            name="hidden_bias", shape=(self.units,), initializer="zeros"
        )
        self.kernel = self.add_weight(name="kernel", shape=(self.units, 2 * latent_dim))
        self.bias = self.add_weight(name="bias", shape=(2 * latent_dim,), initializer=_open_gates)

    def call(self, inputs: Any) -> Any:
        """``[z]`` or ``[z, context]`` → the new z and log σ, each ``(n, latent_dim)``."""
        z, (into, out) = inputs[0], self.masks
        hidden = ops.matmul(ops.concatenate(inputs, axis=-1), self.hidden_kernel * into)
        hidden = self.activation(hidden + self.hidden_bias)
        m, s = ops.split(ops.matmul(hidden, self.kernel * out) + self.bias, 2, axis=-1)
        sigma = ops.sigmoid(s)
        return sigma * z + (1.0 - sigma) * m, -ops.softplus(-s)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0], input_shape[0]

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.activation)
        own = {"units": self.units, "activation": activation, "backwards": self.backwards}
        return {**super().get_config(), **own}


def build_layer(spec: Layer) -> keras.layers.Layer:
    """Make the Keras layer that a recipe names.

    Raises:
        RecipeError: Keras does not take the arguments.
    """
    arguments = {key: value for key, value in spec.items() if key != "layer"}
    kind = Residual if spec["layer"] == "Residual" else getattr(keras.layers, spec["layer"])
    with recipe_errors(f"{spec['layer']} does not take {arguments}"):
        return kind(**arguments)


def apply_layers(layers: Iterable[Layer], x: Any) -> Any:
    """Apply the layers of a recipe one after the other."""
    for spec in layers:
        x = apply_layer(spec, x)
    return x


def apply_layer(spec: Layer, x: Any) -> Any:
    """Apply one layer of a recipe.

    Raises:
        RecipeError: it does not fit the shape of ``x``.
    """
    layer = build_layer(spec)
    with recipe_errors(f"{spec['layer']} cannot follow a shape of {x.shape}"):
        return layer(x)


@contextlib.contextmanager
def recipe_errors(problem: str) -> Iterator[None]:
    """Turn any error that Keras raises for a wrong recipe into a RecipeError."""
    try:
        yield
    except RecipeError:
        raise
    except Exception as error:  # Keras's and TensorFlow's errors share no base class
        raise RecipeError(f"{problem}: {reason(error)}") from error


def _open_gates(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """0 for m and 2 for s: a step starts by keeping most of z, as Kingma et al. advise."""
    half = shape[0] // 2
    return ops.concatenate([ops.zeros(half, dtype), 2.0 * ops.ones(half, dtype)])
