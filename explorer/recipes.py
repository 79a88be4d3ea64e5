"""Recipes: everything that defines a training run except the data, as plain data.

A layer is a dictionary: the name of a Keras layer and its arguments, as in
``{"layer": "Dense", "units": 512, "activation": "relu"}``. ``Residual`` is the
one addition: it adds the result of its inner layers to their input. A sixth
recipe is one more entry in ``RECIPES``, or a JSON file with the same fields
given to ``train.py --recipe``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from explorer.elbo import LikelihoodName

Layer = Mapping[str, Any]

LAYERS = frozenset({
    "Activation", "AveragePooling2D", "BatchNormalization", "Conv2D", "Conv2DTranspose", "Dense",
    "Dropout", "Flatten", "GaussianNoise", "LayerNormalization", "LeakyReLU", "MaxPooling2D",
    "Reshape", "Residual", "UpSampling2D",
})  # fmt: skip


class RecipeError(ValueError):
    """A recipe that cannot be used; the message says what was expected."""


class Recipe(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """An architecture with its likelihood, optimiser and schedule.

    Attributes:
        summary: one line for a person.
        encoder: layers from the image ``(height, width, channels)`` to the
            features from which two linear heads read ``z_mean`` and ``z_log_var``.
        decoder: layers from ``z`` to the features from which ``head`` reads
            the likelihood's parameters.
        head: the last layer of the decoder, without its size, which follows
            from the image and the likelihood.
        likelihood: ``bernoulli`` (grey values read as probabilities) or ``gaussian``.
        sigma: standard deviation of the Gaussian likelihood, in units of the
            pixel range [0, 1]; None learns one for all pixels.
        beta: weight of the KL term (Higgins et al. 2017); 1 is the ELBO.
        kl_warmup: fraction of all steps over which that weight grows from 0.
        epochs: passes over the training set.
        batch_size: images in a step.
        learning_rate: of Adam, at its highest.
        schedule: ``cosine`` decays the learning rate to 0 over the run.
        warmup_steps: steps over which the learning rate grows from 0.
    """

    summary: str = ""
    encoder: tuple[Layer, ...]
    decoder: tuple[Layer, ...]
    head: Layer
    likelihood: LikelihoodName = "bernoulli"
    sigma: PositiveFloat | None = None
    beta: NonNegativeFloat = 1.0
    kl_warmup: float = Field(0.0, ge=0.0, le=1.0)
    epochs: PositiveInt = 30
    batch_size: PositiveInt = 128
    learning_rate: PositiveFloat = 1.5e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: NonNegativeInt = 500

    @field_validator("encoder", "decoder")
    @classmethod
    def _know_every_layer(cls, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        for layer in layers:
            _check_layer(layer)
        return layers

    @field_validator("head")
    @classmethod
    def _know_the_head(cls, head: Layer) -> Layer:
        _check_layer(head)
        return head


def recipe_from_json(values: Any) -> Recipe:
    """Build a recipe from JSON values.

    Raises:
        RecipeError: a field is missing, unknown or has a bad value.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"the recipe is not usable: {first_problem(error)}") from error


def override(recipe: Recipe, **changes: Any) -> Recipe:
    """The recipe with some fields changed; None leaves a field as it is.

    Raises:
        RecipeError: a value is out of range.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    return recipe_from_json({**recipe.model_dump(), **given})


def first_problem(error: ValidationError) -> str:
    """The first thing a validation found, as ``field: what is wrong``."""
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def find_recipe(name: str | None, latent_dim: int) -> tuple[str, Recipe]:
    """The recipe of that name or JSON file; without a name, the best for the dimension.

    Returns:
        The recipe's name and the recipe.

    Raises:
        RecipeError: there is no such recipe, or the file does not hold one.
    """
    if name is None:
        name = "residual" if latent_dim <= 3 else "residual-wide"
    if name in RECIPES:
        return name, RECIPES[name]
    path = Path(name)
    if path.suffix != ".json" or not path.is_file():
        raise RecipeError(
            f"there is no recipe {name!r}; choose {', '.join(RECIPES)}, or give a .json file"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path.name} is not JSON: {error}") from error
    return path.stem, recipe_from_json(values)


def _check_layer(layer: Any) -> None:
    if not isinstance(layer, Mapping):
        raise ValueError(f"{layer!r} is not a layer; write it as {{'layer': name, …}}")
    kind, inner = layer.get("layer"), layer.get("layers", [])
    if not isinstance(kind, str) or kind not in LAYERS:
        raise ValueError(f"{kind!r} is not a layer that recipes know: {', '.join(sorted(LAYERS))}")
    if not isinstance(inner, list | tuple):
        raise ValueError(f"the layers of {kind} must be a list, not {inner!r}")
    for one in inner:
        _check_layer(one)


def _dense(units: int, activation: str = "relu") -> Layer:
    return {"layer": "Dense", "units": units, "activation": activation}


def _conv(filters: int, *, strides: int = 1, transpose: bool = False) -> Layer:
    return {
        "layer": "Conv2DTranspose" if transpose else "Conv2D",
        "filters": filters,
        "kernel_size": 3,
        "strides": strides,
        "padding": "same",
        "activation": "relu",
    }


def _residual(units: int) -> Layer:
    return {"layer": "Residual", "layers": [_dense(units)]}


_FLATTEN: Layer = {"layer": "Flatten"}
_DENSE_HEAD: Layer = {"layer": "Dense"}

RECIPES: dict[str, Recipe] = {
    "residual": Recipe(
        summary="narrow and deep residual MLP, for 2-D and 3-D",
        encoder=(_FLATTEN, _dense(256), *[_residual(256)] * 2),
        decoder=(_dense(256), *[_residual(256)] * 6),
        head=_DENSE_HEAD,
        epochs=100,
    ),
    "residual-wide": Recipe(
        summary="wider residual MLP with KL warm-up, for 4-D and more",
        encoder=(_FLATTEN, _dense(384), _residual(384)),
        decoder=(_dense(384), *[_residual(384)] * 4),
        head=_DENSE_HEAD,
        kl_warmup=0.15,
        epochs=60,
    ),
    "tutorial": Recipe(
        summary="the convolutional model of published tutorials (four convolutions, Dense 32)",
        encoder=(_conv(32), _conv(64, strides=2), _conv(64), _conv(64), _FLATTEN, _dense(32)),
        decoder=(
            _dense(14 * 14 * 64),
            {"layer": "Reshape", "target_shape": [14, 14, 64]},
            _conv(32, strides=2, transpose=True),
        ),
        head={"layer": "Conv2D", "kernel_size": 3, "padding": "same"},
        epochs=10,
        learning_rate=1e-3,
        schedule="constant",
        warmup_steps=0,
    ),
}
