"""``card.json``: what a bundle says about its model, its data and its files."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName, bits_per_dimension
from explorer.data.pixels import Form
from explorer.data.ranges import Range, ValueKind
from explorer.data.reading import MAX_IMAGE_SIZE, Binarisation, Fit
from explorer.errors import ExplorerError
from explorer.recipes.recipe import Recipe, first_problem

SCHEMA_VERSION = 3
CONVERTIBLE = 2
"""The earlier version that ``explorer.cli.convert`` converts to the current one."""
NAME = r"^[a-z0-9][a-z0-9_.-]{0,99}$"
"""Pattern of a bundle's name."""

FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
"""A file in the bundle's own folder."""

Condition = Literal["labels"]
"""What a conditional model takes besides its images and latents: the class, one-hot."""

_Side = Annotated[int, Field(ge=1, le=MAX_IMAGE_SIZE)]
_Part = TypeVar("_Part")
_SHA256 = Field(pattern=r"^[0-9a-f]{64}$")


class BundleError(ExplorerError):
    """A bundle that cannot be used; the message names the file, what was expected and found."""


class _Card(BaseModel, frozen=True, extra="forbid", strict=True, allow_inf_nan=False):
    """A part of ``card.json``: unknown fields and wrong types are errors."""


class ReadingCard(_Card):
    """How the images were read, beyond their shape: see ``explorer.data.reading.Reading``.

    ``low`` and ``high`` are the stored values that became black and white; ``kind`` is
    the kind of those values.
    """

    low: float = 0.0
    high: float = 255.0
    kind: ValueKind = "bytes"
    fit: Fit = "crop"
    label: str | None = None
    class_level: PositiveInt = 1
    first_page: bool = False
    whole: bool = False
    binarise: Binarisation | None = None


class DataCard(_Card):
    """The data set: ``test_sha256`` and ``train_sha256`` are ``dataset_fingerprint`` values."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    classes: tuple[str, ...] = Field(min_length=1)
    image_shape: tuple[_Side, _Side, Annotated[int, Field(ge=1, le=3)]]
    background: float | tuple[float, ...]
    licence: str
    origin: str
    limit: PositiveInt | None = None
    train_images: PositiveInt
    test_images: PositiveInt
    train_sha256: str = _SHA256
    test_sha256: str = _SHA256
    reading: ReadingCard = ReadingCard()

    @property
    def form(self) -> Form:
        """How an upload becomes the model's pixels."""
        reading = self.reading
        scale = Range(reading.low, reading.high, reading.kind)
        return Form(self.image_shape, scale, reading.fit)


class AdoptionCard(_Card):
    """Where an adopted model comes from, and how it was read.

    Attributes:
        title: name for readers.
        licence: licence of the model; empty if unknown.
        command: the command that adopted it.
        files: SHA-256 of the files that it was made from, by name.
        conventions: flags that say how it takes and returns images, given or detected.
        notes: sentences on what was detected.
        likelihood: what the decoder's output parametrises; without a decoder it means nothing.
        has_variance: whether the encoder gives log-variances; else there is no KL and no −ELBO.
        has_graphs: whether the bundle has encoder and decoder; else only their outputs.
        condition: what the decoder takes besides a latent, and maybe the encoder besides an image.
    """

    title: str
    licence: str
    command: str
    files: dict[str, Annotated[str, _SHA256]]
    conventions: dict[str, str]
    notes: tuple[str, ...]
    likelihood: LikelihoodName
    has_variance: bool
    has_graphs: bool = True
    condition: Condition | None = None


class ModelCard(_Card):
    """The model: its recipe with the values used, or where it was adopted from.

    ``parameters`` is the number of weights in its graphs (``count_weights``).
    """

    latent_dim: PositiveInt
    recipe_name: str = ""
    recipe_if_trained: Recipe | None = Field(None, alias="recipe")
    adopted: AdoptionCard | None = None
    parameters: PositiveInt | None

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> ModelCard:
        if (self.recipe_if_trained is None) == (self.adopted is None):
            raise ValueError("a model has either a recipe, or was adopted")
        return self

    @property
    def recipe(self) -> Recipe:
        """The recipe of a model that was trained here; LookupError for an adopted one."""
        return _of_trained(self.recipe_if_trained)

    @property
    def likelihood(self) -> LikelihoodName:
        """What the decoder's output parametrises."""
        return self.adopted.likelihood if self.adopted else self.recipe.likelihood

    @property
    def has_variance(self) -> bool:
        """Whether the encoder gives log-variances, so that there is a KL."""
        return self.adopted is None or self.adopted.has_variance

    @property
    def has_graphs(self) -> bool:
        """Whether the bundle has encoder and decoder."""
        return self.adopted is None or self.adopted.has_graphs

    @property
    def is_conditional(self) -> bool:
        """Whether the decoder takes the class besides a latent."""
        return self.adopted is not None and self.adopted.condition is not None

    @property
    def has_flow(self) -> bool:
        """Whether the encoder takes noise, and the posterior is not a Gaussian."""
        return not self.adopted and self.recipe.has_flow


