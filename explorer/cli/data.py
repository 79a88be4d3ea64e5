"""Fetch a data set, or inspect your own images, and say how they are read.

python -m explorer data mnist                          look for MNIST here, else download it
python -m explorer data path/to/images --sheet a.png   read your own, write a contact sheet
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from explorer.cli.arguments import UsageError, add_reading_options, new_parser, take_reading
from explorer.cli.terminal import with_sentences
from explorer.data.contact_sheet import write_sheet
from explorer.data.load import load_dataset
from explorer.data.named import NAMED
from explorer.data.sources import cache
from explorer.data.summary import full


@with_sentences
def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch and read a data set, and print what it has; return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know '×'
    parser = new_parser(__doc__, argument_default=argparse.SUPPRESS)
    parser.add_argument(
        "source", nargs="?", help=f"{', '.join(NAMED)}, or a path to your own images"
    )
    add_reading_options(parser)
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write a contact sheet as PNG: classes as rows"
    )
    parser.add_argument(
        "--clear-cache", action="store_true",
        help="remove the images kept in $LATENT_CACHE_DIR (default: the user's cache folder)",
    )  # fmt: skip
    options = vars(parser.parse_args(arguments))
    if options.pop("clear_cache", False):
        folder = cache.cache_folder()
        if folder is None:
            print("nothing to remove: LATENT_CACHE_DIR is empty, which turns the cache off")
        else:
            print(f"removed {cache.clear() / 2**20:,.0f} MB from {folder}")
        if "source" not in options:
            return 0
    if "source" not in options:
        parser.error("name a data set, or a path")
    sheet = options.pop("sheet", None)
    if sheet is not None and sheet.suffix.lower() not in ("", ".png"):
        parser.error(f"--sheet writes a PNG: {sheet.with_suffix('.png')}")
    reading = take_reading(options)
    dataset = load_dataset(options.pop("source"), reading, **options)
    print(full(dataset))
    if sheet is not None:
        try:
            write_sheet(dataset, sheet)
        except OSError as error:
            raise UsageError(f"{sheet} cannot be written: {error.strerror}") from error
    return 0
