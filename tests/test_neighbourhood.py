"""Layouts that preserve neighbourhoods, and figures of how well maps do so."""

import numpy as np
import pytest

from explorer.core import neighbourhood
from explorer.core.geometry import principal_plane
from explorer.core.neighbourhood import empty_distance, latents_at, layout, map_figures
from explorer.core.neighbours import nearest_others


def clusters(n: int, latent_dim: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return points in five distant groups, ``(n, latent_dim)``, and the group of each."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 5
    centres = 8 * random.standard_normal((5, latent_dim))
    z = centres[labels] + random.standard_normal((n, latent_dim))
    return z.astype(np.float32), labels


# Layouts


def test_neighbours_stay_neighbours() -> None:
    z, labels = clusters(300, 30)
    done: list[float] = []
    places = layout(z, progress=done.append)
    assert places.shape == (300, 2) and places.dtype == np.float32
    found = map_figures(z, labels, {"map": places, "plane": principal_plane(z).project(z)})
    assert found["map"].accuracy == 1.0
    assert found["map"].kept > max(0.35, found["plane"].kept + 0.1)
    assert done[-1] == 1 and done == sorted(done) and len(done) > 10


def test_between_dots_lies_the_mean_of_their_latents_weighted_by_distance() -> None:
    places = np.array([[0.0, 0.0], [3.0, 0.0]], np.float32)
    latents = np.array([[0.0, 5.0], [1.0, 5.0]], np.float32)
    z, distances = latents_at(np.array([[0.0, 0.0], [1.5, 0.0], [1.0, 0.0]]), places, latents)
    expected = np.array([[0.0, 5.0], [0.5, 5.0], [0.2, 5.0]])  # the last of weights 1 and 1/4
    np.testing.assert_allclose(z, expected, atol=1e-6)
    np.testing.assert_allclose(distances, [0, 1.5, 1])


def test_a_map_is_centred_and_its_unit_is_the_median_gap() -> None:
    places = layout(clusters(200, 8)[0])
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=1e-4)
    between = np.linalg.norm(places[:, np.newaxis] - places, axis=2)
    np.fill_diagonal(between, np.inf)
    gaps = between.min(axis=1)
    assert np.median(gaps) == pytest.approx(1, rel=1e-4)
    assert np.median(gaps) < empty_distance(places) <= gaps.max()


def test_the_seed_decides() -> None:
    z = clusters(60, 4)[0]
    np.testing.assert_array_equal(layout(z, seed=1), layout(z, seed=1))
    assert not np.array_equal(layout(z, seed=1), layout(z, seed=2))


@pytest.mark.parametrize(
    ("n", "latent_dim"),
    [(1, 2), (1, 500), (2, 2), (2, 500), (3, 2), (4, 2), (5, 8), (14, 3), (40, 500)],
)
def test_any_number_of_images_and_dimensions(n: int, latent_dim: int) -> None:
    z = np.random.default_rng(n).standard_normal((n, latent_dim)).astype(np.float32)
    places = layout(z)
    assert np.isfinite(places).all() and len(np.unique(places, axis=0)) == n
    assert np.isfinite(empty_distance(places))


def test_equal_latents_share_a_place() -> None:
    z = np.repeat(clusters(20, 3)[0], 4, axis=0)
    z[0, 0], z[1, 0] = 0.0, -0.0
    places = layout(z)
    assert len(np.unique(places, axis=0)) == len(np.unique(z, axis=0))
    np.testing.assert_array_equal(places[4], places[7])
    np.testing.assert_array_equal(layout(np.ones((30, 3))), np.zeros((30, 2)))


def test_latents_that_are_all_equally_far_apart() -> None:
    places = layout(np.eye(12))
    assert len(np.unique(places, axis=0)) == 12


def test_images_beyond_the_number_that_is_laid_out_are_placed_among_their_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbourhood, "MAX_LAID_OUT", 100)
    z, labels = clusters(400, 10)
    done: list[float] = []
    places = layout(z, progress=done.append)
    assert np.isfinite(places).all() and len(np.unique(places, axis=0)) > 390
    assert map_figures(z, labels, {"map": places})["map"].accuracy == 1.0
    assert done[-1] == 1 and done == sorted(done)


@pytest.mark.parametrize("latents", [np.empty((0, 2)), np.zeros(3), np.full((3, 2), np.nan)])
def test_what_is_no_set_of_latents_is_refused(latents: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite latents"):
        layout(latents)


# Figures


def test_the_nearest_others_by_hand() -> None:
    line = np.array([[0.0], [1.0], [3.0], [3.0]])
    distances, indices = nearest_others(line, 2)
    np.testing.assert_array_equal(distances, [[1, 3], [1, 2], [0, 2], [0, 2]])
    assert indices[:, 0].tolist() == [1, 0, 3, 2]


def test_figures_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhood, "JUDGED_NEIGHBOURS", 1)
    line = np.array([[0.0], [1.0], [3.0], [7.0]])
    labels = np.array([0, 0, 1, 1])
    bent = np.abs(line - 1.9)  # 1.9, 0.9, 1.1, 5.1
    found = map_figures(line, labels, {"itself": line, "bent": bent})
    # On the line the nearest others are 1, 0, 1, 2; bent they are 2, 2, 1, 0.
    assert (found["itself"].accuracy, found["itself"].kept) == (0.75, 1.0)
    assert (found["bent"].accuracy, found["bent"].kept) == (0.0, 0.25)


def test_an_image_is_not_its_own_neighbour_even_among_equals() -> None:
    points = np.zeros((40, 2))
    labels = np.arange(40) // 20
    found = map_figures(points, labels, {"itself": points})["itself"]
    assert found.accuracy is not None and found.accuracy <= 0.5


def test_figures_of_few_images_and_without_labels() -> None:
    z = np.random.default_rng(0).standard_normal((4, 3))
    found = map_figures(z, None, {"itself": z})["itself"]
    assert (found.accuracy, found.kept) == (None, 1.0)
