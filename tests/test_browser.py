"""The real app in a real Chromium: what the pixels show, and what goes to the server.

Every picture that the page decodes is compared with what onnxruntime decodes at the same
place. A test ends with no error on the page or in its console, and with no request to
anywhere but the app's own server.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from PIL import Image, ImageDraw, ImageFilter

from explorer.app import cache
from explorer.app.server import address_of
from explorer.bundle.images import images_path, load_images
from explorer.bundle.store import Bundle, find_bundles, load_bundle
from explorer.core import geometry
from explorer.core.elbo import kl_divergence, log_likelihood
from explorer.core.geometry import grid_points, plane_coordinates_grid, principal_plane
from explorer.core.paths import lerp
from explorer.data.framing import frame_picture, suggest_framing
from explorer.data.uploads import read_upload
from explorer.drawing import raster
from explorer.web.code import FOLDER, VERSION
from explorer.web.payload import encode_model as payload_of

ROOT = Path(__file__).parents[1]
SHIPPED = (ROOT / cache.BUNDLES).resolve()
FLAT, DEEP, OTHER, SMALL = "fashion_mnist-2d", "mnist-8d", "fashion_mnist-8d", "shapes-2d"
CSS = (ROOT / "explorer" / "app" / "page.css").read_text(encoding="utf-8")
ODD = "odd-2d"
VIEWS = ("Map", "Manifold", "Sliders", "Interpolate", "Reconstruct", "Compare", "Model")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 120_000  # milliseconds, on a machine that does other things too


@pytest.fixture(scope="session")
def shelf(
    tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path, reseal: Callable[[Path], None]
) -> Path:
    """The shipped bundles, one whose images have another size, and one the page cannot run."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "images").mkdir()
    for source in (SHIPPED, tiny_bundle.parent):
        for path in (*source.glob("*/card.json"), *source.glob("images/*.npz")):
            thing = path if path.parent.name == "images" else path.parent
            (folder / thing.relative_to(source)).symlink_to(thing)
    add_odd_bundle(tiny_bundle, folder / ODD, reseal)
    return folder


def add_odd_bundle(source: Path, target: Path, reseal: Callable[[Path], None]) -> None:
    """A bundle whose decoder has an operator that onnxruntime runs and the page does not."""
    shutil.copytree(source, target)
    model = onnx.load(target / "decoder.onnx")
    (output,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["odd" if name == output.name else name for name in node.output]
    model.graph.node.append(onnx.helper.make_node("Sin", ["odd"], [output.name]))
    onnx.save(model, target / "decoder.onnx")
    card = json.loads((target / "card.json").read_text(encoding="utf-8"))
    card["name"] = ODD
    (target / "card.json").write_text(json.dumps(card), encoding="utf-8")
    reseal(target)


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, shelf: Path) -> Iterator[str]:
    """Start the app as a person does; no data sets but what lies beside the bundles."""
    folder = tmp_path_factory.mktemp("app")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
        f"--server.port={port}", "--server.fileWatcherType=none",
    ]  # fmt: skip
    places = {
        "LATENT_DATA_DIR": str(folder),
        "KERAS_HOME": str(folder),
        "LATENT_BUNDLES": str(shelf),
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **places}, stdout=output, stderr=output
        )
    try:
        url = f"http://localhost:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
        yield url
        said = log.read_text()
        assert "Traceback" not in said, said[-5000:]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def bundles(shelf: Path) -> dict[str, Bundle]:
    return {name: load_bundle(shelf / name) for name in (FLAT, DEEP, OTHER, SMALL, ODD)}


