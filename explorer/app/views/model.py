"""The Model: how it was trained, its figures with their definitions, and samples."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from explorer.app import cache, session
from explorer.app.card_words import (
    architecture,
    describe_augmentation,
    describe_reading,
    describe_seeds,
)
from explorer.app.comparison import render_comparison
from explorer.app.exports import download, figures, menu
from explorer.app.latent_files import latents_csv, latents_npz
from explorer.app.view import Detail, Option, View
from explorer.app.words import describe_likelihood, explain_neg_elbo, literal, percent, table
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import AdoptionCard
from explorer.bundle.files import read_file
from explorer.bundle.sheets import plane_of
from explorer.core.likelihoods import LIKELIHOODS
from explorer.core.subsets import evenly_spaced
from explorer.notation import parse_count
from explorer.web.document import Look, estimated_size, write_page
from explorer.web.figures import further_figures, kl_definition, likelihood_note, main_figures

HELP = """
All figures are measured on the test set; terms are in **nats per image** (summed over pixels and
dimensions). `python -m explorer verify` computes them again from weights and data.
"""
SAMPLES_HELP = """
The **prior** N(0, I) is the distribution that a VAE is meant to be sampled from. A draw of the
**aggregate posterior** takes a training image at random and draws from its posterior. The
**mixture** of up to 20 Gaussians is fitted to the training images' means, and knows no single one
of them. If draws from the prior fall into much thinner places than the others, the encoder leaves
parts of the prior unused.
"""
DISTRIBUTIONS: Mapping[cache.DrawnFrom, str] = {
    "Prior": "N(0, I)",
    "Mixture": "a Gaussian mixture fitted to training images' latents",
    "Aggregate posterior": "the posteriors of training images",
}
DRAWN = Option("drawn", "Prior", tuple(DISTRIBUTIONS))


def render_view(bundle: Bundle) -> None:
    """Draw the view: its sections as tabs, of which only the open one is drawn."""
    st.markdown("What was trained, on what, and how good it is.", help=HELP)

    def take() -> None:
        st.session_state[SECTION.name] = st.session_state["section-tab"]

    if st.session_state.get("section-tab") != st.session_state[SECTION.name]:
        st.session_state["section-tab"] = st.session_state[SECTION.name]
    tabs = st.tabs(list(SECTIONS), key="section-tab", on_change=take)
    for render, tab in zip(SECTIONS.values(), tabs, strict=True):
        if tab.open:
            with tab:
                render(bundle)


def _render_training(bundle: Bundle) -> None:
    _render_figures(bundle)
    _render_figure_exports(bundle)
    if bundle.card.model.adopted:
        if bundle.card.model.has_variance:
            _render_kl(bundle)
        return
    curves, kl = st.columns(2, gap="large")
    with curves:
        st.subheader("Training")
        st.plotly_chart(cache.curves_figure(bundle), key="curves", alt="Training curves")
        st.caption(describe_augmentation(bundle.card.model.recipe))
    with kl:
        _render_kl(bundle)


def _render_figure_exports(bundle: Bundle) -> None:
    with menu("figures") as is_open:
        if not is_open:
            return
        plane, places = plane_of(bundle), bundle.latents.places
        makers: dict[str, Callable[[ModuleType], Any]] = {
            "map": lambda plates: plates.plane_map(bundle, plane),
            "KL": lambda plates: plates.kl(bundle),
        }
        if bundle.history:
            makers["curves"] = lambda plates: plates.curves(bundle)
        if places is not None:
            makers["neighbourhoods"] = lambda plates: plates.neighbourhood_map(bundle, places)
        figures(bundle, makers)


def _render_kl(bundle: Bundle) -> None:
    st.subheader("KL of each dimension", help=kl_definition(bundle.card))
    st.plotly_chart(
        cache.kl_figure(bundle),
        key="kl",
        alt="Bar chart of the KL divergence of each latent dimension",
    )


def _render_figures(bundle: Bundle) -> None:
    m = bundle.card.metrics
    figures = main_figures(bundle.card)
    st.caption(
        f"{explain_neg_elbo('the model explains an image of the test set')} "
        "Compare it within one data set and one likelihood only."
    )
    columns = st.container(key="figures").columns(len(figures))
    for column, (name, value, definition) in zip(columns, figures, strict=True):
        column.metric(name, value, border=True, help=definition)
    if told := describe_seeds(cache.chance(bundle)):
        st.caption(told)
    if not bundle.card.model.has_variance:
        st.caption("The latents have no variance, so there is no KL, and no −ELBO.")
    elif m.neg_elbo is None:
        st.caption("There is no decoder, so there is no reconstruction term, and no −ELBO.")
    else:
        kind = LIKELIHOODS[bundle.card.model.likelihood]
        st.caption(f"Likelihood: {kind.title}. {likelihood_note(bundle.card)}")
    titles = ("figure", "value", "definition")
    rows = further_figures(bundle.card)
    st.markdown(table({title: [row[i] for row in rows] for i, title in enumerate(titles)}))


def _render_pictures(bundle: Bundle) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        _render_reconstructions(bundle)
    if bundle.card.model.has_graphs:
        with right:
            _render_samples(bundle)


def _render_reconstructions(bundle: Bundle) -> None:
    st.subheader("Reconstructions")
    picture, original = cache.reconstructions_png(bundle)
    captions = {
        (True, True): "test images above their reconstructions",
        (True, False): "test images; the model came without reconstructions",
        (False, True): "reconstructions (there are no originals here)",
        (False, False): "there are neither originals nor reconstructions here",
    }
    st.image(
        picture,
        caption=captions[original, bundle.has_reconstructions],
        width="stretch",
        alt="Test images and their reconstructions",
    )
    if not (original or bundle.has_reconstructions):
        return
    with menu("reconstructions") as is_open:
        if is_open:
            originals = cache.originals_of(bundle)
            rows = evenly_spaced(bundle.card.data.test_images, cache.RECONSTRUCTIONS)
            figures(
                bundle,
                {"reconstructions": lambda plates: plates.reconstructions(bundle, originals, rows)},
            )


def _render_samples(bundle: Bundle) -> None:
    st.subheader("Samples", help=SAMPLES_HELP)
    session.choose(DRAWN, "Drawn from")
    source = st.session_state[DRAWN.name]
    z = cache.draw(bundle, source, _seed())
    share = cache.percentiles(bundle, z).mean()
    st.image(
        cache.samples_png(bundle, z),
        caption=f"decoded from draws of {DISTRIBUTIONS[source]}; on average they lie at places "
        f"that are denser than those of {percent(share)} of the test images",
        width="stretch",
        alt=f"Images decoded from random draws of {DISTRIBUTIONS[source]}",
    )

    def draw_again() -> None:
        st.session_state["sample-seed"] = _seed() + 1

    st.button("Draw again", icon=":material/casino:", on_click=draw_again)


def _seed() -> int:
    """The seed of the samples that are shown."""
    seed: int = st.session_state.get("sample-seed", 0)
    return seed


def _apply_seed(text: str, _: Bundle) -> None:
    seed = parse_count(text)
    if seed is None:
        raise ValueError("expected a whole number, such as 7")
    st.session_state["sample-seed"] = seed


def _write_seed(_: Bundle) -> str | None:
    is_shown = st.session_state[SECTION.name] == "Pictures" and _seed()
    return str(_seed()) if is_shown else None


def _render_facts(bundle: Bundle) -> None:
    card = bundle.card
    data, model = card.data, card.model
    if model.adopted:
        _render_adoption(model.adopted)
    else:
        st.subheader("How to reproduce this model")
        st.code(card.training.command, language="bash")
        st.caption(
            f"Seed {card.training.seed}, {len(bundle.history['neg_elbo'])} epochs, "
            f"{card.training.seconds / 60:.1f} minutes, "
            + literal(
                ", ".join(f"{name} {version}" for name, version in card.training.versions.items())
            )
        )
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Data")
        st.markdown(
            f"**{literal(data.title)}**: "
            + ("" if data.reading.whole else f"{data.train_images:,} training and ")
            + f"{data.test_images:,} test images of "
            f"{data.image_shape[1]} × {data.image_shape[0]} pixels, "
            f"{'grey' if data.image_shape[2] == 1 else 'colour'}, "
            f"{len(data.classes)} class{'es' if len(data.classes) > 1 else ''}. "
            f"Read from {literal(data.origin)}: {literal(describe_reading(data))}. "
            f"Licence: {literal(data.licence)}."
        )
    with right:
        st.subheader("Architecture")
        about = "Not known: the model came without encoder and decoder"
        if model.parameters:
            about = f"{model.parameters:,} weights, {describe_likelihood(model.likelihood)}"
        if not model.adopted:
            about = (
                f"Recipe **{literal(model.recipe_name)}**: "
                f"{literal(model.recipe.summary or 'own recipe')}; {about}, "
                f"{model.recipe.objective_summary or 'β = 1'}"
            )
        st.markdown(f"{about}.")
    for title, lines in [] if model.adopted else architecture(model.recipe):
        with st.expander(title):
            st.code("\n".join(lines), language=None)
    _render_downloads(bundle)


def _render_downloads(bundle: Bundle) -> None:
    card = bundle.card
    st.subheader("Downloads")
    rows = np.arange(card.data.test_images)
    with st.container(horizontal=True):
        for label, make, name in (
            ("Card (JSON)", lambda: read_file(bundle.path / "card.json"), "card.json"),
            ("Test latents (CSV)", lambda: latents_csv(bundle, rows), "latents.csv"),
            ("Test latents (NPZ)", lambda: latents_npz(bundle, rows), "latents.npz"),
            ("Training history (JSON)", lambda: json.dumps(bundle.history), "history.json"),
        ):
            if name == "history.json" and card.model.adopted:
                continue
            download(label, make, f"{card.name}-{name}")
        address = session.address()
        download(
            f"Page of one file (HTML, about {estimated_size(bundle) / 1e6:.0f} MB)",
            lambda: write_page([bundle], Look(card.title, start=urlencode(address))),
            f"{card.name}.html", mime="text/html",
            help="This model with its maps and its decoder, for any browser, offline: no server, "
            "no installation. It opens at the current point.",
        )  # fmt: skip


def _render_adoption(adopted: AdoptionCard) -> None:
    """Draw where an adopted model comes from, and how it was read."""
    st.subheader("Where this model comes from")
    st.code(adopted.command, language="bash")
    lines = [f"{literal(name)} {literal(value)}" for name, value in adopted.conventions.items()]
    lines += [*map(literal, adopted.notes)]
    lines += [f"{literal(name)}, SHA-256 `{value}`" for name, value in adopted.files.items()]
    if adopted.licence:
        lines.append(f"Licence: {literal(adopted.licence)}")
    st.markdown("\n".join(f"- {line}" for line in lines))


SECTIONS: dict[str, Callable[[Bundle], None]] = {
    "Figures": _render_training,
    "Comparison": render_comparison,
    "Pictures": _render_pictures,
    "Recipe and data": _render_facts,
}
SECTION = Option("section", "Figures", tuple(SECTIONS))
VIEW = View(
    "Model",
    render_view,
    options=(SECTION, DRAWN),
    details=(Detail("seed", _apply_seed, _write_seed),),
)
