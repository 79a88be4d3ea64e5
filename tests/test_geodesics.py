"""Paths along the data against independently known values."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from explorer.bundle.store import load_bundle
from explorer.bundle.walks import PathKind, Walk, build_graph, thin_limit, walk
from explorer.core.geodesics import (
    JUDGED,
    along,
    edge_costs,
    edge_lengths,
    embed,
    join_neighbours,
    lengths_along,
    score,
    shortest_path,
)
from explorer.root import DEFAULT_FOLDER


def test_black_and_white_are_pi_apart_in_every_pixel() -> None:
    images = np.zeros((2, 2, 3, 1))
    images[1] = 1.0
    black, white = embed(images, "bernoulli")
    assert np.linalg.norm(white - black) == pytest.approx(math.pi * math.sqrt(6))
    black, white = embed(images, "gaussian")
    assert np.linalg.norm(white - black) == pytest.approx(math.sqrt(6))


def test_small_steps_have_fishers_length() -> None:
    """For a Bernoulli probability p the metric is 1 / (p (1 − p))."""
    p, step = 0.3, 1e-3
    a, b = embed(np.array([p, p + step]).reshape(2, 1, 1, 1), "bernoulli")
    assert np.linalg.norm(b - a) == pytest.approx(step / math.sqrt(p * (1 - p)), rel=1e-2)


def test_groups_far_apart_are_joined_by_the_shortest_bridge() -> None:
    line = np.arange(30.0)
    z = np.stack([np.concatenate([line, line + 100]), np.zeros(60)], axis=1)
    edges = join_neighbours(z)
    across = [tuple(edge) for edge in edges.tolist() if edge[0] < 30 <= edge[1]]
    assert across == [(29, 30)]
    assert len(np.unique(edges, axis=0)) == len(edges)
    path = shortest_path(edges, np.ones(len(edges)), 0, 59)
    assert path[0] == 0
    assert path[-1] == 59
    assert set(pairwise(path)) <= {tuple(edge) for edge in edges.tolist()}


def test_a_single_latent_has_no_neighbours() -> None:
    assert join_neighbours(np.zeros((1, 2))).shape == (0, 2)


def test_the_way_leads_around_thin_places() -> None:
    """Nodes 0, 1, 2 lie in a row; the path 0, 3, 2 is longer but dense."""
    embedded = np.array([[0.0, 0], [1, 0], [2, 0], [1, 2]])
    edges = np.array([[0, 1], [1, 2], [0, 3], [2, 3]])
    lengths = edge_lengths(embedded.__getitem__, edges, 4)
    costs = edge_costs(lengths, np.array([-4.0, -4, 0, 0]), -1.0)
    np.testing.assert_allclose(costs, [np.exp(1.5), np.exp(1.5), 5**0.5, 5**0.5], rtol=1e-6)
    assert shortest_path(edges, costs, 0, 2) == [0, 3, 2]
    assert shortest_path(edges, edge_costs(lengths, np.zeros(4), -1.0), 0, 2) == [0, 1, 2]
    deepest = edge_costs(lengths[:1], np.array([-1e9]), -1.0)
    assert deepest[0] == pytest.approx(math.exp(4))
    with pytest.raises(ValueError, match="no way"):
        shortest_path(np.array([[0, 1], [2, 3]]), np.ones(2), 0, 3)


def test_two_blocks_of_pictures_are_enough_for_all_lengths() -> None:
    random = np.random.default_rng(0)
    embedded, edges = random.normal(size=(23, 5)), random.integers(23, size=(80, 2))
    expected = np.linalg.norm(embedded[edges[:, 0]] - embedded[edges[:, 1]], axis=1)
    for block in (1, 4, 23, 100):
        asked: list[int] = []

        def some(nodes: slice, asked: list[int] = asked) -> np.ndarray:
            asked.append(len(embedded[nodes]))
            return embedded[nodes]

        np.testing.assert_allclose(edge_lengths(some, edges, block), expected)
        assert max(asked) <= block


def test_points_lie_evenly_in_what_changes() -> None:
    path = np.array([[0.0, 0], [1, 0], [1, 1]])
    places = lengths_along(np.array([[0.0], [3.0], [4.0]]))
    np.testing.assert_allclose(places, [0, 3, 4])
    points = along(path, places, np.array([0, 1.5, 3, 3.5, 4]))
    np.testing.assert_allclose(points[:, 0], [0, 0.5, 1, 1, 1])
    np.testing.assert_allclose(points[:, 1], [0, 0, 0, 0.5, 1])


def test_scores_of_a_known_path() -> None:
    found = score(
        np.array([[0.0], [1.0], [4.0]]), np.array([-1.0, -3, -2]), np.array([0.1, 0.2, 0.6]), -2.0
    )
    assert (found.length, found.thin) == (4.0, 1 / 3)
    assert found.return_distance == pytest.approx(0.3)
    assert found.jump == 1.5


def test_a_path_on_which_nothing_changes_still_goes_from_end_to_end() -> None:
    still = Walk(np.array([[0.0], [1.0], [2.0]]), np.zeros(3))
    np.testing.assert_allclose(still.at(5, evenly=True)[:, 0], [0, 0.5, 1, 1.5, 2])
    nowhere = Walk(np.array([[1.0], [1.0]]), np.zeros(2))
    np.testing.assert_allclose(nowhere.at(3, evenly=True)[:, 0], [1, 1, 1])


def test_points_lie_evenly_in_the_latent_space_whatever_the_pieces() -> None:
    path = Walk(np.array([[0.0], [0.0], [1.0], [4.0]]), np.array([0.0, 0, 3, 4]))
    np.testing.assert_allclose(path.at(5, evenly=False)[:, 0], [0, 1, 2, 3, 4])
    np.testing.assert_allclose(path.at(5, evenly=True)[:, 0], [0, 1 / 3, 2 / 3, 1, 4], rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["mnist-2d", "fashion_mnist-2d", "mnist-8d", "fashion_mnist-8d", "mnist-20d"]
)
def test_along_the_data_is_thin_least_often(name: str) -> None:
    bundle = load_bundle(DEFAULT_FOLDER / name)
    graph = bundle.latents.graph or build_graph(bundle.codec, bundle.latents)
    z, labels = bundle.latents.z_mean, bundle.latents.labels
    pairs = np.random.default_rng(0).integers(len(z), size=(100, 2))
    pairs = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]][:30]
    assert len(pairs) == 30

    log_density, limit = bundle.latents.aggregate_posterior.log_density, thin_limit(bundle.latents)

    def thin(kind: PathKind) -> float:
        walks = (walk(bundle, kind, z[pair], graph) for pair in pairs)
        return float(np.mean([log_density(w.at(JUDGED, evenly=True)) < limit for w in walks]))

    assert thin("Along the data") < min(thin("Straight line"), thin("Great arc"))
