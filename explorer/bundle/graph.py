"""Check an ONNX file before it is run: it must be self-contained, and declare its true size.

Only the outer layers of the protobuf message are read, by the numbers of its fields in
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, so that the app does not need the
``onnx`` package and a hostile file takes no more memory here than its own size.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from explorer.errors import ExplorerError

MAX_PARTS = 200_000
"""Largest number of fields that are read from a file."""
MAX_ARRAYS = 6_000
"""Largest number of arrays that a file holds or its nodes make: the time in which onnxruntime opens
it grows with their square. PyTorch's export of a decoder with 100 residual blocks has 3,700."""
MAX_STRUCTURE = 2**23
"""Limit on a file's bytes besides its weights; protobuf may unpack them a hundredfold."""
MAX_AXES = 64
"""Largest number of axes, as in NumPy: a product over many more would take minutes."""

_OPERATOR_NAMES = """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool
    BatchNormalization Cast CastLike Ceil Celu Clip Concat Constant ConstantOfShape Conv
    ConvTranspose Cos Cosh CumSum DepthToSpace Div Dropout Einsum Elu Equal Erf Exp Expand EyeLike
    Flatten Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool
    GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization GRU HardSigmoid HardSwish
    Hardmax Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual
    Log LogSoftmax LpNormalization LpPool LRN LSTM MatMul Max MaxPool Mean
    MeanVarianceNormalization Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow RandomNormal
    RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Relu Reshape Resize RNN Round ScatterElements ScatterND Selu
    Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt
    Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample
    Where Xor
"""
_OPERATORS = frozenset(_OPERATOR_NAMES.split())
"""Operators that a graph may have: no loops, sequences, text or quantised weights."""
_FLOATING = {1: 4, 10: 1, 11: 8, 16: 1}
"""Data types of weights (float, half, double, bfloat16), with the fewest bytes a number takes."""
_KNOWN_TYPES = {*_FLOATING, 2, 3, 4, 5, 6, 7, 9, 12, 13}
"""Allowed data types of tensors: those, integers and bool, but no text."""
_DOMAINS = (b"", b"ai.onnx")

_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTION = 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_INTEGERS = 1, 8
_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS = 5, 10
_ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (6, 11), (22, 23)
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_DATA = 1, 2, 8, 9
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14

Field = tuple[int, int | memoryview]


class GraphError(ExplorerError):
    """A graph that is refused; the message says what is wrong with it, without its name."""


