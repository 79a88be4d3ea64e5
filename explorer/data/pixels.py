"""Turn image files into a model's pixels, in the same way for training and for uploads.

`draft`, load and `to_picture` make a picture upright, 8-bit, of the model's aspect ratio unless it
is to be cropped, and not much larger than needed; `resample` takes a crop of it at the model's
size; `lay_on` puts a background under it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import PIL
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

from explorer.data.ranges import BYTES, DEEP, TOPS, Range, apply_range
from explorer.data.reading import Fit

Shape = tuple[int, int, int]  # height, width, channels
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Pixels = tuple[np.ndarray, np.ndarray | None]
"""``(height, width, channels)`` and alpha ``(height, width, 1)``, uint8; no alpha if opaque."""
Background = float | tuple[float, ...]  # in [0, 1], one value or one for each channel

Image.init()
# Pillow passes Encapsulated PostScript to Ghostscript, which runs it as a program; it recognises
# the others but cannot decode them.
_NO_PICTURES = {"EPS", "BUFR", "GRIB", "HDF5", "MPEG", "WMF"}
IMAGE_FORMATS = tuple(name for name in Image.OPEN if name not in _NO_PICTURES)
FORMAT_OF_SUFFIX = {
    suffix: name for suffix, name in Image.registered_extensions().items() if name in IMAGE_FORMATS
} | dict.fromkeys((".heic", ".heif", ".hif"), "HEIF")
_STARTS = {
    b"\xff\xd8": "JPEG", b"GIF8": "GIF", b"RIFF": "WEBP", b"BM": "BMP", b"II*": "TIFF",
    b"MM": "TIFF",
}  # fmt: skip
"""First bytes of formats to try first, as Pillow takes longer to rule out others than to open one.
"""
_HEIF_START = re.compile(rb"....ftyp(hei|hev|mif|msf)", re.DOTALL)
MAX_PIXELS = 2**22
"""Approximate largest number of pixels of a decoded picture, whatever the model's size."""

_TILE = 2**20  # pixels converted at a time


def _silence_tiff() -> None:
    """Stop Pillow and libtiff from logging errors that Pillow raises anyway."""
    logging.getLogger(TiffImagePlugin.__name__).disabled = True
    for path in Path(PIL.__file__).parents[1].glob("pillow.libs/libtiff*"):  # in wheels
        library = ctypes.CDLL(str(path))
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


_silence_tiff()


@dataclass(frozen=True)
class Form:
    """How images become a model's pixels: one decision for a whole image set.

    Attributes:
        shape: (height, width, channels) of the model's images.
        range: the stored values that are black and white.
        fit: what to do with pictures of another aspect ratio.
    """

    shape: Shape
    range: Range = BYTES
    fit: Fit = "crop"


def read_pixels(image: Image.Image, form: Form) -> Pixels:
    """Decode an opened image file, or one frame of it."""
    draft(image, form.shape)
    image.load()
    return resample(to_picture(image, form), form.shape)


def open_image(file: IO[bytes]) -> Image.Image:
    """Read an image file's header; a NumPy file of one picture counts as an image file."""
    head = file.read(12)
    file.seek(0)
    if head.startswith(b"\x93NUMPY"):
        return _from_array(np.load(file, allow_pickle=False))
    if is_heif(head):
        with_heif()
        return Image.open(file, formats=("HEIF",))
    first = next((name for start, name in _STARTS.items() if head.startswith(start)), "PNG")
    return Image.open(file, formats=(first, *IMAGE_FORMATS))


@contextlib.contextmanager
def without_warnings_of_pillow() -> Iterator[None]:
    """Hide Pillow's warnings about large or slightly damaged files, in all threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def is_heif(head: bytes) -> bool:
    """Whether a file's first 12 bytes are those of HEIF, which phones save as HEIC."""
    return _HEIF_START.match(head) is not None


@functools.cache
def with_heif() -> bool:
    """Enable HEIF in Pillow; return False if the decoder is not installed."""
    with contextlib.suppress(ImportError):
        import pi_heif

        pi_heif.register_heif_opener()
        return True
    return False


def draft(image: Image.Image, image_shape: Shape) -> None:
    """Let a JPEG be decoded at a fraction of its size, which is faster; no effect on others."""
    image.draft(None, (_shorter_side(image_shape),) * 2)


