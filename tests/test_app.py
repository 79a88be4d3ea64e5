"""The app's pages as the server draws them: every view, address, event and broken file."""

from __future__ import annotations

import base64
import csv
import dataclasses
import functools
import gzip
import io
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import av
import numpy as np
import pytest
import streamlit as st
from conftest import training_at_once
from odd_images import OddImage, odd_images
from PIL import Image, ImageSequence
from PIL.GifImagePlugin import GifImageFile
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element, Tab, UnknownElement

from explorer import adopt
from explorer.app import cache, internals, page, point, views
from explorer.app.server import address_of
from explorer.app.view import Detail, Option, View
from explorer.app.views import model as model_view
from explorer.app.views.model import describe_augmentation, describe_reading
from explorer.app.words import literal, percent
from explorer.bundle.card import Card, ReadingCard
from explorer.bundle.images import load_images
from explorer.bundle.sheets import describe_kl
from explorer.bundle.store import (
    FILES,
    Bundle,
    Reference,
    load_bundle,
    load_reference,
    save_reference,
)
from explorer.core.refine import negative_log_joint
from explorer.data.framing import frame_picture, suggest_framing
from explorer.data.uploads import read_upload
from explorer.drawing.raster import data_uri, to_pixels
from explorer.recipes.find import RECIPES
from explorer.recipes.recipe import Augmentation, Published, override
from explorer.web.figures import kl_definition

ROOT = Path(__file__).parents[1]
SHIPPED = cache.BUNDLES.resolve()
VIEWS = ("Map", "Manifold", "Sliders", "Interpolate", "Reconstruct", "Compare", "Model")
FLAT, DEEP = "fashion_mnist-2d", "mnist-8d"  # with images on every machine, and without


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The shipped bundles, and no data sets but what lies beside them."""
    monkeypatch.setattr(cache, "BUNDLES", SHIPPED)
    # After every run Streamlit resets Keras, which other tests' modules import and the app does not
    monkeypatch.setattr(script_runner, "_clean_problem_modules", lambda: None, raising=False)
    nothing = tmp_path_factory.mktemp("nothing")
    monkeypatch.setenv("LATENT_DATA_DIR", str(nothing))
    monkeypatch.setenv("KERAS_HOME", str(nothing))


@pytest.fixture(autouse=True, scope="module")
def _nothing_cached() -> Iterator[None]:
    clear_caches()
    yield
    clear_caches()


@pytest.fixture
def fresh_caches() -> Iterator[None]:
    """For tests that change what the caches hold on to."""
    clear_caches()
    yield
    clear_caches()


def clear_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def bundles() -> dict[str, Bundle]:
    return {name: load_bundle(SHIPPED / name) for name in (FLAT, DEEP)}


# ---- What a browser would do ----


def visit(**address: str) -> AppTest:
    """A new visit to the page with an address."""
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
    """What the browser sends when a tab, of the page or within a view, is clicked."""
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
    """The buttons in the sidebar that choose a model: what they say by the model's name."""
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


def parts(visitor: AppTest) -> dict[str, Any]:
    """The page's live parts by key, as the browser gets them."""
    unknown = [element for element in visitor._tree if isinstance(element, UnknownElement)]
    live = [part for part in unknown if part.type == "bidi_component"]
    return {part.key: part.proto for part in live if part.key is not None}


def given(visitor: AppTest, key: str) -> dict[str, Any]:
    """The data of a live part."""
    proto = parts(visitor)[key]
    data: dict[str, Any]
    (data,) = json.loads(proto.json)
    return data


def images_sent(visitor: AppTest, bundle: Bundle) -> bytes:
    """The PNG of the test images that the browser gets; empty where there are none."""
    key, nothing = f"sprite-{bundle.content}", bundle.content.encode()
    if parts(visitor)[key].bytes == nothing:
        return b""
    assert given(visitor, key) == {"address": address_of("images", bundle.content)}
    return gzip.decompress(cache.images_payload(bundle)).removeprefix(nothing)


def send(visitor: AppTest, key: str, event: str, value: Any) -> AppTest:
    """What the browser sends when a live part reports something."""
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
    """What the page shows of a kind, in order."""
    return [element for element in visitor.get(kind) if isinstance(element, Element)]


def chart(visitor: AppTest, at: int = 0) -> dict[str, Any]:
    """One of the page's Plotly figures."""
    figure: dict[str, Any] = json.loads(elements(visitor, "plotly_chart")[at].proto.spec)
    return figure


def numbers(values: dict[str, str]) -> np.ndarray:
    """An array as Plotly writes it."""
    return np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))


def captions(visitor: AppTest) -> list[str]:
    return [caption for image in elements(visitor, "image") for caption in image.captions]


def as_read(text: str) -> str:
    """Markdown's escaped characters as a person reads them."""
    return re.sub(r"\\([!-~])", r"\1", text)


def sentences(visitor: AppTest) -> str:
    """All that the page says in alerts, captions and text."""
    kinds = (visitor.error, visitor.warning, visitor.info, visitor.caption, visitor.markdown)
    return as_read("\n".join(element.value for kind in kinds for element in kind))


def press(visitor: AppTest, label: str) -> AppTest:
    (button,) = [button for button in visitor.button if button.label == label]
    return button.click().run()


# ---- Views ----


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("model", [FLAT, DEEP])
def test_every_view_opens(model: str, view: str, bundles: dict[str, Bundle]) -> None:
    visitor = visit(model=model, view=view)
    assert_sound(visitor)
    assert [alert.value for alert in (*visitor.warning, *visitor.error)] == []
    assert address(visitor)["view"] == view
    shown = set(parts(visitor))
    card, content = bundles[model].card, bundles[model].content
    assert given(visitor, f"store-{content}") == {"address": address_of("model", content)}
    assert ("lens" in shown) == (view in ("Manifold", "Sliders", "Interpolate"))
    expected = {
        "Map": {f"map-{model}"},
        "Manifold": {f"manifold-{model}"},
        "Sliders": {f"sliders-{model}"},
        "Interpolate": {f"scrubber-{model}", f"path-{model}", f"path-map-{model}"},
        "Reconstruct": set(),
        "Compare": {f"compare-{model}-{'mnist-2d' if model == DEEP else 'fashion_mnist-8d'}"},
        "Model": set(),
    }
    assert expected[view] <= shown
    if view == "Reconstruct":
        assert "Upload a similar one" in visitor.info[0].value
        assert card.data.title in as_read(visitor.info[0].value)


