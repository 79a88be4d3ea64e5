"""Buttons that download what a view shows, and the files of latents."""

from __future__ import annotations

import contextlib
import csv
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, get_args
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from explorer.app import session
from explorer.bundle.arrays import save_arrays
from explorer.bundle.store import Bundle
from explorer.drawing.sheet import COLUMN, Format, Paper

WIDTHS = {"One column, 8.5 cm": COLUMN, "Two columns, 17.5 cm": 17.5}
"""Widths of figures for print, in centimetres."""


def download(label: str, make: Callable[[], str | bytes], name: str, **further: Any) -> None:
    """Draw a button that downloads a file; ``make`` is called on a click, outside the session."""
    st.download_button(label, make, name, icon=":material/download:", on_click="ignore", **further)


@contextlib.contextmanager
def menu(key: str) -> Iterator[bool]:
    """Draw a button that opens a view's downloads; yield whether they are open and to be drawn."""
    with (
        st.popover(
            "Download", icon=":material/download:", key=f"downloads-{key}", on_change="rerun"
        ) as popover,
        st.container(key=f"menu-{key}"),
    ):
        yield bool(popover.open)


def figures(
    bundle: Bundle,
    makers: Mapping[str, Callable[[ModuleType], Any]],
    command: str | None = None,
) -> None:
    """Draw buttons that download figures for print, in a width that the user chooses.

    Args:
        bundle: the model.
        makers: by name, a function that makes a ``Plate`` from the module ``plates``.
        command: the command that makes the same figures; by default the page's address.
    """
    width = st.segmented_control(
        "Figures for print", tuple(WIDTHS), key="figure-width", default=next(iter(WIDTHS)),
        required=True, persist_state="session",
    )  # fmt: skip
    address = session.address()
    for name, make in makers.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            for form in get_args(Format):
                paper = Paper(form, WIDTHS[width])
                download(
                    f"{name[0].upper()}{name[1:]} {form.upper()}",
                    functools.partial(_write, make, paper, command, address),
                    f"{bundle.card.name}-{name}-figure.{form}",
                )


def _write(
    make: Callable[[ModuleType], Any], paper: Paper, command: str | None, address: dict[str, str]
) -> bytes:
    from explorer.bundle import plates  # on demand: Matplotlib takes a second to import

    command = command or f"streamlit run app.py, ?{urlencode(address, safe=',')}"
    contents: bytes = make(plates).write(paper, command)
    return contents


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
