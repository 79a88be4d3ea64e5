"""Bounds on −log p(x) of all test images by many importance samples, kept in a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from explorer.bundle.arrays import expect, read_arrays, save_arrays
from explorer.bundle.atomic import unfinished
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import Bound, BundleError
from explorer.bundle.encoder_split import split_posterior
from explorer.bundle.files import read_checked
from explorer.bundle.store import GRAPHS, read_card, save_card
from explorer.core.bound import importance_bound
from explorer.core.metrics import standard_error
from explorer.core.pixels import to_unit_range
from explorer.data.dataset import Split

BOUND = "bound.npz"
"""Holds ``bound``: the bound of each test image, nats, ``(n,)`` float32."""


def demand_density(bundle: Bundle) -> None:
    """Raise BundleError if a model gives no density for its latents, and so has no bound."""
    model = bundle.card.model
    if not (model.has_graphs and model.has_variance):
        raise BundleError(
            f"{bundle.card.name} has no bound: it takes an encoder that gives log-variances, "
            "and a decoder"
        )


def bounds_of(bundle: Bundle, test: Split, samples: int) -> Callable[[Iterable[int]], np.ndarray]:
    """Return a function from indices of test images to their bounds, nats, float64.

    Args:
        bundle: a bundle with graphs, whose encoder gives log-variances.
        test: its test images.
        samples: draws of z for each image, K.

    Raises:
        BundleError: the model gives no density for its latents.
    """
    model = bundle.card.model
    demand_density(bundle)
    codec = bundle.codec
    if model.has_flow:
        codec = replace(codec, posterior=split_posterior(bundle.encoder, model.latent_dim))

    def bound(index: int) -> float:
        given, image = codec.given(int(test.labels[index])), to_unit_range(test.images[index])
        return importance_bound(given, image, index, model.latent_dim, samples=samples)

    return lambda indices: np.array([bound(int(index)) for index in indices])


def summarise_bounds(bounds: np.ndarray, samples: int) -> Bound:
    """The mean over images, and its standard error."""
    values = bounds.astype(np.float64)
    return Bound(
        samples=samples,
        images=len(values),
        bound=round(float(values.mean()), 3),
        error=round(standard_error(values), 3),
    )


def save_bounds(bundle: Bundle, bounds: np.ndarray, samples: int) -> Bound:
    """Put the bounds of all test images into a bundle; every other file stays as it is.

    Returns:
        What the card then says about them.

    Raises:
        BundleError: the bundle was replaced by another model in the meantime.
    """
    told = summarise_bounds(bounds, samples)
    there = read_card(bundle.path).files
    if any(there.get(name) != bundle.card.files[name] for name in (*GRAPHS, "latents.npz")):
        raise BundleError(f"{bundle.card.name} was replaced while its bound was computed")
    with unfinished(bundle.path) as folder:
        shutil.copytree(bundle.path, folder, dirs_exist_ok=True)
        save_arrays(folder / BOUND, bound=bounds.astype(np.float32))
        card = bundle.card.model_copy(update={"bound": told})
        save_card(card, folder, dict.fromkeys([*card.files, BOUND]))
    return told


def read_bounds(bundle: Bundle) -> np.ndarray:
    """The bounds that a bundle keeps, ``(n,)`` float32.

    Raises:
        BundleError: the file is missing, was changed, or does not fit the card.
    """
    place = f"{BOUND} of {bundle.card.name}"
    if BOUND not in bundle.card.files:
        raise BundleError(f"card.json of {bundle.card.name} does not list {BOUND}")
    content = read_checked(bundle.path / BOUND, bundle.card.files[BOUND])
    bounds = read_arrays(content, ["bound"], place)["bound"]
    expect(place, "bound", bounds, (bundle.card.data.test_images,), np.float32)
    return bounds
