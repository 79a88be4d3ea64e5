"""Interpolate: images between chosen ones, on a straight line, a great arc or along the data."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import cache, ends, parts, session
from explorer.app.exports import download, figures, menu
from explorer.app.latent_files import npz
from explorer.app.paths import (
    PATH,
    SPACING,
    Walks,
    choose_path,
    download_films,
    is_even,
    on_path,
    render_scores,
    scrubbed,
)
from explorer.app.point import render_point, stage
from explorer.app.view import Option, View
from explorer.app.words import percent
from explorer.bundle.bundle import Bundle
from explorer.drawing import raster

STEPS = Option("steps", 12, tuple(range(3, 41)))
LOOP = Option("loop", "Open", ("Open", "Closed"))

HELP = """
Both ends are places in the latent space. Decoding the places between them shows whether the
space is *smooth*: a good one passes through believable images.

- A **straight line** (lerp) is the shortest way.
- A **great arc** (slerp; Shoemake 1985, White 2016) keeps the distance from the origin between
  that of its ends. It is here for comparison: in the models that ship with this page it passes
  through thinner places than the straight line, changes the picture more and returns less exactly.
- **Along the data**: from test image to test image, each joined with its ten nearest, on the way
  where the picture changes least and the data is not thin (after Chen et al. 2018).

The images are spaced **evenly in the picture**, so that each step changes it equally, or evenly in
the latent space. A **closed** loop leads from the last image back to the first.
"""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("Choose two images and see what lies between them.", help=HELP)
    main, side = stage()
    with side:
        render_point(bundle)  # first: the path's picture replaces it
    with main:
        _render_path(bundle)


def _render_path(bundle: Bundle) -> None:
    ends.render_ends(bundle)
    pictures = st.container(key="path-pictures")  # above the controls that change them
    ends.render_stops_between(bundle)
    count = _render_path_controls()
    stops = ends.stops(bundle, is_loop=_is_loop())
    walks = cache.walks(bundle, stops)
    path = on_path(walks, count)
    images = cache.decoded(bundle, path)
    smooth = scrubbed(walks, len(stops))
    with pictures:
        _render_strip(bundle, path, images)
        density = cache.percentiles(bundle, smooth)
        parts.scrubber(bundle, smooth, key=f"scrubber-{bundle.card.name}", density=density)
    _render_exports(bundle, path, images, walks)
    render_scores(walks)
    _render_map(bundle, smooth)


VIEW = View(
    "Interpolate",
    render_view,
    options=(PATH, STEPS, SPACING, LOOP),
    details=(*ends.DETAILS, ends.UPLOADED),
    needs_decoder=True,
)


def _is_loop() -> bool:
    return bool(st.session_state[LOOP.name] == "Closed")


def _render_path_controls() -> int:
    """Draw the controls of the path; return its number of images."""
    left, right = st.container(key="path-controls").columns([3, 2], gap="medium")
    with left:
        choose_path()
    with right:
        st.select_slider("Images", STEPS.choices, key=STEPS.name, persist_state="session")
        session.choose(LOOP, "Loop")
    return int(st.session_state[STEPS.name])


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


def _render_exports(
    bundle: Bundle,
    path: np.ndarray,
    images: np.ndarray,
    walks: Walks,
) -> None:
    def picture() -> bytes:
        return raster.png(raster.enlarge(raster.tile(images, len(images)), 4))

    name = f"{bundle.card.name}-interpolation"
    evenly = is_even()  # as it is now, not when the download is made
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
                    bundle, walks, len(path), evenly=evenly
                ),
                "density": lambda plates: plates.paths(bundle, walks, evenly=evenly),
            },
        )
