"""Training: it learns, it can be interrupted anywhere, and its messages."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from explorer.bundle.history import History
from explorer.core.elbo import importance_weighted
from explorer.core.estimates import elbo_terms
from explorer.data.dataset import dataset_fingerprint
from explorer.data.load import load_dataset
from explorer.recipes.recipe import Augmentation, recipe_from_json
from explorer.training import loop as training
from explorer.training import steps
from explorer.training.batches import batches_in_order, shuffled_batches, split
from explorer.training.checkpoints import count_epochs
from explorer.training.export import keras_codec, round_to_half
from explorer.training.loop import Trained, train
from explorer.training.progress import Progress
from explorer.training.run import Run, TrainingError
from explorer.training.vae import VAE

TERMS = ("neg_elbo", "reconstruction", "kl")


SMALL: dict[str, Any] = {  # not compiled by XLA
    "encoder": [{"layer": "Conv2D", "filters": 1, "kernel_size": 3, "strides": 4}],
    "decoder": [],
    "head": {"layer": "Dense"},
    "batch_size": 64,
}
DENSE: dict[str, Any] = {  # compiled by XLA, with a discriminator
    "encoder": [{"layer": "Flatten"}, {"layer": "GaussianNoise", "stddev": 0.1}],
    "decoder": [{"layer": "Residual", "layers": [{"layer": "Dropout", "rate": 0.2}]}],
    "head": {"layer": "Dense"},
    "objective": {"name": "factor", "gamma": 1.0},
    "kl_warmup": 0.5,
    "epochs": 3,
    "batch_size": 64,
    "warmup_steps": 2,
}
CONVOLUTIONS = {
    "encoder": [
        {"layer": "Conv2D", "filters": 4, "kernel_size": 3, "strides": 2, "activation": "relu"},
        {"layer": "BatchNormalization"},
        {"layer": "Dropout", "rate": 0.2},
    ],
    "decoder": [
        {"layer": "Dense", "units": 36},
        {"layer": "Reshape", "target_shape": [6, 6, 1]},
        {"layer": "UpSampling2D"},
        {"layer": "GaussianNoise", "stddev": 0.1},
    ],
    "head": {"layer": "Conv2D", "kernel_size": 3, "padding": "same"},
    "likelihood": "gaussian",
    "schedule": "constant",
    "epochs": 3,
    "batch_size": 64,
}


def run_of(recipe: dict[str, Any], *, seed: int = 0, shape: tuple[int, ...] = (12, 12, 1)) -> Run:
    return Run(recipe_from_json(recipe), shape, latent_dim=2, seed=seed, train_sha256="0" * 64)


def pictures(count: int = 202, shape: tuple[int, ...] = (12, 12, 1)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


class Whole(NamedTuple):
    """An uninterrupted run, and what a run killed in its second epoch would leave."""

    run: Run
    result: Trained
    model: VAE  # as it was trained, with its optimiser
    checkpoints: Path
    said: str
    logged: list[int]  # epochs visible in TensorBoard at the end of each epoch
    left: Path  # its folders, checkpoints and logs, in the middle of the second epoch


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Whole]:
    return {
        "dense": train_wholly(DENSE, tmp_path_factory.mktemp("dense")),
        "convolutions": train_wholly(CONVOLUTIONS, tmp_path_factory.mktemp("convolutions")),
    }


@pytest.fixture(params=["dense", "convolutions"])
def whole(request: pytest.FixtureRequest, wholes: dict[str, Whole]) -> Whole:
    return wholes[request.param]


def train_wholly(recipe: dict[str, Any], folder: Path) -> Whole:
    run = run_of(recipe)
    logged: list[int] = []
    said = io.StringIO()
    advance, end_epoch = Progress.advance, Progress.end_epoch

    def keep(self: Progress, count: int, terms: dict[str, float]) -> None:
        advance(self, count, terms)
        if self.epoch == 1:  # all steps are in one chunk
            shutil.copytree(folder / "run", folder / "left")

    def look(self: Progress, terms: dict[str, float]) -> None:
        end_epoch(self, terms)
        logged.append(len(curves_in(folder / "run" / "logs" / "train")["kl"]))

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(Progress, "advance", keep)
        patch.setattr(Progress, "end_epoch", look)
        with keeping_models() as models:
            result = train_in(folder / "run", run, resume=True)  # from nothing
    checkpoints = folder / "run" / "checkpoints"
    return Whole(run, result, models[0], checkpoints, said.getvalue(), logged, folder / "left")


def train_in(folder: Path, run: Run, **options: Any) -> Trained:
    checkpoints, logs = folder / "checkpoints", folder / "logs"
    return train(run, pictures(), checkpoints=checkpoints, tensorboard=logs, **options)


def curves_in(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return steps and values in TensorBoard's logs by the name of their curve."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(e.step, float(tf.make_ndarray(e.tensor_proto))) for e in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


@contextlib.contextmanager
def keeping_models() -> Iterator[list[VAE]]:
    """Collect models as training left them, with their optimisers."""
    models: list[VAE] = []
    original = training._on_one_device

    def keep(model: VAE) -> VAE:
        models.append(model)
        return original(model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_on_one_device", keep)
        yield models


def assert_same(ones: list[Any], others: list[Any]) -> None:
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def assert_logged_once(logs: Path, history: History) -> None:
    """Assert that each term of each of three epochs is logged once."""
    assert {path.name for path in logs.iterdir()} == {"train", "validation"}
    for part, prefix in (("train", ""), ("validation", "val_")):
        curves = curves_in(logs / part)
        assert set(curves) == set(TERMS)
        for term in TERMS:
            steps, values = zip(*curves[term], strict=True)
            assert steps == (1, 2, 3)
            assert values == pytest.approx(history[prefix + term], rel=1e-6)


# --- learning -------------------------------------------------------------------------------


def test_one_epoch_on_real_images_lowers_the_negative_elbo(
    tmp_path: Path, data_dir: Path, tiny_recipe: dict[str, Any]
) -> None:
    dataset = load_dataset("fashion_mnist", data_dir=data_dir, download=False).limited(600)
    np.save(tmp_path / "train.npy", dataset.train.images)
    images = np.load(tmp_path / "train.npy", mmap_mode="r")  # as with data larger than memory
    run = Run(
        recipe_from_json({**tiny_recipe, "epochs": 1, "kl_warmup": 0.0, "batch_size": 32}),
        dataset.image_shape,
        latent_dim=2,
        seed=0,
        train_sha256=dataset_fingerprint(dataset.train),
    )
    model, history, _ = train(run, images, checkpoints=tmp_path / "checkpoints")
    untrained = VAE(run.recipe, run.image_shape, run.latent_dim, seed=run.seed)

    def neg_elbo(vae: VAE) -> float:
        codec = keras_codec(vae)
        reconstruction, kl = elbo_terms(codec, dataset.test.images, run.latent_dim, samples=1)
        return float(np.mean(reconstruction + kl.sum(axis=1)))

    assert neg_elbo(untrained) == pytest.approx(784 * math.log(2), rel=0.05)  # logits near 0
    assert neg_elbo(model) < neg_elbo(untrained) - 50
    assert history["val_neg_elbo"] == [pytest.approx(neg_elbo(model), rel=0.05)]


def test_a_run_keeps_and_tells_each_term_of_each_epoch(whole: Whole) -> None:
    history = whole.result.history
    assert set(history) == {*TERMS, *(f"val_{term}" for term in TERMS)}
    assert {len(values) for values in history.values()} == {3}
    for prefix in ("", "val_"):
        np.testing.assert_allclose(
            history[f"{prefix}neg_elbo"],
            np.add(history[f"{prefix}reconstruction"], history[f"{prefix}kl"]),
            rtol=1e-5,
        )

    steps = (202 - 10) // 64  # a twentieth of the images is held out
    assert int(whole.model.optimizer.iterations) == 3 * steps
    assert whole.model.kl_warmup_steps == round(whole.run.recipe.kl_warmup * 3 * steps)
    assert [path.name for path in whole.checkpoints.iterdir()] == ["epoch-00003"]  # only the last

    number = r"(-?\d+\.\d\d)"
    pattern = (
        rf"epoch (\d)/3  neg_elbo {number}, reconstruction {number}, kl {number}, "
        rf"val_neg_elbo {number} nats  (\d+:\d\d) left"
    )
    lines = whole.said.splitlines()
    assert len(lines) == 3
    for epoch, line in enumerate(lines):
        match = re.fullmatch(pattern, line.strip())
        assert match, line
        assert int(match[1]) == epoch + 1
        for place, term in enumerate((*TERMS, "val_neg_elbo")):
            assert float(match[2 + place]) == pytest.approx(history[term][epoch], abs=0.006)
    assert lines[-1].strip().endswith("0:00 left")


def test_the_terms_of_an_epoch_are_means_over_the_images_it_showed(tmp_path: Path) -> None:
    recipe = {**SMALL, "epochs": 1, "learning_rate": 1e-12}  # the weights stay the same
    run, images = run_of(recipe), pictures(203)
    model, history, _ = train(run, images, checkpoints=tmp_path)
    chosen, held_out = split(203, None)
    shown = shuffled_batches(images, chosen, 64, noise=(1, 2), seed=0, epochs=range(1))
    seen = batches_in_order(images, held_out, 64, 2, 0)
    for prefix, batches in (("", shown), ("val_", seen)):
        terms = [model.elbo_terms(x, model(x, tf.reshape(noise, (-1, 2)))) for x, noise in batches]
        for term, values in zip(("reconstruction", "kl"), zip(*terms, strict=True), strict=True):
            expected = np.concatenate([np.asarray(value) for value in values]).mean()
            assert history[f"{prefix}{term}"] == [pytest.approx(expected, rel=1e-5)]


def test_regularisers_of_layers_are_obeyed(tmp_path: Path) -> None:
    strong = {"class_name": "L2", "config": {"l2": 1000.0}}
    layers = [{"layer": "Dense", "units": 8, "kernel_regularizer": l2} for l2 in (strong, None)]
    encoder = [*SMALL["encoder"], {"layer": "Flatten"}, *layers]
    recipe = {**SMALL, "encoder": encoder, "epochs": 15, "learning_rate": 0.03}
    model = train(run_of(recipe), pictures(), checkpoints=tmp_path).model
    held, free = (float(np.abs(model.encoder.layers[at].kernel).max()) for at in (3, 4))
    assert held < 0.1 * free


def test_a_constant_learning_rate_is_reached_after_its_warm_up() -> None:
    recipe = recipe_from_json({**SMALL, "schedule": "constant", "learning_rate": 0.1})
    rate = training._learning_rate(recipe, 10_000)
    rates = [float(rate(step)) for step in (0, 250, 500, 5000, 9999)]
    np.testing.assert_allclose(rates, [0.0, 0.05, 0.1, 0.1, 0.1], atol=1e-8)


@pytest.mark.parametrize("count", [1, 21])
def test_fewer_images_than_a_batch_are_one_batch(tmp_path: Path, count: int) -> None:
    with keeping_models() as models:
        history = train(
            run_of({**SMALL, "epochs": 3}), pictures(count), checkpoints=tmp_path
        ).history
    assert int(models[0].optimizer.iterations) == 3
    assert ("val_kl" in history) == (count == 21)
    assert np.isfinite(list(history.values())).all()


def test_later_epochs_train_on_the_bound_of_several_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each number of samples is compiled once; the terms stay means over all draws."""
    draws = []

    def spy(losses: tf.Tensor, samples: int, **options: Any) -> tf.Tensor:
        bounds = importance_weighted(losses, samples, **options)
        draws.append((losses.shape[0], samples, bounds.shape[0]))
        return bounds

    monkeypatch.setattr(steps, "importance_weighted", spy)
    objective = {"name": "iw", "samples": 3, "after": 0.5}
    recipe = {**SMALL, "epochs": 2, "objective": objective}
    result = train(run_of(recipe), pictures(64), checkpoints=tmp_path)
    assert draws == [(3 * 61, 3, 61)]
    assert result.model.recipe.objective_summary == "bound of 3 samples"
    first, second = result.history["neg_elbo"]
    assert second == pytest.approx(first, rel=0.01)


