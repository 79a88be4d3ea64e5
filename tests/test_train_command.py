"""``python train.py`` as users use it, interrupt it and misuse it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from conftest import training_at_once
from interruption import end_in_epoch_2
from PIL import Image

import train
from explorer.bundle import latents
from explorer.bundle.card import BundleError
from explorer.bundle.store import FILES, find_bundles, load_bundle, load_reference, read_card
from explorer.cli import verify
from explorer.cli.plan import plan_recipe, plan_run
from explorer.cli.train import SHIPPED, Settings, parse_arguments
from explorer.data.reading import Reading
from explorer.training import export, loop
from explorer.training.destination import Destination
from explorer.training.lock import locked
from explorer.training.progress import Progress
from explorer.training.run import TrainingError
from train import train_bundle

ROOT = Path(__file__).parents[1]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True, scope="module")
def _check_each_model_once() -> Iterator[None]:
    """Cache which models can be exported, as these tests train the same few models."""
    with pytest.MonkeyPatch.context() as patch:
        check = export.check_exportable
        seen = set()

        def check_once(*model: Any) -> None:
            if str(model) not in seen:
                check(*model)
                seen.add(str(model))

        patch.setattr(export, "check_exportable", check_once)
        yield


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command and gives exit status, output and error output."""

    def call(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["train.py", *map(str, arguments)])
        capsys.readouterr()
        try:
            status = train.main()
        except SystemExit as stop:  # from argparse
            status = int(stop.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


@pytest.fixture
def at_once() -> Iterator[None]:
    """Skip the training."""
    with training_at_once():
        yield


@pytest.fixture(scope="module")
def timed_out(tmp_path_factory: pytest.TempPathFactory, tiny_settings: dict[str, Any]) -> Path:
    """Return the output folder of a run that ran out of time after one of three epochs."""
    output = tmp_path_factory.mktemp("timed-out")
    train_bundle(Settings(**tiny_settings, minutes=0.0), output=output)
    return output


@pytest.fixture
def unfinished(tmp_path: Path, timed_out: Path) -> Path:
    """Return a copy of that folder."""
    return Path(shutil.copytree(timed_out, tmp_path / "unfinished"))


def flags(settings: dict[str, Any]) -> list[str]:
    return [settings["data"], "--recipe", settings["recipe"]]


# --- mistakes of users ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bogus"], "unrecognized arguments: --bogus"),
        (["mnist", "extra"], "unrecognized arguments: extra"),
        (["mnist", "--latent-dim", "0"], "--latent-dim: 0 is not 1 or more"),
        (["mnist", "--latent-dim", "two"], "--latent-dim: 'two' is not a whole number"),
        (["mnist", "--latent-dim"], "--latent-dim: expected one argument"),
        (["mnist", "--epochs", "-1"], "--epochs: -1 is not 1 or more"),
        (["mnist", "--batch-size", "1.5"], "--batch-size: '1.5' is not a whole number"),
        (["mnist", "--beta", "much"], "--beta: 'much' is not a number"),
        (["mnist", "--limit", "0"], "--limit: 0 is not 1 or more"),
        (["mnist", "--beta", "-1"], "--beta: -1 is not 0 or more"),
        (["mnist", "--minutes", "-1"], "--minutes: -1 is not 0 or more"),
        (["mnist", "--minutes", "nan"], "--minutes: nan is not 0 or more"),
        (["mnist", "--seed", "-1"], "--seed: -1 is not between 0 and"),
        (["mnist", "--seed", str(2**32)], "--seed: 4294967296 is not between 0 and"),
        (["--epochs", "3"], "--epochs needs a DATASET"),
        (["--name", "mine"], "--name needs a DATASET"),
        (["--latent-dim", "2"], "--latent-dim needs a DATASET"),
        (["--seed", "0"], "--seed needs a DATASET"),
        (["--resume"], "--resume needs a DATASET"),
        (["mnist", "--image-size", "9999"], "9999"),
        (["mnist", "--data-dir", "/no/folder"], "--data-dir: there is no folder /no/folder"),
        (
            ["mnist", "--output", "/dev/null/out"],
            "/dev/null is not a folder that can be written to",
        ),
        (["mnist", "--output", "/proc/out"], "/proc is not a folder that can be written to"),
        (["mnist", "--output", "/proc/" + "x" * 300], "/proc is not a folder"),
        (["mnist", "--tensorboard", "/proc/logs"], "--tensorboard: /proc is not a folder"),
        (["shipped", "--latent-dim", "2"], "--latent-dim does not go with 'shipped'"),
    ],
)
def test_a_wrong_flag_gets_a_sentence_and_status_2(
    run: Run, arguments: list[str], words: str
) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert words in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{data}", "--recipe", "no-such-recipe"], "there is no recipe 'no-such-recipe'"),
        (["{data}", "--recipe", "{data}"], "there is no recipe"),
        (["{data}", "--beta", "inf"], "beta"),
        (["{data}", "--name", "../up"], "cannot name a bundle"),
        (["{data}", "--name", "Größe 1"], "'Größe 1' cannot name a bundle"),
        (["{data}", "--name", "a\nb"], "cannot name a bundle"),
        (["{data}", "--name", "x" * 300], "cannot name a bundle"),
        (["{data}", "--name", "images"], "cannot name a bundle"),
    ],
)
def test_a_mistake_gets_a_sentence_and_status_1(
    run: Run, tmp_path: Path, tiny_settings: dict[str, Any], arguments: list[str], words: str
) -> None:
    given = [argument.format(data=tiny_settings["data"]) for argument in arguments]
    status, out, err = run(*given, "--output", tmp_path / "out")
    assert status == 1
    assert "epoch" not in out
    assert err.startswith("train.py: ")
    assert err.count("\n") == 1
    assert words in err
    assert find_bundles(tmp_path / "out") == []


