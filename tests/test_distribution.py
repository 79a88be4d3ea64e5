"""Training on several devices and machines: real worker processes on this one."""

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
from typing import Any

import keras
import numpy as np
import pytest
from interruption import DIE_IN_EPOCH_2

import train
from explorer.bundle.store import FILES, load_reference, read_card
from explorer.cli.train import Settings
from explorer.recipes.recipe import recipe_from_json
from explorer.training import devices
from explorer.training import loop as training
from explorer.training.devices import DistributionError, find_strategy
from explorer.training.run import Run

ROOT = Path(__file__).parents[1]
LOST = "train.py: another worker stopped answering; start all workers again with --resume\n"


@pytest.fixture(scope="module")
def command(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_settings: dict[str, Any],
    tiny_recipe: dict[str, Any],
) -> list[str]:
    """The tiny run without noise in its layers, which differs from replica to replica."""
    path = tmp_path_factory.mktemp("recipe") / "plain.json"
    path.write_text(json.dumps(without_noise(tiny_recipe)), encoding="utf-8")
    return [tiny_settings["data"], "--recipe", str(path)]


def without_noise(recipe: dict[str, Any]) -> dict[str, Any]:
    plain = {"layer": "Dense", "units": 8, "activation": "relu"}
    return {**recipe, "encoder": recipe["encoder"][1:], "decoder": [plain]}


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
    """Start Python with each of the commands, as the workers of a cluster, the chief first."""
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
        timer = threading.Timer(300, kill)  # should they wait for each other for ever
        stack.callback(timer.cancel)
        timer.start()
        yield workers


