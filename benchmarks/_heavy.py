"""Make a model with a decoder that is too slow for any browser from one that ships."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from explorer.bundle.store import Bundle, load_bundle, save_card

WIDTHS = 1024, 512
"""Channels at 8 and 16 pixels, as in pythae's decoder for CelebA: 840 million multiply-adds in
the transposed convolution between them."""
NAME = "heavy"


def heavy_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Copy a bundle of 32 × 32 colour images, with a heavy decoder, and load the copy."""
    path = folder / NAME
    shutil.copytree(bundle.path, path)
    (path / "decoder.onnx").write_bytes(heavy_decoder(bundle.card.model.latent_dim))
    save_card(bundle.card.model_copy(update={"name": NAME}), path)
    return load_bundle(path)


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
    z, x = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])
        for name, shape in (("z", [latent_dim]), ("parameters", [32, 32, 3]))
    )
    graph = helper.make_graph(nodes, NAME, [z], [x], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised
