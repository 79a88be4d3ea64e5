"""How numbers and latents are written: a latent as numbers with commas between them."""

from __future__ import annotations

import numpy as np

from explorer.errors import ExplorerError

LIMIT = 99.0
"""Coordinates beyond ±99 are taken for mistakes: the prior's scale is 1."""


def parse_count(text: str) -> int | None:
    """The number that is written with up to nine digits; else None."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def parse_latent(text: str, latent_dim: int) -> np.ndarray:
    """Read a latent that a person wrote, ``(latent_dim,)`` float32.

    Raises:
        ExplorerError: part of a sentence for a person.
    """
    text = text.replace("−", "-").strip(" ()[]")
    parts = text.replace(";", ",").split(",") if "," in text or ";" in text else text.split()
    try:
        z = np.array([float(part) for part in parts])
    except ValueError as error:
        raise ExplorerError("a point is written as numbers with commas between them") from error
    if len(parts) != latent_dim:
        raise ExplorerError(f"this model needs {latent_dim} numbers, not {len(parts)}")
    if not np.all(np.abs(z) <= LIMIT):
        raise ExplorerError(f"coordinates must lie between −{LIMIT:.0f} and {LIMIT:.0f}")
    return z.astype(np.float32)
