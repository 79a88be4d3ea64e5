"""The chart of the test set's latent means in the plane, made live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.bundle.store import Bundle

CONFIG = {
    "scrollZoom": True,
    "displaylogo": False,
    "plotGlPixelRatio": 1,  # 2, the default, takes half as long again where there is no GPU
    "modeBarButtonsToRemove": ["toImage", "autoScale2d", "pan2d", "zoom2d"],
}


def render_scatter(
    bundle: Bundle,
    *,
    key: str,
    label: str,
    hint: str = "",
    on_click: Callable[[np.ndarray, int | None], None] | None = None,
    **drawn: Any,
) -> None:
    """Draw the chart.

    Args:
        bundle: the model.
        key: of the chart.
        label: what it shows, for screen readers.
        hint: how it is used, for screen readers.
        on_click: what a click does; left out: it moves the point. See ``parts.live_map``.
        drawn: what else is drawn; see ``cache.map_figure``.
    """
    plane = session.plane(bundle)
    figure = cache.map_figure(bundle, plane, **drawn)
    st.plotly_chart(figure, key=key, config=CONFIG, alt=label)
    parts.live_map(bundle, plane, chart=key, label=label + hint, on_click=on_click)
