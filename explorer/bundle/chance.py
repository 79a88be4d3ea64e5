"""How much a model's figures vary by chance: between training runs with different seeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.bundle.bundle import Reference
from explorer.core.elbo import TERMS


@dataclass(frozen=True)
class Chance:
    """A model's figures over several seeds.

    Attributes:
        seeds: the seeds in ascending order, including the model's own.
        mean, deviation: mean and sample standard deviation of each of ``elbo.TERMS``, nats.
    """

    seeds: tuple[int, ...]
    mean: dict[str, float]
    deviation: dict[str, float]

    def tell(self, term: str) -> str:
        """Return mean ± standard deviation of a term as text."""
        return f"{self.mean[term]:.2f} ± {self.deviation[term]:.2f}"


def chance_of(model: Reference, others: Iterable[Reference]) -> Chance | None:
    """Mean and deviation of figures over training seeds; None if only one seed is known.

    It uses runs of the same recipe, images and dimension that completed all epochs, one per seed.
    """
    alike = [one for one in others if _training(one) == _training(model)]
    cards = {one.card.training.seed: one.card for one in (*alike, model) if _is_whole(one)}
    if len(cards) < 2 or not _is_whole(model):
        return None
    values = {term: [getattr(card.metrics, term) for card in cards.values()] for term in TERMS}
    return Chance(
        tuple(sorted(cards)),
        {term: float(np.mean(known)) for term, known in values.items()},
        {term: float(np.std(known, ddof=1)) for term, known in values.items()},
    )


def _training(model: Reference) -> Any:
    """Everything but the seed that determines a run's figures; None for an adopted model."""
    card = model.card
    if card.model.adopted:
        return None
    data = card.data
    recipe = card.model.recipe.settings()
    return recipe, card.model.latent_dim, data.reading, data.train_sha256, data.test_sha256


def _is_whole(model: Reference) -> bool:
    card = model.card
    return not card.model.adopted and len(model.history["kl"]) == card.model.recipe.epochs
