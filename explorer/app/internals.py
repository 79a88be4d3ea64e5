"""The one place that reads private names of Streamlit; a test fails when they change.

The names of its elements on the page are in ``page.css`` and ``static/live/streamlit.js``.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError


def is_history_navigation() -> bool | None:
    """Whether the browser's back or forward button caused this run; None if that is unknown."""
    try:
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        context = get_script_run_ctx()
        return None if context is None else bool(context.is_history_navigation)
    except (ImportError, AttributeError):
        return None


def kind_of_message(content: bytes) -> str:
    """The kind of a message from the page to the server; empty if that is unknown."""
    try:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        return BackMsg.FromString(content).WhichOneof("type") or ""
    except (ImportError, AttributeError, DecodeError):  # Streamlit closes the connection itself
        return ""
