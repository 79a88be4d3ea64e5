"""Directions that the user makes: a slider along each, and how well it separates images."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import numpy as np
import streamlit as st

from explorer.app import cache, parts, session
from explorer.app.analogies import render_analogy
from explorer.app.exports import download
from explorer.app.view import Detail
from explorer.app.words import literal
from explorer.bundle.bundle import Bundle
from explorer.bundle.directions import MAX_SEED, DirectionKind, ends_of, groups_of, halve, name_of
from explorer.bundle.sheets import REACH
from explorer.bundle.spelling import format_rows
from explorer.core import directions as core
from explorer.drawing import charts
from explorer.notation import MAX_LIST_LENGTH, parse_list, write_list
from explorer.web.contents import direction_row

KINDS: dict[DirectionKind, str] = {
    "means": "Difference of two classes",
    "fitted": "Best separation of two classes",
    "column": "Increasing values of a column",
    "component": "Principal component",
    "random": "Random direction",
    "ends": "From one end of Interpolate to the other",
}
STEPS = 61
MOST = 50
"""Largest number of directions in a file or a link."""
HELP = """
A slider moves the point along a direction, in standard deviations of the test images along it. The
**difference** of two classes leads from the mean of one to that of the other; the **best
separation** is found by logistic regression. Both are found with every other test image and
judged on the rest: the **AUC** is how often an image of the second class lies farther along than
one of the first (½: no better than chance). Groups A and B of the map, and two pins, make
directions too.

**Apply the direction** to an image, and it is moved as far as A is from B: A is to B as the image
is to the answer. Directions that are kept can be the axes of map and manifold.
"""


def _apply(text: str, bundle: Bundle) -> None:
    cache.direction(bundle, text)
    _shown()[bundle.card.name] = text


def _apply_kept(text: str, bundle: Bundle) -> None:
    """Take a link's directions, unless the visit has some: going back must not remove them."""
    entries = parse_list(text)
    if any(len(entry) != 2 for entry in entries):
        raise ValueError("a name and a direction each were expected")
    found = _parse(dict(entries), bundle)
    if not (kept := _kept(bundle)):
        kept.update(found)


def _write(bundle: Bundle) -> str | None:
    text = _shown().get(bundle.card.name)
    return text if text and len(text) <= MAX_LIST_LENGTH else None


def _in_address(bundle: Bundle) -> dict[str, str]:
    """The kept directions for which the address has room."""
    found: dict[str, str] = {}
    for name, text in _kept(bundle).items():
        if len(write_list({**found, name: text}.items())) <= MAX_LIST_LENGTH:
            found[name] = text
    return found


DETAIL = Detail("direction", _apply, _write, lambda bundle: _shown().pop(bundle.card.name, None))
KEPT = Detail(
    "directions", _apply_kept, lambda bundle: write_list(_in_address(bundle).items()) or None
)


def _shown() -> dict[str, str]:
    """The direction that is shown for each model, by the model's name."""
    shown: dict[str, str] = st.session_state.setdefault("directions", {})
    return shown


def _kept(bundle: Bundle) -> dict[str, str]:
    """Directions of a model that are kept for the visit, by name."""
    shelves = st.session_state.setdefault("kept-directions", {})
    kept: dict[str, str] = shelves.setdefault(bundle.content, {})
    return kept


def axes(bundle: Bundle) -> list[dict[str, Any]]:
    """Name and unit vector of each kept direction, in the form that the page's planes take."""
    return [
        {"name": name, "unit": cache.direction(bundle, text).unit.tolist()}
        for name, text in _kept(bundle).items()
    ]


def show(bundle: Bundle, text: str, name: str | None = None) -> None:
    """Keep a direction and open the view that shows it."""
    _shown()[bundle.card.name] = text
    st.session_state["view"] = "Sliders"
    try:
        cache.direction(bundle, text)
    except ValueError:  # the view says why
        return
    _keep(bundle, name or name_of(text, bundle), text)


def show_groups(bundle: Bundle, first: np.ndarray, second: np.ndarray) -> None:
    """Keep and show the direction from one group of test images to another, given as rows."""
    show(bundle, f"groups:{format_rows(first, bundle)}:{format_rows(second, bundle)}")


def _keep(bundle: Bundle, name: str, text: str) -> None:
    """Keep a direction under this name only."""
    kept = _kept(bundle)
    for other in [other for other, known in kept.items() if known == text]:
        del kept[other]
    kept[name] = text


def render_directions(bundle: Bundle) -> None:
    """Choose a direction, move along it, apply it, keep it."""
    text = _shown().get(bundle.card.name)
    with st.expander("Along a direction of your own", expanded=text is not None):
        st.caption("Move the point along a direction of your choice.", help=HELP)
        _render_choice(bundle)
        if text is not None:
            try:
                found = cache.direction(bundle, text)
            except ValueError as error:
                st.warning(f"There is no such direction: {error}.")
            else:
                _render_direction(bundle, text, found)
                render_analogy(bundle, text, found)
        _render_kept(bundle, text)


