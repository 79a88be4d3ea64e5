"""Uploads become what the model sees, or one sentence."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from odd_images import (
    NO_PICTURES,
    OddImage,
    blank_png,
    encode,
    exif_orientation,
    grey_jpeg,
    odd_images,
    png,
)
from PIL import Image, ImageFile

from explorer.data import uploads
from explorer.data.framing import Framing, frame_picture, suggest_framing
from explorer.data.pixels import MAX_PIXELS, Form
from explorer.data.uploads import Upload, UploadError, read_upload

ODD_IMAGES = list(odd_images())
GREY = (28, 28, 1)
BLACK = 0.0


def read(data: bytes, shape: tuple[int, int, int] = GREY) -> Upload:
    """Read a file as an upload for a model of that shape."""
    return read_upload(data, Form(shape))


def seen(data: bytes, shape: tuple[int, int, int], background: float = BLACK) -> np.ndarray:
    """Return a file as the model sees it if nothing is adjusted."""
    return frame_picture(read(data, shape).image, Framing(), shape, background)


def test_there_are_hundreds_of_odd_images() -> None:
    assert len({odd.name for odd in ODD_IMAGES}) == len(ODD_IMAGES) >= 200


@pytest.mark.parametrize("odd", ODD_IMAGES, ids=lambda odd: odd.name)
def test_every_odd_file_becomes_a_picture_or_a_sentence(odd: OddImage) -> None:
    start = time.process_time()  # of this process only, whatever else the machine does
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            upload = read(odd.data)
        except UploadError as error:
            assert odd.expected != "picture", str(error)
            assert str(error)[0].isupper() and str(error).endswith(".") and len(str(error)) < 200
        else:
            assert odd.expected != "sentence"
            assert upload.image.mode in ("L", "RGB", "RGBA")
            assert upload.image.width * upload.image.height <= MAX_PIXELS
            framing = suggest_framing(upload.image, GREY, BLACK)
            image = frame_picture(upload.image, framing, GREY, BLACK)
            assert image.shape == GREY and 0 <= image.min() <= image.max() <= 1
    assert time.process_time() - start < 2


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_comes_out_upright_under_every_orientation(format: str, orientation: int) -> None:
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
    upload = read(encode(large, format, exif=exif_orientation(orientation)))
    expected = np.kron(upright, np.ones((16, 16))) / 255
    image = frame_picture(upload.image, Framing(), (48, 32, 1), BLACK)
    np.testing.assert_allclose(image[..., 0], expected, atol=0.02)
    assert any("upright" in note for note in upload.notes) == (orientation != 1)


def test_half_transparent_white_over_black_is_half_grey() -> None:
    half = encode(Image.new("RGBA", (4, 4), (255, 255, 255, 128)), "PNG")
    np.testing.assert_allclose(seen(half, (2, 2, 1), 0.0), 128 / 255, atol=1e-6)
    np.testing.assert_allclose(seen(half, (2, 2, 3), 1.0), 1.0, atol=1e-6)


def test_a_transparent_palette_entry_shows_the_background() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 200, 200, 255, 255, 255])
    image.putpixel((1, 0), 1)
    data = encode(image, "PNG", transparency=0)
    np.testing.assert_allclose(seen(data, (1, 2, 1), 0.2), [[[0.2], [1.0]]], atol=1e-6)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(format: str) -> None:
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    upload = read(encode(Image.fromarray(values), format))
    assert np.asarray(upload.image).tolist() == [[0, 1, 128, 255]]
    assert upload.notes == ("16-bit grey scaled to 8 bits",)


def test_sixteen_bit_colour_keeps_its_high_bytes() -> None:
    row = bytes([0x12, 0x34, 0x80, 0x00, 0xFF, 0xFF])
    upload = read(png((1, 1), 16, 2, iter([row])))
    assert upload.image.getpixel((0, 0)) == (0x12, 0x80, 0xFF)
    assert upload.notes == ("16-bit colour scaled to 8 bits",)


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_floats_are_scaled_by_the_range_that_holds_them(white: float) -> None:
    values = np.array([[-3.0, 0.2, 0.9, np.nan, np.inf]], np.float32) * np.float32(white)
    upload = read(encode(Image.fromarray(values), "TIFF"))
    assert np.asarray(upload.image).tolist() == [[0, 51, 230, 0, 255]]
    assert upload.notes == (
        "greys in floating point: 0 is black; 1 or the largest of 8 to 16 bits is white",
    )


def test_large_whole_numbers_are_scaled_by_the_bits_that_hold_them() -> None:
    upload = read(encode(Image.fromarray(np.array([[0, 51, 102]], np.int32)), "TIFF"))
    assert np.asarray(upload.image).tolist() == [[0, 51, 102]]
    upload = read(encode(Image.fromarray(np.array([[0, 2457, 4095]], np.int32)), "TIFF"))
    assert np.asarray(upload.image).tolist() == [[0, 153, 255]]
    (note,) = upload.notes
    assert "the largest of 8, 10, 12, 14 or 16 bits white" in note
    dark = read(b"P5 1 1 65535\n" + bytes([0, 250]))  # a PGM states its white
    assert np.asarray(dark.image).tolist() == [[1]]


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])  # a JPEG stores its inks inverted
def test_pure_cyan_ink_is_green_and_blue_light(format: str) -> None:
    upload = read(encode(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), format))
    np.testing.assert_allclose(np.asarray(upload.image)[4, 4], [0, 255, 255], atol=2)
    assert upload.notes == ("CMYK converted to RGB",)


def test_lab_is_converted_by_its_lightness() -> None:
    upload = read(encode(Image.new("LAB", (2, 2), (255, 128, 128)), "TIFF"))
    np.testing.assert_allclose(np.asarray(upload.image), 255, atol=1)


def test_one_bit_pictures_are_black_and_white() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert np.asarray(read(encode(image, "PNG")).image).tolist() == [[0, 255]]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_is_shown_and_said_so(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    upload = read(encode(frames[0], format, save_all=True, append_images=frames[1:]))
    np.testing.assert_allclose(np.asarray(upload.image.convert("RGB"))[4, 4], [255, 0, 0], atol=4)
    assert any("the first" in note for note in upload.notes)


def test_a_portrait_with_a_second_picture_is_an_ordinary_jpeg() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    upload = read(encode(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert np.asarray(upload.image)[8, 8, 0] > 250 and upload.notes == ()


def test_large_pictures_are_averaged() -> None:
    board = np.indices((2000, 3000)).sum(0) % 2 * 255
    upload = read(encode(Image.fromarray(board.astype(np.uint8)), "PNG"))
    assert upload.size == (3000, 2000) and upload.image.size == (429, 286)  # 7 × 7 pixels each
    whole = np.asarray(upload.image)[:-1, :-1]
    assert set(whole.ravel().tolist()) == {24 * 255 // 49 + 1, 25 * 255 // 49}
    assert upload.notes == ("reduced from 3,000 × 2,000 pixels",)
    upload = read(encode(Image.new("L", (3000, 2000)), "JPEG", exif=exif_orientation(6)))
    assert (upload.size, upload.notes[-1]) == ((2000, 3000), "reduced from 2,000 × 3,000 pixels")


def test_tiles_join_without_a_seam() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 3000), (2500, 3000)).astype(np.uint8)
    image = np.asarray(read(encode(Image.fromarray(ramp), "PNG")).image).astype(int)
    assert image.shape == (278, 334)
    assert np.abs(np.diff(image, axis=0)).max() <= 1
    assert np.abs(np.diff(image, axis=1)).max() <= 1


def test_colour_under_transparent_pixels_does_not_bleed_when_reduced() -> None:
    pixels = np.zeros((2048, 2048, 4), np.uint8)
    pixels[:, 1::2] = (255, 255, 255, 255)  # between columns of transparent black
    upload = read(encode(Image.fromarray(pixels), "PNG", compress_level=1))
    assert np.asarray(upload.image)[100, 100, :3].tolist() == [255, 255, 255]


def test_an_opaque_alpha_channel_is_dropped() -> None:
    assert read(encode(Image.new("RGBA", (3, 3)), "PNG")).image.mode == "RGBA"
    assert read(encode(Image.new("RGBA", (3, 3), "red"), "PNG")).image.mode == "RGB"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP"])
def test_most_of_a_picture_is_shown_if_the_rest_is_missing(format: str) -> None:
    noise = np.random.default_rng(0).integers(1, 255, (90, 120), dtype=np.uint8)
    data = encode(Image.fromarray(noise).convert("RGB"), format)
    upload = read(data[: int(0.8 * len(data))])
    assert upload.image.size == (120, 90)
    assert "damaged or cut short: the part that could be read is shown" in upload.notes
    with pytest.raises(UploadError, match=f"This {format} is damaged or cut short"):
        read(data[: int(0.3 * len(data))])


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
        ("HEIC", "This picture is damaged"),
        ("MP4", "a video"),
        ("JPEG 2000", "a JPEG 2000 picture"),
        ("ZIP", "a ZIP archive"),
        ("EXE", "not a picture of a known kind"),
    ],
)
def test_the_sentence_names_what_the_file_is(name: str, hint: str) -> None:
    with pytest.raises(UploadError, match=hint):
        read(NO_PICTURES[name])


def test_a_file_of_too_many_bytes_is_refused() -> None:
    with pytest.raises(UploadError, match="51 MB, but at most 50 MB"):
        read(bytes(51 * 2**20))


def test_a_picture_of_too_many_pixels_is_refused_by_its_header() -> None:
    with pytest.raises(UploadError, match="12,000 × 9,000 pixels, but only about 52 million"):
        read(png((12000, 9000), 8, 2, iter([])))


def test_pillow_is_left_as_it_was() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    read(grey_jpeg((20000, 20000)))
    after = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    assert after == before


MEASURE = """
import resource, sys, time
from explorer.data.pixels import MAX_PIXELS, Form
from explorer.data.uploads import UploadError, read_upload
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # KiB on Linux
data = open(sys.argv[1], "rb").read()
before, start = peak(), time.process_time()
try:
    read_upload(data, Form((28, 28, 1)))
except UploadError:
    pass
print(time.process_time() - start, peak() - before)
"""


@pytest.mark.parametrize("name", ["jpeg", "progressive", "png", "refused png", "webp", "tiff"])
def test_a_large_picture_takes_two_cpu_seconds_and_300_mb_at_most(
    name: str, tmp_path: Path
) -> None:
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
    root = Path(uploads.__file__).parents[2]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, result.stdout.split())
    assert result.stderr == ""
    assert seconds < 2 and megabytes < 300
