"""Training: that it learns, that it can be interrupted anywhere, and what it says."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import training
from explorer.datasets import dataset_fingerprint, load_dataset
from explorer.export import KerasCodec
from explorer.metrics import elbo_terms, encode_all
from explorer.model import VAE
from explorer.recipes import recipe_from_json
from explorer.training import Run, TrainingError, round_to_half, shuffled_batches, train


def run_of(recipe: dict[str, Any], *, seed: int = 0, shape: tuple[int, ...] = (12, 12, 1)) -> Run:
    return Run(recipe_from_json(recipe), shape, latent_dim=2, seed=seed, images="0" * 64)


def pictures(count: int = 202, shape: tuple[int, ...] = (12, 12, 1)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


# --- learning -------------------------------------------------------------------------------


def test_one_epoch_on_real_images_lowers_the_negative_elbo(
    tmp_path: Path, data_dir: Path, tiny_recipe: dict[str, Any]
):
    dataset = load_dataset("fashion_mnist", data_dir=data_dir, download=False).limited(600)
    np.save(tmp_path / "train.npy", dataset.train.images)
    images = np.load(tmp_path / "train.npy", mmap_mode="r")  # as data larger than memory are
    run = Run(
        recipe_from_json({**tiny_recipe, "epochs": 1, "kl_warmup": 0.0, "batch_size": 32}),
        dataset.image_shape,
        latent_dim=2,
        seed=0,
        images=dataset_fingerprint(dataset.train),
    )
    model, history = train(run, images, checkpoints=tmp_path / "checkpoints")
    untrained = VAE(run.recipe, run.image_shape, run.latent_dim, seed=run.seed)

    def neg_elbo(vae: VAE) -> float:
        codec, test = KerasCodec(vae), dataset.test.images
        terms = elbo_terms(codec.parameters, test, *encode_all(codec.encode, test), "bernoulli")
        return float(np.mean(np.sum(terms, axis=0)))

    assert neg_elbo(untrained) == pytest.approx(784 * math.log(2), rel=0.05)  # logits near 0
    assert neg_elbo(model) < neg_elbo(untrained) - 50
    assert history["val_neg_elbo"] == [pytest.approx(neg_elbo(model), rel=0.05)]


def test_a_run_keeps_and_tells_each_term_of_each_epoch(
    tmp_path: Path, tiny_recipe: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    run, checkpoints = run_of({**tiny_recipe, "epochs": 2}), tmp_path / "checkpoints"
    model, history = train(run, pictures(), checkpoints=checkpoints, resume=True)  # from nothing

    terms = {"neg_elbo", "reconstruction", "kl"}
    assert set(history) == terms | {f"val_{term}" for term in terms}
    assert {len(values) for values in history.values()} == {2}
    for prefix in ("", "val_"):
        np.testing.assert_allclose(
            history[f"{prefix}neg_elbo"],
            np.add(history[f"{prefix}reconstruction"], history[f"{prefix}kl"]),
            rtol=1e-5,
        )

    steps = (202 - 10) // 64  # a twentieth of the images is held out
    assert int(model.optimizer.iterations) == 2 * steps
    assert model.kl_warmup_steps == steps  # half of all
    assert [path.name for path in checkpoints.iterdir()] == ["epoch-00002"]  # only the last

    number = r"(-?\d+\.\d\d)"
    pattern = (
        rf"epoch (\d)/2  neg_elbo {number}, reconstruction {number}, kl {number}, "
        rf"val_neg_elbo {number} nats  (\d+:\d\d) left"
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for epoch, line in enumerate(lines):
        match = re.fullmatch(pattern, line.strip())
        assert match, line
        assert int(match[1]) == epoch + 1
        for place, term in enumerate(("neg_elbo", "reconstruction", "kl", "val_neg_elbo")):
            assert float(match[2 + place]) == pytest.approx(history[term][epoch], abs=0.006)
    assert lines[-1].strip().endswith("0:00 left")


# --- the stream of images -------------------------------------------------------------------


def batches(images: np.ndarray, chosen: np.ndarray, **options: Any) -> list[np.ndarray]:
    return [np.asarray(batch) for batch in shuffled_batches(images, chosen, 4, **options)]


LEVELS = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)


def levels(stream: list[np.ndarray]) -> list[int]:
    return [round(255 * float(value)) for batch in stream for value in batch.ravel()]


def test_every_epoch_shows_every_chosen_image_once_in_another_order():
    chosen = np.array([0, 2, 3, 5, 7, 8, 9])
    stream = batches(LEVELS, chosen, seed=0, epochs=range(3))
    assert [len(batch) for batch in stream] == [4, 3] * 3
    epochs = np.array(levels(stream)).reshape(3, 7)
    for epoch in epochs:
        assert sorted(epoch) == list(chosen)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_order_follows_from_seed_and_epoch_alone():
    chosen = np.arange(10)
    whole = levels(batches(LEVELS, chosen, seed=5, epochs=range(4)))
    assert levels(batches(LEVELS, chosen, seed=5, epochs=range(2, 4))) == whole[20:]
    assert levels(batches(LEVELS, chosen, seed=6, epochs=range(4))) != whole


def test_images_are_streamed_as_floats_between_0_and_1(tmp_path: Path):
    images = pictures(6, (3, 4, 3))
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    stream = batches(images, np.arange(6), seed=0, epochs=[0])
    assert stream[0].dtype == np.float32
    assert stream[0].shape == (4, 3, 4, 3)
    total = np.sort(np.concatenate(stream), axis=None)
    np.testing.assert_allclose(total, np.sort(images, axis=None) / 255.0, rtol=1e-6)
    for one, other in zip(stream, batches(mapped, np.arange(6), seed=0, epochs=[0]), strict=True):
        np.testing.assert_array_equal(one, other)


# --- interruption ---------------------------------------------------------------------------


class Killed(BaseException):
    """What no code of the project catches."""


def kill_after_batch(patch: pytest.MonkeyPatch, *, epoch: int, batch: int) -> None:
    original = training._Progress.on_train_batch_end

    def batch_end(self: Any, number: int, logs: Any = None) -> None:
        if (self.epoch, number) == (epoch, batch):
            raise Killed
        original(self, number, logs)

    patch.setattr(training._Progress, "on_train_batch_end", batch_end)


DENSE = {  # compiled by XLA
    "encoder": [{"layer": "Flatten"}, {"layer": "GaussianNoise", "stddev": 0.1}],
    "decoder": [{"layer": "Residual", "layers": [{"layer": "Dropout", "rate": 0.2}]}],
    "head": {"layer": "Dense"},
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


@pytest.mark.parametrize("recipe", [DENSE, CONVOLUTIONS], ids=["dense", "convolutions"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, recipe: dict[str, Any]
):
    run, images = run_of(recipe), pictures()
    whole, history = train(run, images, checkpoints=tmp_path / "whole")

    with pytest.MonkeyPatch.context() as patch:
        kill_after_batch(patch, epoch=1, batch=1)
        with pytest.raises(Killed):
            train(run, images, checkpoints=tmp_path / "killed")
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["epoch-00001"]
    resumed, resumed_history = train(run, images, checkpoints=tmp_path / "killed", resume=True)

    assert resumed_history == history
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)
    for one, other in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def test_a_run_killed_after_its_last_epoch_has_nothing_left_to_train(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run, images = run_of({**CONVOLUTIONS, "epochs": 1}), pictures()
    whole, history = train(run, images, checkpoints=tmp_path)
    capsys.readouterr()
    again, again_history = train(run, images, checkpoints=tmp_path, resume=True)
    assert capsys.readouterr().out == ""
    assert again_history == history
    for one, other in zip(whole.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def leave_checkpoint(folder: Path, run: Run) -> Path:
    checkpoint = folder / "epoch-00001"
    checkpoint.mkdir(parents=True)
    state = {"run": run.to_json(), "history": {"neg_elbo": [1.0]}}
    (checkpoint / "state.json").write_text(json.dumps(state), encoding="utf-8")
    return checkpoint


@pytest.mark.parametrize("what", ["seed", "latent_dim", "images", "recipe"])
def test_a_checkpoint_of_another_run_is_not_resumed(
    tmp_path: Path, tiny_recipe: dict[str, Any], what: str
):
    run = run_of(tiny_recipe)
    other = {
        "seed": 7,
        "latent_dim": 3,
        "images": "1" * 64,
        "recipe": run.recipe.model_copy(update={"beta": 2.0}),
    }
    leave_checkpoint(tmp_path, dataclasses.replace(run, **{what: other[what]}))
    with pytest.raises(TrainingError, match="other settings or images") as error:
        train(run, pictures(), checkpoints=tmp_path, resume=True)
    assert "\n" not in str(error.value)
    assert (tmp_path / "epoch-00001").is_dir()  # still there for the right command


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b"{}", None])
def test_a_damaged_checkpoint_gets_a_sentence(
    tmp_path: Path, tiny_recipe: dict[str, Any], state: bytes | None
):
    run = run_of(tiny_recipe)
    checkpoint = leave_checkpoint(tmp_path, run)
    (checkpoint / "model.keras").write_bytes(b"PK\x03\x04 cut short")
    if state is not None:
        (checkpoint / "state.json").write_bytes(state)
    with pytest.raises(TrainingError, match="epoch-00001 is damaged") as error:
        train(run, pictures(), checkpoints=tmp_path, resume=True)
    assert "\n" not in str(error.value)


# --- what goes wrong ------------------------------------------------------------------------


def test_a_diverging_run_stops_and_leaves_no_checkpoint(tmp_path: Path):
    recipe = {**CONVOLUTIONS, "learning_rate": 1e20}
    with pytest.raises(TrainingError, match="diverged in epoch 1") as error:
        train(run_of(recipe), pictures(), checkpoints=tmp_path / "checkpoints")
    assert "learning rate" in str(error.value)
    assert "\n" not in str(error.value)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_weights_are_rounded_to_half_precision(tiny_recipe: dict[str, Any]):
    model = VAE(recipe_from_json(tiny_recipe), (12, 12, 1), 2)
    before = [weight.numpy() for weight in model.decoder.weights]
    round_to_half(model)
    for weight, old in zip(model.decoder.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old.astype(np.float16).astype(old.dtype))
    assert any((old != old.astype(np.float16)).any() for old in before)


@pytest.mark.parametrize("value", [70_000.0, -1e30, math.nan])
def test_a_weight_that_half_precision_cannot_hold_gets_a_sentence(
    tiny_recipe: dict[str, Any], value: float
):
    model = VAE(recipe_from_json(tiny_recipe), (12, 12, 1), 2)
    bias = model.decoder.weights[-1]
    bias.assign(np.full(bias.shape, value))
    with pytest.raises(TrainingError, match="65,504"):
        round_to_half(model)
