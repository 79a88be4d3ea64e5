"""An image of a person's own in a model: what was drawn, and its terms in nats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.app import parts, session
from explorer.bundle.posterior import Posterior
from explorer.bundle.store import Bundle
from explorer.core.elbo import kl_divergence
from explorer.core.metrics import elbo_terms
from explorer.drawing import raster

DRAWING = "Drawing"
SAMPLES = 10


def take_drawing(bundle: Bundle, on_drawn: Callable[[], None] = lambda: None) -> np.ndarray | None:
    """Draw the canvas; what was drawn on it, if anything, is where the point moves.

    Args:
        bundle: the model.
        on_drawn: is called when the point has moved.

    Returns:
        The model's input, ``(height, width, channels)`` float32, or None.
    """
    kept = f"drawing-{bundle.card.data.image_shape}"  # which models of the same shape share

    def take(drawn: np.ndarray) -> None:
        image = drawn / np.float32(255.0)
        st.session_state[kept] = image
        session.move_to(bundle, bundle.codec.encode(image[np.newaxis])[0][0])
        on_drawn()

    parts.draw(bundle, take, key=f"draw-{bundle.card.name}")
    image: np.ndarray | None = st.session_state.get(kept)
    return image


def terms(bundle: Bundle, posterior: Posterior, image: np.ndarray) -> tuple[float, float]:
    """Reconstruction term and KL of an image under a posterior, nats."""
    model = bundle.card.model
    reconstruction, sampled_kl = elbo_terms(
        posterior.draw,
        bundle.codec.parameters,
        raster.to_pixels(image)[np.newaxis],
        model.latent_dim,
        model.likelihood,
        samples=SAMPLES,
        seed=0,
    )
    if model.has_flow:
        return float(reconstruction[0]), float(sampled_kl.sum())
    return float(reconstruction[0]), float(kl_divergence(*posterior.encode(image[np.newaxis]))[0])


def describe_terms(reconstruction: float, kl: float) -> str:
    """Both terms and their sum, for people."""
    return (
        f"−ELBO {reconstruction + kl:.1f} = reconstruction {reconstruction:.1f} + KL {kl:.1f} nats"
    )
