"""Reconstruct: the user's own image through the model, and how far to trust the result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.app.exports import figures, menu
from explorer.app.gallery import choose_test_image
from explorer.app.reconstruction import (
    DRAWING,
    SAMPLES,
    TEST_IMAGE,
    UPLOAD_KEY,
    image_detail,
    terms,
    test_image_row,
    warn_of_strangeness,
)
from explorer.app.upload import upload_and_prepare
from explorer.app.view import Option, View
from explorer.app.words import describe, describe_test_image, explain_neg_elbo, literal, percent
from explorer.bundle.bundle import Bundle
from explorer.core.metrics import percentile_of
from explorer.core.neighbours import nearest
from explorer.core.pixels import to_pixels, to_unit_range
from explorer.drawing import raster

HELP = f"""
The image is cropped, scaled and, where the model knows no colours, made grey, as its training
images were; **what the model sees** is exactly its input. The encoder turns that into q(z|x), and
the decoder turns the mean of q(z|x) back into an image.

- **−ELBO** = **reconstruction** (−log p(x|z), averaged over {SAMPLES} draws of z) + **KL** (from
  q(z|x) to the prior), in nats. The percentile says how many test images the model explains better.
- **Error map**: red where the reconstruction is too bright, blue where it is too dark.
- **While you draw**, your browser runs the model: the terms beside the drawing are those at the
  mean of q(z|x), and with a flow the KL is that of the Gaussian of the same density there.
- **Refined**: the encoder guesses q(z|x) in one go. From there a few damped Gauss–Newton steps, in
  your browser, move it and stretch it along each axis until its −ELBO for this image is least
  (*semi-amortised* inference). **Lost by the encoder** is the −ELBO of its q(z|x) less that of the
  refined one, in nats, both over the same draws of z, which the search has not used.
"""
SOURCE = Option("from", "File", ("File", "Camera", DRAWING, TEST_IMAGE))
SHOWN_NEIGHBOURS = 12


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("Give the model an image of your own and see what it keeps of it.", help=HELP)
    _render_reconstruction(bundle, _choose_source(bundle))


VIEW = View(
    "Reconstruct",
    render_view,
    options=(SOURCE,),
    details=(image_detail(SOURCE),),
    needs_decoder=True,
)


def _render_reconstruction(bundle: Bundle, source: str) -> None:
    is_drawing = source == DRAWING
    image = None if is_drawing else _take_image(bundle, source)
    if image is None and not is_drawing:
        _render_empty(bundle)
        return
    result, place = st.columns([3, 2], gap="medium")
    z = session.point(bundle)
    with result:
        if is_drawing:
            image = parts.draw(bundle, key=f"draw-{bundle.card.name}", moves=True, refines=True)
        if image is not None:
            row = _stored_row(bundle) if source == TEST_IMAGE else None
            z = _render_result(bundle, image, row, has_pictures=not is_drawing)
    with place, st.container(key="place"):
        parts.live_map(
            bundle,
            key=f"place-{bundle.card.name}",
            z=z,
            on_click=lambda z, _: session.move_to(bundle, z),
        )


def _render_result(
    bundle: Bundle, image: np.ndarray, row: int | None, *, has_pictures: bool
) -> np.ndarray:
    """Draw the results for an image, which may be the test image of a row; return its latent."""
    z_mean, _ = bundle.codec.encode(image[np.newaxis])
    if has_pictures:
        reconstruction = bundle.codec.decode(z_mean)[0]
        _render_pictures(image, reconstruction)
        with menu("reconstruct") as is_open:
            if is_open:
                figures(
                    bundle,
                    {
                        "reconstruction": lambda plates: plates.reconstruction(
                            bundle, image, reconstruction
                        )
                    },
                )
    if bundle.card.model.has_variance:
        _render_terms(bundle, image, row)
    if has_pictures:
        parts.refine(bundle, image)
    z: np.ndarray
    if row is None:
        z, density = z_mean[0], bundle.latents.aggregate_posterior.log_density(z_mean)[0]
    else:
        z, density = bundle.latents.z_mean[row], bundle.latents.log_density[row]
    _render_neighbours(bundle, z, density)
    return z


def _stored_row(bundle: Bundle) -> int | None:
    """The chosen test image's row, if its stored results hold for the class that is decoded."""
    row = test_image_row(bundle)
    is_as_stored = not bundle.card.model.is_conditional
    return row if is_as_stored or bundle.latents.labels[row] == bundle.label else None


