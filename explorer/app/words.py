"""How latents, percentiles, test images and other people's text are written on the page."""

from __future__ import annotations

import math
import re

import numpy as np

from explorer.bundle.store import Bundle


def literal(text: str) -> str:
    """Escape a text for Markdown: titles and names come from cards that anyone may have written.

    Only an address written out becomes a link, as everywhere in Markdown.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


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
