"""Framing: from a picture to what the model sees."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from explorer.data.framing import (
    HARDLY_VISIBLE,
    PLAIN,
    Framing,
    frame_picture,
    suggest_framing,
    whole_zoom,
)
from explorer.data.pixels import Shape

ROOT = Path(__file__).parents[1]
Size = tuple[int, int]

GREY = (28, 28, 1)
BLACK = 0.0


def picture_of(values: object, mode: str | None = None) -> Image.Image:
    """Return a picture of the given 8-bit values."""
    image = Image.fromarray(np.asarray(values, np.uint8))
    assert mode is None or image.mode == mode
    return image


def lanczos(row: np.ndarray, count: int) -> np.ndarray:
    """Shrink a row of values, by the definition: sinc(x) sinc(x/3) for |x| < 3."""
    scale = len(row) / count
    x = (np.arange(len(row)) + 0.5 - (np.arange(count)[:, None] + 0.5) * scale) / scale
    weights = np.where(abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
    return np.asarray((weights @ row / weights.sum(axis=1)).clip(0, 255))


def test_each_pixel_is_a_lanczos_mean() -> None:
    row = np.random.default_rng(0).integers(0, 256, 84)
    image = frame_picture(picture_of(np.tile(row, (30, 1))), Framing(), (10, 28, 1), BLACK)
    np.testing.assert_allclose(image[4, :, 0] * 255, lanczos(row, 28), atol=1.01)


def test_a_fine_pattern_becomes_even_grey() -> None:
    board = np.indices((300, 300)).sum(0) % 2 * 255
    image = frame_picture(picture_of(board), Framing(), GREY, BLACK)
    np.testing.assert_allclose(image, 0.5, atol=0.01)


def test_a_crop_is_framed_like_a_picture_of_its_own() -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    framing = Framing(centre=(0.25, 0.75), zoom=2)
    image = frame_picture(picture_of(values), framing, (20, 20, 3), BLACK)
    np.testing.assert_array_equal(image, values[20:, :20] / np.float32(255))


def test_a_picture_of_the_models_size_comes_through_exactly() -> None:
    values = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    image = frame_picture(picture_of(values), Framing(), GREY, BLACK)
    np.testing.assert_array_equal(image[..., 0], values.astype(np.float32) / 255)


def test_grey_is_luma() -> None:
    red = picture_of(np.full((2, 2, 3), (255, 0, 0)))
    np.testing.assert_allclose(frame_picture(red, Framing(), (1, 1, 1), BLACK), 76 / 255, atol=2e-3)
    np.testing.assert_array_equal(frame_picture(red, Framing(), (1, 1, 3), BLACK)[0, 0], [1, 0, 0])


def test_inverting_leaves_transparent_places_and_padding_as_background() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (255, 255, 255, 255)
    framing = Framing(zoom=0.5, invert=True)
    image = frame_picture(picture_of(pixels, "RGBA"), framing, (4, 4, 1), 0.8)
    expected = np.full((4, 4), 0.8)
    expected[1, 1] = 0.0
    np.testing.assert_allclose(image[..., 0], expected, atol=1e-6)


def test_inverting_twice_is_the_identity() -> None:
    values = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    twice = frame_picture(picture_of(255 - values), Framing(invert=True), (5, 5, 3), BLACK)
    once = frame_picture(picture_of(values), Framing(), (5, 5, 3), BLACK)
    np.testing.assert_allclose(twice, once, atol=1.01 / 255)


def test_stretching_spans_zero_to_one_inside_the_crop() -> None:
    row = picture_of([[0, 100, 150, 200, 255]])
    middle = Framing(zoom=1 / 3, stretch=True)
    image = frame_picture(row, middle, (3, 3, 1), BLACK)[1, :, 0]
    np.testing.assert_allclose(image, [0, 128 / 255, 1], atol=1e-6)


def test_a_background_may_have_a_value_per_channel() -> None:
    clear = picture_of(np.zeros((2, 2, 4)), "RGBA")
    image = frame_picture(clear, Framing(), (1, 1, 3), (0.2, 0.4, 0.6))
    np.testing.assert_allclose(image[0, 0], [0.2, 0.4, 0.6], atol=1e-6)


def test_the_crop_has_the_models_shape_and_stays_in_the_picture() -> None:
    wide = picture_of(np.zeros((20, 60)))
    assert Framing().box(wide, GREY) == (20, 0, 40, 20)
    assert Framing(centre=(0, 0)).box(wide, GREY) == (0, 0, 20, 20)
    assert Framing(centre=(1, 1), zoom=2).box(wide, GREY) == (50, 10, 60, 20)
    assert Framing().box(wide, (10, 20, 1)) == (10, 0, 50, 20)


def test_the_whole_picture_just_fits_at_its_whole_zoom() -> None:
    wide = picture_of(np.zeros((20, 60)))
    zoom = whole_zoom(wide, GREY)
    assert zoom == pytest.approx(1 / 3)
    assert Framing(zoom=zoom).box(wide, GREY) == pytest.approx((0, -20, 60, 40))


sides = st.integers(1, 40)
fractions = st.floats(0, 1)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["L", "RGB", "RGBA"]),
    st.tuples(sides, sides),
    st.tuples(sides, sides, st.sampled_from([1, 3])),
    st.builds(
        Framing,
        centre=st.tuples(fractions, fractions),
        zoom=st.floats(0.01, 100),
        invert=st.booleans(),
        stretch=st.booleans(),
        even=st.booleans(),
    ),
    fractions,
    st.integers(0, 2**32 - 1),
)
def test_whatever_is_chosen_the_model_gets_an_image(
    mode: str, size: Size, shape: Shape, framing: Framing, level: float, seed: int
) -> None:
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    values = np.random.default_rng(seed).integers(0, 256, (*size, channels), dtype=np.uint8)
    picture = picture_of(values.squeeze(-1) if mode == "L" else values, mode)
    image = frame_picture(picture, framing, shape, level)
    assert image.shape == shape and image.dtype == np.float32
    assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(sides, sides),
    st.tuples(sides, sides, st.sampled_from([1, 3])),
    st.floats(1, 50),
    st.tuples(fractions, fractions),
    st.integers(0, 255),
)
def test_a_uniform_picture_stays_uniform(
    size: Size, shape: Shape, zoom: float, centre: tuple[float, float], value: int
) -> None:
    picture = picture_of(np.full(size, value))
    image = frame_picture(picture, Framing(centre, zoom), shape, 0.5)
    np.testing.assert_allclose(image, value / 255, atol=1e-5)


# What is suggested


def drawing(
    ground: int, ink: int, box: tuple[int, int, int, int], size: Size = (300, 200)
) -> Image.Image:
    """Return a plain rectangle on a plain background."""
    image = Image.new("L", size, ground)
    image.paste(ink, box)
    return image


def test_dark_ink_on_white_paper_is_inverted_for_a_black_background() -> None:
    paper = drawing(255, 0, (100, 40, 200, 160))
    assert suggest_framing(paper, GREY, 0.0).invert
    assert not suggest_framing(paper, GREY, 1.0).invert
    assert not suggest_framing(drawing(0, 255, (100, 40, 200, 160)), GREY, 0.0).invert


def test_a_photographed_sketch_is_stretched_and_framed() -> None:
    sketch = drawing(180, 60, (20, 30, 60, 80))
    suggestion = suggest_framing(sketch, GREY, BLACK)
    assert suggestion.invert and suggestion.stretch
    left, top, right, bottom = suggestion.box(sketch, GREY)
    assert (left + right) / 2 == pytest.approx(40, abs=3)
    assert (top + bottom) / 2 == pytest.approx(55, abs=3)
    assert 50 / (bottom - top) == pytest.approx(0.8, abs=0.05)
    image = frame_picture(sketch, suggestion, GREY, BLACK)
    assert image[0].max() < 0.01 and image.max() == 1


def digit(size: int, width: int) -> Image.Image:
    """Return a seven, black on white."""
    image = Image.new("L", (size, size), 255)
    points = [(0.4 * size, 0.3 * size), (0.65 * size, 0.3 * size), (0.5 * size, 0.75 * size)]
    ImageDraw.Draw(image).line(points, 0, width)
    return image


LIGHTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "falls off by 45 %": lambda x: 0.55 + 0.45 * x,
    "falls off by 60 %": lambda x: 0.4 + 0.6 * x,
    "a shadow's edge": lambda x: np.where(x < 0.4, 0.5, 1.0),
    "a lamp above the middle": lambda x: 0.5 + 0.5 * np.sin(np.pi * x),
}
ANY_LIGHTS = LIGHTS | {
    "falls off by 10 %": lambda x: 0.9 + 0.1 * x,
    "even": lambda x: 1.0 + 0.0 * x,
}


@pytest.mark.parametrize("light", LIGHTS)
def test_a_digit_on_paper_in_uneven_light_is_found_and_inverted(light: str) -> None:
    ink = np.asarray(digit(400, 30), float) / 255
    x = np.linspace(0, 1, 400)
    photo = picture_of(255 * (0.25 + 0.7 * ink) * LIGHTS[light](x))
    suggestion = suggest_framing(photo, GREY, BLACK)
    assert suggestion.invert and suggestion.stretch
    left, top, right, bottom = suggestion.box(photo, GREY)
    assert (left + right) / 2 == pytest.approx(0.525 * 400, abs=12)
    assert (top + bottom) / 2 == pytest.approx(0.525 * 400, abs=12)


@pytest.mark.parametrize("pen", [10, 30, 60])
@pytest.mark.parametrize("light", [name for name in ANY_LIGHTS if name != "even"])
def test_uneven_light_hardly_changes_what_the_model_sees(light: str, pen: int) -> None:
    reflected = 255 * (0.25 + 0.7 * np.asarray(digit(400, pen), float) / 255)
    x = np.linspace(0, 1, 400)
    photo = picture_of(reflected * ANY_LIGHTS[light](x))
    suggestion = suggest_framing(photo, GREY, BLACK)
    assert suggestion.even
    seen = frame_picture(photo, suggestion, GREY, BLACK)
    evenly_lit = replace(suggestion, even=False)
    expected = frame_picture(picture_of(reflected), evenly_lit, GREY, BLACK)
    assert np.mean((seen - expected) ** 2) < 0.003
    without = frame_picture(photo, evenly_lit, GREY, BLACK)
    assert np.mean((without - expected) ** 2) > 2 * np.mean((seen - expected) ** 2)


IN_THE_BROWSER = """
import { readFileSync } from "node:fs";
import { drawLight } from "./static/live/shared/light.js";
import { applyTone, suggestTone } from "./static/live/shared/tone.js";
const { pictures, width, plain, hardlyVisible } = JSON.parse(readFileSync(0, "utf8"));
const answers = pictures.map((grey) => {
  const data = Uint8ClampedArray.from(grey.flatMap((value) => [value, value, value, 255]));
  const { invert, stretch, even } = suggestTone(data, width, 0, { plain, hardlyVisible });
  const light = { data: Uint8ClampedArray.from(data), width };
  drawLight(light);
  applyTone(data, { invert, stretch, even }, [0], light.data);
  return { tone: [invert, stretch, even], seen: [...data].filter((_, at) => at % 4 === 0) };
});
process.stdout.write(JSON.stringify(answers));
"""


def test_the_browser_evens_light_as_the_server_does(node: Path) -> None:
    shape, x = (64, 64, 1), np.linspace(0, 1, 64)
    inks = [0.25 + 0.7 * np.asarray(digit(64, width), float) / 255 for width in (3, 6, 12)]
    inks.append(squared((64, 64), 8))
    pictures = [picture_of(255 * ink * light(x)) for light in ANY_LIGHTS.values() for ink in inks]
    asked = {
        "pictures": [np.asarray(one).ravel().tolist() for one in pictures],
        "width": 64,
        "plain": PLAIN,
        "hardlyVisible": HARDLY_VISIBLE,
    }
    command = [str(node), "--input-type=module", "--eval", IN_THE_BROWSER]
    done = subprocess.run(
        command, input=json.dumps(asked), cwd=ROOT, capture_output=True, text=True, check=True
    )
    for picture, answer in zip(pictures, json.loads(done.stdout), strict=True):
        suggestion = suggest_framing(picture, (28, 28, 1), BLACK)
        assert answer["tone"] == [suggestion.invert, suggestion.stretch, suggestion.even]
        framing = Framing((0.5, 0.5), 1.0, *answer["tone"])
        seen = 255 * frame_picture(picture, framing, shape, BLACK).ravel()
        np.testing.assert_allclose(answer["seen"], seen, atol=2)


def squared(size: Size, every: int) -> np.ndarray:
    """Return the light that squared paper reflects, with a seven on it, in [0, 1]."""
    width, height = size
    down, across = np.indices((height, width))
    lines = (down % every == every // 2) | (across % every == every // 2)
    seven = np.asarray(digit(height, height // 12), float)
    ink = np.pad(seven, ((0, 0), (0, width - height)), constant_values=255) == 0
    return np.asarray(np.where(ink, 0.2, np.where(lines, 0.7, 0.95)))


@pytest.mark.parametrize("light", ["falls off by 45 %", "a shadow's edge"])
def test_densely_squared_paper_in_a_small_photo_is_paper(light: str) -> None:
    x = np.linspace(0, 1, 120)
    photo = picture_of(255 * squared((120, 100), 6) * LIGHTS[light](x))
    suggestion = suggest_framing(photo, GREY, BLACK)
    assert suggestion.invert and suggestion.even


def test_paper_beside_a_shadow_becomes_white_and_keeps_its_ink() -> None:
    paper = np.full((60, 60), 200.0)
    paper[25:35, 25:35] = 50  # a quarter of the light
    paper[:, 30:] /= 2
    image = frame_picture(picture_of(paper), Framing(even=True), (60, 60, 1), BLACK)
    expected = np.ones((60, 60))
    expected[25:35, 25:35] = 0.25
    np.testing.assert_allclose(image[..., 0], expected, atol=1 / 255)


def test_light_is_uneven_only_where_paper_is() -> None:
    cloth = np.full((300, 300), 245.0)
    cloth[60:240, 60:240] = np.linspace(60, 200, 180)  # wider than any ink
    assert not suggest_framing(picture_of(cloth), GREY, BLACK).even
    assert not suggest_framing(picture_of(255 - cloth), GREY, BLACK).even
    assert not suggest_framing(digit(400, 30), GREY, BLACK).even


def test_an_image_of_a_set_of_paper_in_uneven_light_comes_out_as_in_training() -> None:
    light = np.linspace(0.5, 1.0, 28)
    paper = picture_of(np.asarray(digit(28, 3), float) * light)
    assert suggest_framing(paper, GREY, 1.0) == Framing()
    assert suggest_framing(paper, GREY, BLACK).even  # it is none of a set on black


def test_the_transparent_parts_of_a_drawing_are_no_light() -> None:
    pixels = np.zeros((60, 60, 4), np.uint8)
    pixels[10:50, 28:32] = (64, 64, 64, 255)
    image = frame_picture(picture_of(pixels, "RGBA"), Framing(even=True), (60, 60, 1), 1.0)
    assert image[20, 30, 0] == pytest.approx(64 / 255, abs=1 / 255)


@pytest.mark.parametrize("paper", [80, 110, 125])
def test_ink_on_dim_paper_is_inverted_and_chalk_on_a_dark_board_is_not(paper: int) -> None:
    box = (100, 40, 200, 160)
    suggestion = suggest_framing(drawing(paper, 20, box), GREY, BLACK)
    assert suggestion.invert and suggestion.stretch
    assert not suggest_framing(drawing(paper, 230, box), GREY, BLACK).invert
    assert not suggest_framing(drawing(paper, 20, box), GREY, 1.0).invert


def test_a_thin_line_of_a_pen_is_found_in_a_large_photo() -> None:
    photo = digit(3000, 6)  # 0.2 % of its width
    suggestion = suggest_framing(photo, GREY, BLACK)
    assert suggestion.invert
    left, top, right, bottom = suggestion.box(photo, GREY)
    assert (left + right) / 2 == pytest.approx(0.525 * 3000, abs=60)
    assert bottom - top < 0.8 * 3000


def test_specks_are_no_object() -> None:
    paper = np.full((1000, 1000), 240.0)
    paper[100:900:97, 100:900:89] = 0
    assert suggest_framing(picture_of(paper), GREY, BLACK).zoom == 1


def test_an_object_that_the_largest_crop_would_cut_is_shown_whole() -> None:
    wide = drawing(0, 200, (20, 80, 280, 120))
    left, _, right, _ = suggest_framing(wide, GREY, BLACK).box(wide, GREY)
    assert left < 20 and right > 280


def test_an_image_like_the_data_sets_is_left_alone() -> None:
    digit = drawing(0, 255, (9, 4, 19, 24), size=(28, 28))
    assert suggest_framing(digit, GREY, BLACK) == Framing()
    enlarged = digit.resize((280, 280))
    assert suggest_framing(enlarged, GREY, BLACK) == Framing()


def test_a_faint_picture_is_stretched() -> None:
    twelve_bits = Image.new("L", (56, 56), 0)
    ImageDraw.Draw(twelve_bits).line((16, 10, 16, 44), fill=40, width=8)
    assert suggest_framing(twelve_bits, GREY, BLACK).stretch
    assert suggest_framing(twelve_bits.convert("RGB"), (28, 28, 3), BLACK).stretch
    assert not suggest_framing(twelve_bits, (56, 56, 1), BLACK).stretch  # as a set has it
    noise = np.random.default_rng(0).integers(0, 3, (56, 56))
    assert not suggest_framing(picture_of(noise), GREY, BLACK).stretch  # nothing is there
    sky = Image.new("RGB", (56, 56), (120, 160, 220))
    sky.putpixel((0, 0), (130, 170, 230))
    assert not suggest_framing(sky, (28, 28, 3), BLACK).stretch


def test_a_photo_of_a_scene_is_left_alone() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    scene = Image.fromarray(noise).resize((200, 100))
    assert suggest_framing(scene, GREY, BLACK) == Framing()


@pytest.mark.parametrize(
    ("ink", "background", "invert"), [(0, 0, True), (255, 0, False), (0, 1, False), (255, 1, True)]
)
def test_a_transparent_drawing_is_inverted_only_where_it_would_vanish(
    ink: int, background: float, invert: bool
) -> None:
    pixels = np.zeros((60, 60, 4), np.uint8)
    pixels[10:50, 10:50] = (ink, ink, ink, 255)
    suggestion = suggest_framing(picture_of(pixels, "RGBA"), GREY, background)
    assert suggestion.invert == invert and not suggestion.stretch


def test_colours_are_never_inverted_unasked() -> None:
    paper = drawing(255, 0, (100, 40, 200, 160))
    assert not suggest_framing(paper, (32, 32, 3), BLACK).invert
