"""Figures in README and docs agree with the cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from explorer.bundle.bundle import Reference
from explorer.bundle.card import Card
from explorer.bundle.chance import chance_of
from explorer.bundle.store import find_bundles, find_references, load_reference
from explorer.core.likelihoods import LIKELIHOODS
from explorer.recipes.published import published_loss

ROOT = Path(__file__).parents[1]
PRETRAINED = ROOT / "pretrained"
SHIPPED = {path.name: load_reference(path) for path in find_bundles(PRETRAINED)}
MODELS = SHIPPED | {path.name: load_reference(path) for path in find_references(PRETRAINED)}
Row = dict[str, str]


def tables(document: str) -> Iterator[list[Row]]:
    """Yield each table of a document: rows of cells by their column's name, without emphasis."""
    text = (ROOT / document).read_text(encoding="utf-8").replace("**", "")
    for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        header, _, *rows = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])]
                            for line in table.splitlines())  # fmt: skip
        yield [dict(zip(header, row, strict=True)) for row in rows]


def in_words(model: Reference) -> Row:
    """Return what a table may say about a model, by column."""
    card, m = model.card, model.card.metrics
    found = {
        "−ELBO": f"{m.neg_elbo:.2f}",
        "reconstruction": f"{m.reconstruction:.2f}",
        "KL": f"{m.kl:.2f}",
    }
    if m.importance:
        found["bound (−ELBO of the same images)"] = (
            f"{m.importance.bound:.2f} ({m.importance.neg_elbo:.2f})"
        )
    if m.knn_accuracy is not None and m.knn_accuracy_pca is not None:
        accuracies = f"{100 * m.knn_accuracy:.1f} % ({100 * m.knn_accuracy_pca:.1f} %)"
        found |= dict.fromkeys(("k-NN (PCA)", "k-NN accuracy (after PCA)"), accuracies)
    if m.sharpness is not None:
        found["sharpness"] = f"{100 * m.sharpness:.1f} %"
    chance = chance_of(model, MODELS.values())
    if chance:
        found["−ELBO"] += f" ({chance.tell('neg_elbo')}, {len(chance.seeds)} seeds)"
    minutes = f"{card.training.seconds / 60:.1f} min"
    return found | {"training": minutes}


def of_its_gap(model: Reference) -> Row:
    """Return a model's row in the table of amortisation gaps, with −ELBO of fewer images."""
    gap = model.card.metrics.amortisation_gap
    if gap is None:
        return {}
    return {
        "images": f"{gap.images}",
        "−ELBO": f"{gap.neg_elbo:.2f}",
        "refined": f"{gap.refined:.2f}",
        "amortisation gap": f"{gap.neg_elbo - gap.refined:.2f} ± {gap.error:.2f}",
    }


@pytest.mark.parametrize("document", ["README.md", "docs/figures.md"])
def test_every_shipped_model_stands_there_with_the_figures_of_its_card(document: str) -> None:
    rows = [row for table in tables(document) for row in table if "model" in row]
    for model in SHIPPED.values():
        found = [row for row in rows if row["model"] == model.card.title]
        assert found, model.card.title
        for row in found:
            expected = in_words(model) | (of_its_gap(model) if "amortisation gap" in row else {})
            known = row.keys() & expected.keys()
            assert known
            assert {name: row[name] for name in known} == {name: expected[name] for name in known}


def test_published_systems_have_the_figures_of_their_references() -> None:
    (rows,) = (table for table in tables("docs/figures.md") if "published" in table[0])
    for row in rows:
        name = re.search(r"--name (\S+)`", row["command"])
        assert name
        card, history = vars(MODELS[name[1]]).values()
        assert card.training.command.split() == row["command"].strip("`").split()
        published = card.model.recipe.published
        digits = 2 if published.divisor == 1 else 4
        loss = published_loss(history, card.model.recipe, published.split)[: published.epochs]
        ours = f"{loss[-1]:.{digits}f}"
        if len(loss) < published.epochs:
            ours += f", {len(loss)} of {published.epochs} epochs"
        assert row["its figure, ours"] == ours
        reported = "–" if published.value is None else f"{published.value:.{digits}f}"
        assert row["published"] == reported
        density = " (density)" if card.model.likelihood == "gaussian" else ""
        assert row["test −ELBO"] == f"{card.metrics.neg_elbo:.2f}{density}"
        assert row["time"] == f"{card.training.seconds / 60:.0f} min"
        value, beside = row["our recipe"].split(", ")
        other = MODELS[beside.strip("`")].card
        assert value == f"{other.metrics.neg_elbo:.2f}"
        assert same_task(card, other)


def same_task(one: Card, other: Card) -> bool:
    """Return whether two models have the same images, dimension and likelihood."""
    first, second = (
        (card.data.test_sha256, card.model.latent_dim, card.model.likelihood)
        for card in (one, other)
    )
    return first == second


def test_two_likelihoods_have_the_figures_of_their_cards() -> None:
    rows = chain(*(table for table in tables("docs/figures.md") if "likelihood" in table[0]))
    names = (
        *("fashion_mnist-8d-no-refinement", "fashion_mnist-8d-continuous"),
        *("cifar10-80d-no-flow", "cifar10-80d-discretised"),
    )
    for row, model in zip(rows, (MODELS[name].card for name in names), strict=True):
        m = model.metrics
        assert m.knn_accuracy is not None
        assert row["likelihood"] == LIKELIHOODS[model.model.likelihood].title
        assert row["−ELBO"].replace("−", "-") == f"{m.neg_elbo:.2f}"
        assert row["KL"] == f"{m.kl:.2f}"
        assert row["squared error"] == f"{m.squared_error:.4f}"
        if "sharpness" in row:
            assert m.sharpness is not None
            assert row["sharpness"] == f"{100 * m.sharpness:.1f} %"
        assert row["k-NN"] == f"{100 * m.knn_accuracy:.1f} %"
    text = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    assert f"**{model.bits_per_dimension:.3f}** bits per dimension" in text


def test_experiments_that_became_models_have_the_figures_of_their_curves() -> None:
    """Rows that name a model give its last epoch: on training and on held-out images."""
    named = set()
    for rows in tables("docs/experiments.md"):
        for row in rows:
            for name in {*re.findall(r"`([^`]+)`", row.get("kept", ""))} & {*MODELS}:
                history = MODELS[name].history
                named.add(name)
                assert row["held out"] == f"{history['val_neg_elbo'][-1]:.2f}", name
                if "training" in row:
                    assert row["training"] == f"{history['neg_elbo'][-1]:.2f}", name
    assert named


def test_what_the_flow_brings_is_told_with_the_figures_of_the_cards() -> None:
    text = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"\*\*What the flow brings\*\*.*?\n\n", text, re.DOTALL)
    for name in ("mnist-8d-no-refinement", "mnist-8d-flow", "mnist-20d-no-flow", "mnist-20d",
                 "cifar10-80d-no-flow", "cifar10-80d",
                 "cifar10-500d-tanh-mlp", "cifar10-500d-tanh-mlp-flow"):  # fmt: skip
        assert f"{MODELS[name].card.metrics.neg_elbo:.2f}" in told, name


def test_what_refinement_brings_is_told_with_the_figures_of_the_cards() -> None:
    text = (ROOT / "docs/figures.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"\*\*What the steps bring.\*\*.*?\n\n", text, re.DOTALL)
    for name in ("fashion_mnist-2d", "fashion_mnist-8d", "mnist-2d", "mnist-8d"):
        for model in (MODELS[name], MODELS[f"{name}-no-refinement"]):
            assert f"{model.card.metrics.neg_elbo:.2f}" in told, name
