"""Frame the user's picture for a model: crop, even its light, stretch, invert; and suggest how."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.data.pixels import Background, Box, Pixels, Shape, crop_box, lay_on, resample

_LUMA = np.array([0.299, 0.587, 0.114])  # of red, green, blue: ITU-R BT.601
PLAIN = 0.15  # how far a plain ground, such as paper in uneven light, may vary
HARDLY_VISIBLE = 0.25  # a difference from the background
_NOISE = 4 / 255  # a contrast that a black picture may have
_EVEN = 0.08  # how far light that is even may vary
_INK = 0.7  # ink is darker than this fraction of the light of the paper around it
_SHARPEST = 8  # largest side, in pixels, of the cells whose darkest and brightest are found


@dataclass(frozen=True)
class Framing:
    """What the user can adjust between the picture and the model.

    Attributes:
        centre: centre of the crop, as fractions (x, y) of the picture, each in [0, 1].
        zoom: 1 is the largest crop of the model's shape inside the picture; below 1,
            the data set's background shows around it; above 1, the crop is smaller.
        invert: whether dark becomes light. Transparent and empty places stay background.
        stretch: whether the crop's darkest value becomes 0 and its brightest 1.
        even: whether the picture is divided by the light on its paper, which becomes white.
    """

    centre: tuple[float, float] = (0.5, 0.5)
    zoom: float = 1.0
    invert: bool = False
    stretch: bool = False
    even: bool = False

    def box(self, picture: Image.Image, image_shape: Shape) -> Box:
        """Return the box of the crop in a picture, in its pixels."""
        return crop_box(picture.size, image_shape, self.centre, self.zoom)


def frame_picture(
    picture: Image.Image, framing: Framing, image_shape: Shape, background: Background
) -> np.ndarray:
    """Return exactly what the model will see, ``image_shape`` float32 in [0, 1].

    With the default framing, it is what training reads from the same file.

    Args:
        picture: upright and 8-bit, in mode "L", "RGB" or "RGBA".
        framing: the user's choices.
        image_shape: (height, width, channels), 1 channel (luma) or 3.
        background: background of the data set, in [0, 1]; it shows where the picture is transparent
            and beyond its edges.
    """
    box = framing.box(picture, image_shape)
    light = _light_on(picture) if framing.even else None
    colour, alpha = _resample(picture, light, image_shape, box, Image.Resampling.LANCZOS)
    if framing.stretch:  # by averages, as Lanczos overshoots at edges
        averages, _ = _resample(picture, light, image_shape, box, Image.Resampling.BOX)
        colour = _stretch(colour, averages if alpha is None else averages[alpha[..., 0] > 127])
    if framing.invert:
        colour = 255 - colour
    return lay_on(background, colour, alpha) / np.float32(255.0)


def suggest_framing(
    picture: Image.Image,
    image_shape: Shape,
    background: Background,
    fill: float = 0.8,
) -> Framing:
    """Suggest a framing: the object in the middle, on a background like that of the data set.

    Grey pictures are inverted if that brings a plain ground, such as paper in any light, nearer to
    the data set's background, and stretched if the ground still differs from it; faint pictures are
    stretched as well. Where the light on paper is uneven, it becomes even. An object on a
    plain or transparent ground is framed if, compared with objects of the data set, it fills too
    little or too much of the crop, or would be cut off. A picture of the model's size is not
    cropped.

    Args:
        picture: upright and 8-bit, in mode "L", "RGB" or "RGBA".
        image_shape: shape of the model's images, (height, width, channels).
        background: background of the data set, in [0, 1], one value or one per channel.
        fill: fraction of the height or width, whichever is larger, that objects of the data set
            fill, in (0, 1]; see ``typical_fill``.
    """
    level = float(np.mean(background))
    luma, darkest, brightest, alpha = _thumbnails(picture)
    low, high = float(darkest.min()), float(brightest.max())
    is_own = picture.size == (image_shape[1], image_shape[0])
    is_faint = high < HARDLY_VISIBLE and high - low > _NOISE and not is_own  # 12 bits in 16
    if is_faint:
        luma, darkest, brightest = (
            (one - low) / (high - low) for one in (luma, darkest, brightest)
        )
    grey, even = image_shape[2] == 1, False
    if np.median(_border(alpha)) < 0.5:  # transparent ground: invert only if hardly visible
        found = alpha > 0.5
        shade = float(luma[found].mean()) if found.any() else 1.0 - level
        invert, stretch = grey and abs(shade - level) < HARDLY_VISIBLE, is_faint
    else:
        ground = float(np.median(_border(luma)))
        is_even = np.mean(_border(np.abs(luma - ground) * alpha) < PLAIN) >= 0.75
        light = _light(luma)
        ink = _ink(luma, darkest, light)
        is_uneven = ink.any() and light.min() < (1.0 - _EVEN) * light.max()
        if is_even and not is_uneven:
            distance = np.maximum(ground - darkest, brightest - ground) * alpha
            found = distance > max(PLAIN, 0.3 * distance.max())
        else:
            found, ground = ink, 1.0
            if not found.any():
                return Framing(stretch=is_faint)  # no plain ground: a photo of a scene
        invert = grey and abs(1.0 - ground - level) < abs(ground - level)
        even = bool(grey and is_uneven and (invert or not is_own))
        shown = 1.0 - ground if invert else ground
        is_off = abs(shown - level) > 0.05 or even
        stretch = is_faint or bool(grey and found.any() and is_off)
        if stretch and is_even and ground < 0.5:  # dim paper becomes white, a dark table black
            is_ink = ground - float(darkest.min()) > float(brightest.max()) - ground
            invert = grey and is_ink == (level < 0.5)
    if not found.any() or is_own:
        return Framing(invert=invert, stretch=stretch, even=even)
    centre, zoom = _frame(picture, found, image_shape, fill)
    return Framing(centre, zoom, invert, stretch, even)


def typical_fill(images: np.ndarray, background: Background) -> float:
    """Return the median fraction of the height or width, whichever is larger, that objects fill.

    Digits of MNIST fill 0.7, clothes of Fashion-MNIST and scenes fill 1.

    Args:
        images: ``(n, height, width, channels)`` in [0, 1], of a data set or similar to it.
        background: their background, as for ``suggest_framing``.
    """
    found = np.abs(images - np.asarray(background)).max(axis=-1) > HARDLY_VISIBLE
    fills = [np.ptp(_bounds(one), axis=0).max() if one.any() else 0.0 for one in found]
    return float(np.median(fills)) or 1.0


def _bounds(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the top left and bottom right corners of the true area, as fractions (x, y)."""
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    shape = np.array([found.shape[1], found.shape[0]])
    start = np.array([columns[0], rows[0]]) / shape
    return start, np.array([columns[-1] + 1, rows[-1] + 1]) / shape


