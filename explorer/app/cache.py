"""Everything that the app keeps between runs, for all its users.

Bundles are told apart by the hash of their card, which covers every file of
theirs; planes by their vectors.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from explorer.bundle.images import find_originals
from explorer.bundle.store import (
    Bundle,
    BundleError,
    Card,
    Reference,
    find_bundles,
    find_references,
    load_bundle,
    load_reference,
    read_card,
)
from explorer.core.geometry import (
    Plane,
    Spacing,
    grid_points,
    plane_coordinates_grid,
    principal_plane,
)
from explorer.core.metrics import percentile_of
from explorer.data.framing import typical_fill
from explorer.data.load import evenly_spaced
from explorer.drawing import raster

BUNDLES = Path(os.environ.get("LATENT_BUNDLES", "pretrained"))
"""Where the bundles lie; ``LATENT_BUNDLES`` names another folder."""

KEYS: dict[str | type[Any], Callable[[Any], Any]] = {
    Bundle: lambda bundle: bundle.content,
    Plane: lambda plane: plane.origin.tobytes() + plane.directions.tobytes(),
}


def list_bundles() -> dict[str, Card | str]:
    """Every bundle by name: its card, or a sentence that says what is wrong with it."""
    return {path.name: _read_card(path, _state_of(path)) for path in find_bundles(BUNDLES)}


def list_references() -> list[Reference | str]:
    """Card and history of every usable bundle and every reference, or what is wrong with one."""
    usable = [BUNDLES / name for name, card in list_bundles().items() if isinstance(card, Card)]
    paths = (*usable, *find_references(BUNDLES))
    return [_load_reference(path, _state_of(path)) for path in paths]


def open_bundle(name: str) -> Bundle:
    """Load a bundle once for all users, and anew when its files change.

    Raises:
        BundleError: with a sentence for a person.
    """
    path = BUNDLES / name
    return _load_bundle(path, _state_of(path))


@st.cache_data(show_spinner=False, max_entries=256)
def _read_card(path: Path, state: tuple[tuple[str, int, int], ...]) -> Card | str:
    try:
        return read_card(path)
    except BundleError as error:
        return str(error)


@st.cache_data(show_spinner=False, max_entries=256)
def _load_reference(path: Path, state: tuple[tuple[str, int, int], ...]) -> Reference | str:
    try:
        return load_reference(path)
    except BundleError as error:
        return str(error)


@st.cache_resource(show_spinner="Loading the model …", max_entries=16)
def _load_bundle(path: Path, state: tuple[tuple[str, int, int], ...]) -> Bundle:
    return load_bundle(path)


def _state_of(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the files: what changes when a bundle does."""
    try:
        files = [(file.name, file.stat()) for file in sorted(path.iterdir()) if file.is_file()]
    except OSError:  # just being replaced by a newly trained one
        return ()
    return tuple((name, state.st_size, state.st_mtime_ns) for name, state in files)


def pictures(bundle: Bundle, rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """Test images, uint8 ``(n, h, w, c)``, and whether they are the originals.

    Where the data set is not on this machine they are the model's reconstructions.
    """
    originals = originals_of(bundle)
    if originals is not None:
        return originals[rows], True
    return raster.to_pixels(bundle.codec.decode(bundle.latents.z_mean[rows])), False


@st.cache_resource(show_spinner="Reading the data set’s images …", max_entries=16, hash_funcs=KEYS)
def originals_of(bundle: Bundle) -> np.ndarray | None:
    """The data set's test images, from beside the bundles or from this machine; else None."""
    return find_originals(bundle)


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def decoded_grid(
    bundle: Bundle, plane: Plane, size: int | tuple[int, int], spacing: Spacing, extent: float
) -> np.ndarray:
    """Images decoded on a grid over the plane, row by row from the top, uint8."""
    points = grid_points(*plane_coordinates_grid(size, spacing=spacing, extent=extent))
    return raster.to_pixels(bundle.codec.decode(plane.lift(points)))


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=KEYS)
def grid_density(
    bundle: Bundle, plane: Plane, size: int | tuple[int, int], spacing: Spacing, extent: float
) -> np.ndarray:
    """Density percentiles of the same places, ``(rows * columns,)``."""
    points = grid_points(*plane_coordinates_grid(size, spacing=spacing, extent=extent))
    return percentiles(bundle, plane.lift(points))


def percentiles(bundle: Bundle, z: np.ndarray) -> np.ndarray:
    """How dense the training data is at latents, on the scale of the test set, 0–100."""
    density = bundle.aggregate_posterior.log_density(z)
    return percentile_of(density, bundle.sorted_log_density)


@st.cache_data(show_spinner=False, max_entries=16, hash_funcs=KEYS)
def object_fill(bundle: Bundle) -> float:
    """How much of its images the data set's objects fill, as the model reconstructs them."""
    z = bundle.latents.z_mean[evenly_spaced(len(bundle.latents.z_mean), 200)]
    return typical_fill(bundle.codec.decode(z), bundle.card.data.background)


@st.cache_data(show_spinner=False, max_entries=16, hash_funcs=KEYS)
def principal_plane_of(bundle: Bundle) -> Plane:
    """The plane of the first two principal components of the test means."""
    return principal_plane(bundle.latents.z_mean)
