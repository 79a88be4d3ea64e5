"""Write the pictures of a trained model as files, from its bundle alone.

    python -m explorer pictures mnist-8d                  all but point.png, into pictures/mnist-8d
    python -m explorer pictures mnist-2d --at 1.5,-0.3    with point.png, the decode of that point
    python -m explorer pictures mnist-2d --spacing linear --extent 5
    python -m explorer pictures mnist-8d --sweep 3 --step 0.1 --frames 50
    python -m explorer pictures mnist-8d --format pdf --width 8.5cm     figures for a paper

reconstructions.png  test images above their reconstructions
samples.png          100 decoded draws from the prior
manifold.png         a decoded grid over the plane of the two dimensions of largest KL, or of
                     --axes, the others as in --at, or at 0
sweep/, sweep.gif    one dimension moved through 0 in steps, the others as in --at, or at 0
map.html             the test set's latent means in that plane, coloured by class
curves.html          the training curves

The pages need plotly.min.js beside them, and no network.

With --format pdf, svg or png, in place of all these: reconstructions, samples, manifold,
traversals, directions, neighbourhood-manifold, interpolation, paths, map, neighbourhoods, curves
and kl as figures with axes, names and a caption, as wide as --width says.

Files of an earlier run are overwritten, but not those of another model. The exit status is 0; 1 if
a bundle is broken or a file cannot be written; 2 if the command is wrong.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.directions import parse_direction
from explorer.bundle.spelling import parse_class, parse_place
from explorer.bundle.store import find_bundles, load_bundle
from explorer.cli.arguments import (
    SEEDS,
    UsageError,
    add_bundles_option,
    choose_bundles,
    command_line,
    naming,
    new_parser,
    number,
    without_options,
)
from explorer.cli.files import make_folder, write_files
from explorer.cli.picture_files import Choice, draw, draw_for_paper, shown_rows
from explorer.cli.terminal import with_sentences
from explorer.core.grids import MAX_NORMAL_EXTENT, SPACINGS
from explorer.drawing.sheet import COLUMN, DPI, Format, Paper
from explorer.notation import parse_latent

CENTIMETRES = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72}
FOR_PAPER = frozenset(("--between", "--direction", "--width", "--dpi", "--no-caption"))
"""Flags that apply only to figures for a paper."""
FOR_SWEEPS = frozenset(("--sweep", "--step", "--frames"))
"""Flags that apply only to the sweep, which figures for a paper leave out."""
MARK = ".pictures-of"
"""A file in the folder of the pictures that holds the name of their bundle."""
WIDTHS = 6.0, 50.0
"""Smallest and largest width of a figure in centimetres."""


@with_sentences
def main() -> int:
    """Run the command line."""
    write_files(_files(parse_arguments()))
    return 0


def _files(arguments: argparse.Namespace) -> Iterator[tuple[Path, bytes]]:
    output = arguments.output or Path("pictures", arguments.name)
    folder = arguments.bundles
    (path,) = choose_bundles(find_bundles(folder), [arguments.name], folder)
    bundle = choose_class(load_bundle(path), arguments.label)
    if not (bundle.card.model.has_graphs or arguments.format):
        raise UsageError(f"{path.name} came without a decoder, which draws the pictures")
    choice = Choice(
        arguments.seed,
        arguments.grid,
        arguments.spacing,
        arguments.extent,
        at=read_point(arguments.at, bundle.card.model.latent_dim),
        axes=find_axes(arguments.axes, bundle),
        sweep=find_dimension(arguments.sweep, bundle),
        step=arguments.step,
        frames=arguments.frames,
        ends=find_ends(arguments.between, bundle),
        directions=check_directions(arguments.direction, bundle),
    )
    _claim(output, path.name)
    if arguments.format:
        on = Paper(arguments.format, arguments.width, arguments.dpi)
        command = command_line(without_options(sys.argv[1:], "--output", "--bundles"))
        files = draw_for_paper(bundle, choice, on, command, has_caption=not arguments.no_caption)
    else:
        files = draw(bundle, choice)
        for frame in output.glob("sweep/frame-*.png"):  # an earlier run may have had more
            frame.unlink()
    yield from ((output / name, contents) for name, contents in files)


def _claim(folder: Path, name: str) -> None:
    """Mark a folder as that of a bundle's pictures.

    Raises:
        UsageError: it holds those of another bundle, whose files have the same names.
    """
    make_folder(folder)
    mark = folder / MARK
    if mark.is_file() and (other := mark.read_text(encoding="utf-8", errors="replace")) != name:
        raise UsageError(
            f"{folder} holds the pictures of {other}, which this would overwrite; give each model "
            f"its own --output, such as {folder / name}"
        )
    mark.write_text(name, encoding="utf-8")


def read_point(text: str | None, latent_dim: int) -> np.ndarray | None:
    """The latent that ``--at`` names, ``(latent_dim,)`` float32.

    Raises:
        UsageError: if it is not a latent of the model.
    """
    if text is None:
        return None
    with naming(f"--at {text}"):
        return parse_latent(text, latent_dim)


def find_dimension(number: int | None, bundle: Bundle) -> int:
    """The dimension of ``--sweep``, which counts from 1, counted from 0; else that of largest KL.

    Raises:
        UsageError: if the model has no such dimension.
    """
    if number is None:
        return bundle.dimensions_by_kl[0]
    latent_dim = bundle.card.model.latent_dim
    if not 1 <= number <= latent_dim:
        raise UsageError(f"--sweep takes a dimension from 1 to {latent_dim}; received {number}")
    return number - 1


def find_axes(numbers: list[int] | None, bundle: Bundle) -> tuple[int, int] | None:
    """The dimensions of ``--axes``, which counts from 1, counted from 0.

    Raises:
        UsageError: if the model has no such dimensions, or they are the same.
    """
    if numbers is None:
        return None
    first, second = numbers
    latent_dim = bundle.card.model.latent_dim
    if first == second or not all(1 <= number <= latent_dim for number in numbers):
        raise UsageError(
            f"--axes takes two dimensions from 1 to {latent_dim}; received {first} {second}"
        )
    return first - 1, second - 1


def choose_class(bundle: Bundle, name: str | None) -> Bundle:
    """The model with the class of ``--class``, if that is given.

    Raises:
        UsageError: if it has no such class, or takes none.
    """
    if name is None:
        return bundle
    with naming(f"--class {name}"):
        return replace(bundle, label=parse_class(name, bundle))


def find_ends(names: list[str] | None, bundle: Bundle) -> np.ndarray:
    """The latents that ``--between`` names, ``(2, latent_dim)``; by default of two test images.

    The two are of different classes, if there are several.

    Raises:
        UsageError: if the model has no such places, or they are the same.
    """
    if names is None:
        rows, labels = shown_rows(bundle), bundle.latents.labels
        others = rows[labels[rows] != labels[rows[0]]]
        return bundle.latents.z_mean[[rows[0], others[0] if len(others) else rows[-1]]]
    with naming(f"--between {' '.join(names)}"):
        ends = np.stack([parse_place(name, bundle) for name in names])
        if np.array_equal(*ends):
            raise ValueError("a path leads from one place to another; these are the same")
        return ends


def check_directions(texts: list[str], bundle: Bundle) -> list[str]:
    """Return the texts, after checking them.

    Raises:
        UsageError: if one names no direction of the model, or the model has no decoder.
    """
    if texts and not bundle.card.model.has_graphs:
        raise UsageError(f"{bundle.card.name} came without a decoder, which draws --direction")
    for text in texts:
        with naming(f"--direction {text}"):
            parse_direction(text, bundle)
    return texts


def length(text: str) -> float:
    """Parse ``8.5cm``, ``85mm``, ``3.3in`` or ``241pt``, a ``type`` for argparse: centimetres."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+) ?(cm|mm|in|pt)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 8.5cm, 85mm, 3.3in or 241pt")
    centimetres = float(match[1]) * CENTIMETRES[match[2]]
    if not WIDTHS[0] <= centimetres <= WIDTHS[1]:
        raise argparse.ArgumentTypeError(
            f"{text} is not between {WIDTHS[0]:g} and {WIDTHS[1]:g} cm"
        )
    return centimetres


