"""Bundles: all that the app needs for one trained model, in one folder of plain files.

``pretrained/<name>/`` holds ``card.json``, ``model.keras``, ``encoder.onnx``,
``decoder.onnx``, ``latents.npz`` and ``history.json``; the README documents them.
Test images that may be kept are stored once for all bundles of a data set, in
``pretrained/images/``; references, for comparison only, in ``pretrained/references/``.
Loading checks everything and runs no code from a bundle.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from explorer.bundle.atomic import flush
from explorer.bundle.codec import Codec, onnx_codec
from explorer.core.density import AggregatePosterior
from explorer.core.half import to_half
from explorer.core.metrics import active_units
from explorer.errors import ExplorerError
from explorer.recipes.recipe import Recipe, first_problem, recipe_from_json

SCHEMA_VERSION = 2
DEFAULT_FOLDER = Path(__file__).parents[2] / "pretrained"
"""Where the project's own bundles lie, whatever the current folder is."""
FILES = ("model.keras", "encoder.onnx", "decoder.onnx", "latents.npz", "history.json")
REFERENCE_FILES = ("history.json",)
TERMS = ("neg_elbo", "reconstruction", "kl")
IMAGES_FOLDER = "images"
REFERENCES_FOLDER = "references"
MAX_UNPACKED = 2**31
"""Bytes: a file that says it holds more is not opened, however small it is."""
_RESERVED = (IMAGES_FOLDER, REFERENCES_FOLDER)
_NAME = r"^[a-z0-9][a-z0-9_.-]{0,99}$"
_PREVIOUS = ".previous"
_HALVES = ("z_mean", "z_log_var", "train_z_mean", "train_z_log_var")

History = dict[str, list[float]]
_HISTORY = TypeAdapter(History, config=ConfigDict(strict=True, allow_inf_nan=False))


class BundleError(ExplorerError):
    """A bundle that cannot be used; the message names the file, what was expected and found."""


class _Card(BaseModel, frozen=True, extra="forbid", strict=True, allow_inf_nan=False):
    """A part of ``card.json``: unknown fields and wrong types are errors."""


class DataCard(_Card):
    """The data set: ``test_sha256`` and ``train_sha256`` are ``dataset_fingerprint`` values."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    classes: tuple[str, ...] = Field(min_length=1)
    image_shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    background: float | tuple[float, ...]
    licence: str
    origin: str
    limit: PositiveInt | None = None
    train_images: PositiveInt
    test_images: PositiveInt
    train_sha256: str
    test_sha256: str


class ModelCard(_Card):
    """The model: its recipe with the values used, and the number of weights."""

    latent_dim: PositiveInt
    recipe_name: str
    recipe: Recipe
    parameters: PositiveInt


class TrainingCard(_Card):
    """How the model was trained; the same command gives the same bundle.

    But not so with ``--minutes``: how many epochs it allows, the machine decides.
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


class Metrics(_Card):
    """Figures on the test set, defined in ``evaluation``; terms in nats per image."""

    neg_elbo: float
    reconstruction: float
    kl: float
    samples: PositiveInt
    entropy_floor: float | None
    excess: float | None
    importance: ImportanceBound
    kl_per_dimension: tuple[float, ...]
    active_units: int
    knn_accuracy: float | None
    knn_accuracy_pca: float | None
    knn_neighbours: PositiveInt
    squared_error: float
    squared_error_pca: float


class FileCard(_Card):
    """What a file of the bundle must be."""

    bytes: int
    sha256: str


