"""Recipes: everything that defines a training run except the data, as plain data.

A layer is a dictionary: the name of a Keras layer and its arguments, as in
``{"layer": "Dense", "units": 512, "activation": "relu"}``. Three are additions:
``Residual`` adds the result of its inner layers to their input; ``Grid`` is the dense
layer from which a decoder's convolutions grow, of ``filters`` channels and the image's
height and width divided by ``downscale``; ``InverseAutoregressive`` is a step of a flow.
One more recipe is one more entry in ``RECIPES``, or a JSON file with the same fields
given to ``train.py --recipe``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
    model_validator,
)

from explorer.elbo import LikelihoodName

Layer = Mapping[str, Any]
SplitName = Literal["training", "held-out"]

LAYERS = frozenset({
    "Activation", "AveragePooling2D", "BatchNormalization", "Conv2D", "Conv2DTranspose", "Dense",
    "Dropout", "Flatten", "GaussianNoise", "LayerNormalization", "LeakyReLU", "MaxPooling2D",
    "Reshape", "Residual", "UpSampling2D",
})  # fmt: skip
STEPS = frozenset({"InverseAutoregressive"})
GRID_SIZES = ("downscale", "filters")


class RecipeError(ValueError):
    """A recipe that cannot be used; the message says what was expected."""


class Published(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """What a public write-up reports of the system that a recipe repeats.

    Attributes:
        data: name of its data set.
        latent_dim: its number of latent dimensions.
        value: its figure; None where it shows pictures only.
        epochs: after how many epochs.
        split: of which images.
        divisor: its loss is (reconstruction + β · KL) / ``divisor``: 1 for nats
            per image, the number of pixels where it averages over them.
    """

    data: str
    latent_dim: PositiveInt
    value: float | None = None
    epochs: PositiveInt
    split: SplitName = "training"
    divisor: PositiveFloat = 1.0


class Augmentation(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Random affine changes of the training images, without their labels.

    Each image is turned, scaled along both axes, sheared and shifted anew in every
    batch. They end before the run does, so that the model settles on real images:
    the figures are likelihoods of those alone.

    Attributes:
        rotation: standard deviation of the angle, radians.
        scale: of the logarithm of each axis' scale.
        shear: of the horizontal shift per vertical pixel.
        shift: of the shift along each axis, pixels.
        flip: probability of a mirror image.
        until: fraction of the epochs with them.
    """

    rotation: NonNegativeFloat = 0.0
    scale: NonNegativeFloat = 0.0
    shear: NonNegativeFloat = 0.0
    shift: NonNegativeFloat = 0.0
    flip: float = Field(0.0, ge=0.0, le=1.0)
    until: float = Field(0.75, ge=0.0, le=1.0)


