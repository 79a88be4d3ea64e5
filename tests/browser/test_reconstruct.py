"""Uploads and drawings in a browser."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle
from explorer.core import neighbours
from explorer.core.amortisation import amortisation_gap
from explorer.core.elbo import kl_divergence
from explorer.core.likelihoods import log_likelihood
from explorer.data.framing import frame_picture, suggest_framing
from explorer.data.pixels import Form
from explorer.data.uploads import read_upload
from explorer.drawing import raster

from .visitor import DEEP, SHIPPED, Visitor, captured, decode, drawn_image


def phone_photo(file: Path) -> np.ndarray:
    """Write a photo of a dark sign like a 7, taken with the phone turned; return its content."""
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
    picture = read_upload((tmp_path / "IMG_0001.JPG").read_bytes(), Form(shape)).image
    image = frame_picture(picture, suggest_framing(picture, shape, 0.0), shape, 0.0)
    again = bundle.codec.decode(bundle.codec.encode(image[np.newaxis])[0])[0]
    assert np.abs(shown["original"] - 255.0 * image[..., 0]).max() <= 1
    assert np.abs(shown["reconstruction"] - 255.0 * again[..., 0]).max() <= 1
    errors = raster.on_white(raster.error_map(image, again))
    assert np.abs(shown["error map"].astype(int) - errors).max() <= 1

    ink = shown["original"] > 128  # light on dark, like the data, and upright
    rows, columns = np.nonzero(ink)
    assert 0.03 < ink.mean() < 0.4
    bar = ink[rows.min() : rows.min() + 2].sum(axis=1).max()
    foot = ink[rows.max() - 1 : rows.max() + 1].sum(axis=1).max()
    assert bar > 2 * foot
    assert upright[450, 600] < 60 < upright[1190, 800]  # the photo too has its bar at the top
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


def stroke(visitor: Visitor, *places: tuple[float, float]) -> None:
    """Draw along places, given as shares of the paper, without lifting the pen."""
    box = visitor.page.locator(".draw .paper").bounding_box()
    for n, (x, y) in enumerate(places):
        visitor.page.mouse.move(
            box["x"] + x * box["width"], box["y"] + y * box["height"], steps=12 if n else 1
        )
        if n == 0:
            visitor.page.mouse.down()


def test_what_an_encoder_without_steps_lost_is_told(visitor: Visitor) -> None:
    bundle = load_bundle(SHIPPED / "mnist-8d-flow")
    visitor.open(model=bundle.card.name, view="Reconstruct")
    visitor.choose("Drawing")
    visitor.page.locator(".draw .terms", has_text="nats").wait_for()
    visitor.rest()
    stroke(visitor, (0.1, 0.2), (0.3, 0.8), (0.5, 0.2), (0.7, 0.8), (0.9, 0.2))  # no digit
    visitor.page.mouse.up()
    visitor.page.get_by_text("explained better", exact=True).wait_for()
    visitor.page.get_by_role("radio", name="Refined").click()
    visitor.page.get_by_text("Lost by the encoder").wait_for()
    told = captured(
        r"Lost by the encoder: (\S+) nats", visitor.page.locator(".refine p").inner_text()
    )
    before, after = amortisation_gap(bundle.codec, drawn_image(visitor, bundle))
    lost = (before - after)[0]
    assert lost > 1
    assert float(told) == pytest.approx(lost, rel=0.2)
    visitor.page.get_by_role("radio", name="As encoded").press("ArrowLeft")
    visitor.page.get_by_role("button", name="Clear: start from a blank").click()  # it is kept


def test_a_drawing_is_reconstructed_live_and_reaches_the_server_when_a_stroke_ends(
    visitor: Visitor, bundles: dict[str, Bundle]
) -> None:
    bundle = bundles[DEEP]
    visitor.open(model=DEEP, view="Reconstruct")
    visitor.choose("Drawing")
    visitor.page.locator(".draw .terms", has_text="nats").wait_for()
    visitor.rest()

    def shows_what_the_model_makes() -> None:
        image = drawn_image(visitor, bundle)
        z_mean, z_log_var = bundle.codec.encode(image)
        again = bundle.codec.decode(z_mean)
        visitor.shows(again[0, ..., 0], ".draw .again")
        errors = raster.on_white(raster.error_map(image[0], again[0]))
        visitor.shows(errors / 255, ".draw .error")
        log_px = log_likelihood(image, bundle.codec.parameters(z_mean), "bernoulli")[0]
        kl = kl_divergence(z_mean, z_log_var)[0]
        terms = f"reconstruction without noise {-log_px:.1f} nats · KL {kl:.1f}"
        visitor.until_said(visitor.page.locator(".draw .terms"), terms)
        rows, _ = neighbours.nearest(z_mean[0], bundle.latents.z_mean, 15)
        counts = Counter(bundle.latents.labels[rows].tolist()).most_common(1)[0]
        first = f"{bundle.card.data.classes[counts[0]]} ({counts[1]})"
        visitor.until_said(visitor.page.locator(".draw .classes-near"), first)

    sent = len(visitor.sent)
    stroke(visitor, (0.2, 0.2), (0.6, 0.2), (0.35, 0.7))
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
    visitor.page.get_by_text("explained better", exact=True).wait_for()

    encoded = visitor.z
    visitor.page.get_by_role("radio", name="Refined").click()
    visitor.page.get_by_text("Lost by the encoder").wait_for()
    visitor.page.get_by_role("button", name="Use the refined place").click()
    visitor.until(lambda: visitor.z != encoded, "the refined place is the point")
    visitor.shows(decode(bundle, visitor.z), ".refine figure:nth-of-type(2) canvas")
    visitor.page.get_by_role("button", name="Back to the encoder's place").click()
    visitor.until(lambda: visitor.z == encoded, "back")
    assert visitor.address["latent"] == "Refined"
    visitor.page.get_by_role("radio", name="As encoded").press("ArrowLeft")

    visitor.page.locator(".draw").get_by_text("Scale and centre").click()
    whole = drawn_image(visitor, bundle)
    assert np.array_equal(whole[0, ..., 0] * 255, visitor.pixels(".draw .paper"))
    stroke(visitor, (0.8, 0.1), (0.8, 0.9))
    visitor.page.mouse.up()
    assert (drawn_image(visitor, bundle) != whole).any()
    visitor.page.get_by_role("button", name="Undo step").click()
    assert np.array_equal(drawn_image(visitor, bundle), whole)
    visitor.page.locator(".draw").get_by_text("Eraser").click()
    stroke(visitor, (0.2, 0.2), (0.6, 0.2))
    visitor.page.mouse.up()
    assert drawn_image(visitor, bundle).sum() < 0.8 * whole.sum()
    shows_what_the_model_makes()
    visitor.page.get_by_role("button", name="The point: start from its picture").click()
    visitor.until(lambda: drawn_image(visitor, bundle).sum() > whole.sum() / 2, "it is drawn")
    visitor.page.get_by_role("button", name="Clear: start from a blank").click()
    assert drawn_image(visitor, bundle).sum() == 0
    shows_what_the_model_makes()
