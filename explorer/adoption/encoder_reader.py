"""Ways to read an encoder's outputs as latents: which is the mean, and which the spread."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from onnx import helper

from explorer.adoption.candidates import is_poor
from explorer.adoption.conventions import (
    EPSILON,
    IN_ONE,
    RANGES,
    AxisOrder,
    EncoderConvention,
    PixelRange,
    adapt_encoder,
    encoder_output,
    halves_of,
    padded_shape,
    run_of,
)
from explorer.adoption.decoded import error_of_average, image_readings, squared_errors
from explorer.adoption.graphs import AdoptionError, GivenGraph, Port
from explorer.adoption.padding import padding_of
from explorer.adoption.rewriting import is_same
from explorer.adoption.runner import BY_BATCH, FEW, Runner
from explorer.adoption.signatures import image_forms
from explorer.adoption.spreads import likely_kind
from explorer.bundle.compact import drop_unused
from explorer.core.neighbourhood import Progress

_SPREAD = re.compile(r"var|std|sig|scale|spread|lv|log", re.I)
_PRECISION = re.compile(r"prec|kappa|concentration", re.I)
_NO_SPREAD = re.compile(r"kl|loss|elbo|prob|class|label|score|logit|energy", re.I)
_MEAN = re.compile(r"mu|mean|loc", re.I)
"""Parts of the names of an encoder's outputs."""


class EncoderReader:
    """Reads the encoder's outputs for the images, with each output as the mean.

    Attributes:
        notes: sentences for the user about the graph, whichever way is taken.
        padding: how many pixels more than the images the encoder takes on each side.
        pictures: names of outputs that are images themselves rather than latents.
        constant: names of outputs that are the same for all images.
        decoded: how many numbers the decoder has given for one of these latents.
    """

    def __init__(
        self,
        graph: GivenGraph,
        images: np.ndarray,
        condition: np.ndarray,
        decoder_input: Port,
    ) -> None:
        self.graph, self.images, self.condition = graph, images, condition
        self.padding = padding_of(graph, images.shape[1:])
        self.decoder_input, self.latent = decoder_input, decoder_input.fixed_shape
        self.notes = list(graph.notes)
        self.remarks: dict[tuple[AxisOrder, PixelRange], list[str]] = {}
        self.unused: dict[tuple[AxisOrder, PixelRange], dict[str, str]] = {}
        self.codes: set[tuple[AxisOrder, PixelRange, str]] = set()
        self.draws: dict[tuple[AxisOrder, PixelRange, str], list[str]] = {}
        self.pictures: set[str] = set()
        self.decoded: set[int] = set()
        self.constant: set[str] = set()

    def conventions(
        self, ranges: list[PixelRange], progress: Progress = lambda share: None
    ) -> Iterator[tuple[EncoderConvention, np.ndarray]]:
        """Yield each way to pass images and read the outputs, with its latents ``(n, …)``.

        Args:
            ranges: the ranges to try.
            progress: called with the share of them that was tried.
        """
        shape = padded_shape(self.images.shape[1:], self.padding)
        layouts = {one for one, size in image_forms(self.graph) if size is None or size == shape}
        if shape[2] == 1 and self.graph.inputs[0].is_flat:
            layouts = {"nhwc"}  # flat grey pixels have one order
        problems, steps = [], len(layouts) * len(ranges)
        for which, layout in enumerate(sorted(layouts)):
            try:
                for step, range_ in enumerate(ranges, which * len(ranges)):
                    progress(step / steps)
                    yield from self._conventions(layout, range_)
                    if self.padding and any(range_.mean):
                        yield from self._conventions(layout, range_, is_grey_border=True)
                if shape[2] == 1:
                    return  # the other one is the same
            except AdoptionError as error:  # it does not take this layout
                problems.append(error)
        if len(problems) == len(layouts):
            raise problems[0]

    def notes_on(self, convention: EncoderConvention) -> Iterator[str]:
        """Yield which outputs are of no use with this convention, and if latents may be codes."""
        yield from self.remarks[convention.layout, convention.range]
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
        self, layout: AxisOrder, range_: PixelRange, *, is_grey_border: bool = False
    ) -> Iterator[tuple[EncoderConvention, np.ndarray]]:
        names = [port.name for port in self.graph.outputs]
        shape = tuple(int(size or 0) for size in self.graph.inputs[0].shape)
        base = EncoderConvention(
            layout, shape, range_, "mean", names[0],
            padding=self.padding, is_grey_border=is_grey_border,
        )  # fmt: skip
        outputs = self._outputs(base, names)
        flat = {name: values.reshape(len(values), -1) for name, values in outputs.items()}
        finite = {name: values for name, values in flat.items() if np.isfinite(values).all()}
        infinite = sorted(flat.keys() - finite.keys())
        unused = dict.fromkeys(infinite, "is NaN or infinite for some images")
        if len(finite) > 1:
            for name in [*filter(_PRECISION.search, finite)]:
                unused[name] = "is by its name a precision (log-variances could be taken)"
                del finite[name]
        self.unused[layout, range_] = unused
        whole = (name for name, values in finite.items() if not np.any(np.mod(values, 1)))
        self.codes |= {(layout, range_, name) for name in whole}
        sizes = {name: values.shape[1] for name, values in finite.items()}
        if self.latent is None:
            self.latent = _latent_of(
                self.decoder_input.shape, [outputs[name].shape[1:] for name in finite]
            )
        several = {*sizes.values()} - {1} or {1}
        dim = math.prod(self.latent) if self.latent else min(several)
        for name, size in sizes.items():
            if self._is_picture(outputs[name], layout, range_):
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
        readings = image_readings(
            values, self.images.shape[1:], layout, dict.fromkeys((*RANGES, range_)), self.padding
        )
        average = error_of_average(self.images)
        errors = (float(squared_errors(pixels, self.images).mean()) for _, pixels in readings)
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
        drop_unused(model.graph)  # the convention reads an output that may be one number
        run, path = Runner(self.graph, self.condition, model.SerializeToString()), self.graph.path
        few = self.images[:FEW]
        outputs, again, once_more = run.all(self.images), run.all(few), run.all(few)
        found: dict[str, np.ndarray] = {}
        remarks = self.remarks[convention.layout, convention.range] = []
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
                remarks.append(
                    f"{name!r} of {path.name} has {len(second)} value{'s' * (len(second) > 1)} for "
                    f"{FEW} images and was not used"
                )
            elif not is_same(first[:FEW], second):
                by_batch |= is_same(second, third)
                why = "depends on the batch" if is_same(second, third) else "is drawn at random"
                remarks.append(f"{name!r} of {path.name} {why} and was not used")
            elif repeated == name:  # the same output twice
                continue
            elif repeated is not None:
                remarks.append(f"{name!r} of {path.name} repeats {repeated!r}")
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
