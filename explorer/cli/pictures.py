"""Write the pictures of a trained model as files, from its bundle alone.

    python -m explorer pictures mnist-8d                  all but point.png, into pictures/mnist-8d
    python -m explorer pictures mnist-2d --at 1.5,-0.3    with point.png, the decode of that point
    python -m explorer pictures mnist-2d --spacing linear --extent 5
    python -m explorer pictures mnist-8d --sweep 3 --step 0.1 --frames 50

reconstructions.png  test images above their reconstructions
samples.png          100 decoded draws from the prior
manifold.png         a decoded grid over the plane of the two dimensions of largest KL
sweep/, sweep.gif    one dimension moved through 0 in steps, the others as in --at, or at 0
map.html             the test set's latent means in that plane, coloured by class
curves.html          the training curves

The pages need plotly.min.js beside them, and no network. Files of an earlier run are
overwritten. The exit status is 0; 1 if a bundle is broken or a file cannot be written; 2 if the
command is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from explorer.bundle.images import find_originals
from explorer.bundle.store import DEFAULT_FOLDER, Bundle, find_bundles, load_bundle
from explorer.cli.arguments import SEEDS, UsageError, choose_bundles, command_name, number
from explorer.core.geometry import (
    MAX_NORMAL_EXTENT,
    SPACINGS,
    Plane,
    Spacing,
    axis_plane,
    grid_points,
    line_plane,
    plane_coordinates_grid,
)
from explorer.core.paths import traversal
from explorer.core.subsets import evenly_spaced
from explorer.drawing import charts, films, raster
from explorer.errors import ExplorerError
from explorer.notation import parse_latent

RECONSTRUCTIONS = 10
SAMPLES_A_SIDE = 10
BATCH = 100
"""Images decoded at once: a convolutional decoder needs megabytes for each."""
IMAGE_SIDE, GRID_SIDE = 280, 1000
"""Pixels that the longer side of one image, and of many in one picture, comes close to."""


def main() -> int:
    """Run the command line."""
    arguments = parse_arguments()
    output = arguments.output or Path("pictures", arguments.name)
    try:
        folder = arguments.bundles
        (path,) = choose_bundles(find_bundles(folder), [arguments.name], folder)
        bundle = load_bundle(path)
        if not bundle.card.model.has_graphs:
            raise UsageError(f"{path.name} came without a decoder, which draws the pictures")
        files = draw(
            bundle,
            seed=arguments.seed,
            grid=arguments.grid,
            spacing=arguments.spacing,
            extent=arguments.extent,
            at=read_point(arguments.at, bundle.card.model.latent_dim),
            sweep=find_dimension(arguments.sweep, bundle),
            step=arguments.step,
            frames=arguments.frames,
        )
        for frame in output.glob("sweep/frame-*.png"):  # an earlier run may have had more
            frame.unlink()
        for name, contents in files:
            path = output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents)
            print(path)
    except ExplorerError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        print(f"cannot read or write a file: {error}", file=sys.stderr)
        return 1
    return 0


def draw(
    bundle: Bundle,
    *,
    seed: int,
    grid: int,
    spacing: Spacing,
    extent: float,
    at: np.ndarray | None,
    sweep: int,
    step: float,
    frames: int,
) -> Iterator[tuple[str, bytes]]:
    """Name and contents of each file.

    Args:
        bundle: the model.
        seed: of the samples.
        grid: tiles a side of the manifold.
        spacing: of the tiles.
        extent: of the grid, ± standard deviations of the prior.
        at: a latent to decode and to sweep through, ``(latent_dim,)``; None for the origin,
            without a picture of its own.
        sweep: the dimension to sweep, counted from 0.
        step: between its frames.
        frames: how many.
    """
    rows = evenly_spaced(len(bundle.latents.z_mean), RECONSTRUCTIONS)
    images = raster.to_pixels(bundle.reconstruct(rows))
    originals = find_originals(bundle)
    if originals is None:
        title = bundle.card.data.title
        print(f"the images of {title} are not on this machine: reconstructions.png is without them")
    else:
        images = np.concatenate([originals[rows], images])
    yield "reconstructions.png", raster.png(picture(images, len(rows), gap=1))

    shape = SAMPLES_A_SIDE**2, bundle.card.model.latent_dim
    images = decode(bundle, np.random.default_rng(seed).standard_normal(shape))
    yield "samples.png", raster.png(picture(images, SAMPLES_A_SIDE, gap=1))

    plane = main_plane(bundle)
    size = plane.grid_size(grid)
    points = grid_points(*plane_coordinates_grid(size, spacing=spacing, extent=extent))
    yield "manifold.png", raster.png(picture(decode(bundle, plane.lift(points)), grid))

    if at is not None:
        images = decode(bundle, at[np.newaxis])
        yield "point.png", raster.png(picture(images, 1, side=IMAGE_SIDE))

    middle = np.zeros(bundle.card.model.latent_dim, np.float32) if at is None else at
    images = decode(bundle, traversal(middle, sweep, sweep_places(frames, step)))
    shots = [picture(image[np.newaxis], 1, side=IMAGE_SIDE) for image in images]
    digits = max(2, len(str(frames - 1)))
    for k, shot in enumerate(shots):
        yield f"sweep/frame-{k:0{digits}}.png", raster.png(shot)
    yield "sweep.gif", films.gif(shots)

    points, labels = plane.project(bundle.latents.z_mean), bundle.latents.labels
    box, classes = charts.extent_of(points), bundle.card.data.classes
    scatter = charts.map_figure(points, labels, classes, axes=plane.labels, extent=box)
    yield "map.html", page(scatter, "map")
    yield "curves.html", page(charts.curves_figure(bundle.history), "curves")
    yield "plotly.min.js", get_plotlyjs().encode()


def decode(bundle: Bundle, z: np.ndarray) -> np.ndarray:
    """Latents ``(n, latent_dim)`` → mean images, uint8 ``(n, height, width, channels)``."""
    batches = np.split(z, range(BATCH, len(z), BATCH))
    return np.concatenate([raster.to_pixels(bundle.codec.decode(batch)) for batch in batches])


def picture(images: np.ndarray, columns: int, *, gap: int = 0, side: int = GRID_SIDE) -> np.ndarray:
    """Images row by row, each pixel repeated until the longer side is close to ``side``."""
    tiles = raster.tile(images, min(columns, len(images)), gap=gap)
    return raster.enlarge(tiles, max(1, round(side / max(tiles.shape))))


def sweep_places(frames: int, step: float) -> np.ndarray:
    """Where each frame lies, ``(frames,)``: frame k at (k − (frames − 1) / 2) · step."""
    return (np.arange(frames) - (frames - 1) / 2) * step


def main_plane(bundle: Bundle) -> Plane:
    """The plane that the app shows first: of the two dimensions of largest KL, through 0."""
    latent_dim = bundle.card.model.latent_dim
    if latent_dim == 1:
        return line_plane()
    first, second = bundle.main_dimensions
    return axis_plane(first, second, np.zeros(latent_dim))


def page(figure: go.Figure, name: str) -> bytes:
    """A figure as a page of its own, which reads ``plotly.min.js`` from its folder."""
    figure.update_layout(height=None, template="plotly_white", dragmode="pan")  # fills the window
    options = {"displaylogo": False, "scrollZoom": True}
    html: str = figure.to_html(options, include_plotlyjs="directory", div_id=name)
    return html.encode()


def read_point(text: str | None, latent_dim: int) -> np.ndarray | None:
    """The latent that ``--at`` names, ``(latent_dim,)`` float32.

    Raises:
        UsageError: it is no latent of the model.
    """
    if text is None:
        return None
    try:
        return parse_latent(text, latent_dim)
    except ValueError as error:
        raise UsageError(f"--at {text}: {error}") from error


def find_dimension(number: int | None, bundle: Bundle) -> int:
    """The dimension that ``--sweep`` counts from 1, counted from 0; else that of largest KL.

    Raises:
        UsageError: the model has no such dimension.
    """
    if number is None:
        return bundle.dimensions_by_kl[0]
    latent_dim = bundle.card.model.latent_dim
    if not 1 <= number <= latent_dim:
        raise UsageError(f"--sweep takes a dimension from 1 to {latent_dim}; received {number}")
    return number - 1


def parse_arguments() -> argparse.Namespace:
    """Read the command line; a wrong flag ends with one sentence and status 2."""
    parser = argparse.ArgumentParser(
        prog=command_name(),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="of the bundle")
    add(
        "--bundles", type=Path, default=DEFAULT_FOLDER, metavar="DIR",
        help="where it lies (default: pretrained/ of this project)",
    )  # fmt: skip
    add(
        "--output", type=Path, metavar="DIR",
        help="where to write (default: pictures/NAME in the current folder)",
    )  # fmt: skip
    add("--seed", type=number(int, *SEEDS), default=0, help="of the samples (default 0)")
    add("--grid", type=number(int, 1, 100), default=20, help="tiles a side (default 20)")
    add("--spacing", choices=SPACINGS, default="normal", help="of the tiles (default normal)")
    add(
        "--extent", type=number(float, 0.01, MAX_NORMAL_EXTENT), default=2.5,
        help="the grid's, ± standard deviations of the prior (default 2.5)",
    )  # fmt: skip
    add("--at", metavar="Z", help="a point: numbers with commas between them")
    add("--sweep", type=int, metavar="DIM", help="1, 2, … (default: that of largest KL)")
    add("--step", type=number(float, 0.001, 10), default=0.1, help="of the sweep (default 0.1)")
    add("--frames", type=number(int, 1, 1000), default=50, help="of the sweep (default 50)")
    given = sys.argv[1:]
    if "--at" in given[:-1]:  # argparse takes a point like -1,2 for an option
        place = given.index("--at")
        given[place : place + 2] = [f"--at={given[place + 1]}"]
    return parser.parse_args(given)
