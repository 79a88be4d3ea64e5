"""The Map: the test set's latent means in a plane, coloured by class."""

from __future__ import annotations

from collections import Counter

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.app.exports import download, latents_csv, latents_npz
from explorer.app.point import render_point, stage
from explorer.app.scatter import render_scatter
from explorer.app.view import Option, View
from explorer.app.words import describe_test_image, literal
from explorer.bundle.store import Bundle

BACKGROUND = Option("background", cache.BACKGROUNDS[0], cache.BACKGROUNDS)
DRAG = {"Move": "pan", "Box": "select", "Lasso": "lasso"}
SHOWN = 120
"""Thumbnails of a selection; its exports hold all of it."""

HELP = """
Every dot is one test image, put where the **encoder** places it: the mean of q(z|x).
Images that the model finds alike lie together, although it never saw a class label.

- **Move the pointer** anywhere, on a dot or not: the decoder shows what lives there.
- **Click** to keep the point; arrow keys move it. A dotted ring at the edge: it lies outside.
- **Drag** moves the map, or draws a box or lasso that lists the images in it.
- **Click a class** in the legend to hide it, double-click to see it alone.
- **Density** shades where training data lives; **Manifold** shows what the decoder makes of
  every place.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown(
        "**Move the pointer over the map.** Each dot is a test image where the encoder puts it; "
        "colour is its class.",
        help=HELP,
    )
    chart, side = stage()
    rows = parts.selected_rows(bundle)
    with side:
        render_point(bundle)  # first, for the chart keeps the browser busy for longer
    with chart:
        _render_controls()
        render_scatter(
            bundle,
            key=f"map-{bundle.card.name}",
            label=f"Scatter plot of {bundle.card.data.test_images:,} test images in latent space",
            hint="; arrow keys move the point",
            background=st.session_state[BACKGROUND.name],
            drag=DRAG[st.session_state["drag"]],
            selection=parts.selections_cleared(),
            selected=rows if len(rows) else None,
        )
    if len(rows):
        _render_selection(bundle, rows)


VIEW = View("Map", render_view, options=(BACKGROUND,))


def _render_controls() -> None:
    with st.container(horizontal=True, gap="medium"):
        session.choose(BACKGROUND, "Background", help="What lies behind the dots")
        st.segmented_control(
            "Drag to",
            list(DRAG),
            default=next(iter(DRAG)),
            key="drag",
            required=True,
            persist_state="session",
            help="Move the map, or list the images in a box or lasso below it",
        )


def _render_selection(bundle: Bundle, rows: np.ndarray) -> None:
    counts = Counter(bundle.card.data.classes[label] for label in bundle.latents.labels[rows])
    st.subheader(f"{len(rows):,} selected", divider="gray")
    st.markdown(
        " · ".join(f"{literal(name)} **{count:,}**" for name, count in counts.most_common())
    )
    shown = rows[:SHOWN]
    images, original = cache.pictures(bundle, shown)
    parts.pick_tile(
        images,
        lambda tile: session.move_to(bundle, bundle.latents.z_mean[shown[tile]]),
        columns=min(len(shown), 20),
        labels=[describe_test_image(bundle, row) for row in shown.tolist()],
        key=f"selection-{bundle.card.name}",
        title="Selected test images; choose one to move the point there",
        tile_size=56,
    )
    if not original:
        st.caption("Reconstructions: the data set's images are not on this machine.")
    if len(rows) > SHOWN:
        st.caption(f"The first {SHOWN} are shown; the files hold all {len(rows):,}.")
    name = f"{bundle.card.name}-selection"
    with st.container(horizontal=True):
        st.button("Clear", icon=":material/close:", on_click=parts.clear_selection, args=(bundle,))
        download("CSV", lambda: latents_csv(bundle, rows), f"{name}.csv", mime="text/csv")
        download("NPZ", lambda: latents_npz(bundle, rows), f"{name}.npz")