def test_changed_images_teach_the_encoder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step of plain gradient descent on both sums the steps on each, except in the decoder."""
    monkeypatch.setattr(keras.optimizers, "Adam", keras.optimizers.SGD)
    random = np.random.default_rng(0)
    x = random.random((2, 20, 12, 12, 1), np.float32)
    noise = random.standard_normal((2, 20, 1, 2), np.float32)
    both = Augmentation(shift=1.0, until=1.0, encoder_only=True)

    def weights_after(augmentation: Augmentation | None, *batch: np.ndarray) -> list[np.ndarray]:
        batches = tf.data.Dataset.from_tensors(batch)
        monkeypatch.setattr(training, "_stream", lambda *_: batches)
        options = {"epochs": 1, "batch_size": 20, "schedule": "constant", "warmup_steps": 0}
        run = run_of({**SMALL, **options, "kl_warmup": 0.0, "augmentation": augmentation})
        model = train(run, pictures(21), checkpoints=tmp_path).model  # one is held out
        return [np.array(weight) for weight in model.trainable_variables]

    start = weights_after(None, x[0, :0], noise[0, :0])
    first, second = (weights_after(None, *batch) for batch in zip(x, noise, strict=True))
    found = weights_after(both, x.reshape(40, 12, 12, 1), noise.reshape(40, 1, 2))
    model = VAE(recipe_from_json(SMALL), (12, 12, 1), 2)
    weights = zip(model.trainable_variables, start, first, second, found, strict=True)
    for variable, begun, one, other, result in weights:
        changed = other - begun if model.is_of_posterior(variable) else 0.0
        np.testing.assert_allclose(result, one + changed, atol=1e-6)
        assert (one != begun).any()
        assert (other != one).any()


def test_another_seed_begins_with_other_weights() -> None:
    one, other = (training._new_model(run_of(SMALL, seed=seed), 1) for seed in (5, 6))
    first, second = (model.encoder.layers[1].kernel.numpy() for model in (one, other))
    assert not np.array_equal(first, second)


# --- the stream of images -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "fraction", "count"),
    [(202, None, 10), (60_000, None, 1000), (19, None, 0), (1, None, 0), (10, 0.2, 2), (1, 0.9, 0)],
)
def test_images_are_held_out_evenly(n: int, fraction: float | None, count: int) -> None:
    chosen, held_out = split(n, fraction)
    assert len(held_out) == count
    assert sorted([*chosen, *held_out]) == list(range(n))
    assert np.ptp(np.diff(held_out)) <= 1 if count else len(chosen) == n


LEVELS = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)


def stream(images: np.ndarray, chosen: Any, **options: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return batches of four images with their noise."""
    options = {"noise": (1, 3), "seed": 0, **options}
    batches = shuffled_batches(images, np.asarray(chosen), 4, **options)
    return [(np.asarray(x), np.asarray(noise)) for x, noise in batches]