class Recipe(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """An architecture with its likelihood, optimiser and schedule.

    Attributes:
        summary: one line for a person.
        encoder: layers from the image ``(height, width, channels)`` to the
            features from which two linear heads read ``z_mean`` and ``z_log_var``.
        flow: steps that bend that Gaussian into a richer posterior, in their order.
        context: further outputs of the encoder that every step of the flow reads.
        decoder: layers from ``z`` to the features from which ``head`` reads
            the likelihood's parameters.
        head: the last layer of the decoder, without its size, which follows
            from the image and the likelihood. A Bernoulli's gives logits, without an
            activation; a Gaussian's gives means.
        likelihood: ``bernoulli`` (grey values read as probabilities) or ``gaussian``.
        sigma: standard deviation of the Gaussian likelihood, in units of the
            pixel range [0, 1]; None learns one for all pixels.
        beta: weight of the KL term (Higgins et al. 2017); 1 is the ELBO.
        kl_warmup: fraction of all steps over which that weight grows from 0.
        augmentation: random changes of the training images.
        epochs: passes over the training set.
        batch_size: images in a step.
        learning_rate: of Adam, at its highest.
        schedule: ``cosine`` decays the learning rate to 0 over the run.
        warmup_steps: steps over which the learning rate grows from 0, at most a tenth
            of the run.
        validation_split: fraction of the training images held out for the
            validation curve; None for 1,000 of them, at most a twentieth.
        published: what a public write-up reports, where the recipe repeats one.
    """

    summary: str = ""
    encoder: tuple[Layer, ...]
    flow: tuple[Layer, ...] = ()
    context: NonNegativeInt = 0
    decoder: tuple[Layer, ...]
    head: Layer
    likelihood: LikelihoodName = "bernoulli"
    sigma: PositiveFloat | None = None
    beta: NonNegativeFloat = 1.0
    kl_warmup: float = Field(0.0, ge=0.0, le=1.0)
    augmentation: Augmentation | None = None
    epochs: PositiveInt = 30
    batch_size: PositiveInt = 128
    learning_rate: PositiveFloat = 1.5e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: NonNegativeInt = 500
    validation_split: float | None = Field(None, gt=0.0, lt=1.0)
    published: Published | None = None

    def settings(self) -> dict[str, Any]:
        """All that decides what is trained, as JSON values: not what is only said about it."""
        return self.model_dump(mode="json", exclude={"summary", "published"})

    def decoder_layers(self, image_shape: Sequence[int]) -> list[Layer]:
        """The decoder's layers for such images, ``Dense`` and ``Reshape`` in a grid's place."""
        layers: list[Layer] = []
        for layer in self.decoder:
            layers += _write_out(layer, image_shape) if layer["layer"] == "Grid" else [layer]
        return layers

    @property
    def augmented_epochs(self) -> int:
        """So many epochs, from the first, with random changes of the images."""
        return round(self.augmentation.until * self.epochs) if self.augmentation else 0

    @field_validator("encoder")
    @classmethod
    def _know_every_layer(cls, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        for layer in layers:
            _check_layer(layer, LAYERS)
        return layers

    @field_validator("decoder")
    @classmethod
    def _know_every_layer_and_grids(cls, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        for layer in layers:
            _check_layer(layer, LAYERS | {"Grid"})
        return layers

    @field_validator("flow")
    @classmethod
    def _know_every_step(cls, steps: tuple[Layer, ...]) -> tuple[Layer, ...]:
        for step in steps:
            _check_layer(step, STEPS)
            if "backwards" in step:
                raise ValueError("every other step goes backwards by itself; leave it out")
        return steps

    @field_validator("head")
    @classmethod
    def _know_the_head(cls, head: Layer) -> Layer:
        _check_layer(head, LAYERS)
        for size in head.keys() & {"units", "filters"}:
            raise ValueError(f"its {size} follow from the image and the likelihood; leave them out")
        return head

    @model_validator(mode="after")
    def _refuse_what_has_no_effect(self) -> Recipe:
        if self.context and not self.flow:
            raise ValueError("context is for a flow; there is none")
        if self.likelihood == "bernoulli":
            if self.sigma is not None:
                raise ValueError("sigma is for a gaussian likelihood")
            if self.head.get("activation") not in (None, "linear"):
                raise ValueError(
                    "the head of a bernoulli likelihood gives logits; leave out its activation"
                )
        return self


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

    With anything but the epochs changed it repeats no published system any more.

    Raises:
        RecipeError: a value is out of range.
    """
    given = {
        name: value
        for name, value in changes.items()
        if value is not None and value != getattr(recipe, name)
    }
    if given.keys() - {"epochs"}:
        given.setdefault("published", None)
    return recipe_from_json({**recipe.model_dump(), **given})


def published_loss(
    history: Mapping[str, Sequence[float]], recipe: Recipe, split: SplitName
) -> list[float]:
    """The loss of a published system after each epoch, as its write-up computes it.

    Args:
        history: ``reconstruction`` and ``kl`` per epoch, nats per image; ``val_…``
            of held-out images.
        recipe: one that repeats a published system.
        split: of which images; empty is what the history has of none.
    """
    divisor = recipe.published.divisor if recipe.published else 1.0
    prefix = "val_" if split == "held-out" else ""
    reconstruction, kl = (history.get(prefix + term, ()) for term in ("reconstruction", "kl"))
    return [(r + recipe.beta * k) / divisor for r, k in zip(reconstruction, kl, strict=True)]


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


def _check_layer(layer: Any, known: frozenset[str]) -> None:
    if not isinstance(layer, Mapping):
        raise ValueError(f"{layer!r} is not a layer; write it as {{'layer': name, …}}")
    kind, inner = layer.get("layer"), layer.get("layers", [])
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"{kind!r} is not one that recipes know here: {', '.join(sorted(known))}")
    if not isinstance(inner, list | tuple):
        raise ValueError(f"the layers of {kind} must be a list, not {inner!r}")
    if kind == "Grid":
        for name in GRID_SIZES:
            if not isinstance(size := layer.get(name), int) or size < 1:
                raise ValueError(f"{name} of a Grid is a whole number, 1 or more")
    for one in inner:
        _check_layer(one, LAYERS)


def _write_out(grid: Layer, image_shape: Sequence[int]) -> list[Layer]:
    height, width = (size // grid["downscale"] for size in image_shape[:2])
    arguments = {key: value for key, value in grid.items() if key not in GRID_SIZES}
    units = height * width * grid["filters"]
    return [
        {**arguments, "layer": "Dense", "units": units},
        _reshape(height, width, grid["filters"]),
    ]


def _dense(units: int, activation: str | None = "relu") -> Layer:
    return {"layer": "Dense", "units": units, "activation": activation}


def _conv(
    filters: int, kernel_size: int = 3, strides: int = 1, activation: str | None = "relu"
) -> Layer:
    return {
        "layer": "Conv2D",
        "filters": filters,
        "kernel_size": kernel_size,
        "strides": strides,
        "padding": "same",
        "activation": activation,
    }


def _transposed(*arguments: Any) -> Layer:
    return {**_conv(*arguments), "layer": "Conv2DTranspose"}


def _residual(units: int) -> Layer:
    return {"layer": "Residual", "layers": [_dense(units)]}


def _reshape(*shape: int) -> Layer:
    return {"layer": "Reshape", "target_shape": shape}


def _grid(downscale: int, filters: int) -> Layer:
    return {"layer": "Grid", "downscale": downscale, "filters": filters, "activation": "relu"}


def _autoregressive(units: int) -> Layer:
    return {"layer": "InverseAutoregressive", "units": units}


_FLATTEN: Layer = {"layer": "Flatten"}
_POOL: Layer = {"layer": "MaxPooling2D"}
_UPSAMPLE: Layer = {"layer": "UpSampling2D"}
_DENSE_HEAD: Layer = {"layer": "Dense"}
_DROPOUT: Layer = {"layer": "Dropout", "rate": 0.2}
_LEAKY: Layer = {"layer": "LeakyReLU", "negative_slope": 0.3}

_RESIDUAL_WIDE = Recipe(
    summary="wider residual MLP with KL warm-up, for 4-D and more",
    encoder=(_FLATTEN, _dense(384), _residual(384)),
    decoder=(_dense(384), *[_residual(384)] * 4),
    head=_DENSE_HEAD,
    kl_warmup=0.15,
    epochs=60,
)

_DIGITS = Augmentation(rotation=0.1, scale=0.07, shear=0.1, shift=0.8)
"""What a digit may undergo and still be the same digit."""

_WIDE_DIGITS = _RESIDUAL_WIDE.model_copy(
    update={
        "summary": "wider residual MLP with KL warm-up and random affine changes of digits",
        "augmentation": _DIGITS,
        "epochs": 70,
    }
)

_CONV_COLOUR = Recipe(
    summary="two strided convolutions both ways, for small colour photographs",
    encoder=(_conv(32, 4, 2), _conv(64, 4, 2), _FLATTEN),
    decoder=(_grid(4, 64), _transposed(32, 4, 2)),
    head={"layer": "Conv2DTranspose", "kernel_size": 4, "strides": 2, "padding": "same"},
    augmentation=Augmentation(flip=0.5, until=1.0),
    kl_warmup=0.1,
    epochs=20,
)

_PLAIN_ADAM = {"learning_rate": 1e-3, "schedule": "constant", "warmup_steps": 0}
"""Adam as published systems use it."""

_TANH_MLP = Recipe(
    summary="published system: tanh MLPs of 500 units for CIFAR-10 in colour, 500-D",
    encoder=(_FLATTEN, _dense(500, "tanh")),
    decoder=(_dense(500, "tanh"),),
    head=_DENSE_HEAD,
    epochs=30,
    batch_size=100,
    published=Published(data="cifar10", latent_dim=500, epochs=30),
    **_PLAIN_ADAM,
)

RECIPES: dict[str, Recipe] = {
    "residual": Recipe(
        summary="narrow and deep residual MLP, for 2-D and 3-D",
        encoder=(_FLATTEN, _dense(256), *[_residual(256)] * 2),
        decoder=(_dense(256), *[_residual(256)] * 6),
        head=_DENSE_HEAD,
        epochs=100,
        learning_rate=1e-3,
    ),
    "residual-wide": _RESIDUAL_WIDE,
    "residual-wide-digits": _WIDE_DIGITS,
    "residual-flow-digits": _WIDE_DIGITS.model_copy(
        update={
            "summary": "wider residual MLP for digits with an autoregressive flow as posterior",
            "flow": (_autoregressive(64),) * 3,
            "context": 32,
        }
    ),
    "residual-squared-digits": _WIDE_DIGITS.model_copy(
        update={
            "summary": "wider residual MLP for digits with squared error",
            "head": {"layer": "Dense", "activation": "sigmoid"},
            "likelihood": "gaussian",
            "sigma": 0.5**0.5,
        }
    ),
    "conv-colour": _CONV_COLOUR,
    "conv-flow-colour": _CONV_COLOUR.model_copy(
        update={
            "summary": "two strided convolutions both ways and a flow, for colour photographs",
            "flow": (_autoregressive(320),) * 3,
            "context": 64,
        }
    ),
    "sigmoid-mlp": Recipe(
        summary="published system: sigmoid MLPs for CIFAR-10 in grey, 15-D",
        encoder=(_FLATTEN, _dense(1024, "sigmoid"), _dense(512, "sigmoid")),
        decoder=(_dense(256, "sigmoid"), _dense(512, "sigmoid")),
        head=_DENSE_HEAD,
        epochs=15,
        batch_size=1000,
        published=Published(data="cifar10-grey", latent_dim=15, value=673.84, epochs=15),
        **_PLAIN_ADAM,
    ),
    "tutorial": Recipe(
        summary="published system: four convolutions for Fashion-MNIST, 2-D",
        encoder=(_conv(32), _conv(64, 3, 2), _conv(64), _conv(64), _FLATTEN, _dense(32)),
        decoder=(_dense(14 * 14 * 64), _reshape(14, 14, 64), _transposed(32, 3, 2)),
        head={"layer": "Conv2D", "kernel_size": 3, "padding": "same"},
        beta=784 * 5e-4,  # of the mean over pixels and of 1 + log σ² − μ² − σ² over two dimensions
        epochs=10,
        batch_size=32,
        validation_split=0.2,
        published=Published(
            data="fashion_mnist",
            latent_dim=2,
            value=0.3314,
            epochs=10,
            split="held-out",
            divisor=784,
        ),
        **_PLAIN_ADAM,
    ),
    "softplus-mlp": Recipe(
        summary="published system: softplus MLPs for MNIST, 20-D",
        encoder=(_FLATTEN, _dense(500, "softplus"), _dense(500, "softplus")),
        decoder=(_dense(500, "softplus"), _dense(500, "softplus")),
        head=_DENSE_HEAD,
        epochs=100,
        batch_size=100,
        published=Published(data="mnist", latent_dim=20, value=96.21, epochs=100),
        **_PLAIN_ADAM,
    ),
    "pooled-conv": Recipe(
        summary="published system: convolutions and pooling for MNIST, 20-D",
        encoder=(_conv(8, 5), _conv(16, 3), _POOL, _FLATTEN, _dense(500)),
        decoder=(
            *(_dense(500), _dense(14 * 14 * 16), _reshape(14, 14, 16), _UPSAMPLE),
            _transposed(8, 3),
        ),
        head={"layer": "Conv2DTranspose", "kernel_size": 5, "padding": "same"},
        epochs=150,
        batch_size=100,
        published=Published(data="mnist", latent_dim=20, value=99.20, epochs=150),
        **_PLAIN_ADAM,
    ),
    "pooled-conv-colour": Recipe(
        summary="published system: convolutions and pooling for CIFAR-10 in colour, 80-D",
        encoder=(_conv(8, 5), _conv(16, 4), _POOL, _FLATTEN, _dense(500)),
        decoder=(
            *(_dense(500), _dense(16 * 16 * 16), _reshape(16, 16, 16), _UPSAMPLE),
            _transposed(8, 4),
        ),
        head={"layer": "Conv2DTranspose", "kernel_size": 5, "padding": "same"},
        epochs=150,
        batch_size=100,
        published=Published(data="cifar10", latent_dim=80, value=1840.12, epochs=150),
        **_PLAIN_ADAM,
    ),
    "tanh-mlp": _TANH_MLP,
    "tanh-mlp-flow": _TANH_MLP.model_copy(
        update={
            "summary": "published system: tanh MLPs with a flow of three steps for CIFAR-10, 500-D",
            "flow": (_autoregressive(500),) * 3,
            "context": 500,
        }
    ),
    "leaky-conv": Recipe(
        summary="published system: leaky convolutions with dropout for MNIST, 8-D",
        encoder=(
            *(_conv(64, 4, 2, None), _LEAKY, _DROPOUT),
            *(_conv(64, 4, 2, None), _LEAKY, _DROPOUT),
            *(_conv(64, 4, 1, None), _LEAKY, _DROPOUT),
            _FLATTEN,
        ),
        decoder=(
            *(_dense(24, None), _LEAKY, _dense(49, None), _LEAKY, _reshape(7, 7, 1)),
            *(_transposed(64, 4, 2), _DROPOUT),
            *(_transposed(64, 4, 1), _DROPOUT),
            *(_transposed(64, 4, 1), _FLATTEN),
        ),
        head={"layer": "Dense", "activation": "sigmoid"},
        likelihood="gaussian",
        sigma=0.5**0.5,  # the squared error, but for a constant
        epochs=32,  # 30,000 steps
        batch_size=64,
        published=Published(data="mnist", latent_dim=8, epochs=32),
        **{**_PLAIN_ADAM, "learning_rate": 5e-4},
    ),
}
