"""Graphs: the content of an ONNX file is checked before it is run."""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from explorer.bundle import trial
from explorer.bundle.card import BundleError
from explorer.bundle.graph import Graph, GraphError, count_weights
from explorer.bundle.store import load_bundle
from explorer.bundle.work import count_multiply_adds
from explorer.recipes.recipe import recipe_from_json
from explorer.training.export import export_graphs
from explorer.training.vae import VAE

Copy = Callable[[], Path]
Reseal = Callable[[Path], None]


def refusal(path: Path) -> str:
    """Return the one sentence with which a bundle is refused."""
    with pytest.raises(BundleError) as error:
        load_bundle(path)
    text = str(error.value)
    assert "\n" not in text
    assert path.name in text
    return text


@pytest.fixture(scope="module")
def other_models(
    tmp_path_factory: pytest.TempPathFactory, tiny_recipe: dict[str, Any]
) -> dict[str, Path]:
    """Return folders with models that differ from the tiny bundle's, by the difference."""
    folders = {}
    for name, recipe, shape, latent_dim in (
        ("dimensions", tiny_recipe, (12, 12, 1), 3),
        ("images", tiny_recipe, (10, 12, 1), 2),
        ("likelihood", {**tiny_recipe, "likelihood": "gaussian"}, (12, 12, 1), 2),
    ):
        folders[name] = tmp_path_factory.mktemp(name)
        model = VAE(recipe_from_json(recipe), shape, latent_dim)
        for file, graph in export_graphs(model).items():
            (folders[name] / file).write_bytes(graph)
    return folders


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("dimensions", "encoder.onnx"),
        ("dimensions", "decoder.onnx"),
        ("images", "encoder.onnx"),
        ("images", "decoder.onnx"),
        ("likelihood", "decoder.onnx"),
    ],
)
def test_a_graph_of_other_shapes_is_refused(
    copy_bundle: Copy, reseal: Reseal, other_models: dict[str, Path], kind: str, name: str
) -> None:
    path = copy_bundle()
    shutil.copy(other_models[kind] / name, path / name)
    reseal(path)
    text = refusal(path)
    assert f"{name} of shapes-2d" in text


def test_swapped_graphs_are_refused(copy_bundle: Copy, reseal: Reseal) -> None:
    path = copy_bundle()
    encoder, decoder = ((path / f"{part}.onnx").read_bytes() for part in ("encoder", "decoder"))
    (path / "encoder.onnx").write_bytes(decoder)
    (path / "decoder.onnx").write_bytes(encoder)
    reseal(path)
    assert "encoder.onnx of shapes-2d" in refusal(path)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx"])
