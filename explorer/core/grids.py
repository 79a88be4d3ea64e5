"""Grids over a plane, in plane coordinates, float64."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal, get_args

import numpy as np

Spacing = Literal["normal", "linear"]
SPACINGS: tuple[Spacing, ...] = get_args(Spacing)
MAX_NORMAL_EXTENT = 30.0
"""In standard deviations; further out the normal CDF underflows."""


def grid_coordinates(
    size: tuple[int, int], *, spacing: Spacing, extent: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the columns and rows of a grid, both ascending and symmetric about 0.

    Args:
        size: rows and columns; a single one lies at 0.
        spacing: "normal" puts the same share of a standard normal distribution
            between neighbours (inverse CDF of equally spaced quantiles, as in
            Kingma & Welling 2014, figure 4); "linear" the same distance.
        extent: where the outermost tiles lie, ±extent, in standard deviations
            of the prior, that is in plane coordinates.

    Returns:
        ``xs`` of the columns, ``(columns,)``, and ``ys`` of the rows, ``(rows,)``.
    """
    rows, columns = size
    if min(rows, columns) < 1:
        raise ValueError(f"A grid needs at least one row and one column; received {size}.")
    if spacing not in SPACINGS:
        raise ValueError(f"spacing must be one of {', '.join(SPACINGS)}; received {spacing!r}.")
    largest = MAX_NORMAL_EXTENT if spacing == "normal" else math.inf
    if not 0.0 < extent <= largest or math.isinf(extent):
        raise ValueError(f"extent must lie above 0 and at most at {largest}; received {extent}.")
    place = _normal_coordinates if spacing == "normal" else _linear_coordinates
    return place(columns, extent), place(rows, extent)


def grid_points(xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Plane coordinates of every tile, row by row from the top, ``(rows * columns, 2)``.

    Row 0 has the largest y, so that images laid out in this order match the
    map's axes.
    """
    x, y = np.meshgrid(xs, ys[::-1])  # (rows, columns) each
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _linear_coordinates(size: int, extent: float) -> np.ndarray:
    lower = -extent * (1.0 - 2.0 * np.arange(size // 2) / max(size - 1, 1))
    return _mirror(lower, size)


def _normal_coordinates(size: int, extent: float) -> np.ndarray:
    tail = 0.5 * math.erfc(extent / math.sqrt(2.0))  # probability below -extent
    quantiles = tail + (1.0 - 2.0 * tail) * np.arange(size // 2) / max(size - 1, 1)
    lower = np.array([NormalDist().inv_cdf(quantile) for quantile in quantiles])
    return _mirror(lower, size)


def _mirror(lower: np.ndarray, size: int) -> np.ndarray:
    """Complete the negative half of a symmetric grid."""
    return np.concatenate([lower, np.zeros(size % 2), -lower[::-1]])
