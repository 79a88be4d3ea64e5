"""Models without encoder and decoder: Python functions, and latents alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_sets import save_npz
from PIL import Image

from explorer import adopt
from explorer.adoption.latents import _with_labels, adopt_latents
from explorer.adoption.result import About
from explorer.bundle import effort
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import BundleError
from explorer.bundle.effort import SPEED
from explorer.bundle.images import find_originals
from explorer.bundle.store import load_bundle
from explorer.bundle.trust import trust_limits
from explorer.cli import bound
from explorer.cli.verify import verify
from explorer.core.metrics import percentile_of
from explorer.core.trust import judge
from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.errors import ExplorerError
from explorer.web import payload
from explorer.web.payload import encode_model

Arrays = Any
READ = Path(__file__).parent / "javascript" / "read_latents.js"


@pytest.fixture(scope="module")
def images(tiny_settings: dict[str, Any]) -> dict[str, np.ndarray]:
    with np.load(tiny_settings["data"]) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def pca(images: dict[str, np.ndarray]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return PCA as a pair of functions: three components of the training images."""
    x = images["x_train"].reshape(-1, 144) / 255.0
    middle = x.mean(axis=0)
    axes = np.linalg.svd(x - middle, full_matrices=False)[2][:3].T  # (144, 3)

    def encode(batch: np.ndarray) -> np.ndarray:
        return np.asarray((batch.reshape(len(batch), -1) - middle) @ axes)

    def decode(z: np.ndarray) -> np.ndarray:
        return np.asarray((z @ axes.T + middle).clip(0, 1).reshape(-1, 12, 12, 1))

    return encode, decode


@pytest.fixture
def take(tmp_path: Path, tiny_settings: dict[str, Any], pca: Any) -> Callable[..., Bundle]:
    def take(**functions: Any) -> Bundle:
        given = dict(zip(("encode", "decode"), pca, strict=True)) | functions
        return load_bundle(adopt("mine", data=tiny_settings["data"], output=tmp_path, **given))

    return take


def test_asking_for_the_function_is_what_imports_it() -> None:
    code = "import explorer, sys; print('numpy' in sys.modules, 'explorer.adoption' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]


def test_functions_are_run_and_what_they_give_is_kept(
    take: Callable[..., Bundle], images: dict[str, np.ndarray], pca: Any
) -> None:
    bundle = take()
    x = images["x_test"][..., np.newaxis] / 255.0
    np.testing.assert_allclose(bundle.latents.z_mean, pca[0](x), atol=2e-3)
    assert bundle.reconstructions is not None
    np.testing.assert_allclose(bundle.reconstructions / 255, pca[1](pca[0](x)), atol=3e-3)
    metrics = bundle.card.metrics
    assert metrics.squared_error == pytest.approx(metrics.squared_error_pca, rel=0.05)
    assert metrics.knn_accuracy is not None
    assert (metrics.neg_elbo, metrics.kl, bundle.card.model.parameters) == (None, None, None)
    with pytest.raises(ExplorerError):
        _ = bundle.codec


def test_log_variances_give_the_kl_and_with_a_decoder_the_elbo(
    take: Callable[..., Bundle], pca: Any
) -> None:
    def encode(batch: np.ndarray) -> Arrays:
        return np.zeros((len(batch), 3)), np.zeros((len(batch), 3))

    alone = take(encode=lambda batch: (pca[0](batch) * 0.1, encode(batch)[1]), decode=None)
    assert alone.card.metrics.kl == pytest.approx(0.5 * 3 * np.mean(alone.latents.z_mean**2), 0.01)
    assert (alone.card.metrics.neg_elbo, alone.reconstructions) == (None, None)
    grey = take(encode=encode, decode=lambda z: np.full((len(z), 12, 12, 1), 0.5), replace=True)
    assert grey.card.metrics.kl == 0
    assert grey.card.metrics.neg_elbo == pytest.approx(144 * np.log(2), abs=0.01)


