"""Models of padded images: how large the padding is, and whether there is one."""

from __future__ import annotations

import math
from dataclasses import replace

from explorer.adoption.candidates import (
    CONTRADICTION,
    Candidate,
    is_clearly_worse,
    is_poor,
)
from explorer.adoption.graphs import AdoptionError, GivenGraph
from explorer.adoption.signatures import image_forms
from explorer.core.pixels import square_of
from explorer.data.dataset import Dataset


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


def likely_paddings(encoder: GivenGraph, dataset: Dataset, stated: int | None) -> list[int]:
    """How many pixels a model's images may have around those of the data; 0 if they are resized.

    Args:
        encoder: the encoder.
        dataset: the images, in the size that ``stated`` leaves.
        stated: what the user says, which comes first; else it is the likeliest.

    Raises:
        AdoptionError: if the encoder takes no images with the padding that is stated.
    """
    if stated and padding_of(encoder, dataset.image_shape) != stated:
        raise AdoptionError(
            f"--padding needs an encoder of images of a fixed size, but {encoder.path.name} takes "
            f"{encoder.inputs[0]}"
        )
    stored = dataset.stored_size
    found = padding_of(encoder, (*stored, dataset.image_shape[2])) if stored else 0
    return [*dict.fromkeys([found, 0] if stated is None else [stated, found, 0])]


def choose_framing(
    best: list[Candidate], averages: list[float], *, is_known: bool = False
) -> tuple[int, list[str]]:
    """Choose between images that are padded and images that are resized, and say so in a note.

    Args:
        best: the best way to read the model with images of each kind, the likeliest or the one
            that the user states first; one alone needs no choice.
        averages: squared errors of the averages of these images.
        is_known: whether the user states the padding; the note is then a doubt.

    Raises:
        AdoptionError: if no kind is clearly better, or one is far better than the stated one.
    """
    shares = [
        replace(one, errors=one.errors / average)
        for one, average in zip(best, averages, strict=True)
    ]
    order = sorted(range(len(best)), key=lambda which: shares[which].error)
    which = order[0]
    is_any = is_poor(shares[which].error, 1.0)
    if is_known:
        if which == 0 or is_any or not is_clearly_worse(shares[0], shares[which]):
            return 0, []
        given, better = (_flag(best[one]) for one in (0, which))
        told = (
            f"with it the squared error is {_percent(shares[0])} of that of the images' average, "
            f"but with {better} {_percent(shares[which])}"
        )
        if shares[which].error < CONTRADICTION * shares[0].error:
            raise AdoptionError(f"the model does not agree with {given}: {told}; give that")
        return 0, [f"{given} may be wrong: {told}"]
    if len(best) == 1:
        return 0, []
    other = order[1]
    told = (
        f"the squared error is {_percent(shares[which])} of that of their average, and with "
        f"{_framing(best[other])} {_percent(shares[other])}"
    )
    if is_clearly_worse(shares[other], shares[which]):
        return which, [f"the model is taken as one of {_framing(best[which])}: {told}"]
    if is_any:
        return 1, []
    ways = " or of ".join(map(_framing, best))
    raise AdoptionError(
        f"the images alone do not settle whether the model is one of {ways} (with "
        f"{_framing(best[which])} {told}): give {' or '.join(map(_flag, best))}"
    )


def _framing(way: Candidate) -> str:
    padding, colour = way.encoder.padding, "grey" if way.encoder.is_grey_border else "black"
    return f"images with {padding} {colour} pixels on each side" if padding else "resized images"


def _flag(way: Candidate) -> str:
    return f"--padding {way.encoder.padding}"


def _percent(share: Candidate) -> str:
    return f"{100 * share.error:.0f} %"
