"""The drawings of a visit, as each model sees them.

Models see different pictures of the same strokes, as not all have them scaled and centred.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.bundle.bundle import Bundle
from explorer.core.pixels import to_unit_range


def drawing(bundle: Bundle, sheet: str = "") -> np.ndarray | None:
    """The drawing of a sheet as this model sees it, ``(height, width, channels)`` in [0, 1].

    None until the model's canvas has reported its own.
    """
    drawn = _drawings().get((sheet, bundle.content))
    return None if drawn is None else to_unit_range(drawn)


def keep(bundle: Bundle, sheet: str, drawn: np.ndarray) -> None:
    """Keep what a canvas reports, uint8; a canvas that was mounted again reports the same."""
    which, drawings = (sheet, bundle.content), _drawings()
    if which not in drawings or not np.array_equal(drawn, drawings[which]):
        drawings[which] = drawn
        _reached().discard(which)


def reach(bundle: Bundle, sheet: str) -> bool:
    """Note that the point moves to the drawing; return False if it did so before."""
    which, reached = (sheet, bundle.content), _reached()
    is_new = which not in reached
    reached.add(which)
    return is_new


def _drawings() -> dict[tuple[str, str], np.ndarray]:
    """The drawings, uint8, by their sheet and the content of the model."""
    drawings: dict[tuple[str, str], np.ndarray] = st.session_state.setdefault("drawings", {})
    return drawings


def _reached() -> set[tuple[str, str]]:
    """The drawings that the point has moved to, by their sheet and the content of the model."""
    reached: set[tuple[str, str]] = st.session_state.setdefault("reached-drawings", set())
    return reached
