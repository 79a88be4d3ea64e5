"""Fetch a data set whose images are not on this machine, once for all visitors."""

from __future__ import annotations

import subprocess
import threading

import streamlit as st

from explorer.app import cache
from explorer.app.words import literal
from explorer.root import own_python

POLL_SECONDS = 1.0
_STARTING = threading.Lock()


class Fetch:
    """A process that fetches a named data set; all visitors share it."""

    def __init__(self, source: str) -> None:
        self._message = ""
        command, environment = own_python("-m", "explorer", "data", source)
        self.process = subprocess.Popen(
            command, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr
        with self.process.stderr as lines:
            for line in lines:  # a carriage return ends a line as well
                self._message = line.strip() or self._message

    def last_message(self) -> str:
        """The last message of the process, such as its progress; empty if there is none yet."""
        if self.process.poll() is not None:
            self._listener.join(POLL_SECONDS)
        return self._message


def render_fetch(source: str, title: str) -> None:
    """Draw a button that fetches a data set, or the progress of the fetch."""
    if source in cache.fetches():
        _follow(source, title)
    else:
        icon = ":material/download:"
        st.button("Fetch the data set", icon=icon, on_click=_start, args=(source,))


def _start(source: str) -> None:
    with _STARTING:
        if source not in cache.fetches():
            cache.fetches()[source] = Fetch(source)


@st.fragment(run_every=POLL_SECONDS)
def _follow(source: str, title: str) -> None:
    fetch = cache.fetches().get(source)
    status = fetch.process.poll() if fetch else 0
    if fetch and status is None:
        st.caption(f"Fetching {literal(title)}: {literal(fetch.last_message() or '…')}")
        if st.button("Stop", icon=":material/close:"):
            fetch.process.terminate()
        return
    if fetch and status:
        reason = "it was stopped" if status < 0 else fetch.last_message() or "it gave no reason"
        st.error(f"The images could not be fetched: {literal(reason)}")
        if st.button("Try again", icon=":material/refresh:"):
            cache.fetches().pop(source, None)
            st.rerun()
        return
    if cache.fetches().pop(source, None):  # the first visitor who sees that it is done
        cache.forget_originals()
    st.rerun()
