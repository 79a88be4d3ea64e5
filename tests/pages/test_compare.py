"""Two models side by side."""

from __future__ import annotations

import io
import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explorer import adopt
from explorer.app import cache
from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle
from explorer.core.pixels import to_pixels
from explorer.drawing.raster import data_uri

from .visiting import (
    DEEP,
    FLAT,
    SHIPPED,
    address,
    assert_sound,
    coordinates,
    given,
    open_menu,
    parts,
    press,
    send,
    sentences,
    settle,
    visit,
)


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


def test_a_path_and_an_image_go_through_both_models(downloads: dict[str, Any]) -> None:
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
    tables = [one.value for one in visitor.markdown if "Return distance" in one.value]
    assert len(tables) == 2
    assert all("|**Straight line**|**1.00**|" in table for table in tables)
    open_menu(visitor, "compare")
    gif = Image.open(io.BytesIO(downloads[f"{DEEP}-mnist-2d.gif"]()))
    assert gif.size == (8 * (28 + 1 + 28), 8 * 28)
    settle(visitor, "compare-mnist-2d-mnist-8d", flat.latents.z_mean[7].tolist(), 7)
    assert address(visitor)["a"] == "test-7"
    visitor = visit(**shown, a="test-3", b="1,2,0,0,0,0,0,1", via="test-9")
    press(visitor, "Swap")
    assert_sound(visitor)
    swapped = address(visitor)
    assert (swapped["model"], swapped["a"], swapped["via"]) == ("mnist-2d", "test-3", "test-9")
    image = load_bundle(SHIPPED / DEEP).decode([1, 2, 0, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(
        [float(value) for value in swapped["b"].split(",")], flat.encode(image)[0][0], atol=0.02
    )
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
    assert "The model conditional is no longer usable; mute is shown." in sentences(visitor)
    shutil.rmtree(tmp_path / "mute")
    visitor.run()
    assert_sound(visitor)
    assert "There is no other model of images of 12 × 12 pixels, grey" in sentences(visitor)
    shutil.rmtree(tmp_path / "conditional")
    shutil.copytree(conditional_bundle, tmp_path / "conditional")
    shutil.rmtree(tmp_path / "shapes-2d")
    visitor.run()
    assert_sound(visitor)
    assert "The model shapes-2d is no longer usable; conditional is shown." in sentences(visitor)
