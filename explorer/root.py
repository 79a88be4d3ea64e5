"""Where the page's code and the shipped models lie: beside the package, or inside it."""

import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "shipped"
ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
"""The folder with ``app.py``, ``train.py``, ``static/`` and ``pretrained/``."""
DEFAULT_FOLDER = Path(os.environ.get("LATENT_BUNDLES") or ROOT / "pretrained")
"""Where the bundles lie unless a command says otherwise: ``$LATENT_BUNDLES``, if that is set."""


def own_python(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and environment for another Python process that finds this package."""
    path = filter(None, (str(_PACKAGE.parent), os.environ.get("PYTHONPATH")))
    return [sys.executable, *arguments], {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
