"""Cut an encoder with a flow in two, so that an image is encoded once for many draws."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from explorer.bundle.card import BundleError
from explorer.bundle.posterior import FlowPosterior
from explorer.bundle.runtime import open_session, run_graph

if TYPE_CHECKING:
    import onnx


def split_encoder(encoder: bytes) -> tuple[bytes, bytes]:
    """Cut a graph (image, noise) → (z, log q) where the noise enters.

    Returns:
        The graph image → values that the flow reads, and the graph (values, noise) → (z, log q).

    Raises:
        BundleError: the package onnx, which only training needs otherwise, is missing.
    """
    try:
        import onnx.shape_inference
        import onnx.utils
    except ImportError as error:
        raise BundleError(
            "to bound a model with a flow, its encoder is cut with the package onnx, which is not "
            "installed: pip install onnx"
        ) from error
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(encoder))
    image, noise = (value.name for value in model.graph.input)
    of_image, of_noise = _reached_from(image, model.graph), _reached_from(noise, model.graph)
    read = {
        name
        for node in model.graph.node
        if of_noise.intersection(node.output)
        for name in of_image.intersection(node.input) - of_noise
    }
    extractor = onnx.utils.Extractor(model)
    cut, outputs = sorted(read), [value.name for value in model.graph.output]
    parts = ([image], cut), ([*cut, noise], outputs)
    head, tail = (extractor.extract_model(*part).SerializeToString() for part in parts)
    return head, tail


def split_posterior(encoder: bytes, latent_dim: int) -> FlowPosterior:
    """The posterior of such an encoder; the part without noise runs once per image.

    Raises:
        BundleError: as for ``split_encoder``.
    """
    head, tail = (
        partial(run_graph, open_session(graph, "encoder.onnx"), None)
        for graph in split_encoder(encoder)
    )
    return FlowPosterior(tail, latent_dim, read=head)


def _reached_from(start: str, graph: onnx.GraphProto) -> set[str]:
    """The values of a graph that depend on one of its inputs, and that input."""
    reached = {start}
    for node in graph.node:  # in topological order, as ONNX demands
        if reached.intersection(node.input):
            reached.update(node.output)
    return reached
