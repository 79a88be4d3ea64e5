"""Progress of training: one line on the terminal, and TensorBoard's logs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import tensorflow as tf

from explorer.core.elbo import TERMS

ERASE = "\x1b[K"
"""Erases the rest of the line in the terminal."""
SHOWN = (*TERMS, "val_neg_elbo")
"""Terms on the progress line."""


class Progress:
    """One line: epoch, terms in nats per image, time left.

    Args:
        steps: steps per epoch.
        epochs: epochs of the whole run.
        done: epochs completed in an earlier part of it.
        visible: whether to print anything.
    """

    def __init__(self, steps: int, epochs: int, done: int, *, visible: bool) -> None:
        self.steps, self.epochs, self.epoch, self.visible = steps, epochs, done, visible
        self.live = sys.stdout.isatty()
        self.step = self.steps_done = 0
        self.started = self.shown = time.monotonic()

    def advance(self, count: int, terms: dict[str, float]) -> None:
        """Count ``count`` more steps; ``terms`` are the epoch's averages so far."""
        self.step += count
        self.steps_done += count
        if self.live and self.step < self.steps and time.monotonic() - self.shown > 0.25:
            self.shown = time.monotonic()
            self._write(terms, end="")

    def end_epoch(self, terms: dict[str, float]) -> None:
        """Write the epoch's line."""
        self._write(terms, end="\n")
        self.epoch, self.step = self.epoch + 1, 0

    def _write(self, terms: dict[str, float], end: str) -> None:
        if not self.visible:
            return
        remaining = (self.epochs - self.epoch) * self.steps - self.step
        seconds = (time.monotonic() - self.started) / self.steps_done * remaining
        shown = (f"{name} {terms[name]:.2f}" for name in SHOWN if name in terms)
        line = (
            f"epoch {self.epoch + 1}/{self.epochs}  {', '.join(shown)} nats  {_clock(seconds)} left"
        )
        share = f"{100 * self.step // self.steps:3d} %" if self.step < self.steps else "     "
        print(f"\r{line}  {share}{ERASE}" if self.live else line, end=end, flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"


class Summaries:
    """TensorBoard's logs: each term by epoch, training and validation as two runs."""

    def __init__(self, folder: Path | None) -> None:
        self.writers = {}
        folders = (folder / "train", folder / "validation") if folder else ()
        for path in folders:
            path.mkdir(parents=True, exist_ok=True)
            try:
                self.writers[path.name] = tf.summary.create_file_writer(str(path))
            except tf.errors.OpError as error:
                raise OSError(f"no log can be written to {path}") from error

    def __enter__(self) -> Summaries:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.writers.values():
            writer.close()

    def write(self, epoch: int, terms: dict[str, float]) -> None:
        """Log the terms of an epoch, counted from 0; ``val_…`` are for held-out images."""
        if not self.writers:
            return
        for name, value in terms.items():
            part = "validation" if name.startswith("val_") else "train"
            with self.writers[part].as_default(step=epoch + 1):
                tf.summary.scalar(name.removeprefix("val_"), value)
