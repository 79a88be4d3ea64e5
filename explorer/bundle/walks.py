"""Walks through a model's latent space: straight, on a great arc, or along the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.codec import AT_ONCE, Codec
from explorer.bundle.latents import Latents, graph_nodes
from explorer.bundle.map_layout import return_distances
from explorer.core.geodesics import (
    JOINED,
    JUDGED,
    THIN,
    DataGraph,
    Scores,
    along,
    edge_costs,
    edge_lengths,
    embed,
    join_neighbours,
    lengths_along,
    score,
    shortest_path,
)
from explorer.core.neighbours import nearest
from explorer.core.paths import lerp, slerp
from explorer.core.subsets import in_chunks

PathKind = Literal["Straight line", "Great arc", "Along the data"]
FINE = 100
"""Number of steps from one stop to the next in which lengths are measured."""
MAX_EMBEDDED = 2**27
"""Values of embedded pictures in a block; two blocks are held at once: 1 GiB as float32."""


def build_graph(codec: Codec, latents: Latents) -> DataGraph:
    """Join the test images' latents to their neighbours, and compute what each edge costs."""
    z = latents.z_mean[graph_nodes(len(latents.z_mean))]
    edges = join_neighbours(z)
    return DataGraph(z, edges, _costs(codec, latents, z, edges))


def _costs(codec: Codec, latents: Latents, z: np.ndarray, edges: np.ndarray) -> np.ndarray:
    density = latents.aggregate_posterior.log_density
    a, b = edges.T
    thinnest = np.minimum(density(z)[edges].min(axis=1), density((z[a] + z[b]) / 2))
    block = max(1, MAX_EMBEDDED // _embedded(codec, z[:1]).size)
    lengths = edge_lengths(lambda nodes: _embedded(codec, z[nodes]), edges, block)
    return edge_costs(lengths, thinnest, thin_limit(latents))


def thin_limit(latents: Latents) -> float:
    """The log-density below which a place is thin, nats."""
    return float(np.quantile(latents.log_density, THIN))


def _embedded(codec: Codec, z: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [embed(codec.decode(some), codec.likelihood) for some in in_chunks(z, AT_ONCE)]
    )


@dataclass(frozen=True, eq=False)
class Walk:
    """A finely sampled path.

    Attributes:
        points: latents, ``FINE`` steps from each stop to the next, ``(k, latent_dim)`` float32.
        changes: how much the picture has changed up to each (``lengths_along``), ``(k,)``.
    """

    points: np.ndarray
    changes: np.ndarray

    def at(self, count: int, *, evenly: bool) -> np.ndarray:
        """Points from end to end, ``(count, latent_dim)``.

        Args:
            count: how many.
            evenly: whether the picture changes by the same amount between them; else, or if the
                picture never changes, they are evenly spaced in the latent space.
        """
        places = self.changes
        if not evenly or places[-1] <= 0:
            places = lengths_along(self.points)
        if places[-1] <= 0:
            places = np.arange(len(self.points), dtype=np.float64)
        return along(self.points, places, np.linspace(0.0, places[-1], count))


def walk(bundle: Bundle, kind: PathKind, stops: Sequence[np.ndarray], graph: DataGraph) -> Walk:
    """A path through all stops.

    Args:
        bundle: the model.
        kind: kind of the path from each stop to the next.
        stops: latents, ``(latent_dim,)`` each, at least two.
        graph: graph for a path along the data.
    """
    t = np.linspace(0.0, 1.0, FINE + 1)
    legs = []
    for a, b in zip(stops[:-1], stops[1:], strict=True):
        if kind == "Along the data":
            corners = _corners(bundle, graph, a, b)
            legs.append(along(corners, np.linspace(0.0, 1.0, len(corners)), t))
        else:
            legs.append((lerp if kind == "Straight line" else slerp)(a, b, t))
    points = np.concatenate([legs[0][:1], *(leg[1:] for leg in legs)])
    return Walk(points, lengths_along(_embedded(bundle.codec, points)))


def _corners(bundle: Bundle, graph: DataGraph, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cheapest path through the graph, both ends joined to their own neighbours."""
    n = len(graph.z)
    near = [nearest(end, graph.z, min(JOINED, n))[0] for end in (a, b)]
    nodes = np.concatenate([graph.z[near[0]], graph.z[near[1]], a[np.newaxis], b[np.newaxis]])
    first, second = len(near[0]), len(near[1])
    links = np.array(
        [(first + second, i) for i in range(first)]
        + [(first + second + 1, first + i) for i in range(second)]
    )
    names = np.concatenate([*near, [n, n + 1]])
    edges = np.concatenate([graph.edges, names[links]])
    costs = np.concatenate([graph.costs, _costs(bundle.codec, bundle.latents, nodes, links)])
    z = np.concatenate([graph.z, nodes[-2:]])
    path = shortest_path(edges, costs, n, n + 1)
    return z[path]


def all_walks(
    bundle: Bundle, stops: Sequence[np.ndarray], graph: DataGraph
) -> dict[PathKind, tuple[Walk, Scores]]:
    """The path of each kind, as ``walk`` makes it, and its scores."""
    found = {}
    for kind in get_args(PathKind):
        path = walk(bundle, kind, stops, graph)
        found[kind] = path, score_path(bundle, path.at(JUDGED, evenly=True))
    return found


def score_path(bundle: Bundle, path: np.ndarray) -> Scores:
    """Score a path by its points ``(k, latent_dim)``."""
    return score(
        _embedded(bundle.codec, path),
        bundle.latents.aggregate_posterior.log_density(path),
        return_distances(bundle.codec, path),
        thin_limit(bundle.latents),
    )
