"""Make a bundle of an encoder and a decoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from explorer.adoption.candidates import IMAGES, Known
from explorer.adoption.checks import check_agreement, report_channel_order, report_classes
from explorer.adoption.classes import check_condition, take_classes_second
from explorer.adoption.conventions import (
    adapt_decoder,
    adapt_encoder,
    likelihood_of,
    usual_ranges,
    with_constant,
)
from explorer.adoption.graphs import MAX_SAID, AdoptionError, GivenGraph, read_given_graph
from explorer.adoption.padding import likely_paddings
from explorer.adoption.result import About, Origin, hashes, write_bundle
from explorer.adoption.runner import Runner
from explorer.adoption.signatures import (
    check_inputs,
    image_forms,
    separate_classes,
)
from explorer.adoption.spreads import report_spread
from explorer.adoption.trial import Found, Sample, find_conventions, trial_images
from explorer.bundle.codec import onnx_codec
from explorer.bundle.compact import compact, drop_unused
from explorer.bundle.figures import evaluate
from explorer.core.density import KERNEL_POINTS, kernel_log_variance
from explorer.core.likelihoods import LikelihoodName
from explorer.core.neighbourhood import Progress
from explorer.core.pixels import square_of, to_unit_range
from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset
from explorer.data.reading import AS_THEY_ARE, MAX_IMAGE_SIZE, Reading
from explorer.data.summary import three_lines
from explorer.errors import one_line

MEASURED = 2_000
"""Largest number of training images whose moments are measured."""


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        about: name and place of the bundle.
        encoder, decoder: ONNX or Keras files.
        data: a data set's name, or a path to images.
        known: conventions that need no trial.
        padding: how many pixels the model's images have on each side of the data's; None to
            find it out, 0 for images that are resized.
        variance: variance of every pixel of a Gaussian likelihood; None for the best one.
        reading: how the images are read.
        data_dir: where data sets are looked for first.
    """

    about: About
    encoder: Path
    decoder: Path
    data: str
    known: Known = Known()
    padding: int | None = None
    variance: float | None = None
    reading: Reading = AS_THEY_ARE
    data_dir: Path | None = None


def adopt_graphs(
    request: Request,
    report: Callable[[str], None],
    progress_of: Callable[[str], Progress],
    from_keras: Callable[[Path], bytes],
) -> Path:
    """Make a bundle of a model from elsewhere.

    Args:
        request: what the user asks for.
        report: called with one line at a time.
        progress_of: given what takes long, returns what is called with the share that is done.
        from_keras: turns a ``.keras`` file into an ONNX graph.

    Returns:
        The bundle's folder.

    Raises:
        ExplorerError: with a sentence for the user; nothing was written.
    """
    request.about.find_place()
    encoder, decoder, loaded = _read_graphs(request, from_keras)
    found, dataset, sample = _find_out(
        encoder, decoder, request, loaded, report, progress_of("trying conventions")
    )
    images, labels = sample.images, sample.labels
    notes: list[str] = []

    def note(sentence: str) -> None:
        report(sentence)
        notes.append(sentence)

    for sentence in found.notes:
        note(sentence)
    graphs, likelihood = make_graphs(encoder, decoder, found, dataset, request.variance)
    has_variance = found.best.encoder.output != "mean"
    codec = onnx_codec(
        graphs["encoder.onnx"],
        graphs["decoder.onnx"],
        likelihood,
        classes=len(dataset.classes) if request.known.condition else 0,
    )
    reconstructions = check_agreement(codec, found.best, images, labels, note)
    report_channel_order(codec, reconstructions, images, labels, note)
    if codec.by_class:
        report_classes(codec, images, labels, dataset.classes, note)
    if request.known.encoder_output is None and has_variance:
        report_spread(codec, found.best.encoder, images, labels, note)
    if encoder.batch or decoder.batch:
        report("one item is run at a time; exported for any batch size (dynamic_axes) it is faster")
    metrics, latents = evaluate(
        codec, dataset, has_variance=has_variance,
        decoding=progress_of("decoding"), progress=progress_of("laying out the map"),
        report=lambda what: report(f"computing figures: {what} …"),
    )  # fmt: skip
    origin = Origin(
        files=hashes(encoder.path, *encoder.beside, decoder.path, *decoder.beside),
        conventions=found.best.words
        | ({"--condition": request.known.condition} if request.known.condition else {}),
        notes=tuple(notes),
        likelihood=likelihood,
        has_variance=has_variance,
        condition=request.known.condition,
    )
    return write_bundle(request.about, origin, dataset, metrics, latents, graphs=graphs)


