"""Importing scikit-learn at a third of its price."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()


@contextmanager
def without_pandas() -> Iterator[None]:
    """Import scikit-learn in this block: it looks for pandas, of which nothing here makes use.

    That takes 65 MB, which a process that serves a page would keep, and a third of a second.
    """
    with _LOCK:
        is_hidden = not {"sklearn", "pandas"} & sys.modules.keys()
        if is_hidden:
            sys.modules["pandas"] = None  # type: ignore[assignment]  # as if not there
        try:
            yield
        finally:
            if is_hidden:
                del sys.modules["pandas"]
