"""Recipes: everything that defines a training run except the data, as plain data.

A layer is a dictionary: the name of a Keras layer and its arguments, as in
``{"layer": "Dense", "units": 512, "activation": "relu"}``. Three are additions:
``Residual`` adds the result of its inner layers to their input; ``Grid`` is the dense
layer that a decoder's convolutions start from, reshaped to the image's height and width
divided by ``downscale``, with ``filters`` channels; ``InverseAutoregressive`` is a step
of a flow.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

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

from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName
from explorer.errors import ExplorerError

Layer = Mapping[str, Any]
SplitName = Literal["training", "held-out"]

LAYERS = frozenset({
    "Activation", "AveragePooling2D", "BatchNormalization", "Conv2D", "Conv2DTranspose", "Dense",
    "Dropout", "Flatten", "GaussianNoise", "LayerNormalization", "LeakyReLU", "MaxPooling2D",
    "Reshape", "Residual", "UpSampling2D",
})  # fmt: skip
FLOW_LAYERS = frozenset({"InverseAutoregressive"})
GRID_SIZES = ("downscale", "filters")


class RecipeError(ExplorerError):
    """A recipe that cannot be used; the message says what was expected."""


class Published(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """What a public write-up reports about the system that a recipe repeats.

    Attributes:
        data: name of its data set.
        latent_dim: its number of latent dimensions.
        value: the loss that it reports; None if it shows pictures only.
        epochs: number of epochs that it trains for.
        split: images that the loss is computed on.
        divisor: its loss is (reconstruction + β · KL) / ``divisor``: 1 for nats
            per image, the number of pixels if it averages over them.
    """

    data: str
    latent_dim: PositiveInt
    value: float | None = None
    epochs: PositiveInt
    split: SplitName = "training"
    divisor: PositiveFloat = 1.0


class Augmentation(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Random affine changes of the training images, without their labels.

    Each image is rotated, scaled along both axes, sheared and shifted anew in every
    batch. The changes end before the run does, so that the model settles on real images:
    the figures are likelihoods of those alone.

    Attributes:
        rotation: standard deviation of the angle, radians.
        scale: standard deviation of the logarithm of each axis' scale.
        shear: standard deviation of the horizontal shift per vertical pixel.
        shift: standard deviation of the shift along each axis, pixels.
        flip: probability of a mirror image.
        contrast: factor by which grey values are then spread about the middle (1 changes
            nothing): interpolation makes edges softer than those of real images.
        until: fraction of the epochs, from the first, that use the changes.
        encoder_only: changed images are added to the originals instead of replacing them, and
            train the encoder alone: it loses less on unseen images (Zhang et al. 2022), and the
            decoder learns from real images. They are used to the end: ``until`` must be 1.
    """

    rotation: NonNegativeFloat = 0.0
    scale: NonNegativeFloat = 0.0
    shear: NonNegativeFloat = 0.0
    shift: NonNegativeFloat = 0.0
    flip: float = Field(0.0, ge=0.0, le=1.0)
    contrast: float = Field(1.0, ge=1.0)
    until: float = Field(0.75, ge=0.0, le=1.0)
    encoder_only: bool = False

    @model_validator(mode="after")
    def _keep_the_encoders_own(self) -> Augmentation:
        if self.encoder_only and self.until != 1.0:
            raise ValueError("encoder_only needs until = 1: its changed images stay to the end")
        return self

    @property
    def copies(self) -> int:
        """Copies of each image in a batch: 2 if the changed one is added to the original."""
        return 2 if self.encoder_only else 1


