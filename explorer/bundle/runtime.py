"""Run ONNX graphs with onnxruntime, within limits of memory and time."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
import onnxruntime

from explorer.bundle.graph import Graph, GraphError
from explorer.errors import one_line

MAX_MEMORY = 2**32
"""Bytes that all graphs together may use while they run; a run that needs more ends with an error.

A small graph may unfold to any size (``Expand``, ``ConstantOfShape``, …).
"""
RUN_SECONDS = 20.0
"""Time limit of a run, plus one second for each item: a slower model is not run again."""


def open_session(graph: bytes, name: str) -> onnxruntime.InferenceSession:
    """Open an onnxruntime session; all sessions together may use ``MAX_MEMORY``.

    Raises:
        GraphError: the graph is damaged, does not stand alone, or has something that onnxruntime
            does not support.
    """
    _limit_memory()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised: no need to print them as well
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry(  # enough for the Cast of any weight
        "optimization.constant_folding_max_output_size_in_bytes", str(4 * len(graph))
    )
    try:
        Graph(graph)  # refuses what must not run
        return onnxruntime.InferenceSession(
            graph,
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it prints
        )
    except Exception as error:  # onnxruntime's errors share no base class
        raise GraphError(f"{name} is not usable: {one_line(error)}") from error


@cache
def _limit_memory() -> None:
    """Give all sessions one allocator, which refuses more than ``MAX_MEMORY``."""
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    as_requested = {"max_mem": MAX_MEMORY, "arena_extend_strategy": 1}
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(as_requested))


@contextlib.contextmanager
def _ended_in_time(options: onnxruntime.RunOptions | None, seconds: float) -> Iterator[None]:
    """End any run with these options after some seconds, at the next node of its graph."""
    if options is None:
        yield
        return
    timer = threading.Timer(seconds, lambda: setattr(options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def run_graph(
    session: onnxruntime.InferenceSession,
    options: onnxruntime.RunOptions | None,
    *batches: np.ndarray,
) -> list[np.ndarray]:
    """Return all outputs of a graph for a batch.

    A graph that takes a single item gets the items one by one, and a batch that needs more
    memory than is available is run in halves. With ``options``, a run that takes longer than
    ``RUN_SECONDS`` allows is ended, and so is every later run with the same options.

    Raises:
        GraphError: a run was ended.
    """
    inputs = session.get_inputs()
    if inputs[0].shape[0] == 1 and len(batches[0]) > 1:  # it takes one at a time
        singles = zip(*(batch[:, np.newaxis] for batch in batches), strict=True)
        results = [run_graph(session, options, *one) for one in singles]
        return join_runs(results)
    names = [value.name for value in inputs]
    values = (batch.astype(np.float32, copy=False) for batch in batches)
    try:
        with _ended_in_time(options, RUN_SECONDS + len(batches[0])):
            outputs: list[np.ndarray] = session.run(
                None, dict(zip(names, values, strict=True)), options
            )
        return outputs
    except Exception as error:  # onnxruntime's errors share no base class
        if options is not None and options.terminate:
            raise GraphError(
                "a network of this model took too long and was ended; it runs again when the "
                "server is restarted"
            ) from error
        half = len(batches[0]) // 2
        if not half or not re.search("memory|alloc", str(error)):
            raise
    return join_runs(
        run_graph(session, options, *(batch[part] for batch in batches))
        for part in (slice(half), slice(half, None))
    )


def join_runs(runs: Iterable[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Concatenate each output of several runs; empty if it has different shapes per item."""
    return [_concatenated(outputs) for outputs in zip(*runs, strict=True)]


def _concatenated(outputs: Sequence[np.ndarray]) -> np.ndarray:
    shapes = {np.atleast_1d(output).shape[1:] for output in outputs}
    return np.concatenate([np.atleast_1d(o) for o in outputs]) if len(shapes) == 1 else np.empty(0)
