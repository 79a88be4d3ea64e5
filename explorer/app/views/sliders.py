"""The Sliders: one per latent dimension, with what the dimension does around the point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.app import parts as live
from explorer.app import session
from explorer.app.parts import pick_tile
from explorer.app.point import coordinates_input, move_buttons, render_point, stage
from explorer.bundle.store import Bundle
from explorer.core.geometry import axis_label
from explorer.core.paths import traversal
from explorer.drawing import raster

FIRST = 10
"""Dimensions shown at once; the rest stand behind 'more', a page at a time."""
REACH = 3.0
STRIP = 11

HELP = """
One slider per latent dimension, the one that carries most information (KL, in nats) first.
The strip beside it shows the decoder's picture as **only that dimension** runs from −3 to 3 and
the others stay at the point; click a picture to go there. An *inactive* dimension was switched
off in training: its posterior mean hardly depends on the image (variance up to 0.01, Burda et al.
2016), and moving it changes hardly anything.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown(
        "Move along one latent dimension at a time; the strips show where each leads.", help=HELP
    )
    controls, side = stage()
    with controls:
        move_buttons(bundle)
        order = bundle.dimensions_by_kl
        _render_dimensions(bundle, order[:FIRST], key=f"sliders-{bundle.card.name}")
        if len(order) > FIRST:
            _render_more(bundle, order[FIRST:])
    with side:
        render_point(bundle)
        coordinates_input(bundle)
        _render_exports(bundle)


def _render_more(bundle: Bundle, rest: tuple[int, ...]) -> None:
    with st.expander(f"{len(rest)} more dimensions", key="more", on_change="rerun") as more:
        if not more.open:
            return
        pages = math.ceil(len(rest) / FIRST)
        page = 1
        if pages > 1:
            page = int(st.number_input(f"Page, 1 to {pages}", 1, pages, key="page"))
        chosen = rest[(page - 1) * FIRST : page * FIRST]
        _render_dimensions(bundle, chosen, key=f"more-sliders-{bundle.card.name}")


def _render_dimensions(bundle: Bundle, dimensions: tuple[int, ...], *, key: str) -> None:
    if live.problem_of(bundle) is None:
        live.sliders(bundle, slider_rows(bundle, dimensions), key=key, reach=REACH, tiles=STRIP)
    else:
        for dimension in dimensions:
            _render_dimension(bundle, dimension)


def slider_rows(bundle: Bundle, dimensions: Sequence[int]) -> list[dict[str, Any]]:
    """What is written beside the live slider of each dimension."""
    return [
        {"dimension": d, "label": axis_label(d), "note": describe_kl(bundle, d)} for d in dimensions
    ]


def describe_kl(bundle: Bundle, dimension: int) -> str:
    """How much a dimension says, in nats; inactive ones are called so."""
    kl = bundle.card.metrics.kl_per_dimension[dimension]
    return f"{kl:.2f} nats" + ("" if bundle.active_units[dimension] else " · inactive")


def _render_dimension(bundle: Bundle, dimension: int) -> None:
    """One slider drawn by the server, where the browser cannot run the model."""
    z = session.point(bundle)
    key = f"slider-{bundle.card.name}-{dimension}"
    reach = float(max(REACH, math.ceil(abs(z[dimension]))))
    st.session_state[key] = float(z[dimension])

    def move(value: float) -> None:
        moved = session.point(bundle).copy()
        moved[dimension] = value
        session.move_to(bundle, moved)

    slider, strip = st.columns([2, 3], vertical_alignment="center", gap="medium")
    slider.slider(
        f"{axis_label(dimension)} · {describe_kl(bundle, dimension)}",
        -reach,
        reach,
        step=0.01,
        key=key,
        on_change=lambda: move(st.session_state[key]),
    )
    values = np.linspace(-REACH, REACH, STRIP)
    with strip:
        pick_tile(
            _strip(bundle, z, dimension),
            lambda tile: move(values[tile]),
            columns=STRIP,
            labels=[f"{axis_label(dimension)} = {value:.1f}".replace("-", "−") for value in values],
            key=f"strip-{bundle.card.name}-{dimension}",
            title=f"What dimension {dimension + 1} does at the point",
            selected=int(np.abs(values - z[dimension]).argmin()),
        )


def _strip(bundle: Bundle, z: np.ndarray, dimension: int, steps: int = STRIP) -> np.ndarray:
    latents = traversal(z, dimension, np.linspace(-REACH, REACH, steps))
    return raster.to_pixels(bundle.codec.decode(latents))


def _render_exports(bundle: Bundle) -> None:
    z = session.point(bundle)  # now: the session is out of reach when a button's file is made

    def all_strips(steps: int) -> list[np.ndarray]:
        return [_strip(bundle, z, d, steps) for d in bundle.dimensions_by_kl[:FIRST]]

    def picture() -> bytes:
        return raster.png(raster.enlarge(raster.tile(np.concatenate(all_strips(STRIP)), STRIP), 2))

    def animation() -> bytes:
        strips = all_strips(30)
        frames = [np.stack([strip[step] for strip in strips]) for step in range(30)]
        return raster.gif([raster.enlarge(raster.tile(frame, len(frame)), 3) for frame in frames])

    with st.container(horizontal=True):
        st.download_button(
            "PNG", picture, f"{bundle.card.name}-traversals.png", mime="image/png",
            icon=":material/download:", on_click="ignore", help="The strips as one picture",
        )  # fmt: skip
        st.download_button(
            "GIF", animation, f"{bundle.card.name}-traversals.gif", mime="image/gif",
            icon=":material/download:", on_click="ignore", help="All strips, animated side by side",
        )  # fmt: skip
