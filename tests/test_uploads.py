"""What people upload becomes what the model sees, or one sentence."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_images import (
    NO_PICTURES,
    blank_png,
    encode,
    exif_orientation,
    grey_jpeg,
    odd_images,
    png,
)
from PIL import Image, ImageFile

from explorer.data import uploads
from explorer.data.framing import (
    Preparation,
    crop_box,
    prepare,
    suggest_preparation,
    whole_zoom,
)
from explorer.data.uploads import Upload, UploadError, read_upload

ODD_IMAGES = list(odd_images())
GREY = (28, 28, 1)
BLACK = 0.0


def upload_of(values: object, mode: str | None = None) -> Upload:
    """A picture of the given 8-bit values, as if it had been read."""
    array = np.asarray(values, np.uint8)
    image = Image.fromarray(array)
    assert mode is None or image.mode == mode
    return Upload(image, image.size)


def seen(data: bytes, shape: tuple[int, int, int], background: float = BLACK) -> np.ndarray:
    """A file as the model sees it if nothing is adjusted."""
    return prepare(read_upload(data), Preparation(), shape, background)


# Reading files


def test_there_are_hundreds_of_odd_images():
    assert len({odd.name for odd in ODD_IMAGES}) == len(ODD_IMAGES) >= 200


@pytest.mark.parametrize("odd", ODD_IMAGES, ids=lambda odd: odd.name)
def test_every_odd_file_becomes_a_picture_or_a_sentence(odd):
    start = time.process_time()  # of this process alone, whatever else the machine does
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            upload = read_upload(odd.data)
        except UploadError as error:
            assert odd.expected != "picture", str(error)
            assert str(error)[0].isupper() and str(error).endswith(".") and len(str(error)) < 200
        else:
            assert odd.expected != "sentence"
            assert upload.image.mode in ("L", "RGB", "RGBA")
            assert max(upload.image.size) <= uploads.MAX_SIDE
            suggestion = suggest_preparation(upload, GREY, BLACK)
            image = prepare(upload, suggestion, GREY, BLACK)
            assert image.shape == GREY and 0 <= image.min() <= image.max() <= 1
    assert time.process_time() - start < 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_comes_out_upright_under_every_orientation(format, orientation):
    upright = np.zeros((3, 2), np.uint8)  # an L
    upright[:, 0] = upright[2] = 255
    # What a camera stores, from the EXIF 2.3 specification: which side of the scene the
    # stored picture's first row and first column are, e.g. 6 is (right, top).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    large = Image.fromarray(np.kron(stored, np.ones((16, 16), np.uint8)))
    upload = read_upload(encode(large, format, exif=exif_orientation(orientation)))
    np.testing.assert_allclose(
        prepare(upload, Preparation(), (3, 2, 1), BLACK)[..., 0], upright / 255, atol=0.02
    )
    assert any("upright" in note for note in upload.notes) == (orientation != 1)


def test_half_transparent_white_over_black_is_half_grey():
    half = encode(Image.new("RGBA", (4, 4), (255, 255, 255, 128)), "PNG")
    np.testing.assert_allclose(seen(half, (2, 2, 1), 0.0), 128 / 255, atol=1e-6)
    np.testing.assert_allclose(seen(half, (2, 2, 3), 1.0), 1.0, atol=1e-6)


def test_a_transparent_palette_entry_shows_the_background():
    image = Image.new("P", (2, 1))
    image.putpalette([200, 200, 200, 255, 255, 255])
    image.putpixel((1, 0), 1)
    upload = read_upload(encode(image, "PNG", transparency=0))
    np.testing.assert_allclose(
        prepare(upload, Preparation(), (1, 2, 1), 0.25), [[[0.25], [1]]], atol=1e-6
    )


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(format):
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    upload = read_upload(encode(Image.fromarray(values), format))
    assert np.asarray(upload.image).tolist() == [[0, 1, 128, 255]]
    assert upload.notes == ("16-bit grey scaled to 8 bits",)


def test_sixteen_bit_colour_keeps_its_high_bytes():
    row = bytes([0x12, 0x34, 0x80, 0x00, 0xFF, 0xFF])
    upload = read_upload(png((1, 1), 16, 2, iter([row])))
    assert upload.image.getpixel((0, 0)) == (0x12, 0x80, 0xFF)
    assert upload.notes == ("16-bit colour scaled to 8 bits",)


def test_float_values_are_scaled_from_their_darkest_to_their_brightest():
    values = np.array([[-3.0, -1.0, 1.0, np.nan]], np.float32)
    upload = read_upload(encode(Image.fromarray(values), "TIFF"))
    assert np.asarray(upload.image).tolist() == [[0, 128, 255, 0]]
    assert upload.notes == ("its darkest to brightest value scaled to 0 to 255",)


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])  # a JPEG stores its inks inverted
def test_pure_cyan_ink_is_green_and_blue_light(format):
    upload = read_upload(encode(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), format))
    np.testing.assert_allclose(np.asarray(upload.image)[4, 4], [0, 255, 255], atol=2)
    assert upload.notes == ("CMYK converted to RGB",)


def test_lab_is_converted_by_its_lightness():
    upload = read_upload(encode(Image.new("LAB", (2, 2), (255, 128, 128)), "TIFF"))
    np.testing.assert_allclose(upload.image.getpixel((0, 0)), 255, atol=1)


def test_one_bit_pictures_are_black_and_white():
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert np.asarray(read_upload(encode(image, "PNG")).image).tolist() == [[0, 255]]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_is_shown_and_said_so(format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    upload = read_upload(encode(frames[0], format, save_all=True, append_images=frames[1:]))
    np.testing.assert_allclose(np.asarray(upload.image.convert("RGB"))[4, 4], [255, 0, 0], atol=4)
    assert any("the first" in note for note in upload.notes)


def test_a_portrait_with_a_second_picture_is_an_ordinary_jpeg():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    upload = read_upload(encode(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert upload.image.getpixel((8, 8))[0] > 250 and upload.notes == ()


def test_large_pictures_are_averaged():
    board = np.indices((2000, 3000)).sum(0) % 2 * 255
    upload = read_upload(encode(Image.fromarray(board.astype(np.uint8)), "PNG"))
    assert upload.size == (3000, 2000) and upload.image.size == (1000, 667)
    assert np.asarray(upload.image)[:-1].min() >= 113 and np.asarray(upload.image)[:-1].max() <= 142
    assert upload.notes == ("reduced from 3,000 × 2,000 pixels",)


def test_tiles_join_without_a_seam():
    ramp = np.broadcast_to(np.linspace(0, 255, 3000), (2500, 3000)).astype(np.uint8)
    image = np.asarray(read_upload(encode(Image.fromarray(ramp), "PNG")).image).astype(int)
    assert image.shape == (834, 1000)
    assert np.abs(np.diff(image, axis=0)).max() <= 1
    assert np.abs(np.diff(image, axis=1)).max() <= 1


def test_colour_under_transparent_pixels_does_not_bleed_when_reduced():
    pixels = np.zeros((2048, 2048, 4), np.uint8)
    pixels[:, 1::2] = (255, 255, 255, 255)  # between columns of transparent black
    upload = read_upload(encode(Image.fromarray(pixels), "PNG", compress_level=1))
    assert upload.image.getpixel((500, 500))[:3] == (255, 255, 255)


def test_an_opaque_alpha_channel_is_dropped():
    assert read_upload(encode(Image.new("RGBA", (3, 3)), "PNG")).image.mode == "RGBA"
    assert read_upload(encode(Image.new("RGBA", (3, 3), "red"), "PNG")).image.mode == "RGB"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
def test_most_of_a_picture_is_shown_if_the_rest_is_missing(format):
    noise = np.random.default_rng(0).integers(1, 255, (90, 120), dtype=np.uint8)
    data = encode(Image.fromarray(noise).convert("RGB"), format)
    upload = read_upload(data[: int(0.8 * len(data))])
    assert upload.image.size == (120, 90)
    assert "damaged or cut short: the part that could be read is shown" in upload.notes
    with pytest.raises(UploadError, match=f"This {format} is damaged or cut short"):
        read_upload(data[: int(0.3 * len(data))])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nothing", "is empty"),
        ("text", "a text file"),
        ("text that starts like a bitmap", "a text file"),
        ("PDF", "a PDF, .* export the page as PNG"),
        ("SVG", "an SVG drawing"),
        ("SVG without a prologue", "an SVG drawing"),
        ("web page", "a web page"),
        ("HEIC", "a HEIC photo, .* as JPEG"),
        ("MP4", "a video"),
        ("JPEG 2000", "a JPEG 2000 picture"),
        ("ZIP", "a ZIP archive"),
        ("EXE", "not a picture of a known kind"),
    ],
)
def test_the_sentence_names_what_the_file_is(name, hint):
    with pytest.raises(UploadError, match=hint):
        read_upload(NO_PICTURES[name])


def test_a_file_of_too_many_bytes_is_refused():
    with pytest.raises(UploadError, match="51 MB and at most 50 MB"):
        read_upload(bytes(51 * 2**20))


def test_a_picture_of_too_many_pixels_is_refused_by_its_header():
    with pytest.raises(UploadError, match="12,000 × 9,000 pixels and about 52 million"):
        read_upload(png((12000, 9000), 8, 2, iter([])))


def test_pillow_is_left_as_it_was():
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    read_upload(grey_jpeg((20000, 20000)))
    after = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    assert after == before


MEASURE = """
import resource, sys, time
from explorer.data.uploads import UploadError, read_upload
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # KiB on Linux
data = open(sys.argv[1], "rb").read()
before, start = peak(), time.process_time()
try:
    read_upload(data)
