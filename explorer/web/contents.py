"""What the parts of a page are given beside the model, as JSON: whoever mounts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.bundle.sheets import REACH, TILES, describe_kl
from explorer.bundle.store import Bundle
from explorer.core.directions import Direction
from explorer.core.geometry import axis_label
from explorer.core.neighbourhood import JUDGED_NEIGHBOURS
from explorer.drawing import raster


def sliders(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sliders and their strips, for rows as the functions below make them."""
    return {"rows": list(rows), "reach": REACH, "tiles": TILES}


def dimension_rows(bundle: Bundle, dimensions: Sequence[int]) -> list[dict[str, Any]]:
    """A row for each latent dimension, which are counted from 0."""
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
    """What screen readers call the map."""
    return (
        f"Map of {bundle.card.data.test_images:,} test images; arrow keys move the point, Enter "
        "takes it to the nearest image, plus and minus zoom, 0 shows all, A and B group images"
    )


def drawing(bundle: Bundle, object_side: int | None) -> dict[str, Any]:
    """The canvas to draw on; drawn objects are scaled to ``object_side`` pixels, if known."""
    data = bundle.card.data
    background = np.broadcast_to(np.asarray(data.background), data.image_shape[2])
    return {
        "background": raster.to_pixels(background).tolist(),
        "side": object_side,
        "neighbours": JUDGED_NEIGHBOURS,
        "errorColours": [raster.TOO_BRIGHT, raster.TOO_DARK],
    }
