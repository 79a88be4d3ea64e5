"""Reconstruct: a person's own image through the model, and how far to trust the result."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import streamlit as st
from PIL import ImageDraw

from explorer.app import cache, session
from explorer.app.markdown import literal
from explorer.app.parts import pick_tile
from explorer.app.point import crisp, describe, describe_test_image, percent
from explorer.bundle.store import Bundle
from explorer.core.elbo import kl_divergence
from explorer.core.geometry import nearest
from explorer.core.metrics import elbo_terms, percentile_of
from explorer.data.framing import (
    Preparation,
    crop_box,
    prepare,
    suggest_preparation,
    whole_zoom,
)
from explorer.data.uploads import MAX_UPLOAD_BYTES, Upload, UploadError, read_upload
from explorer.drawing import raster

HELP = """
The image is cropped, scaled and greyed to what the model was trained on; **What the model sees**
is exactly its input. The encoder turns it into q(z|x), the decoder turns the mean of that back
into an image.

- **−ELBO** = **reconstruction** (−log p(x|z), averaged over ten draws of z) + **KL** (from q(z|x)
  to the prior), in nats. The percentile says how many test images the model explains better.
- **Error map**: red where the reconstruction is too bright, blue where it is too dark.
"""
PREVIEW_SIDE = 512
"""Pixels of the uploaded picture's longer side as shown: it is sent anew with every adjustment."""
SAMPLES = 10
NEIGHBOURS = 12


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("Give the model an image of your own and see what it keeps of it.", help=HELP)
    _render_reconstruction(bundle)


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
    _render_pictures(image, reconstruction)
    _render_terms(bundle, image, z_mean, z_log_var)
    _render_place(bundle, z_mean[0])


def upload_and_prepare(bundle: Bundle, *, key: str, adjustable: bool) -> np.ndarray | None:
    """Ask for an image and prepare it for the model.

    Args:
        bundle: says what the model expects.
        key: of the widgets.
        adjustable: whether to show camera, crop, inversion and preview.

    Returns:
        The model's input, ``(height, width, channels)`` float32, or None without an image.
    """
    source = "File"
    if adjustable:
        source = st.segmented_control(
            "Image from", ("File", "Camera"), default="File", required=True, key=f"{key}-source"
        )
    data = _ask_for_file(key, source)
    if data is None:
        return None
    digest = hashlib.sha256(data).hexdigest()
    try:
        upload = _read(digest, data)
    except UploadError as error:
        st.error(str(error), icon=":material/broken_image:")
        return None
    shape, background = bundle.card.data.image_shape, bundle.card.data.background
    suggestion = suggest_preparation(upload, shape, background, cache.object_fill(bundle))
    if not adjustable:
        return prepare(upload, suggestion, shape, background)
    inputs = bundle.card.data.test_sha256  # of another data set, another suggestion
    return _adjust(bundle, upload, suggestion, key=f"{key}-{digest[:8]}-{inputs[:8]}")


def _ask_for_file(key: str, source: str) -> bytes | None:
    """The file that was chosen last, also after another view was open, when Streamlit forgot it."""
    widget, kept = f"{key}-{source.lower()}", f"{key}-kept"
    state = st.session_state

    def keep() -> None:
        file = state[widget]
        state[kept] = None if file is None else (file.name, file.getvalue())

    if source == "Camera":
        shown = st.camera_input("Camera", key=widget, on_change=keep)
    else:
        label = f"An image of any kind, up to {MAX_UPLOAD_BYTES // 2**20} MB"
        shown = st.file_uploader(label, key=widget, on_change=keep)
    if state.get(kept) is None:
        return None
    name, data = state[kept]
    if shown is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"From before: {literal(name)}", width="content")
            st.button(
                "Remove", key=f"{key}-remove", icon=":material/close:",
                on_click=lambda: state.pop(kept, None), type="tertiary",
            )  # fmt: skip
    return data


@st.cache_data(show_spinner="Reading the image …", max_entries=16, hash_funcs={bytes: len})
def _read(digest: str, data: bytes) -> Upload:
    return read_upload(data)


