"""Directions in a model's latent space, by the short texts that name them.

``means:3:8`` and ``fitted:3:8`` lead from one class, given by its number or name, to another,
``groups:…:…`` from one group of test images to another, ``column:age`` to where a number grows,
``ends:test-3:test-8`` from one latent to another, ``component:1`` along a principal component,
``random:5`` anywhere. Addresses and saved files hold such texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.spelling import parse_place, parse_rows
from explorer.core import directions as core
from explorer.core.geometry import principal_components
from explorer.notation import parse_count

LONG = 12
"""Coordinates with this many characters or more are shortened in a name."""
MAX_SEED = 999_999_999
"""Largest seed of a random direction."""
USUAL = 2.0
"""Length of a direction without ends, in standard deviations."""

DirectionKind = Literal["means", "fitted", "groups", "column", "component", "random", "ends"]


def parse_direction(text: str, bundle: Bundle) -> core.Direction:
    """The direction that a text names.

    Raises:
        ValueError: the model has no such direction; the message says why.
    """
    kind, _, rest = text.partition(":")
    z = bundle.latents.z_mean.astype(np.float64)
    groups = groups_of(text, bundle)
    if groups is not None:
        rows, is_second = halve(groups, for_fitting=True)
        find = core.fitted_to_groups if kind == "fitted" else core.between_means
        return core.direction(find(z[rows], is_second), z)
    if kind == "column":
        if rest not in bundle.latents.columns:
            raise ValueError(f"there is no column {rest}")
        return core.direction(core.fitted_to_values(z, bundle.latents.columns[rest]), z)
    if kind == "ends":
        a, b = (parse_place(end, bundle) for end in _from_and_to(text))
        return core.direction(b - a, z)
    if kind == "component":
        components, _ = principal_components(z)
        return core.direction(components[_number(rest, z.shape[1], first=1) - 1], z)
    if kind == "random":
        generator = np.random.default_rng(_number(rest, MAX_SEED))
        return core.direction(generator.standard_normal((z.shape[1],)), z)
    raise ValueError(f"a direction begins with one of {', '.join(get_args(DirectionKind))}")


def groups_of(text: str, bundle: Bundle) -> tuple[np.ndarray, np.ndarray] | None:
    """Indices of the test images that a direction leads from, and of those that it leads to.

    An image in both groups is left out of both.

    Returns:
        ``(k,)`` each; None for a direction that is not between groups.

    Raises:
        ValueError: there are no such groups, or one has no image.
    """
    kind = text.partition(":")[0]
    if kind not in ("means", "fitted", "groups"):
        return None
    names = _from_and_to(text)
    if kind == "groups":
        first, second = (parse_rows(name, bundle) for name in names)
    else:
        numbers = [_class_number(name, bundle.card.data.classes) for name in names]
        first, second = (np.flatnonzero(bundle.latents.labels == number) for number in numbers)
    groups = np.setdiff1d(first, second), np.setdiff1d(second, first)
    if not all(map(len, groups)):
        raise ValueError("both groups need a test image that is not in the other")
    return groups


def halve(
    groups: tuple[np.ndarray, np.ndarray], *, for_fitting: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The images of two groups that a direction is fitted to, or those that it is judged on.

    Returns:
        Indices, and whether each is in the second group, ``(k,)`` each.
    """
    halves = [rows[core.is_for_fitting(len(rows)) == for_fitting] for rows in groups]
    return np.concatenate(halves), np.repeat([False, True], list(map(len, halves)))


def _from_and_to(text: str) -> tuple[str, str]:
    """The names of the two ends in ``means:3:8``, ``groups:…:…`` or ``ends:…:…``."""
    kind, *names = text.split(":")
    match names:
        case [start, end] if start and end:
            return start, end
        case [_] | [_, ""]:
            raise ValueError(f"{kind}:FROM:TO was expected; TO is missing")
    raise ValueError(f"{kind}:FROM:TO was expected")


def _class_number(text: str, classes: Sequence[str]) -> int:
    number = parse_count(text)
    if number is not None and number < len(classes):
        return number
    if text in classes:
        return classes.index(text)
    most = len(classes) - 1
    raise ValueError(f"a class was expected, a name or a number from 0 to {most}; not {text!r}")


def _number(text: str, most: int, *, first: int = 0) -> int:
    number = parse_count(text)
    if number is None or not first <= number <= most:
        raise ValueError(f"a number from {first} to {most} was expected")
    return number


def name_of(text: str, bundle: Bundle) -> str:
    """Return the name of a direction for readers."""
    kind, _, rest = text.partition(":")
    if kind == "column":
        return rest
    if kind in ("component", "random"):
        return f"{kind} {rest}"
    ends = " → ".join(ends_of(text, bundle))
    return f"{ends} (fitted)" if kind == "fitted" else ends


def ends_of(text: str, bundle: Bundle) -> list[str]:
    """Return the names of a direction's start and end for readers."""
    kind, names = text.partition(":")[0], _from_and_to(text)
    if kind == "groups":
        sizes = [len(parse_rows(name, bundle)) for name in names]
        return [f"{name} ({size})" for name, size in zip("AB", sizes, strict=True)]
    if kind == "ends":
        places = [name.replace("test-", "#") for name in names]
        return [place if len(place) < LONG else f"{place[:LONG]} …" for place in places]
    classes = bundle.card.data.classes
    return [classes[_class_number(name, classes)] for name in names]


def length_of(text: str, found: core.Direction, bundle: Bundle) -> float:
    """Length of a direction, in standard deviations: between its groups' means, or its ends."""
    groups = groups_of(text, bundle)
    if groups is not None:
        rows, is_second = halve(groups, for_fitting=True)
        along = found.project(bundle.latents.z_mean[rows])
        return float(along[is_second].mean() - along[~is_second].mean())
    if text.startswith("ends:"):
        a, b = found.project(np.stack([parse_place(end, bundle) for end in _from_and_to(text)]))
        return float(b - a)
    return USUAL
