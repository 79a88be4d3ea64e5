"""The grid of decoded latents in a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer.app import cache
from explorer.bundle.bundle import Bundle
from explorer.core import neighbours
from explorer.core.grids import grid_coordinates, grid_points

from .visitor import DEEP, FLAT, Visitor, decode, geometry_text


def grid_of(bundle: Bundle, latents: Any, columns: int) -> np.ndarray:
    """Return images side by side on white, with a gap of a pixel to the right of and below each."""
    images = bundle.codec.decode(np.asarray(latents, np.float32))[..., 0]
    rows = np.pad(images, ((0, 0), (0, 1), (0, 1)), constant_values=1).reshape(-1, columns, 29, 29)
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * 29, -1)


SHADED = """canvas => Array.from(
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
).filter((_, i) => i % 4 === 3)"""


def test_the_grid_equals_the_servers_and_its_tiles_can_be_chosen(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[FLAT]
    visitor.open(model=FLAT, view="Manifold", size="9")
    xs, ys = grid_coordinates((9, 9), spacing="normal", extent=2.5)
    points = grid_points(xs, ys)
    visitor.shows(grid_of(bundle, points, 9), ".grid canvas")
    across = visitor.page.locator(".across span").all_inner_texts()
    assert across == [f"{x:.2f}".replace("-", "−") for x in xs]
    visitor.until_quiet()
    visitor.page.get_by_label("Shade holes").click()
    share = cache.percentiles(bundle, np.asarray(points, np.float32))
    holes = (share < 1).reshape(9, 9)
    assert 5 < holes.sum() < 60
    shade = visitor.page.locator(".grid .shade")
    visitor.until(
        lambda: np.array_equal(np.array(shade.evaluate(SHADED)).reshape(9, 9) > 0, holes),
        "the holes are shaded",
    )
    assert visitor.address["holes"] == "true"
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="PNG of the picture").click()
    with Image.open(download.value.path()) as picture:
        assert picture.size == (9 * 58 + 56, 9 * 58 + 56)
        tiles = np.asarray(picture.convert("L"), float)[: 9 * 58, 56:].reshape(9, 58, 9, 58)
    corner, middle = tiles[0, 20:36, 0, 20:36], tiles[4, 20:36, 4, 20:36]
    assert holes[0, 0] and not holes[4, 4]
    assert corner.min() >= 191 > middle.min()  # three quarters white
    box = visitor.page.locator(".grid").bounding_box()
    assert box["y"] + box["height"] < 900  # it fits the window
    side = box["width"] / 9
    for tile in (0, 13, 40, 80):
        x, y = box["x"] + (tile % 9 + 0.5) * side, box["y"] + (tile // 9 + 0.5) * side
        visitor.page.mouse.move(x, y)
        visitor.shows(decode(bundle, points[tile]))
    assert visitor.sent == []
    visitor.page.mouse.click(box["x"] + 2.5 * side, box["y"] + 1.5 * side)
    visitor.until(lambda: visitor.address["z"] == geometry_text(points[11]), "a click moves it")
    visitor.page.mouse.move(100, 850)
    visitor.shows(decode(bundle, visitor.z))


def test_a_grid_of_40_by_40_is_drawn(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    visitor.open(model=FLAT, view="Manifold", size="40", spacing="Linear", extent="3.0")
    points = grid_points(*grid_coordinates((40, 40), spacing="linear", extent=3.0))
    visitor.shows(grid_of(bundles[FLAT], points, 40), ".grid canvas")


def test_the_grid_of_a_deep_model_lies_over_its_neighbourhoods(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    assert bundle.latents.places is not None
    visitor.open(model=DEEP, view="Manifold", size="8")
    shade = visitor.page.locator(".grid .shade")
    visitor.until(
        lambda: 5 < sum(alpha > 0 for alpha in shade.evaluate(SHADED)) < 50,
        "the empty edge is faded",
    )
    assert visitor.page.locator(".across span").count() == 0
    box = visitor.page.locator(".grid").bounding_box()
    visitor.page.mouse.click(box["x"] + box["width"] * 0.56, box["y"] + box["height"] * 0.56)
    visitor.until(lambda: any(visitor.z), "a click moves the point")
    _, (distance,) = neighbours.nearest(visitor.z, bundle.latents.z_mean)
    assert distance < 2
    visitor.rest()
    mark = visitor.page.locator(".grid .point").bounding_box()
    assert abs(mark["x"] - box["x"] - box["width"] / 2) < box["width"] / 6  # near the click


def test_sliders_of_a_deep_model_move_the_grid_through_the_space(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor.open(model=DEEP, view="Manifold", size="5", axes="1,2", map="dimensions")
    points = grid_points(*grid_coordinates((5, 5), spacing="normal", extent=2.5))
    latents = np.zeros((25, 8), np.float32)
    latents[:, :2] = points
    visitor.shows(grid_of(bundle, latents, 5), ".grid canvas")
    visitor.until_quiet()
    dimension = next(d for d in bundle.dimensions_by_kl if d > 1)
    drag = visitor.grab(".dimension .range")
    for share in (0.8, 0.25):
        latents[:, dimension] = drag(share)
        visitor.shows(grid_of(bundle, latents, 5), ".grid canvas")
    assert visitor.sent == []
    visitor.page.mouse.up()
    expected = latents[0, dimension]
    visitor.until(lambda: visitor.z[dimension] == pytest.approx(expected), "it settles")
    visitor.shows(grid_of(bundle, latents, 5), ".grid canvas")
