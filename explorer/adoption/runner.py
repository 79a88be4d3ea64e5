"""Run a graph from elsewhere on batches, and check that its results repeat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime

from explorer.adoption.graphs import MAX_SAID, SINGLE, AdoptionError, GivenGraph
from explorer.adoption.rewriting import is_same
from explorer.bundle.graph import GraphError
from explorer.bundle.runtime import RUN_SECONDS, join_runs, open_session, run_graph
from explorer.core.subsets import in_chunks
from explorer.errors import one_line

BATCH = 50
"""Number of images that are run at once."""
FEW = 8
"""Number of images that are run again, in a batch of their own."""
BY_BATCH = (
    "gives results that depend on the other images in the batch, as batch normalisation does in "
    "training: export it for inference (in PyTorch: model.eval())"
)
"""What is wrong with such a graph, after its name."""


class Runner:
    """Runs a graph on batches.

    Args:
        graph: the graph to run.
        condition: one-hot classes of the batches' items, ``(n, classes)``; it is used if the graph
            has a second input.
        content: the graph's bytes, if it was changed.
    """

    def __init__(
        self, graph: GivenGraph, condition: np.ndarray, content: bytes | None = None
    ) -> None:
        self.name, self.condition = graph.path.name, condition
        self.session = open_session(content or graph.model.SerializeToString(), self.name)

    def all(self, values: np.ndarray) -> list[np.ndarray]:
        """All outputs for a batch.

        Raises:
            AdoptionError: if the graph cannot be run on it.
        """
        inputs = (values, self.condition[: len(values)])[: len(self.session.get_inputs())]
        chunks = zip(*(in_chunks(each, BATCH) for each in inputs), strict=True)
        options = onnxruntime.RunOptions()
        try:
            return join_runs(run_graph(self.session, options, *batches) for batches in chunks)
        except GraphError as error:
            raise AdoptionError(
                f"{self.name} takes more than {RUN_SECONDS:.0f} seconds for {BATCH} images"
            ) from error
        except Exception as error:  # onnxruntime's errors share no base class
            told = one_line(error, MAX_SAID)
            if "reshape" in told.lower() or "broadcast" in told.lower():
                told += "; is a number of images fixed inside of it, as by view(2, …)?"
            raise AdoptionError(
                f"{self.name} cannot be run on {format_shape(values.shape[1:])}: {told}"
            ) from error

    def same_twice(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs with numbers for each item of a batch that are the same twice, by name.

        Raises:
            AdoptionError: if there are none.
        """
        whole, few = self.all(values), self.all(values[:FEW])
        given = zip(self.session.get_outputs(), whole, few, strict=True)
        outputs = {
            output.name: first
            for output, first, again in given
            if output.type == SINGLE and len(first) == len(values) and is_same(first[:FEW], again)
        }
        if not outputs and all(len(first) != len(values) for first in whole):
            raise AdoptionError(
                f"{self.name} gives no result for each item of a batch: let the first axis of its "
                "outputs be the batch"
            )
        if not outputs:
            pairs = zip(few, self.all(values[:FEW]), strict=True)
            repeats = all(is_same(one, other) for one, other in pairs)
            raise AdoptionError(
                f"{self.name} {BY_BATCH}"
                if repeats
                else f"{self.name} gives a different result each time: export it without dropout "
                "and without drawing at random (in PyTorch: model.eval())"
            )
        return outputs


def format_shape(shape: Sequence[int]) -> str:
    """A shape as text: ``"3 × 64 × 64"``."""
    return " × ".join(map(str, shape))
