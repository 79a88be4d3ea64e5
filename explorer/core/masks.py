"""The order in which an autoregressive flow lets latent dimensions see each other."""

from __future__ import annotations

import numpy as np


def autoregressive_masks(
    latent_dim: int, units: int, context: int, *, backwards: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Which weights of a network with one hidden layer may differ from zero.

    With them, output i sees only the context and the dimensions that come before i,
    so that the Jacobian of the outputs is triangular with a zero diagonal.

    Args:
        latent_dim: dimensions of z.
        units: size of the hidden layer.
        context: further inputs after z, which every output may see.
        backwards: the order of the dimensions: last to first.

    Returns:
        Masks of 0 and 1, float32: ``(latent_dim + context, units)`` and ``(units, latent_dim)``.

    Source: Germain et al. 2015, "MADE", eqs. 8 and 9, with hidden units of degree 0
    added, which see only the context.
    """
    place = np.arange(latent_dim)[:: -1 if backwards else 1]  # each dimension's position
    degree = np.arange(units) * latent_dim // units  # how many dimensions each unit sees
    into = np.concatenate([place[:, np.newaxis] < degree, np.ones((context, units), bool)])
    return into.astype(np.float32), (degree[:, np.newaxis] <= place).astype(np.float32)
