"""Two models side by side in a browser."""

from __future__ import annotations

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.core import neighbours

from .visitor import FLAT, OTHER, Visitor, captured, decode, frame_of


def test_two_models_look_at_the_same_image_live(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    pair = bundles[OTHER], bundles[FLAT]
    means = [bundle.latents.z_mean.astype(float) for bundle in pair]
    shown = {"model": OTHER, "view": "Compare", "with": FLAT}
    visitor.open(**shown)
    places = visitor.page.locator(".lens .place", has_text="decoded at")
    visitor.until(lambda: places.count() == 2, "both models are there")
    visitor.page.wait_for_timeout(300)
    visitor.sent.clear()
    tips, marks = visitor.page.locator(".tip"), visitor.page.locator(".mark.looked")
    assert pair[0].latents.places is not None
    for side, dots in enumerate((pair[0].latents.places, means[1])):
        frame = frame_of(visitor, dots, side)
        beside = frame_of(visitor, (means[1], pair[0].latents.places)[side], 1 - side)
        for row in (17, 4_321):
            x, y = frame.pixel_of(dots[row])
            visitor.page.mouse.move(x, y)
            visitor.until(lambda: tips.nth(1).is_visible(), "a dot is marked on both")
            found = int(captured(r"#(\d+) ", tips.nth(side).inner_text()))
            assert frame.is_under(x, y, found)
            visitor.until(lambda: tips.nth(0).inner_text() == tips.nth(1).inner_text(), "the same")
            for at, bundle in enumerate(pair):
                visitor.shows(decode(bundle, means[at][found]), at=at)
            box = marks.nth(1 - side).bounding_box()
            middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            expected = beside.pixel_of(beside.places[found])
            np.testing.assert_allclose(middle, expected, atol=1.5)
    frame = frame_of(visitor, means[1], 1)
    spots = [frame.spot(across, 0.94) for across in np.linspace(0.05, 0.8, 16)]
    spot = max(spots, key=lambda spot: neighbours.nearest(frame.place_at(*spot), means[1])[1][0])
    visitor.page.mouse.move(*spot)  # where there is no dot
    place = frame.place_at(*spot)
    picture = np.round(255 * decode(pair[1], place)) / 255
    z = pair[0].codec.encode(picture[np.newaxis, ..., np.newaxis].astype(np.float32))[0][0]
    visitor.shows(decode(pair[0], z), at=0)
    visitor.page.locator(".plot").first.press("a")
    groups = visitor.page.locator(".groups .A strong")
    visitor.until(lambda: groups.all_inner_texts() == ["Group A: 1 image"] * 2, "both have it")
    for side, choice in ((0, "adds to"), (1, "Group B")):
        radios = visitor.page.get_by_role("radio", name=choice)
        radios.nth(side).click()
        assert [radio.get_attribute("aria-checked") for radio in radios.all()] == ["true"] * 2
    assert visitor.sent == []

    ends = {"through": "A path", "a": "test-3", "b": "test-42", "even": "In the latent space"}
    visitor.open(**shown, **ends)
    t = visitor.grab(".scrubber .range")(0.3)
    for at, bundle in enumerate(pair):
        visitor.shows(decode(bundle, (1 - t) * means[at][3] + t * means[at][42]), at=at)
    visitor.page.mouse.up()

    visitor.open(**shown, through="Drawing")
    paper = visitor.page.locator(".draw:not(.follows) .paper").bounding_box()
    visitor.page.mouse.move(paper["x"] + 90, paper["y"] + 60)
    visitor.page.mouse.down()
    visitor.page.mouse.move(paper["x"] + 150, paper["y"] + 250, steps=8)
    for at, bundle in enumerate(pair):
        image = visitor.pixels(".draw .seen", at)[np.newaxis, ..., np.newaxis] / np.float32(255)
        visitor.shows(decode(bundle, bundle.codec.encode(image)[0][0]), ".draw .again", at=at)
    visitor.page.mouse.up()
    visitor.leave()
