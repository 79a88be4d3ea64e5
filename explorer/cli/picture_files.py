"""The files that ``pictures`` writes: pictures and pages, or figures for a paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from explorer.bundle import sheets
from explorer.bundle.bundle import Bundle
from explorer.bundle.images import find_originals, why_missing
from explorer.bundle.walks import all_walks, build_graph
from explorer.core.grids import Spacing
from explorer.core.paths import traversal
from explorer.core.subsets import evenly_spaced
from explorer.drawing import charts, films, raster
from explorer.drawing.sheet import Paper, Sheet

RECONSTRUCTIONS = 10
TRAVERSALS = 10
STEPS = 11
"""Number of images of an interpolation."""
IMAGE_SIDE, GRID_SIDE = 280, 1000
"""Approximate longer side in pixels of one image, and of many images in one picture."""


@dataclass(frozen=True)
class Choice:
    """What to draw.

    Attributes:
        seed: seed of the samples.
        grid: number of tiles on each side of the manifold.
        spacing: spacing of the tiles.
        extent: range of the grid, ± standard deviations of the prior.
        at: a latent to decode and to move through, ``(latent_dim,)``; None for the origin,
            without a picture of its own.
        axes: the dimensions of map and manifold, counted from 0; None for those of largest KL.
        sweep: the dimension to sweep, counted from 0.
        step: step between the frames of the sweep.
        frames: number of frames of the sweep.
        ends: the latents that paths join, ``(2, latent_dim)``.
        directions: texts that name directions.
    """

    seed: int
    grid: int
    spacing: Spacing
    extent: float
    at: np.ndarray | None
    axes: tuple[int, int] | None
    sweep: int
    step: float
    frames: int
    ends: np.ndarray
    directions: Sequence[str]


def draw(bundle: Bundle, choice: Choice) -> Iterator[tuple[str, bytes]]:
    """Yield the name and contents of each file."""
    rows = shown_rows(bundle)
    sheet = sheets.reconstructions(bundle, originals_of(bundle), rows)
    yield "reconstructions.png", picture(sheet)
    yield "samples.png", picture(sheets.samples(bundle, choice.seed))

    plane = sheets.plane_of(bundle, choice.at, choice.axes)
    sheet = sheets.manifold(bundle, plane, choice.grid, choice.spacing, choice.extent)
    yield "manifold.png", picture(sheet)

    if choice.at is not None:
        yield "point.png", raster.png(enlarged(sheets.decode(bundle, choice.at[np.newaxis])[0]))

    middle = np.zeros(bundle.card.model.latent_dim, np.float32) if choice.at is None else choice.at
    places = sweep_places(choice.frames, choice.step)
    images = sheets.decode(bundle, traversal(middle, choice.sweep, places))
    shots = [enlarged(image) for image in images]
    digits = max(2, len(str(choice.frames - 1)))
    for k, shot in enumerate(shots):
        yield f"sweep/frame-{k:0{digits}}.png", raster.png(shot)
    yield "sweep.gif", films.gif(shots)

    points, labels = plane.project(bundle.latents.z_mean), bundle.latents.labels
    box, classes = charts.extent_of(points), bundle.card.data.classes
    scatter = charts.map_figure(points, labels, classes, axes=plane.labels, extent=box)
    yield "map.html", page(scatter, "map")
    if bundle.history:
        yield "curves.html", page(charts.curves_figure(bundle.history), "curves")
    yield "plotly.min.js", get_plotlyjs().encode()


def draw_for_paper(
    bundle: Bundle, choice: Choice, on: Paper, command: str, *, has_caption: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and contents of each figure; captions name the command."""
    # On demand: Matplotlib takes a second to import
    from explorer.bundle import plates
    from explorer.drawing.paper import missing_letters

    if missing := missing_letters(" ".join((bundle.card.title, *bundle.card.data.classes))):
        print(f"no font here has {missing[:20]}: install Noto Sans CJK, and the figures have them")

    def shown() -> Iterator[plates.Plate]:
        plane = sheets.plane_of(bundle, choice.at, choice.axes)
        originals = originals_of(bundle)
        if originals is not None or bundle.has_reconstructions:
            yield plates.reconstructions(bundle, originals, shown_rows(bundle))
        if bundle.card.model.has_graphs:
            yield plates.samples(bundle, choice.seed)
            yield plates.manifold(bundle, plane, choice.grid, choice.spacing, choice.extent)
            at = np.zeros(bundle.card.model.latent_dim) if choice.at is None else choice.at
            yield plates.traversals(bundle, at, bundle.dimensions_by_kl[:TRAVERSALS])
            if choice.directions:
                yield plates.directions(bundle, at, choice.directions)
            if bundle.latents.places is not None:
                yield plates.neighbourhood_manifold(bundle, bundle.latents.places, choice.grid)
            graph = bundle.latents.graph or build_graph(bundle.codec, bundle.latents)
            walks = all_walks(bundle, [*choice.ends], graph)
            yield plates.interpolation(bundle, walks, STEPS, evenly=True)
            yield plates.paths(bundle, walks, evenly=True)
        yield plates.plane_map(bundle, plane)
        if bundle.latents.places is not None:
            yield plates.neighbourhood_map(bundle, bundle.latents.places)
        if bundle.history:
            yield plates.curves(bundle)
        yield plates.kl(bundle)

    for plate in shown():
        yield f"{plate.name}.{on.format}", plate.write(on, command, has_caption=has_caption)


def originals_of(bundle: Bundle) -> np.ndarray | None:
    """Call ``find_originals``; if there are none, print a line that says so."""
    originals = find_originals(bundle)
    if originals is None:
        data = bundle.card.data
        print(f"the images of {data.title} {why_missing(data)}: reconstructions are without them")
    return originals


def shown_rows(bundle: Bundle) -> np.ndarray:
    """Rows of the test images whose reconstructions are shown."""
    return evenly_spaced(len(bundle.latents.z_mean), RECONSTRUCTIONS)


def picture(sheet: Sheet) -> bytes:
    """A sheet without its texts, as PNG."""
    return raster.png(enlarged(sheet.picture, GRID_SIDE))


def enlarged(pixels: np.ndarray, side: int = IMAGE_SIDE) -> np.ndarray:
    """Repeat each pixel until the longer side is close to ``side``."""
    return raster.enlarge(pixels, max(1, round(side / max(pixels.shape))))


def sweep_places(frames: int, step: float) -> np.ndarray:
    """The position of each frame, ``(frames,)``: frame k at (k − (frames − 1) / 2) · step."""
    return (np.arange(frames) - (frames - 1) / 2) * step


def page(figure: go.Figure, name: str) -> bytes:
    """A figure as a page of its own, which reads ``plotly.min.js`` from its folder."""
    figure.update_layout(height=None, template="plotly_white", dragmode="pan")  # fills the window
    options = {"displaylogo": False, "scrollZoom": True}
    html: str = figure.to_html(options, include_plotlyjs="directory", div_id=name)
    return html.encode()
