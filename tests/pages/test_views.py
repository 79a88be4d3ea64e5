"""Every view opens and shows its model's figures, as does a user's own view."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st

from explorer.app import internals, page, views
from explorer.app.card_words import architecture, describe_augmentation, describe_reading
from explorer.app.server import address_of
from explorer.app.view import Detail, Option, View
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import ReadingCard
from explorer.bundle.sheets import describe_kl
from explorer.bundle.store import load_bundle
from explorer.recipes.find import RECIPES
from explorer.recipes.recipe import Augmentation, override
from explorer.web.figures import kl_definition

from .visiting import (
    DEEP,
    FLAT,
    ROOT,
    SHIPPED,
    VIEWS,
    address,
    as_read,
    assert_sound,
    captions,
    coordinates,
    elements,
    given,
    open_tab,
    parts,
    press,
    sentences,
    table,
    visit,
)


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
        "Compare": {f"compare-{model}-{'mnist-2d' if model == DEEP else 'fashion_mnist-8d'}"},
    }
    assert expected.get(view, set()) <= shown
    if view == "Reconstruct":
        assert "Choose a similar one" in visitor.info[0].value
        assert card.data.title in as_read(visitor.info[0].value)


def test_the_map_gets_the_point_and_nothing_that_the_page_decides() -> None:
    address = {"background": "density", "map": "principal", "colour": "kl", "axes": "3,1"}
    visitor = visit(model=DEEP, view="Map", z="1,2,3,4,5,6,7,8", **address)
    assert_sound(visitor)
    assert not visitor.warning
    data = given(visitor, f"map-{DEEP}")
    assert data["z"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert data == given(visit(model=DEEP, view="Map", z="1,2,3,4,5,6,7,8"), f"map-{DEEP}")


def test_a_path_needs_no_further_request_for_its_ends_and_is_written_briefly() -> None:
    visitor = visit(model=DEEP, view="Interpolate", path="Great arc")
    pictures = [one.proto.imgs[0].url for one in visitor.get("image")]
    assert len(pictures) == 2
    assert all(url.startswith("data:image/png;base64,") for url in pictures)
    for key in (f"scrubber-{DEEP}", f"path-map-{DEEP}"):
        path = given(visitor, key)["path"]
        assert len(path) == 61
        assert max(len(repr(abs(value))) for latent in path for value in latent) <= 8


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
    shown = table(visitor)
    figures = dict(zip(shown["figure"], shown["value"], strict=True))
    assert metrics.importance is not None
    assert figures["importance-sampled bound"] == f"{metrics.importance.bound:.2f} nats"
    assert metrics.knn_accuracy is not None
    assert figures["k-NN accuracy"] == f"{100 * metrics.knn_accuracy:.1f} %"
    assert metrics.knn_accuracy_pca is not None
    assert f"{100 * metrics.knn_accuracy_pca:.1f} %" in " ".join(shown["definition"])
    assert len(visitor.get("plotly_chart")) == 2
    open_tab(visitor, "Recipe and data")
    assert address(visitor)["section"] == "Recipe and data"
    assert training.command in [code.value for code in visitor.code]
    assert not visitor.metric
    open_tab(visitor, "Pictures")
    assert len(captions(visitor)) == 2
    before = elements(visitor, "image")[-1].value
    drawn = elements(press(visitor, "Draw again"), "image")[-1].value
    assert drawn != before
    assert elements(visit(**address(visitor)), "image")[-1].value == drawn


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
    assert "asks for depth `4`, which does not exist" in visitor.warning[0].value
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
    """It does so under private names: when this test fails, ``internals`` must be corrected."""
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


def test_a_flow_is_part_of_the_architecture_and_of_the_kl(bundles: dict[str, Bundle]) -> None:
    plain = bundles[DEEP].card
    steps = [{"layer": "InverseAutoregressive", "units": 8}] * 3
    recipe = override(plain.model.recipe, flow=steps, context=4, refinement=0)
    model = plain.model.model_copy(update={"recipe_if_trained": recipe})
    bent = plain.model_copy(update={"model": model})
    assert "closed form" not in kl_definition(plain)
    assert "mean over 10 draws" in kl_definition(bent)
    parts = dict(architecture(bent.model.recipe))
    assert list(parts) == ["Encoder", "Flow", "Decoder"]
    assert parts["Encoder"][0] == "Flatten()"
    assert parts["Encoder"][-1] == "heads: z_mean, z_log_var, context"
    assert parts["Flow"] == ["InverseAutoregressive(units=8)"] * 3
    assert parts["Decoder"][-1] == "head: Dense() → Bernoulli likelihood"
    parts = dict(architecture(plain.model.recipe))
    assert list(parts) == ["Encoder", "Decoder"]
    assert parts["Encoder"][-2:] == [
        "heads: z_mean, z_log_var",
        "then 3 Gauss–Newton steps through the decoder",
    ]


def test_the_app_imports_nothing_that_is_large(tmp_path: Path) -> None:
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
    cache.model_payload(cache.open_bundle(model))
    for view in {VIEWS!r}:
        visitor.session_state["view"] = view
        visitor.run()
        assert not visitor.exception, visitor.exception
        assert visitor.query_params["view"] == view
print(sorted({{"tensorflow", "keras", "torch", "jax", "sklearn", "pandas"}} & set(sys.modules)))
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
    drawn = describe_reading(data.model_copy(update={"reading": ReadingCard(binarise="dynamic")}))
    assert "of the training images anew in each batch, of the test images once" in drawn


def test_the_changes_of_training_images_are_told() -> None:
    def told(**settings: Any) -> str:
        augmentation = Augmentation(**settings)
        return describe_augmentation(
            override(RECIPES["residual"], augmentation=augmentation, epochs=40)
        )

    assert told(rotation=0.1, flip=0.5) == (
        "The training images were changed at random (rotation, flip) in the first 30 of 40 epochs; "
        "the held-out ones never."
    )
    assert "(shear), then sharpened (contrast × 1.35), in" in told(shear=0.1, contrast=1.35)
    assert told(shear=0.1, until=1.0, encoder_only=True) == (
        "The encoder alone was also trained on the training images changed at random (shear); the "
        "decoder saw none of these."
    )
    assert describe_augmentation(RECIPES["residual-tc"]) == ""
