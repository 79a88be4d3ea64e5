"""Measure how fast the app is: a real server, a real page in headless Chromium, no GPU.

    python -m benchmarks.app                          all bundles of pretrained/
    LATENT_BUNDLES=folder python -m benchmarks.app    all bundles of another folder
    python -m benchmarks.app --only drags maps        some of the measurements

The page itself (``probe.js``) measures from an input event to the end of the frame with the
picture, or to the moment from which the page is settled: no script runs on the server, and
everything new has been drawn. Start times count from the start of the server's process, with an
empty browser cache. Pointers move 125 times a second. Needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from playwright.async_api import Browser, FilePayload, Page, Playwright, async_playwright

from benchmarks._crowd import crowded_payload, serve_bytes
from benchmarks._heavy import heavy_bundle
from benchmarks._server import BUNDLES, Server, serve
from benchmarks._table import print_head, print_row
from benchmarks._visit import Place, Visit, has_dots, new_visit
from benchmarks.browser import launch_options
from benchmarks.live_decode import on_server
from explorer.bundle.bundle import Bundle
from explorer.bundle.store import find_bundles, load_bundle

MAP_CORNERS = ((0.2, 0.3), (0.7, 0.4), (0.6, 0.8), (0.3, 0.6))
"""Shares of a map's width and height between which the pointer moves."""
GRID = 20
"""Tiles along a side of the manifold, by default."""
STRIP = 11
"""Tiles of a slider's strip."""
PAGES = 10
THROTTLES = {1: 58.0, 4: 40.0, 6: 25.0}
"""Factor by which the page is slowed down → least number of pictures a second."""
CROWDS = {70_000: (50, 0.5), 300_000: (20, 0.5), 1_000_000: (20, 1.5)}
"""Dots of a map → least frames a second in a pan, most seconds from a lasso to its list."""
SLOWER = 4
"""Factor by which the page is slowed down in the second half of a map's measurements."""


@dataclass(frozen=True)
class Setting:
    """What a measurement works with; ``bundles`` are sorted by their number of dimensions."""

    playwright: Playwright
    browser: Browser
    server: Server
    bundles: list[Bundle]
    options: argparse.Namespace

    @property
    def flat(self) -> Bundle:
        """The bundle with the fewest dimensions."""
        return self.bundles[0]

    @property
    def deep(self) -> Bundle:
        """The bundle with the most dimensions."""
        return self.bundles[-1]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="(default: all)")
    add("--starts", type=int, default=5, metavar="N", help="new processes (default 5)")
    add("--repetitions", type=int, default=9, metavar="N", help="of each press (default 9)")
    add("--seconds", type=float, default=4.0, metavar="S", help="of each drag (default 4)")
    add("--frames", type=int, default=10_000, metavar="N", help="for memory (default 10,000)")
    options = parser.parse_args()
    bundles = [load_bundle(path) for path in find_bundles(BUNDLES)]
    if not bundles:
        raise SystemExit(f"there is no bundle in {BUNDLES.name}; train.py makes one")
    print_head()
    asyncio.run(measure(sorted(bundles, key=lambda b: b.card.model.latent_dim), options))


