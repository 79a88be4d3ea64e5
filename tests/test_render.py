"""Pictures from arrays, read back with Pillow."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageSequence

from explorer.core.pixels import to_pixels
from explorer.drawing import films, raster


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def random_picture(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def test_pixels_are_rounded_and_clipped() -> None:
    values = np.array([-0.5, 0.0, 0.49 / 255, 0.51 / 255, 0.5, 1.0, 7.0])
    np.testing.assert_array_equal(to_pixels(values), [0, 0, 0, 1, 128, 255, 255])
    np.testing.assert_array_equal(to_pixels(np.array([np.nan, np.inf, -np.inf])), [0, 255, 0])
    assert to_pixels(values).dtype == np.uint8


def test_every_grey_level_survives_the_way_to_floats_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_pixels(levels.astype(np.float32) / 255), levels)


def test_tiles_lie_row_by_row() -> None:
    images = np.arange(1, 7, dtype=np.uint8).reshape(6, 1, 1, 1)
    np.testing.assert_array_equal(raster.tile(images, 3)[..., 0], [[1, 2, 3], [4, 5, 6]])


def test_gaps_and_missing_tiles_are_filled() -> None:
    images = np.array([1, 2, 3], np.uint8).reshape(3, 1, 1, 1)
    np.testing.assert_array_equal(
        raster.tile(images, 2, gap=1)[..., 0], [[1, 255, 2], [255, 255, 255], [3, 255, 255]]
    )


def test_missing_tiles_may_be_transparent() -> None:
    images = np.array([1, 2, 3], np.uint8).reshape(3, 1, 1, 1)
    picture = raster.tile(raster.with_alpha(images), 2, blank=0)
    shown = np.asarray(Image.open(io.BytesIO(raster.png(picture))).convert("RGBA"))
    np.testing.assert_array_equal(shown[..., 0] * (shown[..., 3] > 0), [[1, 2], [3, 0]])
    np.testing.assert_array_equal(shown[..., 3], [[255, 255], [255, 0]])


def test_a_tile_keeps_its_own_orientation() -> None:
    images = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]], np.uint8)[..., None]
    np.testing.assert_array_equal(
        raster.tile(images, 2)[..., 0], [[1, 2, 3, 7, 8, 9], [4, 5, 6, 10, 11, 12]]
    )


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_tile_is_found_where_the_docstring_says(gap: int, channels: int) -> None:
    images = np.random.default_rng(1).integers(0, 256, (7, 4, 5, channels), np.uint8)
    picture = raster.tile(images, 3, gap=gap)
    assert picture.shape == (3 * (4 + gap) - gap, 3 * (5 + gap) - gap, channels)
    for index, image in enumerate(images):
        top, left = index // 3 * (4 + gap), index % 3 * (5 + gap)
        np.testing.assert_array_equal(picture[top : top + 4, left : left + 5], image)


def test_enlarging_repeats_every_pixel_both_ways() -> None:
    picture = np.array([[1, 2], [3, 4]], np.uint8)[..., None]
    np.testing.assert_array_equal(
        raster.enlarge(picture, 2)[..., 0],
        [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]],
    )


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_png_holds_every_pixel(channels: int, mode: str) -> None:
    picture = random_picture(5, 7, channels)
    data = raster.png(picture)
    assert Image.open(io.BytesIO(data)).format == "PNG"
    assert Image.open(io.BytesIO(data)).mode == mode
    np.testing.assert_array_equal(read(data).reshape(picture.shape), picture)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_that_a_page_sent_is_read_if_it_is_one_of_the_right_size(channels: int) -> None:
    picture = random_picture(5, 7, channels)
    uri = raster.data_uri(picture)
    np.testing.assert_array_equal(raster.read_data_uri(uri, (5, 7, channels)), picture)
    others: list[object] = [None, {}, "", "data:image/png;base64,äö", uri[:60]]
    content = raster.png(picture)
    odd = struct.pack(">I", 0) + b"iCCP" + struct.pack(">I", zlib.crc32(b"iCCP"))
    others.append(
        f"data:image/png;base64,{base64.b64encode(content[:-12] + odd + content[-12:]).decode()}"
    )
    for other in [*others, uri.replace("png", "gif")]:
        assert raster.read_data_uri(other, (5, 7, channels)) is None
    assert raster.read_data_uri(uri, (7, 5, channels)) is None


def test_a_data_uri_is_the_png_in_base_64() -> None:
    picture = random_picture(3, 3, 3)
    head, _, body = raster.data_uri(picture).partition(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(read(base64.b64decode(body)), picture)


def test_a_gif_goes_forth_and_back_for_ever() -> None:
    levels = [0, 60, 120, 180]
    frames = [np.full((4, 4, 1), level, np.uint8) for level in levels]
    image = Image.open(io.BytesIO(films.gif(frames, seconds=3.0)))
    assert image.format == "GIF"
    assert image.info["loop"] == 0  # forever
    seen, duration = [], 0
    for frame in ImageSequence.Iterator(image):
        seen.append(int(np.asarray(frame.convert("L"))[0, 0]))
        duration += frame.info["duration"]
    assert seen == [0, 60, 120, 180, 120, 60]
    assert duration == pytest.approx(3000, abs=60)  # a GIF counts hundredths of a second


def test_a_gif_of_colours_keeps_them() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    frames = [np.full((6, 6, 3), colour, np.uint8) for colour in colours]
    image = Image.open(io.BytesIO(films.gif(frames)))
    seen = [frame.convert("RGB").getpixel((3, 3)) for frame in ImageSequence.Iterator(image)]
    assert seen == [*colours, colours[1]]


def test_a_gif_of_one_frame_is_that_picture() -> None:
    picture = np.full((4, 4, 1), 77, np.uint8)
    data = films.gif([picture])
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 1
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("L")), 77)


def test_a_gif_of_two_frames_shows_each_once() -> None:
    frames = [np.full((4, 4, 1), level, np.uint8) for level in (10, 200)]
    assert getattr(Image.open(io.BytesIO(films.gif(frames))), "n_frames", 1) == 2


def test_the_error_map_is_red_and_blue_on_any_ground() -> None:
    image = np.array([[0.5, 0.2, 0.9]])[..., None]
    reconstruction = np.array([[0.5, 1.0, 0.1]])[..., None]
    picture = raster.error_map(image, reconstruction)
    np.testing.assert_array_equal(picture[0, :, 3], [0, 204, 204])
    agree, too_bright, too_dark = raster.on_white(picture)[0].astype(int)
    np.testing.assert_array_equal(agree, [255, 255, 255])
    assert too_bright[0] > too_bright[1] + 50
    assert too_bright[0] > too_bright[2] + 50
    assert too_dark[2] > too_dark[0] + 50
    assert too_dark[2] > too_dark[1]


def test_the_colours_of_errors_stand_out_from_the_light_and_the_dark_page() -> None:
    def luminance(colour: tuple[float, float, float]) -> float:  # WCAG 2.2, relative luminance
        linear = ((np.array(colour) + 0.055) / 1.055) ** 2.4
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark = luminance((0x14 / 255, 0x12 / 255, 0x1C / 255))
    for colour in (raster.TOO_BRIGHT, raster.TOO_DARK):
        assert 1.05 / (luminance(colour) + 0.05) > 3
        assert (luminance(colour) + 0.05) / (dark + 0.05) > 3


def test_a_larger_error_is_darker() -> None:
    image = np.zeros((1, 4, 1))
    picture = raster.error_map(image, np.array([[0.0, 0.3, 0.6, 1.0]])[..., None])
    row = raster.on_white(picture)[0].sum(axis=-1)
    assert (np.diff(row.astype(int)) < 0).all()


def test_the_error_map_of_a_colour_image_is_coloured_where_one_channel_differs() -> None:
    image = np.zeros((4, 5, 3))
    reconstruction = image.copy()
    reconstruction[2, 3] = [0.9, 0.0, 0.0]
    picture = raster.on_white(raster.error_map(image, reconstruction))
    assert picture.shape == (4, 5, 3)
    assert picture.dtype == np.uint8
    differs = (picture != 255).any(axis=-1)
    assert differs[2, 3]
    assert differs.sum() == 1


def test_another_hue_is_an_error_too() -> None:
    red, blue = np.array([[[1.0, 0.0, 0.0]]]), np.array([[[0.0, 0.0, 1.0]]])
    assert (raster.on_white(raster.error_map(red, blue)) < 200).any()