def test_figures_of_a_slow_function_are_estimated_from_fewer_draws(
    take: Callable[..., Bundle],
    pca: Any,
    tiny_settings: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    decoded = 0

    def decode(z: np.ndarray) -> np.ndarray:
        nonlocal decoded
        decoded += len(z)
        time.sleep(0.05 if decoded <= 200 else 0.0)  # while 100 latents are tried twice
        return np.asarray(pca[1](z))

    def encode(batch: np.ndarray) -> Arrays:
        return pca[0](batch), np.zeros((len(batch), 3))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effort, "WORK", SPEED // 10)  # 100 ms: 200 of these latents
        bundle = take(encode=encode, decode=decode)
    metrics = bundle.card.metrics
    assert metrics.importance is not None
    assert metrics.samples <= 2
    assert metrics.importance.images * metrics.importance.samples <= 200
    assert metrics.amortisation_gap is None
    assert verify(bundle.path, tiny_settings["data"], None) == 2
    assert "DIFFERS" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        ({"encode": lambda x: np.random.default_rng().normal(size=(len(x), 3))}, "each time"),
        ({"encode": lambda x: np.zeros((3, len(x)))}, "expected z_mean"),
        ({"encode": lambda x: np.full((len(x), 3), np.nan)}, "NaN"),
        ({"encode": lambda x: np.zeros((len(x), 1025))}, "1,025 numbers"),
        ({"encode": lambda x: {"mean": np.zeros((len(x), 3))}}, "encode gives a dict"),
        ({"decode": lambda z: {"image": z}}, "decode gives a dict"),
        ({"decode": lambda z: np.zeros((len(z), 144))}, "expected (100, 12, 12, 1)"),
        ({"decode": lambda z: np.full((len(z), 12, 12, 1), -1.0)}, "from -1 to -1"),
    ],
)
def test_functions_that_cannot_be_taken_get_a_sentence(
    take: Callable[..., Bundle], tmp_path: Path, functions: dict[str, Any], words: str
) -> None:
    with pytest.raises(ExplorerError) as error:
        take(**functions)
    assert words in str(error.value)
    assert not list(tmp_path.iterdir())


def test_swapped_outputs_are_found(take: Callable[..., Bundle], pca: Any) -> None:
    with pytest.raises(ExplorerError, match="in this order"):
        take(encode=lambda x: (np.full((len(x), 3), -3.0), pca[0](x)))


@pytest.fixture
def alone(tmp_path: Path) -> Callable[..., Bundle]:
    """Return a function that makes a bundle of latents, images and labels."""

    def make(z: np.ndarray, source: Path | str, labels: Path | None = None) -> Bundle:
        np.save(tmp_path / "z.npy", z)
        about = About("alone", output=tmp_path / "bundles")
        return load_bundle(
            adopt_latents(
                about,
                tmp_path / "z.npy",
                str(source),
                labels,
                report=print,
                progress=lambda share: None,
            )
        )

    return make


def test_latents_alone_make_a_map(
    alone: Callable[..., Bundle], images: dict[str, np.ndarray], pca: Any, tmp_path: Path
) -> None:
    x = images["x_test"]
    np.save(tmp_path / "pictures.npy", x)  # without a test split: all are taken, in their order
    (tmp_path / "labels.txt").write_text("\n".join(f"class {label}" for label in images["y_test"]))
    z = pca[0](x / 255.0)
    bundle = alone(z, tmp_path / "pictures.npy", tmp_path / "labels.txt")
    np.testing.assert_allclose(bundle.latents.z_mean, z, atol=2e-3)
    assert bundle.card.data.classes[bundle.latents.labels[0]] == f"class {images['y_test'][0]}"
    assert bundle.card.metrics.squared_error is bundle.card.metrics.knn_accuracy is None
    originals = find_originals(bundle)
    assert originals is not None
    np.testing.assert_array_equal(originals[..., 0], x)
    assert verify(bundle.path, str(tmp_path / "pictures.npy"), None) == 2  # all but the latents


