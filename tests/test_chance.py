"""The effect of the seed alone on figures: which trainings count, and how it is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.app import cache
from explorer.app.card_words import describe_seeds
from explorer.app.pair import Gap, describe_gap_by_chance
from explorer.bundle.bundle import Reference
from explorer.bundle.chance import Chance, chance_of
from explorer.bundle.store import load_bundle, load_reference, save_reference
from explorer.recipes.recipe import override

SHIPPED = cache.BUNDLES.resolve()


def trained(seed: int, neg_elbo: float, recipe: dict[str, Any] | None = None) -> Reference:
    """Return MNIST 2-D as another seed and other settings might have given it."""
    card, history = vars(load_reference(SHIPPED / "mnist-2d")).values()
    changes = {
        "name": f"mnist-2d-seed-{seed}",
        "training_if_trained": card.training.model_copy(update={"seed": seed}),
        "metrics": card.metrics.model_copy(update={"neg_elbo": neg_elbo}),
        "model": card.model.model_copy(
            update={"recipe_if_trained": override(card.model.recipe, **(recipe or {}))}
        ),
    }
    return Reference(card.model_copy(update=changes), history)


def test_the_same_training_with_other_seeds_is_counted_once_each() -> None:
    model, other = trained(0, 130.0), trained(1, 131.0)
    epochs = model.card.model.recipe.epochs
    further = [
        trained(0, 130.0),  # the model itself, which is among the others
        other,
        trained(2, 132.0),
        trained(3, 140.0, {"beta": 2.0}),
        trained(4, 140.0, {"epochs": 2 * epochs}),  # and it was not finished
        Reference(trained(5, 140.0).card, {"kl": [1.0] * (epochs - 1)}),
        load_reference(SHIPPED / "mnist-8d"),
    ]
    found = chance_of(model, further)
    assert found is not None
    assert found.seeds == (0, 1, 2)
    assert found.mean["neg_elbo"] == pytest.approx(131)
    assert found.deviation["neg_elbo"] == pytest.approx(1)  # of the sample, n − 1
    assert found.tell("neg_elbo") == "131.00 ± 1.00"
    assert found.deviation["kl"] == pytest.approx(0, abs=1e-9)
    assert chance_of(model, further[:1] + further[3:]) is None


def test_references_that_differ_in_the_seed_are_found_beside_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist-2d").symlink_to(SHIPPED / "mnist-2d")
    other = trained(7, 130.0)
    save_reference(other.card, other.history, tmp_path)
    monkeypatch.setattr(cache, "BUNDLES", tmp_path)
    bundle = load_bundle(tmp_path / "mnist-2d")
    found = cache.chance(bundle)
    assert found is not None
    assert bundle.card.metrics.neg_elbo is not None
    expected = (bundle.card.metrics.neg_elbo + 130.0) / 2
    assert describe_seeds(found).startswith(
        f"Trained 2 times, with the seeds 0, 7: −ELBO {expected:.2f} ± "
    )
    assert "is not a gain" in describe_seeds(found)
    assert describe_seeds(None) == ""


def test_a_difference_is_held_against_the_larger_spread() -> None:
    terms = ("neg_elbo", "reconstruction", "kl")
    small, large = (Chance((0, 1, 2), dict.fromkeys(terms, 0.0), dict.fromkeys(terms, spread))
                    for spread in (0.1, 0.4))  # fmt: skip
    gap = Gap(-0.3, 0.05, np.array([-0.3]))
    told = describe_gap_by_chance(gap, {"one": small, "other": large})
    assert "the −ELBO of other by ± 0.40 nats (standard deviation of 3 trainings)" in told
    assert "This difference is smaller." in told
    assert "smaller. A" not in describe_gap_by_chance(gap, {"one": small, "other": None})
    assert describe_gap_by_chance(gap, {"one": None, "other": None}) == ""
