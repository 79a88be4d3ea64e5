"""The path through chosen places: its kind, and how its images are spaced."""

from __future__ import annotations

from typing import get_args

from explorer.app.view import Option
from explorer.bundle.walks import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)
PATH = Option("path", KINDS[0], KINDS)
EVEN = "In the picture"
SPACING = Option("even", EVEN, (EVEN, "In the latent space"))
SMOOTH = 60
"""Steps from a stop to the next that the scrubber takes; within one it goes straight."""
