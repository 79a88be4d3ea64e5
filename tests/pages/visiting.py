"""Act on the page as a browser does, and read what it has sent."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element, Tab, UnknownElement

from explorer.app import cache, views
from explorer.app.server import address_of
from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle
from explorer.web.payload import encode_images

ROOT = Path(__file__).parents[2]
SHIPPED = cache.BUNDLES.resolve()
VIEWS = tuple(view.name for view in views.VIEWS)
FLAT, DEEP = "fashion_mnist-2d", "mnist-8d"  # with images on every machine, and without


def clear_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def visit(**address: str) -> AppTest:
    """Open a new page at an address."""
    visitor = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    visitor.query_params.update(address)
    return visitor.run()


def assert_sound(visitor: AppTest) -> None:
    assert [error.message for error in visitor.exception] == []


def address(visitor: AppTest) -> dict[str, str]:
    return dict(visitor.query_params)


def coordinates(visitor: AppTest) -> list[float]:
    return [float(value) for value in visitor.query_params["z"].split(",")]


def assert_at_first_point(visitor: AppTest) -> None:
    bundle = load_bundle(SHIPPED / address(visitor)["model"])
    mean = bundle.latents.z_mean[cache.vivid_row(bundle)]
    np.testing.assert_allclose(coordinates(visitor), mean, atol=0.0006)


def open_tab(visitor: AppTest, name: str) -> AppTest:
    """Click a tab, of the page or within a view."""
    (tabs, label) = next(
        (tabs, tab.label)
        for tabs in visitor.get("tab_container")
        if isinstance(tabs, Block)
        for tab in tabs.children.values()
        if isinstance(tab, Tab) and tab.label == name
    )
    states = visitor._tree.get_widget_states()
    states.widgets.add(id=tabs.proto.id, string_value=label)
    return visitor._run(states)


def models_of(visitor: AppTest) -> dict[str, str]:
    """Return the texts of the sidebar's buttons that choose a model, by the model's name."""
    buttons = {str(button.key): as_read(button.label) for button in visitor.sidebar.button}
    return {
        key.removeprefix("model-"): label
        for key, label in buttons.items()
        if key.startswith("model-")
    }


def choose_model(visitor: AppTest, name: str) -> AppTest:
    return visitor.button(key=f"model-{name}").click().run()


def go_to(visitor: AppTest, view: str) -> AppTest:
    visitor.session_state["view"] = view
    return visitor.run()


def open_menu(visitor: AppTest, view: str) -> None:
    """Open the downloads of a view."""
    visitor.session_state[f"downloads-{view}"] = True
    visitor.run()


def parts(visitor: AppTest) -> dict[str, Any]:
    """Return the page's live parts by key, as the browser gets them."""
    unknown = [element for element in visitor._tree if isinstance(element, UnknownElement)]
    live = [part for part in unknown if part.type == "bidi_component"]
    return {part.key: part.proto for part in live if part.key is not None}


def given(visitor: AppTest, key: str) -> dict[str, Any]:
    """Return the data of a live part."""
    proto = parts(visitor)[key]
    data: dict[str, Any]
    (data,) = json.loads(proto.json)
    return data


def images_sent(visitor: AppTest, bundle: Bundle) -> bytes:
    """Return the PNG of the test images that the browser gets; empty if there are none."""
    key = f"sprite-{bundle.content}"
    if parts(visitor)[key].bytes == encode_images(bundle, None):
        return b""
    assert given(visitor, key) == {"address": address_of("images", bundle.content)}
    return gzip.decompress(cache.images_payload(bundle))[len(bundle.content) + 1 :]


def send(visitor: AppTest, key: str, event: str, value: Any) -> AppTest:
    """Send an event of a live part."""
    return send_from(visitor, parts(visitor)[key].id, event, value)


def send_from(visitor: AppTest, part_id: str, event: str, value: Any) -> AppTest:
    states = visitor._tree.get_widget_states()
    states.widgets.add(
        id=f"$$STREAMLIT_INTERNAL_KEY_{part_id}__events",
        json_trigger_value=json.dumps([{"event": event, "value": value}]),
    )
    return visitor._run(states)


def settle(visitor: AppTest, key: str, z: Any, row: Any = None) -> AppTest:
    return send(visitor, key, "settled", {"z": z, "row": row})


def elements(visitor: AppTest, kind: str) -> list[Element]:
    """Return the page's elements of a kind, in order."""
    return [element for element in visitor.get(kind) if isinstance(element, Element)]


def chart(visitor: AppTest, at: int = 0) -> dict[str, Any]:
    """Return one of the page's Plotly figures."""
    figure: dict[str, Any] = json.loads(elements(visitor, "plotly_chart")[at].proto.spec)
    return figure


def numbers(values: dict[str, str]) -> np.ndarray:
    """Read an array as Plotly writes it."""
    return np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))


def table(visitor: AppTest) -> dict[str, list[str]]:
    """Return the only table of the page, by the titles of its columns; empty if there is none."""
    found = [element.value for element in visitor.markdown if element.value.startswith("| ")]
    if not found:
        return {}
    (text,) = found
    titles, _, *lines = (
        [as_read(cell) for cell in line[2:-2].split(" | ")] for line in text.splitlines()
    )
    return {title: [line[i] for line in lines] for i, title in enumerate(titles)}


def captions(visitor: AppTest) -> list[str]:
    return [caption for image in elements(visitor, "image") for caption in image.captions]


def as_read(text: str) -> str:
    """Return a text without Markdown's escapes, as the user reads it."""
    return re.sub(r"\\([!-~])", r"\1", text)


def sentences(visitor: AppTest) -> str:
    """Return all texts of the page's alerts, captions and text elements."""
    kinds = (visitor.error, visitor.warning, visitor.info, visitor.caption, visitor.markdown)
    return as_read("\n".join(element.value for kind in kinds for element in kind))


def press(visitor: AppTest, label: str) -> AppTest:
    (button,) = [button for button in visitor.button if button.label == label]
    return button.click().run()


def upload(visitor: AppTest, data: bytes, key: str = "own-image-file") -> AppTest:
    visitor.file_uploader(key=key).set_value(("file", data, "application/octet-stream"))
    return visitor.run()


def png_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def bright_block() -> bytes:
    """Return a PNG of a bright block left of the middle of a black picture."""
    pixels = np.zeros((60, 90), np.uint8)
    pixels[10:50, 10:40] = 230
    return png_of(pixels)


def copy_to(shelf: Path, name: str = DEEP, target: str | None = None) -> Path:
    return Path(shutil.copytree(SHIPPED / name, shelf / (target or name)))


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped": flip_a_byte,
    "cut short": cut_short,
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "a folder": put_a_folder,
    "a link to nowhere": link_to_nowhere,
}
