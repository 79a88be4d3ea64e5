"""The headless Chromium of tests and benchmarks, without a GPU."""

from __future__ import annotations

import shutil
from typing import Any

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
    """What ``playwright.chromium.launch`` gets: the machine's Chromium, else Playwright's own."""
    return {"executable_path": shutil.which("chromium"), "args": [*ARGUMENTS, *further]}
