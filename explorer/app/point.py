"""The current point: its picture, what lies near it and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.app import cache, session
from explorer.app import parts as live
from explorer.app.markdown import literal
from explorer.bundle.store import Bundle
from explorer.core.geometry import axis_label, nearest
from explorer.drawing import raster
from explorer.notation import parse_latent

PICTURE_SIDE = 448
"""Pixels a side that a picture is enlarged to at least, so that its pixels stay crisp squares."""

TRUST_HELP = """
**Density.** The encoder spreads each training image over a small Gaussian; their mixture
$q(z) = \\frac1N\\sum_i \\mathcal N(z; \\mu_i, \\sigma_i^2)$ (the *aggregate posterior*) says how
much data lives at a place. The percentage is the share of test images that lie in thinner places:
at 0 % fewer than one in a hundred lies so far out, and the decoder improvises. With a flow
each image enters as the Gaussian about its place that has the flow's density there.

**Returns to.** The picture is encoded again: the distance
$\\lVert E(D(z)) - z \\rVert$ is small where decoder and encoder agree.
"""


def stage() -> tuple[DeltaGenerator, DeltaGenerator]:
    """A wide place for a view's picture, and one beside it (on a phone: above it) for the point."""
    main, side = st.container(key="stage").columns([3, 1], gap="medium")
    return main, side.container(key="stage-point")


def render_point(bundle: Bundle) -> None:
    """Picture, coordinates, trust reading and nearest test image of the current point.

    Live in the browser, where it can run the model; else drawn by the server.
    """
    problem = live.problem_of(bundle)
    if problem is None:
        live.lens(bundle)
        st.caption("How far to trust it", help=TRUST_HELP)
        return
    st.caption(f":material/info: Not live: {literal(problem)}")
    z = session.point(bundle)
    image = bundle.codec.decode(z[np.newaxis])
    st.image(
        crisp(raster.to_pixels(image[0])),
        width="stretch",
        caption=f"decoded at {describe(z)}",
        alt=f"Image decoded at {describe(z)}",
    )
    _render_trust(bundle, z, image)
    _render_nearest(bundle, z)


def describe(z: np.ndarray) -> str:
    """The first coordinates of a latent, for people."""
    shown = ", ".join(f"{value:.2f}".replace("-", "−") for value in z[:4].tolist())
    return f"z = ({shown}{', …' if len(z) > 4 else ''})"


def percent(share: float) -> str:
    """A percentile for people, rounded down: 0 % means less than one in a hundred."""
    return f"{math.floor(share)} %"


def describe_test_image(bundle: Bundle, row: int) -> str:
    """What a test image is called: its number and class."""
    return f"#{row} {bundle.card.data.classes[bundle.latents.labels[row]]}"


def _render_trust(bundle: Bundle, z: np.ndarray, image: np.ndarray) -> None:
    share = float(cache.percentiles(bundle, z[np.newaxis])[0])
    back, _ = bundle.codec.encode(image)
    distance = float(np.linalg.norm(back[0] - z))
    if share < 1.0:
        verdict, colour, icon = "no data here", "red", ":material/warning:"
    elif share < 10.0:
        verdict, colour, icon = "sparse", "orange", ":material/blur_on:"
    else:
        verdict, colour, icon = "well covered", "green", ":material/check_circle:"
    st.markdown(
        f":{colour}-badge[{icon} {verdict}] denser than **{percent(share)}** of the test "
        f"images; returns to within **{distance:.2f}**",
        help=TRUST_HELP,
    )


def _render_nearest(bundle: Bundle, z: np.ndarray) -> None:
    rows, distances = nearest(z, bundle.latents.z_mean, 1)
    row = int(rows[0])
    picture, original = cache.pictures(bundle, rows)
    reconstruction = raster.to_pixels(bundle.codec.decode(bundle.latents.z_mean[rows]))
    name = bundle.card.data.classes[bundle.latents.labels[row]]
    st.markdown(f"Nearest test image: **{literal(name)}**, {distances[0]:.2f} away")
    pair = [picture[0], reconstruction[0]] if original else [reconstruction[0]]
    captions = ["original", "reconstruction"] if original else ["reconstruction"]
    for column, part, caption in zip(st.columns(2), pair, captions, strict=False):
        column.image(
            crisp(part),
            width="stretch",
            caption=caption,
            alt=f"Nearest test image, {name}: {caption}",
        )


def coordinates_input(bundle: Bundle) -> None:
    """A field with the point's coordinates that can be typed into."""
    latent_dim = bundle.card.model.latent_dim
    key = f"typed-{bundle.card.name}"
    state, here = st.session_state, session.format_latent(session.point(bundle))
    typed, problem, then = state.get("refused", ("", "", None))
    if then != (key, here):  # the point has moved since
        typed, problem = here, ""
    state[key] = typed

    def take() -> None:
        try:
            session.move_to(bundle, parse_latent(state[key], latent_dim))
            state.pop("refused", None)
        except ValueError as error:
            state["refused"] = state[key], str(error), (key, here)

    names = [axis_label(dimension) for dimension in range(latent_dim)]
    shown = ", ".join(names) if latent_dim <= 3 else f"{names[0]} … {names[-1]}"
    st.text_input(f"Coordinates {shown}", key=key, on_change=take)
    if problem:
        st.warning(f"The point was left where it is: {problem}.")


def move_buttons(bundle: Bundle) -> None:
    """Buttons that send the point somewhere else."""
    latents, latent_dim = bundle.latents, bundle.card.model.latent_dim
    generator = np.random.default_rng()

    def to_prior() -> None:
        session.move_to(bundle, generator.standard_normal(latent_dim))

    def to_origin() -> None:
        session.move_to(bundle, np.zeros(latent_dim))

    def to_test_image() -> None:
        session.move_to(bundle, latents.z_mean[generator.integers(len(latents.z_mean))])

    has_flow = bool(bundle.card.model.recipe.flow)

    def to_posterior() -> None:
        row = generator.integers(len(latents.z_mean))
        noise = generator.standard_normal(latent_dim)
        images = cache.originals_of(bundle) if has_flow else None
        if images is None:
            z = latents.z_mean[row] + np.exp(0.5 * latents.z_log_var[row]) * noise
        else:
            z = bundle.codec.draw(images[row : row + 1] / 255, noise[np.newaxis, np.newaxis])[0]
        session.move_to(bundle, z.ravel())

    posterior = "A draw from the posterior of a random test image"
    if has_flow:
        posterior += "; without the images, from a Gaussian about its place"
    buttons: tuple[tuple[str, str, Callable[[], None], str], ...] = (
        ("Prior", "casino", to_prior, "A random draw from the prior N(0, I)"),
        ("Image", "image_search", to_test_image, "The posterior mean of a random test image"),
        ("Posterior", "grain", to_posterior, posterior),
        ("Origin", "home", to_origin, "z = 0, where the prior is densest"),
    )
    with st.container(horizontal=True, gap="small"):
        for label, icon, move, explanation in buttons:
            st.button(
                label,
                icon=f":material/{icon}:",
                on_click=move,
                help=explanation,
                width="stretch",
            )


def crisp(picture: np.ndarray) -> np.ndarray:
    """A small picture enlarged for ``st.image``, which would blur it."""
    height, width = picture.shape[:2]
    return raster.enlarge(picture, -(-PICTURE_SIDE // max(height, width))).squeeze()
