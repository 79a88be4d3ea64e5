"""The browser's decoder and encoder compute what Keras and onnxruntime compute."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from explorer.app import program as live
from explorer.bundle.codec import Codec, onnx_codec
from explorer.bundle.store import find_bundles, load_bundle
from explorer.recipes.find import RECIPES
from explorer.recipes.recipe import recipe_from_json
from explorer.training import export
from explorer.training.loop import round_to_half
from explorer.training.vae import VAE, build_posterior

ROOT = Path(__file__).parents[1]


class Site:
    """Serves ``static/`` and arrays to a browser, and takes arrays back from it."""

    def __init__(self, browser: Any) -> None:
        self.files: dict[str, bytes] = {}
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
        self.page = browser.new_page()
        self.files["/"] = b"<!doctype html><title>test</title>"
        self.page.goto(f"http://127.0.0.1:{self._server.server_port}/")

    def run(self, script: str, **values: Any) -> Any:
        """Evaluate ``async ({…values}) => {script}`` in the page."""
        return self.page.evaluate(f"async ({{{', '.join(values)}}}) => {{{script}}}", values)

    def close(self) -> None:
        """Close the page and stop the server."""
        self.page.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def site(chromium: Any) -> Iterator[Site]:
    """A page of Chromium with ``static/`` behind it."""
    site = Site(chromium)
    yield site
    site.close()


# What every script below starts with: the modules, and one network's program and weights.
PRELUDE = """
const { Network } = await import("/live/decoder.js");
const { Runner } = await import("/live/runner.js");
const { Painter } = await import("/live/paint.js");
const get = async (path) => (await fetch(path)).arrayBuffer();
const program = new TextDecoder().decode(await get("/program"));
const weights = new Uint8Array(await get("/weights"));
const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);
const until = async (isTrue) => {
  for (let i = 0; i < 1000 && !isTrue(); i++) await new Promise((next) => setTimeout(next, 5));
};
"""


def run_in_browser(site: Site, program: tuple[str, bytes], inputs: np.ndarray) -> np.ndarray:
    """What ``Network`` makes of each input, ``(n, …)``."""
    serve(site, program)
    site.files["/inputs"] = inputs.astype("<f4").tobytes()
    site.run(
        PRELUDE
        + """
        const network = new Network(program, weights);
        const inputs = new Float32Array(await get("/inputs"));
        const count = inputs.length / sizeOf(network.inputShape);
        const outputs = new Float32Array(count * sizeOf(network.outputShape));
        network.run(inputs, outputs);
        await fetch("/outputs", { method: "PUT", body: outputs });
        """
    )
    return np.frombuffer(site.files["/outputs"], "<f4").reshape(len(inputs), -1)


def serve(site: Site, program: tuple[str, bytes]) -> None:
    """Put a program and its weights where the prelude finds them."""
    site.files["/program"], site.files["/weights"] = program[0].encode(), program[1]


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


# Together these hold every layer, activation and kind of padding that a recipe can name.
CASES: dict[str, dict[str, Any]] = {
    "activations": {
        "image_shape": (6, 5, 1),
        "latent_dim": 3,
        "encoder": [
            layer("Flatten"), dense(20, "elu"), dense(20, "selu"), dense(20, "gelu"),
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
            transpose(3, [5, 1], [2, 2], "valid"), transpose(4, [5, 3], [2, 2], "valid"),
        ],
        "head": layer("Conv2D", kernel_size=[3, 2]),
    },
    "grid and a dense head": {
        "image_shape": (8, 12, 1),
        "latent_dim": 3,
        "encoder": [conv(4, 3, strides=2)],
        "decoder": [
            layer("Grid", downscale=4, filters=5, activation="tanh"), transpose(3, 3, 2, "same"),
        ],
        "head": layer("Dense"),
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
    """A model that is not trained but has pictures of full contrast, in half precision."""
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
    round_to_half(vae)
    return vae


def keras_bytes(vae: VAE, folder: Path) -> bytes:
    export.save_keras(vae, folder / "model.keras")
    return (folder / "model.keras").read_bytes()


def latents(latent_dim: int, count: int = 1000) -> np.ndarray:
    """Half from the prior, half from far around it."""
    rng = np.random.default_rng(1)
    prior = rng.normal(size=(count // 2, latent_dim))
    return np.concatenate([prior, rng.uniform(-5, 5, prior.shape)]).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_every_layer_computes_what_keras_computes(name: str, site: Site, tmp_path: Path) -> None:
    fields = dict(CASES[name])
    image_shape, latent_dim = fields.pop("image_shape"), fields.pop("latent_dim")
    vae = make_vae(recipe_from_json(fields), image_shape, latent_dim)
    check(export.keras_codec(vae), keras_bytes(vae, tmp_path), latents(latent_dim), site)


@pytest.mark.parametrize("name", RECIPES)
def test_built_in_recipes_compute_what_onnxruntime_computes(
    name: str, site: Site, tmp_path: Path
) -> None:
    image_shape = (32, 32, 3) if "colour" in RECIPES[name].summary else (28, 28, 1)
    vae = make_vae(RECIPES[name], image_shape, latent_dim=4)
    graphs = export.export_graphs(vae)
    codec = onnx_codec(graphs["encoder.onnx"], graphs["decoder.onnx"], vae.recipe)
    check(codec, keras_bytes(vae, tmp_path), latents(latent_dim=4), site)


@pytest.mark.parametrize("path", find_bundles(ROOT / "pretrained"), ids=lambda path: path.name)
def test_shipped_bundles_compute_what_onnxruntime_computes(path: Path, site: Site) -> None:
    bundle = load_bundle(path)
    z = latents(bundle.card.model.latent_dim)
    check(bundle.codec, (path / "model.keras").read_bytes(), z, site)


def check(codec: Codec, model_keras: bytes, z: np.ndarray, site: Site) -> None:
    """The browser's images and places are the codec's, far within a grey level of 1/255."""
    images = codec.decode(z)
    assert images.std() > 0.1, "pictures without contrast would prove nothing"
    decoded = run_in_browser(site, live.decoder_program(model_keras), z)
    np.testing.assert_allclose(decoded.reshape(images.shape), images, rtol=0, atol=1e-4)

    encoded = run_in_browser(site, live.encoder_program(model_keras), images)
    places = codec.encode(images)[0]
    np.testing.assert_allclose(encoded[:, : z.shape[1]], places, rtol=1e-4, atol=1e-4)


def with_flow(*activations: Any, context: int = 0, units: int = 9) -> dict[str, Any]:
    """A small recipe whose flow has a step for each activation."""
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


@pytest.mark.parametrize("activations", [["elu"], ["relu", "tanh", None]], ids=["one", "three"])
@pytest.mark.parametrize("context", [0, 5])
@pytest.mark.parametrize("latent_dim", [1, 2, 8])
def test_a_flow_brings_images_to_the_place_that_keras_computes(
    latent_dim: int, context: int, activations: list[Any], site: Site, tmp_path: Path
) -> None:
    recipe = recipe_from_json(with_flow(*activations, context=context))
    vae = make_vae(recipe, (4, 5, 3), latent_dim)
    images = np.random.default_rng(0).random((200, 4, 5, 3), np.float32)
    no_noise = np.zeros((200, latent_dim), np.float32)
    place, _ = build_posterior(vae).predict_on_batch([images, no_noise])
    before = vae.encoder.predict_on_batch(images)[0]
    assert np.abs(place - before).mean() > 0.1, "a flow that moves nothing would prove nothing"

    encoded = run_in_browser(site, live.encoder_program(keras_bytes(vae, tmp_path)), images)
    assert encoded.shape == (200, latent_dim + context)
    np.testing.assert_allclose(encoded[:, :latent_dim], place, rtol=1e-4, atol=1e-4)


def test_the_multiply_adds_of_a_flow_are_those_counted_by_hand(site: Site, tmp_path: Path) -> None:
    recipe = recipe_from_json({**with_flow("elu", context=1, units=4), "encoder": []})
    serve(site, live.encoder_program(keras_bytes(make_vae(recipe, (2, 3, 1), 2), tmp_path)))
    heads, step = 6 * (2 + 1), (2 + 1) * 4 + 4 * (2 * 2) + 2 * 2
    count = site.run(PRELUDE + "return new Network(program, weights).multiplyAdds;")
    assert count == heads + step


def test_an_activation_in_a_flow_that_the_browser_cannot_run_is_named(tmp_path: Path) -> None:
    vae = make_vae(recipe_from_json(with_flow("elu", "mish")), (4, 5, 1), 2)
    with pytest.raises(live.LiveError, match="cannot run the activation 'mish'"):
        live.encoder_program(keras_bytes(vae, tmp_path))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """``model.keras`` of a small model, 3-D, with images of 4×5."""
    recipe = {
        "encoder": [layer("Flatten"), dense(8)],
        "decoder": [dense(8)],
        "head": layer("Dense"),
    }
    vae = make_vae(recipe_from_json(recipe), (4, 5, 1), 3)
    return keras_bytes(vae, tmp_path_factory.mktemp("small"))


def test_reading_a_model_needs_neither_tensorflow_nor_keras() -> None:
    code = "import sys, explorer.live; print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def flip_a_bit(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda program, weights: (program, weights[:-2]), "weights arrived incomplete"),
        (lambda program, weights: (program, b""), "weights arrived incomplete"),
        (lambda program, weights: (program, flip_a_bit(weights)), "weights arrived damaged"),
        (lambda program, weights: (program[:-9], weights), "program arrived incomplete"),
        (lambda program, weights: ("{}", weights), "programs of format 1"),
        (lambda program, weights: (program.replace("Dense", "Lambda"), weights), "type Lambda"),
        (lambda program, weights: (program.replace("relu", "mish"), weights), "activation mish"),
        (lambda program, weights: (program.replace("[3,8]", "[4,6]"), weights), "cannot follow"),
        (lambda program, weights: (program.replace("[4,5,1]", "[4,4,1]"), weights), "cannot take"),
    ],
)
def test_damage_is_told_in_a_sentence(damage: Any, sentence: str, small: bytes, site: Site) -> None:
    serve(site, damage(*live.decoder_program(small)))
    message = site.run(
        PRELUDE
        + """
        try {
          new Runner(program, weights, () => {});
        } catch (error) {
          return error.message;
        }
        """
    )
    assert sentence in message


RUNNER = (
    PRELUDE
    + """