@pytest.mark.parametrize("content", [b"", b"text", None], ids=["empty", "text", "cut"])
def test_a_file_that_is_no_graph_is_refused(
    copy_bundle: Copy, reseal: Reseal, name: str, content: bytes | None
) -> None:
    path = copy_bundle()
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[: len(data) // 2] if content is None else content)
    reseal(path)
    assert name in refusal(path)


def edit_graph(path: Path, edit: Callable[[onnx.GraphProto], None]) -> None:
    model = onnx.load(path)
    edit(model.graph)
    path.write_bytes(model.SerializeToString())


def infinite_weights(graph: onnx.GraphProto) -> None:
    tensor = next(t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT16)
    values = np.full(tuple(tensor.dims), np.inf, np.float16)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def one_output_less(graph: onnx.GraphProto) -> None:
    del graph.output[-1]


def unknown_operation(graph: onnx.GraphProto) -> None:
    graph.node[-1].op_type = "RunThisProgram"


def weights_elsewhere(model: onnx.ModelProto) -> None:
    """Store the first weight in the external file ``weights``."""
    weight = model.graph.initializer[0]
    weight.CopyFrom(external(weight.name, weight.data_type, weight.dims))


def external(name: str, data_type: int, dims: Iterable[int]) -> TensorProto:
    tensor = TensorProto(name=name, data_type=data_type, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights")
    return tensor


def add_to_z_mean(model: onnx.ModelProto) -> None:
    """Add the value ``added`` to the first output."""
    z_mean = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["before" if name == z_mean else name for name in node.output]
    model.graph.node.append(helper.make_node("Add", ["before", "added"], [z_mean]))


def constant_elsewhere(model: onnx.ModelProto) -> None:
    hidden = external("hidden", TensorProto.FLOAT, [2])
    model.graph.node.append(helper.make_node("Constant", [], ["added"], value=hidden))
    add_to_z_mean(model)


def branch(model: onnx.ModelProto) -> None:
    """Add a weight to ``z_mean`` that is stored in a nested graph."""
    shape = helper.make_tensor_value_info("added", TensorProto.FLOAT, [2])
    branches = []
    for name in ("then", "else"):
        shape.name = name
        identity = helper.make_node("Identity", ["hidden"], [name])
        hidden = helper.make_tensor("hidden", TensorProto.FLOAT, [2], [0.0, 0.0])
        branches.append(helper.make_graph([identity], name, [], [shape], [hidden]))
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    model.graph.node.append(
        helper.make_node("If", ["yes"], ["added"], then_branch=branches[0], else_branch=branches[1])
    )
    add_to_z_mean(model)


def function(model: onnx.ModelProto) -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(
        helper.make_function("own", "Hidden", ["x"], ["y"], [relu], model.opset_import)
    )


def other_library(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.node[-1].domain = "com.microsoft"


def sparse(model: onnx.ModelProto) -> None:
    values = helper.make_tensor("sparse", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("places", TensorProto.INT64, [1], [3])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [10**12]))


def no_numbers(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(
        TensorProto(name="more", data_type=TensorProto.FLOAT, dims=[10**6, 10**6])
    )


def text(model: onnx.ModelProto) -> None:
    tensor = TensorProto(name="text", data_type=TensorProto.STRING, dims=[1])
    tensor.string_data.append(b"text")
    model.graph.initializer.append(tensor)


def long_description(model: onnx.ModelProto) -> None:
    model.doc_string = "x" * 2**23


def unusual_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("NonZero", [model.graph.input[0].name], ["places"]))


def endless_product(model: onnx.ModelProto) -> None:
    """Add a number to ``z_mean`` that takes 20,000³ multiply-adds."""
    shape = helper.make_tensor("sides", TensorProto.INT64, [2], [20_000, 20_000])
    model.graph.initializer.append(shape)
    model.graph.node.extend(
        [
            helper.make_node("ReduceMin", [model.graph.input[0].name], ["pixel"], keepdims=0),
            helper.make_node("Expand", ["pixel", "sides"], ["square"]),
            helper.make_node("MatMul", ["square", "square"], ["product"]),
            helper.make_node("ReduceMax", ["product"], ["added"]),
        ]
    )
    add_to_z_mean(model)


def many_axes(model: onnx.ModelProto) -> None:
    """Add an array whose size is a number with a million bits."""
    model.graph.initializer.append(TensorProto(name="large", data_type=1, dims=[2**62] * 20_000))


def many_parts(model: onnx.ModelProto) -> None:
    model.graph.node.extend(onnx.NodeProto(op_type="Relu") for _ in range(200_000))


def many_results(model: onnx.ModelProto) -> None:
    results = [[f"result{i}{half}" for half in "ab"] for i in range(3_000)]
    model.graph.node.extend(helper.make_node("Split", ["x"], names) for names in results)


def many_weights(model: onnx.ModelProto) -> None:
    for i in range(6_000):
        model.graph.initializer.add(name=f"weight{i}", data_type=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (weights_elsewhere, "its weights are in another file"),
        (constant_elsewhere, "its weights are in another file"),
        (branch, "its operator 'If' holds another graph"),
        (function, "it contains functions of its own"),
        (other_library, "is not one of ONNX itself"),
        (unusual_operator, "its operator 'NonZero' is not one that an encoder or decoder needs"),
        (sparse, "it has sparse weights"),
        (no_numbers, "it has an array of [1000000, 1000000] without the numbers for it"),
        (text, "it has an array of the unknown data type 8"),
        (long_description, "bytes beside its weights"),
        (endless_product, "it computes 8,000,8"),
        (many_axes, "it has an array or a kernel of more than 64 axes"),
        (many_parts, "it has more than 200,000 parts"),
        (many_results, "at most 6,000 are taken"),
        (many_weights, "at most 6,000 are taken"),
    ],
)
def test_a_graph_that_does_not_stand_alone_is_refused(
    copy_bundle: Copy,
    reseal: Reseal,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[onnx.ModelProto], None],
    said: str,
) -> None:
    path = copy_bundle()
    monkeypatch.chdir(path)
    (path / "weights").write_bytes(bytes(1000))  # it could be read
    model = onnx.load(path / "encoder.onnx")
    change(model)
    (path / "encoder.onnx").write_bytes(model.SerializeToString())
    reseal(path)
    message = refusal(path)
    assert message.startswith("in shapes-2d, encoder.onnx is not usable: it")
    assert said in message


