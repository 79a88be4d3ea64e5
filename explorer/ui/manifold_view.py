"""The Manifold: what the decoder makes of a grid of places in the plane."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer import render
from explorer.bundle import Bundle
from explorer.geometry import SPACINGS, Spacing, grid_points, plane_coordinates_grid
from explorer.ui import cache, session
from explorer.ui.picker import pick_tile
from explorer.ui.point import render_point

HELP = """
Every tile is the **decoder's** picture of one place in the plane; the tiles lie as the map does.

- **Normal** spacing puts the same share of the prior between neighbours (inverse normal CDF,
  Kingma & Welling 2014, figure 4); **linear** the same distance.
- **Shade holes** dims places where the training data is thinner than at 99 % of the test images:
  the decoder answers there too, but nothing it learned says so.
- **Click** a tile to move the point there.
"""
NO_DATA = 1.0
"""Percentile of density below which a place counts as a hole."""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("The decoder's pictures over the plane: a map of what the model knows.", help=HELP)
    grid, side = st.columns([3, 1], gap="medium")
    with grid:
        _render_controls()
        _render_grid(bundle)
    with side:
        render_point(bundle)


def _render_controls() -> None:
    size, extent, spacing, holes = st.columns([2, 2, 2, 1.4], vertical_alignment="bottom")
    options = {option.name: option.choices for option in session.OPTIONS}
    size.select_slider("Tiles a side", options["size"], key="size", persist_state="session")
    extent.select_slider(
        "Range, ± standard deviations", options["extent"], key="extent", persist_state="session"
    )
    spacing.segmented_control(
        "Spacing", options["spacing"], key="spacing", required=True, persist_state="session"
    )
    holes.toggle("Shade holes", key="holes", persist_state="session")


def _render_grid(bundle: Bundle) -> None:
    state, plane = st.session_state, session.plane(bundle)
    size, extent = int(state["size"]), float(state["extent"])
    spacing: Spacing = SPACINGS[0] if state["spacing"] == "Normal" else SPACINGS[1]
    tiles = cache.decoded_grid(bundle, plane, size, spacing, extent)
    density = cache.grid_density(bundle, plane, size, spacing, extent)
    points = grid_points(*plane_coordinates_grid(size, spacing=spacing, extent=extent))
    here = plane.project(session.point(bundle)[np.newaxis])[0]
    distances = np.linalg.norm(points - here, axis=1)
    chosen = pick_tile(
        tiles,
        columns=size,
        labels=[
            f"({x:.2f}, {y:.2f}): denser than {share:.0f} % of the test images".replace("-", "−")
            for (x, y), share in zip(points.tolist(), density.tolist(), strict=True)
        ],
        key=f"manifold-{bundle.card.name}",
        title=f"{size} by {size} decoded images over {plane.labels[0]} and {plane.labels[1]}",
        selected=int(distances.argmin()) if np.abs(here).max() <= extent * 1.1 else None,
        dimmed=density < NO_DATA if state["holes"] else None,
    )
    if chosen is not None:
        session.move_to(bundle, plane.lift(points[chosen : chosen + 1])[0])
        st.rerun()
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.caption(f"→ {plane.labels[0]}   ↑ {plane.labels[1]}")
    right.download_button(
        "PNG",
        lambda: render.png(render.enlarge(render.tile(tiles, size), 2)),
        f"{bundle.card.name}-manifold.png",
        mime="image/png",
        icon=":material/download:",
        on_click="ignore",
    )