def test_where_latents_alone_could_lie_is_as_dense_as_where_they_do(
    alone: Callable[..., Bundle], tiny_settings: dict[str, Any], node: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    z = random.standard_normal((len(np.load(tiny_settings["data"])["x_test"]), 8))
    bundle = alone(z.astype(np.float32), tiny_settings["data"])
    density = bundle.latents.aggregate_posterior.log_density(random.standard_normal((500, 8)))
    shares = percentile_of(density, bundle.sorted_log_density)
    assert 30 < np.median(shares) < 70
    assert np.mean(shares == 0) < 0.1
    limits = trust_limits(bundle)
    own = [
        judge((density, distance), (limits[0], limits[2]))[0]
        for density, distance in zip(
            bundle.latents.log_density, bundle.latents.nearest_distance, strict=True
        )
    ]
    assert own.count("good") > 0.95 * len(own)
    (tmp_path / "model").write_bytes(encode_model(bundle))
    (tmp_path / "latents").write_bytes(bundle.latents.z_mean.astype("<f4").tobytes())
    command = [str(node), str(READ), str(tmp_path / "model"), str(tmp_path / "latents")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    readings = json.loads(done.stdout)
    assert [one["verdict"]["level"] for one in readings].count("good") > 0.95 * len(own)
    assert 30 < np.median([one["percentiles"][0] for one in readings]) < 70


def test_labels_may_be_written_in_many_ways(
    alone: Callable[..., Bundle], tiny_settings: dict[str, Any], tmp_path: Path
) -> None:
    count = len(np.load(tiny_settings["data"])["x_test"])
    z = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    labels = np.arange(count) % 11
    (tmp_path / "labels.txt").write_text("\n".join(map(str, labels)) + "\n\n", "utf-8-sig")
    bundle = alone(z, tiny_settings["data"], tmp_path / "labels.txt")
    assert bundle.card.data.classes == tuple(map(str, range(11)))
    np.testing.assert_array_equal(bundle.latents.labels, labels)


@pytest.mark.parametrize(
    "labels", [[[1.0], [0.0], [1.0]], [[0, 1], [1, 0], [0, 1]], [b"b", b"a", b"b"]]
)
def test_labels_in_arrays_are_read_as_data_sets_have_them(tmp_path: Path, labels: Any) -> None:
    save_npz(tmp_path / "mine.npz", images=np.zeros((3, 8, 8), np.uint8))
    np.save(tmp_path / "labels.npy", labels)
    dataset = load_dataset(tmp_path / "mine.npz", Reading(whole=True))
    found = _with_labels(dataset, tmp_path / "labels.npy")
    assert found.test.labels.tolist() == [1, 0, 1]
    assert found.classes in (("0", "1"), ("a", "b"))


@pytest.mark.parametrize(
    "content",
    ["1\n0\n1\n", "label\n1\n0\n1\n", "Class\r\n1\r\n0\r\n1", "1.000e+00\n0.000e+00\n1.000e+00"]
    + ["file,label\na.png,1\nb.png,0\nc.png,1", "class\tnumber\n1\t7\n0\t8\n1\t9\n"]
    + [",label\n2,1\n1,0\n0,1\n", "index,label\n1,0\n0,1\n2,1", "'1'\n'0'\n'1'\n"],
)
def test_a_line_for_each_label_may_follow_a_title(tmp_path: Path, content: str) -> None:
    save_npz(tmp_path / "mine.npz", images=np.zeros((3, 8, 8), np.uint8))
    (tmp_path / "labels.csv").write_text(content, newline="")
    dataset = load_dataset(tmp_path / "mine.npz", Reading(whole=True))
    found = _with_labels(dataset, tmp_path / "labels.csv")
    assert (found.test.labels.tolist(), found.classes) == ([1, 0, 1], ("0", "1"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"".join(b"%d.png,1\n" % row for row in range(12)),
            "has 2 cells on each line, such as '0.png,1'; expected the label",
        ),
        (b"".join(b"%d 9\n" % row for row in range(12)), "another label for each image"),
        (b"\x93NUMPY\xf6", "is no text; expected a .npy file, or a text"),
        (b"", "holds 0 labels; expected 12"),
        (b"a\n" * 5 + b"\n" + b"a\n" * 6, "line 6 of labels.csv has no label"),
        (b"0.5\n1\n" * 6, "holds fractions, such as 0.5; expected 12 whole numbers"),
        (b"nan\n1\n" * 6, "holds NaN or infinity; expected 12 whole numbers"),
        (b'{"label": 1}\n' * 12, "holds JSON; expected a label on each line"),
    ],
)
def test_what_tells_no_classes_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    save_npz(tmp_path / "mine.npz", images=np.zeros((12, 8, 8), np.uint8))
    (tmp_path / "labels.csv").write_bytes(content)
    dataset = load_dataset(tmp_path / "mine.npz", Reading(whole=True))
    with pytest.raises(ExplorerError, match=words):
        _with_labels(dataset, tmp_path / "labels.csv")


def test_latents_that_cannot_be_read_get_a_sentence(
    alone: Callable[..., Bundle], tiny_settings: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "z.npz").write_bytes(b"PK\x03\x04 cut short")
    for name, words in (("z.npz", "is not a .npy file that can be read"), ("z", "is not there")):
        about = About("alone", output=tmp_path)
        with pytest.raises(ExplorerError, match=words):
            adopt_latents(
                about, tmp_path / name, tiny_settings["data"], report=print, progress=print
            )


def test_sizes_that_do_not_fit_are_told(
    alone: Callable[..., Bundle], tiny_settings: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ExplorerError, match=r"z.npy has 7 latents, but .* images"):
        alone(np.arange(21, dtype=np.float32).reshape(7, 3), tiny_settings["data"])
    with pytest.raises(ExplorerError, match=r"expected numbers, \(n, d\)"):
        alone(np.zeros(7), tiny_settings["data"])
    with pytest.raises(ExplorerError, match="holds the same latent for all 7 images"):
        alone(np.ones((7, 3)), tiny_settings["data"])
    with pytest.raises(ExplorerError, match="z.npy has 0 latents of 3 numbers"):
        alone(np.zeros((0, 3)), tiny_settings["data"])
    (tmp_path / "labels.txt").write_text("one\ntwo")
    with pytest.raises(
        ExplorerError, match=r"labels.txt holds 2 labels; expected .* one for each image"
    ):
        alone(np.eye(7, 3), tiny_settings["data"], tmp_path / "labels.txt")


def test_what_is_stored_is_verified(
    take: Callable[..., Bundle], tiny_settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    path = take().path
    assert verify(path, tiny_settings["data"], None) == 2
    said = capsys.readouterr().out
    assert "NOT CHECKED: the latents" in said
    assert "DIFFERS" not in said
    assert "squared_error" in said


def test_a_bound_takes_both_networks(
    take: Callable[..., Bundle], tiny_settings: dict[str, Any]
) -> None:
    with pytest.raises(BundleError, match="it takes an encoder"):
        bound.compute(take(), load_dataset(tiny_settings["data"]).test, 5)


@pytest.mark.parametrize("shape", [(3, 700, 1), (2000, 2, 3), (28, 28, 1), (1, 2048, 3)])
def test_the_browsers_picture_of_images_of_any_shape_is_one_that_a_browser_reads(
    tiny_bundle: Path, shape: tuple[int, int, int]
) -> None:
    images = np.zeros((payload.MAX_SPRITE_PIXELS // (shape[0] * shape[1]), *shape), np.uint8)
    picture = Image.open(io.BytesIO(payload.encode_images(load_bundle(tiny_bundle), images)[65:]))
    assert max(picture.size) <= 10_000


def test_reconstructions_follow_the_originals_in_the_browsers_picture(
    take: Callable[..., Bundle], images: dict[str, np.ndarray]
) -> None:
    bundle = take()

    x = images["x_test"][..., np.newaxis]
    picture = Image.open(io.BytesIO(payload.encode_images(bundle, x)[65:]))
    row, column = divmod(len(x), payload.sprite_columns(x.shape[2]))
    tile = np.asarray(picture)[12 * row :, 12 * column :][:12, :12]
    assert bundle.reconstructions is not None
    np.testing.assert_array_equal(tile, bundle.reconstructions[0, ..., 0])