async def measure(bundles: list[Bundle], options: argparse.Namespace) -> None:
    """Run the chosen measurements in turn."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        with serve() as server:
            for name in options.only:
                await MEASURES[name](Setting(playwright, browser, server, bundles, options))


async def measure_starts(here: Setting) -> None:
    """Measure from a new process to the first usable page, and to the drawn map.

    A page with nothing but tabs is started in turn: this much is Streamlit's own time.
    """
    bundle = here.flat
    has_tabs = "document.querySelector('[role=tab]')"
    empty: list[float] = []
    usable: list[float] = []
    drawn: list[float] = []
    for _ in range(here.options.starts):
        for script, steps in (
            ("benchmarks/empty.py", [(has_tabs, empty)]),
            ("app.py", [(has_tabs, usable), (has_dots(bundle), drawn)]),
        ):
            with serve(script=script) as server:
                async with new_visit(here.browser) as visit:
                    await visit.page.goto(
                        f"{server.url}/?model={bundle.card.name}", wait_until="commit"
                    )
                    for condition, times in steps:
                        then = await visit.page.evaluate(f"probe.when(() => {condition})")
                        times.append(then - server.started)
    print_row("new process → tabs of an empty page", empty, "s")
    print_row("new process → tabs", usable, "s", at_most=2.0)
    print_row(f"new process → {dots(bundle)}", drawn, "s", at_most=3.0)


async def measure_models(here: Setting) -> None:
    """Measure from choosing a new model on the map to its first live frame and the settled page."""
    live = "probe.painter !== probe.former"
    for there in here.bundles[1:]:
        name = there.card.name
        settled = f"{live} && probe.isIdle() && {has_dots(there)}"
        times: dict[str, list[float]] = {live: [], settled: []}
        received = 0
        for condition, values in times.items():
            for _ in range(here.options.repetitions):
                async with new_visit(here.browser) as visit:
                    await visit.open(here.server, here.flat, "Map")
                    await visit.page.evaluate("probe.former = probe.painter")
                    received = -visit.received_bytes
                    button = visit.page.locator(f".st-key-model-{name} button")
                    values.append(await visit.timed(button.click, condition))
                    received += visit.received_bytes
        print_row(f"change to {name} → first live frame", times[live], "ms", at_most=400)
        print_row(f"change to {name} → settled", times[settled], "ms")
        print_row(f"change to {name}: received", [received / 1e6], "MB")


async def measure_views(here: Setting) -> None:
    """Measure from pressing a tab or an option to the settled page."""
    for bundle in (here.flat, here.deep):
        await measure_views_of(bundle, here)


async def measure_views_of(bundle: Bundle, here: Setting) -> None:
    """Measure all tabs of one bundle except Compare, and some options."""
    grid = "probe.hasTiles('.grid canvas', {0}, {0} ** 2)"
    steps: list[tuple[Literal["tab", "radio"], str, str]] = [
        ("tab", "Manifold", grid.format(GRID)),
        ("tab", "Sliders", f"probe.hasTiles('.strip', {STRIP}, {STRIP})"),
        ("tab", "Interpolate", f"probe.part('.scrubber') && {has_dots(bundle)}"),
        ("tab", "Reconstruct", "document.querySelector('input[type=file]')"),
        ("tab", "Model", "document.querySelector('.st-key-figures')"),
        ("tab", "Map", has_dots(bundle)),
    ]
    if bundle.card.model.latent_dim > 2:
        steps += [
            ("radio", kind, has_dots(bundle)) for kind in ("Principal plane", "Neighbourhoods")
        ]
    times: dict[str, list[float]] = defaultdict(list)
    async with new_visit(here.browser) as visit:
        await visit.open(here.server, bundle, "Map")
        for _ in range(here.options.repetitions):
            for role, name, new in steps:
                button = visit.page.get_by_role(role, name=name).first
                took = await visit.timed(button.click, f"probe.isIdle() && {new}")
                what = f"tab {name}" if role == "tab" else f"map {name}"
                times[what].append(took)
        await visit.open(here.server, bundle, "Manifold")
        size = visit.page.get_by_role("slider", name="Tiles a side")
        for n in range(here.options.repetitions):
            key, tiles = ("ArrowLeft", GRID) if n % 2 else ("ArrowRight", GRID + 1)
            condition = f"probe.isIdle() && {grid.format(tiles)}"
            times["tiles a side"].append(await visit.timed(partial(size.press, key), condition))
    for what, values in times.items():
        print_row(f"{bundle.card.name}, {what}", values, "ms", at_most=300)


async def measure_drags(here: Setting) -> None:
    """Measure pictures while the pointer moves over the map and drags the first slider's thumb."""
    for bundle in here.bundles:
        async with new_visit(here.browser) as visit:
            await visit.open(here.server, bundle, "Map")
            corners = await places_on(visit.page, ".plot", MAP_CORNERS)
            await print_drags(visit, f"{bundle.card.name}, map", corners, here.options.seconds)
        async with new_visit(here.browser) as visit:
            await visit.open(here.server, bundle, "Sliders")
            places = await places_on(visit.page, ".range", ((0.5, 0.5), (0.9, 0.5), (0.1, 0.5)))
            await visit.page.mouse.move(*places[0])
            await visit.page.mouse.down()
            await print_drags(visit, f"{bundle.card.name}, slider", places, here.options.seconds)