except UploadError:
    pass
print(time.process_time() - start, peak() - before)
"""


@pytest.mark.parametrize("name", ["jpeg", "progressive", "png", "refused png", "webp", "tiff"])
def test_a_large_picture_takes_two_cpu_seconds_and_300_mb_at_most(name, tmp_path):
    pytest.importorskip("resource")  # not on Windows
    plain = Image.new("RGB", (4200, 3000), (90, 160, 30))
    data = {
        "jpeg": lambda: grey_jpeg((12000, 9000)),
        "progressive": lambda: encode(
            plain.resize((8000, 6000)), "JPEG", progressive=True, subsampling="4:2:0"
        ),
        "png": lambda: blank_png((8000, 6200)),
        "refused png": lambda: blank_png((12000, 8400)),
        "webp": lambda: encode(plain, "WEBP", method=0),
        "tiff": lambda: encode(
            plain.resize((6000, 4300)), "TIFF", compression="tiff_lzw", exif=exif_orientation(6)
        ),
    }[name]()
    (tmp_path / "upload").write_bytes(data)
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "upload")]
    root = Path(uploads.__file__).parents[1]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, result.stdout.split())
    assert result.stderr == ""
    assert seconds < 2 and megabytes < 300


# From a picture to what the model sees


def test_each_pixel_is_the_average_of_its_area():
    upload = upload_of([[0, 2, 40, 40], [4, 6, 40, 40], [8, 8, 255, 255], [8, 8, 255, 255]])
    expected = np.array([[3, 40], [8, 255]]) / 255
    image = prepare(upload, Preparation(), (2, 2, 1), BLACK)
    np.testing.assert_allclose(image[..., 0], expected, atol=1e-6)


def test_a_pixel_half_inside_counts_half():
    image = prepare(upload_of([[0, 90, 255]]), Preparation(), (1, 2, 1), BLACK)
    # the largest 2:1 crop is 2 × 1 pixels around the middle: halves of 0 and 255, all of 90
    np.testing.assert_allclose(image.ravel() * 255, [45, 172.5], atol=1e-4)


def test_a_picture_of_the_models_size_comes_through_exactly():
    values = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    image = prepare(upload_of(values), Preparation(), GREY, BLACK)
    np.testing.assert_array_equal(image[..., 0], values.astype(np.float32) / 255)


def test_grey_is_luma():
    red = upload_of(np.full((2, 2, 3), (255, 0, 0)))
    np.testing.assert_allclose(prepare(red, Preparation(), (1, 1, 1), BLACK), 76 / 255, atol=2e-3)
    np.testing.assert_array_equal(prepare(red, Preparation(), (1, 1, 3), BLACK)[0, 0], [1, 0, 0])


def test_inverting_leaves_transparent_places_and_padding_as_background():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (255, 255, 255, 255)
    upload = upload_of(pixels, "RGBA")
    image = prepare(upload, Preparation(zoom=0.5, invert=True), (4, 4, 1), 0.75)
    expected = np.full((4, 4), 0.75)
    expected[1, 1] = 0.0
    np.testing.assert_allclose(image[..., 0], expected, atol=1e-6)


def test_inverting_twice_is_the_identity():
    values = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    twice = prepare(upload_of(255 - values), Preparation(invert=True), (5, 5, 3), BLACK)
    once = prepare(upload_of(values), Preparation(), (5, 5, 3), BLACK)
    np.testing.assert_allclose(twice, once, atol=1e-6)


def test_stretching_spans_zero_to_one_inside_the_crop():
    upload = upload_of([[0, 100, 150, 200, 255]])
    middle = Preparation(zoom=1 / 3, stretch=True)
    image = prepare(upload, middle, (3, 3, 1), BLACK)[1, :, 0]
    np.testing.assert_allclose(image, [0, 0.5, 1], atol=1e-6)


def test_a_background_may_have_a_value_per_channel():
    clear = upload_of(np.zeros((2, 2, 4)), "RGBA")
    image = prepare(clear, Preparation(), (1, 1, 3), (0.1, 0.2, 0.3))
    np.testing.assert_allclose(image[0, 0], [0.1, 0.2, 0.3], atol=1e-6)


def test_the_crop_has_the_models_shape_and_stays_in_the_picture():
    wide = upload_of(np.zeros((20, 60)))
    assert crop_box(wide, Preparation(), GREY) == (20, 0, 40, 20)
    assert crop_box(wide, Preparation(centre=(0, 0)), GREY) == (0, 0, 20, 20)
    assert crop_box(wide, Preparation(centre=(1, 1), zoom=2), GREY) == (50, 10, 60, 20)
    assert crop_box(wide, Preparation(), (10, 20, 1)) == (10, 0, 50, 20)


def test_the_whole_picture_just_fits_at_its_whole_zoom():
    wide = upload_of(np.zeros((20, 60)))
    zoom = whole_zoom(wide, GREY)
    assert zoom == pytest.approx(1 / 3)
    assert crop_box(wide, Preparation(zoom=zoom), GREY) == pytest.approx((0, -20, 60, 40))


sides = st.integers(1, 40)
fractions = st.floats(0, 1)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["L", "RGB", "RGBA"]),
    st.tuples(sides, sides),
    st.tuples(sides, sides, st.sampled_from([1, 3])),
    st.builds(
        Preparation,
        centre=st.tuples(fractions, fractions),
        zoom=st.floats(0.01, 100),
        invert=st.booleans(),
        stretch=st.booleans(),
    ),
    fractions,
    st.integers(0, 2**32 - 1),
)
def test_whatever_is_chosen_the_model_gets_an_image(mode, size, shape, preparation, level, seed):
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    values = np.random.default_rng(seed).integers(0, 256, (*size, channels), dtype=np.uint8)
    upload = upload_of(values.squeeze(-1) if mode == "L" else values, mode)
    image = prepare(upload, preparation, shape, level)
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
def test_a_uniform_picture_stays_uniform(size, shape, zoom, centre, value):
    upload = upload_of(np.full(size, value))
    image = prepare(upload, Preparation(centre, zoom), shape, 0.5)
    np.testing.assert_allclose(image, value / 255, atol=1e-5)


# What is suggested


def drawing(ground: int, ink: int, box: tuple[int, int, int, int], size=(300, 200)) -> Upload:
    """A plain rectangle on a plain ground."""
    image = Image.new("L", size, ground)
    image.paste(ink, box)
    return Upload(image, size)


def test_dark_ink_on_white_paper_is_inverted_for_a_black_background():
    paper = drawing(255, 0, (100, 40, 200, 160))
    assert suggest_preparation(paper, GREY, 0.0).invert
    assert not suggest_preparation(paper, GREY, 1.0).invert
    assert not suggest_preparation(drawing(0, 255, (100, 40, 200, 160)), GREY, 0.0).invert


def test_a_photographed_sketch_is_stretched_and_framed():
    sketch = drawing(180, 60, (20, 30, 60, 80))
    suggestion = suggest_preparation(sketch, GREY, BLACK)
    assert suggestion.invert and suggestion.stretch
    left, top, right, bottom = crop_box(sketch, suggestion, GREY)
    assert (left + right) / 2 == pytest.approx(40, abs=3)
    assert (top + bottom) / 2 == pytest.approx(55, abs=3)
    assert 50 / (bottom - top) == pytest.approx(0.8, abs=0.05)
    image = prepare(sketch, suggestion, GREY, BLACK)
    assert image[0].max() < 1e-6 and image.max() == 1


def test_an_object_that_the_largest_crop_would_cut_is_shown_whole():
    wide = drawing(0, 200, (20, 80, 280, 120))
    left, _, right, _ = crop_box(wide, suggest_preparation(wide, GREY, BLACK), GREY)
    assert left < 20 and right > 280


def test_an_image_like_the_data_sets_is_left_alone():
    digit = drawing(0, 255, (9, 4, 19, 24), size=(28, 28))
    assert suggest_preparation(digit, GREY, BLACK) == Preparation()
    enlarged = Upload(digit.image.resize((280, 280)), (280, 280))
    assert suggest_preparation(enlarged, GREY, BLACK) == Preparation()


def test_a_photo_of_a_scene_is_left_alone():
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    scene = Image.fromarray(noise).resize((200, 100))
    assert suggest_preparation(Upload(scene, scene.size), GREY, BLACK) == Preparation()


@pytest.mark.parametrize(
    ("ink", "background", "invert"), [(0, 0, True), (255, 0, False), (0, 1, False), (255, 1, True)]
)
def test_a_transparent_drawing_is_inverted_only_where_it_would_vanish(ink, background, invert):
    pixels = np.zeros((60, 60, 4), np.uint8)
    pixels[10:50, 10:50] = (ink, ink, ink, 255)
    suggestion = suggest_preparation(upload_of(pixels, "RGBA"), GREY, background)
    assert suggestion.invert == invert and not suggestion.stretch


def test_colours_are_never_inverted_unasked():
    paper = drawing(255, 0, (100, 40, 200, 160))
    assert not suggest_preparation(paper, (32, 32, 3), BLACK).invert
