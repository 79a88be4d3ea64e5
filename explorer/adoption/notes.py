"""Sentences for the user on how a model was read, and on why it cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from explorer.adoption.candidates import (
    FILLED,
    Candidate,
    Known,
    is_clearly_worse,
    is_poor,
    is_steep,
)
from explorer.adoption.conventions import RANGES, UNIT
from explorer.adoption.graphs import GivenGraph
from explorer.adoption.runner import format_shape
from explorer.adoption.spreads import note_on_spread


def why_nothing_fits(
    encoder: GivenGraph, decoder: GivenGraph, image_shape: tuple[int, ...], decoded: set[int]
) -> str:
    """Explain to the user why nothing fits, from the shapes of inputs and outputs.

    Args:
        encoder, decoder: the graphs.
        image_shape: shape of one image.
        decoded: how many numbers the decoder gave for one latent, where it was run.
    """
    latent = decoder.inputs[0].fixed_shape
    sizes = {math.prod(s or 0 for s in port.shape) for port in encoder.outputs}
    wanted = math.prod(latent or ())
    if latent and sizes.isdisjoint((0, wanted, 2 * wanted)):  # 0 where a size is not known
        question = "do they belong together?"
        if wanted > max(sizes):
            question += " If the rest is the class, say so with --condition labels"
        if wanted == math.prod(image_shape):
            question = "if that is an image, the file holds the whole model; give the decoder alone"
        return (
            f"{encoder.path.name} gives {' and '.join(map(str, encoder.outputs))}, but "
            f"{decoder.path.name} takes a latent of {format_shape(latent)}: {question}"
        )
    pixels = math.prod(image_shape)
    given = {*decoded, *(math.prod(s or 0 for s in port.shape) for port in decoder.outputs)}
    question = f"is it the decoder of {encoder.path.name}?"
    if 2 * pixels in given:
        channels = image_shape[-1]
        question = (
            "if those are means and variances, let it give the means alone, as by "
            f"x[:, :{channels}] where channels come first"
        )
    elif pixels in given:
        question = "those of some images are NaN or infinite, or drawn at random"
    elif 256 * pixels in given:
        question = "if those are 256 levels of each pixel, let it give their mean alone"
    elif any(size > pixels and size % (pixels // image_shape[-1]) == 0 for size in given):
        question = (
            "if those are parameters of a distribution, as of a mixture of logistics, let it give "
            "the mean image alone"
        )
    return (
        f"{decoder.path.name} gives {' and '.join(map(str, decoder.outputs))}; expected images "
        f"of {format_shape(image_shape)}: {question}"
    )


def notes_on_outputs(
    best: Candidate, alike: list[Candidate], encoder: GivenGraph, decoder: GivenGraph
) -> Iterator[str]:
    """Which of several outputs were taken, and how latents of several axes are stored."""
    first, mean, spread = encoder.outputs[0].name, best.encoder.mean, best.encoder.spread
    if mean != first:
        yield f"{mean!r} is taken as the mean, although {first!r} comes first"
    if others := sorted({one.encoder.spread for one in alike} - {spread, ""}):
        yield f"{spread!r} is taken as the spread, not {' or '.join(map(repr, others))}"
    if shared := best.encoder.shared:
        reach = "all dimensions of an image" if shared == 1 else "every image"
        yield (
            f"{spread!r} is taken as one spread of {reach}; if it is none, say so with "
            "--encoder-output mean"
        )
    pictures = [port.name for port in decoder.outputs]
    if len(pictures) > 1:
        taken = best.decoder.images
        rest = ", ".join(repr(name) for name in pictures if name != taken)
        yield f"{taken!r} of {decoder.path.name} is taken as the images, not {rest}"
    if len(best.decoder.latent) > 1:
        size = math.prod(best.decoder.latent)
        yield f"latents of {format_shape(best.decoder.latent)} are taken as {size} numbers in a row"


def notes_on_border(best: Candidate, alike: list[Candidate]) -> Iterator[str]:
    """Doubt the colour of the padding where the other one reconstructs as well."""
    encoder = best.encoder
    for other in alike:
        is_other = other.encoder.is_grey_border != encoder.is_grey_border
        if is_other and other.decoder == best.decoder and not is_clearly_worse(other, best):
            colours = ("grey", "black") if encoder.is_grey_border else ("black", "grey")
            cut = encoder.padding
            yield (
                f"the padding is taken as {colours[0]}, but as {colours[1]} it reconstructs as "
                f"well (squared errors {best.error:.5f} and {other.error:.5f}), with other "
                f"latents; to be sure, pad in the export, as by encode(F.pad(x, ({cut},) * 4)) and "
                f"decode(z)[..., {cut}:-{cut}, {cut}:-{cut}]"
            )
            return


def notes_on_doubts(best: Candidate, average: float, known: Known) -> Iterator[str]:
    """Yield doubts that the user may be able to settle."""
    if known.encoder_output is None and (note := note_on_spread(best.encoder)):
        yield note
    if is_poor(best.error, average):
        yield (
            f"the squared error of the reconstructions, {best.error:.5f}, is not clearly smaller "
            f"than that of the images' average, {average:.5f}: are these the images that the model "
            "was trained on, and in the --range of its training?"
        )
    elif best.slope > 0 and is_steep(best.slope):
        yield (
            f"the decoded images fit better with {best.slope:.1f} times their contrast: if the "
            "model was trained in another range, give it as --range=MEAN,STD"
        )


def notes_on_flags(best: Candidate, overall: Candidate, known: Known) -> Iterator[str]:
    """Doubt flags without which the model reconstructs clearly better."""
    if replace(known, condition=None) != Known() and is_clearly_worse(best, overall):
        yield (
            f"the flags may be wrong: with them the squared error is {best.error:.5f}, but with "
            f"{overall.described} it is {overall.error:.5f}"
        )


def notes_on_plain(best: Candidate, plain: Candidate | None, known: Known) -> Iterator[str]:
    """Doubt moments that hardly fit better than 0,1, as those of a model of little contrast do."""
    if (
        plain is not None
        and known.range is None
        and best.encoder.range not in RANGES
        and best.decoder.range == plain.decoder.range == UNIT
        and plain.error < FILLED * best.error
    ):
        yield (
            f"with --range 0,1 the squared error is hardly larger, {plain.error:.5f}: give that if "
            "the model was trained in it"
        )
