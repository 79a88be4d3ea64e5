"""An image in a model: the drawing, its entry in the address, and its terms in nats."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import cache, internals, session
from explorer.app.drawings import drawing
from explorer.app.upload import uploads
from explorer.app.view import Detail, Option
from explorer.bundle.bundle import Bundle
from explorer.bundle.spelling import parse_test_image
from explorer.core.elbo import kl_divergence
from explorer.core.estimates import elbo_terms
from explorer.core.metrics import percentile_of

DRAWING, TEST_IMAGE = "Drawing", "Test image"
UPLOAD_KEY = "own-image"
"""Key of the upload that the views share."""
SAMPLES = 10
"""Draws of z over which a reconstruction term is averaged."""
_LOST = (
    "The {} was lost when the server restarted or the page was reloaded, and a link does not carry "
    "it either: {}."
)
LOST = {
    "upload": _LOST.format("uploaded image", "choose it again"),
    "drawing": _LOST.format("drawing", "draw it again, or add a stroke if it is still there"),
}
"""Messages for a visit that lacks the user's own image, though the address refers to it."""


def image_detail(source: Option) -> Detail:
    """The address's entry for the image from a source: ``test-12``, ``upload`` or ``drawing``."""
    return Detail("image", apply_image, lambda bundle: _write_image(bundle, source))


def apply_image(text: str, bundle: Bundle) -> None:
    """Take the test image that an address names, or notify the user that another image is lost."""
    if text in LOST:
        if not internals.is_history_navigation():  # only when a visit begins
            session.notify(LOST[text])
    elif parse_test_image(text, bundle) is None:
        raise ValueError("a test image was expected, such as test-12")
    else:
        st.session_state["image"] = text


def _write_image(bundle: Bundle, source: Option) -> str | None:
    chosen = st.session_state[source.name]
    if chosen == TEST_IMAGE:
        return f"test-{test_image_row(bundle)}"
    if chosen == DRAWING:
        return None if drawing(bundle) is None else "drawing"
    is_upload = chosen in ("File", "Camera") and UPLOAD_KEY in uploads()
    return "upload" if is_upload else None


def test_image_row(bundle: Bundle) -> int:
    """The row of the chosen test image; that of a vivid one until one of this model is chosen."""
    try:
        row = parse_test_image(st.session_state.get("image", ""), bundle)
    except ValueError:  # it was another model's
        row = None
    return cache.vivid_row(bundle) if row is None else row


def terms(bundle: Bundle, image: np.ndarray) -> tuple[float, float]:
    """Reconstruction term and KL of an image, nats."""
    model = bundle.card.model
    reconstruction, sampled_kl = elbo_terms(
        bundle.codec, image[np.newaxis], model.latent_dim, samples=SAMPLES
    )
    if model.has_flow:
        return float(reconstruction[0]), float(sampled_kl.sum())
    return float(reconstruction[0]), float(
        kl_divergence(*bundle.codec.encode(image[np.newaxis]))[0]
    )


def warn_of_strangeness(bundle: Bundle, neg_elbo: float) -> None:
    """Warn if nearly all test images have a lower −ELBO, nats."""
    if percentile_of(neg_elbo, bundle.sorted_neg_elbo) >= 99.0:
        st.warning(
            "Nearly every test image is explained better: this image is unlike what the model "
            "learned from, and its reconstruction says little about the image.",
            icon=":material/warning:",
        )


def describe_terms(reconstruction: float, kl: float) -> str:
    """Both terms and their sum, as text for the page."""
    return (
        f"−ELBO {reconstruction + kl:.1f} = reconstruction {reconstruction:.1f} + KL {kl:.1f} nats"
    )