async def measure_served(here: Setting) -> None:
    """Measure pictures while the pointer moves over the map of a model too slow for a browser."""
    colour = (bundle for bundle in here.bundles if bundle.card.data.image_shape == (32, 32, 3))
    if (bundle := next(colour, None)) is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        heavy = heavy_bundle(bundle, Path(folder))
        alone = on_server(heavy.decoder)
        with serve(Path(folder)) as server:
            async with new_visit(here.browser) as visit:
                await visit.open(server, heavy, "Map")
                corners = await places_on(visit.page, ".plot", MAP_CORNERS)
                latencies, pictures = await visit.drag(corners, here.options.seconds)
    what = "840 million multiply-adds"
    print_row(f"{what}: one latent in onnxruntime", [alone], "ms")
    print_row(f"{what}, by the server: pointer → picture", latencies, "ms", at_most=alone + 17)
    print_row(f"{what}: pictures a second", [pictures], "", at_least=min(60, 1000 / alone))


async def measure_maps(here: Setting) -> None:
    """Measure pan, zoom, lasso and live pictures on maps of many dots, also with a slower page."""
    for count in CROWDS:
        with serve_bytes(crowded_payload(here.flat, count)) as address:
            async with new_visit(here.browser) as visit:
                await measure_map(here, visit, count, address)


async def measure_map(here: Setting, visit: Visit, count: int, address: str) -> None:
    """Measure one map, which the page gets from another address."""
    page, what = visit.page, f"map of {count:,} dots"
    frames_to_reach, list_to_reach = CROWDS[count]
    # It leads past the next route
    await page.route("**/opened*", lambda route: route.fulfill(status=204))
    await page.route("**/model/*", lambda route: route.continue_(url=address))
    await page.route("**/images/*", lambda route: route.fulfill(body=here.flat.content))
    opened = time.monotonic()
    await visit.open(here.server, here.flat, "Map", dots=count)
    print_row(f"{what}: page → drawn, still for a second", [time.monotonic() - opened], "s")
    corners = await places_on(page, ".plot", MAP_CORNERS)
    for rate in (1, SLOWER):
        await visit.throttle(rate)
        share = "" if rate == 1 else f" at 1/{rate}"
        target: float | None = frames_to_reach if rate == 1 else None
        await page.mouse.move(*corners[0])
        await page.mouse.down()
        pan = await visit.frames(corners, here.options.seconds)
        await page.mouse.up()
        print_row(f"{what}, pan: frames a second{share}", [pan], "", at_least=target)
        turns = await visit.frames(corners[:1], here.options.seconds, wheel=True)
        print_row(f"{what}, zoom: frames a second{share}", [turns], "", at_least=target)
        await page.mouse.dblclick(*corners[0])
        _, pictures = await visit.drag(corners, here.options.seconds)
        target = 55 if rate == 1 and count <= 300_000 else None
        print_row(f"{what}: live pictures a second{share}", [pictures], "", at_least=target)
        took = await lasso(visit, corners)
        target = list_to_reach if rate == 1 else None
        print_row(f"{what}, lasso release → list{share}", [took], "s", at_most=target)


async def lasso(visit: Visit, corners: Sequence[Place]) -> float:
    """Return the seconds from the release of a lasso until its images are listed."""
    page = visit.page
    await page.get_by_role("button", name="Drag draws a lasso").click()
    await page.mouse.move(*corners[0])
    await page.mouse.down()
    for corner in corners[1:]:
        await page.mouse.move(*corner, steps=20)
    listed = "probe.part('.groups .A .members canvas')"
    took = await visit.timed(page.mouse.up, listed)
    await page.get_by_role("button", name="Clear both groups").click()
    await page.get_by_role("button", name="Drag moves the map").click()
    return took / 1000


async def places_on(page: Page, selector: str, shares: Sequence[Place]) -> list[Place]:
    """Return places on the first matching element, given as shares of its width and height."""
    box = await page.locator(selector).first.bounding_box()
    assert box is not None
    return [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in shares]