def _read_graphs(
    request: Request, from_keras: Callable[[Path], bytes]
) -> tuple[GivenGraph, GivenGraph, Dataset | None]:
    """Read encoder and decoder; a class that is joined to their inputs becomes an input.

    Returns:
        Both, and the data set if its classes had to be known.
    """
    dataset = None
    encoder, decoder = (
        read_given_graph(
            path, from_keras(path) if path.suffix == ".keras" and path.is_file() else None
        )
        for path in (request.encoder, request.decoder)
    )
    if request.known.condition:
        dataset = load_dataset(request.data, request.reading, data_dir=request.data_dir)
        classes = len(dataset.classes)
        encoder, decoder = take_classes_second(encoder, decoder, classes)
        encoder, decoder = separate_classes(encoder, decoder, dataset.image_shape, classes)
    check_inputs(encoder, decoder, request.known)
    return encoder, decoder, dataset


def _find_out(
    encoder: GivenGraph,
    decoder: GivenGraph,
    request: Request,
    loaded: Dataset | None,
    report: Callable[[str], None],
    progress: Progress,
) -> tuple[Found, Dataset, Sample]:
    """Find out how the model takes and gives images.

    Returns:
        That, the images as the model takes them, and those on which it was tried. Of images with
        other padding, if that is tried too, only a sample is read.
    """
    fitting = load_fitting(encoder, decoder, request, loaded, request.padding or 0)
    paddings = likely_paddings(encoder, fitting, request.padding)
    if len(paddings) == 1:
        datasets = [fitting]
        _describe(fitting, request, report)
    else:
        datasets = [
            load_fitting(encoder, decoder, request, None, padding, most=MEASURED)
            for padding in paddings
        ]
    count = trial_images(decoder)
    samples = [_sample(one, count) for one in datasets]
    if count < min(IMAGES, len(datasets[0].test.images)):
        report(f"conventions are tried on {count} images, as the decoder computes much")
    found = find_conventions(
        encoder, decoder, samples, request.known, report, progress,
        is_padding_known=request.padding is not None,
    )  # fmt: skip
    sample, padding = samples[found.which], paddings[found.which]
    if len(paddings) == 1:
        return found, fitting, sample
    if padding != (request.padding or 0):
        fitting = load_fitting(encoder, decoder, request, loaded, padding)
    _describe(fitting, request, report)
    return found, fitting, sample


def _describe(dataset: Dataset, request: Request, report: Callable[[str], None]) -> None:
    """Report what the images are, and the order of their classes if the model takes these."""
    for line in three_lines(dataset).splitlines():
        report(line)
    if request.known.condition:
        report(f"the classes are, in this order, {', '.join(dataset.classes)}")


def _sample(dataset: Dataset, count: int) -> Sample:
    """Choose test images to try conventions on."""
    rows = evenly_spaced(len(dataset.test.images), count)
    train = dataset.train.images[evenly_spaced(len(dataset.train.images), MEASURED)]
    images, labels = to_unit_range(dataset.test.images[rows]), dataset.test.labels[rows]
    return Sample(images, labels, one_hot(labels, dataset), usual_ranges(train))


