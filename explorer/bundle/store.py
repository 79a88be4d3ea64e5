"""Bundles: all that the app needs for one trained model, in one folder of plain files.

``pretrained/<name>/`` holds ``card.json``, ``encoder.onnx``, ``decoder.onnx``,
``latents.npz`` and ``history.json``; docs/bundles.md documents them. An adopted model has no
history, and one that came without graphs may have ``reconstructions.npz`` instead. References,
for comparison only, lie in ``pretrained/references/``. Loading checks everything and runs no code
from a bundle.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from explorer.bundle.arrays import read_images
from explorer.bundle.atomic import unfinished
from explorer.bundle.card import NAME, BundleError, Card, parse_card
from explorer.bundle.codec import AT_ONCE, Codec
from explorer.bundle.files import check_size, describe_file, read_checked, read_file
from explorer.bundle.latents import Latents, read_latents
from explorer.bundle.posterior import Pair
from explorer.bundle.trial import tried_codec
from explorer.core.elbo import TERMS
from explorer.core.metrics import active_units
from explorer.core.subsets import in_chunks
from explorer.recipes.recipe import first_problem
from explorer.root import DEFAULT_FOLDER

GRAPHS = ("encoder.onnx", "decoder.onnx")
HISTORY = "history.json"
FILES = (*GRAPHS, "latents.npz", HISTORY)
RECONSTRUCTIONS = "reconstructions.npz"
REFERENCE_FILES = (HISTORY,)
IMAGES_FOLDER = "images"
REFERENCES_FOLDER = "references"
_RESERVED = (IMAGES_FOLDER, REFERENCES_FOLDER)
History = dict[str, list[float]]
_HISTORY = TypeAdapter(History, config=ConfigDict(strict=True, allow_inf_nan=False))


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Attributes:
        path: its folder.
        card: what ``card.json`` says.
        content: SHA-256 of the card, which covers every file.
        latents: latents of test and training images.
        history: each term per epoch; empty for an adopted model.
        encoder, decoder: contents of the two ``.onnx`` files; empty without graphs.
        codec_if_any: what runs these two graphs; None without them.
        reconstructions: reconstructions of the test images, ``(n, height, width, channels)`` uint8,
            where they were stored because there are no graphs.
        label: the class that a conditional model decodes.
    """

    path: Path
    card: Card
    content: str
    latents: Latents
    history: History
    encoder: bytes
    decoder: bytes
    codec_if_any: Codec | None
    reconstructions: np.ndarray | None
    label: int = 0

    def encode(self, images: Any, label: int | None = None) -> Pair:
        """q(z|x) of images.

        Args:
            images: ``(n, height, width, channels)`` or a single image, uint8 0–255, or float in
                [0, 1]; ``card.data.image_shape`` has their shape.
            label: their class, for a conditional model; by default ``self.label``.

        Returns:
            ``z_mean`` and ``z_log_var``, ``(n, latent_dim)`` float32 each.

        Raises:
            BundleError: they have another shape, type or range, or the bundle has no graphs.
        """
        pixels = np.asarray(images)
        is_bytes = pixels.dtype == np.uint8
        batch = self._batch(pixels, self.card.data.image_shape, "images")
        if not is_bytes and (pixels.dtype.kind != "f" or batch.min() < 0 or batch.max() > 1):
            raise BundleError(
                f"{self.card.name} takes images as uint8, or as floats from 0 to 1, not "
                f"{pixels.dtype} from {batch.min():g} to {batch.max():g}"
            )
        batch /= np.float32(255.0 if is_bytes else 1.0)
        parts = [self._codec_of(label).encode(some) for some in in_chunks(batch, AT_ONCE)]
        z_mean, z_log_var = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return z_mean, z_log_var

    def decode(self, z: Any, label: int | None = None) -> np.ndarray:
        """Mean images of latents, ``(n, height, width, channels)`` float32 in [0, 1].

        Args:
            z: ``(n, latent_dim)``, or a single latent.
            label: the class, for a conditional model; by default ``self.label``.

        Raises:
            BundleError: they have another shape, or the bundle has no graphs.
        """
        batch = self._batch(np.asarray(z), (self.card.model.latent_dim,), "latents")
        codec = self._codec_of(label)
        return np.concatenate([codec.decode(some) for some in in_chunks(batch, AT_ONCE)])

    @property
    def labels(self) -> np.ndarray:
        """Class of each test image, ``(n,)`` int64; ``card.data.classes`` has their names."""
        return self.latents.labels

    @property
    def figures(self) -> dict[str, Any]:
        """The figures of the test set by name, terms in nats per image; see ``Metrics``."""
        return self.card.metrics.model_dump()

    def _batch(self, values: np.ndarray, shape: tuple[int, ...], what: str) -> np.ndarray:
        batch = values[np.newaxis] if values.shape == shape else values
        if batch.shape[1:] != shape or not len(batch):
            expected = ", ".join(map(str, shape))
            raise BundleError(
                f"{self.card.name} takes {what} of shape (n, {expected}), not {values.shape}"
            )
        batch = batch.astype(np.float32)
        if not np.isfinite(batch).all():
            raise BundleError(
                f"{self.card.name} takes {what} of finite numbers, not NaN or infinity"
            )
        return batch

    def _codec_of(self, label: int | None) -> Codec:
        if self.codec_if_any is None:
            raise BundleError(f"{self.card.name} came without encoder and decoder")
        classes = len(self.card.data.classes)
        label = self.label if label is None else label
        if not 0 <= label < classes:
            raise BundleError(f"{self.card.name} has classes 0 to {classes - 1}, not {label}")
        return self.codec_if_any.given(label)

    @property
    def codec(self) -> Codec:
        """What runs the graphs, given the bundle's class; BundleError if there are none."""
        return self._codec_of(self.label)

    def reconstruct(self, rows: np.ndarray) -> np.ndarray:
        """Decode test images at their means, each as its own class: ``Codec.decode``."""
        z = self.latents.z_mean[rows]
        (images,) = self.codec.run_by_class(
            self.latents.labels[rows], lambda codec, some: [codec.decode(z[some])]
        )
        return images

    @property
    def has_reconstructions(self) -> bool:
        """Whether there are reconstructions of the test images, decoded or stored."""
        return self.codec_if_any is not None or self.reconstructions is not None

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
        """Which latent dimensions vary over the test images, bool ``(latent_dim,)``."""
        return active_units(self.latents.z_mean)

    @cached_property
    def dimension_weights(self) -> tuple[float, ...]:
        """How much each latent dimension carries: its KL in nats, or, if the encoder gives no
        variance, the variance of its means."""
        kl = self.card.metrics.kl_per_dimension
        return kl or tuple(self.latents.z_mean.var(axis=0).tolist())

    @cached_property
    def dimensions_by_kl(self) -> tuple[int, ...]:
        """Latent dimensions from the one that carries most to the one that carries least."""
        return tuple(np.argsort(-np.asarray(self.dimension_weights), kind="stable").tolist())

    @property
    def main_dimensions(self) -> tuple[int, ...]:
        """The two latent dimensions that carry most, or the only one, in ascending order."""
        return main_dimensions(self.dimension_weights)