def test_the_map_gets_the_point_and_nothing_that_the_page_decides() -> None:
    address = {"background": "density", "map": "principal", "colour": "kl", "axes": "3,1"}
    visitor = visit(model=DEEP, view="Map", z="1,2,3,4,5,6,7,8", **address)
    assert_sound(visitor)
    assert not visitor.warning
    data = given(visitor, f"map-{DEEP}")
    assert data["z"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert data == given(visit(model=DEEP, view="Map", z="1,2,3,4,5,6,7,8"), f"map-{DEEP}")


def test_the_manifold_has_a_slider_for_every_dimension_by_kl(bundles: dict[str, Bundle]) -> None:
    data = given(visit(model=DEEP, view="Manifold", z="1,2,3,4,5,6,7,8"), f"manifold-{DEEP}")
    assert [row["dimension"] for row in data["rows"]] == list(bundles[DEEP].dimensions_by_kl)
    assert data["z"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (data["name"], data["content"]) == (DEEP, bundles[DEEP].content)


def test_sliders_come_by_kl_and_say_how_much_each_tells(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    rows = given(visit(model=DEEP, view="Sliders"), f"sliders-{DEEP}")["rows"]
    kl = bundle.card.metrics.kl_per_dimension
    assert [kl[row["dimension"]] for row in rows] == sorted(kl, reverse=True)
    assert rows[0]["note"] == f"{max(kl):.2f} nats"


def test_an_inactive_dimension_is_called_so(bundles: dict[str, Bundle]) -> None:
    latents = bundles[DEEP].latents
    z_mean = latents.z_mean * np.where(np.arange(latents.z_mean.shape[1]) == 0, 0.05, 1.0)
    bundle = dataclasses.replace(bundles[DEEP], latents=dataclasses.replace(latents, z_mean=z_mean))
    assert describe_kl(bundle, 0).endswith(" nats · inactive")
    assert "inactive" not in describe_kl(bundle, 1)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/card.json")), ids=lambda p: p.parent.name)
def test_as_many_dimensions_are_active_as_the_card_says(path: Path) -> None:
    bundle = load_bundle(path.parent)
    assert bundle.active_units.sum() == bundle.card.metrics.active_units


@pytest.mark.parametrize("model", [FLAT, DEEP])
def test_the_model_view_shows_the_cards_figures(model: str, bundles: dict[str, Bundle]) -> None:
    visitor = visit(model=model, view="Model")
    metrics, training = bundles[model].card.metrics, bundles[model].card.training
    assert {metric.label: metric.value for metric in visitor.metric} == {
        "test −ELBO": f"{metrics.neg_elbo:.2f}",
        "reconstruction": f"{metrics.reconstruction:.2f}",
        "KL": f"{metrics.kl:.2f}",
        "active units": f"{metrics.active_units} of {bundles[model].card.model.latent_dim}",
    }
    table = visitor.table[0].value
    figures = dict(zip(table["figure"], table["value"], strict=True))
    assert metrics.importance is not None
    assert figures["importance-sampled bound"] == f"{metrics.importance.bound:.2f} nats"
    assert metrics.knn_accuracy is not None
    assert figures["k-NN accuracy"] == f"{100 * metrics.knn_accuracy:.1f} %"
    assert metrics.knn_accuracy_pca is not None
    assert f"{100 * metrics.knn_accuracy_pca:.1f} %" in " ".join(table["definition"])
    assert len(visitor.get("plotly_chart")) == 2
    open_tab(visitor, "Recipe and data")
    assert address(visitor)["section"] == "Recipe and data"
    assert training.command in [code.value for code in visitor.code]
    assert not visitor.metric
    open_tab(visitor, "Pictures")
    assert len(captions(visitor)) == 2
    before = elements(visitor, "image")[-1].value
    assert elements(press(visitor, "Draw again"), "image")[-1].value != before


# ---- Compare ----


def test_two_models_share_a_point_that_either_map_moves(bundles: dict[str, Bundle]) -> None:
    deep, flat = bundles[DEEP], load_bundle(SHIPPED / "mnist-2d")
    first, second = "compare-mnist-8d-mnist-2d", "compare-mnist-2d-mnist-8d"
    visitor = visit(model=DEEP, view="Compare", **{"with": "mnist-2d"})
    assert_sound(visitor)
    assert address(visitor)["with"] == "mnist-2d"
    linked = {"linked": flat.content, "picks": False, "hasLens": True}
    assert given(visitor, first).items() >= linked.items()
    assert given(visitor, second)["linked"] == deep.content

    def assert_at(row: int) -> None:
        np.testing.assert_allclose(coordinates(visitor), deep.latents.z_mean[row], atol=0.0006)
        np.testing.assert_array_equal(given(visitor, second)["z"], flat.latents.z_mean[row])

    assert_at(cache.vivid_row(deep))
    settle(visitor, first, deep.latents.z_mean[17].tolist(), 17)
    assert_at(17)
    settle(visitor, second, flat.latents.z_mean[23].tolist(), 23)
    assert_at(23)
    neg_elbo = f"Test image #23 {deep.card.data.classes[deep.latents.labels[23]]}: −ELBO "
    for bundle in (deep, flat):
        assert f"{neg_elbo}{bundle.latents.neg_elbo[23]:.1f} = " in sentences(visitor)
    settle(visitor, second, [0.25, 0.5])
    assert given(visitor, second)["z"] == [0.25, 0.5]  # where it was clicked, not where that leads
    picture = to_pixels(flat.codec.decode(np.array([[0.25, 0.5]], np.float32))) / np.float32(255)
    np.testing.assert_allclose(coordinates(visitor), deep.codec.encode(picture)[0][0], atol=0.0006)
    (most,) = (key for key in parts(visitor) if key.startswith("extremes-mnist-2d"))
    gap = deep.latents.neg_elbo - flat.latents.neg_elbo
    send(visitor, most, "picked", 0)
    assert_at(int(gap.argmax()))
    press(visitor, "Swap")
    assert_sound(visitor)
    assert address(visitor).items() >= {"model": "mnist-2d", "with": DEEP}.items()
    np.testing.assert_allclose(coordinates(visitor), flat.latents.z_mean[gap.argmax()], atol=0.0006)


def test_a_path_and_an_image_go_through_both_models() -> None:
    flat = load_bundle(SHIPPED / "mnist-2d")
    shown = {"model": DEEP, "view": "Compare", "with": "mnist-2d", "through": "A path"}
    visitor = visit(**shown, a="test-3", b="test-5")
    assert_sound(visitor)
    assert address(visitor).items() >= {**shown, "a": "test-3", "b": "test-5"}.items()
    data = given(visitor, "film-mnist-8d-mnist-2d")
    assert data["beside"]["content"] == flat.content
    ends = [data["beside"]["path"][at] for at in (0, -1)]
    np.testing.assert_allclose(ends, flat.latents.z_mean[[3, 5]], atol=1e-6)
    assert given(visitor, "compare-mnist-2d-mnist-8d")["path"] == data["beside"]["path"]
    settle(visitor, "compare-mnist-2d-mnist-8d", flat.latents.z_mean[7].tolist(), 7)
    assert address(visitor)["a"] == "test-7"
    visitor = visit(**{**shown, "through": "Drawing"})
    drawn = np.zeros((28, 28), np.uint8)
    drawn[5:20, 10:14] = 255
    send(visitor, f"draw-{DEEP}", "settled", {"picture": data_uri(drawn[..., np.newaxis])})
    assert_sound(visitor)
    z = flat.codec.encode(drawn[np.newaxis, ..., np.newaxis] / np.float32(255))[0][0]
    np.testing.assert_allclose(given(visitor, "compare-mnist-2d-mnist-8d")["z"], z, atol=1e-5)


def test_other_test_images_are_not_linked_and_the_page_says_so() -> None:
    visitor = visit(model=DEEP, view="Compare", **{"with": FLAT})
    assert_sound(visitor)
    assert f"{FLAT} knows other test images" in sentences(visitor)
    assert "The −ELBOs are not compared" in sentences(visitor)
    visitor = visit(model=DEEP, view="Compare", **{"with": "cifar10-80d"})
    assert "no such other model of images of the same size" in visitor.warning[0].value
    assert address(visitor)["with"] == "mnist-2d"
    visitor = visit(model="cifar10-80d", view="Compare")
    assert "There is no other model of images of 32 × 32 pixels, colour" in sentences(visitor)


@pytest.mark.usefixtures("fresh_caches")
def test_any_two_models_can_be_compared_and_one_may_go(
    tiny_bundle: Path,
    conditional_bundle: Path,
    tiny_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for path in (tiny_bundle, conditional_bundle):
        shutil.copytree(path, tmp_path / path.name)
    adopt("mute", encode=lambda x: x[:, 5, :5, 0], data=tiny_settings["data"], output=tmp_path)
    monkeypatch.setattr(cache, "BUNDLES", tmp_path)
    for first, second in itertools.permutations(("shapes-2d", "conditional", "mute"), 2):
        for through in ("A path", "Drawing") if "mute" not in (first, second) else ("A path",):
            visitor = visit(model=first, view="Compare", through=through, **{"with": second})
            assert_sound(visitor)
            assert address(visitor)["with"] == second
            assert f"compare-{second}-{first}" in parts(visitor)
    visitor = visit(model="shapes-2d", view="Compare", **{"with": "conditional"})
    (field,) = (one for one in visitor.selectbox if one.label == "Class that is decoded")
    field.set_value(2).run()
    assert given(visitor, "compare-conditional-shapes-2d")["given"] == 2
    (tmp_path / "conditional" / "decoder.onnx").write_bytes(b"broken")
    visitor.run()
    assert_sound(visitor)
    assert address(visitor)["with"] == "mute"
    shutil.rmtree(tmp_path / "mute")
    visitor.run()
    assert_sound(visitor)
    assert "There is no other model of images of 12 × 12 pixels, grey" in sentences(visitor)


# ---- A view of one's own ----


def test_a_new_view_is_a_file_and_its_line_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = Option("depth", 1, (1, 2, 3))
    kept: dict[str, str] = {}

    def take(text: str, bundle: Bundle) -> None:
        if len(text) != bundle.card.model.latent_dim:
            raise ValueError("it has another length")
        kept["note"] = text

    def render(bundle: Bundle) -> None:
        st.markdown(f"{bundle.card.name} at {st.session_state['depth']}")

    toy = View("Deep and wide", render, (depth,), (Detail("note", take, lambda _: kept["note"]),))
    monkeypatch.setattr(page, "VIEWS", (*views.VIEWS, toy))
    wanted = {"model": FLAT, "view": "Deep and wide", "depth": "2", "z": "0,0", "note": "ab"}
    visitor = visit(**wanted)
    assert_sound(visitor)
    assert f"{FLAT} at 2" in sentences(visitor)
    assert not visitor.warning
    assert address(visitor) == wanted
    open_tab(visitor, "Manifold")
    assert address(visitor) == {"model": FLAT, "view": "Manifold", "depth": "2", "z": "0,0"}
    open_tab(visitor, "Deep and wide")
    assert address(visitor) == wanted
    visitor = visit(**{**wanted, "depth": "4", "note": "abc"})
    assert "asks for depth `4`, which there is not" in visitor.warning[0].value
    assert "address's note `abc` was left out: it has another length" in visitor.warning[0].value


@pytest.mark.parametrize("path", sorted(Path(views.__file__).parent.glob("[a-z]*.py")), ids=str)
def test_views_do_not_import_views(path: Path) -> None:
    assert "explorer.app.views" not in path.read_text(encoding="utf-8")


def test_what_is_kept_between_runs_is_kept_in_one_module() -> None:
    paths = Path(page.__file__).parent.rglob("*.py")
    assert [path.name for path in paths if "st.cache_" in path.read_text(encoding="utf-8")] == [
        "cache.py"
    ]


def test_streamlit_says_whether_the_browser_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so by private names: ``internals`` must be put right when this test fails."""
    told: list[bool | None] = []
    is_history_navigation = internals.is_history_navigation

    def listen() -> bool | None:
        told.append(is_history_navigation())
        return told[-1]

    monkeypatch.setattr(internals, "is_history_navigation", listen)
    visit(model=FLAT, view="Reconstruct")
    assert set(told) == {False}
    monkeypatch.setattr(internals, "is_history_navigation", lambda: None)
    visitor = visit(model=FLAT, view="Reconstruct", z="1,2")
    assert_sound(visitor)
    assert "back and forward buttons do not work here; use the tabs" in visitor.warning[0].value
    assert coordinates(press(visitor, "Centre")) == [0, 0]
    assert not visitor.warning  # said once


def test_what_streamlit_does_not_say_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert internals.is_history_navigation() is None  # no run of the page
    monkeypatch.delattr("streamlit.runtime.scriptrunner.get_script_run_ctx")
    assert internals.is_history_navigation() is None


# ---- The model, the plane and the point ----


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


@pytest.mark.parametrize("view", VIEWS)
def test_the_sidebar_keeps_its_parts_in_every_view(view: str) -> None:
    kinds = [(element.type, element.key) for element in visit(model=DEEP, view=view).sidebar]
    assert kinds == [
        (element.type, element.key) for element in visit(model=DEEP, view="Map").sidebar
    ]
    assert ("text_input", f"typed-{DEEP}") in kinds


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


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("1.5,-2", [1.5, -2]),
        (" 1.5 ; -2 ", [1.5, -2]),
        ("1.5 -2", [1.5, -2]),
        ("-99,99", [-99, 99]),
        ("1e-9,-0.0004", [0, 0]),
        ("0.12345,1", [0.123, 1]),
    ],
)
def test_typed_coordinates_move_the_point(typed: str, expected: list[float]) -> None:
    visitor = visit(model=FLAT, view="Map")
    visitor.text_input(key=f"typed-{FLAT}").set_value(typed).run()
    assert_sound(visitor)
    assert coordinates(visitor) == expected
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


@pytest.mark.parametrize("typed", NONSENSE_POINTS)
def test_typed_nonsense_gets_a_sentence_and_moves_nothing(typed: str) -> None:
    visitor = visit(model=FLAT, view="Reconstruct", z="1,2")
    field = visitor.text_input(key=f"typed-{FLAT}").set_value(typed).run()
    assert_sound(visitor)
    (warning,) = visitor.warning
    assert "left where it is" in warning.value
    assert NONSENSE_POINTS[typed] in warning.value
    assert coordinates(visitor) == [1, 2]
    assert field.run().text_input(key=f"typed-{FLAT}").value == typed  # to be put right
    assert len(visitor.warning) == 1
    press(visitor, "Centre")
    assert not visitor.warning
    assert visitor.text_input(key=f"typed-{FLAT}").value == "0,0"


# ---- Addresses ----


@pytest.mark.parametrize(
    "wanted",
    [
        {"model": FLAT, "view": "Map", "z": "1.25,-0.5", "background": "density"},
        {"model": FLAT, "view": "Manifold", "z": "0,0", "size": "33", "spacing": "linear"},
        {"model": DEEP, "view": "Sliders", "z": "1,2,3,4,-1,-2,-3,-4", "axes": "8,3"},
        {"model": DEEP, "view": "Map", "z": "0,0,0,0,0,0,0,0.001", "map": "principal"},
        {"model": DEEP, "view": "Interpolate", "z": "0,0,0,0,0,0,0,0", "axes": "1,2",
         "a": "test-17", "b": "0,1,2,3,0,0,0,-0.5", "path": "Great arc", "steps": "7"},
        {"model": FLAT, "view": "Reconstruct", "z": "-99,99"},
        {"model": DEEP, "view": "Model", "z": "0,0,0,0,0,0,0,0", "axes": "2,1"},
    ],
)  # fmt: skip
def test_an_address_reproduces_what_its_sender_saw(wanted: dict[str, str]) -> None:
    visitor = visit(**wanted)
    assert_sound(visitor)
    assert not visitor.warning
    assert address(visitor) == wanted
    again = visit(**address(visitor))
    assert {key: part.SerializeToString() for key, part in parts(again).items()} == {
        key: part.SerializeToString() for key, part in parts(visitor).items()
    }


HOSTILE = [
    ("model", "../../etc/passwd"),
    ("model", f"../pretrained/{DEEP}"),
    ("model", ".."),
    ("model", "images"),
    ("model", "x" * 100_000),
    ("model", "<script>alert(1)</script>"),
    ("model", "![](http://example.invalid/x.png)"),
    ("model", f"{DEEP}\0"),
    ("view", "maps"),
    ("view", "Nowhere"),
    ("view", "[here](http://example.invalid)"),
    ("z", "1,2"),
    ("z", "nan,0,0,0,0,0,0,0"),
    ("z", "inf,0,0,0,0,0,0,0"),
    ("z", "1e999,0,0,0,0,0,0,0"),
    ("z", "1e39,0,0,0,0,0,0,0"),
    ("z", "9" * 100_000),
    ("z", "`$$\\frac{1}{0}$$`"),
    ("a", "test--1"),
    ("a", "test-10000"),
    ("a", "test-1.0"),
    ("b", "test-" + "9" * 5000),
    ("b", "test-٣"),
    ("b", "1,2"),
    ("b", "nan,0,0,0,0,0,0,0"),
    ("steps", "41"),
    ("steps", "20.5"),
    ("steps", "-1"),
    ("steps", "1e9"),
    ("path", ""),
    ("pins", "one"),
    ("pins", "one~test-3~10"),
    ("pins", "one~0.5,1"),
    ("directions", "means:3:8"),
    ("directions", "one~groups:x:y"),
]


@functools.cache
def default_address(model: str, view: str) -> dict[str, str]:
    return address(visit(model=model, view=view))


@pytest.mark.parametrize(("name", "value"), HOSTILE, ids=lambda text: text[:24])
def test_a_nonsensical_address_falls_back_with_a_sentence(name: str, value: str) -> None:
    asked = {"model": DEEP, "view": "Interpolate", name: value}
    visitor = visit(**asked)
    assert_sound(visitor)
    (warning,) = visitor.warning
    said = warning.value
    assert said.startswith(("The address asks for ", "The address's "))
    assert f" {name} " in said
    assert len(said) < 300
    assert "\n" not in said
    code = said.split("`")  # what a stranger wrote stands in code marks, where it is but text
    assert len(code) in (1, 3)
    for piece in (code[0], code[-1]):
        assert not set("<>[]!$\\") & set(piece)
    assert "int_max_str_digits" not in said
    model, view = DEEP if name != "model" else FLAT, "Interpolate" if name != "view" else "Map"
    assert address(visitor) == default_address(model, view)
    visitor.run()
    assert not visitor.warning  # said once


def test_an_address_of_everything_wrong_still_gives_a_page() -> None:
    visitor = visit(**{name: "\U0001f4a5" for name, _ in HOSTILE}, unheard="of")
    assert_sound(visitor)
    (warning,) = visitor.warning
    assert len(warning.value.splitlines()) == len({name for name, _ in HOSTILE}) == 9
    assert address(visitor)["unheard"] == "of"  # the page's own names are not the server's


def test_an_address_may_be_written_in_other_ways() -> None:
    visitor = visit(model=FLAT, view="interpolate", steps="7.0", path="great ARC")
    assert_sound(visitor)
    assert not visitor.warning
    wanted = {"model": FLAT, "view": "Interpolate", "steps": "7", "path": "Great arc"}
    assert wanted.items() <= address(visitor).items()


# ---- Events from the browser, which is not to be trusted ----

PARTS = {
    "Map": "map-{}",
    "Manifold": "manifold-{}",
    "Sliders": "sliders-{}",
    "Interpolate": "scrubber-{}",
}


@pytest.mark.parametrize("view", PARTS)
@pytest.mark.parametrize("model", [FLAT, DEEP])
def test_settling_moves_the_point(model: str, view: str) -> None:
    visitor = visit(model=model, view=view)
    z = [0.12345, -1.0, 2.0, 0.0, 0.5, -0.5, 3.0, -3.0][: 2 if model == FLAT else 8]
    settle(visitor, PARTS[view].format(model), z)
    assert_sound(visitor)
    assert coordinates(visitor) == [0.123, *z[1:]]
    np.testing.assert_allclose(
        given(visitor, "lens" if view != "Map" else f"map-{model}")["z"], [0.123, *z[1:]], rtol=1e-6
    )


HOSTILE_POINTS: list[Any] = [
    None, 5, "1,2", [1, 2], {}, {"z": [1, 2]}, {"row": 1}, {"z": None, "row": 1},
    {"z": [1], "row": None}, {"z": [1, 2, 3], "row": None}, {"z": [[1, 2]], "row": None},
    {"z": [[1], 2], "row": None}, {"z": ["a", "b"], "row": None}, {"z": "12", "row": None},
    {"z": [None, None], "row": None}, {"z": {"0": 1, "1": 2}, "row": None},
    {"z": [float("nan"), 0], "row": None}, {"z": [0, float("inf")], "row": None},
    {"z": [10**400, 0], "row": None}, {"z": [0.0] * 100_000, "row": None}, {"z": 7, "row": None},
    {"z": [{}, {}], "row": None}, {"z": "x" * 1_000_000, "row": None},
]  # fmt: skip


def test_hostile_points_move_nothing() -> None:
    visitor = visit(model=FLAT, view="Map", z="1,2")
    for value in HOSTILE_POINTS:
        send(visitor, f"map-{FLAT}", "settled", value)
        assert_sound(visitor)
        assert coordinates(visitor) == [1, 2], value
    settle(visitor, f"map-{FLAT}", [1e300, -1e300])
    assert coordinates(visitor) == [99, -99]
    assert_sound(visitor)


def test_a_click_on_the_map_chooses_an_end_of_the_path(bundles: dict[str, Bundle]) -> None:
    visitor = visit(model=DEEP, view="Interpolate", a="test-3", b="test-4")
    key = f"path-map-{DEEP}"
    mean = bundles[DEEP].latents.z_mean[70].tolist()
    settle(visitor, key, mean, 70)
    assert address(visitor)["a"] == "test-70"
    visitor.session_state["click-target"] = "To"
    visitor.run()
    settle(visitor, key, [1, 0, 0, 0, 0, 0, 0, 0.5], None)
    assert (address(visitor)["a"], address(visitor)["b"]) == ("test-70", "1,0,0,0,0,0,0,0.5")
    row: Any
    for row in (-1, 10_000, 1.5, 3.0, True, "3", [3], {}):
        settle(visitor, key, [0, 1, 0, 0, 0, 0, 0, 0], row)
        assert_sound(visitor)
        assert address(visitor)["b"] == "0,1,0,0,0,0,0,0", row
    settle(visitor, key, [1e300] + [0] * 7, None)
    assert_sound(visitor)
    assert address(visitor)["b"] == "99,0,0,0,0,0,0,0"
    assert_at_first_point(visitor)  # an end is not the point


def test_an_unheard_of_event_is_nothing() -> None:
    visitor = visit(model=FLAT, view="Sliders", z="1,2")
    send(visitor, f"sliders-{FLAT}", "exec", "import os")
    send(visitor, "lens", "settled", {"z": [5, 5], "row": None})
    assert_sound(visitor)
    assert coordinates(visitor) == [1, 2]


def test_a_part_that_is_gone_may_still_report() -> None:
    visitor = visit(model=FLAT, view="Map", z="1,2")
    gone = [(parts(visitor)[f"map-{FLAT}"].id, "settled", {"z": [5, 5], "row": None}),
            (parts(visitor)[f"map-{FLAT}"].id, "rows", "")]  # fmt: skip
    choose_model(visitor, DEEP)
    for part_id, event, value in gone:  # as when the model changes in the middle of a drag
        send_from(visitor, part_id, event, value)
        assert_sound(visitor)
        assert_at_first_point(visitor)
    choose_model(visitor, FLAT)
    assert_sound(visitor)
    assert coordinates(visitor) == [1, 2]


def test_the_gallery_the_point_and_chance_choose_ends(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    visitor = visit(model=FLAT, view="Interpolate", z="1,2")
    labels = bundle.latents.labels
    ends = address(visitor)
    assert ends["a"] == "test-0"
    assert labels[int(ends["b"].removeprefix("test-"))] != labels[0]
    visitor.selectbox(key="class-b").set_value(bundle.card.data.classes[3]).run()
    data = given(visitor, f"gallery-tiles-b-{FLAT}")
    assert all(label.endswith(bundle.card.data.classes[3]) for label in data["labels"])
    send(visitor, f"gallery-tiles-b-{FLAT}", "picked", 5)
    assert f"#{address(visitor)['b'].removeprefix('test-')} " in data["labels"][5] + " "
    visitor.session_state["source-a"] = "The point"
    visitor.run()
    visitor.button(key="take-a").click().run()
    assert address(visitor)["a"] == "1,2"
    assert_sound(visitor)
    choose_model(visitor, DEEP)  # neither end nor class fits that one
    assert_sound(visitor)
    assert address(visitor)["a"] == "test-0"


# ---- Uploads ----


def upload(visitor: AppTest, data: bytes, key: str = "reconstruct-file") -> AppTest:
    visitor.file_uploader(key=key).set_value(("file", data, "application/octet-stream"))
    return visitor.run()


@pytest.fixture(scope="module")
def odd_files() -> list[OddImage]:
    return list(odd_images())


def test_there_are_several_hundred_odd_files(odd_files: list[OddImage]) -> None:
    assert len(odd_files) >= 300


def test_an_odd_file_gives_a_reconstruction_or_one_sentence(odd_files: list[OddImage]) -> None:
    chosen = odd_files[random.Random(3).randrange(6) :: 6]
    assert {image.expected for image in chosen} == {"picture", "sentence", "either"}
    visitor = visit(model=FLAT, view="Reconstruct")
    for image in chosen:
        upload(visitor, image.data)
        assert_sound(visitor)
        pictures = captions(visitor)
        errors = [error.value for error in visitor.error]
        if image.expected != "either":
            assert bool(pictures) == (image.expected == "picture"), image.name
        if pictures:
            assert errors == [], image.name
            assert len(pictures) == 5, image.name  # uploaded, seen; original, again, difference
            assert "reconstruction" in pictures
            values = [metric.value for metric in visitor.metric]
            assert len(values) == 4
            assert "nan" not in " ".join(values)
        else:
            assert len(errors) == 1, image.name
            assert "\n" not in errors[0]
            assert errors[0].endswith(".")
    upload(visitor, png_of(np.full((28, 28), 200, np.uint8)))  # the session goes on
    assert "reconstruction" in captions(visitor)


def png_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def test_a_test_image_uploaded_finds_itself(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    images = load_images(next((SHIPPED / "images").glob("fashion_mnist-*.npz")), bundle.card.data)
    row = 123
    visitor = upload(visit(model=FLAT, view="Reconstruct"), png_of(images[row, ..., 0]))
    terms = {metric.label: metric.value for metric in visitor.metric}
    assert float(terms["−ELBO"].split()[0]) == pytest.approx(bundle.latents.neg_elbo[row], abs=2)
    total = sum(float(terms[name].split()[0]) for name in ("reconstruction", "KL"))
    assert total == pytest.approx(float(terms["−ELBO"].split()[0]), abs=0.11)
    labels = given(visitor, f"neighbours-{FLAT}")["labels"]
    assert any(label.startswith(f"#{row} ") for label in labels)
    press(visitor, "Show its place on the map")
    assert address(visitor)["view"] == "Map"
    np.testing.assert_allclose(coordinates(visitor), bundle.latents.z_mean[row], atol=2e-3)
    send(go_to(visitor, "Map"), f"map-{FLAT}", "settled", {"z": [0, 0], "row": None})
    assert coordinates(visitor) == [0, 0]


def test_noise_is_said_to_be_unlike_the_data() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (28, 28), np.uint8)
    visitor = upload(visit(model=FLAT, view="Reconstruct"), png_of(noise))
    assert "unlike what the model learned from" in sentences(visitor)


def bright_block() -> bytes:
    """A bright block left of the middle of a black picture, as a PNG."""
    pixels = np.zeros((60, 90), np.uint8)
    pixels[10:50, 10:40] = 230
    return png_of(pixels)


def test_crop_and_inversion_change_what_the_model_sees() -> None:
    visitor = visit(model=FLAT, view="Reconstruct")
    upload(visitor, bright_block())
    before = [metric.value for metric in visitor.metric]
    inversion, zooming = visitor.toggle[0], visitor.slider[0]
    inversion.set_value(True).run()
    assert_sound(visitor)
    inverted = [metric.value for metric in visitor.metric]
    zooming.set_value(4.0).run()
    assert_sound(visitor)
    cropped = [metric.value for metric in visitor.metric]
    assert before != inverted != cropped != before
    for zoom, x, y in ((8.0, 0.0, 1.0), (visitor.slider[0].min, 1.0, 0.0)):
        for slider, value in zip(visitor.slider, (zoom, x, y), strict=True):
            slider.set_value(value)
        visitor.run()
        assert_sound(visitor)


def test_another_data_set_prepares_an_upload_anew() -> None:
    visitor = visit(model="mnist-2d", view="Reconstruct")
    pixels = np.full((60, 60), 255, np.uint8)
    pixels[20:40, 25:35] = 0
    upload(visitor, png_of(pixels))
    assert [toggle.value for toggle in visitor.toggle if toggle.label == "Invert"] == [True]
    choose_model(visitor, "cifar10-80d")
    assert_sound(visitor)
    assert "From before: file" not in sentences(visitor)
    assert [toggle.value for toggle in visitor.toggle if toggle.label == "Invert"] == [False]


@pytest.mark.parametrize("fill", [0.4, 0.7, 0.95])
def test_an_object_is_framed_as_large_as_the_data_sets(
    fill: float, bundles: dict[str, Bundle]
) -> None:
    digit = np.full((200, 200), 255, np.uint8)
    start = round(100 - 100 * fill)
    digit[start : 200 - start, 80:120] = 0
    picture = read_upload(png_of(digit), (28, 28, 1)).image
    assert cache.object_fill(load_bundle(SHIPPED / "mnist-2d")) == pytest.approx(0.71, abs=0.05)
    assert cache.object_fill(bundles[FLAT]) > 0.9
    shape = (28, 28, 1)
    framing = suggest_framing(picture, shape, 0.0, 0.71)
    seen = frame_picture(picture, framing, shape, 0.0)[..., 0]
    height = np.ptp(np.flatnonzero(seen.max(axis=1) > 0.5)) + 1
    assert 0.6 <= height / 28 <= 0.8


def test_percentiles_are_rounded_down() -> None:
    assert [percent(share) for share in (0.0, 0.7, 1.0, 99.6, 100.0)] == [
        "0 %", "0 %", "1 %", "99 %", "100 %",
    ]  # fmt: skip


def test_an_upload_is_still_there_after_a_look_at_another_view() -> None:
    visitor = visit(model=FLAT, view="Reconstruct")
    upload(visitor, bright_block())
    before = [metric.value for metric in visitor.metric]
    assert len(before) == 4
    go_to(visitor, "Sliders")
    go_to(visitor, "Reconstruct")
    assert_sound(visitor)
    assert [metric.value for metric in visitor.metric] == before
    assert "From before: file" in sentences(visitor)
    press(visitor, "Remove")
    assert not visitor.metric
    assert "From before" not in sentences(visitor)
    upload(visitor, bright_block())
    assert [metric.value for metric in visitor.metric] == before
    visitor.file_uploader(key="reconstruct-file").set_value(None).run()
    assert not visitor.metric  # the cross in Streamlit's own widget removes it as well


def test_a_test_image_is_refined_and_its_better_place_becomes_the_point(
    bundles: dict[str, Bundle],
) -> None:
    bundle = bundles[FLAT]
    visitor = visit(model=FLAT, view="Reconstruct")
    visitor.session_state["reconstruct-source"] = "Test image"
    visitor.session_state["refine"] = True
    visitor.run()
    assert_sound(visitor)
    lost = re.search(r"Lost by the encoder: \*\*(.*) nats", sentences(visitor))
    assert lost is not None
    assert 0 <= float(lost[1]) < 100
    press(visitor, "Use the refined place")
    images = cache.originals_of(bundle)
    assert images is not None
    image = images[cache.vivid_row(bundle)] / np.float32(255)
    start = bundle.codec.encode(image[np.newaxis])[0][0]
    ends = np.array([start, coordinates(visitor)], np.float32)
    before, after = negative_log_joint(ends, image, bundle.codec.parameters(ends), "bernoulli")
    assert after < before
    press(visitor, "Back to the encoder's place")
    np.testing.assert_allclose(coordinates(visitor), start, atol=0.0006)


def test_an_uploaded_end_can_be_moved_by_a_click_afterwards(bundles: dict[str, Bundle]) -> None:
    visitor = visit(model=FLAT, view="Interpolate", b="test-8")
    visitor.session_state["source-a"] = "Upload"
    visitor.run()
    data = png_of(np.full((28, 28), 120, np.uint8))
    upload(visitor, data, key="interpolate-a-file")
    assert_sound(visitor)
    end = address(visitor)["a"]
    image = np.full((1, 28, 28, 1), 120 / 255, np.float32)
    expected = bundles[FLAT].codec.encode(image)[0][0]
    np.testing.assert_allclose([float(v) for v in end.split(",")], expected, atol=1e-3)
    settle(visitor, f"path-map-{FLAT}", [0.5, 0.25])
    assert address(visitor)["a"] == "0.5,0.25"
    for source, wanted in (("Test image", "0.5,0.25"), ("Upload", end)):
        visitor.session_state["source-a"] = source
        assert address(visitor.run())["a"] == wanted  # an upload that is shown is the end
    press(visitor, "Remove")
    assert address(visitor)["a"] == "test-0"  # with the upload its end is gone
    upload(visitor, data, key="interpolate-a-file")
    assert address(visitor)["a"] == end
    settle(visitor, f"path-map-{FLAT}", [0.5, 0.25])
    upload(visitor, b"no picture at all", key="interpolate-a-file")
    assert_sound(visitor)
    assert len(visitor.error) == 1
    assert address(visitor)["a"] == "0.5,0.25"


# ---- Exports ----


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Any]]:
    """Makers of the files behind the download buttons drawn so far, by file name.

    They are called as the server calls them: after the run, outside of any session.
    """
    made: dict[str, Callable[[], Any]] = {}
    original = MediaFileManager.add_deferred

    def add(self: MediaFileManager, data: Any, *args: Any, **options: Any) -> str:
        made[options["file_name"]] = data
        return original(self, data, *args, **options)

    monkeypatch.setattr(MediaFileManager, "add_deferred", add)
    return made


def open_menu(visitor: AppTest, view: str) -> None:
    """Open the downloads of a view."""
    visitor.session_state[f"downloads-{view}"] = True
    visitor.run()


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def opened_gif(data: bytes) -> GifImageFile:
    gif = Image.open(io.BytesIO(data))
    assert isinstance(gif, GifImageFile)
    return gif


def test_the_strips_as_png_and_gif(downloads: dict[str, Any], bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z = np.array([1, 0, -1, 0.5, 0, 0, 2, 0], np.float32)
    open_menu(visit(model=DEEP, view="Sliders", z=",".join(f"{value:g}" for value in z)), "sliders")
    pixels = picture(downloads[f"{DEEP}-traversals.png"]())
    assert pixels.shape == (8 * 56, 11 * 56)
    for row, column in ((0, 0), (3, 10), (7, 5)):
        moved = z.copy()
        moved[bundle.dimensions_by_kl[row]] = -3 + 0.6 * column
        expected = to_pixels(bundle.codec.decode(moved[np.newaxis]))[0, ..., 0]
        tile = pixels[56 * row : 56 * (row + 1) : 2, 56 * column : 56 * (column + 1) : 2]
        np.testing.assert_array_equal(tile, expected)
    gif = opened_gif(downloads[f"{DEEP}-traversals.gif"]())
    assert gif.n_frames == 58  # forth and back again
    assert gif.size == (8 * 84, 84)
    figure = Image.open(io.BytesIO(downloads[f"{DEEP}-traversals-figure.png"]()))
    assert figure.width == int(8.5 / 2.54 * 300)
    assert figure.info["Title"].startswith(f"MNIST · 8-D ({DEEP})")
    assert figure.info["Title"].endswith("&z=1,0,-1,0.5,0,0,2,0")


def test_a_manifold_for_print_is_of_the_chosen_plane_through_the_point(
    downloads: dict[str, Any], bundles: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("explorer.drawing.plots.sheets", lambda *sheets: drawn.extend(sheets))
    monkeypatch.setattr("explorer.drawing.paper.write", lambda *_: b"")
    visitor = visit(model=DEEP, view="Manifold", z="1,0,0,0.5,0,0,0,2")
    open_menu(visitor, "manifold")
    visitor.selectbox(key=f"Across-{DEEP}").set_value(2).run()
    visitor.selectbox(key=f"Up-{DEEP}").set_value(0).run()
    downloads[f"{DEEP}-grid-figure.svg"]()
    (sheet,) = drawn
    assert (sheet.columns, sheet.x_title, sheet.y_title) == (20, "z₃", "z₁")
    corner = np.array([[-2.5, 0, 2.5, 0.5, 0, 0, 0, 2]])[:, [2, 1, 0, 3, 4, 5, 6, 7]]
    expected = to_pixels(bundles[DEEP].codec.decode(corner))[0]
    np.testing.assert_array_equal(sheet.images[0], expected)


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


def test_a_direction_has_a_slider_and_a_score(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z, labels = bundle.latents.z_mean.astype(np.float64), bundle.latents.labels
    visitor = visit(model=DEEP, view="Sliders", direction="means:3:8")
    assert_sound(visitor)
    (row,) = given(visitor, f"direction-{DEEP}")["rows"]
    assert row["label"] == "3 → 8"
    auc = float(captured_number(row["note"]))
    assert 0.9 < auc < 1
    vector = z[labels == 8][::2].mean(0) - z[labels == 3][::2].mean(0)
    places = [z[labels == label][1::2] @ vector for label in (3, 8)]
    above = np.mean(places[1][:, np.newaxis] > places[0])
    assert auc == pytest.approx(above, abs=6e-4)
    along, step, start = np.array(row["along"]), np.array(row["step"]), z[labels == 3][0]
    moved = start + (1.5 - (start @ along - row["middle"])) * step  # as the page does
    assert moved @ along - row["middle"] == pytest.approx(1.5)
    assert step @ vector == pytest.approx(np.linalg.norm(step) * np.linalg.norm(vector))
    visitor.button(key="direction-keep").click().run()
    (text_input,) = (one for one in visitor.text_input if one.label == "Name")
    text_input.set_value("a; b").run()
    visitor.button(key="direction-keep").click().run()
    assert address(visitor)["directions"] == "a%3B b~means:3:8"  # by the new name alone
    elsewhere = visit(**address(visitor))
    (kept,) = given(elsewhere, "frame")["directions"]
    assert kept["name"] == "a; b"
    np.testing.assert_allclose(kept["unit"], vector / np.linalg.norm(vector))
    for text in ("fitted:4:9", "component:8", "random:5", "ends:test-3:1,0,0,0,0,0,0,0"):
        assert_sound(visit(model=DEEP, view="Sliders", direction=text))
    choose_model(visitor, FLAT)
    assert_sound(visitor)


@pytest.mark.parametrize(
    "text",
    ["", "means:3", "means:3:10", "means:3:3", "fitted:0:-1", "component:9", "component:0",
     "random:x", "column:age", "ends:test-3", "ends:test-3:test-3", "up", "means:٣:4"],
)  # fmt: skip
def test_a_direction_that_there_is_not_is_left_out(text: str) -> None:
    visitor = visit(model=DEEP, view="Sliders", direction=text)
    assert_sound(visitor)
    assert "direction" not in address(visitor)


def test_groups_of_the_map_make_a_direction_and_an_analogy(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z, labels = bundle.latents.z_mean, bundle.latents.labels
    threes, eights = (np.flatnonzero(labels == label) for label in (3, 8))
    visitor = visit(model=DEEP, view="Map")
    for hostile in (None, {"A": [1]}, {"A": [1], "B": [10_000]}, {"A": [-1], "B": "x"}):
        assert address(send(visitor, f"map-{DEEP}", "groups", hostile))["view"] == "Map"
    groups = {"A": [*threes.tolist(), 7], "B": [*eights.tolist(), 7]}  # 7 is of both
    send(visitor, f"map-{DEEP}", "groups", groups)
    assert_sound(visitor)
    assert address(visitor)["view"] == "Sliders"
    visitor.session_state["apply-source"] = "Test image"
    visitor.session_state["apply"] = f"test-{threes[1]}"
    visitor.run()
    assert_sound(visitor)
    (row,) = given(visitor, f"direction-{DEEP}")["rows"]
    assert row["label"] == f"A ({len(threes) + 1}) → B ({len(eights) + 1})"
    shift = z[eights][::2].mean(axis=0) - z[threes][::2].mean(axis=0)
    send(visitor, f"analogy-{DEEP}", "picked", 3)
    np.testing.assert_allclose(coordinates(visitor), z[threes[1]] + shift, atol=2e-3)
    tried, landed, trusted = map(int, re.findall(r"\d+(?=\*\*| images of A)", trials(visitor)))
    assert tried == 100
    answers = z[threes][1::2] + shift
    far = (answers**2).sum(1)[:, np.newaxis] - 2 * answers @ z.T + (z**2).sum(1)
    are_eights = labels[np.argsort(far, axis=1)[:, :15]] == 8
    assert landed == pytest.approx(100 * np.mean(are_eights.mean(axis=1) > 0.5), abs=10)
    assert 85 < trusted <= 100
    elsewhere = visit(**address(visitor))
    assert given(elsewhere, f"direction-{DEEP}")["rows"] == [row]
    visitor = visit(model=DEEP, view="Sliders", direction="ends:test-3:9,9,9,9,9,9,9,9")
    (warning,) = visitor.warning
    assert warning.value.startswith("The answer is not to be trusted (no data here)")


def trials(visitor: AppTest) -> str:
    """How the page says that a direction did with images that were not used to find it."""
    (said,) = (one.value for one in visitor.markdown if "were not used to find it" in one.value)
    return as_read(said)


def test_pins_are_kept_used_saved_and_linked(
    downloads: dict[str, Any], bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor = visit(model=DEEP, view="Map", z="0.5,0,0,0,0,0,0,-1")
    visitor.button(key="pin").click().run()
    settle(visitor, f"map-{DEEP}", bundle.latents.z_mean[61].tolist(), 61)
    visitor.button(key="pin").click().run()
    assert address(visitor)["pins"] == "Pin 1~0.5 0 0 0 0 0 0 -1;#61 8~test-61"
    visitor.text_input(key="pin-name-0").set_value("50 % ~ one; two").run()
    visitor.button(key="pin-earlier-1").click().run()
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
    press(elsewhere, "Interpolate")
    assert address(elsewhere)["view"] == "Interpolate"
    path = np.array(given(elsewhere, f"scrubber-{DEEP}")["path"])
    np.testing.assert_allclose(path[[0, -1]], arrays["z"], atol=1e-6)
    press(elsewhere, "Direction")
    (row,) = given(elsewhere, f"direction-{DEEP}")["rows"]
    assert row["label"] == "#61 8 → 50 % ~ one; two"
    difference = arrays["z"][1] - arrays["z"][0]
    cosine = difference @ row["step"] / np.linalg.norm(difference) / np.linalg.norm(row["step"])
    assert cosine == pytest.approx(1, abs=1e-6)
    elsewhere.checkbox(key="pin-use-0").uncheck().run()
    assert_sound(elsewhere)
    for _ in range(2):
        elsewhere.button(key="pin-remove-0").click().run()
    assert "pins" not in address(elsewhere)
    choose_model(visitor, FLAT)
    assert "pins" not in address(visitor)
    assert "pins" in address(choose_model(visitor, DEEP))  # each model has its own
    long = ";".join(f"{n}~" + " ".join(["0.123"] * 80) for n in range(12))
    linked = address(visit(model="cifar10-80d", view="Model", pins=long))["pins"]
    assert linked.split(";")[11] == "11~" + " ".join(["0.1"] * 80)  # few digits for a short link


def captured_number(text: str) -> str:
    found = re.search(r"\d+\.\d+", text)
    assert found is not None, text
    return found[0]


def test_a_path_goes_through_stops_and_back(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z = bundle.latents.z_mean
    ends = {"a": "test-3", "b": "test-8", "via": "test-20;test-33"}
    visitor = visit(model=DEEP, view="Interpolate", **ends, even="In the latent space")
    assert_sound(visitor)
    path = np.array(given(visitor, f"scrubber-{DEEP}")["path"])
    np.testing.assert_allclose(path[[0, 60, 120, 180]], z[[3, 20, 33, 8]], atol=1e-6)
    visitor.button(key="stop-Later").click().run()  # the first of both is chosen
    assert address(visitor)["via"] == "test-33;test-20"
    visitor.button(key="stop-Remove").click().run()
    visitor.session_state["loop"] = "Closed"
    visitor.run()
    path = np.array(given(visitor, f"scrubber-{DEEP}")["path"])
    np.testing.assert_allclose(path[[0, 60, 120, 180]], z[[3, 33, 8, 3]], atol=1e-6)
    for kind in ("Great arc", "Along the data"):
        visitor.session_state["path"] = kind
        visitor.run()
        assert_sound(visitor)
        other = np.array(given(visitor, f"scrubber-{DEEP}")["path"])
        np.testing.assert_allclose(other[[0, 60, 120, 180]], z[[3, 33, 8, 3]], atol=1e-6)
        assert np.abs(other - path).max() > 0.1
    choose_model(visitor, FLAT)
    assert_sound(visitor)


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


# ---- Without the data set's images ----


def test_without_the_images_thumbnails_are_reconstructions_and_said_to_be(
    bundles: dict[str, Bundle],
) -> None:
    visitor = visit(model=DEEP, view="Model", section="Pictures")
    assert "images of MNIST are not on this machine; thumbnails are recon" in sentences(visitor)
    assert "reconstructions (the originals are not on this machine)" in captions(visitor)
    assert images_sent(visitor, bundles[DEEP]) == b""
    visitor = visit(model=FLAT, view="Model", section="Pictures")
    assert "not on this machine" not in sentences(visitor)
    assert "test images above their reconstructions" in captions(visitor)
    assert images_sent(visitor, bundles[FLAT]).startswith(b"\x89PNG")


@pytest.mark.usefixtures("fresh_caches")
def test_the_data_set_can_be_fetched(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path, bundles: dict[str, Bundle]
) -> None:
    """The button's command is replaced: there may be no network here."""
    asked = []

    def fetch(command: list[str], **options: Any) -> SimpleNamespace:
        asked.append(command)
        os.symlink(data_dir / "mnist", Path(os.environ["LATENT_DATA_DIR"]) / "mnist")
        return SimpleNamespace(poll=lambda: 0, stderr=io.StringIO())

    monkeypatch.setattr(subprocess, "Popen", fetch)
    visitor = visit(model=DEEP, view="Model", section="Pictures")
    press(visitor, "Fetch the data set")
    assert asked == [[sys.executable, "-m", "explorer.datasets", "mnist"]]
    assert_sound(visitor)
    assert "not on this machine" not in sentences(visitor)
    assert "test images above their reconstructions" in captions(visitor)
    assert images_sent(go_to(visitor, "Map"), bundles[DEEP]).startswith(b"\x89PNG")


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize("said", ["", "Downloading …\n![There](https://is.no/network) here.\n"])
def test_one_fetch_is_followed_by_all_and_its_failure_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    processes = []

    def fetch(_: list[str], **options: Any) -> SimpleNamespace:
        processes.append(SimpleNamespace(poll=lambda: None, stderr=io.StringIO(said)))
        return processes[0]

    monkeypatch.setattr(subprocess, "Popen", fetch)
    visitor = press(visit(model=DEEP, view="Map"), "Fetch the data set")
    last = literal(said.splitlines()[-1] if said else "…")
    assert f"Fetching MNIST: {last}" in [caption.value for caption in visitor.caption]
    another = visit(model=DEEP, view="Map")
    assert "Fetch the data set" not in {button.label for button in another.button}
    processes[0].poll = lambda: 1
    for one in (visitor, another):
        assert_sound(one.run())
        (error,) = one.error
        assert error.value.endswith(last if said else "it was stopped")
    assert len(processes) == 1


# ---- Bundles that are broken, or not there ----


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the flat model, to put broken ones beside it."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in (FLAT, "images"):
        (folder / name).symlink_to(SHIPPED / name)
    monkeypatch.setattr(cache, "BUNDLES", folder)
    return folder


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


@pytest.mark.parametrize("file", ["card.json", *FILES])
def test_a_broken_bundle_gets_a_sentence_and_the_others_work(file: str, shelf: Path) -> None:
    for name, damage in DAMAGE.items():
        broken = copy_to(shelf)
        damage(broken / file)
        visitor = visit(model=DEEP, view="Map")
        assert_sound(visitor)
        (error,) = visitor.error
        sentence = as_read(error.value)
        assert f"{file} of {DEEP}" in sentence
        assert "\n" not in sentence
        if name == "flipped" and file != "card.json":  # seen when the file is read
            assert sentence.startswith(f"**{DEEP}** cannot be shown: ")
        else:
            assert sentence.startswith(f"**{DEEP}** was left out: ")
            assert DEEP in as_read(visitor.warning[0].value)
            assert list(models_of(visitor)) == [FLAT]
        assert f"map-{FLAT}" in parts(visitor)
        shutil.rmtree(broken)


def test_a_flipped_byte_anywhere_never_gives_a_traceback(shelf: Path) -> None:
    chance = random.Random(5)
    broken = copy_to(shelf)
    for file in ("card.json", *FILES):
        whole = (broken / file).read_bytes()
        for _ in range(3):
            data = bytearray(whole)
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            (broken / file).write_bytes(data)
            visitor = visit(model=DEEP, view="Model")
            assert_sound(visitor)
            assert file == "card.json" or file in as_read(visitor.error[0].value)
        (broken / file).write_bytes(whole)


def test_a_bundle_that_contradicts_its_card_gets_a_sentence_and_a_way_out(
    shelf: Path, reseal: Callable[[Path], None]
) -> None:
    broken = copy_to(shelf)
    shutil.copy(SHIPPED / FLAT / "decoder.onnx", broken / "decoder.onnx")
    reseal(broken)
    visitor = visit(model=DEEP, view="Map")
    assert_sound(visitor)
    (error,) = visitor.error
    assert "cannot be shown" in error.value
    assert "decoder.onnx" in as_read(error.value)
    assert f"map-{FLAT}" in parts(visitor)  # the next model
    visitor.run()
    assert not visitor.error
    assert address(visitor)["model"] == FLAT


def test_without_any_model_that_works_the_page_says_what_to_do(shelf: Path) -> None:
    (shelf / FLAT).unlink()
    flip_a_byte(copy_to(shelf, FLAT) / "decoder.onnx")
    visitor = visit()
    assert_sound(visitor)
    assert "decoder.onnx" in as_read(visitor.error[0].value)
    assert "Train a model again" in visitor.info[0].value


def test_a_model_that_breaks_while_it_is_looked_at(shelf: Path) -> None:
    broken = copy_to(shelf)
    visitor = visit(model=DEEP, view="Manifold")
    assert f"manifold-{DEEP}" in parts(visitor)
    shutil.rmtree(broken)
    visitor.run()
    assert_sound(visitor)
    assert f"manifold-{FLAT}" in parts(visitor)


def test_a_bundle_that_vanishes_while_it_is_listed(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = shelf / "gone"
    monkeypatch.setattr(cache, "find_bundles", lambda folder: [shelf / FLAT, gone])
    visitor = visit(model=FLAT)
    assert_sound(visitor)
    assert "card.json of gone is missing" in as_read(visitor.error[0].value)


def test_a_new_bundle_in_place_of_the_old_one_is_seen(
    shelf: Path, reseal: Callable[[Path], None]
) -> None:
    bundle = copy_to(shelf)
    visitor = visit(model=DEEP, view="Model")
    (before,) = [m.value for m in visitor.metric if m.label == "test −ELBO"]
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    card["metrics"]["neg_elbo"] = 1.25
    (bundle / "card.json").write_text(json.dumps(card), encoding="utf-8")
    visitor.run()
    (after,) = [m.value for m in visitor.metric if m.label == "test −ELBO"]
    assert (before != after, after) == (True, "1.25")


def test_strange_things_among_the_bundles_do_no_harm(shelf: Path) -> None:
    (shelf / "notes.txt").write_text("hello")
    (shelf / ".unfinished").mkdir()
    (shelf / "loop").symlink_to(shelf / "loop")
    os.mkfifo(shelf / "pipe")
    broken = {"empty": "card.json", "UPPER <b>case": "card.json"}
    for name in broken:
        (shelf / name).mkdir()
    strange: dict[str, Callable[[Path], Any]] = {
        "pipe": os.mkfifo,
        "endless": lambda path: path.symlink_to("/dev/zero"),
        "vast": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**40),
    }
    for kind, make in strange.items():
        for file in ("card.json", "decoder.onnx"):
            name = f"{kind}-{file.split('.')[0]}"
            folder = Path(shutil.copytree(SHIPPED / DEEP, shelf / name))
            card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
            (folder / "card.json").write_text(json.dumps({**card, "name": name}), encoding="utf-8")
            (folder / file).unlink()
            make(folder / file)
            broken[name] = file
    visitor = visit(model=FLAT)
    assert_sound(visitor)
    said = [as_read(error.value) for error in visitor.error]
    assert len(said) == len(broken)
    for name, file in broken.items():
        assert any(f"**{name}** was left out: {file} of {name}" in text for text in said), name
    assert list(models_of(visitor)) == [FLAT]
    assert f"map-{FLAT}" in parts(visitor)


@pytest.mark.parametrize("folder", ["empty", "nowhere", "broken only"])
def test_no_bundle_at_all_is_a_page_that_says_what_to_do(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / folder
    if folder != "nowhere":
        place.mkdir()
    if folder == "broken only":
        shutil.copytree(SHIPPED / FLAT, place / FLAT)
        (place / FLAT / "latents.npz").unlink()
    monkeypatch.setattr(cache, "BUNDLES", place)
    visitor = visit(model=FLAT, view="Sliders", z="1,2")
    assert_sound(visitor)
    assert "no trained model in" in sentences(visitor)
    assert "python train.py" in visitor.code[0].value
    assert len(visitor.error) == (folder == "broken only")
    assert not parts(visitor)
    if folder == "broken only":
        assert "latents.npz" in as_read(visitor.error[0].value)
        shutil.copy(SHIPPED / FLAT / "latents.npz", place / FLAT)
        visitor.run()  # put right while the page is open
        assert_sound(visitor)
        assert f"sliders-{FLAT}" in parts(visitor)


@pytest.mark.usefixtures("fresh_caches")
def test_damaged_test_images_are_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shutil.copytree(SHIPPED / "images", shelf / "images")
    (shelf / FLAT).symlink_to(SHIPPED / FLAT)
    monkeypatch.setattr(cache, "BUNDLES", shelf)
    for file in (shelf / "images").glob("*.npz"):
        flip_a_byte(file)
    visitor = visit(model=FLAT, view="Model")
    assert_sound(visitor)
    assert "images of Fashion-MNIST are not on this machine" in sentences(visitor)


# ---- Beside other models and published figures ----


def put_reference(shelf: Path, name: str, *, of: str = FLAT, **changes: Any) -> Reference:
    """Put a reference on the shelf: a shipped model's card and history with some changes.

    ``latent_dim``, ``neg_elbo`` and ``recipe`` are the card's; ``history`` replaces all of it.
    """
    shipped = load_reference(SHIPPED / of)
    card, history = shipped.card, changes.get("history", shipped.history)
    latent_dim = changes.get("latent_dim", card.model.latent_dim)
    recipe = override(changes.get("recipe", card.model.recipe), epochs=len(history["kl"]))
    model = {"latent_dim": latent_dim, "recipe_if_trained": recipe}
    metrics = {
        "neg_elbo": changes.get("neg_elbo", card.metrics.neg_elbo),
        "kl_per_dimension": (0.5,) * latent_dim,
    }
    card = card.model_copy(
        update={
            "name": name,
            "model": card.model.model_copy(update=model),
            "metrics": card.metrics.model_copy(update=metrics),
        }
    )
    return load_reference(save_reference(card, history, shelf))


def history_of(reconstruction: list[float], kl: list[float]) -> dict[str, list[float]]:
    terms = {"reconstruction": reconstruction, "kl": kl,
             "neg_elbo": [r + k for r, k in zip(reconstruction, kl, strict=True)]}  # fmt: skip
    return {**terms, **{f"val_{name}": [v + 1 for v in values] for name, values in terms.items()}}


def comparison_chart(visitor: AppTest) -> dict[str, Any]:
    """The last of the Model view's figures."""
    return chart(visitor, -1)


def test_a_model_stands_beside_the_others_of_its_test_images(shelf: Path) -> None:
    copy_to(shelf, DEEP)  # of other images
    (shelf / "fashion_mnist-8d").symlink_to(SHIPPED / "fashion_mnist-8d")
    put_reference(shelf, "better", neg_elbo=200.0)
    put_reference(shelf, "worse", neg_elbo=300.0)
    put_reference(shelf, "line", neg_elbo=400.0, latent_dim=1)
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    assert_sound(visitor)
    assert "Beside other models of Fashion" in visitor.subheader[0].value
    (table,) = visitor.dataframe
    assert table.value["model"].tolist() == ["line", "better", FLAT, "worse", "fashion_mnist-8d"]
    assert table.value["dimensions"].tolist() == [1, 2, 2, 2, 8]
    card = load_reference(SHIPPED / FLAT).card
    row = table.value.iloc[2]
    assert row["−ELBO"] == card.metrics.neg_elbo
    assert row["reconstruction"] == card.metrics.reconstruction
    assert row["KL"] == card.metrics.kl
    assert card.metrics.importance is not None
    assert row["bound"] == card.metrics.importance.bound
    assert (row["recipe"], row["weights"], row["epochs"]) == ("residual", 930_580, 100)
    assert row["minutes"] == pytest.approx(card.training.seconds / 60)
    assert table.value[""].tolist() == ["", "", "●", "", ""]


def test_a_model_alone_is_compared_with_nothing(shelf: Path) -> None:
    copy_to(shelf, DEEP)
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    assert_sound(visitor)
    assert not visitor.dataframe
    assert "There is no other model of these test images here." in sentences(visitor)


def test_held_out_curves_of_the_same_dimension_come_first(shelf: Path) -> None:
    (shelf / "fashion_mnist-8d").symlink_to(SHIPPED / "fashion_mnist-8d")
    other = put_reference(shelf, "other", history=history_of([9.0, 7.0, 5.0], [1.0, 2.0, 3.0]))
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    shown = comparison_chart(visitor)
    assert [trace["name"] for trace in shown["data"]] == [f"{FLAT} · 2-D", "other · 2-D"]
    this, line = shown["data"]
    np.testing.assert_array_equal(numbers(line["x"]), [1, 2, 3])
    np.testing.assert_array_equal(numbers(line["y"]), [11, 10, 9])
    held_out = load_reference(SHIPPED / FLAT).history["val_neg_elbo"]
    np.testing.assert_allclose(numbers(this["y"]), held_out, rtol=1e-6)
    visitor.session_state[f"compared-{FLAT}"] = "All"
    visitor.session_state["time-in"] = "Minutes"
    shown = comparison_chart(visitor.run())
    assert_sound(visitor)
    names = [trace["name"] for trace in shown["data"]]
    assert names == [f"{FLAT} · 2-D", "other · 2-D", "fashion_mnist-8d · 8-D"]
    minutes = other.card.training.seconds / 60
    expected = [minutes / 3, minutes * 2 / 3, minutes]
    np.testing.assert_allclose(numbers(shown["data"][1]["x"]), expected, rtol=1e-6)


def test_nats_of_a_density_are_not_drawn_beside_those_of_probabilities(shelf: Path) -> None:
    recipe = load_reference(SHIPPED / FLAT).card.model.recipe
    put_reference(shelf, "dense", recipe=override(recipe, likelihood="gaussian"))
    put_reference(shelf, "strong", recipe=override(recipe, beta=4.0))
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    recipes = dict(zip(*(visitor.dataframe[0].value[c] for c in ("model", "recipe")), strict=True))
    assert recipes["dense"] == "residual, gaussian likelihood"
    assert recipes["strong"] == "residual, β = 4"
    names = [trace["name"] for trace in comparison_chart(visitor)["data"]]
    assert names == [f"{FLAT} · 2-D", "strong · 2-D, β = 4"]
    assert "do not compare with those of a Bernoulli" in sentences(visitor)


def test_a_broken_reference_is_left_out_with_a_sentence(shelf: Path) -> None:
    put_reference(shelf, "whole")
    broken = shelf / "references" / "broken"
    for damage in DAMAGE.values():
        put_reference(shelf, "broken")
        damage(broken / "history.json")
        visitor = visit(model=FLAT, view="Model", section="Comparison")
        assert_sound(visitor)
        assert not visitor.error
        assert sorted(visitor.dataframe[0].value["model"]) == [FLAT, "whole"]
        assert "Left out of the comparison: history.json of broken" in sentences(visitor)
        shutil.rmtree(broken)


def test_a_published_figure_stands_beside_ours_after_as_many_epochs(shelf: Path) -> None:
    history = history_of([80.0, 70.0, 60.0], [20.0, 25.0, 26.0])
    same: Any = {"data": "fashion_mnist", "latent_dim": 2}
    recipe = RECIPES["softplus-mlp"].model_copy(
        update={"published": Published(value=96.21, epochs=100, **same)}
    )
    published = Published(value=96.21, epochs=2, **same)
    put_reference(shelf, "short", recipe=recipe, history=history)
    put_reference(shelf, "long", recipe=override(recipe, published=published), history=history)
    mean = override(
        RECIPES["tutorial"], published=Published(value=0.3314, epochs=3, divisor=10, **same)
    )
    put_reference(shelf, "mean", recipe=mean, history=history)
    pictures_only = override(recipe, published=Published(epochs=2, **same))
    put_reference(shelf, "none", recipe=pictures_only, history=history)
    put_reference(shelf, "of-mnist", recipe=RECIPES["softplus-mlp"], history=history)
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    (found,) = [m.value for m in visitor.markdown if "repeats a published system" in m.value]
    lines = {line.split("**")[1]: line for line in found.splitlines()}
    assert set(lines) == {"short", "long", "mean", "none"}
    assert "Its write-up reports **96.21** after 100 epochs; " in lines["short"]
    nats = "(training images, reconstruction + KL, nats)."
    assert lines["short"].endswith(f"this one, after only 3 epochs, has **86.00** {nats}")
    assert lines["long"].endswith(f"this one has **95.00** {nats}")
    assert "Its write-up shows pictures after 2 epochs; this one has **95.00**" in lines["none"]
    scaled = "(training images, (reconstruction + 0.392 KL) / 10)."
    assert lines["mean"].endswith(f"has **7.0192** {scaled}")  # (60 + 0.392 · 26) / 10


def test_what_strangers_wrote_is_shown_and_not_rendered(shelf: Path) -> None:
    picture = "![x](https://example.org/x.png)"
    folder = copy_to(shelf, DEEP)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["data"].update(title=picture, licence=picture, origin=picture)
    card["model"]["recipe_name"] = card["model"]["recipe"]["summary"] = picture
    card["training"]["versions"] = {picture: picture}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    put_reference(shelf, "other", of=DEEP)
    visitor, shown = visit(model=DEEP, view="Model"), []
    for section in ("Comparison", "Recipe and data"):
        open_tab(visitor, section)
        assert_sound(visitor)
        main = visitor.main
        shown += [element.value for element in (*main.markdown, *main.subheader, *main.caption)]
    assert sum(literal(picture) in text for text in shown) == 6  # the title stands above both
    assert not any("![" in text for text in shown)


def test_text_of_others_is_taken_literally() -> None:
    assert literal("![a](b)") == r"\!\[a\]\(b\)"
    assert literal("T-shirt_1\n\n# *x*  <b> $y$ `z` :red[w]") == (
        r"T\-shirt\_1 \# \*x\* \<b\> \$y\$ \`z\` \:red\[w\]"
    )
    assert literal("größer 日本 − 7") == "größer 日本 − 7"


def test_a_flow_is_part_of_the_architecture_and_of_the_kl(bundles: dict[str, Bundle]) -> None:
    plain = bundles[DEEP].card
    steps = [{"layer": "InverseAutoregressive", "units": 8}] * 3
    recipe = override(plain.model.recipe, flow=steps, context=4)
    model = plain.model.model_copy(update={"recipe_if_trained": recipe})
    bent = plain.model_copy(update={"model": model})
    assert "closed form" not in kl_definition(plain)
    assert "mean over 10 draws" in kl_definition(bent)
    parts = dict(model_view.architecture(bent.model.recipe))
    assert list(parts) == ["Encoder", "Flow", "Decoder"]
    assert parts["Encoder"][0] == "Flatten()"
    assert parts["Encoder"][-1] == "heads: z_mean, z_log_var, context"
    assert parts["Flow"] == ["InverseAutoregressive(units=8)"] * 3
    assert parts["Decoder"][-1] == "head: Dense() → bernoulli likelihood"
    parts = dict(model_view.architecture(plain.model.recipe))
    assert list(parts) == ["Encoder", "Decoder"]
    assert parts["Encoder"][-1] == "heads: z_mean, z_log_var"


# ---- Other shapes than the shipped ones ----


@pytest.fixture(scope="module")
def odd_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles of one and of 80 dimensions, and of colour images wider than high."""
    from explorer.cli.train import Settings
    from train import train_bundle

    folder = tmp_path_factory.mktemp("odd")
    dense = {"layer": "Dense", "units": 16, "activation": "relu"}
    recipe = {"encoder": [{"layer": "Flatten"}, dense], "decoder": [dense],
              "head": {"layer": "Dense"}, "epochs": 1, "batch_size": 64}  # fmt: skip
    (folder / "tiny.json").write_text(json.dumps(recipe), encoding="utf-8")
    chance = np.random.default_rng(0)
    for name, shape in (("grey", (12, 12)), ("colour", (10, 14, 3))):
        labels = np.arange(180) % 3
        images = chance.integers(0, 255, (180, *shape), np.uint8)
        images[labels == 1] //= 3
        np.savez(folder / f"{name}.npz", x_train=images[:120], y_train=labels[:120],
                 x_test=images[120:], y_test=labels[120:])  # fmt: skip
    with training_at_once():
        for name, latent_dim in (("grey", 1), ("colour", 80)):
            settings = Settings(
                str(folder / f"{name}.npz"), latent_dim=latent_dim, recipe=str(folder / "tiny.json")
            )
            train_bundle(settings, output=folder / "bundles", data_dir=None, resume=False)
    return folder / "bundles"


@pytest.mark.parametrize("model", ["grey-1d", "colour-80d"])
def test_other_dimensions_and_colours_work_in_every_view(
    model: str, odd_shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "BUNDLES", odd_shelf)
    bundle = load_bundle(odd_shelf / model)
    latent_dim = bundle.card.model.latent_dim
    visitor = visit(model=model)
    for view in VIEWS:
        go_to(visitor, view)
        assert_sound(visitor)
        assert not visitor.warning
        assert len(coordinates(visitor)) == latent_dim
    for background in ("Density", "Manifold"):
        assert_sound(visit(model=model, view="Map", background=background))
    assert_sound(visit(model=model, view="Interpolate", path="Great arc"))
    noise = np.random.default_rng(1).integers(0, 255, (40, 30, 3), np.uint8)
    upload(go_to(visitor, "Reconstruct"), png_of(noise))
    assert_sound(visitor)
    assert "reconstruction" in captions(visitor)
    visitor = visit(model=model, view="Manifold")
    settle(visitor, f"manifold-{model}", [0.5] * latent_dim)
    assert coordinates(visitor) == [0.5] * latent_dim


def test_most_dimensions_of_80_stand_behind_more(
    odd_shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "BUNDLES", odd_shelf)
    order = load_bundle(odd_shelf / "colour-80d").dimensions_by_kl
    visitor = visit(model="colour-80d", view="Sliders")
    assert [r["dimension"] for r in given(visitor, "sliders-colour-80d")["rows"]] == list(
        order[:10]
    )
    assert "more-sliders-colour-80d" not in parts(visitor)
    visitor.session_state["more"] = True
    visitor.run()
    assert_sound(visitor)
    shown = [r["dimension"] for r in given(visitor, "more-sliders-colour-80d")["rows"]]
    assert shown == list(order[10:])
    z = [0.0] * 80
    z[order[75]] = 1.5
    settle(visitor, "more-sliders-colour-80d", z)
    assert coordinates(visitor) == z


# ---- The process ----


def test_the_app_never_imports_tensorflow(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from types import SimpleNamespace
from types import SimpleNamespace
from streamlit.testing.v1 import AppTest
from explorer.app import cache
cache.BUNDLES = Path({str(SHIPPED)!r})
for model in {(FLAT, DEEP)!r}:
    visitor = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=60)
    visitor.query_params["model"] = model
    visitor.run()
    assert model != {FLAT!r} or "pandas" not in sys.modules, "the first page is late"
    cache.model_payload(cache.open_bundle(model))
    for view in {VIEWS!r}:
        visitor.session_state["view"] = view
        visitor.run()
        assert not visitor.exception, visitor.exception
        assert visitor.query_params["view"] == view
print(sorted({{"tensorflow", "keras", "torch", "jax", "sklearn"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "LATENT_DATA_DIR": str(tmp_path), "KERAS_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


def test_how_the_images_were_read_is_told(bundles: dict[str, Bundle]) -> None:
    data = bundles[FLAT].card.data
    reading = ReadingCard(high=4095.0, kind="integers", fit="pad", label="dx", first_page=True)
    assert describe_reading(data.model_copy(update={"reading": reading})) == (
        "values 0..4095 are black to white, other proportions padded with the background, "
        "classes by dx, first pages only"
    )


def test_the_changes_of_training_images_are_told() -> None:
    augmentation = Augmentation(rotation=0.1, flip=0.5)
    recipe = override(RECIPES["residual"], augmentation=augmentation, epochs=40)
    assert describe_augmentation(recipe) == (
        "The training images were changed at random (rotation, flip) in the first 30 of 40 epochs; "
        "the held-out ones never."
    )
    assert describe_augmentation(RECIPES["residual"]) == ""


def test_a_conditional_model_decodes_the_class_that_is_chosen(
    conditional_bundle: Path, monkeypatch: pytest.MonkeyPatch, fresh_caches: None
) -> None:
    monkeypatch.setattr(cache, "BUNDLES", conditional_bundle.parent)
    bundle = load_bundle(conditional_bundle)
    first, second, third = bundle.card.data.classes
    visitor = visit(view="Interpolate", **{"class": second})
    assert_sound(visitor)
    (field,) = (one for one in visitor.selectbox if one.label == "Class that is decoded")
    assert field.value == 1

    def assert_decodes(label: int) -> None:
        """Compare the first picture of the strip with onnxruntime's."""
        uri = given(visitor, "path-conditional")["image"]
        strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
        start = np.array(given(visitor, "scrubber-conditional")["path"][:1], np.float32)
        picture = to_pixels(bundle.codec.by_class[label].decode(start))[0, ..., 0]
        np.testing.assert_allclose(strip[:, :12].astype(int), picture.astype(int), atol=1)

    assert_decodes(1)
    field.set_value(2).run()
    assert_sound(visitor)
    assert_decodes(2)
    assert address(visitor)["class"] == third
    assert given(visitor, "frame")["label"] == 2
    visitor.button(key="pin").click().run()
    field.set_value(0).run()
    visitor.button(key="pin-0").click().run()
    assert address(visitor)["class"] == third  # a pin knows its class
    assert address(visitor)["pins"].endswith("~2")
    visitor = visit(**{"class": "nothing"})
    assert "the classes are" in visitor.warning[0].value
    assert address(visitor)["class"] == first
