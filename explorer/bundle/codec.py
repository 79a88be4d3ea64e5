"""Encoder and decoder as the app runs them: onnxruntime, no TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import onnxruntime

from explorer.bundle.posterior import FlowPosterior, GaussianPosterior, Pair, Posterior
from explorer.core.elbo import LikelihoodName, mean_image
from explorer.recipes.recipe import Recipe

WEIGHTS = "model.keras"
"""The file that graphs refer to for their weights."""


@dataclass(frozen=True)
class Codec:
    """All that the rest of the project asks of a trained model.

    Attributes:
        posterior: q(z|x), with images encoded by whatever runs the model.
        parameters: latents ``(n, latent_dim)`` → the likelihood's parameters
            (``elbo.log_likelihood``).
        likelihood: which one.
    """

    posterior: Posterior
    parameters: Callable[[np.ndarray], np.ndarray]
    likelihood: LikelihoodName

    def encode(self, images: np.ndarray) -> Pair:
        """See ``Posterior.encode``."""
        return self.posterior.encode(images)

    def draw(self, images: np.ndarray, noise: np.ndarray) -> Pair:
        """See ``Posterior.draw``."""
        return self.posterior.draw(images, noise)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Latents ``(n, latent_dim)`` → mean images ``(n, h, w, c)`` float32 in [0, 1]."""
        return mean_image(self.parameters(z), self.likelihood)


def onnx_codec(encoder: bytes, decoder: bytes, model_keras: bytes, recipe: Recipe) -> Codec:
    """A codec over two ONNX graphs, safe to share between threads.

    Args:
        encoder: the graph image → (z_mean, z_log_var), or with a flow
            (image, noise) → (z, log q(z|x) by dimension).
        decoder: the graph z → likelihood parameters.
        model_keras: contents of that file, where the graphs find their large weights.
        recipe: tells whether there is a flow, and how parameters become images.
    """
    session = _session(encoder, model_keras)
    encode: Any = partial(_run, session)
    posterior: Posterior = (
        FlowPosterior(encode, session.get_outputs()[0].shape[1])
        if recipe.flow
        else GaussianPosterior(encode)
    )
    decode = partial(_run, _session(decoder, model_keras))
    return Codec(posterior, lambda z: decode(z)[0], recipe.likelihood)


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
