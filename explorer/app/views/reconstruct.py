"""Reconstruct: a person's own image through the model, and how far to trust the result."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
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
is exactly its input. The encoder turns it into q(z|x), the decoder turns the mean of that back
into an image.

- **−ELBO** = **reconstruction** (−log p(x|z), averaged over ten draws of z) + **KL** (from q(z|x)
  to the prior), in nats. The percentile says how many test images the model explains better.
- **Error map**: red where the reconstruction is too bright, blue where it is too dark.
"""
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
    image = upload_and_prepare(bundle, key="reconstruct", adjustable=True)
    if image is None:
        _render_empty(bundle)
        return
    z_mean, z_log_var = bundle.codec.encode(image[np.newaxis])
    reconstruction = bundle.codec.decode(z_mean)[0]
    result, place = st.columns([3, 2], gap="medium")
    with result:
        _render_pictures(image, reconstruction)
        if bundle.card.model.has_variance:
            _render_terms(bundle, image, z_mean, z_log_var)
        _render_neighbours(bundle, z_mean[0])
    with place, st.container(key="place"):
        parts.live_map(
            bundle,
            key=f"place-{bundle.card.name}",
            z=z_mean[0],
            on_click=lambda z, _: session.move_to(bundle, z),
        )


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
