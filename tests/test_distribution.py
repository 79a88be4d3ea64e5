"""Training on several devices and machines, with real worker processes on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from interruption import end_in_epoch_2

import train
from explorer.bundle.bundle import Reference
from explorer.bundle.store import FILES, load_reference, read_card
from explorer.cli.train import Settings
from explorer.recipes.recipe import recipe_from_json
from explorer.training import devices
from explorer.training import loop as training
from explorer.training.devices import DistributionError, find_strategy
from explorer.training.run import Run

ROOT = Path(__file__).parents[1]
LOST = "train.py: another worker stopped answering; start all workers again with --resume\n"


CONVOLUTION = {"layer": "Conv2D", "filters": 1, "kernel_size": 3, "strides": 4}  # without XLA


@pytest.fixture(scope="module")
def command(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_settings: dict[str, Any],
    tiny_recipe: dict[str, Any],
) -> list[str]:
    """Return a tiny run of few weights, without noise in layers, which differs between replicas."""
    path = tmp_path_factory.mktemp("recipe") / "plain.json"
    recipe = {**tiny_recipe, "encoder": [CONVOLUTION], "decoder": []}
    path.write_text(json.dumps(recipe), encoding="utf-8")
    return [tiny_settings["data"], "--recipe", str(path)]


def start(*arguments: Any, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tf_config(index: int, workers: list[str]) -> str:
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})


@contextlib.contextmanager
def cluster(*commands: list[Any]) -> Iterator[list[subprocess.Popen[str]]]:
    """Start Python with each command, as the workers of a cluster, the chief first."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in commands]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in sockets]
    for server in sockets:
        server.close()
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(start(*command, TF_CONFIG=tf_config(index, addresses)))
            for index, command in enumerate(commands)
        ]

        def kill() -> None:
            for worker in workers:
                worker.kill()

        stack.callback(kill)
        timer = threading.Timer(300, kill)  # in case they wait for each other forever
        stack.callback(timer.cancel)
        timer.start()
        yield workers


