"""Find out how a model takes and gives images, by trying the unknown conventions on some."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from explorer.adoption.candidates import (
    CONTRADICTION,
    IMAGES,
    NEAR_TIE,
    Candidate,
    Known,
    agrees,
    choose,
    is_poor,
)
from explorer.adoption.conventions import (
    BYTES,
    CENTRED,
    RANGES,
    UNIT,
    PixelRange,
    padded_shape,
)
from explorer.adoption.decoded import (
    error_of_average,
    fills_unit_range,
    image_readings,
    slope_of,
    squared_errors,
)
from explorer.adoption.encoder_reader import EncoderReader
from explorer.adoption.graphs import MAX_LATENT_DIM, AdoptionError, GivenGraph
from explorer.adoption.notes import (
    notes_on_border,
    notes_on_doubts,
    notes_on_flags,
    notes_on_outputs,
    notes_on_plain,
    why_nothing_fits,
)
from explorer.adoption.padding import choose_framing
from explorer.adoption.runner import Runner, format_shape
from explorer.bundle.effort import WORK
from explorer.bundle.work import count_multiply_adds
from explorer.core.neighbourhood import Progress

SHOWN = 3
"""Number of ways that are reported, the best ones."""
FEWEST = 30
"""Number of images on which conventions are tried however long that takes."""
TRIED = 55
"""How many times each of them is decoded, about."""


@dataclass(frozen=True)
class Sample:
    """Images to try conventions on.

    Attributes:
        images: ``(n, h, w, c)`` float32 in [0, 1].
        labels: their classes, ``(n,)``.
        condition: the same, one-hot ``(n, classes)`` float32, for graphs that take them.
        ranges: ranges to try for the encoder's pixels; the decoder has the same, a fixed one, or
            the known one.
    """

    images: np.ndarray
    labels: np.ndarray
    condition: np.ndarray
    ranges: list[PixelRange]


@dataclass(frozen=True)
class Found:
    """What was found out.

    Attributes:
        best: the way to read the model.
        notes: sentences for the user.
        which: the index of the sample that the model was trained on.
    """

    best: Candidate
    notes: tuple[str, ...]
    which: int


def trial_images(decoder: GivenGraph) -> int:
    """The number of images on which conventions are tried: fewer if decoding takes long."""
    try:
        work = count_multiply_adds(decoder.model.SerializeToString())
    except Exception:  # onnxruntime's errors share no base class; what is wrong is said later
        return IMAGES
    return min(IMAGES, max(FEWEST, WORK // (TRIED * max(1, work))))


def find_conventions(
    encoder: GivenGraph,
    decoder: GivenGraph,
    samples: list[Sample],
    known: Known,
    report: Callable[[str], None],
    progress: Progress = lambda share: None,
    *,
    is_padding_known: bool = False,
) -> Found:
    """Try every way to read the model, and take the one that reconstructs best.

    Args:
        encoder, decoder: the graphs.
        samples: the images to try them on; several if they may be padded or resized.
        known: conventions that need no trial.
        report: called with a line for each of the best ways.
        progress: called with the share of the ways that were tried.
        is_padding_known: whether the user states the padding, that of the first sample.

    Raises:
        AdoptionError: if nothing fits, several ways are equally good, a flag contradicts what is
            found, or the images cannot tell.
    """
    averages = [error_of_average(sample.images) for sample in samples]
    tried = [_try(encoder, decoder, sample, known, progress) for sample in samples]
    which, framing = choose_framing(
        [candidates[0] for _, candidates in tried], averages, is_known=is_padding_known
    )
    sample, average, (reader, candidates) = samples[which], averages[which], tried[which]
    if len(decoder.outputs) > 1:
        agreeing = [one for one in candidates if agrees(one, known)]
        pictures = [port.name for port in decoder.outputs]
        candidates = _of_one_output(agreeing or candidates, pictures)
    shown = candidates[:SHOWN]
    plain = next((one for one in candidates if one.encoder.range == UNIT), None)
    for candidate in [*shown, *([plain] if plain and plain not in shown else [])]:
        report(_told(candidate))
    if is_poor(candidates[0].error, average):
        other = EncoderReader(encoder, 1 - sample.images, sample.condition, decoder.inputs[0])
        _check_inversion(candidates[0], _ways_to_read(other, decoder, sample.ranges, known))
    _check_mean_image(candidates[0], reader, decoder, known)
    if (mean := candidates[0].encoder.mean) in reader.pictures:
        raise AdoptionError(
            f"{mean!r} of {encoder.path.name} is no latent but the image or its reconstruction, so "
            "the file holds the whole model: export the two halves, from images to latents and "
            "from latents to images, as docs/own-models.md shows"
        )
    best = choose(candidates, known, average)
    if best != candidates[0]:
        why = "as asked for" if known != Known() else "as the likelier one"
        report(f"taken, {why}: {_told(best)}")
    latent_dim = math.prod(best.decoder.latent)
    if latent_dim > MAX_LATENT_DIM:
        raise AdoptionError(
            f"{decoder.path.name} takes latents of {format_shape(best.decoder.latent)} = "
            f"{latent_dim:,} numbers; up to {MAX_LATENT_DIM:,} are taken"
        )
    way = best.encoder.mean, best.encoder.layout, best.encoder.range
    alike = [
        one for one in candidates
        if (one.encoder.mean, one.encoder.layout, one.encoder.range) == way
    ]  # fmt: skip
    notes = [
        *framing,
        *reader.notes,
        *decoder.notes,
        *reader.notes_on(best.encoder),
        *notes_on_outputs(best, alike, encoder, decoder),
        *notes_on_border(best, alike),
        *notes_on_doubts(best, average, known),
        *notes_on_flags(best, candidates[0], known),
        *notes_on_plain(best, plain, known),
    ]
    return Found(best, tuple(notes), which)


def _try(
    encoder: GivenGraph, decoder: GivenGraph, sample: Sample, known: Known, progress: Progress
) -> tuple[EncoderReader, list[Candidate]]:
    """Try every way to read the model; return the reader of the encoder, and the ways."""
    ranges = list(sample.ranges)
    if known.range is not None and known.range not in ranges:
        ranges.append(known.range)
    reader = EncoderReader(encoder, sample.images, sample.condition, decoder.inputs[0])
    candidates = _ways_to_read(reader, decoder, ranges, known, progress=progress)
    progress(1.0)
    if not candidates:
        shape = padded_shape(sample.images.shape[1:], reader.padding)
        raise AdoptionError(why_nothing_fits(encoder, decoder, shape, reader.decoded))
    return reader, candidates


def _check_inversion(best: Candidate, of_inverted: list[Candidate]) -> None:
    """Check that a model that fails does not reconstruct the images' negatives."""
    if of_inverted and of_inverted[0].error < CONTRADICTION * best.error:
        raise AdoptionError(
            "the model seems to be of inverted images, black for white: of these the squared error "
            f"is {of_inverted[0].error:.5f}, of the images as they are {best.error:.5f}; give "
            "inverted images as --data, or let both graphs exchange x for 1 − x"
        )


