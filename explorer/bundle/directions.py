"""Directions in a model's latent space, by the short texts that name them.

``means:3:8`` and ``fitted:3:8`` lead from one class to another, ``column:age`` to where a number
grows, ``ends:test-3:test-8`` from one latent to another, ``component:1`` along a principal
component, ``random:5`` anywhere. The address holds such a text, and so does a saved file.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from explorer.bundle.spelling import parse_place
from explorer.bundle.store import Bundle
from explorer.core import directions as core
from explorer.core.geometry import principal_components
from explorer.notation import parse_count

Kind = Literal["means", "fitted", "column", "component", "random", "ends"]


def parse_direction(text: str, bundle: Bundle) -> core.Direction:
    """The direction that a text names.

    Raises:
        ValueError: with a sentence, if the model has no such direction.
    """
    kind, _, rest = text.partition(":")
    z = bundle.latents.z_mean.astype(np.float64)
    if kind in ("means", "fitted"):
        chosen, is_second = groups_of(rest, bundle)
        rows = chosen & core.is_for_fitting(len(z))
        find = core.between_means if kind == "means" else core.fitted_to_groups
        if len(np.unique(is_second[rows])) < 2:
            raise ValueError("one of the classes has too few test images")
        return core.direction(find(z[rows], is_second[rows]), z)
    if kind == "column":
        if rest not in bundle.latents.columns:
            raise ValueError(f"there is no column {rest}")
        return core.direction(core.fitted_to_values(z, bundle.latents.columns[rest]), z)
    if kind == "ends":
        a, b = (parse_place(end, bundle) for end in rest.partition(":")[::2])
        return core.direction(b - a, z)
    if kind == "component":
        components, _ = principal_components(z)
        return core.direction(components[_number(rest, z.shape[1], first=1) - 1], z)
    if kind == "random":
        generator = np.random.default_rng(_number(rest, 2**31))
        return core.direction(generator.standard_normal((z.shape[1],)), z)
    raise ValueError(f"a direction begins with one of {', '.join(get_args(Kind))}")


def groups_of(rest: str, bundle: Bundle) -> tuple[np.ndarray, np.ndarray]:
    """Which test images are of the two classes that ``3:8`` names, and which are of the second.

    Returns:
        bool ``(n,)`` each.
    """
    first, _, second = rest.partition(":")
    count = len(bundle.card.data.classes)
    labels, chosen = bundle.latents.labels, [_number(text, count - 1) for text in (first, second)]
    return np.isin(labels, chosen), labels == chosen[1]


def _number(text: str, most: int, *, first: int = 0) -> int:
    number = parse_count(text)
    if number is None or not first <= number <= most:
        raise ValueError(f"a number from {first} to {most} was expected")
    return number


def name_of(text: str, bundle: Bundle) -> str:
    """What a direction is called, for people."""
    kind, _, rest = text.partition(":")
    if kind in ("means", "fitted"):
        classes = [bundle.card.data.classes[int(number)] for number in rest.split(":")]
        return f"{' → '.join(classes)}{' (fitted)' * (kind == 'fitted')}"
    return {
        "column": rest, "component": f"component {rest}", "random": f"random {rest}",
        "ends": rest.replace(":", " → "),
    }[kind]  # fmt: skip
