"""Count what a network computes before it is run, from the shapes that onnxruntime infers.

These are the shapes of all arrays that its nodes make for one image or latent: a copy of the
network that has each of them as an output is loaded, but not run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import onnxruntime

from explorer.bundle.graph import Graph, GraphError, Node

MAX_MULTIPLY_ADDS = 50_000_000_000
"""Limit for one image or latent: a few seconds of one core."""
SPARE_NUMBERS = 2**22
"""How many numbers may follow from the weights alone, besides two for each byte of the file."""
SHAPE_BYTES = 2**12
"""Size of the largest array that is computed to learn the shapes of others."""

_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1
_LEVELS = (
    onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,  # computes constant shapes
)
Shapes = Mapping[str, Sequence[int]]


def count_multiply_adds(content: bytes) -> int:
    """Count a network's multiply-adds for one image or latent; any other operation counts as one.

    Args:
        content: contents of an ``.onnx`` file.

    Raises:
        GraphError: ``Graph`` refuses it, the size of an array is not known beforehand, or its
            weights unfold to too many numbers when it is loaded.
    """
    graph = Graph(content)
    shapes = _all_shapes(graph, content)
    limit = SPARE_NUMBERS + 2 * len(content)
    if (folded := _count_folded(graph, shapes)) > limit:
        raise GraphError(
            f"it computes {folded:,} numbers from its weights when it is loaded; at most "
            f"{limit:,} are kept"
        )
    return sum(_count(node, shapes) for node in graph.nodes)


def _all_shapes(graph: Graph, content: bytes) -> Shapes:
    """The shapes of all arrays of a network, by name."""
    shapes: dict[str, Sequence[int]] = dict(graph.initializers)
    unknown = [name for node in graph.nodes for name in node.outputs if name]
    for level in _LEVELS:
        shapes |= _infer_shapes(content, unknown, level)
        unknown = [name for name in unknown if name not in shapes]
        if not unknown:
            return shapes
    raise GraphError(f"the size of its array {unknown[0]!r} is not known before it is run")


def _count_folded(graph: Graph, shapes: Shapes) -> int:
    """Numbers in the arrays that follow from the file alone: onnxruntime computes them at once."""
    constant, folded = set(graph.initializers), 0
    later = {name for node in graph.nodes for name in node.outputs if name}
    for node in graph.nodes:
        if not later.isdisjoint(node.inputs):
            raise GraphError(f"its operator {node.kind!r} reads what a later one makes")
        later.difference_update(node.outputs)
        if node.kind in ("Shape", "Size") or constant.issuperset(filter(None, node.inputs)):
            constant.update(node.outputs)
            folded += _made(node, shapes)
    return folded


def _infer_shapes(
    content: bytes, names: Sequence[str], level: onnxruntime.GraphOptimizationLevel
) -> dict[str, Sequence[int]]:
    """The shapes of arrays by their names, where they are known."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = level
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(SHAPE_BYTES)
    )
    load = partial(
        onnxruntime.InferenceSession,
        sess_options=options, providers=["CPUExecutionProvider"], enable_fallback=0,
    )  # fmt: skip
    plain = load(content)
    for size in {size for value in plain.get_inputs() for size in value.shape}:
        if isinstance(size, str):
            options.add_free_dimension_override_by_name(size, 1)
    further = {*names} - {value.name for value in plain.get_outputs()}
    outputs = (_field(_GRAPH_OUTPUT, _field(_VALUE_NAME, name.encode())) for name in further)
    # Protobuf merges what is appended into the existing graph
    whole = load(content + _field(_MODEL_GRAPH, b"".join(outputs)))
    return {
        value.name: value.shape
        for value in (*whole.get_inputs(), *whole.get_outputs())
        if all(isinstance(size, int) for size in value.shape)
    }


def _count(node: Node, shapes: Shapes) -> int:
    """Multiply-adds of a node, or the number of values that it reads or makes if larger."""
    made = _made(node, shapes)
    sizes = [shapes.get(name, ()) for name in node.inputs]
    match node.kind:
        case "Conv":
            each = math.prod(sizes[1][1:])
        case "ConvTranspose":
            return math.prod(sizes[0]) * math.prod(sizes[1][1:])
        case "MatMul":
            each = sizes[0][-1]
        case "Gemm":
            each = math.prod(sizes[0]) // max(1, shapes[node.outputs[0]][0])
        case "AveragePool" | "LpPool" | "MaxPool":
            each = math.prod(node.kernel)
        case "GRU" | "LSTM" | "RNN":
            return math.prod(sizes[0][:2]) * (math.prod(sizes[1]) + math.prod(sizes[2]))
        case "Einsum":  # at most: every index is one of two or more arrays (Loomis & Whitney 1949)
            return math.isqrt(made * math.prod(map(math.prod, sizes)))
        case _:
            return max(made, *map(math.prod, sizes), 0)
    return made * max(1, each)


def _made(node: Node, shapes: Shapes) -> int:
    """The number of values that a node makes."""
    return sum(math.prod(shapes[name]) for name in node.outputs if name)


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that holds bytes."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
