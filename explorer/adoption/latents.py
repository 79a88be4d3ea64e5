"""A bundle of latents alone: the map of images by what some model made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from explorer.adoption.graphs import MAX_SAID, AdoptionError
from explorer.adoption.result import About, Origin, hashes, write_bundle
from explorer.adoption.trial import MAX_LATENT_DIM
from explorer.bundle.figures import ModelOutputs, rounded, summarise, training_sample
from explorer.core.density import KERNEL_POINTS, kernel_log_variance
from explorer.core.neighbourhood import Progress
from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset
from explorer.data.layouts.labels import (
    LABEL_NAMES,
    can_be_classes,
    in_natural_order,
    index_classes,
    plain,
)
from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.errors import one_line

NOTE = "there are latents alone: no encoder, no decoder and no reconstructions"


def adopt_latents(
    about: About,
    latents: Path,
    images: str,
    labels: Path | None,
    reading: Reading,
    data_dir: Path | None,
    report: Callable[[str], None],
    progress: Progress,
) -> Path:
    """Make a bundle of latents and the images that they belong to.

    Args:
        about: its name and place.
        latents: a ``.npy`` file, ``(n, …)``, one latent for each image in the order of the images.
        images: a data set's name, of which the test images are taken, or a path to images, of
            which all are taken if they have no test split.
        labels: a ``.npy`` file of n numbers or words, or a text file of n lines, that are the
            classes; None for those of the images.
        reading: how the images are to be read.
        data_dir: where data sets are looked for first.
        report: is given a line at a time.
        progress: is told how far the neighbourhood map is.

    Returns:
        Where the bundle was put.

    Raises:
        ExplorerError: with a sentence for a person; nothing was written.
    """
    about.find_place()
    z = rounded(_read_latents(latents))
    dataset = load_dataset(images, replace(reading, whole=True), data_dir=data_dir)
    if labels is not None:
        dataset = _with_labels(dataset, labels)
    if len(z) != len(dataset.test.images):
        raise AdoptionError(
            f"{latents.name} has {len(z):,} latents, but {dataset.title} has "
            f"{len(dataset.test.images):,} images: one latent is needed for each, in their order"
        )
    report(f"{dataset.title}: {len(z):,} images, latents of {z.shape[1]} numbers")
    kernel = kernel_log_variance(z[evenly_spaced(len(z), KERNEL_POINTS)])
    log_var = np.full_like(z, kernel)
    metrics, found = summarise(
        ModelOutputs(z, log_var, z, log_var), dataset, training_sample(dataset), progress=progress
    )
    files = [path for path in (latents, labels) if path is not None]
    origin = Origin(
        files=hashes(*files),
        conventions={},
        notes=(NOTE,),
    )
    return write_bundle(about, origin, dataset, metrics, found)


def _read_latents(path: Path) -> np.ndarray:
    """Latents ``(n, latent_dim)`` float32."""
    z = _read_array(path)
    if z.ndim < 2 or z.dtype.kind not in "fiu":
        raise AdoptionError(f"{path.name} holds {z.dtype} {z.shape}; expected numbers, (n, d)")
    latent_dim = math.prod(z.shape[1:])
    if not (len(z) and 1 <= latent_dim <= MAX_LATENT_DIM):
        raise AdoptionError(
            f"{path.name} has {len(z):,} latents of {latent_dim:,} numbers; at least one is "
            f"expected, of 1 to {MAX_LATENT_DIM:,} numbers"
        )
    z = z.reshape(len(z), latent_dim).astype(np.float32)
    if not np.isfinite(z).all():
        raise AdoptionError(f"{path.name} holds NaN or infinity")
    return z


def _with_labels(dataset: Dataset, path: Path) -> Dataset:
    """The images with the classes of a file."""
    if path.suffix == ".npy":
        values = plain(_read_array(path), path.name)
    else:
        try:
            values = np.array(path.read_text(encoding="utf-8-sig").rstrip().splitlines(), str)
        except (OSError, UnicodeDecodeError) as error:
            raise AdoptionError(f"{path} cannot be read: {one_line(error)}") from error
        if len(values) > len(dataset.test.images) and values[0].strip().lower() in LABEL_NAMES:
            values = values[1:]
    count = len(dataset.test.images)
    if values.shape != (count,) or not can_be_classes([values]):
        held = f"{len(values):,} labels" if values.ndim == 1 else f"{values.dtype} {values.shape}"
        raise AdoptionError(
            f"{path.name} holds {held}; expected {count:,} whole numbers or words, one for each "
            "image"
        )
    found, (labels,) = index_classes([values])
    classes = in_natural_order(found)
    places = np.array([classes.index(name) for name in found])
    return dataset.relabelled(places[labels], classes)


def _read_array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("it holds several arrays")
        return array
    except (OSError, ValueError, EOFError, MemoryError) as error:
        reason = f": {one_line(error, MAX_SAID)}" if path.suffix == ".npy" else ""
        raise AdoptionError(
            f"{path} is not a .npy file that can be read, as numpy.save writes it{reason}"
        ) from error
