"""Live sliders for latent dimensions, each with the strip of what it does at the point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explorer.app import parts
from explorer.bundle.store import Bundle
from explorer.core.geometry import axis_label

REACH = 3.0
"""Sliders and strips run from minus to plus this."""
TILES = 11
"""Pictures in a strip."""


def render_sliders(bundle: Bundle, dimensions: Sequence[int], *, key: str) -> None:
    """One slider for each of the dimensions, which are counted from 0."""
    parts.sliders(bundle, slider_rows(bundle, dimensions), key=key)


def slider_rows(bundle: Bundle, dimensions: Sequence[int]) -> dict[str, Any]:
    """Sliders as the browser takes them: ``rows``, ``reach`` and ``tiles`` of their strips."""
    rows = [
        {"dimension": d, "label": axis_label(d), "note": describe_kl(bundle, d)} for d in dimensions
    ]
    return {"rows": rows, "reach": REACH, "tiles": TILES}


def describe_kl(bundle: Bundle, dimension: int) -> str:
    """How much a dimension tells, in nats; an inactive one is called so."""
    weight = bundle.dimension_weights[dimension]
    text = f"{weight:.2f} nats" if bundle.card.model.has_variance else f"variance {weight:.2f}"
    return text + ("" if bundle.active_units[dimension] else " · inactive")