def test_a_graph_of_as_many_arrays_as_the_deepest_decoders_is_taken() -> None:
    names = ["x", *(f"array{i}" for i in range(5_900))]
    nodes = [helper.make_node("Relu", [a], [b]) for a, b in pairwise(names)]
    given, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1])
        for name in (names[0], names[-1])
    )
    graph = helper.make_graph(nodes, "graph", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert count_multiply_adds(model.SerializeToString()) == 5_900


def test_a_graph_cut_anywhere_or_with_any_byte_changed_gets_a_sentence(tiny_bundle: Path) -> None:
    graph = (tiny_bundle / "decoder.onnx").read_bytes()
    random = np.random.default_rng(0)
    for place in random.integers(0, len(graph), 300):
        for damaged in (
            graph[:place],
            graph[:place] + bytes([graph[place] ^ random.integers(1, 256)]) + graph[place + 1 :],
        ):
            with contextlib.suppress(GraphError):  # any other error is a bug
                Graph(damaged)


def test_an_operator_named_twice_is_the_one_that_onnxruntime_runs() -> None:
    node = b"".join(
        helper.make_node(kind, ["x"], ["y"]).SerializeToString() for kind in ("Relu", "NonZero")
    )
    assert onnx.NodeProto.FromString(node).op_type == "NonZero"
    graph = b"\x0a" + bytes([len(node)]) + node
    with pytest.raises(GraphError, match="'NonZero'"):
        Graph(b"\x3a" + bytes([len(graph)]) + graph)


@pytest.mark.parametrize(
    ("kind", "shapes", "attributes", "count"),
    [
        ("MatMul", [(1, 3), (3, 4)], {}, 12),
        ("Gemm", [(3, 1), (4, 3)], {"transA": 1, "transB": 1}, 12),
        ("Conv", [(1, 2, 5, 5), (4, 2, 3, 3)], {}, 4 * 3 * 3 * 2 * 3 * 3),
        ("Conv", [(1, 2, 5, 5), (2, 1, 3, 3)], {"group": 2}, 2 * 3 * 3 * 3 * 3),
        ("ConvTranspose", [(1, 2, 5, 5), (2, 4, 3, 3)], {"strides": [2, 2]}, 2 * 25 * 4 * 9),
        ("MaxPool", [(1, 1, 4, 4)], {"kernel_shape": [2, 2], "strides": [2, 2]}, 2 * 2 * 4),
        ("Einsum", [(1, 3), (3, 4)], {"equation": "ab,bc->ac"}, 12),
        ("Relu", [(1, 7)], {}, 7),
        ("ReduceMax", [(1, 7)], {"keepdims": 0}, 7),
    ],
)
def test_multiply_adds_are_those_counted_by_hand(
    kind: str, shapes: list[tuple[int, ...]], attributes: dict[str, Any], count: int
) -> None:
    value = helper.make_tensor_value_info
    names = ["x", "weight"][: len(shapes)]
    nodes = [helper.make_node(kind, names, ["y"], **attributes)]
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, shape, np.ones(shape).ravel())
        for name, shape in list(zip(names, shapes, strict=True))[1:]
    ]
    one, *rest = shapes[0]
    given = [value("x", TensorProto.FLOAT, ["n" if kind in ("Conv", "Relu") else one, *rest])]
    made = [value("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "graph", given, made, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    assert count_multiply_adds(model.SerializeToString()) == count


def network_of_weights(kind: str, side: int, count: int) -> bytes:
    """Return a network that combines a matrix with itself; an unknown shape hides it."""
    node, value = helper.make_node, helper.make_tensor_value_info
    names = ["matrix", *(f"array{i}" for i in range(count))]
    nodes = [
        *(node(kind, [names[i], "matrix"], [names[i + 1]]) for i in range(count)),
        node("ReduceMax", names[-1:], ["largest"], keepdims=0),
        node("Add", ["x", "largest"], ["sum"]),
        node("Shape", ["sum"], ["shape"]),
        node("Abs", ["shape"], ["same"]),
        node("Reshape", ["sum", "same"], ["y"]),
    ]
    matrix = numpy_helper.from_array(np.ones((side, side), np.float32), "matrix")
    given, made = value("x", TensorProto.FLOAT, ["n", 2]), value("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "graph", [given], [made], [matrix])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_counting_computes_no_large_array() -> None:
    assert count_multiply_adds(network_of_weights("MatMul", 1_500, 3)) > 3 * 1_500**3
    with pytest.raises(GraphError, match="numbers from its weights when it is loaded"):
        count_multiply_adds(network_of_weights("MatMul", 1_500, 1_000))


def test_weights_that_unfold_to_gigabytes_are_refused(copy_bundle: Copy, reseal: Reseal) -> None:
    path = copy_bundle()
    (path / "decoder.onnx").write_bytes(network_of_weights("Add", 1_000, 500))
    reseal(path)
    text = refusal(path)
    assert "it computes 500,000,005 numbers from its weights when it is loaded" in text


def test_nodes_in_another_order_than_they_run_are_refused() -> None:
    model = onnx.load_from_string(network_of_weights("Add", 2, 3))
    model.graph.node.append(model.graph.node[0])
    del model.graph.node[0]
    with pytest.raises(GraphError, match="'Add' reads what a later one makes"):
        count_multiply_adds(model.SerializeToString())


def test_weights_are_the_numbers_in_arrays_of_fractions() -> None:
    tensors = [
        helper.make_tensor("kernel", TensorProto.FLOAT, [2, 3], [0.5] * 6),
        helper.make_tensor("half", TensorProto.FLOAT16, [5], [0.5] * 5),
        helper.make_tensor("constant", TensorProto.FLOAT, [], [0.5]),
        helper.make_tensor("target", TensorProto.INT64, [2], [-1, 4]),
    ]
    model = helper.make_model(helper.make_graph([], "graph", [], [], tensors))
    assert count_weights(model.SerializeToString()) == 6 + 5


def unfolding(shape: list[int], *, fixed: bool) -> Callable[[onnx.ModelProto], None]:
    """Return a change that adds a sum over an array of this shape, in the file or computed."""

    def change(model: onnx.ModelProto) -> None:
        add, node = model.graph.node.append, helper.make_node
        one = helper.make_tensor("one", TensorProto.FLOAT, [1] * len(shape), [1.0])
        target = helper.make_tensor("target", TensorProto.INT64, [len(shape)], shape)
        model.graph.initializer.extend([one, target])
        if not fixed:
            add(node("Shape", [model.graph.input[0].name], ["shape"]))
            add(node("ReduceMin", ["shape"], ["count"], keepdims=0))
            add(node("Mul", ["target", "count"], ["computed"]))
        add(node("Expand", ["one", "target" if fixed else "computed"], ["huge"]))
        add(node("ReduceMean", ["huge"], ["added"], keepdims=0))
        add_to_z_mean(model)

    return change


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("shape", [[60_000, 60_000], [10**6, 10**6], [2**40, 2**40]])
def test_a_small_graph_that_unfolds_to_gigabytes_is_refused(
    copy_bundle: Copy, reseal: Reseal, shape: list[int], fixed: bool
) -> None:
    path = copy_bundle()
    model = onnx.load(path / "encoder.onnx")
    unfolding(shape, fixed=fixed)(model)
    (path / "encoder.onnx").write_bytes(model.SerializeToString())
    reseal(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "encoder.onnx" in refusal(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 2**20, "kilobytes"


def test_a_graph_that_takes_too_long_is_not_tried_again_until_that_has_ended(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, end = [], threading.Event()

    def hang(*_: Any) -> None:
        started.append(threading.current_thread())
        end.wait()

    monkeypatch.setattr(trial, "_TOO_SLOW", {})
    with monkeypatch.context() as slow:
        slow.setattr(trial, "TRIAL_SECONDS", 0.1)
        slow.setattr(trial, "_build_codec", hang)
        for _ in range(2):
            assert "takes more than 0 seconds for two images" in refusal(tiny_bundle)
    assert len(started) == 1
    end.set()
    started[0].join()
    assert load_bundle(tiny_bundle).card.model.has_graphs


@pytest.mark.parametrize("edit", [infinite_weights, one_output_less, unknown_operation])
def test_a_graph_that_gives_nonsense_is_refused(
    copy_bundle: Copy, reseal: Reseal, edit: Callable[[onnx.GraphProto], None]
) -> None:
    path = copy_bundle()
    edit_graph(path / "encoder.onnx", edit)
    reseal(path)
    assert "encoder.onnx" in refusal(path)


def test_a_graph_for_one_image_only_gets_one_after_the_other(
    copy_bundle: Copy, reseal: Reseal
) -> None:
    def only_one(graph: onnx.GraphProto) -> None:
        graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1

    path = copy_bundle()
    images = np.random.default_rng(0).random((3, 12, 12, 1), np.float32)
    expected = load_bundle(path).codec.encode(images)
    edit_graph(path / "encoder.onnx", only_one)
    reseal(path)
    np.testing.assert_allclose(load_bundle(path).codec.encode(images), expected, atol=1e-5)


def test_a_bundle_may_have_whatever_the_browser_can_run(node: Path) -> None:
    place = Path(__file__).parents[1] / "static" / "live" / "network" / "operators" / "index.js"
    program = (
        f"import {{ OPERATORS }} from {place.as_uri()!r}; console.log(...Object.keys(OPERATORS))"
    )
    command = [str(node), "--input-type=module", "-e", program]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert len(names) > 60
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    for name in names:
        graph = helper.make_graph([helper.make_node(name, ["x"], ["y"])], "one", [x], [y])
        Graph(helper.make_model(graph).SerializeToString())
