"""Write cases.json: ONNX operators with the results of onnxruntime.

    python tests/javascript/network/make_cases.py        (needs onnx and onnxruntime)

Each case is a model of one or a few nodes, with its inputs and outputs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]

FILE = Path(__file__).with_name("cases.json")
OPSETS = range(13, 22)


class Constant:
    """An input that is a constant in the file."""

    def __init__(self, values: Any, dtype: str = "int64") -> None:
        self.array: Array = np.asarray(values, dtype=dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.array.shape
        return shape


def data(*shape: int, seed: int = 0, low: float = -2, high: float = 2) -> Array:
    """Return random numbers, an input of a run."""
    random = np.random.default_rng(seed + sum(shape))
    return random.uniform(low, high, shape).astype(np.float32)


def row(values: list[Any]) -> Array:
    """Return given numbers, an input of a run."""
    return np.array(values, np.float32)


Case = dict[str, Any]


def case(
    operator: str,
    *inputs: Array | Constant | None,
    opset: int = 17,
    outputs: int = 1,
    **attributes: Any,
) -> Case:
    """Return a case of a single node."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(inputs)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(operator, names, results, name="node", **attributes)
    given = {name: value for name, value in zip(names, inputs, strict=True) if value is not None}
    label = f"{operator} {opset}: " + ", ".join(
        [str(value.shape) for value in given.values()]
        + [f"{key}={value}" for key, value in attributes.items() if not hasattr(value, "dims")]
    )
    return graph(label, [node], given, results, opset)


def graph(
    label: str,
    nodes: list[Any],
    inputs: dict[str, Array | Constant],
    results: list[str],
    opset: int,
) -> Case:
    """Return a case of several nodes; booleans and integers among its results become floats."""
    outputs = [f"{name}_float" for name in results]
    casts = [
        helper.make_node("Cast", [name], [output], to=TensorProto.FLOAT)
        for name, output in zip(results, outputs, strict=True)
    ]
    live = {name: value for name, value in inputs.items() if not isinstance(value, Constant)}
    constants = {name: value.array for name, value in inputs.items() if isinstance(value, Constant)}

    built = helper.make_model(
        helper.make_graph(
            [*nodes, *casts],
            "case",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
                for name, value in live.items()
            ],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=10,
        producer_name="",
    )
    written = built.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns about shapes that it infers itself
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(written, options)
    expected = session.run(outputs, live)
    return {
        "name": label,
        "model": encode(written),
        "inputs": [encode(value.tobytes()) for value in live.values()],
        "outputs": [{"shape": value.shape, "data": encode(value.tobytes())} for value in expected],
    }


def encode(written: bytes) -> str:
    return base64.b64encode(written).decode()


def elementwise() -> Iterator[Case]:
    x = data(1, 3, 7)
    names = (
        "Abs Ceil Elu Exp Floor HardSigmoid HardSwish LeakyRelu Mish Neg Reciprocal Relu Round "
        "Selu Sigmoid Sign Softplus Softsign Tanh Identity"
    )
    for operator in names.split():
        yield case(operator, x, opset=18)
    yield case("Round", row([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1e9]]))
    for operator in ("Exp", "Sigmoid", "Softplus", "Tanh", "Elu"):
        yield case(operator, row([[-100, -80, -20, -1, -1e-4, 0, 1e-3, 0.6, 0.65, 20, 80]]))
    yield case("Erf", np.linspace(-5, 5, 101, dtype=np.float32)[None])
    for operator in ("Log", "Sqrt"):
        yield case(operator, data(1, 5, low=0.1))
    yield case("Elu", x, alpha=0.3)
    yield case("Celu", x, alpha=0.4)
    yield case("Selu", x, alpha=1.1, gamma=0.9)
    yield case("LeakyRelu", x, alpha=0.2)
    yield case("HardSigmoid", x, alpha=0.4, beta=0.3)
    yield case("Gelu", x, opset=20)
    yield case("Gelu", x, opset=20, approximate="tanh")
    yield case("Dropout", x)
    yield case("Clip", x)
    yield case("Clip", x, Constant(-0.5, "float32"))
    yield case("Clip", x, None, Constant(0.7, "float32"), opset=13)
    yield case("Clip", x, Constant(-0.5, "float32"), Constant(0.7, "float32"))
    for to in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.BOOL):
        yield case("Cast", x, to=to)
    halves = row([[1 / 3, -1e-6, 6e-8, 1e-8, 70000, -65519, 2049, 2051, 0, 1e-5, 6.1e-5]])
    yield case("Cast", halves, to=TensorProto.FLOAT16)
    yield case("CastLike", x, Constant([0]))
    yield case("Cast", Constant([2049, 70000]), to=TensorProto.FLOAT16)


