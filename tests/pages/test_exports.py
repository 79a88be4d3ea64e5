"""Files that can be saved: strips, grids, paths, latents and pins."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence
from PIL.GifImagePlugin import GifImageFile

from explorer.bundle.bundle import Bundle
from explorer.bundle.card import Card
from explorer.core.pixels import to_pixels

from .visiting import (
    DEEP,
    FLAT,
    SHIPPED,
    address,
    assert_sound,
    choose_model,
    coordinates,
    elements,
    given,
    open_menu,
    open_tab,
    press,
    send,
    settle,
    visit,
)


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def opened_gif(data: bytes) -> GifImageFile:
    gif = Image.open(io.BytesIO(data))
    assert isinstance(gif, GifImageFile)
    return gif


def test_the_strips_as_png_and_gif(downloads: dict[str, Any], bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z = np.array([1, 0, -1, 0.5, 0, 0, 2, 0], np.float32)
    visitor = visit(model=DEEP, view="Sliders", z=",".join(f"{value:g}" for value in z))
    open_menu(visitor, "sliders")
    pixels = picture(downloads[f"{DEEP}-traversals.png"]())
    assert pixels.shape == (8 * 56, 11 * 56)
    for row, column in ((0, 0), (3, 10), (7, 5)):
        moved = z.copy()
        moved[bundle.dimensions_by_kl[row]] = -3 + 0.6 * column
        expected = to_pixels(bundle.codec.decode(moved[np.newaxis]))[0, ..., 0]
        tile = pixels[56 * row : 56 * (row + 1) : 2, 56 * column : 56 * (column + 1) : 2]
        np.testing.assert_array_equal(tile, expected)
    gif = opened_gif(downloads[f"{DEEP}-traversals.gif"]())
    assert gif.n_frames == 58  # forth and back
    assert gif.size == (8 * 84, 84)
    figure = Image.open(io.BytesIO(downloads[f"{DEEP}-traversals-figure.png"]()))
    assert figure.width == int(8.5 / 2.54 * 300)
    assert figure.info["Title"].startswith(f"MNIST · 8-D ({DEEP})")
    assert figure.info["Title"].endswith("&z=1,0,-1,0.5,0,0,2,0")
    settle(visitor, f"sliders-{DEEP}", [0, 2, 0, 0, 0, 0, 0, 0])
    figure = Image.open(io.BytesIO(downloads[f"{DEEP}-traversals-figure.png"]()))
    assert figure.info["Title"].endswith("&z=0,2,0,0,0,0,0,0")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the list of the sheets that figures for print would show."""
    sheets: list[Any] = []
    monkeypatch.setattr("explorer.drawing.plots.sheets", lambda *given: sheets.extend(given))
    monkeypatch.setattr("explorer.drawing.paper.write", lambda *_: b"")
    return sheets


def test_a_manifold_for_print_is_of_the_chosen_plane_through_the_point(
    downloads: dict[str, Any], bundles: dict[str, Bundle], drawn: list[Any]
) -> None:
    visitor = visit(model=DEEP, view="Manifold", z="1,0,0,0.5,0,0,0,2")
    open_menu(visitor, "manifold")
    send(visitor, "grid-settings", "told", {})
    downloads[f"{DEEP}-grid-figure.svg"]()
    sheet = drawn.pop()
    assert (sheet.columns, sheet.x_title) == (20, "")  # over the neighbourhood map, as on the page
    visitor.button_group(key=f"over-{DEEP}").set_value("Two dimensions").run()
    visitor.selectbox(key=f"Across-{DEEP}").set_value(2).run()
    visitor.selectbox(key=f"Up-{DEEP}").set_value(0).run()
    downloads[f"{DEEP}-grid-figure.svg"]()
    (sheet,) = drawn
    assert (sheet.columns, sheet.x_title, sheet.y_title) == (20, "z₃", "z₁")
    corner = np.array([[-2.5, 0, 2.5, 0.5, 0, 0, 0, 2]])[:, [2, 1, 0, 3, 4, 5, 6, 7]]
    expected = to_pixels(bundles[DEEP].codec.decode(corner))[0]
    np.testing.assert_array_equal(sheet.images[0], expected)


