"""Checkpoints: everything that a run needs to continue after an epoch."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from explorer.bundle.atomic import flush
from explorer.bundle.history import History
from explorer.recipes.recipe import recipe_from_json
from explorer.training.problems import reason
from explorer.training.run import Run, TrainingError
from explorer.training.vae import VAE


class _DamagedError(TrainingError):
    """A checkpoint cannot be read."""


def count_epochs(folder: Path, run: Run) -> int:
    """Number of epochs in a run's checkpoint; 0 if none can be read.

    Raises:
        TrainingError: the checkpoint is another run's.
    """
    with contextlib.suppress(_DamagedError):
        return len(find_checkpoint(folder, run)[1].get("neg_elbo", ()))
    return 0


def find_checkpoint(folder: Path, run: Run) -> tuple[Path | None, History, float]:
    """The last checkpoint, with history and seconds so far."""
    saved = sorted(folder.glob("epoch-*"))
    if not saved:
        return None, {}, 0.0
    with _reading(saved[-1]):
        state = json.loads((saved[-1] / "state.json").read_text(encoding="utf-8"))
        recipe = recipe_from_json(state["run"]["recipe"]).settings()  # with fields added since
        if {**state["run"], "recipe": recipe} == run.to_json():
            return saved[-1], state["history"], state["seconds"]
    raise TrainingError(
        f"the checkpoint was made with other settings or images ({folder}); give its own command "
        "with --resume, or this one with another --name, or with --replace"
    )


def load_checkpoint(checkpoint: Path) -> VAE:
    """The model with its optimiser, as it was saved."""
    with _reading(checkpoint):
        model: VAE = keras.saving.load_model(checkpoint / "model.keras")
    return model


@contextlib.contextmanager
def _reading(checkpoint: Path) -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError:  # from a cluster, not from the file
        raise
    except Exception as error:  # Keras's errors for a damaged file share no base class
        raise _DamagedError(
            f"the checkpoint {checkpoint} is damaged ({reason(error)}); "
            "leave out --resume to start anew"
        ) from error


def save_checkpoint(
    folder: Path, epoch: int, model: VAE, run: Run, history: History, seconds: float
) -> None:
    """Save the model with its history: write beside the old one, then rename."""
    older = sorted(folder.glob("epoch-*"))
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    model.save(unfinished / "model.keras")
    state = {"run": run.to_json(), "history": history, "seconds": seconds}
    (unfinished / "state.json").write_text(json.dumps(state), encoding="utf-8")
    flush(unfinished)
    os.replace(unfinished, folder / f"epoch-{epoch + 1:05d}")
    for path in older:
        shutil.rmtree(path)
