"""The frame of the page: which model, which plane, which view."""

from __future__ import annotations

import shlex
import subprocess
import sys

import streamlit as st

from explorer.app import cache, session
from explorer.app import parts as live
from explorer.app.markdown import literal
from explorer.app.point import coordinates_input, move_buttons
from explorer.app.views import interpolate as interpolate_view
from explorer.app.views import manifold as manifold_view
from explorer.app.views import map as map_view
from explorer.app.views import model as model_view
from explorer.app.views import reconstruct as reconstruct_view
from explorer.app.views import sliders as sliders_view
from explorer.bundle.images import public_name
from explorer.bundle.store import Bundle, BundleError, Card
from explorer.core.geometry import axis_label

RENDER = {
    "Map": map_view.render_view,
    "Manifold": manifold_view.render_view,
    "Sliders": sliders_view.render_view,
    "Interpolate": interpolate_view.render_view,
    "Reconstruct": reconstruct_view.render_view,
    "Model": model_view.render_view,
}
ICONS = {
    "Map": "scatter_plot",
    "Manifold": "grid_view",
    "Sliders": "tune",
    "Interpolate": "linear_scale",
    "Reconstruct": "compare",
    "Model": "monitoring",
}


STYLE = """
<style>
.stMainBlockContainer { padding: 2.2rem 2rem 3rem; }
[data-testid="stSidebarHeader"] { height: 2.4rem; margin-bottom: 0; }
[data-testid="stSidebarUserContent"] h1 { font-size: 1.5rem; padding-top: 0; }
[data-testid="stSidebarUserContent"] h3 { font-size: 1rem; }
.st-key-above { display: none; margin-top: 1.6rem; }
.stApp:has([data-testid="stSidebar"][data-collapsed="true"]) .st-key-above,
.st-key-above:has([data-testid="stAlert"]) { display: flex; }
[data-testid="stTable"] td div { max-width: none; }
@media (max-width: 640px) {
  .st-key-above { margin-top: 0; }
  .st-key-figures [data-testid="stColumn"] { min-width: 40%; }
  :has(> .st-key-end-a), :has(> .st-key-end-b) { flex: none !important; width: 4rem !important; }
  [class*="st-key-source-"] button { padding: 0.25rem 0.6rem; }
  .st-key-stage-point { backdrop-filter: blur(12px); }
  [role="tab"] span[role="img"] { display: none !important; }
  .stMainBlockContainer { padding: 3.2rem 0.8rem 2rem; }
  [data-testid="stColumn"]:has(.st-key-stage-point) {
    order: -1; position: sticky; top: 3.75rem; z-index: 10;
  }
}
</style>
"""
"""Less empty space around the work than Streamlit leaves; the model's name without the sidebar."""


def render_page() -> None:
    """Draw the whole page."""
    st.html(STYLE)
    bundles = cache.list_bundles()
    cards = _in_order({name: card for name, card in bundles.items() if isinstance(card, Card)})
    broken = {name: problem for name, problem in bundles.items() if isinstance(problem, str)}
    first = min(cards, key=lambda name: cards[name].model.latent_dim, default=None)
    session.begin(cards, first)
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
    session.arrive(bundle)
    if live.problem_of(bundle) is None:
        live.mount_model(bundle)
    with st.sidebar:
        _choose_plane(bundle)
        _render_sidebar_point(bundle)
    with st.container(key="above"):
        st.caption(f"**{literal(bundle.card.title)}** · {_neg_elbo(bundle.card)}")
        if sentences := session.notices():
            st.warning("  \n".join(sentences), icon=":material/link_off:")
    _render_views(bundle)
    with st.sidebar:
        _offer_originals(bundle)  # last: some data sets take seconds to read
    if live.problem_of(bundle) is None:
        live.mount_images(bundle)
    session.write_address(bundle)


def _in_order(cards: dict[str, Card]) -> dict[str, Card]:
    """By data set, then dimension."""
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
    """For more than two dimensions: which plane the two-dimensional pictures show."""
    latent_dim = bundle.card.model.latent_dim
    if latent_dim <= 2:
        return
    st.subheader("Plane", divider="gray")
    session.choose(
        "plane",
        "Plane",
        label_visibility="collapsed",
        help="Two latent dimensions through the point, or the directions of largest variance",
    )
    if st.session_state["plane"] != "Dimensions":
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


def _render_sidebar_point(bundle: Bundle) -> None:
    if st.session_state["view"] == "Sliders":
        return  # it has both beside its sliders
    st.subheader("Point", divider="gray")
    coordinates_input(bundle)
    move_buttons(bundle)


def _offer_originals(bundle: Bundle) -> None:
    """A way to get the data set's images where they are not on this machine."""
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
            cache.originals_of.clear()
            st.rerun()


def _render_views(bundle: Bundle) -> None:
    labels = {view: f":material/{ICONS[view]}: {view}" for view in session.VIEWS}
    st.session_state["tab"] = labels[st.session_state["view"]]
    tabs = st.tabs(list(labels.values()), key="tab", on_change=_take_view)
    for view, tab in zip(session.VIEWS, tabs, strict=True):
        if tab.open:
            with tab:
                RENDER[view](bundle)


def _take_view() -> None:
    st.session_state["view"] = st.session_state["tab"].split()[-1]


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