def ends(workers: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Return exit status, standard output and standard error of each worker."""
    try:
        printed = [worker.communicate(timeout=300) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [(w.returncode, *texts) for w, texts in zip(workers, printed, strict=True)]


def wait_for(worker: subprocess.Popen[str], words: str) -> str:
    """Return what the worker prints until a line with these words."""
    assert worker.stdout is not None
    said = ""
    for line in worker.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended after {said}")


# --- what runs compute ----------------------------------------------------------------------


SEVERAL_RUNS = """
import json, sys
import numpy as np
import train
from explorer.bundle import effort
from explorer.cli.terminal import exit_with, loading_tensorflow

with loading_tensorflow():
    from explorer.training import devices, export, loop

export.check_exportable = lambda *model: None  # takes seconds
effort.GAP_IMAGES, effort.IMPORTANCE_IMAGES = 10, 20  # of figures that nothing here compares
strategy = devices.find_strategy()
devices.find_strategy = lambda: strategy  # once in a process
original = loop.train

def train_and_keep(*arguments, **options):
    trained = original(*arguments, **options)
    np.savez(weights, *trained.model.get_weights())
    return trained

loop.train = train_and_keep
weights, *commands, last = json.loads(sys.argv[1])
for command in commands:
    sys.argv = ["train.py", *command]
    try:
        status = train.main()
    except SystemExit as stop:
        status = stop.code
    print("status", status, flush=True)
sys.argv = ["train.py", *last]
exit_with(train.main)
"""


class Outcome(NamedTuple):
    """The results of two workers that went through the same commands."""

    folder: Path
    whole: Path
    resumed: Path
    ended: Reference
    workers: list[tuple[int, str, str]]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, command: list[str]) -> Outcome:
    """Do many runs in two clusters, as processes take seconds to start.

    A worker of the first cluster is terminated by the system. The second cluster continues from
    there, gets many wrong commands, and ends with Ctrl-C on the chief.
    """
    folder = tmp_path_factory.mktemp("workers")
    mine = [folder / "chief", folder / "other"]
    shared = ["--output", mine[0]]
    arguments = [*command, *shared]
    with cluster(
        ["train.py", *arguments], ["-c", end_in_epoch_2(signal.SIGTERM), *arguments]
    ) as workers:
        chief, other = ends(workers)
    assert other[0] == -signal.SIGTERM
    assert chief[::2] == (1, LOST)
    assert "epoch 1/3" in chief[1]
    assert not (mine[0] / "shapes-2d").exists()

    def runs(index: int) -> str:
        commands = [
            ["--output", folder / "wrong", "--batch-size", 63],
            ["--output", folder / "wrong", "--seed", index],
            [*shared, "--resume", *(["--minutes", 1e-6] if index else [])],  # one's time is over
            ["--output", mine[index], "--resume"],
            [*shared, "--resume"],
            ["--output", folder / "whole", "--tensorboard", folder / "logs", "--keras"],
            [*shared, "--epochs", 100_000, "--name", "endless"],
        ]
        weights = folder / f"weights-{index}.npz"
        return json.dumps([str(weights), *([*command, *map(str, own)] for own in commands)])

    with cluster(*(["-c", SEVERAL_RUNS, runs(index)] for index in (0, 1))) as workers:
        wait_for(workers[0], "status 1")  # cannot be split
        wait_for(workers[0], "status 1")  # different seeds
        assert "epoch 1/3" not in wait_for(workers[0], "status 0")  # ended early
        ended = load_reference(mine[0] / "shapes-2d")
        wait_for(workers[0], "status 1")  # a checkpoint that only one worker sees
        wait_for(workers[0], "status 0")  # the rest of the run
        wait_for(workers[0], "epoch 3/3")
        wait_for(workers[0], "wrote")
        wait_for(workers[0], "status 0")  # all of the run
        wait_for(workers[0], "epoch 1/100000")
        workers[0].send_signal(signal.SIGINT)
        both = ends(workers)
    return Outcome(folder, folder / "whole" / "shapes-2d", mine[0] / "shapes-2d", ended, both)


def test_two_workers_learn_what_one_process_learns(
    tmp_path: Path, outcome: Outcome, command: list[str]
) -> None:
    settings = Settings(data=command[0], recipe=command[2])
    train.train_bundle(settings, output=tmp_path, keras=True)
    folders = tmp_path / "shapes-2d", outcome.whole
    one, two = (read_card(folder) for folder in folders)
    assert one.model == two.model
    assert two.metrics.neg_elbo == pytest.approx(one.metrics.neg_elbo, rel=1e-4)
    mine, theirs = (
        json.loads((folder / "history.json").read_text(encoding="utf-8")) for folder in folders
    )
    for term, values in mine.items():  # four decimals are kept
        assert theirs[term] == pytest.approx(values, rel=1e-5, abs=2e-4), term
    models = (keras.saving.load_model(folder / "model.keras") for folder in folders)
    for weight, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(weight, other, rtol=2e-3, atol=1e-4)  # half precision


def test_workers_go_through_runs_alike(outcome: Outcome) -> None:
    assert len(outcome.ended.history["neg_elbo"]) < 3
    for name in FILES:
        resumed = (outcome.resumed / name).read_bytes()
        assert resumed == (outcome.whole / name).read_bytes(), name
    first, second = (np.load(outcome.folder / f"weights-{index}.npz") for index in (0, 1))
    assert len(first.files) == len(second.files) > 4
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name])


def test_only_the_chief_writes_and_tells(outcome: Outcome) -> None:
    assert not (outcome.folder / "other").exists()
    for part in ("train", "validation"):
        assert len(list((outcome.folder / "logs" / "shapes-2d" / part).iterdir())) == 1
    printed = outcome.workers[1][1]
    assert "epoch" not in printed
    assert "wrote" not in printed


def test_what_cannot_be_split_or_is_not_the_same_ends_all_workers(outcome: Outcome) -> None:
    problems = [
        "train.py: batches of 63 images cannot be split evenly among 2 devices; "
        "give another --batch-size\n",
        "train.py: the workers have different settings or images; give all the same\n",
        "train.py: not all workers see the same checkpoint in {}; let them share it\n",
    ]
    for (_, _, err), name in zip(outcome.workers, ("chief", "other"), strict=True):
        checkpoints = outcome.folder / name / ".checkpoints" / "shapes-2d"
        sentences = [line for line in err.splitlines(True) if line.startswith("train.py: ")]
        assert "".join(sentences[:3]) == "".join(problems).format(checkpoints)


# --- interruption ---------------------------------------------------------------------------


def test_ctrl_c_on_the_chief_ends_all(outcome: Outcome) -> None:
    chief, other = outcome.workers
    assert chief[0] == 130, chief[2]
    assert chief[2].endswith("train.py: interrupted; the same command with --resume goes on\n")
    assert other[0] == 1
    assert other[2].endswith(LOST)


ONE_AFTER_THE_OTHER = """
import json, os, sys
import train

configurations, *sys.argv[1:] = sys.argv[1:]
for configuration in json.loads(configurations):
    os.environ["TF_CONFIG"] = configuration
    try:
        train.main()
    except SystemExit as stop:
        print("status", stop.code, flush=True)
"""


def test_an_address_in_use_gets_a_sentence_and_ctrl_c_ends_the_wait(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_server(("127.0.0.1", 0)) as other:
            used, free = (f"127.0.0.1:{one.getsockname()[1]}" for one in (server, other))
        configurations = [tf_config(0, [address, "127.0.0.1:1"]) for address in (used, free)]
        process = start("-c", ONE_AFTER_THE_OTHER, json.dumps(configurations), *command)
        wait_for(process, "worker 1 of 2, waiting for the others")
        wait_for(process, "status 1")
        wait_for(process, "worker 1 of 2, waiting for the others")  # which never come
        process.send_signal(signal.SIGINT)
        ((status, out, err),) = ends([process])
    assert (status, out) == (-signal.SIGINT, "")
    assert err == (
        f"train.py: cannot join the cluster as {used}; expected a free port of this machine\n"
    )


# --- several devices of one machine ---------------------------------------------------------

TWO_REPLICAS = """
import json, shutil, sys
from pathlib import Path
import numpy as np
from explorer.cli.terminal import loading_tensorflow

with loading_tensorflow():
    import tensorflow as tf

devices = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)

