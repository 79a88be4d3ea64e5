"""Everything that the app keeps between runs, for all its users.

Bundles are identified by the hash of their card, which covers all their files; folders by the
names, sizes and modification times of their files.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer.bundle import sheets
from explorer.bundle.bundle import Bundle, Reference
from explorer.bundle.card import BundleError, Card
from explorer.bundle.chance import Chance, chance_of
from explorer.bundle.directions import parse_direction
from explorer.bundle.files import read_file
from explorer.bundle.images import find_originals
from explorer.bundle.store import (
    find_bundles,
    find_references,
    load_bundle,
    load_reference,
    read_card,
)
from explorer.bundle.trust import Verdict, judge_places
from explorer.bundle.walks import PathKind, Walk, all_walks, build_graph
from explorer.core.directions import Direction
from explorer.core.geodesics import DataGraph, Scores
from explorer.core.mixtures import Mixture, fit_mixture
from explorer.core.neighbourhood import JUDGED_NEIGHBOURS
from explorer.core.neighbours import index
from explorer.core.pixels import to_pixels
from explorer.core.subsets import evenly_spaced
from explorer.data.files.temporary import leave_on_disk
from explorer.data.pixels import Form
from explorer.data.uploads import Upload, read_upload
from explorer.drawing import charts, raster
from explorer.root import DEFAULT_FOLDER
from explorer.web import contents, payload

BUNDLES = DEFAULT_FOLDER
"""The folder of the bundles."""
RECONSTRUCTIONS = 12
SAMPLES = 40
COMPRESSION = 1
"""Level of gzip: higher ones take longer and hardly shrink half-precision weights further."""
DrawnFrom = Literal["Prior", "Mixture", "Aggregate posterior"]

KEYS: dict[str | type[Any], Callable[[Any], Any]] = {
    Bundle: lambda bundle: bundle.content,
    charts.Curve: lambda curve: [curve.name, curve.x, curve.y],
    np.ndarray: lambda array: [array.dtype.str, *array.shape, array.tobytes()],
}
"""``hash_funcs`` of Streamlit's caches: what identifies an argument."""
_DECODED = KEYS | {Bundle: lambda bundle: [bundle.content, bundle.label]}
"""The same, for results that depend on the class that a conditional model decodes."""

_BY_TEXT: dict[str | type[Any], Callable[[Any], Any]] = {tuple: repr}
_Read = TypeVar("_Read")
State = tuple[tuple[str, int, int], ...]
"""Names, sizes and modification times of a folder's files; changes when a bundle does."""


def list_bundles() -> dict[str, Card | str]:
    """Every bundle by name: its card, or a sentence that says what is wrong with it."""
    return _read_cards(_states_of(find_bundles(BUNDLES)))


def usable(bundles: Mapping[str, Card | str]) -> dict[str, Card]:
    """The cards among what ``list_bundles`` found, sorted by data set, then by dimension."""
    cards = {name: card for name, card in bundles.items() if isinstance(card, Card)}
    order = sorted(
        cards, key=lambda name: (cards[name].data.title, cards[name].model.latent_dim, name)
    )
    return {name: cards[name] for name in order}


def usable_cards() -> dict[str, Card]:
    """The cards of all usable bundles, as ``usable`` gives them."""
    return usable(list_bundles())


def easiest_first(cards: Mapping[str, Card]) -> list[str]:
    """Names of bundles; a visit begins with the first, whose map is the simplest."""
    return sorted(cards, key=lambda name: abs(cards[name].model.latent_dim - 2))


def list_references() -> list[Reference | str]:
    """Card and history of each usable bundle and reference, or a sentence on what is wrong."""
    usable = [BUNDLES / name for name in usable_cards()]
    return _load_references(_states_of([*usable, *find_references(BUNDLES)]))


def chance(bundle: Bundle) -> Chance | None:
    """Mean and standard deviation of a model's figures over seeds; None if only one is known."""
    others = [entry for entry in list_references() if isinstance(entry, Reference)]
    return chance_of(Reference(bundle.card, bundle.history), others)


def open_bundle(name: str) -> Bundle:
    """Load a bundle once for all users, and again when its files change.

    Raises:
        BundleError: with a sentence for the user.
    """
    return _load_bundle((BUNDLES / name, state_of(name)))


def state_of(name: str) -> State:
    """The state of a bundle's files."""
    return _state_of(BUNDLES / name)


def find_bundle(content: str) -> Bundle:
    """Load the bundle with this hash.

    Raises:
        BundleError: if there is none, or it is broken.
    """
    names = _known_hashes()
    if content not in names:
        raise BundleError(f"there is no bundle with the hash {content}")
    return open_bundle(names[content])


def hash_of_opened(name: str | None) -> str | None:
    """The hash of the bundle with which a visit begins that asks for this name, if there is one."""
    hashes = {known: content for content, known in _known_hashes().items()}
    return next((hashes[n] for n in (name, *easiest_first(usable_cards())) if n in hashes), None)


