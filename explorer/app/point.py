"""The current point: its live picture, its coordinates and ways to move it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.app import cache, parts, session
from explorer.bundle.bundle import Bundle
from explorer.core.geometry import axis_label
from explorer.core.neighbours import nearest
from explorer.core.pixels import to_unit_range
from explorer.core.trust import SHARES, VERDICTS
from explorer.notation import parse_latent

TRUST_HELP = f"""
A decoder answers everywhere, also where it learned nothing. Three readings of a place are compared
with the test images' own; each percentage is a share of the test images:

- **{SHARES["density"]}**: how many have less data around them. The density is that of the
  *aggregate posterior* $q(z) = \\frac1N\\sum_i \\mathcal N(z; \\mu_i, \\sigma_i^2)$, the mixture of
  the Gaussians over which the encoder spreads the training images (with a flow: of Gaussians that
  have its density at their middle; where there is no encoder or no spread: of equal Gaussians
  around their latents).
- **{SHARES["return"]}**: the picture is encoded again; how many have a smaller distance
  $\\lVert E(D(z)) - z \\rVert$ between where it lands and where it came from.
- **{SHARES["nearest"]}**: how many are nearer to another test image than this place is to
  the nearest one.

The verdict says what they mean together:

- **{VERDICTS["good"]}**: every reading is one that test images have, as for 95 in 100 of them.
- **{VERDICTS["empty"]}**: the place is thinner than those of 999 in 1,000 test images, or farther
  from every test image than 999 in 1,000 are from the next.
- **{VERDICTS["doubtful"]}**: there is data, but the place is thinner, farther from the nearest
  image, or comes back less exactly than 99 in 100 test images; or it is denser or comes back more
  exactly than nearly all of them, as a blend of many images does.
"""


def stage() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Make a wide place for a view's picture, and one beside it (on phones above) for the point."""
    main, side = st.container(key="stage").columns([3, 1], gap="medium")
    return main, side.container(key="stage-point")


def render_point(bundle: Bundle) -> None:
    """Draw picture, coordinates, trust reading and nearest test image of the point, live."""
    parts.lens(bundle)
    st.caption("How far to trust it", help=TRUST_HELP)


def coordinates_input(bundle: Bundle) -> None:
    """Draw an input field with the point's coordinates."""
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


def class_input(bundle: Bundle) -> None:
    """Draw a field for the class that a conditional model decodes."""
    key, state, classes = f"given-{bundle.card.name}", st.session_state, bundle.card.data.classes
    state[key] = bundle.label
    st.selectbox(
        "Class that is decoded",
        range(len(classes)),
        format_func=lambda label: classes[label],
        key=key,
        width=300,
        on_change=lambda: session.choose_label(bundle, state[key]),
        help="The decoder receives the class together with the latent; a test image is always "
        "reconstructed with its own class.",
    )


def move_buttons(bundle: Bundle) -> None:
    """Draw buttons that move the point, and undo moves."""
    latents, latent_dim = bundle.latents, bundle.card.model.latent_dim
    generator = np.random.default_rng()

    def to_prior() -> None:
        session.move_to(bundle, generator.standard_normal(latent_dim))

    def to_test_image() -> None:
        session.move_to(bundle, latents.z_mean[generator.integers(len(latents.z_mean))])

    def around_image() -> None:
        here, kept = session.format_latent(session.point(bundle)), st.session_state.get("around")
        if kept and kept[:2] == (bundle.content, here):  # pressed again: the same image
            row = kept[2]
        else:
            row = int(nearest(session.point(bundle), latents.z_mean)[0][0])
        session.move_to(bundle, draw_posterior(bundle, row, generator))
        there = session.format_latent(session.point(bundle))
        st.session_state["around"] = bundle.content, there, row

    def to_origin() -> None:
        session.move_to(bundle, np.zeros(latent_dim))

    around = "A draw from q(z|x) of the test image nearest to the point"
    if bundle.card.model.has_flow:
        around += "; without the images, from a Gaussian about its place"
    past, future = session.trail(bundle)
    buttons: tuple[tuple[str, Callable[[], None], str, bool], ...] = (
        ("Random", to_prior, "A random draw from the prior N(0, I) (key R)", True),
        ("Centre", to_origin, "z = 0, where the prior is densest", True),
        ("Random test image", to_test_image, "Where the encoder puts a random test image", True),
        ("Around this image", around_image, around, True),
        ("Undo", lambda: session.undo(bundle), "The point before (Ctrl+Z)", bool(past)),
        ("Redo", lambda: session.redo(bundle), "Take back an undo (Ctrl+Y)", bool(future)),
    )
    with st.container(key="moves", gap="xsmall"):
        for some in (buttons[:2], buttons[2:3], buttons[3:4], buttons[4:]):
            with st.container(horizontal=True, gap="xsmall"):
                for label, move, explanation, is_possible in some:
                    st.button(
                        label,
                        key=f"move-{label.lower()}",
                        on_click=move,
                        help=explanation,
                        width="stretch",
                        disabled=not is_possible,
                    )


def draw_posterior(bundle: Bundle, row: int, generator: np.random.Generator) -> np.ndarray:
    """Draw from q(z|x) of a test image, ``(latent_dim,)``.

    With a flow this needs the image; if it is missing, a Gaussian around its latent is used.
    """
    latents, noise = bundle.latents, generator.standard_normal(bundle.card.model.latent_dim)
    images = cache.originals_of(bundle) if bundle.card.model.has_flow else None
    if images is None:
        z = latents.z_mean[row] + np.exp(0.5 * latents.z_log_var[row]) * noise
    else:
        image = to_unit_range(images[row : row + 1])
        z = bundle.codec.draw(image, noise[np.newaxis, np.newaxis])[0]
    return np.asarray(z).ravel()
