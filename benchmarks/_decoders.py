"""Decoders with random weights, as large as those of models for colour images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LATENT_DIM = 32
"""Latent dimensions of ``dcgan``."""
WIDTHS = 1024, 512
"""Channels at 8 and 16 pixels, as in pythae's decoder for CelebA: 840 million multiply-adds in
the transposed convolution between them."""


def dcgan(widths: Sequence[int]) -> bytes:
    """A decoder as in DCGAN (Radford et al. 2016): 4 × 4 transposed convolutions, up to 64 × 64."""
    rng = np.random.default_rng(0)
    shape = numpy_helper.from_array(np.array([1, LATENT_DIM, 1, 1]), "shape")
    nodes, weights = [helper.make_node("Reshape", ["z", "shape"], ["0"])], [shape]
    for i, pair in enumerate(pairwise((LATENT_DIM, *widths, 3))):
        kernel = 0.05 * rng.normal(size=(*pair, 4, 4)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{i}"))
        place: dict[str, Any] = {"strides": [2, 2], "pads": [1] * 4} if i else {}
        activation = "Relu" if i < len(widths) else "Sigmoid"
        nodes += [
            helper.make_node("ConvTranspose", [f"{i}", f"w{i}"], [f"c{i}"], **place),
            helper.make_node(activation, [f"c{i}"], [f"{i + 1}"]),
        ]
    shapes = {"z": [1, LATENT_DIM], f"{len(widths) + 1}": [1, 3, 64, 64]}
    return _serialised(nodes, weights, shapes)


def heavy_decoder(latent_dim: int) -> bytes:
    """Return a fully connected layer and two transposed convolutions with random weights."""
    rng = np.random.default_rng(0)
    wide, narrow = WIDTHS
    arrays = {
        "w0": 0.05 * rng.normal(size=(latent_dim, wide * 64)),
        "w1": 0.02 * rng.normal(size=(wide, narrow, 5, 5)),
        "w2": 0.02 * rng.normal(size=(narrow, 3, 4, 4)),
    }
    weights = [numpy_helper.from_array(w.astype(np.float32), name) for name, w in arrays.items()]
    weights.append(numpy_helper.from_array(np.array([-1, wide, 8, 8]), "shape"))
    nodes = [
        helper.make_node("MatMul", ["z", "w0"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["a"]),
        helper.make_node(
            "ConvTranspose", ["a", "w1"], ["b"], strides=[2, 2], pads=[2] * 4, output_padding=[1, 1]
        ),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("ConvTranspose", ["c", "w2"], ["d"], strides=[2, 2], pads=[1] * 4),
        helper.make_node("Sigmoid", ["d"], ["e"]),
        helper.make_node("Transpose", ["e"], ["parameters"], perm=[0, 2, 3, 1]),
    ]
    shapes: dict[str, list[int | str]] = {"z": ["n", latent_dim], "parameters": ["n", 32, 32, 3]}
    return _serialised(nodes, weights, shapes)


def _serialised(
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto],
    shapes: Mapping[str, Sequence[int | str]],
) -> bytes:
    """Return the graph of these nodes, with the shapes of its input and its output by name."""
    z, x = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
    graph = helper.make_graph(nodes, "decoder", [z], [x], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content
