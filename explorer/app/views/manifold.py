"""The Manifold: what the decoder makes of a grid of places on the map."""

from __future__ import annotations

import streamlit as st

from explorer.app import parts
from explorer.app.point import render_point, stage
from explorer.app.view import View
from explorer.bundle.store import Bundle
from explorer.web import contents

HELP = """
Every tile is the **decoder's** picture of one place on the map; the tiles lie as the map does.

- Over a **neighbourhood map** a tile is made of the latents of the nearest test images; where no
  image is near it is faded.
- Over a **plane**, **normal** spacing puts the same share of the prior between neighbours (inverse
  normal CDF, Kingma & Welling 2014, figure 4); **linear** the same distance. The range is in
  standard deviations of the prior.
- **Shade holes** dims places where the training data is thinner than at 99 % of the test images:
  the decoder answers there too, but nothing it learned says so.
- **Move the pointer** over a tile to see it large; **click** to keep the point.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("The decoder's pictures over the map: all that the model knows.", help=HELP)
    grid, side = stage()
    with grid:
        rows = contents.dimension_rows(bundle, bundle.dimensions_by_kl)
        parts.grid(bundle, rows, key=f"manifold-{bundle.card.name}")
    with side:
        render_point(bundle)


VIEW = View("Manifold", render_view, needs_decoder=True)