def test_a_manifold_for_print_starts_from_what_the_page_shows(
    downloads: dict[str, Any], bundles: dict[str, Bundle], drawn: list[Any]
) -> None:
    own = {"directions": "one~component:1;other~means:3:8;same~component:1"}
    visitor = visit(model=DEEP, view="Manifold", z="1,0,0,0.5,0,0,0,2", **own)
    open_menu(visitor, "manifold")
    shown = {"map": "directions", "axes": "2,1", "size": "7", "extent": "3", "spacing": "linear"}
    send(visitor, "grid-settings", "told", shown)
    downloads[f"{DEEP}-grid-figure.svg"]()
    sheet = drawn.pop()
    assert (sheet.columns, sheet.x_title, sheet.y_title) == (7, "other", "one")
    one, right = (np.array(axis["unit"]) for axis in given(visitor, "frame")["directions"][:2])
    up = one - (one @ right) * right
    up /= np.linalg.norm(up)
    z = np.array([1, 0, 0, 0.5, 0, 0, 0, 2])
    corner = z + (-3 - z @ right) * right + (3 - z @ up) * up
    expected = to_pixels(bundles[DEEP].codec.decode(corner[np.newaxis].astype(np.float32)))[0]
    np.testing.assert_allclose(sheet.images[0].astype(int), expected, atol=1)
    visitor.selectbox(key=f"Across-directions-{DEEP}").set_value(0).run()
    visitor.selectbox(key=f"Up-directions-{DEEP}").set_value(2).run()
    assert_sound(visitor)
    assert "one and same are parallel and span no plane" in visitor.warning[0].value
    visitor.button_group(key=f"over-{DEEP}").set_value("Principal plane").run()
    downloads[f"{DEEP}-grid-figure.svg"]()
    assert drawn.pop().x_title.startswith("principal component 1")