def levels(batches: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    return [round(255 * float(value)) for x, _ in batches for value in x.ravel()]


def test_every_epoch_shows_every_chosen_image_once_in_another_order() -> None:
    chosen = [0, 2, 3, 5, 6, 7, 8, 9]
    epochs = np.array(levels(stream(LEVELS, chosen, epochs=range(3)))).reshape(3, 8)
    for epoch in epochs:
        assert sorted(epoch) == chosen
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_what_does_not_fill_a_batch_is_left_out_of_an_epoch_others_each_time() -> None:
    batches = stream(LEVELS, range(7), epochs=range(9))
    assert [x.shape for x, _ in batches] == [(4, 1, 1, 1)] * 9
    assert {len(set(levels([batch]))) for batch in batches} == {4}
    assert set(levels(batches)) == set(range(7))


def test_order_and_noise_follow_from_seed_and_epoch_alone() -> None:
    whole = stream(LEVELS, range(8), seed=5, epochs=range(4))
    later = stream(LEVELS, range(8), seed=5, epochs=range(2, 4))
    for one, other in zip(whole[4:], later, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    different = stream(LEVELS, range(8), seed=6, epochs=range(4))
    assert levels(different) != levels(whole)
    everything = np.concatenate([noise for _, noise in whole + different]).ravel()
    assert len(np.unique(everything)) == everything.size == 2 * 4 * 8 * 3


def test_noise_is_standard_normal() -> None:
    batches = shuffled_batches(LEVELS, np.arange(10), 10, noise=(1, 100), seed=0, epochs=range(50))
    noise = np.concatenate([np.asarray(noise) for _, noise in batches])
    assert noise.shape == (500, 1, 100)
    assert noise.mean() == pytest.approx(0.0, abs=0.02)
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(np.abs(noise) < 1.0) == pytest.approx(0.6827, abs=0.01)


def test_the_parts_of_replicas_make_up_the_batches() -> None:
    whole = stream(LEVELS, range(8), epochs=range(2))
    both = stream(LEVELS, range(8), epochs=range(2), replicas=(slice(0, 2), 2))
    second = stream(LEVELS, range(8), epochs=range(2), replicas=(slice(1, 2), 2))
    assert [len(x) for x, _ in both] == [2] * 8
    for index in (0, 1):  # images and noise
        joined = np.concatenate([batch[index] for batch in both])
        np.testing.assert_array_equal(joined, np.concatenate([batch[index] for batch in whole]))
        for one, other in zip(second, both[1::2], strict=True):
            np.testing.assert_array_equal(one[index], other[index])


def test_images_are_streamed_as_floats_between_0_and_1(tmp_path: Path) -> None:
    images = pictures(8, (3, 4, 3))
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    batches = stream(images, range(8), epochs=range(1))
    assert batches[0][0].dtype == batches[0][1].dtype == np.float32
    assert batches[0][0].shape == (4, 3, 4, 3)
    total = np.sort(np.concatenate([x for x, _ in batches]), axis=None)
    np.testing.assert_allclose(total, np.sort(images, axis=None) / 255.0, rtol=1e-6)
    for one, other in zip(batches, stream(mapped, range(8), epochs=range(1)), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_only_batches_are_read_however_many_images_there_are(tmp_path: Path) -> None:
    class Images:
        """An array that records how many images were read at a time."""

        shape = (2000, 12, 12, 1)
        read: list[int] = []

        def __len__(self) -> int:
            return len(pixels)

        def __getitem__(self, rows: np.ndarray) -> np.ndarray:
            self.read.append(len(rows))
            return np.asarray(pixels[rows])

    pixels = pictures(2000)
    images: Any = Images()
    train(run_of({**SMALL, "epochs": 1}), images, checkpoints=tmp_path)
    assert max(Images.read) == 64
    assert sum(Images.read) == 1900 // 64 * 64 + 100


# --- interruption ---------------------------------------------------------------------------


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, whole: Whole
) -> None:
    shutil.copytree(whole.left, tmp_path / "left")
    assert [path.name for path in (whole.left / "checkpoints").iterdir()] == ["epoch-00001"]
    with keeping_models() as models:
        resumed = train_in(tmp_path / "left", whole.run, resume=True)
    assert resumed.history == whole.result.history
    assert_same(whole.result.model.weights, resumed.model.weights)
    assert_same(whole.model.optimizer.variables, models[0].optimizer.variables)
    assert_logged_once(tmp_path / "left" / "logs", resumed.history)


def test_a_run_after_its_last_epoch_has_nothing_left_to_train(
    tmp_path: Path, whole: Whole, capsys: pytest.CaptureFixture[str]
) -> None:
    again = train(whole.run, pictures(), checkpoints=whole.checkpoints, resume=True)
    assert capsys.readouterr().out == ""
    assert again.history == whole.result.history
    assert_same(whole.result.model.weights, again.model.weights)


def test_a_run_can_be_ended_between_epochs_and_goes_on_later(
    tmp_path: Path, wholes: dict[str, Whole]
) -> None:
    whole = wholes["convolutions"]
    asked: list[int] = []

    def stop(history: History, seconds: float) -> bool:
        asked.append(len(history["neg_elbo"]))
        return len(history["neg_elbo"]) >= 2

    ended = train_in(tmp_path, whole.run, stop=stop)
    assert asked == [1, 2]
    assert ended.model.recipe == whole.run.recipe
    assert ended.history == {term: values[:2] for term, values in whole.result.history.items()}

    still = train_in(tmp_path, whole.run, resume=True, stop=stop)
    assert still.history == ended.history  # no further epoch
    assert_same(still.model.weights, ended.model.weights)

    path = tmp_path / "checkpoints" / "epoch-00002" / "state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**state, "seconds": 5000.0}), encoding="utf-8")
    told: list[float] = []

    def hear(history: History, seconds: float) -> bool:
        told.append(seconds)
        return False

    started = time.monotonic()
    resumed = train_in(tmp_path, whole.run, resume=True, stop=hear)
    assert 5000.0 < told[0] < resumed.seconds < 5000.0 + time.monotonic() - started
    assert resumed.model.recipe == whole.run.recipe
    assert resumed.history == whole.result.history
    assert_same(resumed.model.weights, whole.result.model.weights)


def leave_checkpoint(folder: Path, run: Run) -> Path:
    checkpoint = folder / "epoch-00001"
    checkpoint.mkdir(parents=True)
    state = {"run": run.to_json(), "history": {"neg_elbo": [1.0]}, "seconds": 1.0}
    (checkpoint / "state.json").write_text(json.dumps(state), encoding="utf-8")
    return checkpoint


@pytest.mark.parametrize("what", ["seed", "latent_dim", "train_sha256", "recipe"])
def test_a_checkpoint_of_another_run_is_not_resumed(
    tmp_path: Path, tiny_recipe: dict[str, Any], what: str
) -> None:
    run = run_of(tiny_recipe)
    other: dict[str, Any] = {
        "seed": 7,
        "latent_dim": 3,
        "train_sha256": "1" * 64,
        "recipe": run.recipe.model_copy(update={"beta": 2.0}),
    }
    leave_checkpoint(tmp_path, dataclasses.replace(run, **{what: other[what]}))
    with pytest.raises(TrainingError, match="other settings or images") as error:
        train(run, pictures(), checkpoints=tmp_path, resume=True)
    assert "\n" not in str(error.value)
    assert (tmp_path / "epoch-00001").is_dir()  # still there for the right command


def test_a_checkpoint_from_before_a_recipe_had_a_field_is_that_runs(
    tmp_path: Path, tiny_recipe: dict[str, Any]
) -> None:
    run = run_of(tiny_recipe)
    path = leave_checkpoint(tmp_path, run) / "state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    assert state["run"]["recipe"].pop("validation_split") is None
    path.write_text(json.dumps(state), encoding="utf-8")
    assert count_epochs(tmp_path, run) == 1


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b"{}", None])
def test_a_damaged_checkpoint_gets_a_sentence(
    tmp_path: Path, tiny_recipe: dict[str, Any], state: bytes | None
) -> None:
    run = run_of(tiny_recipe)
    checkpoint = leave_checkpoint(tmp_path, run)
    (checkpoint / "model.keras").write_bytes(b"PK\x03\x04 cut short")
    if state is not None:
        (checkpoint / "state.json").write_bytes(state)
    with pytest.raises(TrainingError, match="epoch-00001 is damaged") as error:
        train(run, pictures(), checkpoints=tmp_path, resume=True)
    assert "\n" not in str(error.value)


