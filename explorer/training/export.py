"""Export a trained Keras model to the files of a bundle: two ONNX graphs, and Keras's own file."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import logging
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

from explorer.bundle.codec import Codec, onnx_codec
from explorer.bundle.compact import compact
from explorer.bundle.posterior import FlowPosterior, GaussianPosterior, Posterior
from explorer.core.half import to_half
from explorer.errors import ExplorerError
from explorer.recipes.recipe import Recipe, RecipeError
from explorer.training import operators  # noqa: F401  registers them with tf2onnx
from explorer.training.problems import reason
from explorer.training.run import TrainingError
from explorer.training.vae import VAE, build_posterior, build_refined

ONNX_TOLERANCE = 1e-5
"""Largest difference allowed between ONNX and Keras: see ``onnx_difference``."""
REFINED_TOLERANCE = 1e-2
"""The same for refined posteriors: a step that hardly gains may count in one of them only."""
MAX_SAID = 200
"""Number of characters of a Keras message that are passed on."""


def round_to_half(model: keras.Model) -> None:
    """Round every weight to the nearest half-precision value.

    The files of a bundle store 16 bits per weight; rounding the model itself
    makes Keras, ONNX and the browser run exactly the same function.

    Raises:
        TrainingError: a weight is NaN or too large for half precision.
    """
    for weight in model.weights:
        if weight.dtype == "float32":
            halves = to_half(weight.numpy())
            if not np.isfinite(halves).all():
                raise TrainingError(
                    f"the weights of {weight.path} ended beyond ±65,504; "
                    "try a lower learning rate in the recipe, or another --seed"
                )
            weight.assign(halves.astype(np.float32))


def keras_codec(model: VAE) -> Codec:
    """A codec over the Keras model itself, for evaluation in large batches."""
    posterior: Posterior
    if model.flow is None:
        posterior = GaussianPosterior(build_refined(model).predict_on_batch)
    else:
        draw = build_posterior(model)
        posterior = FlowPosterior(
            lambda *inputs: draw.predict_on_batch(list(inputs)), model.latent_dim
        )
    return Codec(posterior, model.decoder.predict_on_batch, model.recipe.likelihood)


def export_graphs(model: VAE) -> dict[str, bytes]:
    """``encoder.onnx`` and ``decoder.onnx``: their contents by name.

    With a model rounded by ``round_to_half`` the weights take two bytes each. The same
    weights give the same bytes.
    """
    if model.flow is None:
        encoder = _export(build_refined(model), "z_mean", "z_log_var")
    else:
        encoder = _export(build_posterior(model), "z", "log_q")
    return {"encoder.onnx": encoder, "decoder.onnx": _export(model.decoder, "parameters")}


def save_keras(model: VAE, path: Path) -> None:
    """Write Keras's own file of the model without its optimiser, for users who go on in Keras."""
    bare = VAE.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    bare.save(path)


def check_exportable(recipe: Recipe, image_shape: tuple[int, ...], latent_dim: int) -> None:
    """Check, before a long training, that the app can run such a model.

    Raises:
        RecipeError: ONNX has no such layer, or its results differ from those of Keras.
    """
    model = VAE(recipe, image_shape, latent_dim)
    generator = np.random.default_rng(0)
    images = generator.random((8, *image_shape), np.float32)
    noise = generator.standard_normal((8, 1, latent_dim), np.float32)
    z = noise[:, 0]
    theirs = keras_codec(model)
    try:
        graphs = export_graphs(model)
        ours = onnx_codec(
            graphs["encoder.onnx"], graphs["decoder.onnx"], recipe.likelihood,
            has_flow=recipe.has_flow,
        )  # fmt: skip
        encoding = [
            onnx_difference(ours.encode(images), theirs.encode(images)),
            onnx_difference(ours.draw(images, noise), theirs.draw(images, noise)),
        ]
        decoding = onnx_difference(ours.parameters(z), theirs.parameters(z))
    except Exception as error:  # the errors of Keras, ONNX and onnxruntime share no base class
        raise RecipeError(f"the app could not run such a model: {reason(error)}") from error
    tolerance = REFINED_TOLERANCE if recipe.refinement else ONNX_TOLERANCE
    if not (np.max(encoding) <= tolerance and decoding <= ONNX_TOLERANCE):
        raise RecipeError(
            "the app would compute something else than Keras "
            f"(by {np.max([*encoding, decoding]):.2g}); leave 'dtype' out of the layers"
        )


def onnx_difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two results, relative to the largest value if that exceeds 1.

    NaN if one is NaN, or both are infinite.
    """
    scale = max(1.0, float(np.max(np.abs(theirs))))
    with np.errstate(invalid="ignore"):
        return float(np.max(np.abs(np.asarray(ours) - np.asarray(theirs)))) / scale


def graph_of_keras_file(path: Path) -> bytes:
    """Convert a ``.keras`` file of Keras's own layers to ONNX; no code in the file is run.

    Raises:
        ExplorerError: it has custom layers, cannot be exported, or is not such a file.
    """
    if not zipfile.is_zipfile(path):
        raise ExplorerError(f"{path.name} is no .keras file, or is damaged: save the model anew")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise TypeError("it holds no model")
        content: bytes = _to_onnx(model).SerializeToString()
        return content
    except Exception as error:  # the errors of Keras and tf2onnx share no base class
        why = _shortened(reason(error))
        raise ExplorerError(
            f"{path.name} cannot be used: {why}; only built-in Keras layers are supported, "
            "otherwise export it yourself, without what is drawn at random: "
            'model.export("model.onnx", format="onnx")'
        ) from error


def _shortened(text: str) -> str:
    """Return the beginning of a Keras message: a layer's whole configuration may follow."""
    first = re.split(r"[.:] (?=Make|Please|If|\{)|\{'", text)[0]
    return first if len(first) <= MAX_SAID else f"{first[:MAX_SAID]} …"


def library_versions() -> dict[str, str]:
    """Versions of the libraries that determine a run's figures."""
    return {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")}


def _export(model: keras.Model, *outputs: str) -> bytes:
    """An encoder or decoder as an ONNX graph whose outputs have these names."""
    return compact(_to_onnx(model), outputs)


def _to_onnx(model: keras.Model) -> onnx.ModelProto:
    """The graph of a model; ``model.export`` takes twice as long, as it makes a SavedModel too."""
    signature = [tf.TensorSpec(x.shape, x.dtype, name=x.name) for x in model.inputs]

    @tf.function(autograph=False)
    def run(*inputs: tf.Tensor) -> Any:
        return model(inputs if len(inputs) > 1 else inputs[0], training=False)

    with _quiet():
        graph: onnx.ModelProto = tf2onnx.convert.from_function(run, signature)[0]
    return graph


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's messages off the progress lines."""
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
