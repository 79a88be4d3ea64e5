"""The ends of a path and the stops between them: chosen, kept in the address, reordered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.app.gallery import choose_test_image
from explorer.app.reconstruction import apply_image
from explorer.app.upload import upload_and_prepare, uploads
from explorer.app.view import Detail
from explorer.app.words import describe, describe_test_image, literal
from explorer.bundle.bundle import Bundle
from explorer.bundle.spelling import parse_place, parse_test_image

SOURCES = ("Test image", "The point", "Upload", "Drawing")
MOST_STOPS = 12
"""Largest number of stops between the two ends."""


def stops(bundle: Bundle, *, is_loop: bool) -> np.ndarray:
    """The latents to pass through, ``(n, latent_dim)``."""
    state = st.session_state
    ends = [state["a"], *state["via"], state["b"]]
    if is_loop:
        ends.append(state["a"])
    return np.stack([parse_place(end, bundle) for end in ends])


def _setdefault(bundle: Bundle) -> None:
    """Set the ends to images of different classes, unless ends of this model are chosen already."""
    labels = bundle.latents.labels
    second = int(np.argmax(labels != labels[0])) or len(labels) - 1
    for name, row in (("a", 0), ("b", second)):
        if not _is_end(bundle, st.session_state.get(name) or ""):
            st.session_state[name] = f"test-{row}"
    st.session_state["via"] = _stops_between(bundle)


def _is_end(bundle: Bundle, end: str) -> bool:
    try:
        parse_place(end, bundle)
    except ValueError:  # it belongs to another model
        return False
    return True


def _end_detail(name: str) -> Detail:
    """An end of the path in the address."""

    def apply(text: str, bundle: Bundle) -> None:
        parse_place(text, bundle)
        set_end(name, text)

    def write(bundle: Bundle) -> str | None:
        end: str | None = st.session_state.get(name)
        return end if end is not None and _is_end(bundle, end) else None

    return Detail(name, apply, write)


def _apply_stops(text: str, bundle: Bundle) -> None:
    ends = text.split(";")
    for end in ends:
        parse_place(end, bundle)
    st.session_state["via"] = ends[:MOST_STOPS]


def _write_stops(bundle: Bundle) -> str | None:
    return ";".join(_stops_between(bundle)) or None


def _stops_between(bundle: Bundle) -> list[str]:
    """The stops that are valid for this model; others may have been chosen for another one."""
    return [end for end in st.session_state.get("via", ()) if _is_end(bundle, end)]


DETAILS = (_end_detail("a"), _end_detail("b"), Detail("via", _apply_stops, _write_stops))
"""The ends and stops in the address."""


def _write_upload(_: Bundle) -> str | None:
    """Return "upload" if an end was uploaded: the address has its latent, but not its image."""
    is_shown = (
        st.session_state.get(f"source-{name}") == "Upload" and _upload_key(name) in uploads()
        for name in "ab"
    )
    return "upload" if any(is_shown) else None


UPLOADED = Detail("image", apply_image, _write_upload)


def render_ends(bundle: Bundle) -> None:
    """Draw both ends, each in a box."""
    _setdefault(bundle)
    for name, column in zip("ab", st.columns(2, gap="medium"), strict=True):
        with column, st.container(border=True, key=f"choice-{name}"):
            _render_end(bundle, name)


def _render_end(bundle: Bundle, name: str) -> None:
    """Draw an end, and the ways to choose it."""
    flow = st.container(horizontal=True, gap="small")
    picture = flow.container(width=88, key=f"end-{name}")
    source = flow.container(width="stretch").segmented_control(
        "From" if name == "a" else "To",
        SOURCES,
        default=SOURCES[0],
        required=True,
        key=f"source-{name}",
        persist_state="session",
    )
    if source == "Test image":
        choose_test_image(bundle, name, partial(set_end, name))
    elif source == "The point":
        st.button(
            f"Use {describe(session.point(bundle))}",
            key=f"take-{name}",
            on_click=set_end,
            args=(name, session.format_latent(session.point(bundle))),
            help="Move the point first, for instance by a click on the map in the Map view",
        )
    own = None
    if source == "Drawing":
        own = parts.draw(bundle, key=f"draw-{name}-{bundle.card.name}", sheet=name)
    elif source == "Upload":
        own = upload_and_prepare(bundle, key=_upload_key(name))
    _follow(bundle, name, source, own)
    image, caption = _picture_of(bundle, st.session_state[name])
    shown = cache.data_uri(image, is_crisp=True)
    picture.image(shown, width="stretch", caption=literal(caption), alt=caption)


def render_stops_between(bundle: Bundle) -> None:
    """Draw the stops between the ends, with buttons to add, reorder and remove them."""
    between: list[str] = st.session_state["via"]
    chosen = min(st.session_state.get("stop", 0), len(between) - 1)

    def add(end: str) -> None:
        between.append(end)
        st.session_state["stop"] = len(between) - 1

    def add_test_image() -> None:
        add(f"test-{np.random.default_rng().integers(bundle.card.data.test_images)}")

    def move(stop: int, to: int) -> None:
        between.insert(to, between.pop(stop))
        st.session_state["stop"] = to

    def remove() -> None:
        del between[chosen : chosen + 1]  # a slice: no error if pressed twice quickly

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Stops in between", width="content")
        is_full = len(between) >= MOST_STOPS
        st.button("Add a random test image", on_click=add_test_image, disabled=is_full)
        st.button(
            "Add the point", disabled=is_full,
            on_click=lambda: add(session.format_latent(session.point(bundle))),
        )  # fmt: skip
        if between:
            for label, icon, action in (
                ("Earlier", "arrow_back", lambda: move(chosen, (chosen - 1) % len(between))),
                ("Later", "arrow_forward", lambda: move(chosen, (chosen + 1) % len(between))),
                ("Remove", "delete", remove),
            ):
                st.button(label, icon=f":material/{icon}:", key=f"stop-{label}", on_click=action)
    if between:
        tiles, names = zip(*(_picture_of(bundle, end) for end in between), strict=True)
        parts.pick_tile(
            np.stack(tiles),
            lambda tile: st.session_state.update(stop=tile),
            columns=len(between),
            labels=names,
            key=f"stops-{bundle.card.name}",
            title="The stops between both ends; drag one to its place, choose one to remove it",
            selected=chosen,
            tile_size=56,
            on_move=move,
        )


def _follow(bundle: Bundle, name: str, source: str, own: np.ndarray | None) -> None:
    """Move the end to the latent of the user's own image, when image, source or model is new.

    It is moved only once, so that a click on the map can move it later.
    """
    former_source, former = st.session_state.get(f"own-{name}", (source, None))
    if former_source != source:
        former = None
    end = None if own is None else _encoded(bundle, own)
    if end is not None and end != former:
        set_end(name, end)
    elif end is None and former is not None and former == st.session_state[name]:  # it was removed
        del st.session_state[name]
        _setdefault(bundle)
    st.session_state[f"own-{name}"] = source, end


def _upload_key(name: str) -> str:
    return f"interpolate-{name}"


def _encoded(bundle: Bundle, image: np.ndarray) -> str:
    """The encoder's latent of the user's own image, in the address's notation."""
    z_mean, _ = bundle.codec.encode(image[np.newaxis])
    return session.format_latent(session.rounded(z_mean[0]))


