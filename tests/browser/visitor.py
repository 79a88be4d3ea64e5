"""Act on a page as a visitor does, read what it shows, and compute what it should show."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
from PIL import Image
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from explorer.app import cache, views
from explorer.bundle.bundle import Bundle
from explorer.drawing import raster

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / cache.BUNDLES).resolve()
FLAT, DEEP, OTHER, SMALL = "fashion_mnist-2d", "mnist-8d", "fashion_mnist-8d", "shapes-2d"
ODD, BARE = "odd-2d", "stored-2d"
VIEWS = tuple(view.name for view in views.VIEWS)
PATIENCE = 120_000  # milliseconds, on a machine that is also busy with other work

GO = """address => {
    History.prototype.pushState.call(history, null, "", address);
    dispatchEvent(new PopStateEvent("popstate"));
}"""
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Visitor:
    """A page of the app, with its errors and its requests."""

    def __init__(self, context: Any, url: str) -> None:
        self.url = url
        self.context = context
        self.page = context.new_page()
        self.troubles: list[str] = []
        self.sent: list[str] = []
        self.runs = 0
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("console", self._hear)
        self.page.on("request", self._notice)
        self.page.on("websocket", self._follow)

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

    def _follow(self, socket: Any) -> None:
        socket.on("framesent", lambda _: self.sent.append("frame"))
        socket.on("framereceived", self._count)

    def _count(self, frame: str | bytes) -> None:
        """Count the server's runs, as a short run leaves no other trace on the page."""
        if isinstance(frame, bytes):
            message = ForwardMsg.FromString(frame)
            is_end = message.WhichOneof("type") == "script_finished"
            self.runs += is_end and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY

    def open(self, **address: str) -> None:
        """Show an address, at the origin unless ``z`` is given, and wait until it has settled.

        An open page navigates there as it goes back and forward, which takes a fifth of the time
        of a reload.
        """
        latent_dim = int(captured(r"-(\d+)d", address["model"]))
        address = {"z": ",".join("0" * latent_dim), **address}
        query = f"/?{urlencode(address)}"
        if self.page.url.startswith(self.url):
            self.page.wait_for_timeout(50)  # for what an earlier click has started
            self.rest()
            runs = self.runs
            self.page.evaluate(GO, query)
            self.until(lambda: self.runs > runs, f"{query} has been run")
            self.rest()
            self.page.evaluate(DRAWN)
        else:
            self.page.goto(f"{self.url}{query}")
            self.rest()
        if address["view"] in ("Map", "Interpolate", "Compare"):
            self.page.locator(".plot .dots").last.wait_for(state="attached")
        if address["view"] not in ("Reconstruct", "Model"):
            self.page.locator(".lens .place", has_text="decoded at").last.wait_for()

    def leave(self) -> None:
        """Forget what the page remembers: the next address is loaded afresh."""
        self.page.mouse.up()
        self.page.goto("about:blank")

    def rest(self) -> None:
        """Wait until the server has nothing left to do for this page."""
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        for _ in range(PATIENCE // 40):
            if is_so():
                return
            self.page.wait_for_timeout(40)
        raise AssertionError(f"waited in vain until {what}")

    def until_quiet(self) -> None:
        """Wait until nothing has been sent for a while, and forget earlier requests."""
        sent = -1
        while len(self.sent) != sent:
            sent = len(self.sent)
            self.page.wait_for_timeout(300)
        self.sent.clear()

    def until_address(self, what: str, **wanted: str) -> None:
        """Wait until the address has these values."""
        self.until(lambda: wanted.items() <= self.address.items(), what)

    def until_said(self, place: Any, text: str) -> None:
        """Wait until an element has a text."""
        self.until(lambda: text in place.inner_text(), f"{text} is there")

    def until_loaded(self, image: Any, what: str) -> None:
        """Wait until an image has arrived."""
        self.until(lambda: image.evaluate("i => i.complete && i.naturalWidth > 0"), what)

    @property
    def address(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.page.url).query).items()}

    @property
    def z(self) -> list[float]:
        """Return the point in the address."""
        return [float(value) for value in self.address["z"].split(",")]

    def pixels(self, selector: str, at: int = 0) -> np.ndarray:
        """Return the pixels of a canvas or an image on white, ``(h, w)`` uint8, or with colours."""
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
        png = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGBA")
        colours = raster.on_white(np.asarray(png))
        return colours[..., 0] if (np.ptp(colours, axis=-1) == 0).all() else colours

    def lens(self) -> np.ndarray:
        return self.pixels(".lens .picture")

    def is_shown(self, expected: np.ndarray, selector: str = ".lens .picture", at: int = 0) -> bool:
        """Return whether a canvas shows a picture, to within 1/255 in every pixel."""
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
        """Press a slider's thumb; return a function that drags it to a share of its length.

        That function returns the slider's value there.
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
    """A map on the page that shows all of some places."""

    places: np.ndarray
    left: float
    top: float
    width: float
    height: float

    @property
    def _shown(self) -> tuple[np.ndarray, float]:
        """Return the place in the middle, and pixels for a step of 1."""
        count = len(self.places) - 1
        low, high = (
            np.sort(self.places, axis=0)[round(share * count)] for share in (0.0005, 0.9995)
        )
        reach = 0.54 * np.max(high - low)
        return (low + high) / 2, min(self.width, self.height) / (2 * reach)

    def pixel_of(self, place: Any) -> tuple[float, float]:
        """Return the page's pixel at a place."""
        middle, scale = self._shown
        across, up = (np.asarray(place, float) - middle) * scale
        return float(self.left + self.width / 2 + across), float(self.top + self.height / 2 - up)

    def place_at(self, x: float, y: float) -> np.ndarray:
        """Return the place at a pixel of the page."""
        middle, scale = self._shown
        across, down = x - self.left - self.width / 2, y - self.top - self.height / 2
        return middle + np.array([across, -down]) / scale

    def is_under(self, x: float, y: float, row: int) -> bool:
        """Return whether a dot or its thumbnail lies at a pixel of the page."""
        place = self.pixel_of(self.places[row])
        return bool(np.max(np.abs(np.subtract(place, (x, y)))) < 33)

    def spot(self, across: float, down: float) -> tuple[int, int]:
        """Return a pixel of the page, given as shares of the map's width and height."""
        return round(self.left + across * self.width), round(self.top + down * self.height)