@dataclass(frozen=True)
class Node:
    """An operator in a graph.

    Attributes:
        kind: name of the operator.
        inputs, outputs: names of arrays; "" for one that is left out.
        kernel: its ``kernel_shape``; empty if it has none.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kernel: tuple[int, ...]


class Graph:
    """The contents of an ``.onnx`` file, checked and read in one pass.

    Attributes:
        nodes: the operators.
        initializers: shapes of the arrays that the file holds, by name.
        weights: its floating-point arrays, each with its number of values. Scalars, such as the
            constants of a formula or the variance of all pixels, are left out.
    """

    def __init__(self, content: bytes) -> None:
        """Read a file's content.

        Raises:
            GraphError: it is damaged, refers to another file, has a graph or function within
                the graph (which may run for ever), an operator of an unknown domain or not among
                ``_OPERATORS``, or an array with more numbers than the file has bytes for.
        """
        self.nodes: list[Node] = []
        self.initializers: dict[str, Sequence[int]] = {}
        self.weights: list[tuple[int, memoryview]] = []
        self._parts = 0
        self._structure = len(content)
        graphs = 0
        for number, value in self._fields(memoryview(content)):
            if number in (_MODEL_TRAINING, _MODEL_FUNCTION):
                raise GraphError("it contains functions of its own, or a training graph")
            if number == _MODEL_GRAPH:
                graphs += 1
                self._graph(_message(value))
        if graphs != 1:
            raise GraphError("it is not an ONNX model")
        if self._structure > MAX_STRUCTURE:
            raise GraphError(
                f"it has {self._structure:,} bytes beside its weights; at most "
                f"{MAX_STRUCTURE:,} are read"
            )

    def _graph(self, graph: memoryview) -> None:
        arrays = 0
        for number, value in self._fields(graph):
            if number == _GRAPH_NODE:
                self._node(_message(value))
                arrays += max(1, len(self.nodes[-1].outputs))
            elif number == _GRAPH_INITIALIZER:
                name, data_type, dims, data = self._tensor(_message(value))
                arrays += 1
                self.initializers[name] = dims
                if dims and data_type in _FLOATING:
                    self.weights.append((math.prod(dims), data))
            elif number == _GRAPH_SPARSE:
                raise GraphError("it has sparse weights")
        if arrays > MAX_ARRAYS:
            raise GraphError(
                f"it has {arrays:,} arrays, of its weights and the results of its operators; at "
                f"most {MAX_ARRAYS:,} are taken"
            )

    def _node(self, node: memoryview) -> None:
        fields = list(self._fields(node))
        inputs, outputs, kinds = (
            tuple(_text(value) for n, value in fields if n == number)
            for number in (_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE)
        )
        kind, kernel = ("", *kinds)[-1], tuple[int, ...]()  # the last one counts, as in protobuf
        name = repr(kind)
        for number, value in fields:
            if number == _NODE_DOMAIN and bytes(_message(value)) not in _DOMAINS:
                raise GraphError(f"its operator {name} is not one of ONNX itself")
            if number != _NODE_ATTRIBUTE:
                continue
            attribute = list(self._fields(_message(value)))
            if "kernel_shape" in (
                _text(part) for inner, part in attribute if inner == _ATTRIBUTE_NAME
            ):
                kernel = tuple(_numbers(attribute, _ATTRIBUTE_INTEGERS))
            for inner, part in attribute:
                if inner in _ATTRIBUTE_GRAPHS:
                    raise GraphError(f"its operator {name} holds another graph")
                if inner in _ATTRIBUTE_SPARSE:
                    raise GraphError("it has sparse weights")
                if inner in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                    self._tensor(_message(part))
        if kind not in _OPERATORS:
            raise GraphError(f"its operator {name} is not one that an encoder or decoder needs")
        self.nodes.append(Node(kind, inputs, outputs, kernel))

    def _tensor(self, tensor: memoryview) -> tuple[str, int, list[int], memoryview]:
        """Name, data type, shape and bytes of an array; check that the file has as many bytes."""
        self._structure -= len(tensor)
        name, data_type, data = "", 0, tensor
        fields = list(self._fields(tensor))
        for number, value in fields:
            if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
                raise GraphError("its weights are in another file; expected all within the graph")
            if number == _TENSOR_TYPE and isinstance(value, int):
                data_type = value
            elif number == _TENSOR_NAME:
                name = _text(value)
            elif number == _TENSOR_DATA:
                data = _message(value)
        dims = _numbers(fields, _TENSOR_DIMS)
        count = math.prod(dims)
        if count * _FLOATING.get(data_type, 1) > len(tensor):
            raise GraphError(f"it has an array of {dims} without the numbers for it")
        if data_type not in _KNOWN_TYPES:
            raise GraphError(f"it has an array of the unknown data type {data_type}")
        return name, data_type, dims, data

    def _fields(self, message: memoryview) -> Iterator[Field]:
        """The fields of a message: a number for a varint, the bytes for anything else."""
        at = 0
        while at < len(message):
            self._parts += 1
            if self._parts > MAX_PARTS:
                raise GraphError(f"it has more than {MAX_PARTS:,} parts")
            key, at = _varint(message, at)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value, at = _varint(message, at)
                yield number, value
                continue
            if wire == 2:
                length, at = _varint(message, at)
            elif wire in (1, 5):
                length = 8 if wire == 1 else 4
            else:
                raise GraphError("it is damaged, or not an ONNX file")
            if length > len(message) - at:
                raise GraphError("it is damaged, or not an ONNX file: it ends too early")
            yield number, message[at : at + length]
            at += length


def count_weights(*contents: bytes) -> int:
    """The number of weights in ``.onnx`` files; an array that several of them have counts once."""
    arrays = Counter[tuple[int, memoryview]]()
    for content in contents:
        arrays |= Counter(Graph(content).weights)
    return sum(count * times for (count, _), times in arrays.items())


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise GraphError("it is damaged, or not an ONNX file")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode(errors="replace")


def _numbers(fields: Sequence[Field], number: int) -> list[int]:
    """The sizes of axes in a repeated field, packed or not.

    Raises:
        GraphError: there are more than ``MAX_AXES``.
    """
    parts = (value for n, value in fields if n == number)
    sizes = chain.from_iterable(
        [part] if isinstance(part, int) else _varints(part) for part in parts
    )
    found = list(islice(sizes, MAX_AXES + 1))
    if len(found) > MAX_AXES:
        raise GraphError(f"it has an array or a kernel of more than {MAX_AXES} axes")
    return found


def _varints(message: memoryview) -> Iterator[int]:
    at = 0
    while at < len(message):
        value, at = _varint(message, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of 7 bits per byte, lowest first, and the offset after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise GraphError("it is damaged, or not an ONNX file: it ends too early")