def _adjust(bundle: Bundle, upload: Upload, suggestion: Preparation, *, key: str) -> np.ndarray:
    shape, background = bundle.card.data.image_shape, bundle.card.data.background
    for note in upload.notes:
        st.caption(f":material/info: {note}")
    whole, seen, controls = st.columns([1, 1, 2], gap="medium")
    with controls:
        lowest = min(0.25, whole_zoom(upload, shape))
        zoom = st.slider("Zoom", lowest, 8.0, suggestion.zoom, key=f"{key}-zoom")
        x = st.slider("Crop, left to right", 0.0, 1.0, suggestion.centre[0], key=f"{key}-x")
        y = st.slider("Crop, top to bottom", 0.0, 1.0, suggestion.centre[1], key=f"{key}-y")
        with st.container(horizontal=True):
            invert = st.toggle("Invert", suggestion.invert, key=f"{key}-invert")
            stretch = st.toggle("Stretch contrast", suggestion.stretch, key=f"{key}-stretch")
    preparation = replace(suggestion, zoom=zoom, centre=(x, y), invert=invert, stretch=stretch)
    image = prepare(upload, preparation, shape, background)
    with whole:
        st.image(
            outline(upload, crop_box(upload, preparation, shape)),
            caption=f"uploaded, {upload.size[0]:,} × {upload.size[1]:,}",
            width="stretch",
            alt="The uploaded image with the crop outlined",
        )
    with seen:
        pixels = raster.to_pixels(image)
        st.image(
            crisp(pixels),
            caption=f"what the model sees, {shape[1]} × {shape[0]}",
            width="stretch",
            alt="The image as the model sees it",
        )
    return image


def outline(upload: Upload, box: tuple[float, float, float, float]) -> np.ndarray:
    """The uploaded picture with the crop outlined, small, ``(h, w, 3 or 4)`` uint8."""
    picture = upload.image.convert("RGBA" if upload.image.mode == "RGBA" else "RGB")
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    scale = max(picture.size) / max(upload.image.size)
    left, top, right, bottom = (round(edge * scale) for edge in box)
    ImageDraw.Draw(picture).rectangle(
        (left, top, max(right - 1, left), max(bottom - 1, top)),
        outline=(214, 51, 108),
        width=max(1, round(max(picture.size) / 100)),
    )
    return np.asarray(picture)


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
        column.image(crisp(picture), caption=caption, width="stretch", alt=caption)


def _render_terms(
    bundle: Bundle, image: np.ndarray, z_mean: np.ndarray, z_log_var: np.ndarray
) -> None:
    recipe, latent_dim = bundle.card.model.recipe, bundle.card.model.latent_dim
    reconstruction, sampled_kl = elbo_terms(
        bundle.codec.draw,
        bundle.codec.parameters,
        raster.to_pixels(image)[np.newaxis],
        latent_dim,
        recipe.likelihood,
        samples=SAMPLES,
        seed=0,
    )
    kl = sampled_kl.sum(axis=1) if recipe.flow else kl_divergence(z_mean, z_log_var)
    neg_elbo = float(reconstruction[0] + kl[0])
    share = float(percentile_of(neg_elbo, bundle.sorted_neg_elbo))
    columns = st.container(key="figures").columns(4)
    columns[0].metric("−ELBO", f"{neg_elbo:.1f} nats")
    columns[1].metric("reconstruction", f"{float(reconstruction[0]):.1f} nats")
    columns[2].metric("KL", f"{float(kl[0]):.1f} nats")
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


def _render_place(bundle: Bundle, z: np.ndarray) -> None:
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

    pick_tile(
        cache.pictures(bundle, rows)[0],
        pick,
        columns=min(len(rows), NEIGHBOURS),
        labels=[describe_test_image(bundle, row) for row in rows.tolist()],
        key=f"neighbours-{bundle.card.name}",
        title="Nearest test images",
        tile_size=72,
    )
    if st.button("Show its place on the map", icon=":material/my_location:"):
        session.move_to(bundle, z)
        st.session_state["view"] = "Map"
        st.rerun()
