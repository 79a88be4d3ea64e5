"""The Manifold: what the decoder makes of a grid of places in the plane."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import cache, session
from explorer.app import parts as live
from explorer.app.parts import pick_tile
from explorer.app.point import percent, render_point, stage
from explorer.app.views.sliders import REACH, STRIP, slider_rows
from explorer.bundle.store import Bundle
from explorer.core.geometry import SPACINGS, Plane, Spacing, grid_points, plane_coordinates_grid
from explorer.drawing import raster

HELP = """
Every tile is the **decoder's** picture of one place in the plane; the tiles lie as the map does.

- **Normal** spacing puts the same share of the prior between neighbours (inverse normal CDF,
  Kingma & Welling 2014, figure 4); **linear** the same distance.
- **Shade holes** dims places where the training data is thinner than at 99 % of the test images:
  the decoder answers there too, but nothing it learned says so.
- **Move the pointer** over a tile to see it large; **click** to keep the point.
"""
OTHERS = 8
"""Sliders below the grid, for the dimensions that say most."""
NO_DATA = 1.0
"""Percentile of density below which a place counts as a hole."""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("The decoder's pictures over the plane: a map of what the model knows.", help=HELP)
    grid, side = stage()
    with grid:
        _render_controls()
        _render_grid(bundle)
    with side:
        render_point(bundle)


def _render_controls() -> None:
    with st.container(horizontal=True, gap="medium"):
        st.select_slider(
            "Tiles a side", session.CHOICES["size"], key="size", width=160, persist_state="session"
        )
        st.select_slider(
            "Range, ± std. dev.", session.CHOICES["extent"], key="extent", width=160,
            persist_state="session", help="In standard deviations of the prior",
        )  # fmt: skip
        session.choose("spacing", "Spacing")
        st.toggle("Shade holes", key="holes", persist_state="session")


def _render_grid(bundle: Bundle) -> None:
    state, plane = st.session_state, session.plane(bundle)
    size, extent = plane.grid_size(int(state["size"])), float(state["extent"])
    spacing: Spacing = SPACINGS[0] if state["spacing"] == "Normal" else SPACINGS[1]
    label = f"{size[0]} by {size[1]} decoded images over {' and '.join(filter(None, plane.labels))}"
    key = f"manifold-{bundle.card.name}"
    is_live = live.problem_of(bundle) is None
    follows = is_live and bundle.card.model.latent_dim > 2 and state["plane"] == "Dimensions"
    if is_live:
        xs, ys = plane_coordinates_grid(size, spacing=spacing, extent=extent)
        live.grid(
            bundle, plane, xs, ys, key=key, follows=follows, holes=bool(state["holes"]), label=label
        )
    else:
        _render_drawn_grid(bundle, plane, size, spacing, extent, key=key, label=label)
    _render_footer(bundle, plane, size, spacing, extent)
    if follows:
        _render_other_dimensions(bundle)


def _render_other_dimensions(bundle: Bundle) -> None:
    """Sliders that move the plane through the rest of the space."""
    rest = [d for d in bundle.dimensions_by_kl if d not in session.axes(bundle)][:OTHERS]
    st.markdown("Move the plane along the other dimensions:")
    live.sliders(
        bundle,
        slider_rows(bundle, rest),
        key=f"others-{bundle.card.name}",
        reach=REACH,
        tiles=STRIP,
    )


def _render_drawn_grid(
    bundle: Bundle,
    plane: Plane,
    size: tuple[int, int],
    spacing: Spacing,
    extent: float,
    *,
    key: str,
    label: str,
) -> None:
    """The same drawn by the server, where the browser cannot run the model."""
    density = cache.grid_density(bundle, plane, size, spacing, extent)
    points = grid_points(*plane_coordinates_grid(size, spacing=spacing, extent=extent))
    here = plane.project(session.point(bundle)[np.newaxis])[0]
    pick_tile(
        cache.decoded_grid(bundle, plane, size, spacing, extent),
        lambda tile: session.move_to(bundle, plane.lift(points[tile : tile + 1])[0]),
        columns=size[1],
        labels=[
            f"({x:.2f}, {y:.2f}): denser than {percent(share)} of the test images".replace("-", "−")
            for (x, y), share in zip(points.tolist(), density.tolist(), strict=True)
        ],
        key=key,
        title=label,
        selected=int(np.linalg.norm(points - here, axis=1).argmin()),
        dimmed=density < NO_DATA if st.session_state["holes"] else None,
    )


def _render_footer(
    bundle: Bundle, plane: Plane, size: tuple[int, int], spacing: Spacing, extent: float
) -> None:
    def picture() -> bytes:
        tiles = cache.decoded_grid(bundle, plane, size, spacing, extent)
        return raster.png(raster.enlarge(raster.tile(tiles, size[1]), 2))

    across, up = plane.labels
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.caption(f"→ {across}" + (f" \u2003 ↑ {up}" if up else ""), width="content")
        st.download_button(
            "PNG", picture, f"{bundle.card.name}-manifold.png", mime="image/png",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
