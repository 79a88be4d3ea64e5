"""Paths along the data: the shortest ones in a graph of neighbouring latents.

A decoder pulls back a metric to the latent space: the length of a step is how much the picture
changes (Arvanitidis et al. 2018, "Latent Space Oddity"). Length alone would reward fading from
one picture into the other through places without data, so a step costs more where the data is
thin. The shortest path is sought among test images' latents, each joined to its
nearest ones (Chen et al. 2018, arXiv 1812.08284).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName
from explorer.core.neighbours import index, nearest_others
from explorer.core.subsets import batch_size_for, batches

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

JOINED = 10
"""Number of nearest latents that each one is joined to."""
THIN = 0.1
"""A place is thin if its density is below this quantile of the test images' densities."""
JUDGED = 61
"""Points on which a path is scored, evenly spaced in how the picture changes."""
_MAX_PENALTY = 8.0
"""The cost of a place stops growing this many nats below the thin limit."""


def embed(images: np.ndarray, likelihood: LikelihoodName) -> np.ndarray:
    """Coordinates in which Euclidean distances measure how much pictures differ, float32.

    For Bernoulli pixels 2 arcsin √p, in which small steps have their Fisher–Rao length; for
    others the means, which give that length up to a factor for Gaussian pixels of one variance.

    Args:
        images: decoded images in [0, 1], ``(n, height, width, channels)``.
        likelihood: the pixels' likelihood.

    Returns:
        ``(n, height * width * channels)``.
    """
    return LIKELIHOODS[likelihood].embed(images.reshape(len(images), -1).astype(np.float32))


def join_neighbours(z: np.ndarray) -> np.ndarray:
    """Join each latent to its nearest ones, and disconnected groups by bridges.

    Args:
        z: ``(n, latent_dim)``.

    Returns:
        Pairs of row indices, each pair once, ``(m, 2)`` int64.
    """
    k = min(JOINED, len(z) - 1)
    if k < 1:
        return np.empty((0, 2), np.int64)
    _, found = nearest_others(z, k)
    edges = np.stack([np.repeat(np.arange(len(z)), k), found.ravel()], axis=1)
    while len(groups := _groups(edges, len(z))) > 1:
        edges = np.concatenate([edges, *(_bridge(z, group) for group in groups[1:])])
    return np.unique(np.sort(edges, axis=1), axis=0)


def _groups(edges: np.ndarray, n: int) -> list[np.ndarray]:
    """Row indices of each connected component, the largest first."""
    from scipy.sparse.csgraph import connected_components

    _, group = connected_components(_matrix(edges, np.ones(len(edges)), n), directed=False)
    sizes = np.bincount(group)
    return [np.flatnonzero(group == which) for which in np.argsort(-sizes, kind="stable")]


