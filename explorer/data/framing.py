"""From a person's picture to exactly what the model sees: crop, average, grey, invert."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.data.uploads import Upload

_LUMA = np.array([0.299, 0.587, 0.114])  # of red, green, blue: ITU-R BT.601
_PLAIN = 0.15  # how far a plain ground, such as paper in uneven light, may vary
_HARDLY_VISIBLE = 0.25  # a difference from the background


@dataclass(frozen=True)
class Preparation:
    """What a person can adjust between the picture and the model.

    Attributes:
        centre: of the crop, as fractions (x, y) of the picture, each in [0, 1].
        zoom: 1 is the largest crop of the model's shape inside the picture; below 1
            the data set's background shows around it; above 1 comes closer.
        invert: dark becomes light. Transparent and empty places stay background.
        stretch: the darkest of the crop becomes 0 and the brightest 1.
    """

    centre: tuple[float, float] = (0.5, 0.5)
    zoom: float = 1.0
    invert: bool = False
    stretch: bool = False


def suggest_preparation(
    upload: Upload,
    image_shape: tuple[int, int, int],
    background: float | Sequence[float],
    fill: float = 0.8,
) -> Preparation:
    """A first guess: the object in the middle, as bright against the background as the data's.

    Greys are inverted if a plain ground, such as paper, is then nearer to the data
    set's background, and stretched if it is not quite that. An object on a plain or
    transparent ground is framed if it is far from filling as much of the crop as the data
    set's do, or would be cut off. A picture that has the model's size already is not cropped.

    Args:
        upload: what ``read_upload`` returned.
        image_shape: of the model's images, (height, width, channels).
        background: the data set's, in [0, 1], one value or one per channel.
        fill: of the height or width of the data set's images, whichever is more, by what
            they show, in (0, 1]; see ``typical_fill``.
    """
    level = float(np.mean(background))
    luma, alpha = _thumbnail(upload.image)
    grey = image_shape[2] == 1
    if np.median(_border(alpha)) < 0.5:  # transparent ground: invert only if hardly visible
        found = alpha > 0.5
        shade = float(luma[found].mean()) if found.any() else 1.0 - level
        invert, stretch = grey and abs(shade - level) < _HARDLY_VISIBLE, False
    else:
        ground = float(np.median(_border(luma)))
        distance = np.abs(luma - ground) * alpha
        if np.mean(_border(distance) < _PLAIN) < 0.75:
            return Preparation()  # no plain ground: a photo of a scene
        found = distance > max(_PLAIN, 0.3 * distance.max())
        invert = grey and abs(1.0 - ground - level) < abs(ground - level)
        shown = 1.0 - ground if invert else ground
        stretch = bool(grey and found.any() and abs(shown - level) > 0.05)
    if not found.any() or upload.image.size == (image_shape[1], image_shape[0]):
        return Preparation(invert=invert, stretch=stretch)
    centre, zoom = _frame(upload, found, image_shape, fill)
    return Preparation(centre, zoom, invert, stretch)


def typical_fill(images: np.ndarray, background: float | Sequence[float]) -> float:
    """How much of the height or width, whichever is more, the median image's object fills.

    Digits of MNIST fill 0.7, clothes of Fashion-MNIST all of it; so do scenes.

    Args:
        images: ``(n, height, width, channels)`` in [0, 1], of a data set or like one's.
        background: of these, as for ``suggest_preparation``.
    """
    found = np.abs(images - np.asarray(background)).max(axis=-1) > _HARDLY_VISIBLE
    fills = [np.ptp(_bounds(one), axis=0).max() if one.any() else 0.0 for one in found]
    return float(np.median(fills)) or 1.0


def _bounds(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left and upper, then right and lower end of what is true, as fractions (x, y)."""
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    shape = np.array([found.shape[1], found.shape[0]])
    start = np.array([columns[0], rows[0]]) / shape
    return start, np.array([columns[-1] + 1, rows[-1] + 1]) / shape