def to_picture(image: Image.Image, form: Form) -> Image.Image:
    """Turn a loaded image upright, scale it to 8 bits, fit it, and reduce it if it is large.

    The shorter side keeps at least 8 times the model's pixels (256 to 1,024), for crops. A large
    image is converted tile by tile, so that no second image of its size is ever in memory.

    Returns:
        A picture in mode "L", "RGB", or "RGBA" if any of it is transparent.
    """
    turn = orientation(image)
    image = without_sign(image)
    width, height = image.size
    factor = max(
        1,
        min(image.size) // _shorter_side(form.shape),
        math.ceil(math.sqrt(width * height / MAX_PIXELS)),
    )
    scale = _scale_of(image, form.range)
    if factor == 1:
        picture = _to_eight_bits(image, scale)
    else:
        boxes = list(_tile_boxes(image.size, factor))
        tiles = [_to_eight_bits(image.crop(box), scale).reduce(factor) for box in boxes]
        picture = Image.new(tiles[0].mode, (math.ceil(width / factor), math.ceil(height / factor)))
        for tile, (left, top, *_) in zip(tiles, boxes, strict=True):
            picture.paste(tile, (left // factor, top // factor))
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    if turn != 1:
        picture.info.clear()  # the file's metadata
        picture.getexif()[ExifTags.Base.Orientation] = turn
        ImageOps.exif_transpose(picture, in_place=True)
    return _fitted(picture, form)


def without_sign(image: Image.Image) -> Image.Image:
    """Convert an image of signed bytes, as in some TIFFs, to one of unsigned bytes.

    Pillow reads signed bytes as if they were unsigned.
    """
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if image.mode == "L" and tags.get(TiffImagePlugin.SAMPLEFORMAT) == (2,):
        return image.point([value ^ 128 for value in range(256)])
    return image


def crop_box(
    size: tuple[int, int],
    image_shape: Shape,
    centre: tuple[float, float] = (0.5, 0.5),
    zoom: float = 1.0,
) -> Box:
    """Return the box of a crop of the model's shape in a picture of ``size`` (width, height).

    A crop smaller than the picture is moved inside it, a larger one around it.

    Args:
        size: (width, height) of the picture, pixels.
        image_shape: shape of the model's images, (height, width, channels).
        centre: centre of the crop, as fractions (x, y) of the picture, each in [0, 1].
        zoom: 1 for the largest crop inside the picture, above 1 for a smaller one.
    """
    scale = min(size[0] / image_shape[1], size[1] / image_shape[0]) / zoom
    width, height = image_shape[1] * scale, image_shape[0] * scale
    left = _start(centre[0], size[0], width)
    top = _start(centre[1], size[1], height)
    return left, top, left + width, top + height


def resample(
    picture: Image.Image,
    image_shape: Shape,
    box: Box | None = None,
    method: Image.Resampling = Image.Resampling.LANCZOS,
) -> Pixels:
    """Resize a crop of a picture to the model's shape, in grey or in colour.

    Args:
        picture: the result of `to_picture`.
        image_shape: (height, width, channels), 1 channel (luma of ITU-R BT.601) or 3.
        box: box of the crop; by default the largest in the middle. The result is transparent
            beyond the picture.
        method: the resampling filter.
    """
    height, width, channels = image_shape
    opaque, transparent = ("L", "LA") if channels == 1 else ("RGB", "RGBA")
    mode = transparent if picture.mode == "RGBA" else opaque
    picture = picture if picture.mode == mode else picture.convert(mode)
    left, top, right, bottom = box or crop_box(picture.size, image_shape)
    inside = max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height)
    columns = _cells(inside[0] - left, inside[2] - left, right - left, width)
    rows = _cells(inside[1] - top, inside[3] - top, bottom - top, height)
    seen = picture.resize((len(columns), len(rows)), method, inside)
    if seen.size != (width, height):
        canvas = Image.new(transparent, (width, height))
        canvas.paste(seen, (columns.start, rows.start))
        seen = canvas
    pixels = np.asarray(seen).reshape(height, width, -1)
    if pixels.shape[-1] == channels:
        return pixels, None
    return pixels[..., :channels], pixels[..., channels:]


def lay_on(background: Background, colour: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Lay images on a background: ``(…, channels)`` and alpha ``(…, 1)``, all uint8."""
    if alpha is None:
        return colour
    level = np.rint(np.asarray(background) * 255).astype(np.uint32)
    weight = alpha.astype(np.uint32)
    return np.asarray((colour * weight + level * (255 - weight) + 127) // 255, np.uint8)


def _from_array(array: np.ndarray) -> Image.Image:
    """Make a picture of one ``(height, width)`` array, or one with channels last or first."""
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype not in (np.uint8, np.uint16):
        array = array.astype(np.uint8 if array.dtype.kind == "b" else np.int32)
    return Image.fromarray(np.ascontiguousarray(array))


def has_further_channels(image: Image.Image) -> bool:
    """Whether a TIFF has channels, such as infrared, that Pillow leaves out."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    return bool(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1) > len(image.getbands()))


def describe_tiff(file: IO[bytes]) -> str:
    """Say what a TIFF holds that Pillow does not know; "" for other files."""
    head = file.read(8)
    if not head.startswith((b"II", b"MM")):
        return ""
    if 43 in head[2:4]:  # BigTIFF
        head += file.read(8)
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
    except Exception:  # damaged files make Pillow raise nearly anything
        return ""
    channels = tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))[0]
    kinds = {2: "signed numbers", 3: "fractions"}
    kind = kinds.get(tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))[0], "numbers")
    if kind == "numbers" and channels in (1, 3, 4):  # it is something else
        compression = tags.get(TiffImagePlugin.COMPRESSION, 1)
        return f"a TIFF of compression {compression}, which is not read here or is damaged"
    return (
        f"a TIFF of {channels} channel{'s' * (channels > 1)} of {bits}-bit {kind}; "
        "expected one channel, or colours of 8 or 16 bits"
    )


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the (height, width) of a picture once it is upright, from its header."""
    is_on_its_side = image.format != "TIFF" and orientation(image) >= 5  # Pillow turns TIFFs itself
    return image.size if is_on_its_side else image.size[::-1]


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) if there is none that can be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow raises nearly anything for damaged metadata
        return 1
    return value if value in range(1, 9) else 1


def is_grey(image: Image.Image) -> bool:
    """Whether a picture has no colours, judged by its header."""
    if image.mode in ("P", "PA"):
        colours = np.reshape(image.getpalette() or (0, 0, 1), (-1, 3))
        return bool((colours == colours[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La") or has_deep_greys(image)


def has_deep_greys(image: Image.Image) -> bool:
    """Whether a picture has greys of 16 bits, 32 bits or floating point."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _shorter_side(image_shape: Shape) -> int:
    """Return the number of pixels to keep of a picture's shorter side."""
    return min(max(8 * max(image_shape[:2]), 256), 1024)


