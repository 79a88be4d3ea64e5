"""Choosing a subset."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.core.subsets import evenly_spaced, split_by_class


def test_evenly_spaced_items_reach_from_the_first_to_the_last() -> None:
    assert evenly_spaced(11, 3).tolist() == [0, 5, 10]
    assert evenly_spaced(2, 5).tolist() == [0, 1]


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=40),
    test_fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
)
def test_a_split_loses_nothing_and_leaves_no_class_without_test_images(
    labels: list[int], test_fraction: float, seed: int
) -> None:
    array = np.array(labels)
    train, test = split_by_class(array, test_fraction, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert len(train) > 0
    assert len(test) > 0
    for label, count in zip(*np.unique(array, return_counts=True), strict=True):
        if count > 1:
            assert label in array[train]
            assert label in array[test]


def test_a_split_gives_each_class_its_share() -> None:
    labels = np.repeat([0, 1], [70, 21])
    _, test = split_by_class(labels, 1 / 7, seed=0)
    assert np.bincount(labels[test]).tolist() == [10, 3]
