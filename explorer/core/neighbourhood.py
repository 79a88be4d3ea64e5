"""The neighbourhood map: images laid out in the plane so that neighbours stay neighbours.

``layout`` computes it when a bundle is written; ``static/live/shared/maps.js`` converts between
its places and latents. Latents are ``(n, latent_dim)``, places ``(n, 2)``, both float32. The unit
of length of a map is its median gap: the median distance from a dot to the nearest other dot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from explorer.core.geometry import principal_plane
from explorer.core.neighbours import BATCH, index, majority, nearest_others
from explorer.core.subsets import batches, evenly_spaced

Progress = Callable[[float], None]
"""A function that receives the share of the work that is done, 0 to 1."""

JUDGED_NEIGHBOURS = 15
"""Number of neighbours that the figures of a map are based on."""
PERPLEXITY = 30.0
"""How many neighbours t-SNE effectively looks at (van der Maaten & Hinton 2008)."""
MAX_LAID_OUT = 20_000
"""Largest number of images that t-SNE lays out; the others are placed among them."""
MAX_JUDGED = 10_000
"""Largest number of images whose neighbours are compared for the figures."""
EMPTY_SHARE = 0.99
"""A place is empty if its nearest dot is farther away than this quantile of the dots' own gaps."""
PLACING_NEIGHBOURS = 5
"""Number of nearest images that determine a latent's place, or nearest dots a place's latent."""
REACH = 10.0
"""Distance, in median gaps, within which neighbours' places count as lying together."""

_START = 1e-4  # standard deviation of the initial places: openTSNE's default
_ROUNDS = (250, 500)  # iterations of early exaggeration, and after it: openTSNE's defaults
_ROUNDS_PER_REPORT = 50


class MapFigures(NamedTuple):
    """How well a map keeps the neighbours and classes of the latents.

    Attributes:
        accuracy: share of images whose nearest other images vote for their class, 0 to 1;
            None without labels.
        kept: share of the nearest other images in latent space that are nearest on
            the map as well, 0 to 1.
    """

    accuracy: float | None
    kept: float


def layout(
    latents: np.ndarray, *, seed: int = 0, progress: Progress = lambda share: None
) -> np.ndarray:
    """Lay latents out in the plane by t-SNE, ``(n, 2)`` float32.

    t-SNE (van der Maaten & Hinton 2008) begins at the first two principal components
    (Kobak & Berens 2019) and is computed by openTSNE (Poličar, Stražar & Zupan 2024).
    Equal latents share a place. Of more than ``MAX_LAID_OUT`` different latents a random
    choice is laid out, and each of the others is placed among its nearest ones.

    The map is centred on its mean and scaled to a median gap of 1, which makes a map of
    ten thousand images some 500 wide. The same latents and seed give the same places with
    the same libraries on the same machine; elsewhere details differ, because rounding does.

    Args:
        latents: finite numbers, ``(n, latent_dim)``, n > 0, latent_dim > 1.
        seed: seed of all random choices.
        progress: called from time to time, the last time with 1.

    Raises:
        ValueError: the latents are not such an array.
    """
    latents = np.asarray(latents, np.float32)
    if latents.ndim != 2 or latents.size == 0 or not np.isfinite(latents).all():
        raise ValueError(
            "A map needs finite latents (n, latent_dim) with n > 0; "
            f"received {latents.dtype} {latents.shape}."
        )
    different, rows = np.unique(latents + np.float32(0.0), axis=0, return_inverse=True)
    chosen = np.arange(len(different))
    if len(different) > MAX_LAID_OUT:
        random = np.random.default_rng(seed)
        chosen = np.sort(random.choice(len(different), MAX_LAID_OUT, replace=False))
    end = len(chosen) / len(different)  # a guess: placing is about as fast as laying out
    laid_out = _lay_out(different[chosen], seed, lambda share: progress(end * share))
    places = np.empty((len(different), 2))
    places[chosen] = laid_out / _median_gap(laid_out)
    others = np.setdiff1d(np.arange(len(different)), chosen, assume_unique=True)
    for batch in batches(len(others), BATCH):
        z = different[others[batch]]
        places[others[batch]] = _place_among(z, different[chosen], places[chosen])
        progress(end + (1.0 - end) * min(1.0, batch.stop / len(others)))
    places -= places[rows].mean(axis=0)
    places /= _median_gap(places)
    progress(1.0)
    return np.asarray(places[rows], np.float32)


def empty_distance(places: np.ndarray) -> float:
    """Distance from the nearest dot beyond which a place is empty, in the map's unit of length.

    ``EMPTY_SHARE`` of the dots have another dot within this distance; dots that share a
    place count once.
    """
    gaps = _gaps(places)
    return float(np.quantile(gaps, EMPTY_SHARE)) if len(gaps) else 1.0


