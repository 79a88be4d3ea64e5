"""Make a bundle of any encoder and decoder, as ONNX files or a Keras model of plain layers.

    python -m explorer adopt NAME --encoder encoder.onnx --decoder decoder.onnx --data PATH|NAME

How the model takes and gives images is found out by trying on 200 of them; flags say what
is not to be tried. The images are read as train.py reads them: a data set's name (fashion_mnist,
mnist, cifar10) or a path to your own. See docs/own-models.md.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import get_args

from explorer.adoption.adopt import Request, adopt
from explorer.adoption.conventions import (
    DecoderOutput,
    EncoderOutput,
    Layout,
    Range,
    parse_range,
)
from explorer.adoption.trial import Known
from explorer.bundle.store import DEFAULT_FOLDER
from explorer.cli.arguments import command_name, number
from explorer.cli.terminal import quiet_stderr, share_of
from explorer.errors import ExplorerError


def main() -> int:
    """Run the command line."""
    arguments = parse_arguments()
    request = Request(
        name=arguments.name,
        encoder=arguments.encoder,
        decoder=arguments.decoder,
        data=arguments.data,
        known=Known(
            layout=arguments.layout,
            range=arguments.range,
            encoder_output=arguments.encoder_output,
            decoder_output=arguments.decoder_output,
        ),
        variance=arguments.variance,
        title=arguments.title,
        licence=arguments.licence,
        command=shlex.join([*command_name().split(), *map(shown, sys.argv[1:])]),
        output=arguments.output,
        replace=arguments.replace,
        data_dir=arguments.data_dir,
    )
    try:
        path = adopt(
            request,
            report=lambda line: print(line, flush=True),
            progress=share_of("laying out the map"),
            from_keras=from_keras,
        )
    except (ExplorerError, OSError) as error:
        print(f"adopt: {error}", file=sys.stderr)
        return 1
    print(f"wrote {path}; look at it with: streamlit run app.py")
    return 0


def from_keras(path: Path) -> bytes:
    """A Keras model as ONNX; TensorFlow is imported only for that."""
    with quiet_stderr():
        from explorer.training.export import graph_of_keras_file
    return graph_of_keras_file(path)


def shown(argument: str) -> str:
    """An argument as the card keeps it: of a path the name alone."""
    flag, separator, value = argument.rpartition("=") if argument.startswith("--") else ("",) * 3
    text = value if separator else argument
    return flag + separator + (Path(text).name if os.sep in text else text)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog=command_name(),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="of the bundle: small letters, digits, '-', '_' and '.'")
    add("--encoder", type=Path, required=True, metavar="FILE", help="images to latents")
    add("--decoder", type=Path, required=True, metavar="FILE", help="latents to images")
    add("--data", required=True, metavar="SOURCE", help="a data set's name, or your own images")
    add("--data-dir", type=Path, metavar="DIR", help="where data sets are looked for first")
    add("--layout", choices=get_args(Layout), help="order of the axes of images")
    add(
        "--range",
        type=_range,
        metavar="LOW,HIGH",
        help="of pixels: 0,1 or -1,1 or 0,255, or MEAN,STD (write --range=-1,1)",
    )
    add("--encoder-output", choices=get_args(EncoderOutput), help="what the encoder gives")
    add("--decoder-output", choices=get_args(DecoderOutput), help="what the decoder gives")
    add(
        "--variance",
        type=number(float, 1e-12),
        help="of every pixel, for --decoder-output mean (default: the best one)",
    )
    add("--title", default="", help="what the page calls the model")
    add("--licence", default="", help="of the model")
    add("--output", type=Path, default=DEFAULT_FOLDER, metavar="DIR", help="folder of the bundles")
    add("--replace", action="store_true", help="put it in the place of a bundle of this name")
    return parser.parse_args()


def _range(text: str) -> Range:
    try:
        return parse_range(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
