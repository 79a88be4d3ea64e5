"""Test images to choose from."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
import streamlit as st

from explorer.app import cache, parts
from explorer.app.words import describe_test_image
from explorer.bundle.bundle import Bundle

SHOWN = 16


def choose_test_image(bundle: Bundle, name: str, take: Callable[[str], None]) -> None:
    """Draw test images to choose from, of any class or one.

    Args:
        bundle: the model whose test images are shown.
        name: name of the gallery, under which its state is kept.
        take: called with the chosen image, such as ``"test-12"``.
    """
    classes = bundle.card.data.classes
    labels = bundle.latents.labels
    flow = st.container(
        horizontal=True, vertical_alignment="bottom", gap="xsmall", key=f"of-class-{name}"
    )
    chosen_class = flow.container(width="stretch").selectbox(
        "Class", ("Any class", *classes), key=f"class-{name}", persist_state="session"
    )
    candidates = np.arange(len(labels))
    if chosen_class != "Any class":
        candidates = np.flatnonzero(labels == classes.index(chosen_class))
    if not len(candidates):
        st.caption("The test set holds no image of this class.")
        return
    seed_key = f"gallery-{name}"
    seed = st.session_state.setdefault(seed_key, 0)

    def show_others() -> None:
        st.session_state[seed_key] += 1

    def take_any() -> None:
        take(f"test-{np.random.default_rng().choice(candidates)}")

    for label, action, explanation in (
        ("Others", show_others, "Show other test images to choose from"),
        ("Random", take_any, "Choose a test image at random"),
    ):
        flow.button(label, key=f"{label.lower()}-{name}", on_click=action, help=explanation)
    generator = np.random.default_rng((seed, crc32(name.encode())))
    rows = generator.choice(candidates, min(SHOWN, len(candidates)), replace=False)
    parts.pick_tile(
        cache.pictures(bundle, rows)[0],
        lambda tile: take(f"test-{rows[tile]}"),
        columns=min(8, len(rows)),
        labels=[describe_test_image(bundle, row) for row in rows.tolist()],
        key=f"gallery-tiles-{name}-{bundle.card.name}",
        title="Test images to choose from",
        tile_size=56,
    )
