"""A headless Chromium to measure in, without a GPU."""

from __future__ import annotations

import shutil

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


def held_bytes(page: Page, *, collected: bool) -> float:
    """Bytes that the page's JavaScript holds, buffers included.

    Args:
        page: the page.
        collected: whether to collect the garbage first.
    """
    session = page.context.new_cdp_session(page)
    if collected:
        session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return usage["usedSize"] + usage.get("backingStorageSize", 0)
