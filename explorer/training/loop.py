"""The training run: a deterministic stream of batches, checkpoints and resumption.

The order of the images and the noise of epoch ``e`` depend only on the run's seed
and ``e``, and a checkpoint holds everything else that changes from epoch to epoch
(weights, optimiser, history). A resumed run thus equals an uninterrupted one bit
for bit.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from explorer.bundle.history import History
from explorer.recipes.recipe import DensityRatio, Independence, Recipe
from explorer.training.batches import batches_in_order, shuffled_batches, split
from explorer.training.checkpoints import find_checkpoint, load_checkpoint, save_checkpoint
from explorer.training.devices import (
    add_up,
    check_agreement,
    is_chief,
    replicas_of,
    telling_of_lost_workers,
)
from explorer.training.progress import Progress, Summaries
from explorer.training.run import Run, TrainingError
from explorer.training.steps import compile_steps, compile_validation
from explorer.training.vae import VAE

CHUNK = 50
"""Steps between two updates of the progress line."""


class Trained(NamedTuple):
    """The result of a run.

    Attributes:
        model: the trained model.
        history: each term per completed epoch, for training and (``val_…``)
            held-out images, nats per image.
        seconds: total time, over all parts if it was interrupted and resumed.
    """

    model: VAE
    history: History
    seconds: float


def train(
    run: Run,
    images: np.ndarray,
    *,
    drawn_from: np.ndarray | None = None,
    checkpoints: Path,
    resume: bool = False,
    strategy: tf.distribute.Strategy | None = None,
    tensorboard: Path | None = None,
    stop: Callable[[History, float], bool] = lambda history, seconds: False,
) -> Trained:
    """Train a VAE, saving a checkpoint after every epoch.

    Some images are left out of the training set for the validation curve
    (``split``); nothing is selected by it. With a strategy of several replicas each of
    them computes an equal part of every batch. The result is the same as on one
    replica, except for layers that draw noise or normalise over a batch: they do so
    for their part.

    Args:
        run: what to train.
        images: ``(n, height, width, channels)`` uint8, in memory or memory-mapped.
        drawn_from: the same images in grey, from which each batch draws black and white ones anew.
        checkpoints: folder of this run's checkpoints, made if missing; the same for
            all workers.
        resume: continue from the last checkpoint there, if there is one.
        strategy: where to compute (``devices.find_strategy``); None for one device.
        tensorboard: folder for TensorBoard's logs.
        stop: called between epochs with the history and the seconds of the run so far;
            True from one worker ends the run.

    Raises:
        TrainingError: the loss became NaN or infinite, the checkpoint is another run's,
            or the batches cannot be split evenly, or at all.
        DistributionError: the workers of a cluster do not train the same run, or one
            of them is gone.
    """
    recipe = run.recipe
    strategy = strategy or tf.distribute.get_strategy()
    training, held_out = split(len(images), recipe.validation_split)
    batch_size = min(recipe.batch_size, len(training))
    _check_batches(run, batch_size, strategy.num_replicas_in_sync)
    steps = len(training) // batch_size

    path, history, earlier = find_checkpoint(checkpoints, run) if resume else (None, {}, 0.0)
    done = len(history.get("neg_elbo", []))
    _check_workers(strategy, run, done, checkpoints)

    keras.utils.clear_session()  # so that layers get the same names in every run of a process
    keras.utils.set_random_seed(run.seed)
    with telling_of_lost_workers(strategy), strategy.scope():
        model = load_checkpoint(path) if path else _new_model(run, steps * recipe.epochs)
    if is_chief(strategy) and not done:
        shutil.rmtree(checkpoints, ignore_errors=True)
        checkpoints.mkdir(parents=True)  # fails now, not after an epoch
    model.kl_warmup_steps = round(recipe.kl_warmup * steps * recipe.epochs)

    replicas = replicas_of(strategy)
    batches = iter(
        strategy.distribute_datasets_from_function(
            lambda _: _stream(run, images, drawn_from, training, batch_size, done, replicas)
        )
    )
    run_steps = compile_steps(model, strategy, batch_size)
    validate = compile_validation(model)
    started = time.monotonic() - earlier
    progress = Progress(steps, recipe.epochs, done, visible=is_chief(strategy))
    logs = tensorboard if is_chief(strategy) else None

    def train_epoch(epoch: int) -> dict[str, float]:
        sums, terms = np.zeros(2), {}
        for count in _chunks(steps):
            sums += run_steps(batches, count, recipe.draws_in(epoch)).numpy()
            terms = _terms(sums / ((progress.step + count) * batch_size))
            progress.advance(count, terms)
        return terms

    def validation_terms() -> dict[str, float]:
        if not held_out.size:
            return {}
        seen = batches_in_order(images, held_out, batch_size, run.latent_dim, run.seed)
        sums = sum(validate(*batch).numpy() for batch in seen)
        return {f"val_{name}": value for name, value in _terms(sums / len(held_out)).items()}

    with telling_of_lost_workers(strategy), Summaries(logs) as summaries:
        for epoch in range(done, recipe.epochs):
            if epoch and add_up(strategy, stop(history, time.monotonic() - started)):
                break
            _seed_layers(model, strategy, run.seed, epoch)
            terms = train_epoch(epoch) | validation_terms()
            _check_finite(terms, epoch)
            for name, value in terms.items():
                history.setdefault(name, []).append(value)
            summaries.write(epoch, terms)
            if is_chief(strategy):
                seconds = time.monotonic() - started
                save_checkpoint(checkpoints, epoch, model, run, history, seconds)
            progress.end_epoch(terms)
    return Trained(_on_one_device(model), history, time.monotonic() - started)


def _check_batches(run: Run, batch_size: int, replicas: int) -> None:
    """Raise TrainingError if batches cannot be split among replicas, or are too small."""
    objective = run.recipe.objective
    if batch_size % replicas:
        raise TrainingError(
            f"batches of {batch_size} images cannot be split evenly among {replicas} devices; "
            "give another --batch-size"
        )
    if isinstance(objective, Independence) and replicas > 1:
        raise TrainingError(
            f"the objective {objective.name} compares the latents of a whole batch, which several "
            "devices would split; train on one device"
        )
    if isinstance(objective, DensityRatio) and run.latent_dim > batch_size:
        raise TrainingError(
            f"the objective {objective.name} permutes each of {run.latent_dim} latent dimensions "
            f"differently, for which batches of {batch_size} images are too small; give more "
            "images, or fewer dimensions"
        )


def _check_workers(
    strategy: tf.distribute.Strategy, run: Run, done: int, checkpoints: Path
) -> None:
    """Raise DistributionError if workers train different runs, or resume from different epochs."""
    check_agreement(
        strategy, run.to_json(), "the workers have different settings or images; give all the same"
    )
    check_agreement(
        strategy,
        done,
        f"not all workers see the same checkpoint in {checkpoints}; let them share it",
    )


def _stream(
    run: Run,
    images: np.ndarray,
    drawn_from: np.ndarray | None,
    chosen: np.ndarray,
    batch_size: int,
    done: int,
    replicas: tuple[slice, int],
) -> tf.data.Dataset:
    """The batches of all epochs from ``done`` on, first those with augmentation."""
    batches = partial(
        shuffled_batches,
        images if drawn_from is None else drawn_from,
        chosen,
        batch_size,
        draw=drawn_from is not None,
        noise=(run.recipe.draws_in(run.recipe.epochs - 1), run.latent_dim),
        seed=run.seed,
        replicas=replicas,
    )
    until, end = run.recipe.augmented_epochs, run.recipe.epochs
    augmented = batches(epochs=range(done, until), augmentation=run.recipe.augmentation)
    rest = range(max(done, until), end)
    return augmented.concatenate(batches(epochs=rest)) if rest else augmented


def _terms(sums: np.ndarray) -> dict[str, float]:
    reconstruction, kl = (float(value) for value in sums)
    return {"neg_elbo": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


def _chunks(steps: int) -> Iterator[int]:
    """Split an epoch into chunks of at most CHUNK steps."""
    for start in range(0, steps, CHUNK):
        yield min(CHUNK, steps - start)


def _learning_rate(recipe: Recipe, total_steps: int) -> Any:
    warmup = min(recipe.warmup_steps, total_steps // 10)
    is_constant = recipe.schedule == "constant"
    if is_constant and not warmup:
        return recipe.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else recipe.learning_rate,
        decay_steps=total_steps - warmup,
        alpha=1.0 if is_constant else 0.0,  # share of the rate at the end
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def _new_model(run: Run, total_steps: int) -> VAE:
    model = VAE(run.recipe, run.image_shape, run.latent_dim, seed=run.seed)
    model.compile(optimizer=keras.optimizers.Adam(_learning_rate(run.recipe, total_steps)))
    model.optimizer.build(model.trainable_variables)
    return model


def _seed_layers(model: VAE, strategy: tf.distribute.Strategy, seed: int, epoch: int) -> None:
    """Set every noise generator of the layers from ``(seed, epoch)``; Keras does not save them.

    Each replica gets its own seed, so that the parts of a batch do not get the same noise.
    """
    first = replicas_of(strategy)[0].start
    states = [v for v in model.variables if v.path.endswith("seed_generator_state")]
    for index, state in enumerate(states):
        for replica, copy in enumerate(strategy.experimental_local_results(state.value), first):
            key = [seed, epoch, index, replica]
            copy.assign(np.random.SeedSequence(key).generate_state(2))


def _check_finite(terms: dict[str, float], epoch: int) -> None:
    """Raise TrainingError if a term is not finite, before it is saved in a checkpoint."""
    for name, value in terms.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"training diverged in epoch {epoch + 1} ({name} is {value}); "
                "try a lower learning rate in the recipe, or another --seed"
            )


def _on_one_device(model: VAE) -> VAE:
    """A copy with the same weights outside of any strategy, and without an optimiser."""
    alone = VAE(model.recipe, model.image_shape, model.latent_dim, seed=model.seed)
    alone.set_weights(model.get_weights())
    return alone
