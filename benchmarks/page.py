"""Measure single-file pages: their size, and the time to the first picture.

python -m benchmarks.page
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.browser import launch_options
from explorer.bundle.images import images_path
from explorer.bundle.store import find_bundles, load_bundle
from explorer.root import DEFAULT_FOLDER
from explorer.web.document import Look, pictures_of, write_page

VISITS = 5
SETTLED = 1500
"""Milliseconds after which a new window has finished its own work."""


def main() -> None:
    """Print a row for each model that ships."""
    print("| model | weights, latents and pictures, MB | page, MB | first picture, ms |")
    print("|---|--:|--:|--:|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(**launch_options())
        for path in find_bundles(DEFAULT_FOLDER):
            bundle = load_bundle(path)
            names = ("encoder.onnx", "decoder.onnx", "latents.npz")
            held = sum((path / name).stat().st_size for name in names)
            if pictures_of(bundle, None)[1] is not None:
                held += images_path(DEFAULT_FOLDER, bundle.card.data).stat().st_size
            file = Path(folder, f"{path.name}.html")
            file.write_bytes(write_page([bundle], Look(bundle.card.title)))
            times = [first_picture(browser.new_page(), file) for _ in range(VISITS)]
            size = file.stat().st_size
            print(
                f"| {path.name} | {held / 1e6:.2f} | {size / 1e6:.2f} "
                f"| {1000 * statistics.median(times):.0f} |",
                flush=True,
            )


def first_picture(page: Page, file: Path) -> float:
    """Return the seconds until the lens shows the point decoded, in an open window."""
    page.wait_for_timeout(SETTLED)
    begun = time.perf_counter()
    page.goto(file.as_uri(), wait_until="commit")
    page.locator(".lens .place", has_text="decoded at").wait_for()
    taken = time.perf_counter() - begun
    page.close()
    return taken


if __name__ == "__main__":
    main()