def _picture_of(bundle: Bundle, end: str) -> tuple[np.ndarray, str]:
    """The picture and the caption of an end."""
    row = parse_test_image(end, bundle)
    if row is not None:
        return cache.pictures(bundle, np.array([row]))[0][0], describe_test_image(bundle, row)
    z = parse_place(end, bundle)
    return cache.decoded(bundle, z[np.newaxis])[0], describe(z)


def choose_clicked() -> Callable[[np.ndarray, int | None], None]:
    """Draw a control for which end a click on the map sets; return the callback of such a click."""
    target = st.segmented_control(
        "A click on the map chooses the end", ("From", "To"), default="From",
        required=True, key="click-target", persist_state="session",
    )  # fmt: skip

    def take(z: np.ndarray, row: int | None) -> None:
        end = session.format_latent(session.rounded(z)) if row is None else f"test-{row}"
        set_end("a" if target == "From" else "b", end)

    return take


def translate(
    bundle: Bundle, latent_in: Callable[[np.ndarray], np.ndarray | None], *, keeps_images: bool
) -> None:
    """Bring ends and stops to another model.

    Args:
        bundle: the model to which they belong.
        latent_in: the other model's latent for one of this model; None if there is none.
        keeps_images: whether test images keep their rows.
    """

    def translated(end: str) -> str:
        if keeps_images and parse_test_image(end, bundle) is not None:
            return end
        z = latent_in(parse_place(end, bundle))
        return end if z is None else session.format_latent(session.rounded(z))

    state = st.session_state
    for name in "ab":
        if _is_end(bundle, end := state.get(name) or ""):
            state[name] = translated(end)
    state["via"] = [translated(end) for end in _stops_between(bundle)]


def set_end(name: str, end: str) -> None:
    """Set an end of a path or a direction to a place, written as ``parse_place`` reads it."""
    st.session_state[name] = end