def latents_at(
    points: np.ndarray, places: np.ndarray, latents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The latents at points of a map: the weighted mean of the nearest dots' latents.

    Weights are 1 / distance² (Shepard 1968), as on the page; at a dot, that dot has all the weight.

    Args:
        points: ``(m, 2)``.
        places: places of the dots, ``(n, 2)``.
        latents: latents of the dots, ``(n, latent_dim)``.

    Returns:
        Latents ``(m, latent_dim)``, and distances to the nearest dot ``(m,)``.
    """
    distances, found = index(places).kneighbors(points, min(PLACING_NEIGHBOURS, len(places)))
    nearest = distances[:, :1]
    first = np.arange(distances.shape[1]) == 0
    weights = np.where(nearest > 0, np.square(nearest / np.maximum(distances, 1e-30)), first)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkd->md", weights, latents[found]).astype(np.float32), nearest[:, 0]


def map_figures(
    latents: np.ndarray, labels: np.ndarray | None, maps: Mapping[str, np.ndarray]
) -> dict[str, MapFigures]:
    """Figures of maps of the same latents, by name.

    Neighbours are the ``JUDGED_NEIGHBOURS`` nearest of all other images, exact and Euclidean. Among
    classes with equally many votes, that of the nearest image wins. Of more than ``MAX_JUDGED``
    images, that number is judged, evenly spaced.

    Args:
        latents: ``(n, latent_dim)``, n > 1.
        labels: integers, ``(n,)``, or None.
        maps: what to judge, each ``(n, any)``: the places of a neighbourhood map, of a
            plane, or the latents themselves.
    """
    n = len(latents)
    k = min(JUDGED_NEIGHBOURS, n - 1)
    rows = evenly_spaced(n, MAX_JUDGED)
    _, true = nearest_others(latents, k, rows)

    def judge(points: np.ndarray) -> MapFigures:
        _, found = nearest_others(points, k, rows)
        kept = [np.isin(a, b).mean() for a, b in zip(true, found, strict=True)]
        accuracy = None
        if labels is not None:
            accuracy = float(np.mean(majority(labels[found]) == labels[rows]))
        return MapFigures(accuracy, float(np.mean(kept)))

    return {name: judge(points) for name, points in maps.items()}


def _lay_out(latents: np.ndarray, seed: int, progress: Progress) -> np.ndarray:
    """t-SNE of latents that all differ, ``(n, 2)`` float64; for up to three, their plane."""
    if len(latents) < 4:
        return principal_plane(latents).project(latents)
    from openTSNE import TSNE

    start = principal_plane(latents).project(latents)
    start *= _START / start[:, 0].std()
    start += np.random.default_rng(seed).normal(0.0, 0.01 * _START, start.shape)
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        done += _ROUNDS_PER_REPORT
        progress(done / sum(_ROUNDS))

    places = TSNE(
        perplexity=min(PERPLEXITY, (len(latents) - 1) / 3.0),
        early_exaggeration_iter=_ROUNDS[0],
        n_iter=_ROUNDS[1],
        initialization=start,
        random_state=seed,
        n_jobs=1,  # sums in the same order on every machine, and no waiting threads
        callbacks=count,
        callbacks_every_iters=_ROUNDS_PER_REPORT,
    ).fit(latents)
    return np.asarray(places, np.float64)


def _place_among(z: np.ndarray, latents: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Where latents lie on a map: the weighted mean of their nearest images' places, ``(m, 2)``.

    Weights are 1 / distance² (Shepard 1968) in latent space. t-SNE may put neighbours
    far apart, and their mean would lie among images of neither kind; so the mean is
    taken over those within ``REACH`` of one of them: the one for which their weights sum to
    the most.

    Args:
        z: ``(m, latent_dim)``, none of which equals one of ``latents``.
        latents: latents of the images, ``(n, latent_dim)``.
        places: places of the images, ``(n, 2)``.
    """
    distances, found = index(latents).kneighbors(z, min(PLACING_NEIGHBOURS, len(latents)))
    weights = np.square(distances[:, :1] / distances)  # (m, k), up to a factor
    near = places[found]  # (m, k, 2)
    between = np.linalg.norm(near[:, :, np.newaxis] - near[:, np.newaxis], axis=3)
    together = (between <= REACH) * weights[:, np.newaxis]  # (m, k, k)
    weights = together[np.arange(len(z)), together.sum(axis=2).argmax(axis=1)]  # (m, k)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("mk,mkd->md", weights, near))


def _median_gap(places: np.ndarray) -> float:
    """The median gap between distinct places; 1 if there is only one."""
    gaps = _gaps(places)
    return float(np.median(gaps)) if len(gaps) else 1.0


def _gaps(places: np.ndarray) -> np.ndarray:
    """Distances from each distinct place to the nearest other one; empty for a single place."""
    different = np.unique(places, axis=0)
    return nearest_others(different, 1)[0][:, 0] if len(different) > 1 else np.empty(0)
