"""Measure how fast the browser decodes: headless Chromium, no GPU.

    python -m benchmarks.live_decode                        bundles of pretrained/, DCGANs
    python -m benchmarks.live_decode pretrained/mnist-8d    one bundle

Pictures a second: one for each frame of the screen, so 60 at most. Milliseconds:

- ready: building the decoder from its file
- decode: one latent a frame, as under a moving pointer; median and 95th percentile
- plain: the same without WebAssembly, and how many times as long it takes in a loop
- grid: 400 latents, as for a grid of 20×20, without a pause
- encode: one image, for the distance ‖E(D(z)) − z‖; median
- onnx: one latent in onnxruntime, as the server decodes what a browser cannot
- garbage: bytes by which heap and buffers grow for each of 10,000 decodes (fewer if heavy)
- kept: what remains of this growth after a collection
"""

from __future__ import annotations

import argparse
import mimetypes
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import onnxruntime
from playwright.sync_api import Page, Route, sync_playwright

from benchmarks._decoders import dcgan
from benchmarks._server import BUNDLES
from benchmarks._table import percentile
from benchmarks.browser import launch_options
from explorer.bundle.store import find_bundles, load_bundle

STATIC = Path(__file__).parents[1] / "static"
DCGANS = {"dcgan-7M": (32, 32, 32, 32), "dcgan-32M": (160, 128, 96, 32)}
"""Channels at 4, 8, 16 and 32 pixels of decoders for 64 × 64 colour images."""
AT_LEAST = {"dcgan-7M": 55, "dcgan-32M": 25}
"""Least number of pictures a second."""

ISOLATED = {  # with these headers the page's clock ticks every 5 µs, without every 100 µs
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
  const encoder = (await load("/encoder").catch(() => []))[0] ?? { inputs: [], run() {} };
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
  window.perSecond = async (seconds) => {
    const started = performance.now();
    let [count, passed] = [0, 0];
    while (passed < seconds) {
      await nextFrame();
      move();
      decoder.run(z);
      count += 1;
      passed = (performance.now() - started) / 1000;
    }
    return count / passed;
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
    chosen = parser.parse_args().bundles
    bundles = [load_bundle(path) for path in chosen or find_bundles(BUNDLES)]
    networks = {bundle.card.name: (bundle.decoder, bundle.encoder) for bundle in bundles}
    if not chosen:
        networks |= {name: (dcgan(widths), b"") for name, widths in DCGANS.items()}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        print(
            f"{'model':18}{'multiply-adds':>14}{'a second':>9}{'ready':>8}{'decode':>8}{'p95':>7}"
            f"{'plain':>8}{'ratio':>7}{'grid':>7}{'encode':>8}{'onnx':>7}{'garbage':>11}{'kept':>10}"
        )
        for name, (decoder, encoder) in networks.items():
            page = browser.new_page()
            figures = measure(page, decoder, encoder)
            page.close()
            goal = f"  (≥ {AT_LEAST[name]} a second)" if name in AT_LEAST else ""
            print(
                f"{name:18}{figures['multiply_adds']:14,}{figures['per_second']:9.1f}"
                f"{figures['ready']:8.1f}{figures['decode']:8.2f}{figures['p95']:7.2f}"
                f"{figures['plain']:8.2f}{figures['ratio']:7.1f}{figures['grid']:7.0f}"
                f"{figures['encode']:8.2f}{figures['onnx']:7.2f}"
                f"{figures['garbage']:9.1f} B{figures['kept'] / 1024:7.1f} kB{goal}",
                flush=True,
            )
        browser.close()


def on_server(decoder: bytes) -> float:
    """Return the milliseconds that onnxruntime takes for one latent, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(decoder, options)
    (port,) = session.get_inputs()
    z = np.zeros((1, port.shape[1]), np.float32)
    times = []
    for _ in range(50):
        started = time.perf_counter()
        session.run(None, {port.name: z})
        times.append(1000 * (time.perf_counter() - started))
    return percentile(times, 50)


def measure(page: Page, decoder: bytes, encoder: bytes) -> dict[str, float]:
    """Return the figures of one model; see the top of this file."""
    files = {
        "/": b"<!doctype html><title>benchmark</title>",
        "/decoder": decoder,
        "/encoder": encoder,
    }

    def serve(route: Route) -> None:
        path = urlparse(route.request.url).path
        kind = mimetypes.guess_type(path)[0] or "text/html"
        body = files[path] if path in files else (STATIC / path[1:]).read_bytes()
        route.fulfill(body=body, content_type=kind, headers=ISOLATED)

    page.route("**/*", serve)
    page.goto("http://localhost/")
    prepared = page.evaluate(PREPARE)
    multiply_adds = prepared["multiplyAdds"]
    share = min(1.0, 1e6 / multiply_adds)  # of repetitions, so that a heavy model takes no longer
    page.evaluate("decodeMany(200)")  # compiles the code
    times = page.evaluate("frames => perFrame(frames)", round(200 * share))
    per_second = page.evaluate("perSecond(4)")
    grid = min(page.evaluate("decodeMany(400)") for _ in range(3))

    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    before = memory(session)
    decodes = round(10_000 * share)
    page.evaluate("count => decodeMany(count)", decodes)
    garbage = memory(session) - before
    session.send("HeapProfiler.collectGarbage")
    kept = memory(session) - before
    return {
        "multiply_adds": multiply_adds,
        "per_second": per_second,
        "ready": prepared["ready"],
        "onnx": on_server(decoder),
        "decode": percentile(times["decode"], 50),
        "p95": percentile(times["decode"], 95),
        "plain": percentile(times["plain"], 50),
        "ratio": percentile(
            [page.evaluate("n => ratio(n)", round(100 * share)) for _ in range(5)], 50
        ),
        "encode": percentile(times["encode"], 50),
        "grid": grid,
        "garbage": garbage / decodes,
        "kept": kept,
    }


def memory(session: Any) -> float:
    """Return the bytes that the page's JavaScript holds, buffers included."""
    usage = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"] + usage.get("backingStorageSize", 0))


if __name__ == "__main__":
    main()
