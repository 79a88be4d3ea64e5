"""The figures of a model for print, each with its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.bundle import sheets
from explorer.bundle.bundle import Bundle
from explorer.bundle.walks import PathKind, Walk
from explorer.core.geodesics import THIN, Scores
from explorer.core.geometry import Plane
from explorer.core.grids import Spacing
from explorer.drawing import charts, paper, plots
from explorer.drawing.sheet import Paper
from explorer.notation import with_minus

_ALONG = 101
"""Number of points of a path at which the density is drawn."""


@dataclass(frozen=True)
class Plate:
    """A figure.

    Attributes:
        name: name of its file, without the extension.
        plot: what it shows.
        caption: what that is, and which model and data it is from.
    """

    name: str
    plot: paper.Plot
    caption: str

    def write(self, on: Paper, command: str, *, has_caption: bool = True) -> bytes:
        """Return the contents of its file; ``command`` is the command that makes it."""
        return paper.write(self.plot, on, [self.caption, command] if has_caption else [])


def reconstructions(bundle: Bundle, originals: np.ndarray | None, rows: np.ndarray) -> Plate:
    """See ``sheets.reconstructions``."""
    sheet = sheets.reconstructions(bundle, originals, rows)
    what = "test images above their reconstructions" if sheet.rows > 1 else sheet.row_labels[0]
    return _plate(
        bundle, "reconstructions", plots.sheets(sheet), f"{what}, evenly spaced in the test set"
    )


def reconstruction(bundle: Bundle, image: np.ndarray, decoded: np.ndarray) -> Plate:
    """See ``sheets.reconstruction``."""
    return _plate(
        bundle,
        "reconstruction",
        plots.sheets(sheets.reconstruction(image, decoded)),
        "an image, its reconstruction and its error, blue too dark, red too bright",
    )


def samples(bundle: Bundle, seed: int) -> Plate:
    """See ``sheets.samples``."""
    plot = plots.sheets(sheets.samples(bundle, seed))
    return _plate(bundle, "samples", plot, f"decoded draws from the prior, seed {seed}")


def manifold(bundle: Bundle, plane: Plane, side: int, spacing: Spacing, extent: float) -> Plate:
    """See ``sheets.manifold``."""
    steps = {"normal": "the same share of the prior", "linear": "the same distance"}[spacing]
    return _plate(
        bundle,
        "manifold",
        plots.sheets(sheets.manifold(bundle, plane, side, spacing, extent)),
        f"decoded grid up to ±{extent:g}, {steps} between neighbours{_rest(plane)}",
    )


def traversals(bundle: Bundle, z: np.ndarray, dimensions: Sequence[int]) -> Plate:
    """See ``sheets.traversals``."""
    unit = "KL" if bundle.card.model.has_variance else "variance"
    return _plate(
        bundle,
        "traversals",
        plots.sheets(sheets.traversals(bundle, z, dimensions, sheets.TILES)),
        f"decoded traversals of the dimensions of largest {unit}"
        + (f", the others at {_place(z)}" if len(z) > 1 else ""),
    )


def neighbourhood_manifold(bundle: Bundle, places: np.ndarray, side: int) -> Plate:
    """See ``sheets.neighbourhood_manifold``."""
    sheet = sheets.neighbourhood_manifold(bundle, places, side, charts.extent_of(places))
    return _plate(
        bundle,
        "neighbourhood-manifold",
        plots.sheets(sheet),
        "decoded grid over the map that t-SNE lays out, from the latents of the nearest test "
        "images; white where there is none near",
    )


def directions(bundle: Bundle, z: np.ndarray, texts: Sequence[str]) -> Plate:
    """See ``sheets.along_directions``."""
    return _plate(
        bundle,
        "directions",
        plots.sheets(sheets.along_directions(bundle, z, texts, sheets.TILES)),
        f"decoded along directions through {_place(z)}, in standard deviations of the test images "
        "along each",
    )


def interpolation(
    bundle: Bundle, walks: Mapping[PathKind, tuple[Walk, Scores]], count: int, *, evenly: bool
) -> Plate:
    """See ``sheets.interpolation``."""
    spacing = "the picture" if evenly else "the latent space"
    return _plate(
        bundle,
        "interpolation",
        plots.sheets(*sheets.interpolation(bundle, walks, count, evenly=evenly)),
        f"decoded paths, evenly spaced in {spacing}; below each image, the share of test "
        "images that lie where the data is thinner",
    )


def paths(bundle: Bundle, walks: Mapping[PathKind, tuple[Walk, Scores]], *, evenly: bool) -> Plate:
    """How dense the data is along the paths."""
    way = np.linspace(0, 100, _ALONG)
    curves = [
        charts.Curve(kind, way, sheets.percentiles(bundle, walk.at(_ALONG, evenly=evenly)))
        for kind, (walk, _) in walks.items()
    ]
    return _plate(
        bundle,
        "paths",
        plots.paths_plot(curves, 100 * THIN),
        "density of the data along the paths, on the scale of the test images' own",
    )


def plane_map(bundle: Bundle, plane: Plane) -> Plate:
    """The test images' latent means, projected onto a plane."""
    points = plane.project(bundle.latents.z_mean)
    return _plate(
        bundle,
        "map",
        _map(bundle, points, plane.labels),
        f"latent means of the test images{_unnamed(bundle)}",
    )


