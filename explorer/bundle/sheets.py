"""Sheets of a model's pictures: test images and decoded latents."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.directions import name_of, parse_direction
from explorer.bundle.walks import PathKind, Walk
from explorer.core.geodesics import Scores
from explorer.core.geometry import (
    Plane,
    axis_label,
    axis_plane,
    line_plane,
)
from explorer.core.grids import Spacing, grid_coordinates, grid_points
from explorer.core.metrics import percentile_of
from explorer.core.neighbourhood import empty_distance, latents_at
from explorer.core.paths import traversal
from explorer.core.pixels import to_pixels
from explorer.drawing import raster
from explorer.drawing.sheet import Sheet
from explorer.notation import with_minus

REACH = 3.0
"""Traversals run from −``REACH`` to ``REACH``."""
TILES = 11
"""Pictures in a traversal."""
SAMPLES_A_SIDE = 10


def decode(bundle: Bundle, z: np.ndarray) -> np.ndarray:
    """Latents ``(n, latent_dim)`` → mean images, uint8 ``(n, height, width, channels)``."""
    return to_pixels(bundle.decode(z))


def plane_of(
    bundle: Bundle, through: np.ndarray | None = None, axes: tuple[int, int] | None = None
) -> Plane:
    """The plane of two latent dimensions.

    Args:
        bundle: the model.
        through: a latent in it, ``(latent_dim,)``; 0 by default.
        axes: the dimensions, counted from 0; by default the two of largest KL.
    """
    latent_dim = bundle.card.model.latent_dim
    if latent_dim == 1:
        return line_plane()
    first, second = axes or bundle.main_dimensions
    return axis_plane(first, second, np.zeros(latent_dim) if through is None else through)


def reconstructions(bundle: Bundle, originals: np.ndarray | None, rows: np.ndarray) -> Sheet:
    """Test images above their reconstructions, or whichever of the two is available.

    Args:
        bundle: the model.
        originals: all test images, uint8; None if they are not available.
        rows: indices of those to show.
    """
    shown = {}
    if originals is not None:
        shown["image"] = originals[rows]
    if bundle.card.model.has_graphs:
        shown["decoded"] = to_pixels(bundle.reconstruct(rows))
    elif bundle.reconstructions is not None:
        shown["decoded"] = bundle.reconstructions[rows]
    classes = bundle.card.data.classes
    return Sheet(
        np.concatenate([*shown.values()]),
        len(rows),
        row_labels=[*shown],
        column_labels=[classes[label] for label in bundle.latents.labels[rows]],
        is_scale=False,
    )


def reconstruction(image: np.ndarray, decoded: np.ndarray) -> Sheet:
    """An image, its reconstruction, and where they differ.

    Args:
        image, decoded: ``(height, width, channels)`` in [0, 1].
    """
    shown = [
        np.broadcast_to(to_pixels(pixels), (*pixels.shape[:2], 3)) for pixels in (image, decoded)
    ]
    names = ("image", "reconstruction", "error")
    errors = raster.on_white(raster.error_map(image, decoded))
    return Sheet(np.stack([*shown, errors]), 3, column_labels=names)


def samples(bundle: Bundle, seed: int) -> Sheet:
    """Decoded draws from the prior."""
    shape = SAMPLES_A_SIDE**2, bundle.card.model.latent_dim
    return Sheet(decode(bundle, np.random.default_rng(seed).standard_normal(shape)), SAMPLES_A_SIDE)


def manifold(bundle: Bundle, plane: Plane, side: int, spacing: Spacing, extent: float) -> Sheet:
    """The decoded grid over a plane; see ``grids.grid_coordinates``."""
    xs, ys = grid_coordinates(plane.grid_size(side), spacing=spacing, extent=extent)
    x_title, y_title = plane.labels
    return Sheet(
        decode(bundle, plane.lift(grid_points(xs, ys))),
        side,
        gap=0,
        column_labels=_decimals(xs),
        row_labels=_decimals(ys[::-1]) if y_title else (),
        x_title=x_title,
        y_title=y_title,
    )


def neighbourhood_manifold(
    bundle: Bundle, places: np.ndarray, side: int, extent: tuple[float, float, float, float]
) -> Sheet:
    """The decoded grid over the neighbourhood map, white where no test image is near.

    Args:
        bundle: the model.
        places: places of the test images, ``(n, 2)``.
        side: number of rows, and of pictures in a row.
        extent: left, right, bottom and top of the map.
    """
    left, right, bottom, top = extent
    middles = (np.arange(side) + 0.5) / side
    points = grid_points(left + (right - left) * middles, bottom + (top - bottom) * middles)
    z, distances = latents_at(points, places, bundle.latents.z_mean)
    images = decode(bundle, z)
    images[distances > empty_distance(places)] = 255
    return Sheet(images, side, gap=0)


def along_directions(bundle: Bundle, z: np.ndarray, texts: Sequence[str], steps: int) -> Sheet:
    """A row for each direction, from −``REACH`` to ``REACH`` standard deviations along it.

    Args:
        bundle: the model.
        z: the latent that keeps its other components, ``(latent_dim,)``.
        texts: names of the directions, as ``parse_direction`` reads them.
        steps: pictures in a row.

    Raises:
        ValueError: the model has no such direction.
    """
    values = np.linspace(-REACH, REACH, steps)
    directions = [parse_direction(text, bundle) for text in texts]
    latents = [
        z + np.outer(values - one.project(z[np.newaxis]), one.unit * one.deviation)
        for one in directions
    ]
    return Sheet(
        decode(bundle, np.concatenate(latents).astype(np.float32)),
        steps,
        column_labels=_decimals(values),
        row_labels=[name_of(text, bundle) for text in texts],
        x_title="standard deviations",
    )


def traversals(bundle: Bundle, z: np.ndarray, dimensions: Sequence[int], steps: int) -> Sheet:
    """A row for each dimension, which runs from −``REACH`` to ``REACH`` while the others are fixed.

    Args:
        bundle: the model.
        z: the latent with their values, ``(latent_dim,)``.
        dimensions: counted from 0.
        steps: pictures in a row.
    """
    values = np.linspace(-REACH, REACH, steps)
    latents = np.concatenate([traversal(z, dimension, values) for dimension in dimensions])
    return Sheet(
        decode(bundle, latents),
        steps,
        column_labels=_decimals(values),
        row_labels=[f"{axis_label(d)}\n{describe_kl(bundle, d)}" for d in dimensions],
        x_title="value of the dimension",
    )


def interpolation(
    bundle: Bundle,
    walks: Mapping[PathKind, tuple[Walk, Scores]],
    count: int,
    *,
    evenly: bool,
) -> list[Sheet]:
    """A sheet for each path, with its scores above and the density of the data below.

    Args:
        bundle: the model.
        walks: the path of each kind, and its scores.
        count: pictures in each.
        evenly: as for ``Walk.at``.
    """
    straight = walks["Straight line"][1].length or 1.0
    found = []
    for kind, (walk, scores) in walks.items():
        path = walk.at(count, evenly=evenly)
        found.append(
            Sheet(
                decode(bundle, path),
                count,
                title=f"{kind}: change {scores.length / straight:.2f}, "
                f"thin {100 * scores.thin:.0f} %, "
                f"returns within {scores.return_distance:.2f}, step {scores.jump:.2f} ×",
                column_labels=[f"{math.floor(share)}" for share in percentiles(bundle, path)],
            )
        )
    return found


def percentiles(bundle: Bundle, z: np.ndarray) -> np.ndarray:
    """How dense the training data is at latents, on the scale of the test set, 0–100."""
    density = bundle.latents.aggregate_posterior.log_density(z)
    shares: np.ndarray = percentile_of(density, bundle.sorted_log_density)
    return shares


def describe_kl(bundle: Bundle, dimension: int) -> str:
    """Describe how much a dimension carries (KL or variance), and whether it is inactive."""
    weight = bundle.dimension_weights[dimension]
    text = f"{weight:.2f} nats" if bundle.card.model.has_variance else f"variance {weight:.2f}"
    return text + ("" if bundle.active_units[dimension] else " · inactive")


def _decimals(values: np.ndarray) -> list[str]:
    return [with_minus(value, ".1f").replace("−0.0", "0.0") for value in values]