class TotalCorrelation(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A weight for each part of the KL in place of β for all: β-TCVAE, Chen et al. 2018.

    Attributes:
        weight: weight of the total correlation, so that dimensions become independent.
        information: weight of the mutual information between image and latent.
        dimension_wise: weight of the KL between each dimension's distribution and the prior's.
    """

    name: Literal["tc"]
    weight: NonNegativeFloat
    information: NonNegativeFloat = 1.0
    dimension_wise: NonNegativeFloat = 1.0

    @property
    def weights(self) -> str:
        """The weight of the total correlation and any other weights that are not 1, as text."""
        weights = {
            "total correlation": self.weight,
            "mutual information": self.information,
            "KL of each dimension": self.dimension_wise,
        }
        told = [(part, w) for part, w in weights.items() if part == "total correlation" or w != 1.0]
        return ", ".join(f"{part} × {w:.3g}" for part, w in told)


class DensityRatio(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Add γ × the total correlation, estimated by a discriminator: FactorVAE, Kim & Mnih 2018.

    Attributes:
        gamma: weight γ of the total correlation.
        layers: layers of the discriminator before its one linear output. Kim & Mnih use six of
            1,000 units.
    """

    name: Literal["factor"]
    gamma: NonNegativeFloat
    layers: tuple[Layer, ...] = ({"layer": "Dense", "units": 256, "activation": "leaky_relu"},) * 3

    @field_validator("layers")
    @classmethod
    def _know_every_layer(cls, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        return _know_all(layers, LAYERS)


class ImportanceWeighted(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """The bound from several samples of z in place of the −ELBO: IWAE, Burda et al. 2016, eq. 8.

    Attributes:
        samples: samples of z for each image; the decoder runs once for each.
        after: fraction of the epochs that train on the −ELBO first, which takes less time.
    """

    name: Literal["iw"]
    samples: int = Field(ge=2)
    after: float = Field(0.0, ge=0.0, lt=1.0)


Independence = TotalCorrelation | DensityRatio
Objective = Annotated[Independence | ImportanceWeighted, Field(discriminator="name")]


class Recipe(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """An architecture with its likelihood, optimiser and schedule.

    Attributes:
        summary: one line for readers.
        encoder: layers from the image ``(height, width, channels)`` to the
            features from which two linear heads read ``z_mean`` and ``z_log_var``.
        flow: steps that turn that Gaussian into a richer posterior, in order.
        context: further outputs of the encoder that every step of the flow reads.
        refinement: steps by which the trained encoder refines each Gaussian through the decoder
            (``explorer.core.refinement``); training itself leaves them out.
        decoder: layers from ``z`` to the features from which ``head`` reads
            the likelihood's parameters.
        head: the last layer of the decoder, without its size, which follows
            from the image and the likelihood. For a Gaussian likelihood it gives the means; for
            others all parameters, such as logits, without an activation.
        likelihood: one of ``explorer.core.likelihoods``.
        sigma: standard deviation of the Gaussian likelihood, in units of the
            pixel range [0, 1]; None learns one for all pixels.
        beta: weight of the KL term (Higgins et al. 2017); 1 is the ELBO.
        objective: what training minimises besides or in place of the −ELBO; None for it alone.
        kl_warmup: fraction of all steps over which the weights of the KL term and of
            ``objective`` grow from 0.
        augmentation: random changes of the training images.
        epochs: passes over the training set.
        batch_size: images per step.
        learning_rate: peak learning rate of Adam.
        schedule: ``cosine`` decays the learning rate to 0 over the run.
        warmup_steps: steps over which the learning rate grows from 0, at most a tenth
            of the run.
        validation_split: fraction of the training images held out for the
            validation curve; None for 1,000 of them, but at most a twentieth.
        published: what a public write-up reports, if the recipe repeats its system.
    """

    summary: str = ""
    encoder: tuple[Layer, ...]
    flow: tuple[Layer, ...] = ()
    context: NonNegativeInt = 0
    refinement: NonNegativeInt = 0
    decoder: tuple[Layer, ...]
    head: Layer
    likelihood: LikelihoodName = "bernoulli"
    sigma: PositiveFloat | None = None
    beta: NonNegativeFloat = 1.0
    objective: Objective | None = None
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
        """The fields that affect training (without ``summary`` and ``published``), as JSON."""
        return self.model_dump(mode="json", exclude={"summary", "published"})

    def decoder_layers(self, image_shape: Sequence[int]) -> list[Layer]:
        """The decoder's layers for images of this shape, with each ``Grid`` written out."""
        layers: list[Layer] = []
        for layer in self.decoder:
            layers += _write_out(layer, image_shape) if layer["layer"] == "Grid" else [layer]
        return layers

    @property
    def objective_summary(self) -> str:
        """How the training objective differs from the −ELBO, as text; empty if it does not."""
        if isinstance(self.objective, TotalCorrelation):
            return self.objective.weights
        if isinstance(self.objective, ImportanceWeighted):
            return f"bound of {self.objective.samples} samples"
        parts = []
        if self.beta != 1.0:
            parts.append(f"β = {self.beta:.3g}")
        if isinstance(self.objective, DensityRatio):
            parts.append(f"total correlation × {1 + self.objective.gamma:.3g}, by a discriminator")
        return ", ".join(parts)

    def draws_in(self, epoch: int) -> int:
        """How many samples of z training draws for each image in an epoch, counted from 0."""
        iw = self.objective
        if not isinstance(iw, ImportanceWeighted):
            return 1
        first = min(
            round(iw.after * self.epochs), self.epochs - 1
        )  # the last epoch always has them
        return iw.samples if epoch >= first else 1

    @property
    def augmented_epochs(self) -> int:
        """How many epochs, from the first, train on randomly changed images."""
        return round(self.augmentation.until * self.epochs) if self.augmentation else 0

    @field_validator("encoder")
    @classmethod
    def _know_every_layer(cls, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        return _know_all(layers, LAYERS)

    @field_validator("decoder")
    @classmethod
    def _know_every_layer_and_grids(cls, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        return _know_all(layers, LAYERS | {"Grid"})

    @property
    def has_flow(self) -> bool:
        """Whether the posterior has a flow."""
        return bool(self.flow)

    @field_validator("flow")
    @classmethod
    def _know_every_step(cls, steps: tuple[Layer, ...]) -> tuple[Layer, ...]:
        for step in _know_all(steps, FLOW_LAYERS):
            if "backwards" in step:
                raise ValueError(
                    "every other step of a flow is reversed by itself; leave backwards out"
                )
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
            raise ValueError("context needs a flow, and there is none")
        if self.refinement and self.flow:
            raise ValueError("refinement takes Gaussian posteriors; leave out the flow")
        if isinstance(self.objective, TotalCorrelation):
            if self.flow:
                raise ValueError("objective tc takes Gaussian posteriors; leave out the flow")
            if self.beta != 1.0:
                raise ValueError("objective tc weighs the parts of the KL; leave out beta")
        if isinstance(self.objective, ImportanceWeighted) and self.beta != 1.0:
            raise ValueError("objective iw is a bound on log p(x) as it is; leave out beta")
        likelihood = LIKELIHOODS[self.likelihood]
        if not likelihood.has_sigma:
            if self.sigma is not None:
                raise ValueError("sigma is for a gaussian likelihood")
            if self.head.get("activation") not in (None, "linear"):
                raise ValueError(
                    f"the head of a {self.likelihood} likelihood gives "
                    f"{' and '.join(likelihood.parameters)}; leave out its activation"
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
    """Return the recipe with some fields changed; None leaves a field as it is.

    If anything but the epochs changes, it no longer repeats a published system.

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


def first_problem(error: ValidationError) -> str:
    """Return the first problem that validation found, as ``field: what is wrong``."""
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        *around, name = map(str, problem["loc"])
        model = _PARTS.get(around[-1] if around else error.title)
        meant = difflib.get_close_matches(name, model.model_fields if model else (), 1)
        message = "there is no such field" + (f"; did you mean {meant[0]}?" if meant else "")
    return f"{place}: {message}" if place else message


_PARTS: dict[str, type[BaseModel]] = {
    "Recipe": Recipe,
    "augmentation": Augmentation,
    "tc": TotalCorrelation,
    "factor": DensityRatio,
    "iw": ImportanceWeighted,
}
"""A recipe and its parts, by the names that validation gives them."""


def _know_all(layers: tuple[Layer, ...], known: frozenset[str]) -> tuple[Layer, ...]:
    for layer in layers:
        _check_layer(layer, known)
    return layers


def _check_layer(layer: Any, known: frozenset[str]) -> None:
    if not isinstance(layer, Mapping):
        raise ValueError(f"{layer!r} is not a layer; write it as {{'layer': name, …}}")
    kind, inner = layer.get("layer"), layer.get("layers", [])
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"unknown layer {kind!r}; expected one of {', '.join(sorted(known))}")
    if not isinstance(inner, list | tuple):
        raise ValueError(f"the layers of {kind} must be a list, not {inner!r}")
    if kind == "Grid":
        for name in GRID_SIZES:
            if type(size := layer.get(name)) is not int or size < 1:
                raise ValueError(f"{name} of a Grid is a whole number, 1 or more")
    if kind == "Residual" and not inner:
        raise ValueError("a Residual needs layers; it adds their result to its input")
    for one in inner:
        _check_layer(one, LAYERS)


def _write_out(grid: Layer, image_shape: Sequence[int]) -> list[Layer]:
    height, width = (size // grid["downscale"] for size in image_shape[:2])
    arguments = {key: value for key, value in grid.items() if key not in GRID_SIZES}
    units = height * width * grid["filters"]
    return [
        {**arguments, "layer": "Dense", "units": units},
        {"layer": "Reshape", "target_shape": (height, width, grid["filters"])},
    ]
