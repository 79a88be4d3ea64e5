"""Recompute every figure of a bundle's card from its networks and the data.

    python -m explorer verify                     all bundles in pretrained/
    python -m explorer verify mnist-2d            one of them
    python -m explorer verify pets-8d --data pets a model of your own images

Prints card and recomputed side by side. The exit status is 0 if all agree, 1 if
something differs or a bundle is broken, 2 if something could not be checked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from explorer.bundle.bound import bounds_of, read_bounds, summarise_bounds
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import Bound, DataCard, Metrics
from explorer.bundle.figures import evaluate, summarise
from explorer.bundle.files import read_checked
from explorer.bundle.graph import count_weights
from explorer.bundle.images import find_data
from explorer.bundle.latents import ARRAYS, Latents
from explorer.bundle.outputs import ModelOutputs, judge_reconstructions, training_sample
from explorer.bundle.store import find_bundles, load_bundle
from explorer.cli.arguments import (
    add_bundles_option,
    add_data_options,
    choose_bundles,
    new_parser,
)
from explorer.cli.terminal import share_of, with_sentences
from explorer.core.elbo import kl_per_dimension
from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset
from explorer.errors import DatasetError, ExplorerError

TOLERANCES = {
    "knn_accuracy": 0.001,
    "knn_accuracy_pca": 0.001,
    "squared_error": 2e-6,
    "squared_error_pca": 2e-6,
    "sharpness": 2e-4,
    **dict.fromkeys(("predicted", "informativeness", "disentanglement", "completeness"), 0.02),
    **dict.fromkeys(("mig", "sap"), 0.01),
}
DEFAULT_TOLERANCE = 0.005
"""In nats: for the card's rounding and for differences in arithmetic between processors."""
LATENT_TOLERANCES = {"log_density": 5e-3, "agreement": 0.2}
DEFAULT_LATENT_TOLERANCE = 1e-3
"""Relative to the largest value. Far from the data the log-density amplifies what rounding to half
precision changes in a latent, and neighbours that are equally near may change places."""

BOUNDS_CHECKED = 30
"""Number of test images whose bound is computed again, with thousands of decodes each."""

FROM_LATENTS = ("log_density", "kl", "nearest_distance", "agreement")
"""Arrays that follow from the latents: all that can be recomputed without an encoder."""


@dataclass(frozen=True)
class Check:
    """One figure: what the card says, what was found, and whether they agree."""

    name: str
    card: Any
    found: Any
    agrees: bool


@with_sentences
def main() -> int:
    """Run the command line."""
    arguments = parse_arguments()
    folder = arguments.bundles
    paths = choose_bundles(find_bundles(folder), arguments.names, folder)
    statuses = [verify(path, arguments.data, arguments.data_dir) for path in paths]
    return 1 if 1 in statuses else max(statuses)


def verify(path: Path, source: str | None, data_dir: Path | None) -> int:
    """Check one bundle, print the result and return 0, 1 or 2 as for the command."""
    print(f"\n{path.name}")
    try:
        checks, unchecked = check_bundle(path, source, data_dir)
    except ExplorerError as error:
        print(f"  BROKEN: {error}")
        return 1
    print(f"  {'figure':<24} {'card':>12} {'recomputed':>12}")
    added = [check for check in checks if check.card is None is not check.found]
    for check in checks:
        mark = "   not in the card" if check in added else "" if check.agrees else "   DIFFERS"
        print(f"  {check.name:<24} {_show(check.card):>12} {_show(check.found):>12}{mark}")
    checks = [check for check in checks if check not in added]  # of a version with fewer figures
    differing = [check for check in checks if not check.agrees]
    if unchecked:
        print(f"  NOT CHECKED: {unchecked}")
    print(f"  {len(checks) - len(differing)} of {len(checks)} agree")
    return 1 if differing else 2 if unchecked else 0


def check_bundle(
    path: Path, source: str | None, data_dir: Path | None
) -> tuple[list[Check], str | None]:
    """Recompute all that can be recomputed of a bundle.

    Returns:
        The checks, and what could not be checked and why; None if all could.

    Raises:
        ExplorerError: the bundle is broken.
    """
    bundle, checks = load_bundle(path), list[Check]()
    for name, expected in bundle.card.files.items():
        read_checked(path / name, expected)
    has_graphs = bundle.card.model.has_graphs
    if has_graphs:
        parameters = count_weights(bundle.encoder, bundle.decoder)
        checks.append(_check("parameters", bundle.card.model.parameters, parameters, 0))
    try:
        dataset = find_data(bundle, source, data_dir)
    except DatasetError as error:
        return checks, f"the figures, because {error}"
    metrics, latents = recompute(bundle, dataset)
    checks += compare_data(bundle.card.data, dataset)
    checks += compare_figures(bundle.card.metrics, metrics)
    if bundle.card.bound:
        checks += compare_bounds(bundle, bundle.card.bound, dataset)
    checks += compare_latents(bundle.latents, latents, ARRAYS if has_graphs else FROM_LATENTS)
    if has_graphs:
        return checks, None
    absent = [check for check in checks if check.found is None is not check.card]
    unchecked = ", ".join(("the latents", *(check.name for check in absent)))
    checks = [check for check in checks if check not in absent]
    return checks, f"{unchecked}, because the bundle has no encoder"


