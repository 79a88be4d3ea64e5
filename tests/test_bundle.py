"""Bundles: written whole or not at all, and loaded only if everything in them is right."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from explorer.bundle import store as bundles
from explorer.bundle.codec import Codec, onnx_codec
from explorer.bundle.figures import EvaluationError, evaluate
from explorer.bundle.store import (
    FILES,
    BundleError,
    Latents,
    Reference,
    check_name,
    find_bundles,
    find_references,
    images_path,
    load_bundle,
    load_images,
    load_reference,
    read_card,
    recover,
    save_images,
    save_latents,
    save_reference,
    unfinished,
)
from explorer.data.dataset import Dataset, Split
from explorer.recipes.recipe import RecipeError, recipe_from_json
from explorer.training.export import check_exportable, keras_codec, load_keras, save_model
from explorer.training.loop import round_to_half
from explorer.training.vae import VAE

Copy = Callable[[], Path]
Reseal = Callable[[Path], None]

ROOT = Path(__file__).parents[1]
FLATTEN = {"layer": "Flatten"}


def refusal(path: Path) -> str:
    """The one sentence with which a bundle is refused."""
    with pytest.raises(BundleError) as error:
        load_bundle(path)
    text = str(error.value)
    assert "\n" not in text
    assert path.name in text
    return text


# --- what a bundle is -----------------------------------------------------------------------


def test_a_bundle_holds_what_its_card_says(tiny_bundle: Path):
    bundle = load_bundle(tiny_bundle)
    card = bundle.card
    assert (card.name, card.title) == ("shapes-2d", "shapes · 2-D")
    assert card.data.classes == ("0", "1", "2")
    assert card.data.image_shape == (12, 12, 1)
    assert (card.data.train_images, card.data.test_images) == (300, 100)
    encoder = 9 * 2 + 2 + 6 * 6 * 2 * 8 + 8 + 2 * (8 * 2 + 2)
    decoder = 2 * 8 + 8 + 8 * 8 + 8 + 8 * 144 + 144
    assert card.model.parameters == encoder + decoder
    assert bundle.content == hashlib.sha256((tiny_bundle / "card.json").read_bytes()).hexdigest()
    assert {name: file.bytes for name, file in card.files.items()} == {
        name: (tiny_bundle / name).stat().st_size for name in FILES
    }
    assert len(bundle.history["neg_elbo"]) == card.model.recipe.epochs == 3
    assert bundle.history["neg_elbo"][-1] < bundle.history["neg_elbo"][0]


def test_the_figures_of_a_bundle_belong_together(tiny_bundle: Path):
    bundle = load_bundle(tiny_bundle)
    metrics, latents = bundle.card.metrics, bundle.latents
    assert metrics.neg_elbo == pytest.approx(metrics.reconstruction + metrics.kl, abs=0.002)
    assert metrics.neg_elbo == pytest.approx(latents.neg_elbo.mean(), abs=0.001)
    assert metrics.kl == pytest.approx(sum(metrics.kl_per_dimension), abs=0.002)
    assert metrics.importance.bound <= metrics.importance.neg_elbo
    np.testing.assert_array_equal(latents.labels, np.arange(300, 400) % 3)
    for name in ("z_mean", "z_log_var"):
        assert getattr(latents, name).shape == (100, 2)
        assert getattr(latents, f"train_{name}").shape == (300, 2)


def test_stored_latents_are_what_the_stored_encoder_gives(tiny_bundle: Path):
    bundle = load_bundle(tiny_bundle)
    images = load_images(images_path(tiny_bundle.parent, bundle.card.data), bundle.card.data)
    z_mean, z_log_var = bundle.codec.encode(images.astype(np.float32) / 255)
    half_a_step = 2**-11  # of a half-precision number's last bit, relative
    np.testing.assert_allclose(bundle.latents.z_mean, z_mean, rtol=half_a_step, atol=1e-5)
    np.testing.assert_allclose(bundle.latents.z_log_var, z_log_var, rtol=half_a_step, atol=1e-5)


def test_another_seed_gives_another_bundle(tiny_bundle: Path, other_bundle: Path):
    one, other = read_card(tiny_bundle), read_card(other_bundle)
    assert one.metrics.neg_elbo != other.metrics.neg_elbo
    for name in FILES:
        assert one.files[name].sha256 != other.files[name].sha256
    assert one.data == other.data


def test_loading_a_bundle_imports_no_tensorflow(tiny_bundle: Path):
    code = (
        "import sys, pathlib; from explorer.bundle.store import load_bundle;"
        f"load_bundle(pathlib.Path({str(tiny_bundle)!r}));"
        "sys.exit(bool({'tensorflow', 'keras', 'onnx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# --- Keras and ONNX -------------------------------------------------------------------------

CONVOLUTIONS = {
    "encoder": [
        {"layer": "Conv2D", "filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"layer": "BatchNormalization"},
        {"layer": "LeakyReLU"},
        {"layer": "MaxPooling2D"},
        FLATTEN,
        {"layer": "Dropout", "rate": 0.5},
    ],
    "decoder": [
        {"layer": "Dense", "units": 32, "activation": "softplus"},
        {"layer": "LayerNormalization"},
        {"layer": "Reshape", "target_shape": [4, 4, 2]},
        {"layer": "UpSampling2D"},
        {"layer": "Conv2DTranspose", "filters": 3, "kernel_size": 3, "padding": "same"},
        {"layer": "Activation", "activation": "silu"},
    ],
    "head": {"layer": "Conv2D", "kernel_size": 3, "padding": "same"},
}
RESIDUALS = {
    "encoder": [FLATTEN, {"layer": "GaussianNoise", "stddev": 0.1}, {"layer": "Dense", "units": 9}],
    "decoder": [
        {"layer": "Dense", "units": 9, "activation": "relu"},
        {"layer": "Residual", "layers": [{"layer": "Dense", "units": 9, "activation": "tanh"}]},
    ],
    "head": {"layer": "Dense"},
}


@pytest.mark.parametrize(
    ("recipe", "shape", "latent_dim"),
    [
        (RESIDUALS, (7, 5, 1), 1),
        ({**RESIDUALS, "likelihood": "gaussian", "sigma": 0.1}, (6, 6, 3), 80),
        (CONVOLUTIONS, (8, 8, 3), 8),
        ({**CONVOLUTIONS, "likelihood": "gaussian"}, (8, 8, 1), 2),
    ],
    ids=["grey dense bernoulli", "colour dense gaussian", "colour conv bernoulli", "grey conv"],
)
def test_onnx_computes_what_keras_computes(
    tmp_path: Path, recipe: dict[str, Any], shape: tuple[int, ...], latent_dim: int
):
    model = VAE(recipe_from_json(recipe), shape, latent_dim)
    random = np.random.default_rng(0)
    for weight in model.weights:  # moving means and variances, biases: none stays at 0 or 1
        if weight.dtype == "float32":
            weight.assign(weight.numpy() + random.uniform(0, 0.2, weight.shape))
    round_to_half(model)
    save_model(model, tmp_path)
    ours = codec_of(tmp_path, model)
    theirs = keras_codec(load_keras(tmp_path / "model.keras"))
    images = random.random((9, *shape), np.float32)
    z = random.standard_normal((9, latent_dim)).astype(np.float32)
    z_mean, z_log_var = ours.encode(images)
    expected_mean, expected_log_var = theirs.encode(images)
    assert z_mean.std() > 0
    np.testing.assert_allclose(z_mean, expected_mean, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(z_log_var, expected_log_var, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(ours.parameters(z), theirs.parameters(z), atol=1e-5, rtol=1e-5)
    assert ours.decode(z).shape == (9, *shape)
    assert ours.decode(z).std() > 0
    np.testing.assert_allclose(ours.decode(z), theirs.decode(z), atol=1e-5)


def codec_of(folder: Path, model: VAE) -> Codec:
    encoder, decoder, model_keras = (
        (folder / name).read_bytes() for name in ("encoder.onnx", "decoder.onnx", "model.keras")
    )
    return onnx_codec(encoder, decoder, model_keras, model.recipe)


@pytest.fixture(scope="module")
def wide() -> VAE:
    """A dense model with large weights, rounded to half precision."""
    dense = {"layer": "Dense", "units": 200, "activation": "relu"}
    recipe = {"encoder": [FLATTEN, dense], "decoder": [dense], "head": {"layer": "Dense"}}
    model = VAE(recipe_from_json(recipe), (28, 28, 1), 2)
    round_to_half(model)
    return model


def test_each_weight_is_stored_once_in_two_bytes(wide: VAE, tmp_path: Path):
    save_model(wide, tmp_path)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    weights = 784 * 200 + 200 + 2 * (200 * 2 + 2) + 2 * 200 + 200 + 200 * 784 + 784
    assert 2 * weights < sizes["model.keras"] < 2 * weights + 50_000
    assert sizes["encoder.onnx"] + sizes["decoder.onnx"] < 10_000


def test_keras_loads_the_weights_in_single_precision(wide: VAE, tmp_path: Path):
    save_model(wide, tmp_path)
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert len(again.weights) == 10
    for one, other in zip(wide.weights, again.weights, strict=True):
        assert other.numpy().dtype == np.float32
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.getinfo("model.weights.h5").compress_type == zipfile.ZIP_STORED
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        kernel = file["encoder/layers/dense/vars/0"]
        assert (kernel.dtype, kernel.shape, kernel.chunks) == (np.float16, (784, 200), None)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_plain_onnx_finds_the_weights_in_the_keras_file(wide: VAE, tmp_path: Path, part: str):
    save_model(wide, tmp_path)
    path = tmp_path / f"{part}.onnx"
    model = getattr(wide, part)
    kernel = model.get_weights()[{"encoder": 0, "decoder": -2}[part]]
    onnx.checker.check_model(path)
    weights = map(onnx.numpy_helper.to_array, onnx.load(path).graph.initializer)
    (found,) = (values for values in weights if values.size > 100_000)
    np.testing.assert_array_equal(found, kernel)

    session = onnxruntime.InferenceSession(path)  # by the path alone, as other programs do
    given = np.random.default_rng(0).random((3, *model.input_shape[1:]), np.float32)
    results = session.run(None, {session.get_inputs()[0].name: given})
    expected = model.predict_on_batch(given)
    for one, other in zip(results, expected if part == "encoder" else [expected], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_weights_that_are_no_halves_are_kept_as_they_are(tmp_path: Path):
    model = VAE(recipe_from_json(RESIDUALS), (28, 28, 1), 2)
    assert np.any(model.get_weights()[0].astype(np.float16) != model.get_weights()[0])
    save_model(model, tmp_path)
    again = load_keras(tmp_path / "model.keras")
    for one, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    z = np.random.default_rng(0).standard_normal((9, 2)).astype(np.float32)
    np.testing.assert_allclose(
        codec_of(tmp_path, model).parameters(z),
        keras_codec(model).parameters(z),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.parametrize(
    ("encoder", "words"),
    [
        ([FLATTEN, {"layer": "Dense", "units": 8, "activation": "gelu"}], "Erfc"),
        ([FLATTEN, {"layer": "Dense", "units": 8, "dtype": "float16"}], "dtype"),
        ([{"layer": "Conv2D", "filters": 1, "kernel_size": 3, "dtype": "float64"}], "Conv"),
    ],
)
def test_a_model_that_the_app_could_not_run_is_refused_before_training(
    encoder: list[Any], words: str
):
    recipe = recipe_from_json({**RESIDUALS, "encoder": encoder})
    with pytest.raises(RecipeError, match=words) as error:
        check_exportable(recipe, (6, 6, 1), 2)
    assert "\n" not in str(error.value)


def test_a_model_that_the_app_can_run_passes():
    check_exportable(recipe_from_json(CONVOLUTIONS), (8, 8, 3), 8)


def test_the_same_weights_are_the_same_files(tmp_path: Path):
    model = VAE(recipe_from_json(RESIDUALS), (28, 28, 1), 2)
    for name in ("one", "two"):
        keras.utils.clear_session()  # as every run does
        (tmp_path / name).mkdir()
        save_model(model, tmp_path / name)
        time.sleep(1.1)  # HDF5 can store the second
    with zipfile.ZipFile(tmp_path / "one" / "model.keras") as archive:
        assert json.loads(archive.read("metadata.json")) == {"keras_version": keras.__version__}
    for name in ("model.keras", "encoder.onnx", "decoder.onnx"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


# --- written whole or not at all ------------------------------------------------------------


def test_a_bundle_that_is_not_finished_does_not_appear(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), unfinished(tmp_path / "new-2d") as folder:
        (folder / "model.keras").write_text("half of it")
        raise KeyboardInterrupt
    assert not (tmp_path / "new-2d").exists()
    assert find_bundles(tmp_path) == []
    with unfinished(tmp_path / "new-2d") as folder:
        assert list(folder.iterdir()) == []  # nothing of the first attempt
        (folder / "model.keras").write_text("all of it")
        assert find_bundles(tmp_path) == []
    assert find_bundles(tmp_path) == [tmp_path / "new-2d"]
    assert [path.name for path in tmp_path.iterdir()] == ["new-2d"]


def test_a_failed_replacement_leaves_the_earlier_bundle(copy_bundle: Copy):
    path = copy_bundle()
    before = load_bundle(path).content
    with pytest.raises(OSError, match="disk full"), unfinished(path) as folder:
        shutil.copytree(path, folder, dirs_exist_ok=True)
        raise OSError("disk full")
    assert load_bundle(path).content == before


class Killed(BaseException):
    """A kill: nothing of the project runs after it."""


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("failure", [OSError, Killed])
def test_one_whole_bundle_survives_a_failure_at_any_step(
    copy_bundle: Copy, other_bundle: Path, step: int, failure: type[BaseException]
):
    path = copy_bundle()
    old, new = load_bundle(path).content, load_bundle(other_bundle).content
    calls = 0

    def failing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                raise failure("at this step")
            return function(*arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        with pytest.raises(failure), unfinished(path) as folder:
            shutil.copytree(other_bundle, folder, dirs_exist_ok=True)
            patch.setattr(bundles.os, "replace", failing(os.replace))
            patch.setattr(bundles.shutil, "rmtree", failing(shutil.rmtree))
        assert calls >= step + 1
    recover(path.parent)
    assert load_bundle(path).content == (new if step == 3 else old)
    assert find_bundles(path.parent) == [path]

    with unfinished(path) as folder:  # and the next attempt goes through
        shutil.copytree(other_bundle, folder, dirs_exist_ok=True)
    assert load_bundle(path).content == new
    hidden = {entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")}
    assert hidden <= {".checkpoints"}


def test_recover_removes_what_was_replaced_already(copy_bundle: Copy, other_bundle: Path):
    path = copy_bundle()
    shutil.copytree(other_bundle, path.with_name(f".{path.name}.previous"))
    before = load_bundle(path).content
    recover(path.parent)
    assert load_bundle(path).content == before
    assert not path.with_name(f".{path.name}.previous").exists()


def test_recover_needs_no_folder(tmp_path: Path):
    recover(tmp_path / "absent")


@pytest.mark.parametrize("name", ["mnist-2d", "a", "0", "x_1.5-b", "a" * 100])
def test_a_plain_name_can_name_a_bundle(name: str):
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".x", "-x", "../x", "a/b", "a\\b", "A", "ä", "a b", "a\n", "images", "a" * 101],
)
def test_an_odd_name_cannot(name: str):
    with pytest.raises(BundleError, match="cannot name a bundle"):
        check_name(name)


# --- damaged files --------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["first", "middle", "last"])
@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found(copy_bundle: Copy, name: str, place: float):
    path = copy_bundle()
    data = bytearray((path / name).read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    (path / name).write_bytes(data)
    text = refusal(path)
    assert name in text
    assert "was changed" in text


@pytest.mark.parametrize("keep", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_length_is_found(copy_bundle: Copy, name: str, keep: float):
    path = copy_bundle()
    data = (path / name).read_bytes()
    (path / name).write_bytes((data + data)[: int(keep * len(data))])
    text = refusal(path)
    assert name in text
    assert f"{len(data):,}" in text  # what was expected
    assert f"{int(keep * len(data)):,}" in text  # what was found


@pytest.mark.parametrize("name", [*FILES, "card.json"])
def test_a_missing_file_is_named(copy_bundle: Copy, name: str):
    path = copy_bundle()
    (path / name).unlink()
    text = refusal(path)
    assert f"{name} of shapes-2d is missing" in text


@pytest.mark.parametrize("name", [*FILES, "card.json"])
def test_a_folder_in_place_of_a_file_is_named(copy_bundle: Copy, name: str):
    path = copy_bundle()
    (path / name).unlink()
    (path / name).mkdir()
    assert f"{name} of shapes-2d cannot be read" in refusal(path)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_bundle_is_found(copy_bundle: Copy, other_bundle: Path, name: str):
    path = copy_bundle()
    shutil.copy(other_bundle / name, path / name)
    assert name in refusal(path)


def test_a_broken_bundle_is_listed_beside_the_good_ones(copy_bundle: Copy):
    path = copy_bundle()
    (path.parent / "empty").mkdir()
    (path.parent / ".checkpoints").mkdir(exist_ok=True)
    (path.parent / "note.txt").write_text("not a bundle")
    assert [found.name for found in find_bundles(path.parent)] == ["empty", "shapes-2d"]
    assert "card.json" in refusal(path.parent / "empty")
    assert find_bundles(path.parent / "absent") == []


# --- the card -------------------------------------------------------------------------------


def edit_card(path: Path, *keys: str | int, value: Any) -> None:
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    place = card
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("schema_version",), 1, "it is 1, but this version of the explorer reads 2: train the"),
        (("schema_version",), 3, "schema_version: it is 3"),
        (("schema_version",), "1", "schema_version"),
        (("name",), "mnist-2d", "belongs to mnist-2d"),
        (("name",), "../shapes-2d", "name"),
        (("surprise",), 1, "surprise"),
        (("model", "surprise"), 1, "model.surprise"),
        (("model", "latent_dim"), "2", "model.latent_dim"),
        (("model", "latent_dim"), 0, "model.latent_dim"),
        (("model", "latent_dim"), 2.0, "model.latent_dim"),
        (("model", "latent_dim"), 3, "kl_per_dimension has 2 values; latent_dim is 3"),
        (("model", "recipe", "encoder", 0, "layer"), "Lambda", "'Lambda'"),
        (("model", "recipe", "likelihood"), "laplace", "model.recipe.likelihood"),
        (("model", "parameters"), -1, "model.parameters"),
        (("data", "image_shape"), [12, 12], "data.image_shape"),
        (("data", "image_shape"), "12x12", "data.image_shape"),
        (("data", "image_shape"), [12, 12, -1], "data.image_shape"),
        (("data", "classes"), [], "data.classes"),
        (("data", "classes"), [0, 1, 2], "data.classes"),
        (("data", "background"), [0.0, 0.0, 0.0], "background has 3 values for 1 channels"),
        (("data", "background"), None, "data.background"),
        (("data", "test_images"), "100", "data.test_images"),
        (("training", "seed"), True, "training.seed"),
        (("training", "versions"), ["keras"], "training.versions"),
        (("metrics", "neg_elbo"), None, "metrics.neg_elbo"),
        (("metrics", "neg_elbo"), float("nan"), "metrics.neg_elbo"),
        (("metrics", "kl_per_dimension"), [0.1], "kl_per_dimension has 1 values"),
        (("metrics", "importance"), 3.0, "metrics.importance"),
        (("files",), {}, "does not list model.keras"),
        (("files", "decoder.onnx"), None, "files.decoder.onnx"),
        (("files", "decoder.onnx", "bytes"), "1", "files.decoder.onnx.bytes"),
        (("files", "decoder.onnx", "sha256"), "0" * 64, "decoder.onnx of shapes-2d was changed"),
    ],
)
def test_a_mistake_in_the_card_gets_a_sentence(
    copy_bundle: Copy, keys: tuple[str | int, ...], value: Any, words: str
):
    path = copy_bundle()
    edit_card(path, *keys, value=value)
    assert words in refusal(path)


@pytest.mark.parametrize("key", ["schema_version", "name", "data", "model", "metrics", "files"])
def test_a_missing_part_of_the_card_is_named(copy_bundle: Copy, key: str):
    path = copy_bundle()
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    del card[key]
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    assert key in refusal(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x00" * 100, b"[" * 100_000, b"PK\x03\x04"],
)
def test_a_card_that_is_none_gets_a_sentence(copy_bundle: Copy, content: bytes):
    path = copy_bundle()
    (path / "card.json").write_bytes(content)
    assert "card.json of shapes-2d is not usable" in refusal(path)


def test_a_renamed_bundle_is_refused(copy_bundle: Copy):
    path = copy_bundle()
    path.rename(path.with_name("renamed"))
    assert "belongs to shapes-2d, but its folder is renamed" in refusal(path.with_name("renamed"))


# --- contents that contradict the card, though the hashes fit --------------------------------


def stored_latents(path: Path) -> dict[str, np.ndarray]:
    with np.load(path / "latents.npz") as archive:
        return dict(archive)


def test_latents_of_many_dimensions_take_half_the_room(tmp_path: Path):
    random = np.random.default_rng(0)
    means = random.standard_normal((4, 10_000, 80), np.float32)
    per_image = random.standard_normal((2, 10_000), np.float32)
    arrays = {
        "z_mean": means[0],
        "z_log_var": means[1],
        "labels": np.arange(10_000) % 10,
        "neg_elbo": per_image[0],
        "log_density": per_image[1],
        "train_z_mean": means[2, :5000],
        "train_z_log_var": means[3, :5000],
    }
    np.savez_compressed(tmp_path / "single.npz", **arrays)
    save_latents(Latents(**arrays), tmp_path / "half.npz")
    single, half = ((tmp_path / f"{name}.npz").stat().st_size for name in ("single", "half"))
    assert half < 0.52 * single
    with np.load(tmp_path / "half.npz") as stored:
        for name, array in arrays.items():
            in_half = "z_" in name
            assert stored[name].dtype == (np.float16 if in_half else array.dtype)
            np.testing.assert_allclose(stored[name], array, rtol=2**-11 * in_half, atol=1e-7)


def test_the_densities_are_those_of_the_stored_latents(tiny_bundle: Path):
    with np.load(tiny_bundle / "latents.npz") as stored:
        mean, log_var, z, found = (
            stored[name].astype(np.float64)
            for name in ("train_z_mean", "train_z_log_var", "z_mean", "log_density")
        )
    exponents = -0.5 * (
        np.square(z[:, None] - mean) * np.exp(-log_var) + log_var + np.log(2 * np.pi)
    )  # (100, 300, 2)
    density = np.exp(exponents.sum(axis=2)).mean(axis=1)
    np.testing.assert_allclose(found, np.log(density), rtol=1e-5, atol=1e-5)


def test_latents_too_large_to_store_get_a_sentence():
    split = Split(np.zeros((20, 4, 4, 1), np.uint8), np.zeros(20, np.int64))
    dataset = Dataset(
        name="dark",
        title="dark",
        classes=("none",),
        licence="",
        origin="",
        image_shape=(4, 4, 1),
        may_be_kept=False,
        read_train=lambda: split,
        read_test=lambda: split,
    )
    model = VAE(recipe_from_json(RESIDUALS), (4, 4, 1), 2)
    place = model.encoder.get_layer("z_mean")
    place.kernel.assign(np.zeros(place.kernel.shape))
    place.bias.assign(np.full(2, -65_000.0))
    _, latents = evaluate(keras_codec(model), dataset, model.recipe)
    assert latents.z_mean.min() == latents.z_mean.max() == -64_992.0  # halves are 32 apart there
    place.bias.assign(np.full(2, -70_000.0))
    with pytest.raises(EvaluationError, match="up to 70,000, more than the 65,504") as error:
        evaluate(keras_codec(model), dataset, model.recipe)
    assert "\n" not in str(error.value)


class Payload:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


def nan_at_the_end(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed.flat[-1] = np.nan
    return changed


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("z_mean", lambda a: a[:-1]),
        ("z_mean", lambda a: a[:, :1]),
        ("z_mean", lambda a: a.ravel()),
        ("z_mean", lambda a: a.astype(np.float32)),
        ("train_z_mean", lambda a: a.astype(np.float32)),
        ("z_log_var", lambda a: a.astype(np.float64)),
        ("neg_elbo", lambda a: a.astype(np.float16)),
        ("z_mean", lambda a: a.astype(np.complex64)),
        ("z_log_var", nan_at_the_end),
        ("z_log_var", lambda a: a + np.float16(np.inf)),
        ("neg_elbo", nan_at_the_end),
        ("neg_elbo", lambda a: a[:, None]),
        ("log_density", lambda a: a[:50]),
        ("labels", lambda a: a.astype(np.float32)),
        ("labels", lambda a: a + 1),
        ("labels", lambda a: a - 1),
        ("train_z_mean", lambda a: a[:7]),
        ("train_z_mean", lambda a: np.float32(1.0)),
        ("train_z_mean", lambda a: a[:0]),
        ("train_z_log_var", nan_at_the_end),
        ("train_z_log_var", lambda a: np.array(["text"] * len(a))),
    ],
)
def test_wrong_latents_are_refused(
    copy_bundle: Copy,
    reseal: Reseal,
    name: str,
    change: Callable[[np.ndarray], Any],
):
    path = copy_bundle()
    arrays = stored_latents(path)
    np.savez_compressed(path / "latents.npz", **{**arrays, name: change(arrays[name])})
    reseal(path)
    text = refusal(path)
    assert "latents.npz" in text
    assert (name if not name.startswith("train_") else "train_z_") in text


def test_no_training_latents_are_refused(copy_bundle: Copy, reseal: Reseal):
    path = copy_bundle()
    arrays = stored_latents(path)
    none = {name: arrays[name][:0] for name in ("train_z_mean", "train_z_log_var")}
    np.savez(path / "latents.npz", **{**arrays, **none})
    reseal(path)
    assert "train_z_mean" in refusal(path)


@pytest.mark.parametrize("missing", [field.name for field in dataclasses.fields(Latents)])
def test_missing_latents_are_named(copy_bundle: Copy, reseal: Reseal, missing: str):
    path = copy_bundle()
    arrays = stored_latents(path)
    del arrays[missing]
    np.savez(path / "latents.npz", **arrays)
    reseal(path)
    text = refusal(path)
    assert "latents.npz" in text
    assert missing in text


@pytest.mark.parametrize("name", ["z_mean", "labels"])
def test_pickled_latents_are_refused_and_never_unpickled(
    copy_bundle: Copy, reseal: Reseal, tmp_path: Path, name: str
):
    path, trace = copy_bundle(), tmp_path / "unpickled"
    arrays = stored_latents(path)
    hostile = np.array([[Payload(trace)] * 2] * 100, object)
    np.savez(path / "latents.npz", **{**arrays, name: hostile})
    reseal(path)
    assert "latents.npz" in refusal(path)
    assert not trace.exists()
    with np.load(path / "latents.npz", allow_pickle=True) as archive:
        archive[name]
    assert trace.exists()  # so the file was hostile indeed


def pickle_file(trace: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Payload(trace)], object), allow_pickle=True)
    return buffer.getvalue()


def npy_file(trace: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def huge_array(trace: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": (10**15, 2)}
        )
        for field in dataclasses.fields(Latents):
            archive.writestr(f"{field.name}.npy", header.getvalue())
    return buffer.getvalue()


def damaged_zip(trace: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("z_mean.npy", bytes(range(256)) * 50)
    data = bytearray(buffer.getvalue())
    data[50:80] = b"\xff" * 30
    return bytes(data)


@pytest.mark.parametrize(
    "content",
    [lambda _: b"", lambda _: b"text", npy_file, pickle_file, huge_array, damaged_zip],
    ids=["empty", "text", "npy", "pickle", "huge", "damaged"],
)
def test_latents_that_are_no_npz_are_refused(
    copy_bundle: Copy, reseal: Reseal, tmp_path: Path, content: Callable[[Path], bytes]
):
    path, trace = copy_bundle(), tmp_path / "unpickled"
    (path / "latents.npz").write_bytes(content(trace))
    reseal(path)
    assert "latents.npz of shapes-2d is not usable" in refusal(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"kl": 1}', b'{"kl": ["1"]}', b'{"kl": [NaN]}', b'{"kl": [null]}', b"\xff"],
)
def test_a_wrong_history_is_refused(copy_bundle: Copy, reseal: Reseal, content: bytes):
    path = copy_bundle()
    (path / "history.json").write_bytes(content)
    reseal(path)
    assert "history.json of shapes-2d is not usable" in refusal(path)


@pytest.fixture(scope="module")
def other_models(
    tmp_path_factory: pytest.TempPathFactory, tiny_recipe: dict[str, Any]
) -> dict[str, Path]:
    """Folders with models that are not the tiny bundle's, by what differs."""
    folders = {}
    for name, recipe, shape, latent_dim in (
        ("dimensions", tiny_recipe, (12, 12, 1), 3),
        ("images", tiny_recipe, (10, 12, 1), 2),
        ("likelihood", {**tiny_recipe, "likelihood": "gaussian"}, (12, 12, 1), 2),
    ):
        folders[name] = tmp_path_factory.mktemp(name)
        save_model(VAE(recipe_from_json(recipe), shape, latent_dim), folders[name])
    return folders


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("dimensions", "encoder.onnx"),
        ("dimensions", "decoder.onnx"),
        ("images", "encoder.onnx"),
        ("images", "decoder.onnx"),
        ("likelihood", "decoder.onnx"),
    ],
)
def test_a_graph_of_other_shapes_is_refused(
    copy_bundle: Copy, reseal: Reseal, other_models: dict[str, Path], kind: str, name: str
):
    path = copy_bundle()
    onnx.save(onnx.load(other_models[kind] / name), path / name)  # with its own weights in it
    reseal(path)
    text = refusal(path)
    assert f"{name} of shapes-2d" in text


