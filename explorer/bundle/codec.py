"""Encoder and decoder as the app runs them: with onnxruntime, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import onnxruntime

from explorer.bundle.graph import GraphError
from explorer.bundle.posterior import FlowPosterior, GaussianPosterior, Pair, Posterior
from explorer.bundle.runtime import open_session, run_graph
from explorer.bundle.work import MAX_MULTIPLY_ADDS, count_multiply_adds
from explorer.core.likelihoods import LikelihoodName, mean_image
from explorer.core.neighbourhood import Progress
from explorer.core.subsets import in_chunks
from explorer.errors import one_line

AT_ONCE = 100
"""Images run at once: a convolutional network needs megabytes for each."""
PART = 10**11
"""Multiply-adds of latents that are decoded between two reports of progress."""


@dataclass(frozen=True)
class Codec:
    """All that the rest of the project needs from a trained model.

    Attributes:
        posterior: q(z|x), computed by whatever runs the model.
        parameters: latents ``(n, latent_dim)`` → the likelihood's parameters
            (``explorer.core.likelihoods``).
        likelihood: name of that likelihood.
        by_class: the codec of each class of a conditional model; empty for other models.
        encoder_work, decoder_work: multiply-adds of the networks for one item, if they are known.
    """

    posterior: Posterior
    parameters: Callable[[np.ndarray], np.ndarray]
    likelihood: LikelihoodName
    by_class: tuple[Codec, ...] = ()
    encoder_work: int = 0
    decoder_work: int = 0

    def given(self, label: int) -> Codec:
        """Return the codec of a class; for an unconditional model, this one."""
        return replace(self.by_class[label], by_class=self.by_class) if self.by_class else self

    def run_by_class(
        self,
        labels: np.ndarray,
        compute: Callable[[Codec, np.ndarray | slice], Sequence[np.ndarray]],
    ) -> Sequence[np.ndarray]:
        """Compute something for each image with the codec of its class.

        Args:
            labels: classes of the images, ``(n,)``.
            compute: a codec and the rows that it is for → arrays with as many rows.

        Returns:
            The arrays with ``n`` rows, in the order of the labels.
        """
        if not self.by_class:
            return compute(self, slice(None))
        rows = [np.flatnonzero(labels == label) for label in range(len(self.by_class))]
        parts = [
            compute(codec, some)
            for codec, some in zip(self.by_class, rows, strict=True)
            if len(some)
        ]
        order = np.argsort(np.concatenate(rows))
        return [np.concatenate(arrays)[order] for arrays in zip(*parts, strict=True)]

    def encode(self, images: np.ndarray) -> Pair:
        """See ``Posterior.encode``."""
        return self.posterior.encode(images)

    def draw(self, images: np.ndarray, noise: np.ndarray) -> Pair:
        """See ``Posterior.draw``."""
        return self.posterior.draw(images, noise)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Latents ``(n, latent_dim)`` → mean images ``(n, h, w, c)`` float32 in [0, 1]."""
        return mean_image(self.parameters(z), self.likelihood)


def counting(codec: Codec, total: int, progress: Progress) -> Codec:
    """Return a codec that reports which share of ``total`` latents it has decoded."""
    done, size = 0, max(1, PART // max(1, codec.decoder_work))

    def counted(one: Codec) -> Codec:
        def parameters(z: np.ndarray) -> np.ndarray:
            nonlocal done
            found = []
            for part in in_chunks(z, size):
                found.append(np.asarray(one.parameters(part)))
                done += len(part)
                progress(min(0.99, done / total))
            return found[0] if len(found) == 1 else np.concatenate(found)

        return replace(one, parameters=parameters)

    return replace(counted(codec), by_class=tuple(map(counted, codec.by_class)))


def onnx_codec(
    encoder: bytes,
    decoder: bytes,
    likelihood: LikelihoodName,
    *,
    has_flow: bool = False,
    classes: int = 0,
    options: onnxruntime.RunOptions | None = None,
) -> Codec:
    """A codec over two ONNX graphs, safe to share between threads.

    Args:
        encoder: the graph image → (z_mean, z_log_var), or with a flow
            (image, noise) → (z, log q(z|x) by dimension).
        decoder: the graph z → likelihood parameters.
        likelihood: what the decoder's output parametrises.
        has_flow: whether the encoder has a flow, and takes noise.
        classes: number of classes of a conditional model, whose decoder (and encoder, if that has
            two inputs) takes the class one-hot, ``(n, classes)``, as its second input; 0 for
            other models.
        options: options of every run; once its ``terminate`` is set, a run ends after the current
            node.

    Raises:
        GraphError: a graph is damaged, does not stand alone, computes too much, or has
            something that onnxruntime does not support.
    """
    works = [
        _check_work(graph, name)
        for graph, name in ((encoder, "encoder.onnx"), (decoder, "decoder.onnx"))
    ]
    encoding = open_session(encoder, "encoder.onnx")
    decoding = open_session(decoder, "decoder.onnx")

    def run(session: onnxruntime.InferenceSession, label: int) -> Callable[..., Any]:
        if not classes or len(session.get_inputs()) == 1:
            return partial(run_graph, session, options)
        condition = np.zeros((1, classes), np.float32)
        condition[0, label] = 1.0
        return lambda batch: run_graph(
            session, options, batch, np.repeat(condition, len(batch), axis=0)
        )

    def codec_of(label: int) -> Codec:
        encode, decode = run(encoding, label), run(decoding, label)
        posterior: Posterior = (
            FlowPosterior(encode, _noise_size(encoding)) if has_flow else GaussianPosterior(encode)
        )
        return Codec(posterior, lambda z: decode(z)[0], likelihood, (), *works)

    codecs = tuple(map(codec_of, range(classes)))
    return replace(codecs[0], by_class=codecs) if codecs else codec_of(0)


def _noise_size(encoder: onnxruntime.InferenceSession) -> int:
    """Number of noise values that an encoder with a flow takes with each image."""
    shapes = [value.shape for value in encoder.get_inputs()]
    match shapes:
        case [_, [_, int(size)]]:
            return size
    raise GraphError(
        "encoder.onnx is not usable: with a flow it takes images and noise (n, latent_dim), not "
        f"inputs of shapes {shapes}"
    )


def _check_work(graph: bytes, name: str) -> int:
    """Count a graph's multiply-adds for one item.

    Raises:
        GraphError: they are more than ``MAX_MULTIPLY_ADDS``.
    """
    try:
        count = count_multiply_adds(graph)
    except Exception as error:  # onnxruntime's errors share no base class
        raise GraphError(f"{name} is not usable: {one_line(error)}") from error
    if count > MAX_MULTIPLY_ADDS:
        raise GraphError(
            f"{name} is not usable: it computes {count:,} multiply-adds for one item; at most "
            f"{MAX_MULTIPLY_ADDS:,} are run"
        )
    return count