def test_a_path_as_png_gif_and_npz(downloads: dict[str, Any], bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    ends = {"a": "test-3", "b": "0,1,0,0,0,0,0,2"}
    page = visit(model=DEEP, view="Interpolate", **ends, steps="5", even="In the latent space")
    open_menu(page, "interpolate")
    arrays = np.load(io.BytesIO(downloads[f"{DEEP}-interpolation.npz"]()), allow_pickle=False)
    a, b = bundle.latents.z_mean[3], np.array([0, 1, 0, 0, 0, 0, 0, 2], np.float32)
    expected = a + np.linspace(0, 1, 5)[:, np.newaxis] * (b - a)
    np.testing.assert_allclose(arrays["z"], expected, atol=1e-6)
    images = to_pixels(bundle.codec.decode(arrays["z"]))
    np.testing.assert_array_equal(arrays["images"], images)
    pixels = picture(downloads[f"{DEEP}-interpolation.png"]())
    np.testing.assert_array_equal(pixels[::4, ::4], np.concatenate(images[..., 0], axis=1))
    gif = opened_gif(downloads[f"{DEEP}-interpolation.gif"]())
    assert (gif.n_frames, gif.size) == (8, (224, 224))
    webp = Image.open(io.BytesIO(downloads[f"{DEEP}-interpolation.webp"]()))
    assert (len(list(ImageSequence.Iterator(webp))), webp.size) == (8, (224, 224))
    with av.open(io.BytesIO(downloads[f"{DEEP}-interpolation.mp4"]()), "r") as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 24
    first = images[0].repeat(8, axis=0).repeat(8, axis=1)
    assert np.abs(frames[0].astype(int) - first).mean() < 3
    assert downloads[f"{DEEP}-paths-figure.pdf"]().startswith(b"%PDF")


def test_a_figure_of_the_kl_is_called_by_its_name() -> None:
    visitor = visit(model=DEEP, view="Model")
    open_menu(visitor, "figures")
    labels = [button.proto.label for button in elements(visitor, "download_button")]
    assert {"Map PDF", "KL PDF", "KL SVG"} <= set(labels)


def of_pin(widgets: Iterable[Any], kind: str, number: int) -> Any:
    """Return a widget of a pin, by the pin's place in the list."""
    return [one for one in widgets if (one.key or "").startswith(f"pin-{kind}-")][number]


def test_pins_keep_their_names_when_buttons_are_pressed_twice_quickly() -> None:
    visitor = visit(model=FLAT, view="Map", pins="a~0 0;b~1 1;c~2 2")
    key = of_pin(visitor.button, "later", 0).key
    for _ in range(2):  # a second press may come before the page has changed
        visitor.button(key=key).click().run()
    assert address(visitor)["pins"] == "b~1 1;c~2 2;a~0 0"
    of_pin(visitor.text_input, "name", 2).set_value("last").run()
    assert address(visitor)["pins"] == "b~1 1;c~2 2;last~0 0"


def test_pins_are_kept_used_saved_and_linked(
    downloads: dict[str, Any], bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor = visit(model=DEEP, view="Map", z="0.5,0,0,0,0,0,0,-1")
    visitor.button(key="pin").click().run()
    settle(visitor, f"map-{DEEP}", bundle.latents.z_mean[61].tolist(), 61)
    visitor.button(key="pin").click().run()
    assert address(visitor)["pins"] == "Pin 1~0.5 0 0 0 0 0 0 -1;#61 8~test-61"
    of_pin(visitor.text_input, "name", 0).set_value("50 % ~ one; two").run()
    for move, number in (("earlier", 1), ("later", 0), ("earlier", 1)):
        of_pin(visitor.button, move, number).click().run()
    visitor.button(key="pin-1").click().run()
    assert coordinates(visitor) == [0.5, 0, 0, 0, 0, 0, 0, -1]
    arrays = np.load(io.BytesIO(downloads[f"{DEEP}-pins.npz"]()), allow_pickle=False)
    assert arrays["names"].tolist() == ["#61 8", "50 % ~ one; two"]
    np.testing.assert_allclose(arrays["z"][0], bundle.latents.z_mean[61])
    np.testing.assert_array_equal(arrays["images"], to_pixels(bundle.codec.decode(arrays["z"])))
    strip = picture(downloads[f"{DEEP}-pins.png"]())
    np.testing.assert_array_equal(strip[::4, ::4], np.concatenate(arrays["images"][..., 0], 1))
    table = list(csv.DictReader(io.StringIO(downloads[f"{DEEP}-pins.csv"]())))
    assert [line["name"] for line in table] == arrays["names"].tolist()
    assert [float(line["z_8"]) for line in table] == pytest.approx(arrays["z"][:, 7], rel=1e-5)
    (link,) = (one.value for one in visitor.code if "pins=" in one.value)
    query = dict(parse_qsl(link.partition("?")[2]))
    elsewhere = visit(**query)
    assert address(elsewhere)["pins"] == address(visitor)["pins"] == query["pins"]
    for drop in ({"held": 9, "onto": "0"}, {"held": "0"}, {"held": 0, "onto": "9" * 5000}, None):
        send(elsewhere, "drag-pin-", "dropped", drop)
        assert address(elsewhere)["pins"] == query["pins"]
    for held, onto in ((0, "1"), (1, "0")):  # there and back
        send(elsewhere, "drag-pin-", "dropped", {"held": held, "onto": onto})
        assert (address(elsewhere)["pins"] == query["pins"]) == bool(held)
    send(elsewhere, "drag-pin-", "dropped", {"held": 1, "onto": "Interpolate"})
    assert address(elsewhere)["view"] == "Interpolate"
    path = np.array(given(elsewhere, f"scrubber-{DEEP}")["path"])
    np.testing.assert_allclose(path[[0, -1]], arrays["z"], atol=1e-6)
    press(elsewhere, "Direction")
    (row,) = given(elsewhere, f"direction-{DEEP}")["rows"]
    assert row["label"] == "#61 8 → 50 % ~ one; two"
    difference = arrays["z"][1] - arrays["z"][0]
    cosine = difference @ row["step"] / np.linalg.norm(difference) / np.linalg.norm(row["step"])
    assert cosine == pytest.approx(1, abs=1e-6)
    of_pin(elsewhere.checkbox, "use", 0).uncheck().run()
    assert_sound(elsewhere)
    for _ in range(2):
        of_pin(elsewhere.button, "remove", 0).click().run()
    assert "pins" not in address(elsewhere)
    choose_model(visitor, FLAT)
    assert "pins" not in address(visitor)
    assert "pins" in address(choose_model(visitor, DEEP))  # each model has its own
    long = ";".join(f"{n}~" + " ".join(["0.123"] * 80) for n in range(12))
    linked = address(visit(model="cifar10-80d", view="Model", pins=long))["pins"]
    assert linked.split(";")[11] == "11~" + " ".join(["0.1"] * 80)  # few digits for a short link


def test_latents_as_csv_and_npz(downloads: dict[str, Any], bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    open_tab(visit(model=FLAT, view="Model"), "Recipe and data")
    check_latents(bundle, list(range(10_000)), downloads, "latents.csv", "latents.npz")
    assert Card.model_validate_json(downloads[f"{FLAT}-card.json"]()) == bundle.card
    history = json.loads(downloads[f"{FLAT}-history.json"]())
    assert history == json.loads((SHIPPED / FLAT / "history.json").read_text(encoding="utf-8"))


def check_latents(
    bundle: Bundle, rows: list[int], downloads: dict[str, Any], table_name: str, arrays_name: str
) -> None:
    latents, prefix = bundle.latents, bundle.card.name
    table = list(csv.DictReader(io.StringIO(downloads[f"{prefix}-{table_name}"]())))
    assert [int(line["test_image"]) for line in table] == rows
    assert [int(line["label"]) for line in table] == latents.labels[rows].tolist()
    assert [line["class"] for line in table] == [
        bundle.card.data.classes[label] for label in latents.labels[rows]
    ]
    for name in ("z_mean", "z_log_var"):
        values = [[float(line[f"{name}_{d}"]) for d in (1, 2)] for line in table]
        np.testing.assert_allclose(values, getattr(latents, name)[rows], rtol=1e-5)
    data = downloads[f"{prefix}-{arrays_name}"]()
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["test_image"], rows)
        np.testing.assert_array_equal(arrays["label"], latents.labels[rows])
        np.testing.assert_array_equal(arrays["z_mean"], latents.z_mean[rows])
        np.testing.assert_array_equal(arrays["z_log_var"], latents.z_log_var[rows])
