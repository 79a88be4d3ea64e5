"""The same test images in other models and in published systems."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import streamlit as st

from explorer.app import cache
from explorer.app.words import describe_likelihood, literal, table
from explorer.bundle.bundle import Bundle, Reference
from explorer.bundle.card import Card
from explorer.drawing import charts
from explorer.notation import with_minus
from explorer.recipes.published import published_loss

HELP = """
All models of the table are measured on the same test images. −ELBO, reconstruction, KL and bound
are in **nats per image**; the lower the −ELBO and the bound, the better. Models that are not in the
sidebar are kept without their weights, for comparison only.
"""


def render_comparison(bundle: Bundle) -> None:
    """Draw the table, the curves and the published figures, where there are any."""
    found = cache.list_references()
    this = Reference(bundle.card, bundle.history)
    others = comparable([entry for entry in found if isinstance(entry, Reference)], bundle.card)
    st.subheader(f"Beside other models of {literal(bundle.card.data.title)}", help=HELP)
    if others:
        _render_table(this, others)
        _render_curves(this, others)
    else:
        st.caption("There is no other model of these test images here.")
    if lines := [line for entry in (this, *others) if (line := published_line(entry))]:
        st.subheader("Beside published figures")
        st.markdown("\n".join(f"- {line}" for line in lines))
    for problem in (entry for entry in found if isinstance(entry, str)):
        st.caption(f":material/broken_image: Left out of the comparison: {literal(problem)}")


def comparable(references: Sequence[Reference], card: Card) -> list[Reference]:
    """Other references with the test images of a card, sorted by dimension and −ELBO."""
    same = [other for other in references if other.card.data.test_sha256 == card.data.test_sha256]
    return sorted((other for other in same if other.card != card), key=_by_dimension)


def comparison_table(references: Sequence[Reference], marked: int) -> dict[str, list[str]]:
    """Table columns by title, with a row for each model; the row ``marked`` has a mark."""

    def written(form: str, values: Iterable[float | None]) -> list[str]:
        return ["–" if value is None else with_minus(value, form) for value in values]

    cards = [one.card for one in references]
    metrics = [card.metrics for card in cards]
    bounds = [m.importance.bound if m.importance else None for m in metrics]
    minutes = [None if c.model.adopted else c.training.seconds / 60 for c in cards]
    recipes = [(card.model.recipe_name or "adopted", *peculiarities(card)) for card in cards]
    return {
        "": ["●" if row == marked else "" for row in range(len(cards))],
        "model": [card.name for card in cards],
        "dimensions": [str(card.model.latent_dim) for card in cards],
        "recipe": [", ".join(words) for words in recipes],
        "weights": written(",", (card.model.parameters for card in cards)),
        "epochs": written("", (len(one.history.get("neg_elbo", ())) or None for one in references)),
        "−ELBO": written(".2f", (m.neg_elbo for m in metrics)),
        "reconstruction": written(".2f", (m.reconstruction for m in metrics)),
        "KL": written(".2f", (m.kl for m in metrics)),
        "bound": written(".2f", bounds),
        "minutes": written(".1f", minutes),
    }


def peculiarities(card: Card) -> list[str]:
    """How a model's objective and likelihood differ from an ELBO with a Bernoulli likelihood."""
    found = []
    if not card.model.adopted and card.model.recipe.objective_summary:
        found.append(card.model.recipe.objective_summary)
    if card.metrics.neg_elbo is not None and card.model.likelihood != "bernoulli":
        found.append(describe_likelihood(card.model.likelihood))
    return found


