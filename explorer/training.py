"""The training run: a deterministic stream of batches, checkpoints and resumption.

The order of the images and the noise of epoch ``e`` follow from the run's seed
and ``e`` alone, and a checkpoint holds all else that changes from epoch to epoch
(weights, optimiser, history). So a resumed run equals an uninterrupted one bit
for bit.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from explorer.datasets import evenly_spaced
from explorer.model import VAE, reason
from explorer.recipes import Recipe

History = dict[str, list[float]]

HELD_OUT = 1000


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says why and what to do."""


@dataclass(frozen=True)
class Run:
    """What defines a training run besides the images.

    Attributes:
        recipe: architecture, likelihood, optimiser and schedule.
        image_shape: ``(height, width, channels)``.
        latent_dim: dimensions of the latent space.
        seed: of initial weights, order of the images and noise.
        images: SHA-256 of the training images, so that a checkpoint is never
            resumed on others.
    """

    recipe: Recipe
    image_shape: tuple[int, ...]
    latent_dim: int
    seed: int
    images: str

    def to_json(self) -> dict[str, Any]:
        """The run as JSON values, to tell whether two runs are the same."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "image_shape": list(self.image_shape),
            "latent_dim": self.latent_dim,
            "seed": self.seed,
            "images": self.images,
        }


def train(
    run: Run,
    images: np.ndarray,
    *,
    checkpoints: Path,
    resume: bool = False,
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> tuple[VAE, History]:
    """Train a VAE, saving a checkpoint after every epoch.

    ``HELD_OUT`` images (at most a twentieth) are left out of the training set
    for the validation curve; nothing is chosen by it.

    Args:
        run: what to train.
        images: ``(n, height, width, channels)`` uint8, in memory or memory-mapped.
        checkpoints: folder of this run's checkpoints, made if missing.
        resume: go on from the last checkpoint there, if there is one.
        callbacks: further ones, to watch the run or to stop it.

    Returns:
        The trained model and, per epoch, each term for training and held-out images.

    Raises:
        TrainingError: the loss became NaN or infinite, or the checkpoint is another run's.
    """
    recipe = run.recipe
    held_out = evenly_spaced(len(images), min(HELD_OUT, len(images) // 20))
    training = np.delete(np.arange(len(images)), held_out)
    steps = math.ceil(len(training) / recipe.batch_size)

    keras.utils.clear_session()  # so that layers are named alike in every run of a process
    keras.utils.set_random_seed(run.seed)
    model, history = _load_checkpoint(checkpoints, run) if resume else (None, {})
    if model is None:
        shutil.rmtree(checkpoints, ignore_errors=True)
        checkpoints.mkdir(parents=True)  # fails now, not after an epoch, where it cannot be
        model = VAE(recipe, run.image_shape, run.latent_dim, seed=run.seed)
        model.compile(
            optimizer=keras.optimizers.Adam(_learning_rate(recipe, steps * recipe.epochs)),
            jit_compile=_is_dense(model),
        )
    model.kl_warmup_steps = round(recipe.kl_warmup * steps * recipe.epochs)

    done = len(history.get("neg_elbo", []))
    if done < recipe.epochs:
        model.fit(
            shuffled_batches(
                images,
                training,
                recipe.batch_size,
                seed=run.seed,
                epochs=range(done, recipe.epochs),
            ),
            initial_epoch=done,
            epochs=recipe.epochs,
            steps_per_epoch=steps,
            validation_data=_batches(images, held_out, recipe.batch_size)
            if held_out.size
            else None,
            shuffle=False,
            verbose=0,
            callbacks=[
                _SeedEpoch(run.seed),
                _StopWhenDiverged(),
                _Checkpoint(checkpoints, run, history),
                _Progress(steps, recipe.epochs),
                *callbacks,
            ],
        )
    return model, history


def shuffled_batches(
    images: np.ndarray, chosen: np.ndarray, batch_size: int, *, seed: int, epochs: Iterable[int]
) -> tf.data.Dataset:
    """Stream shuffled batches of float32 images in [0, 1], epoch after epoch.

    Only the batches in flight are in memory; each epoch's order depends on
    ``(seed, epoch)`` alone.

    Args:
        images: ``(n, height, width, channels)`` uint8, in memory or memory-mapped.
        chosen: indices of the images to use.
        batch_size: images in a batch; an epoch's last may have fewer.
        seed: of the order.
        epochs: numbers of the epochs to stream.
    """

    def shuffle(epoch: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.constant(chosen), seed=key)
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    numbers = tf.data.Dataset.from_tensor_slices(np.asarray(list(epochs), np.int64))
    return _read(images, numbers.flat_map(shuffle))


def round_to_half(model: keras.Model) -> None:
    """Round every weight to the nearest half-precision value.

    The files of a bundle store 16 bits a weight; rounding the model itself
    makes Keras, ONNX and the browser run exactly the same function.

    Raises:
        TrainingError: a weight is NaN or too large for half precision.
    """
    for weight in model.weights:
        if weight.dtype == "float32":
            with np.errstate(over="ignore"):
                halves = weight.numpy().astype(np.float16)
            if not np.isfinite(halves).all():
                raise TrainingError(
                    f"the weights of {weight.path} ended beyond ±65,504; "
                    "try a lower learning rate in the recipe, or another --seed"
                )
            weight.assign(halves.astype(np.float32))


def _batches(images: np.ndarray, chosen: np.ndarray, batch_size: int) -> tf.data.Dataset:
    return _read(images, tf.data.Dataset.from_tensor_slices(chosen).batch(batch_size))


def _read(images: np.ndarray, batches: tf.data.Dataset) -> tf.data.Dataset:
    def read(indices: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(lambda rows: images[rows], [indices], tf.uint8)
        pixels.set_shape((None, *images.shape[1:]))
        return tf.cast(pixels, tf.float32) / 255.0

    return batches.map(read).prefetch(2)


def _learning_rate(recipe: Recipe, total_steps: int) -> Any:
    if recipe.schedule == "constant":
        return recipe.learning_rate
    warmup = min(recipe.warmup_steps, total_steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else recipe.learning_rate,
        decay_steps=total_steps - warmup,
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def _is_dense(model: VAE) -> bool:
    """Whether XLA pays: on the CPU it speeds up matrix products and slows convolutions."""
    names = [spec["layer"] for spec in (*model.recipe.encoder, *model.recipe.decoder)]
    return not any("Conv" in name for name in names)


def _load_checkpoint(folder: Path, run: Run) -> tuple[VAE | None, History]:
    saved = sorted(folder.glob("epoch-*"))
    if not saved:
        return None, {}
    try:
        state = json.loads((saved[-1] / "state.json").read_text(encoding="utf-8"))
        if state["run"] == run.to_json():
            return keras.saving.load_model(saved[-1] / "model.keras"), state["history"]
    except Exception as error:  # what Keras raises for a damaged file shares no base class
        raise TrainingError(
            f"the checkpoint {saved[-1]} is damaged ({reason(error)}); "
            "leave out --resume to start anew"
        ) from error
    raise TrainingError(
        "the checkpoint was made with other settings or images; give the same command "
        "as before, or leave out --resume to start anew"
    )


class _SeedEpoch(keras.callbacks.Callback):
    """Sets every noise generator of the model from ``(seed, epoch)``; Keras does not save them."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        states = [v for v in self.model.variables if v.path.endswith("seed_generator_state")]
        for index, state in enumerate(states):
            state.assign(np.random.SeedSequence([self.seed, epoch, index]).generate_state(2))


