"""The Map: the test set's latent means in a plane, coloured by class."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import streamlit as st

from explorer.app import cache, session
from explorer.app import parts as live
from explorer.app.markdown import literal
from explorer.app.parts import pick_tile
from explorer.app.point import describe_test_image, render_point, stage
from explorer.bundle.store import Bundle, save_arrays_to
from explorer.core.geometry import Plane
from explorer.drawing import charts, raster

BACKGROUND_TILES = 30
DENSITY_CELLS = 80
SHOWN = 120
"""Thumbnails of a selection; its exports hold all of it."""

CHART = {
    "scrollZoom": True,
    "displaylogo": False,
    "plotGlPixelRatio": 1,  # 2, the default, takes half as long again where there is no GPU
    "modeBarButtonsToRemove": ["toImage", "autoScale2d", "pan2d", "zoom2d"],
}

DRAG = {"Move": "pan", "Box": "select", "Lasso": "lasso"}

HELP = """
Every dot is one test image, put where the **encoder** places it: the mean of q(z|x).
Images that the model finds alike lie together, although it never saw a class label.

- **Move the pointer** anywhere, on a dot or not: the decoder shows what lives there.
- **Click** to keep the point; arrow keys move it. A dotted ring at the edge: it lies outside.
- **Drag** moves the map, or draws a box or lasso that lists the images in it.
- **Click a class** in the legend to hide it, double-click to see it alone.
- **Density** shades where training data lives; **Manifold** shows what the decoder makes of
  every place.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown(
        "Each dot is a test image where the encoder puts it; colour is its class.", help=HELP
    )
    chart, side = stage()
    rows = live.selected_rows(bundle)
    with side:
        render_point(bundle)  # first, for the chart keeps the browser busy for longer
    with chart:
        _render_controls()
        _render_chart(bundle, rows)
    if len(rows):
        _render_selection(bundle, rows)


def _render_controls() -> None:
    with st.container(horizontal=True, gap="medium"):
        session.choose("background", "Background", help="What lies behind the dots")
        st.segmented_control(
            "Drag to",
            list(DRAG),
            default=next(iter(DRAG)),
            key="drag",
            required=True,
            persist_state="session",
            help="Move the map, or list the images in a box or lasso below it",
        )


def map_extent(
    bundle: Bundle, plane: Plane, *further: np.ndarray
) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a square that shows nearly all test means.

    Args:
        bundle: the model.
        plane: what the map shows.
        further: latents that are to be seen as well, ``(k, latent_dim)`` each.
    """
    return charts.extent_of(
        plane.project(bundle.latents.z_mean), *(plane.project(z) for z in further)
    )


def _render_chart(bundle: Bundle, rows: np.ndarray) -> None:
    plane = session.plane(bundle)
    extent = map_extent(bundle, plane)
    left, right, bottom, top = extent
    centred = plane.centred_at(np.array([(left + right) / 2, (bottom + top) / 2]))
    background = density = None
    if st.session_state["background"] == "Manifold":
        tiles = cache.decoded_grid(
            bundle, centred, BACKGROUND_TILES, "linear", _outermost(extent, BACKGROUND_TILES)
        )
        background = raster.tile(tiles, BACKGROUND_TILES)
    elif st.session_state["background"] == "Density":
        cells = DENSITY_CELLS
        shares = cache.grid_density(bundle, centred, cells, "linear", _outermost(extent, cells))
        density = shares.reshape(cells, cells)[::-1]
    figure = charts.map_figure(
        plane.project(bundle.latents.z_mean),
        bundle.latents.labels,
        bundle.card.data.classes,
        axes=plane.labels,
        extent=extent,
        background=background,
        density=density,
        drag=DRAG[st.session_state["drag"]],
        selection=live.selections_cleared(),
        selected=rows if len(rows) else None,
    )
    key = f"map-{bundle.card.name}"
    label = f"Scatter plot of {bundle.card.data.test_images:,} test images in latent space"
    st.plotly_chart(figure, key=key, config=CHART, alt=label)
    live.live_map(bundle, plane, chart=key, label=f"{label}; arrow keys move the point")


def _outermost(extent: tuple[float, float, float, float], tiles: int) -> float:
    """How far from the middle the outermost tiles lie, so that their edges lie on the extent."""
    return (extent[1] - extent[0]) / 2 * (1.0 - 1.0 / tiles)


def _render_selection(bundle: Bundle, rows: np.ndarray) -> None:
    counts = Counter(bundle.card.data.classes[label] for label in bundle.latents.labels[rows])
    st.subheader(f"{len(rows):,} selected", divider="gray")
    st.markdown(
        " · ".join(f"{literal(name)} **{count:,}**" for name, count in counts.most_common())
    )
    shown = rows[:SHOWN]
    images, original = cache.pictures(bundle, shown)
    pick_tile(
        images,
        lambda tile: session.move_to(bundle, bundle.latents.z_mean[shown[tile]]),
        columns=min(len(shown), 20),
        labels=[describe_test_image(bundle, row) for row in shown.tolist()],
        key=f"selection-{bundle.card.name}",
        title="Selected test images; choose one to move the point there",
        tile_size=56,
    )
    if not original:
        st.caption("Reconstructions: the data set's images are not on this machine.")
    if len(rows) > SHOWN:
        st.caption(f"The first {SHOWN} are shown; the files hold all {len(rows):,}.")
    with st.container(horizontal=True):
        st.button("Clear", icon=":material/close:", on_click=live.clear_selection, args=(bundle,))
        st.download_button(
            "CSV", lambda: latents_csv(bundle, rows), f"{bundle.card.name}-selection.csv",
            mime="text/csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "NPZ", lambda: latents_npz(bundle, rows), f"{bundle.card.name}-selection.npz",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def latents_csv(bundle: Bundle, rows: np.ndarray) -> str:
    """Number, class, latent mean and log-variance of test images as a table."""
    latents, classes = bundle.latents, bundle.card.data.classes
    dimensions = range(1, bundle.card.model.latent_dim + 1)
    lines = [
        ",".join(
            ["test_image", "label", "class"]
            + [f"z_mean_{d}" for d in dimensions]
            + [f"z_log_var_{d}" for d in dimensions]
        )
    ]
    for row in rows.tolist():
        label = int(latents.labels[row])
        values = (*latents.z_mean[row].tolist(), *latents.z_log_var[row].tolist())
        name = classes[label].replace('"', '""')
        lines.append(f'{row},{label},"{name}",' + ",".join(f"{value:.6g}" for value in values))
    return "\n".join(lines) + "\n"


def latents_npz(bundle: Bundle, rows: np.ndarray) -> bytes:
    """The same as arrays: ``test_image``, ``label``, ``z_mean``, ``z_log_var``."""
    latents = bundle.latents
    buffer = io.BytesIO()
    save_arrays_to(
        buffer,
        test_image=np.asarray(rows, np.int64),
        label=latents.labels[rows],
        z_mean=latents.z_mean[rows],
        z_log_var=latents.z_log_var[rows],
    )
    return buffer.getvalue()
