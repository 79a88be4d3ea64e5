"""A loaded bundle: a trained model with its card, its latents and what runs its networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from explorer.bundle.card import BundleError, Card
from explorer.bundle.codec import AT_ONCE, Codec
from explorer.bundle.history import History
from explorer.bundle.latents import Latents
from explorer.bundle.posterior import Pair
from explorer.core.metrics import active_units
from explorer.core.subsets import in_chunks


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
