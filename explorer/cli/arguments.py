"""What the command lines share: their options, the command's name, bundles by name."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

from explorer.data.reading import Binarisation, Fit, Reading
from explorer.errors import ExplorerError
from explorer.root import DEFAULT_FOLDER

Number = TypeVar("Number", int, float)

SEEDS = 0, 2**32 - 1
"""Smallest and largest seed."""


class UsageError(ExplorerError):
    """A mistake in the command; the message is a sentence for the user."""

    exit_status = 2


class Parser(argparse.ArgumentParser):
    """A parser that explains itself only on demand: a wrong flag gets one sentence and status 2."""

    def error(self, message: str) -> NoReturn:
        """End the process with a sentence."""
        self.exit(2, f"{self.prog}: {message}; --help explains the command\n")


def command_name() -> str:
    """This command as it was typed: ``python -m explorer NAME`` or ``python -m explorer.NAME``."""
    called = sys.argv[0]  # ``explorer.__main__`` puts the first spelling there
    return called if " " in called else f"python -m explorer.{Path(called).stem}"


def command_line(arguments: Iterable[str] | None = None) -> str:
    """This command with its arguments, or with others, as they are typed in a shell."""
    given = sys.argv[1:] if arguments is None else arguments
    return shlex.join([*command_name().split(), *given])


def without_options(arguments: Iterable[str], *options: str) -> Iterator[str]:
    """Yield the arguments without these options, each of which takes one value."""
    given = iter(arguments)
    for argument in given:
        if argument in options:
            next(given, None)
        elif argument.partition("=")[0] not in options:
            yield argument


@contextlib.contextmanager
def naming(argument: str) -> Iterator[None]:
    """Let what is wrong with an argument begin with it: a ValueError becomes a UsageError."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{argument}: {error}") from error


def new_parser(description: str | None, **further: Any) -> Parser:
    """Return a parser with the command's name as it was typed, and ``description`` as its help."""
    return Parser(
        prog=command_name(),
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **further,
    )


def add_bundles_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--bundles``, the folder in which bundles are looked for."""
    parser.add_argument(
        "--bundles", type=Path, default=DEFAULT_FOLDER, metavar="DIR",
        help="folder of the bundles (default: %(default)s)",
    )  # fmt: skip


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where a model's images are."""
    parser.add_argument("--data", metavar="SOURCE", help="where a model's own images are")
    _add_data_dir(parser)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        type=_folder,
        metavar="DIR",
        help="folder in which to look for data sets first",
    )


def add_output_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--output``, the folder into which bundles are written."""
    parser.add_argument(
        "--output", type=folder_to_write, default=DEFAULT_FOLDER, metavar="DIR",
        help="folder of the bundles (default: %(default)s)",
    )  # fmt: skip


def _folder(text: str) -> Path:
    folder = Path(text).expanduser()
    if not os.path.isdir(folder):
        raise argparse.ArgumentTypeError(f"there is no folder {folder}")
    return folder


def folder_to_write(text: str) -> Path:
    """Parse a folder that is there, or may be made, and takes files: a ``type`` for argparse."""
    folder = Path(text)
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    try:
        with tempfile.TemporaryFile(dir=there):
            return folder
    except OSError:
        raise argparse.ArgumentTypeError(
            f"{there} is not a folder that can be written to"
        ) from None


def number(kind: type[Number], low: float, high: float = math.inf) -> Callable[[str], Number]:
    """Return a ``type`` for argparse's ``add_argument``: a number from ``low`` to ``high``."""

    def parse(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            noun = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {noun}") from None
        if not low <= value <= high:
            expected = f"{low:,} or more" if high == math.inf else f"between {low:,} and {high:,}"
            raise argparse.ArgumentTypeError(f"{text} is not {expected}")
        return value

    return parse


def image_size(text: str) -> tuple[int, int]:
    """Parse ``64``, or ``64x200``, a ``type`` for argparse: height and width in pixels."""
    match = re.fullmatch(r"([1-9]\d*)(?:[x×]([1-9]\d*))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 64, or 64x200 (height x width)")
    return int(match[1]), int(match[2] or match[1])


def add_reading_options(parser: argparse.ArgumentParser, *, range_flag: str = "--range") -> None:
    """Add the options of ``Reading``, and the folder of data sets; see ``take_reading``."""
    _add_data_dir(parser)
    add = parser.add_argument
    add(
        "--image-size", type=image_size, metavar="SIZE",
        help="pixels: a side, or HEIGHTxWIDTH (default: as images are up to 64, else 32)",
    )  # fmt: skip
    add("--grey", action="store_true", help="turn colour images grey")
    add(
        "--fit", choices=get_args(Fit),
        help="how pictures of other proportions are made to fit (default crop)",
    )  # fmt: skip
    add(
        range_flag, dest="range", nargs=2, type=float, metavar=("LOW", "HIGH"),
        help="the stored values of black and white (default: found from the data)",
    )  # fmt: skip
    add(
        "--label", metavar="COLUMN",
        help="column of a table that is the class, or filename, or folder (the innermost)",
    )  # fmt: skip
    add(
        "--class-level", type=number(int, 1), metavar="N",
        help="levels of folders that name a class (default 1)",
    )  # fmt: skip
    add(
        "--first-page",
        action="store_true",
        help="take only the first page of TIFF stacks and animations",
    )
    add(
        "--binarise", choices=get_args(Binarisation),
        help="draw pixels black or white: training images in each batch (dynamic), or all once",
    )  # fmt: skip


def take_reading(given: dict[str, Any]) -> Reading:
    """Take the fields of ``Reading`` out of the arguments; the others stay there.

    Raises:
        DatasetError: if such a reading is not possible.
    """
    chosen = {field.name: given.pop(field.name) for field in fields(Reading) if field.name in given}
    if "range" in chosen:
        chosen["range"] = tuple(chosen["range"])
    return Reading(**chosen)


def choose_bundles(found: Iterable[Path], names: Sequence[str], folder: Path) -> list[Path]:
    """The bundles of these names among those found in ``folder``; without names, all of them.

    Raises:
        UsageError: if there are no bundles, or none of one of these names.
    """
    known = {path.name: path for path in found}
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise UsageError(f"there is no bundle {name!r} in {folder}; there are: {there}")
    if not names and not any((path / "card.json").is_file() for path in known.values()):
        raise UsageError(f"there are no bundles in {folder}")
    return [known[name] for name in names or known]
