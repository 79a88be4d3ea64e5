"""The codec over two graphs, apart from what a bundle tells of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from explorer.bundle import codec
from explorer.bundle.codec import onnx_codec
from explorer.recipes.recipe import recipe_from_json

RECIPE = recipe_from_json({"encoder": [], "decoder": [], "head": {"layer": "Dense"}})


class SmallMachine:
    """A session that doubles its input, and has memory for a few rows at a time."""

    def __init__(self, rows: int) -> None:
        self.rows, self.sizes = rows, list[int]()

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="z", shape=["n", 2])]

    def run(self, names: None, inputs: dict[str, np.ndarray], options: None) -> list[np.ndarray]:
        (z,) = inputs.values()
        self.sizes.append(len(z))
        if len(z) > self.rows:
            raise RuntimeError("Available memory of 1 is smaller than requested bytes of 2")
        return [2.0 * z]


def test_a_batch_too_large_for_the_memory_is_run_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SmallMachine(rows=3)
    monkeypatch.setattr(codec, "_session", lambda graph, name: session)
    z = np.random.default_rng(0).standard_normal((11, 2)).astype(np.float32)
    np.testing.assert_array_equal(onnx_codec(b"", b"", RECIPE).parameters(z), 2.0 * z)
    assert sum(size for size in session.sizes if size <= 3) == 11


def test_a_graph_that_fails_for_one_row_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SmallMachine(rows=0)
    monkeypatch.setattr(codec, "_session", lambda graph, name: session)
    with pytest.raises(RuntimeError, match="Available memory"):
        onnx_codec(b"", b"", RECIPE).parameters(np.zeros((8, 2), np.float32))
    assert session.sizes == [8, 4, 2, 1]