def _known_hashes() -> dict[str, str]:
    return _names_by_hash(_states_of(find_bundles(BUNDLES)))


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=_BY_TEXT)
def _read_cards(known: tuple[tuple[Path, State], ...]) -> dict[str, Card | str]:
    return {path.name: _or_sentence(read_card, path) for path, _ in known}


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=_BY_TEXT)
def _names_by_hash(known: tuple[tuple[Path, State], ...]) -> dict[str, str]:
    """Names of the usable bundles by the hash of their card, by which browsers ask, often."""
    usable = [name for name, card in _read_cards(known).items() if isinstance(card, Card)]
    return {
        hashlib.sha256(read_file(BUNDLES / name / "card.json")).hexdigest(): name for name in usable
    }


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=_BY_TEXT)
def _load_references(known: tuple[tuple[Path, State], ...]) -> list[Reference | str]:
    return [_or_sentence(load_reference, path) for path, _ in known]


@st.cache_resource(show_spinner="Loading the model …", max_entries=16, hash_funcs=_BY_TEXT)
def _load_bundle(known: tuple[Path, State]) -> Bundle:
    return load_bundle(known[0])


def _or_sentence(read: Callable[[Path], _Read], path: Path) -> _Read | str:
    try:
        return read(path)
    except BundleError as error:
        return str(error)


def _states_of(paths: list[Path]) -> tuple[tuple[Path, State], ...]:
    return tuple((path, _state_of(path)) for path in paths)


def _state_of(path: Path) -> State:
    try:
        with os.scandir(path) as entries:
            files = sorted((entry.name, entry.stat()) for entry in entries if entry.is_file())
    except OSError:  # just being replaced by a newly trained one
        return ()
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in files)


@st.cache_resource(show_spinner="Reading the data set’s images …", max_entries=16, hash_funcs=KEYS)
def originals_of(bundle: Bundle) -> np.ndarray | None:
    """The original test images, from beside the bundles or elsewhere on this machine; else None."""
    return find_originals(bundle)


@st.cache_resource(show_spinner=False)
def fetches() -> dict[str, Any]:
    """The ``fetching.Fetch`` of each data set that is being fetched, or whose fetch failed."""
    return {}


def forget_originals() -> None:
    """Clear what depends on the original images, after they were fetched."""
    for kept in (originals_of, images_payload, _reconstructions_png):
        kept.clear()


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=KEYS)
def model_payload(bundle: Bundle) -> bytes:
    """The model as it is sent to browsers, compressed with gzip once for all users."""
    return gzip.compress(payload.encode_model(bundle), COMPRESSION)


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=KEYS)
def images_payload(bundle: Bundle) -> bytes:
    """The test images as they are sent to browsers, or that there are none; gzip, level 0."""
    originals = originals_of(bundle)
    packed = gzip.compress(payload.encode_images(bundle, originals), 0)
    if originals is not None:
        leave_on_disk(originals)
    return packed


def pictures(bundle: Bundle, rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """Test images, uint8 ``(n, h, w, c)``, and whether they are the originals.

    Where the data set is not on this machine they are the model's reconstructions.
    """
    originals = originals_of(bundle)
    if originals is not None:
        return originals[rows], True
    return reconstructed(bundle, rows), False


def reconstructed(bundle: Bundle, rows: np.ndarray) -> np.ndarray:
    """Test images as the model reconstructs them, uint8 ``(n, h, w, c)``; grey if it came without
    reconstructions."""
    if bundle.card.model.has_graphs:
        return _reconstructed(bundle, rows)
    if bundle.reconstructions is None:
        return np.full((len(rows), *bundle.card.data.image_shape), 128, np.uint8)
    images: np.ndarray = bundle.reconstructions[rows]
    return images


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def _reconstructed(bundle: Bundle, rows: np.ndarray) -> np.ndarray:
    return to_pixels(bundle.reconstruct(rows))


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=_DECODED)
def decoded(bundle: Bundle, z: np.ndarray) -> np.ndarray:
    """Images at latents, uint8 ``(n, h, w, c)``."""
    return to_pixels(bundle.codec.decode(z))


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def data_uri(picture: np.ndarray, *, is_crisp: bool = False) -> str:
    """A picture as a PNG that a page can hold in an ``src``; enlarged if it is to be crisp."""
    return raster.data_uri(raster.crisp(picture) if is_crisp else picture)


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def percentiles(bundle: Bundle, z: np.ndarray) -> np.ndarray:
    """Density of the training data at latents, as a percentile among the test images, 0–100."""
    return sheets.percentiles(bundle, z)


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=_DECODED)
def verdicts(bundle: Bundle, z: np.ndarray) -> list[Verdict]:
    """How far to trust what is decoded at latents ``(n, latent_dim)``."""
    return judge_places(bundle, z)


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def neighbours(bundle: Bundle, z: np.ndarray) -> np.ndarray:
    """Rows of the test images nearest to each latent, ``(n, JUDGED_NEIGHBOURS)``."""
    count = min(JUDGED_NEIGHBOURS, bundle.card.data.test_images)
    rows: np.ndarray = index(bundle.latents.z_mean).kneighbors(z, count, return_distance=False)
    return rows