def neighbourhood_map(bundle: Bundle, places: np.ndarray) -> Plate:
    """The test images' places on the neighbourhood map, ``(n, 2)``."""
    return _plate(
        bundle,
        "neighbourhoods",
        _map(bundle, places, ("", "")),
        "latent means of the test images laid out by t-SNE, so that neighbours stay neighbours"
        f"{_unnamed(bundle)}",
    )


def curves(bundle: Bundle) -> Plate:
    """The training curves."""
    plot = plots.curves_plot(bundle.history)
    return _plate(bundle, "curves", plot, "training: −ELBO and its terms after each epoch")


def kl(bundle: Bundle) -> Plate:
    """What each latent dimension carries."""
    has_variance = bundle.card.model.has_variance
    plot = plots.kl_plot(
        bundle.dimension_weights,
        bundle.dimensions_by_kl,
        bundle.active_units,
        "nats per image" if has_variance else "variance",
    )
    what = "KL of each latent dimension" if has_variance else "variance of each dimension's means"
    return _plate(bundle, "kl", plot, f"{what}, over the test images")


def _map(bundle: Bundle, points: np.ndarray, axes: tuple[str, str]) -> paper.Plot:
    return plots.map_plot(
        points,
        bundle.latents.labels,
        bundle.card.data.classes,
        axes=axes,
        extent=charts.extent_of(points),
    )


def _plate(bundle: Bundle, name: str, plot: paper.Plot, what: str) -> Plate:
    """A figure whose caption begins with the model and its data."""
    card, data = bundle.card, bundle.card.data
    if card.model.is_conditional:
        what += f"; decoded as {data.classes[bundle.label]}"
    return Plate(
        name,
        plot,
        f"{card.title} ({card.name}), of {data.title} with {data.test_images:,} test images: "
        f"{what}.",
    )


def _unnamed(bundle: Bundle) -> str:
    """What the caption adds if there are more classes than there is room to name."""
    classes = len(bundle.card.data.classes)
    return f", without the names of its {classes} classes" if classes > plots.MAX_NAMES else ""


def _place(z: np.ndarray) -> str:
    numbers = ", ".join(with_minus(value, ".3g") for value in z.tolist())
    return f"({numbers})" if z.any() and len(z) <= 20 else "the point" if z.any() else "0"


def _rest(plane: Plane) -> str:
    """What the caption adds about the dimensions that the plane does not span."""
    spanned = plane.directions != 0
    others = plane.origin[~spanned.any(axis=0)] if spanned.sum() <= 2 else plane.origin
    return f", the other dimensions at {_place(others)}" if len(plane.origin) > 2 else ""