const results = [];
const runner = new Runner(program, weights, (image, z) => {
  results.push({ z: [...z], image: [...image] });
}, light);
if (light === 0) await until(() => runner.inWorker);
"""
)


@pytest.mark.parametrize("light", [0, 1e9], ids=["worker", "page"])
def test_the_latest_request_wins(light: float, small: bytes, site: Site) -> None:
    serve(site, live.decoder_program(small))
    results, in_worker, expected = site.run(
        RUNNER
        + """
        for (let i = 0; i <= 50; i++) runner.request([i, -1, 1]);
        await until(() => results.at(-1)?.z[0] === 50);
        runner.request([0, 0, 1, 0, 1, 0]);
        await until(() => results.at(-1)?.z.length === 6);
        const network = new Network(program, weights);
        const images = new Float32Array(40);
        network.run(Float32Array.of(0, 0, 1, 0, 1, 0), images);
        const last = [...network.run(Float32Array.of(50, -1, 1))];
        return [results, runner.inWorker, [last, [...images]]];
        """,
        light=light,
    )
    assert in_worker == (light == 0)
    assert len(results) <= 3, "a queue built up"
    assert [result["image"] for result in results[-2:]] == expected
    assert [result["z"][0] for result in results[:-1]] == sorted(
        result["z"][0] for result in results[:-1]
    )


@pytest.mark.parametrize("light", [0, 1e9], ids=["worker", "page"])
def test_no_result_comes_after_close(light: float, small: bytes, site: Site) -> None:
    serve(site, live.decoder_program(small))
    results = site.run(
        RUNNER
        + """
        runner.request([1, 2, 3]);
        runner.close();
        runner.request([1, 2, 3]);
        await new Promise((next) => setTimeout(next, 100));
        return results;
        """,
        light=light,
    )
    assert results == []


def test_a_network_that_proves_slow_moves_to_a_worker(small: bytes, site: Site) -> None:
    serve(site, live.decoder_program(small))
    before, after, results = site.run(
        RUNNER
        + """
        const before = runner.inWorker;
        const real = performance.now;
        let time = 0;
        performance.now = () => (time += 20);
        for (let i = 1; i <= 5; i++) {
          runner.request([i, 0, 0]);
          await until(() => results.length === i);
        }
        performance.now = real;
        await until(() => runner.inWorker);
        runner.request([6, 0, 0]);
        await until(() => results.length === 6);
        return [before, runner.inWorker, results.map((result) => result.z[0])];
        """,
        light=1e9,
    )
    assert (before, after) == (False, True)
    assert results == [1, 2, 3, 4, 5, 6]


def test_a_page_that_may_not_start_workers_runs_the_network_itself(
    small: bytes, site: Site
) -> None:
    serve(site, live.decoder_program(small))
    in_worker, count = site.run(
        PRELUDE
        + """
        const real = window.Worker;
        window.Worker = class { constructor() { throw new Error("SecurityError"); } };
        let count = 0;
        const runner = new Runner(program, weights, () => count++, 0);
        window.Worker = real;
        runner.request([1, 2, 3]);
        await until(() => count === 1);
        return [runner.inWorker, count];
        """
    )
    assert (in_worker, count) == (False, 1)


def test_an_input_of_the_wrong_length_is_refused(small: bytes, site: Site) -> None:
    serve(site, live.decoder_program(small))
    messages = site.run(
        RUNNER
        + """
        const network = new Network(program, weights);
        const messages = [];
        for (const use of [
          () => runner.request([1, 2]),
          () => network.run(new Float32Array(4)),
          () => network.run(new Float32Array(6)),
        ]) {
          try { use(); } catch (error) { messages.push(error.message); }
        }
        return messages;
        """,
        light=1e9,
    )
    assert messages[0] == "An input has 3 numbers; got 2."
    assert messages[1:] == [
        f"An input has 3 numbers and its output 20; got {count} and 20." for count in (4, 6)
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_painted_pixel_for_pixel(channels: int, small: bytes, site: Site) -> None:
    serve(site, live.decoder_program(small))
    images = np.random.default_rng(0).uniform(0, 1, (2, 2, 3, channels)).astype(np.float32)
    painted = site.run(
        PRELUDE
        + """
        const canvas = document.createElement("canvas");
        const painter = new Painter(canvas, [2, 3, channels], 1, 2);
        images.forEach((image, tile) => painter.paint(Float32Array.from(image), tile));
        return [...canvas.getContext("2d").getImageData(0, 0, 3, 4).data];
        """,
        channels=channels,
        images=images.reshape(2, -1).tolist(),
    )
    pixels = np.array(painted).reshape(2, 2, 3, 4)
    expected = np.broadcast_to(np.rint(255 * images), (2, 2, 3, 3))
    np.testing.assert_array_equal(pixels[..., :3], expected)
    assert (pixels[..., 3] == 255).all()


def with_decoder(model_keras: bytes, *layers: dict[str, Any]) -> bytes:
    """The model with another decoder in its configuration."""

    def change(config: bytes) -> bytes:
        values = json.loads(config)
        values["config"]["recipe"]["decoder"] = layers
        return json.dumps(values).encode()

    return with_file(model_keras, "config.json", change)


def with_file(model_keras: bytes, name: str, change: Any) -> bytes:
    """The model with one file of the archive changed."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model_keras)) as old, zipfile.ZipFile(changed, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry == name else data)
    return changed.getvalue()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (dense(8, "mish"), "cannot run the activation 'mish'"),
        (conv(8, dilation_rate=2), "cannot run Conv2D with dilation_rate=2"),
        (conv(8, groups=4), "cannot run Conv2D with groups=4"),
        (layer("BatchNormalization", axis=1), "cannot run BatchNormalization with axis=1"),
        (layer("MaxPooling2D", padding="SAME"), "cannot run MaxPooling2D with padding='SAME'"),
        (
            layer("UpSampling2D", interpolation="bicubic"),
            "cannot run UpSampling2D with interpolation='bicubic'",
        ),
        (conv(8), "model.keras holds no weight decoder/layers/conv2d/vars/0"),
    ],
)
def test_a_layer_that_the_browser_cannot_run_is_named(
    spec: dict[str, Any], message: str, small: bytes
) -> None:
    with pytest.raises(live.LiveError, match=message):
        live.decoder_program(with_decoder(small, spec))


