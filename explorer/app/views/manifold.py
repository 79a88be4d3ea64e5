"""The Manifold: images decoded from a grid of places on the map."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.app import directions, parts, session
from explorer.app.exports import figures, menu
from explorer.app.point import render_point, stage
from explorer.app.view import View
from explorer.app.words import literal
from explorer.bundle.bundle import Bundle
from explorer.bundle.maps import map_kinds
from explorer.bundle.sheets import plane_of
from explorer.core.geometry import (
    Plane,
    axis_label,
    principal_plane,
    spanned_plane,
)
from explorer.core.grids import SPACINGS
from explorer.core.trust import HOLE
from explorer.web import contents

SIDES, DEFAULT_SIDE = range(5, 41), 20
EXTENTS, DEFAULT_EXTENT = [1 + half / 2 for half in range(11)], 2.5
"""Ranges of figures for print, in standard deviations of the prior."""
SHOWN = "grid-shown"
"""Key of the settings that the page shows while the downloads are open."""

T = TypeVar("T")

HELP = f"""
Every tile is the **decoder's** picture of one place, and lies where that place lies on the map.

- Over a **neighbourhood map** a tile is made of the latents of the nearest test images; where no
  image is near it is faded.
- Over a **plane**, **normal** spacing puts the same share of the prior between neighbours (inverse
  normal CDF, Kingma & Welling 2014, figure 4); **linear** the same distance. The range is in
  standard deviations of the prior.
- **Shade holes** dims places where the training data is thinner than at
  {100 * (1 - HOLE):.0f} % of the test images: the decoder answers there too, but has learned
  nothing about them.
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
    """Draw the downloads, which start from what the page shows."""
    with menu("manifold") as is_open:
        if not is_open:
            st.session_state.pop(SHOWN, None)
            return
        parts.ask_settings(lambda told: st.session_state.update({SHOWN: told}), key="grid-settings")
        if SHOWN not in st.session_state:  # the page answers at once
            return
        st.caption(
            "Drawn anew for print, with these settings; PNG above the grid saves it as it is."
        )
        kind = _choose_kind(bundle)
        places = bundle.latents.places
        if kind != "neighbourhoods" or places is None:
            _render_planes(bundle, kind)
            return
        side = _choose_side(st.container())
        figures(
            bundle,
            {"grid": lambda plates: plates.neighbourhood_manifold(bundle, places, side)},
            f"{_command(bundle)} --grid {side}",
        )


def _choose_kind(bundle: Bundle) -> str:
    """The kind of map under the grid, at first the one that the page shows."""
    kinds = map_kinds(bundle)
    if len(directions.axes(bundle)) < 2:
        kinds.pop("directions", None)
    first, *others = kinds
    if not others:
        return first
    kind: str = st.segmented_control(
        "Over", tuple(kinds), format_func=kinds.__getitem__, required=True,
        default=_shown("map", {kind: kind for kind in kinds}, first),
        key=f"over-{bundle.card.name}",
    )  # fmt: skip
    return kind


def _render_planes(bundle: Bundle, kind: str) -> None:
    try:
        plane, command = _choose_plane(bundle, kind)
    except ValueError as error:
        st.warning(f"{literal(str(error))}; choose two others.")
        return
    left, right = st.columns(2)
    side = _choose_side(left)
    shown = _shown("extent", {f"{extent:g}": extent for extent in EXTENTS}, DEFAULT_EXTENT)
    extent = right.select_slider("Range ±", EXTENTS, shown)
    shown_spacing = _shown("spacing", {spacing: spacing for spacing in SPACINGS}, SPACINGS[0])
    spacing = st.segmented_control("Spacing", SPACINGS, default=shown_spacing, required=True)
    figures(
        bundle,
        {"grid": lambda plates: plates.manifold(bundle, plane, side, spacing, extent)},
        command and f"{command} --grid {side} --extent {extent:g} --spacing {spacing}",
    )


def _choose_plane(bundle: Bundle, kind: str) -> tuple[Plane, str | None]:
    """The plane, and the command that draws figures of it, if there is one.

    Raises:
        ValueError: two directions are parallel.
    """
    z = session.point(bundle)
    if kind == "principal":
        return principal_plane(bundle.latents.z_mean), None
    if kind == "directions":
        own = directions.axes(bundle)
        names = {number: axis["name"] for number, axis in enumerate(own)}
        across, up = _choose_two(names, (0, 1), f"directions-{bundle.card.name}")
        units = np.array([own[across]["unit"], own[up]["unit"]])
        return spanned_plane(units, (names[across], names[up]), z), None
    command = f"{_command(bundle)} --at={session.format_latent(z)}"
    if bundle.card.model.latent_dim <= 2:
        return plane_of(bundle, z), command
    names = {dimension: axis_label(dimension) for dimension in bundle.dimensions_by_kl}
    across, up = _choose_two(names, bundle.main_dimensions, bundle.card.name)
    return plane_of(bundle, z, (across, up)), f"{command} --axes {across + 1} {up + 1}"


def _choose_side(place: DeltaGenerator) -> int:
    shown = _shown("size", {str(side): side for side in SIDES}, DEFAULT_SIDE)
    side: int = place.select_slider("Tiles a side", SIDES, shown)
    return side


def _choose_two(names: Mapping[int, str], default: Sequence[int], key: str) -> tuple[int, int]:
    """Two different dimensions or directions, by their numbers from 0."""
    numbers = list(names)
    pairs = {f"{a + 1},{b + 1}": (a, b) for a in numbers for b in numbers if a != b}
    first, second = _shown("axes", pairs, default)
    left, right = st.columns(2)
    across = left.selectbox(
        "Across", numbers, numbers.index(first), names.__getitem__, key=f"Across-{key}"
    )
    rest = [number for number in numbers if number != across]
    index = rest.index(first if across == second else second)
    return across, right.selectbox("Up", rest, index, names.__getitem__, key=f"Up-{key}")


def _shown(name: str, choices: Mapping[str, T], default: T) -> T:
    """What the page shows: a setting by its name and its texts in the address."""
    return choices.get(st.session_state[SHOWN].get(name, ""), default)


def _command(bundle: Bundle) -> str:
    """The command that draws the figures, without their options."""
    command = f"python -m explorer pictures {bundle.card.name} --format pdf"
    if bundle.card.model.is_conditional:
        command += f" --class {shlex.quote(bundle.card.data.classes[bundle.label])}"
    return command


VIEW = View("Manifold", render_view, needs_decoder=True)
