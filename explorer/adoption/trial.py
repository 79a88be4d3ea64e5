"""Find out how a model takes and gives images, by trying the unknown conventions on some."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from onnx import helper

from explorer.adoption.candidates import (
    CONTRADICTION,
    FILLED,
    NEAR_TIE,
    Candidate,
    Known,
    agrees,
    choose,
    is_poor,
    is_steep,
)
from explorer.adoption.conventions import (
    BYTES,
    CENTRED,
    EPSILON,
    IN_ONE,
    RANGES,
    UNIT,
    AxisOrder,
    DecoderConvention,
    DecoderOutput,
    EncoderConvention,
    PixelRange,
    adapt_encoder,
    encoder_output,
    halves_of,
    run_of,
)
from explorer.adoption.graphs import AdoptionError, GivenGraph
from explorer.adoption.rewriting import is_same
from explorer.adoption.runner import BY_BATCH, FEW, Runner, by
from explorer.adoption.signatures import image_forms
from explorer.adoption.spreads import likely_kind, note_on_spread

SHOWN = 3
"""Number of ways that are reported, the best ones."""
MAX_LATENT_DIM = 1024
FILLING = 0.8
"""Share of a range that a decoder's values must span to fill it."""
_SPREAD = re.compile(r"var|std|sig|scale|spread|lv|log", re.I)
_PRECISION = re.compile(r"prec", re.I)
_NO_SPREAD = re.compile(r"kl|loss|elbo|prob|class|label|score|logit|energy", re.I)
_MEAN = re.compile(r"mu|mean|loc", re.I)
"""Parts of the names of an encoder's outputs."""
NOTHING = 1e-5
"""Images whose average has a smaller squared error are all alike."""


@dataclass(frozen=True)
class Found:
    """What was found out.

    Attributes:
        best: the way to read the model.
        notes: sentences for the user.
    """

    best: Candidate
    notes: tuple[str, ...]


def find_conventions(
    encoder: GivenGraph,
    decoder: GivenGraph,
    images: np.ndarray,
    condition: np.ndarray,
    ranges: list[PixelRange],
    known: Known,
    report: Callable[[str], None],
) -> Found:
    """Try every way to read the model, and take the one that reconstructs best.

    Args:
        encoder, decoder: the graphs.
        images: the images to try them on, ``(n, h, w, c)`` float32 in [0, 1].
        condition: their classes, one-hot ``(n, classes)`` float32, for graphs that take them.
        ranges: ranges to try for the encoder's pixels; the decoder has the same, a fixed one, or
            the known one.
        known: conventions that need no trial.
        report: called with a line for each of the best ways.

    Raises:
        AdoptionError: if nothing fits, several ways are equally good, a flag contradicts what is
            found, or the images cannot tell.
    """
    average = _error_of_average(images)
    if known.range is not None and known.range not in ranges:
        ranges = [*ranges, known.range]
    reader = _EncoderReader(encoder, images, condition, decoder.inputs[0].shape)
    candidates = _ways_to_read(reader, decoder, ranges, known)
    if not candidates:
        raise AdoptionError(_why_nothing_fits(encoder, decoder, images.shape[1:], reader.decoded))
    if len(decoder.outputs) > 1:
        agreeing = [one for one in candidates if agrees(one, known)]
        pictures = [port.name for port in decoder.outputs]
        candidates = _of_one_output(agreeing or candidates, pictures)
    shown = candidates[:SHOWN]
    plain = next((one for one in candidates if one.encoder.range == UNIT), None)
    for candidate in [*shown, *([plain] if plain and plain not in shown else [])]:
        report(_told(candidate))
    if is_poor(candidates[0].error, average):
        other = _EncoderReader(encoder, 1 - images, condition, decoder.inputs[0].shape)
        _check_inversion(candidates[0], _ways_to_read(other, decoder, ranges, known))
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
            f"{decoder.path.name} takes latents of {by(best.decoder.latent)} = {latent_dim:,} "
            f"numbers; up to {MAX_LATENT_DIM:,} are taken"
        )
    way = best.encoder.mean, best.encoder.layout, best.encoder.range
    alike = [
        one for one in candidates
        if (one.encoder.mean, one.encoder.layout, one.encoder.range) == way
    ]  # fmt: skip
    notes = [
        *reader.notes,
        *decoder.notes,
        *reader.notes_on(best.encoder),
        *_notes_on_outputs(best, alike, encoder, decoder),
        *_notes_on_doubts(best, average, known),
        *_notes_on_plain(best, plain, known),
    ]
    return Found(best, tuple(notes))


