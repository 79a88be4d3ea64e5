"""The browser's decoder and encoder compute what onnxruntime computes, in a real Chromium."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.app import cache
from explorer.bundle.codec import Codec, onnx_codec
from explorer.bundle.store import find_bundles, load_bundle
from explorer.recipes.find import RECIPES
from explorer.recipes.recipe import LAYERS, Recipe, RecipeError, recipe_from_json
from explorer.training import export
from explorer.training.vae import VAE
from explorer.web.payload import encode_model as payload_of

ROOT = Path(__file__).parents[1]


class Site:
    """Serves ``static/`` and arrays to a browser, and takes arrays back from it."""

    def __init__(self, browser: Any) -> None:
        self.files: dict[str, bytes] = {"/": b"<!doctype html><title>test</title>"}
        files = self.files

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(ROOT / "static"))

            def do_GET(self) -> None:
                if self.path in files:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(files[self.path])
                else:
                    super().do_GET()

            def do_PUT(self) -> None:
                files[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._page = browser.new_page()
        self._page.goto(f"http://127.0.0.1:{self._server.server_port}/")

    def run(self, script: str) -> Any:
        """Evaluate ``async () => {script}`` on the page."""
        return self._page.evaluate(f"async () => {{{PRELUDE}{script}}}")

    def close(self) -> None:
        """Close the page and stop the server."""
        self._page.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def site(chromium: Any) -> Iterator[Site]:
    """Open a page of Chromium with a server of ``static/``."""
    site = Site(chromium)
    yield site
    site.close()


PRELUDE = """
const { Decoder, Encoder } = await import("/live/shared/codec.js");
const { Engine, URGENCY } = await import("/live/shared/engine.js");
const { Model } = await import("/live/shared/model.js");
const get = async (path) => (await fetch(path)).arrayBuffer();
const put = (path, body) => fetch(path, { method: "PUT", body });
const each = (codec, inputs, size) => {
  const outputs = [];
  for (let at = 0; at < inputs.length; at += size) {
    outputs.push(...codec.run(inputs.subarray(at, at + size)));
  }
  return Float32Array.from(outputs);
};
"""

# Decodes the latents and encodes the images that the test has provided.
CODE = """
const bytes = { decoder: await get("/decoder"), encoder: await get("/encoder") };
const header = JSON.parse(new TextDecoder().decode(await get("/header")));
const model = { header, section: (name) => new Uint8Array(bytes[name]) };
const z = new Float32Array(await get("/z"));
await put("/decoded", each(new Decoder(model), z, header.latentDim));
const images = new Float32Array(await get("/images"));
const size = header.imageShape.reduce((a, b) => a * b, 1);
await put("/encoded", each(new Encoder(model), images, size));
"""


def dense(units: int, activation: str = "relu", **arguments: Any) -> dict[str, Any]:
    return {"layer": "Dense", "units": units, "activation": activation, **arguments}


def conv(filters: int, kernel_size: Any = 3, **arguments: Any) -> dict[str, Any]:
    return {"layer": "Conv2D", "filters": filters, "kernel_size": kernel_size, **arguments}


def layer(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"layer": kind, **arguments}


def transpose(filters: int, kernel_size: Any, strides: Any, padding: str) -> dict[str, Any]:
    return layer(
        "Conv2DTranspose", filters=filters, kernel_size=kernel_size, strides=strides,
        padding=padding,
    )  # fmt: skip


# Together these hold every layer and kind of padding that a recipe can name.
CASES: dict[str, dict[str, Any]] = {
    "activations": {
        "image_shape": (6, 5, 1),
        "latent_dim": 3,
        "encoder": [
            layer("Flatten"), dense(20, "elu"), dense(20, "selu"),
            dense(20, "silu"), dense(20, "swish"), dense(20, "softplus", use_bias=False),
        ],
        "decoder": [
            dense(20, "relu6"), dense(20, "leaky_relu"), dense(20, "linear"), layer("LeakyReLU"),
            dense(20, "tanh"), dense(20, "softsign"), dense(20, "sigmoid"),
            layer("Activation", activation="exponential"),
        ],
        "head": layer("Dense"),
    },
    "residual and normalised": {
        "image_shape": (4, 6, 3),
        "latent_dim": 5,
        "encoder": [
            conv(7, padding="same"), layer("LayerNormalization"),
            layer("Residual", layers=[layer("BatchNormalization", scale=False), dense(7)]),
            layer("Flatten"),
        ],
        "decoder": [
            dense(12), layer("BatchNormalization", epsilon=0.01), dense(12),
            layer("Dropout", rate=0.5),
            layer("Residual", layers=[
                dense(9), layer("LayerNormalization", center=False), dense(12),
                layer("Residual", layers=[dense(12, "silu")]), layer("GaussianNoise", stddev=1.0),
            ]),
            layer("Residual", layers=[dense(12)]), layer("LayerNormalization", scale=False),
        ],
        "head": layer("Dense"),
        "likelihood": "gaussian",
    },
    "transposed convolutions": {
        "image_shape": (43, 36, 3),
        "latent_dim": 2,
        "encoder": [
            conv(5, [5, 3], strides=[2, 1], padding="same"), layer("Activation", activation="tanh"),
            layer("MaxPooling2D", pool_size=3, strides=2, padding="same"),
            layer("AveragePooling2D", pool_size=[3, 2], strides=[2, 1], padding="same"),
        ],
        "decoder": [
            dense(4 * 2 * 4), layer("Reshape", target_shape=[4, -1, 4]),
            transpose(5, [4, 3], [1, 2], "same"), layer("BatchNormalization"),
            transpose(6, 3, 2, "valid"), layer("LeakyReLU", negative_slope=0.1),
            transpose(3, [5, 2], [2, 2], "valid"), transpose(4, [5, 3], [2, 2], "valid"),
        ],
        "head": layer("Conv2D", kernel_size=[3, 2]),
        "likelihood": "discretised-logistic",
    },
    "grid and a dense head": {
        "image_shape": (8, 12, 1),
        "latent_dim": 3,
        "encoder": [conv(4, 3, strides=2)],
        "decoder": [
            layer("Grid", downscale=4, filters=5, activation="tanh"), transpose(3, 3, 2, "same"),
        ],
        "head": layer("Dense"),
        "likelihood": "continuous-bernoulli",
    },
    "upsampling": {
        "image_shape": (12, 16, 1),
        "latent_dim": 4,
        "encoder": [
            layer("MaxPooling2D"), conv(4, 3, strides=2), layer("AveragePooling2D", pool_size=2),
            layer("Flatten"), layer("Reshape", target_shape=[-1]),
        ],
        "decoder": [
            dense(2 * 2 * 3), layer("Reshape", target_shape=[2, 2, 3]),
            layer("UpSampling2D", size=[3, 2], interpolation="bilinear"),
            conv(5, 3, padding="same"), layer("Activation", activation="elu"),
            layer("UpSampling2D", size=[2, 4]),
        ],
        "head": layer("Conv2D", kernel_size=3, padding="same"),
        "likelihood": "gaussian",
        "sigma": 0.1,
    },
}  # fmt: skip


def make_vae(recipe: Any, image_shape: Any, latent_dim: int) -> VAE:
    """Return an untrained model with pictures of full contrast, in half precision."""
    vae = VAE(recipe, image_shape, latent_dim)
    rng = np.random.default_rng(0)
    parts = [part for part in (vae.encoder, vae.flow, vae.decoder) if part is not None]
    for weight in (weight for part in parts for weight in part.weights):
        fan_in = max(1, int(np.prod(weight.shape[:-1])))
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name.endswith("kernel"):
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
        else:
            weight.assign(rng.normal(0, 0.3, weight.shape))
    export.round_to_half(vae)
    return vae


def latents(latent_dim: int, count: int = 1000) -> np.ndarray:
    """Return latents, half from the prior, half from far around it."""
    rng = np.random.default_rng(1)
    prior = rng.normal(size=(count // 2, latent_dim))
    return np.concatenate([prior, rng.uniform(-5, 5, prior.shape)]).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_every_layer_computes_what_onnxruntime_computes(name: str, site: Site) -> None:
    fields = dict(CASES[name])
    image_shape, latent_dim = fields.pop("image_shape"), fields.pop("latent_dim")
    vae = make_vae(recipe_from_json(fields), image_shape, latent_dim)
    check_vae(vae, site)


def test_every_layer_has_a_case() -> None:
    said = json.dumps(CASES)
    assert {name for name in LAYERS if f'"{name}"' not in said} == set()


def networks(recipe: Recipe) -> str:
    """Return the parts of a recipe that determine what its networks compute."""
    return recipe.model_dump_json(
        include={"encoder", "flow", "context", "decoder", "head", "likelihood", "sigma"}
    )


@pytest.mark.parametrize(
    "name", {networks(recipe): name for name, recipe in RECIPES.items()}.values()
)
def test_built_in_recipes_compute_what_onnxruntime_computes(name: str, site: Site) -> None:
    channels = 3 if "colour" in RECIPES[name].summary else 1
    try:
        vae = make_vae(RECIPES[name], (16, 16, channels), latent_dim=4)
    except RecipeError:  # its decoder makes images of a fixed size
        side = 28 if channels == 1 else 32
        vae = make_vae(RECIPES[name], (side, side, channels), latent_dim=4)
    check_vae(vae, site)


def check_vae(vae: VAE, site: Site, count: int = 20) -> None:
    """Check the graphs that a bundle of this model would have."""
    graphs = export.export_graphs(vae)
    encoder, decoder = graphs["encoder.onnx"], graphs["decoder.onnx"]
    codec = onnx_codec(encoder, decoder, vae.recipe.likelihood, has_flow=vae.recipe.has_flow)
    header = {
        "imageShape": vae.image_shape,
        "latentDim": vae.latent_dim,
        "likelihood": vae.recipe.likelihood,
    }
    check(encoder, decoder, header, codec, latents(vae.latent_dim, count), site)


def check(
    encoder: bytes, decoder: bytes, header: dict[str, Any], codec: Codec, z: np.ndarray, site: Site
) -> None:
    """Check that the browser's images and places equal the codec's, far within 1/255."""
    images = codec.decode(z)
    assert images.std() > 0.05, "pictures without contrast would prove nothing"
    site.files |= {
        "/encoder": encoder,
        "/decoder": decoder,
        "/header": json.dumps(header).encode(),
        "/z": z.astype("<f4").tobytes(),
        "/images": images.astype("<f4").tobytes(),
    }
    site.run(CODE)
    decoded = np.frombuffer(site.files["/decoded"], "<f4").reshape(images.shape)
    np.testing.assert_allclose(decoded, images, rtol=0, atol=1e-4)
    encoded = np.frombuffer(site.files["/encoded"], "<f4").reshape(z.shape)
    np.testing.assert_allclose(encoded, codec.encode(images)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("path", find_bundles(ROOT / "pretrained"), ids=lambda path: path.name)
def test_shipped_bundles_compute_what_onnxruntime_computes(path: Path, site: Site) -> None:
    """From the payload that the server sends to the pixels from the page's worker."""
    bundle = load_bundle(path)
    z = latents(bundle.card.model.latent_dim)
    site.files |= {"/payload": payload_of(bundle), "/z": z.astype("<f4").tobytes()}
    told = site.run(
        """
        const engine = new Engine();
        const model = new Model(new Uint8Array(await get("/payload")));
        const summary = await new Promise((use) => engine.open(model, use));
        const latents = new Float32Array(await get("/z"));
        const { content } = model;
        const ask = (request) => new Promise((use) => {
          engine.line(URGENCY.tiles).ask({ content, ...request }, use);
        });
        const { pixels, shares } = await ask({ kind: "tiles", latents, shares: true });
        await put("/pixels", pixels);
        await put("/shares", shares);
        const readings = [];
        for (let i = 0; i < 20; i++) {
          const z = latents.slice(i * model.header.latentDim, (i + 1) * model.header.latentDim);
          const { row, distance, back } = await ask({ kind: "reading", z, shownRow: -1 });
          readings.push([row, distance, back]);
        }
        return { ...summary, readings };
        """
    )
    assert told["problem"] is None
    assert told["warning"] is None
    images = bundle.codec.decode(z)
    pixels = np.frombuffer(site.files["/pixels"], np.uint8).reshape(*images.shape[:3], 4)
    np.testing.assert_allclose(
        pixels[..., :3], np.broadcast_to(255 * images, (*pixels.shape[:3], 3)), atol=0.51
    )
    assert (pixels[..., 3] == 255).all()

    shares = np.frombuffer(site.files["/shares"], "<f4")
    np.testing.assert_allclose(shares, cache.percentiles(bundle, z), atol=0.1)  # the scale's step
    back = np.linalg.norm(bundle.codec.encode(images[:20])[0] - z[:20], axis=1)
    rows, distances, returned = np.array(told["readings"], float).T
    np.testing.assert_allclose(returned, back, rtol=1e-3, atol=1e-3)
    nearest = np.linalg.norm(bundle.latents.z_mean - z[:20, np.newaxis], axis=-1)
    np.testing.assert_allclose(distances, nearest.min(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(nearest[np.arange(20), rows.astype(int)], nearest.min(axis=1))


def with_flow(*activations: Any, context: int = 0, units: int = 9) -> dict[str, Any]:
    """Return a small recipe whose flow has a step for each activation."""
    return {
        "encoder": [layer("Flatten"), dense(16)],
        "flow": [
            layer("InverseAutoregressive", units=units, activation=activation)
            for activation in activations
        ],
        "context": context,
        "decoder": [dense(8)],
        "head": layer("Dense"),
    }


@pytest.mark.parametrize(
    ("latent_dim", "context", "activations"),
    [
        (1, 0, ["elu"]),
        (1, 5, ["relu", "tanh", None]),
        (8, 0, ["relu", "tanh", None]),
        (8, 5, ["elu"]),
    ],
    ids=str,
)
def test_a_flow_brings_images_to_the_place_that_onnxruntime_computes(
    latent_dim: int, context: int, activations: list[Any], site: Site
) -> None:
    recipe = recipe_from_json(with_flow(*activations, context=context))
    vae = make_vae(recipe, (4, 5, 3), latent_dim)
    images = np.random.default_rng(0).random((200, 4, 5, 3), np.float32)
    place = export.keras_codec(vae).encode(images)[0]
    before = vae.encoder.predict_on_batch(images)[0]
    assert np.abs(place - before).mean() > 0.1, "a flow that moves nothing would prove nothing"
    check_vae(vae, site)


@pytest.mark.parametrize(
    "spec",
    [dense(8, "mish"), conv(4, dilation_rate=2, padding="same"), conv(4, groups=1, padding="same")],
)
def test_layers_that_are_less_common_run(spec: dict[str, Any], site: Site) -> None:
    decoder = [dense(4 * 4 * 2), layer("Reshape", target_shape=[4, 4, 2]), spec]
    recipe = {"encoder": [layer("Flatten")], "decoder": decoder, "head": layer("Dense")}
    check_vae(make_vae(recipe_from_json(recipe), (6, 5, 1), 3), site)


def test_a_conditional_model_decodes_and_encodes_the_class_that_is_chosen(
    site: Site, conditional_bundle: Path
) -> None:
    bundle = load_bundle(conditional_bundle)
    z = latents(3, 20)
    site.files |= {"/payload": payload_of(bundle), "/z": z.astype("<f4").tobytes()}
    told = site.run(
        """
        const engine = new Engine();
        const model = new Model(new Uint8Array(await get("/payload")));
        const { warning } = await new Promise((use) => engine.open(model, use));
        const { content } = model;
        const ask = (request) => new Promise((use) => {
          engine.line(URGENCY.tiles).ask({ content, ...request }, use);
        });
        const latents = new Float32Array(await get("/z"));
        const readings = [];
        for (const label of [0, 1, 2]) {
          engine.labels.set(content, label);
          const { pixels } = await ask({ kind: "tiles", latents, shares: false });
          await put(`/pixels${label}`, pixels);
          const z = latents.slice(0, 3);
          const { back } = await ask({ kind: "reading", z, shownRow: -1 });
          readings.push(back);
        }
        const labels = Array.from({ length: 20 }, (_, i) => i % 3);
        const { pixels } = await ask({ kind: "tiles", latents, labels, shares: false });
        await put("/own", pixels);
        return { warning, readings };
        """
    )
    assert told["warning"] is None

    def pixels(name: str) -> np.ndarray:
        return np.frombuffer(site.files[name], np.uint8).reshape(20, 12, 12, 4)[..., :1]

    pictures = []
    for label, back in enumerate(told["readings"]):
        codec = replace(bundle, label=label).codec
        pictures.append(codec.decode(z))
        np.testing.assert_allclose(pixels(f"/pixels{label}"), 255 * pictures[-1], atol=0.51)
        place, _ = codec.encode(pictures[-1][:1])
        assert back == pytest.approx(np.linalg.norm(place - z[:1]), abs=1e-3)
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.1  # otherwise the test would prove nothing
    own = np.stack([pictures[row % 3][row] for row in range(20)])
    np.testing.assert_allclose(pixels("/own"), 255 * own, atol=0.51)
