"""How fast the app is: a real server, a real page in headless Chromium, no GPU.

    python -m benchmarks.app                          a 2-D and an 8-D bundle of pretrained/
    LATENT_BUNDLES=folder python -m benchmarks.app    of another folder

The page itself (``probe.js``) counts from an input event to the end of the frame with the
picture, or to the moment from which the page is settled: no script runs on the server, and
all that is new has been drawn. Starts count from that of the server's process, and the
browser's cache is empty. Pointers move 125 times a second. Needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image
from playwright.async_api import Browser, Page, Playwright, async_playwright

from benchmarks._table import print_head, print_row
from benchmarks._visit import BUNDLES, Place, Server, Visit, has_dots, new_visit, serve
from benchmarks.browser import launch_options
from explorer.app.program import decoder_program, encoder_program
from explorer.bundle.store import Bundle, find_bundles, load_bundle, read_card
from explorer.core.geometry import grid_points, plane_coordinates_grid
from explorer.drawing.raster import to_pixels

GRID = 20
"""Tiles a side of the manifold, as the app shows it at first."""
CELLS = 40
"""Cells of that grid for which Keras is asked one by one; the time is scaled up."""
PAGES = 10


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--starts", type=int, default=5, metavar="N", help="new processes (default 5)")
    add("--repetitions", type=int, default=15, metavar="N", help="of each press (default 15)")
    add("--seconds", type=float, default=5.0, metavar="S", help="of each drag (default 5)")
    add("--frames", type=int, default=10_000, metavar="N", help="for memory (default 10,000)")
    options = parser.parse_args()
    flat, deep = bundle_of(2), bundle_of(8)
    print(f"2-D: {flat.card.name}, 8-D: {deep.card.name}\n")
    print_head()
    asyncio.run(measure_pages(flat, deep, options))
    measure_grid(flat, options.repetitions)


async def measure_pages(flat: Bundle, deep: Bundle, options: argparse.Namespace) -> None:
    """All that a browser is needed for."""
    repetitions, seconds = options.repetitions, options.seconds
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        await measure_starts(browser, flat, options.starts)
        with serve() as server:
            await measure_models(browser, server, flat, deep, repetitions)
            await measure_views(browser, server, flat, repetitions)
            await measure_map_drag(browser, server, flat, seconds)
            await measure_map_drag(browser, server, deep, seconds)
            await measure_slider_drag(browser, server, deep, seconds)
            await measure_uploads(browser, server, flat, repetitions)
            await measure_ten_pages(browser, server, flat, seconds)
            await browser.close()
            await measure_memory(playwright, server, flat, options.frames)


def bundle_of(latent_dim: int) -> Bundle:
    """The first bundle with so many latent dimensions."""
    for path in find_bundles(BUNDLES):
        if read_card(path).model.latent_dim == latent_dim:
            return load_bundle(path)
    raise SystemExit(f"there is no {latent_dim}-D bundle in {BUNDLES.name}; train.py makes one")


async def measure_starts(browser: Browser, bundle: Bundle, starts: int) -> None:
    """New process → first usable page → map drawn."""
    usable, drawn = [], []
    for _ in range(starts):
        with serve() as server:
            async with new_visit(browser) as visit:
                await visit.page.goto(
                    f"{server.url}/?model={bundle.card.name}", wait_until="commit"
                )
                for condition, times in (
                    ("document.querySelector('[role=tab]')", usable),
                    (has_dots(bundle), drawn),
                ):
                    then = await visit.page.evaluate(f"probe.when(() => {condition})")
                    times.append(then - server.started)
    print_row("new process → tabs", usable, "s", at_most=3.0)
    print_row(f"new process → {dots(bundle)}", drawn, "s", at_most=4.5)


async def measure_models(
    browser: Browser, server: Server, here: Bundle, there: Bundle, repetitions: int
) -> None:
    """Another model, new to the page, chosen on the map → first live frame; → page settled."""
    live = "probe.painter !== probe.former"
    settled = f"{live} && probe.isIdle() && {has_dots(there)}"
    times: dict[str, list[float]] = {live: [], settled: []}
    for condition, values in times.items():
        for _ in range(repetitions):
            async with new_visit(browser) as visit:
                await visit.open(server, here, "Map")
                await visit.page.evaluate("probe.former = probe.painter")
                received = visit.received_bytes
                radio = visit.page.get_by_text(there.card.title, exact=True)
                values.append(await visit.timed(radio.click, condition))
                received = visit.received_bytes - received
    weights = sum(len(make(there.model_keras)[1]) for make in (decoder_program, encoder_program))
    print_row("model change → first live frame", times[live], "ms", at_most=500)
    print_row(f"model change → {dots(there)}, settled", times[settled], "ms")
    print_row("weights of decoder and encoder", [weights / 1e6], "MB", at_most=4)
    print_row("all that a model change sends", [received / 1e6], "MB")


async def measure_views(browser: Browser, server: Server, bundle: Bundle, repetitions: int) -> None:
    """A tab or an option pressed → page settled."""
    grid, drawn = "probe.hasTiles('.grid canvas', {0}, {0} ** 2)", has_dots(bundle)
    picture = "document.querySelector('.js-plotly-plot .imagelayer image')"
    presses = (
        ("tab: Map → Manifold", "tab", "Manifold", grid.format(GRID)),
        ("tab: Manifold → Sliders", "tab", "Sliders", "probe.hasTiles('.strip', 11, 11)"),
        (f"tab: Sliders → Map, {dots(bundle)}", "tab", "Map", drawn),
        ("option: decoded background behind the map", "radio", "Manifold", picture),
        ("option: no background", "radio", "None", f"!{picture}"),
    )
    times = defaultdict(list)
    async with new_visit(browser) as visit:
        await visit.open(server, bundle, "Map")
        for _ in range(repetitions):
            for what, role, name, new in presses:
                button = visit.page.get_by_role(role, name=name).first
                times[what].append(await visit.timed(button.click, f"probe.isIdle() && {new}"))
        await visit.open(server, bundle, "Manifold")
        size = visit.page.get_by_role("slider", name="Tiles a side")
        for n in range(repetitions):
            key, tiles = ("ArrowLeft", GRID) if n % 2 else ("ArrowRight", GRID + 1)
            condition = f"probe.isIdle() && {grid.format(tiles)}"
            took = await visit.timed(partial(size.press, key), condition)
            times["option: tiles a side of the manifold"].append(took)
    for what, values in times.items():
        print_row(what, values, "ms", at_most=300)


async def measure_map_drag(
    browser: Browser, server: Server, bundle: Bundle, seconds: float
) -> None:
    """The pointer moves over the map."""
    async with new_visit(browser) as visit:
        await visit.open(server, bundle, "Map")
        box = await visit.page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
        corners = [
            (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
            for x, y in ((0.2, 0.3), (0.8, 0.4), (0.6, 0.8), (0.3, 0.6))
        ]
        await print_drag(visit, f"map, {bundle.card.model.latent_dim}-D", corners, seconds)


async def measure_slider_drag(
    browser: Browser, server: Server, bundle: Bundle, seconds: float
) -> None:
    """The first slider's thumb is dragged."""
    async with new_visit(browser) as visit:
        await visit.open(server, bundle, "Sliders")
        box = await visit.page.locator(".range").first.bounding_box()
        middle = box["y"] + box["height"] / 2
        places = [(box["x"] + box["width"] * share, middle) for share in (0.5, 0.9, 0.1)]
        await visit.page.mouse.move(*places[0])
        await visit.page.mouse.down()
        await print_drag(visit, f"slider, {bundle.card.model.latent_dim}-D", places, seconds)


