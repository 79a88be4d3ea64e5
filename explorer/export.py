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

import keras
import numpy as np
import onnx

from explorer.bundle import BundleError
from explorer.codec import OnnxCodec
from explorer.elbo import mean_image
from explorer.model import VAE, reason
from explorer.recipes import Recipe, RecipeError

ONNX_TOLERANCE = 1e-5
"""By how much ONNX may differ from Keras: see ``onnx_difference``."""


class KerasCodec:
    """A ``Codec`` over the Keras model itself, for evaluation in large batches."""

    def __init__(self, model: VAE) -> None:
        self._model = model

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Codec.encode``."""
        z_mean, z_log_var = self._model.encoder.predict_on_batch(images)
        return z_mean, z_log_var

    def parameters(self, z: np.ndarray) -> np.ndarray:
        """See ``Codec.parameters``."""
        return self._model.decoder.predict_on_batch(z)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """See ``Codec.decode``."""
        return mean_image(self.parameters(z), self._model.recipe.likelihood)


def save_model(model: VAE, folder: Path) -> None:
    """Write ``model.keras``, ``encoder.onnx`` and ``decoder.onnx``."""
    save_keras(model, folder / "model.keras")
    save_onnx(model.encoder, folder / "encoder.onnx")
    save_onnx(model.decoder, folder / "decoder.onnx")


def save_keras(model: VAE, path: Path) -> None:
    """Write the model without its optimiser, compressed, as Keras's own ``.keras``."""
    bare = VAE.from_config(model.get_config())
    bare.encoder.set_weights(model.encoder.get_weights())
    bare.decoder.set_weights(model.decoder.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / path.name
        bare.save(plain)
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
            for name in sorted(source.namelist()):
                data = source.read(name)
                if name == "metadata.json":  # without its date: same weights, same bytes
                    data = json.dumps({"keras_version": keras.__version__}).encode()
                entry = zipfile.ZipInfo(name)
                target.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=9)


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


def save_onnx(model: keras.Model, path: Path) -> None:
    """Export an encoder or decoder as ONNX with its weights in half precision.

    The graph casts them back to single precision, so that with a model rounded
    by ``training.round_to_half`` it computes the same as Keras.
    """
    model.predict_on_batch(np.zeros((1, *model.input_shape[1:]), np.float32))
    with tempfile.TemporaryDirectory() as folder, _quiet():
        exported = Path(folder) / "model.onnx"
        model.export(exported, format="onnx", verbose=False)
        graph = onnx.load(exported)
    _number_names(graph.graph)
    _store_halves(graph.graph)
    onnx.checker.check_model(graph)
    path.write_bytes(graph.SerializeToString(deterministic=True))


def check_exportable(recipe: Recipe, image_shape: tuple[int, ...], latent_dim: int) -> None:
    """See, before a long training, whether the app can run such a model.

    Raises:
        RecipeError: ONNX has no such layer, or computes something else than Keras.
    """
    model = VAE(recipe, image_shape, latent_dim)
    generator = np.random.default_rng(0)
    images = generator.random((8, *image_shape), np.float32)
    z = generator.standard_normal((8, latent_dim)).astype(np.float32)
    theirs = KerasCodec(model)
    try:
        with tempfile.TemporaryDirectory() as folder:
            encoder, decoder = Path(folder, "encoder.onnx"), Path(folder, "decoder.onnx")
            save_onnx(model.encoder, encoder)
            save_onnx(model.decoder, decoder)
            ours = OnnxCodec(encoder.read_bytes(), decoder.read_bytes(), recipe.likelihood)
        differences = [
            onnx_difference(ours.encode(images), theirs.encode(images)),
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
    """Numbers that encoder and decoder are made of."""
    return model.encoder.count_params() + model.decoder.count_params()


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


def _store_halves(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if values.dtype != np.float32 or not np.array_equal(halves.astype(np.float32), values):
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
