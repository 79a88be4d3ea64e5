"""The command line of ``train.py``, read before anything large is imported, and its errors."""

from __future__ import annotations

import argparse
import contextlib
import io
import runpy
import shlex
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.cli.arguments import (
    SEEDS,
    Parser,
    add_output_option,
    add_reading_options,
    folder_to_write,
    number,
    take_reading,
)
from explorer.cli.terminal import INTERRUPTED, file_problem
from explorer.data.reading import AS_THEY_ARE, Reading
from explorer.errors import DatasetError, ExplorerError
from explorer.root import ROOT

if TYPE_CHECKING:
    from explorer.core.likelihoods import LikelihoodName


def main() -> int:
    """Run ``train.py`` as ``python -m explorer train``."""
    runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    return 0


@dataclass(frozen=True)
class Settings:
    """What to train; None means 'as the recipe says'."""

    data: str
    latent_dim: int = 2
    recipe: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    beta: float | None = None
    likelihood: LikelihoodName | None = None
    refinement: int | None = None
    seed: int = 0
    limit: int | None = None
    minutes: float | None = None
    name: str | None = None
    reading: Reading = AS_THEY_ARE

    def command(self) -> str:
        """The command that repeats this run; the user's own files are without their folders."""
        parts = ["python", "train.py", Path(self.data).resolve().name]
        for said in (self, self.reading):
            for field in fields(said):
                value = getattr(said, field.name)
                if field.name not in ("data", "reading") and value != field.default:
                    words = [Path(value).name] if field.name == "recipe" else _words(value)
                    parts += [_flag(field.name), *words]
        return shlex.join(parts)


SHIPPED = (
    Settings("fashion_mnist", 2, refinement=3),
    Settings("fashion_mnist", 8, epochs=120, refinement=2),
    Settings("mnist", 2, "residual-digits", refinement=3),
    Settings("mnist", 8, "residual-wide-digits", refinement=3),
    Settings("mnist", 8, "residual-flow-digits", name="mnist-8d-flow"),
    Settings("mnist", 20, "residual-flow-digits"),
    Settings("cifar10", 15, reading=Reading(grey=True)),
    Settings("cifar10", 80, "conv-flow-colour"),
)
ALL = "shipped"
"""The word that stands for all of these on the command line."""


def parse_arguments(description: str | None) -> tuple[tuple[Settings, ...], dict[str, Any]]:
    """Read the command line; a wrong flag ends with one sentence and status 2.

    Returns:
        What to train, and the options of ``train.train_bundle``.
    """
    parser = Parser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,  # so that only what was given is there
        allow_abbrev=False,
    )
    add, count = parser.add_argument, number(int, 1)
    add("data", nargs="?", metavar="DATASET", help=f"name, path or '{ALL}' (the default)")
    add("--latent-dim", type=count, metavar="N", help="latent dimensions (default 2)")
    add("--recipe", metavar="R", help="a recipe of docs/training.md, or a .json file")
    add("--epochs", type=count, metavar="N", help="passes over the training images")
    add("--batch-size", type=count, metavar="N", help="images per step")
    add("--beta", type=number(float, 0), metavar="B", help="weight of the KL term")
    add("--likelihood", metavar="L", help="likelihood of the pixels, see docs/training.md")
    add(
        "--refinement",
        type=number(int, 0),
        metavar="N",
        help="steps by which the encoder refines its result through the decoder",
    )
    add("--seed", type=number(int, *SEEDS), metavar="N", help="random seed (default 0)")
    add("--limit", type=count, metavar="N", help="use only N images of each split")
    add(
        "--minutes",
        type=number(float, 0),
        metavar="M",
        help="start no further epoch after M minutes",
    )
    add("--name", help="name of the bundle (default: data set and dimension)")
    add_output_option(parser)
    add("--resume", action="store_true", help="continue after the last finished epoch")
    add("--replace", action="store_true", help="replace a bundle or run of this name")
    add("--tensorboard", type=folder_to_write, metavar="DIR", help="write TensorBoard logs there")
    add("--figures-only", action="store_true", help="keep only card and history, for comparisons")
    add("--keras", action="store_true", help="also keep the model as Keras saves it")
    add_reading_options(parser)
    given = vars(parser.parse_args())
    data = given.get("data")
    if data is None and len(sys.argv) > 1:
        parser.error(f"{sys.argv[1]} needs a DATASET, or '{ALL}' for every model that ships")
    if data in (None, ALL):
        of_one_set = {field.name for kind in (Settings, Reading) for field in fields(kind)}
        if refused := given.keys() & of_one_set - {"data"}:
            parser.error(f"{_flag(min(refused))} does not go with '{ALL}'; name one DATASET")
        given.pop("data", None)
        return SHIPPED, given
    try:
        reading = take_reading(given)
    except DatasetError as error:
        parser.error(str(error))
    settings = {
        field.name: given.pop(field.name) for field in fields(Settings) if field.name in given
    }
    return (Settings(**settings, reading=reading),), given


@contextlib.contextmanager
def problems_as_sentences() -> Iterator[None]:
    """End the process with one sentence and status 1 for any error that the user can put right."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know '−'
    warnings.formatwarning = lambda message, *_: f"train.py: {message}\n"
    try:
        yield
    except ExplorerError as error:
        _end(str(error))
    except OSError as error:
        _end(file_problem(error, "repeat the command with --resume"))
    except KeyboardInterrupt:
        print("\ntrain.py: interrupted; the same command with --resume goes on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:  # TensorFlow's, without importing it for other errors
        from explorer.training.problems import sentence_on

        if (sentence := sentence_on(error)) is None:
            raise
        _end(sentence)


def _end(sentence: str) -> None:
    print(f"train.py: {sentence}", file=sys.stderr)
    sys.exit(1)


def _flag(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _words(value: Any) -> list[str]:
    """A value as it is typed after its flag."""
    match value:
        case True:
            return []
        case (int(height), int(width)):
            return [f"{height}" if height == width else f"{height}x{width}"]
        case float():
            return [f"{value:.9g}"]
        case (low, high):
            return [*_words(low), *_words(high)]
    return [str(value)]