async def print_drags(visit: Visit, what: str, corners: list[Place], seconds: float) -> None:
    """Drag at each speed of the page and print the figures."""
    sent = visit.sent
    for rate, pictures_to_reach in THROTTLES.items():
        await visit.throttle(rate)
        latencies, pictures = await visit.drag(corners, seconds)
        if rate == 1:
            print_row(f"{what}: pointer → picture", latencies, "ms", p95_at_most=20)
        share = "" if rate == 1 else f" at 1/{rate}"
        print_row(f"{what}: pictures a second{share}", [pictures], "", at_least=pictures_to_reach)
    await visit.throttle(1)
    print_row(f"{what}: messages to the server", [visit.sent - sent], "", at_most=0)


async def measure_drawing(here: Setting) -> None:
    """Measure from each move of a pen, always over blank paper, to the reconstruction."""
    zigzag = [(0.1 + 0.8 * (n % 2), 0.05 + 0.06 * n) for n in range(16)]
    for bundle in here.bundles:
        async with new_visit(here.browser) as visit:
            await visit.open(here.server, bundle, "Reconstruct")
            await visit.page.get_by_text("Drawing", exact=True).click()
            await visit.page.evaluate(
                "probe.when(() => probe.isIdle() && probe.part('.draw .picture'))"
            )
            places = await places_on(visit.page, ".paper", zigzag)
            await visit.page.mouse.move(*places[0])
            await visit.page.mouse.down()
            await asyncio.sleep(1)
            sent, what = visit.sent, f"{bundle.card.name}, drawing"
            latencies, pictures = await visit.drag(places, here.options.seconds)
            print_row(f"{what}: pen → reconstruction", latencies, "ms")
            print_row(f"{what}: reconstructions a second", [pictures], "", at_least=30)
            print_row(f"{what}: messages to the server", [visit.sent - sent], "", at_most=0)


async def measure_refining(here: Setting) -> None:
    """Measure from choosing Refined to a test image's refined latent and the encoder's loss."""
    for bundle in here.bundles:
        async with new_visit(here.browser) as visit:
            await visit.open(here.server, bundle, "Reconstruct&from=Drawing")
            times = []
            for _ in range(here.options.repetitions):
                await visit.page.get_by_role("radio", name="As encoded").click()
                start = visit.page.get_by_role("button", name="A test image")
                await visit.timed(start.click, "probe.isIdle() && probe.part('.draw .terms')")
                refined = visit.page.get_by_role("radio", name="Refined")
                found = "probe.part('.refine p')?.textContent.startsWith('Lost')"
                times.append(await visit.timed(refined.click, found))
            print_row(f"{bundle.card.name}: Refined → refined place", times, "ms")


async def measure_compare(here: Setting) -> None:
    """Measure pictures by both models while the pointer moves between dots of the first map."""
    pairs = [
        (one, other)
        for one, other in itertools.pairwise(sorted(here.bundles, key=lambda b: b.card.data.name))
        if one.card.data.test_sha256 == other.card.data.test_sha256
    ]
    for one, other in pairs:
        async with new_visit(here.browser) as visit:
            await visit.open(here.server, one, f"Compare&with={other.card.name}")
            await visit.page.evaluate(f"probe.when(() => {has_dots(one)})")
            await visit.page.locator(".plot").first.scroll_into_view_if_needed()
            corners = await places_on(visit.page, ".plot", MAP_CORNERS)
            sent, what = visit.sent, f"{one.card.name} beside {other.card.name}"
            _, pictures = await visit.drag(corners, here.options.seconds)
            print_row(f"{what}: pictures a second by each", [pictures / 2], "", at_least=20)
            print_row(f"{what}: messages to the server", [visit.sent - sent], "", at_most=0)


