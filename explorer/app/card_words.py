"""Describe a model and its training in sentences, from its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer.app.words import NO_GAIN, describe_likelihood
from explorer.bundle.card import DataCard
from explorer.bundle.chance import Chance
from explorer.core.elbo import TERMS
from explorer.data.binarise import WORDS
from explorer.data.reading import Fit
from explorer.recipes.recipe import Recipe

_FITS: Mapping[Fit, str] = {
    "crop": "other proportions cropped",
    "pad": "other proportions padded with the background",
    "stretch": "other proportions stretched",
}


def describe_seeds(found: Chance | None) -> str:
    """How much the figures vary with the seed alone; empty if that is not known."""
    if found is None:
        return ""
    terms = ", ".join(f"{name} {found.tell(term)}" for term, name in TERMS.items())
    return (
        f"Trained {len(found.seeds)} times, with the seeds {', '.join(map(str, found.seeds))}: "
        f"{terms} nats (mean ± standard deviation). {NO_GAIN}"
    )


def architecture(recipe: Recipe) -> list[tuple[str, list[str]]]:
    """Each part of the model: its title, and a line for each layer."""
    heads = ["z_mean", "z_log_var", *["context"] * bool(recipe.context)]
    refined = f"then {recipe.refinement} Gauss–Newton steps through the decoder"
    parts = {
        "Encoder": [*map(describe_layer, recipe.encoder), f"heads: {', '.join(heads)}"]
        + [refined] * bool(recipe.refinement),
        "Flow": [describe_layer(step) for step in recipe.flow],
        "Decoder": [
            *map(describe_layer, recipe.decoder),
            f"head: {describe_layer(recipe.head)} → {describe_likelihood(recipe.likelihood)}",
        ],
    }
    return [(part, lines) for part, lines in parts.items() if lines]


def describe_reading(data: DataCard) -> str:
    """How files became pixels: value range, fit, and where the class came from."""
    reading = data.reading
    parts = [f"values {data.form.range} are black to white", _FITS[reading.fit]]
    if reading.label is not None:
        parts.append(f"classes by {reading.label}")
    if reading.class_level > 1:
        parts.append(f"classes by {reading.class_level} levels of folders")
    if reading.first_page:
        parts.append("first pages only")
    if reading.binarise:
        parts.append(
            f"{WORDS[reading.binarise]}; grey values of your own pictures are used as they are"
        )
    return ", ".join(parts)


def describe_augmentation(recipe: Recipe) -> str:
    """How the training images were augmented, in one sentence; empty if they were not."""
    if recipe.augmentation is None:
        return ""
    contrast = recipe.augmentation.contrast
    randomly = recipe.augmentation.model_dump(exclude={"contrast", "until", "encoder_only"})
    changes = ", ".join(name for name, value in randomly.items() if value)
    sharpened = f", then sharpened (contrast × {contrast:g})" if contrast != 1.0 else ""
    if recipe.augmentation.encoder_only:
        return (
            "The encoder alone was also trained on the training images changed at random "
            f"({changes}){sharpened}; the decoder saw none of these."
        )
    first, total = recipe.augmented_epochs, recipe.epochs
    when = f"all {total}" if first == total else f"the first {first} of {total}"
    return (
        f"The training images were changed at random ({changes}){sharpened}"
        f"{',' if sharpened else ''} in {when} epochs; the held-out ones never."
    )


def describe_layer(layer: Any) -> str:
    """A layer of a recipe in one line."""
    inner = ", ".join(describe_layer(part) for part in layer.get("layers", ()))
    arguments = ", ".join(
        f"{name}={value}" for name, value in layer.items() if name not in ("layer", "layers")
    )
    return f"{layer['layer']}({inner or arguments})"
