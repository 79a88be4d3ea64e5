"""Random affine changes of images: exact where possible, and the same for the same key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from explorer.core.likelihoods import entropy_floor
from explorer.data.load import load_dataset
from explorer.recipes.ours import OURS
from explorer.recipes.recipe import Augmentation
from explorer.training.augmentation import random_transforms, transform
from explorer.training.batches import shuffled_batches

KEY = tf.constant([3, 4], tf.int64)
SHAPE = (6, 9, 3)
IMAGES = np.random.default_rng(0).random((5, *SHAPE), np.float32)


def changed(images: np.ndarray = IMAGES, key: tf.Tensor = KEY, **settings: float) -> np.ndarray:
    augmentation = Augmentation(**settings)
    transforms = random_transforms(augmentation, len(images), images.shape[1:], key=key)
    return np.asarray(transform(tf.constant(images), transforms, augmentation.contrast))


def test_nothing_to_change_leaves_every_pixel_as_it_is() -> None:
    np.testing.assert_array_equal(changed(), IMAGES)


def test_a_flip_is_the_mirror_image() -> None:
    np.testing.assert_allclose(changed(flip=1.0), IMAGES[:, :, ::-1], atol=1e-6)


def test_half_of_many_images_are_flipped_at_a_probability_of_half() -> None:
    many = np.repeat(IMAGES[:1], 1000, axis=0)
    flipped = np.isclose(changed(many, flip=0.5), many[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 437 <= flipped.sum() <= 563  # four standard errors


def test_a_shift_moves_the_image_and_carries_its_edge_along() -> None:
    ramp = np.broadcast_to(np.arange(9, dtype=np.float32), (200, 6, 9))[..., np.newaxis]
    moved = changed(np.ascontiguousarray(ramp), shift=1.5)
    steps = moved[:, 2, 4, 0] - 4.0  # the shift of a ramp can be read in its middle
    inside = np.abs(steps) < 4
    assert steps[inside].std() == pytest.approx(1.5, rel=0.2)
    expected = np.clip(np.arange(9) + steps[:, np.newaxis], 0, 8)
    np.testing.assert_allclose(moved[inside, 2, :, 0], expected[inside], atol=1e-4)


def test_turning_keeps_the_centre_and_the_brightness_of_a_disc() -> None:
    y, x = np.mgrid[:21, :21] - 10.0
    disc = (np.hypot(x, y) < 6).astype(np.float32)[np.newaxis, ..., np.newaxis]
    turned = changed(np.repeat(disc, 50, axis=0), rotation=1.0)
    np.testing.assert_array_equal(turned[:, 10, 10], 1.0)
    np.testing.assert_allclose(turned.sum(axis=(1, 2, 3)), disc.sum(), rtol=0.03)


def test_the_size_of_a_scaled_disc_varies_as_asked() -> None:
    y, x = np.mgrid[:41, :41] - 20.0
    disc = (np.hypot(x, y) < 8).astype(np.float32)[np.newaxis, ..., np.newaxis]
    areas = changed(np.repeat(disc, 400, axis=0), scale=0.1).sum(axis=(1, 2, 3))
    # the logarithm of the area is minus the sum of the logarithms of both axes' scales
    assert np.log(areas).std() == pytest.approx(0.1 * 2**0.5, rel=0.15)


def test_contrast_gives_edges_the_steepness_that_interpolation_takes(data_dir: Path) -> None:
    """A contrast of 1.35 keeps the entropy of real digits, with pixels read as probabilities."""
    digits = load_dataset("mnist", data_dir=data_dir).test.images[:1000] / np.float32(255)
    settings = OURS["residual-wide-digits"].augmentation
    assert settings is not None
    moves = settings.model_dump(exclude={"contrast", "until"})
    entropy = entropy_floor(digits)
    assert entropy_floor(changed(digits, **moves)) > 1.5 * entropy
    sharpened = entropy_floor(changed(digits, **moves, contrast=1.35))
    assert sharpened == pytest.approx(entropy, rel=0.05)


def test_the_key_and_nothing_else_decides_the_changes() -> None:
    some: dict[str, Any] = {"rotation": 0.2, "shift": 1.0, "flip": 0.5}
    np.testing.assert_array_equal(changed(**some), changed(**some))
    other = changed(key=tf.constant([3, 5], tf.int64), **some)
    assert not np.allclose(changed(**some), other)


def stream(augmentation: Augmentation, parts: int = 1, count: int | None = None) -> list[Any]:
    """Return batches of ten of twenty images, in ``parts`` parts, only the first ``count``."""
    batches = shuffled_batches(
        (255 * IMAGES).astype(np.uint8).repeat(4, axis=0),
        np.arange(20),
        10,
        noise=(3, 2),
        seed=0,
        epochs=range(2),
        augmentation=augmentation,
        replicas=(slice(0, count), parts),
    )
    return [(x.numpy(), noise.numpy()) for x, noise in batches]


def test_the_stream_changes_images_alike_in_one_part_and_in_several() -> None:
    settings = Augmentation(rotation=0.2, shift=1.0)
    whole = np.concatenate([x for x, _ in stream(settings)])
    parts = [x for x, _ in stream(settings, 2)]
    assert [len(part) for part in parts] == [5] * 8
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    first = np.concatenate([x for x, _ in stream(settings, 2, 1)])
    np.testing.assert_array_equal(first, whole.reshape(4, 2, 5, *SHAPE)[:, 0].reshape(-1, *SHAPE))


def test_changes_mirror_images_and_noise_are_drawn_apart() -> None:
    ramp = np.tile(np.arange(9, dtype=np.uint8) * 20, (2000, 9, 1))[..., np.newaxis]
    augmentation = Augmentation(scale=0.2, flip=0.5, until=1.0)
    ((images, noise),) = shuffled_batches(
        ramp,
        np.arange(2000),
        2000,
        noise=(1, 6),
        seed=0,
        epochs=range(1),
        augmentation=augmentation,
    )
    slope = np.diff(images.numpy()[:, 4, 3:6, 0]).mean(axis=1) * 255 / 20
    draws = np.log(np.abs(slope)) / 0.2  # from which the scales were made
    assert draws.std() == pytest.approx(1.0, abs=0.1)
    assert abs(np.corrcoef(np.sign(slope), np.abs(draws))[0, 1]) < 0.1  # 4.5 standard errors
    apart = np.abs(np.subtract.outer(draws[:100], noise.numpy().ravel())).min(axis=1)
    assert np.mean(apart < 1e-5) < 0.5  # with the same draws, all would be


def test_images_for_the_encoder_only_follow_those_they_were_made_from() -> None:
    settings = Augmentation(rotation=0.5, shift=1.0, until=1.0, encoder_only=True)
    whole = stream(settings)
    real = {image.tobytes() for image in (255 * IMAGES).astype(np.uint8) / np.float32(255)}
    for x, noise in whole:
        assert x.shape == (20, *SHAPE)
        assert {image.tobytes() for image in x[:10]} <= real
        assert not {image.tobytes() for image in x[10:]} & real
        assert noise.shape == (20, 3, 2)
        assert len(np.unique(noise)) == noise.size
    for part, (x, noise) in enumerate(stream(settings, 2)):
        batch, half = whole[part // 2], part % 2
        for values, expected in ((x, batch[0]), (noise, batch[1])):
            of_part = expected.reshape(2, 2, 5, *expected.shape[1:])[:, half]
            np.testing.assert_array_equal(values, of_part.reshape(values.shape))
