"""Options of the headless Chromium for tests and benchmarks, without a GPU."""

from __future__ import annotations

import shutil
from typing import Any

NAMES = ("chromium-headless-shell", "chromium")  # without windows, a page takes a third less time
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
)


def launch_options(*further: str) -> dict[str, Any]:
    """Options of ``playwright.chromium.launch``: the machine's Chromium, else Playwright's own."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    return {"executable_path": path, "args": [*ARGUMENTS, *further]}
