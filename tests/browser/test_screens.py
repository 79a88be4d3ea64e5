"""Every view on desks and phones, in light and dark, for eyes and assistive technology."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from explorer.bundle.store import Bundle

from .visitor import DEEP, FLAT, OTHER, ROOT, VIEWS, Visitor, decode, frame_of

CSS = (ROOT / "explorer" / "app" / "page.css").read_text(encoding="utf-8")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize(("width", "theme"), [(1280, "dark"), (390, "light"), (390, "dark")])
def test_every_view_stands_at_every_width_and_in_both_themes(
    width: int, theme: str, chromium: Any, app_url: str, bundles: dict[str, Bundle]
) -> None:
    visitor = Visitor(chromium, app_url, width=width, color_scheme=theme, has_touch=width < 400)
    background = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 18, 28)"}[theme]
    visitor.open(model=OTHER, view="Map", z="0.5,0,0,0,0,0,0,0")
    expected = decode(bundles[OTHER], [0.5] + [0] * 7)
    name = visitor.page.locator(".st-key-above").get_by_text(bundles[OTHER].card.title)
    assert name.is_visible() == (width < 400)  # elsewhere the sidebar tells
    for view in VIEWS:
        tab = visitor.page.get_by_role("tab").filter(has_text=view)
        tab.scroll_into_view_if_needed()
        tab.click()
        visitor.until_address(f"{view} opens", view=view)
        visitor.rest()
        overflow = "document.documentElement.scrollWidth - innerWidth"
        assert visitor.page.evaluate(overflow) <= 0, view
        colour = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
        assert visitor.page.evaluate(colour) == background
        if view not in ("Reconstruct", "Model"):
            if view != "Interpolate":  # which shows the path's first image
                visitor.shows(expected)
            lens = visitor.page.locator(".lens .picture").first.bounding_box()
            assert lens["x"] >= 0
            assert lens["x"] + lens["width"] <= width
            assert lens["width"] >= 60
    for section in ("Comparison", "Pictures", "Recipe and data"):
        visitor.page.get_by_role("tab", name=section).click()
        visitor.until_address(f"{section} opens", section=section)
        visitor.rest()
        assert visitor.page.evaluate(overflow) <= 0, section
    if width > 400:  # the page's CSS must know what Streamlit calls its elements
        styled = set(re.findall(r'data-testid="(\w+)"', CSS)) - {"stAlert", "stTable", "stSkeleton"}
        assert [name for name in styled if not visitor.page.get_by_test_id(name).count()] == []
    assert visitor.troubles == []
    visitor.context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_jumps_while_a_view_is_loaded(width: int, chromium: Any, app_url: str) -> None:
    visitor = Visitor(chromium, app_url, width=width)
    visitor.page.add_init_script("""
        window.shift = 0;
        new PerformanceObserver((list) => {
            for (const { value } of list.getEntries()) shift += value;
        }).observe({ type: "layout-shift", buffered: true });""")
    shifts = {}
    for view in VIEWS:
        visitor.open(model=DEEP, view=view)
        visitor.page.wait_for_timeout(300)  # for the parts to be drawn
        shifts[view] = visitor.page.evaluate("shift")
    assert {view: shift for view, shift in shifts.items() if shift > 0.1} == {}
    visitor.context.close()


def test_on_a_phone_the_sidebar_closes_after_a_choice(
    chromium: Any, app_url: str, bundles: dict[str, Bundle]
) -> None:
    visitor = Visitor(chromium, app_url, width=390, has_touch=True, is_mobile=True)
    visitor.open(model=FLAT, view="Sliders")
    for choose in (
        lambda: visitor.choose_model(bundles[DEEP]),
        lambda: visitor.page.get_by_role("button", name="Random test image").click(),
    ):
        visitor.page.get_by_role("button", name="Expand sidebar").click()
        sidebar = visitor.page.get_by_test_id("stSidebar")
        visitor.until(lambda: sidebar.bounding_box()["x"] > -1, "the sidebar opens")  # noqa: B023
        before = visitor.address
        choose()
        visitor.until(lambda: visitor.address != before, "a choice")  # noqa: B023
        visitor.until(lambda: (sidebar.bounding_box() or {"x": -999})["x"] < -100, "it closes")  # noqa: B023
    assert visitor.troubles == []
    visitor.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(theme: str, chromium: Any, app_url: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm install")
    visitor = Visitor(chromium, app_url, color_scheme=theme)
    visitor.open(model=DEEP, view="Model", direction="means:3:8", pins="one~test-3")
    visitor.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = {}
    for view in VIEWS:
        visitor.page.get_by_role("tab", name=view, exact=True).click()
        visitor.until_address(f"{view} opens", view=view)
        visitor.rest()
        visitor.page.wait_for_timeout(300)  # for colours that change slowly
        found[view] = visitor.page.evaluate(
            """async () => (await axe.run()).violations.map(
                ({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))])"""
        )
    assert found == {view: [] for view in VIEWS}
    visitor.context.close()


def test_a_finger_on_the_map_pins_the_point(
    chromium: Any, app_url: str, bundles: dict[str, Bundle]
) -> None:
    visitor = Visitor(chromium, app_url, width=390, has_touch=True, is_mobile=True)
    visitor.open(model=FLAT, view="Map", z="0,0")
    x, y = frame_of(visitor, bundles[FLAT].latents.z_mean).pixel_of([1.0, 0.5])
    visitor.page.touchscreen.tap(x, y)
    visitor.until(lambda: visitor.address["z"] != "0,0", "a tap moves the point")
    assert np.abs(np.subtract(visitor.z, [1.0, 0.5])).max() < 0.3
    visitor.shows(decode(bundles[FLAT], visitor.z))
    lens = visitor.page.locator(".lens .picture")
    assert lens.bounding_box()["y"] + lens.bounding_box()["height"] < y  # not under the finger
    session = visitor.context.new_cdp_session(visitor.page)

    def touch(*fingers: Any, hold: int = 0) -> None:
        """Move each finger along its ``(x, y, right, down)``, and lift them."""
        for step in range(9):
            points = [
                {"x": fx + step / 8 * dx, "y": fy + step / 8 * dy, "id": n}
                for n, (fx, fy, dx, dy) in enumerate(fingers)
            ]
            kind = "touchMove" if step else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            visitor.page.wait_for_timeout(20 if step else hold)
        seen.append(visitor.page.locator(".place").inner_text())
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        visitor.page.wait_for_timeout(500)

    seen: list[str] = []
    scrolled = "document.querySelector('[data-testid=stMain]').scrollTop"
    visitor.rest()
    settled = visitor.z
    mark = visitor.page.locator(".mark.point")
    before = mark.bounding_box()["y"]
    touch((x - 40, y + 60, -60, 0), (x + 40, y + 60, 60, 0))
    assert before - mark.bounding_box()["y"] > 40  # two fingers apart: closer
    assert visitor.page.evaluate(scrolled) == 0
    assert visitor.z == settled
    touch((x, y, 2, -150))
    visitor.until(lambda: visitor.page.evaluate(scrolled) > 50, "a swipe upwards scrolls the page")
    assert visitor.z == settled
    touch((x, y - 60, 2, 260))  # further: a finger moves some pixels before the page does
    visitor.until(lambda: visitor.page.evaluate(scrolled) == 0, "and one downwards scrolls back")
    resting = seen[-1]
    touch((x, y, 20, 80), hold=300)
    assert seen[-1] != resting  # a press that then moves looks
    assert visitor.page.evaluate(scrolled) == 0
    visitor.until(lambda: visitor.z != settled, "and keeps the place where it ends")
    assert visitor.troubles == []
    visitor.context.close()
