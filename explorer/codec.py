"""Encoder and decoder as the app runs them: onnxruntime, no TensorFlow."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Protocol

import numpy as np
import onnxruntime

from explorer.elbo import mean_image
from explorer.posterior import FlowPosterior, GaussianPosterior, Pair, Posterior
from explorer.recipes import Recipe

WEIGHTS = "model.keras"
"""The file that graphs refer to for their weights."""


class Codec(Posterior, Protocol):
    """All that the rest of the project asks of a trained model."""

    def parameters(self, z: np.ndarray) -> np.ndarray:
        """Latents ``(n, latent_dim)`` → the likelihood's parameters (``elbo.log_likelihood``)."""

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Latents ``(n, latent_dim)`` → mean images ``(n, h, w, c)`` float32 in [0, 1]."""


class OnnxCodec:
    """A ``Codec`` over two ONNX graphs. Safe to share between threads.

    Args:
        encoder: bytes of the graph image → (z_mean, z_log_var), or with a flow
            (image, noise) → (z, log q(z|x) by dimension).
        decoder: bytes of the graph z → likelihood parameters.
        model_keras: contents of that file, where the graphs find their large weights.
        recipe: tells whether there is a flow, and how parameters become images.
    """

    def __init__(self, encoder: bytes, decoder: bytes, model_keras: bytes, recipe: Recipe) -> None:
        session = _session(encoder, model_keras)
        run: Any = partial(_run, session)
        self._posterior: Posterior = (
            FlowPosterior(run, session.get_outputs()[0].shape[1])
            if recipe.flow
            else GaussianPosterior(run)
        )
        self._decoder = _session(decoder, model_keras)
        self._likelihood = recipe.likelihood

    def encode(self, images: np.ndarray) -> Pair:
        """See ``Posterior.encode``."""
        return self._posterior.encode(images)

    def draw(self, images: np.ndarray, noise: np.ndarray) -> Pair:
        """See ``Posterior.draw``."""
        return self._posterior.draw(images, noise)

    def parameters(self, z: np.ndarray) -> np.ndarray:
        """See ``Codec.parameters``."""
        return _run(self._decoder, z)[0]

    def decode(self, z: np.ndarray) -> np.ndarray:
        """See ``Codec.decode``."""
        return mean_image(self.parameters(z), self._likelihood)


def _session(graph: bytes, model_keras: bytes) -> onnxruntime.InferenceSession:
    """Load a graph, which may refer to ``model.keras``; no file is read, whatever it refers to."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_external_initializers_from_files_in_memory(
        [WEIGHTS], [model_keras], [len(model_keras)]
    )
    options.add_session_config_entry(  # nested graphs do not ask that table: they find no folder
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, *batches: np.ndarray) -> list[np.ndarray]:
    names = [value.name for value in session.get_inputs()]
    values = (batch.astype(np.float32, copy=False) for batch in batches)
    return session.run(None, dict(zip(names, values, strict=True)))