def test_a_missing_data_set_is_noticed_before_tensorflow_is_imported() -> None:
    code = "import sys, train, atexit; atexit.register(lambda: print('tensorflow' in sys.modules));"
    out, err = python("-c", f"{code} train.main()", "no-such-set").communicate(timeout=60)
    assert out == "False\n"
    assert err.startswith("train.py: there is no data set or file called no-such-set; give one of")


def test_help_and_refusals_import_nothing_large() -> None:
    code = "import sys, train; print({'numpy', 'pydantic', 'PIL', 'onnxruntime'} & {*sys.modules})"
    process = python("-c", code)
    assert process.communicate(timeout=60) == ("set()\n", "")


def test_a_log_that_cannot_be_written_is_noticed_before_training(
    run: Run, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    (tmp_path / "shapes-2d").mkdir()
    (tmp_path / "shapes-2d" / "train").symlink_to("/proc")  # where no file can be written
    places = ["--output", tmp_path / "out", "--tensorboard", tmp_path]
    status, out, err = run(*flags(tiny_settings), *places)
    assert status == 1
    assert "epoch" not in out
    assert err.startswith("train.py: cannot read or write a file: ")
    assert str(tmp_path / "shapes-2d/train") in err
    assert err.count("\n") == 1


def test_a_recipe_that_does_not_fit_is_noticed_before_training(
    run: Run, tmp_path: Path, tiny_settings: dict[str, Any], tiny_recipe: dict[str, Any]
) -> None:
    (tmp_path / "mine.json").write_text(
        json.dumps({**tiny_recipe, "head": {"layer": "Conv2D", "kernel_size": 3}})
    )
    recipe = tmp_path / "mine.json"
    status, out, err = run(tiny_settings["data"], "--recipe", recipe, "--output", tmp_path / "out")
    assert status == 1
    assert "epoch" not in out
    assert err.startswith("train.py: Conv2D cannot follow a shape of (None, 8)")
    assert err.count("\n") == 1


# --- what the command trains ----------------------------------------------------------------


def test_without_arguments_everything_shipped_is_trained(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Settings] = []
    monkeypatch.setattr(train, "train_bundle", lambda settings, **_: trained.append(settings))
    assert run() == (0, "", "")
    assert trained == list(SHIPPED)
    trained.clear()
    assert run("shipped", "--resume") == (0, "", "")
    assert trained == list(SHIPPED)
    assert {("fashion_mnist", 2), ("mnist", 8)} <= {(s.data, s.latent_dim) for s in trained}


def test_the_models_that_are_there_are_those_that_are_trained_without_arguments() -> None:
    cards = [read_card(path) for path in find_bundles(ROOT / "pretrained")]
    planned = {settings.command(): plan_recipe(settings) for settings in SHIPPED}
    assert {card.training.command for card in cards} == planned.keys()
    assert len(cards) == len(SHIPPED)
    for card in cards:
        name, recipe = planned[card.training.command]
        assert card.model.recipe_name == name
        assert card.model.recipe.model_dump(mode="json") == recipe.model_dump(mode="json")


@pytest.mark.parametrize(
    "settings",
    [
        Settings("mnist"),
        Settings(
            "mnist", latent_dim=8, recipe="tutorial", epochs=3, batch_size=64, likelihood="gaussian"
        ),
        Settings("pets", seed=7, name="my-pets", reading=Reading(image_size=(16, 16), grey=True)),
        Settings("pets", reading=Reading(image_size=(64, 200), fit="pad", range=(-1.0, 1.5))),
        Settings("pets", limit=100, reading=Reading(label="dx", class_level=2, first_page=True)),
        Settings("two words", beta=0.0, name="a-b", minutes=0.5),
    ],
)
def test_the_command_on_the_card_repeats_the_run(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    words = shlex.split(settings.command())
    assert words[:2] == ["python", "train.py"]
    monkeypatch.setattr("sys.argv", words[1:])
    runs, options = parse_arguments(None)
    assert runs == (settings,)
    assert options.keys() == {"output"}


def test_the_command_on_the_card_tells_no_path_of_own_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pets").mkdir()
    for path in (tmp_path / "pets", tmp_path / "pets" / "." / ".." / "pets"):
        recipe = str(tmp_path / "my recipe.json")
        command = replace(Settings(str(path)), latent_dim=3, recipe=recipe).command()
        assert command == "python train.py pets --latent-dim 3 --recipe 'my recipe.json'"
    monkeypatch.chdir(tmp_path / "pets")
    assert Settings(".").command() == "python train.py pets"


# --- interruption ---------------------------------------------------------------------------


def python(*arguments: Any, encoding: str = "utf-8") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_with_a_sentence_and_the_resumed_run_writes_the_bytes_of_a_whole_one(
    tmp_path: Path, tiny_bundle: Path, tiny_settings: dict[str, Any]
) -> None:
    code = end_in_epoch_2(signal.SIGINT)
    process = python("-c", code, *flags(tiny_settings), "--output", tmp_path, encoding="ascii")
    out, err = process.communicate(timeout=120)
    lines = out.splitlines()
    assert lines[0] == "shapes: 300 training and 100 test images, from NPZ file"
    assert lines[1].startswith("12 ? 12, grey, 3 classes, range 0..255")  # a terminal without ×
    assert lines[2] == "left out: nothing"
    assert lines[3].startswith("shapes-2d: 2 latent dimensions, recipe tiny")
    assert lines[4].startswith("epoch 1/3")
    assert process.returncode == 130
    assert err.strip() == "train.py: interrupted; the same command with --resume goes on"
    assert find_bundles(tmp_path) == []

    train_bundle(Settings(**tiny_settings), output=tmp_path, data_dir=None, resume=True)
    for name in FILES:
        assert (tmp_path / "shapes-2d" / name).read_bytes() == (tiny_bundle / name).read_bytes()
    resumed, whole = read_card(tmp_path / "shapes-2d"), read_card(tiny_bundle)
    assert resumed.metrics == whole.metrics
    assert resumed.training.command == whole.training.command
    kept = [path.name for path in (tmp_path / "images").iterdir()]
    assert kept == [path.name for path in (tiny_bundle.parent / "images").iterdir()]


def test_minutes_end_a_run_between_epochs_and_more_of_them_let_it_go_on(
    run: Run,
    tmp_path: Path,
    tiny_bundle: Path,
    tiny_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    advance = Progress.advance

    def advance_for_two_minutes(self: Progress, count: int, terms: dict[str, float]) -> None:
        clock[0] += 120.0  # an epoch, whose steps are all in one chunk
        advance(self, count, terms)

    monkeypatch.setattr(Progress, "advance", advance_for_two_minutes)
    command = [*flags(tiny_settings), "--output", tmp_path, "--resume", "--minutes"]
    assert run(*command, 3)[0] == 0
    card = read_card(tmp_path / "shapes-2d")
    assert card.model.recipe.epochs == 3
    assert len(load_reference(tmp_path / "shapes-2d").history["neg_elbo"]) == 2
    assert card.training.seconds == 240.0
    assert card.training.command.endswith("--minutes 3")

    clock[0] = 1e6  # days later
    assert run(*command, 30)[0] == 0
    card, whole = read_card(tmp_path / "shapes-2d"), read_card(tiny_bundle)
    assert card.model == whole.model
    assert card.metrics == whole.metrics
    assert card.training.seconds == 360.0
    assert not (tmp_path / ".checkpoints" / "shapes-2d").exists()


def test_ctrl_c_while_tensorflow_starts_is_no_traceback() -> None:
    code = """
import contextlib, sys
from explorer.cli import terminal

@contextlib.contextmanager
def interrupted():
    raise KeyboardInterrupt
    yield

terminal.loading_tensorflow = interrupted
sys.argv = ["train.py"]
import train
train.main()
"""
    process = python("-c", code)
    out, err = process.communicate(timeout=60)
    assert (out, err.count("Traceback")) == ("", 0)
    assert process.returncode == 130


@pytest.mark.parametrize("error", [MemoryError, tf.errors.ResourceExhaustedError])
def test_too_little_memory_gets_a_sentence(
    run: Run, tiny_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error(*[None, None, "OOM when allocating tensor"][: 3 * (error is not MemoryError)])

    monkeypatch.setattr(loop, "train", fail)
    status, _, err = run(*flags(tiny_settings))
    assert status == 1
    assert err.startswith("train.py: out of memory; give a smaller --batch-size")


def test_resuming_with_other_settings_gets_a_sentence(
    run: Run, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    state = tmp_path / ".checkpoints" / "shapes-2d" / "epoch-00001" / "state.json"
    state.parent.mkdir(parents=True)
    recipe = json.loads(Path(tiny_settings["recipe"]).read_text(encoding="utf-8"))
    state.write_text(json.dumps({"run": {"seed": 5, "recipe": recipe}, "history": {}}))
    status, out, err = run(*flags(tiny_settings), "--output", tmp_path, "--resume")
    assert status == 1
    assert "epoch" not in out
    assert err.startswith("train.py: the checkpoint was made with other settings or images")
    assert err.count("\n") == 1


def test_resuming_trains_nothing_again_that_is_finished(
    run: Run, tmp_path: Path, tiny_bundle: Path, tiny_settings: dict[str, Any]
) -> None:
    output = tmp_path / "copy"
    shutil.copytree(tiny_bundle.parent, output, ignore=shutil.ignore_patterns(".*"))
    status, out, err = run(*flags(tiny_settings), "--output", output, "--resume")
    assert (status, err) == (0, "")
    assert "shapes-2d already exists, trained with the same settings" in out
    assert "epoch" not in out


@pytest.mark.parametrize("change", [("--seed", 1), ("--epochs", 4), ("--limit", 20)])
def test_another_model_of_the_same_name_is_not_lost(
    change: tuple[str, int],
    run: Run,
    tmp_path: Path,
    tiny_bundle: Path,
    tiny_settings: dict[str, Any],
) -> None:
    output = tmp_path / "copy"
    shutil.copytree(tiny_bundle.parent, output, ignore=shutil.ignore_patterns(".*"))
    before = (output / "shapes-2d" / "card.json").read_bytes()
    command = [*flags(tiny_settings), *change, "--output", output]
    for further in ([], ["--resume"]):
        status, out, err = run(*command, *further)
        assert status == 1
        assert "holds another model (python train.py" in err
        assert err.endswith("another --name, or overwrite that one with --replace\n")
        assert "epoch" not in out
    assert (output / "shapes-2d" / "card.json").read_bytes() == before


@pytest.mark.usefixtures("at_once")
def test_another_model_of_the_same_name_is_replaced_when_asked(
    run: Run, tmp_path: Path, tiny_bundle: Path, tiny_settings: dict[str, Any]
) -> None:
    output = tmp_path / "copy"
    shutil.copytree(tiny_bundle.parent, output, ignore=shutil.ignore_patterns(".*"))
    command = [*flags(tiny_settings), "--epochs", 1, "--limit", 20, "--seed", 1, "--replace"]
    assert run(*command, "--output", output)[0] == 0
    card = read_card(output / "shapes-2d")
    assert (card.model.recipe.epochs, card.data.limit, card.training.seed) == (1, 20, 1)


@pytest.mark.usefixtures("at_once")
def test_what_is_no_bundle_is_not_lost(
    run: Run, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    thesis = tmp_path / "notes" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("all of it")
    command = [*flags(tiny_settings), "--output", tmp_path, "--name", "notes", "--epochs", 1]
    status, out, err = run(*command)
    assert status == 1
    assert "holds no usable bundle (" in err
    assert "epoch" not in out
    assert thesis.read_text() == "all of it"
    assert run(*command, "--replace")[0] == 0
    assert read_card(tmp_path / "notes").name == "notes"


@pytest.mark.usefixtures("at_once")
def test_a_whole_model_is_not_lost_to_a_shorter_run(
    run: Run, tmp_path: Path, tiny_bundle: Path, tiny_settings: dict[str, Any]
) -> None:
    output = tmp_path / "copy"
    shutil.copytree(tiny_bundle.parent, output, ignore=shutil.ignore_patterns(".*"))
    command = [*flags(tiny_settings), "--output", output, "--minutes", "0"]
    status, _, err = run(*command)
    assert status == 1
    assert "has all of its epochs; give a shorter run another --name, or --replace it" in err
    status, out, _ = run(*command, "--replace")
    assert status == 0
    assert "1 of 3 epochs: --resume with more --minutes goes on" in out


@pytest.mark.usefixtures("at_once")
def test_an_unfinished_run_is_not_begun_anew_by_mistake(
    run: Run, unfinished: Path, tiny_settings: dict[str, Any]
) -> None:
    command = [*flags(tiny_settings), "--output", unfinished, "--minutes", "0"]
    status, out, err = run(*command)
    assert status == 1
    assert "there is a checkpoint of shapes-2d after epoch 1; --resume goes on from there" in err
    assert "wrote" not in out

    shutil.rmtree(unfinished / ".checkpoints")
    for further in ([], ["--resume"]):
        status, out, err = run(*command, *further)
        assert status == 1
        assert "has 1 of 3 epochs and no checkpoint to go on from" in err
        assert "wrote" not in out
    assert run(*command, "--replace")[0] == 0


@pytest.mark.usefixtures("at_once")
def test_a_whole_bundle_is_not_replaced_by_fewer_epochs(
    run: Run, unfinished: Path, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    """Not even when the same command was given again and then broke off."""
    command = [*flags(tiny_settings), "--output", unfinished, "--resume"]
    shutil.copytree(unfinished / ".checkpoints", tmp_path / "checkpoints")
    assert run(*command)[0] == 0
    whole = load_bundle(unfinished / "shapes-2d").content
    shutil.copytree(tmp_path / "checkpoints", unfinished / ".checkpoints")
    status, _, err = run(*command, "--minutes", "0")
    assert status == 1
    assert "has all of its epochs; give a shorter run another --name" in err
    assert load_bundle(unfinished / "shapes-2d").content == whole
    assert run(*command)[0] == 0


def test_an_image_for_training_and_one_for_testing_are_enough(
    run: Run, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    for name in ("one", "two"):
        Image.new("L", (8, 8), 40 * len(name)).save(tmp_path / f"{name}.png")
    recipe = ["--recipe", tiny_settings["recipe"], "--epochs", "1"]
    status, _, err = run(tmp_path, *recipe, "--output", tmp_path / "out", "--name", "pair")
    assert (status, err) == (0, "")
    assert len(load_bundle(tmp_path / "out" / "pair").latents.z_mean) == 1


@pytest.mark.usefixtures("at_once")
def test_an_unfinished_run_is_not_lost_to_another(
    run: Run, unfinished: Path, tiny_settings: dict[str, Any]
) -> None:
    command = [*flags(tiny_settings), "--output", unfinished]
    shutil.rmtree(unfinished / "shapes-2d")
    (checkpoint,) = (unfinished / ".checkpoints" / "shapes-2d").iterdir()
    status, out, err = run(*command, "--seed", "1")
    assert status == 1
    assert "the checkpoint was made with other settings or images" in err
    assert "wrote" not in out
    assert checkpoint.exists()
    assert run(*command, "--seed", "1", "--replace", "--resume")[0] == 0
    assert read_card(unfinished / "shapes-2d").training.seed == 1


def test_two_trainings_of_one_name_exclude_each_other(tmp_path: Path) -> None:
    where = Destination(tmp_path, "mine")
    (tmp_path / ".mine.lock").write_text("process 1 on a machine that lost its power")
    (tmp_path / ".mine.unfinished").mkdir()
    where.checkpoints.mkdir(parents=True)
    with locked(where):
        told = f"mine is being trained already .process {os.getpid()} on"
        with pytest.raises(TrainingError, match=told), locked(where):
            pass
        with locked(Destination(tmp_path, "another")):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_its_last_holder_removes_meanwhile_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lock(_: object) -> bool:
        (tmp_path / ".mine.lock").unlink()
        return True

    monkeypatch.setattr("explorer.training.lock._lock", lock)
    told = "mine is being trained already"
    with pytest.raises(TrainingError, match=told), locked(Destination(tmp_path, "mine")):
        pass


def test_figures_only_go_to_the_references_and_are_found_there(
    run: Run, tmp_path: Path, tiny_bundle: Path, tiny_settings: dict[str, Any]
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "shapes-2d")  # a bundle is not a reference
    command = [*flags(tiny_settings), "--output", tmp_path, "--figures-only", "--resume"]
    status, out, err = run(*command)
    assert (status, err) == (0, "")
    path = tmp_path / "references" / "shapes-2d"
    assert f"wrote {path}" in out
    reference, bundle = load_reference(path), load_bundle(tiny_bundle)
    assert reference.history == bundle.history
    assert reference.card.metrics == bundle.card.metrics
    status, out, err = run(*command)
    assert "shapes-2d already exists, trained with the same settings" in out


def test_more_test_images_than_a_bundle_holds_are_refused_before_training(
    tiny_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latents, "MAX_UNPACKED", 99 * (4 * 2 + 256))
    settings = Settings(tiny_settings["data"], recipe=tiny_settings["recipe"])
    with pytest.raises(BundleError, match="shapes has 100 test images; .* up to 99 are taken"):
        plan_run(settings, None)
    assert plan_run(replace(settings, limit=99), None).limit == 99


def test_figures_of_other_images_repeat_no_published_system(
    tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    recipe = json.loads(Path(tiny_settings["recipe"]).read_text(encoding="utf-8"))
    published = {"data": "shapes", "latent_dim": 2, "value": 1.0, "epochs": recipe["epochs"]}
    path = tmp_path / "known.json"
    path.write_text(json.dumps({**recipe, "published": published}), encoding="utf-8")
    whole = Settings(tiny_settings["data"], recipe=str(path))
    told = "known repeats a system for shapes in 2-D; this run is not comparable with its figure"
    for settings, is_known in (
        (whole, True),
        (replace(whole, limit=60), False),
        (replace(whole, latent_dim=3), True),
    ):
        plan = plan_run(settings, None)
        assert (plan.run.recipe.published is not None) is is_known
        assert (told in plan.describe()) is (settings.latent_dim == 3)


# --- a data set never seen before -----------------------------------------------------------


def write_pictures(folder: Path) -> None:
    """Write three classes of colour pictures of mixed sizes, with names as users give them."""
    random = np.random.default_rng(0)
    for label, name in enumerate(["Käse & Brot (alt)", "o'clock", os.fsdecode(b"caf\xe9")]):
        (folder / name).mkdir(parents=True)
        for index in range(12):
            height, width = random.integers(9, 60, 2)
            pixels = random.integers(0, 80, (height, width, 3), np.uint8)
            pixels[..., label] += 150
            Image.fromarray(pixels).save(folder / name / f"ünï {index} #%20.png")


def test_class_folders_of_mixed_colour_pictures_train_and_load(
    run: Run, tmp_path: Path, tiny_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = tmp_path / "Meine Bilder [2024]", tmp_path / "out"
    write_pictures(source)
    status, out, err = run(
        source, "--recipe", tiny_settings["recipe"], "--epochs", 1, "--image-size", 14,
        "--latent-dim", 5, "--output", output,
    )  # fmt: skip
    assert status == 0, err
    (path,) = find_bundles(output)
    assert path.name == "meine-bilder-2024-5d"
    bundle = load_bundle(path)
    data = bundle.card.data
    assert set(data.classes) == {"Käse & Brot (alt)", "o'clock", "caf?"}  # no UTF-8: no JSON
    assert data.image_shape == (14, 14, 3)
    assert data.train_images + data.test_images == 36
    assert str(tmp_path) not in (path / "card.json").read_text(encoding="utf-8").replace(
        tiny_settings["recipe"], ""
    )
    assert bundle.codec.decode(np.zeros((2, 5), np.float32)).shape == (2, 14, 14, 3)

    monkeypatch.setattr("sys.argv", ["verify", "--bundles", str(output), "--data", str(source)])
    assert verify.main() == 0