def _error_of_average(images: np.ndarray) -> float:
    """Squared error of the average of images ``(n, h, w, c)`` in [0, 1] for other such images.

    Raises:
        AdoptionError: if the images are all alike, so that any constant would reconstruct them.
    """
    error = float(np.mean(np.square(images - images.mean(axis=0)), dtype=np.float64))
    if error < NOTHING:
        raise AdoptionError(
            f"the test images ({len(images)} were looked at) are all alike, which settles nothing: "
            "give images that differ; what is drawn in an alpha channel alone is not seen"
        )
    return error * len(images) / (len(images) - 1)


def _check_inversion(best: Candidate, of_inverted: list[Candidate]) -> None:
    """Check that a model that fails does not reconstruct the images' negatives."""
    if of_inverted and of_inverted[0].error < CONTRADICTION * best.error:
        raise AdoptionError(
            "the model seems to be of inverted images, black for white: of these the squared error "
            f"is {of_inverted[0].error:.5f}, of the images as they are {best.error:.5f}; give "
            "inverted images as --data, or let both graphs exchange x for 1 − x"
        )


def _check_mean_image(
    best: Candidate, reader: _EncoderReader, decoder: GivenGraph, known: Known
) -> None:
    """Check that a model does not reconstruct images less their mean image far better."""
    encoder, mean = reader.graph, reader.images.mean(axis=0)
    other = _EncoderReader(encoder, reader.images - mean, reader.condition, reader.wanted)
    without_mean = _ways_to_read(other, decoder, [UNIT, BYTES], known, mean)
    if without_mean and without_mean[0].error < CONTRADICTION * best.error:
        raise AdoptionError(
            f"the model seems to be of images less a mean image (the squared error is then "
            f"{without_mean[0].error:.5f}, otherwise {best.error:.5f}): put it into the graphs, as "
            f"encode(x - mean) in the export of {encoder.path.name} and decode(z) + mean in that "
            f"of {decoder.path.name}"
        )


def _ways_to_read(
    reader: _EncoderReader,
    decoder: GivenGraph,
    ranges: list[PixelRange],
    known: Known,
    mean: np.ndarray | float = 0.0,
) -> list[Candidate]:
    """Each way in which the decoder gives images for the encoder's latents, the best first.

    Args:
        reader: reads the encoder's latents.
        decoder: the decoder.
        ranges: ranges to try for the encoder's pixels.
        known: what the user states.
        mean: what the reader's images are less than those in [0, 1].
    """
    images, decode = reader.images + np.float32(mean), Runner(decoder, reader.condition)
    rank = len(decoder.inputs[0].shape)
    stated = [known.decoder_range] if known.decoder_range else []
    found = []
    for convention, z in reader.conventions(ranges):
        size = reader.latent or (z.shape[1:] if z[0].ndim == rank else (z[0].size,))
        for name, raw in decode.same_twice(z.reshape(len(z), *size)).items():
            reader.decoded.add(raw[0].size)
            fixed = (UNIT,) if convention.range == CENTRED else RANGES
            tried = dict.fromkeys((*fixed, convention.range, *stated))
            for choice, centred in _readings(raw, images.shape[1:], convention.layout, tried):
                values = centred + np.float32(mean)
                errors = _errors(values, images)
                if np.isfinite(errors).all():
                    choice = replace(choice, images=name, latent=size)
                    fills = choice.range in RANGES and choice.output != "logit" and _fills(values)
                    slope = _slope(values, images)
                    found.append(Candidate(convention, choice, errors, slope, fills))
    return sorted(found, key=lambda candidate: candidate.error)


def _errors(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Mean squared error of each image, with values clipped to [0, 1]."""
    differences = np.clip(values, 0, 1) - images
    errors: np.ndarray = np.square(differences).mean(axis=(1, 2, 3), dtype=np.float64)
    return errors


def _fills(values: np.ndarray) -> bool:
    least, most = float(values.min()), float(values.max())
    return 0 <= least <= most <= 1 and most - least > FILLING


def _slope(values: np.ndarray, images: np.ndarray) -> float:
    """Slope of the least-squares line from the values to the images'; 1 if they do not vary."""
    centred = values - values.mean()
    squares = float(np.sum(np.square(centred), dtype=np.float64))
    return float(np.sum(centred * images, dtype=np.float64)) / squares if squares else 1.0


def _why_nothing_fits(
    encoder: GivenGraph, decoder: GivenGraph, image_shape: tuple[int, ...], decoded: set[int]
) -> str:
    """Explain to the user why nothing fits, from the shapes of inputs and outputs.

    Args:
        encoder, decoder: the graphs.
        image_shape: shape of one image.
        decoded: how many numbers the decoder gave for one latent, where it was run.
    """
    latent = _known(decoder.inputs[0].shape)
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
            f"{decoder.path.name} takes a latent of {by(latent)}: {question}"
        )
    pixels = math.prod(image_shape)
    given = {*decoded, *(math.prod(s or 0 for s in port.shape) for port in decoder.outputs)}
    question = f"is it the decoder of {encoder.path.name}?"
    if 2 * pixels in given:
        question = "if those are means and variances, let it give the means alone"
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
        f"of {by(image_shape)}: {question}"
    )


