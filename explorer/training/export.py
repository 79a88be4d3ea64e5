"""From a trained Keras model to the files of a bundle: ``.keras`` and ONNX."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import logging
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import onnx
from onnx.external_data_helper import set_external_data

from explorer.bundle.codec import WEIGHTS, Codec, onnx_codec
from explorer.bundle.posterior import FlowPosterior, GaussianPosterior, Posterior
from explorer.bundle.store import BundleError
from explorer.core.half import to_half
from explorer.recipes.recipe import Recipe, RecipeError
from explorer.training.problems import reason
from explorer.training.vae import VAE, build_posterior

ONNX_TOLERANCE = 1e-5
"""By how much ONNX may differ from Keras: see ``onnx_difference``."""

SMALL = 1024
"""A graph keeps arrays of fewer bytes itself."""


def keras_codec(model: VAE) -> Codec:
    """A codec over the Keras model itself, for evaluation in large batches."""
    posterior: Posterior
    if model.flow is None:
        posterior = GaussianPosterior(model.encoder.predict_on_batch)
    else:
        draw = build_posterior(model)
        posterior = FlowPosterior(
            lambda *inputs: draw.predict_on_batch(list(inputs)), model.latent_dim
        )
    return Codec(posterior, model.decoder.predict_on_batch, model.recipe.likelihood)


def save_model(model: VAE, folder: Path) -> None:
    """Write ``model.keras``, and ``encoder.onnx`` and ``decoder.onnx`` that share its weights."""
    save_keras(model, folder / WEIGHTS)
    model_keras = (folder / WEIGHTS).read_bytes()
    encoder = model.encoder if model.flow is None else build_posterior(model)
    save_onnx(encoder, folder / "encoder.onnx", model_keras)
    save_onnx(model.decoder, folder / "decoder.onnx", model_keras)


def save_keras(model: VAE, path: Path) -> None:
    """Write the model without its optimiser, as Keras's own ``.keras``.

    Its weights are plain arrays, in half precision where that loses nothing: what the
    ONNX graphs refer to.
    """
    bare = VAE.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.name
        bare.save(plain)
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
            for name in sorted(source.namelist(), reverse=True):  # weights first, at even places
                data, method = source.read(name), zipfile.ZIP_DEFLATED
                if name == "model.weights.h5":
                    data, method = _store_plainly(data), zipfile.ZIP_STORED
                elif name == "metadata.json":  # without its date: same weights, same bytes
                    data = json.dumps({"keras_version": keras.__version__}).encode()
                target.writestr(zipfile.ZipInfo(name), data, method)


def load_keras(path: Path) -> VAE:
    """Load a bundle's ``.keras`` file without running any code from it.

    Raises:
        BundleError: the file is damaged, holds code, or holds no VAE.
    """
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what Keras raises for a damaged file shares no base class
        raise BundleError(
            f"{path.name} of {path.parent.name} cannot be loaded: {reason(error)}"
        ) from error
    if not isinstance(model, VAE):
        raise BundleError(
            f"{path.name} of {path.parent.name} holds a {type(model).__name__}; expected a VAE"
        )
    return model


def save_onnx(model: keras.Model, path: Path, model_keras: bytes) -> None:
    """Export an encoder or decoder as ONNX with its weights in half precision.

    The graph casts them back to single precision, so that with a model rounded
    by ``training.round_to_half`` it computes the same as Keras. Those that it shares
    with ``model.keras`` are not stored again: ONNX's external data say where they are.

    Args:
        model: encoder (with a flow: ``build_posterior``) or decoder.
        path: where to write the graph, beside ``model.keras``.
        model_keras: its contents.
    """
    nothing = [np.zeros((1, *x.shape[1:]), np.float32) for x in model.inputs]
    model.predict_on_batch(nothing if len(nothing) > 1 else nothing[0])
    with tempfile.TemporaryDirectory() as folder, _quiet():
        exported = Path(folder) / "model.onnx"
        model.export(exported, format="onnx", verbose=False)
        graph = onnx.load(exported)
    _number_names(graph.graph)
    _store_halves(graph.graph)
    onnx.checker.check_model(graph)
    _share_weights(graph.graph, model_keras)
    path.write_bytes(graph.SerializeToString(deterministic=True))


def check_exportable(recipe: Recipe, image_shape: tuple[int, ...], latent_dim: int) -> None:
    """See, before a long training, whether the app can run such a model.

    Raises:
        RecipeError: ONNX has no such layer, or computes something else than Keras.
    """
    model = VAE(recipe, image_shape, latent_dim)
    generator = np.random.default_rng(0)
    images = generator.random((8, *image_shape), np.float32)
    noise = generator.standard_normal((8, 1, latent_dim), np.float32)
    z = noise[:, 0]
    theirs = keras_codec(model)
    try:
        with tempfile.TemporaryDirectory() as folder:
            save_model(model, Path(folder))
            encoder, decoder, model_keras = (
                Path(folder, name).read_bytes()
                for name in ("encoder.onnx", "decoder.onnx", WEIGHTS)
            )
            ours = onnx_codec(encoder, decoder, model_keras, recipe)
        differences = [
            onnx_difference(ours.encode(images), theirs.encode(images)),
            onnx_difference(ours.draw(images, noise), theirs.draw(images, noise)),
            onnx_difference(ours.parameters(z), theirs.parameters(z)),
        ]
    except Exception as error:  # the errors of Keras, ONNX and onnxruntime share no base class
        raise RecipeError(f"the app could not run such a model: {reason(error)}") from error
    if not max(differences) <= ONNX_TOLERANCE:
        raise RecipeError(
            f"the app would compute something else than Keras (by {max(differences):.2g}); "
            "leave 'dtype' out of the layers"
        )


def onnx_difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two results, relative to the largest value if that exceeds 1."""
    scale = max(1.0, float(np.max(np.abs(theirs))))
    return float(np.max(np.abs(np.asarray(ours) - np.asarray(theirs)))) / scale


