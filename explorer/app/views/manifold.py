"""The Manifold: images decoded from a grid of places on the map."""

from __future__ import annotations

import shlex

import streamlit as st

from explorer.app import parts, session
from explorer.app.exports import figures, menu
from explorer.app.point import render_point, stage
from explorer.app.view import View
from explorer.bundle.sheets import plane_of
from explorer.bundle.store import Bundle
from explorer.core.geometry import SPACINGS, axis_label
from explorer.core.trust import HOLE
from explorer.web import contents

OVER = "Neighbourhoods", "Plane"
SIDES, DEFAULT_SIDE = range(5, 41), 20
EXTENTS, DEFAULT_EXTENT = [1 + half / 2 for half in range(11)], 2.5
"""Ranges of figures for print, in standard deviations of the prior."""

HELP = f"""
Every tile is the **decoder's** picture of one place, and lies where that place lies on the map.

- Over a **neighbourhood map** a tile is made of the latents of the nearest test images; where no
  image is near it is faded.
- Over a **plane**, **normal** spacing puts the same share of the prior between neighbours (inverse
  normal CDF, Kingma & Welling 2014, figure 4); **linear** the same distance. The range is in
  standard deviations of the prior.
- **Shade holes** dims places where the training data is thinner than at {1 - HOLE:.0%} of the test
  images: the decoder answers there too, but has learned nothing about them.
- **Move the pointer** over a tile to see it large; **click** to keep the point.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("The decoder's pictures, laid out as the map is.", help=HELP)
    grid, side = stage()
    with grid:
        rows = contents.dimension_rows(bundle, bundle.dimensions_by_kl)
        parts.grid(bundle, rows, key=f"manifold-{bundle.card.name}")
        _render_exports(bundle)
    with side:
        render_point(bundle)


def _render_exports(bundle: Bundle) -> None:
    """Draw the downloads; the server does not know the settings made in the page itself."""
    with menu("manifold") as is_open:
        if not is_open:
            return
        st.caption(
            "Drawn anew for print, with these settings; PNG above the grid saves it as it is."
        )
        places = bundle.latents.places
        if places is None or OVER[0] != st.segmented_control(
            "Over", OVER, default=OVER[0], required=True, key="over"
        ):
            _render_planes(bundle)
            return
        side = st.select_slider("Tiles a side", SIDES, DEFAULT_SIDE)
        figures(
            bundle,
            {"grid": lambda plates: plates.neighbourhood_manifold(bundle, places, side)},
            f"{_command(bundle)} --grid {side}",
        )


def _render_planes(bundle: Bundle) -> None:
    z = session.point(bundle)
    axes = _choose_axes(bundle) if bundle.card.model.latent_dim > 2 else None
    left, right = st.columns(2)
    side = left.select_slider("Tiles a side", SIDES, DEFAULT_SIDE)
    extent = right.select_slider("Range ±", EXTENTS, DEFAULT_EXTENT)
    spacing = st.segmented_control("Spacing", SPACINGS, default=SPACINGS[0], required=True)
    command = (
        f"{_command(bundle)} "
        f"--at={session.format_latent(z)} --grid {side} --extent {extent:g} --spacing {spacing}"
    )
    if axes:
        command += f" --axes {axes[0] + 1} {axes[1] + 1}"
    plane = plane_of(bundle, z, axes)
    figures(
        bundle,
        {"grid": lambda plates: plates.manifold(bundle, plane, side, spacing, extent)},
        command,
    )


def _command(bundle: Bundle) -> str:
    """The command that draws the figures, without their options."""
    command = f"python -m explorer pictures {bundle.card.name} --format pdf"
    if bundle.card.model.is_conditional:
        command += f" --class {shlex.quote(bundle.card.data.classes[bundle.label])}"
    return command


def _choose_axes(bundle: Bundle) -> tuple[int, int]:
    """Two different dimensions, counted from 0."""
    order, name = list(bundle.dimensions_by_kl), bundle.card.name
    first, second = bundle.main_dimensions
    left, right = st.columns(2)
    across = left.selectbox("Across", order, order.index(first), axis_label, key=f"Across-{name}")
    rest = [dimension for dimension in order if dimension != across]
    index = rest.index(first if across == second else second)
    return across, right.selectbox("Up", rest, index, axis_label, key=f"Up-{name}")


VIEW = View("Manifold", render_view, needs_decoder=True)