def _notes_on_outputs(
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
        yield f"latents of {by(best.decoder.latent)} are taken as {size} numbers in a row"


def _notes_on_doubts(best: Candidate, average: float, known: Known) -> Iterator[str]:
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


def _notes_on_plain(best: Candidate, plain: Candidate | None, known: Known) -> Iterator[str]:
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


class _EncoderReader:
    """Reads the encoder's outputs for the images, with each output as the mean.

    Attributes:
        notes: sentences for the user about the outputs, whichever way is taken.
        pictures: names of outputs that are images themselves rather than latents.
        constant: names of outputs that are the same for all images.
        decoded: how many numbers the decoder has given for one of these latents.
    """

    def __init__(
        self,
        graph: GivenGraph,
        images: np.ndarray,
        condition: np.ndarray,
        wanted: Sequence[int | None],
    ) -> None:
        self.graph, self.images, self.condition = graph, images, condition
        self.wanted, self.latent = wanted, _known(wanted)
        self.notes = list(graph.notes)
        self.unused: dict[tuple[AxisOrder, PixelRange], dict[str, str]] = {}
        self.codes: set[tuple[AxisOrder, PixelRange, str]] = set()
        self.draws: dict[tuple[AxisOrder, PixelRange, str], list[str]] = {}
        self.pictures: set[str] = set()
        self.decoded: set[int] = set()
        self.constant: set[str] = set()

    def conventions(
        self, ranges: list[PixelRange]
    ) -> Iterator[tuple[EncoderConvention, np.ndarray]]:
        """Yield each way to pass images and read the outputs, with its latents ``(n, …)``."""
        shape = self.images.shape[1:]
        layouts = {one for one, size in image_forms(self.graph) if size is None or size == shape}
        if shape[2] == 1 and self.graph.inputs[0].is_flat:
            layouts = {"nhwc"}  # flat grey pixels have one order
        problems = []
        for layout in sorted(layouts):
            try:
                for range_ in ranges:
                    yield from self._conventions(layout, range_)
                if shape[2] == 1:
                    return  # the other one is the same
            except AdoptionError as error:  # it does not take this layout
                problems.append(error)
        if len(problems) == len(layouts):
            raise problems[0]

    def notes_on(self, convention: EncoderConvention) -> Iterator[str]:
        """Yield which outputs are of no use with this convention, and if latents may be codes."""
        for name, why in self.unused[convention.layout, convention.range].items():
            yield f"{name!r} of {self.graph.path.name} {why} and was not used"
        way = convention.layout, convention.range, convention.mean
        for name in self.draws.get(way, ()):
            yield f"{name!r} of {self.graph.path.name} looks like a draw of z and was not used"
        if way in self.codes:
            yield (
                f"{convention.mean!r} of {self.graph.path.name} gives whole numbers alone: if they "
                "are the codes of a VQ-VAE, distances between them mean nothing; export the "
                "vectors that they stand for"
            )

    def _conventions(
        self, layout: AxisOrder, range_: PixelRange
    ) -> Iterator[tuple[EncoderConvention, np.ndarray]]:
        names = [port.name for port in self.graph.outputs]
        shape = tuple(int(size or 0) for size in self.graph.inputs[0].shape)
        base = EncoderConvention(layout, shape, range_, "mean", names[0])
        outputs = self._outputs(base, names)
        flat = {name: values.reshape(len(values), -1) for name, values in outputs.items()}
        finite = {name: values for name, values in flat.items() if np.isfinite(values).all()}
        infinite = sorted(flat.keys() - finite.keys())
        unused = dict.fromkeys(infinite, "is NaN or infinite for some images")
        if len(finite) > 1:
            for name in [*filter(_PRECISION.search, finite)]:
                unused[name] = "is by its name a precision (export log-variances in its place)"
                del finite[name]
        self.unused[layout, range_] = unused
        whole = (name for name, values in finite.items() if not np.any(np.mod(values, 1)))
        self.codes |= {(layout, range_, name) for name in whole}
        sizes = {name: values.shape[1] for name, values in finite.items()}
        if self.latent is None:
            self.latent = _latent_of(self.wanted, [outputs[name].shape[1:] for name in finite])
        several = {*sizes.values()} - {1} or {1}
        dim = math.prod(self.latent) if self.latent else min(several)
        for name, size in sizes.items():
            if size == self.images[0].size and self._is_picture(outputs[name], layout, range_):
                self.pictures.add(name)
            elif size not in (dim, 2 * dim) and not self._is_shared(name, size, dim):
                unused[name] = f"has {size} number{'s' * (size > 1)} for a latent of {dim}"
        for name, values in finite.items():
            if sizes[name] == 2 * dim and dim not in sizes.values():
                last = outputs[name].shape[-1]
                channels = dim if last % 2 else last // 2
                yield from self._in_one(replace(base, mean=name), values, channels)
            if sizes[name] != dim or name in self.constant:
                continue
            others = [other for other in names if other != name and sizes.get(other) == dim]
            others = others or [one for one in names if self._is_shared(one, sizes.get(one), dim)]
            draws = [
                other for other in others
                if not _SPREAD.search(other) and _is_draw(values, finite[other])
            ]  # fmt: skip
            if 0 < len(draws) < len(others):
                others = [other for other in others if other not in draws]
                self.draws[layout, range_, name] = draws
            if not others:
                yield replace(base, mean=name), outputs[name]
            for spread in sorted(others, key=partial(_unlikeness, names, name)):
                is_positive = bool(finite[spread].min() >= 0)
                kind = encoder_output("mean", likely_kind(spread, is_positive=is_positive))
                way = replace(base, output=kind, mean=name, spread=spread, is_positive=is_positive)
                if self._is_shared(spread, sizes[spread], dim):
                    way = replace(way, shared=sizes[spread])
                yield way, outputs[name]

    def _is_shared(self, name: str, size: int | None, dim: int) -> bool:
        """Whether an output may be a spread of all dimensions of an image, or of all images."""
        is_of_size = dim > 1 == size or (name in self.constant and size == dim)
        return is_of_size and not _NO_SPREAD.search(name)

    def _is_picture(self, values: np.ndarray, layout: AxisOrder, range_: PixelRange) -> bool:
        """Whether an output is the image or its reconstruction, as that of a whole model."""
        readings = _readings(
            values, self.images.shape[1:], layout, dict.fromkeys((*RANGES, range_))
        )
        average = _error_of_average(self.images)
        errors = (float(_errors(pixels, self.images).mean()) for _, pixels in readings)
        return not all(is_poor(error, average) for error in errors)

    @staticmethod
    def _in_one(
        base: EncoderConvention, values: np.ndarray, channels: int
    ) -> Iterator[tuple[EncoderConvention, np.ndarray]]:
        """Yield each way to read one output with means and spreads; they differ in their runs."""
        dim = values.shape[1] // 2
        seen = set()
        for arrangement in IN_ONE:
            run = run_of(arrangement, dim, channels)
            convention = replace(base, output=arrangement, run=run)
            halves = halves_of(convention)
            if (convention.run, halves) in seen or dim % convention.run:
                continue
            seen.add((convention.run, halves))
            runs = values.reshape(len(values), -1, 2, convention.run)
            means, spreads = (runs[:, :, half].reshape(len(values), dim) for half in halves)
            is_positive = bool(spreads.min() >= 0)
            output = encoder_output(arrangement, likely_kind("", is_positive=is_positive))
            yield replace(convention, output=output, is_positive=is_positive), means

    def _outputs(self, convention: EncoderConvention, names: list[str]) -> dict[str, np.ndarray]:
        """The outputs by name, without those that differ each time or repeat an earlier one.

        Many encoders also give a draw of z, which equals the mean outside training.
        """
        model = adapt_encoder(self.graph, convention, self.images.shape[1:])
        del model.graph.output[:]
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
        run, path = Runner(self.graph, self.condition, model.SerializeToString()), self.graph.path
        few = self.images[:FEW]
        outputs, again, once_more = run.all(self.images), run.all(few), run.all(few)
        found: dict[str, np.ndarray] = {}
        counts, by_batch = set(), False
        for name, first, second, third, single in zip(
            names, outputs, again, once_more, run.all(few[:1]), strict=True
        ):
            repeated = next((one for one, values in found.items() if is_same(values, first)), None)
            if is_same(second, single):
                self.constant.add(name)
                found[name] = np.broadcast_to(single.ravel(), (len(self.images), single.size))
            elif len(first) != len(self.images):
                counts.add(len(second))
                self._note(
                    f"{name!r} of {path.name} has {len(second)} value{'s' * (len(second) > 1)} for "
                    f"{FEW} images and was not used"
                )
            elif not is_same(first[:FEW], second):
                by_batch |= is_same(second, third)
                why = "depends on the batch" if is_same(second, third) else "is drawn at random"
                self._note(f"{name!r} of {path.name} {why} and was not used")
            elif repeated == name:  # the same output twice
                continue
            elif repeated is not None:
                self._note(f"{name!r} of {path.name} repeats {repeated!r}")
            else:
                found[name] = first
        if by_batch and len(found) < 2:
            raise AdoptionError(f"{path.name} {BY_BATCH}")
        if not found and counts:
            raise AdoptionError(
                f"{path.name} gives {' or '.join(map(str, sorted(counts)))} results for {FEW} "
                "images; expected one for each: let the first axis of its outputs be the batch"
            )
        if not found:
            raise AdoptionError(
                f"{path.name} gives a different result each time: export it without dropout, and "
                "with the mean among its outputs"
            )
        return found

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _unlikeness(names: list[str], mean: str, spread: str) -> tuple[bool, bool, bool, int]:
    """How unlikely an output is the spread of a mean, by their names and their order."""
    numbers = [re.findall(r"\d+", name) for name in (mean, spread)]
    is_of_another = not mean.isdecimal() and bool(numbers[0]) and numbers[0] != numbers[1]
    behind = (names.index(spread) - names.index(mean)) % len(names)
    return not _SPREAD.search(spread), bool(_MEAN.search(spread)), is_of_another, behind


def _is_draw(mean: np.ndarray, values: np.ndarray) -> bool:
    """Whether values rise with the mean as z = mean + noise does, ``(n, d)`` both.

    A random number generator with a fixed seed gives the same draws each time.
    """
    mean, values = (one - one.mean(axis=0, dtype=np.float64) for one in (mean, values))
    variance, other, both = (
        float(np.sum(a * b)) for a, b in ((mean, mean), (values, values), (mean, values))
    )
    return 0.9 < both / max(variance, EPSILON) < 1.1 and both > 0.5 * math.sqrt(variance * other)


def _readings(
    raw: np.ndarray, image_shape: tuple[int, ...], layout: AxisOrder, ranges: Iterable[PixelRange]
) -> Iterator[tuple[DecoderConvention, np.ndarray]]:
    """Yield each way to read a decoder's output, with the images in [0, 1] that it implies."""
    height, width, channels = image_shape
    if raw[0].size != math.prod(image_shape):
        return
    axes: dict[AxisOrder, tuple[int, ...]] = {
        "nchw": (channels, height, width),
        "nhwc": image_shape,
    }
    stated = [name for name in axes if axes[name] == raw.shape[1:]]
    if channels > 1 and stated and layout not in stated:  # the decoder has its own layout
        (layout,) = stated
    if layout == "nchw":
        images = raw.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        images = raw.reshape(-1, *image_shape)
    for range_ in ranges:
        values = images * np.array(range_.std, np.float32) + np.array(range_.mean, np.float32)
        values = values[..., ::-1] if range_.is_bgr else values
        are_probabilities = range_ == UNIT and values.min() >= 0.0 and values.max() <= 1.0
        output: DecoderOutput = "probability" if are_probabilities else "mean"
        yield DecoderConvention(layout, range_, output, "", ()), values
    with np.errstate(over="ignore"):
        yield DecoderConvention(layout, UNIT, "logit", "", ()), 1 / (1 + np.exp(-images))


def _known(shape: Sequence[int | None]) -> tuple[int, ...] | None:
    """The shape, if it is not empty and has no free axis; else None."""
    known = tuple(size for size in shape if size is not None)
    return known if len(known) == len(shape) and known else None


def _latent_of(
    wanted: Sequence[int | None], given: Sequence[tuple[int, ...]]
) -> tuple[int, ...] | None:
    """The shape of a latent that a decoder with free axes takes, from what its encoder gives.

    This is an output's shape, or that shape with one axis halved that holds means and spreads.
    """
    if all(size is None for size in wanted):
        return None
    shapes = [shape for shape in given if len(shape) == len(wanted)]
    halves = [
        (*shape[:axis], size // 2, *shape[axis + 1 :])
        for shape in shapes
        for axis, size in enumerate(shape)
        if size == 2 * (wanted[axis] or 0)
    ]
    fitting = (
        shape
        for shape in [*shapes, *halves]
        if all(size in (None, own) for size, own in zip(wanted, shape, strict=True))
    )
    return next(fitting, None)
