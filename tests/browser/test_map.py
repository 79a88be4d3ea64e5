"""The map in a browser."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from explorer.bundle.bundle import Bundle
from explorer.bundle.images import load_images
from explorer.bundle.store import load_bundle
from explorer.core import neighbours
from explorer.core.geometry import principal_plane

from .visitor import DEEP, FLAT, SHIPPED, Frame, Visitor, captured, decode, frame_of, geometry_text


def said_image(visitor: Visitor) -> int | None:
    """Return the number of the test image that the lens names; None between the images."""
    name = visitor.page.locator(".lens .what strong").inner_text()
    return None if name == "Decoded here" else int(captured(r"^Test image #(\d+) · ", name))


def until_image(visitor: Visitor, bundle: Bundle, fits: Callable[[int], bool]) -> int:
    """Wait until the lens names a test image that fits and shows it decoded; return its number."""
    shown: int | None = None

    def is_so() -> bool:
        nonlocal shown
        shown = said_image(visitor)
        if shown is None or not fits(shown):
            return False
        return visitor.is_shown(decode(bundle, bundle.latents.z_mean[shown]))

    visitor.until(is_so, "the lens shows such a test image")
    assert shown is not None
    return shown


def until_looked(
    visitor: Visitor, bundle: Bundle, frame: Frame, x: float, y: float, scale: float = 1
) -> int | None:
    """Wait until the lens shows what is under the pointer; return the test image, if it is one.

    ``scale`` is the map's zoom relative to the frame's.
    """
    shown: int | None = None

    def is_so() -> bool:
        nonlocal shown
        shown = said_image(visitor)
        place = frame.place_at(x, y)
        if shown is not None:
            pixel = (frame.place_at(1, 0)[0] - frame.place_at(0, 0)[0]) / scale
            mean = bundle.latents.z_mean[shown]
            return np.abs(mean - place).max() < 33 * pixel and visitor.is_shown(
                decode(bundle, mean)
            )
        return visitor.is_shown(decode(bundle, place))

    visitor.until(is_so, "the lens shows what lies under the pointer")
    return shown


MAPS = {
    "dimensions": "Two dimensions",
    "principal": "Principal plane",
    "neighbourhoods": "Neighbourhoods",
}


@pytest.mark.parametrize("name", [FLAT, DEEP, "mnist-20d", "cifar10-80d"])
def test_a_dot_is_its_image_on_every_map(visitor: Visitor, name: str) -> None:
    """With a model of each kind: flat, deep, with a flow, with images that come as thumbnails."""
    bundle = load_bundle(SHIPPED / name)
    z_mean, labels = bundle.latents.z_mean, bundle.latents.labels
    maps = {"dimensions": z_mean[:, list(bundle.main_dimensions)]}
    if bundle.latents.places is not None:
        maps["principal"] = principal_plane(z_mean).project(z_mean)
        maps["neighbourhoods"] = bundle.latents.places
    generator = np.random.default_rng(len(name))
    visitor.open(model=name, view="Map", map="dimensions")
    for kind, places in maps.items():
        if len(maps) > 1:
            choice = visitor.page.get_by_role("radio", name=MAPS[kind])
            choice.click()
            assert choice.get_attribute("aria-checked") == "true"
        frame = frame_of(visitor, places)
        visitor.until_quiet()
        for row in generator.choice(len(places), 3, replace=False):
            x, y = frame.pixel_of(places[row])
            if not (0 < x - frame.left < frame.width - 50 and 0 < y - frame.top < frame.height):
                continue

            visitor.page.mouse.move(x, y)
            shown = until_image(visitor, bundle, partial(frame.is_under, x, y))
            visitor.shows(decode(bundle, z_mean[shown]), ".lens .again")
            named = visitor.page.locator(".lens .what strong").inner_text()
            assert named.endswith(f" · {bundle.card.data.classes[labels[shown]]}")
            assert visitor.page.locator(".tip").inner_text() in named
        assert visitor.sent == []


def test_the_lens_follows_the_pointer_over_the_map_without_the_server(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[FLAT]
    images = load_images(next((SHIPPED / "images").glob("fashion_mnist-*.npz")), bundle.card.data)
    visitor.open(model=FLAT, view="Map", z="0.5,-0.25")
    visitor.shows(decode(bundle, [0.5, -0.25]))
    frame = frame_of(visitor, bundle.latents.z_mean)
    visitor.until_quiet()
    kinds = set()
    for share in ((0.02, 0.9), (0.5, 0.5), (0.3, 0.7), (0.7, 0.31), (0.9, 0.97)):
        x, y = frame.spot(*share)
        visitor.page.mouse.move(x, y, steps=5)
        shown = until_looked(visitor, bundle, frame, x, y)
        kinds.add(shown is None)
        row = shown
        if shown is None:
            (row,), (distance,) = neighbours.nearest(frame.place_at(x, y), bundle.latents.z_mean)
            name = bundle.card.data.classes[bundle.latents.labels[row]]
            near = f"Nearest test image #{row} · {name}, {distance:.2f} away"
            visitor.until_said(visitor.page.locator(".lens .near"), near)
        visitor.shows(images[row, ..., 0] / 255, ".lens .original canvas")
    assert kinds == {True, False}
    visitor.page.mouse.move(100, 850)
    visitor.shows(decode(bundle, [0.5, -0.25]))
    assert visitor.sent == []


def test_a_click_on_the_map_pins_the_point(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    visitor.open(model=FLAT, view="Map", z="0,0")
    frame = frame_of(visitor, bundle.latents.z_mean)
    corner = frame.spot(0.03, 0.93)
    visitor.page.mouse.click(*corner)
    visitor.until(lambda: visitor.address["z"] != "0,0", "a click moves the point")
    np.testing.assert_allclose(visitor.z, frame.place_at(*corner), atol=6e-4)  # no dot is near
    field = visitor.page.get_by_label("Coordinates", exact=False)
    visitor.until(lambda: field.input_value() == visitor.address["z"], "the field says so too")
    visitor.page.mouse.move(100, 850)
    visitor.shows(decode(bundle, visitor.z))

    row = int(np.abs(bundle.latents.z_mean[:, 0]).argmax())  # a dot that stands alone
    x, y = frame.pixel_of(bundle.latents.z_mean[row])
    visitor.page.mouse.click(x + 2, y + 1)
    expected = geometry_text(bundle.latents.z_mean[row])
    visitor.until(lambda: visitor.address["z"] == expected, "a click near a dot takes its place")

    before = visitor.z
    visitor.rest()
    visitor.page.mouse.move(100, 850)
    visitor.until(lambda: said_image(visitor) == row, "the lens, too, says that very image")
    visitor.page.keyboard.press("ArrowLeft")  # the click gave the map the keyboard focus
    visitor.page.keyboard.press("Shift+ArrowUp")
    visitor.until(lambda: visitor.z != before, "arrow keys move the point")
    pixel = frame.place_at(1, 0)[0] - frame.place_at(0, 0)[0]
    np.testing.assert_allclose(np.subtract(visitor.z, before), [-6 * pixel, 40 * pixel], atol=0.002)
    visitor.shows(decode(bundle, visitor.z))
    visitor.rest()

    ring = visitor.page.locator(".mark.point")
    assert "outside" not in ring.get_attribute("class")
    field.fill("9,0")
    field.press("Enter")
    visitor.until(lambda: visitor.z == [9, 0], "a place outside of the map")
    visitor.until(lambda: "outside" in ring.get_attribute("class"), "is told so")
    visitor.page.mouse.dblclick(*corner)
    visitor.page.wait_for_timeout(500)
    assert visitor.z == [9, 0]  # a double click shows the whole map and moves nothing


@pytest.mark.parametrize("leave", ["click", "key"])
def test_the_point_is_kept_if_the_view_is_left_at_once(visitor: Visitor, leave: str) -> None:
    visitor.open(model=FLAT, view="Map", z="0,0")
    plot = visitor.page.locator(".plot").bounding_box()
    tab = visitor.page.get_by_role("tab", name="Sliders", exact=True).bounding_box()
    visitor.page.mouse.click(plot["x"] + 40, plot["y"] + 40)
    if leave == "click":
        visitor.page.mouse.click(tab["x"] + 9, tab["y"] + 9)
    else:
        visitor.page.keyboard.press("3")
    visitor.until_address("the view is left", view="Sliders")
    visitor.until(lambda: visitor.z != [0, 0], "the point is where it was put")


def test_zoom_and_filters_survive_other_tabs_and_models(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[FLAT]
    visitor.open(model=FLAT, view="Map", z="0,0")
    frame = frame_of(visitor, bundle.latents.z_mean)
    x, y = frame.spot(0.5, 0.5)
    visitor.page.mouse.move(x, y)
    visitor.page.mouse.wheel(0, -1000)  # closer by exp(1.6)
    visitor.page.mouse.down()
    visitor.page.mouse.move(x + 60, y - 40, steps=4)
    visitor.page.mouse.up()
    visitor.page.get_by_role("button", name="Trouser").click()
    visitor.sent.clear()
    visitor.page.get_by_role("tab").filter(has_text="Sliders").click()
    visitor.until(lambda: visitor.address["view"] == "Sliders", "the view changes")
    for name in (DEEP, FLAT):
        visitor.choose_model(bundles[name])
        visitor.until_address("the model changes", model=name)
        visitor.rest()
    visitor.page.get_by_role("tab").filter(has_text="Map").click()
    visitor.page.locator(".plot .dots").wait_for()
    visitor.rest()
    assert not any("/model/" in address for address in visitor.sent if FLAT in address)
    trouser = visitor.page.get_by_role("button", name="Trouser")
    assert trouser.get_attribute("aria-pressed") == "false"
    target = frame.spot(0.7, 0.25)
    closer = float(np.exp(1.6))
    seen = x + (target[0] - x - 60) / closer, y + (target[1] - y + 40) / closer
    visitor.page.mouse.move(*target, steps=3)
    until_looked(visitor, bundle, frame, *seen, scale=closer)
    assert visitor.z == [0, 0]
    visitor.leave()


def test_a_hidden_class_cannot_be_hit(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    visitor.open(model=FLAT, view="Map", z="0,0")
    frame = frame_of(visitor, bundle.latents.z_mean)
    labels = bundle.latents.labels
    label = bundle.card.data.classes.index("Trouser")
    row = int(np.where(labels == label, bundle.latents.z_mean[:, 0], -9).argmax())
    entry = visitor.page.get_by_role("button", name="Trouser")
    assert "1,000" in entry.inner_text()
    x, y = frame.pixel_of(bundle.latents.z_mean[row])
    place = x + 3, y + 2  # near enough to hit it, too far for its own latent

    def image_at_its_place() -> int | None:
        visitor.page.mouse.move(100, 850)
        visitor.page.mouse.move(*place, steps=2)
        visitor.page.wait_for_timeout(250)
        return said_image(visitor)

    visitor.until(lambda: image_at_its_place() == row, "it is hit")
    entry.click()
    found = image_at_its_place()
    assert found is None or labels[found] != label
    entry.click(click_count=2, delay=20)
    pressed = visitor.page.locator(".entry[aria-pressed=true]")
    visitor.until(lambda: pressed.count() == 1, "a double click shows it alone")
    visitor.until(lambda: image_at_its_place() == row, "it is hit again")
    visitor.until_address("it is told", classes="Trouser")
    visitor.page.reload()
    visitor.until(lambda: pressed.count() == 1, "it is alone in a copied link")
    entry.press("Shift+Enter")
    visitor.until(lambda: pressed.count() == 10, "and once more all, by keyboard")
    visitor.until(lambda: "classes" not in visitor.address, "an address without them")


def test_kind_axes_and_colours_are_the_pages_own_and_in_its_address(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    z = [0.5, -1, 0, 0, 1, 0, 0.25, 0]
    visitor.open(model=DEEP, view="Map", axes="2,5", map="dimensions", z=geometry_text(z))
    visitor.shows(decode(bundle, z))
    assert not visitor.page.locator(".lens .original").is_visible()  # no images on this machine
    visitor.until_quiet()
    x, y = frame_of(visitor, bundle.latents.z_mean[:, [1, 4]]).pixel_of([z[1], z[4]])
    visitor.page.mouse.move(100, 850)
    ring = visitor.page.locator(".mark.point").bounding_box()
    np.testing.assert_allclose((ring["x"] + 11, ring["y"] + 11), (x, y), atol=1.5)
    visitor.page.get_by_role("radio", name="Principal plane").click()
    visitor.until_address("the address follows", map="principal")
    plane = principal_plane(bundle.latents.z_mean)
    frame = frame_of(visitor, plane.project(bundle.latents.z_mean))
    corner = frame.spot(0.04, 0.9)
    visitor.page.mouse.move(*corner, steps=3)
    visitor.shows(decode(bundle, plane.lift(frame.place_at(*corner)[np.newaxis])[0]))
    visitor.until_said(visitor.page.locator(".lens .near"), " off the plane")
    visitor.page.get_by_label("Colour").select_option("z3")
    visitor.until_address("the address follows", colour="z3")
    scale = visitor.page.locator(".scale .bar").bounding_box()
    assert min(scale["width"], scale["height"] / 5) >= 10
    low = visitor.page.get_by_label("z₃ at least")
    assert float(low.get_attribute("min")) == pytest.approx(bundle.latents.z_mean[:, 2].min())
    low.evaluate("input => { input.value = 1.5; input.dispatchEvent(new Event('input')); }")
    assert "1.5" in visitor.page.locator(".legend .said").inner_text()
    places = plane.project(bundle.latents.z_mean)
    for row in np.flatnonzero(bundle.latents.z_mean[:, 2] < 0)[:3]:
        visitor.page.mouse.move(*frame.pixel_of(places[row]))
        visitor.page.wait_for_timeout(250)
        shown = said_image(visitor)
        assert shown is None or bundle.latents.z_mean[shown, 2] >= 1.5
    assert [address for address in visitor.sent if "/media/" not in address] == []  # its icon
    visitor.page.reload()
    visitor.page.locator(".plot .dots").wait_for()
    assert visitor.page.get_by_label("Colour").input_value() == "z3"
    principal = visitor.page.get_by_role("radio", name="Principal plane")
    assert principal.get_attribute("aria-checked") == "true"
    visitor.leave()


def test_boxes_make_groups_that_are_compared_and_saved(
    visitor: Visitor, bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    bundle = bundles[FLAT]
    z_mean, labels = bundle.latents.z_mean, bundle.latents.labels
    visitor.open(model=FLAT, view="Map", drag="box")
    frame = frame_of(visitor, z_mean)
    pixel = frame.place_at(1, 0)[0] - frame.place_at(0, 0)[0]
    visitor.sent.clear()

    def draw(low: list[float], high: list[float], *keys: str, then: str = "") -> None:
        for key in keys:
            visitor.page.keyboard.down(key)
        visitor.page.mouse.move(*frame.pixel_of(low))
        visitor.page.mouse.down()
        visitor.page.mouse.move(*frame.pixel_of(high), steps=6)
        if then:
            visitor.page.keyboard.press(then)
        visitor.page.mouse.up()
        for key in keys:
            visitor.page.keyboard.up(key)

    def inside(low: list[float], high: list[float], grow: float) -> np.ndarray:
        low_edge, high_edge = np.array(low) - grow * pixel, np.array(high) + grow * pixel
        found: np.ndarray = np.all((low_edge < z_mean) & (z_mean < high_edge), axis=1)
        return found

    draw([-1, -1], [1, 1], then="Escape")
    visitor.page.wait_for_timeout(300)
    assert not visitor.page.locator(".groups").is_visible()
    heading = visitor.page.locator(".groups .A strong")
    first = bundle.card.data.classes[0]
    visitor.page.locator(".legend .entry", has_text=first).press("a")
    visitor.until_said(heading, f"{(labels == 0).sum():,} images")
    visitor.page.locator(".plot").press("a")  # the image nearest to the point
    row = np.argmin(np.linalg.norm(z_mean - visitor.z, axis=1))
    count = (labels == 0).sum() + (1 if labels[row] else -1)
    visitor.until_said(heading, f"{count:,} images")
    visitor.page.get_by_role("button", name="Clear both groups").click()
    visitor.page.locator(".plot").press("b")
    visitor.page.locator(".plot").press("a")
    visitor.until_said(heading, "Group A: 1 image")
    differ = visitor.page.locator(".groups .differ")
    visitor.until_said(differ, "One of the groups needs two or more images")
    assert not differ.locator("li").count()
    visitor.page.get_by_role("button", name="Clear both groups").click()
    draw([0.2, 0.2], [0.7, 1.0])
    heading.wait_for()
    box = visitor.page.locator(".groups").bounding_box()
    assert box["y"] + box["height"] <= 900  # in sight without scrolling
    with visitor.page.expect_download() as download:
        visitor.page.locator(".groups .A").get_by_role("button", name="CSV").click()
    table = list(csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines()))
    rows = np.array([int(line["test_image"]) for line in table])
    assert f"{len(rows):,} images" in heading.inner_text()
    certain, possible = inside([0.2, 0.2], [0.7, 1.0], -2), inside([0.2, 0.2], [0.7, 1.0], 2)
    assert set(np.flatnonzero(certain)) <= set(rows) <= set(np.flatnonzero(possible))
    np.testing.assert_allclose(
        [float(line["z_mean_2"]) for line in table], z_mean[rows, 1], rtol=1e-4
    )
    assert [line["class"] for line in table] == [bundle.card.data.classes[n] for n in labels[rows]]
    with visitor.page.expect_download() as download:
        visitor.page.locator(".groups .A").get_by_role("button", name="NPZ").click()
    with np.load(download.value.path()) as arrays:
        np.testing.assert_array_equal(arrays["test_image"], rows)
        np.testing.assert_array_equal(arrays["z_mean"], z_mean[rows])
        np.testing.assert_array_equal(arrays["label"], labels[rows])
        np.testing.assert_allclose(
            arrays["neg_elbo_nats"], bundle.latents.neg_elbo[rows], rtol=1e-6
        )
    counts = Counter(bundle.card.data.classes[n] for n in labels[rows]).most_common(1)
    first = visitor.page.locator(".groups .A .classes li").first
    assert first.inner_text().split() == [counts[0][0], f"{counts[0][1]:,}"]

    images = load_images(next((SHIPPED / "images").glob("fashion_mnist-*.npz")), bundle.card.data)
    visitor.shows(images[rows, ..., 0].mean(axis=0) / 255, ".groups .A .pictures canvas")

    visitor.page.get_by_role("radio", name="Group B").click()
    frame = frame_of(visitor, z_mean)  # the list has taken some of the map's room
    draw([-1.0, -1.6], [-0.4, -1.2])
    other = visitor.page.locator(".groups .B strong")
    other.wait_for()
    count = int(captured(r"([\d,]+) images", other.inner_text()).replace(",", ""))
    draw([0.4, -1.6], [0.8, -1.2], "Shift")
    visitor.until(lambda: f" {count:,} " not in other.inner_text(), "Shift adds to it")
    draw([0.3, -1.7], [0.9, -1.1], "Alt")
    visitor.until(lambda: f" {count:,} " in other.inner_text(), "Alt removes")
    visitor.page.get_by_role("radio", name="adds to").click()  # as with a finger
    draw([0.4, -1.6], [0.8, -1.2])
    visitor.until(lambda: f" {count:,} " not in other.inner_text(), "it is added to")
    visitor.page.get_by_role("radio", name="removes from").click()
    draw([0.3, -1.7], [0.9, -1.1])
    visitor.until(lambda: f" {count:,} " in other.inner_text(), "it is removed from")
    assert "A minus B" in differ.inner_text()
    box = visitor.page.locator(".groups").bounding_box()
    for means in visitor.page.locator(".groups .pictures").all():  # in sight without scrolling
        assert (
            means.bounding_box()["y"] + means.bounding_box()["height"] <= box["y"] + box["height"]
        )
    dimension, value = differ.locator("li").first.inner_text().split()
    assert dimension == "z₂"
    assert float(value.replace("−", "-")) > 3
    assert visitor.sent == []
    visitor.page.get_by_role("button", name="Use A → B as a direction").click()
    visitor.until_address("the direction is shown", view="Sliders")
    visitor.page.get_by_text(re.compile(r"^AUC 0\.\d+|^AUC 1\.0")).wait_for()
    visitor.page.go_back()
    visitor.until_address("the map comes back", view="Map")
    visitor.rest()

    list_ = visitor.page.locator(".groups .A .members")
    list_.scroll_into_view_if_needed()
    place = list_.bounding_box()
    visitor.page.mouse.click(place["x"] + 2.5 * 36, place["y"] + 5)
    expected = geometry_text(z_mean[rows[2]])
    visitor.until(lambda: visitor.address["z"] == expected, "an image moves the point")
    visitor.page.get_by_role("button", name="Clear both groups").click()
    visitor.until(lambda: not visitor.page.locator(".groups").is_visible(), "nothing is left")
    make = visitor.page.locator(".groups [role=radio]", has_text="makes")
    assert make.get_attribute("aria-checked") == "true"  # the next region can make one again


def test_an_image_is_found_by_number_and_class(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor.open(model=DEEP, view="Map")
    field = visitor.page.get_by_label("Find a test image", exact=False)
    field.fill("#4711")
    field.press("Enter")
    expected = geometry_text(bundle.latents.z_mean[4711])
    visitor.until(lambda: visitor.address["z"] == expected, "the image is the point")
    visitor.page.mouse.move(100, 850)
    until_image(visitor, bundle, lambda shown: shown == 4711)
    name = bundle.card.data.classes[-1]
    field.fill(name)
    field.press("Enter")
    labels = bundle.latents.labels
    until_image(visitor, bundle, lambda shown: shown != 4711 and labels[shown] == 9)


def test_the_map_is_saved_as_png_and_svg(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    visitor.open(model=FLAT, view="Map", z="0,0")
    box = visitor.page.locator(".plot").bounding_box()
    files = {}
    opener = visitor.page.locator(".tools summary")
    svg = visitor.page.get_by_role("button", name="SVG")
    for leave in (lambda: svg.press("Escape"), visitor.page.locator(".plot").focus):
        opener.click()
        svg.wait_for()
        leave()
        svg.wait_for(state="hidden")
    for name in ("PNG ×2", "SVG"):
        opener.click()
        with visitor.page.expect_download() as download:
            visitor.page.get_by_role("button", name=name).click()
        files[name] = download.value.path().read_bytes()
    picture = np.asarray(Image.open(io.BytesIO(files["PNG ×2"])).convert("RGB"), int)
    assert picture.shape[0] == pytest.approx(2 * box["height"], abs=2)
    assert picture.shape[1] > 2 * box["width"]  # with the legend
    assert (np.ptp(picture, axis=-1) > 60).sum() > 50_000  # dots
    drawing = ElementTree.fromstring(files["SVG"].decode())
    texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    for name in bundles[FLAT].card.data.classes:
        assert name in texts
        assert f"{name}  1,000" in texts
    assert "↑ z₂" in texts
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}path"))) > 5000


def test_dots_are_drawn_and_come_back_when_the_graphics_context_is_lost(further: Visitor) -> None:
    further.page.add_init_script("""
        const { prototype } = WebGL2RenderingContext, given = prototype.getParameter;
        prototype.getParameter = function (name) {
            return name === 0x9246 ? "a processor" : given.call(this, name);
        };""")  # without this, WebGL would draw nothing here
    further.open(model=FLAT, view="Map", z="0,0")
    lose = """() => {
        const hosts = document.querySelectorAll("[data-testid=stBidiComponentIsolated]");
        const dots = [...hosts].map((h) => h.shadowRoot.querySelector(".dots")).find(Boolean);
        const gl = dots.getContext("webgl2");
        gl?.getExtension("WEBGL_lose_context").loseContext();
        return gl !== null;
    }"""
    shot = further.page.locator(".plot")

    def colours() -> int:
        picture = np.asarray(Image.open(io.BytesIO(shot.screenshot())).convert("RGB"), int)
        return int((np.ptp(picture, axis=-1) > 60).sum())

    further.until(lambda: colours() > 20_000, "dots are drawn")
    before = colours()
    for is_lost in (True, True, True, False):  # after three a canvas without WebGL
        assert further.page.evaluate(lose) == is_lost
        further.until(lambda: abs(colours() - before) < 0.1 * before, "they are back")
