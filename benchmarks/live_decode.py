"""How fast the browser decodes: headless Chromium, no GPU.

    python -m benchmarks.live_decode                        all bundles of pretrained/
    python -m benchmarks.live_decode pretrained/mnist-8d    one of them

Milliseconds:

- ready: building the decoder from its file
- decode: one latent a frame, as under a moving pointer; median and 95th percentile
- plain: the same without WebAssembly, and how many times as long it takes in a loop
- grid: 400 latents, as for a grid of 20×20, without a pause
- encode: one image, for the distance ‖E(D(z)) − z‖; median
- garbage: growth of heap and buffers over 10,000 decodes, for each decode
- kept: what remains of it after a collection
"""

from __future__ import annotations

import argparse
import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from playwright.sync_api import Page, Route, sync_playwright

from benchmarks._server import BUNDLES
from benchmarks._table import percentile
from benchmarks.browser import launch_options
from explorer.bundle.store import Bundle, find_bundles, load_bundle

STATIC = Path(__file__).parents[1] / "static"

ISOLATED = {  # with these headers the page's clock ticks every 5 µs, else every 100
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}

PREPARE = """
async () => {
  const { Network } = await import("/live/network/network.js");
  const load = async (name, options) => {
    const bytes = new Uint8Array(await (await fetch(name)).arrayBuffer());
    const started = performance.now();
    const network = new Network(bytes, options);
    return [network, performance.now() - started];
  };
  const [decoder, ready] = await load("/decoder");
  const [plain] = await load("/decoder", { plain: true });
  const [encoder] = await load("/encoder");
  const empty = ({ shape }) => new Float32Array(shape.reduce((a, b) => a * b, 1));

  const [z] = decoder.inputs.map(empty);
  const images = encoder.inputs.map(empty);
  const places = Float32Array.from({ length: 100 * z.length }, () => 4 * Math.random() - 2);
  let at = 0;
  const move = () => {
    for (let i = 0; i < z.length; i++) z[i] = places[at++];
    at %= places.length;
  };
  const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const timed = (work) => {
    const started = performance.now();
    work();
    return performance.now() - started;
  };

  window.perFrame = async (frames) => {
    const times = { decode: [], encode: [], plain: [] };
    for (let i = 0; i < frames; i++) {
      await nextFrame();
      move();
      times.decode.push(timed(() => decoder.run(z)));
      times.plain.push(timed(() => plain.run(z)));
      times.encode.push(timed(() => encoder.run(...images)));
    }
    return times;
  };
  window.decodeMany = (count, network = decoder) => timed(() => {
    for (let i = 0; i < count; i++) {
      move();
      network.run(z);
    }
  });
  window.ratio = (count) => decodeMany(count, plain) / decodeMany(count);
  return { ready, multiplyAdds: decoder.multiplyAdds };
}
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="*", type=Path, help="folders of bundles")
    paths = parser.parse_args().bundles or find_bundles(BUNDLES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        print(
            f"{'model':18}{'multiply-adds':>14}{'ready':>8}{'decode':>8}{'p95':>7}{'plain':>8}"
            f"{'ratio':>7}{'grid':>7}{'encode':>8}{'garbage':>11}{'kept':>10}"
        )
        for path in paths:
            page = browser.new_page()
            figures = measure(page, load_bundle(path))
            page.close()
            print(
                f"{path.name:18}{figures['multiply_adds']:14,}{figures['ready']:8.1f}"
                f"{figures['decode']:8.2f}{figures['p95']:7.2f}{figures['plain']:8.2f}"
                f"{figures['ratio']:7.1f}{figures['grid']:7.0f}{figures['encode']:8.2f}"
                f"{figures['garbage']:9.1f} B{figures['kept'] / 1024:7.1f} kB",
                flush=True,
            )
        browser.close()


def measure(page: Page, bundle: Bundle) -> dict[str, float]:
    """The figures of one model; see the top of this file."""
    files = {
        "/": b"<!doctype html><title>benchmark</title>",
        "/decoder": bundle.decoder,
        "/encoder": bundle.encoder,
    }

    def serve(route: Route) -> None:
        path = urlparse(route.request.url).path
        kind = mimetypes.guess_type(path)[0] or "text/html"
        body = files[path] if path in files else (STATIC / path[1:]).read_bytes()
        route.fulfill(body=body, content_type=kind, headers=ISOLATED)

    page.route("**/*", serve)
    page.goto("http://localhost/")
    prepared = page.evaluate(PREPARE)
    page.evaluate("decodeMany(200)")  # compiles it
    times = page.evaluate("perFrame(200)")
    grid = min(page.evaluate("decodeMany(400)") for _ in range(3))

    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    before = memory(session)
    page.evaluate("decodeMany(10000)")
    garbage = memory(session) - before
    session.send("HeapProfiler.collectGarbage")
    kept = memory(session) - before
    return {
        "multiply_adds": prepared["multiplyAdds"],
        "ready": prepared["ready"],
        "decode": percentile(times["decode"], 50),
        "p95": percentile(times["decode"], 95),
        "plain": percentile(times["plain"], 50),
        "ratio": percentile([page.evaluate("ratio(100)") for _ in range(5)], 50),
        "encode": percentile(times["encode"], 50),
        "grid": grid,
        "garbage": garbage / 10000,
        "kept": kept,
    }


def memory(session: Any) -> float:
    """Bytes that the page's JavaScript holds, buffers included."""
    usage = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"] + usage.get("backingStorageSize", 0))


if __name__ == "__main__":
    main()
