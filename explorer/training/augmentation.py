"""Random affine changes of images, from a key: the same key gives the same changes."""

from __future__ import annotations

import tensorflow as tf

from explorer.recipes.recipe import Augmentation


def random_transforms(
    augmentation: Augmentation, n: int, image_shape: tuple[int, ...], *, key: tf.Tensor
) -> tf.Tensor:
    """Draw random changes about the centre of an image.

    Args:
        augmentation: how large the changes are.
        n: how many to draw.
        image_shape: ``(height, width, channels)``.
        key: seed of the draw, two integers.

    Returns:
        ``(n, 8)``: the projective transforms from output to input coordinates that
        ``tf.raw_ops.ImageProjectiveTransformV3`` takes.
    """
    height, width, _ = image_shape
    normal = tf.unstack(tf.random.stateless_normal((6, n), seed=key))
    angle, shear = augmentation.rotation * normal[0], augmentation.shear * normal[1]
    scale_x, scale_y = (tf.exp(augmentation.scale * normal[i]) for i in (2, 3))
    shift_x, shift_y = (augmentation.shift * normal[i] for i in (4, 5))
    flip_key = tf.random.experimental.stateless_fold_in(key, 0)
    flips = tf.random.stateless_uniform((n,), seed=flip_key) < augmentation.flip
    scale_x = tf.where(flips, -scale_x, scale_x)

    xx, xy = tf.cos(angle) * scale_x, (shear - tf.sin(angle)) * scale_y
    yx, yy = tf.sin(angle) * scale_x, tf.cos(angle) * scale_y
    x, y = (width - 1) / 2, (height - 1) / 2
    zero = tf.zeros(n)
    rows = xx, xy, x - xx * x - xy * y + shift_x, yx, yy, y - yx * x - yy * y + shift_y, zero, zero
    return tf.stack(rows, axis=1)


def transform(images: tf.Tensor, transforms: tf.Tensor, contrast: float = 1.0) -> tf.Tensor:
    """Images ``(n, h, w, c)`` after ``transforms``, bilinear, with edge pixels extended outwards.

    Values are then spread about ½ by the factor ``contrast``, and clipped to [0, 1].
    """
    changed = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    if contrast != 1.0:
        changed = tf.clip_by_value(0.5 + contrast * (changed - 0.5), 0.0, 1.0)
    return tf.ensure_shape(changed, images.shape)
