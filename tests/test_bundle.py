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
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest

from explorer import bundle as bundles
from explorer.bundle import (
    FILES,
    BundleError,
    Latents,
    check_name,
    find_bundles,
    images_path,
    load_bundle,
    load_images,
    read_card,
    recover,
    save_images,
    unfinished,
)
from explorer.codec import OnnxCodec
from explorer.export import KerasCodec, check_exportable, load_keras, save_keras, save_model
from explorer.model import VAE
from explorer.recipes import RECIPES, RecipeError, recipe_from_json
from explorer.training import round_to_half

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
    np.testing.assert_allclose(z_mean, bundle.latents.z_mean, atol=1e-5)
    np.testing.assert_allclose(z_log_var, bundle.latents.z_log_var, atol=1e-5)


def test_another_seed_gives_another_bundle(tiny_bundle: Path, other_bundle: Path):
    one, other = read_card(tiny_bundle), read_card(other_bundle)
    assert one.metrics.neg_elbo != other.metrics.neg_elbo
    for name in FILES:
        assert one.files[name].sha256 != other.files[name].sha256
    assert one.data == other.data


def test_loading_a_bundle_imports_no_tensorflow(tiny_bundle: Path):
    code = (
        "import sys, pathlib; from explorer.bundle import load_bundle;"
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
    ours = OnnxCodec(
        (tmp_path / "encoder.onnx").read_bytes(),
        (tmp_path / "decoder.onnx").read_bytes(),
        model.recipe.likelihood,
    )
    theirs = KerasCodec(load_keras(tmp_path / "model.keras"))
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
    if recipe["head"]["layer"] == "Dense":
        weights = 2 * (model.encoder.count_params() + model.decoder.count_params())
        files = sum((tmp_path / f"{part}.onnx").stat().st_size for part in ("encoder", "decoder"))
        assert files < weights + 8000  # two bytes a weight


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


def test_the_same_weights_are_the_same_keras_file(tmp_path: Path):
    model = VAE(recipe_from_json(RESIDUALS), (6, 6, 1), 2)
    for name in ("one", "two"):
        keras.utils.clear_session()  # as every run does
        save_keras(model, tmp_path / f"{name}.keras")
    with zipfile.ZipFile(tmp_path / "one.keras") as archive:
        assert json.loads(archive.read("metadata.json")) == {"keras_version": keras.__version__}
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()


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
        (("schema_version",), 2, "schema_version"),
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
    latents = load_bundle(path).latents
    return {field.name: getattr(latents, field.name) for field in dataclasses.fields(Latents)}


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
        ("z_mean", lambda a: a.astype(np.float64)),
        ("z_mean", lambda a: a.astype(np.complex64)),
        ("z_log_var", nan_at_the_end),
        ("z_log_var", lambda a: a + np.float32(np.inf)),
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
    shutil.copy(other_models[kind] / name, path / name)
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


def test_recipes_of_cards_are_read_as_they_were_written(tiny_bundle: Path):
    assert set(RECIPES)  # the shipped cards hold these
    for recipe in RECIPES.values():
        values = json.loads(recipe.model_dump_json())
        assert recipe_from_json(values).model_dump(mode="json") == values
