"""The curves of a training: each term per epoch, nats per image, as ``history.json`` holds them."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from explorer.bundle.card import BundleError, Card
from explorer.core.elbo import TERMS
from explorer.recipes.recipe import first_problem

HISTORY = "history.json"
History = dict[str, list[float]]
_HISTORY = TypeAdapter(History, config=ConfigDict(strict=True, allow_inf_nan=False))


def parse_history(card: Card, content: bytes) -> History:
    """Read and check the curves of a bundle's training.

    Raises:
        BundleError: they are not readable, or contradict each other or the card.
    """
    place = f"{HISTORY} of {card.name}"
    try:
        history = _HISTORY.validate_json(content)
    except ValidationError as error:
        raise BundleError(f"{place} is not usable: {first_problem(error)}") from error
    epochs, planned = len(history.get("neg_elbo", ())), card.model.recipe.epochs
    if not 1 <= epochs <= planned:
        raise BundleError(f"{place} has {epochs} epochs; its card allows 1 to {planned}")
    for name in (*TERMS, *history):
        if (found := len(history.get(name, ()))) != epochs:
            raise BundleError(f"{place} has {name} of {found} epochs, but neg_elbo of {epochs}")
    return history


def save_history(history: History, path: Path) -> None:
    """Write ``history.json``: each term per epoch, nats per image."""
    rounded = {name: [round(value, 4) for value in values] for name, values in history.items()}
    path.write_text(json.dumps(rounded) + "\n", encoding="utf-8")
