"""How numbers, latents and lists are written: a latent as numbers with commas between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

import numpy as np

from explorer.errors import ExplorerError

LIMIT = 99.0
"""Coordinates beyond ±99 are taken for mistakes: the prior's scale is 1."""
ROUNDED = 0.0006
"""A latent is a test image's own if no coordinate differs by more: addresses round."""
SHORT = 2000
"""Characters of a list that an address may well carry."""


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


def write_list(entries: Iterable[Sequence[str]]) -> str:
    """Some texts as one, of several fields each: ``name~test-3;other~0.5 1``."""
    return ";".join("~".join(map(_escape, fields)) for fields in entries)


def parse_list(text: str) -> list[list[str]]:
    """The fields of the texts that ``write_list`` joined."""
    return [[unquote(field) for field in entry.split("~")] for entry in text.split(";")]


def _escape(field: str) -> str:
    return field.replace("%", "%25").replace("~", "%7E").replace(";", "%3B")
