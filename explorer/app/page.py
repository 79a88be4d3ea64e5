"""The frame of the page: the choice of model and view, and the point."""

from __future__ import annotations

import contextlib
import shlex
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from explorer.app import address, cache, directions, parts, pins, session
from explorer.app.fetching import render_fetch
from explorer.app.point import class_input, coordinates_input, move_buttons
from explorer.app.view import View
from explorer.app.views import VIEWS
from explorer.app.words import literal
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import BundleError, Card
from explorer.bundle.images import are_too_large, public_name, why_missing
from explorer.errors import ExplorerError

ICON = Path(__file__).with_name("icon.png")
_TURNS = threading.Semaphore(2)
"""Limits the runs of the script at a time: more would only compete for the interpreter."""
_TURN_SECONDS = 3.0
"""How long a run waits for its turn; after that, another run is slow, and it starts anyway."""


def render_page() -> None:
    """Draw the whole page; a change within the view redraws only the view."""
    here, bundle = address.Address(VIEWS), None
    with _turn(), _showing_problems():
        bundle = _render_around(here)
    if bundle is None:
        return
    with _showing_problems():
        _render_tabs(bundle, here)
        if bundle.card.model.has_graphs:
            pins.render_pins(bundle)
        with st.sidebar:
            _offer_originals(bundle)  # last: some data sets take seconds to read
        parts.mount_images(bundle)


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    has_turn = _TURNS.acquire(timeout=_TURN_SECONDS)
    try:
        yield
    finally:
        if has_turn:
            _TURNS.release()


@contextlib.contextmanager
def _showing_problems() -> Iterator[None]:
    """Show an error that the user can put right, such as a network that took too long."""
    try:
        yield
    except ExplorerError as error:
        _show_broken(literal(str(error)))


def _render_around(here: address.Address) -> Bundle | None:
    """Draw the sidebar and what is above the view; return the model, if there is one to show."""
    bundles = cache.list_bundles()
    cards = cache.usable(bundles)
    broken = {name: problem for name, problem in bundles.items() if isinstance(problem, str)}
    easiest = cache.easiest_first(cards)
    here.read(cards, next(iter(easiest), None))
    if not cards:
        _render_no_models(broken)
        return None
    with st.sidebar:
        st.title("Latent space explorer")
    with st.container():  # always there: Streamlit identifies the view by its position
        bundle = _open_chosen(easiest)
    if bundle is None:
        st.info("Train a model again with `train.py` and `--replace`, then reload this page.")
        return None
    with st.sidebar:
        _choose_model(cards)
        for name, problem in broken.items():
            _show_broken(f"**{literal(name)}** was left out: {literal(problem)}")
        _explain_how_to_add()
    here.read_details(bundle)
    bundle = session.with_label(bundle)
    session.begin(bundle)
    with st.sidebar:
        st.header("Point", divider="gray")
        coordinates_input(bundle)
        move_buttons(bundle)
    with st.container(key="above", gap=None):
        parts.mount_model(bundle)
        parts.mount_frame(bundle, st.session_state["view"], directions.axes(bundle))
        st.caption(f"**{literal(bundle.card.title)}**")
        if sentences := session.take_notices():
            st.warning("  \n".join(sentences), icon=":material/link_off:")
        if bundle.card.model.is_conditional:
            class_input(bundle)
    st.session_state["told"] = _surroundings(bundle)
    return bundle


def _surroundings(bundle: Bundle) -> object:
    """The state that is shown around the view; if it changes, the whole page is redrawn."""
    state, name = st.session_state, bundle.card.name
    point = session.format_latent(session.point(bundle)), *map(len, session.trail(bundle))
    chosen = state["model"], state["view"], state.get("labels", {}).get(name), point
    kept = [axis["name"] for axis in directions.axes(bundle)], len(pins.pins_of(bundle))
    waiting = state.get("refused"), state.get("notices"), *cache.fetches()
    return chosen, kept, waiting, cache.state_of(name)


@st.fragment
def _render_view(view: View, bundle: Bundle, here: address.Address) -> None:
    """Draw the open view of a model."""
    if _surroundings(bundle) != st.session_state["told"]:
        st.rerun()
    with _turn():
        here.hold_options()
        with _showing_problems():
            if view.needs_decoder and not bundle.card.model.has_graphs:
                _explain_what_is_missing(view)
            else:
                view.render(bundle)
        here.write(bundle)


