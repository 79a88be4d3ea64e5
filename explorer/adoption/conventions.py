"""How a model from elsewhere takes and gives images, and its graphs adapted to a bundle's terms.

A bundle's encoder takes images ``(n, h, w, c)`` in [0, 1] and gives ``z_mean`` and
``z_log_var``, ``(n, latent_dim)``; its decoder gives logits ``(n, h, w, c)`` (Bernoulli), or means
and log-variances ``(n, h, w, 2 c)`` (Gaussian). ``adapt_encoder`` and ``adapt_decoder`` put a few
nodes before and after a graph, so that everything else needs to know nothing of its conventions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from explorer.adoption.graphs import GivenGraph, Port
from explorer.core.likelihoods import LikelihoodName

AxisOrder = Literal["nchw", "nhwc"]
"""Order of the axes of images; also the order of flattened pixels."""
SpreadKind = Literal["log_var", "log_std", "std", "variance"]
SPREAD_KINDS: tuple[SpreadKind, ...] = get_args(SpreadKind)
IN_ONE = ("concatenated", "concatenated,swapped", "interleaved", "channels", "channels,swapped")
"""Arrangements of one output with means and spreads: it has all means first (``concatenated``) or
all spreads first (``swapped``), alternates (``interleaved``), or has means or spreads first at each
place of latents with several axes, of which the last is ``channels``."""
DecoderOutput = Literal["probability", "logit", "mean"]


def encoder_output(arrangement: str, kind: SpreadKind) -> str:
    """What an encoder gives, in one word: in one output, spreads are log-variances unless said."""
    return arrangement if arrangement in IN_ONE and kind == "log_var" else f"{arrangement},{kind}"


ENCODER_OUTPUTS = (
    "mean",
    *(encoder_output(one, kind) for one in ("mean", *IN_ONE) for kind in SPREAD_KINDS),
)
"""The mean alone, or means and spreads as two outputs (``mean,…``) or in one."""

EPSILON = 1e-6
"""Smallest distance of probabilities from 0 and 1, and of standard deviations from 0."""


@dataclass(frozen=True)
class PixelRange:
    """How pixel values enter or leave a model: value = (pixel in [0, 1] − mean) / std.

    Attributes:
        name: the range as the user writes it.
        mean, std: one value, or one for each channel.
        is_bgr: whether the channels of the model are blue, green and red.
    """

    name: str
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    is_bgr: bool = False


def parse_range(text: str) -> PixelRange:
    """Read ``0,1``, ``-1,1``, ``0,255``, ``caffe``, or means and standard deviations.

    Two numbers are the ends of a range if they are one of those three. Any other two, or six, are
    means in the first half and standard deviations in the second.

    Raises:
        ValueError: with a sentence.
    """
    for known in (*RANGES, CAFFE):
        if text.replace(" ", "") == known.name:
            return known
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    half = len(values) // 2
    if len(values) not in (2, 6) or not all(std > 0 for std in values[half:]):
        raise ValueError(
            f"{text!r} is not a range: give 0,1 or -1,1 or 0,255 or caffe, or MEAN,STD, or three "
            "means and three standard deviations"
        )
    given = PixelRange(text, tuple(values[:half]), tuple(values[half:]))
    same = (one for one in RANGES if (one.mean, one.std) == (given.mean, given.std))
    return next(same, given)


UNIT = PixelRange("0,1")
SIGNED = PixelRange("-1,1", (0.5,), (0.5,))
BYTES = PixelRange("0,255", (0.0,), (1 / 255,))
RANGES = (UNIT, SIGNED, BYTES)
CENTRED = PixelRange("0.5,1", (0.5,), (1.0,))
"""Pixels minus one half; −1,1 is twice that. An encoder with it is tried with decoders of this
range and of 0,1 only, and a decoder with it only for such an encoder."""
CAFFE = PixelRange("caffe", (0.4076, 0.4580, 0.4850), BYTES.std * 3, is_bgr=True)
"""0..255 in the order of blue, green and red less ImageNet's mean, as in Caffe."""
_CAFFE_RGB = parse_range("0.4850,0.4580,0.4076,0.003922,0.003922,0.003922")
"""The same in the order of red, green and blue."""
_MNIST, _FASHION_MNIST = map(parse_range, ("0.1307,0.3081", "0.2860,0.3530"))
_IMAGENET = parse_range("0.485,0.456,0.406,0.229,0.224,0.225")
_CIFAR = parse_range("0.4914,0.4822,0.4465,0.2470,0.2435,0.2616")
_WITHIN_CIFAR = parse_range("0.4914,0.4822,0.4465,0.2023,0.1994,0.2010")
"""Moments of CIFAR-10 with the mean of the deviations within single images, as in many programs."""
_ALIKE = 0.01
"""Moments that differ by less count as the same."""
_REVERSED = np.array([2, 1, 0])
"""The order of the channels for models of BGR."""
_LEAST_STD = 1e-3
"""Smallest standard deviation of a channel by which pixels are divided."""