def _thumbnail(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Luma and alpha in [0, 1], each ``(height, width)`` with sides ≤ 128."""
    small = image.convert("RGBA").reduce(math.ceil(max(image.size) / 128))
    pixels = np.asarray(small, np.float32) / 255.0
    return pixels[..., :3] @ _LUMA, pixels[..., 3]


def _border(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def _frame(
    upload: Upload, found: np.ndarray, image_shape: tuple[int, int, int], wanted: float
) -> tuple[tuple[float, float], float]:
    """Centre and zoom for an object: as they are if it is inside the crop and fills it well."""
    start, stop = _bounds(found)
    crop = np.array(crop_box(upload, Preparation(), image_shape)).reshape(2, 2)
    crop = crop / np.array(upload.image.size)  # start and stop, as fractions of the picture
    fill = float(np.max((stop - start) / (crop[1] - crop[0])))
    is_inside = np.all(start >= crop[0]) and np.all(stop <= crop[1])
    if is_inside and 0.75 * wanted <= fill <= 1.1 * wanted:
        return (0.5, 0.5), 1.0
    x, y = (start + stop) / 2
    return (float(x), float(y)), wanted / fill


def whole_zoom(upload: Upload, image_shape: tuple[int, int, int]) -> float:
    """The zoom, in (0, 1], at which the whole picture just fits into the crop."""
    ratio = (upload.image.width * image_shape[0]) / (upload.image.height * image_shape[1])
    return min(ratio, 1.0 / ratio)


def crop_box(
    upload: Upload, preparation: Preparation, image_shape: tuple[int, int, int]
) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the crop in pixels of ``upload.image``.

    A crop smaller than the picture is moved inside it, a larger one around it.
    """
    size = np.array(upload.image.size, dtype=float)
    aspect = np.array([image_shape[1], image_shape[0]], dtype=float)
    crop = aspect * np.min(size / aspect) / preparation.zoom
    play = size - crop  # negative where the crop is larger
    start = np.array(preparation.centre) * size - crop / 2
    left, top = np.clip(start, np.minimum(play, 0.0), np.maximum(play, 0.0))
    return float(left), float(top), float(left + crop[0]), float(top + crop[1])


def prepare(
    upload: Upload,
    preparation: Preparation,
    image_shape: tuple[int, int, int],
    background: float | Sequence[float],
) -> np.ndarray:
    """Exactly what the model will see, ``image_shape`` float32 in [0, 1].

    Each pixel is the average of the picture over its area; where the picture is
    transparent or does not reach, the background shows.

    Args:
        upload: what ``read_upload`` returned.
        preparation: the person's choices.
        image_shape: (height, width, channels), 1 channel (luma) or 3.
        background: the data set's, in [0, 1], one value or one per channel.
    """
    height, width, channels = image_shape
    left, top, right, bottom = crop_box(upload, preparation, image_shape)
    pixels = np.asarray(upload.image.convert("RGBA"), np.float32)
    if upload.image.mode == "RGBA":
        pixels[..., :3] *= pixels[..., 3:] / 255.0
    rows = _area_weights(top, bottom, pixels.shape[0], height)
    columns = _area_weights(left, right, pixels.shape[1], width)
    averaged = columns @ np.tensordot(rows, pixels, 1) / 255.0  # (height, width, RGBA)
    alpha = averaged[..., 3:]  # (height, width, 1)
    colour = averaged[..., :3] / np.maximum(alpha, 1e-6)
    if channels == 1:
        colour = (colour @ _LUMA)[..., None]
    if preparation.stretch:
        colour = _stretch(colour, alpha)
    if preparation.invert:
        colour = 1.0 - colour
    seen = colour * alpha + np.asarray(background, np.float32) * (1.0 - alpha)
    return np.clip(seen, 0.0, 1.0).astype(np.float32)


def _area_weights(start: float, stop: float, pixels: int, cells: int) -> np.ndarray:
    """How much of each of ``cells`` from start to stop each pixel covers, ``(cells, pixels)``."""
    edges = np.linspace(start, stop, cells + 1)[:, None]
    position = np.arange(pixels)
    overlap = np.minimum(edges[1:], position + 1) - np.maximum(edges[:-1], position)
    return (np.clip(overlap, 0.0, None) * cells / (stop - start)).astype(np.float32)


def _stretch(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    visible = colour[alpha[..., 0] > 0.5]
    low, high = (visible.min(), visible.max()) if visible.size else (0.0, 1.0)
    return np.clip((colour - low) / (high - low), 0.0, 1.0) if high - low > 1 / 255 else colour
