"""TensorFlow operators that tf2onnx lacks, written with ONNX's own.

gelu, celu and the refinement of posteriors need them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tf2onnx.handler import tf_op


@tf_op("Erfc")
class Erfc:
    """erfc(x) = 1 − erf(x)."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **_: Any) -> None:
        """Replace a node; tf2onnx calls it for this opset and later ones."""
        inner = ctx.make_node("Erf", node.input)
        _replace(ctx, node, "Sub", [_one(ctx), inner.output[0]])


@tf_op("Expm1")
class Expm1:
    """exp(x) − 1."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **_: Any) -> None:
        """Replace a node; tf2onnx calls it for this opset and later ones."""
        inner = ctx.make_node("Exp", node.input)
        _replace(ctx, node, "Sub", [inner.output[0], _one(ctx)])


@tf_op("Log1p")
class Log1p:
    """log(1 + x)."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **_: Any) -> None:
        """Replace a node; tf2onnx calls it for this opset and later ones."""
        inner = ctx.make_node("Add", [node.input[0], _one(ctx)])
        _replace(ctx, node, "Log", [inner.output[0]])


def _one(ctx: Any) -> str:
    constant = ctx.make_const(f"one_{len(ctx.get_nodes())}", np.array(1, np.float32))
    name: str = constant.output[0]
    return name


def _replace(ctx: Any, node: Any, kind: str, inputs: list[str]) -> None:
    shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
    ctx.remove_node(node.name)
    ctx.make_node(kind, inputs, outputs=outputs, shapes=shapes, dtypes=dtypes)