def usual_ranges(images: np.ndarray) -> list[PixelRange]:
    """Return the ranges with which a model of images ``(n, h, w, c)`` uint8 may have been trained.

    These are fixed ranges, the moments of well-known data sets, and those of the images themselves.
    """
    own = _moments_of(images)
    if images.shape[-1] == 1:
        standard = [_MNIST, _FASHION_MNIST]
    else:
        standard = [
            _IMAGENET,
            CAFFE,
            _CAFFE_RGB,
            *([_CIFAR, _WITHIN_CIFAR] if own and _alike(own, _CIFAR) else []),
        ]
    is_another = own is not None and not any(_alike(own, one) for one in standard)
    return [*RANGES, CENTRED, *standard, *([own] if own and is_another else [])]


def _moments_of(images: np.ndarray) -> PixelRange | None:
    """Mean and standard deviation of each channel; None if a channel is the same everywhere."""
    mean, std = [], []
    values = np.arange(256) / 255
    for channel in range(images.shape[-1]):
        shares = np.bincount(images[..., channel].ravel(), minlength=256) / images[..., 0].size
        mean.append(float(shares @ values))
        std.append(float(np.sqrt(shares @ (values - mean[-1]) ** 2)))
    if min(std) < _LEAST_STD:
        return None
    return parse_range(",".join(f"{value:.4f}" for value in (*mean, *std)))


def _alike(one: PixelRange, other: PixelRange) -> bool:
    gaps = np.subtract((*one.mean, *one.std), (*other.mean, *other.std))
    return not other.is_bgr and bool(np.abs(gaps).max() < _ALIKE)


@dataclass(frozen=True)
class EncoderConvention:
    """How an encoder takes images and what it gives.

    Attributes:
        layout: order of the axes.
        shape: shape of one image as the graph takes it, such as (784,) or (3, 64, 64).
        range: range of the pixels.
        output: what the outputs hold, one of ``ENCODER_OUTPUTS``.
        mean, spread: names of the graph's outputs; ``spread`` is empty if one output is used.
        run: in that one output, how many means in a row alternate with as many spreads.
        is_positive: whether no spread was negative when it was tried: it may be of any kind.
        shared: how many numbers a spread has that is one for all dimensions of an image, or the
            same for all images; 0 if each number has its own.
        padding: how many pixels the model's images have on each side of those of the data.
        is_grey_border: whether these are 0 in the model's range, as if images were padded after
            they were normalised; else black.
    """

    layout: AxisOrder
    shape: tuple[int, ...]
    range: PixelRange
    output: str
    mean: str
    spread: str = ""
    run: int = 0
    is_positive: bool = False
    shared: int = 0
    padding: int = 0
    is_grey_border: bool = False

    @property
    def kind(self) -> SpreadKind | None:
        """What the spreads are; None without any."""
        if self.output == "mean":
            return None
        word = self.output.rpartition(",")[2]
        return next((kind for kind in SPREAD_KINDS if kind == word), "log_var")

    @property
    def arrangement(self) -> str:
        """The output without the kind of its spreads."""
        return self.output.removesuffix(f",{self.kind}")


@dataclass(frozen=True)
class DecoderConvention:
    """How a decoder gives images.

    Attributes:
        layout, range, padding: as for the encoder.
        output: what the values of the images are.
        images: name of the graph's output.
        latent: shape of a latent.
    """

    layout: AxisOrder
    range: PixelRange
    output: DecoderOutput
    images: str
    latent: tuple[int, ...]
    padding: int = 0


def run_of(arrangement: str, latent_dim: int, channels: int) -> int:
    """How many means come in a row where one output holds means and spreads.

    Args:
        arrangement: how the output is arranged, one of ``IN_ONE``.
        latent_dim: number of means.
        channels: how many of them are on the last axis.
    """
    return {"interleaved": 1, "channels": channels}.get(arrangement.split(",")[0], latent_dim)


def padded_shape(shape: tuple[int, ...], padding: int) -> tuple[int, int, int]:
    """The shape ``(height, width, channels)`` of images with so many pixels more on each side."""
    height, width, channels = shape
    return height + 2 * padding, width + 2 * padding, channels


def halves_of(convention: EncoderConvention) -> tuple[int, int]:
    """Indices of the means and of the spreads in a pair of runs."""
    return (1, 0) if "swapped" in convention.output else (0, 1)


def likelihood_of(output: DecoderOutput) -> LikelihoodName:
    """The likelihood that a decoder's output parametrises."""
    return "gaussian" if output == "mean" else "bernoulli"


def adapt_encoder(
    graph: GivenGraph, convention: EncoderConvention, image_shape: tuple[int, int, int]
) -> onnx.ModelProto:
    """Return the graph from a bundle's images to ``z_mean`` and, if it is known, ``z_log_var``."""
    edit = _Edit(graph.model)
    images = edit.input("image", [graph.batch or "n", *image_shape])
    pads = np.array([0, 1, 1, 0] * 2) * convention.padding
    if convention.padding and not convention.is_grey_border:
        images = edit.add("Pad", images, pads)
    if convention.range != UNIT:
        if convention.range.is_bgr:
            images = edit.add("Gather", images, _REVERSED, axis=3)
        mean, std = _moments(convention.range)
        images = edit.add("Div", edit.add("Sub", images, mean), std)
    if convention.padding and convention.is_grey_border:
        images = edit.add("Pad", images, pads)
    if convention.layout == "nchw":
        images = edit.add("Transpose", images, perm=[0, 3, 1, 2])
    if graph.inputs[0].is_flat or len(convention.shape) != 3:
        images = edit.add("Reshape", images, np.array([0, *convention.shape]))
    edit.join(images, graph.inputs[0].name)
    flat = np.array([0, -1])
    z_mean = edit.add("Reshape", convention.mean, flat)
    if convention.kind is None:
        return edit.finish(z_mean)
    if convention.shared:
        spread = edit.add("Reshape", convention.spread, np.array([-1, convention.shared]))
        spread = edit.add("Add", edit.add("Mul", z_mean, np.float32(0.0)), spread)
    elif convention.spread:
        spread = edit.add("Reshape", convention.spread, flat)
    else:
        runs = edit.add("Reshape", z_mean, np.array([0, -1, 2, convention.run]))
        z_mean, spread = (
            edit.add("Reshape", edit.add("Gather", runs, np.array(half), axis=2), flat)
            for half in halves_of(convention)
        )
    if convention.kind == "log_std":
        spread = edit.add("Mul", spread, np.float32(2.0))
    elif convention.kind == "std":
        inside = edit.add("Max", spread, np.float32(EPSILON))
        spread = edit.add("Mul", edit.add("Log", inside), np.float32(2.0))
    elif convention.kind == "variance":
        spread = edit.add("Log", edit.add("Max", spread, np.float32(EPSILON**2)))
    return edit.finish(z_mean, spread)


def adapt_decoder(
    graph: GivenGraph,
    convention: DecoderConvention,
    image_shape: tuple[int, int, int],
    variance: float | None = None,
) -> onnx.ModelProto:
    """Return the graph from latents ``(n, latent_dim)`` to images in [0, 1] or parameters.

    Args:
        graph: the decoder.
        convention: how it gives images.
        image_shape: ``(height, width, channels)``.
        variance: variance of every pixel, for a Gaussian; None gives the images alone.
    """
    edit = _Edit(graph.model)
    height, width, channels = padded = padded_shape(image_shape, convention.padding)
    z = edit.input("z", [graph.batch or "n", math.prod(convention.latent)])
    if len(convention.latent) != 1:
        z = edit.add("Reshape", z, np.array([0, *convention.latent]))
    edit.join(z, graph.inputs[0].name)
    is_nchw = convention.layout == "nchw"
    axes = (channels, height, width) if is_nchw else padded
    images = edit.add("Reshape", convention.images, np.array([0, *axes]))
    if is_nchw:
        images = edit.add("Transpose", images, perm=[0, 2, 3, 1])
    if cut := convention.padding:
        ends = np.array([height - cut, width - cut])
        images = edit.add("Slice", images, np.array([cut, cut]), ends, np.array([1, 2]))
    if convention.output == "logit":
        return edit.finish(images)
    if convention.range != UNIT:
        mean, std = _moments(convention.range)
        images = edit.add("Add", edit.add("Mul", images, std), mean)
        if convention.range.is_bgr:
            images = edit.add("Gather", images, _REVERSED, axis=3)
    if convention.output == "probability":
        inside = edit.add("Clip", images, np.float32(EPSILON), np.float32(1 - EPSILON))
        rest = edit.add("Sub", np.float32(1.0), inside)
        return edit.finish(edit.add("Log", edit.add("Div", inside, rest)))
    if variance is None:
        return edit.finish(images)
    nothing = edit.add("Mul", images, np.float32(0.0))
    log_variances = edit.add("Add", nothing, np.float32(math.log(variance)))
    return edit.finish(edit.add("Concat", images, log_variances, axis=-1))


