"""Uploads: odd files, framing, refining."""

from __future__ import annotations

import base64
import random

import numpy as np
import pytest
from odd_images import OddImage, odd_images
from PIL import Image

from explorer.app import cache, internals
from explorer.app.upload import outline
from explorer.app.words import percent
from explorer.bundle.bundle import Bundle
from explorer.bundle.images import load_images
from explorer.bundle.store import load_bundle
from explorer.data.framing import frame_picture, suggest_framing
from explorer.data.pixels import Form
from explorer.data.uploads import Upload, read_upload
from explorer.drawing.raster import data_uri

from .visiting import (
    DEEP,
    FLAT,
    SHIPPED,
    address,
    assert_sound,
    bright_block,
    captions,
    choose_model,
    coordinates,
    given,
    go_to,
    png_of,
    press,
    send,
    sentences,
    settle,
    upload,
    visit,
)


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


@pytest.mark.parametrize(("size", "shown"), [((28, 28), (504, 504)), ((900, 50), (512, 340))])
def test_an_upload_is_shown_sharp_and_does_not_fill_the_page(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, size, np.uint8))
    height, width = outline(Upload(picture, picture.size, ()), (0, 0, *picture.size)).shape[:2]
    assert (height, width) == pytest.approx(shown, abs=2)


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
    picture = read_upload(png_of(digit), Form((28, 28, 1))).image
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
    visitor.file_uploader(key="own-image-file").set_value(None).run()
    assert not visitor.metric  # the cross in Streamlit's own widget removes it as well


@pytest.mark.parametrize("view", ["Reconstruct", "Interpolate", "Compare"])
def test_a_visit_after_a_restart_is_told_that_the_upload_is_lost(view: str) -> None:
    visitor = visit(model=DEEP, view=view, z="1,2,3,4,0,0,0,0", through="File")
    key = "own-image-file"
    if view == "Interpolate":
        key, visitor.session_state["source-b"] = "interpolate-b-file", "Upload"
        visitor.run()
    assert "image" not in address(visitor)
    upload(visitor, bright_block(), key=key)
    shown = address(visitor)
    assert shown["image"] == "upload"
    assert "was lost" not in sentences(visitor)
    after = visit(**shown)
    assert_sound(after)
    (warning,) = after.warning
    assert warning.value.startswith("The uploaded image was lost when the server restarted")
    assert address(after) == {name: shown[name] for name in shown if name != "image"}
    if view != "Interpolate":
        assert not after.run().warning  # said once
        assert address(upload(after, bright_block())) == shown
        press(go_to(go_to(after, "Map"), view), "Remove")
        assert "image" not in address(after)


def test_a_visit_after_a_restart_is_told_that_the_drawing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitor = visit(model=FLAT, view="Reconstruct", **{"from": "Drawing"})
    assert "image" not in address(visitor)
    picture = data_uri(np.full((28, 28, 1), 120, np.uint8))
    send(visitor, f"draw-{FLAT}", "settled", {"picture": picture})
    assert address(visitor)["image"] == "drawing"
    (warning,) = visit(**address(visitor)).warning
    assert warning.value.startswith("The drawing was lost when the server restarted")
    monkeypatch.setattr(internals, "is_history_navigation", lambda: True)
    assert "was lost" not in sentences(visitor.run())  # back to where it was drawn


def test_figures_of_a_drawing_are_of_the_picture_that_the_model_itself_sees() -> None:
    visitor = visit(model=DEEP, view="Reconstruct", **{"from": "Drawing"})
    pictures = {name: np.zeros((28, 28, 1), np.uint8) for name in (DEEP, FLAT)}
    pictures[DEEP][4:24, 10:18] = pictures[FLAT][2:8, 2:4] = 255  # centred and as it is drawn

    def report(name: str) -> str:
        picture = {"picture": data_uri(pictures[name])}
        return send(visitor, f"draw-{name}", "settled", picture).metric[0].value

    centred = report(DEEP)
    assert not choose_model(visitor, FLAT).metric  # none of another model's picture
    assert "image" not in address(visitor)
    assert report(FLAT) != centred
    assert address(visitor)["image"] == "drawing"
    settle(visitor, f"place-{FLAT}", [0.5, 0.25])
    report(FLAT)  # the canvas is mounted again
    assert address(visitor)["z"] == "0.5,0.25"
    assert choose_model(visitor, DEEP).metric[0].value == centred


def test_the_point_moves_to_a_drawing_that_an_analogy_began_with() -> None:
    picture = np.zeros((28, 28, 1), np.uint8)
    picture[4:24, 10:18] = 255
    drawn = {"picture": data_uri(picture)}
    visitor = visit(
        model=DEEP,
        view="Sliders",
        direction="means:3:8",
        z="0,0,0,0,0,0,0,0",
        **{"from": "Drawing"},
    )
    visitor.session_state["apply-source"] = "Drawing"
    visitor.run()
    send(visitor, f"apply-draw-{DEEP}", "settled", drawn)
    assert coordinates(visitor) == [0] * 8
    go_to(visitor, "Reconstruct")
    visitor.segmented_control(key="from").set_value("Drawing").run()
    send(visitor, f"draw-{DEEP}", "settled", drawn)  # the canvas is mounted
    assert any(coordinates(visitor))


def test_the_browser_gets_the_image_to_refine_and_a_better_place_becomes_the_point(
    bundles: dict[str, Bundle],
) -> None:
    visitor = visit(model=FLAT, view="Reconstruct", **{"from": "Test image"})
    assert_sound(visitor)
    images = cache.originals_of(bundles[FLAT])
    assert images is not None
    sent = base64.b64decode(given(visitor, f"refine-{FLAT}")["image"])
    assert sent == images[cache.vivid_row(bundles[FLAT])].tobytes()
    send(visitor, f"refine-{FLAT}", "point", {"z": [0.5, -0.25], "row": None})
    np.testing.assert_array_equal(coordinates(visitor), [0.5, -0.25])
    visitor = visit(model=FLAT, view="Reconstruct", **{"from": "Drawing"})
    send(visitor, f"draw-{FLAT}", "point", {"z": [0.25, 1.5], "row": None})
    np.testing.assert_array_equal(coordinates(visitor), [0.25, 1.5])


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
    visitor.session_state["source-a"] = "Drawing"
    visitor.run()
    picture = data_uri(np.full((28, 28, 1), 120, np.uint8))
    send(visitor, f"draw-a-{FLAT}", "settled", {"picture": picture})
    assert address(visitor)["a"] == end
    choose_model(visitor, DEEP)  # whose canvas shows the same drawing and reports it
    deep = address(send(visitor, f"draw-a-{DEEP}", "settled", {"picture": picture}))["a"]
    expected = bundles[DEEP].codec.encode(image)[0][0]
    np.testing.assert_allclose([float(v) for v in deep.split(",")], expected, atol=1e-3)
    assert address(choose_model(visitor, FLAT))["a"] == end
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
