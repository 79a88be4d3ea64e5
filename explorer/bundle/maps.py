"""The kinds of map of a latent space."""

from __future__ import annotations

from explorer.bundle.bundle import Bundle

KINDS = {
    "neighbourhoods": "Neighbourhoods",
    "principal": "Principal plane",
    "dimensions": "Two dimensions",
    "directions": "Two directions",
}
"""What the page calls each kind, by its name in the address."""


def map_kinds(bundle: Bundle) -> dict[str, str]:
    """The kinds of map that a model has, with what the page calls them; the first is the default.

    Two directions span a map once the user has made them.
    """
    if bundle.card.model.latent_dim <= 2:
        names = ["dimensions"]
    elif bundle.latents.places is None:
        names = ["dimensions", "principal", "directions"]
    else:
        names = ["neighbourhoods", "principal", "dimensions", "directions"]
    return {name: KINDS[name] for name in names}