class Visitor:
    """A page of the app, what goes wrong on it, and what it sends."""

    def __init__(
        self, browser: Any, url: str, *, width: int = 1280, is_new: bool = False, **options: Any
    ) -> None:
        self.url = url
        viewport = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=viewport, **options)
        self.context.set_default_timeout(PATIENCE)
        if not is_new:
            self.context.add_init_script("localStorage.setItem('latent-space-tour', 'seen')")
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.sent: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("console", self._hear)
        self.page.on("request", self._notice)
        self.page.on("websocket", lambda s: s.on("framesent", lambda _: self.sent.append("frame")))

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text}")

    def _notice(self, request: Any) -> None:
        if request.url.startswith(("data:", "blob:")):
            return
        if request.url.startswith(f"{self.url}/media/"):  # the page's icon, whenever it comes
            return
        self.sent.append(request.url)
        if not request.url.startswith(self.url):
            self.troubles.append(f"request: {request.url}")

    def open(self, **address: str) -> None:
        """Load the page anew, at the origin unless ``z`` is given, and wait until it stands."""
        latent_dim = int(captured(r"-(\d+)d", address["model"]))
        address = {"z": ",".join("0" * latent_dim), **address}
        self.page.goto(f"{self.url}/?{urlencode(address)}")
        self.rest()
        if address["view"] in ("Map", "Interpolate", "Compare"):
            self.page.locator(".plot .dots").last.wait_for(state="attached")
        if address["view"] not in ("Reconstruct", "Model"):
            self.page.locator(".lens .place", has_text="decoded at").last.wait_for()

    def rest(self) -> None:
        """Wait until the server has nothing to do for this page."""
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        for _ in range(PATIENCE // 40):
            if is_so():
                return
            self.page.wait_for_timeout(40)
        raise AssertionError(f"waited in vain until {what}")

    def until_quiet(self) -> None:
        """Wait until nothing has been sent for a while, and forget what was."""
        sent = -1
        while len(self.sent) != sent:
            sent = len(self.sent)
            self.page.wait_for_timeout(300)
        self.sent.clear()

    def until_address(self, what: str, **wanted: str) -> None:
        """Wait until the address has these values."""
        self.until(lambda: wanted.items() <= self.address.items(), what)

    def until_said(self, place: Any, text: str) -> None:
        """Wait until a text stands somewhere."""
        self.until(lambda: text in place.inner_text(), f"{text} is there")

    def until_loaded(self, image: Any, what: str) -> None:
        """Wait until an image has arrived."""
        self.until(lambda: image.evaluate("i => i.complete && i.naturalWidth > 0"), what)

    @property
    def address(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.page.url).query).items()}

    @property
    def z(self) -> list[float]:
        """The point as the address has it."""
        return [float(value) for value in self.address["z"].split(",")]

    def pixels(self, selector: str, at: int = 0) -> np.ndarray:
        """What a canvas or an image shows, ``(height, width)`` uint8, or with colours."""
        uri = (
            self.page.locator(selector)
            .nth(at)
            .evaluate(
                """element => {
                if (element.tagName === "CANVAS") return element.toDataURL("image/png");
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [element.naturalWidth, element.naturalHeight];
                canvas.getContext("2d").drawImage(element, 0, 0);
                return canvas.toDataURL("image/png");
            }"""
            )
        )
        png = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
        colours = np.asarray(png.convert("RGB"))
        return colours[..., 0] if (np.ptp(colours, axis=-1) == 0).all() else colours

    def lens(self) -> np.ndarray:
        return self.pixels(".lens .picture")

    def is_shown(self, expected: np.ndarray, selector: str = ".lens .picture", at: int = 0) -> bool:
        """Whether a canvas shows a picture, to within 1/255 in every pixel."""
        found = self.pixels(selector, at)
        return found.shape == expected.shape and bool(
            np.all(np.abs(found - 255.0 * expected) <= 1.5)  # the canvas rounds: half of 1/255
        )

    def shows(self, expected: np.ndarray, selector: str = ".lens .picture", at: int = 0) -> None:
        """Wait until a canvas shows a picture."""
        is_so = partial(self.is_shown, expected, selector, at)
        self.until(is_so, f"{selector} shows what the server decodes")

    def choose_model(self, bundle: Bundle) -> None:
        """Press a model in the sidebar."""
        button = self.page.locator(f".st-key-model-{bundle.card.name} button")
        button.evaluate("button => button.click()")

    def choose(self, label: str) -> None:
        """Press a segment of a control."""
        self.page.get_by_test_id("stButtonGroup").get_by_text(label, exact=True).first.click()

    def grab(self, selector: str, at: int = 0) -> Callable[[float], float]:
        """Take a slider's thumb; returns how to drag it to a share of its length.

        That returns the slider's value there.
        """
        slider = self.page.locator(selector).nth(at)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        low, high, value = (
            float(slider.evaluate(f"input => input.{name}")) for name in ("min", "max", "value")
        )
        y = box["y"] + box["height"] / 2

        def x_of(share: float) -> float:
            return float(box["x"] + 8 + share * (box["width"] - 16))

        self.page.mouse.move(x_of((value - low) / (high - low)), y)
        self.page.mouse.down()

        def drag(share: float) -> float:
            self.page.mouse.move(x_of(share), y, steps=4)
            return float(slider.input_value())

        return drag


@dataclass(frozen=True)
class Frame:
    """A map on the page that shows the whole of some places."""

    places: np.ndarray
    left: float
    top: float
    width: float
    height: float

    @property
    def _shown(self) -> tuple[np.ndarray, float]:
        """The place in the middle, and pixels for a step of 1."""
        count = len(self.places) - 1
        low, high = (
            np.sort(self.places, axis=0)[round(share * count)] for share in (0.0005, 0.9995)
        )
        reach = 0.54 * np.max(high - low)
        return (low + high) / 2, min(self.width, self.height) / (2 * reach)

    def pixel_of(self, place: Any) -> tuple[float, float]:
        """Where on the page a place lies."""
        middle, scale = self._shown
        across, up = (np.asarray(place, float) - middle) * scale
        return float(self.left + self.width / 2 + across), float(self.top + self.height / 2 - up)

    def place_at(self, x: float, y: float) -> np.ndarray:
        """The place at a pixel of the page."""
        middle, scale = self._shown
        across, down = x - self.left - self.width / 2, y - self.top - self.height / 2
        return middle + np.array([across, -down]) / scale

    def is_under(self, x: float, y: float, row: int) -> bool:
        """Whether a dot lies at a pixel of the page, or its thumbnail does."""
        place = self.pixel_of(self.places[row])
        return bool(np.max(np.abs(np.subtract(place, (x, y)))) < 33)

    def spot(self, across: float, down: float) -> tuple[int, int]:
        """A pixel of the page by its shares of the map's width and height."""
        return round(self.left + across * self.width), round(self.top + down * self.height)


