"""``latents.npz``: the encoder's outputs for the data, and what maps and paths need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from explorer.bundle.arrays import expect, read_arrays, save_arrays
from explorer.bundle.card import BundleError, Card
from explorer.core.density import AggregatePosterior
from explorer.core.geodesics import DataGraph
from explorer.core.half import to_half
from explorer.core.subsets import evenly_spaced

MAX_UNPACKED = 2**30
"""Bytes: a ``latents.npz`` that unpacks to more is not read."""
_BYTES_PER_IMAGE = 256
"""What is allowed for all that is known of a test image besides its mean and log-variance."""
MAX_NODES = 20_000
"""Largest number of test images that are joined to their neighbours."""
MAX_DENSITY = 5_000
"""Largest number of training images whose posteriors make up the aggregate posterior."""
_MAY_BE_NAN = ("kl", "return_distance", "nearest_distance", "agreement")
ARRAYS = (
    *("z_mean", "z_log_var", "labels", "neg_elbo", "log_density"),
    *("train_z_mean", "train_z_log_var", *_MAY_BE_NAN),
)
"""Arrays that every ``latents.npz`` holds."""
_COLUMN = "column:"
"""Prefix of the names of further columns."""
_HALVES = ("z_mean", "z_log_var", "train_z_mean", "train_z_log_var")


@dataclass(frozen=True)
class Latents:
    """The encoder's outputs for the data, float32.

    Means and log-variances are rounded to half precision, in which they are stored.

    Attributes:
        z_mean, z_log_var: means and log-variances of the test set, ``(n, latent_dim)``.
        labels: class of each test image, ``(n,)`` int64.
        neg_elbo: −ELBO of each test image, nats, ``(n,)``.
        log_density: log-density of the aggregate posterior at each ``z_mean``, nats, ``(n,)``.
        train_z_mean, train_z_log_var: means and log-variances of a sample of the training set,
            whose mixture is that aggregate posterior, ``(m, latent_dim)``.
        kl: KL of each test image, nats, ``(n,)``; NaN where it is not known.
        return_distance: distance from each ``z_mean`` to where its decoded picture is encoded,
            ``(n,)``.
        nearest_distance: distance to the nearest other ``z_mean``, ``(n,)``; NaN where not
            compared.
        agreement: share of the 15 nearest others with the same label, ``(n,)``; NaN likewise.
        places: places on the neighbourhood map, ``(n, 2)``; None if the model has none.
        graph: some test images joined to their neighbours; None in bundles of earlier versions,
            and without encoder and decoder.
        columns: whatever else is known about each test image, by name, ``(n,)``; NaN where unknown.
    """

    z_mean: np.ndarray
    z_log_var: np.ndarray
    labels: np.ndarray
    neg_elbo: np.ndarray
    log_density: np.ndarray
    train_z_mean: np.ndarray
    train_z_log_var: np.ndarray
    kl: np.ndarray
    return_distance: np.ndarray
    nearest_distance: np.ndarray
    agreement: np.ndarray
    places: np.ndarray | None = None
    graph: DataGraph | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def aggregate_posterior(self) -> AggregatePosterior:
        """The density of the training data in latent space."""
        return AggregatePosterior(self.train_z_mean, self.train_z_log_var)


def check_count(images: int, latent_dim: int, place: str) -> None:
    """Raise a BundleError if a bundle cannot hold the latents of so many test images.

    Args:
        images: the number of test images.
        latent_dim: dimensions of the latent space.
        place: what has these images, for the message.
    """
    most = MAX_UNPACKED // (4 * latent_dim + _BYTES_PER_IMAGE)  # 1,864,135 in 80-D
    if images > most:
        raise BundleError(
            f"{place} has {images:,} test images; with {latent_dim:,} latent dimensions, up to "
            f"{most:,} are taken"
        )


def graph_nodes(count: int) -> np.ndarray:
    """Which of ``count`` test images are the nodes of ``Latents.graph``, evenly spaced."""
    return evenly_spaced(count, MAX_NODES)


def save_latents(latents: Latents, path: Path) -> None:
    """Write ``latents.npz``."""
    arrays = {name: getattr(latents, name) for name in ARRAYS}
    arrays |= {name: to_half(arrays[name]) for name in _HALVES}
    if latents.places is not None:
        arrays["places"] = latents.places
    if latents.graph is not None:
        arrays |= {"edges": latents.graph.edges.astype(np.uint16), "costs": latents.graph.costs}
    save_arrays(path, **arrays, **{_COLUMN + name: v for name, v in latents.columns.items()})


def read_latents(card: Card, npz: bytes) -> Latents:
    """Read the contents of ``latents.npz``.

    Raises:
        BundleError: they contradict the card, or are too many.
    """
    n, d = card.data.test_images, card.model.latent_dim
    check_count(n, d, f"card.json of {card.name}")
    place = f"latents.npz of {card.name}"
    arrays = read_arrays(npz, ARRAYS, place, MAX_UNPACKED)
    m = min(max(1, arrays["train_z_mean"].size // d), MAX_DENSITY)
    for name in ("z_mean", "z_log_var"):
        expect(place, name, arrays[name], (n, d), np.float16)
        expect(place, f"train_{name}", arrays[f"train_{name}"], (m, d), np.float16)
    for name in ("neg_elbo", "log_density"):
        finite = name != "neg_elbo" or card.metrics.neg_elbo is not None
        expect(place, name, arrays[name], (n,), np.float32, finite=finite)
    further = [name for name in arrays if name.startswith(_COLUMN)]
    for name in (*_MAY_BE_NAN, *further):
        expect(place, name, arrays[name], (n,), np.float32, finite=False)
    if "places" in arrays:
        expect(place, "places", arrays["places"], (n, 2), np.float32)
    expect(place, "labels", arrays["labels"], (n,), np.int64)
    if not 0 <= arrays["labels"].min() <= arrays["labels"].max() < len(card.data.classes):
        raise BundleError(f"{place} holds labels without a class name")
    return Latents(
        **{name: arrays[name] for name in ARRAYS if name not in _HALVES},
        **{name: arrays[name].astype(np.float32) for name in _HALVES},
        places=arrays.get("places"),
        graph=_make_graph(arrays, place),
        columns={name.removeprefix(_COLUMN): arrays[name] for name in further},
    )


def _make_graph(arrays: Mapping[str, np.ndarray], place: str) -> DataGraph | None:
    if "edges" not in arrays or "costs" not in arrays:
        return None
    z = arrays["z_mean"][graph_nodes(len(arrays["z_mean"]))].astype(np.float32)
    edges, costs = arrays["edges"], arrays["costs"]
    count = edges.size // 2
    expect(place, "edges", edges, (count, 2), np.uint16)
    expect(place, "costs", costs, (count,), np.float32)
    if edges.max(initial=0) >= len(z) or costs.min(initial=0) < 0:
        raise BundleError(f"{place} holds edges between images that do not exist")
    return DataGraph(z, edges.astype(np.int64), costs)
