"""How far to trust a place of the latent space: three readings and one verdict.

A decoder answers everywhere, even where it learned nothing. Three quantities distinguish
places where images live from others:

- ``density``: log q(z) under the aggregate posterior, in nats (``AggregatePosterior``);
- ``return``: ‖E(D(z)) − z‖, how far from z the encoder puts the picture decoded at z;
- ``nearest``: the distance from z to the nearest test image's latent.

None of them has a scale of its own: a test image of one model returns to within 0.02, one of
another to within 2.3. So each is compared with the test images' own values of the same
quantity: ``density`` and ``return`` at their posterior means, ``nearest`` to the nearest
*other* test image. A reading's percentile is the share of test images whose own value is
smaller.

The verdict, as the help explains it:

    "No data here": the place lies in a thinner region than 999 of 1,000 test images, or
    farther from every test image than 999 of 1,000 are from their nearest.
    "Doubtful": there is data, but one of the readings is unlike those of test images. The
    place is thinner than those of 99 in 100 of them; or farther from the nearest than 99 in
    100; or its picture, encoded again, lands farther from it than for 99 in 100; or it is too
    dense, or its picture lands nearer than for 995 in 1,000, as with a blend of many images.
    "Good": none of these. About 95 in 100 test images are good.

Too dense means denser than 995 in 1,000 test images. In many dimensions the average of all
images, where none lives, can be as dense as the densest of them: if it is denser than
950 in 1,000, the limit is 970.

The browser gets ``quantiles`` and ``thresholds``; ``static/live/shared/space.js`` applies them as
``judge`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

READINGS = ("density", "return", "nearest")
GRADES = 1000
"""Quantiles are given at 0, 1/GRADES, … 1."""
VERDICTS = {
    "good": "like the test images",
    "doubtful": "unlike most test images",
    "empty": "no data here",
}
SHARES = {
    "density": "lie in a thinner place",
    "return": "come back closer",
    "nearest": "have a closer neighbour",
}
"""What the test images do that the percentile of a reading counts."""
HOLE = 0.01
"""A place is a hole if it is thinner than the places of all but this share of the test images."""


@dataclass(frozen=True)
class Limit:
    """Limits of a reading, as quantiles of the test images' own values; None for no limit.

    A limit that would exclude less than one image excludes none.

    Attributes:
        low, high: the place may be good between these two.
        floor, ceiling: outside of these two there is no data.
        below, above: the reasons to give below ``low`` and above ``high``.
    """

    low: float | None
    high: float | None
    floor: float | None
    ceiling: float | None
    below: str
    above: str


LIMITS = {
    "density": Limit(
        HOLE, 0.995, 0.001, None,
        below="fewer images around it than around test images",
        above="denser than the places of test images: likely a blend of many",
    ),
    "return": Limit(
        0.005, 0.99, None, None,
        below="comes back more exactly than test images do: likely a blend of many",
        above="encoding its picture leads to another place",
    ),
    "nearest": Limit(
        None, 0.99, None, 0.999,
        below="",
        above="farther from every test image than they are from each other",
    ),
}  # fmt: skip
"""By reading. No place is good if a reading lies outside the range of 99 % of the test images."""
DENSE_BLEND = 0.95
"""If the average of the test latents is denser than this share of test images, density separates
blends from images, and ``HIGH_DENSITY`` is its upper limit."""
HIGH_DENSITY = 0.97
_ROUNDING = 1e-5
"""How much a reading may change in single precision, as a share of itself and of its scale."""


def quantiles(own: np.ndarray) -> np.ndarray:
    """The scale of each reading, ``(3, GRADES + 1)`` float32.

    Each quantile is an image's value: between two values, the one farther from the middle.

    Args:
        own: the test images' own readings, ``(n, 3)``; NaN where unknown. The scale of a
            reading that no image has is NaN (a single image has no nearest other one).
    """
    shares = np.arange(GRADES + 1) / GRADES
    scales = np.full((own.shape[1], len(shares)), np.nan, np.float32)
    for scale, values in zip(scales, own.T, strict=True):
        known = values[~np.isnan(values)]
        if len(known):
            lower, higher = (np.quantile(known, shares, method=m) for m in ("lower", "higher"))
            scale[:] = np.where(shares < 0.5, lower, higher)
    return scales


def thresholds(scales: np.ndarray, blend: float) -> list[Limit]:
    """``LIMITS`` in the readings' own units, in the order of ``READINGS``; None: no limit.

    They are widened by ``_ROUNDING``, so that no image lies outside because of rounding alone.

    Args:
        scales: what ``quantiles`` returned.
        blend: log q(z) at the mean of the test images' latents, nats.
    """
    found = []
    for name, scale in zip(READINGS, scales, strict=True):
        limit = LIMITS[name]
        if name == "density" and blend > scale[round(DENSE_BLEND * GRADES)]:
            limit = replace(limit, high=HIGH_DENSITY)
        found.append(
            replace(
                limit,
                low=_value_at(limit.low, scale, outwards=-1),
                high=_value_at(limit.high, scale, outwards=1),
                floor=_value_at(limit.floor, scale, outwards=-1),
                ceiling=_value_at(limit.ceiling, scale, outwards=1),
            )
        )
    return found


def _value_at(share: float | None, scale: np.ndarray, *, outwards: int) -> float | None:
    if share is None or np.isnan(scale[0]):
        return None
    value = float(scale[round(share * GRADES)])
    slack = _ROUNDING * (abs(value) + float(scale[-1] - scale[0]))
    return value + outwards * slack


def judge(readings: Iterable[float], limits: Sequence[Limit]) -> tuple[str, tuple[str, ...]]:
    """Combine the readings of a place: a key of ``VERDICTS``, and the reasons.

    Args:
        readings: in the order of ``READINGS``; NaN is never good.
        limits: what ``thresholds`` returned.
    """
    level = "good"
    reasons = []
    for value, limit in zip(readings, limits, strict=True):
        if _is_within(value, limit.low, limit.high):
            continue
        is_below = limit.low is not None and value < limit.low
        reasons.append(limit.below if is_below else limit.above)
        if not _is_within(value, limit.floor, limit.ceiling):
            level = "empty"
        elif level == "good":
            level = "doubtful"
    return level, tuple(reasons)


def _is_within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high) and value == value
