"""Bundles: loaded only if everything in them is right."""

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

import numpy as np
import pytest

from explorer.bundle import arrays, store
from explorer.bundle.bundle import Reference
from explorer.bundle.card import BundleError
from explorer.bundle.figures import evaluate
from explorer.bundle.files import read_file
from explorer.bundle.images import images_path, load_images, save_images
from explorer.bundle.latents import ARRAYS, MAX_DENSITY, Latents, check_count, save_latents
from explorer.bundle.outputs import EvaluationError
from explorer.bundle.store import (
    FILES,
    check_name,
    find_bundles,
    find_references,
    load_bundle,
    load_reference,
    read_card,
    save_reference,
)
from explorer.data.dataset import Dataset, Split
from explorer.recipes.recipe import recipe_from_json
from explorer.training.export import keras_codec
from explorer.training.vae import VAE

Copy = Callable[[], Path]
Reseal = Callable[[Path], None]

ROOT = Path(__file__).parents[1]
FLATTEN = {"layer": "Flatten"}


def refusal(path: Path) -> str:
    """Return the one sentence with which a bundle is refused."""
    with pytest.raises(BundleError) as error:
        load_bundle(path)
    text = str(error.value)
    assert "\n" not in text
    assert path.name in text
    return text


# --- what a bundle contains --------------------------------------------------------------------


def test_a_bundle_holds_what_its_card_says(tiny_bundle: Path) -> None:
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