def test_swapped_graphs_are_refused(copy_bundle: Copy, reseal: Reseal):
    path = copy_bundle()
    encoder, decoder = ((path / f"{part}.onnx").read_bytes() for part in ("encoder", "decoder"))
    (path / "encoder.onnx").write_bytes(decoder)
    (path / "decoder.onnx").write_bytes(encoder)
    reseal(path)
    assert "encoder.onnx of shapes-2d" in refusal(path)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx"])
@pytest.mark.parametrize("content", [b"", b"text", None], ids=["empty", "text", "cut"])
def test_a_file_that_is_no_graph_is_refused(
    copy_bundle: Copy, reseal: Reseal, name: str, content: bytes | None
):
    path = copy_bundle()
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[: len(data) // 2] if content is None else content)
    reseal(path)
    assert name in refusal(path)


def edit_graph(path: Path, edit: Callable[[onnx.GraphProto], None]) -> None:
    model = onnx.load(path)
    edit(model.graph)
    path.write_bytes(model.SerializeToString())


def infinite_weights(graph: onnx.GraphProto) -> None:
    tensor = next(t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT16)
    values = np.full(tuple(tensor.dims), np.inf, np.float16)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def one_output_less(graph: onnx.GraphProto) -> None:
    del graph.output[-1]


def unknown_operation(graph: onnx.GraphProto) -> None:
    graph.node[-1].op_type = "RunThisProgram"


def test_a_graph_that_holds_its_weights_itself_is_as_good(copy_bundle: Copy, reseal: Reseal):
    path = copy_bundle()
    z = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    expected = load_bundle(path).codec.decode(z)
    before = (path / "decoder.onnx").stat().st_size
    edit_graph(path / "decoder.onnx", lambda graph: None)
    assert (path / "decoder.onnx").stat().st_size > before + 2000  # 8 × 144 weights in it now
    reseal(path)
    np.testing.assert_array_equal(load_bundle(path).codec.decode(z), expected)


def refer(path: Path, **place: Any) -> bytes:
    """Let a weight of the encoder be external data at this place; returns its bytes."""
    model = onnx.load(path / "encoder.onnx")
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = weight.raw_data
    weight.CopyFrom(external(weight.name, weight.data_type, weight.dims, **place))
    (path / "encoder.onnx").write_bytes(model.SerializeToString())
    return values


def external(name: str, data_type: int, dims: Iterable[int], **place: Any) -> TensorProto:
    tensor = TensorProto(name=name, data_type=data_type, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


@pytest.mark.parametrize("place", ["{inside}", "../{name}", "{outside}", "{link}", "./{inside}"])
def test_a_graph_reads_no_file_but_the_keras_file(
    copy_bundle: Copy, reseal: Reseal, monkeypatch: pytest.MonkeyPatch, place: str
):
    path = copy_bundle()
    monkeypatch.chdir(path)
    outside = path.parent / "weights"
    location = place.format(inside="weights", name="weights", outside=outside, link="link")
    weight = refer(path, location=location)
    for file in (path / "weights", outside):  # all that it would need, were it read
        file.write_bytes(weight)
    (path / "link").symlink_to(outside)
    reseal(path)
    if "inside" in place:
        onnxruntime.InferenceSession(path / "encoder.onnx")  # would read it indeed
    assert "encoder.onnx" in refusal(path)


def test_a_graph_reads_the_keras_file_where_it_says(copy_bundle: Copy, reseal: Reseal):
    path = copy_bundle()
    images = np.random.default_rng(0).random((5, 12, 12, 1), np.float32)
    before, _ = load_bundle(path).codec.encode(images)
    assert np.ptp(before, axis=0).min() > 1e-3
    kernel = refer(path, location="model.keras", offset=(path / "model.keras").stat().st_size)
    with (path / "model.keras").open("ab") as file:
        file.write(bytes(len(kernel)))  # zeros: all images look alike
    reseal(path)
    after, _ = load_bundle(path).codec.encode(images)
    np.testing.assert_array_equal(after, after[[0] * 5])


@pytest.mark.parametrize(
    "place",
    [
        {"offset": 10**6},
        {"offset": -2},
        {"offset": 2**63 - 1},
        {"offset": 10**30},
        {"offset": "here"},
        {"length": 2},
        {"length": 10**6},
        {"length": -1},
    ],
    ids=str,
)
def test_a_graph_that_reads_beyond_the_keras_file_is_refused(
    copy_bundle: Copy, reseal: Reseal, place: dict[str, Any]
):
    path = copy_bundle()
    refer(path, location="model.keras", **place)
    reseal(path)
    assert "encoder.onnx" in refusal(path)


def in_a_branch(model: onnx.ModelProto, hidden: TensorProto) -> None:
    """Add a weight to ``z_mean`` that stands in a graph within the graph."""
    shape = helper.make_tensor_value_info("added", TensorProto.FLOAT, [2])
    branches = []
    for name in ("then", "else"):
        shape.name = name
        identity = helper.make_node("Identity", ["hidden"], [name])
        branches.append(helper.make_graph([identity], name, [], [shape], [hidden]))
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    model.graph.node.append(
        helper.make_node("If", ["yes"], ["added"], then_branch=branches[0], else_branch=branches[1])
    )


def in_a_function(model: onnx.ModelProto, hidden: TensorProto) -> None:
    """Add a weight to ``z_mean`` that stands in a function of the file."""
    constant = helper.make_node("Constant", [], ["added"], value=hidden)
    model.functions.append(
        helper.make_function("own", "Hidden", [], ["added"], [constant], model.opset_import)
    )
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node.append(helper.make_node("Hidden", [], ["added"], domain="own"))


@pytest.mark.parametrize("hide", [in_a_branch, in_a_function])
def test_a_part_within_a_graph_reads_no_file_either(
    copy_bundle: Copy,
    reseal: Reseal,
    monkeypatch: pytest.MonkeyPatch,
    hide: Callable[[onnx.ModelProto, TensorProto], None],
):
    path = copy_bundle()
    monkeypatch.chdir(path)
    (path / "weights").write_bytes(np.zeros(2, np.float32).tobytes())
    model = onnx.load(path / "encoder.onnx")
    z_mean = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["before" if name == z_mean else name for name in node.output]
    hide(model, external("hidden", TensorProto.FLOAT, [2], location="weights"))
    model.graph.node.append(helper.make_node("Add", ["before", "added"], [z_mean]))
    (path / "encoder.onnx").write_bytes(model.SerializeToString())
    reseal(path)
    onnxruntime.InferenceSession(path / "encoder.onnx")  # would read it indeed
    assert "encoder.onnx" in refusal(path)


@pytest.mark.parametrize("edit", [infinite_weights, one_output_less, unknown_operation])
def test_a_graph_that_gives_nonsense_is_refused(
    copy_bundle: Copy, reseal: Reseal, edit: Callable[[onnx.GraphProto], None]
):
    path = copy_bundle()
    edit_graph(path / "encoder.onnx", edit)
    reseal(path)
    assert "encoder.onnx" in refusal(path)


def test_a_graph_for_one_image_only_is_refused(copy_bundle: Copy, reseal: Reseal):
    def only_one(graph: onnx.GraphProto) -> None:
        graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1

    path = copy_bundle()
    edit_graph(path / "encoder.onnx", only_one)
    reseal(path)
    assert "encoder.onnx of shapes-2d" in refusal(path)


# --- model.keras ----------------------------------------------------------------------------


def test_code_in_a_keras_file_is_refused_and_never_run(tmp_path: Path):
    trace = tmp_path / "ran"
    path = tmp_path / "hostile-2d" / "model.keras"
    path.parent.mkdir()
    name = str(trace)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Lambda(lambda x: (open(name, "w").close(), x)[1])]
    )
    model.save(path)
    trace.unlink()  # building the model ran the code
    with pytest.raises(BundleError, match="model.keras of hostile-2d cannot be loaded") as error:
        load_keras(path)
    assert "\n" not in str(error.value)
    assert not trace.exists()
    keras.saving.load_model(path, safe_mode=False)
    assert trace.exists()  # so the file was hostile indeed


