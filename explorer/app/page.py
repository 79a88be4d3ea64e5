"""The frame of the page: which model, which plane, which view."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import streamlit as st

from explorer.app import address, cache, parts, session
from explorer.app.point import coordinates_input, move_buttons
from explorer.app.view import View
from explorer.app.views import VIEWS
from explorer.app.words import literal
from explorer.bundle.card import BundleError, Card
from explorer.bundle.images import public_name
from explorer.bundle.store import Bundle
from explorer.core.geometry import axis_label

STYLE = Path(__file__).with_suffix(".css")


def render_page() -> None:
    """Draw the whole page."""
    st.html(STYLE)
    bundles = cache.list_bundles()
    cards = _in_order({name: card for name, card in bundles.items() if isinstance(card, Card)})
    broken = {name: problem for name, problem in bundles.items() if isinstance(problem, str)}
    first = min(cards, key=lambda name: cards[name].model.latent_dim, default=None)
    here = address.Address(VIEWS)
    here.read(cards, first)
    if not cards:
        _render_no_models(broken)
        return
    if st.session_state["model"] not in cards:
        st.session_state["model"] = first
    with st.sidebar:
        st.title("Latent space explorer")
        _choose_model(cards)
        for name, problem in broken.items():
            _show_broken(f"**{literal(name)}** was left out: {literal(problem)}")
    try:
        bundle = cache.open_bundle(st.session_state["model"])
    except BundleError as error:
        _show_broken(f"This model cannot be shown: {literal(str(error))}")
        st.info("Choose another model, or train this one again with `train.py` and `--replace`.")
        return
    here.read_details(bundle)
    parts.mount_model(bundle)
    (view,) = (view for view in VIEWS if view.name == st.session_state["view"])
    with st.sidebar:
        _choose_plane(bundle)
        if not view.has_point:
            st.subheader("Point", divider="gray")
            coordinates_input(bundle)
            move_buttons(bundle)
    with st.container(key="above"):
        st.caption(f"**{literal(bundle.card.title)}** · {_neg_elbo(bundle.card)}")
        if sentences := address.take_notices():
            st.warning("  \n".join(sentences), icon=":material/link_off:")
    _render_tabs(bundle, view)
    with st.sidebar:
        _offer_originals(bundle)  # last: some data sets take seconds to read
    parts.mount_images(bundle)
    here.write(bundle)


def _in_order(cards: dict[str, Card]) -> dict[str, Card]:
    """Sort cards by data set, then by dimension."""
    return dict(
        sorted(
            cards.items(),
            key=lambda entry: (entry[1].data.title, entry[1].model.latent_dim, entry[0]),
        )
    )


def _choose_model(cards: dict[str, Card]) -> None:
    st.radio(
        "Model",
        list(cards),
        key="model",
        format_func=lambda name: literal(cards[name].title),
        captions=[f"{_neg_elbo(card)} · {name}" for name, card in cards.items()],
        help="Data set and latent dimension; test −ELBO in nats per image, lower is better",
    )


def _neg_elbo(card: Card) -> str:
    return f"−ELBO {card.metrics.neg_elbo:.1f} nats"


def _choose_plane(bundle: Bundle) -> None:
    """Controls for the plane of the two-dimensional pictures, above two dimensions."""
    if bundle.card.model.latent_dim <= 2:
        return
    st.subheader("Plane", divider="gray")
    session.choose(
        session.PLANE,
        "Plane",
        label_visibility="collapsed",
        help="Two latent dimensions through the point, or the directions of largest variance",
    )
    if not session.follows_point(bundle):
        return
    kl = bundle.card.metrics.kl_per_dimension
    for column, place, chosen in zip(
        st.columns(2), ("Horizontal", "Vertical"), session.axes(bundle), strict=True
    ):
        key = f"{place}-{bundle.card.name}"
        st.session_state[key] = chosen
        column.selectbox(
            place,
            bundle.dimensions_by_kl,
            key=key,
            format_func=lambda dimension: f"{axis_label(dimension)} · {kl[dimension]:.1f}",
            on_change=_take_axes,
            args=(bundle, place),
            help="By KL, in nats: the dimension that says most comes first",
        )


def _take_axes(bundle: Bundle, changed: str) -> None:
    horizontal, vertical = (
        st.session_state[f"{place}-{bundle.card.name}"] for place in ("Horizontal", "Vertical")
    )
    earlier = session.axes(bundle)
    if st.session_state["model"] != bundle.card.name or (
        horizontal != earlier[0] and vertical != earlier[1]
    ):
        return  # no person changes two controls at once: they forgot what they showed
    if horizontal == vertical:  # choosing the other axis' dimension swaps both
        horizontal, vertical = earlier[1], earlier[0]
    session.choose_axes(bundle, (horizontal, vertical))


def _offer_originals(bundle: Bundle) -> None:
    """A button that fetches the data set's images, if they are not on this machine."""
    data = bundle.card.data
    if cache.originals_of(bundle) is not None:
        return
    st.subheader("Images", divider="gray")
    st.caption(
        f"The images of {literal(data.title)} are not on this machine; "
        "thumbnails are reconstructions."
    )
    source = public_name(data)
    if source is None:
        return
    if st.button("Fetch the data set", icon=":material/download:"):
        with st.spinner(f"Fetching {literal(data.title)} …"):
            done = subprocess.run(
                [sys.executable, "-m", "explorer.datasets", source],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it was stopped"]
            st.error(f"The images could not be fetched: {literal(said[-1])}")
        else:
            cache.forget_originals()
            st.rerun()


def _render_tabs(bundle: Bundle, view: View) -> None:
    by_label = {view.label: view for view in VIEWS}

    def take() -> None:
        st.session_state["view"] = by_label[st.session_state["tab"]].name

    st.session_state["tab"] = view.label
    for label, tab in zip(
        by_label, st.tabs(list(by_label), key="tab", on_change=take), strict=True
    ):
        if tab.open:
            with tab:
                by_label[label].render(bundle)


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
