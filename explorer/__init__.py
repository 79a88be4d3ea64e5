"""Train variational autoencoders on images and explore their latent space."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.adoption.functions import adopt
    from explorer.bundle.store import load
    from explorer.web.notebook import show

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # or onnxruntime reports use to its makers

_PLACES = {
    "adopt": "explorer.adoption.functions",
    "load": "explorer.bundle.store",
    "show": "explorer.web.notebook",
}
__all__ = ["adopt", "load", "show"]


def __getattr__(name: str) -> Any:
    """Import a function for notebooks when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
