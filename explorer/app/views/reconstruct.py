"""Reconstruct: a person's own image through the model, and how far to trust the result."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import cache, ends, parts, session
from explorer.app.address import parse_test_image
from explorer.app.upload import upload_and_prepare
from explorer.app.view import View
from explorer.app.words import describe, describe_test_image, literal, percent
from explorer.bundle.store import Bundle
from explorer.core.elbo import kl_divergence
from explorer.core.geometry import nearest
from explorer.core.metrics import elbo_terms, percentile_of
from explorer.drawing import raster

HELP = """
The image is cropped, scaled and greyed to what the model was trained on; **What the model sees**
is exactly its input. While you draw, your browser runs the model: the terms beside the drawing are
those at the mean of q(z|x), and with a flow the KL is that of the Gaussian of the same density
there. The encoder turns it into q(z|x), the decoder turns the mean of that back
into an image.

- **−ELBO** = **reconstruction** (−log p(x|z), averaged over ten draws of z) + **KL** (from q(z|x)
  to the prior), in nats. The percentile says how many test images the model explains better.
- **Error map**: red where the reconstruction is too bright, blue where it is too dark.
"""
DRAWING, TEST_IMAGE = "Drawing", "Test image"
SAMPLES = 10
NEIGHBOURS = 12


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("Give the model an image of your own and see what it keeps of it.", help=HELP)
    _render_reconstruction(bundle)


VIEW = View("Reconstruct", render_view, needs_decoder=True)


@st.fragment  # so that an adjustment draws this part of the page alone, in half the time
def _render_reconstruction(bundle: Bundle) -> None:
    if st.session_state.pop("moved", False):
        st.rerun()
    source = _choose_source(bundle)
    is_drawing = source == DRAWING
    image = None if is_drawing else _take_image(bundle, source)
    if image is None and not is_drawing:
        _render_empty(bundle)
        return
    result, place = st.columns([3, 2], gap="medium")
    z = session.point(bundle)
    with result:
        if is_drawing:
            image = _take_drawing(bundle)
        if image is not None:
            z = _render_result(bundle, image, has_pictures=not is_drawing)
    with place, st.container(key="place"):
        parts.live_map(
            bundle,
            key=f"place-{bundle.card.name}",
            z=z,
            on_click=lambda z, _: session.move_to(bundle, z),
        )


def _render_result(bundle: Bundle, image: np.ndarray, *, has_pictures: bool) -> np.ndarray:
    """Draw what the model makes of an image; its latent, ``(latent_dim,)``."""
    z_mean, z_log_var = bundle.codec.encode(image[np.newaxis])
    if has_pictures:
        _render_pictures(image, bundle.codec.decode(z_mean)[0])
    if bundle.card.model.has_variance:
        _render_terms(bundle, image, z_mean, z_log_var)
    _render_neighbours(bundle, z_mean[0])
    return np.asarray(z_mean[0])


def _choose_source(bundle: Bundle) -> str:
    sources = ["File", "Camera", DRAWING]
    if cache.originals_of(bundle) is not None:
        sources.append(TEST_IMAGE)
    source: str = st.segmented_control(
        "Image from", sources, default="File", required=True, key="reconstruct-source",
        persist_state="session",
    )  # fmt: skip
    return source


def _take_image(bundle: Bundle, source: str) -> np.ndarray | None:
    """The chosen image as the model sees it, or None while there is none."""
    originals = cache.originals_of(bundle)
    if source == TEST_IMAGE and originals is not None:
        return _take_test_image(bundle, originals)
    return upload_and_prepare(bundle, key="reconstruct", source=source, adjustable=True)


def _take_drawing(bundle: Bundle) -> np.ndarray | None:
    """Draw the canvas; what was drawn on it, if anything."""
    kept = f"drawing-{bundle.content}"

    def take(drawn: np.ndarray) -> None:
        image = drawn / np.float32(255.0)
        st.session_state[kept] = image
        session.move_to(bundle, bundle.codec.encode(image[np.newaxis])[0][0])
        st.session_state["moved"] = True

    parts.draw(bundle, take, key=f"draw-{bundle.card.name}")
    image: np.ndarray | None = st.session_state.get(kept)
    return image


def _take_test_image(bundle: Bundle, originals: np.ndarray) -> np.ndarray:
    state = st.session_state
    state.setdefault("image", f"test-{cache.vivid_row(bundle)}")
    ends.choose_test_image(bundle, "image")
    try:
        row = parse_test_image(state["image"], bundle)
    except ValueError:  # it was another model's
        row = None
    image: np.ndarray = originals[cache.vivid_row(bundle) if row is None else row]
    return image / np.float32(255.0)


def _render_empty(bundle: Bundle) -> None:
    data = bundle.card.data
    st.info(
        f"The model learned from {literal(data.title)}: images of {data.image_shape[1]} × "
        f"{data.image_shape[0]} pixels of {', '.join(map(literal, data.classes[:10]))}. "
        "Upload a similar one, or something else to see what it makes of that.",
        icon=":material/upload:",
    )


def _render_pictures(image: np.ndarray, reconstruction: np.ndarray) -> None:
    pictures = {
        "original": raster.to_pixels(image),
        "reconstruction": raster.to_pixels(reconstruction),
        "error map: blue too dark, red too bright": raster.error_map(image, reconstruction),
    }
    for column, (caption, picture) in zip(st.columns(3), pictures.items(), strict=True):
        column.image(raster.crisp(picture), caption=caption, width="stretch", alt=caption)


def _render_terms(
    bundle: Bundle, image: np.ndarray, z_mean: np.ndarray, z_log_var: np.ndarray
) -> None:
    model = bundle.card.model
    reconstruction, sampled_kl = elbo_terms(
        bundle.codec.draw,
        bundle.codec.parameters,
        raster.to_pixels(image)[np.newaxis],
        model.latent_dim,
        model.likelihood,
        samples=SAMPLES,
        seed=0,
    )
    kl = sampled_kl.sum(axis=1) if model.has_flow else kl_divergence(z_mean, z_log_var)
    neg_elbo = float(reconstruction[0] + kl[0])
    share = float(percentile_of(neg_elbo, bundle.sorted_neg_elbo))
    st.caption(
        "How badly the model explains this image: −ELBO, lower is better, in nats, a unit of "
        "information (1 nat is 1.44 bits)."
    )
    columns = st.container(key="figures").columns(4)
    columns[0].metric("−ELBO", f"{neg_elbo:.1f}")
    columns[1].metric("reconstruction", f"{float(reconstruction[0]):.1f}")
    columns[2].metric("KL", f"{float(kl[0]):.1f}")
    columns[3].metric(
        "explained better",
        percent(share),
        help="Share of the test images with a lower −ELBO than this image",
    )
    if share >= 99.0:
        st.warning(
            "Nearly every test image is explained better: this image is unlike what the model "
            "learned from, and its reconstruction says little about it.",
            icon=":material/warning:",
        )


def _render_neighbours(bundle: Bundle, z: np.ndarray) -> None:
    rows, distances = nearest(z, bundle.latents.z_mean, NEIGHBOURS)
    share = float(cache.percentiles(bundle, z[np.newaxis])[0])
    st.markdown(
        f"It lies at **{describe(z)}**, where the data is denser than at {percent(share)} of the "
        "test images. The test images nearest to it, "
        f"{distances[0]:.2f} to {distances[-1]:.2f} away:"
    )

    def pick(tile: int) -> None:
        session.move_to(bundle, bundle.latents.z_mean[rows[tile]])
        st.session_state["moved"] = True

    parts.pick_tile(
        cache.pictures(bundle, rows)[0],
        pick,
        columns=min(len(rows), NEIGHBOURS // 2),
        labels=[describe_test_image(bundle, row) for row in rows.tolist()],
        key=f"neighbours-{bundle.card.name}",
        title="Nearest test images",
        tile_size=56,
    )
    if st.button("Show its place on the map", icon=":material/my_location:"):
        session.move_to(bundle, z)
        st.session_state["view"] = "Map"
        st.rerun()
