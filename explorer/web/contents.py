"""What the parts are given besides the model, as JSON, in the app and in other pages alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.card import DataCard
from explorer.bundle.sheets import REACH, TILES, describe_kl
from explorer.bundle.trust import are_good
from explorer.core.directions import Direction
from explorer.core.geometry import axis_label
from explorer.core.neighbourhood import JUDGED_NEIGHBOURS
from explorer.core.pixels import to_pixels
from explorer.core.subsets import evenly_spaced
from explorer.data.framing import HARDLY_VISIBLE, PLAIN, typical_fill
from explorer.drawing import raster

LOOKED_AT = 200
"""Largest number of test images from which a typical or a vivid one is found."""
FILLING = 0.9
"""Objects that fill more of an image than this are not scaled in a drawing."""


def sliders(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Data of sliders and their strips, for rows made by the functions below."""
    return {"rows": list(rows), "reach": REACH, "tiles": TILES}


def dimension_rows(bundle: Bundle, dimensions: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each of these latent dimensions, counted from 0."""
    return [
        {"dimension": d, "label": axis_label(d), "note": describe_kl(bundle, d)} for d in dimensions
    ]


def direction_row(direction: Direction, label: str, note: str = "") -> dict[str, Any]:
    """A row for a direction, in standard deviations of the test images along it."""
    return {
        "dimension": -1,
        "label": label,
        "note": note,
        "along": (direction.unit / direction.deviation).tolist(),
        "step": (direction.unit * direction.deviation).tolist(),
        "middle": direction.middle / direction.deviation,
    }


def map_label(bundle: Bundle) -> str:
    """The label of the map for screen readers."""
    return (
        f"Map of {bundle.card.data.test_images:,} test images; arrow keys move the point, Enter "
        "takes it to the nearest image, plus and minus zoom, 0 shows all, A and B group images"
    )


def drawing(bundle: Bundle, fill: float) -> dict[str, Any]:
    """Data of the canvas to draw on; ``fill`` is a result of ``object_fill``."""
    data = bundle.card.data
    background = np.broadcast_to(np.asarray(data.background), data.image_shape[2])
    return {
        "background": to_pixels(background).tolist(),
        "side": _object_side(data, fill),
        "fit": data.reading.fit,
        "tones": {"plain": PLAIN, "hardlyVisible": HARDLY_VISIBLE},
        "neighbours": JUDGED_NEIGHBOURS,
        "errorColours": [raster.TOO_BRIGHT, raster.TOO_DARK],
    }


def _object_side(data: DataCard, fill: float) -> int | None:
    """Longer side of an object in pixels; None unless images show one on plain black or white.

    It is 20 for MNIST's digits.
    """
    if data.image_shape[2] > 1 or data.background not in (0.0, 1.0):
        return None
    return round(fill * max(data.image_shape[:2])) if fill < FILLING else None


def object_fill(bundle: Bundle) -> float:
    """How much of an image the data set's objects fill, measured on reconstructions."""
    rows = evenly_spaced(len(bundle.latents.z_mean), LOOKED_AT)
    return typical_fill(bundle.reconstruct(rows), bundle.card.data.background)


def vivid_row(bundle: Bundle) -> int:
    """Row of the test image where a visit begins: well explained, trusted, strong in contours."""
    density, neg_elbo = bundle.latents.log_density, bundle.latents.neg_elbo
    is_good = density >= np.median(density)
    if bundle.card.metrics.neg_elbo is not None:
        is_good &= neg_elbo <= np.median(neg_elbo)
    good = np.flatnonzero(is_good)
    rows = good[evenly_spaced(len(good), LOOKED_AT)] if len(good) else np.zeros(1, np.int64)
    trusted = are_good(bundle, rows)
    rows = rows[trusted] if trusted.any() else rows
    if bundle.card.model.has_graphs:
        images = bundle.reconstruct(rows)
    elif bundle.reconstructions is not None:
        images = bundle.reconstructions[rows].astype(np.float32)
    else:
        return int(rows[0])
    contour = sum(np.abs(np.diff(images, axis=axis)).mean(axis=(1, 2, 3)) for axis in (1, 2))
    return int(rows[np.argmax(contour)])