def _check_mean_image(
    best: Candidate, reader: EncoderReader, decoder: GivenGraph, known: Known
) -> None:
    """Check that a model does not reconstruct images less their mean image far better."""
    encoder, mean = reader.graph, reader.images.mean(axis=0)
    other = EncoderReader(encoder, reader.images - mean, reader.condition, reader.decoder_input)
    without_mean = _ways_to_read(other, decoder, [UNIT, BYTES], known, mean)
    if without_mean and without_mean[0].error < CONTRADICTION * best.error:
        raise AdoptionError(
            f"the model seems to be of images less a mean image (the squared error is then "
            f"{without_mean[0].error:.5f}, otherwise {best.error:.5f}): put it into the graphs, as "
            f"encode(x - mean) in the export of {encoder.path.name} and decode(z) + mean in that "
            f"of {decoder.path.name}"
        )


def _ways_to_read(
    reader: EncoderReader,
    decoder: GivenGraph,
    ranges: list[PixelRange],
    known: Known,
    mean: np.ndarray | float = 0.0,
    progress: Progress = lambda share: None,
) -> list[Candidate]:
    """Each way in which the decoder gives images for the encoder's latents, the best first.

    Args:
        reader: reads the encoder's latents.
        decoder: the decoder.
        ranges: ranges to try for the encoder's pixels.
        known: what the user states.
        mean: what the reader's images are less than those in [0, 1].
        progress: called with the share of the ways that were tried.
    """
    images, decode = reader.images + np.float32(mean), Runner(decoder, reader.condition)
    rank = len(decoder.inputs[0].shape)
    stated = [known.decoder_range] if known.decoder_range else []
    found, last = [], None
    decoded: dict[str, np.ndarray] = {}
    for convention, z in reader.conventions(ranges, progress):
        size = reader.latent or (z.shape[1:] if z[0].ndim == rank else (z[0].size,))
        if z is not last:  # other spreads of the same means follow each other
            decoded, last = decode.same_twice(z.reshape(len(z), *size)), z
        for name, raw in decoded.items():
            reader.decoded.add(raw[0].size)
            fixed = (UNIT,) if convention.range == CENTRED else RANGES
            tried = dict.fromkeys((*fixed, convention.range, *stated))
            for choice, centred in image_readings(
                raw, images.shape[1:], convention.layout, tried, convention.padding
            ):
                values = centred + np.float32(mean)
                errors = squared_errors(values, images)
                if np.isfinite(errors).all():
                    choice = replace(choice, images=name, latent=size)
                    fills = (
                        choice.range in RANGES
                        and choice.output != "logit"
                        and fills_unit_range(values)
                    )
                    slope = slope_of(values, images)
                    found.append(Candidate(convention, choice, errors, slope, fills))
    return sorted(found, key=lambda candidate: candidate.error)


def _of_one_output(candidates: list[Candidate], names: list[str]) -> list[Candidate]:
    """The candidates of the decoder output with the best images, or of the first as good as it."""
    least = {
        name: min((one.error for one in candidates if one.decoder.images == name), default=math.inf)
        for name in names
    }
    bound = NEAR_TIE * min(least.values())
    taken = next(name for name in names if least[name] <= bound)
    return [one for one in candidates if one.decoder.images == taken]


def _told(candidate: Candidate) -> str:
    return f"squared error {candidate.error:.5f} with {candidate.described}"