@pytest.mark.parametrize(
    "activation",
    [
        {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA"}},
        {"class_name": "function", "module": "os", "config": "system"},
        {"class_name": "function", "module": "builtins", "config": "exec"},
    ],
)
def test_code_in_the_recipe_of_a_keras_file_is_refused(
    copy_bundle: Copy, activation: dict[str, Any]
):
    path = copy_bundle() / "model.keras"
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(contents["config.json"])
    config["config"]["recipe"]["encoder"][-1]["activation"] = activation
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**contents, "config.json": json.dumps(config)}.items():
            archive.writestr(name, data)
    with pytest.raises(BundleError, match="cannot be loaded") as error:
        load_keras(path)
    assert "\n" not in str(error.value)


def test_a_keras_file_of_another_class_is_refused(tmp_path: Path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "model.keras")
    with pytest.raises(BundleError, match="holds a Sequential; expected a VAE"):
        load_keras(tmp_path / "model.keras")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_a_damaged_keras_file_gets_a_sentence(copy_bundle: Copy, keep: float):
    path = copy_bundle() / "model.keras"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(BundleError, match="model.keras of shapes-2d cannot be loaded") as error:
        load_keras(path)
    assert "\n" not in str(error.value)


# --- test images ----------------------------------------------------------------------------


def test_kept_images_are_the_test_images(tiny_bundle: Path, tiny_settings: dict[str, Any]):
    card = read_card(tiny_bundle)
    with np.load(tiny_settings["data"]) as data:
        expected = data["x_test"][..., np.newaxis]
    images = load_images(images_path(tiny_bundle.parent, card.data), card.data)
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((99, 12, 12, 1), np.uint8),
        np.zeros((100, 12, 12, 3), np.uint8),
        np.zeros((100, 12, 12, 1), np.float32),
        np.full((100, 12, 12, 1), None),
    ],
    ids=["count", "channels", "type", "pickle"],
)
def test_other_images_are_refused(tiny_bundle: Path, tmp_path: Path, images: np.ndarray):
    np.savez(tmp_path / "images.npz", images=images)
    with pytest.raises(BundleError, match="images.npz") as error:
        load_images(tmp_path / "images.npz", read_card(tiny_bundle).data)
    assert "\n" not in str(error.value)


