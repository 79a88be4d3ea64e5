"""What the map needs for the test images: their own trust readings, neighbours and layout."""

from __future__ import annotations

import numpy as np

from explorer.bundle.card import MapCard
from explorer.bundle.codec import AT_ONCE, Codec
from explorer.core.geometry import principal_plane
from explorer.core.neighbourhood import (
    JUDGED_NEIGHBOURS,
    Progress,
    empty_distance,
    layout,
    map_figures,
)
from explorer.core.neighbours import nearest_others
from explorer.core.subsets import batches, evenly_spaced

MAX_COMPARED = 100_000
"""Largest number of test images that are compared with all others; the rest have NaN."""
SMALLEST = 4
"""Smallest number of latent dimensions with a neighbourhood map."""


def return_distances(codec: Codec, z: np.ndarray) -> np.ndarray:
    """‖E(D(z)) − z‖: how far each latent is from where its picture is encoded, ``(n,)`` float32."""
    found = np.empty(len(z), np.float32)
    for batch in batches(len(z), AT_ONCE):
        back, _ = codec.encode(codec.decode(z[batch]))
        found[batch] = np.linalg.norm(back.astype(np.float64) - z[batch], axis=1)
    return found


def compare_neighbours(z_mean: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest other test image, and share of the 15 nearest with its label.

    Args:
        z_mean: ``(n, latent_dim)``.
        labels: ``(n,)``.

    Returns:
        ``(n,)`` float32 each; NaN for a single image, and beyond ``MAX_COMPARED`` images.
    """
    distance, agreement = np.full((2, len(z_mean)), np.nan, np.float32)
    k = min(JUDGED_NEIGHBOURS, len(z_mean) - 1)
    if k:
        rows = evenly_spaced(len(z_mean), MAX_COMPARED)
        distances, neighbours = nearest_others(z_mean, k, rows)
        distance[rows] = distances[:, 0]
        agreement[rows] = (labels[neighbours] == labels[rows, np.newaxis]).mean(axis=1)
    return distance, agreement


def lay_out(z_mean: np.ndarray, progress: Progress) -> np.ndarray | None:
    """The places of a neighbourhood map, ``(n, 2)``; None below ``SMALLEST`` dimensions."""
    return layout(z_mean, progress=progress) if z_mean.shape[1] >= SMALLEST else None


def judge_maps(
    z_mean: np.ndarray,
    labels: np.ndarray,
    places: np.ndarray | None,
    main_dimensions: tuple[int, ...],
) -> dict[str, MapCard]:
    """How well each kind of map, and the latents themselves, keep neighbours, by name.

    Empty for models of one or two dimensions, whose map is the latent space.

    Args:
        z_mean: ``(n, latent_dim)``.
        labels: ``(n,)``.
        places: places on the neighbourhood map, if there is one.
        main_dimensions: the two dimensions of largest KL.
    """
    if z_mean.shape[1] < 3 or len(z_mean) < 2:
        return {}
    maps = {
        "dimensions": z_mean[:, main_dimensions],
        "principal": principal_plane(z_mean).project(z_mean),
        "latents": z_mean,
    }
    if places is not None:
        maps["neighbourhoods"] = places
    has_classes = len(np.unique(labels)) > 1
    return {
        name: MapCard(
            accuracy=None if found.accuracy is None else round(found.accuracy, 4),
            kept=round(found.kept, 4),
            empty_distance=round(empty_distance(maps[name]), 4)
            if name == "neighbourhoods"
            else None,
        )
        for name, found in map_figures(z_mean, labels if has_classes else None, maps).items()
    }