async def print_drag(visit: Visit, what: str, corners: list[Place], seconds: float) -> None:
    """Drag and print the figures."""
    sent = visit.sent
    latencies, pictures = await visit.drag(corners, seconds)
    print_row(f"{what}: pointer → picture", latencies, "ms", p95_at_most=20)
    print_row(f"{what}: pictures a second", [pictures], "", at_least=58)
    print_row(f"{what}: messages to the server meanwhile", [visit.sent - sent], "", at_most=0)


async def measure_uploads(
    browser: Browser, server: Server, bundle: Bundle, repetitions: int
) -> None:
    """A photo uploaded → reconstructed; the zoom slider pressed → other picture."""
    uploads, presses = [], []
    seen = "document.querySelector('img[alt=\"The image as the model sees it\"]')"
    changed = f"{seen}?.complete && {seen}.src !== probe.former"
    async with new_visit(browser) as visit:
        await visit.open(server, bundle, "Reconstruct")
        server.forget_peak()
        before = server.memory("VmRSS")
        files = visit.page.locator("input[type=file]")
        for n in range(repetitions):
            photo = {"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": jpeg_photo(seed=n)}
            await visit.page.evaluate(f"probe.former = {seen}?.src")
            choose = partial(files.set_input_files, photo)
            uploads.append(await visit.timed(choose, f"probe.isIdle() && {changed}") / 1000)
        peak = server.memory("VmHWM") - before
        zoom = visit.page.get_by_role("slider", name="Zoom")
        for n in range(2 * repetitions):
            await visit.page.evaluate(f"probe.former = {seen}.src")
            key = "ArrowLeft" if n % 2 else "ArrowRight"
            presses.append(await visit.timed(partial(zoom.press, key), changed))
    print_row("12-megapixel JPEG → reconstruction", uploads, "s", at_most=2)
    print_row("memory for it on the server, at most", [peak], "MB", at_most=300)
    print_row("key on a server-side slider → picture", presses, "ms", at_most=60, p95_at_most=100)


