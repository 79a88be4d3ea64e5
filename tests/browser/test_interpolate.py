"""The path between two images in a browser."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.bundle.bundle import Bundle
from explorer.core.paths import lerp

from .visitor import FLAT, Visitor, decode, frame_of, mosaic


def test_the_path_between_two_images(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    visitor.open(
        model=FLAT,
        view="Interpolate",
        a="test-3",
        b="test-42",
        steps="5",
        even="In the latent space",
    )
    a, b = bundle.latents.z_mean[[3, 42]].astype(float)

    def path(t: float) -> np.ndarray:
        place: np.ndarray = (1 - t) * a + t * b
        return place

    pictures = visitor.page.locator(".picker img")
    widths = [pictures.nth(i).evaluate("image => image.naturalWidth") for i in range(3)]
    place = widths.index(5 * 28)
    expected = mosaic(bundle, [path(t) for t in np.linspace(0, 1, 5)], 5)
    visitor.shows(expected, ".picker img", at=place)
    visitor.shows(decode(bundle, path(0)))  # at the start of the path, wherever the point is

    visitor.until_quiet()
    drag = visitor.grab(".scrubber .range")
    marks = set()
    for share in (0.3, 0.95, 0.6):
        t = drag(share)
        visitor.shows(decode(bundle, path(t)))
        marks.add(visitor.page.locator(".mark.looked").get_attribute("style"))
    assert len(marks) == 3  # the moving point on the map
    assert visitor.sent == []
    visitor.page.mouse.up()
    visitor.until(lambda: visitor.z == pytest.approx(path(t), abs=6e-4), "the server knows")
    visitor.shows(decode(bundle, visitor.z))
    visitor.rest()

    visitor.until_quiet()
    visitor.page.get_by_role("button", name="Play").click()
    frames: set[bytes] = set()

    def is_running() -> bool:
        frames.add(visitor.lens().tobytes())
        return len(frames) > 10

    visitor.until(is_running, "the lens runs along")
    assert visitor.sent == []
    before = visitor.address["z"]
    visitor.page.get_by_role("button", name="Pause").click()
    visitor.until(lambda: visitor.address["z"] != before, "a pause makes it the point")
    still = visitor.lens().tobytes()
    visitor.shows(decode(bundle, visitor.z))
    visitor.page.wait_for_timeout(200)
    assert np.abs(np.frombuffer(still, np.uint8).astype(int) - visitor.lens().ravel()).max() < 3


def test_ends_come_from_gallery_map_and_point(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    ends = {"a": "test-3", "b": "test-42"}
    visitor.open(model=FLAT, view="Interpolate", **ends, z="1,1", even="In the latent space")
    gallery = visitor.page.locator(".picker").first
    gallery.scroll_into_view_if_needed()
    box = gallery.bounding_box()
    visitor.page.mouse.move(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] / 4)
    caption = visitor.page.locator(".caption").first
    visitor.until(lambda: caption.inner_text().startswith("#"), "the tile says what it is")
    row = int(caption.inner_text().split()[0][1:])
    visitor.page.mouse.down()
    visitor.page.mouse.up()
    visitor.until(lambda: visitor.address["a"] == f"test-{row}", "the gallery chooses the start")

    visitor.page.get_by_test_id("stButtonGroup").last.get_by_text("To", exact=True).click()
    visitor.rest()
    alone = int(bundle.latents.z_mean[:, 0].argmin())  # no other dot is near it
    frame = frame_of(visitor, bundle.latents.z_mean)
    visitor.page.mouse.click(*frame.pixel_of(bundle.latents.z_mean[alone]))
    visitor.until(lambda: visitor.address["b"] == f"test-{alone}", "a dot chooses the end")
    assert visitor.z == [1, 1]
    visitor.rest()
    frame = frame_of(visitor, bundle.latents.z_mean)
    corner = frame.spot(0.98, 0.97)
    chosen = frame.place_at(*corner)
    visitor.page.mouse.click(*corner)
    visitor.until(lambda: "," in visitor.address["b"], "an empty place chooses the end")
    end = [float(value) for value in visitor.address["b"].split(",")]
    np.testing.assert_allclose(end, chosen, atol=6e-4)
    visitor.rest()

    expected = mosaic(bundle, lerp(bundle.latents.z_mean[row], end, np.linspace(0, 1, 12)), 12)
    images = visitor.page.locator(".picker img")
    place = next(
        i for i in range(images.count())
        if images.nth(i).evaluate("image => image.naturalWidth") == 12 * 28
    )  # fmt: skip
    visitor.shows(expected, ".picker img", at=place)