def count_weights(model: VAE) -> int:
    """Numbers that encoder, flow and decoder are made of."""
    parts = (model.encoder, model.flow, model.decoder)
    return sum(part.count_params() for part in parts if part is not None)


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide a run's figures."""
    return {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")}


def _number_names(graph: onnx.GraphProto) -> None:
    """Name everything by its place: the exporter's own names change from run to run."""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    graph.doc_string = ""
    del graph.value_info[:]
    names = {"": "", **{value.name: value.name for value in (*graph.input, *graph.output)}}
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
        for place, name in enumerate(node.input):
            node.input[place] = names.setdefault(name, f"weight_{index}_{place}")
        for place, name in enumerate(node.output):
            node.output[place] = names.setdefault(name, f"{node.name}_{place}")
    weights = {tensor.name: tensor for tensor in graph.initializer}
    ordered = [weights[name] for name in names if name in weights]
    for tensor in ordered:
        tensor.name = names[tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(ordered)


def _store_plainly(weights: bytes) -> bytes:
    """Keras's HDF5 file again, each array in one piece and in half precision if it can be."""
    plain = io.BytesIO()
    with (
        h5py.File(io.BytesIO(weights)) as source,
        h5py.File(plain, "w", libver="earliest") as target,  # later formats store the time
    ):

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                target[name] = _halves(item[()])
            else:
                target.require_group(name).attrs.update(item.attrs)

        source.visititems(copy)
    return plain.getvalue()


def _halves(values: np.ndarray) -> np.ndarray:
    """Single precision as half precision if that loses nothing; anything else as it is."""
    halves = to_half(values)
    is_same = values.dtype == np.float32 and np.array_equal(halves.astype(np.float32), values)
    return halves if is_same else values


def _share_weights(graph: onnx.GraphProto, model_keras: bytes) -> None:
    """Refer to ``model.keras`` for what stands there with the same bytes, wherever that is."""
    for tensor in graph.initializer:
        place, length = model_keras.find(tensor.raw_data), len(tensor.raw_data)
        if place >= 0 and length >= SMALL:
            set_external_data(tensor, WEIGHTS, offset=place, length=length)
            tensor.ClearField("raw_data")


def _store_halves(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        halves = _halves(values)
        if halves is values:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(halves, f"{name}:half"))
        graph.node.insert(
            0, onnx.helper.make_node("Cast", [f"{name}:half"], [name], to=onnx.TensorProto.FLOAT)
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's chatter off the progress lines."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
