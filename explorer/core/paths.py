"""Paths through the latent space: between two latents, and along one dimension.

Arithmetic runs in float64; latents come back in float32, as every decoder reads them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.core.geometry import check_dimension


def lerp(a: Any, b: Any, t: Any) -> np.ndarray:
    """Points on the straight line from latent a to latent b.

    Args:
        a: the latent at ``t = 0``, ``(latent_dim,)``.
        b: the latent at ``t = 1``, ``(latent_dim,)``.
        t: positions along the path, ``(steps,)``.

    Returns:
        ``(steps, latent_dim)``; the ends are a and b exactly.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    t = np.asarray(t, np.float64)[:, np.newaxis]
    return np.asarray((1.0 - t) * a + t * b, np.float32)


def slerp(a: Any, b: Any, t: Any) -> np.ndarray:
    """Points on the great arc from latent a to latent b, turning at constant speed.

    The direction follows the great arc (Shoemake 1985; for latents White 2016)
    and the distance from the origin changes linearly from ‖a‖ to ‖b‖. Where
    the arc is not unique:

    - the same direction, or one end at the origin: the straight line;
    - opposite directions: the half circle through the coordinate axis nearest
      to perpendicular, one of the arcs that slightly different ends would
      take; in one dimension the straight line, as there is no way around.

    Args:
        a: the latent at ``t = 0``, ``(latent_dim,)``.
        b: the latent at ``t = 1``, ``(latent_dim,)``.
        t: positions along the path, ``(steps,)``.

    Returns:
        ``(steps, latent_dim)``; the ends are a and b exactly.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    if min(length_a, length_b) < np.finfo(np.float32).tiny:
        return lerp(a, b, t)
    start, end = a / length_a, b / length_b
    cosine, side = _split(end, start)
    sine = np.linalg.norm(side)
    if sine < np.finfo(np.float32).eps:
        if cosine > 0.0 or len(a) == 1:
            return lerp(a, b, t)
        nearest_axis = np.eye(len(a))[np.abs(start).argmin()]
        side = _split(nearest_axis, start)[1]
    side = side / np.linalg.norm(side)

    t = np.asarray(t, np.float64)[:, np.newaxis]
    angle = t * np.arctan2(sine, cosine)  # (steps, 1)
    length = (1.0 - t) * length_a + t * length_b
    path = length * (np.cos(angle) * start + np.sin(angle) * side)  # (steps, latent_dim)
    path = np.where(t == 0.0, a, np.where(t == 1.0, b, path))
    return np.asarray(path, np.float32)


def traversal(z: Any, dimension: int, values: Any) -> np.ndarray:
    """Copies of a latent that differ in one dimension, ``(len(values), latent_dim)``."""
    z = np.asarray(z, np.float32)
    check_dimension(dimension, len(z))
    latents = np.tile(z, (len(values), 1))
    latents[:, dimension] = values
    return latents


def _split(vector: np.ndarray, unit: np.ndarray) -> tuple[float, np.ndarray]:
    """The component of a vector along a unit vector, and the rest, perpendicular to it."""
    along = float(vector @ unit)
    return along, vector - along * unit
