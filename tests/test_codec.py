"""The codec over two graphs, without a bundle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime import RunOptions

from explorer.bundle import codec, runtime
from explorer.bundle.codec import onnx_codec
from explorer.bundle.graph import GraphError
from explorer.recipes.recipe import recipe_from_json

RECIPE = recipe_from_json({"encoder": [], "decoder": [], "head": {"layer": "Dense"}})
ROW = 2**20
"""Numbers that ``unfolding`` makes from each latent, 4 MiB."""

RUN = """
import sys
import numpy as np
from explorer.bundle import codec, runtime
from tests.test_codec import RECIPE, unfolding

runtime.MAX_MEMORY = 2**26  # 16 rows
z = np.arange(80, dtype=np.float32).reshape(40, 2)
sums = codec.onnx_codec(unfolding(), unfolding(), "bernoulli").parameters(z)
np.testing.assert_array_equal(sums, z)
"""


def unfolding() -> bytes:
    """Return a graph z → z with ``ROW`` intermediate numbers for each row."""
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Unsqueeze", ["z", "last"], ["column"]),
            node("Expand", ["column", "shape"], ["huge"]),
            node("ReduceMean", ["huge"], ["mean"], axes=[2], keepdims=0),
        ],
        "graph",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n", 2])],
        [
            helper.make_tensor("last", TensorProto.INT64, [1], [2]),
            helper.make_tensor("shape", TensorProto.INT64, [3], [1, 1, ROW // 2]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_batch_too_large_for_the_memory_is_run_in_halves() -> None:
    """This runs in a process of its own, because the limit can be set only once."""
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", RUN], cwd=root, check=True)


def test_a_graph_that_fails_for_another_reason_fails_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = onnx.load_from_string(unfolding())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    one = model.SerializeToString()
    runs: list[int] = []
    run = runtime.run_graph

    def count(session: object, options: None, *batches: np.ndarray) -> list[np.ndarray]:
        runs.append(len(batches[0]))
        return run(session, options, *batches)

    for module in (codec, runtime):
        monkeypatch.setattr(module, "run_graph", count)
    with pytest.raises(Exception, match="invalid dimensions"):
        onnx_codec(one, one, "bernoulli").parameters(np.zeros((8, 2), np.float32))
    assert runs == [8]


def test_an_encoder_that_takes_no_noise_has_no_flow() -> None:
    with pytest.raises(
        GraphError, match=r"takes images and noise \(n, latent_dim\), not inputs of"
    ):
        onnx_codec(unfolding(), unfolding(), "bernoulli", has_flow=True)


def test_a_run_that_outlasts_its_time_is_ended_and_so_is_every_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = RunOptions()
    model = onnx_codec(unfolding(), unfolding(), "bernoulli", options=options)
    z = np.zeros((8, 2), np.float32)
    np.testing.assert_array_equal(model.parameters(z), z)
    monkeypatch.setattr(runtime, "RUN_SECONDS", -8.0)  # none, for eight items
    for _ in range(2):
        with pytest.raises(GraphError, match="took too long and was ended"):
            model.parameters(z)
        monkeypatch.undo()
