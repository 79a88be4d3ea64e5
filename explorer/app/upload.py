"""Ask for an image of the user's own, let it be adjusted, and prepare it for the model."""

from __future__ import annotations

import hashlib

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from explorer.app import cache
from explorer.app.words import literal
from explorer.bundle.bundle import Bundle
from explorer.core.pixels import to_pixels
from explorer.data.framing import Framing, frame_picture, suggest_framing, whole_zoom
from explorer.data.uploads import MAX_UPLOAD_BYTES, Upload, UploadError
from explorer.drawing import raster

PREVIEW_SIDE = 512
"""Longer side of the shown upload in pixels: each adjustment sends the picture again."""
HIGHEST = 1.5
"""Largest height of the preview, as a multiple of its width."""
LARGEST_ZOOM = 8.0
GREYS = "the model was trained on pixels that are black or white; the greys of your image stay grey"


def uploads() -> dict[str, tuple[str, bytes]]:
    """Name and content of the files of this visit, by the widgets' key."""
    chosen: dict[str, tuple[str, bytes]] = st.session_state.setdefault("uploads", {})
    return chosen


def upload_and_prepare(
    bundle: Bundle, *, key: str, source: str = "File", adjustable: bool = False
) -> np.ndarray | None:
    """Ask for an image and prepare it for the model.

    Args:
        bundle: the model, which says what input it expects.
        key: key of the widgets.
        source: ``File`` or ``Camera``.
        adjustable: whether to show crop, inversion and preview on the page, not in a popover.

    Returns:
        The model's input, ``(height, width, channels)`` float32, or None without an image.
    """
    data = _ask_for_file(key, source)
    if data is None:
        return None
    shape, background = bundle.card.data.image_shape, bundle.card.data.background
    try:
        upload = cache.read_image(data, bundle.card.data.form)
    except UploadError as error:
        st.error(str(error), icon=":material/broken_image:")
        return None
    suggestion = suggest_framing(upload.image, shape, background, cache.object_fill(bundle))
    # Another image or data set has another suggestion, and so controls of its own
    digest, inputs = hashlib.sha256(data).hexdigest(), bundle.card.data.test_sha256
    controls = f"{key}-{digest[:8]}-{inputs[:8]}"
    if adjustable:
        return _adjust(bundle, upload, suggestion, key=controls)
    seen, further = st.columns([1, 2], vertical_alignment="center")
    with further, st.popover("Crop and contrast", icon=":material/crop:"):
        image = _adjust(bundle, upload, suggestion, key=controls)
    with seen:
        _show_seen(image)
    return image


def _ask_for_file(key: str, source: str) -> bytes | None:
    """The file chosen last; the session keeps it, because Streamlit forgets it in other views."""
    widget = f"{key}-{source.lower()}"

    def remove() -> None:
        uploads().pop(key, None)

    def keep() -> None:
        file = st.session_state[widget]
        if file is None:
            remove()
        else:
            uploads()[key] = file.name, file.getvalue()

    if source == "Camera":
        shown = st.camera_input("Camera", key=widget, on_change=keep)
    else:
        most = min(MAX_UPLOAD_BYTES // 2**20, st.get_option("server.maxUploadSize"))
        label = f"An image of any kind, up to {most} MB"
        shown = st.file_uploader(label, key=widget, on_change=keep)
    if key not in uploads():
        return None
    name, data = uploads()[key]
    if shown is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"From before: {literal(name)}", width="content")
            st.button(
                "Remove", key=f"{key}-remove", icon=":material/close:",
                on_click=remove, type="tertiary",
            )  # fmt: skip
    return data


def _adjust(bundle: Bundle, upload: Upload, suggestion: Framing, *, key: str) -> np.ndarray:
    shape, background = bundle.card.data.image_shape, bundle.card.data.background
    drawn = (GREYS,) if bundle.card.data.reading.binarise else ()
    for note in upload.notes + drawn:
        st.caption(f":material/info: {note}")
    whole, seen, controls = st.columns([1, 1, 2], gap="medium")
    with controls:
        lowest = min(0.25, whole_zoom(upload.image, shape))
        suggested = min(max(suggestion.zoom, lowest), LARGEST_ZOOM)
        zoom = st.slider(
            "Zoom", lowest, LARGEST_ZOOM, suggested, key=f"{key}-zoom", persist_state="session"
        )
        x, y = (
            st.slider(
                f"Place of the crop, {words}", 0.0, 1.0, centre, key=f"{key}-{axis}",
                persist_state="session",
            )
            for axis, words, centre in zip(
                "xy", ("left to right", "top to bottom"), suggestion.centre, strict=True
            )
        )  # fmt: skip
        with st.container(horizontal=True):
            invert, stretch, even = (
                st.toggle(label, is_on, key=f"{key}-{name}", persist_state="session")
                for name, label, is_on in (
                    ("invert", "Invert", suggestion.invert),
                    ("stretch", "Stretch contrast", suggestion.stretch),
                    ("even", "Even light", suggestion.even),
                )
            )
    framing = Framing((x, y), zoom, invert, stretch, even)
    image = frame_picture(upload.image, framing, shape, background)
    with whole:
        st.image(
            outline(upload, framing.box(upload.image, shape)),
            caption=f"uploaded, {upload.size[0]:,} × {upload.size[1]:,}",
            width="stretch",
            alt="The uploaded image with the crop outlined",
        )
    with seen:
        _show_seen(image)
    return image


def _show_seen(image: np.ndarray) -> None:
    st.image(
        raster.crisp(to_pixels(image)),
        caption=f"what the model sees, {image.shape[1]} × {image.shape[0]}",
        width="stretch",
        alt="The image as the model sees it",
    )


def outline(upload: Upload, box: tuple[float, float, float, float]) -> np.ndarray:
    """The uploaded picture with the crop outlined, as large as a preview, ``(h, w, 4)`` uint8.

    A picture that is much taller than wide is padded on both sides, so as not to fill the page.
    """
    picture = upload.image.convert("RGBA")
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    factor = max(1, PREVIEW_SIDE // max(picture.size))
    picture = picture.resize(
        (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
    )
    scale = max(picture.size) / max(upload.image.size)
    left, top, right, bottom = (round(edge * scale) for edge in box)
    ImageDraw.Draw(picture).rectangle(
        (left, top, max(right - 1, left), max(bottom - 1, top)),
        outline=(214, 51, 108),
        width=max(1, round(max(picture.size) / 100)),
    )
    room = max(0, round(picture.height / HIGHEST) - picture.width) // 2
    return np.pad(np.asarray(picture), ((0, 0), (room, room), (0, 0)))