class _Checkpoint(keras.callbacks.Callback):
    """Saves the model with its history after each epoch: write beside, then rename."""

    def __init__(self, folder: Path, run: Run, history: History) -> None:
        super().__init__()
        self.folder, self.run, self.history = folder, run, history

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        older = sorted(self.folder.glob("epoch-*"))
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        self.model.save(unfinished / "model.keras")
        state = {"run": self.run.to_json(), "history": self.history}
        (unfinished / "state.json").write_text(json.dumps(state), encoding="utf-8")
        os.replace(unfinished, self.folder / f"epoch-{epoch + 1:05d}")
        for folder in older:
            shutil.rmtree(folder)


class _StopWhenDiverged(keras.callbacks.Callback):
    """Refuses an epoch whose terms are not finite, before it becomes a checkpoint."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"training diverged in epoch {epoch + 1} ({name} is {value}); "
                    "try a lower learning rate in the recipe, or another --seed"
                )


class _Progress(keras.callbacks.Callback):
    """One line: epoch, terms in nats per image, time left."""

    def __init__(self, steps: int, epochs: int) -> None:
        super().__init__()
        self.steps, self.epochs = steps, epochs
        self.epoch = self.steps_done = 0
        self.live = sys.stdout.isatty()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.started = self.shown = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.steps_done += 1
        if self.live and time.monotonic() - self.shown > 0.25:
            self.shown = time.monotonic()
            self._write(logs or {}, batch + 1, end="")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._write(logs or {}, self.steps, end="\n")

    def _write(self, logs: dict[str, Any], step: int, end: str) -> None:
        remaining = (self.epochs - self.epoch) * self.steps - step
        seconds = (time.monotonic() - self.started) / self.steps_done * remaining
        terms = (f"{name} {float(logs[name]):.2f}" for name in _SHOWN if name in logs)
        line = (
            f"epoch {self.epoch + 1}/{self.epochs}  {', '.join(terms)} nats  {_clock(seconds)} left"
        )
        progress = f"  {100 * step // self.steps:3d} %" if step < self.steps else "       "
        print(f"\r{line}{progress}" if self.live else line, end=end, flush=True)


_SHOWN = ("neg_elbo", "reconstruction", "kl", "val_neg_elbo")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