def combining() -> Iterator[Case]:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((1, 3, 5), (1, 3, 5)),
        ((1, 3, 4, 5), (1, 3, 1, 1)),
        ((1, 1, 1, 5), (1, 3, 4, 1)),
        ((1, 2, 1, 3, 1), (1, 1, 4, 1, 5)),
        ((1,), (1, 9)),
        ((5,), (1, 3, 5)),
    ]
    for left, right in shapes:
        for operator in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Less"):
            yield case(operator, data(*left), data(*right, seed=1))
    a, b = data(1, 2, 3), row([0.5, -1, 2])
    for operator in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
        yield case(operator, np.round(a), np.round(b))
    yield case("Pow", data(1, 3, low=0.1), data(1, 2, 3))
    yield case("Pow", a, Constant(3, "float32"))
    yield case("Pow", Constant([7, -7, 8]), Constant([2, 3, -3]))
    for fmod in (0, 1):
        whole = [
            helper.make_node("Cast", ["a"], ["p"], to=TensorProto.INT64),
            helper.make_node("Mod", ["p", "three"], ["y"], fmod=fmod),
        ]
        numbers: dict[str, Array | Constant] = {"a": 10 * a, "three": Constant([3, -3, 7])}
        yield graph(f"Mod, fmod={fmod}", whole, numbers, ["y"], 17)
    yield case("PRelu", a, data(3))
    yield case("PRelu", data(1, 3, 2, 2), data(1, 3, 1, 1))
    for operator in ("Sum", "Max", "Min"):
        yield case(operator, a, b, data(1, 2, 1))
        yield case(operator, a)
    inputs: dict[str, Array | Constant] = {
        "a": a,
        "b": data(1, 2, 1),
        "zero": Constant(0.0, "float32"),
    }
    logic = [
        helper.make_node("Greater", ["a", "zero"], ["p"]),
        helper.make_node("Less", ["b", "zero"], ["q"]),
        helper.make_node("And", ["p", "q"], ["both"]),
        helper.make_node("Or", ["p", "q"], ["one"]),
        helper.make_node("Not", ["one"], ["none"]),
        helper.make_node("Where", ["q", "a", "b"], ["chosen"]),
    ]
    yield graph("logic and Where", logic, inputs, ["both", "one", "none", "chosen"], 17)
    whole = [
        helper.make_node("Cast", ["a"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Div", ["whole", "two"], ["half"]),
    ]
    integers: dict[str, Array | Constant] = {"a": 10 * a, "two": Constant(2)}
    yield graph("integer division", whole, integers, ["half"], 17)


def products() -> Iterator[Case]:
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((1, 5), (5, 9)),
        ((1, 9, 5), (5, 8)),
        ((1, 6, 3), (1, 3, 17)),
        ((1, 2, 5, 4), (1, 1, 4, 3)),
        ((1, 1, 5, 4), (2, 4, 3)),
        ((4,), (4, 3)),
        ((1, 3, 4), (4,)),
        ((4,), (4,)),
    ]
    for a, b in pairs:
        if b[0] == 1 or len(b) == 1:
            yield case("MatMul", data(*a), data(*b, seed=1))
        yield case("MatMul", data(*a), Constant(data(*b, seed=1), "float32"))
    sparse = np.maximum(data(1, 33), 0)
    yield case("MatMul", sparse, Constant(data(33, 31), "float32"))
    w = Constant(data(7, 10), "float32")
    turned = Constant(data(10, 7), "float32")
    for c in (None, Constant(data(10), "float32"), data(1, 1), data(1, 10)):
        yield case("Gemm", data(1, 7), w, c)
    yield case("Gemm", data(1, 7), turned, data(10), transB=1, alpha=0.5, beta=2.0)
    yield case("Gemm", data(1, 4), Constant(data(1, 10), "float32"), data(4, 1)[:1], transA=1)
    yield case("Gemm", data(1, 7), data(1, 7, seed=3), transB=1)
    yield case("Gemm", data(1, 1), data(1, 9), data(1, 9, seed=2), alpha=1.5, beta=0.5)


def convolutions() -> Iterator[Case]:
    image = data(1, 4, 7, 9)
    for attributes in (
        {},
        {"pads": [1, 1, 1, 1]},
        {"pads": [0, 1, 2, 0], "strides": [2, 1]},
        {"dilations": [2, 3]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "VALID", "strides": [3, 2]},
    ):
        w = Constant(data(5, 4, 3, 2), "float32")
        yield case("Conv", image, w, Constant(data(5), "float32"), **attributes)
        turned = Constant(data(4, 3, 3, 2), "float32")
        yield case(
            "ConvTranspose", data(1, 4, 3, 4), turned, Constant(data(3), "float32"), **attributes
        )
    yield case("Conv", image, data(1, 4, 3, 3))
    yield case("Conv", image, Constant(data(6, 2, 3, 3), "float32"), group=2)
    yield case("Conv", image, Constant(data(8, 1, 3, 3), "float32"), group=4, pads=[1, 1, 1, 1])
    yield case("Conv", image, Constant(data(11, 4, 7, 9), "float32"), Constant(data(11), "float32"))
    yield case("Conv", data(1, 3, 17), Constant(data(6, 3, 4), "float32"), strides=[2], pads=[1, 2])
    yield case("Conv", data(1, 2, 3, 4, 5), Constant(data(3, 2, 2, 2, 2), "float32"))
    small = data(1, 4, 3, 5)
    for attributes in (
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
        {"strides": [2, 2], "output_shape": [7, 10]},
        {"strides": [2, 2], "output_shape": [8, 12]},
        {"strides": [2, 2], "output_shape": [6, 11], "auto_pad": "SAME_UPPER"},
        {"strides": [3, 3], "dilations": [2, 1]},
    ):
        yield case("ConvTranspose", small, Constant(data(4, 3, 3, 3), "float32"), **attributes)
    yield case(
        "ConvTranspose", small, Constant(data(4, 3, 2, 2), "float32"), group=2, strides=[2, 2]
    )
    yield case("ConvTranspose", data(1, 4, 1, 1), Constant(data(4, 3, 4, 4), "float32"))
    yield case("ConvTranspose", data(1, 3, 5), Constant(data(3, 2, 4), "float32"), strides=[2])


def pooling() -> Iterator[Case]:
    image = data(1, 2, 7, 8)
    for operator in ("MaxPool", "AveragePool"):
        yield case(operator, image, kernel_shape=[2, 2], strides=[2, 2])
        yield case(operator, image, kernel_shape=[3, 2], pads=[1, 1, 1, 0])
        yield case(operator, image, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
        yield case(operator, image, kernel_shape=[3, 3], strides=[2, 3], auto_pad="SAME_UPPER")
        yield case(operator, data(1, 2, 9), kernel_shape=[3], strides=[2], pads=[1, 1])
        yield case(operator, image, kernel_shape=[2, 3], dilations=[2, 2], opset=19)
        yield case(operator, data(1, 2, 2, 3), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    inside: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}
    yield case("AveragePool", image, **inside)
    yield case("AveragePool", image, **inside, strides=[2, 2], ceil_mode=1, opset=19)
    yield case("GlobalAveragePool", image)
    yield case("GlobalMaxPool", image)


def normalisations() -> Iterator[Case]:
    image = data(1, 4, 3, 5)
    four = [Constant(data(4, seed=i, low=0.2), "float32") for i in range(4)]
    yield case("BatchNormalization", image, *four)
    yield case("BatchNormalization", data(1, 4), *four, epsilon=0.1)
    yield case("InstanceNormalization", image, *four[:2])
    two = [Constant(data(2, seed=i), "float32") for i in range(2)]
    yield case("GroupNormalization", image, *two, num_groups=2, opset=18)
    yield case("GroupNormalization", image, *four[:2], num_groups=2, opset=21, epsilon=0.01)
    five = [Constant(data(5, seed=i), "float32") for i in range(2)]
    yield case("LayerNormalization", image, *five)
    yield case("LayerNormalization", image, five[0])
    both = [Constant(data(3, 5, seed=i), "float32") for i in range(2)]
    yield case("LayerNormalization", image, *both, axis=2, epsilon=0.1)
    for axis in (-1, 1, 2):
        yield case("Softmax", image, axis=axis)
    yield case("LogSoftmax", image, axis=1)


def reductions() -> Iterator[Case]:
    x = data(1, 3, 4, 5)
    for operator in ("ReduceMean", "ReduceL2", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum"):
        for opset in (13, 18):
            old = opset < (13 if operator == "ReduceSum" else 18)
            for axes in ([1], [-1, 2]):
                given: tuple[Constant, ...] = () if old else (Constant(axes),)
                attributes: dict[str, Any] = {"axes": axes} if old else {}
                yield case(operator, x, *given, opset=opset, **attributes)
                yield case(operator, x, *given, opset=opset, keepdims=0, **attributes)
            yield case(operator, x, opset=opset)
    yield case("ReduceSum", x, Constant([]), noop_with_empty_axes=1)
    yield case("ReduceMean", Constant([[3, 4], [1, 1]]), Constant([1]), opset=18)


def shapes() -> Iterator[Case]:
    x = data(1, 3, 4)
    yield case("Reshape", x, Constant([3, -1, 0]), opset=13)
    yield case("Reshape", x, Constant([0, 0, 2, 2]))
    nothing = Constant(np.zeros((2, 0, 3)), "float32")
    yield case("Reshape", nothing, Constant([3, 0]), allowzero=1)
    yield case("Concat", nothing, Constant(data(2, 1, 3), "float32"), axis=1)
    yield case("Add", nothing, Constant(1, "float32"))
    yield case("ReduceSum", nothing, Constant([1]))
    yield case("Flatten", x)
    yield case("Flatten", x, axis=-1)
    yield case("Flatten", x, axis=3)
    yield case("Squeeze", data(1, 3, 1), Constant([0, -1]))
    yield case("Squeeze", data(1, 3, 1))
    yield case("Squeeze", data(1, 3, 1), Constant([]))
    yield case("Unsqueeze", x, Constant([0, -1]))
    yield case("Shape", x)
    yield case("Shape", x, start=1, end=-1)
    yield case("Size", x)
    yield case("ConstantOfShape", Constant([2, 3]))
    seven = numpy_helper.from_array(np.array([7], np.int64))
    yield case("ConstantOfShape", Constant([2]), value=seven)
    yield case("Constant", value=numpy_helper.from_array(data(2, 3).astype(np.float16)))
    yield case("Constant", value_float=0.25)
    yield case("Constant", value_ints=[3, -2])
    yield case("Range", Constant(1), Constant(10), Constant(4))
    flexible = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Unsqueeze", ["batch", "axes"], ["batch_list"]),
        helper.make_node("Concat", ["batch_list", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["y"]),
    ]
    inputs: dict[str, Array | Constant] = {
        "x": x,
        "zero": Constant(0),
        "axes": Constant([0]),
        "rest": Constant([-1, 6]),
    }
    yield graph("a shape worked out", flexible, inputs, ["y"], 15)


def selections() -> Iterator[Case]:
    x = data(1, 3, 4, 5)
    yield case("Concat", x, data(1, 2, 4, 5), Constant(data(1, 1, 4, 5), "float32"), axis=1)
    yield case("Concat", x, x, axis=-1)
    yield case("Expand", data(1, 3, 1), Constant([2, 1, 4]))
    yield case("Expand", data(1, 3, 1), Constant([1]))
    yield case("Gather", x, Constant([[0, -1], [2, 1]]), axis=1)
    yield case("Gather", x, Constant(2), axis=-1)
    embedding = [
        helper.make_node("Cast", ["label"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["y"]),
    ]
    labels: dict[str, Array | Constant] = {
        "label": row([3]),
        "table": Constant(data(5, 6), "float32"),
    }
    yield graph("an embedding", embedding, labels, ["y"], 17)
    for opset in (13, 18, 19):
        for mode in ("constant", "reflect", "edge"):
            yield case("Pad", x, Constant([0, 0, 1, 2, 0, 0, 3, 1]), opset=opset, mode=mode)
    yield case("Pad", x, Constant([0, 0, 1, 2, 0, 0, 3, 1]), opset=19, mode="wrap")
    yield case(
        "Pad", x, Constant([2, -1, 1, 0]), Constant(0.5, "float32"), Constant([3, -2]), opset=18
    )
    yield case("Slice", x, Constant([1, 0]), Constant([3, 2**63 - 1]), Constant([1, -1]))
    yield case(
        "Slice", x, Constant([-1, 4]), Constant([-(2**63), 0]), Constant([2, 3]), Constant([-1, -2])
    )
    yield case("Slice", x, Constant([0, 1]), Constant([1, 9]))
    yield case("Slice", x, Constant([-9]), Constant([-(2**63)]), Constant([3]), Constant([-1]))
    yield case("Split", x, outputs=2, axis=2, opset=13)
    yield case("Split", x, Constant([1, 4]), outputs=2, axis=-1)
    yield case("Split", x, outputs=2, axis=3, num_outputs=2, opset=18)
    yield case("Tile", data(1, 2, 3), Constant([2, 1, 3]))
    for order in ([0, 2, 3, 1], [0, 3, 1, 2], [3, 2, 1, 0]):
        yield case("Transpose", x, perm=order)
    yield case("Transpose", data(1, 1, 5), perm=[2, 0, 1])
    yield case("Transpose", data(1, 3, 70))
    for mode in ("DCR", "CRD"):
        yield case("DepthToSpace", data(1, 8, 2, 3), blocksize=2, mode=mode)


def resizing() -> Iterator[Case]:
    x = data(1, 2, 4, 5)
    twice = Constant([1, 1, 2, 2], "float32")
    odd = Constant([1, 1, 1.7, 2.6], "float32")
    less = Constant([1, 1, 0.6, 0.5], "float32")
    sizes = Constant([1, 2, 7, 3])
    modes = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
    for mode in modes:
        for scales in (twice, odd, less):
            yield case(
                "Resize", x, None, scales, mode="linear", coordinate_transformation_mode=mode
            )
        yield case(
            "Resize", x, None, None, sizes, mode="linear", coordinate_transformation_mode=mode
        )
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
            yield case(
                "Resize",
                x,
                None,
                odd,
                opset=13,
                mode="nearest",
                nearest_mode=rounding,
                coordinate_transformation_mode=mode,
            )
    yield case("Resize", x, None, twice, mode="nearest")
    yield case("Resize", x, None, Constant([1, 1, 1.01, 1.01], "float32"), mode="linear")
    yield case("Resize", x, None, None, sizes, opset=18, mode="nearest")
    yield case("Resize", x, None, None, Constant([7, 3]), opset=18, axes=[2, 3], mode="linear")


def versions() -> Iterator[Case]:
    """Yield a small network in every version of the operators that the page reads."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Reshape", ["b", "shape"], ["c"]),
        helper.make_node(
            "ConvTranspose", ["c", "kernel"], ["d"], strides=[2, 2], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Transpose", ["d"], ["e"], perm=[0, 2, 3, 1]),
    ]
    inputs: dict[str, Array | Constant] = {
        "x": data(1, 2),
        "w": Constant(data(2, 12), "float32"),
        "shape": Constant([-1, 3, 2, 2]),
        "kernel": Constant(data(3, 1, 4, 4), "float32"),
    }
    for opset in OPSETS:
        yield graph(f"a decoder of version {opset}", nodes, inputs, ["e"], opset)


def main() -> None:
    """Write the file."""
    groups = (
        elementwise,
        combining,
        products,
        convolutions,
        pooling,
        normalisations,
        reductions,
        shapes,
        selections,
        resizing,
        versions,
    )
    cases = [one for group in groups for one in group()]
    lines = ",\n".join(json.dumps(one) for one in cases)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(cases)} cases, {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