def _bridge(z: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The closest pair of a latent in a group and one outside it, ``(1, 2)``."""
    others = np.setdiff1d(np.arange(len(z)), group)
    distances, found = index(z[others]).kneighbors(z[group], 1)
    here = int(distances[:, 0].argmin())
    return np.array([[group[here], others[found[here, 0]]]])


def edge_lengths(
    embedded: Callable[[slice], np.ndarray], edges: np.ndarray, block: int
) -> np.ndarray:
    """Distance of the pictures at each edge's ends, ‖φ(gᵢ) − φ(gⱼ)‖, φ as in ``embed``, ``(m,)``.

    Args:
        embedded: a slice of nodes → what ``embed`` returns for their pictures,
            ``(nodes, pixels)``.
        edges: pairs of nodes, ``(m, 2)``.
        block: number of nodes embedded at once; at most two blocks are held in memory.
    """
    lengths, ends = np.empty(len(edges)), np.sort(edges, axis=1)
    blocks = ends // block
    for first in np.unique(blocks[:, 0]):
        here = embedded(slice(first * block, (first + 1) * block))
        for second in np.unique(blocks[blocks[:, 0] == first, 1]):
            there = here
            if second != first:
                there = embedded(slice(second * block, (second + 1) * block))
            rows = np.flatnonzero((blocks == (first, second)).all(axis=1))
            for batch in batches(len(rows), batch_size_for(here.shape[1])):
                a, b = ends[rows[batch]].T
                offsets = here[a - first * block] - there[b - second * block]
                lengths[rows[batch]] = np.linalg.norm(offsets, axis=1)
    return lengths


def edge_costs(lengths: np.ndarray, log_density: np.ndarray, thin: float) -> np.ndarray:
    """The length of each edge times a penalty for thin data, ``(m,)`` float32.

    ‖φ(gᵢ) − φ(gⱼ)‖ · exp(clip(q₁₀ − log q, 0, 8) / 2).

    Args:
        lengths: see ``edge_lengths``, ``(m,)``.
        log_density: the lowest log q(z) along each edge, nats, ``(m,)``.
        thin: log-density q₁₀ below which a place is thin, nats.
    """
    return np.asarray(
        lengths * np.exp(np.clip(thin - log_density, 0, _MAX_PENALTY) / 2), np.float32
    )


def shortest_path(edges: np.ndarray, costs: np.ndarray, start: int, end: int) -> list[int]:
    """The nodes on the cheapest path from one node to another (Dijkstra 1959), both included.

    Raises:
        ValueError: no path joins them.
    """
    from scipy.sparse.csgraph import dijkstra

    n = int(max(edges.max(), start, end)) + 1
    positive = np.maximum(costs, np.finfo(np.float32).tiny)  # a cost of 0 would mean no edge
    _, before = dijkstra(
        _matrix(edges, positive, n), directed=False, indices=start, return_predecessors=True
    )
    nodes = [end]
    while nodes[-1] != start:
        if before[nodes[-1]] < 0:
            raise ValueError(f"there is no way from node {start} to node {end}")
        nodes.append(int(before[nodes[-1]]))
    return nodes[::-1]


def _matrix(edges: np.ndarray, costs: np.ndarray, n: int) -> csr_matrix:
    from scipy.sparse import coo_matrix

    return coo_matrix((costs, (edges[:, 0], edges[:, 1])), (n, n)).tocsr()


def along(path: np.ndarray, places: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Points on a piecewise linear path.

    Args:
        path: its corners, ``(k, d)``.
        places: how far along the path each corner lies, ascending, ``(k,)``.
        at: how far along the path the points lie, ``(m,)``.

    Returns:
        ``(m, d)`` float32.
    """
    return np.stack([np.interp(at, places, values) for values in path.T], axis=1).astype(np.float32)


def lengths_along(points: np.ndarray) -> np.ndarray:
    """Lengths of a path ``(k, d)`` up to each of its points, from 0 on, ``(k,)``.

    For embedded pictures (``embed``) this is how much the picture has changed up to there.
    """
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps, dtype=np.float64)])


@dataclass(frozen=True, eq=False)
class DataGraph:
    """Latents joined to their neighbours.

    Attributes:
        z: the nodes, ``(n, latent_dim)``.
        edges: pairs of nodes, ``(m, 2)``.
        costs: cost of each edge (``edge_costs``), ``(m,)``.
    """

    z: np.ndarray
    edges: np.ndarray
    costs: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Scores of a path.

    Attributes:
        length: how much the picture changes along it (``lengths_along``).
        thin: share of its points where the data is thin.
        return_distance: mean ‖E(D(z)) − z‖.
        jump: largest change of the picture in one step, divided by the mean change.
    """

    length: float
    thin: float
    return_distance: float
    jump: float


def score(
    embedded: np.ndarray, log_density: np.ndarray, return_distance: np.ndarray, thin: float
) -> Scores:
    """Judge the points of a path, ``(k, …)`` each; ``thin`` as for ``edge_costs``."""
    steps = np.diff(lengths_along(embedded))
    mean = float(steps.mean())
    return Scores(
        length=float(steps.sum()),
        thin=float(np.mean(log_density < thin)),
        return_distance=float(return_distance.mean()),
        jump=float(steps.max()) / mean if mean > 0 else 1.0,
    )
