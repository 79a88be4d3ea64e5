"""Decode pictures: the one way from an image file to a model's pixels, for training and uploads.

`draft`, load, `to_picture` make a file upright, 8-bit and not much larger than needed;
`resample` takes a crop of it at the model's size; `lay_on` puts a background under it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageOps
from PIL.ImageFile import ImageFile

Shape = tuple[int, int, int]  # height, width, channels
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Pixels = tuple[np.ndarray, np.ndarray | None]
"""``(height, width, channels)`` and alpha ``(height, width, 1)``, uint8; no alpha if opaque."""
Background = float | tuple[float, ...]  # in [0, 1], one value or one for each channel

Image.init()
# Encapsulated PostScript is left out: Pillow hands it to Ghostscript, which runs it as a program.
IMAGE_FORMATS = tuple(name for name in Image.OPEN if name != "EPS")
FORMAT_OF_SUFFIX = {
    suffix: name for suffix, name in Image.registered_extensions().items() if name in IMAGE_FORMATS
}
MAX_PIXELS = 2**22
"""Of a picture that is kept, whatever the model's size."""

_TILE = 2**20  # pixels converted at a time


def read_pixels(file: IO[bytes], image_shape: Shape) -> Pixels:
    """Decode the middle of an image file."""
    with open_image(file) as image:
        draft(image, image_shape)
        image.load()
        return resample(to_picture(image, image_shape), image_shape)


def open_image(file: IO[bytes]) -> ImageFile:
    """Read an image file's header."""
    return Image.open(file, formats=IMAGE_FORMATS)


def draft(image: ImageFile, image_shape: Shape) -> None:
    """Have a JPEG decoded at a fraction of its size, which is faster; others stay as they are."""
    image.draft(None, (_shorter_side(image_shape),) * 2)


def to_picture(image: Image.Image, image_shape: Shape) -> Image.Image:
    """Turn a loaded image upright, scale it to 8 bits, and average it down if it is large.

    The shorter side keeps at least 8 times the model's pixels (256 to 1,024), for crops. A
    large one is converted tile by tile, so that no second one of its size is ever held. Of an
    animation, the first frame counts.

    Returns:
        A picture in mode "L", "RGB", or "RGBA" if any of it is transparent.
    """
    width, height = image.size
    factor = max(
        1,
        min(image.size) // _shorter_side(image_shape),
        math.ceil(math.sqrt(width * height / MAX_PIXELS)),
    )
    white = _white_level(image)
    if factor == 1:
        picture = _to_eight_bits(image, white)
    else:
        boxes = list(_tile_boxes(image.size, factor))
        tiles = [_to_eight_bits(image.crop(box), white).reduce(factor) for box in boxes]
        picture = Image.new(tiles[0].mode, (math.ceil(width / factor), math.ceil(height / factor)))
        for tile, (left, top, *_) in zip(tiles, boxes, strict=True):
            picture.paste(tile, (left // factor, top // factor))
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")
    if (turn := orientation(image)) != 1:
        picture.info.clear()  # the file's metadata
        picture.getexif()[ExifTags.Base.Orientation] = turn
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def crop_box(
    size: tuple[int, int],
    image_shape: Shape,
    centre: tuple[float, float] = (0.5, 0.5),
    zoom: float = 1.0,
) -> Box:
    """Where a crop of the model's shape lies in a picture of ``size`` (width, height).

    A crop smaller than the picture is moved inside it, a larger one around it.

    Args:
        size: of the picture.
        image_shape: of the model's images, (height, width, channels).
        centre: of the crop, as fractions (x, y) of the picture, each in [0, 1].
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
        picture: what `to_picture` returned.
        image_shape: (height, width, channels), 1 channel (luma of ITU-R BT.601) or 3.
        box: of the crop; by default the largest in the middle. Transparent beyond the picture.
        method: the filter.

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


def upright_size(image: ImageFile) -> tuple[int, int]:
    """The (height, width) that a picture has once it is upright, from its header."""
    is_on_its_side = image.format != "TIFF" and orientation(image) >= 5  # Pillow turns TIFFs itself
    return image.size if is_on_its_side else image.size[::-1]


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none that can be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged metadata make Pillow raise nearly anything
        return 1
    return value if value in range(1, 9) else 1


def is_grey(image: ImageFile) -> bool:
    """Whether a picture has no colours, from its header."""
    if image.mode in ("P", "PA"):
        colours = np.reshape(image.getpalette() or (0, 0, 1), (-1, 3))
        return bool((colours == colours[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La") or has_deep_greys(image)


def has_deep_greys(image: Image.Image) -> bool:
    """Whether a picture has greys of 16 bits, 32 bits or floating point."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _shorter_side(image_shape: Shape) -> int:
    """Pixels to keep of a picture's shorter side."""
    return min(max(8 * max(image_shape[:2]), 256), 1024)


def _tile_boxes(size: tuple[int, int], factor: int = 1) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of about a million pixels, with their corners at multiples of ``factor``."""
    side = factor * math.ceil(_TILE / min(*size, 2**10) / factor)
    for y in range(0, size[1], side):
        for x in range(0, size[0], side):
            yield x, y, min(x + side, size[0]), min(y + side, size[1])


def _white_level(image: Image.Image) -> float:
    """What becomes 255 in deep greys: 65,535, for floats also 1 or 255, if no value is larger."""
    if image.mode not in ("I", "F"):
        return 65535.0
    levels = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0,)
    peak = 0.0
    for box in _tile_boxes(image.size):
        values = np.asarray(image.crop(box))
        peak = max(peak, float(values.max(where=np.isfinite(values), initial=0)))
    return next((level for level in levels if peak <= level), peak)


def _to_eight_bits(image: Image.Image, white: float) -> Image.Image:
    if has_deep_greys(image):  # Pillow itself would clip them
        values = np.nan_to_num(np.asarray(image).astype(np.float32)).clip(0, white)
        return Image.fromarray(np.rint(values * (255.0 / white)).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _start(centre: float, total: int, part: float) -> float:
    """Where a part begins that is as near to ``centre`` as it can be, and inside if it fits."""
    play = total - part  # negative where the part is larger
    return min(max(centre * total - part / 2, min(play, 0.0)), max(play, 0.0))


def _cells(start: float, stop: float, total: float, count: int) -> range:
    """Which of ``count`` cells of ``total`` lie between start and stop, one at least."""
    first = min(round(start * count / total), count - 1)
    return range(first, max(round(stop * count / total), first + 1))