class TrainingCard(_Card):
    """How the model was trained; the same command gives the same bundle.

    Except with ``--minutes``: the number of epochs then depends on the machine.
    """

    command: str
    seed: int
    seconds: float
    versions: dict[str, str]


class ImportanceBound(_Card):
    """−log p(x) bounded by importance sampling, with the −ELBO of the same images, nats."""

    images: PositiveInt
    samples: PositiveInt
    bound: float
    neg_elbo: float


class AmortisationGap(_Card):
    """−ELBO with the encoder's posteriors, and with each refined; see ``core.amortisation``.

    Over ``images`` test images, nats; ``error`` is the standard error of the difference.
    """

    images: PositiveInt
    neg_elbo: float
    refined: float
    error: float


class MapCard(_Card):
    """How well a map keeps neighbours; see ``core.neighbourhood.MapFigures``.

    ``empty_distance`` is only for a neighbourhood map (``core.neighbourhood.empty_distance``).
    """

    accuracy: float | None
    kept: float
    empty_distance: float | None = None


class KlPartsCard(_Card):
    """The parts of the KL, nats, with standard errors; see ``core.information``."""

    samples: PositiveInt
    information: float
    information_error: float
    total_correlation: float
    total_correlation_error: float
    dimension_wise: float
    dimension_wise_error: float


class FactorCard(_Card):
    """How the latents represent a factor with ``values`` values; see ``core.disentanglement``.

    ``mig`` and ``sap`` are gaps between the two best dimensions; ``predicted`` is the share of
    images whose value is predicted correctly.
    """

    values: PositiveInt
    mig: float
    sap: float
    completeness: float
    predicted: float


class DisentanglementCard(_Card):
    """How far single dimensions stand for single factors, on ``images`` test images.

    ``mig``, ``sap``, ``completeness`` and ``informativeness`` are means over the factors.
    """

    images: PositiveInt
    mig: float
    sap: float
    disentanglement: float
    completeness: float
    informativeness: float
    factors: dict[str, FactorCard]


class Metrics(_Card):
    """Figures on the test set; terms in nats per image.

    A figure that an adopted model does not give is None, or empty.

    - ``neg_elbo`` = ``reconstruction`` + ``kl``: −log p(x|z) averaged over ``samples`` draws from
      q(z|x), and KL(q(z|x) ‖ N(0, I)): exact for a Gaussian posterior, averaged over the same
      draws for one with a flow.
    - ``entropy_floor``: the reconstruction term of a perfect reconstruction (Bernoulli only);
      ``excess`` is ``neg_elbo`` above it.
    - ``importance``: −log 1/K Σ p(x|z)p(z)/q(z|x), Burda et al. 2016, on images spread over the
      test set, with the −ELBO of the same images.
    - ``amortisation_gap``: the −ELBO of images spread over the test set, and what it would be with
      the best posterior of its kind for each of them (Cremer et al. 2018).
    - ``kl_per_dimension``; ``active_units``: dimensions whose posterior mean has a variance above
      0.01 over the test set (Burda et al. 2016).
    - ``knn_accuracy``: training means → test means, beside the same after PCA to as many
      dimensions; None with a single class, if the means of only some training images are known, or
      if the training images are the test images.
    - ``squared_error``: per pixel, of the reconstruction from ``z_mean``, beside PCA's.
    - ``sharpness``: of the same reconstructions, the share of the images' fine detail that they
      have (``core.metrics.error_and_sharpness``).
    - ``disentanglement``: MIG, DCI and SAP, where at least two factors are known
      (``core.disentanglement``).
    - ``maps``: how well each kind of map keeps neighbours (``map_layout.judge_maps``).
    """

    neg_elbo: float | None
    reconstruction: float | None
    kl: float | None
    samples: PositiveInt
    entropy_floor: float | None
    excess: float | None
    importance: ImportanceBound | None
    amortisation_gap: AmortisationGap | None = None
    kl_per_dimension: tuple[float, ...]
    kl_parts: KlPartsCard | None = None
    active_units: int
    knn_accuracy: float | None
    knn_accuracy_pca: float | None
    knn_neighbours: PositiveInt
    squared_error: float | None
    squared_error_pca: float
    sharpness: float | None = None
    maps: dict[str, MapCard]
    disentanglement: DisentanglementCard | None = None


