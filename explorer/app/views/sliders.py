"""The Sliders: one per latent dimension, with what the dimension does around the point."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import directions, parts, session
from explorer.app.exports import download, figures, menu
from explorer.app.point import render_point, stage
from explorer.app.view import View
from explorer.bundle.bundle import Bundle
from explorer.bundle.sheets import REACH, TILES
from explorer.core.paths import traversal
from explorer.core.pixels import to_pixels
from explorer.drawing import films, raster
from explorer.web import contents

FIRST = 10
"""Dimensions shown at once; the rest are behind 'more'."""
FEW = 4
"""Largest number of sliders that need little room."""
FRAMES = 30
"""Frames of the animation, one way."""

HELP = """
One slider per latent dimension, the one that carries most information first: its **KL**, in nats,
says how much it tells about an image (1 nat is 1.44 bits). The strip shows the decoder's picture as
**only that dimension** runs from −3 to 3 and the others stay at the point; click a picture to go
there. An *inactive* dimension was switched off in training: its posterior mean hardly depends on
the image (variance up to 0.01, Burda et al. 2016), and moving along it changes hardly anything.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown(
        "Drag a slider to move along one latent dimension: its strip shows where that leads, its "
        "KL (in nats, a unit of information) how much it tells about an image.",
        help=HELP,
    )
    controls, side = stage()
    with controls:
        directions.render_directions(bundle)
        order = bundle.dimensions_by_kl
        with st.container(key="many-sliders" if len(order) > FEW else "few-sliders"):
            _render_sliders(bundle, order[:FIRST], key=f"sliders-{bundle.card.name}")
        if len(order) > FIRST:
            _render_more(bundle, order[FIRST:])
        _render_exports(bundle)
    with side:
        render_point(bundle)


VIEW = View("Sliders", render_view, details=(directions.DETAIL,), needs_decoder=True)


def _render_more(bundle: Bundle, rest: tuple[int, ...]) -> None:
    with st.expander(f"{len(rest)} more dimensions", key="more", on_change="rerun") as more:
        if more.open:
            _render_sliders(bundle, rest, key=f"more-sliders-{bundle.card.name}")


def _render_sliders(bundle: Bundle, dimensions: tuple[int, ...], *, key: str) -> None:
    parts.sliders(bundle, contents.dimension_rows(bundle, dimensions), key=key)


def _render_exports(bundle: Bundle) -> None:
    z = session.point(bundle)  # read now: the session is not available when a file is made

    def all_strips(steps: int) -> list[np.ndarray]:
        values = np.linspace(-REACH, REACH, steps)
        return [
            to_pixels(bundle.codec.decode(traversal(z, dimension, values)))
            for dimension in bundle.dimensions_by_kl[:FIRST]
        ]

    def picture() -> bytes:
        return raster.png(raster.enlarge(raster.tile(np.concatenate(all_strips(TILES)), TILES), 2))

    def animation() -> bytes:
        frames = np.stack(all_strips(FRAMES), axis=1)
        return films.gif([raster.enlarge(raster.tile(frame, len(frame)), 3) for frame in frames])

    name = f"{bundle.card.name}-traversals"
    with menu("sliders") as is_open:
        if not is_open:
            return
        with st.container(horizontal=True):
            download("Strips PNG", picture, f"{name}.png", mime="image/png")
            download("Animation GIF", animation, f"{name}.gif", mime="image/gif")
        dimensions = bundle.dimensions_by_kl[:FIRST]
        figures(bundle, {"traversals": lambda plates: plates.traversals(bundle, z, dimensions)})