async def measure_uploads(here: Setting) -> None:
    """Measure from an upload to its reconstruction, and from the zoom slider to a picture."""
    uploads, presses, server = [], [], here.server
    seen = "document.querySelector('img[alt=\"The image as the model sees it\"]')"
    changed = f"{seen}?.complete && {seen}.src !== probe.former"
    async with new_visit(here.browser) as visit:
        await visit.open(server, here.flat, "Reconstruct")
        server.forget_peak()
        before = server.memory("VmRSS")
        files = visit.page.locator("input[type=file]")
        for n in range(here.options.repetitions):
            photo = FilePayload(name=f"{n}.jpg", mimeType="image/jpeg", buffer=jpeg_photo(seed=n))
            await visit.page.evaluate(f"probe.former = {seen}?.src")
            choose = partial(files.set_input_files, photo)
            uploads.append(await visit.timed(choose, f"probe.isIdle() && {changed}") / 1000)
        peak = server.memory("VmHWM") - before
        zoom = visit.page.get_by_role("slider", name="Zoom")
        for n in range(2 * here.options.repetitions):
            await visit.page.evaluate(f"probe.former = {seen}.src")
            key = "ArrowLeft" if n % 2 else "ArrowRight"
            presses.append(await visit.timed(partial(zoom.press, key), changed))
    print_row("12-megapixel JPEG → reconstruction", uploads, "s", at_most=2)
    print_row("memory for it on the server, at most", [peak], "MB", at_most=300)
    print_row("key on a server-side slider → picture", presses, "ms", at_most=60, p95_at_most=100)


def jpeg_photo(*, seed: int) -> bytes:
    """Return a picture of soft shapes and grain, 4,000 × 3,000 pixels."""
    generator = np.random.default_rng(seed)
    shapes = Image.fromarray(generator.integers(0, 255, (12, 16, 3), np.uint8))
    photo = np.asarray(shapes.resize((4000, 3000), Image.Resampling.BICUBIC))
    grain = generator.integers(0, 16, photo.shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(photo // 16 * 15 + grain).save(file, "JPEG", quality=90)
    return file.getvalue()


async def measure_ten_pages(here: Setting) -> None:
    """Measure the server's processor time while ten pages drag at once."""
    seconds = here.options.seconds
    async with contextlib.AsyncExitStack() as stack:
        visits = [await stack.enter_async_context(new_visit(here.browser)) for _ in range(PAGES)]
        for visit in visits:
            await visit.open(here.server, here.flat, "Map")
        for visit in visits:
            await visit.page.evaluate("probe.forget(); void probe.wander(Infinity)")
        used = here.server.cpu_seconds()
        await asyncio.sleep(seconds)
        used = here.server.cpu_seconds() - used
        pictures = [await visit.page.evaluate("probe.pictures") for visit in visits]
    what = f"{PAGES} pages drag for {seconds:g} s"
    print_row(f"{what}: the server's CPU", [used], "s", at_most=0.02 * seconds)
    print_row(f"{what}: pictures in each", pictures, "")


async def measure_memory(here: Setting) -> None:
    """Measure the growth of a page's JavaScript heap over many frames."""
    unlimited = launch_options("--disable-frame-rate-limit", "--disable-gpu-vsync")
    browser = await here.playwright.chromium.launch(**unlimited)
    held = []
    async with new_visit(browser) as visit:
        await visit.open(here.server, here.flat, "Map")
        for count in (500, here.options.frames):
            await visit.page.evaluate(f"probe.wander({count})")
            await asyncio.sleep(1)
            held.append(await held_bytes(visit.page))
    await browser.close()
    growth = (held[1] - held[0]) / 1024
    print_row(f"growth of the heap in {here.options.frames:,} frames", [growth], "kB", at_most=100)


async def held_bytes(page: Page) -> float:
    """Return the bytes that the page's JavaScript holds after a collection, buffers included."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return float(usage["usedSize"] + usage.get("backingStorageSize", 0))


def dots(bundle: Bundle) -> str:
    """Return the label of its map, with the number of dots."""
    return f"map of {bundle.card.data.test_images:,} dots"


MEASURES: dict[str, Callable[[Setting], Awaitable[None]]] = {
    "starts": measure_starts,
    "models": measure_models,
    "views": measure_views,
    "drags": measure_drags,
    "served": measure_served,
    "maps": measure_maps,
    "drawing": measure_drawing,
    "refining": measure_refining,
    "compare": measure_compare,
    "uploads": measure_uploads,
    "pages": measure_ten_pages,
    "memory": measure_memory,
}


if __name__ == "__main__":
    main()