def _tile_boxes(size: tuple[int, int], factor: int = 1) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes of about a million pixels, with corners at multiples of ``factor``."""
    side = factor * math.ceil(_TILE / min(*size, 2**10) / factor)
    for y in range(0, size[1], side):
        for x in range(0, size[0], side):
            yield x, y, min(x + side, size[0]), min(y + side, size[1])


def _scale_of(image: Image.Image, scale: Range) -> Range:
    """Return the set's range if the image's values are of its kind, else that of their own kind."""
    if not has_deep_greys(image):
        return scale if scale.kind == "bytes" else BYTES
    if scale.kind == "integers" or (scale.kind == "floats" and image.mode == "F"):
        return scale
    if image.mode not in ("I", "F") or image.format == "PPM":  # which Pillow scales itself
        return DEEP
    levels = (1.0, *TOPS) if image.mode == "F" else TOPS
    peak = 0.0
    for box in _tile_boxes(image.size):
        values = np.asarray(image.crop(box))
        peak = max(peak, float(values.max(where=np.isfinite(values), initial=0)))
    return Range(0.0, next((level for level in levels if peak <= level), peak), "floats")


def _to_eight_bits(image: Image.Image, scale: Range) -> Image.Image:
    if has_deep_greys(image):  # Pillow would clip them
        return Image.fromarray(apply_range(np.asarray(image), scale))
    if image.has_transparency_data:
        picture = image.convert("RGBA")
    else:
        picture = image.convert("L" if image.mode in ("1", "L") else "RGB")
    if scale.is_default:
        return picture
    table = apply_range(np.arange(256, dtype=np.uint8), scale).tolist()
    same = list(range(256))
    return picture.point(table * 3 + same if picture.mode == "RGBA" else table * len(picture.mode))


def _fitted(picture: Image.Image, form: Form) -> Image.Image:
    """Give a picture the aspect ratio of the model's images, unless it is to be cropped."""
    height, width = form.shape[:2]
    if form.fit == "crop" or picture.width * height == picture.height * width:
        return picture
    ratio = picture.width * height / (picture.height * width)  # above 1: wider than the model's
    if form.fit == "stretch":  # reduce the longer side, so that no pixels are invented
        size = (
            (max(1, round(picture.width / ratio)), picture.height)
            if ratio > 1
            else (picture.width, max(1, round(picture.height * ratio)))
        )
        return picture.resize(size, Image.Resampling.BOX)
    size = (
        (picture.width, round(picture.height * ratio))
        if ratio > 1
        else (round(picture.width / ratio), picture.height)
    )
    if (excess := size[0] * size[1] / (4 * MAX_PIXELS)) > 1:  # a narrow strip padded to a square
        size = round(size[0] / math.sqrt(excess)), round(size[1] / math.sqrt(excess))
        picture = ImageOps.contain(picture, size)
    canvas = Image.new("RGBA", size)
    canvas.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return canvas


def _start(centre: float, total: int, part: float) -> float:
    """Return the start of a part that is as near to ``centre`` as possible, inside if it fits."""
    play = total - part  # negative where the part is larger
    return min(max(centre * total - part / 2, min(play, 0.0)), max(play, 0.0))


def _cells(start: float, stop: float, total: float, count: int) -> range:
    """Return which of the ``count`` cells in ``total`` are between start and stop, at least one."""
    first = min(round(start * count / total), count - 1)
    return range(first, max(round(stop * count / total), first + 1))