class Bound(_Card):
    """−log p(x) of all test images bounded by importance sampling, nats: ``core.bound``.

    ``error`` is the standard error of the mean over ``images``.
    """

    samples: PositiveInt
    images: PositiveInt
    bound: float
    error: float


class FileCard(_Card):
    """Size and hash that a file of the bundle must have."""

    bytes: NonNegativeInt
    sha256: str = _SHA256


class Card(_Card):
    """``card.json``."""

    schema_version: int = SCHEMA_VERSION
    name: str = Field(pattern=NAME)
    data: DataCard
    model: ModelCard
    training_if_trained: TrainingCard | None = Field(alias="training")
    metrics: Metrics
    bound: Bound | None = None
    files: dict[FileName, FileCard]

    @model_validator(mode="after")
    def _agree_with_itself(self) -> Card:
        dimensions, terms = self.model.latent_dim, len(self.metrics.kl_per_dimension)
        if terms and terms != dimensions:
            raise ValueError(f"kl_per_dimension has {terms} values; latent_dim is {dimensions}")
        for name in ("neg_elbo", "reconstruction", "kl", "importance"):
            is_told = self.model.has_variance and self.model.has_graphs
            if is_told and getattr(self.metrics, name) is None:
                raise ValueError(f"metrics.{name} is missing")
        background, channels = self.data.background, self.data.image_shape[2]
        if isinstance(background, tuple) and len(background) != channels:
            raise ValueError(f"background has {len(background)} values for {channels} channels")
        return self

    @property
    def title(self) -> str:
        """Title for readers: data set, latent dimension and whether there is a flow."""
        if self.model.adopted:
            return self.model.adopted.title
        flow = " with flow" if self.model.has_flow else ""
        return f"{self.data.title} · {self.model.latent_dim}-D{flow}"

    @property
    def bits_per_dimension(self) -> float | None:
        """The −ELBO in bits per value; None unless the likelihood is one of grey levels."""
        neg_elbo = self.metrics.neg_elbo
        if neg_elbo is None or not LIKELIHOODS[self.model.likelihood].is_of_levels:
            return None
        return bits_per_dimension(neg_elbo, self.data.image_shape)

    @property
    def training(self) -> TrainingCard:
        """How a model was trained here; LookupError for an adopted one."""
        return _of_trained(self.training_if_trained)

    def to_json(self) -> str:
        """The text of ``card.json``."""
        return self.model_dump_json(indent=1, by_alias=True) + "\n"


def storable(text: str) -> str:
    """The text with '?' for bytes of a file's name that are not UTF-8: JSON cannot hold them."""
    return text.encode(errors="replace").decode()


def _of_trained(part: _Part | None) -> _Part:
    if part is None:
        raise LookupError("an adopted model was not trained here")
    return part


class _Version(BaseModel):
    """The one field that every version has."""

    model_config = ConfigDict(strict=True)

    schema_version: int


def parse_card(content: bytes, folder: str) -> Card:
    """Read ``card.json`` of the bundle in ``folder``.

    Raises:
        BundleError: it is not a card, has another version, or belongs to another bundle.
    """
    place = f"card.json of {folder}"
    content = content.removeprefix(codecs.BOM_UTF8)  # as Windows' editors add
    try:
        version = _Version.model_validate_json(content).schema_version
        if version > SCHEMA_VERSION:
            raise BundleError(
                f"{place} has schema_version {version}, which is newer than this explorer "
                f"({SCHEMA_VERSION}): update the explorer"
            )
        if version < SCHEMA_VERSION:
            remedy = (
                f"convert it with: python -m explorer convert {folder}"
                if version == CONVERTIBLE
                else "train the model again"
            )
            raise BundleError(
                f"{place} has schema_version {version}; this explorer reads {SCHEMA_VERSION}: "
                f"{remedy}"
            )
        card = Card.model_validate_json(content)
    except ValidationError as error:
        raise BundleError(f"{place} is not usable: {first_problem(error)}") from error
    if card.name != folder:
        raise BundleError(f"card.json belongs to {card.name}, but its folder is {folder}")
    return card
