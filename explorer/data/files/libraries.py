"""Import libraries that only some files need, when such a file is read."""

from __future__ import annotations

import importlib
from typing import Any

from explorer.errors import DatasetError


def need(module: str, files: str) -> Any:
    """Import a module.

    Args:
        module: its name, such as ``"h5py"``.
        files: what it reads, in the plural.

    Raises:
        DatasetError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise DatasetError(
            f"Reading {files} needs {package}, which is not installed; "
            "install it with pip install -r requirements.txt."
        ) from error
