"""A picture made of tiles that can be chosen by click or key: grids, galleries, strips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from explorer import render

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "tile_picker",
    css=(_HERE / "picker.css").read_text(encoding="utf-8"),
    js=(_HERE / "picker.js").read_text(encoding="utf-8"),
)


def pick_tile(
    tiles: np.ndarray,
    *,
    columns: int,
    labels: Sequence[str],
    key: str,
    title: str,
    selected: int | None = None,
    dimmed: np.ndarray | None = None,
    tile_size: int | None = None,
) -> int | None:
    """Show tiles; returns the number of the one chosen in this run, else None.

    Args:
        tiles: ``(n, height, width, channels)`` uint8.
        columns: tiles in a row.
        labels: what each tile is, read out and shown under the pointer.
        key: of the widget.
        title: of the whole picture, for screen readers.
        selected: the tile to mark.
        dimmed: which tiles to shade, bool ``(n,)``.
        tile_size: side of a tile in CSS pixels; None fills the width.
    """
    dim = [] if dimmed is None else np.flatnonzero(dimmed).tolist()
    result = _component(
        key=key,
        data={
            "image": render.data_uri(render.tile(tiles, columns)),
            "columns": columns,
            "rows": -(-len(tiles) // columns),
            "aspect": tiles.shape[2] / tiles.shape[1],
            "labels": list(labels),
            "title": title,
            "selected": selected,
            "dimmed": dim,
            "tileSize": tile_size,
        },
        on_picked_change=lambda: None,
    )
    return None if result.picked is None else int(result.picked)
