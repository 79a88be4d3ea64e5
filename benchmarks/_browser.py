"""A headless Chromium to measure in, without a GPU."""

from __future__ import annotations

import shutil
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
)


def launch_chromium(playwright: Playwright, *further: str) -> Browser:
    """Start the machine's Chromium, or Playwright's own where there is none."""
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=[*ARGUMENTS, *further]
    )


def memory(page: Page) -> float:
    """Bytes that the page's JavaScript holds after a collection, buffers included."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    held = held_bytes(session)
    session.detach()
    return held


def held_bytes(session: Any) -> float:
    """The same without a collection, over a session of Chromium's own protocol."""
    usage = session.send("Runtime.getHeapUsage")
    return usage["usedSize"] + usage.get("backingStorageSize", 0)
