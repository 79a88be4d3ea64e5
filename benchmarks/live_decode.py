"""How fast the browser decodes: headless Chromium, no GPU.

    python -m benchmarks.live_decode                        the built-in recipes
    python -m benchmarks.live_decode pretrained/mnist-8d    a bundle

A recipe is measured at 28×28 grey with random weights, whose ReLUs leave half of
the units at zero; trained networks leave fewer and are faster. Milliseconds:

- ready: building the network from its bytes, checksum included
- decode: one latent a frame, as under a moving pointer; median and 95th percentile
- grid: 400 latents, as for a grid of 20×20, without a pause
- encode: one image, for the distance ‖E(D(z)) − z‖; median
- garbage: growth of heap and buffers over 10,000 decodes, for each decode
- kept: what remains of it after a collection
"""

from __future__ import annotations

import argparse
import mimetypes
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from playwright.sync_api import Page, Route, sync_playwright

from benchmarks._table import percentile
from benchmarks.browser import launch_options
from explorer.app.program import decoder_program, encoder_program

STATIC = Path(__file__).parents[1] / "static"
MEASURED = ((None, 2), (None, 8), ("tutorial", 2))
"""Recipes, None for the one that is best for the latent dimension, and latent dimensions."""

ISOLATED = {  # with these headers the page's clock ticks every 5 µs, else every 100
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}

PREPARE = """
async () => {
  const { Network } = await import("/live/decoder.js");
  const get = async (path) => (await fetch(path)).arrayBuffer();
  const load = async (name) => {
    const program = new TextDecoder().decode(await get(`/${name}.json`));
    const weights = await get(`/${name}.bin`);
    const started = performance.now();
    const network = new Network(program, weights);
    return [network, performance.now() - started];
  };
  const [decoder, ready] = await load("decoder");
  const [encoder] = await load("encoder");

  const z = new Float32Array(decoder.inputShape[0]);
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
    const decode = [];
    const encode = [];
    for (let i = 0; i < frames; i++) {
      await nextFrame();
      move();
      decode.push(timed(() => decoder.run(z)));
      encode.push(timed(() => encoder.run(decoder.run(z))) - decode.at(-1));
    }
    return { decode, encode };
  };
  window.decodeMany = (count) => timed(() => {
    for (let i = 0; i < count; i++) {
      move();
      decoder.run(z);
    }
  });
  return { ready, multiplyAdds: decoder.multiplyAdds };
}
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="*", type=Path, help="folders of bundles")
    models = given_bundles(parser.parse_args().bundles) or built_in_recipes()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        print(
            f"{'model':22}{'multiply-adds':>14}{'ready':>8}{'decode':>8}{'p95':>7}"
            f"{'grid':>8}{'encode':>8}{'garbage':>11}{'kept':>10}"
        )
        for name, model_keras in models:
            page = browser.new_page()
            figures = measure(page, model_keras)
            page.close()
            print(
                f"{name:22}{figures['multiply_adds']:14,}{figures['ready']:8.1f}"
                f"{figures['decode']:8.2f}{figures['p95']:7.2f}{figures['grid']:8.0f}"
                f"{figures['encode']:8.2f}{figures['garbage']:9.1f} B"
                f"{figures['kept'] / 1024:7.1f} kB",
                flush=True,
            )
        browser.close()


def given_bundles(paths: list[Path]) -> list[tuple[str, bytes]]:
    """Name and ``model.keras`` of each bundle."""
    return [(path.name, (path / "model.keras").read_bytes()) for path in paths]


def built_in_recipes() -> Iterator[tuple[str, bytes]]:
    """Name and ``model.keras`` of each recipe, not trained."""
    from explorer.recipes.find import find_recipe
    from explorer.training.export import save_keras
    from explorer.training.loop import round_to_half
    from explorer.training.vae import VAE

    for wanted, latent_dim in MEASURED:
        name, recipe = find_recipe(wanted, latent_dim)
        vae = VAE(recipe, (28, 28, 1), latent_dim)
        round_to_half(vae)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            save_keras(vae, path)
            yield f"{name} {latent_dim}-D", path.read_bytes()


def measure(page: Page, model_keras: bytes) -> dict[str, float]:
    """The figures of one model; see the top of this file."""
    files = {"/": b"<!doctype html><title>benchmark</title>"}
    for name, program in (("decoder", decoder_program), ("encoder", encoder_program)):
        text, weights = program(model_keras)
        files |= {f"/{name}.json": text.encode(), f"/{name}.bin": weights}

    def serve(route: Route) -> None:
        path = urlparse(route.request.url).path
        kind = mimetypes.guess_type(path)[0] or "text/html"
        body = files[path] if path in files else (STATIC / path[1:]).read_bytes()
        route.fulfill(body=body, content_type=kind, headers=ISOLATED)

    page.route("**/*", serve)
    page.goto("http://localhost/")
    prepared = page.evaluate(PREPARE)
    page.evaluate("decodeMany(200)")  # compiles it
    times = page.evaluate("perFrame(300)")
    grid = min(page.evaluate("decodeMany(400)") for _ in range(3))

    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    before = memory(session)
    page.evaluate("decodeMany(10000)")
    garbage = memory(session) - before
    session.send("HeapProfiler.collectGarbage")
    return {
        "multiply_adds": prepared["multiplyAdds"],
        "ready": prepared["ready"],
        "decode": percentile(times["decode"], 50),
        "p95": percentile(times["decode"], 95),
        "encode": percentile(times["encode"], 50),
        "grid": grid,
        "garbage": garbage / 10000,
        "kept": memory(session) - before,
    }


def memory(session: Any) -> float:
    """Bytes that the page's JavaScript holds, buffers included."""
    usage = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"] + usage.get("backingStorageSize", 0))


if __name__ == "__main__":
    main()
