"""The name, place and origin of an adopted bundle, and writing it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.adoption.graphs import AdoptionError
from explorer.bundle.arrays import save_arrays
from explorer.bundle.atomic import unfinished
from explorer.bundle.card import AdoptionCard, Card, Condition, Metrics, ModelCard, storable
from explorer.bundle.graph import count_weights
from explorer.bundle.images import describe_data, images_path, save_images
from explorer.bundle.latents import Latents, save_latents
from explorer.bundle.store import RECONSTRUCTIONS, check_name, save_card
from explorer.core.likelihoods import LikelihoodName
from explorer.data.dataset import Dataset, dataset_fingerprint
from explorer.root import DEFAULT_FOLDER


@dataclass(frozen=True)
class About:
    """What the user says about the bundle.

    Attributes:
        name: name of the bundle.
        title, licence: title and licence of the model; without a title, the name is used.
        command: the command as it was typed.
        output: folder of the bundles.
        replace: whether to replace whatever has this name.
    """

    name: str
    title: str = ""
    licence: str = ""
    command: str = ""
    output: Path = DEFAULT_FOLDER
    replace: bool = False

    def find_place(self) -> Path:
        """Return the bundle's folder.

        Raises:
            ExplorerError: if the name is not valid for a bundle, or is taken.
        """
        check_name(self.name)
        path = self.output / self.name
        if path.exists() and not self.replace:
            raise AdoptionError(f"{path} is there already; --replace puts this model in its place")
        return path


@dataclass(frozen=True)
class Origin:
    """How the model was read; the fields are those of the same names in ``AdoptionCard``."""

    files: Mapping[str, str]
    conventions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    likelihood: LikelihoodName = "bernoulli"
    has_variance: bool = False
    condition: Condition | None = None


def hashes(*paths: Path) -> dict[str, str]:
    """SHA-256 of files in hex by file name, or by relative path if two have the same name."""
    paths = tuple(dict.fromkeys(path.absolute() for path in paths))
    names = [path.name for path in paths]
    if len({*names}) < len(names):
        common = Path(os.path.commonpath([path.parent for path in paths]))
        names = [path.relative_to(common).as_posix() for path in paths]
    return {name: _sha256(path) for name, path in zip(names, paths, strict=True)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bundle(
    about: About,
    origin: Origin,
    dataset: Dataset,
    metrics: Metrics,
    latents: Latents,
    *,
    graphs: Mapping[str, bytes] | None = None,
    reconstructions: np.ndarray | None = None,
) -> Path:
    """Write a bundle, completely or not at all.

    Args:
        about: its name and place.
        origin: where the model comes from.
        dataset: its images; test images are kept beside the bundle if their licence allows it.
        metrics, latents: metrics and latents of the model.
        graphs: encoder and decoder, by file name; None if there are none.
        reconstructions: reconstructed test images, uint8, for a model without graphs.

    Returns:
        The bundle's folder.
    """
    path = about.find_place()
    adopted = AdoptionCard(
        title=storable(about.title or about.name),
        licence=storable(about.licence),
        command=storable(about.command),
        files={storable(name): sha256 for name, sha256 in origin.files.items()},
        conventions=dict(origin.conventions),
        notes=tuple(map(storable, origin.notes)),
        likelihood=origin.likelihood,
        has_variance=origin.has_variance,
        has_graphs=graphs is not None,
        condition=origin.condition,
    )
    card = Card(
        name=about.name,
        data=describe_data(dataset, train_sha256=dataset_fingerprint(dataset.train)),
        model=ModelCard(
            latent_dim=latents.z_mean.shape[1],
            adopted=adopted,
            parameters=max(1, count_weights(*graphs.values())) if graphs else None,
        ),
        training=None,
        metrics=metrics,
        files={},
    )
    with unfinished(path) as folder:
        names = [*(graphs or ()), "latents.npz"]
        for name, graph in (graphs or {}).items():
            (folder / name).write_bytes(graph)
        save_latents(latents, folder / "latents.npz")
        if reconstructions is not None:
            save_arrays(folder / RECONSTRUCTIONS, images=reconstructions)
            names.append(RECONSTRUCTIONS)
        save_card(card, folder, names)
        if dataset.may_be_kept:
            save_images(dataset.test.images, images_path(about.output, card.data))
    return path