def _render_choice(bundle: Bundle) -> None:
    classes, columns = bundle.card.data.classes, tuple(bundle.latents.columns)
    shown, *names = _shown().get(bundle.card.name, "").split(":")
    if shown in ("means", "fitted") and "direction-kind" not in st.session_state:
        given = zip(("kind", "a", "b"), (shown, *map(int, names)), strict=True)
        st.session_state.update({f"direction-{name}": value for name, value in given})
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
        st.session_state.setdefault("direction-b", 1)
        second = row.selectbox("To", numbers, format_func=classes.__getitem__, key="direction-b")
        text = f"{kind}:{first}:{second}"
    elif kind == "column":
        text = f"column:{row.selectbox('Column', columns, key='direction-column')}"
    elif kind == "component":
        most = bundle.card.model.latent_dim
        text = f"component:{row.number_input('Number', 1, most, key='direction-component')}"
    elif kind == "random":
        text = f"random:{row.number_input('Seed', 0, MAX_SEED, key='direction-seed')}"
    else:
        state = st.session_state
        text = f"ends:{state.get('a', 'test-0')}:{state.get('b', 'test-1')}"
    row.button(
        "Show", key="direction-show", on_click=_shown().update, args=({bundle.card.name: text},)
    )


def _render_direction(bundle: Bundle, text: str, found: core.Direction) -> None:
    """Draw the slider with its strip, the density along it, and how it separates the groups."""
    note, judged = "", None
    if (groups := groups_of(text, bundle)) is not None:
        chosen, is_second = halve(groups, for_fitting=False)
        judged = found.project(bundle.latents.z_mean[chosen]), is_second
        if len(np.unique(is_second)) == 2:
            note = f"AUC {core.area_under_curve(*judged):.3f}"
    rows = [direction_row(found, _name(bundle, text), note)]
    parts.sliders(bundle, rows, key=f"direction-{bundle.card.name}")
    here = session.point(bundle).astype(np.float64)
    value = found.project(here[np.newaxis])[0]
    steps = np.linspace(-REACH, REACH, STEPS)
    path = here + np.outer(steps - value, found.unit * found.deviation)
    left, right = st.columns(2, gap="medium")
    with left:
        st.caption("Density along the direction, through the point")
        figure = charts.density_figure(cache.percentiles(bundle, path.astype(np.float32)), steps)
        st.plotly_chart(figure, key="direction-density", config={"displayModeBar": False})
    if judged is not None:
        with right:
            st.caption("Test images that were not used to find the direction")
            figure = charts.groups_figure(*judged, ends_of(text, bundle))
            st.plotly_chart(figure, key="direction-groups", config={"displayModeBar": False})


def _name(bundle: Bundle, text: str) -> str:
    """The name under which a direction is kept, else its default name."""
    names = {known: name for name, known in _kept(bundle).items()}
    return names.get(text) or name_of(text, bundle)


def _render_kept(bundle: Bundle, text: str | None) -> None:
    """Directions that were kept for the visit: show, rename, remove, save and load them."""
    kept = _kept(bundle)

    def remove(name: str) -> None:
        kept.pop(name, None)  # already gone if the button is pressed twice quickly

    if text is not None:
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        key = f"direction-name-{crc32(text.encode())}"
        name = row.text_input("Name", _name(bundle, text), key=key, max_chars=60)
        label = "Rename" if text in kept.values() else "Keep"
        row.button(label, key="direction-keep", on_click=_keep, args=(bundle, name, text))
    for name, kept_text in kept.items():
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.markdown(literal(name), width="stretch")
        show = {bundle.card.name: kept_text}
        row.button("Show", key=f"show-{name}", on_click=_shown().update, args=(show,))
        row.button("Remove", key=f"remove-{name}", on_click=remove, args=(name,))
    in_address = _in_address(bundle)
    if left_out := [name for name in kept if name not in in_address]:
        st.caption(
            f"Too long for the page's address and links: {', '.join(map(literal, left_out))}. "
            "Save the directions as JSON to keep them after this visit."
        )
    if kept:
        content = json.dumps(kept, indent=1, ensure_ascii=False)
        download("JSON", lambda: content, f"{bundle.card.name}-directions.json")
    key = f"directions-{bundle.card.name}"
    saved = st.file_uploader(
        "Load directions", "json", key=key, on_change=_load, args=(bundle, key)
    )
    if saved is not None and (problem := st.session_state.get("not-loaded")):
        st.warning(f"No direction was loaded: {literal(problem)}.")


def _load(bundle: Bundle, key: str) -> None:
    """Keep the directions of a file when it is chosen, or remember why they cannot be kept."""
    state = st.session_state
    state.pop("not-loaded", None)
    if state[key] is None:
        return
    try:
        named = json.loads(state[key].getvalue())
        if not isinstance(named, dict):
            raise ValueError("names and directions were expected, as they are saved here")
        _kept(bundle).update(_parse(named, bundle))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        state["not-loaded"] = "the file is not JSON, as directions are saved here"
    except ValueError as error:
        state["not-loaded"] = str(error)


def _parse(named: dict[str, Any], bundle: Bundle) -> dict[str, str]:
    """Directions by name, as text.

    Raises:
        ValueError: with a sentence, if there are too many or the model has no such direction.
    """
    if len(named) > MOST:
        raise ValueError(f"there are {len(named)} directions, and at most {MOST} can be kept")
    found = {name: str(text) for name, text in named.items()}
    for text in found.values():
        cache.direction(bundle, text)
    return found
