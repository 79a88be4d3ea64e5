"""Paths through chosen places: their kind, how their images are spaced, their scores and films."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import numpy as np
import streamlit as st

from explorer.app import session
from explorer.app.exports import download
from explorer.app.view import Option
from explorer.bundle.walks import PathKind, Walk
from explorer.core.geodesics import JUDGED, THIN, Scores
from explorer.drawing import films

Walks = Mapping[PathKind, tuple[Walk, Scores]]
"""The path of each kind through the same stops, and its scores."""
KINDS: tuple[PathKind, ...] = get_args(PathKind)
PATH = Option("path", KINDS[0], KINDS)
EVEN = "In the picture"
SPACING = Option("even", EVEN, (EVEN, "In the latent space"))
_SMOOTH = 60
"""Steps of the scrubber for each piece between two stops; they are even over the whole path."""
_SCORES_HELP = f"""
- **Change**: how much the picture changes on the way, as a multiple of the straight line's: the
  length of the decoded path, by the Fisher–Rao metric where pixels are probabilities of white
  (Bernoulli), else by the distance between pictures.
- **In thin places**: the share of the way where the data is thinner than at all but
  {100 * THIN:.0f} % of the test images.
- **Return distance**: the mean distance $\\lVert E(D(z)) - z \\rVert$; small where decoder and
  encoder agree.
- **Largest step**: over the mean one, of {JUDGED - 1} that are spaced evenly in the picture.
"""


def choose_path() -> None:
    """Draw the controls for the kind of path and the spacing of its images."""
    session.choose(PATH, "Path")
    session.choose(SPACING, "Evenly spaced")


def is_even() -> bool:
    """Whether the images are spaced evenly by how the picture changes, not in the latent space."""
    return bool(st.session_state[SPACING.name] == EVEN)


def on_path(walks: Walks, count: int) -> np.ndarray:
    """Return ``count`` latents on the path of the chosen kind, ``(count, latent_dim)``."""
    walk, _ = walks[st.session_state[PATH.name]]
    return walk.at(count, evenly=is_even())


def scrubbed(walks: Walks, stops: int) -> np.ndarray:
    """Return the scrubber's latents on that path, ``(k, latent_dim)``, through ``stops`` stops."""
    return on_path(walks, _SMOOTH * (stops - 1) + 1)


def render_scores(walks: Walks) -> None:
    """Draw the scores of each kind of path."""
    st.caption("Scores of the three paths", help=_SCORES_HELP)
    scores = {kind: found for kind, (_, found) in walks.items()}
    st.markdown(_scores_table(scores, st.session_state[PATH.name]))


def _scores_table(scores: Mapping[PathKind, Scores], chosen: PathKind) -> str:
    """The scores of each kind of path, as a Markdown table with the chosen one in bold."""
    straight = scores["Straight line"].length or 1.0
    rows = [
        (kind, f"{s.length / straight:.2f}", f"{100 * s.thin:.0f} %", f"{s.return_distance:.2f}",
         f"{s.jump:.2f} ×")
        for kind, s in scores.items()
    ]  # fmt: skip
    cells = [[f"**{cell}**" if row[0] == chosen else cell for cell in row] for row in rows]
    head = [
        "| Path | Change | In thin places | Return distance | Largest step |",
        "|---|--:|--:|--:|--:|",
    ]
    return "\n".join([*head, *(f"|{'|'.join(row)}|" for row in cells)])


def download_films(
    frames: Callable[[], Sequence[np.ndarray]], name: str, *, is_loop: bool = False
) -> None:
    """Draw buttons that download frames as films of this name; they are made on a click."""

    def film(encode: Callable[..., bytes]) -> Callable[[], bytes]:
        return lambda: encode(frames(), is_loop=is_loop)

    with st.container(horizontal=True):
        download("GIF", film(films.gif), f"{name}.gif", mime="image/gif")
        download("WebP", film(films.webp), f"{name}.webp", mime="image/webp")
        download("MP4", film(films.mp4), f"{name}.mp4", mime="video/mp4")
