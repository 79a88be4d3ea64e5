"""What a single-file page gets about a model besides its payload: names, directions and figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.directions import name_of, parse_direction
from explorer.core.likelihoods import LIKELIHOODS
from explorer.notation import parse_list
from explorer.web import contents
from explorer.web.figures import further_figures, likelihood_note, main_figures

MAX_CLASSES = 12
"""Up to this number of classes, each pair has a direction."""
COMPONENTS = 5
"""Number of principal components that are directions."""


def page_entry(bundle: Bundle, pictured: int, named: Sequence[str]) -> dict[str, Any]:
    """What ``static/live/page/page.js`` gets about a model; ``named`` are a link's directions."""
    card = bundle.card
    order = bundle.dimensions_by_kl
    fill = contents.object_fill(bundle) if card.model.has_graphs else 1.0
    weights = bundle.dimension_weights
    return {
        "name": card.name,
        "title": card.title,
        "content": bundle.content,
        "start": bundle.latents.z_mean[contents.vivid_row(bundle)].astype(float).round(3).tolist(),
        "hasImages": pictured > 0,
        "classes": card.data.classes,
        "isConditional": card.model.is_conditional,
        "mapLabel": contents.map_label(bundle),
        "directions": _directions(bundle, named),
        "drawing": contents.drawing(bundle, fill),
        "facts": main_figures(card) + further_figures(card) + _facts(bundle, pictured),
        "kl": [
            (row["label"], row["note"], float(weights[row["dimension"]]))
            for row in contents.dimension_rows(bundle, order)
        ],
        "notice": f"{card.data.title}: {card.data.licence}",
        **contents.sliders([]),
        "dimensions": contents.dimension_rows(bundle, order),
    }


def named_directions(start: str) -> list[str]:
    """The directions that a link's parameters name, as texts."""
    asked = dict(parse_qsl(start))
    kept = (fields[-1] for fields in parse_list(asked.get("directions", "")))
    return [text for text in (*kept, asked.get("direction")) if text]


def _directions(bundle: Bundle, named: Sequence[str]) -> dict[str, Any]:
    """Directions between classes, principal components and the named ones, by their texts."""
    if not bundle.card.model.has_graphs:
        return {}
    classes = range(len(bundle.card.data.classes))
    pairs = combinations(classes, 2) if len(classes) <= MAX_CLASSES else ()
    texts = [f"means:{a}:{b}" for a, b in pairs]
    latent_dim = bundle.card.model.latent_dim
    if latent_dim > 1:
        texts += [f"component:{i + 1}" for i in range(min(COMPONENTS, latent_dim))]
    rows = {}
    for text in (*texts, *named):
        try:
            found = parse_direction(text, bundle)
        except ValueError:  # a class without test images, or another model's
            continue
        row = contents.direction_row(found, name_of(text, bundle))
        rows[text] = row | {part: np.round(row[part], 6).tolist() for part in ("along", "step")}
    return rows


def _facts(bundle: Bundle, pictured: int) -> list[tuple[str, str, str]]:
    """Where model and data come from."""
    card, data = bundle.card, bundle.card.data
    shown = f"pictures of {pictured:,}" if pictured else "no pictures"
    command = card.model.adopted.command if card.model.adopted else card.training.command
    facts = []
    if card.metrics.neg_elbo is not None:
        title = LIKELIHOODS[card.model.likelihood].title
        facts.append(("likelihood", title, likelihood_note(card)))
    return [
        *facts,
        ("test images", f"{data.test_images:,}", f"from {data.origin}; this page holds {shown}"),
        ("licence of the data", data.licence, ""),
        ("made by", command, ""),
        ("model", bundle.content[:16], "the first digits of its card's SHA-256"),
    ]