def _thumbnails(image: Image.Image) -> tuple[np.ndarray, ...]:
    """Return mean, darkest and brightest luma and mean alpha in [0, 1], ``(height, width)``, ≤ 128.

    A thin line is as dark in the second, or as bright in the third, as it is in the picture,
    whereas single specks are not.
    """
    reduced, side = _cell(image)
    small = np.asarray(image.convert("RGBA").reduce(reduced), np.float32) / 255.0
    height, width = (-(-length // side) * side for length in small.shape[:2])
    margin = ((0, height - small.shape[0]), (0, width - small.shape[1]), (0, 0))
    cells = np.pad(small, margin, mode="edge").reshape(height // side, side, width // side, side, 4)
    alpha = cells[..., 3].mean(axis=(1, 3))
    luma = (cells[..., :3] @ _LUMA).transpose(0, 2, 1, 3).reshape(*alpha.shape, side * side)
    darkest, brightest = np.quantile(luma, (0.1, 0.9), axis=-1)
    return luma.mean(axis=-1), darkest, brightest, alpha


def _cell(picture: Image.Image) -> tuple[int, int]:
    """Return by how much a thumbnail is reduced: first by means, then by cells of this side."""
    factor = math.ceil(max(picture.size) / 128)
    side = min(factor, _SHARPEST)
    return math.ceil(factor / side), side


def _light(luma: np.ndarray) -> np.ndarray:
    """Estimate the light on paper, above 0, from the luma of what is on it.

    A morphological closing removes everything dark and narrow; at the edges the light goes on as it
    rises or falls before them. What is still darker than all around it is wide ink, not a shadow:
    it is filled, by a morphological reconstruction from the edges.
    """
    side = min(luma.shape) // 4 | 1
    around = np.pad(luma, side, mode="reflect", reflect_type="odd").clip(0.0, 1.0)
    light = np.maximum(_closed(around, side)[side:-side, side:-side], np.float32(1 / 255))
    filled, lower = np.ones_like(light), light.copy()
    lower[1:-1, 1:-1] = 1.0
    while (lower < filled).any():
        filled = lower
        lower = np.maximum(light, _filtered(filled, 3, np.minimum))
    return np.asarray(filled)


def _closed(values: np.ndarray, side: int) -> np.ndarray:
    """Remove, by a morphological closing, what is dark and narrower than a square."""
    return _filtered(_filtered(values, side, np.maximum), side, np.minimum)


def _filtered(values: np.ndarray, side: int, extreme: np.ufunc) -> np.ndarray:
    """Return the least or largest value in [0, 1] of the square around each, in 256 steps.

    Args:
        values: ``(height, width)`` in [0, 1].
        side: side of the square, odd.
        extreme: ``np.minimum`` or ``np.maximum``.
    """
    found = np.pad(np.rint(values * 255).astype(np.uint8), side // 2, mode="edge")
    for _ in values.shape:  # along one axis, then along the other, by ever longer runs
        length, count = 1, len(found) - side + 1
        while 2 * length <= side:
            found = extreme(found[:-length], found[length:])
            length *= 2
        found = extreme(found[:count], found[-count:]).T
    return found.astype(np.float32) / np.float32(255.0)


def _light_on(picture: Image.Image) -> Image.Image:
    """Return the light on the paper of a picture, as small as its thumbnails, in mode "L"."""
    luma, _, _, alpha = _thumbnails(picture)
    light = _light(luma * alpha + 1.0 - alpha)
    return Image.fromarray(np.rint(255 * light).astype(np.uint8))


def _resample(
    picture: Image.Image,
    light: Image.Image | None,
    image_shape: Shape,
    box: Box,
    method: Image.Resampling,
) -> Pixels:
    """Resize a crop and divide it by its light, so that what is as bright as it becomes 255.

    Both are resized by one method, so that the edge of a shadow looks the same in both.
    """
    colour, alpha = resample(picture, image_shape, box, method)
    if light is None:
        return colour, alpha
    left, top, right, bottom = np.array(box) / math.prod(_cell(picture))
    lit, _ = resample(light, (*image_shape[:2], 1), (left, top, right, bottom), method)
    share = np.minimum(colour / np.maximum(lit, 1.0), 1.0)
    return np.rint(255 * share).astype(np.uint8), alpha


def _ink(luma: np.ndarray, darkest: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Find ink on paper in uneven light, bool; all False if the picture shows something else.

    Lines that are narrower than a 30th of the picture, as on ruled or squared paper, are no reason
    against paper.
    """
    ink = darkest / _filtered(light, 3, np.minimum) < _INK
    paper = _closed(luma, min(luma.shape) // 32 | 1) / light > 1.0 - PLAIN
    is_paper = (
        paper.mean() > 0.7
        and _border(paper).mean() > 0.9
        and light.min() > 0.3 * light.max()
        and light.max() > 0.5
        and 0.002 < ink.mean() < 0.3
    )
    return np.asarray(ink & is_paper)


def _border(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def _frame(
    picture: Image.Image, found: np.ndarray, image_shape: Shape, wanted: float
) -> tuple[tuple[float, float], float]:
    """Return centre and zoom for an object: the defaults if it is inside and fills the crop."""
    start, stop = _bounds(found)
    crop = np.array(crop_box(picture.size, image_shape)).reshape(2, 2)
    crop = crop / np.array(picture.size)  # start and stop, as fractions of the picture
    fill = float(np.max((stop - start) / (crop[1] - crop[0])))
    is_inside = np.all(start >= crop[0]) and np.all(stop <= crop[1])
    if is_inside and 0.75 * wanted <= fill <= 1.1 * wanted:
        return (0.5, 0.5), 1.0
    x, y = (start + stop) / 2
    return (float(x), float(y)), wanted / fill


def whole_zoom(picture: Image.Image, image_shape: Shape) -> float:
    """Return the zoom, in (0, 1], at which the whole picture just fits into the crop."""
    ratio = (picture.width * image_shape[0]) / (picture.height * image_shape[1])
    return min(ratio, 1.0 / ratio)


def _stretch(colour: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Scale values so that the darkest and the brightest value in ``seen`` become 0 and 255."""
    low, high = (int(seen.min()), int(seen.max())) if seen.size else (0, 0)
    if high - low <= 1:
        return colour
    return np.rint((colour.clip(low, high) - float(low)) * 255 / (high - low)).astype(np.uint8)
