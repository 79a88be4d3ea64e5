"""Convert bundles of an earlier version of the explorer to the present version, in place.

    python -m explorer convert                 all bundles and references in pretrained/
    python -m explorer convert mnist-2d        one of them

The networks compute the same as before: their weights move from model.keras into
encoder.onnx and decoder.onnx, and model.keras, which is no longer read, is removed.
A bundle that cannot be converted is left as it was. The exit status is 0 if all bundles
have the present version in the end, 1 if not, 2 if there is no such bundle.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from explorer.bundle.arrays import read_arrays
from explorer.bundle.atomic import unfinished
from explorer.bundle.bundle import main_dimensions
from explorer.bundle.card import CONVERTIBLE, SCHEMA_VERSION, BundleError, Card, parse_card
from explorer.bundle.codec import Codec, onnx_codec
from explorer.bundle.compact import compact
from explorer.bundle.figures import split_kl
from explorer.bundle.files import read_checked, read_file
from explorer.bundle.graph import count_weights
from explorer.bundle.latents import Latents, save_latents
from explorer.bundle.map_layout import compare_neighbours, judge_maps, lay_out, return_distances
from explorer.bundle.store import (
    FILES,
    REFERENCE_FILES,
    REFERENCES_FOLDER,
    find_bundles,
    find_references,
    load_bundle,
    load_reference,
    save_card,
)
from explorer.bundle.walks import build_graph
from explorer.cli.arguments import add_bundles_option, choose_bundles, new_parser
from explorer.cli.terminal import share_of, with_sentences
from explorer.core.elbo import kl_per_dimension
from explorer.errors import ExplorerError

EARLIER_ARRAYS = (
    *("z_mean", "z_log_var", "labels", "neg_elbo", "log_density"),
    *("train_z_mean", "train_z_log_var"),
)
"""The arrays of ``latents.npz`` in the earlier version."""
WEIGHTS = "model.keras"
"""The file with the large weights of graphs in the earlier version."""

TOLERANCE = 1e-5
"""How much a result may change, relative to the largest value if that exceeds 1."""


@with_sentences
def main() -> int:
    """Run the command line."""
    arguments = parse_arguments()
    folder = arguments.bundles
    found = (*find_references(folder), *find_bundles(folder))
    status = 0
    for path in choose_bundles(found, arguments.names, folder):
        try:
            print(f"{path.name}: {convert(path)}", flush=True)
        except (ExplorerError, OSError) as error:
            print(f"{path.name}: LEFT AS IT WAS: {error}", flush=True)
            status = 1
    return status


def convert(path: Path) -> str:
    """Convert one bundle or reference in place, and say what was done.

    Raises:
        BundleError: if it cannot be converted; it is left as it was.
        OSError: if a file cannot be read or written; the bundle is left as it was.
    """
    content = read_file(path / "card.json")
    try:
        values = json.loads(content)
        version = values["schema_version"]
    except (ValueError, LookupError, TypeError, RecursionError):
        version = None
    if version != CONVERTIBLE:
        parse_card(content, path.name)
        return f"has version {SCHEMA_VERSION} already"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / path.name
        folder.mkdir()
        said = f"now has version {SCHEMA_VERSION}"
        if path.parent.name == REFERENCES_FOLDER:
            _convert_reference(values, path, folder)
        else:
            _convert_bundle(values, path, folder)
            said += f"; {WEIGHTS} was removed"
        for other in path.iterdir():  # the user's own files
            if other.is_dir():
                shutil.copytree(other, folder / other.name, symlinks=True)
            elif other.is_file() and other.name not in (*FILES, "card.json", WEIGHTS):
                shutil.copy2(other, folder)
        with unfinished(path) as final:
            shutil.copytree(folder, final, dirs_exist_ok=True)
    return said


def _convert_reference(values: dict[str, Any], path: Path, folder: Path) -> None:
    """Write the files of a converted reference into ``folder``."""
    card = _card_of(values, path)
    model = card.model
    if model.likelihood == "gaussian" and model.parameters:  # the one variance no longer counts
        changed = model.model_copy(update={"parameters": model.parameters - 1})
        card = card.model_copy(update={"model": changed})
    _copy(card, REFERENCE_FILES, path, folder)
    save_card(card, folder, REFERENCE_FILES)
    load_reference(folder)


def _convert_bundle(values: dict[str, Any], path: Path, folder: Path) -> None:
    """Write the files of a converted bundle into ``folder``."""
    card = _card_of(values, path)
    _copy(card, (*FILES, WEIGHTS), path, folder)
    weights = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).unlink()
    flow = card.model.has_flow
    before, after = [], []
    for name, outputs in (
        ("encoder.onnx", ("z", "log_q") if flow else ("z_mean", "z_log_var")),
        ("decoder.onnx", ("parameters",)),
    ):
        try:
            model = onnx.load_from_string((folder / name).read_bytes())
            _move_in(model, weights)
            before.append(model.SerializeToString())
            after.append(compact(model, outputs))
        except Exception as error:  # the errors of protobuf, ONNX and NumPy share no base class
            raise BundleError(f"{name} of {path.name} is not usable: {error}") from error
        (folder / name).write_bytes(after[-1])
    parameters = count_weights(*after)
    likelihood, has_flow = card.model.likelihood, card.model.has_flow
    codec = onnx_codec(after[0], after[1], likelihood, has_flow=has_flow)
    changes = {
        "model": card.model.model_copy(update={"parameters": parameters}),
        "metrics": card.metrics.model_copy(update=_complete_latents(card, codec, folder)),
    }
    save_card(card.model_copy(update=changes), folder)
    converted = load_bundle(folder)
    _compare(onnx_codec(before[0], before[1], likelihood, has_flow=has_flow), converted.codec, card)


def _complete_latents(card: Card, codec: Codec, folder: Path) -> dict[str, Any]:
    """Add to ``latents.npz`` what maps and paths need; return the figures that come with it."""
    path = folder / "latents.npz"
    old = read_arrays(path.read_bytes(), EARLIER_ARRAYS, f"latents.npz of {card.name}")
    halves = {name: array.astype(np.float32) for name, array in old.items() if "z_" in name}
    z_mean, labels = halves["z_mean"], old["labels"]
    kl = kl_per_dimension(z_mean, halves["z_log_var"]).sum(axis=1)
    nearest_distance, agreement = compare_neighbours(z_mean, labels)
    latents = Latents(
        **{name: halves.get(name, old[name]) for name in EARLIER_ARRAYS},
        kl=np.full_like(kl, np.nan) if card.model.has_flow else kl,  # a flow's needs the images
        return_distance=return_distances(codec, z_mean),
        nearest_distance=nearest_distance,
        agreement=agreement,
        places=lay_out(z_mean, share_of("laying out the map")),
        graph=None,
        columns={},
    )
    save_latents(replace(latents, graph=build_graph(codec, latents)), path)
    dimensions = main_dimensions(card.metrics.kl_per_dimension)
    return {
        "maps": judge_maps(z_mean, labels, latents.places, dimensions),
        "kl_parts": None if card.model.has_flow else split_kl(latents),
    }


def _card_of(values: dict[str, Any], path: Path) -> Card:
    """A card with the present version, from the values of an earlier one."""
    metrics = values.get("metrics")
    if not isinstance(metrics, dict):
        raise BundleError(f"card.json of {path.name} has no metrics")
    values = {**values, "schema_version": SCHEMA_VERSION, "metrics": {**metrics, "maps": {}}}
    return parse_card(json.dumps(values).encode(), path.name)


def _copy(card: Card, names: Iterable[str], path: Path, folder: Path) -> None:
    """Copy files, after checking them against the card."""
    for name in names:
        if name not in card.files:
            raise BundleError(f"card.json of {path.name} does not list {name}")
        (folder / name).write_bytes(read_checked(path / name, card.files[name]))


def _move_in(model: onnx.ModelProto, weights: bytes) -> None:
    """Put the weights that a graph has in ``model.keras`` into the graph."""
    for tensor in model.graph.initializer:
        if not uses_external_data(tensor):
            continue
        place = ExternalDataInfo(tensor)
        start, length = place.offset or 0, place.length
        if place.location != WEIGHTS or length is None or not 0 <= start <= start + length:
            raise ValueError(f"it has weights at an unknown place, {place.location!r}")
        tensor.raw_data = weights[start : start + length]
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")


def _compare(before: Codec, after: Codec, card: Card) -> None:
    """Raise a ``BundleError`` unless both compute the same, on random images and latents."""
    random = np.random.default_rng(0)
    images = random.random((20, *card.data.image_shape), np.float32)
    noise = random.standard_normal((20, 1, card.model.latent_dim), np.float32)
    for one, other in zip(
        (*before.draw(images, noise), before.parameters(noise[:, 0])),
        (*after.draw(images, noise), after.parameters(noise[:, 0])),
        strict=True,
    ):
        difference = np.max(np.abs(one - other)) / max(1.0, np.max(np.abs(one)))
        if not difference <= TOLERANCE:
            raise BundleError(f"the converted networks differ by {difference:.2g}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = new_parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="bundles (default: all)")
    add_bundles_option(parser)
    return parser.parse_args()