from explorer.training import loop as training
from explorer.training.run import Run
from explorer.recipes.recipe import recipe_from_json

folder, plain, noisy = json.loads(sys.argv[1])
images = np.load(Path(folder, "images.npy"))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def run(recipe, name, **options):
    run = Run(recipe_from_json(recipe), (12, 12, 1), 2, seed=0, train_sha256="0" * 64)
    checkpoints = Path(folder, name)
    model = training.train(
        run, images, checkpoints=checkpoints, strategy=strategy, **options
    ).model
    np.savez(Path(folder, name + ".npz"), *model.get_weights())

keys = []
original = training._seed_layers

def look(model, *arguments):
    original(model, *arguments)
    keys.extend(
        copy.numpy()
        for layer in (model.encoder.layers[2], model.decoder.layers[1].layers[0])
        for copy in strategy.experimental_local_results(layer.seed_generator.state.value)
    )

def keep_the_first_checkpoint(history, seconds):
    if len(history["kl"]) == 1:
        shutil.copytree(Path(folder, "whole"), Path(folder, "resumed"))
    return False

run(plain, "plain")
training._seed_layers = look
run(noisy, "whole", stop=keep_the_first_checkpoint)
training._seed_layers = original
run(noisy, "resumed", resume=True)
np.savez(Path(folder, "keys.npz"), *keys)
"""


NOISY = {
    "encoder": [CONVOLUTION, {"layer": "GaussianNoise", "stddev": 0.1}],
    "decoder": [{"layer": "Residual", "layers": [{"layer": "Dropout", "rate": 0.2}]}],
    "head": {"layer": "Dense"},
    "epochs": 3,
    "batch_size": 64,
}


def test_two_replicas_learn_what_one_device_learns(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (202, 12, 12, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    dense = {"layer": "Dense", "units": 4, "activation": "relu"}
    plain = {**NOISY, "encoder": [{"layer": "Flatten"}], "decoder": [dense]}
    plain["augmentation"] = {"shift": 1.0, "until": 1.0, "encoder_only": True}
    plain["objective"] = {"name": "iw", "samples": 2}
    process = start("-c", TWO_REPLICAS, json.dumps([str(tmp_path), plain, NOISY]))
    ((status, _, err),) = ends([process])
    assert status == 0, err

    def saved(name: str) -> list[np.ndarray]:
        arrays = np.load(tmp_path / f"{name}.npz")
        return [arrays[key] for key in arrays.files]

    run = Run(recipe_from_json(plain), (12, 12, 1), 2, seed=0, train_sha256="0" * 64)
    one = training.train(run, images, checkpoints=tmp_path / "one").model.get_weights()
    for mine, theirs in zip(one, saved("plain"), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)

    for whole, resumed in zip(saved("whole"), saved("resumed"), strict=True):
        np.testing.assert_array_equal(whole, resumed)
    keys = {tuple(key) for key in saved("keys")}
    assert len(keys) == 3 * 2 * 2  # epochs, layers, replicas: no two draw the same noise


# --- mistakes of users ----------------------------------------------------------------------

WORKERS = ["a:1", "b:2"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "null",
        "[]",
        "{}",
        json.dumps({"cluster": {"worker": WORKERS}}),
        json.dumps({"task": {"type": "worker", "index": 0}}),
        json.dumps({"cluster": {}, "task": {"type": "worker", "index": 0}}),
        json.dumps({"cluster": WORKERS, "task": {"type": "worker", "index": 0}}),
        json.dumps({"cluster": {"worker": WORKERS}, "task": {"type": "chief", "index": 0}}),
        json.dumps({"cluster": {"worker": WORKERS}, "task": {"type": "worker"}}),
        json.dumps(
            {"cluster": {"worker": WORKERS, "ps": ["c:3"]}, "task": {"type": "worker", "index": 0}}
        ),
        tf_config(2, WORKERS),
        tf_config(-1, WORKERS),
        tf_config("first", WORKERS),  # type: ignore[arg-type]
        tf_config(0, []),
        tf_config(0, ["a", "b"]),
        tf_config(0, "a:1"),  # type: ignore[arg-type]
        tf_config(0, [1, 2]),  # type: ignore[list-item]
        json.dumps(json.loads(tf_config(2, WORKERS)), indent=2),
    ],
)
def test_a_malformed_tf_config_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(DistributionError) as error:
        find_strategy()
    assert str(error.value).startswith("TF_CONFIG does not describe a cluster of workers; expected")
    assert " ".join(text.split()) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_malformed_tf_config_ends_the_command_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TF_CONFIG", "{")
    monkeypatch.setattr("sys.argv", ["train.py", "mnist"])
    with pytest.raises(SystemExit, match="^1$"):
        train.main()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("train.py: TF_CONFIG does not describe a cluster")
    assert printed.err.count("\n") == 1


def test_without_a_cluster_one_process_is_chief_of_one_replica(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TF_CONFIG", "")
    strategy = find_strategy()
    assert devices.is_chief(strategy)
    assert devices.replicas_of(strategy) == (slice(0, 1), 1)
    assert devices.add_up(strategy, 7) == 7
