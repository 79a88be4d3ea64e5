"""Fetch a data set, or look at one, and say what it has.

python -m explorer data mnist             look for MNIST on this machine, else download it
python -m explorer data path/to/images    read your own images
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from explorer.data.load import load_dataset
from explorer.data.named import NAMED
from explorer.errors import DatasetError


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and read a data set, and print what it has; return the exit status."""
    warnings.formatwarning = lambda message, *_: f"{message}\n"
    parser = argparse.ArgumentParser(
        prog=sys.argv[0],  # as it was typed
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help=f"{', '.join(NAMED)}, or a path to your own images")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="where data sets are looked for first"
    )
    options = parser.parse_args(arguments)
    try:
        dataset = load_dataset(options.source, data_dir=options.data_dir)
        train, test = len(dataset.train.images), len(dataset.test.images)
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 2
    shape = " × ".join(map(str, dataset.image_shape))
    print(f"{dataset.title} ({dataset.name}): {train:,} training and {test:,} test images")
    print(f"{shape} pixels, {len(dataset.classes)} classes, read from: {dataset.origin}")
    return 0
