"""The model, the plane and the point: sidebar, buttons and typed coordinates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from explorer.app import cache, point
from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle

from .visiting import (
    DEEP,
    FLAT,
    SHIPPED,
    VIEWS,
    address,
    as_read,
    assert_at_first_point,
    assert_sound,
    choose_model,
    coordinates,
    copy_to,
    given,
    go_to,
    models_of,
    parts,
    press,
    sentences,
    settle,
    visit,
)


def test_another_model_is_chosen_in_the_sidebar() -> None:
    visitor = visit(model=FLAT, view="Manifold", z="1,-1")
    choose_model(visitor, DEEP)
    assert_sound(visitor)
    assert f"manifold-{DEEP}" in parts(visitor)
    assert address(visitor)["model"] == DEEP
    assert_at_first_point(visitor)
    choose_model(visitor, FLAT)
    assert coordinates(visitor) == [1, -1]  # each model keeps its own point


def test_models_stand_by_data_set_and_without_figures_that_do_not_compare() -> None:
    visitor = visit()
    assert models_of(visitor) == {
        "cifar10-80d": "80-D with flow",
        "cifar10-grey-15d": "15-D",
        FLAT: "✓ 2-D",
        "fashion_mnist-8d": "8-D",
        "mnist-2d": "2-D",
        DEEP: "8-D",
        "mnist-8d-flow": "8-D with flow",
        "mnist-20d": "20-D with flow",
    }
    headings = [as_read(text.value) for text in visitor.sidebar.markdown]
    assert headings == ["CIFAR-10", "CIFAR-10 (grey)", "Fashion-MNIST", "MNIST"]
    assert "nats" not in sentences(visitor)


def test_models_of_the_same_title_are_told_apart_by_name(
    shelf: Path, reseal: Callable[[Path], None]
) -> None:
    twin = copy_to(shelf, FLAT, "twin")
    card = json.loads((twin / "card.json").read_text(encoding="utf-8"))
    (twin / "card.json").write_text(json.dumps({**card, "name": "twin"}), encoding="utf-8")
    reseal(twin)
    assert models_of(visit()) == {FLAT: f"✓ 2-D · {FLAT}", "twin": "2-D · twin"}


def test_a_visit_begins_on_fashion_at_a_vivid_test_image() -> None:
    visitor = visit()
    assert (address(visitor)["model"], address(visitor)["view"]) == (FLAT, "Map")
    assert_at_first_point(visitor)
    bundle = load_bundle(SHIPPED / FLAT)
    image = bundle.codec.decode(np.array([coordinates(visitor)], np.float32))
    dull = bundle.codec.decode(np.zeros((1, 2), np.float32))
    assert image.std() > 2 * dull.std()


def test_undo_and_redo_go_through_the_points() -> None:
    visitor = visit(model=FLAT, view="Sliders", z="1,2")
    by_label = {button.label: button for button in visitor.button}
    assert by_label["Undo"].disabled and by_label["Redo"].disabled
    settle(visitor, f"sliders-{FLAT}", [1, 0])
    press(visitor, "Centre")
    assert coordinates(press(visitor, "Undo")) == [1, 0]
    assert coordinates(press(visitor, "Undo")) == [1, 2]
    assert {button.label: button for button in visitor.button}["Undo"].disabled
    assert coordinates(press(visitor, "Redo")) == [1, 0]
    settle(visitor, f"sliders-{FLAT}", [3, 3])
    assert {button.label: button for button in visitor.button}["Redo"].disabled
    choose_model(visitor, DEEP)
    assert {button.label: button for button in visitor.button}["Undo"].disabled
    assert coordinates(press(choose_model(visitor, FLAT), "Undo")) == [1, 0]


def test_the_sidebar_keeps_its_parts_in_every_view() -> None:
    visitor = visit(model=DEEP, view="Map")
    kinds = [(element.type, element.key) for element in visitor.sidebar]
    assert ("text_input", f"typed-{DEEP}") in kinds
    for view in VIEWS:
        assert [(one.type, one.key) for one in go_to(visitor, view).sidebar] == kinds, view


def test_controls_that_forget_what_they_showed_change_nothing() -> None:
    visitor = visit(model=FLAT, view="Interpolate", steps="9", path="Great arc")
    state = visitor.session_state
    state["steps"], state["path"] = 5, None  # all at once
    visitor.run()
    assert (state["steps"], state["path"]) == (9, "Great arc")
    state["path"] = None
    visitor.run()
    assert state["path"] == "Great arc"
    state["steps"] = 7
    visitor.run()
    assert (state["steps"], state["path"]) == (7, "Great arc")
    state["steps"], state["model"] = 5, DEEP  # along with a click
    visitor.run()
    assert state["steps"] == 7
    assert_sound(visitor)


def test_the_buttons_move_the_point(bundles: dict[str, Bundle]) -> None:
    latents = bundles[DEEP].latents
    visitor = visit(model=DEEP, view="Map", z=",".join("12345678"))
    assert coordinates(press(visitor, "Centre")) == [0.0] * 8
    first = coordinates(press(visitor, "Random"))
    second = coordinates(press(visitor, "Random"))
    assert first != second
    assert 0.1 < np.linalg.norm([first, second]) < 12  # 16 draws of N(0, 1)
    mean = coordinates(press(visitor, "Random test image"))
    distances = np.abs(latents.z_mean - np.array(mean)).max(axis=1)
    row = distances.argmin()
    assert distances[row] < 0.0006  # a test image's mean, to three decimals
    for _ in range(5):  # pressed again: about the same image, however far the last draw fell
        z = coordinates(press(visitor, "Around this image"))
        sigmas = np.abs(latents.z_mean[row] - np.array(z)) / np.exp(0.5 * latents.z_log_var[row])
        assert 0.01 < sigmas.max() < 5
    assert_sound(visitor)


def test_a_draw_from_a_flow_is_one_of_an_images_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "mnist-8d-flow"
    bundle = load_bundle(SHIPPED / name)
    noise = np.full(8, 1.5)
    monkeypatch.setattr(
        point.np.random,  # type: ignore[attr-defined]
        "default_rng",
        lambda: SimpleNamespace(standard_normal=lambda _: noise),
    )
    mean = bundle.latents.z_mean[7]
    at_image = {"model": name, "view": "Map", "z": ",".join(f"{value:.3f}" for value in mean)}
    z = coordinates(press(visit(**at_image), "Around this image"))
    gaussian = mean + 1.5 * np.exp(0.5 * bundle.latents.z_log_var[7])
    np.testing.assert_allclose(z, gaussian, atol=0.0006)  # without the image
    images = (np.arange(10_000 * 784) % 251).astype(np.uint8).reshape(10_000, 28, 28, 1)
    monkeypatch.setattr(cache, "originals_of", lambda _: images)
    z = coordinates(press(visit(**at_image), "Around this image"))
    drawn, _ = bundle.codec.draw(images[7:8] / 255, noise[np.newaxis, np.newaxis])
    np.testing.assert_allclose(z, drawn[0, 0], atol=0.0006)


TYPED_POINTS = {  # each differs from the previous one
    "1.5,-2": [1.5, -2],
    "-99,99": [-99, 99],
    " 1.5 ; -2 ": [1.5, -2],
    "1e-9,-0.0004": [0, 0],
    "1.5 -2": [1.5, -2],
    "0.12345,1": [0.123, 1],
}


def test_typed_coordinates_move_the_point() -> None:
    visitor = visit(model=FLAT, view="Map")
    for typed, expected in TYPED_POINTS.items():
        visitor.text_input(key=f"typed-{FLAT}").set_value(typed).run()
        assert_sound(visitor)
        assert coordinates(visitor) == expected, typed
        assert not visitor.warning
        np.testing.assert_allclose(given(visitor, f"map-{FLAT}")["z"], expected, rtol=1e-6)


NONSENSE_POINTS = {
    "1": "needs 2 numbers, not 1",
    "1,2,3": "needs 2 numbers, not 3",
    "a,b": "numbers with commas",
    ",": "numbers with commas",
    "1,": "numbers with commas",
    "0x1,2": "numbers with commas",
    "nan,0": "between −99 and 99",
    "inf,0": "between −99 and 99",
    "1e999,0": "between −99 and 99",
    "1e39,0": "between −99 and 99",
    "100,0": "between −99 and 99",
    "9" * 5000: "needs 2 numbers, not 1",
    "9" * 5000 + ",0": "between −99 and 99",
    "1," * 20_000: "numbers with commas",
    "<script>alert(1)</script>": "numbers with commas",
    "\0,\0": "numbers with commas",
    "": "needs 2 numbers, not 0",
}


def test_typed_nonsense_gets_a_sentence_and_moves_nothing() -> None:
    visitor = visit(model=FLAT, view="Reconstruct", z="1,2")
    for typed, words in NONSENSE_POINTS.items():
        visitor.text_input(key=f"typed-{FLAT}").set_value(typed).run()
        assert_sound(visitor)
        (warning,) = visitor.warning
        assert "left where it is" in warning.value
        assert words in warning.value, typed[:20]
        assert coordinates(visitor) == [1, 2]
        assert visitor.text_input(key=f"typed-{FLAT}").value == typed  # kept, to be corrected
    visitor.run()
    assert len(visitor.warning) == 1
    assert visitor.text_input(key=f"typed-{FLAT}").value == typed
    press(visitor, "Centre")
    assert not visitor.warning
    assert visitor.text_input(key=f"typed-{FLAT}").value == "0,0"