def recompute(bundle: Bundle, dataset: Dataset) -> tuple[Metrics, Latents]:
    """Recompute figures and latents from the graphs, or without them from the stored latents."""
    stored, images = bundle.latents, bundle.reconstructions
    has_variance = bundle.card.model.has_variance
    if bundle.card.model.has_graphs:
        return evaluate(
            bundle.codec, dataset, has_variance=has_variance, laid_out=stored,
            decoding=share_of("  decoding"),
        )  # fmt: skip
    squared_error = sharpness = None
    if images is not None:
        squared_error, sharpness = judge_reconstructions(dataset.test.images, images.__getitem__)
    outputs = ModelOutputs(
        stored.z_mean,
        stored.z_log_var,
        stored.train_z_mean,
        stored.train_z_log_var,
        kl=kl_per_dimension(stored.z_mean, stored.z_log_var) if has_variance else None,
        reconstruction=None
        if bundle.card.metrics.reconstruction is None
        else stored.neg_elbo - stored.kl,
        likelihood=bundle.card.model.likelihood,
        return_distance=stored.return_distance,
        squared_error=squared_error,
        sharpness=sharpness,
    )
    return summarise(
        outputs, dataset, training_sample(dataset), samples=bundle.card.metrics.samples,
        places=stored.places,
    )  # fmt: skip


def compare_data(card: DataCard, dataset: Dataset) -> Iterator[Check]:
    """Compare the numbers of images."""
    yield _check("train_images", card.train_images, len(dataset.train.images), 0)
    yield _check("test_images", card.test_images, len(dataset.test.images), 0)


def compare_figures(card: BaseModel, found: BaseModel, prefix: str = "") -> Iterator[Check]:
    """Compare every figure of two cards, nested ones and lists included."""
    for name in type(card).model_fields:
        expected, value = getattr(card, name), getattr(found, name)
        if isinstance(expected, BaseModel) and value is not None:
            yield from compare_figures(expected, value, f"{prefix}{name}.")
        elif isinstance(expected, dict):
            for key in expected | value:
                if key in expected and key in value:
                    yield from compare_figures(expected[key], value[key], f"{prefix}{name}.{key}.")
                else:
                    there, here = ("there" if key in one else None for one in (expected, value))
                    yield Check(f"{prefix}{name}.{key}", there, here, False)
        elif isinstance(expected, tuple):
            if len(expected) != len(value):
                yield Check(f"{prefix}{name}", len(expected), len(value), False)
                continue
            for index, (one, other) in enumerate(zip(expected, value, strict=True), start=1):
                yield _check(f"{prefix}{name}[{index}]", one, other, DEFAULT_TOLERANCE)
        else:
            tolerance = TOLERANCES.get(name, DEFAULT_TOLERANCE)
            yield _check(prefix + name, expected, value, tolerance)


def compare_bounds(bundle: Bundle, card: Bound, dataset: Dataset) -> Iterator[Check]:
    """Compare the card's bound with the stored ones, and some of these with recomputed ones."""
    stored = read_bounds(bundle)
    yield from compare_figures(card, summarise_bounds(stored, card.samples), "bound.")
    rows = evenly_spaced(len(stored), BOUNDS_CHECKED)
    found = bounds_of(bundle, dataset.test, card.samples)(rows)
    difference = float(np.max(np.abs(found - stored[rows])))
    name = f"bound of {len(rows)} images"
    yield Check(name, 0.0, difference, difference <= DEFAULT_TOLERANCE)


def compare_latents(stored: Latents, found: Latents, names: Iterable[str]) -> Iterator[Check]:
    """Compare each of these arrays of ``latents.npz`` by its largest difference."""
    for name in names:
        one, other = getattr(stored, name), getattr(found, name)
        if one.shape != other.shape:
            yield Check(f"latents.{name}", one.shape, other.shape, False)
            continue
        known = ~np.isnan(one)
        one, other = one[known], other[known]
        difference = float(np.max(np.abs(one - other), initial=0.0))
        scale = max(1.0, float(np.max(np.abs(one), initial=0.0)))
        tolerance = LATENT_TOLERANCES.get(name, DEFAULT_LATENT_TOLERANCE)
        yield Check(f"latents.{name}", 0.0, difference, difference <= tolerance * scale)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = new_parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="bundles (default: all)")
    add_bundles_option(parser)
    add_data_options(parser)
    return parser.parse_args()


def _check(name: str, expected: Any, found: Any, tolerance: float) -> Check:
    if expected is None or found is None:
        return Check(name, expected, found, expected is found)
    return Check(name, expected, found, abs(expected - found) <= tolerance)


def _show(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, BaseModel):  # several figures
        return "computed"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
