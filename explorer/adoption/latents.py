"""Make a bundle of latents alone, from any model, and the images that they belong to."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from explorer.adoption.graphs import MAX_LATENT_DIM, MAX_SAID, AdoptionError
from explorer.adoption.result import About, Origin, hashes, write_bundle
from explorer.bundle.figures import summarise
from explorer.bundle.outputs import ModelOutputs, rounded, training_sample
from explorer.core.density import KERNEL_POINTS, kernel_log_variance
from explorer.core.neighbourhood import Progress
from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset
from explorer.data.layouts.labels import (
    LABEL_NAMES,
    can_be_classes,
    in_natural_order,
    index_classes,
    label_title,
    numbers_or_words,
    plain,
)
from explorer.data.load import load_dataset
from explorer.data.reading import AS_THEY_ARE, Reading
from explorer.data.roles import counts_up
from explorer.errors import one_line

_QUOTED = re.compile("^([\"'])(.*)\\1$")
_INDEX_NAMES = ("", "index", "idx", "row", "id", "unnamed: 0")
"""Titles of a column that numbers the images."""
_FEW = 10
"""Up to this number of images, each may be the only one of its class."""
NOTE = "there are latents alone: no encoder, no decoder and no reconstructions"


def adopt_latents(
    about: About,
    latents: Path,
    images: str,
    labels: Path | None = None,
    *,
    reading: Reading = AS_THEY_ARE,
    data_dir: Path | None = None,
    report: Callable[[str], None],
    progress: Progress,
) -> Path:
    """Make a bundle of latents and the images that they belong to.

    Args:
        about: its name and place.
        latents: a ``.npy`` file, ``(n, …)``, one latent for each image in the order of the images.
        images: a data set's name, whose test images are taken, or a path to images, all of which
            are taken if they have no test split.
        labels: the classes, as a ``.npy`` file of n numbers or words or a text file of n lines;
            None for those of the images.
        reading: how the images are read.
        data_dir: where data sets are looked for first.
        report: called with one line at a time.
        progress: called with the progress of the neighbourhood map.

    Returns:
        The bundle's folder.

    Raises:
        ExplorerError: with a sentence for the user; nothing was written.
    """
    about.find_place()
    z = rounded(_read_latents(latents))
    dataset = load_dataset(images, replace(reading, whole=True), data_dir=data_dir)
    if labels is not None:
        dataset = _with_labels(dataset, labels, report)
    if len(z) != len(dataset.test.images):
        raise AdoptionError(
            f"{latents.name} has {len(z):,} latents, but {dataset.title} has "
            f"{len(dataset.test.images):,} images: one latent is needed for each, in their order"
        )
    report(f"{dataset.title}: {len(z):,} images, latents of {z.shape[1]} numbers")
    kernel = kernel_log_variance(z[evenly_spaced(len(z), KERNEL_POINTS)])
    log_var = np.full_like(z, kernel)
    metrics, found = summarise(
        ModelOutputs(z, log_var, z, log_var), dataset, training_sample(dataset), progress=progress
    )
    files = [path for path in (latents, labels) if path is not None]
    origin = Origin(
        files=hashes(*files),
        conventions={},
        notes=(NOTE,),
    )
    return write_bundle(about, origin, dataset, metrics, found)


def _read_latents(path: Path) -> np.ndarray:
    """Read latents ``(n, latent_dim)`` float32."""
    z = _read_array(path)
    if z.ndim < 2 or z.dtype.kind not in "fiu":
        raise AdoptionError(f"{path.name} holds {z.dtype} {z.shape}; expected numbers, (n, d)")
    latent_dim = math.prod(z.shape[1:])
    if not (len(z) and 1 <= latent_dim <= MAX_LATENT_DIM):
        raise AdoptionError(
            f"{path.name} has {len(z):,} latents of {latent_dim:,} numbers; at least one is "
            f"expected, of 1 to {MAX_LATENT_DIM:,} numbers"
        )
    with np.errstate(over="ignore"):  # it is told below
        z = z.reshape(len(z), latent_dim).astype(np.float32)
    if not np.isfinite(z).all():
        raise AdoptionError(f"{path.name} holds NaN, infinity or numbers beyond single precision")
    if len(z) > 1 and (z == z[0]).all():
        raise AdoptionError(f"{path.name} holds the same latent for all {len(z):,} images")
    return z


def _with_labels(
    dataset: Dataset, path: Path, report: Callable[[str], None] = lambda line: None
) -> Dataset:
    """Return the images with the classes of a file."""
    count = len(dataset.test.images)
    if path.suffix == ".npy":
        values = plain(_read_array(path), path.name)
    else:
        values = plain(numbers_or_words(_read_lines(path, count, report)), path.name)
    if values.shape != (count,) or not can_be_classes([values]):
        held = f"{len(values):,} labels" if values.ndim == 1 else f"{values.dtype} {values.shape}"
        if values.shape == (count,):
            finite = values[np.isfinite(values)]
            fractions = finite[np.mod(finite, 1) > 0]
            held = f"fractions, such as {fractions[0]:g}" if fractions.size else "NaN or infinity"
        raise AdoptionError(
            f"{path.name} holds {held}; expected {count:,} whole numbers or words, one for each "
            "image"
        )
    found, (labels,) = index_classes([values])
    if len(found) == count > _FEW:
        raise AdoptionError(
            f"{path.name} has another label for each image, such as {found[0]!r} and {found[1]!r}; "
            "expected classes of several images"
        )
    classes = in_natural_order(found)
    places = np.array([classes.index(name) for name in found])
    return dataset.relabelled(places[labels], classes)


def _read_lines(path: Path, count: int, report: Callable[[str], None]) -> list[str]:
    """Read the labels of a text file: one for each line, or the label column of a table."""
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise AdoptionError(
            f"{path} is no text; expected a .npy file, or a text with a label on each line"
        ) from error
    except OSError as error:
        raise AdoptionError(f"{path} cannot be read: {one_line(error)}") from error
    if lines and lines[0].lstrip().startswith(("{", "[")) and _is_json(lines):
        raise AdoptionError(f"{path.name} holds JSON; expected a label on each line, or a table")
    rows, is_table = _read_rows(lines)
    title = label_title(rows[0]) if is_table else None
    if is_table and title is None and 2 * len({row[0] for row in rows}) > len(rows):
        raise AdoptionError(
            f"{path.name} has {len(rows[0])} cells on each line, such as {lines[0][:80]!r}; "
            "expected the label alone, or titles on the first line of which one is label"
        )
    if title is not None:
        cells = [row for row in rows[1:] if row]
        ordered = _in_order(rows[0], cells)
        if ordered != cells:
            report(f"the rows of {path.name} are taken in the order of their index")
        labels = [row[rows[0].index(title)].strip() for row in ordered]
    else:
        has_title = len(lines) > count and lines[0].strip().lower() in LABEL_NAMES
        labels = [_QUOTED.sub(r"\2", line.strip()) for line in lines[has_title:]]
    if "" in map(str.strip, labels):
        place = 1 + [*map(str.strip, labels)].index("") + len(lines) - len(labels)
        raise AdoptionError(
            f"line {place} of {path.name} has no label; expected one for each image"
        )
    return labels


def _is_json(lines: list[str]) -> bool:
    """Whether a text, or its first line, is JSON."""
    for text in ("\n".join(lines), lines[0]):
        with contextlib.suppress(ValueError):
            json.loads(text)
            return True
    return False


def _in_order(titles: list[str], rows: list[list[str]]) -> list[list[str]]:
    """The rows in the order of an index column, if there is one: 0, 1, 2, … in any order."""
    for column, title in enumerate(titles):
        if title.strip().lower() in _INDEX_NAMES:
            places = [row[column].strip() for row in rows]
            if all(map(str.isdecimal, places)) and counts_up(sorted(map(int, places))):
                return [rows[place] for place in np.argsort([*map(int, places)])]
    return rows


def _read_rows(lines: list[str]) -> tuple[list[list[str]], bool]:
    """The cells of each line, and whether all lines have the same number of them, above one."""
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    try:
        rows = [*csv.reader(lines, delimiter=delimiter)]
    except csv.Error:  # a quotation mark is not closed
        return [], False
    return rows, len({*map(len, rows)}) == 1 and len(rows[0]) > 1


def _read_array(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            array = np.load(file, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("it holds several arrays")
        return array
    except FileNotFoundError as error:
        raise AdoptionError(f"{path} is not there") from error
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        reason = f": {one_line(error, MAX_SAID)}" if path.suffix == ".npy" else ""
        raise AdoptionError(
            f"{path} is not a .npy file that can be read, as numpy.save writes it{reason}"
        ) from error
