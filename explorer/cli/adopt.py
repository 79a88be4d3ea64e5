"""Make a bundle of any encoder and decoder, as ONNX files or a Keras model of plain layers.

    python -m explorer adopt NAME --encoder encoder.onnx --decoder decoder.onnx --data PATH|NAME
    python -m explorer adopt NAME --latents z.npy --images PATH|NAME [--labels FILE]

Pixel range, axis order and kinds of output are found by trial on 200 images; a flag settles one
of them. The images are read as train.py reads them: a data set's name (fashion_mnist, mnist,
cifar10) or a path to your own. Latents alone, one for each image in the same order, give the map
without a decoder. See docs/own-models.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from explorer.adoption.adopt import Request, adopt_graphs
from explorer.adoption.candidates import Known
from explorer.adoption.conventions import (
    ENCODER_OUTPUTS,
    AxisOrder,
    DecoderOutput,
    PixelRange,
    parse_range,
)
from explorer.adoption.latents import adopt_latents
from explorer.adoption.result import About
from explorer.bundle.card import Condition
from explorer.cli.arguments import (
    add_output_option,
    add_reading_options,
    command_line,
    new_parser,
    number,
    take_reading,
)
from explorer.cli.terminal import erase_progress, loading_tensorflow, share_of, with_sentences


@with_sentences
def main() -> int:
    """Run the command line."""
    own = parse_arguments()
    about = About(
        name=own.name,
        title=own.title,
        licence=own.licence,
        command=command_line(shown(sys.argv[1:])),
        output=own.output,
        replace=own.replace,
    )
    reading = take_reading(vars(own))
    if own.latents:
        path = adopt_latents(
            about, own.latents, own.images, own.labels,
            reading=reading, data_dir=own.data_dir, report=say,
            progress=share_of("laying out the map"),
        )  # fmt: skip
    else:
        request = Request(
            about,
            encoder=own.encoder,
            decoder=own.decoder,
            data=own.data,
            known=Known(
                own.layout,
                own.pixels,
                own.decoder_range,
                own.encoder_output,
                own.decoder_output,
                own.condition,
            ),  # fmt: skip
            padding=own.padding,
            variance=own.variance,
            reading=reading,
            data_dir=own.data_dir,
        )
        path = adopt_graphs(request, say, share_of, from_keras)
    print(f"wrote {path}; look at it with: streamlit run app.py")
    return 0


def say(line: str) -> None:
    """Print a line, over one that shows progress, and flush it."""
    erase_progress()
    print(line, flush=True)


def from_keras(path: Path) -> bytes:
    """Convert a Keras model to ONNX; TensorFlow is imported only for this."""
    with loading_tensorflow():
        from explorer.training.export import graph_of_keras_file
    return graph_of_keras_file(path)


def shown(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the arguments as the card keeps them: of a path only the last part."""
    before = ""
    for argument in arguments:
        is_flag = argument.startswith("--")
        flag, equals, text = argument.partition("=") if is_flag else ("", "", argument)
        is_path = os.sep in text and (flag or before) not in ("--title", "--licence")
        yield flag + equals + (Path(text).name if is_path else text)
        before = argument


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    reading = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    add_reading_options(reading, range_flag="--values")  # --range is the model's
    parser = new_parser(__doc__, parents=[reading])
    add = parser.add_argument
    parser.set_defaults(data_dir=None, range_option="--values LOW HIGH")
    add("name", metavar="NAME", help="the bundle's name: a-z, digits, '-', '_' and '.'")
    add("--encoder", type=Path, metavar="FILE", help="images to latents")
    add("--decoder", type=Path, metavar="FILE", help="latents to images")
    add("--data", metavar="SOURCE", help="a data set's name, or your own images")
    add("--layout", choices=get_args(AxisOrder), help="order of the axes of images")
    add(
        "--range",
        dest="pixels",
        type=_range,
        metavar="LOW,HIGH",
        help="range of the encoder's pixels: 0,1 or -1,1 or 0,255, or MEAN,STD (write "
        "--range=-1,1); the decoder's is found out, too",
    )
    add(
        "--decoder-range",
        type=_range,
        metavar="LOW,HIGH",
        help="range of the decoder's pixels (default: found out)",
    )
    add(
        "--encoder-output",
        choices=ENCODER_OUTPUTS,
        metavar="WHAT",
        help="what the encoder gives: " + " or ".join(ENCODER_OUTPUTS),
    )
    add("--decoder-output", choices=get_args(DecoderOutput), help="what the decoder gives")
    add("--condition", choices=get_args(Condition), help="a further input: the class")
    add(
        "--padding",
        type=number(int, 0),
        metavar="PIXELS",
        help="pixels on each side of the images, in the model's (0: the images are resized)",
    )
    add(
        "--variance",
        type=number(float, 1e-12),
        help="a Gaussian decoder's variance, for --decoder-output mean (default: the best fit)",
    )
    add("--latents", type=Path, metavar="FILE", help="a .npy file (n, d), in place of a model")
    add("--images", metavar="SOURCE", help="the images of the latents, in the same order")
    add(
        "--labels",
        type=Path,
        metavar="FILE",
        help="their classes: .npy, or text with a line for each",
    )
    add("--title", default="", help="title of the model on the page")
    add("--licence", default="", help="licence of the model")
    add_output_option(parser)
    add("--replace", action="store_true", help="replace a bundle of this name")
    own = parser.parse_args()
    model, alone = (own.encoder, own.decoder, own.data), (own.latents, own.images)
    is_one = all(model) and not any((*alone, own.labels)) or all(alone) and not any(model)
    if not is_one:
        parser.error("give --encoder, --decoder and --data, or --latents and --images")
    if own.variance is not None:
        if own.decoder_output not in (None, "mean"):
            parser.error("--variance needs --decoder-output mean")
        own.decoder_output = "mean"
    return own


def _range(text: str) -> PixelRange:
    try:
        return parse_range(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