@dataclass(frozen=True)
class Reference:
    """A trained model without its weights, for comparison only: its card and history."""

    card: Card
    history: History


def main_dimensions(weights: Sequence[float] | np.ndarray) -> tuple[int, ...]:
    """The two latent dimensions of largest weight, or the only one, in ascending order."""
    return tuple(sorted(np.argsort(-np.asarray(weights), kind="stable")[:2].tolist()))


def check_name(name: str) -> None:
    """Raise a ``BundleError`` if ``name`` is not a valid name for a bundle."""
    if not re.fullmatch(NAME, name) or name in _RESERVED:
        raise BundleError(
            f"{name!r} cannot name a bundle: use up to 100 small letters, digits, '-', '_' and "
            f"'.', starting with a letter or digit, and not {' or '.join(map(repr, _RESERVED))}"
        )


def find_bundles(folder: Path) -> list[Path]:
    """The bundle folders in ``folder``, whole or broken, by name."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if _is_folder(path) and path.name not in _RESERVED and not path.name.startswith(".")
    )


def _is_folder(path: Path) -> bool:
    """Whether it is a folder, or cannot be looked at: ``read_card`` then says so."""
    try:
        return path.is_dir()
    except OSError:
        return True


def read_card(path: Path, names: Iterable[str] = FILES) -> Card:
    """Read a bundle's card and check that its files are there, without reading them.

    Args:
        path: folder of the bundle.
        names: the files that it must have.

    Raises:
        BundleError: the card is not valid, or a file is missing or has another size.
    """
    return _read_card(path, names)[0]


def load_bundle(path: Path) -> Bundle:
    """Load a bundle with all checks.

    Raises:
        BundleError: as for ``read_card``, a file was changed, or the contents contradict
            the card.
    """
    try:
        card, content = _read_card(path, FILES)
        names = [name for name in (*FILES, RECONSTRUCTIONS) if name in card.files]
        files = {name: read_checked(path / name, card.files[name]) for name in names}
        return Bundle(
            path,
            card,
            content,
            latents=read_latents(card, files["latents.npz"]),
            history=_make_history(card, files[HISTORY]) if HISTORY in files else {},
            encoder=files.get("encoder.onnx", b""),
            decoder=files.get("decoder.onnx", b""),
            codec_if_any=tried_codec(card, files) if card.model.has_graphs else None,
            reconstructions=_make_reconstructions(card, files.get(RECONSTRUCTIONS)),
        )
    except MemoryError as error:
        raise BundleError(f"{path.name} needs more memory than this machine has") from error


def load(model: str | Path) -> Bundle:
    """Load a bundle for a notebook.

    Args:
        model: its name, in ``$LATENT_BUNDLES`` or among those that ship, or its folder.

    Returns:
        The bundle: ``encode`` and ``decode`` run its graphs; ``latents`` (``z_mean``,
        ``z_log_var``, ``neg_elbo``, … of the test set), ``labels`` and ``history`` hold arrays,
        ``figures`` numbers, ``card`` all that is known about it.

    Raises:
        BundleError: there is no bundle of that name, or it is broken.

    Example:
        >>> bundle = explorer.load("mnist-2d")
        >>> image = bundle.decode([0.5, -1.0])[0]
    """
    known = {path.name: path for path in find_bundles(DEFAULT_FOLDER)}
    path = known.get(str(model), Path(model))
    if not path.is_dir():
        there = ", ".join(known) or "none"
        raise BundleError(f"there is no bundle {str(model)!r}; in {DEFAULT_FOLDER} are: {there}")
    return load_bundle(path.resolve())


def find_references(folder: Path) -> list[Path]:
    """The folders of the references that lie beside the bundles in ``folder``, by name."""
    return find_bundles(folder / REFERENCES_FOLDER)


def reference_path(folder: Path, name: str) -> Path:
    """Where a reference lies beside the bundles in ``folder``."""
    return folder / REFERENCES_FOLDER / name


def load_reference(path: Path) -> Reference:
    """Load a reference, or the same parts of a bundle, with all checks.

    Raises:
        BundleError: as for ``load_bundle``, but only for card and history.
    """
    card = read_card(path, REFERENCE_FILES)
    if card.model.adopted:
        return Reference(card, {})
    history = read_checked(path / HISTORY, card.files[HISTORY])
    return Reference(card, _make_history(card, history))


def save_reference(card: Card, history: History, folder: Path) -> Path:
    """Put a reference beside the bundles in ``folder``; the card's list of files is replaced.

    Returns:
        Where it was put: ``reference_path``.
    """
    path = reference_path(folder, card.name)
    with unfinished(path) as beside:
        save_history(history, beside / HISTORY)
        save_card(card, beside, REFERENCE_FILES)
    return path


def save_history(history: History, path: Path) -> None:
    """Write ``history.json``: each term per epoch, nats per image."""
    rounded = {name: [round(value, 4) for value in values] for name, values in history.items()}
    path.write_text(json.dumps(rounded) + "\n", encoding="utf-8")


def save_card(card: Card, folder: Path, names: Iterable[str] = FILES) -> Card:
    """Write ``card.json`` beside the named files, with their sizes and hashes.

    Returns:
        The card as written.
    """
    files = {name: describe_file(folder / name) for name in names}
    card = card.model_copy(update={"files": files})
    (folder / "card.json").write_text(card.to_json(), encoding="utf-8")
    return card


def _read_card(path: Path, names: Iterable[str]) -> tuple[Card, str]:
    """The card, and the SHA-256 of its file."""
    content = read_file(path / "card.json")
    card = parse_card(content, path.name)
    absent = set()
    if card.model.adopted:
        absent.add(HISTORY)
    if not card.model.has_graphs:
        absent.update(GRAPHS)
    names = [name for name in names if name not in absent]
    if missing := [name for name in names if name not in card.files]:
        raise BundleError(f"card.json of {path.name} does not list {missing[0]}")
    for name in names:
        check_size(path / name, card.files[name])
    return card, hashlib.sha256(content).hexdigest()


def _make_reconstructions(card: Card, npz: bytes | None) -> np.ndarray | None:
    if npz is None:
        return None
    shape = card.data.test_images, *card.data.image_shape
    return read_images(npz, shape, f"{RECONSTRUCTIONS} of {card.name}")


def _make_history(card: Card, content: bytes) -> History:
    place = f"{HISTORY} of {card.name}"
    try:
        history = _HISTORY.validate_json(content)
    except ValidationError as error:
        raise BundleError(f"{place} is not usable: {first_problem(error)}") from error
    epochs, planned = len(history.get("neg_elbo", ())), card.model.recipe.epochs
    if not 1 <= epochs <= planned:
        raise BundleError(f"{place} has {epochs} epochs; its card allows 1 to {planned}")
    for name in (*TERMS, *history):
        if (found := len(history.get(name, ()))) != epochs:
            raise BundleError(f"{place} has {name} of {found} epochs, but neg_elbo of {epochs}")
    return history
