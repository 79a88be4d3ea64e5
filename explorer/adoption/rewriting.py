"""Rewrite graphs into what the page runs: single precision, an earlier opset, any batch size."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, inliner, numpy_helper, shape_inference

from explorer.bundle.runtime import join_runs, open_session, run_graph

PRECISIONS = {
    TensorProto.FLOAT16: "half precision",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.DOUBLE: "double precision",
}
"""What single precision replaces."""
INTEGERS = TensorProto.UINT8, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL
"""Integers, or truth values, that a graph may take."""
_SHAPES = {"Reshape": 1, "Expand": 1, "Resize": 3, "Equal": 0, "Where": 2}
"""The inputs of nodes that may be a shape with the batch; by the last two, PyTorch's exporter
computes those of Expand."""
_TYPES = "to", "dtype", "softmax_precision", "stash_type"
"""Attributes of nodes that name the type of their results."""


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's operators that a graph uses; 0 if it does not say."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)


def to_single(model: onnx.ModelProto) -> str | None:
    """Let a graph compute in single precision; return what it computed in, if in another."""
    graph = model.graph
    tensors, found = [*graph.initializer], set()
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        if attribute.HasField("t"):
            tensors.append(attribute.t)
        elif attribute.name in _TYPES and attribute.i in PRECISIONS:
            attribute.i = TensorProto.FLOAT
    for tensor in tensors:
        if tensor.data_type in PRECISIONS:
            found.add(tensor.data_type)
            with np.errstate(over="ignore"):  # the limits of double precision become infinite
                values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type in PRECISIONS:
            found.add(value.type.tensor_type.elem_type)
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    del graph.value_info[:]  # the types of what is between them
    return PRECISIONS[min(found)] if found else None


def take_integers_as_floats(model: onnx.ModelProto) -> None:
    """Let a graph that takes integers, or gives bytes, take and give these numbers as float32.

    What takes one number for each item, as ``(n,)``, then takes them as ``(n, 1)``.
    """
    graph = model.graph
    for value in graph.output:
        if value.type.tensor_type.elem_type == TensorProto.UINT8:
            name, whole = value.name, f"{value.name}:integer"
            _rename(graph, name, whole)
            graph.node.append(helper.make_node("Cast", [whole], [name], to=TensorProto.FLOAT))
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for value in graph.input:
        kind, axes = value.type.tensor_type.elem_type, value.type.tensor_type.shape.dim
        if kind not in INTEGERS:
            continue
        name = value.name
        _rename(graph, name, f"{name}:integer")
        constants: dict[str, np.ndarray] = {}
        steps: list[tuple[str, tuple[str, ...]]] = [("Round", ())]
        if kind == TensorProto.UINT8:
            constants |= {f"{name}:{level}": np.array(level, np.float32) for level in (0, 255)}
            steps.insert(0, ("Clip", tuple(constants)))
        if len(axes) == 1:
            axes.add().dim_value = 1
            constants[f"{name}:row"] = np.array([-1])
            steps.append(("Reshape", (f"{name}:row",)))
        nodes, last = [], name
        for operator, further in steps:
            nodes.append(helper.make_node(operator, [last, *further], [f"{name}:{operator}"]))
            last = f"{name}:{operator}"
        nodes.append(helper.make_node("Cast", [last], [f"{name}:integer"], to=kind))
        nodes += graph.node
        del graph.node[:]
        graph.node.extend(nodes)
        graph.initializer.extend(
            numpy_helper.from_array(own, key) for key, own in constants.items()
        )
        value.type.tensor_type.elem_type = TensorProto.FLOAT


def _rename(graph: onnx.GraphProto, name: str, other: str) -> None:
    """Give another name to what the nodes of a graph take and give."""
    for node in graph.node:
        node.input[:] = [other if own == name else own for own in node.input]
        node.output[:] = [other if own == name else own for own in node.output]


def to_opset(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Declare an earlier opset, from 21 on.

    Since 21 the operators that a bundle may have got further types and attributes alone, which
    onnxruntime refuses in the earlier opset. What is new is replaced by its definition.
    """
    new = [node for node in model.graph.node if not onnx.defs.has(node.op_type, opset)]
    for node in new:
        given = {attribute.name for attribute in node.attribute}
        known = onnx.defs.get_schema(node.op_type, opset_of(model)).attributes.values()
        defaults = (own.default_value for own in known if own.name not in given)
        node.attribute.extend(value for value in defaults if value.type)
    if new:
        model.graph.value_info.extend(  # the inliner needs the types of weights
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            for tensor in model.graph.initializer
        )
        model = inliner.inline_selected_functions(
            shape_inference.infer_shapes(model),
            [("", kind) for kind in {node.op_type for node in new}],
            inline_schema_functions=True,
        )
    for own in model.opset_import:
        if own.domain in ("", "ai.onnx"):
            own.version = opset
    return model


