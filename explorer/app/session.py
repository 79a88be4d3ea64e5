"""What one visitor looks at: the point of each model, and the options chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.app import cache
from explorer.app.view import Option
from explorer.bundle.bundle import Bundle
from explorer.notation import MAX_COORDINATE

REMEMBERED = 100
"""Number of points of a model that ``undo`` can go back to."""


def choose(option: Option, label: str) -> None:
    """Draw a segmented control for an option with few choices."""
    st.segmented_control(
        label, option.choices, key=option.name, required=True, persist_state="session"
    )


def address() -> dict[str, str]:
    """The parameters of the page's address; updated in place, also while a file is made."""
    said: dict[str, str] = st.session_state.setdefault("address", {})
    return said


def notify(sentence: str) -> None:
    """Show a sentence above the view, once."""
    st.session_state.setdefault("notices", []).append(sentence)


def take_notices() -> list[str]:
    """The sentences that have not been shown yet."""
    waiting: list[str] = st.session_state.pop("notices", [])
    return waiting


def point(bundle: Bundle) -> np.ndarray:
    """The current latent point, ``(latent_dim,)`` float32; a vivid test image at first."""
    found = st.session_state["points"].get(bundle.card.name)
    if found is None or len(found) != bundle.card.model.latent_dim:
        return rounded(bundle.latents.z_mean[cache.vivid_row(bundle)])
    return np.asarray(found)


def begin(bundle: Bundle) -> None:
    """Give the model a point, if it has none yet."""
    st.session_state["points"].setdefault(bundle.card.name, point(bundle))


def move_to(bundle: Bundle, z: np.ndarray) -> None:
    """Make ``z`` the current point; ``undo`` takes it back."""
    if bundle.card.name in st.session_state["points"]:  # else it is the first point
        past, future = trail(bundle)
        past.append(point(bundle))
        del past[:-REMEMBERED]
        future.clear()
    st.session_state["points"][bundle.card.name] = rounded(z)


def with_label(bundle: Bundle) -> Bundle:
    """The model with the class that it decodes, if it is conditional."""
    label = st.session_state.get("labels", {}).get(bundle.card.name, 0)
    is_known = bundle.card.model.is_conditional and 0 < label < len(bundle.card.data.classes)
    return replace(bundle, label=label) if is_known else bundle


def choose_label(bundle: Bundle, label: int) -> None:
    """Let a conditional model decode this class."""
    st.session_state.setdefault("labels", {})[bundle.card.name] = label


def trail(bundle: Bundle) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The points that ``undo`` and ``redo`` go back to, the next one last."""
    trails = st.session_state.setdefault("trails", {})
    past, future = trails.setdefault(bundle.card.name, ([], []))
    return past, future


def undo(bundle: Bundle) -> None:
    """Go back to the point before, if there is one."""
    past, future = trail(bundle)
    _step(bundle, past, future)


def redo(bundle: Bundle) -> None:
    """Take back the last ``undo``, if there was one."""
    past, future = trail(bundle)
    _step(bundle, future, past)


def _step(bundle: Bundle, to: list[np.ndarray], back: list[np.ndarray]) -> None:
    if to:
        back.append(point(bundle))
        st.session_state["points"][bundle.card.name] = to.pop()


def rounded(z: np.ndarray) -> np.ndarray:
    """The latent, rounded to the three decimals of the address and clipped to its limits."""
    clipped = np.clip(z, -MAX_COORDINATE, MAX_COORDINATE).astype(np.float64)
    return np.asarray(np.round(clipped, 3) + 0.0, np.float32)


def format_latent(z: np.ndarray, digits: int = 3) -> str:
    """A latent in the notation of the address: ``0.5,-1.25``."""
    return ",".join(f"{value:.{digits}f}".rstrip("0").rstrip(".") for value in z.tolist())
