"""Measure whether training and encoding keep their speed and memory with many images.

    python -m benchmarks.streaming --data-dir folder           10,000, 100,000 and 1,000,000
    python -m benchmarks.streaming --images 10000 50000        other numbers

The images are Fashion-MNIST's, repeated, in IDX files in a temporary folder (0.8 GB for a
million). Each number is measured in a process of its own: an epoch of the recipe `residual`
as ``train.py`` trains it (the second, as the first also compiles), then the posterior means of
all images. Memory is the peak of the process's anonymous memory: pages of the mapped files, which
the system takes back when it needs them, are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks._table import print_head, print_row

LATENT_DIM = 2
NUMBERS = (10_000, 100_000, 1_000_000)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--images", type=int, nargs="+", default=NUMBERS, metavar="N", help="how many")
    add("--data-dir", type=Path, metavar="DIR", help="where data sets are looked for first")
    add("--measure", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return

    from explorer.data.load import load_dataset

    real = load_dataset("fashion_mnist", data_dir=options.data_dir).train
    print_head()
    for n in options.images:
        with tempfile.TemporaryDirectory() as folder:
            rows = np.arange(n) % len(real.images)
            write_idx(Path(folder), real.images, real.labels, rows)
            figures = measure_apart(Path(folder))
        print_row(f"{n:,} images, training", [figures["train"]], "images/s")
        print_row(f"{n:,} images, encoding", [figures["encode"]], "images/s")
        print_row(f"{n:,} images, memory at its peak", [figures["memory"]], "MB")


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> None:
    """Write the chosen images and labels as a pair of IDX files."""
    _, height, width, _ = images.shape
    with (folder / "train-images-idx3-ubyte").open("wb") as file:
        file.write(struct.pack(">4I", 0x803, len(rows), height, width))
        for start in range(0, len(rows), 10_000):
            file.write(images[rows[start : start + 10_000]].tobytes())
    with (folder / "train-labels-idx1-ubyte").open("wb") as file:
        file.write(struct.pack(">2I", 0x801, len(rows)))
        file.write(labels[rows].astype(np.uint8).tobytes())


def measure_apart(folder: Path) -> dict[str, float]:
    """Measure in a new process."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--measure", str(folder)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return figures


def measure(folder: Path) -> dict[str, float]:
    """Return images per second of one epoch and of encoding, and peak memory in MB."""
    from explorer.bundle.history import History
    from explorer.core.estimates import encode_all
    from explorer.data.load import load_dataset
    from explorer.recipes.find import RECIPES
    from explorer.recipes.recipe import override
    from explorer.training import loop as training
    from explorer.training.batches import split
    from explorer.training.export import keras_codec
    from explorer.training.run import Run

    with Memory() as memory:
        images = load_dataset(str(folder)).train.images
        run = Run(
            recipe=override(RECIPES["residual"], epochs=2),
            image_shape=images.shape[1:],
            latent_dim=LATENT_DIM,
            seed=0,
            train_sha256="",
        )
        first_epoch = 0.0

        def take_time(_: History, seconds: float) -> bool:
            nonlocal first_epoch
            first_epoch = seconds
            return False

        checkpoints = folder / "checkpoints"
        model, _, seconds = training.train(run, images, checkpoints=checkpoints, stop=take_time)
        codec, started = keras_codec(model), time.monotonic()
        encode_all(codec.encode, images)
        encoding = time.monotonic() - started
    trained, _ = split(len(images), None)
    return {
        "train": len(trained) / (seconds - first_epoch),
        "encode": len(images) / encoding,
        "memory": memory.peak * 1024 / 1e6,
    }


class Memory:
    """Records the peak of this process's memory: ``peak``, in KiB."""

    def __init__(self) -> None:
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            status = Path("/proc/self/status").read_text()
            own = next(line for line in status.splitlines() if line.startswith("RssAnon"))
            self.peak = max(self.peak, int(own.split()[1]))


if __name__ == "__main__":
    main()
