"""Analogies: A is to B as an image is to what? The direction from A to B, applied to the image."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.app.gallery import choose_test_image
from explorer.app.upload import upload_and_prepare
from explorer.app.words import literal
from explorer.bundle.bundle import Bundle
from explorer.bundle.directions import ends_of, groups_of, halve, length_of
from explorer.bundle.spelling import parse_place
from explorer.core.directions import Direction
from explorer.core.neighbourhood import JUDGED_NEIGHBOURS
from explorer.core.neighbours import majority
from explorer.core.subsets import evenly_spaced
from explorer.core.trust import VERDICTS

SOURCES = ("The point", "Test image", "Upload", "Drawing")
TRIED = 100
"""Largest number of images to which a direction is applied, to see how often to trust it."""


def render_analogy(bundle: Bundle, text: str, found: Direction) -> None:
    """Let the user choose an image; show where the direction leads it and how far to trust that."""
    source = st.segmented_control(
        "Apply the direction to", SOURCES, default=SOURCES[0], required=True, key="apply-source",
        persist_state="session",
    )  # fmt: skip
    z = _take_place(bundle, source)
    if z is None:
        return
    shift = length_of(text, found, bundle) * found.deviation * found.unit
    answer = session.rounded(z + shift)
    names, latents = ["the image", "the answer"], np.stack([z, answer])
    if (means := _ends(bundle, text)) is not None:
        names, latents = [*ends_of(text, bundle), *names], np.concatenate([means, latents])
    latents = latents.astype(np.float32)
    pairs = (names[:-2], names[-2:])
    st.caption(" = ".join(" : ".join(map(literal, pair)) for pair in pairs if pair))
    parts.pick_tile(
        cache.decoded(bundle, latents),
        lambda tile: session.move_to(bundle, latents[tile]),
        columns=len(latents),
        labels=names,
        key=f"analogy-{bundle.card.name}",
        title="The analogy; choose an image to move the point there",
        tile_size=112,
    )
    _render_verdict(bundle, answer)
    _render_trials(bundle, text, shift)


def _take_place(bundle: Bundle, source: str) -> np.ndarray | None:
    """The latent of the chosen image; None while none is chosen."""
    state = st.session_state
    if source == "The point":
        return session.point(bundle)
    if source == "Test image":
        choose_test_image(bundle, "apply", lambda chosen: state.update(apply=chosen))
        try:
            return parse_place(state.get("apply", ""), bundle)
        except ValueError:  # none chosen yet, or one of another model
            return None
    image = (
        upload_and_prepare(bundle, key="apply")
        if source == "Upload"
        else parts.draw(bundle, key=f"apply-draw-{bundle.card.name}")
    )
    return None if image is None else bundle.codec.encode(image[np.newaxis])[0][0]


def _ends(bundle: Bundle, text: str) -> np.ndarray | None:
    """The latents at both ends of the direction, ``(2, latent_dim)``; None if it has no ends."""
    groups = groups_of(text, bundle)
    if groups is not None:
        rows, is_second = halve(groups, for_fitting=True)
        z = bundle.latents.z_mean[rows]
        return np.stack([z[~is_second].mean(axis=0), z[is_second].mean(axis=0)])
    kind, _, rest = text.partition(":")
    if kind == "ends":
        return np.stack([parse_place(end, bundle) for end in rest.split(":")])
    return None


def _render_verdict(bundle: Bundle, answer: np.ndarray) -> None:
    """Show what lies around the answer, and whether it can be trusted."""
    ((level, reasons),) = cache.verdicts(bundle, answer[np.newaxis])
    labels = bundle.latents.labels[cache.neighbours(bundle, answer[np.newaxis])]
    (label,) = majority(labels)
    name = literal(bundle.card.data.classes[label])
    said = f"{(labels == label).sum()} of its {labels.size} nearest test images are **{name}**"
    if level == "good":
        st.markdown(f"The answer is {VERDICTS[level]}: {said}.")
    else:
        st.warning(
            f"The answer is not to be trusted ({VERDICTS[level]}): {'; '.join(reasons)}. {said}.",
            icon=":material/warning:",
        )


def _render_trials(bundle: Bundle, text: str, shift: np.ndarray) -> None:
    """Show how well the direction works for images of its first group not used to find it."""
    groups = groups_of(text, bundle)
    if groups is None:
        return
    rows, is_second = halve(groups, for_fitting=False)
    tried = rows[~is_second]
    tried = tried[evenly_spaced(len(tried), TRIED)]
    if not len(tried):
        return
    answers = (bundle.latents.z_mean[tried] + shift).astype(np.float32)
    are_there = np.isin(cache.neighbours(bundle, answers), groups[1]).mean(axis=1) > 0.5
    are_good = [level == "good" for level, _ in cache.verdicts(bundle, answers)]
    first, second = (literal(name) for name in ends_of(text, bundle))
    count = min(JUDGED_NEIGHBOURS, len(bundle.latents.labels))
    st.markdown(
        f"Applied to {len(tried)} images of {first} that were not used to find it, the direction "
        f"leads **{are_there.sum()}** to where most of the {count} nearest test images "
        f"are of {second}; **{sum(are_good)}** of the answers can be trusted."
    )
