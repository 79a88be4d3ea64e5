"""Write an ONNX graph as a bundle stores it: small, numbered in order, always the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from explorer.core.half import to_half

SMALL = 64
"""Arrays with fewer values stay in single precision: a Cast would take more than it saves."""

HALF = ":half"
"""Suffix of the name of a half-precision weight, before its Cast."""


def compact(model: onnx.ModelProto, outputs: Sequence[str], *, batch: int | None = None) -> bytes:
    """Write a graph made by tf2onnx, or by an earlier version of this function.

    It computes the same as before. Weights are stored in half precision with a Cast
    where that loses nothing, everything is numbered in the order of the nodes, and the batch
    is the only axis without a fixed size.

    Args:
        model: the graph with all weights inside.
        outputs: new names of the graph's outputs.
        batch: how many items the graph takes at once; None for any number.
    """
    graph = model.graph
    _join_halves(graph)
    if batch is None:
        _fix_shapes(model)
    _rename(graph, outputs, batch)
    _split_halves(graph)
    graph.name, graph.doc_string = "graph", ""
    del graph.value_info[:]
    drop_notes(model)
    used = {node.domain for node in graph.node}
    opsets = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def drop_notes(model: onnx.ModelProto) -> None:
    """Remove exporters' notes for readers, such as the paths of their source files."""
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def _join_halves(graph: onnx.GraphProto) -> None:
    """Turn weights in half precision, and the Casts that follow them, into single precision."""
    halves = {t.name: t for t in graph.initializer if t.name.endswith(HALF)}
    casts = {node.input[0]: node for node in graph.node if node.op_type == "Cast"}
    for name, tensor in halves.items():
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, casts[name].output[0]))
        graph.node.remove(casts[name])


def _split_halves(graph: onnx.GraphProto) -> None:
    """The opposite of ``_join_halves``, for every array that half precision can hold."""
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        halves = to_half(values)
        if np.array_equal(halves.astype(np.float32), values):
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(halves, name + HALF))
            casts.append(helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _fix_shapes(model: onnx.ModelProto) -> None:
    """Write the target of every Reshape as a constant, where only the batch is unknown.

    The exporter computes some of them from the shape of another array, with a dozen nodes.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    computed = [n for n in graph.node if n.op_type == "Reshape" and n.input[1] not in constants]
    if not computed:
        return
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(
        helper.make_empty_tensor_value_info(node.output[0]) for node in computed
    )
    two, three = (_shapes_from_zeros(probe, count) for count in (2, 3))
    for node, shape, other in zip(computed, two, three, strict=True):
        batch = shape != other
        if batch.sum() <= 1 and (shape[batch] == 2).all() and (other[batch] == 3).all():
            node.input[1] = f"{node.output[0]}:shape"
            constant = np.where(batch, -1, shape)
            graph.initializer.append(numpy_helper.from_array(constant, node.input[1]))
    drop_unused(graph)


def _shapes_from_zeros(model: onnx.ModelProto, count: int) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    inputs = {
        value.name: np.zeros((count, *value.shape[1:]), np.float32)
        for value in session.get_inputs()
    }
    return [np.array(output.shape, np.int64) for output in session.run(None, inputs)]


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the nodes and weights that no output needs."""
    needed = {value.name for value in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(weights)


def _rename(graph: onnx.GraphProto, outputs: Iterable[str], batch: int | None) -> None:
    """Name everything by its position: the exporter's own names change from run to run."""
    names = {"": "", **{value.name: value.name for value in graph.input}}
    for value, name in zip(graph.output, outputs, strict=True):
        names[value.name] = value.name = name
    for value in (*graph.input, *graph.output):
        dimensions = value.type.tensor_type.shape.dim
        first = dimensions[0] if dimensions else dimensions.add()
        if batch is None:
            first.dim_param = "n"
        else:
            first.dim_value = batch
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
        for place, name in enumerate(node.input):
            node.input[place] = names.setdefault(name, f"weight_{index}_{place}")
        for place, name in enumerate(node.output):
            node.output[place] = names.setdefault(name, f"{node.name}_{place}")
    weights = {tensor.name: tensor for tensor in graph.initializer}
    ordered = [weights[name] for name in names if name in weights]
    for tensor in ordered:
        tensor.name = names[tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(ordered)