@pytest.mark.parametrize("value", [0.1, 70000.0, float("inf"), float("nan")])
def test_a_weight_that_is_no_half_is_named(value: float, small: bytes) -> None:
    def change(file: h5py.File) -> None:
        values = file["decoder/layers/dense/vars/0"][()].astype(np.float32)
        values[0, 0] = value
        replace(file, "decoder/layers/dense/vars/0", values)

    with pytest.raises(live.LiveError, match="decoder/layers/dense/vars/0 holds values that are"):
        live.decoder_program(with_weights(small, change))


@pytest.mark.parametrize("write", [live.decoder_program, live.encoder_program])
def test_weights_kept_in_single_and_in_half_precision_are_the_same(
    write: Any, tmp_path: Path
) -> None:
    vae = make_vae(recipe_from_json(with_flow("elu", "relu", context=3)), (4, 5, 1), 2)
    model_keras = keras_bytes(vae, tmp_path)

    def kept_as(dtype: type) -> bytes:
        def change(file: h5py.File) -> None:
            paths: list[str] = []
            file.visit(paths.append)
            for path in paths:
                if isinstance(file[path], h5py.Dataset) and file[path].dtype.kind == "f":
                    replace(file, path, file[path][()].astype(dtype))

        return with_weights(model_keras, change)

    assert write(kept_as(np.float16)) == write(kept_as(np.float32))