def test_the_figures_of_a_bundle_belong_together(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    metrics, latents = bundle.card.metrics, bundle.latents
    assert metrics.neg_elbo and metrics.reconstruction and metrics.kl and metrics.importance
    assert metrics.neg_elbo == pytest.approx(metrics.reconstruction + metrics.kl, abs=0.002)
    assert metrics.neg_elbo == pytest.approx(latents.neg_elbo.mean(), abs=0.001)
    assert metrics.kl == pytest.approx(sum(metrics.kl_per_dimension), abs=0.002)
    assert metrics.importance.bound <= metrics.importance.neg_elbo
    np.testing.assert_array_equal(latents.labels, np.arange(300, 400) % 3)
    for name in ("z_mean", "z_log_var"):
        assert getattr(latents, name).shape == (100, 2)
        assert getattr(latents, f"train_{name}").shape == (300, 2)


def test_stored_latents_are_what_the_stored_encoder_gives(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    images = load_images(images_path(tiny_bundle.parent, bundle.card.data), bundle.card.data)
    z_mean, z_log_var = bundle.codec.encode(images.astype(np.float32) / 255)
    half_a_step = 2**-11  # of the last bit of a half-precision number, relative
    np.testing.assert_allclose(bundle.latents.z_mean, z_mean, rtol=half_a_step, atol=1e-5)
    np.testing.assert_allclose(bundle.latents.z_log_var, z_log_var, rtol=half_a_step, atol=1e-5)


def test_another_seed_gives_another_bundle(tiny_bundle: Path, other_bundle: Path) -> None:
    one, other = read_card(tiny_bundle), read_card(other_bundle)
    assert one.metrics.neg_elbo != other.metrics.neg_elbo
    for name in FILES:
        assert one.files[name].sha256 != other.files[name].sha256
    assert one.data == other.data


def test_loading_a_bundle_imports_no_tensorflow(tiny_bundle: Path) -> None:
    code = (
        "import sys, pathlib; from explorer.bundle.store import load_bundle;"
        f"load_bundle(pathlib.Path({str(tiny_bundle)!r}));"
        "sys.exit(bool({'tensorflow', 'keras', 'onnx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# --- damaged files -----------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["first", "middle", "last"])
@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found(copy_bundle: Copy, name: str, place: float) -> None:
    path = copy_bundle()
    data = bytearray((path / name).read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    (path / name).write_bytes(data)
    text = refusal(path)
    assert name in text
    assert "was changed" in text


@pytest.mark.parametrize("keep", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_length_is_found(copy_bundle: Copy, name: str, keep: float) -> None:
    path = copy_bundle()
    data = (path / name).read_bytes()
    (path / name).write_bytes((data + data)[: int(keep * len(data))])
    text = refusal(path)
    assert name in text
    assert f"{len(data):,}" in text  # what was expected
    assert f"{int(keep * len(data)):,}" in text  # what was found


@pytest.mark.parametrize("name", [*FILES, "card.json"])
def test_a_missing_file_is_named(copy_bundle: Copy, name: str) -> None:
    path = copy_bundle()
    (path / name).unlink()
    text = refusal(path)
    assert f"{name} of shapes-2d is missing" in text


@pytest.mark.parametrize("name", [*FILES, "card.json"])
def test_a_folder_in_place_of_a_file_is_named(copy_bundle: Copy, name: str) -> None:
    path = copy_bundle()
    (path / name).unlink()
    (path / name).mkdir()
    assert f"{name} of shapes-2d cannot be read" in refusal(path)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_bundle_is_found(
    copy_bundle: Copy, other_bundle: Path, name: str
) -> None:
    path = copy_bundle()
    shutil.copy(other_bundle / name, path / name)
    assert name in refusal(path)


def test_a_broken_bundle_is_listed_beside_the_good_ones(copy_bundle: Copy) -> None:
    path = copy_bundle()
    (path.parent / "empty").mkdir()
    (path.parent / ".checkpoints").mkdir(exist_ok=True)
    (path.parent / "note.txt").write_text("not a bundle")
    assert [found.name for found in find_bundles(path.parent)] == ["empty", "shapes-2d"]
    assert "card.json" in refusal(path.parent / "empty")
    assert find_bundles(path.parent / "absent") == []


def test_a_link_that_may_not_be_followed_is_listed_beside_the_good_ones(copy_bundle: Copy) -> None:
    path = copy_bundle()
    (path.parent / "locked").symlink_to("x" * 1000)  # the name is too long, even for an owner
    assert [found.name for found in find_bundles(path.parent)] == ["locked", "shapes-2d"]
    assert "card.json of locked cannot be read" in refusal(path.parent / "locked")


# --- what is not a file, or is of any size -----------------------------------------------------

ALL_FILES = [*FILES, "card.json"]


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_pipe_is_not_waited_for(copy_bundle: Copy, name: str) -> None:
    path = copy_bundle()
    (path / name).unlink()
    os.mkfifo(path / name)
    assert f"{name} of shapes-2d cannot be read: it is not a file" in refusal(path)


@pytest.mark.parametrize("name", ALL_FILES)
def test_an_endless_device_is_not_read(copy_bundle: Copy, name: str) -> None:
    path = copy_bundle()
    (path / name).unlink()
    (path / name).symlink_to("/dev/zero")
    assert f"{name} of shapes-2d cannot be read: it is not a file" in refusal(path)


def test_a_link_to_a_file_is_followed(copy_bundle: Copy) -> None:
    path = copy_bundle()
    before = load_bundle(path).content
    for name in ALL_FILES:
        (path / name).rename(path.parent / name)
        (path / name).symlink_to(path.parent / name)
    assert load_bundle(path).content == before


def test_a_link_to_nothing_or_to_itself_gets_a_sentence(copy_bundle: Copy) -> None:
    path = copy_bundle()
    for target, said in (("absent", "is missing"), ("history.json", "cannot be read")):
        (path / "history.json").unlink()
        (path / "history.json").symlink_to(path / target)
        assert f"history.json of shapes-2d {said}" in refusal(path)


@pytest.mark.parametrize("in_card", [False, True])
@pytest.mark.parametrize("name", ALL_FILES)
def test_a_file_of_a_terabyte_is_not_read(copy_bundle: Copy, name: str, in_card: bool) -> None:
    path = copy_bundle()
    os.truncate(path / name, 2**40)
    if in_card and name != "card.json":
        edit_card(path, "files", name, "bytes", value=2**40)
    text = refusal(path)
    assert f"{name} of shapes-2d has 1,099,511,627,776 bytes; " in text
    assert ("are read" if in_card or name == "card.json" else "its card says") in text


def test_listing_reads_cards_alone(copy_bundle: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy_bundle()
    read: list[str] = []

    def note(path: Path) -> bytes:
        read.append(path.name)
        return read_file(path)

    monkeypatch.setattr(store, "read_file", note)
    monkeypatch.setattr(store, "read_checked", None)
    read_card(path)
    assert read == ["card.json"]


def test_too_little_memory_gets_a_sentence(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_checked(path: Path, expected: Any) -> bytes:
        raise MemoryError

    monkeypatch.setattr(store, "read_checked", read_checked)
    assert "shapes-2d needs more memory than this machine has" in refusal(tiny_bundle)


def test_kept_images_that_are_no_file_are_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kept.npz")
    with pytest.raises(BundleError, match=r"kept\.npz of .* cannot be read: it is not a file"):
        load_images(tmp_path / "kept.npz", read_card(tiny_bundle).data)


# --- the card ----------------------------------------------------------------------------------


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
        (("schema_version",), 1, "reads 3: train the model again"),
        (("schema_version",), 2, "convert it with: python -m explorer convert shapes-2d"),
        (("schema_version",), 4, "newer than this explorer (3): update the explorer"),
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
        (("data", "image_shape"), [12, 513, 1], "data.image_shape.1: Input should be less than or"),
        (("data", "image_shape"), [12, 12, 4], "data.image_shape.2: Input should be less than or"),
        (("data", "classes"), [], "data.classes"),
        (("data", "classes"), [0, 1, 2], "data.classes"),
        (("data", "background"), [0.0, 0.0, 0.0], "background has 3 values for 1 channels"),
        (("data", "background"), None, "data.background"),
        (("data", "test_images"), "100", "data.test_images"),
        (("data", "test_sha256"), "\0" + 63 * "0", "data.test_sha256"),
        (("data", "train_sha256"), 63 * "0", "data.train_sha256"),
        (("data", "test_sha256"), 64 * "A", "data.test_sha256"),
        (("data", "test_sha256"), 64 * "0" + "\n", "data.test_sha256"),
        (("training", "seed"), True, "training.seed"),
        (("training", "versions"), ["keras"], "training.versions"),
        (("metrics", "neg_elbo"), None, "metrics.neg_elbo"),
        (("metrics", "neg_elbo"), float("nan"), "metrics.neg_elbo"),
        (("metrics", "kl_per_dimension"), [0.1], "kl_per_dimension has 1 values"),
        (("metrics", "importance"), 3.0, "metrics.importance"),
        (("files",), {}, "does not list encoder.onnx"),
        (("files", "decoder.onnx"), None, "files.decoder.onnx"),
        (("files", "../decoder.onnx"), {"bytes": 1, "sha256": 64 * "0"}, "files"),
        (("files", "/etc/passwd"), {"bytes": 1, "sha256": 64 * "0"}, "files"),
        (("files", "decoder.onnx", "bytes"), "1", "files.decoder.onnx.bytes"),
        (("files", "decoder.onnx", "bytes"), -1, "files.decoder.onnx.bytes"),
        (("files", "decoder.onnx", "sha256"), "\0" + 63 * "0", "files.decoder.onnx.sha256"),
        (("files", "decoder.onnx", "sha256"), "0" * 64, "decoder.onnx of shapes-2d was changed"),
    ],
)
def test_a_mistake_in_the_card_gets_a_sentence(
    copy_bundle: Copy, keys: tuple[str | int, ...], value: Any, words: str
) -> None:
    path = copy_bundle()
    edit_card(path, *keys, value=value)
    assert words in refusal(path)


def test_a_newer_card_is_told_by_its_version_whatever_else_it_says(copy_bundle: Copy) -> None:
    path = copy_bundle()
    edit_card(path, "schema_version", value=4)
    edit_card(path, "data", value=["all", "different"])
    edit_card(path, "surprise", value=1)
    assert "update the explorer" in refusal(path)


@pytest.mark.parametrize("key", ["schema_version", "name", "data", "model", "metrics", "files"])
def test_a_missing_part_of_the_card_is_named(copy_bundle: Copy, key: str) -> None:
    path = copy_bundle()
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    del card[key]
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    assert key in refusal(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"\x00" * 100, b"[" * 100_000, b"PK\x03\x04"],
)
def test_a_card_that_is_none_gets_a_sentence(copy_bundle: Copy, content: bytes) -> None:
    path = copy_bundle()
    (path / "card.json").write_bytes(content)
    assert "card.json of shapes-2d is not usable" in refusal(path)


def test_a_renamed_bundle_is_refused(copy_bundle: Copy) -> None:
    path = copy_bundle()
    path.rename(path.with_name("renamed"))
    assert "belongs to shapes-2d, but its folder is renamed" in refusal(path.with_name("renamed"))


# --- contents that contradict the card, although the hashes match ----------------------------


def stored_latents(path: Path) -> dict[str, np.ndarray]:
    with np.load(path / "latents.npz") as archive:
        return dict(archive)


def test_latents_of_many_dimensions_take_half_the_room(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    means = random.standard_normal((4, 10_000, 80), np.float32)
    per_image = random.standard_normal((6, 10_000), np.float32)
    arrays = {
        "z_mean": means[0],
        "z_log_var": means[1],
        "labels": np.arange(10_000) % 10,
        "neg_elbo": per_image[0],
        "log_density": per_image[1],
        "train_z_mean": means[2, :5000],
        "train_z_log_var": means[3, :5000],
        "kl": per_image[2],
        "return_distance": per_image[3],
        "nearest_distance": per_image[4],
        "agreement": per_image[5],
    }
    np.savez_compressed(tmp_path / "single.npz", **arrays)
    save_latents(Latents(**arrays, columns={}), tmp_path / "half.npz")
    single, half = ((tmp_path / f"{name}.npz").stat().st_size for name in ("single", "half"))
    assert half < 0.55 * single
    with np.load(tmp_path / "half.npz") as stored:
        for name, array in arrays.items():
            in_half = "z_" in name
            assert stored[name].dtype == (np.float16 if in_half else array.dtype)
            np.testing.assert_allclose(stored[name], array, rtol=2**-11 * in_half, atol=1e-7)


def test_the_densities_are_those_of_the_stored_latents(tiny_bundle: Path) -> None:
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


def test_latents_too_large_to_store_get_a_sentence() -> None:
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
    dense = {"encoder": [], "decoder": [], "head": {"layer": "Dense"}}
    model = VAE(recipe_from_json(dense), (4, 4, 1), 2)
    place = model.encoder.get_layer("z_mean")
    place.kernel.assign(np.zeros(place.kernel.shape))
    place.bias.assign(np.full(2, -65_000.0))
    _, latents = evaluate(keras_codec(model), dataset)
    assert latents.z_mean.min() == latents.z_mean.max() == -64_992.0  # halves are 32 apart there
    place.bias.assign(np.full(2, -70_000.0))
    with pytest.raises(EvaluationError, match="up to 70,000, more than the 65,504") as error:
        evaluate(keras_codec(model), dataset)
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
) -> None:
    path = copy_bundle()
    arrays = stored_latents(path)
    np.savez_compressed(path / "latents.npz", **{**arrays, name: change(arrays[name])})
    reseal(path)
    text = refusal(path)
    assert "latents.npz" in text
    assert (name if not name.startswith("train_") else "train_z_") in text


@pytest.mark.parametrize("count", [0, MAX_DENSITY + 1])
def test_no_or_too_many_training_latents_are_refused(
    copy_bundle: Copy, reseal: Reseal, count: int
) -> None:
    path = copy_bundle()
    arrays = stored_latents(path)
    train = {f"train_{name}": np.zeros((count, 2), np.float16) for name in ("z_mean", "z_log_var")}
    np.savez(path / "latents.npz", allow_pickle=True, **{**arrays, **train})
    reseal(path)
    assert "train_z_mean" in refusal(path)


@pytest.mark.parametrize("missing", ARRAYS)
def test_missing_latents_are_named(copy_bundle: Copy, reseal: Reseal, missing: str) -> None:
    path = copy_bundle()
    arrays = stored_latents(path)
    del arrays[missing]
    np.savez(path / "latents.npz", allow_pickle=True, **arrays)
    reseal(path)
    text = refusal(path)
    assert "latents.npz" in text
    assert missing in text


def test_a_map_and_further_columns_are_kept_and_checked(copy_bundle: Copy, reseal: Reseal) -> None:
    path = copy_bundle()
    arrays = stored_latents(path)
    n = len(arrays["labels"])
    size = np.arange(n, dtype=np.float32)
    size[0] = np.nan
    further = {"places": np.ones((n, 2), np.float32), "column:size": size}
    np.savez(path / "latents.npz", allow_pickle=True, **arrays, **further)
    reseal(path)
    latents = load_bundle(path).latents
    assert latents.places is not None
    np.testing.assert_array_equal(latents.places, 1)
    np.testing.assert_array_equal(latents.columns["size"], size)
    save_latents(latents, path / "latents.npz")
    assert stored_latents(path).keys() == {*arrays, *further}
    for name, array in further.items():
        np.savez(path / "latents.npz", allow_pickle=True, **{**arrays, **further, name: array[1:]})
        reseal(path)
        assert name in refusal(path)


@pytest.mark.parametrize("name", ["z_mean", "labels"])
def test_pickled_latents_are_refused_and_never_unpickled(
    copy_bundle: Copy, reseal: Reseal, tmp_path: Path, name: str
) -> None:
    path, trace = copy_bundle(), tmp_path / "unpickled"
    arrays = stored_latents(path)
    hostile = np.array([[Payload(trace)] * 2] * 100, object)
    np.savez(path / "latents.npz", allow_pickle=True, **{**arrays, name: hostile})
    reseal(path)
    assert "latents.npz" in refusal(path)
    assert not trace.exists()
    with np.load(path / "latents.npz", allow_pickle=True) as archive:
        archive[name]
    assert trace.exists()  # so the file was really hostile


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


def text_in_a_zip(_: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ARRAYS:
            archive.writestr(f"{name}.npy", "text")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        lambda _: b"",
        lambda _: b"text",
        npy_file,
        pickle_file,
        huge_array,
        damaged_zip,
        text_in_a_zip,
    ],
    ids=["empty", "text", "npy", "pickle", "huge", "damaged", "no arrays"],
)
def test_latents_that_are_no_npz_are_refused(
    copy_bundle: Copy, reseal: Reseal, tmp_path: Path, content: Callable[[Path], bytes]
) -> None:
    path, trace = copy_bundle(), tmp_path / "unpickled"
    (path / "latents.npz").write_bytes(content(trace))
    reseal(path)
    assert "latents.npz of shapes-2d is not usable" in refusal(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"kl": 1}', b'{"kl": ["1"]}', b'{"kl": [NaN]}', b'{"kl": [null]}', b"\xff"],
)
def test_a_wrong_history_is_refused(copy_bundle: Copy, reseal: Reseal, content: bytes) -> None:
    path = copy_bundle()
    (path / "history.json").write_bytes(content)
    reseal(path)
    assert "history.json of shapes-2d is not usable" in refusal(path)


# --- test images -------------------------------------------------------------------------------


def test_kept_images_are_the_test_images(tiny_bundle: Path, tiny_settings: dict[str, Any]) -> None:
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
def test_other_images_are_refused(tiny_bundle: Path, tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "images.npz", images=images)
    with pytest.raises(BundleError, match="images.npz") as error:
        load_images(tmp_path / "images.npz", read_card(tiny_bundle).data)
    assert "\n" not in str(error.value)


def claim_size(npz: Path, size: int) -> None:
    """Let a zip's directory say that its first file unpacks to this many bytes."""
    content = bytearray(npz.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = size.to_bytes(4, "little")
    npz.write_bytes(content)


def test_a_file_that_unpacks_to_gigabytes_is_not_opened(
    copy_bundle: Copy, reseal: Reseal, tiny_bundle: Path, tmp_path: Path
) -> None:
    path, data = copy_bundle(), read_card(tiny_bundle).data
    claim_size(path / "latents.npz", 2**30)
    reseal(path)
    said = refusal(path)
    assert said.startswith("latents.npz of shapes-2d is not usable: it would unpack to more than 1")
    kept = tmp_path / "kept.npz"
    shutil.copy(images_path(tiny_bundle.parent, data), kept)
    claim_size(kept, 2**31 + 1)
    with pytest.raises(BundleError, match="would unpack to more than 2,147,483,648 bytes"):
        load_images(kept, data)


def test_a_card_of_too_many_test_images_is_refused_before_they_are_read(
    copy_bundle: Copy,
) -> None:
    path = copy_bundle()
    edit_card(path, "data", "test_images", value=50_000_000)
    assert refusal(path) == (
        "card.json of shapes-2d has 50,000,000 test images; with 2 latent dimensions, up to "
        "4,067,203 are taken"
    )


@pytest.mark.parametrize(
    ("images", "latent_dim"), [(1_000_000, 2), (300_000, 80), (202_599, 512), (50_000, 1_024)]
)
def test_the_test_images_of_large_data_sets_are_taken(images: int, latent_dim: int) -> None:
    check_count(images, latent_dim, "it")
    with pytest.raises(BundleError, match="up to"):
        check_count(20 * images, latent_dim, "it")


def test_damaged_images_are_replaced_when_they_are_saved_again(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    data = read_card(tiny_bundle).data
    images = np.random.default_rng(0).integers(0, 256, (100, 12, 12, 1), np.uint8)
    path = tmp_path / "images" / "kept.npz"
    save_images(images, path)
    intact = path.read_bytes()
    path.write_bytes(intact[: len(intact) // 2])
    with pytest.raises(BundleError, match=r"kept\.npz"):
        load_images(path, data)
    save_images(images, path)
    assert path.read_bytes() == intact  # no timestamps: same images, same bytes
    np.testing.assert_array_equal(load_images(path, data), images)


def test_each_array_is_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer, unpack, unpacked = io.BytesIO(), np.lib.format.read_array, []
    arrays.save_arrays(buffer, a=np.zeros(2), b=np.ones(2))

    def counted(*given: Any, **options: Any) -> Any:
        unpacked.append(unpack(*given, **options))
        return unpacked[-1]

    monkeypatch.setattr(np.lib.format, "read_array", counted)
    assert list(arrays.read_arrays(buffer.getvalue(), ["b"], "x.npz")) == ["b", "a"]
    assert len(unpacked) == 2


def test_two_trainings_keep_the_same_images_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.npz"
    pixels = np.zeros((3, 4, 4, 1), np.uint8)

    def write(target: Path, **given: np.ndarray) -> None:
        monkeypatch.undo()
        arrays.save_arrays(target, **given)
        save_images(pixels, path)  # the other one, from beginning to end

    monkeypatch.setattr("explorer.bundle.images.save_arrays", write)
    save_images(pixels, path)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.npz"]


# --- references --------------------------------------------------------------------------------


@pytest.fixture
def reference(tmp_path: Path, tiny_bundle: Path) -> Path:
    """Return the folder of a reference with the card and history of the tiny bundle."""
    bundle = load_bundle(tiny_bundle)
    return save_reference(bundle.card, bundle.history, tmp_path)


def test_a_reference_is_a_card_and_a_history(
    reference: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
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


def test_a_saved_reference_replaces_the_earlier_one(reference: Path, tmp_path: Path) -> None:
    earlier = load_reference(reference)
    training = earlier.card.training.model_copy(update={"seed": 7})
    save_reference(
        earlier.card.model_copy(update={"training_if_trained": training}), earlier.history, tmp_path
    )
    assert load_reference(reference).card.training.seed == 7
    assert [path.name for path in reference.parent.iterdir()] == ["shapes-2d"]


def test_references_are_no_bundles(reference: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert find_bundles(tmp_path) == []
    assert find_references(tmp_path) == [reference]
    assert find_references(tmp_path / "images") == []
    with pytest.raises(BundleError, match="'references' cannot name a bundle"):
        check_name("references")
    assert "encoder.onnx" in refusal(reference)


def test_a_bundle_can_be_read_as_a_reference(copy_bundle: Copy) -> None:
    path = copy_bundle()
    bundle = load_bundle(path)
    for name in set(FILES) - {"history.json"}:
        (path / name).unlink()
    assert load_reference(path) == Reference(bundle.card, bundle.history)


@pytest.mark.parametrize("name", ["card.json", "history.json"])
def test_a_reference_without_a_file_is_refused(reference: Path, name: str) -> None:
    (reference / name).unlink()
    with pytest.raises(BundleError, match=f"^{name} of shapes-2d is missing$"):
        load_reference(reference)


def test_a_changed_history_of_a_reference_is_found(reference: Path) -> None:
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
) -> None:
    path = copy_bundle()
    history = json.loads((path / "history.json").read_text(encoding="utf-8"))
    change(history)
    (path / "history.json").write_text(json.dumps(history), encoding="utf-8")
    reseal(path)
    with pytest.raises(BundleError, match=f"^history.json of shapes-2d has {said}$"):
        load(path)
