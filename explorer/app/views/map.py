"""The Map: every test image as a dot where the encoder puts it."""

from __future__ import annotations

import streamlit as st

from explorer.app import directions, parts
from explorer.app.view import View
from explorer.bundle.bundle import Bundle

HELP = """
Every dot is one test image, put where the **encoder** places it: the mean of q(z|x).
Images that the model finds alike lie together, although it never saw a class label.

- **Move the pointer** over a dot, or press and move a finger: you see that image and what the
  decoder makes of its latent.
  Between the dots the place itself is decoded; the words below the picture say whether there is
  data at all.
- **Click** to keep the point; arrow keys move it. A dotted ring at the edge means that the point
  lies outside of what is shown.
- **Drag** moves the map, the wheel zooms, a double click shows all again. **Box** and **lasso**
  make groups, which are listed and compared; above the list you choose whether the next region
  makes a group, adds to it or removes from it. Shift always adds, Alt removes. On the keyboard
  **A** and **B** put the nearest image into a group, Shift+A and Shift+B all images in sight; in
  the legend they put a class.
- **Click a class** in the legend to hide it, double-click to see it alone.
- The **neighbourhoods** map keeps similar images together in two dimensions, however many the model
  has; distances between far regions mean little, and empty places are shaded. A **plane** is exact,
  but above two dimensions only a slice: dots fade with their distance from it. Two **directions**
  that you kept span a plane as well; of the second only the part at right angles to the first
  counts.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown(
        "**Move the pointer over the map.** Each dot is a test image where the encoder puts it; "
        "its colour is its class.",
        help=HELP,
    )
    parts.live_map(
        bundle,
        key=f"map-{bundle.card.name}",
        has_lens=True,
        on_groups=lambda first, second: directions.show_groups(bundle, first, second),
    )


VIEW = View("Map", render_view)
