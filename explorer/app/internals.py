"""The one place that reads private names of Streamlit; a test fails when they change."""

from __future__ import annotations


def is_history_navigation() -> bool | None:
    """Whether the browser's back or forward button caused this run; None if no one can tell."""
    try:
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        context = get_script_run_ctx()
        return None if context is None else bool(context.is_history_navigation)
    except (ImportError, AttributeError):
        return None