# --- TensorBoard ----------------------------------------------------------------------------


def test_a_killed_run_has_logged_all_epochs_of_its_checkpoint(whole: Whole) -> None:
    assert whole.logged == [1, 2, 3]
    assert_logged_once(whole.checkpoints.parent / "logs", whole.result.history)


# --- what goes wrong ------------------------------------------------------------------------


def test_a_diverging_run_stops_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    recipe = {**SMALL, "epochs": 2, "learning_rate": 1e20}
    with pytest.raises(TrainingError, match="diverged in epoch 1") as error:
        train(run_of(recipe), pictures(), checkpoints=tmp_path / "checkpoints")
    assert "learning rate" in str(error.value)
    assert "\n" not in str(error.value)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_weights_are_rounded_to_half_precision(tiny_recipe: dict[str, Any]) -> None:
    model = VAE(recipe_from_json(tiny_recipe), (12, 12, 1), 2)
    before = [weight.numpy() for weight in model.decoder.weights]
    round_to_half(model)
    for weight, old in zip(model.decoder.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old.astype(np.float16).astype(old.dtype))
    assert any((old != old.astype(np.float16)).any() for old in before)


@pytest.mark.parametrize("value", [70_000.0, -1e30, math.nan])
def test_a_weight_that_half_precision_cannot_hold_gets_a_sentence(
    tiny_recipe: dict[str, Any], value: float
) -> None:
    model = VAE(recipe_from_json(tiny_recipe), (12, 12, 1), 2)
    bias = model.decoder.weights[-1]
    bias.assign(np.full(bias.shape, value))
    with pytest.raises(TrainingError, match="65,504"):
        round_to_half(model)