def _choose_source(bundle: Bundle) -> str:
    sources = SOURCE.choices
    if cache.originals_of(bundle) is None:
        sources = tuple(source for source in sources if source != TEST_IMAGE)
        if st.session_state[SOURCE.name] == TEST_IMAGE:
            st.session_state[SOURCE.name] = SOURCE.default
    session.choose(replace(SOURCE, choices=sources), "Image from")
    return str(st.session_state[SOURCE.name])


def _take_image(bundle: Bundle, source: str) -> np.ndarray | None:
    """The chosen image as the model sees it; None while none is chosen."""
    originals = cache.originals_of(bundle)
    if source == TEST_IMAGE and originals is not None:
        choose_test_image(bundle, "image", lambda chosen: st.session_state.update(image=chosen))
        return to_unit_range(originals[test_image_row(bundle)])
    return upload_and_prepare(bundle, key=UPLOAD_KEY, source=source, adjustable=True)


def _render_empty(bundle: Bundle) -> None:
    data = bundle.card.data
    st.info(
        f"The model learned from {literal(data.title)}: images of {data.image_shape[1]} × "
        f"{data.image_shape[0]} pixels of {', '.join(map(literal, data.classes[:10]))}"
        f"{' and others' if len(data.classes) > 10 else ''}. "
        "Choose a similar one, or something else to see what it makes of that.",
        icon=":material/upload:",
    )


def _render_pictures(image: np.ndarray, reconstruction: np.ndarray) -> None:
    pictures = {
        "original": to_pixels(image),
        "reconstruction": to_pixels(reconstruction),
        "error map: blue too dark, red too bright": raster.error_map(image, reconstruction),
    }
    columns = st.container(key="pictures").columns(3)
    for column, (caption, picture) in zip(columns, pictures.items(), strict=True):
        column.image(raster.crisp(picture), caption=caption, width="stretch", alt=caption)


def _render_terms(bundle: Bundle, image: np.ndarray, row: int | None) -> None:
    """Draw an image's terms; a test image's are stored, from the same draws as all others'."""
    if row is None:
        reconstruction, kl = terms(bundle, image)
    else:
        kl = float(bundle.latents.kl[row])
        reconstruction = float(bundle.latents.neg_elbo[row]) - kl
    neg_elbo = reconstruction + kl
    share = float(percentile_of(neg_elbo, bundle.sorted_neg_elbo))
    st.caption(explain_neg_elbo("the model explains this image"))
    columns = st.container(key="figures").columns(4)
    columns[0].metric("−ELBO", f"{neg_elbo:.1f}")
    columns[1].metric("reconstruction", f"{reconstruction:.1f}")
    columns[2].metric("KL", f"{kl:.1f}")
    columns[3].metric(
        "explained better",
        percent(share),
        help="Share of the test images with a lower −ELBO than this image",
    )
    warn_of_strangeness(bundle, neg_elbo)


def _render_neighbours(bundle: Bundle, z: np.ndarray, density: float) -> None:
    rows, distances = nearest(z, bundle.latents.z_mean, SHOWN_NEIGHBOURS)
    share = float(percentile_of(density, bundle.sorted_log_density))
    st.markdown(
        f"It lies at **{describe(z)}**, where the data is denser than at {percent(share)} of the "
        "test images. The test images nearest to it, "
        f"{distances[0]:.2f} to {distances[-1]:.2f} away:"
    )

    def pick(tile: int) -> None:
        session.move_to(bundle, bundle.latents.z_mean[rows[tile]])

    def show() -> None:
        session.move_to(bundle, z)
        st.session_state["view"] = "Map"

    parts.pick_tile(
        cache.pictures(bundle, rows)[0],
        pick,
        columns=min(len(rows), SHOWN_NEIGHBOURS // 2),
        labels=[describe_test_image(bundle, row) for row in rows.tolist()],
        key=f"neighbours-{bundle.card.name}",
        title="Nearest test images",
        tile_size=56,
    )
    st.button("Show its place on the map", icon=":material/my_location:", on_click=show)