def test_weights_outside_the_file_are_not_followed(small: bytes, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["weight"] = np.zeros((3, 8), np.float32)

    def change(file: h5py.File) -> None:
        del file["decoder/layers/dense/vars/0"]
        link = h5py.ExternalLink(str(tmp_path / "other.h5"), "weight")
        file["decoder/layers/dense/vars/0"] = link

    with pytest.raises(live.LiveError, match="holds no weight decoder/layers/dense/vars/0"):
        live.decoder_program(with_weights(small, change))


def replace(file: h5py.File, path: str, values: np.ndarray) -> None:
    """Put other values, of any type, in place of a weight."""
    del file[path]
    file[path] = values


def with_weights(model_keras: bytes, change: Any) -> bytes:
    """The model with its weights changed."""

    def rewrite(data: bytes) -> bytes:
        buffer = io.BytesIO(data)
        with h5py.File(buffer, "r+") as file:
            change(file)
        return buffer.getvalue()

    return with_file(model_keras, "model.weights.h5", rewrite)


@pytest.mark.parametrize("length", [0, 100, -100])
def test_a_file_that_was_cut_short_is_refused(length: int, small: bytes) -> None:
    with pytest.raises(live.LiveError, match="model.keras is not usable"):
        live.decoder_program(small[:length])


def test_a_model_too_large_for_a_browser_is_refused(
    small: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_WEIGHTS", 100)
    with pytest.raises(live.LiveError, match="more than the 100 weights"):
        live.decoder_program(small)
