"""The one place that reads private names of Streamlit; a test fails when they change.

The names of its elements on the page are in ``page.css`` and ``static/live/streamlit.js``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import streamlit
from google.protobuf.message import DecodeError

FIRST_ELEMENTS = "Button", "TextInput", "BidiComponent"
"""Streamlit's scripts for elements of the page that the browser does not read with the document."""
_STATIC = Path(streamlit.__file__).parent / "static"


def is_history_navigation() -> bool | None:
    """Whether the browser's back or forward button caused this run; None if that is unknown."""
    try:
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        context = get_script_run_ctx()
        return None if context is None else bool(context.is_history_navigation)
    except (ImportError, AttributeError):
        return None


@cache
def scripts_of_first_elements() -> tuple[str, ...]:
    """Addresses of those scripts and of all that they import, empty if there are none.

    Streamlit's page asks for them one after another, once the first run's elements come.
    """
    document, folder = _STATIC / "index.html", _STATIC / "static" / "js"
    try:
        with_document = set(re.findall(r"static/js/([\w.-]+)", document.read_text("utf-8")))
        waiting = [file.name for kind in FIRST_ELEMENTS for file in folder.glob(f"{kind}.*.js")]
        found: list[str] = []
        while waiting:
            name = waiting.pop()
            if name not in with_document and name not in found:
                found.append(name)
                script = (folder / name).read_text("utf-8")
                waiting += re.findall(r'(?:from|import)"\./([\w.-]+)"', script)
    except OSError:
        return ()
    return tuple(f"static/js/{name}" for name in found)


def kind_of_message(content: bytes) -> str:
    """The kind of a message from the page to the server; empty if that is unknown."""
    try:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        return BackMsg.FromString(content).WhichOneof("type") or ""
    except (ImportError, AttributeError, DecodeError):  # Streamlit closes the connection itself
        return ""
