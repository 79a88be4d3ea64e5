"""Latents as files: tables and arrays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from explorer.bundle.arrays import save_arrays
from explorer.bundle.bundle import Bundle


def latents_csv(bundle: Bundle, rows: np.ndarray) -> str:
    """Row, label, class, latent mean and log-variance of test images as a CSV table."""
    latents, classes = bundle.latents, bundle.card.data.classes
    dimensions = range(1, bundle.card.model.latent_dim + 1)
    titles = [f"{name}_{d}" for name in ("z_mean", "z_log_var") for d in dimensions]
    labels = latents.labels[rows].tolist()
    return csv_table(
        ["test_image", "label", "class", *titles],
        ([row, label, classes[label]] for row, label in zip(rows.tolist(), labels, strict=True)),
        np.concatenate([latents.z_mean[rows], latents.z_log_var[rows]], axis=1),
    )


def csv_table(titles: Sequence[str], cells: Iterable[Sequence[object]], values: np.ndarray) -> str:
    """A CSV table: a line of titles, then for each row its first cells and its numbers."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(titles)
    for first, numbers in zip(cells, values.tolist(), strict=True):
        table.writerow([*first, *(f"{value:.6g}" for value in numbers)])
    return text.getvalue()


def latents_npz(bundle: Bundle, rows: np.ndarray) -> bytes:
    """The same as arrays: ``test_image``, ``label``, ``z_mean``, ``z_log_var``."""
    latents = bundle.latents
    return npz(
        test_image=np.asarray(rows, np.int64),
        label=latents.labels[rows],
        z_mean=latents.z_mean[rows],
        z_log_var=latents.z_log_var[rows],
    )


def npz(**arrays: np.ndarray) -> bytes:
    """Arrays as a compressed ``.npz`` file."""
    buffer = io.BytesIO()
    save_arrays(buffer, **arrays)
    return buffer.getvalue()
