"""Interpolate: the images between two chosen ones, along a line or a great arc."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.app.address import parse_test_image
from explorer.app.exports import download, npz
from explorer.app.point import render_point, stage
from explorer.app.upload import upload_and_prepare
from explorer.app.view import Detail, Option, View
from explorer.app.words import describe, describe_test_image, literal, percent
from explorer.bundle.store import Bundle
from explorer.core.paths import lerp, slerp
from explorer.drawing import raster
from explorer.notation import parse_latent

WALKS = {"Straight line": lerp, "Great arc": slerp}
PATH = Option("path", "Straight line", tuple(WALKS))
STEPS = Option("steps", 12, tuple(range(3, 41)))

HELP = """
Both ends are places in the latent space. Decoding the places between them shows whether the
space is *smooth*: a good one passes through believable images.

A **straight line** (lerp) is the shortest way. A **great arc** (slerp; Shoemake 1985, White 2016)
keeps the distance from the origin between that of its ends. It is here to be compared: on the
models that ship it passed through thinner places than the straight line, changed the pictures
more and came back less exactly.
"""
SOURCES = ("Test image", "The point", "Upload")
GALLERY = 16
SMOOTH = 61
"""Points of the path that the scrubber runs along; between them it goes straight."""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("Choose two images and see what lies between them.", help=HELP)
    _setdefault_ends(bundle)
    main, side = stage()
    with side:
        render_point(bundle)  # first: the path's picture takes its place
    with main:
        _render_path(bundle)


def _render_path(bundle: Bundle) -> None:
    columns = st.columns(2, gap="medium")
    for name, column in zip("ab", columns, strict=True):
        with column, st.container(border=True):
            _render_end(bundle, name)
    ends = [end_latent(bundle, st.session_state[name]) for name in "ab"]
    walk, count = _render_path_controls()
    path = walk(*ends, np.linspace(0.0, 1.0, count))
    images = cache.decoded(bundle, path)
    _render_strip(bundle, path, images)
    parts.scrubber(
        bundle, walk(*ends, np.linspace(0.0, 1.0, SMOOTH)), key=f"scrubber-{bundle.card.name}"
    )
    _render_exports(bundle, path, images)
    _render_map(bundle, path)


def end_latent(bundle: Bundle, end: str) -> np.ndarray:
    """The latent of an end as session and address write it: ``test-17`` or coordinates.

    Raises:
        ValueError: the model has no such end.
    """
    row = parse_test_image(end, bundle)
    if row is not None:
        return np.asarray(bundle.latents.z_mean[row])
    return parse_latent(end, bundle.card.model.latent_dim)


def _detail(name: str) -> Detail:
    """An end of the path in the address."""

    def take(text: str, bundle: Bundle) -> None:
        end_latent(bundle, text)
        _set_end(name, text)

    return Detail(name, take, lambda bundle: st.session_state.get(name))


VIEW = View(
    "Interpolate",
    render_view,
    options=(PATH, STEPS),
    details=(_detail("a"), _detail("b")),
    needs_decoder=True,
)


def _setdefault_ends(bundle: Bundle) -> None:
    """Two images of different classes, unless ends that fit this model are chosen already."""
    labels = bundle.latents.labels
    second = int(np.argmax(labels != labels[0])) or len(labels) - 1
    for name, row in (("a", 0), ("b", second)):
        try:
            end_latent(bundle, st.session_state.get(name) or "")
        except ValueError:
            st.session_state[name] = f"test-{row}"


def _render_end(bundle: Bundle, name: str) -> None:
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
    if source != "Upload":  # which counts as a new one when it is chosen again
        st.session_state.pop(f"uploaded-{name}", None)
    if source == "Test image":
        _choose_test_image(bundle, name)
    elif source == "The point":
        st.button(
            f"Use {describe(session.point(bundle))}",
            key=f"take-{name}",
            on_click=_set_end,
            args=(name, session.format_latent(session.point(bundle))),
            help="Move the point in any other view first, by a click on the map for instance",
        )
    else:
        _take_upload(bundle, name)
    with picture:
        _render_end_picture(bundle, st.session_state[name])


def _take_upload(bundle: Bundle, name: str) -> None:
    """Put the end where the encoder puts an upload: once, so that a click may move it later."""
    prepared = upload_and_prepare(bundle, key=f"interpolate-{name}", adjustable=False)
    end, former = None, st.session_state.get(f"uploaded-{name}")
    if prepared is not None:
        z_mean, _ = bundle.codec.encode(prepared[np.newaxis])
        end = session.format_latent(session.rounded(z_mean[0]))
        if end != former:
            _set_end(name, end)
    elif former is not None and former == st.session_state[name]:  # it was removed
        del st.session_state[name]
        _setdefault_ends(bundle)
    st.session_state[f"uploaded-{name}"] = end


def _render_end_picture(bundle: Bundle, end: str) -> None:
    row = parse_test_image(end, bundle)
    if row is not None:
        image = cache.pictures(bundle, np.array([row]))[0][0]
        caption = describe_test_image(bundle, row)
    else:
        z = end_latent(bundle, end)
        image = cache.decoded(bundle, z[np.newaxis])[0]
        caption = describe(z)
    st.image(raster.crisp(image), width="stretch", caption=literal(caption), alt=caption)


def _choose_test_image(bundle: Bundle, name: str) -> None:
    classes = bundle.card.data.classes
    labels = bundle.latents.labels
    flow = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    chosen_class = flow.container(width="stretch").selectbox(
        "Class", ("Any class", *classes), key=f"class-{name}", persist_state="session"
    )
    candidates = np.arange(len(labels))
    if chosen_class != "Any class":
        candidates = np.flatnonzero(labels == classes.index(chosen_class))
    if not len(candidates):
        st.caption("The test set holds no image of this class.")
        return
    seed_key = f"gallery-{name}"
    seed = st.session_state.setdefault(seed_key, 0)

    def show_others() -> None:
        st.session_state[seed_key] += 1

    def take_any() -> None:
        _set_end(name, f"test-{np.random.default_rng().choice(candidates)}")

    for label, action, explanation in (
        ("Others", show_others, "Show other images"),
        ("Random", take_any, "Take one at random"),
    ):
        flow.button(label, key=f"{label.lower()}-{name}", on_click=action, help=explanation)
    rows = np.random.default_rng(seed).permutation(candidates)[:GALLERY]
    parts.pick_tile(
        cache.pictures(bundle, rows)[0],
        lambda tile: _set_end(name, f"test-{rows[tile]}"),
        columns=min(8, len(rows)),
        labels=[describe_test_image(bundle, row) for row in rows.tolist()],
        key=f"gallery-tiles-{name}-{bundle.card.name}",
        title="Test images to choose from",
        tile_size=56,
    )


def _set_end(name: str, end: str) -> None:
    st.session_state[name] = end


def _render_path_controls() -> tuple[Callable[..., np.ndarray], int]:
    """The way to walk, as a function of both ends and the places between, and how many images."""
    path, steps = st.columns(2, gap="large")
    with path:
        session.choose(PATH, "Path")
    steps.select_slider("Images", STEPS.choices, key=STEPS.name, persist_state="session")
    return WALKS[st.session_state[PATH.name]], int(st.session_state[STEPS.name])


def _render_strip(bundle: Bundle, path: np.ndarray, images: np.ndarray) -> None:
    density = cache.percentiles(bundle, path)
    here = np.linalg.norm(path - session.point(bundle), axis=1)
    parts.pick_tile(
        images,
        lambda step: session.move_to(bundle, path[step]),
        columns=len(path),
        labels=[
            f"{100 * step / (len(path) - 1):.0f} % of the way: denser than {percent(share)} "
            "of the test images"
            for step, share in enumerate(density)
        ],
        key=f"path-{bundle.card.name}",
        title="The images between both ends; choose one to move the point there",
        selected=int(here.argmin()) if here.min() < 0.01 else None,
        tile_size=112,
    )


def _render_map(bundle: Bundle, path: np.ndarray) -> None:
    target = st.segmented_control(
        "A click on the map chooses the image to start", ("From", "To"), default="From",
        required=True, key="click-target", persist_state="session",
    )  # fmt: skip

    def take(z: np.ndarray, row: int | None) -> None:
        name = "a" if target == "From" else "b"
        end = session.format_latent(session.rounded(z)) if row is None else f"test-{row}"
        _set_end(name, end)

    parts.live_map(bundle, key=f"path-map-{bundle.card.name}", on_click=take, path=path)


def _render_exports(bundle: Bundle, path: np.ndarray, images: np.ndarray) -> None:
    def picture() -> bytes:
        return raster.png(raster.enlarge(raster.tile(images, len(images)), 4))

    def animation() -> bytes:
        return raster.gif([raster.enlarge(image, 8) for image in images])

    name = f"{bundle.card.name}-interpolation"
    with st.container(horizontal=True):
        download("PNG", picture, f"{name}.png", mime="image/png")
        download("GIF", animation, f"{name}.gif", mime="image/gif")
        download("NPZ", lambda: npz(z=path, images=images), f"{name}.npz")