class Card(_Card):
    """``card.json``."""

    schema_version: int
    name: str = Field(pattern=_NAME)
    data: DataCard
    model: ModelCard
    training: TrainingCard
    metrics: Metrics
    files: dict[str, FileCard]

    @field_validator("schema_version")
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version != SCHEMA_VERSION:
            raise ValueError(
                f"it is {version}, but this version of the explorer reads {SCHEMA_VERSION}: "
                "train the model again with it"
            )
        return version

    @model_validator(mode="after")
    def _agree_with_itself(self) -> Card:
        dimensions, terms = self.model.latent_dim, len(self.metrics.kl_per_dimension)
        if terms != dimensions:
            raise ValueError(f"kl_per_dimension has {terms} values; latent_dim is {dimensions}")
        background, channels = self.data.background, self.data.image_shape[2]
        if isinstance(background, tuple) and len(background) != channels:
            raise ValueError(f"background has {len(background)} values for {channels} channels")
        return self

    @property
    def title(self) -> str:
        """What a person reads: data set, latent dimension and whether there is a flow."""
        flow = " with flow" if self.model.recipe.flow else ""
        return f"{self.data.title} · {self.model.latent_dim}-D{flow}"


@dataclass(frozen=True)
class Latents:
    """What the encoder makes of the data, float32.

    Means and log-variances are rounded to half precision, as which they are stored.

    Attributes:
        z_mean, z_log_var: of the test set, ``(n, latent_dim)``.
        labels: of the test set, ``(n,)`` int64.
        neg_elbo: of each test image, nats, ``(n,)``.
        log_density: of the aggregate posterior at each ``z_mean``, nats, ``(n,)``.
        train_z_mean, train_z_log_var: of a sample of the training set, whose
            mixture is that aggregate posterior, ``(m, latent_dim)``.
    """

    z_mean: np.ndarray
    z_log_var: np.ndarray
    labels: np.ndarray
    neg_elbo: np.ndarray
    log_density: np.ndarray
    train_z_mean: np.ndarray
    train_z_log_var: np.ndarray


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Attributes:
        path: its folder.
        card: what ``card.json`` says.
        content: SHA-256 of the card, which covers every file.
        latents: of test and training images.
        history: each term per epoch.
        codec: encoder and decoder.
        model_keras: contents of that file.
    """

    path: Path
    card: Card
    content: str
    latents: Latents
    history: History
    codec: Codec
    model_keras: bytes

    @cached_property
    def aggregate_posterior(self) -> AggregatePosterior:
        """The density of the training data in latent space."""
        return AggregatePosterior(self.latents.train_z_mean, self.latents.train_z_log_var)

    @cached_property
    def sorted_log_density(self) -> np.ndarray:
        """The test set's own log-densities in ascending order: the scale of the trust reading."""
        return np.sort(self.latents.log_density)

    @cached_property
    def sorted_neg_elbo(self) -> np.ndarray:
        """The test set's own −ELBOs in ascending order, nats per image."""
        return np.sort(self.latents.neg_elbo)

    @cached_property
    def active_units(self) -> np.ndarray:
        """Which latent dimensions tell test images apart, bool ``(latent_dim,)``."""
        return active_units(self.latents.z_mean)

    @cached_property
    def dimensions_by_kl(self) -> tuple[int, ...]:
        """Latent dimensions from the one that carries most to the one that carries least."""
        return tuple(int(i) for i in np.argsort(-np.array(self.card.metrics.kl_per_dimension)))

    @property
    def main_dimensions(self) -> tuple[int, ...]:
        """The two latent dimensions of largest KL, or the only one, in ascending order."""
        return tuple(sorted(self.dimensions_by_kl[:2]))


@dataclass(frozen=True)
class Reference:
    """A trained model without its weights, for comparison only: its card and history."""

    card: Card
    history: History


def storable(text: str) -> str:
    """The text with '?' for bytes of a file's name that are no UTF-8: JSON cannot hold them."""
    return text.encode(errors="replace").decode()


def check_name(name: str) -> None:
    """Raise a ``BundleError`` if ``name`` is not a valid bundle name."""
    if not re.fullmatch(_NAME, name) or name in _RESERVED:
        raise BundleError(
            f"{name!r} cannot name a bundle: use up to 100 small letters, digits, '-', '_' and "
            f"'.', starting with a letter or digit, and not {' or '.join(map(repr, _RESERVED))}; "
            f"give it with --name"
        )


