"""Models of other shapes than the shipped ones."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import training_at_once
from PIL import Image

from explorer.app import cache
from explorer.bundle.store import load_bundle
from explorer.core.pixels import to_pixels

from .visiting import (
    VIEWS,
    address,
    assert_sound,
    captions,
    coordinates,
    given,
    go_to,
    parts,
    png_of,
    settle,
    upload,
    visit,
)


@pytest.fixture(scope="module")
def odd_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make bundles of one and of 80 dimensions, and of colour images wider than high."""
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
