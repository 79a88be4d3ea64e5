"""Find out how a model takes and gives images, by trying on some of them what is not known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from onnx import helper

from explorer.adoption.candidates import Candidate, Known, choose, is_poor
from explorer.adoption.conventions import (
    RANGES,
    UNIT,
    DecoderConvention,
    EncoderConvention,
    EncoderOutput,
    Layout,
    Range,
    adapt_encoder,
    halves_of,
    run_of,
)
from explorer.adoption.graphs import AdoptionError, Graph
from explorer.adoption.runner import Runner, by, is_same
from explorer.adoption.signatures import image_forms

SHOWN = 3
"""Ways that are reported, the best ones."""
MAX_LATENT_DIM = 1024
_AS_STD: dict[EncoderOutput, EncoderOutput] = {
    "concatenated": "concatenated,std",
    "concatenated,swapped": "concatenated,swapped,std",
    "interleaved": "interleaved,std",
    "channels": "channels,std",
    "channels,swapped": "channels,swapped,std",
}
"""The same order where the spreads are standard deviations."""


@dataclass(frozen=True)
class Found:
    """What was found out.

    Attributes:
        best: the way to read the model.
        notes: sentences for the person.
    """

    best: Candidate
    notes: tuple[str, ...]


def find_conventions(
    encoder: Graph,
    decoder: Graph,
    images: np.ndarray,
    condition: np.ndarray,
    ranges: list[Range],
    known: Known,
    report: Callable[[str], None],
) -> Found:
    """Try every way to read the model, and take the one that reconstructs best.

    Args:
        encoder, decoder: the graphs.
        images: to try them on, ``(n, h, w, c)`` float32 in [0, 1].
        condition: their classes, one-hot ``(n, classes)`` float32, for graphs that take them.
        ranges: to try for the encoder's pixels; the decoder's are in the same or a fixed one.
        known: what needs no trial.
        report: is given a line for each of the best ways.

    Raises:
        AdoptionError: nothing fits, two ways are equally good, or a flag contradicts what is
            found.
    """
    image_shape = images.shape[1:]
    latent = _latent_shape(decoder)
    notes: list[str] = []
    decode = Runner(decoder, condition)
    candidates: list[Candidate] = []
    layouts = {
        layout for layout, shape in image_forms(encoder) if shape is None or shape == image_shape
    }
    if image_shape[2] == 1 and len(encoder.inputs[0].shape) == 1:
        layouts = {"nhwc"}  # flat grey pixels have one order
    if known.range is not None and known.range not in ranges:
        ranges = [*ranges, known.range]
    reader = _EncoderReader(encoder, images, condition, latent, notes)
    for layout, range_ in product(sorted(layouts), ranges):
        for convention, z in reader.conventions(layout, range_):
            size = latent or (z.shape[1],)
            raw = decode(z.reshape(len(z), *size))
            for choice, values in _readings(raw, image_shape, layout, {*RANGES, range_}):
                error = float(np.mean(np.square(np.clip(values, 0, 1) - images), dtype=np.float64))
                if not math.isfinite(error):
                    continue
                if choice.output == "mean" and choice.range == UNIT and _are_probabilities(values):
                    choice = replace(choice, output="probability")
                filled = replace(choice, images=decoder.outputs[0].name, latent=size)
                candidates.append(Candidate(convention, filled, error))
    if not candidates:
        sizes = {math.prod(s or 0 for s in port.shape) for port in encoder.outputs}
        wanted = math.prod(latent or ())
        if latent and sizes.isdisjoint((0, wanted, 2 * wanted)):  # 0 where a size is not known
            raise AdoptionError(
                f"{encoder.path.name} gives {' and '.join(map(str, encoder.outputs))}, but "
                f"{decoder.path.name} takes a latent of {by(latent)}: do they belong together?"
            )
        raise AdoptionError(
            f"{decoder.path.name} gives no images of {by(image_shape)} that are finite, but "
            f"{' and '.join(map(str, decoder.outputs))}; is it the decoder of {encoder.path.name}?"
        )
    candidates.sort(key=lambda candidate: candidate.error)
    for candidate in candidates[:SHOWN]:
        report(_told(candidate))
    average = float(np.mean(np.square(images - images.mean(axis=0)), dtype=np.float64))
    best = choose(candidates, known, average)
    if best is not candidates[0]:
        report(f"taken, as asked for: {_told(best)}")
    first, mean, spread = encoder.outputs[0].name, best.encoder.mean, best.encoder.spread
    if mean != first:
        notes.append(f"{mean!r} is taken as the mean, although {first!r} comes first")
    spreads = [one.encoder.spread for one in candidates if one.words == best.words]
    if others := sorted({*spreads} - {spread}):
        notes.append(f"{spread!r} is taken as the spread, and {', '.join(map(repr, others))} not")
    if best.encoder.output.endswith("std") and known.encoder_output is None:
        other = "variance" if spread else "log-variance"
        flag = "mean,variance" if spread else best.encoder.output.removesuffix(",std")
        notes.append(
            f"the spread of {spread or mean!r} is never negative and is taken as the standard "
            f"deviation; if it is the {other}, say so with --encoder-output {flag}"
        )
    if is_poor(best.error, average):
        notes.append(
            f"the squared error of the reconstructions, {best.error:.5f}, is not clearly smaller "
            f"than that of the images' average, {average:.5f}: are these the images that the model "
            "was trained on, and in the --range of its training?"
        )
    latent_dim = math.prod(best.decoder.latent)
    if latent_dim > MAX_LATENT_DIM:
        raise AdoptionError(
            f"{decoder.path.name} takes latents of {by(best.decoder.latent)} = {latent_dim:,} "
            f"numbers; up to {MAX_LATENT_DIM:,} are taken"
        )
    if len(best.decoder.latent) > 1:
        notes.append(
            f"latents of {by(best.decoder.latent)} are taken as {latent_dim} numbers in a row"
        )
    return Found(best, tuple(notes))


def _told(candidate: Candidate) -> str:
    words = ", ".join(f"{name} {value}" for name, value in candidate.words.items())
    return f"squared error {candidate.error:.5f} with {words}"


class _EncoderReader:
    """What the encoder gives under one layout and range, with each output as the mean."""

    def __init__(
        self,
        graph: Graph,
        images: np.ndarray,
        condition: np.ndarray,
        latent: tuple[int, ...] | None,
        notes: list[str],
    ) -> None:
        self.graph, self.images, self.condition, self.notes = graph, images, condition, notes
        self.latent_dim = None if latent is None else math.prod(latent)

    def conventions(
        self, layout: Layout, range_: Range
    ) -> Iterator[tuple[EncoderConvention, np.ndarray]]:
        """Each way to read the outputs, and the latents that it gives for the images."""
        names = [port.name for port in self.graph.outputs]
        shape = tuple(int(size or 0) for size in self.graph.inputs[0].shape)
        base = EncoderConvention(layout, shape, range_, "mean", names[0])
        outputs = self._outputs(base, names)
        flat = {name: values.reshape(len(values), -1) for name, values in outputs.items()}
        finite = {name: values for name, values in flat.items() if np.isfinite(values).all()}
        sizes = {name: values.shape[1] for name, values in finite.items()}
        dim = self.latent_dim or min(sizes.values(), default=0)
        for name, values in finite.items():
            if sizes[name] == 2 * dim and dim not in sizes.values():
                last = outputs[name].shape[-1]
                channels = dim if last % 2 else last // 2
                yield from self._in_one(replace(base, mean=name), values, channels)
            if sizes[name] != dim:
                continue
            others = [other for other in names if other != name and sizes.get(other) == dim]
            if not others:
                yield replace(base, mean=name), values
            for spread in others:
                kind: EncoderOutput = "mean,log_var" if finite[spread].min() < 0 else "mean,std"
                yield replace(base, output=kind, mean=name, spread=spread), values

    @staticmethod
    def _in_one(
        base: EncoderConvention, values: np.ndarray, channels: int
    ) -> Iterator[tuple[EncoderConvention, np.ndarray]]:
        """Each way to read one output with means and spreads, which differ in their runs."""
        dim = values.shape[1] // 2
        seen = set()
        for output, as_std in _AS_STD.items():
            convention = replace(base, output=output, run=run_of(output, dim, channels))
            halves = halves_of(convention)
            if (convention.run, halves) in seen or dim % convention.run:
                continue
            seen.add((convention.run, halves))
            runs = values.reshape(len(values), -1, 2, convention.run)
            means, spreads = (runs[:, :, half].reshape(len(values), dim) for half in halves)
            yield replace(convention, output=as_std if spreads.min() >= 0 else output), means

    def _outputs(self, convention: EncoderConvention, names: list[str]) -> dict[str, np.ndarray]:
        """The outputs by name, without those that differ each time or repeat an earlier one.

        Many encoders give a draw too, which is the mean where they are not training.
        """
        model = adapt_encoder(self.graph, convention, self.images.shape[1:])
        del model.graph.output[:]
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
        run = Runner(self.graph, self.condition, model.SerializeToString())
        outputs, again = run.all(self.images), run.all(self.images)
        found: dict[str, np.ndarray] = {}
        for name, first, second in zip(names, outputs, again, strict=True):
            repeated = next((one for one, values in found.items() if _equal(values, first)), None)
            if not is_same(first, second):
                self._note(
                    f"{name!r} of {self.graph.path.name} is drawn at random and was not used"
                )
            elif repeated is not None:
                self._note(f"{name!r} of {self.graph.path.name} repeats {repeated!r}")
            else:
                found[name] = first
        if not found:
            raise AdoptionError(
                f"{self.graph.path.name} gives a different result each time: export it without "
                "dropout, and with the mean among its outputs"
            )
        return found

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and is_same(one, other)


def _readings(
    raw: np.ndarray, image_shape: tuple[int, ...], layout: Layout, ranges: Iterable[Range]
) -> Iterator[tuple[DecoderConvention, np.ndarray]]:
    """Each way to read what a decoder gives, and the images in [0, 1] that it means."""
    height, width, channels = image_shape
    if raw[0].size != math.prod(image_shape):
        return
    if layout == "nchw":
        images = raw.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    else:
        images = raw.reshape(-1, *image_shape)
    for range_ in ranges:
        values = images * np.array(range_.std, np.float32) + np.array(range_.mean, np.float32)
        yield DecoderConvention(layout, range_, "mean", "", ()), values
    with np.errstate(over="ignore"):
        yield DecoderConvention(layout, UNIT, "logit", "", ()), 1 / (1 + np.exp(-images))


def _are_probabilities(values: np.ndarray) -> bool:
    return bool(values.min() >= 0.0 and values.max() <= 1.0)


def _latent_shape(decoder: Graph) -> tuple[int, ...] | None:
    """The shape of a latent, or None if the decoder takes any."""
    shape = decoder.inputs[0].shape
    known = tuple(size for size in shape if size is not None)
    return known if len(known) == len(shape) and known else None
