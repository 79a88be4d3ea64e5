"""Where a training run computes: on one device, on all GPUs of this machine, or on a cluster."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import tensorflow as tf
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from explorer.errors import ExplorerError


class DistributionError(ExplorerError):
    """A cluster that cannot be joined or has lost a worker; the message says what to do."""


class _Workers(BaseModel, extra="forbid"):
    worker: list[Annotated[str, Field(pattern=r"^\S+:\d+$")]]


class _Task(BaseModel):
    type: Literal["worker"]
    index: NonNegativeInt


class _Cluster(BaseModel):
    """What ``TF_CONFIG`` holds."""

    cluster: _Workers
    task: _Task


def find_strategy() -> tf.distribute.Strategy:
    """Choose the strategy for this machine; call it before TensorFlow computes anything.

    With ``TF_CONFIG`` in the environment this process is one worker of a cluster, and
    waits for the others. Otherwise it uses all GPUs of this machine, or its CPU.

    Raises:
        DistributionError: ``TF_CONFIG`` does not describe a cluster of workers, or this
            worker's address cannot be used.
    """
    if text := os.environ.get("TF_CONFIG"):
        workers, index = _read_cluster(text)
        try:
            with _signals_that_end_the_process():
                print(f"worker {index + 1} of {len(workers)}, waiting for the others …", flush=True)
                return tf.distribute.MultiWorkerMirroredStrategy()
        except (tf.errors.OpError, RuntimeError) as error:
            raise DistributionError(
                f"cannot join the cluster as {workers[index]}; expected a free port of this machine"
            ) from error
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy | None) -> bool:
    """Whether this process is the one that writes files and prints progress."""
    return (
        strategy is None
        or strategy.cluster_resolver is None
        or strategy.cluster_resolver.task_id == 0
    )


def replicas_of(strategy: tf.distribute.Strategy) -> tuple[slice, int]:
    """The slice of the replicas that this process computes, and the number of all replicas."""
    numbers = strategy.experimental_local_results(
        strategy.experimental_distribute_values_from_function(
            lambda context: context.replica_id_in_sync_group
        )
    )
    return slice(numbers[0], numbers[-1] + 1), strategy.num_replicas_in_sync


def add_up(strategy: tf.distribute.Strategy, number: int) -> int:
    """Sum the numbers of all workers, each once per replica; waits for the workers."""
    with _later_interrupts():
        numbers = strategy.experimental_distribute_values_from_function(
            lambda _: tf.constant(number, tf.int64)
        )
    return int(strategy.reduce("SUM", numbers, axis=None))


@contextlib.contextmanager
def _later_interrupts() -> Iterator[None]:
    """Delay Ctrl-C: TensorFlow crashes if it comes while a number becomes a tensor."""
    if threading.current_thread() is not threading.main_thread():  # gets no signals
        yield
        return
    came: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if came:
        signal.raise_signal(signal.SIGINT)


def check_agreement(strategy: tf.distribute.Strategy, value: Any, problem: str) -> None:
    """Check that all workers hold the same value, which JSON can hold; waits for them.

    Raises:
        DistributionError: they do not (the message is ``problem``), or another worker is gone.
    """
    digest = int.from_bytes(hashlib.sha256(json.dumps(value).encode()).digest()[:6])
    with telling_of_lost_workers(strategy):
        if add_up(strategy, digest) != strategy.num_replicas_in_sync * digest:
            raise DistributionError(problem)


@contextlib.contextmanager
def telling_of_lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Raise a DistributionError with a sentence if another worker of the cluster is gone.

    TensorFlow notices within seconds: every worker reports to the chief that it is alive.

    Raises:
        DistributionError: another worker is gone.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.DeadlineExceededError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
    ) as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise DistributionError(
            "another worker stopped answering; start all workers again with --resume"
        ) from error


@contextlib.contextmanager
def _signals_that_end_the_process() -> Iterator[None]:
    """Let Ctrl-C end the wait for other workers, and SIGTERM the process after that.

    Python cannot handle Ctrl-C while TensorFlow waits; TensorFlow ignores SIGTERM in a cluster.
    """
    interrupted = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, interrupted)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _read_cluster(text: str) -> tuple[list[str], int]:
    """Addresses of the workers, and which of them is this process."""
    try:
        cluster = _Cluster.model_validate_json(text)
        workers, index = cluster.cluster.worker, cluster.task.index
        workers[index]
    except (ValidationError, IndexError) as error:
        raise DistributionError(
            "TF_CONFIG does not describe a cluster of workers; expected "
            '{"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}, '
            f"not {' '.join(text.split())}"
        ) from error
    return workers, index
