"""The sliders in a browser."""

from __future__ import annotations

import pytest
from PIL import Image

from explorer.bundle.bundle import Bundle
from explorer.core import geometry

from .visitor import DEEP, Visitor, decode, strip


def test_a_slider_moves_lens_and_strips_live_and_tells_the_server_on_release(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor.open(model=DEEP, view="Sliders")
    first, second, *_, last = bundle.dimensions_by_kl
    visitor.until_quiet()
    drag = visitor.grab(".dimension .range")
    z = [0.0] * 8
    for share in (0.9, 0.1, 0.7):
        z[first] = drag(share)
        visitor.shows(decode(bundle, z))
        assert float(visitor.page.locator(".dimension .typed").first.input_value()) == z[first]
    visitor.shows(strip(bundle, z, second), ".strip", at=1)
    visitor.shows(strip(bundle, z, last), ".strip", at=7)
    assert visitor.sent == []
    visitor.page.mouse.up()
    visitor.until(lambda: visitor.z == pytest.approx(z), "the server knows")
    assert 1 <= len([what for what in visitor.sent if what == "frame"]) <= 2
    visitor.shows(decode(bundle, z))


def test_sliders_take_typed_values_keys_clicks_and_double_clicks(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor.open(model=DEEP, view="Sliders", z="0,0,0,0,0,0,0,0")
    first, second, *_ = bundle.dimensions_by_kl
    z = [0.0] * 8

    def settles() -> None:
        visitor.until(lambda: visitor.z == pytest.approx(z), f"it is {z}")
        visitor.shows(decode(bundle, z))

    typed = visitor.page.locator(".dimension .typed")
    sliders = visitor.page.locator(".dimension .range")
    typed.first.fill("-4.5")  # beyond the slider's usual reach
    typed.first.press("Enter")
    z[first] = -4.5
    settles()
    assert float(sliders.first.get_attribute("min")) == -5
    typed.first.fill("")
    typed.first.press_sequentially("2,5")  # a decimal comma, as in many countries
    typed.first.press("Enter")
    z[first] = 2.5
    settles()
    typed.nth(1).fill("1000")
    typed.nth(1).press("Enter")
    z[second] = 99
    settles()
    typed.nth(1).fill("")
    typed.nth(1).press("Enter")
    visitor.page.wait_for_timeout(100)
    assert visitor.z == pytest.approx(z)
    sliders.nth(1).dblclick()
    z[second] = 0
    settles()
    sliders.nth(1).focus()
    for _ in range(20):  # a held key: no answer of the server may undo a step
        visitor.page.keyboard.press("ArrowRight")
        visitor.page.wait_for_timeout(30)
    z[second] = 0.2
    settles()
    box = visitor.page.locator(".strip").first.bounding_box()
    visitor.page.mouse.click(box["x"] + box["width"] * 10.5 / 11, box["y"] + 10)
    z[first] = 3
    settles()
    assert sliders.first.get_attribute("aria-label").startswith(geometry.axis_label(first))
    quiet = visitor.page.locator(".lens .quiet")
    visitor.until(lambda: "Nearest test image" in quiet.text_content(), "it is read out")
    visitor.page.set_viewport_size({"width": 1280, "height": 800})  # with no room below the button
    visitor.page.get_by_role("button", name="Download").click()
    whole = "menu => menu.scrollHeight <= menu.clientHeight + 1"
    menu = visitor.page.get_by_test_id("stPopoverBody")
    visitor.page.get_by_role("button", name="Traversals PDF").wait_for()
    visitor.until(lambda: menu.evaluate(whole), "the menu shows all that it holds")
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="GIF").click()
    with Image.open(download.value.path()) as gif:
        assert getattr(gif, "n_frames", 1) == 58
