"""Measure paths between two test images: scores and time of each kind.

python -m benchmarks.paths
"""

from __future__ import annotations

import time
from typing import get_args

import numpy as np

from explorer.bundle.store import find_bundles, load_bundle
from explorer.bundle.walks import PathKind, build_graph, score_path, walk
from explorer.core.geodesics import JUDGED
from explorer.core.metrics import standard_error
from explorer.root import DEFAULT_FOLDER

PAIRS = 30


def main() -> None:
    """Print mean scores and times for random pairs of images of different classes.

    ± is the standard error of the difference from the straight line, from pair to pair.
    """
    print(f"{PAIRS} pairs; change: against the straight line; times in milliseconds\n")
    print("| model | path | change | thin | returns within | largest step | first | later |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for path in find_bundles(DEFAULT_FOLDER):
        bundle = load_bundle(path)
        z, labels = bundle.latents.z_mean, bundle.latents.labels
        graph = bundle.latents.graph or build_graph(bundle.codec, bundle.latents)
        pairs = np.random.default_rng(0).integers(len(z), size=(4 * PAIRS, 2))
        pairs = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]][:PAIRS]
        straight, before = np.ones(PAIRS), np.zeros((PAIRS, 2))
        for kind in get_args(PathKind):
            times, scores = [], []
            for pair in pairs:
                begun = time.perf_counter()
                points = walk(bundle, kind, z[pair], graph).at(JUDGED, evenly=True)
                times.append(1000 * (time.perf_counter() - begun))
                scores.append(score_path(bundle, points))
            lengths = np.array([score.length for score in scores])
            values = np.array([(score.thin, score.return_distance) for score in scores])
            if kind == "Straight line":
                straight, before = lengths, values
            errors = [standard_error(differences) for differences in (values - before).T]
            print(
                f"| {bundle.card.name} | {kind.lower()} | {np.mean(lengths / straight):.2f} "
                f"| {values[:, 0].mean():.1%} ± {errors[0]:.1%} "
                f"| {values[:, 1].mean():.2f} ± {errors[1]:.2f} "
                f"| {np.mean([score.jump for score in scores]):.2f} "
                f"| {times[0]:.0f} | {np.median(times[1:]):.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
