"""Pictures from arrays: pixels, grids, strips and their image files."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from explorer.core.pixels import to_pixels

PAGE_SIDE = 448
"""Pixels to which the longer side of the page's pictures is enlarged, or more."""
TOO_BRIGHT, TOO_DARK = (0.85, 0.20, 0.24), (0.16, 0.48, 0.84)
"""Colours of an error map, in [0, 1]: more than 3:1 against the light page and the dark one."""
MAX_WEBP_SIDE = 16_383


def tile(images: np.ndarray, columns: int, *, gap: int = 0, blank: int = 255) -> np.ndarray:
    """Lay images out row by row in one picture.

    Args:
        images: ``(n, height, width, channels)`` uint8.
        columns: images in a row; the last row is filled up.
        gap: pixels between images.
        blank: value of gaps and missing images; 0 is transparent with an alpha channel.

    Returns:
        ``(rows * (height + gap) - gap, columns * (width + gap) - gap, channels)`` uint8.
    """
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    cells = np.full((rows * columns, height + gap, width + gap, channels), blank, np.uint8)
    cells[:n, :height, :width] = images
    picture = cells.reshape(rows, columns, height + gap, width + gap, channels)
    picture = picture.transpose(0, 2, 1, 3, 4).reshape(
        rows * (height + gap), columns * (width + gap), channels
    )
    return picture[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


def enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    """Repeat every pixel ``factor`` times in both directions."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def crisp(picture: np.ndarray) -> np.ndarray:
    """Enlarge a small picture to at least ``PAGE_SIDE`` pixels; the browser would blur it."""
    return enlarge(picture, -(-PAGE_SIDE // max(picture.shape[:2])))


def png(picture: np.ndarray, *, effort: int = 6) -> bytes:
    """Encode a picture ``(height, width, channels)`` uint8 as PNG; channel 2 or 4 is alpha.

    An effort of 1 takes a third of the time of 6, and a tenth more bytes for decoded images.
    """
    return _encoded(picture, "png", compress_level=effort)


def jpeg(picture: np.ndarray) -> bytes:
    """Encode a picture ``(height, width, channels)`` uint8 as JPEG, with a colour per pixel."""
    return _encoded(picture, "jpeg", quality=90, subsampling=0)


def webp(picture: np.ndarray) -> bytes:
    """The same as lossless WebP, which is smaller and takes seconds; as PNG if it is too large."""
    if max(picture.shape[:2]) > MAX_WEBP_SIDE:
        return png(picture)
    return _encoded(picture, "webp", lossless=True, quality=50)  # effort of the search


def _encoded(picture: np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    as_image(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def data_uri(picture: np.ndarray) -> str:
    """A picture as a PNG that a page can hold in an ``src``."""
    return "data:image/png;base64," + base64.b64encode(png(picture, effort=1)).decode()


def read_data_uri(uri: object, image_shape: tuple[int, int, int]) -> np.ndarray | None:
    """The pixels of a PNG that a page sent; None if it is not a picture of this size.

    Args:
        uri: what a browser sent, so it may be anything.
        image_shape: expected ``(height, width, channels)``.

    Returns:
        ``image_shape`` uint8.
    """
    height, width, channels = image_shape
    if not isinstance(uri, str):
        return None
    try:
        content = base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)
        picture = Image.open(io.BytesIO(content), formats=["PNG"])
        if picture.size != (width, height):  # before anything is decoded
            return None
        pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    except Exception:  # Pillow raises almost any exception for a malformed file
        return None
    return pixels.reshape(image_shape)


def error_map(image: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
    """Where a reconstruction differs: blue where it is too dark, red where too bright.

    In colour images the sign of the mean over the channels decides which; the mean distance of
    the channels decides how strong it is.

    Args:
        image, reconstruction: ``(height, width, channels)`` in [0, 1].

    Returns:
        ``(height, width, 4)`` uint8, transparent where they agree: the page may be light or dark.
    """
    difference = reconstruction - image
    strength = np.minimum(np.abs(difference).mean(axis=-1, keepdims=True), 1.0)
    is_brighter = difference.mean(axis=-1, keepdims=True) > 0
    colour = np.where(is_brighter, TOO_BRIGHT, TOO_DARK)
    return to_pixels(np.concatenate([colour, strength], axis=-1))


def on_white(picture: np.ndarray) -> np.ndarray:
    """A picture with an alpha channel on white paper, ``(height, width, 3)`` uint8."""
    colour, alpha = picture[..., :3] / 255, picture[..., 3:] / 255
    return to_pixels(1.0 - alpha * (1.0 - colour))


def with_alpha(images: np.ndarray) -> np.ndarray:
    """The images with an opaque alpha channel, ``(n, height, width, channels + 1)`` uint8."""
    return np.concatenate([images, np.full_like(images[..., :1], 255)], axis=-1)


def as_image(picture: np.ndarray) -> Image.Image:
    """A picture ``(height, width, channels)`` uint8 as a Pillow image."""
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
