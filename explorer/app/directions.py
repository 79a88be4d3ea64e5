"""Directions that a person makes: a slider along each, and how well it tells images apart."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.app.exports import download
from explorer.app.view import Detail
from explorer.app.words import literal
from explorer.bundle.directions import Kind, groups_of, name_of
from explorer.bundle.sheets import REACH
from explorer.bundle.store import Bundle
from explorer.core import directions as core
from explorer.drawing import charts
from explorer.web.contents import direction_row

KINDS: dict[Kind, str] = {
    "means": "Difference of two classes",
    "fitted": "Best separation of two classes",
    "column": "Where a column grows",
    "component": "Principal component",
    "random": "At random",
    "ends": "From one end of Interpolate to the other",
}
STEPS = 61
HELP = """
A slider moves the point along a direction, in standard deviations of the test images along it. The
**difference** of two classes leads from the mean of one to that of the other; the **best
separation** is found by logistic regression. Both are found with every other test image, and
judged by the rest: the **AUC** is how often an image of the second class lies farther along than
one of the first (½: no better than chance). Move the point to an image first, and the slider
applies the direction to it: A is to B as this image to what you see.
"""


def _take(text: str, bundle: Bundle) -> None:
    cache.direction(bundle, text)
    st.session_state.setdefault("directions", {})[bundle.card.name] = text


DETAIL = Detail(
    "direction", _take, lambda bundle: st.session_state.get("directions", {}).get(bundle.card.name)
)


def render_directions(bundle: Bundle) -> None:
    """Choose a direction, move along it, keep it."""
    made: dict[str, str] = st.session_state.setdefault("directions", {})
    text = made.get(bundle.card.name)
    with st.expander("Along a direction of your own", expanded=text is not None):
        st.caption("Classes, columns and components have directions.", help=HELP)
        _render_choice(bundle, made)
        if text is not None:
            try:
                found = cache.direction(bundle, text)
            except ValueError as error:
                st.warning(f"There is no such direction: {error}.")
            else:
                _render_direction(bundle, text, found)
        _render_kept(bundle, made)


def _render_choice(bundle: Bundle, made: dict[str, str]) -> None:
    classes, columns = bundle.card.data.classes, tuple(bundle.latents.columns)
    kinds = [
        kind
        for kind in KINDS
        if (kind not in ("means", "fitted") or len(classes) > 1) and (kind != "column" or columns)
    ]
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    kind = row.selectbox("Kind", kinds, format_func=KINDS.__getitem__, key="direction-kind")
    numbers = range(len(classes))
    if kind in ("means", "fitted"):
        first = row.selectbox("From", numbers, format_func=classes.__getitem__, key="direction-a")
        second = row.selectbox(
            "To", numbers, index=1, format_func=classes.__getitem__, key="direction-b"
        )
        text = f"{kind}:{first}:{second}"
    elif kind == "column":
        text = f"column:{row.selectbox('Column', columns, key='direction-column')}"
    elif kind == "component":
        most = bundle.card.model.latent_dim
        text = f"component:{row.number_input('Number', 1, most, key='direction-component')}"
    elif kind == "random":
        text = f"random:{row.number_input('Seed', 0, 2**31, key='direction-seed')}"
    else:
        state = st.session_state
        text = f"ends:{state.get('a', 'test-0')}:{state.get('b', 'test-1')}"
    row.button("Show", key="direction-show", on_click=made.update, args=({bundle.card.name: text},))


def _render_direction(bundle: Bundle, text: str, found: core.Direction) -> None:
    """The slider with its strip, and what the test images say of the direction."""
    note, groups = "", None
    if text.startswith(("means:", "fitted:")):
        chosen, is_second = groups_of(text.partition(":")[2], bundle)
        chosen &= ~core.is_for_fitting(len(chosen))
        places, is_second = found.project(bundle.latents.z_mean[chosen]), is_second[chosen]
        if len(np.unique(is_second)) == 2:
            note = f"AUC {core.area_under_curve(places, is_second):.3f}"
        groups = places, is_second
    rows = [direction_row(found, name_of(text, bundle), note)]
    parts.sliders(bundle, rows, key=f"direction-{bundle.card.name}")
    here = session.point(bundle).astype(np.float64)
    value = found.project(here[np.newaxis])[0]
    steps = np.linspace(-REACH, REACH, STEPS)
    path = here + np.outer(steps - value, found.unit * found.deviation)
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("Density along it through the point")
        figure = charts.path_figure(
            cache.percentiles(bundle, path.astype(np.float32)), 10, steps, "standard deviations"
        )
        st.plotly_chart(figure, key="direction-density", config={"displayModeBar": False})
    if groups is not None:
        with right:
            st.caption("Test images that were not used to find it")
            names = [bundle.card.data.classes[int(number)] for number in text.split(":")[1:]]
            figure = charts.groups_figure(*groups, names)
            st.plotly_chart(figure, key="direction-groups", config={"displayModeBar": False})


def _render_kept(bundle: Bundle, made: dict[str, str]) -> None:
    """Directions that were kept for the visit: show, rename, remove, save and load them."""
    shelves = st.session_state.setdefault("kept-directions", {})
    kept: dict[str, str] = shelves.setdefault(bundle.card.name, {})
    text = made.get(bundle.card.name)
    if text is not None:
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        name = row.text_input("Name", name_of(text, bundle), key=f"direction-name-{text}")
        row.button("Keep", key="direction-keep", on_click=kept.update, args=({name: text},))
    for name, kept_text in kept.items():
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.markdown(literal(name), width="stretch")
        show = {bundle.card.name: kept_text}
        row.button("Show", key=f"show-{name}", on_click=made.update, args=(show,))
        row.button("Remove", key=f"remove-{name}", on_click=kept.__delitem__, args=(name,))
    if kept:
        content = json.dumps(kept, indent=1, ensure_ascii=False)
        download("JSON", lambda: content, f"{bundle.card.name}-directions.json")
    saved = st.file_uploader("Load directions", "json", key=f"directions-{bundle.card.name}")
    if saved is not None:
        _load(saved.getvalue(), bundle, kept)


def _load(content: bytes, bundle: Bundle, kept: dict[str, str]) -> None:
    try:
        loaded = {str(name): str(text) for name, text in dict(json.loads(content)).items()}
        for text in loaded.values():
            cache.direction(bundle, text)
    except (ValueError, TypeError) as error:
        st.warning(f"These are no directions of this model, as saved here: {literal(str(error))}.")
    else:
        kept |= loaded
