"""Measure how fast the shipped recipe learns Fashion-MNIST in 2-D, against a tutorial's model.

    python -m benchmarks.training --data-dir folder      one epoch of the tutorial's model
    python -m benchmarks.training --epochs 10            all epochs of its recipe; half an hour

The published tutorial's model (four convolutions 32-64-64-64, Dense 32) trains as in plain Keras:
``fit`` on an array in memory, batches of 32, the default ``jit_compile``. The −ELBO that it
reaches on 1,000 held-out images is then the goal of the recipe ``residual``, which trains as in
``train.py`` and stops after the epoch that reaches it. The first epoch, which also compiles, is
left out of the median if there are more; seconds to the goal include everything. The figures of
the card are those that ``train.py`` computes after the last epoch.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks._table import print_head, print_row
from explorer.bundle.codec import onnx_codec
from explorer.bundle.figures import evaluate
from explorer.bundle.history import History
from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset
from explorer.recipes.find import RECIPES
from explorer.training import loop as training
from explorer.training.batches import split
from explorer.training.export import export_graphs, round_to_half
from explorer.training.run import Run
from explorer.training.vae import VAE

LATENT_DIM = 2
BATCH_SIZE = 32
FULL_TRAINING = 600
"""Seconds that the training of one shipped model may take."""
FIGURES_SHARE = 0.1
"""Largest share of a full training's time for the figures after the last epoch."""
SOONER = 10
"""Least factor by which the shipped recipe reaches the tutorial's −ELBO sooner."""


class Clock(keras.callbacks.Callback):
    """Measures the epochs of ``fit``.

    Attributes:
        epochs: seconds of each epoch's steps.
        total: seconds from the start to the end of the last epoch.
        neg_elbo: −ELBO of the held-out images after the last epoch, nats per image.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[float] = []
        self.total, self.neg_elbo = 0.0, math.inf

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the epoch's clock."""
        self.epoch_started = time.monotonic()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Stop the epoch's clock: its steps are done, its held-out images are next."""
        self.epochs.append(time.monotonic() - self.epoch_started)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Read the clock."""
        self.total = time.monotonic() - self.started
        self.neg_elbo = (logs or {})["val_neg_elbo"]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--epochs", type=int, default=1, metavar="N", help="of the tutorial's model (default 1)")
    add("--data-dir", type=Path, metavar="DIR", help="where data sets are looked for first")
    options = parser.parse_args()
    dataset = load_dataset("fashion_mnist", data_dir=options.data_dir)

    tutorial = fit_tutorial(dataset.train.images, options.epochs)
    ends, figures = train_residual(dataset, goal=tutorial.neg_elbo)
    residual = np.diff(ends).tolist() if len(ends) > 1 else ends
    epochs = RECIPES["residual"].epochs
    full = epochs * float(np.median(residual))

    print(
        f"\ngoal: −ELBO {tutorial.neg_elbo:.1f} nats per image on held-out images, as the tutorial"
    )
    print(f"model has it after {options.epochs} of its {RECIPES['tutorial'].epochs} epochs\n")
    print_head()
    print_row("epoch of `tutorial`", tutorial.epochs[1:] or tutorial.epochs, "s")
    print_row("epoch of `residual`", residual, "s")
    print_row(
        f"full training of `residual`, {epochs} such epochs", [full], "s", at_most=FULL_TRAINING
    )
    print_row("figures of the card", [figures], "s", at_most=FIGURES_SHARE * full)
    print_row(f"`tutorial` to the goal, {len(tutorial.epochs)} epochs", [tutorial.total], "s")
    print_row(f"`residual` to the goal, {len(ends)} epochs", ends[-1:], "s")
    print_row("ratio", [tutorial.total / ends[-1]], "times", at_least=SOONER)


def fit_tutorial(images: np.ndarray, epochs: int) -> Clock:
    """Train the tutorial's model as in plain Keras."""
    recipe = RECIPES["tutorial"]
    chosen, held_out = split(len(images), None)
    x = images.astype(np.float32) / 255
    keras.utils.set_random_seed(0)
    vae = VAE(recipe, images.shape[1:], LATENT_DIM)
    vae.compile(optimizer=keras.optimizers.Adam(recipe.learning_rate))
    clock = Clock()
    vae.fit(
        x[chosen],
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=x[held_out],
        verbose=2,
        callbacks=[clock],
    )
    return clock


def train_residual(dataset: Dataset, *, goal: float) -> tuple[list[float], float]:
    """Train the shipped recipe until it reaches the goal, and compute its figures.

    Returns:
        Seconds from the start to the end of each epoch, and seconds to compute the figures.
    """
    images = dataset.train.images
    run = Run(
        recipe=RECIPES["residual"],
        image_shape=images.shape[1:],
        latent_dim=LATENT_DIM,
        seed=0,
        train_sha256="",
    )
    ends: list[float] = []
    started = time.monotonic()

    def reached(history: History, seconds: float) -> bool:
        ends.append(time.monotonic() - started)
        return bool(history["val_neg_elbo"][-1] <= goal)

    with tempfile.TemporaryDirectory() as folder:
        trained = training.train(run, images, checkpoints=Path(folder) / "run", stop=reached)
    started = time.monotonic()
    round_to_half(trained.model)
    graphs = export_graphs(trained.model)
    encoder, decoder = graphs.values()
    evaluate(onnx_codec(encoder, decoder, run.recipe.likelihood), dataset)
    return ends, time.monotonic() - started


if __name__ == "__main__":
    main()
