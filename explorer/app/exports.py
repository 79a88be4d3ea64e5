"""Buttons that download what a view shows, and the files of latents."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from explorer.bundle.arrays import save_arrays
from explorer.bundle.store import Bundle


def download(label: str, make: Callable[[], str | bytes], name: str, **further: Any) -> None:
    """A button that downloads a file; ``make`` is called on a click, outside of the session."""
    st.download_button(label, make, name, icon=":material/download:", on_click="ignore", **further)


def latents_csv(bundle: Bundle, rows: np.ndarray) -> str:
    """Number, class, latent mean and log-variance of test images as a table."""
    latents, classes = bundle.latents, bundle.card.data.classes
    dimensions = range(1, bundle.card.model.latent_dim + 1)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ["test_image", "label", "class"]
        + [f"z_mean_{d}" for d in dimensions]
        + [f"z_log_var_{d}" for d in dimensions]
    )
    for row in rows.tolist():
        label = int(latents.labels[row])
        values = np.concatenate([latents.z_mean[row], latents.z_log_var[row]]).tolist()
        table.writerow([row, label, classes[label], *(f"{value:.6g}" for value in values)])
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
