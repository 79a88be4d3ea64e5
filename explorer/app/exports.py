"""Buttons that download what a view shows."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, get_args
from urllib.parse import urlencode

import streamlit as st

from explorer.app import session
from explorer.bundle.bundle import Bundle
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
