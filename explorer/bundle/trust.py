"""How far places of a model can be trusted, on the scale of its test images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.map_layout import return_distances
from explorer.core.neighbours import index
from explorer.core.trust import Limit, judge, quantiles, thresholds

Verdict = tuple[str, tuple[str, ...]]
"""A key of ``VERDICTS``, and the reasons."""


def trust_scales(bundle: Bundle) -> np.ndarray:
    """The scale of each reading: ``quantiles`` of the test images' own."""
    return quantiles(_own(bundle))


def trust_limits(bundle: Bundle) -> list[Limit]:
    """The limits for the readings of a good place: ``thresholds``.

    If the density is a mixture over the test images themselves, every place near one of them is
    denser than their own readings, which leave out their own part; so it has no upper limit.
    """
    mean = bundle.latents.z_mean.mean(axis=0, keepdims=True)
    blend = bundle.latents.aggregate_posterior.log_density(mean)[0]
    density, *others = thresholds(trust_scales(bundle), float(blend))
    if bundle.card.data.reading.whole:
        density = replace(density, high=None)
    return [density, *others]


def are_good(bundle: Bundle, rows: np.ndarray) -> np.ndarray:
    """Which of some test images have a good verdict of their own, bool; NaN is never good."""
    limits = trust_limits(bundle)
    return np.array([judge(own, limits)[0] == "good" for own in _own(bundle)[rows].tolist()])


def _own(bundle: Bundle) -> np.ndarray:
    """The test images' own readings, ``(n, 3)``."""
    latents = bundle.latents
    return np.stack([latents.log_density, latents.return_distance, latents.nearest_distance], 1)


def judge_places(bundle: Bundle, z: np.ndarray) -> list[Verdict]:
    """The verdict on each latent ``(n, latent_dim)``; the bundle must have graphs."""
    density = bundle.latents.aggregate_posterior.log_density(z)
    nearest = index(bundle.latents.z_mean).kneighbors(z, 1)[0][:, 0]
    readings = np.stack([density, return_distances(bundle.codec, z), nearest], axis=1)
    limits = trust_limits(bundle)
    return [judge(values, limits) for values in readings.tolist()]
