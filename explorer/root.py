"""Where the page's code and the models that ship lie: beside the package, or inside it."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "shipped"
ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
"""The folder with ``app.py``, ``train.py``, ``static/`` and ``pretrained/``."""