def ends(workers: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit status, standard output and error of each."""
    try:
        printed = [worker.communicate(timeout=300) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [(w.returncode, *texts) for w, texts in zip(workers, printed, strict=True)]


def wait_for(worker: subprocess.Popen[str], words: str) -> None:
    assert worker.stdout is not None
    assert any(words in line for line in worker.stdout), "it ended before"


# --- what runs compute ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory, command: list[str]) -> Path:
    """The bundle that two workers write."""
    output, logs = tmp_path_factory.mktemp("two") / "out", tmp_path_factory.mktemp("logs")
    places = ["--output", output, "--tensorboard", logs, "--keras"]
    with cluster(*[["train.py", *command, *places]] * 2) as workers:
        chief, other = ends(workers)
    assert (chief[0], other[0]) == (0, 0), chief[2] + other[2]
    assert "epoch 3/3" in chief[1]
    assert "wrote" in chief[1]
    assert "epoch" not in other[1]
    assert "wrote" not in other[1]
    for part in ("train", "validation"):
        assert len(list((logs / "shapes-2d" / part).iterdir())) == 1  # the chief's
    return output / "shapes-2d"


def test_two_workers_learn_what_one_process_learns(
    tmp_path: Path, two_workers: Path, command: list[str]
) -> None:
    settings = Settings(data=command[0], recipe=command[2])
    train.train_bundle(settings, output=tmp_path, keras=True)
    folders = tmp_path / "shapes-2d", two_workers
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


SEVERAL_RUNS = """
import json, sys
import numpy as np
import train
from explorer.training import devices, loop

strategy = devices.find_strategy()
devices.find_strategy = lambda: strategy  # once in a process
original = loop.train

def train_and_keep(*arguments, **options):
    trained = original(*arguments, **options)
    np.savez(weights, *trained.model.get_weights())
    return trained

loop.train = train_and_keep
weights, *commands = json.loads(sys.argv[1])
for command in commands:
    sys.argv = ["train.py", *command]
    try:
        status = train.main()
    except SystemExit as stop:
        status = stop.code
    print("status", status, flush=True)
"""


def test_workers_go_through_runs_alike(
    tmp_path: Path, two_workers: Path, command: list[str]
) -> None:
    """One after the other in two processes, which take seconds to start."""
    chief_output, other_output = tmp_path / "chief", tmp_path / "other"

    def runs(index: int) -> str:
        mine = [chief_output, other_output][index]
        shared = ["--output", chief_output]
        commands = [
            [*shared, "--batch-size", 63],
            [*shared, "--seed", index],
            ["--output", mine, *(["--minutes", 1e-6] if index else [])],  # one's time is over
            ["--output", mine, "--resume"],
            [*shared, "--resume"],
            [*shared, "--epochs", 100_000, "--name", "endless"],
        ]
        weights = tmp_path / f"weights-{index}.npz"
        return json.dumps([str(weights), *([*command, *map(str, own)] for own in commands)])

    with cluster(*(["-c", SEVERAL_RUNS, runs(index)] for index in (0, 1))) as workers:
        wait_for(workers[0], "status 1")  # cannot be split
        wait_for(workers[0], "status 1")  # different seeds
        wait_for(workers[0], "status 0")  # ended early
        ended = load_reference(chief_output / "shapes-2d")
        wait_for(workers[0], "status 1")  # a checkpoint that only one of them sees
        wait_for(workers[0], "status 0")  # the rest of the run
        wait_for(workers[0], "epoch 1/100000")
        workers[0].send_signal(signal.SIGTERM)
        chief, other = ends(workers)

    assert len(ended.history["neg_elbo"]) == 1
    assert not other_output.exists()
    for name in FILES:
        resumed = (chief_output / "shapes-2d" / name).read_bytes()
        assert resumed == (two_workers / name).read_bytes(), name
    first, second = (np.load(tmp_path / f"weights-{index}.npz") for index in (0, 1))
    assert len(first.files) == len(second.files) > 4
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name])

    problems = [
        "train.py: batches of 63 images cannot be split evenly among 2 devices; "
        "give another --batch-size\n",
        "train.py: the workers have different settings or images; give all the same\n",
        "train.py: not all workers see the same checkpoint in {}; let them share it\n",
    ]
    for (status, _, err), expected, output in zip(
        (chief, other), (-signal.SIGTERM, 0), (chief_output, other_output), strict=True
    ):
        checkpoints = output / ".checkpoints" / "shapes-2d"
        sentences = [line for line in err.splitlines(True) if line.startswith("train.py: ")]
        assert "".join(sentences[:3]) == "".join(problems).format(checkpoints)
        assert status == expected
    assert other[2].endswith(LOST)
    assert other[1].endswith("status 1\n")


# --- interruption ---------------------------------------------------------------------------


def test_a_lost_worker_ends_the_others_and_all_resume(
    tmp_path: Path, two_workers: Path, command: list[str]
) -> None:
    arguments = [*command, "--output", tmp_path]
    with cluster(["train.py", *arguments], ["-c", DIE_IN_EPOCH_2, *arguments]) as workers:
        chief, other = ends(workers)
    assert other[0] == -signal.SIGKILL
    assert chief[0] == 1
    assert chief[2] == LOST
    assert "epoch 1/3" in chief[1]
    assert not (tmp_path / "shapes-2d").exists()

    with cluster(*[["train.py", *arguments, "--resume"]] * 2) as workers:
        chief, other = ends(workers)
    assert (chief[0], other[0]) == (0, 0), chief[2] + other[2]
    assert "epoch 1/3" not in chief[1]
    for name in FILES:
        resumed = (tmp_path / "shapes-2d" / name).read_bytes()
        assert resumed == (two_workers / name).read_bytes(), name


def test_ctrl_c_on_the_chief_ends_all(tmp_path: Path, command: list[str]) -> None:
    arguments = ["train.py", *command, "--output", tmp_path, "--epochs", 100_000]
    with cluster(arguments, arguments) as workers:
        wait_for(workers[0], "epoch 1/")
        workers[0].send_signal(signal.SIGINT)
        chief, other = ends(workers)
    assert chief[0] == 130, chief[2]
    assert chief[2].strip() == "train.py: interrupted; the same command with --resume goes on"
    assert (other[0], other[2]) == (1, LOST)


def test_ctrl_c_ends_the_wait_for_workers_that_never_come(command: list[str]) -> None:
    with cluster(["train.py", *command], ["-c", ""]) as workers:
        wait_for(workers[0], "worker 1 of 2, waiting for the others")
        workers[0].send_signal(signal.SIGINT)
        assert ends(workers[:1]) == [(-signal.SIGINT, "", "")]


# --- several devices of one machine ---------------------------------------------------------

TWO_REPLICAS = """
import json, sys
from pathlib import Path
import numpy as np
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
    return training.train(run, images, checkpoints=checkpoints, strategy=strategy, **options).model

def save(name, values):
    np.savez(Path(folder, name + ".npz"), *values)

save("plain", run(plain, "a").get_weights())
save("noisy", run(noisy, "b").get_weights())
run(noisy, "c", stop=lambda *_: True)
save("resumed", run(noisy, "c", resume=True).get_weights())

keys = []
original = training._seed_layers

def look(model, *arguments):
    original(model, *arguments)
    keys.extend(
        copy.numpy()
        for layer in (model.encoder.layers[1], model.decoder.layers[2].layers[1])
        for copy in strategy.experimental_local_results(layer.seed_generator.state.value)
    )

training._seed_layers = look
run(noisy, "d")
save("keys", keys)
"""


def test_two_replicas_learn_what_one_device_learns(
    tmp_path: Path, tiny_recipe: dict[str, Any]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (202, 12, 12, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    plain = without_noise(tiny_recipe)
    process = start("-c", TWO_REPLICAS, json.dumps([str(tmp_path), plain, tiny_recipe]))
    ((status, _, err),) = ends([process])
    assert status == 0, err

    def saved(name: str) -> list[np.ndarray]:
        arrays = np.load(tmp_path / f"{name}.npz")
        return [arrays[key] for key in arrays.files]

    run = Run(recipe_from_json(plain), (12, 12, 1), 2, seed=0, train_sha256="0" * 64)
    one = training.train(run, images, checkpoints=tmp_path / "one").model.get_weights()
    for mine, theirs in zip(one, saved("plain"), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)

    for whole, resumed in zip(saved("noisy"), saved("resumed"), strict=True):
        np.testing.assert_array_equal(whole, resumed)
    keys = {tuple(key) for key in saved("keys")}
    assert len(keys) == 3 * 2 * 2  # epochs, layers, replicas: no two draw the same noise


# --- what a person gets wrong ---------------------------------------------------------------

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


def test_an_address_in_use_gets_a_sentence(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        process = start("train.py", *command, TF_CONFIG=tf_config(0, [address, "127.0.0.1:1"]))
        ((status, _, err),) = ends([process])
    assert status == 1
    assert err == (
        f"train.py: cannot join the cluster as {address}; expected a free port of this machine\n"
    )