def to_any_batch(model: onnx.ModelProto, size: int) -> onnx.ModelProto | None:
    """The graph for any number of items, or None if it would compute something else.

    Args:
        model: the graph.
        size: how many items it takes at once.
    """
    free = _with_free_batch(model, size)
    options = onnxruntime.RunOptions()  # a run takes a limited time
    try:
        before, after = (open_session(m.SerializeToString(), "graph") for m in (model, free))
        noise = np.random.default_rng(0)
        batches = [
            [noise.random((size, *value.shape[1:]), np.float32) for value in before.get_inputs()]
            for _ in range(2)
        ]
        expected, again = (
            join_runs(run_graph(before, options, *batch) for batch in batches) for _ in range(2)
        )
        whole = run_graph(after, options, *join_runs(batches))
        one = run_graph(after, options, *(values[:1] for values in batches[0]))
    except Exception:  # onnxruntime's errors share no base class; then it stays as it is
        return None
    repeat = [is_same(a, b) for a, b in zip(expected, again, strict=True)]
    are_same = all(
        is_same(all_, rows) and is_same(first, rows[:1])
        for all_, first, rows, repeats in zip(whole, one, expected, repeat, strict=True)
        if repeats
    )
    return free if any(repeat) and are_same else None


def _with_free_batch(model: onnx.ModelProto, size: int) -> onnx.ModelProto:
    """The graph with the batch left open in its inputs and in its constant shapes."""
    free = onnx.ModelProto()
    free.CopyFrom(model)
    graph = free.graph
    for value in (*graph.input, *graph.output):
        axes = value.type.tensor_type.shape.dim
        if axes and axes[0].dim_value == size:
            axes[0].dim_param = "n"
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants |= {
        node.output[0]: node.attribute[0].t for node in graph.node
        if node.op_type == "Constant" and node.attribute[0].HasField("t")
    }  # fmt: skip
    for node in graph.node:
        place = _SHAPES.get(node.op_type, len(node.input))
        if place >= len(node.input) or node.input[place] not in constants:
            continue
        shape = numpy_helper.to_array(constants[node.input[place]])
        if shape.dtype == np.int64 and shape.ndim == 1 and shape.size:
            name = f"{node.output[0]}:shape"
            graph.initializer.append(
                numpy_helper.from_array(_with_free_first(node, shape.copy(), size), name)
            )
            node.input[place] = name
    return free


def _with_free_first(node: onnx.NodeProto, shape: np.ndarray, size: int) -> np.ndarray:
    """The shape that a node is given, for any number of items in place of ``size``."""
    if node.op_type == "Reshape" and -1 not in shape:
        first = next((axis for axis, n in enumerate(shape) if n and n % size == 0), 0)
        shape[first] = -1 if shape[first] else 0
    elif shape[0] != size:
        pass
    elif node.op_type == "Reshape":
        shape[0] = 0  # as in what is reshaped
    elif node.op_type != "Resize":
        shape[0] = 1  # which leaves the items of what is expanded as they are
    elif all(attribute.name != "axes" for attribute in node.attribute):
        node.attribute.append(helper.make_attribute("axes", range(1, len(shape))))  # opset 18
        shape = shape[1:]
    return shape


def is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two results of a graph are the same except for rounding."""
    return one.shape == other.shape and np.allclose(
        one, other, rtol=1e-3, atol=1e-5, equal_nan=True
    )
