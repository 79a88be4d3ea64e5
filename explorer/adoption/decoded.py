"""Ways to read a decoder's output as images, and how well these match those that were encoded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from explorer.adoption.conventions import (
    UNIT,
    AxisOrder,
    DecoderConvention,
    DecoderOutput,
    PixelRange,
    padded_shape,
)
from explorer.adoption.graphs import AdoptionError

FILLING = 0.8
"""Share of a range that a decoder's values must span to fill it."""
NOTHING = 1e-5
"""Images whose average has a smaller squared error are all alike."""


def image_readings(
    raw: np.ndarray,
    image_shape: tuple[int, ...],
    layout: AxisOrder,
    ranges: Iterable[PixelRange],
    padding: int = 0,
) -> Iterator[tuple[DecoderConvention, np.ndarray]]:
    """Yield each way to read a decoder's output, with the images in [0, 1] that it implies.

    Args:
        raw: the output, ``(n, …)``.
        image_shape: shape of one image, ``(height, width, channels)``.
        layout: order of its axes where the output's shape does not tell.
        ranges: the ranges to try.
        padding: by how many pixels the output is larger on each side; they are cut off.
    """
    height, width, channels = padded = padded_shape(image_shape, padding)
    if raw[0].size != math.prod(padded):
        return
    axes: dict[AxisOrder, tuple[int, ...]] = {
        "nchw": (channels, height, width),
        "nhwc": padded,
    }
    stated = [name for name in axes if axes[name] == raw.shape[1:]]
    if channels > 1 and stated and layout not in stated:  # the decoder has its own layout
        (layout,) = stated
    if layout == "nchw":
        images = raw.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        images = raw.reshape(-1, *padded)
    images = images[:, padding : height - padding, padding : width - padding]
    for range_ in ranges:
        values = images * np.array(range_.std, np.float32) + np.array(range_.mean, np.float32)
        values = values[..., ::-1] if range_.is_bgr else values
        are_probabilities = range_ == UNIT and values.min() >= 0.0 and values.max() <= 1.0
        output: DecoderOutput = "probability" if are_probabilities else "mean"
        yield DecoderConvention(layout, range_, output, "", (), padding), values
    with np.errstate(over="ignore"):
        yield DecoderConvention(layout, UNIT, "logit", "", (), padding), 1 / (1 + np.exp(-images))


def error_of_average(images: np.ndarray) -> float:
    """Squared error of the average of images ``(n, h, w, c)`` in [0, 1] for other such images.

    Raises:
        AdoptionError: if the images are all alike, so that any constant would reconstruct them.
    """
    error = squared_error(images, images.mean(axis=0))
    if error < NOTHING:
        raise AdoptionError(
            f"the test images ({len(images)} were looked at) are all alike, which settles nothing: "
            "give images that differ; what is drawn in an alpha channel alone is not seen"
        )
    return error * len(images) / (len(images) - 1)


def squared_error(values: np.ndarray, images: np.ndarray) -> float:
    """Mean squared difference, as it is."""
    return float(np.mean(np.square(values - images), dtype=np.float64))


def squared_errors(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Mean squared error of each image, with values clipped to [0, 1]."""
    differences = np.clip(values, 0, 1) - images
    errors: np.ndarray = np.square(differences).mean(axis=(1, 2, 3), dtype=np.float64)
    return errors


def fills_unit_range(values: np.ndarray) -> bool:
    """Whether values stay within [0, 1] and span most of it, as after a sigmoid."""
    least, most = float(values.min()), float(values.max())
    return 0 <= least <= most <= 1 and most - least > FILLING


def slope_of(values: np.ndarray, images: np.ndarray) -> float:
    """Slope of the least-squares line from the values to the images'; 1 if they do not vary."""
    centred = values - values.mean()
    squares = float(np.sum(np.square(centred), dtype=np.float64))
    return float(np.sum(centred * images, dtype=np.float64)) / squares if squares else 1.0
