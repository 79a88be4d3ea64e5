"""Find out how a model takes and gives images, by trying on some of them what is not known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from onnx import helper

from explorer.adoption.conventions import (
    BYTES,
    SIGNED,
    UNIT,
    DecoderConvention,
    DecoderOutput,
    EncoderConvention,
    EncoderOutput,
    Layout,
    Range,
    adapt_encoder,
)
from explorer.adoption.graphs import MAX_SAID, AdoptionError, Graph
from explorer.bundle.card import Condition
from explorer.bundle.codec import open_session, run_graph
from explorer.core.subsets import in_chunks
from explorer.errors import one_line

IMAGES = 200
"""Images that conventions are tried on."""
BATCH = 50
"""Images that are run at once."""
SHOWN = 3
"""Ways that are reported, the best ones."""
NEAR_TIE = 1.05
"""The second best must have an error larger than the best one's by this factor."""
CONTRADICTION = 0.5
"""A flag is refused if without it the error is smaller than with it by this factor."""
MAX_LATENT_DIM = 1024
STANDARD = {
    1: Range("0.1307,0.3081", (0.1307,), (0.3081,)),
    3: Range("0.485,0.456,0.406,0.229,0.224,0.225", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""By channels: the moments of MNIST and of ImageNet, which many models are trained with."""


@dataclass(frozen=True)
class Known:
    """What a person said of the model; None where it is to be found out."""

    layout: Layout | None = None
    range: Range | None = None
    encoder_output: EncoderOutput | None = None
    decoder_output: DecoderOutput | None = None
    condition: Condition | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to read the model, and the mean squared error of its reconstructions."""

    encoder: EncoderConvention
    decoder: DecoderConvention
    error: float

    @property
    def words(self) -> dict[str, str]:
        """The flags that say the same; of the decoder's range where it is another."""
        words = {
            "--layout": self.encoder.layout,
            "--range": self.encoder.range.name,
            "--encoder-output": self.encoder.output,
            "--decoder-output": self.decoder.output,
            "mean": self.encoder.mean,
        }
        if self.decoder.output == "mean" and self.decoder.range != self.encoder.range:
            words["decoder's range"] = self.decoder.range.name
        return words


@dataclass(frozen=True)
class Found:
    """What was found out.

    Attributes:
        best: the way to read the model.
        notes: sentences for the person.
        latent_dim: numbers in a latent.
    """

    best: Candidate
    notes: tuple[str, ...]
    latent_dim: int


def check_inputs(encoder: Graph, decoder: Graph, known: Known) -> None:
    """See that the graphs take images and latents, and beside them only what a person said.

    Raises:
        AdoptionError: they take more or less.
    """
    most = 2 if known.condition else 1
    for graph, expected in ((encoder, "images"), (decoder, "a latent")):
        if 1 <= len(graph.inputs) <= most:
            continue
        remedy = (
            "and at most the class beside it"
            if known.condition
            else "alone; if the second is the class, one-hot, say so with --condition labels"
        )
        raise AdoptionError(
            f"{graph.path.name} takes {_list(graph.inputs)}; expected {expected} {remedy}"
        )
    if len(decoder.inputs) < most:
        raise AdoptionError(
            f"{decoder.path.name} takes {_list(decoder.inputs)} alone, no class: leave "
            "--condition out"
        )


def check_condition(graph: Graph, classes: Sequence[str]) -> None:
    """See that a graph with a second input takes these classes as that.

    Raises:
        AdoptionError: it takes something else.
    """
    for port in graph.inputs[1:]:
        if port.shape != (len(classes),):
            raise AdoptionError(
                f"{graph.path.name} takes {port} second; expected the {len(classes)} classes of "
                f"the images, one-hot: ({len(classes)})"
            )


def image_forms(graph: Graph) -> list[tuple[Layout, tuple[int, int, int] | None]]:
    """The layouts that an encoder's input allows, each with ``(height, width, channels)``.

    The shape is None where pixels are flat, or the size of an image does not matter.

    Raises:
        AdoptionError: it takes no images.
    """
    shape = graph.inputs[0].shape
    forms: list[tuple[Layout, tuple[int, int, int] | None]] = []
    if len(shape) == 1 and shape[0]:
        return [("nchw", None), ("nhwc", None)]
    if len(shape) == 2 and None not in shape:
        return [("nhwc", (int(shape[0] or 0), int(shape[1] or 0), 1))]
    if len(shape) == 3:
        arrangements: dict[Layout, tuple[int, int, int]] = {"nchw": (0, 1, 2), "nhwc": (2, 0, 1)}
        for layout, axes in arrangements.items():
            channels, height, width = (shape[axis] for axis in axes)
            if channels in (1, 3):
                known = None if height is None or width is None else (height, width, channels)
                forms.append((layout, known))
    if not forms:
        raise AdoptionError(
            f"{graph.path.name} takes {graph.inputs[0]}; expected images: (channels, height, "
            "width), (height, width, channels) with 1 or 3 channels, or all pixels in a row"
        )
    return forms


def find_conventions(
    encoder: Graph,
    decoder: Graph,
    images: np.ndarray,
    condition: np.ndarray,
    known: Known,
    report: Callable[[str], None],
) -> Found:
    """Try every way to read the model, and take the one that reconstructs best.

    Args:
        encoder, decoder: the graphs.
        images: to try them on, ``(n, h, w, c)`` float32 in [0, 1].
        condition: their classes, one-hot ``(n, classes)`` float32, for graphs that take them.
        known: what needs no trial.
        report: is given a line for each way that was tried.

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
    ranges = [UNIT, SIGNED, BYTES, STANDARD[image_shape[2]]]
    if known.range is not None and known.range not in ranges:
        ranges.append(known.range)
    reader = _EncoderReader(encoder, images, condition, latent, notes)
    for layout, range_ in product(sorted(layouts), ranges):
        for convention, z in reader.conventions(layout, range_):
            size = latent or (z.shape[1],)
            raw = decode(z.reshape(len(z), *size))
            for choice, values in _readings(raw, image_shape, layout, ranges):
                error = float(np.mean(np.square(np.clip(values, 0, 1) - images), dtype=np.float64))
                if not math.isfinite(error):
                    continue
                if choice.output == "mean" and choice.range == UNIT and _are_probabilities(values):
                    choice = replace(choice, output="probability")
                filled = replace(choice, images=decoder.outputs[0].name, latent=size)
                candidates.append(Candidate(convention, filled, error))
    if not candidates:
        raise AdoptionError(
            f"{decoder.path.name} gives no finite images of {_shape(image_shape)} from what "
            f"{encoder.path.name} gives"
        )
    candidates.sort(key=lambda candidate: candidate.error)
    for candidate in candidates[:SHOWN]:
        words = ", ".join(f"{name} {value}" for name, value in candidate.words.items())
        report(f"squared error {candidate.error:.5f} with {words}")
    best = _choose(candidates, known)
    first = encoder.outputs[0].name
    if best.encoder.mean != first:
        notes.append(f"{best.encoder.mean} is taken as the mean, although {first} comes first")
    latent_dim = math.prod(best.decoder.latent)
    if latent_dim > MAX_LATENT_DIM:
        raise AdoptionError(
            f"{decoder.path.name} takes latents of {_shape(best.decoder.latent)} = {latent_dim:,} "
            f"numbers; up to {MAX_LATENT_DIM:,} are taken"
        )
    if len(best.decoder.latent) > 1:
        notes.append(
            f"latents of {_shape(best.decoder.latent)} are taken as {latent_dim} numbers in a row"
        )
    return Found(best, tuple(notes), latent_dim)


class Runner:
    """Runs a graph, and gives its first output (or all).

    Args:
        graph: what to run.
        condition: one-hot classes of the batches' items, ``(n, classes)``; it is used if the graph
            has a second input.
        content: the graph, where it was changed.
    """

    def __init__(self, graph: Graph, condition: np.ndarray, content: bytes | None = None) -> None:
        self.name, self.condition = graph.path.name, condition
        self.session = open_session(content or graph.model.SerializeToString(), self.name)

    def all(self, values: np.ndarray) -> list[np.ndarray]:
        """All outputs for a batch.

        Raises:
            AdoptionError: it cannot be run on it.
        """
        inputs = (values, self.condition[: len(values)])[: len(self.session.get_inputs())]
        chunks = zip(*(in_chunks(each, BATCH) for each in inputs), strict=True)
        try:
            results = [run_graph(self.session, None, *batches) for batches in chunks]
        except Exception as error:  # onnxruntime's errors share no base class
            raise AdoptionError(
                f"{self.name} cannot be run on {_shape(values.shape[1:])}: "
                f"{one_line(error, MAX_SAID)}"
            ) from error
        return [np.concatenate(outputs) for outputs in zip(*results, strict=True)]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The first output for a batch, which must be the same twice."""
        first = self.all(values)[0]
        if not is_same(first[:8], self.all(values[:8])[0]):
            raise AdoptionError(
                f"{self.name} gives something else each time: export it without dropout and "
                "without drawing at random (in PyTorch: model.eval())"
            )
        return first


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
                yield replace(base, output="concatenated", mean=name), values[:, :dim]
            if sizes[name] != dim:
                continue
            others = [other for other in names if other != name and sizes.get(other) == dim]
            if not others:
                yield replace(base, mean=name), values
            for spread in others:
                kind: EncoderOutput = "mean,log_var" if finite[spread].min() < 0 else "mean,std"
                yield replace(base, output=kind, mean=name, spread=spread), values

    def _outputs(self, convention: EncoderConvention, names: list[str]) -> dict[str, np.ndarray]:
        """The outputs by name, without those that are another each time."""
        model = adapt_encoder(self.graph, convention, self.images.shape[1:], 0)
        del model.graph.output[:]
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
        run = Runner(self.graph, self.condition, model.SerializeToString())
        outputs, again = run.all(self.images), run.all(self.images)
        found = {}
        for name, first, second in zip(names, outputs, again, strict=True):
            if is_same(first, second):
                found[name] = first
            else:
                note = f"{name} of {self.graph.path.name} is drawn at random and was not used"
                if note not in self.notes:
                    self.notes.append(note)
        if not found:
            raise AdoptionError(
                f"{self.graph.path.name} gives something else each time: export it without "
                "dropout, and with the mean among its outputs"
            )
        return found


def _readings(
    raw: np.ndarray, image_shape: tuple[int, ...], layout: Layout, ranges: Sequence[Range]
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


def is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a graph gave the same twice, but for rounding."""
    return np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True)


def _are_probabilities(values: np.ndarray) -> bool:
    return bool(values.min() >= 0.0 and values.max() <= 1.0)


def _choose(candidates: list[Candidate], known: Known) -> Candidate:
    """The best that agrees with what is known.

    Raises:
        AdoptionError: none agrees, another is far better, or two are equally good.
    """
    fitting = [one for one in candidates if _agrees(one, known)]
    overall = candidates[0]
    if not fitting:
        raise AdoptionError(
            "no way to read the model agrees with the flags; without them the best has "
            f"{_flags(overall)}"
        )
    best = fitting[0]
    if overall.error < CONTRADICTION * best.error:
        raise AdoptionError(
            f"the model does not agree with the flags: with {_flags(best)} the squared error of "
            f"{IMAGES} images is {best.error:.5f}, but with {_flags(overall)} it is "
            f"{overall.error:.5f}; give those"
        )
    rivals = [one for one in fitting[1:] if one.words != best.words]
    if rivals and rivals[0].error < NEAR_TIE * best.error:
        said = _difference(rivals[0], best)
        raise AdoptionError(
            f"the images alone do not tell {said} apart (squared errors "
            f"{best.error:.5f} and {rivals[0].error:.5f}): say which with the flag"
        )
    if known.decoder_output is not None:
        best = replace(best, decoder=replace(best.decoder, output=known.decoder_output))
    if known.encoder_output is not None:
        best = replace(best, encoder=replace(best.encoder, output=known.encoder_output))
    return best


def _agrees(candidate: Candidate, known: Known) -> bool:
    encoder, decoder = candidate.encoder, candidate.decoder
    outputs = {"probability", "mean"} if decoder.output != "logit" else {"logit"}
    if decoder.output == "mean" and decoder.range != UNIT:
        outputs = {"mean"}
    spread = {encoder.output}
    if encoder.output in ("mean,log_var", "mean,std"):
        spread.add("mean")  # a person may leave the spread out
    return (
        known.layout in (None, encoder.layout)
        and known.range in (None, encoder.range)
        and (known.range is None or decoder.range in (UNIT, known.range))
        and (known.encoder_output is None or known.encoder_output in spread)
        and (known.decoder_output is None or known.decoder_output in outputs)
    )


def _flags(candidate: Candidate) -> str:
    words = candidate.words
    mean = words.pop("mean")
    return ", ".join(f"{flag} {value}" for flag, value in words.items()) + f" and {mean} as mean"


def _difference(one: Candidate, other: Candidate) -> str:
    return " and ".join(
        f"{flag} {other.words.get(flag, UNIT.name)} from {value}"
        for flag, value in one.words.items()
        if other.words.get(flag) != value
    )


def _latent_shape(decoder: Graph) -> tuple[int, ...] | None:
    """The shape of a latent, or None if the decoder takes any."""
    shape = decoder.inputs[0].shape
    known = tuple(size for size in shape if size is not None)
    return known if len(known) == len(shape) and known else None


def _list(ports: Sequence[Any]) -> str:
    return " and ".join(map(str, ports)) or "nothing"


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
