"""Interpolate: the images between chosen ones: straight, on a great arc, or along the data."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import cache, ends, parts, session
from explorer.app.exports import download, figures, menu, npz
from explorer.app.paths import (
    EVEN,
    PATH,
    SCORES_HELP,
    SMOOTH,
    SPACING,
    download_films,
    scores_table,
)
from explorer.app.point import render_point, stage
from explorer.app.view import Option, View
from explorer.app.words import percent
from explorer.bundle.store import Bundle
from explorer.bundle.walks import Kind, Walk
from explorer.core.geodesics import Scores
from explorer.drawing import charts, raster

STEPS = Option("steps", 12, tuple(range(3, 41)))
LOOP = Option("loop", "Open", ("Open", "Closed"))

HELP = """
Both ends are places in the latent space. Decoding the places between them shows whether the
space is *smooth*: a good one passes through believable images.

- A **straight line** (lerp) is the shortest way.
- A **great arc** (slerp; Shoemake 1985, White 2016) keeps the distance from the origin between
  that of its ends. It is here to be compared: on the models that ship it passed through thinner
  places than the straight line, changed the pictures more and came back less exactly.
- **Along the data**: from test image to test image, each joined with its ten nearest, on the way
  where the picture changes least and the data is not thin (after Chen et al. 2018).

The images are spaced **evenly in the picture**, so that each step changes it alike, or evenly in
the latent space.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("Choose two images and see what lies between them.", help=HELP)
    ends.setdefault(bundle)
    main, side = stage()
    with side:
        render_point(bundle)  # first: the path's picture takes its place
    with main:
        _render_path(bundle)


def _render_path(bundle: Bundle) -> None:
    columns = st.columns(2, gap="medium")
    for name, column in zip("ab", columns, strict=True):
        with column, st.container(border=True, key=f"choice-{name}"):
            ends.render_end(bundle, name)
    ends.render_stops_between(bundle)
    count, is_even = _render_path_controls()
    stops = ends.stops(bundle, is_loop=_is_loop())
    walks = cache.walks(bundle, stops)
    walk, _ = walks[st.session_state[PATH.name]]
    path = walk.at(count, evenly=is_even)
    images = cache.decoded(bundle, path)
    scrubbed = walk.at(SMOOTH * (len(stops) - 1) + 1, evenly=is_even)
    with st.container(key="path-pictures"):
        _render_strip(bundle, path, images)
        parts.scrubber(bundle, scrubbed, key=f"scrubber-{bundle.card.name}")
    _render_exports(bundle, path, images, walks, is_even)
    _render_scores(bundle, {kind: scores for kind, (_, scores) in walks.items()}, scrubbed)
    _render_map(bundle, scrubbed)


VIEW = View(
    "Interpolate",
    render_view,
    options=(PATH, STEPS, SPACING, LOOP),
    details=ends.DETAILS,
    needs_decoder=True,
)


def _is_loop() -> bool:
    return bool(st.session_state[LOOP.name] == "Closed")


def _render_path_controls() -> tuple[int, bool]:
    """How many images, and whether they are spaced evenly in the picture."""
    left, right = st.container(key="path-controls").columns([3, 2], gap="medium")
    with left:
        session.choose(PATH, "Path")
        session.choose(SPACING, "Evenly spaced")
    with right:
        st.select_slider("Images", STEPS.choices, key=STEPS.name, persist_state="session")
        session.choose(LOOP, "Ends")
    return int(st.session_state[STEPS.name]), st.session_state[SPACING.name] == EVEN


def _render_strip(bundle: Bundle, path: np.ndarray, images: np.ndarray) -> None:
    density = cache.percentiles(bundle, path)
    here = np.linalg.norm(path - session.point(bundle), axis=1)
    parts.pick_tile(
        images,
        lambda step: session.move_to(bundle, path[step]),
        columns=len(path),
        labels=[
            f"{100 * step / (len(path) - 1):.0f} % of the way: denser than {percent(share)} "
            "of the test images"
            for step, share in enumerate(density)
        ],
        key=f"path-{bundle.card.name}",
        title="The images between both ends; choose one to move the point there",
        selected=int(here.argmin()) if here.min() < 0.01 else None,
        tile_size=112,
    )


def _render_map(bundle: Bundle, path: np.ndarray) -> None:
    take = ends.choose_clicked()
    parts.live_map(bundle, key=f"path-map-{bundle.card.name}", on_click=take, path=path)


def _render_scores(bundle: Bundle, scores: dict[Kind, Scores], path: np.ndarray) -> None:
    """What each kind of path is like, and how dense the data is along the chosen one."""
    table, chart = st.columns([3, 2], gap="medium")
    table.caption("Scores of the three paths", help=SCORES_HELP)
    table.markdown(scores_table(scores, st.session_state[PATH.name]))
    figure = cache.path_figure(bundle, path)
    room = chart.container(height=charts.SMALL_HEIGHT, border=False)  # so that nothing jumps
    room.plotly_chart(figure, key="path-density", config={"displayModeBar": False})


def _render_exports(
    bundle: Bundle,
    path: np.ndarray,
    images: np.ndarray,
    walks: dict[Kind, tuple[Walk, Scores]],
    is_even: bool,
) -> None:
    def picture() -> bytes:
        return raster.png(raster.enlarge(raster.tile(images, len(images)), 4))

    name = f"{bundle.card.name}-interpolation"
    with menu("interpolate") as is_open:
        if not is_open:
            return
        with st.container(horizontal=True):
            download("PNG", picture, f"{name}.png", mime="image/png")
            download("NPZ", lambda: npz(z=path, images=images), f"{name}.npz")
        download_films(
            lambda: [raster.enlarge(image, 8) for image in images], name, is_loop=_is_loop()
        )
        figures(
            bundle,
            {
                "paths": lambda plates: plates.interpolation(
                    bundle, walks, len(path), evenly=is_even
                ),
                "density": lambda plates: plates.paths(bundle, walks, evenly=is_even),
            },
        )