def find_bundles(folder: Path) -> list[Path]:
    """The bundle folders in ``folder``, whole or broken, by name."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and path.name not in _RESERVED and not path.name.startswith(".")
    )


def read_card(path: Path) -> Card:
    """Read a bundle's card and check every file against it.

    Raises:
        BundleError: a file is missing, cut short or changed, or the card is not one.
    """
    return _read_checked(path, FILES)[0]


def load_bundle(path: Path) -> Bundle:
    """Load a bundle with all checks.

    Raises:
        BundleError: as for ``read_card``, or the contents contradict the card.
    """
    card, content, files = _read_checked(path, FILES)
    _check_model(card, files)
    return Bundle(
        path,
        card,
        content,
        latents=_make_latents(card, files),
        history=_make_history(card, files),
        codec=_make_codec(card, files),
        model_keras=files["model.keras"],
    )


def find_references(folder: Path) -> list[Path]:
    """The folders of the references that lie beside the bundles in ``folder``, by name."""
    return find_bundles(folder / REFERENCES_FOLDER)


def reference_path(folder: Path, name: str) -> Path:
    """Where a reference lies beside the bundles in ``folder``."""
    return folder / REFERENCES_FOLDER / name


def load_reference(path: Path) -> Reference:
    """Load a reference, or of a bundle the same parts, with all checks.

    Raises:
        BundleError: as for ``read_card``, or the history contradicts the card.
    """
    card, _, files = _read_checked(path, REFERENCE_FILES)
    return Reference(card, _make_history(card, files))


def save_reference(card: Card, history: History, folder: Path) -> Path:
    """Put a reference beside the bundles in ``folder``; what the card says of files is replaced.

    Returns:
        Where it was put: ``reference_path``.
    """
    path = reference_path(folder, card.name)
    with unfinished(path) as beside:
        save_history(history, beside / "history.json")
        files = file_cards(beside, REFERENCE_FILES)
        save_card(card.model_copy(update={"files": files}), beside / "card.json")
    return path


def file_cards(folder: Path, names: Iterable[str] = FILES) -> dict[str, FileCard]:
    """Sizes and hashes of a bundle's files."""
    contents = {name: (folder / name).read_bytes() for name in names}
    return {
        name: FileCard(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, data in contents.items()
    }


def save_latents(latents: Latents, path: Path) -> None:
    """Write ``latents.npz``."""
    arrays = {field.name: getattr(latents, field.name) for field in fields(Latents)}
    halves = {name: to_half(arrays[name]) for name in _HALVES}
    save_arrays_to(path, **{**arrays, **halves})


def save_arrays_to(target: Path | BinaryIO, **arrays: np.ndarray) -> None:
    """Write a compressed ``.npz`` whose bytes depend on the arrays alone (no time stamps)."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in arrays.items():
            with archive.open(_npz_entry(name), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def save_history(history: History, path: Path) -> None:
    """Write ``history.json``: each term per epoch, nats per image."""
    rounded = {name: [round(value, 4) for value in values] for name, values in history.items()}
    path.write_text(json.dumps(rounded) + "\n", encoding="utf-8")


def save_card(card: Card, path: Path) -> None:
    """Write ``card.json``."""
    path.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")


def save_images(images: np.ndarray, path: Path) -> None:
    """Keep test images for all bundles of a data set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.unfinished")
    save_arrays_to(beside, images=images)
    os.replace(beside, path)


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A folder to write a bundle into, put in place as ``path`` when all of it is written.

    An earlier bundle of that name is replaced as a whole or left as it was.
    """
    recover(path.parent)
    folder = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    flush(folder)
    previous = _previous(path)
    shutil.rmtree(previous, ignore_errors=True)
    if path.exists():
        os.replace(path, previous)
    try:
        os.replace(folder, path)
    except OSError:
        recover(path.parent)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def recover(folder: Path) -> None:
    """Bring back a bundle whose replacement was interrupted between the two renames."""
    for previous in folder.glob(f".*{_PREVIOUS}"):
        path = folder / previous.name[1 : -len(_PREVIOUS)]
        if path.exists():
            shutil.rmtree(previous)
        else:
            os.replace(previous, path)


def images_path(folder: Path, data: DataCard) -> Path:
    """Where the test images of a data set are kept for all its bundles in ``folder``."""
    return folder / IMAGES_FOLDER / f"{data.name}-{data.test_sha256[:8]}.npz"


def load_images(path: Path, data: DataCard) -> np.ndarray:
    """Read kept test images, ``(n, height, width, channels)`` uint8.

    Raises:
        BundleError: the file is damaged or holds other images.
    """
    place = f"{path.name} of {path.parent.name}"
    images = _arrays_of(_read_bytes(path), ["images"], place)["images"]
    _expect(place, "images", images, (data.test_images, *data.image_shape), np.uint8)
    return images


def _previous(path: Path) -> Path:
    return path.with_name(f".{path.name}{_PREVIOUS}")


def _read_checked(path: Path, names: Iterable[str]) -> tuple[Card, str, dict[str, bytes]]:
    """The card, its SHA-256, and the contents of the named files, which are what it says."""
    card_bytes = _read_bytes(path / "card.json")
    try:
        card = Card.model_validate_json(card_bytes)
    except ValidationError as error:
        raise BundleError(
            f"card.json of {path.name} is not usable: {first_problem(error)}"
        ) from error
    if card.name != path.name:
        raise BundleError(f"card.json belongs to {card.name}, but its folder is {path.name}")
    if missing := [name for name in names if name not in card.files]:
        raise BundleError(f"card.json of {path.name} does not list {missing[0]}")
    files = {name: _read_bytes(path / name) for name in names}
    for name, data in files.items():
        _check_file(data, card.files[name], f"{name} of {path.name}")
    return card, hashlib.sha256(card_bytes).hexdigest(), files


def _check_file(data: bytes, expected: FileCard, place: str) -> None:
    if len(data) != expected.bytes:
        raise BundleError(
            f"{place} has {len(data):,} bytes; its card says "
            f"{expected.bytes:,}: the file was cut short or replaced"
        )
    if hashlib.sha256(data).hexdigest() != expected.sha256:
        raise BundleError(f"{place} was changed: its SHA-256 is not the card's")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise BundleError(f"{path.name} of {path.parent.name} {reason}") from error


def _check_model(card: Card, files: Mapping[str, bytes]) -> None:
    """See whether ``model.keras`` is of the model that the card describes."""
    place = f"model.keras of {card.name}"
    try:
        with _opened_zip(files["model.keras"]) as archive:
            config = json.loads(archive.read("config.json"))["config"]
        found = {
            "recipe": recipe_from_json(config["recipe"]).settings(),
            "image shape": tuple(config["image_shape"]),
            "latent dimension": config["latent_dim"],
        }
    except Exception as error:  # what a damaged zip raises shares no base class
        raise BundleError(f"{place} is not usable: {_one_line(error)}") from error
    expected = card.model.recipe.settings(), card.data.image_shape, card.model.latent_dim
    for (name, value), other in zip(found.items(), expected, strict=True):
        if value != other:
            raise BundleError(f"the {name} of {place} is not the card's")


def _opened_zip(data: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(data))
    if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
        raise ValueError(f"it would unpack to more than {MAX_UNPACKED:,} bytes")
    return archive


def _make_latents(card: Card, files: Mapping[str, bytes]) -> Latents:
    place = f"latents.npz of {card.name}"
    arrays = _arrays_of(files["latents.npz"], [field.name for field in fields(Latents)], place)
    n, d = card.data.test_images, card.model.latent_dim
    m = max(1, arrays["train_z_mean"].size // d)
    for name in ("z_mean", "z_log_var"):
        _expect(place, name, arrays[name], (n, d), np.float16)
        _expect(place, f"train_{name}", arrays[f"train_{name}"], (m, d), np.float16)
    for name in ("neg_elbo", "log_density"):
        _expect(place, name, arrays[name], (n,), np.float32)
    _expect(place, "labels", arrays["labels"], (n,), np.int64)
    if not 0 <= arrays["labels"].min() <= arrays["labels"].max() < len(card.data.classes):
        raise BundleError(f"{place} holds labels without a class name")
    return Latents(**{**arrays, **{name: arrays[name].astype(np.float32) for name in _HALVES}})


def _arrays_of(npz: bytes, names: Iterable[str], place: str) -> dict[str, np.ndarray]:
    try:
        _opened_zip(npz).close()
        with np.load(io.BytesIO(npz), allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except Exception as error:  # what a damaged zip raises shares no base class
        raise BundleError(f"{place} is not usable: {_one_line(error)}") from error


def _expect(place: str, name: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise BundleError(
            f"{name} in {place} is {array.dtype} {array.shape}; expected {np.dtype(dtype)} {shape}"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BundleError(f"{name} in {place} holds NaN or infinity")


def _make_history(card: Card, files: Mapping[str, bytes]) -> History:
    place = f"history.json of {card.name}"
    try:
        history = _HISTORY.validate_json(files["history.json"])
    except ValidationError as error:
        raise BundleError(f"{place} is not usable: {first_problem(error)}") from error
    epochs, planned = len(history.get("neg_elbo", ())), card.model.recipe.epochs
    if not 1 <= epochs <= planned:
        raise BundleError(f"{place} has {epochs} epochs; its card allows 1 to {planned}")
    for name in (*TERMS, *history):
        if (found := len(history.get(name, ()))) != epochs:
            raise BundleError(f"{place} has {name} of {found} epochs, but neg_elbo of {epochs}")
    return history


def _make_codec(card: Card, files: Mapping[str, bytes]) -> Codec:
    height, width, channels = card.data.image_shape
    latent_dim, recipe = card.model.latent_dim, card.model.recipe
    try:
        codec = onnx_codec(
            files["encoder.onnx"], files["decoder.onnx"], files["model.keras"], recipe
        )
    except Exception as error:  # onnxruntime's errors share no base class
        raise BundleError(
            f"encoder.onnx or decoder.onnx of {card.name} is not usable: {_one_line(error)}"
        ) from error
    outputs = channels if recipe.likelihood == "bernoulli" else 2 * channels
    shape = height, width, channels
    _try_out(f"encoder.onnx of {card.name}", codec.encode, shape, [(latent_dim,)] * 2)
    _try_out(
        f"decoder.onnx of {card.name}",
        lambda z: [codec.parameters(z)],
        (latent_dim,),
        [(height, width, outputs)],
    )
    return codec


def _try_out(
    place: str,
    run: Callable[[np.ndarray], Iterable[np.ndarray]],
    given: tuple[int, ...],
    expected: list[tuple[int, ...]],
) -> None:
    """Run a graph on two zeros and see whether it gives finite numbers of the card's shapes."""
    try:
        results = list(run(np.zeros((2, *given), np.float32)))
    except Exception as error:  # onnxruntime's errors share no base class
        raise BundleError(
            f"{place} does not take what its card says, {given}: {_one_line(error)}"
        ) from error
    found = [result.shape for result in results]
    if found != [(2, *shape) for shape in expected]:
        raise BundleError(f"{place} gives {found} for two; its card says {expected} for each")
    if not all(np.isfinite(result).all() for result in results):
        raise BundleError(f"{place} gives NaN or infinity")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _npz_entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"{name}.npy")
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