def frame_of(visitor: Visitor, places: np.ndarray, at: int = 0) -> Frame:
    """The map that shows the whole of these places."""
    plot = visitor.page.locator(".plot").nth(at)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    return Frame(places, box["x"], box["y"], box["width"], box["height"])


@pytest.fixture(scope="module")
def desktop(chromium: Any, app_url: str) -> Iterator[Visitor]:
    visitor = Visitor(chromium, app_url)
    yield visitor
    visitor.context.close()


@pytest.fixture
def visitor(desktop: Visitor) -> Iterator[Visitor]:
    """A visitor at a desk; the test fails if anything goes wrong on its page."""
    desktop.troubles.clear()
    yield desktop
    assert desktop.troubles == []


def decode(bundle: Bundle, z: Any) -> np.ndarray:
    """One image as onnxruntime decodes it, ``(height, width)`` in [0, 1]."""
    image: np.ndarray = bundle.codec.decode(np.array([z], np.float32))[0].squeeze()
    return image


def captured(pattern: str, text: str) -> str:
    """What the pattern's group matches in a text."""
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


def mosaic(bundle: Bundle, latents: Any, columns: int) -> np.ndarray:
    """Images side by side, row by row."""
    images = bundle.codec.decode(np.asarray(latents, np.float32))[..., 0]
    rows = images.reshape(-1, columns, *images.shape[1:])
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * images.shape[1], -1)


# ---- Map ----


def said_image(visitor: Visitor) -> int | None:
    """The number of the test image that the lens says it shows; None for a place between them."""
    name = visitor.page.locator(".lens .what strong").inner_text()
    return None if name == "Decoded here" else int(captured(r"^Test image #(\d+) · ", name))


