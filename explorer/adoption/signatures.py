"""Check what a model's graphs take: images or latents, and possibly the class."""

from __future__ import annotations

import filecmp
import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from explorer.adoption.candidates import Known
from explorer.adoption.conventions import AxisOrder, separate_class
from explorer.adoption.graphs import AdoptionError, GivenGraph
from explorer.core.pixels import square_of


def check_inputs(encoder: GivenGraph, decoder: GivenGraph, known: Known) -> None:
    """Check that the graphs take images and latents, and besides only what the user stated.

    Raises:
        AdoptionError: if they take more or less, or are the same.
    """
    if encoder.model == decoder.model or filecmp.cmp(encoder.path, decoder.path, shallow=False):
        raise AdoptionError(
            "encoder and decoder are the same model: export the two halves, from images to "
            "latents and from latents to images, as docs/own-models.md shows"
        )
    most = 2 if known.condition else 1
    for graph, expected in ((encoder, "images"), (decoder, "a latent")):
        if 1 <= len(graph.inputs) <= most:
            continue
        remedy = (
            "and at most the class beside it"
            if known.condition
            else "alone; if the second is the class, say so with --condition labels; "
            + _or_else(graph, expected)
        )
        raise AdoptionError(
            f"{graph.path.name} takes {_list(graph.inputs)}; expected {expected} {remedy}"
        )
    if len(decoder.inputs) < most:
        raise AdoptionError(
            f"{decoder.path.name} takes {_list(decoder.inputs)} alone, no class: leave "
            "--condition out, or export z and the class as two inputs, if it joins them"
        )


def _or_else(graph: GivenGraph, expected: str) -> str:
    """What else the second input of an encoder or a decoder may be, and what to do then."""
    if expected == "images":
        return "if it is noise, fix it to 0 in the export"
    sizes = [math.prod(port.fixed_shape or ()) for port in graph.inputs]
    return (
        "if it is a part of the latent, join the parts in the encoder, as by "
        "torch.cat([part.flatten(1) for part in means], 1), and take them apart in the decoder, "
        f"as by z.split({sizes}, 1) (a decoder that needs the encoder's features, as by skip "
        "connections, cannot be adopted)"
    )


def separate_classes(
    encoder: GivenGraph, decoder: GivenGraph, image_shape: tuple[int, int, int], classes: int
) -> tuple[GivenGraph, GivenGraph]:
    """Give the class an input of its own where, by the shapes, it is joined to images or latents.

    Args:
        encoder, decoder: the graphs.
        image_shape: ``(height, width, channels)`` of the data set's images as they are.
        classes: the number of their classes.
    """
    if len(encoder.inputs) == 1 and (axis := _axis_with_class(encoder, image_shape, classes)) >= 0:
        encoder = separate_class(encoder, axis, classes)
    sizes = {math.prod(size or 0 for size in port.shape) for port in encoder.outputs}
    port = decoder.inputs[0]
    if len(decoder.inputs) == 1 and port.is_flat:
        axis, size = max(enumerate(map(int, filter(None, port.shape))), key=itemgetter(1))
        if {size - classes, 2 * (size - classes)} & sizes - {0}:
            decoder = separate_class(decoder, axis, classes)
    return encoder, decoder


def _axis_with_class(graph: GivenGraph, image_shape: tuple[int, int, int], classes: int) -> int:
    """The axis of an encoder's input that has the class behind channels or pixels; −1 if none."""
    port = graph.inputs[0]
    if None in port.shape:
        return -1
    shape = [int(size or 0) for size in port.shape]
    if port.is_flat:
        pixels, own = max(shape), math.prod(image_shape)
        is_resized = bool(square_of(pixels - classes)) and not square_of(pixels)
        is_joined = pixels - classes == own or (is_resized and pixels != own)
        return shape.index(pixels) if is_joined else -1
    places = (axis for axis in (0, 2) if len(shape) == 3)
    return next(
        (one for one in places if shape[one] - classes in (1, 3) and shape[one] != image_shape[2]),
        -1,
    )


def image_forms(graph: GivenGraph) -> list[tuple[AxisOrder, tuple[int, int, int] | None]]:
    """The layouts that an encoder's input allows, each with ``(height, width, channels)``.

    The shape is None if pixels are flat, or if images may have any size.

    Raises:
        AdoptionError: if it takes no images.
    """
    shape = graph.inputs[0].shape
    forms: list[tuple[AxisOrder, tuple[int, int, int] | None]] = []
    if graph.inputs[0].is_flat:
        return [("nchw", None), ("nhwc", None)]
    if len(shape) == 2 and None not in shape:
        return [("nhwc", (int(shape[0] or 0), int(shape[1] or 0), 1))]
    if len(shape) == 3:
        arrangements: dict[AxisOrder, tuple[int, int, int]] = {"nchw": (0, 1, 2), "nhwc": (2, 0, 1)}
        for layout, axes in arrangements.items():
            channels, height, width = (shape[axis] for axis in axes)
            if channels in (1, 3):
                known = None if height is None or width is None else (height, width, channels)
                forms.append((layout, known))
        if not forms:  # the images decide
            forms = [(layout, None) for layout, axes in arrangements.items() if not shape[axes[0]]]
    if not forms:
        remedy = "; export it for a certain size" if None in shape else ""
        if len(shape) == 3 and not remedy:
            remedy = "; if the class is in further channels, say so with --condition labels"
        raise AdoptionError(
            f"{graph.path.name} takes {graph.inputs[0]}; expected images: (channels, height, "
            "width), (height, width, channels) with 1 or 3 channels, or all pixels in a "
            f"row{remedy}"
        )
    return forms


def _list(ports: Sequence[Any]) -> str:
    return " and ".join(map(str, ports)) or "nothing"
