"""Where a training run computes: on one device, on all of this machine's, or on a cluster."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import tensorflow as tf
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError


class DistributionError(RuntimeError):
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
    """The strategy for what there is; to be called before TensorFlow computes anything.

    With ``TF_CONFIG`` in the environment this process is one worker of a cluster, and
    waits for the others. Otherwise it uses all GPUs of this machine, or its CPU.

    Raises:
        DistributionError: ``TF_CONFIG`` does not describe a cluster of workers, or this
            one's address cannot be used.
    """
    if "TF_CONFIG" in os.environ:
        workers, index = _read_cluster(os.environ["TF_CONFIG"])
        print(f"worker {index + 1} of {len(workers)}, waiting for the others …", flush=True)
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (tf.errors.OpError, RuntimeError) as error:
            raise DistributionError(
                f"cannot join the cluster as {workers[index]}; expected a free port of this machine"
            ) from error
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes files and tells how far training is."""
    return strategy.cluster_resolver is None or strategy.cluster_resolver.task_id == 0


def replicas_of(strategy: tf.distribute.Strategy) -> tuple[slice, int]:
    """Which replicas this process computes, of how many in all."""
    numbers = strategy.experimental_local_results(
        strategy.experimental_distribute_values_from_function(
            lambda context: context.replica_id_in_sync_group
        )
    )
    return slice(numbers[0], numbers[-1] + 1), strategy.num_replicas_in_sync


def gather(strategy: tf.distribute.Strategy, number: int) -> set[int]:
    """What all workers say, each with its own number; waits for them."""
    numbers = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant([number], tf.int64)
    )
    return set(strategy.gather(numbers, axis=0).numpy().tolist())


def check_agreement(strategy: tf.distribute.Strategy, value: Any, problem: str) -> None:
    """Check that all workers hold the same value, one that JSON can hold; waits for them.

    Raises:
        DistributionError: they do not (``problem``), or another worker is gone.
    """
    digest = hashlib.sha256(json.dumps(value).encode()).digest()
    with telling_of_lost_workers():
        if len(gather(strategy, int.from_bytes(digest[:7]))) > 1:
            raise DistributionError(problem)


@contextlib.contextmanager
def telling_of_lost_workers() -> Iterator[None]:
    """Say it in a sentence when another worker of the cluster is gone.

    TensorFlow notices within seconds: every worker tells the chief that it is alive.

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
        raise DistributionError(
            "another worker stopped answering; start all workers again with --resume"
        ) from error


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
