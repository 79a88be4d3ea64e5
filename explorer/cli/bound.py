"""Bound −log p(x) of every test image of a model by thousands of importance samples.

    python -m explorer bound mnist-binary-50d
    python -m explorer bound mnist-binary-50d --samples 500

This is the figure in the tables of papers (Burda et al. 2016, eq. 8). It is kept with the
bundle, shown with the model and checked by 'verify'. It takes minutes to hours; after an
interruption the same command continues with the remaining images. The exit status is 0, 1 for a
bundle that has no bound or is broken, 2 if there is no such bundle or its images are not there.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

from explorer.bundle.arrays import read_arrays, save_arrays
from explorer.bundle.bound import bounds_of, demand_density, save_bounds, summarise_bounds
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import Bound
from explorer.bundle.files import read_file
from explorer.bundle.images import find_data
from explorer.bundle.store import GRAPHS, find_bundles, load_bundle
from explorer.cli.arguments import (
    add_bundles_option,
    add_data_options,
    choose_bundles,
    new_parser,
    number,
)
from explorer.cli.terminal import with_sentences
from explorer.core.subsets import in_chunks
from explorer.data.dataset import Split

AT_ONCE = 20
"""Number of images after which the bounds so far are saved."""


@with_sentences
def main() -> int:
    """Run the command line."""
    arguments = parse_arguments()
    folder, samples = arguments.bundles, arguments.samples
    for path in choose_bundles(find_bundles(folder), arguments.names, folder):
        bundle = load_bundle(path)
        demand_density(bundle)
        dataset = find_data(bundle, arguments.data, arguments.data_dir)
        bounds = compute(bundle, dataset.test, samples)
        bound = save_bounds(bundle, bounds, samples)
        _so_far(bundle, samples).unlink()
        print(f"{path.name}: −log p(x) ≤ {describe(bound)}")
    return 0


def compute(bundle: Bundle, test: Split, samples: int) -> np.ndarray:
    """The bounds of all test images, nats, ``(n,)``; those that were computed before are kept.

    The order is random, so that the mean so far is an estimate of the final mean.
    """
    bounds_at = bounds_of(bundle, test, samples)
    count, place = len(test.images), _so_far(bundle, samples)
    bounds = np.full(count, np.nan)
    if place.exists():
        bounds = read_arrays(read_file(place), ["bound"], place.name)["bound"]
    order = np.random.default_rng(0).permutation(count)
    left = order[np.isnan(bounds[order])]
    started = time.monotonic()
    for done, rows in enumerate(in_chunks(left, AT_ONCE), start=1):
        bounds[rows] = bounds_at(rows)
        _save(bounds, place)
        known = bounds[~np.isnan(bounds)]
        passed = time.monotonic() - started
        minutes = passed / 60 * (len(left) / min(done * AT_ONCE, len(left)) - 1)
        if sys.stdout.isatty():
            said = (
                f"{len(known):,} of {count:,} images, {describe(summarise_bounds(known, samples))}"
            )
            print(f"\r{bundle.card.name}: {said}, {minutes:.0f} min left ", end="", flush=True)
    if sys.stdout.isatty():
        print()
    return bounds


def describe(told: Bound) -> str:
    """The figure in a few words."""
    return f"{told.bound:.2f} ± {told.error:.2f} nats (K = {told.samples:,})"


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("names", nargs="+", metavar="NAME", help="bundles")
    add(
        "--samples",
        type=number(int, 1),
        default=5000,
        metavar="K",
        help="samples per image (default 5000)",
    )
    add_bundles_option(parser)
    add_data_options(parser)
    return parser.parse_args()


def _so_far(bundle: Bundle, samples: int) -> Path:
    """The file of unfinished bounds, for this model, its images and this number of samples."""
    sums = [*(bundle.card.files[name].sha256 for name in GRAPHS), bundle.card.data.test_sha256]
    known = "-".join(one[:8] for one in sums)
    return bundle.path.with_name(f".{bundle.card.name}-{known}-{samples}.npz")


def _save(bounds: np.ndarray, place: Path) -> None:
    beside = place.with_suffix(".unfinished")
    save_arrays(beside, bound=bounds)
    os.replace(beside, place)
