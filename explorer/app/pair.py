"""Pairs of models: which go together, where one puts what the other shows, how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from explorer.app import cache
from explorer.app.words import NO_GAIN, literal
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import Card
from explorer.bundle.chance import Chance
from explorer.core.metrics import standard_error
from explorer.core.neighbours import nearest
from explorer.core.pixels import to_unit_range
from explorer.notation import ADDRESS_ROUNDING, with_minus
from explorer.web.figures import FACTORS, PARTS


def partners(card: Card, cards: Mapping[str, Card]) -> list[str]:
    """Names of the other models with images of this shape, those with the same images first."""

    def order(name: str) -> tuple[bool, str, int, str]:
        other = cards[name]
        return not have_same_images(card, other), other.data.title, other.model.latent_dim, name

    shape = card.data.image_shape
    fitting = [name for name, other in cards.items() if other.data.image_shape == shape]
    return sorted((name for name in fitting if name != card.name), key=order)


def have_same_images(one: Card, other: Card) -> bool:
    """Whether both have the same test images in the same rows."""
    return one.data.test_sha256 == other.data.test_sha256


def row_at(bundle: Bundle, z: np.ndarray) -> int | None:
    """The row of the test image whose latent is ``z``; None if there is none."""
    row = int(nearest(z, bundle.latents.z_mean, 1)[0][0])
    is_own = np.abs(bundle.latents.z_mean[row] - z).max() < ADDRESS_ROUNDING
    return row if is_own else None


def counterpart(one: Bundle, z: np.ndarray, other: Bundle) -> np.ndarray | None:
    """The other model's latent for what the first model shows at ``z``.

    If ``z`` is the latent of a test image that both have, it is that image's. Otherwise the other
    model encodes the picture: the original of a test image if it is here, else the image decoded
    at ``z``. None without a picture or an encoder.
    """
    row = row_at(one, z)
    if row is not None and have_same_images(one.card, other.card):
        return np.asarray(other.latents.z_mean[row])
    originals = None if row is None else cache.originals_of(one)
    if not other.card.model.has_graphs:
        return None
    if originals is not None:
        image = originals[row]
    elif one.card.model.has_graphs:
        (image,) = cache.decoded(one, z[np.newaxis])
    else:
        return None
    return np.asarray(other.codec.encode(to_unit_range(image[np.newaxis]))[0][0])


class Compared(NamedTuple):
    """A figure of a card.

    Attributes:
        name: the name shown to the user.
        digits: number of decimals.
        value: None if the card does not give it.
        scale: figures are compared only if their scales are equal; None compares with None.
    """

    name: str
    digits: int
    value: float | None
    scale: object = None


def figures_of(card: Card) -> Iterator[Compared]:
    """Yield the figures by which models are compared, terms in nats per image."""
    m, model, images = card.metrics, card.model, card.data.test_sha256
    density = images, model.likelihood  # each likelihood has its own unit
    importance, gap, bound = m.importance, m.amortisation_gap, card.bound
    yield Compared("latent dimensions", 0, model.latent_dim)
    yield Compared("active units", 0, m.active_units)
    yield Compared("weights", 0, model.parameters)
    yield Compared("−ELBO, nats", 2, m.neg_elbo, density)
    yield Compared("reconstruction, nats", 2, m.reconstruction, density)
    yield Compared("bits per dimension", 3, card.bits_per_dimension, density)
    yield Compared("KL, nats", 2, m.kl, images)
    yield Compared(
        "importance-sampled bound, nats", 2, importance.bound if importance else None,
        (density, importance and (importance.images, importance.samples)),
    )  # fmt: skip
    yield Compared(
        "amortisation gap, nats", 2, gap.neg_elbo - gap.refined if gap else None,
        (density, gap and gap.images),
    )  # fmt: skip
    for part, words in PARTS.items():
        yield Compared(f"{words}, nats", 2, getattr(m.kl_parts, part, None), images)
    for name, words in FACTORS.items():
        yield Compared(words, 3, getattr(m.disentanglement, name, None), images)
    yield Compared(
        "bound on −log p(x), nats", 2, bound.bound if bound else None,
        (density, bound and bound.samples),
    )  # fmt: skip
    yield Compared("squared error per pixel", 4, m.squared_error, images)
    sharpness = None if m.sharpness is None else 100 * m.sharpness
    yield Compared("sharpness, %", 1, sharpness, images)
    accuracy = None if m.knn_accuracy is None else 100 * m.knn_accuracy
    yield Compared("k-NN accuracy, %", 1, accuracy, (images, m.knn_neighbours))


def figure_rows(one: Card, other: Card) -> dict[str, list[str]]:
    """Figures of two models as columns of a table, with the second's less the first's.

    Figures that neither card gives are left out, and so are differences of figures that cannot be
    compared.
    """
    columns: dict[str, list[str]] = {"Figure": [], one.name: [], other.name: [], "Difference": []}
    for a, b in zip(figures_of(one), figures_of(other), strict=True):
        if a.value is None and b.value is None:
            continue
        difference = None
        if a.value is not None and b.value is not None and a.scale == b.scale:
            difference = b.value - a.value
        cells = (a.name, _written(a), _written(b), _written(a._replace(value=difference), sign="+"))
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    return columns


def _written(figure: Compared, sign: str = "") -> str:
    if figure.value is None:
        return "–"
    return with_minus(figure.value, f"{sign},.{figure.digits}f")


@dataclass(frozen=True)
class Gap:
    """How much worse a second model explains test images than a first, in −ELBO.

    Attributes:
        mean, error: the mean over all test images and its standard error, nats.
        of_images: the difference for each image, nats, ``(n,)``.
    """

    mean: float
    error: float
    of_images: np.ndarray

    def most(self, count: int, *, is_worse: bool) -> np.ndarray:
        """Rows of up to ``count`` images that the second explains worse, or better, by the most."""
        signed = self.of_images if is_worse else -self.of_images
        rows = np.argsort(-signed, kind="stable")[:count]
        return np.asarray(rows[signed[rows] > 0])


def gap_between(one: Bundle, other: Bundle) -> Gap | None:
    """The difference of two models' −ELBOs, image by image; None if they cannot be compared."""
    have_elbo = all(bundle.card.metrics.neg_elbo is not None for bundle in (one, other))
    is_same = one.card.model.likelihood == other.card.model.likelihood
    if not (have_elbo and is_same and have_same_images(one.card, other.card)):
        return None
    each = other.latents.neg_elbo.astype(np.float64) - one.latents.neg_elbo
    error = standard_error(each) if len(each) > 1 else np.inf
    return Gap(float(each.mean()), error, each)


def describe_gap_by_chance(gap: Gap, chances: Mapping[str, Chance | None]) -> str:
    """Whether a difference exceeds what the seed alone makes; empty if that is not known."""
    known = [
        (chance.deviation["neg_elbo"], name, len(chance.seeds))
        for name, chance in chances.items()
        if chance
    ]
    if not known:
        return ""
    deviation, name, count = max(known)
    verdict = "This difference is smaller. " if abs(gap.mean) < deviation else ""
    return (
        f"The seed alone changes the −ELBO of {literal(name)} by ± {deviation:.2f} nats "
        f"(standard deviation of {count} trainings). {verdict}{NO_GAIN}"
    )