def until_image(visitor: Visitor, bundle: Bundle, fits: Callable[[int], bool]) -> int:
    """Wait until the lens says a test image that fits, and shows it decoded; returns which."""
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
    """Wait until the lens shows what lies under the pointer; the test image, if it is one.

    ``scale`` is by how much closer the map is seen than the frame's.
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


@pytest.mark.parametrize("name", sorted(path.name for path in find_bundles(SHIPPED)))
def test_a_dot_is_its_image_on_every_map_of_every_model(visitor: Visitor, name: str) -> None:
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
            assert visitor.page.locator(".tip").inner_text() in named.replace(" · ", " ")
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
            (row,), (distance,) = geometry.nearest(frame.place_at(x, y), bundle.latents.z_mean)
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
    np.testing.assert_allclose(
        visitor.z, frame.place_at(*corner), atol=6e-4
    )  # nobody's dot is near
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
    visitor.page.keyboard.press("ArrowLeft")  # the click gave the map the keyboard
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


def geometry_text(z: Any) -> str:
    return ",".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in np.asarray(z, float))


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
    entry.press("Shift+Enter")
    visitor.until(lambda: pressed.count() == 10, "and once more all, by keyboard")


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


def test_boxes_make_groups_that_are_compared_and_saved(
    visitor: Visitor, bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    bundle = bundles[FLAT]
    z_mean, labels = bundle.latents.z_mean, bundle.latents.labels
    visitor.open(model=FLAT, view="Map", drag="box")
    frame = frame_of(visitor, z_mean)
    pixel = frame.place_at(1, 0)[0] - frame.place_at(0, 0)[0]
    visitor.sent.clear()

    def draw(low: list[float], high: list[float], *keys: str) -> None:
        for key in keys:
            visitor.page.keyboard.down(key)
        visitor.page.mouse.move(*frame.pixel_of(low))
        visitor.page.mouse.down()
        visitor.page.mouse.move(*frame.pixel_of(high), steps=6)
        visitor.page.mouse.up()
        for key in keys:
            visitor.page.keyboard.up(key)

    def inside(low: list[float], high: list[float], grow: float) -> np.ndarray:
        low_edge, high_edge = np.array(low) - grow * pixel, np.array(high) + grow * pixel
        found: np.ndarray = np.all((low_edge < z_mean) & (z_mean < high_edge), axis=1)
        return found

    heading = visitor.page.locator(".groups .A strong")
    first = bundle.card.data.classes[0]
    visitor.page.locator(".legend .entry", has_text=first).press("a")
    visitor.until_said(heading, f"{(labels == 0).sum():,} images")
    visitor.page.locator(".plot").press("a")  # the image nearest to the point
    row = np.argmin(np.linalg.norm(z_mean - visitor.z, axis=1))
    count = (labels == 0).sum() + (1 if labels[row] else -1)
    visitor.until_said(heading, f"{count:,} images")
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
        np.testing.assert_allclose(arrays["negElbo"], bundle.latents.neg_elbo[rows], rtol=1e-6)
    counts = Counter(bundle.card.data.classes[n] for n in labels[rows]).most_common(1)
    first = visitor.page.locator(".groups .A .classes li").first
    assert first.inner_text().split() == [counts[0][0], f"{counts[0][1]:,}"]

    images = load_images(next((SHIPPED / "images").glob("fashion_mnist-*.npz")), bundle.card.data)
    visitor.shows(images[rows, ..., 0].mean(axis=0) / 255, ".groups .A .pictures canvas")

    visitor.page.get_by_role("radio", name="Group B").click()
    frame = frame_of(visitor, z_mean)  # the list has taken some of its room
    draw([-1.0, -1.6], [-0.4, -1.2])
    other = visitor.page.locator(".groups .B strong")
    other.wait_for()
    count = int(captured(r"([\d,]+) images", other.inner_text()).replace(",", ""))
    draw([0.4, -1.6], [0.8, -1.2], "Shift")
    visitor.until(lambda: f" {count:,} " not in other.inner_text(), "Shift adds to it")
    draw([0.3, -1.7], [0.9, -1.1], "Alt")
    visitor.until(lambda: f" {count:,} " in other.inner_text(), "Alt takes away")
    differ = visitor.page.locator(".groups .differ")
    assert "A minus B" in differ.inner_text()
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
    for name in ("PNG ×2", "SVG"):
        visitor.page.locator(".tools summary").click()
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


def test_dots_are_drawn_and_come_back_when_the_graphics_context_is_lost(visitor: Visitor) -> None:
    visitor.page.add_init_script("""
        const { prototype } = WebGL2RenderingContext, given = prototype.getParameter;
        prototype.getParameter = function (name) {
            return name === 0x9246 ? "a processor" : given.call(this, name);
        };""")  # else nothing would be drawn by WebGL here
    visitor.open(model=FLAT, view="Map", z="0,0")
    lose = """() => {
        const hosts = document.querySelectorAll("[data-testid=stBidiComponentIsolated]");
        const dots = [...hosts].map((h) => h.shadowRoot.querySelector(".dots")).find(Boolean);
        const gl = dots.getContext("webgl2");
        gl?.getExtension("WEBGL_lose_context").loseContext();
        return gl !== null;
    }"""
    shot = visitor.page.locator(".plot")

    def colours() -> int:
        picture = np.asarray(Image.open(io.BytesIO(shot.screenshot())).convert("RGB"), int)
        return int((np.ptp(picture, axis=-1) > 60).sum())

    visitor.until(lambda: colours() > 20_000, "dots are drawn")
    before = colours()
    for is_lost in (True, True, True, False):  # after three a canvas without WebGL
        assert visitor.page.evaluate(lose) == is_lost
        visitor.until(lambda: abs(colours() - before) < 0.1 * before, "they are back")


# ---- Manifold ----


def grid_of(bundle: Bundle, latents: Any, columns: int) -> np.ndarray:
    """Images side by side with a pixel of nothing to the right of and below each."""
    images = bundle.codec.decode(np.asarray(latents, np.float32))[..., 0]
    rows = np.pad(images, ((0, 0), (0, 1), (0, 1))).reshape(-1, columns, 29, 29)
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * 29, -1)


SHADED = """canvas => Array.from(
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
).filter((_, i) => i % 4 === 3)"""


def test_the_grid_equals_the_servers_and_its_tiles_can_be_chosen(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[FLAT]
    visitor.open(model=FLAT, view="Manifold", size="9")
    xs, ys = plane_coordinates_grid(9, spacing="normal", extent=2.5)
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
    points = grid_points(*plane_coordinates_grid(40, spacing="linear", extent=3.0))
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
    _, (distance,) = geometry.nearest(visitor.z, bundle.latents.z_mean)
    assert distance < 2
    visitor.rest()
    mark = visitor.page.locator(".grid .point").bounding_box()
    assert abs(mark["x"] - box["x"] - box["width"] / 2) < box["width"] / 6  # near the click


def test_sliders_of_a_deep_model_move_the_grid_through_the_space(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor.open(model=DEEP, view="Manifold", size="5", axes="1,2", map="dimensions")
    points = grid_points(*plane_coordinates_grid(5, spacing="normal", extent=2.5))
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


# ---- Sliders ----


def strip(bundle: Bundle, z: list[float], dimension: int) -> np.ndarray:
    latents = np.tile(np.array(z, np.float32), (11, 1))
    latents[:, dimension] = np.linspace(-3, 3, 11)
    return mosaic(bundle, latents, 11)


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
    for _ in range(20):  # a held key: no answer of the server may take a step back
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
    visitor.page.get_by_role("button", name="Download").click()
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="GIF").click()
    with Image.open(download.value.path()) as gif:
        assert getattr(gif, "n_frames", 1) == 58


# ---- Interpolate ----


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
    visitor.shows(decode(bundle, path(0)))  # from the start, wherever the point is

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
    alone = int(bundle.latents.z_mean[:, 0].argmin())  # the tools are on the right
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


# ---- Reconstruct ----


def phone_photo(file: Path) -> np.ndarray:
    """A photo of a dark 7-like sign on paper, taken with the phone turned; what it shows."""
    picture = Image.new("RGB", (1200, 1600), (228, 224, 214))
    pen = ImageDraw.Draw(picture)
    pen.line([(350, 450), (850, 450), (520, 1200)], fill=(35, 30, 60), width=110, joint="curve")
    picture = picture.filter(ImageFilter.GaussianBlur(4))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right before it is shown
    picture.transpose(Image.Transpose.ROTATE_90).save(file, quality=90, exif=exif)
    return np.asarray(picture.convert("L"))


def test_an_upload_shows_original_reconstruction_and_error(
    visitor: Visitor, bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    bundle = bundles[DEEP]
    upright = phone_photo(tmp_path / "IMG_0001.JPG")
    visitor.open(model=DEEP, view="Reconstruct")
    visitor.page.locator("input[type=file]").set_input_files(tmp_path / "IMG_0001.JPG")
    shown = {}
    for name in ("original", "reconstruction", "error map"):
        image = visitor.page.locator(f"img[alt^='{name}']")
        image.wait_for()
        visitor.until_loaded(image, name)
        shown[name] = visitor.pixels(f"img[alt^='{name}']")[8::16, 8::16]

    shape = bundle.card.data.image_shape
    picture = read_upload((tmp_path / "IMG_0001.JPG").read_bytes(), shape).image
    image = frame_picture(picture, suggest_framing(picture, shape, 0.0), shape, 0.0)
    again = bundle.codec.decode(bundle.codec.encode(image[np.newaxis])[0])[0]
    assert np.abs(shown["original"] - 255.0 * image[..., 0]).max() <= 1
    assert np.abs(shown["reconstruction"] - 255.0 * again[..., 0]).max() <= 1
    assert np.abs(shown["error map"].astype(int) - raster.error_map(image, again)).max() <= 1

    ink = shown["original"] > 128  # light on dark, as the data is, and the right way up
    rows, columns = np.nonzero(ink)
    assert 0.03 < ink.mean() < 0.4
    bar = ink[rows.min() : rows.min() + 2].sum(axis=1).max()
    foot = ink[rows.max() - 1 : rows.max() + 1].sum(axis=1).max()
    assert bar > 2 * foot
    assert upright[450, 600] < 60 < upright[1190, 800]  # the photo has its bar at the top, too
    assert visitor.page.get_by_text("turned upright as its EXIF orientation says").is_visible()
    assert visitor.page.get_by_text("explained better").is_visible()

    (tmp_path / "notes.png").write_text("Not a picture, whatever its name says.\n")
    visitor.page.locator("input[type=file]").set_input_files(tmp_path / "notes.png")
    alert = visitor.page.get_by_test_id("stAlert")
    alert.get_by_text("This is a text file, not a picture").wait_for()
    again_shown = visitor.page.locator("img[alt^='reconstruction']")
    visitor.until(lambda: again_shown.count() == 0, "the pictures of the other file are gone")
    visitor.page.locator("input[type=file]").set_input_files(tmp_path / "IMG_0001.JPG")
    visitor.page.locator("img[alt^='reconstruction']").wait_for()
    visitor.page.get_by_role("button", name="Show its place on the map").click()
    visitor.until(lambda: visitor.address["view"] == "Map", "the map opens")
    expected = bundle.codec.encode(image[np.newaxis])[0][0]
    visitor.until(lambda: visitor.z == pytest.approx(expected, abs=2e-3), "at its place")
    visitor.page.locator(".lens .place", has_text="decoded at").wait_for()
    visitor.shows(decode(bundle, visitor.z))


def drawn_image(visitor: Visitor, bundle: Bundle) -> np.ndarray:
    """What the model sees of a drawing, ``(1, h, w, c)`` in [0, 1]."""
    shape = bundle.card.data.image_shape
    return visitor.pixels(".draw .seen").reshape(1, *shape) / np.float32(255)


def test_a_drawing_is_reconstructed_live_and_reaches_the_server_when_a_stroke_ends(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor.open(model=DEEP, view="Reconstruct")
    visitor.choose("Drawing")
    paper = visitor.page.locator(".draw .paper")
    visitor.page.locator(".draw .terms", has_text="nats").wait_for()
    visitor.rest()

    def stroke(*places: tuple[float, float]) -> None:
        """Draw along places, in shares of the paper, without lifting the pen."""
        box = paper.bounding_box()
        for n, (x, y) in enumerate(places):
            visitor.page.mouse.move(
                box["x"] + x * box["width"], box["y"] + y * box["height"], steps=12 if n else 1
            )
            if n == 0:
                visitor.page.mouse.down()

    def shows_what_the_model_makes() -> None:
        image = drawn_image(visitor, bundle)
        z_mean, z_log_var = bundle.codec.encode(image)
        again = bundle.codec.decode(z_mean)
        visitor.shows(again[0, ..., 0], ".draw .again")
        visitor.shows(raster.error_map(image[0], again[0]) / 255, ".draw .error")
        log_px = log_likelihood(image, bundle.codec.parameters(z_mean), "bernoulli")[0]
        terms = f"reconstruction {-log_px:.1f} nats · KL {kl_divergence(z_mean, z_log_var)[0]:.1f}"
        visitor.until_said(visitor.page.locator(".draw .terms"), terms)
        rows, _ = geometry.nearest(z_mean[0], bundle.latents.z_mean, 15)
        counts = Counter(bundle.latents.labels[rows].tolist()).most_common(1)[0]
        first = f"{bundle.card.data.classes[counts[0]]} ({counts[1]})"
        visitor.until_said(visitor.page.locator(".draw .classes-near"), first)

    sent = len(visitor.sent)
    stroke((0.2, 0.2), (0.6, 0.2), (0.35, 0.7))
    shows_what_the_model_makes()
    assert visitor.page.locator(".mark.looked").is_visible()  # on the map beside it
    assert len(visitor.sent) == sent
    image = drawn_image(visitor, bundle)[0, ..., 0]
    rows, columns = np.nonzero(image > 0.25)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(20, abs=1)
    grid = np.arange(28) + 0.5
    middle = [float(grid @ image.sum(axis)) / image.sum() for axis in (0, 1)]
    assert middle == pytest.approx([14, 14], abs=0.3)

    visitor.page.mouse.up()
    expected = bundle.codec.encode(drawn_image(visitor, bundle))[0][0]
    visitor.until(lambda: visitor.z == pytest.approx(expected, abs=2e-3), "its place is the point")
    visitor.page.get_by_text("explained better").wait_for()

    visitor.page.locator(".draw").get_by_text("Scale and centre").click()
    whole = drawn_image(visitor, bundle)
    assert np.array_equal(whole[0, ..., 0] * 255, visitor.pixels(".draw .paper"))
    stroke((0.8, 0.1), (0.8, 0.9))
    visitor.page.mouse.up()
    assert (drawn_image(visitor, bundle) != whole).any()
    visitor.page.get_by_role("button", name="Undo the last step").click()
    assert np.array_equal(drawn_image(visitor, bundle), whole)
    visitor.page.locator(".draw").get_by_text("Eraser").click()
    stroke((0.2, 0.2), (0.6, 0.2))
    visitor.page.mouse.up()
    assert drawn_image(visitor, bundle).sum() < 0.8 * whole.sum()
    shows_what_the_model_makes()
    visitor.page.get_by_role("button", name="The point: start from its picture").click()
    visitor.until(lambda: drawn_image(visitor, bundle).sum() > whole.sum() / 2, "it is drawn")
    visitor.page.get_by_role("button", name="Clear: start from a blank").click()
    assert drawn_image(visitor, bundle).sum() == 0
    shows_what_the_model_makes()


def test_a_finger_draws_in_colour_on_a_phone(chromium: Any, app_url: str, shelf: Path) -> None:
    bundle = load_bundle(shelf / "cifar10-80d")
    visitor = Visitor(chromium, app_url, width=390, has_touch=True, is_mobile=True)
    visitor.open(model="cifar10-80d", view="Reconstruct")
    visitor.choose("Drawing")
    visitor.page.locator(".draw .terms", has_text="nats").wait_for()
    visitor.page.locator(".draw input[type=color]").fill("#ff0000")
    paper = visitor.page.locator(".draw .paper")
    paper.scroll_into_view_if_needed()
    visitor.rest()
    box = paper.bounding_box()
    session = visitor.context.new_cdp_session(visitor.page)
    for step in range(8):
        point = {"x": box["x"] + 60 + 20 * step, "y": box["y"] + 40 + 20 * step}
        kind = "touchMove" if step else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    visitor.until(lambda: (drawn_image(visitor, bundle)[0, 10:20] == [1, 0, 0]).all(2).any(), "red")
    again = bundle.codec.decode(bundle.codec.encode(drawn_image(visitor, bundle))[0])
    visitor.shows(again[0], ".draw .again")
    visitor.page.get_by_text("explained better", exact=True).wait_for()
    assert visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert visitor.troubles == []
    visitor.context.close()


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
    spot = max(spots, key=lambda spot: geometry.nearest(frame.place_at(*spot), means[1])[1][0])
    visitor.page.mouse.move(*spot)  # where no dot is
    place = frame.place_at(*spot)
    picture = np.round(255 * decode(pair[1], place)) / 255
    z = pair[0].codec.encode(picture[np.newaxis, ..., np.newaxis].astype(np.float32))[0][0]
    visitor.shows(decode(pair[0], z), at=0)
    visitor.page.locator(".plot").first.press("a")
    groups = visitor.page.locator(".groups .A strong")
    visitor.until(lambda: groups.all_inner_texts() == ["Group A: 1 images"] * 2, "both have it")
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


# ---- The page as a whole ----


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
        (row,), _ = geometry.nearest(visitor.z, bundles[name].latents.z_mean)
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


def test_a_copied_link_shows_the_same_picture_elsewhere(
    visitor: Visitor, chromium: Any, app_url: str
) -> None:
    directions = {"directions": "one~means:3:8;two~means:4:9", "map": "directions", "axes": "2,1"}
    visitor.open(model=DEEP, view="Sliders", pins="first~test-3", **directions)
    visitor.grab(".dimension .range")(0.83)
    visitor.page.mouse.up()
    visitor.until(lambda: any(visitor.z), "it settles")
    visitor.page.get_by_role("tab").filter(has_text="Manifold").click()
    visitor.until(lambda: visitor.address["view"] == "Manifold", "the view changes")
    visitor.rest()
    visitor.page.locator(".lens .place", has_text="decoded at").wait_for()
    other = Visitor(chromium, app_url)
    other.open(**visitor.address)
    visitor.page.mouse.move(100, 850)
    visitor.until(lambda: np.array_equal(visitor.lens(), other.lens()), "both lenses agree")
    visitor.until(
        lambda: np.array_equal(visitor.pixels(".grid canvas"), other.pixels(".grid canvas")),
        "both grids agree",
    )
    assert other.address == visitor.address
    assert other.page.locator(".up b").inner_text() == "↑ one"
    other.page.get_by_role("button", name="first").click()
    z = load_bundle(SHIPPED / DEEP).latents.z_mean[3]
    other.until(lambda: np.allclose(other.z, z, atol=6e-4), "the pin is gone back to")
    assert other.troubles == []
    other.context.close()


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
    visitor.page.go_back()  # to the address as it was typed, which is left as it is
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


def test_the_first_visit_begins_with_a_tour_that_does_not_come_again(
    chromium: Any, app_url: str
) -> None:
    visitor = Visitor(chromium, app_url, is_new=True)
    page, tour = visitor.page, visitor.page.locator(".tour")
    page.goto(app_url)
    for step, (name, view) in enumerate(
        [("Look", "Map"), ("In between", "Map"), ("Emptiness", "Map"), ("One number", "Sliders"),
         ("Your own image", "Reconstruct")], 1,
    ):  # fmt: skip
        tour.get_by_role("heading", name=f"{step} of 5: {name}").wait_for()
        visitor.until_address(f"{view} opens", view=view)
        tour.locator(".next").click()
    assert not tour.is_visible()
    page.goto(app_url)
    page.locator(".frame .ask").wait_for()
    page.wait_for_timeout(300)
    assert not tour.is_visible()
    page.locator(".frame .ask").click()
    assert tour.is_visible()
    tour.locator(".end").click()
    assert not tour.is_visible()
    assert visitor.troubles == []
    visitor.context.close()


def test_keys_open_views_move_the_point_and_present(visitor: Visitor) -> None:
    visitor.open(model=DEEP, view="Model")
    keys = visitor.page.keyboard
    visitor.page.locator(".frame").wait_for()
    for key, view in (("3", "Sliders"), ("2", "Manifold"), ("7", "Model"), ("3", "Sliders")):
        keys.press(key)
        visitor.until_address(f"{key} opens {view}", view=view)
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
    keys.press("6")  # a number in a field is a number
    visitor.page.get_by_label("Coordinates", exact=False).focus()
    keys.press("2")
    visitor.page.wait_for_timeout(200)
    assert visitor.address["view"] == "Sliders"
    visitor.page.locator(".lens .place").click()
    keys.press("p")
    sidebar = visitor.page.get_by_test_id("stSidebar")
    sidebar.wait_for(state="hidden")
    assert visitor.page.locator(".lens .picture").is_visible()
    keys.press("p")
    sidebar.wait_for(state="visible")


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


@pytest.mark.parametrize("damage", ["a flipped bit", "zeros"])
def test_weights_that_arrive_damaged_show_an_alert_and_no_garbage(
    damage: str, chromium: Any, app_url: str, bundles: dict[str, Bundle]
) -> None:
    """The bytes are changed on their way."""
    middle = bundles[FLAT].decoder[len(bundles[FLAT].decoder) // 2 :]
    weights = middle[:64]
    damaged = bytes(64) if damage == "zeros" else bytes([weights[0] ^ 64]) + weights[1:]
    visitor = Visitor(chromium, app_url)
    changed = []

    def pass_on(route: Any) -> None:
        response = route.fetch()
        body = response.body()
        changed.append(body.count(weights))
        route.fulfill(response=response, body=body.replace(weights, damaged))

    visitor.page.route(re.compile("/live/.*/model/"), pass_on)
    visitor.page.goto(f"{app_url}/?model={FLAT}&view=Sliders")
    alert = visitor.page.get_by_role("alert").filter(has_text="The model did not arrive whole")
    alert.wait_for()
    assert changed == [1]
    assert alert.inner_text().endswith("(wrong checksum); reload the page.")
    visitor.rest()
    is_calm_without_a_picture(visitor)
    visitor.context.close()


def is_calm_without_a_picture(visitor: Visitor) -> None:
    place = visitor.page.locator(".lens .place")
    visitor.until(lambda: place.inner_text().startswith("no picture"), "the lens says so")
    assert not visitor.lens().any()
    assert visitor.page.get_by_role("alert").count() == 1
    assert visitor.troubles == []


def test_a_payload_cut_short_shows_an_alert(visitor: Visitor, bundles: dict[str, Bundle]) -> None:
    payload = payload_of(bundles[DEEP])
    visitor.open(model=FLAT, view="Model")
    for length in (0, 3, 100, len(payload) // 2, len(payload) - 1):
        said = visitor.page.evaluate(
            """async ([base64, address]) => {
                const { Store } = await import(new URL(address, document.baseURI));
                const root = document.createElement("div");
                const data = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
                new Store(root, { hub: null }).update(data);
                return root.querySelector("[role=alert]")?.textContent;
            }""",
            [base64.b64encode(payload[:length]).decode(), f"live/{VERSION}/parts/store.js"],
        )
        assert said == "The model did not arrive whole (it was cut short); reload the page.", length


def test_a_page_that_may_not_start_workers_decodes_by_itself(
    chromium: Any, app_url: str, bundles: dict[str, Bundle]
) -> None:
    visitor = Visitor(chromium, app_url)
    visitor.page.add_init_script("delete globalThis.Worker")
    visitor.open(model=DEEP, view="Sliders", z="1,0,0,0,0,0,0,0")
    visitor.shows(decode(bundles[DEEP], [1] + [0] * 7))
    first = bundles[DEEP].dimensions_by_kl[0]
    visitor.shows(strip(bundles[DEEP], visitor.z, first), ".strip")
    near = visitor.page.locator(".lens .near", has_text="Nearest test image")
    near.wait_for()
    assert visitor.troubles == []
    visitor.context.close()


def test_a_network_that_the_browser_cannot_run_is_decoded_by_the_server(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    visitor.open(model=ODD, view="Sliders", z="1,0.5")
    visitor.shows(decode(bundles[ODD], [1, 0.5]))
    alert = visitor.page.get_by_role("alert").filter(has_text="Decoded by the server")
    assert "Sin" in alert.inner_text()
    drag = visitor.grab(".range")
    for share in (0.3, 0.6, 0.45):
        drag(share)
    visitor.page.mouse.up()
    visitor.until(lambda: visitor.z != [1, 0.5], "the point has moved")
    visitor.shows(decode(bundles[ODD], visitor.z))


def test_the_server_decodes_what_it_is_asked_and_nothing_else(
    app_url: str, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[FLAT]

    def answer(body: bytes, content: str = bundle.content, **headers: str) -> tuple[int, bytes]:
        url = f"{app_url}/{address_of('decode', content)}"
        request = urllib.request.Request(url, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, b""

    z = np.array([0.5, -1], "<f4")
    pixels = raster.to_pixels(decode(bundle, z.tolist()))
    assert answer(z.tobytes()) == (200, pixels.tobytes())
    for body in (b"", z.tobytes()[:7], z.tobytes() * 2, bytes(10**6), np.full(2, np.nan, "<f4")):
        assert answer(bytes(body))[0] == 400
    assert answer(z.tobytes(), f"{bundle.content}?class=10")[0] == 400
    assert answer(z.tobytes(), "0" * 64)[0] == 404
    assert answer(z.tobytes(), **{"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_code_and_models_are_served_for_good_under_their_version_and_nothing_else_is(
    app_url: str, bundles: dict[str, Bundle]
) -> None:
    def answer(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"{app_url}/{path}", timeout=30) as response:
                return response.status, response.headers["Cache-Control"]
        except urllib.error.HTTPError as error:
            return error.code, ""

    for path in FOLDER.rglob("*.js"):
        status, caching = answer(f"live/{VERSION}/{path.relative_to(FOLDER).as_posix()}")
        assert (status, "immutable" in caching) == (200, True), path
    for bundle in bundles.values():
        address = address_of("model", bundle.content)
        with urllib.request.urlopen(f"{app_url}/{address}", timeout=30) as response:
            assert "immutable" in response.headers["Cache-Control"]
            assert response.read() == payload_of(bundle)
    for elsewhere in (
        address_of("model", "0" * 64),
        address_of("model", ""),
        address_of("images", f"{'0' * 63}/"),
        address_of("weights", bundles[FLAT].content),
        address_of("model", bundles[FLAT].content).replace(VERSION, "0" * len(VERSION)),
        f"live/{'0' * len(VERSION)}/streamlit.js",
        f"live/{VERSION}/",
        f"live/{VERSION}/style.css",
        f"live/{VERSION}/../../app.py",
        f"live/{VERSION}/%2e%2e/%2e%2e/app.py",
        f"live/{VERSION}//{FOLDER.parents[1] / 'app.py'}",
    ):
        assert answer(elsewhere)[0] in (400, 404), elsewhere
