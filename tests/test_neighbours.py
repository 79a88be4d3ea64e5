"""Nearest neighbours against independently known values."""

from __future__ import annotations

import numpy as np

from explorer.core.neighbours import nearest


def test_nearest_sorts_by_distance_and_then_by_index() -> None:
    candidates = np.array([[3.0, 4.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.5]])
    indices, distances = nearest([0.0, 0.0], candidates, k=4)
    assert indices.tolist() == [3, 1, 2, 0]
    assert distances.tolist() == [0.5, 1.0, 1.0, 5.0]


def test_nearest_finds_a_latent_itself_at_distance_zero() -> None:
    candidates = 1e4 + np.random.default_rng(0).standard_normal((100, 8)).astype(np.float32)
    indices, distances = nearest(candidates[17], candidates)
    assert (indices.tolist(), distances.tolist()) == ([17], [0.0])


def test_nearest_returns_all_where_there_are_fewer() -> None:
    assert len(nearest([0.0], np.zeros((2, 1)), k=5)[0]) == 2
