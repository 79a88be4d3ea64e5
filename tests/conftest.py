"""What tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NEARBY = Path(__file__).resolve().parents[2] / "shared" / "datasets"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real data sets: ``$LATENT_DATA_DIR``, or one near the repository."""
    folder = Path(os.environ.get("LATENT_DATA_DIR") or NEARBY)
    if folder.is_dir():
        return folder
    message = "no real data sets on this machine; name their folder in LATENT_DATA_DIR"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