def frame_of(visitor: Visitor, places: np.ndarray, at: int = 0) -> Frame:
    """Return the map, which must show all of these places."""
    plot = visitor.page.locator(".plot").nth(at)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    return Frame(places, box["x"], box["y"], box["width"], box["height"])


def decode(bundle: Bundle, z: Any) -> np.ndarray:
    """Decode one image with onnxruntime, ``(height, width)`` in [0, 1]."""
    image: np.ndarray = bundle.codec.decode(np.array([z], np.float32))[0].squeeze()
    return image


def captured(pattern: str, text: str) -> str:
    """Return what the pattern's group matches in a text."""
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


def mosaic(bundle: Bundle, latents: Any, columns: int) -> np.ndarray:
    """Return decoded images side by side, row by row."""
    images = bundle.codec.decode(np.asarray(latents, np.float32))[..., 0]
    rows = images.reshape(-1, columns, *images.shape[1:])
    return rows.transpose(0, 2, 1, 3).reshape(len(rows) * images.shape[1], -1)


def geometry_text(z: Any) -> str:
    return ",".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in np.asarray(z, float))


def strip(bundle: Bundle, z: list[float], dimension: int) -> np.ndarray:
    latents = np.tile(np.array(z, np.float32), (11, 1))
    latents[:, dimension] = np.linspace(-3, 3, 11)
    return mosaic(bundle, latents, 11)


def drawn_image(visitor: Visitor, bundle: Bundle) -> np.ndarray:
    """Return a drawing as the model sees it, ``(1, h, w, c)`` in [0, 1]."""
    shape = bundle.card.data.image_shape
    return visitor.pixels(".draw .seen").reshape(1, *shape) / np.float32(255)
