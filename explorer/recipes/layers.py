"""Shorthands for the layers of this package's recipes."""

from __future__ import annotations

from typing import Any

from explorer.recipes.recipe import Layer


def dense(units: int, activation: str | None = "relu") -> Layer:
    """A dense layer with a bias."""
    return {"layer": "Dense", "units": units, "activation": activation}


def conv(
    filters: int, kernel_size: int = 3, strides: int = 1, activation: str | None = "relu"
) -> Layer:
    """A convolution that keeps the size if ``strides`` is 1."""
    return {
        "layer": "Conv2D",
        "filters": filters,
        "kernel_size": kernel_size,
        "strides": strides,
        "padding": "same",
        "activation": activation,
    }


def transposed(*arguments: Any) -> Layer:
    """A transposed convolution; arguments are those of ``conv``."""
    return {**conv(*arguments), "layer": "Conv2DTranspose"}


def residual(units: int) -> Layer:
    """x + dense(x)."""
    return {"layer": "Residual", "layers": [dense(units)]}


def residual_conv(filters: int) -> Layer:
    """x + convolution(x); ``filters`` must equal the number of x's channels."""
    return {"layer": "Residual", "layers": [conv(filters)]}


def reshape(*shape: int) -> Layer:
    """A layer that reshapes its input to this shape."""
    return {"layer": "Reshape", "target_shape": shape}


def grid(downscale: int, filters: int) -> Layer:
    """The dense layer that a decoder's convolutions start from, reshaped to a grid."""
    return {"layer": "Grid", "downscale": downscale, "filters": filters, "activation": "relu"}


def autoregressive(units: int) -> Layer:
    """A step of an inverse autoregressive flow."""
    return {"layer": "InverseAutoregressive", "units": units}


FLATTEN: Layer = {"layer": "Flatten"}
POOL: Layer = {"layer": "MaxPooling2D"}
UPSAMPLE: Layer = {"layer": "UpSampling2D"}
DENSE_HEAD: Layer = {"layer": "Dense"}
DROPOUT: Layer = {"layer": "Dropout", "rate": 0.2}
LEAKY: Layer = {"layer": "LeakyReLU", "negative_slope": 0.3}
