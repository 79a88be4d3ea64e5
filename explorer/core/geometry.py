"""Planes in the latent space.

Latents are ``(n, latent_dim)``. Arithmetic runs in float64; what comes back as
a latent is float32, as every decoder reads it, and what comes back as a place
in a plane is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in latent space: an origin and two orthonormal directions.

    Attributes:
        origin: the latent at plane coordinates (0, 0), ``(latent_dim,)``.
        directions: what one step to the right and one step up add to a
            latent, orthonormal rows, ``(2, latent_dim)``; for ``latent_dim`` 1
            the second is zero, and a step up changes nothing.
        labels: titles of the horizontal and the vertical axis.
    """

    origin: np.ndarray
    directions: np.ndarray
    labels: tuple[str, str]

    def __post_init__(self) -> None:
        """Refuse directions that would stretch or shear what is drawn in the plane."""
        if self.directions.shape != (2, *self.origin.shape):
            raise ValueError(
                f"A plane needs two directions of {self.origin.shape} entries each; "
                f"received directions of shape {self.directions.shape}."
            )
        lengths = np.diag([1.0, min(len(self.origin) - 1.0, 1.0)])
        if not np.allclose(self.directions @ self.directions.T, lengths, atol=1e-6):
            raise ValueError("The directions of a plane must be orthogonal and of length 1.")

    def project(self, z: Any) -> np.ndarray:
        """Plane coordinates of the points of the plane nearest to the latents, ``(n, 2)``."""
        points: np.ndarray = (np.asarray(z, np.float64) - self.origin) @ self.directions.T
        return points

    def lift(self, points: Any) -> np.ndarray:
        """Latents at plane coordinates ``(n, 2)``, ``(n, latent_dim)``."""
        z: np.ndarray = self.origin + np.asarray(points, np.float64) @ self.directions
        return z.astype(np.float32)

    def grid_size(self, side: int) -> tuple[int, int]:
        """Rows and columns of a grid ``side`` tiles wide: a single row if the space is 1-D."""
        return (side if self.directions[1].any() else 1), side


def axis_plane(horizontal: int, vertical: int, through: Any) -> Plane:
    """The plane of two latent dimensions through a latent.

    The origin is ``through`` with those two entries at 0, so that plane
    coordinates are the two entries of a latent themselves. For a 2-D model
    ``axis_plane(0, 1, np.zeros(2))`` is the whole latent space.

    Args:
        horizontal: the dimension to the right, counted from 0.
        vertical: the dimension upwards, counted from 0.
        through: a latent in the plane, ``(latent_dim,)``.
    """
    origin = np.array(through, np.float64)
    for dimension in (horizontal, vertical):
        check_dimension(dimension, len(origin))
    if horizontal == vertical:
        raise ValueError(f"A plane needs two different dimensions; received {horizontal} twice.")
    origin[[horizontal, vertical]] = 0.0
    directions = np.eye(len(origin))[[horizontal, vertical]]
    return Plane(origin, directions, (axis_label(horizontal), axis_label(vertical)))


def line_plane() -> Plane:
    """A one-dimensional latent space as a plane: it runs to the right, and up changes nothing."""
    return Plane(np.zeros(1), np.array([[1.0], [0.0]]), (axis_label(0), ""))


def spanned_plane(units: np.ndarray, labels: tuple[str, str], through: Any) -> Plane:
    """The plane of two directions through a latent.

    Args:
        units: unit vectors, ``(2, latent_dim)``: the first runs to the right, the part of the
            second at right angles to it upwards.
        labels: names of the directions.
        through: a latent in the plane, ``(latent_dim,)``.

    Raises:
        ValueError: the directions are parallel.
    """
    first, second = np.asarray(units, np.float64)
    up = second - (second @ first) * first
    length = np.linalg.norm(up)
    if length < 1e-3:
        raise ValueError(f"{labels[0]} and {labels[1]} are parallel and span no plane")
    directions = np.stack([first, up / length])
    through = np.asarray(through, np.float64)
    return Plane(through - through @ directions.T @ directions, directions, labels)


def principal_plane(z_mean: Any) -> Plane:
    """The plane of the first two principal components of latents, through their mean.

    Args:
        z_mean: latents, ``(n, latent_dim)`` with at least two dimensions.
    """
    z_mean = np.asarray(z_mean, np.float64)
    latent_dim = z_mean.shape[1]
    if latent_dim < 2:
        raise ValueError(f"A plane needs at least 2 latent dimensions; received {latent_dim}.")
    directions, variances = principal_components(z_mean)
    shares = 100.0 * variances / max(variances.sum(), np.finfo(np.float64).tiny)
    labels = (_component_label(1, shares[0]), _component_label(2, shares[1]))
    return Plane(z_mean.mean(axis=0), directions[:2], labels)


def principal_components(z_mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of the principal components, and the variances along them, largest first.

    The sign of a component is arbitrary; here its entry of largest magnitude is
    positive, so that the same data give the same picture.

    Args:
        z_mean: latents, ``(n, latent_dim)``.

    Returns:
        ``(latent_dim, latent_dim)``, one component per row, and ``(latent_dim,)``.
    """
    centred = z_mean - z_mean.mean(axis=0)
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(z_mean))  # ascending, by column
    directions = vectors[:, ::-1].T.copy()
    largest = np.abs(directions).argmax(axis=1)[:, np.newaxis]
    directions *= np.sign(np.take_along_axis(directions, largest, axis=1))
    return directions, variances[::-1].clip(0.0)


def check_dimension(dimension: int, latent_dim: int) -> None:
    """Refuse a dimension that latents of ``latent_dim`` entries do not have."""
    if not 0 <= dimension < latent_dim:
        raise ValueError(
            f"Latent dimensions are counted from 0 to {latent_dim - 1}; received {dimension}."
        )


def axis_label(dimension: int) -> str:
    """The name of a latent dimension, counted from 1 for readers: 0 is "z₁"."""
    return f"z{dimension + 1}".translate(_SUBSCRIPTS)


def _component_label(number: int, share: float) -> str:
    return f"principal component {number} ({share:.0f} % of variance)"