def jpeg_photo(*, seed: int) -> bytes:
    """A picture of soft shapes and grain, 4,000 × 3,000."""
    generator = np.random.default_rng(seed)
    shapes = Image.fromarray(generator.integers(0, 255, (12, 16, 3), np.uint8))
    photo = np.asarray(shapes.resize((4000, 3000), Image.Resampling.BICUBIC))
    grain = generator.integers(0, 16, photo.shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(photo // 16 * 15 + grain).save(file, "JPEG", quality=90)
    return file.getvalue()


async def measure_ten_pages(
    browser: Browser, server: Server, bundle: Bundle, seconds: float
) -> None:
    """Ten pages drag at once → the server's processor time."""
    async with contextlib.AsyncExitStack() as stack:
        visits = [await stack.enter_async_context(new_visit(browser)) for _ in range(PAGES)]
        for visit in visits:
            await visit.open(server, bundle, "Map")
        for visit in visits:
            await visit.page.evaluate("probe.forget(); void probe.wander(Infinity)")
        used = server.cpu_seconds()
        await asyncio.sleep(seconds)
        used = server.cpu_seconds() - used
        pictures = [await visit.page.evaluate("probe.pictures") for visit in visits]
    what = f"{PAGES} pages drag for {seconds:g} s"
    print_row(f"{what}: the server's CPU", [used], "s", at_most=0.02 * seconds)
    print_row(f"{what}: pictures in each", pictures, "")


async def measure_memory(
    playwright: Playwright, server: Server, bundle: Bundle, frames: int
) -> None:
    """What a page's JavaScript holds after many frames, more than before."""
    unlimited = launch_options("--disable-frame-rate-limit", "--disable-gpu-vsync")
    browser = await playwright.chromium.launch(**unlimited)
    held = []
    async with new_visit(browser) as visit:
        await visit.open(server, bundle, "Map")
        for count in (500, frames):
            await visit.page.evaluate(f"probe.wander({count})")
            await asyncio.sleep(1)
            held.append(await held_bytes(visit.page))
    await browser.close()
    growth = (held[1] - held[0]) / 1024
    print_row(f"growth of the heap in {frames:,} frames", [growth], "kB", at_most=100)


async def held_bytes(page: Page) -> float:
    """Bytes that the page's JavaScript holds after a collection, buffers included."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return usage["usedSize"] + usage.get("backingStorageSize", 0)


def measure_grid(bundle: Bundle, repetitions: int) -> None:
    """A decoded grid on the server, against one Keras ``predict`` for each cell."""
    z = grid_points(*plane_coordinates_grid(GRID, spacing="normal", extent=2.5))
    at_once = []
    for _ in range(repetitions):
        started = time.perf_counter()
        to_pixels(bundle.codec.decode(z))
        at_once.append(1000 * (time.perf_counter() - started))
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        cells = other.submit(predict_cells, bundle.model_keras, z[:CELLS]).result()
    one_by_one = [1000 * len(z) * seconds for seconds in cells]
    print_row(f"grid of {GRID} × {GRID} on the server", at_once, "ms")
    print_row(f"one Keras predict a cell, {CELLS} of {len(z)} scaled up", one_by_one, "ms")
    ratio = float(np.median(one_by_one) / np.median(at_once))
    print_row("ratio", [ratio], "times", at_least=100)


def predict_cells(model_keras: bytes, z: np.ndarray) -> list[float]:
    """Seconds that Keras takes for each latent alone, once it is warm."""
    import keras

    import explorer.training.vae  # noqa: F401  # registers the model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(model_keras)
        decoder = keras.saving.load_model(path, compile=False).decoder
    seconds = []
    for one in (z[:1], *np.split(z, len(z))):
        started = time.perf_counter()
        decoder.predict(one, verbose=0)
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


def dots(bundle: Bundle) -> str:
    """How many dots its map has."""
    return f"map of {bundle.card.data.test_images:,} dots"


if __name__ == "__main__":
    main()
