"""Models of padded images: how large the padding is, and whether there is one."""

from __future__ import annotations

import math
from dataclasses import replace

from explorer.adoption.candidates import Candidate, is_clearly_worse, is_poor
from explorer.adoption.graphs import AdoptionError, GivenGraph
from explorer.adoption.signatures import image_forms
from explorer.core.pixels import square_of


def padding_of(encoder: GivenGraph, image_shape: tuple[int, ...]) -> int:
    """How many pixels more than images the encoder takes on each side; 0 if these are not equal.

    Args:
        encoder: the encoder.
        image_shape: ``(height, width, channels)`` of the images.
    """
    shapes = [shape for _, shape in image_forms(encoder) if shape]
    port = encoder.inputs[0]
    if port.is_flat and (square := square_of(math.prod(size or 0 for size in port.shape))):
        shapes = [(square[0], *square)]
    for shape in shapes:
        rows, columns, channels = (
            taken - own for taken, own in zip(shape, image_shape, strict=True)
        )
        if channels == 0 < rows == columns and rows % 2 == 0:
            return rows // 2
    return 0


def choose_framing(best: list[Candidate], averages: list[float]) -> tuple[int, list[str]]:
    """Choose between images that are padded and images that are resized, and say so in a note.

    Args:
        best: the best way to read the model with images of each kind, the padded ones first; one
            alone needs no choice.
        averages: squared errors of the averages of these images.

    Raises:
        AdoptionError: if neither kind is clearly worse.
    """
    if len(best) == 1:
        return 0, []
    padding = best[0].encoder.padding
    ways = f"images with {padding} black pixels on each side", "resized images"
    shares = [
        replace(one, errors=one.errors / average)
        for one, average in zip(best, averages, strict=True)
    ]
    which = int(shares[1].error < shares[0].error)
    told = (
        f"the squared error is {shares[which].error:.0%} of that of their average, and with "
        f"{ways[1 - which]} {shares[1 - which].error:.0%}"
    )
    if is_clearly_worse(shares[1 - which], shares[which]):
        return which, [f"the model is taken as one of {ways[which]}: {told}"]
    if is_poor(shares[which].error, 1.0):
        return 1, []
    raise AdoptionError(
        f"the images alone do not settle whether the model is one of {' or of '.join(ways)} (with "
        f"{ways[which]} {told}): give --padding {padding} or --padding 0"
    )
