"""Hide optional dependencies while importing a library."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

_TURN = threading.RLock()


@contextmanager
def without(*libraries: str) -> Iterator[None]:
    """Import in this block as if these libraries, unless already loaded, were not installed."""
    with _TURN:
        hidden = [name for name in libraries if name not in sys.modules]
        sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: missing
        try:
            yield
        finally:
            for name in hidden:
                del sys.modules[name]


def without_pandas() -> AbstractContextManager[None]:
    """Import scikit-learn in this block without pandas, which it would import if installed.

    Importing pandas takes a third of a second and 65 MB, which a server process would keep.
    """
    return nullcontext() if "sklearn" in sys.modules else without("pandas")