@st.cache_resource(show_spinner="Joining neighbours …", max_entries=16, hash_funcs=_DECODED)
def data_graph(bundle: Bundle) -> DataGraph:
    """The graph of the test images, each joined with its neighbours."""
    return bundle.latents.graph or build_graph(bundle.codec, bundle.latents)


def walks(bundle: Bundle, stops: np.ndarray) -> dict[PathKind, tuple[Walk, Scores]]:
    """The path of each kind through latents ``(n, latent_dim)``, and its scores."""
    data_graph(bundle)  # first: within another cached function it would show no progress
    return _walks(bundle, stops)


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=_DECODED)
def _walks(bundle: Bundle, stops: np.ndarray) -> dict[PathKind, tuple[Walk, Scores]]:
    return all_walks(bundle, list(stops), data_graph(bundle))


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=KEYS)
def curves_figure(bundle: Bundle) -> go.Figure:
    """The training curves; the figure is shared, so do not change it."""
    return charts.curves_figure(bundle.history)


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=KEYS)
def kl_figure(bundle: Bundle) -> go.Figure:
    """The KL of each dimension; the figure is shared, so do not change it."""
    return charts.kl_figure(bundle.card.metrics.kl_per_dimension, bundle.dimensions_by_kl)


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=KEYS)
def comparison_figure(curves: tuple[charts.Curve, ...], *, time: charts.Time) -> go.Figure:
    """Curves of several models; the figure is shared, so do not change it."""
    return charts.comparison_figure(curves, time=time)


def reconstructions_png(bundle: Bundle) -> tuple[bytes, bool]:
    """Some test images above their reconstructions, and whether the originals are shown."""
    originals_of(bundle)  # first: within another cached function it would show no progress
    return _reconstructions_png(bundle)


@st.cache_data(show_spinner=False, max_entries=16, hash_funcs=KEYS)
def _reconstructions_png(bundle: Bundle) -> tuple[bytes, bool]:
    rows = evenly_spaced(bundle.card.data.test_images, RECONSTRUCTIONS)  # of all classes
    images, original = pictures(bundle, rows)
    if original and bundle.has_reconstructions:
        images = np.concatenate([images, reconstructed(bundle, rows)])
    return raster.png(raster.enlarge(raster.tile(images, len(rows)), 3)), original


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def direction(bundle: Bundle, text: str) -> Direction:
    """The direction that a text names.

    Raises:
        ValueError: with a sentence, if the model has no such direction.
    """
    return parse_direction(text, bundle)


@st.cache_resource(show_spinner="Fitting a mixture …", max_entries=16, hash_funcs=KEYS)
def mixture(bundle: Bundle) -> Mixture:
    """The Gaussian mixture fitted to the training images' latents."""
    return fit_mixture(bundle.latents.train_z_mean, seed=0)


def draw(bundle: Bundle, source: DrawnFrom, seed: int) -> np.ndarray:
    """Latents drawn from a distribution, ``(SAMPLES, latent_dim)`` float32."""
    generator = np.random.default_rng(seed)
    if source == "Mixture":
        return mixture(bundle).draw(SAMPLES, generator)
    if source == "Aggregate posterior":
        return bundle.latents.aggregate_posterior.draw(SAMPLES, generator)
    z = generator.standard_normal((SAMPLES, bundle.card.model.latent_dim))
    return z.astype(np.float32)


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=_DECODED)
def samples_png(bundle: Bundle, z: np.ndarray) -> bytes:
    """Images decoded from drawn latents ``(SAMPLES, latent_dim)``."""
    images = to_pixels(bundle.codec.decode(z))
    return raster.png(raster.enlarge(raster.tile(images, SAMPLES // 4), 3))


@st.cache_data(show_spinner="Reading the image …", max_entries=16, ttl=600)
def read_image(data: bytes, form: Form) -> Upload:
    """Read an uploaded file as an image, as the model's training images were read.

    Raises:
        UploadError: with a sentence for the user.
    """
    return read_upload(data, form)


@st.cache_data(show_spinner=False, max_entries=16, hash_funcs=KEYS)
def object_fill(bundle: Bundle) -> float:
    """How much of an image the data set's objects fill, measured on reconstructions."""
    return contents.object_fill(bundle)


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def vivid_row(bundle: Bundle) -> int:
    """Row of the test image where a visit begins: well explained, trusted, strong in contours."""
    return contents.vivid_row(bundle)