def test_a_file_that_unpacks_to_gigabytes_is_not_opened(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
):
    data = read_card(tiny_bundle).data
    monkeypatch.setattr(bundles, "MAX_UNPACKED", 100)
    said = "is not usable: it would unpack to more than 100 bytes"
    with pytest.raises(BundleError, match=f"model.keras of shapes-2d {said}"):
        load_bundle(tiny_bundle)
    with pytest.raises(BundleError, match=said):
        load_images(images_path(tiny_bundle.parent, data), data)


def test_damaged_images_are_replaced_when_they_are_saved_again(tiny_bundle: Path, tmp_path: Path):
    data = read_card(tiny_bundle).data
    images = np.random.default_rng(0).integers(0, 256, (100, 12, 12, 1), np.uint8)
    path = tmp_path / "images" / "kept.npz"
    save_images(images, path)
    intact = path.read_bytes()
    path.write_bytes(intact[: len(intact) // 2])
    with pytest.raises(BundleError, match=r"kept\.npz"):
        load_images(path, data)
    save_images(images, path)
    assert path.read_bytes() == intact  # no time stamps: same images, same bytes
    np.testing.assert_array_equal(load_images(path, data), images)


# --- references -----------------------------------------------------------------------------


@pytest.fixture
def reference(tmp_path: Path, tiny_bundle: Path) -> Path:
    """The folder of a reference with the card and history of the tiny bundle."""
    bundle = load_bundle(tiny_bundle)
    return save_reference(bundle.card, bundle.history, tmp_path)


def test_a_reference_is_a_card_and_a_history(reference: Path, tiny_bundle: Path, tmp_path: Path):
    assert reference == tmp_path / "references" / "shapes-2d"
    assert sorted(path.name for path in reference.iterdir()) == ["card.json", "history.json"]
    history = (reference / "history.json").read_bytes()
    assert history == (tiny_bundle / "history.json").read_bytes()
    bundle, loaded = load_bundle(tiny_bundle), load_reference(reference)
    assert loaded.history == bundle.history
    (file,) = loaded.card.files.items()
    assert file[0] == "history.json"
    assert file[1].bytes == len(history)
    assert file[1].sha256 == hashlib.sha256(history).hexdigest()
    assert loaded.card.model_copy(update={"files": bundle.card.files}) == bundle.card


def test_a_saved_reference_replaces_the_earlier_one(reference: Path, tmp_path: Path):
    earlier = load_reference(reference)
    training = earlier.card.training.model_copy(update={"seed": 7})
    save_reference(
        earlier.card.model_copy(update={"training": training}), earlier.history, tmp_path
    )
    assert load_reference(reference).card.training.seed == 7
    assert [path.name for path in reference.parent.iterdir()] == ["shapes-2d"]


def test_references_are_no_bundles(reference: Path, tmp_path: Path):
    (tmp_path / "images").mkdir()
    assert find_bundles(tmp_path) == []
    assert find_references(tmp_path) == [reference]
    assert find_references(tmp_path / "images") == []
    with pytest.raises(BundleError, match="'references' cannot name a bundle"):
        check_name("references")
    assert "model.keras" in refusal(reference)


def test_a_bundle_can_be_read_as_a_reference(copy_bundle: Copy):
    path = copy_bundle()
    bundle = load_bundle(path)
    for name in set(FILES) - {"history.json"}:
        (path / name).unlink()
    assert load_reference(path) == Reference(bundle.card, bundle.history)


@pytest.mark.parametrize("name", ["card.json", "history.json"])
def test_a_reference_without_a_file_is_refused(reference: Path, name: str):
    (reference / name).unlink()
    with pytest.raises(BundleError, match=f"^{name} of shapes-2d is missing$"):
        load_reference(reference)


def test_a_changed_history_of_a_reference_is_found(reference: Path):
    history = (reference / "history.json").read_text(encoding="utf-8")
    (reference / "history.json").write_text(history.replace("1", "2"), encoding="utf-8")
    with pytest.raises(BundleError, match="history.json of shapes-2d was changed"):
        load_reference(reference)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda history: history.pop("kl"), "kl of 0 epochs, but neg_elbo of 3"),
        (lambda history: history.pop("neg_elbo"), "0 epochs; its card allows 1 to 3"),
        (lambda history: history["neg_elbo"].append(1.0), "4 epochs; its card allows 1 to 3"),
        (lambda history: history["val_kl"].append(1.0), "val_kl of 4 epochs, but neg_elbo of 3"),
    ],
)
@pytest.mark.parametrize("load", [load_bundle, load_reference])
def test_a_history_of_other_epochs_than_the_cards_is_refused(
    copy_bundle: Copy,
    reseal: Reseal,
    load: Callable[[Path], Any],
    change: Callable[[dict[str, list[float]]], Any],
    said: str,
):
    path = copy_bundle()
    history = json.loads((path / "history.json").read_text(encoding="utf-8"))
    change(history)
    (path / "history.json").write_text(json.dumps(history), encoding="utf-8")
    reseal(path)
    with pytest.raises(BundleError, match=f"^history.json of shapes-2d has {said}$"):
        load(path)