def parse_arguments() -> argparse.Namespace:
    """Read the command line; a wrong flag ends with one sentence and status 2."""
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("name", metavar="NAME", help="the bundle")
    add_bundles_option(parser)
    add(
        "--output", type=Path, metavar="DIR",
        help="where to write (default: pictures/NAME in the current folder)",
    )  # fmt: skip
    add("--seed", type=number(int, *SEEDS), default=0, help="seed of the samples (default 0)")
    add(
        "--grid",
        type=number(int, 1, 100),
        default=20,
        help="tiles per side of the grid (default 20)",
    )
    add(
        "--spacing",
        choices=SPACINGS,
        default="normal",
        help="spacing of its tiles (default normal)",
    )
    add(
        "--extent", type=number(float, 0.01, MAX_NORMAL_EXTENT), default=2.5,
        help="its extent, ± standard deviations of the prior (default 2.5)",
    )  # fmt: skip
    add(
        "--at",
        type=str.strip,
        metavar="Z",
        help="a point: its coordinates with commas between them",
    )
    add(
        "--axes", nargs=2, type=int, metavar="DIM",
        help="dimensions of map and manifold, from 1 (default: those of largest KL)",
    )  # fmt: skip
    add(
        "--sweep",
        type=int,
        metavar="DIM",
        help="the dimension to sweep, from 1 (default: that of largest KL)",
    )
    add(
        "--step", type=number(float, 0.001, 10), default=0.1, help="step of the sweep (default 0.1)"
    )
    add("--frames", type=number(int, 1, 1000), default=50, help="frames of the sweep (default 50)")
    add("--class", dest="label", metavar="NAME", help="the class that a conditional model decodes")
    add(
        "--between", nargs=2, type=str.strip, metavar=("A", "B"),
        help="ends of the paths: test-17 or coordinates (default: two test images)",
    )  # fmt: skip
    add(
        "--direction", action="append", default=[], metavar="D",
        help="a direction to draw: means:3:8, means:Coat:Bag, ends:test-1:test-2; may be repeated",
    )  # fmt: skip
    add("--format", choices=get_args(Format), help="write figures for a paper instead")
    add(
        "--width", type=length, default=COLUMN, metavar="LENGTH", help="their width (default 8.5cm)"
    )
    add(
        "--dpi", type=number(int, 50, 1200), default=DPI,
        help="their resolution in PNG, pixels per inch (default 300)",
    )  # fmt: skip
    add("--no-caption", action="store_true", help="leave out their captions")
    # argparse takes a point like -1,2 for an option, unless there is a space in it
    given = [f" {text}" if re.match(r"-[\d.].*[,;]", text) else text for text in sys.argv[1:]]
    arguments = parser.parse_args(given)
    flags = {text.partition("=")[0] for text in given}
    if arguments.format is None and (told := sorted(flags & FOR_PAPER)):
        parser.error(f"{told[0]} is for figures for a paper: add --format")
    if arguments.format is not None and (told := sorted(flags & FOR_SWEEPS)):
        parser.error(f"{told[0]} is for the sweep, which --format leaves out: give one of the two")
    return arguments
