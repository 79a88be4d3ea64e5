"""Every view on desktop and phone, in light and dark, for eyes and assistive technology."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle

from .visitor import (
    DEEP,
    FLAT,
    OTHER,
    ROOT,
    VIEWS,
    Visitor,
    decode,
    drawn_image,
    frame_of,
    geometry_text,
)

CSS = (ROOT / "explorer" / "app" / "page.css").read_text(encoding="utf-8")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
BACKGROUND = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 18, 28)"}
BOTTOM = "element => element.getBoundingClientRect().bottom"
SHIFT = """
    window.shift = 0;
    new PerformanceObserver((list) => {
        for (const { value } of list.getEntries()) shift += value;
    }).observe({ type: "layout-shift", buffered: true });"""


@pytest.mark.parametrize(("device", "model"), [("desk", DEEP), ("hand", OTHER)])
def test_every_view_stands_for_everybody_in_both_themes_and_does_not_jump(
    device: str,
    model: str,
    request: pytest.FixtureRequest,
    app_url: str,
    bundles: dict[str, Bundle],
) -> None:
    """Each view is reloaded in light colours, which become dark while it is open.

    On the desktop everything that a page can have is there.
    """
    visitor = Visitor(request.getfixturevalue(device), app_url)
    visitor.page.add_init_script(SHIFT)
    width = visitor.page.viewport_size["width"]
    z = [0.5] + [0.0] * 7
    expected = decode(bundles[model], z)
    address = {"model": model, "z": geometry_text(z)}
    if device == "desk":
        address |= {"direction": "means:3:8", "pins": "one~test-3"}
    jumps, violations = {}, {}
    for view in VIEWS:
        visitor.leave()
        visitor.page.emulate_media(color_scheme="light")
        visitor.open(view=view, **address)
        visitor.page.wait_for_timeout(300)  # for the parts to be drawn
        jumps[view] = visitor.page.evaluate("shift")
        assert visitor.page.evaluate(OVERFLOW) <= 0, view
        if view not in ("Reconstruct", "Model"):
            if view != "Interpolate":  # which shows the path's first image
                visitor.shows(expected)
            lens = visitor.page.locator(".lens .picture").first.bounding_box()
            assert lens["x"] >= 0
            assert lens["x"] + lens["width"] <= width
            assert lens["width"] >= 60
        for theme, colour in BACKGROUNDS.items():
            visitor.page.emulate_media(color_scheme=theme)
            visitor.page.wait_for_function(f"{BACKGROUND} === '{colour}'")
            if device == "desk":
                visitor.page.wait_for_timeout(300)  # for colours that change gradually
                violations[view, theme] = found_by_axe(visitor, only_colours=theme == "dark")
    visitor.page.emulate_media(color_scheme="light")
    name = visitor.page.locator(".st-key-above").get_by_text(bundles[model].card.title)
    assert name.is_visible() == (device == "hand")  # elsewhere the sidebar names the model
    for section in ("Comparison", "Pictures", "Recipe and data"):
        visitor.page.get_by_role("tab", name=section).click()
        visitor.until_address(f"{section} opens", section=section)
        visitor.rest()
        assert visitor.page.evaluate(OVERFLOW) <= 0, section
    if device == "desk":  # the page's CSS must know what Streamlit calls its elements
        styled = set(re.findall(r'data-testid="(\w+)"', CSS)) - {
            "stAlert",
            "stTable",
            "stSkeleton",
            "stStatusWidget",
            "stPopoverBody",
        }
        assert [name for name in styled if not visitor.page.get_by_test_id(name).count()] == []
    assert {view: shift for view, shift in jumps.items() if shift > 0.1} == {}
    assert {at: found for at, found in violations.items() if found} == {}
    assert visitor.troubles == []
    visitor.page.close()


def found_by_axe(visitor: Visitor, *, only_colours: bool) -> list[Any]:
    """Return the page's violations of axe's rules, each with its name and the elements.

    Streamlit gives its drop zone for files the role ``presentation`` and a name: its own conflict.
    """
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm install")
    if not visitor.page.evaluate("'axe' in window"):
        visitor.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[Any] = visitor.page.evaluate(
        """async (rules) => (await axe.run(rules)).violations.map(
            ({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))])""",
        {"runOnly": ["color-contrast"]} if only_colours else {},
    )
    return [
        (rule, elements)
        for rule, elements in found
        if rule != "presentation-role-conflict" or "stFileUploaderDropzone" not in str(elements)
    ]


def test_on_a_phone_the_sidebar_closes_after_a_choice(
    phone: Visitor, bundles: dict[str, Bundle]
) -> None:
    phone.open(model=FLAT, view="Sliders")
    for choose in (
        lambda: phone.choose_model(bundles[DEEP]),
        lambda: phone.page.get_by_role("button", name="Random test image").click(),
    ):
        phone.page.get_by_role("button", name="Expand sidebar").click()
        sidebar = phone.page.get_by_test_id("stSidebar")
        phone.until(lambda: sidebar.bounding_box()["x"] > -1, "the sidebar opens")  # noqa: B023
        before = phone.address
        choose()
        phone.until(lambda: phone.address != before, "a choice")  # noqa: B023
        phone.until(lambda: (sidebar.bounding_box() or {"x": -999})["x"] < -100, "it closes")  # noqa: B023
    phone.page.get_by_role("button", name="Expand sidebar").click()
    phone.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    phone.until(lambda: (sidebar.bounding_box() or {"x": -999})["x"] < -100, "it closes by itself")


def test_on_a_phone_the_open_tab_is_in_sight_and_nothing_scrolls_when_the_point_moves(
    phone: Visitor, bundles: dict[str, Bundle]
) -> None:
    phone.open(model=DEEP, view="Model")
    width = phone.page.viewport_size["width"]
    tab = phone.page.get_by_role("tab", name="Model")
    right = "tab => tab.getBoundingClientRect().right"
    phone.until(lambda: tab.evaluate(right) <= width, "the open tab scrolls into sight")
    assert tab.bounding_box()["x"] >= 0
    phone.open(model=DEEP, view="Sliders")
    place = "document.querySelector('[data-testid=stMain]')"
    phone.page.evaluate(f"{place}.scrollTo(0, 500)")
    phone.page.get_by_role("slider").nth(5).press("ArrowRight")
    phone.until(lambda: sum(map(bool, phone.z)) == 1, "the point moves")
    phone.rest()
    assert phone.page.evaluate(f"{place}.scrollTop") == 500


def test_a_finger_on_the_map_pins_the_point(phone: Visitor, bundles: dict[str, Bundle]) -> None:
    phone.open(model=FLAT, view="Map", z="0,0")
    x, y = frame_of(phone, bundles[FLAT].latents.z_mean).pixel_of([1.0, 0.5])
    phone.page.touchscreen.tap(x, y)
    phone.until(lambda: phone.address["z"] != "0,0", "a tap moves the point")
    assert np.abs(np.subtract(phone.z, [1.0, 0.5])).max() < 0.3
    phone.shows(decode(bundles[FLAT], phone.z))
    lens = phone.page.locator(".lens .picture")
    assert lens.bounding_box()["y"] + lens.bounding_box()["height"] < y  # not under the finger
    session = phone.context.new_cdp_session(phone.page)

    def touch(*fingers: Any, hold: float = 0.02, delay: float = 0) -> None:
        """Move each finger along its ``(x, y, right, down)``.

        The first move is made ``hold`` seconds after the touch, and reaches the page with a delay.
        """
        begun = time.time()
        for step in range(9):
            points = [
                {"x": fx + step / 8 * dx, "y": fy + step / 8 * dy, "id": n}
                for n, (fx, fy, dx, dy) in enumerate(fingers)
            ]
            kind = "touchMove" if step else "touchStart"
            made = begun + (hold + 0.02 * step if step else 0)
            event = {"type": kind, "touchPoints": points, "timestamp": made}
            session.send("Input.dispatchTouchEvent", event)
            phone.page.wait_for_timeout(20 if step else 1000 * (hold + delay))

    def lift() -> None:
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        phone.page.wait_for_timeout(500)

    place = phone.page.locator(".place")
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    phone.rest()
    settled = phone.z
    mark = phone.page.locator(".mark.point")
    before = mark.bounding_box()["y"]
    touch((x - 40, y + 60, -60, 0), (x + 40, y + 60, 60, 0))
    lift()
    phone.until(lambda: before - mark.bounding_box()["y"] > 40, "two fingers apart: closer")
    assert phone.page.evaluate(scrolled) == 0
    assert phone.z == settled
    touch((x, y, 2, -150), delay=0.3)
    lift()
    phone.until(lambda: phone.page.evaluate(scrolled) > 50, "a swipe upwards scrolls the page")
    assert phone.z == settled
    touch((x, y - 60, 2, 260))  # further: a finger moves some pixels before the page does
    lift()
    phone.until(lambda: phone.page.evaluate(scrolled) == 0, "and one downwards scrolls back")
    resting = place.inner_text()
    touch((x, y, 20, 80), hold=0.3)
    phone.until(lambda: place.inner_text() != resting, "a press that then moves looks")
    lift()
    assert phone.page.evaluate(scrolled) == 0
    phone.until(lambda: phone.z != settled, "and keeps the place where it ends")


@pytest.mark.parametrize(
    ("view", "slider"),
    [
        ("Sliders", ".dimension .range"),
        ("Manifold", ".controls .range"),
        ("Interpolate", ".along .range"),
    ],
)
def test_a_finger_that_scrolls_past_a_slider_leaves_it_where_it_was(
    phone: Visitor, view: str, slider: str
) -> None:
    phone.open(model=DEEP, view=view, z="0.123,0,0,0,0,0,0,0")
    shown = phone.page.locator(slider).first
    phone.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop = 0")
    shown.evaluate("slider => slider.scrollIntoView({block: 'center'})")
    phone.page.wait_for_timeout(500)
    phone.rest()
    box, value, address = shown.bounding_box(), shown.input_value(), phone.address
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    before = phone.page.evaluate(scrolled)
    session = phone.context.new_cdp_session(phone.page)
    x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2
    seen = []
    for step in range(9):
        kind = "touchMove" if step else "touchStart"
        point = {"x": x, "y": y - 20 * step}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        phone.page.wait_for_timeout(20)
        seen.append(shown.input_value())
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.page.wait_for_timeout(500)
    phone.rest()
    assert phone.page.evaluate(scrolled) > before + 50
    assert seen[0] != value  # the browser itself moves it at first
    assert (shown.input_value(), phone.address) == (value, address)


def test_a_finger_draws_in_colour_on_a_phone(phone: Visitor, shelf: Path) -> None:
    bundle = load_bundle(shelf / "cifar10-80d")
    phone.open(model="cifar10-80d", view="Reconstruct")
    phone.choose("Drawing")
    phone.page.locator(".draw .terms", has_text="nats").wait_for()
    phone.page.locator(".draw input[type=color]").fill("#ff0000")
    paper = phone.page.locator(".draw .paper")
    paper.scroll_into_view_if_needed()
    phone.rest()
    box = paper.bounding_box()
    session = phone.context.new_cdp_session(phone.page)
    for step in range(8):
        point = {"x": box["x"] + 60 + 20 * step, "y": box["y"] + 40 + 20 * step}
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.until(lambda: (drawn_image(phone, bundle)[0, 10:20] == [1, 0, 0]).all(2).any(), "red")
    again = bundle.codec.decode(bundle.codec.encode(drawn_image(phone, bundle))[0])
    phone.shows(again[0], ".draw .again")
    phone.page.get_by_text("explained better", exact=True).wait_for()
    assert phone.page.evaluate(OVERFLOW) <= 0


def test_on_a_projector_the_picture_and_the_words_of_trust_are_in_sight(visitor: Visitor) -> None:
    """Large type, pins and the tour leave little room for them."""
    visitor.open(model=OTHER, view="Map", pins="one~test-3")
    page = visitor.page
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator(".frame .ask").click()
    page.keyboard.press("p")
    words, side = page.locator(".lens .trust small"), page.locator(".side")
    visitor.until(lambda: words.evaluate(BOTTOM) <= side.evaluate(BOTTOM), "the words are in sight")
    assert side.evaluate(BOTTOM) <= page.locator(".st-key-pins").bounding_box()["y"]
    picture, original = (
        page.locator(f".lens {name}").bounding_box() for name in (".picture", ".original canvas")
    )
    assert picture["width"] > 2 * original["width"] > 80
    page.locator(".tour .end").click()
    page.set_viewport_size({"width": 1024, "height": 768})
    visitor.open(model=OTHER, view="Map", pins="one~test-3", z="3,3,-3,3,-3,3,0,0")
    reasons = page.locator(".lens .density")
    visitor.until(lambda: reasons.inner_text().count("; ") == 2, "there are three reasons")
    visitor.until(lambda: reasons.evaluate(BOTTOM) <= side.evaluate(BOTTOM), "they are in sight")
    page.set_viewport_size({"width": 1280, "height": 900})
    visitor.leave()
