"""Batches of images and noise; only the batches in flight are in memory.

Order and noise depend only on the run's seed and the epoch, whichever machine computes
them, so that resumed and distributed runs see the same batches as an uninterrupted one.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from explorer.core.subsets import evenly_spaced
from explorer.recipes.recipe import Augmentation
from explorer.training.augmentation import random_transforms, transform

fold_in = tf.random.experimental.stateless_fold_in
"""Derive another key from a key and a number; reusing a key would repeat its draws."""

as_written = tf.autograph.experimental.do_not_convert
"""Trace a function without looking for loops and branches to convert, which takes seconds."""
HELD_OUT = 1000
"""Images held out for the validation curve if the recipe names no fraction."""


def split(n: int, validation_split: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the images to train on (at least one) and of those held out, evenly spread.

    Args:
        n: how many there are.
        validation_split: fraction to hold out; None for ``HELD_OUT``, but at most a twentieth.
    """
    count = min(HELD_OUT, n // 20) if validation_split is None else round(n * validation_split)
    held_out = evenly_spaced(n, min(count, n - 1))
    return np.delete(np.arange(n), held_out), held_out


@as_written
def shuffled_batches(
    images: np.ndarray,
    chosen: np.ndarray,
    batch_size: int,
    *,
    noise: tuple[int, int],
    seed: int,
    epochs: range,
    augmentation: Augmentation | None = None,
    draw: bool = False,
    replicas: tuple[slice, int] = (slice(0, 1), 1),
) -> tf.data.Dataset:
    """Stream shuffled batches of images in [0, 1] and noise ε, epoch after epoch.

    An epoch's incomplete last batch is left out. If changed images are for the encoder only,
    they follow their originals in the batch.

    Args:
        images: ``(n, height, width, channels)`` uint8, in memory or memory-mapped.
        chosen: indices of the images to use.
        batch_size: images in a batch.
        noise: number of draws of ε for each image, and their dimensions.
        seed: seed for order and noise.
        epochs: numbers of the epochs to stream.
        augmentation: random changes of the images.
        draw: whether to draw pixels as black or white, with their grey value as probability.
        replicas: which of the equal parts of each batch to stream, one after the other,
            and how many parts there are.
    """
    mine, parts = replicas
    copies = augmentation.copies if augmentation else 1

    def epoch_of(epoch: tf.Tensor) -> tf.data.Dataset:
        key = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.constant(chosen), seed=key)
        batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True)

        def parts_of(step: tf.Tensor, rows: tf.Tensor) -> tf.data.Dataset:
            noise_key = fold_in(key, step + 1)
            epsilon = tf.random.stateless_normal((batch_size, copies, *noise), noise_key)
            batch = {"rows": rows, "noise": epsilon}
            if augmentation:
                batch["transforms"] = random_transforms(
                    augmentation, batch_size, images.shape[1:], key=fold_in(noise_key, 0)
                )
            if draw:
                shape = (batch_size, copies, *images.shape[1:])
                batch["thresholds"] = tf.random.stateless_uniform(shape, fold_in(noise_key, 1))
            shared = {
                name: tf.reshape(part, (parts, -1, *part.shape[1:]))[mine]
                for name, part in batch.items()
            }
            return tf.data.Dataset.from_tensor_slices(shared)

        return batches.enumerate().flat_map(parts_of)

    numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
    return _read(images, numbers.flat_map(epoch_of), augmentation)


@as_written
def batches_in_order(
    images: np.ndarray, chosen: np.ndarray, batch_size: int, latent_dim: int, seed: int
) -> tf.data.Dataset:
    """Stream the chosen images in order, with the same noise every time."""
    noise = np.random.default_rng(seed).standard_normal((len(chosen), 1, latent_dim), np.float32)
    parts = {"rows": chosen, "noise": noise}
    return _read(images, tf.data.Dataset.from_tensor_slices(parts).batch(batch_size))


def _read(
    images: np.ndarray, batches: tf.data.Dataset, augmentation: Augmentation | None = None
) -> tf.data.Dataset:
    def read(batch: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.numpy_function(lambda indices: images[indices], [batch["rows"]], tf.uint8)
        pixels.set_shape((batch["noise"].shape[0], *images.shape[1:]))
        x = tf.cast(pixels, tf.float32) / 255.0
        if augmentation:
            changed = transform(x, batch["transforms"], augmentation.contrast)
            x = tf.concat([x, changed], axis=0) if augmentation.encoder_only else changed
        if "thresholds" in batch:
            x = tf.cast(one_after_the_other(batch["thresholds"]) < x, tf.float32)
        return x, one_after_the_other(batch["noise"])

    def one_after_the_other(copies: tf.Tensor) -> tf.Tensor:
        return tf.concat(tf.unstack(copies, axis=1), axis=0)

    return batches.map(read).prefetch(2)
