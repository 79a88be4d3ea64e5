"""The page as a whole: changes of view and model, links, history, keys and the tour."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.images import images_path
from explorer.bundle.store import load_bundle
from explorer.core import neighbours

from .visitor import DEEP, FLAT, OTHER, SHIPPED, SMALL, Visitor, decode, frame_of, strip


def test_a_model_change_in_the_middle_of_a_drag_leaves_nothing_stale(
    visitor: Visitor, bundles: dict[str, Bundle], shelf: Path
) -> None:
    visitor.open(model=DEEP, view="Sliders")
    for name in (OTHER, SMALL, DEEP):
        drag = visitor.grab(".dimension .range")
        drag(0.9)
        visitor.choose_model(bundles[name])
        for share in (0.8, 0.2, 0.7, 0.4, 0.3):
            visitor.page.mouse.move(350 + 250 * share, 300 + 60 * share, steps=3)
            visitor.page.wait_for_timeout(30)
        visitor.page.mouse.up()
        visitor.until_address("the model changes", model=name)
        visitor.rest()
        visitor.shows(decode(bundles[name], visitor.z))
        order = bundles[name].dimensions_by_kl
        visitor.shows(strip(bundles[name], visitor.z, order[0]), ".strip")
        (row,), _ = neighbours.nearest(visitor.z, bundles[name].latents.z_mean)
        visitor.shows(decode(bundles[name], bundles[name].latents.z_mean[row]), ".lens .again")
        has_images = images_path(shelf, bundles[name].card.data).exists()
        assert visitor.page.locator(".lens .original").is_visible() == has_images
        assert visitor.page.locator(".lens").count() == 1
        assert visitor.page.locator(".sliders").count() == 1


def test_hasty_changes_of_view_and_model_end_where_they_should(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    visitor.open(model=FLAT, view="Map", z="0,0")
    tabs = visitor.page.get_by_role("tab")
    for view, model in (("Manifold", DEEP), ("Sliders", FLAT), ("Interpolate", OTHER),
                        ("Map", DEEP), ("Manifold", OTHER), ("Sliders", DEEP)):  # fmt: skip
        tabs.filter(has_text=view).click()
        visitor.page.mouse.move(500, 500)
        visitor.page.mouse.move(700, 400, steps=4)
        visitor.choose_model(bundles[model])
        visitor.page.mouse.move(600, 450, steps=4)
    visitor.until(
        lambda: (visitor.address["view"], visitor.address["model"]) == ("Sliders", DEEP), "all done"
    )
    visitor.rest()
    visitor.page.mouse.move(100, 850)
    visitor.until(lambda: visitor.page.locator(".strip").count() == 8, "the sliders are there")
    visitor.shows(decode(bundles[DEEP], visitor.z))
    assert visitor.page.locator(".lens").count() == 1
    assert visitor.page.locator(".plot").count() == 0


def test_a_copied_link_shows_the_same_picture_elsewhere(visitor: Visitor, further: Visitor) -> None:
    directions = {"directions": "one~means:3:8;two~means:4:9", "map": "directions", "axes": "2,1"}
    visitor.open(model=DEEP, view="Sliders", pins="first~test-3", **directions)
    visitor.grab(".dimension .range")(0.83)
    visitor.page.mouse.up()
    visitor.until(lambda: any(visitor.z), "it settles")
    visitor.page.get_by_role("tab").filter(has_text="Manifold").click()
    visitor.until(lambda: visitor.address["view"] == "Manifold", "the view changes")
    visitor.rest()
    visitor.page.locator(".lens .place", has_text="decoded at").wait_for()
    further.open(**visitor.address)
    visitor.page.mouse.move(100, 850)
    visitor.until(lambda: np.array_equal(visitor.lens(), further.lens()), "both lenses agree")
    visitor.until(
        lambda: np.array_equal(visitor.pixels(".grid canvas"), further.pixels(".grid canvas")),
        "both grids agree",
    )
    assert further.address == visitor.address
    further.until_said(further.page.locator(".up b"), "↑ one")
    further.page.get_by_role("button", name="first").click()
    z = load_bundle(SHIPPED / DEEP).latents.z_mean[3]
    further.until(lambda: np.allclose(further.z, z, atol=6e-4), "the pin is gone back to")
    visitor.leave()


def test_the_back_button_goes_through_what_was_seen(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    visitor.page.goto(f"{visitor.url}/?model={FLAT}&view=Map")
    visitor.until(lambda: "z" in visitor.address, "the address says where the visit begins")
    visitor.page.locator(".plot .dots").wait_for()
    seen = [visitor.address]
    for share in ((0.3, 0.3), (0.6, 0.7)):
        frame = frame_of(visitor, bundles[FLAT].latents.z_mean)
        visitor.page.mouse.click(*frame.spot(*share))
        visitor.until(lambda: visitor.address != seen[-1], "a click moves the point")
        visitor.rest()
        seen.append(visitor.address)
    visitor.page.get_by_role("tab").filter(has_text="Sliders").click()
    visitor.until(lambda: visitor.address["view"] == "Sliders", "the view changes")
    visitor.rest()
    seen.append(visitor.address)
    visitor.choose_model(bundles[DEEP])
    visitor.until(lambda: visitor.address["model"] == DEEP, "the model changes")
    visitor.rest()

    def is_back_at(wanted: dict[str, str]) -> None:
        visitor.until(lambda: visitor.address == wanted, f"the address is {wanted}")
        visitor.page.mouse.move(100, 850)
        visitor.shows(decode(bundles[FLAT], visitor.z))
        chosen = visitor.page.locator(f".st-key-model-{FLAT}")
        visitor.until(lambda: "✓" in chosen.inner_text(), "the model is chosen")
        tab = visitor.page.get_by_role("tab", selected=True)
        visitor.until(lambda: wanted["view"] in tab.inner_text(), "the tab is open")

    for wanted in reversed(seen):
        visitor.page.go_back()
        is_back_at(wanted)
    visitor.page.go_back()  # to the address as it was typed, which is not changed
    typed = {"model": FLAT, "view": "Map"}
    visitor.until(lambda: visitor.address == typed, "it is the first address")
    visitor.page.wait_for_timeout(500)
    visitor.rest()
    begun = [float(value) for value in seen[0]["z"].split(",")]
    visitor.shows(decode(bundles[FLAT], begun))
    assert visitor.address == typed
    visitor.page.go_forward()
    is_back_at(seen[0])
    visitor.page.go_forward()
    is_back_at(seen[1])


def test_settings_that_do_not_exist_are_named_until_the_next_choice(visitor: Visitor) -> None:
    visitor.leave()
    visitor.open(model=FLAT, view="Map", map="zzz", size="999", drag="Box")
    notice = visitor.page.locator(".notice")
    assert notice.inner_text().split("\n") == [
        "The address asks for map “zzz”, which does not exist; showing the default.",
        "The address asks for size “999”, which does not exist; showing 20.",
    ]
    visitor.until_address("what is shown is in the address", view="Map", drag="box")
    assert not {"map", "size"} & set(visitor.address)
    visitor.page.get_by_role("tab").filter(has_text="Sliders").click()
    notice.wait_for(state="hidden")


def test_the_first_visit_begins_with_a_tour_that_does_not_come_again(
    further: Visitor,
) -> None:
    page, tour = further.page, further.page.locator(".tour")
    page.goto(f"{further.url}/_stcore/health")
    page.evaluate("localStorage.clear()")
    page.goto(further.url)
    for step, (name, view) in enumerate(
        [("Look", "Map"), ("In between", "Map"), ("Emptiness", "Map"), ("One number", "Sliders"),
         ("Your own image", "Reconstruct")], 1,
    ):  # fmt: skip
        tour.get_by_role("heading", name=f"{step} of 5: {name}").wait_for()
        further.until_address(f"{view} opens", view=view)
        tour.locator(".next").click()
    assert not tour.is_visible()
    page.goto(further.url)
    page.locator(".frame .ask").wait_for()
    page.wait_for_timeout(300)
    assert not tour.is_visible()
    page.locator(".frame .ask").click()
    assert tour.is_visible()
    tour.locator(".end").click()
    assert not tour.is_visible()
    page.locator(".frame .ask").click()
    page.keyboard.press("Escape")
    assert not tour.is_visible()


def test_keys_open_views_move_the_point_and_present(visitor: Visitor) -> None:
    visitor.open(model=DEEP, view="Model")
    keys = visitor.page.keyboard
    visitor.page.locator(".frame").wait_for()
    for key, view in (("3", "Sliders"), ("2", "Manifold"), ("7", "Model"), ("3", "Sliders")):
        keys.press(key)
        visitor.until_address(f"{key} opens {view}", view=view)
    for _ in range(3):  # quickly: the result of one press must not undo the next
        for key in "2736":
            keys.press(key)
            visitor.page.wait_for_timeout(150)
        visitor.until_address("the last counts", view="Compare")
        visitor.rest()
        keys.press("3")
        visitor.until_address("3 opens Sliders", view="Sliders")
    visitor.rest()
    keys.press("r")
    visitor.until(lambda: any(visitor.z), "R moves the point")
    moved = visitor.z
    visitor.rest()
    keys.press("Control+z")
    visitor.until(lambda: not any(visitor.z), "and back")
    visitor.rest()
    keys.press("Control+y")
    visitor.until(lambda: visitor.z == moved, "and again")
    keys.press("k")
    visitor.until(lambda: "pins" in visitor.address, "K keeps the point")
    keys.press("?")
    dialog = visitor.page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    keys.press("Escape")
    dialog.wait_for(state="hidden")
    visitor.page.locator(".dimension .typed").first.focus()
    keys.press("6")  # a digit typed in a field is no shortcut
    visitor.page.get_by_label("Coordinates", exact=False).focus()
    keys.press("2")
    visitor.page.wait_for_timeout(200)
    assert visitor.address["view"] == "Sliders"
    visitor.page.locator(".lens .place").click()
    keys.press("p")
    sidebar = visitor.page.get_by_test_id("stSidebar")
    sidebar.wait_for(state="hidden")
    assert visitor.page.locator(".lens .picture").is_visible()
    for view in ("Model", "Sliders"):  # not underneath the buttons
        visitor.page.get_by_role("tab", name=view, exact=True).click()
        visitor.until_address(f"a click opens {view}", view=view)
    visitor.page.locator(".lens .place").wait_for()
    keys.press("p")
    sidebar.wait_for(state="visible")
    keys.press("f")
    sidebar.wait_for(state="hidden")
    assert visitor.page.locator(".lens .picture").is_visible()
    keys.press("f")
    sidebar.wait_for(state="visible")
    visitor.leave()