def load_fitting(
    encoder: GivenGraph,
    decoder: GivenGraph,
    request: Request,
    loaded: Dataset | None,
    padding: int,
    most: int | None = None,
) -> Dataset:
    """Load the images in the size and colours that the encoder takes.

    Args:
        encoder, decoder: the two graphs.
        request: what the user asks for.
        loaded: the data set as the user wants it read, if it was loaded before: taken if it fits.
        padding: how many pixels the images are smaller on each side.
        most: how many images of each split are read at most, for a trial; by default all.

    Raises:
        AdoptionError: if they cannot be converted to these, or a graph takes other classes.
        DatasetError: if there are no such images.
    """
    forms = image_forms(encoder)
    if request.known.layout:
        forms = [form for form in forms if form[0] == request.known.layout] or forms
    shapes = {shape for _, shape in forms if shape is not None}
    if len(shapes) > 1:
        raise AdoptionError(
            f"{encoder.path.name} takes {encoder.inputs[0]}, which can be read in two ways: say "
            "which with --layout"
        )

    reading = request.reading

    def load(size: tuple[int, int] | None = None, *, grey: bool = False) -> Dataset:
        if size:
            if min(size) <= 2 * padding:
                raise AdoptionError(
                    f"--padding {padding} leaves nothing of images of {size[0]} × {size[1]} pixels"
                )
            size = size[0] - 2 * padding, size[1] - 2 * padding
        if size and reading.image_size not in (None, size):
            raise AdoptionError(
                f"{encoder.path.name} takes images of {size[0]} × {size[1]} pixels: leave "
                "--image-size out"
            )
        fitting = replace(reading, image_size=size or reading.image_size, grey=grey or reading.grey)
        if loaded and _fits(loaded, size, grey=grey):
            dataset = loaded
        else:
            dataset = load_dataset(request.data, fitting, data_dir=request.data_dir, most=most)
        for graph in (encoder, decoder):
            check_condition(graph, dataset.classes)
        return dataset

    for height, width, _ in shapes:
        if max(height, width) > MAX_IMAGE_SIZE:
            raise AdoptionError(
                f"{encoder.path.name} takes images of {height} × {width} pixels; up to "
                f"{MAX_IMAGE_SIZE} × {MAX_IMAGE_SIZE} are taken"
            )
    port = encoder.inputs[0]
    size: tuple[int, int] | None = None
    channels: int | None = None
    if shapes:
        ((height, width, channels),) = shapes
        size = height, width
    elif len(port.shape) == 3:  # of any size
        channels = next((count for count in port.shape[::2] if count in (1, 3)), None)
    if channels:
        dataset = load(size, grey=channels == 1)
        if dataset.image_shape[2] != channels:
            raise AdoptionError(
                f"{encoder.path.name} takes images in colour; those of {dataset.title} are grey: "
                "export the encoder with x.expand(-1, 3, -1, -1) before it, and the decoder with "
                ".mean(1, keepdim=True) after it"
            )
        return dataset
    dataset = load()
    pixels = math.prod(size or 0 for size in port.shape)
    if not port.is_flat or math.prod(dataset.image_shape) == pixels:
        return dataset
    are_exchanged = math.prod(size or 0 for size in decoder.inputs[0].shape) > pixels
    square = None if are_exchanged else square_of(pixels)
    if square is not None and square[1] <= dataset.image_shape[2]:
        side, channels = square
        return load((side, side), grey=channels == 1)
    height, width, channels = dataset.image_shape
    question = ": are --encoder and --decoder exchanged?" if are_exchanged else ""
    raise AdoptionError(
        f"{encoder.path.name} takes {pixels:,} numbers in a row; images of {dataset.title} have "
        f"{height} × {width} × {channels}{question}"
    )


def _fits(dataset: Dataset, size: tuple[int, int] | None, *, grey: bool) -> bool:
    """Whether a data set's images have the size, if one is needed, and are grey if they must be."""
    *own, channels = dataset.image_shape
    return size in (None, tuple(own)) and (channels == 1 or not grey)


def make_graphs(
    encoder: GivenGraph, decoder: GivenGraph, found: Found, dataset: Dataset, variance: float | None
) -> tuple[dict[str, bytes], LikelihoodName]:
    """Return the two graphs as a bundle stores them, and the likelihood of the decoder's output."""
    best, shape = found.best, dataset.image_shape
    likelihood = likelihood_of(best.decoder.output)
    if likelihood == "gaussian" and variance is None:
        variance = max(best.error, 1e-4)
    model = adapt_encoder(encoder, best.encoder, shape)
    if best.encoder.output == "mean":
        model = _with_kernel(encoder, model, dataset)
    return {
        "encoder.onnx": _finish(encoder, model, ("z_mean", "z_log_var")),
        "decoder.onnx": _finish(
            decoder, adapt_decoder(decoder, best.decoder, shape, variance), ("parameters",)
        ),
    }, likelihood


def one_hot(labels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return classes as a conditional model takes them, ``(n, classes)`` float32."""
    condition: np.ndarray = np.eye(len(dataset.classes), dtype=np.float32)[labels]
    return condition


def _with_kernel(graph: GivenGraph, model: onnx.ModelProto, dataset: Dataset) -> onnx.ModelProto:
    """Give an encoder without variances a constant log-variance: that of a kernel density."""
    train = dataset.train
    rows = evenly_spaced(len(train.images), KERNEL_POINTS)
    run = Runner(graph, one_hot(train.labels[rows], dataset), model.SerializeToString())
    z = run.all(to_unit_range(train.images[rows]))[0]
    return with_constant(model, kernel_log_variance(z))


def _finish(graph: GivenGraph, model: onnx.ModelProto, outputs: tuple[str, ...]) -> bytes:
    drop_unused(model.graph)
    try:
        return compact(model, outputs, batch=graph.batch)
    except Exception as error:  # onnx's and onnxruntime's errors share no base class
        raise AdoptionError(
            f"{graph.path.name} cannot be adapted: {one_line(error, MAX_SAID)}"
        ) from error