def _render_table(this: Reference, others: Sequence[Reference]) -> None:
    models = sorted((this, *others), key=_by_dimension)
    shown = comparison_table(models, models.index(this))
    st.markdown(table(shown, numbers=shown.keys() - {"", "model", "recipe"}))
    importance = this.card.metrics.importance
    sentence = "−ELBO = reconstruction + KL. "
    if importance:
        sentence += (
            f"Bound: importance-sampled, K = {importance.samples}, on {importance.images:,} of "
            "the test images. "
        )
    sentence += "Minutes: training time on the machine that was used. ●: this model."
    if len({model.card.model.likelihood for model in models}) > 1:
        sentence += (
            " Nats of different likelihoods do not compare, and the chart leaves the others out."
        )
    st.caption(sentence)


def _by_dimension(reference: Reference) -> tuple[int, float]:
    card = reference.card
    neg_elbo = card.metrics.neg_elbo
    return card.model.latent_dim, math.inf if neg_elbo is None else neg_elbo


def _render_curves(this: Reference, others: Sequence[Reference]) -> None:
    likelihood, latent_dim = this.card.model.likelihood, this.card.model.latent_dim
    shown = [one for one in (this, *others) if one.card.model.likelihood == likelihood]
    shown.sort(key=lambda one: one.card.model.latent_dim != latent_dim)
    near = [one for one in shown if one.card.model.latent_dim == latent_dim]
    with st.container(horizontal=True):
        if 1 < len(near) < len(shown):
            which = st.segmented_control(
                "Models", (f"{latent_dim}-D", "All"), default=f"{latent_dim}-D",
                key=f"compared-{this.card.name}", required=True, persist_state="session",
            )  # fmt: skip
            shown = shown if which == "All" else near
        unit = st.segmented_control(
            "Time in", ("Epochs", "Minutes"), default="Epochs", key="time-in", required=True,
            persist_state="session",
        )  # fmt: skip
    in_minutes = unit == "Minutes"
    curves = tuple(curve_of(one, in_minutes=in_minutes) for one in shown)
    figure = cache.comparison_figure(curves, time="minutes" if in_minutes else "epochs")
    st.plotly_chart(figure, key="comparison", alt="Held-out −ELBO of these models by time")
    st.caption(
        "The curves are those of images that each model held out of its training, with one draw "
        "of z: close to the figures above, but not the same."
    )


def curve_of(reference: Reference, *, in_minutes: bool) -> charts.Curve:
    """The −ELBO of the images held out of training, by epochs or by minutes of training."""
    card = reference.card
    values = np.array(reference.history.get("val_neg_elbo", ()), np.float32)
    epochs = np.arange(1, len(values) + 1, dtype=np.float32)
    pace = 1.0
    if in_minutes and len(values):
        pace = card.training.seconds / 60 / len(values)
    name = ", ".join((f"{card.name} · {card.model.latent_dim}-D", *peculiarities(card)))
    return charts.Curve(name, epochs * pace, values)


def published_line(reference: Reference) -> str | None:
    """A published system's figure and that of this repetition; None if it repeats none."""
    card = reference.card
    if card.model.adopted:
        return None
    recipe, published = card.model.recipe, card.model.recipe.published
    if published is None:
        return None
    if (card.data.name, card.model.latent_dim) != (published.data, published.latent_dim):
        return None
    loss = published_loss(reference.history, recipe, published.split)
    if not loss:
        return None
    formula = f"reconstruction + {'' if recipe.beta == 1 else f'{recipe.beta:.4g} '}KL"
    unit = f"({formula}) / {published.divisor:g}" if published.divisor != 1 else f"{formula}, nats"
    digits = 2 if published.divisor == 1 else 4
    reports = (
        "shows pictures" if published.value is None else f"reports **{published.value:.{digits}f}**"
    )
    epochs = min(len(loss), published.epochs)
    only = f", after only {epochs} epochs," if epochs < published.epochs else ""
    system = recipe.summary.removeprefix("published system: ") or card.model.recipe_name
    return (
        f"**{literal(card.name)}** repeats a published system, {literal(system)}. Its write-up "
        f"{reports} after {published.epochs} epochs; this one{only} has "
        f"**{loss[epochs - 1]:.{digits}f}** ({published.split} images, {unit})."
    )
