"""Pixels of files: training reads from a file exactly what an upload of it shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from image_sets import BLUE, GREEN, RED, read_alone, save_npz
from odd_images import encode, exif_orientation, picture, png, tiff
from PIL import Image

from explorer.data.dataset import Dataset
from explorer.data.framing import Framing, frame_picture
from explorer.data.load import load_dataset
from explorer.data.pixels import Background, Form
from explorer.data.reading import Reading
from explorer.data.uploads import UploadError, read_upload
from explorer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("bare_machine")


def ordinary(format: str, mode: str, **options: object) -> Callable[[tuple[int, int]], bytes]:
    return lambda size: encode(picture(mode, size), format, **options)


def turned(format: str, value: int) -> Callable[[tuple[int, int]], bytes]:
    return lambda size: encode(picture("RGB", size), format, exif=exif_orientation(value))


def several(format: str) -> Callable[[tuple[int, int]], bytes]:
    return lambda size: encode(
        picture("RGB", size), format, save_all=True, append_images=[Image.new("RGB", size, RED)]
    )


def deep_png(colour_type: int, channels: int) -> Callable[[tuple[int, int]], bytes]:
    def make(size: tuple[int, int]) -> bytes:
        values = np.linspace(0, 65535, size[0] * size[1] * channels).reshape(size[1], -1)
        return png(size, 16, colour_type, (row.astype(">u2").tobytes() for row in values))

    return make


def palette(alphas: bytes | None = None) -> Callable[[tuple[int, int]], bytes]:
    def make(size: tuple[int, int]) -> bytes:
        image = picture("RGB", size).quantize(200)
        ground = image.getpixel((0, 0))
        return encode(image, "PNG", transparency=ground if alphas is None else alphas)

    return make


def floats(white: float) -> Callable[[tuple[int, int]], bytes]:
    return lambda size: encode(
        Image.fromarray(np.asarray(picture("L", size), np.float32) * np.float32(white / 255)),
        "TIFF",
    )


KINDS = {
    **{f"PNG {mode}": ordinary("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},
    "PNG grey, one value transparent": ordinary("PNG", "L", transparency=20),
    "PNG colour, one value transparent": ordinary("PNG", "RGB", transparency=(20, 10, 235)),
    "PNG palette of greys": lambda size: encode(picture("L", size).convert("P"), "PNG"),
    "PNG palette, one entry transparent": palette(),
    "PNG palette with alphas": palette(bytes(range(255, 55, -1))),
    "PNG 16-bit grey": ordinary("PNG", "I;16"),
    "PNG 16-bit grey with alpha": deep_png(4, 2),
    "PNG 16-bit colour": deep_png(2, 3),
    "PNG 16-bit colour with alpha": deep_png(6, 4),
    "PNG, EXIF orientation 5": turned("PNG", 5),
    **{f"JPEG {mode}": ordinary("JPEG", mode) for mode in ("L", "RGB", "CMYK")},
    **{f"JPEG, EXIF orientation {value}": turned("JPEG", value) for value in range(2, 9)},
    "JPEG, progressive": ordinary("JPEG", "RGB", progressive=True),
    "JPEG, full colour": ordinary("JPEG", "RGB", subsampling=0, quality=95),
    "JPEG with a second picture": several("MPO"),
    **{f"GIF {mode}": ordinary("GIF", mode) for mode in ("L", "RGB", "RGBA")},
    "GIF, animated": several("GIF"),
    "WEBP": ordinary("WEBP", "RGB"),
    "WEBP, lossless": ordinary("WEBP", "RGB", lossless=True),
    "WEBP with alpha": ordinary("WEBP", "RGBA"),
    "WEBP, animated": several("WEBP"),
    **{f"BMP {mode}": ordinary("BMP", mode) for mode in ("1", "L", "P", "RGB", "RGBA")},
    **{
        f"TIFF {mode}": ordinary("TIFF", mode)
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr", "I;16", "I")
    },
    **{f"TIFF, floats to {white:g}": floats(white) for white in (1, 255, 65535, 1e6)},
    "TIFF, compressed as JPEG": ordinary("TIFF", "RGB", compression="jpeg"),
    "TIFF, orientation 6": turned("TIFF", 6),
    "TIFF, several pages": several("TIFF"),
    "TIFF of bytes with a sign": ordinary("TIFF", "L", tiffinfo={339: 2}),
    "PPM 1": ordinary("PPM", "1"),
    "PPM L": ordinary("PPM", "L"),
    "PPM RGB": ordinary("PPM", "RGB"),
    "PPM 16-bit grey": ordinary("PPM", "I"),
    "ICO": ordinary("ICO", "RGBA"),
    "AVIF": ordinary("AVIF", "RGB", speed=10),
    "AVIF with alpha": ordinary("AVIF", "RGBA", speed=10),
}
SIZES = [(28, 28), (150, 150), (90, 31), (640, 580)]
"""A size that fits the model, and sizes that have to be reduced or cropped."""


def uploaded(data: bytes, form: Form, background: Background) -> np.ndarray:
    """Return a file as the model sees it when it is uploaded and nothing is adjusted."""
    return frame_picture(read_upload(data, form).image, Framing(), form.shape, background)


def train_on(files: list[bytes], folder: Path, ground: int, **options: object) -> Dataset:
    """Return a data set whose training images are these files, and whose test image is plain."""
    for split in ("train", "test"):
        (folder / split / "any").mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(files):  # whatever their type: only the content matters
        (folder / "train" / "any" / f"{number}.png").write_bytes(data)
    Image.new("L", (28, 28), ground).save(folder / "test" / "any" / "1.png")
    return load_dataset(folder, Reading(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_an_uploaded_training_image_is_what_training_saw(
    folder: Path, make: Callable[[tuple[int, int]], bytes]
) -> None:
    files = [make(size) for size in SIZES]
    for grey in (True, False):
        seen = []
        for ground in (0, 230):
            dataset = train_on(files, folder, ground, image_size=(28, 28), grey=grey)
            trained = dataset.train.images
            assert (np.ptp(trained, axis=(1, 2, 3)) > 40).all()  # something to see
            assert np.unique(dataset.background).tolist() == [ground / 255]
            images = [uploaded(data, dataset.form, dataset.background) for data in files]
            np.testing.assert_array_equal(images, trained / np.float32(255))
            seen.append(trained)
        for data, on_black, on_grey in zip(files, *seen, strict=True):
            is_transparent = read_upload(data, Form(dataset.image_shape)).image.mode == "RGBA"
            assert (on_black != on_grey).any() == is_transparent


def test_bytes_with_a_sign_begin_at_minus_128(folder: Path) -> None:
    values = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    for name in "ab":
        picture = Image.fromarray(values.view(np.uint8))
        picture.save(folder / f"{name}.tif", tiffinfo={339: 2})  # SampleFormat, TIFF 6.0
    (found,) = load_dataset(folder).train.images
    np.testing.assert_array_equal(found[..., 0], values.astype(int) + 128)


@pytest.mark.parametrize(
    "kind", ["PNG RGBA", "JPEG, EXIF orientation 6", "GIF RGBA", "TIFF I;16", "TIFF, orientation 6"]
)
@pytest.mark.parametrize("size", [(12, 40), (40, 12), (64, 64)])
def test_so_it_is_for_images_that_keep_their_size(
    folder: Path, kind: str, size: tuple[int, int]
) -> None:
    data = KINDS[kind](size)
    for name in ("1.png", "2.png"):
        (folder / name).write_bytes(data)
    dataset = load_dataset(folder)
    assert dataset.image_shape[:2] == (size if "orientation" in kind else size[::-1])
    image = uploaded(data, dataset.form, dataset.background)
    np.testing.assert_array_equal(image, dataset.train.images[0] / np.float32(255))


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("side", [100, 700])
def test_so_it_is_for_images_from_arrays(tmp_path: Path, side: int, grey: bool) -> None:
    array = np.asarray(picture("RGB", (side, side - 9)))
    path = save_npz(tmp_path / "mine.npz", x_train=np.stack([array] * 2))
    dataset = load_dataset(path, Reading(grey=grey))
    image = uploaded(encode(Image.fromarray(array), "PNG"), dataset.form, 0.0)
    np.testing.assert_array_equal(image, dataset.train.images[0] / np.float32(255))


def test_large_pictures_are_reduced_for_large_models_less() -> None:
    data = encode(Image.new("L", (3000, 2000)), "PNG")
    sizes = {side: read_upload(data, Form((side, side, 1))).image.size for side in (28, 64, 512)}
    assert sizes == {28: (429, 286), 64: (1000, 667), 512: (1500, 1000)}
    long = encode(Image.new("L", (9000, 1000)), "PNG")
    assert read_upload(long, Form((512, 512, 1))).image.size == (4500, 500)


def test_images_are_cropped_to_the_middle(folder: Path) -> None:
    image = Image.new("RGB", (300, 100), RED)
    image.paste(Image.new("RGB", (100, 100), GREEN), (100, 0))
    for name in ("1.png", "2.png"):
        image.save(folder / name)
    assert (read_alone(folder, image_size=(10, 10))[:, 3:7] == GREEN).all()


def test_photos_are_turned_upright(folder: Path) -> None:
    image = Image.new("RGB", (20, 10), RED)
    image.paste(Image.new("RGB", (10, 10), BLUE), (0, 0))  # blue on the left, red on the right
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: blue on top
    for name in ("1.jpg", "2.jpg"):
        image.save(folder / name, exif=exif, quality=95)
    pixels = read_alone(folder).astype(int)
    assert pixels.shape == (20, 10, 3)
    assert abs(pixels[2, 5] - BLUE).max() < 20
    assert abs(pixels[17, 5] - RED).max() < 20


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_black(folder: Path, mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (200, 200, 200, 255))
    image.paste((200, 200, 200, 0), (0, 0, 4, 8))
    for name in ("1.png", "2.png"):
        image.convert(mode).save(folder / name)
    pixels = read_alone(folder, grey=True)[..., 0]
    assert (pixels[:, :4] == 0).all()
    assert (pixels[:, 4:] == 200).all()


@pytest.mark.parametrize(
    ("values", "suffix"),
    [
        (np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16), "png"),
        (np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16), "tiff"),
        (np.array([[0, 257 * 100], [257 * 200, 65535]], np.int32), "tiff"),
        (np.array([[0, 100 / 255], [200 / 255, 1]], np.float32), "tiff"),
        (np.array([[0, 100], [200, 255]], np.float32), "tiff"),
    ],
)
def test_deep_greys_are_scaled_and_not_clipped(
    folder: Path, values: np.ndarray, suffix: str
) -> None:
    for number in range(2):
        Image.fromarray(values).save(folder / f"{number}.{suffix}")
    assert read_alone(folder)[..., 0].tolist() == [[0, 100], [200, 255]]


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("CMYK", "jpg"), ("YCbCr", "jpg"), ("P", "gif"), ("RGB", "webp"), ("RGB", "bmp")],
)
def test_modes_and_formats_that_people_have_are_read(folder: Path, mode: str, suffix: str) -> None:
    for number in range(2):
        Image.new("RGB", (8, 8), GREEN).convert(mode).save(folder / f"{number}.{suffix}")
    assert abs(read_alone(folder).astype(int) - GREEN).max() < 10
    assert read_alone(folder, grey=True).shape == (8, 8, 1)


def test_of_an_animation_the_first_frame_counts(folder: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    for name in ("1.gif", "2.gif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    assert (read_alone(folder) == RED).all()


def test_postscript_never_reaches_ghostscript(folder: Path) -> None:
    for name in ("1.png", "2.png"):
        Image.new("RGB", (8, 8), RED).save(folder / name, format="EPS")
    with pytest.raises(DatasetError, match="None of the 2 image files"):
        load_dataset(folder)


def test_what_is_wrong_with_a_tiff_stays_off_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(encode(picture("L", (64, 64)), "TIFF", compression="tiff_lzw"))
    damaged[100:-300:37] = bytes(len(damaged[100:-300:37]))
    with pytest.raises(UploadError):
        read_upload(bytes(damaged), Form((28, 28, 1)))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((8, 8, 13), np.uint16), "a TIFF of 13 channels of 16-bit numbers; expected one"),
        (np.zeros((8, 8, 3), np.float32), "a TIFF of 3 channels of 32-bit fractions; expected one"),
    ],
)
def test_a_tiff_that_cannot_be_read_says_what_it_holds(
    folder: Path, array: np.ndarray, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("1.tif", "2.tif"):
        (folder / name).write_bytes(tiff(array))
    with pytest.raises(DatasetError, match=f"the first being 1.tif: {expected}"):
        load_dataset(folder)
    assert capfd.readouterr().err == ""


def test_channels_beside_the_colours_are_told(folder: Path) -> None:
    pixels = np.full((8, 8, 4), (10, 20, 30, 40), np.uint8)
    for name in ("1.tif", "2.tif"):
        (folder / name).write_bytes(tiff(pixels))
    dataset = load_dataset(folder)
    assert (dataset.train.images == pixels[..., :3]).all()
    assert "of 2 pictures, only the colours or greys are used: they have further channels" in (
        dataset.report.notes
    )


def test_missing_pixels_are_told(folder: Path) -> None:
    pixels = np.linspace(0.5, 1, 64, dtype=np.float32).reshape(8, 8)
    pixels[0, 0] = np.nan
    for name in ("1.tif", "2.tif"):
        Image.fromarray(pixels).save(folder / name)
    dataset = load_dataset(folder)
    assert dataset.train.images[0, 0, 0] == 0
    assert dataset.train.images.max() == 255
    assert "pixels that are NaN are read as 0, infinite ones as black or white" in (
        dataset.report.notes
    )
