"""The Manifold: what the decoder makes of a grid of places in the plane."""

from __future__ import annotations

import streamlit as st

from explorer.app import parts, session
from explorer.app.dimensions import render_sliders
from explorer.app.exports import download
from explorer.app.point import render_point, stage
from explorer.app.view import Option, View
from explorer.bundle.store import Bundle
from explorer.core.geometry import (
    SPACINGS,
    Plane,
    Spacing,
    grid_points,
    plane_coordinates_grid,
)
from explorer.drawing import raster

SIZE = Option("size", 20, tuple(range(5, 41)))
SPACING = Option("spacing", "Normal", ("Normal", "Linear"))
EXTENT = Option("extent", 2.5, tuple(round(0.5 * step, 1) for step in range(2, 13)))
HOLES = Option("holes", False, (False, True))
OTHERS = 8
"""Sliders below the grid, for the dimensions that tell most."""

HELP = """
Every tile is the **decoder's** picture of one place in the plane; the tiles lie as the map does.

- **Normal** spacing puts the same share of the prior between neighbours (inverse normal CDF,
  Kingma & Welling 2014, figure 4); **linear** the same distance.
- **Shade holes** dims places where the training data is thinner than at 99 % of the test images:
  the decoder answers there too, but nothing it learned says so.
- **Move the pointer** over a tile to see it large; **click** to keep the point.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("The decoder's pictures over the plane: a map of what the model knows.", help=HELP)
    grid, side = stage()
    with grid:
        _render_controls()
        _render_grid(bundle)
    with side:
        render_point(bundle)


VIEW = View("Manifold", render_view, options=(SIZE, SPACING, EXTENT, HOLES))


def _render_controls() -> None:
    with st.container(horizontal=True, gap="medium"):
        st.select_slider(
            "Tiles a side", SIZE.choices, key=SIZE.name, width=160, persist_state="session"
        )
        st.select_slider(
            "Range, ± std. dev.", EXTENT.choices, key=EXTENT.name, width=160,
            persist_state="session", help="In standard deviations of the prior",
        )  # fmt: skip
        session.choose(SPACING, "Spacing")
        st.toggle("Shade holes", key=HOLES.name, persist_state="session")


def _render_grid(bundle: Bundle) -> None:
    state, plane = st.session_state, session.plane(bundle)
    size, extent = plane.grid_size(int(state[SIZE.name])), float(state[EXTENT.name])
    spacing = SPACINGS[SPACING.choices.index(state[SPACING.name])]
    xs, ys = plane_coordinates_grid(size, spacing=spacing, extent=extent)
    follows = session.follows_point(bundle)
    parts.grid(
        bundle,
        plane,
        xs,
        ys,
        key=f"manifold-{bundle.card.name}",
        follows=follows,
        holes=bool(state[HOLES.name]),
        label=f"{size[0]} by {size[1]} decoded images over "
        f"{' and '.join(filter(None, plane.labels))}",
    )
    _render_footer(bundle, plane, size, spacing, extent)
    if follows:
        st.markdown("Move the plane along the other dimensions:")
        rest = [d for d in bundle.dimensions_by_kl if d not in session.axes(bundle)]
        render_sliders(bundle, rest[:OTHERS], key=f"others-{bundle.card.name}")


def _render_footer(
    bundle: Bundle, plane: Plane, size: tuple[int, int], spacing: Spacing, extent: float
) -> None:
    def picture() -> bytes:
        points = grid_points(*plane_coordinates_grid(size, spacing=spacing, extent=extent))
        tiles = raster.to_pixels(bundle.codec.decode(plane.lift(points)))
        return raster.png(raster.enlarge(raster.tile(tiles, size[1]), 2))

    across, up = plane.labels
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.caption(f"→ {across}" + (f" \u2003 ↑ {up}" if up else ""), width="content")
        download("PNG", picture, f"{bundle.card.name}-manifold.png", mime="image/png")
