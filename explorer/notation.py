"""Numbers, latents and lists as text; a latent is numbers separated by commas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

import numpy as np

from explorer.errors import ExplorerError

MAX_COORDINATE = 99.0
"""Larger coordinates of a latent are treated as mistakes: the prior's scale is 1."""
ADDRESS_ROUNDING = 0.0006
"""A latent is a test image's own if no coordinate differs by more: addresses round coordinates."""
MAX_LIST_LENGTH = 2000
"""Length in characters of the longest list that is put into an address."""


def parse_count(text: str) -> int | None:
    """Read a number of up to nine digits; return None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def parse_latent(text: str, latent_dim: int) -> np.ndarray:
    """Read a latent that the user wrote, ``(latent_dim,)`` float32.

    Raises:
        ExplorerError: the message is part of a sentence for the user.
    """
    text = text.replace("−", "-").strip(" ()[]")
    parts = text.replace(";", ",").split(",") if "," in text or ";" in text else text.split()
    try:
        z = np.array([float(part) for part in parts])
    except ValueError as error:
        raise ExplorerError("a point is written as numbers with commas between them") from error
    if len(parts) != latent_dim:
        raise ExplorerError(f"this model needs {latent_dim} numbers, not {len(parts)}")
    if not np.all(np.abs(z) <= MAX_COORDINATE):
        raise ExplorerError(
            f"coordinates must lie between −{MAX_COORDINATE:.0f} and {MAX_COORDINATE:.0f}"
        )
    return z.astype(np.float32)


def with_minus(value: float, form: str) -> str:
    """Return a number in a format such as ``.2f``, with a minus sign in place of a hyphen."""
    return f"{value:{form}}".replace("-", "−")


def file_size(count: int) -> str:
    """Return a number of bytes in kB, or from a million on in MB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def write_list(entries: Iterable[Sequence[str]]) -> str:
    """Join entries of several fields each into one text: ``name~test-3;other~0.5 1``."""
    return ";".join("~".join(map(_escape, fields)) for fields in entries)


def parse_list(text: str) -> list[list[str]]:
    """Return the fields of the entries that ``write_list`` joined."""
    return [[unquote(field) for field in entry.split("~")] for entry in text.split(";")]


def _escape(field: str) -> str:
    return field.replace("%", "%25").replace("~", "%7E").replace(";", "%3B")
