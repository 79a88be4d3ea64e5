"""Encoder and decoder as the app runs them: onnxruntime, no TensorFlow."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import onnxruntime

from explorer.elbo import LikelihoodName, mean_image


class Codec(Protocol):
    """All that the rest of the project asks of a trained model."""

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images ``(n, h, w, c)`` float32 in [0, 1] → ``z_mean``, ``z_log_var``."""

    def parameters(self, z: np.ndarray) -> np.ndarray:
        """Latents ``(n, latent_dim)`` → the likelihood's parameters (``elbo.log_likelihood``)."""

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Latents ``(n, latent_dim)`` → mean images ``(n, h, w, c)`` float32 in [0, 1]."""


class OnnxCodec:
    """A ``Codec`` over two ONNX graphs. Safe to share between threads.

    Args:
        encoder: bytes of the graph image → (z_mean, z_log_var).
        decoder: bytes of the graph z → likelihood parameters.
        likelihood: tells how parameters become images.
    """

    def __init__(self, encoder: bytes, decoder: bytes, likelihood: LikelihoodName) -> None:
        self._encoder = _session(encoder)
        self._decoder = _session(decoder)
        self._likelihood = likelihood

    def encode(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See ``Codec.encode``."""
        z_mean, z_log_var = _run(self._encoder, images)
        return z_mean, z_log_var

    def parameters(self, z: np.ndarray) -> np.ndarray:
        """See ``Codec.parameters``."""
        return _run(self._decoder, z)[0]

    def decode(self, z: np.ndarray) -> np.ndarray:
        """See ``Codec.decode``."""
        return mean_image(self.parameters(z), self._likelihood)


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, batch: np.ndarray) -> list[np.ndarray]:
    return session.run(None, {session.get_inputs()[0].name: batch.astype(np.float32, copy=False)})
