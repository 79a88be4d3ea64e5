"""Arrays of images as a source: find the order of their axes, and turn values into pixels.

NPZ, HDF5, NumPy, IDX and MATLAB files differ only in how they are read: each reader returns
`Stored` arrays, and everything else is decided here for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.core.pixels import square_of
from explorer.data.files.stored import Stored
from explorer.data.pixels import Form, resample, to_picture
from explorer.data.ranges import Range, Values, apply_range, look_at
from explorer.data.sources.decoding import Decoded, gather
from explorer.data.sources.source import Survey
from explorer.errors import DatasetError


@dataclass(frozen=True)
class Arrangement:
    """How to bring rows of an array into ``(k, height, width, channels)``.

    Attributes:
        shape: (height, width, channels) of each image.
        arrange: the function that does so.
    """

    shape: tuple[int, int, int]
    arrange: Callable[[np.ndarray], np.ndarray]


def arrange_images(shape: tuple[int, ...], sample: np.ndarray | None = None) -> Arrangement | None:
    """Find the axes in the shape of an array of images; None if it cannot be one.

    Known are ``(n, height, width)``, channels (1 to 4) last or first, and flat rows of square
    images in grey or three colours.

    Args:
        shape: shape of the array.
        sample: some of its rows, to decide whether flat colours are interleaved or in planes.
    """
    if 0 in shape[1:]:
        return None
    if len(shape) == 3 and min(shape[1:]) == 1 and max(shape[1:]) > 16:  # (n, 784, 1)
        shape = shape[0], max(shape[1:])
    if len(shape) == 2:
        return _arrange_flat(shape[1], sample)
    if len(shape) == 3:
        return Arrangement((shape[1], shape[2], 1), lambda rows: rows[..., None])
    if len(shape) == 4 and shape[3] <= 4:
        return Arrangement((shape[1], shape[2], shape[3]), lambda rows: rows)
    if len(shape) == 4 and shape[1] <= 4:
        return Arrangement((shape[2], shape[3], shape[1]), lambda rows: rows.transpose(0, 2, 3, 1))
    return None


def _arrange_flat(length: int, sample: np.ndarray | None) -> Arrangement | None:
    side, channels = square_of(length) or (0, 0)
    if side < 4:
        return None
    if channels == 1:
        return Arrangement((side, side, 1), lambda rows: rows.reshape(-1, side, side, 1))
    shape, planes = (side, side, 3), (3, side, side)
    if sample is not None:  # with the right axes, neighbours are more alike
        values = sample.astype(np.float32)
        in_pixels = np.abs(np.diff(values.reshape(-1, *shape), axis=2)).mean()
        in_planes = np.abs(np.diff(values.reshape(-1, *planes), axis=3)).mean()
        if in_pixels < in_planes:
            return Arrangement(shape, lambda rows: rows.reshape(-1, *shape))
    return Arrangement(shape, lambda rows: rows.reshape(-1, *planes).transpose(0, 2, 3, 1))


class Images:
    """Arrays of images of one shape, one after another, as a source."""

    digest = None  # a cache would not be faster

    def __init__(self, arrays: Sequence[Stored], arrangement: Arrangement) -> None:
        self._arrays, self._arrangement = arrays, arrangement
        self.image_shape = arrangement.shape

    def __len__(self) -> int:
        return sum(array.shape[0] for array in self._arrays)

    def name(self, index: int) -> str:
        for array in self._arrays:
            if index < array.shape[0]:
                return f"image {index} of {array.name}"
            index -= array.shape[0]
        raise IndexError(index)

    def fault(self, index: int) -> str:
        return "it is damaged"

    def survey(self) -> Survey:
        height, width, channels = self.image_shape
        is_deep = any(array.dtype.kind != "b" and array.dtype != np.uint8 for array in self._arrays)
        return Survey({(height, width): len(self)}, channels < 3, is_deep, len(self))

    def values(self, is_deep: bool) -> dict[str, Values]:
        values: dict[str, Values] = {}
        for array in self._arrays:
            first = 0
            for rows in array.rows():
                if rows.size:
                    found = look_at(rows, array.name, first)
                    first += len(rows)
                    values[array.name] = values.get(array.name, found) | found
                    if not is_deep and found.high > 1:
                        return values
        return values

    def mapped(self, form: Form) -> np.ndarray | None:
        array = self._arrays[0].mapped
        if len(self._arrays) > 1 or array is None or array.dtype != np.uint8:
            return None
        images = self._arrangement.arrange(array)
        is_as_it_is = images.shape[1:] == form.shape and form.range.is_default
        return images if is_as_it_is else None

    def blocks(self, indices: np.ndarray, form: Form) -> Iterator[Decoded]:
        start = 0
        for array in self._arrays:
            for rows in array.rows():
                first, last = np.searchsorted(indices, (start, start + len(rows)))
                if first < last:
                    images = self._arrangement.arrange(rows[indices[first:last] - start])
                    yield _to_form(apply_range(images, form.range), form)
                start += len(rows)


def as_images(arrays: Sequence[Stored], where: object) -> Images:
    """Return arrays of images as a source.

    Raises:
        DatasetError: they differ in shape, or have none of images.
    """
    shapes = sorted({array.shape[1:] for array in arrays})
    if len(shapes) != 1:
        raise DatasetError(
            f"The images in {where} differ in shape: {', '.join(map(str, shapes)) or 'none'}; "
            "give them one, or save them as picture files."
        )
    arrangement = arrange_images(arrays[0].shape, next(arrays[0].rows(), None))
    if arrangement is None:
        raise DatasetError(
            f"{arrays[0].name} has images of the shape {shapes[0]}; expected (height, width), with "
            "1 to 4 channels last or first, a flat square, or, in Parquet files, further columns "
            "height and width that state the shape."
        )
    return Images(arrays, arrangement)


def _to_form(images: np.ndarray, form: Form) -> Decoded:
    """Bring uint8 images into a form, in the same way as image files."""
    if images.shape[1:] == form.shape:
        return gather([(image, None) for image in images], form)
    form = Form(form.shape, Range(), form.fit)  # the range was applied
    found = []
    for image in images:
        pixels = image[..., 0] if image.shape[-1] == 1 else np.ascontiguousarray(image)
        found.append(resample(to_picture(Image.fromarray(pixels), form), form.shape))
    return gather(found, form)