def with_constant(model: onnx.ModelProto, value: float) -> onnx.ModelProto:
    """Return the graph with a second output, of the shape of the first and ``value`` everywhere."""
    edit = _Edit(model, "constant")
    first = model.graph.output[0].name
    nothing = edit.add("Mul", first, np.float32(0.0))
    return edit.finish(first, edit.add("Add", nothing, np.float32(value)))


def separate_class(graph: GivenGraph, axis: int, classes: int) -> GivenGraph:
    """Return the graph with the one-hot class as second input.

    Args:
        graph: a graph whose only input has the class behind the numbers of an image or a latent.
        axis: the axis, besides the batch, on which it is.
        classes: the number of classes.
    """
    edit, (port,) = _Edit(graph.model, "class"), graph.inputs
    shape, names = [*port.shape], [output.name for output in graph.outputs]
    shape[axis] = (shape[axis] or 0) - classes
    batch = graph.batch or "n"
    own = edit.input(port.name, [batch, *(size or 0 for size in shape)])
    label = helper.make_tensor_value_info(
        f"{edit.prefix}:label", TensorProto.FLOAT, [batch, classes]
    )
    edit.model.graph.input.append(label)
    ones = np.ones(len(shape) + 1, np.int64)
    ones[[0, axis + 1]] = -1, classes
    planes = edit.add("Reshape", label.name, ones)
    planes = edit.add("Expand", planes, np.array([1, *shape[:axis], classes, *shape[axis + 1 :]]))
    edit.join(edit.add("Concat", own, planes, axis=axis + 1), port.name)
    kind = "numbers" if port.is_flat else "channels"
    note = (
        f"the last {classes} of {port.shape[axis]} {kind} that {graph.path.name} takes are taken "
        "as the one-hot class"
    )
    return replace(
        graph,
        model=edit.finish(*names),
        inputs=(Port(own, tuple(shape)), Port(label.name, (classes,))),
        notes=(*graph.notes, note),
    )


def _moments(values: PixelRange) -> tuple[np.ndarray, np.ndarray]:
    return np.array(values.mean, np.float32), np.array(values.std, np.float32)


class _Edit:
    """Puts nodes before and after a graph."""

    def __init__(self, model: onnx.ModelProto, prefix: str = "adopted") -> None:
        graph = model.graph
        names = {own.name for own in (*graph.input, *graph.initializer)}
        names |= {name for node in graph.node for name in node.output}
        while any(name.startswith(f"{prefix}:") for name in names):  # it was adopted before
            prefix += "-again"
        self.prefix = prefix
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.nodes: list[onnx.NodeProto] = []
        self.before: list[onnx.NodeProto] | None = None
        self.count = 0

    def input(self, name: str, shape: list[int | str]) -> str:
        """Make this the first input of the graph; a condition stays the second."""
        value = helper.make_tensor_value_info(f"{self.prefix}:{name}", TensorProto.FLOAT, shape)
        self.model.graph.input[0].CopyFrom(value)
        return value.name

    def add(self, kind: str, *inputs: str | np.ndarray | np.generic, **attributes: Any) -> str:
        """Add a node, whose inputs are names or constants; return the name of its output."""
        names = []
        for value in inputs:
            if not isinstance(value, str):
                array = np.asarray(value)
                value = self._name()
                self.model.graph.initializer.append(numpy_helper.from_array(array, value))
            names.append(value)
        output = self._name()
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def join(self, name: str, as_input: str) -> None:
        """Connect what was computed so far to an input of the graph."""
        self.nodes.append(helper.make_node("Identity", [name], [as_input]))
        self.before, self.nodes = self.nodes, []

    def finish(self, *outputs: str) -> onnx.ModelProto:
        """Close the graph with these outputs."""
        graph = self.model.graph
        nodes = [*(self.before or []), *graph.node, *self.nodes]
        del graph.node[:], graph.output[:]
        graph.node.extend(nodes)
        graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs
        )
        return self.model

    def _name(self) -> str:
        self.count += 1
        return f"{self.prefix}:{self.count}"