def _explain_how_to_add() -> None:
    """Show the two commands that add a model to the page."""
    with st.popover("Add a model", width="stretch"):
        st.caption("Train one on your own images, then reload this page:")
        st.code("python train.py path/to/images --latent-dim 8", language="bash")
        st.caption("Or bring an encoder and a decoder from PyTorch, Keras or JAX:")
        st.code(
            "python -m explorer adopt my-vae --encoder encoder.onnx \\\n"
            "  --decoder decoder.onnx --data path/to/images",
            language="bash",
        )


def _choose_model(cards: dict[str, Card]) -> None:
    """Draw a row of buttons for each data set; the chosen model's button has a mark.

    Buttons, because they have no state: what an outdated page reports about them is still right.
    """
    by_data: dict[str, list[str]] = {}
    for name, card in cards.items():
        by_data.setdefault(card.data.title, []).append(name)
    labels = short_titles(cards)

    def choose(name: str) -> None:
        st.session_state["model"] = name

    with st.container(key="models", gap="xxsmall"):
        for title, names in by_data.items():
            st.markdown(literal(title))
            with st.container(horizontal=True, gap="xxsmall"):
                for name in names:
                    is_chosen = name == st.session_state["model"]
                    st.button(
                        f"✓ {labels[name]}" if is_chosen else labels[name],
                        key=f"model-{name}",
                        type="primary" if is_chosen else "secondary",
                        on_click=choose,
                        args=(name,),
                    )


def short_titles(cards: dict[str, Card]) -> dict[str, str]:
    """Short titles by bundle name, with the name added where a data set has equal titles.

    Args:
        cards: the cards by bundle name.
    """
    same = Counter((card.data.title, card.title) for card in cards.values())
    titles = {}
    for name, card in cards.items():
        short = card.title.removeprefix(card.data.title).lstrip(" ·") or card.title
        is_alone = same[card.data.title, card.title] == 1
        titles[name] = literal(short if is_alone else f"{short} · {name}")
    return titles


def _open_chosen(names: list[str]) -> Bundle | None:
    """Load the chosen model, or else the first that can be loaded; say which ones cannot be."""
    state = st.session_state
    for name in dict.fromkeys([state["model"], *names]):
        if name not in names:  # it was removed after it was chosen
            continue
        try:
            bundle = cache.open_bundle(name)
        except BundleError as error:
            _show_broken(f"**{literal(name)}** cannot be shown: {literal(str(error))}")
        else:
            if state["model"] not in (None, *names):
                gone, there = literal(state["model"]), literal(name)
                session.notify(f"The model {gone} is no longer usable; {there} is shown.")
            state["model"] = name
            return bundle
    return None


def _offer_originals(bundle: Bundle) -> None:
    """Draw a button that fetches the data set's images, if they are not on this machine."""
    data = bundle.card.data
    if cache.originals_of(bundle) is not None:
        return
    st.header("Images", divider="gray")
    st.caption(
        f"The images of {literal(data.title)} {why_missing(data)}; thumbnails are reconstructions."
    )
    if (source := public_name(data)) and not are_too_large(data):
        render_fetch(source, data.title)


def _render_tabs(bundle: Bundle, here: address.Address) -> None:
    def take() -> None:
        st.session_state["view"] = st.session_state["tab"]

    if st.session_state.get("tab") != st.session_state["view"]:  # setting it undoes a click
        st.session_state["tab"] = st.session_state["view"]
    tabs = st.tabs([view.name for view in VIEWS], key="tab", on_change=take)
    for view, tab in zip(VIEWS, tabs, strict=True):
        if tab.open:
            with tab:
                _render_view(view, bundle, here)


def _explain_what_is_missing(view: View) -> None:
    without = [one.name for one in VIEWS if not one.needs_decoder]
    st.info(
        f"{view.name} needs a decoder, and this model came without one; open "
        f"{', '.join(without[:-1])} or {without[-1]}. A model adopted with its encoder and decoder "
        "has every view.",
        icon=":material/extension_off:",
    )


def _render_no_models(broken: dict[str, str]) -> None:
    st.title("Latent space explorer")
    st.info(
        f"There is no trained model in {literal(str(cache.BUNDLES))} yet. Train one, then reload "
        "this page:",
        icon=":material/model_training:",
    )
    st.code(
        f"python train.py fashion_mnist --latent-dim 2 --output {shlex.quote(str(cache.BUNDLES))}",
        language="bash",
    )
    for name, problem in broken.items():
        _show_broken(f"**{literal(name)}** cannot be used: {literal(problem)}")


def _show_broken(sentence: str) -> None:
    st.error(sentence, icon=":material/broken_image:")
