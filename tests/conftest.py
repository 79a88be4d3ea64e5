"""Fixtures and settings that tests share."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in app.py; other tests use the other cores

import contextlib
import gc
import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from shapes import draw_shapes

from benchmarks.browser import launch_options

# Without bytecode on the disk, every process that a test starts compiles TensorFlow anew, in 5 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Streamlit warns about every cached function that is called outside of a server.
logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(
    lambda record: record.levelno > logging.WARNING
)

NEARBY = Path(__file__).resolve().parents[2] / "shared" / "datasets"


SLOWEST = (
    "test_distribution.py", "browser/test_screens.py", "browser/test_map.py",
    "browser/test_page.py", "test_adoption.py", "test_decoding.py", "test_training.py",
    "test_train_command.py", "test_trust.py", "browser/test_delivery.py", "test_export.py",
    "test_pictures.py",
)  # fmt: skip
"""The slowest files, which start first, so that no process waits for them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest files first; give tests in a browser two more tries."""
    folder = Path(__file__).parent

    def turn(item: pytest.Item) -> int:
        name = item.path.relative_to(folder).as_posix()
        return [*SLOWEST, name].index(name)

    items.sort(key=turn)
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=2))


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collection, which Keras starts often."""
    gc.freeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real data sets: ``$LATENT_DATA_DIR``, or one near the repository."""
    folder = Path(os.environ.get("LATENT_DATA_DIR") or NEARBY)
    if folder.is_dir():
        return folder
    _do_without("no real data sets on this machine; name their folder in LATENT_DATA_DIR")


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the data sets and the Keras cache of the machine that runs the tests."""
    monkeypatch.delenv("LATENT_DATA_DIR", raising=False)
    monkeypatch.setenv("LATENT_CACHE_DIR", "")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("explorer.data.named.SYSTEM_DATA_DIR", tmp_path / "system")
    (tmp_path / "keras" / "datasets").mkdir(parents=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder called "Our Pets"."""
    path = tmp_path / "Our Pets"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def do_without() -> Callable[[str], NoReturn]:
    """Return the function that skips a test whose requirements are missing, and fails it in CI."""
    return _do_without


@pytest.fixture(scope="session")
def node() -> Path:
    """Return the Node that Playwright brings, or else the machine's own."""
    playwright = find_spec("playwright")
    places = playwright.submodule_search_locations if playwright else None
    found = places and shutil.which("node", path=Path(places[0]) / "driver") or shutil.which("node")
    if not found:
        _do_without("no Node to run JavaScript with")
    return Path(found)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start a headless Chromium."""
    try:
        from playwright import sync_api
    except ImportError as error:
        _do_without(f"no Playwright to test with: {error}")
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(**launch_options())
        except sync_api.Error as error:
            _do_without(f"no Chromium to test with: {error}")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tiny_recipe() -> dict[str, Any]:
    """Return a recipe that trains in a second (no XLA) and has every kind of randomness."""
    return {
        "encoder": [
            {"layer": "GaussianNoise", "stddev": 0.05},
            {"layer": "Conv2D", "filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"},
            {"layer": "Flatten"},
            {"layer": "Dense", "units": 8, "activation": "relu"},
        ],
        "decoder": [
            {"layer": "Dense", "units": 8, "activation": "relu"},
            {
                "layer": "Residual",
                "layers": [
                    {"layer": "Dense", "units": 8, "activation": "relu"},
                    {"layer": "Dropout", "rate": 0.1},
                ],
            },
        ],
        "head": {"layer": "Dense"},
        "kl_warmup": 0.5,
        "epochs": 3,
        "batch_size": 64,
        "learning_rate": 0.01,
        "warmup_steps": 2,
    }


@pytest.fixture(scope="session")
def tiny_settings(
    tmp_path_factory: pytest.TempPathFactory, tiny_recipe: dict[str, Any]
) -> dict[str, Any]:
    """Return values for ``train.Settings``: 300 pictures of bars and blobs, the tiny recipe."""
    folder = tmp_path_factory.mktemp("tiny")
    images, labels = draw_shapes()
    np.savez(
        folder / "shapes.npz",
        x_train=images[:300],
        y_train=labels[:300],
        x_test=images[300:],
        y_test=labels[300:],
    )
    (folder / "tiny.json").write_text(json.dumps(tiny_recipe), encoding="utf-8")
    return {"data": str(folder / "shapes.npz"), "recipe": str(folder / "tiny.json")}


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_settings: dict[str, Any]) -> Path:
    """Return the folder of a trained bundle, ``shapes-2d``; change copies only: ``copy_bundle``."""
    return _train(tmp_path_factory.mktemp("pretrained"), tiny_settings)


@pytest.fixture(scope="session")
def other_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_settings: dict[str, Any]) -> Path:
    """Return a bundle like the tiny one, but from another seed."""
    return _train(tmp_path_factory.mktemp("pretrained"), {**tiny_settings, "seed": 1})


@pytest.fixture(scope="session")
def conditional_bundle(
    tmp_path_factory: pytest.TempPathFactory, tiny_settings: dict[str, Any]
) -> Path:
    """Return the folder of an adopted bundle, ``conditional``, whose networks take the class."""
    from explorer.adoption.adopt import Request, adopt_graphs
    from explorer.adoption.candidates import Known
    from explorer.adoption.result import About

    request = Request(
        About("conditional", output=tmp_path_factory.mktemp("adopted")),
        Path(__file__).parent / "adopted" / "conditional-encoder.onnx",
        Path(__file__).parent / "adopted" / "conditional-decoder.onnx",
        tiny_settings["data"],
        Known(condition="labels"),
    )
    return adopt_graphs(
        request, lambda line: None, lambda what: lambda share: None, Path.read_bytes
    )


@pytest.fixture
def copy_bundle(tmp_path: Path, tiny_bundle: Path) -> Callable[[], Path]:
    """Return a function that makes a copy of the tiny bundle, which a test may break."""

    def copy() -> Path:
        shutil.copytree(tiny_bundle.parent, tmp_path / "copy")
        return tmp_path / "copy" / tiny_bundle.name

    return copy


@pytest.fixture(scope="session")
def reseal() -> Callable[[Path], None]:
    """Return a function that writes sizes and SHA-256 of changed files into a bundle's card."""

    def seal(bundle: Path) -> None:
        card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
        for name in card["files"]:
            data = (bundle / name).read_bytes()
            card["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (bundle / "card.json").write_text(json.dumps(card), encoding="utf-8")

    return seal


@pytest.fixture
def few_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound and refine few images for the figures, in tests that are not of these."""
    _take_few_images(monkeypatch)


def _take_few_images(patch: pytest.MonkeyPatch) -> None:
    from explorer.bundle import effort

    patch.setattr(effort, "GAP_IMAGES", 10)
    patch.setattr(effort, "IMPORTANCE_IMAGES", 20)


@contextlib.contextmanager
def training_at_once() -> Iterator[None]:
    """Make bundles of untrained models at once, without training and most estimates."""
    from explorer.training import export, loop
    from explorer.training.vae import VAE

    def train(
        run: Any, images: Any, *, checkpoints: Path, stop: Callable[..., bool], **_: Any
    ) -> Any:
        checkpoints.mkdir(parents=True, exist_ok=True)
        model = VAE(run.recipe, run.image_shape, run.latent_dim, seed=run.seed)
        terms = ("neg_elbo", "reconstruction", "kl")
        epochs = 1 if stop({}, 1.0) else run.recipe.epochs
        return loop.Trained(model, {term: [1.0] * epochs for term in terms}, 1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "train", train)
        patch.setattr(export, "check_exportable", lambda *model: None)
        _take_few_images(patch)
        yield


def _train(output: Path, settings: dict[str, Any]) -> Path:
    from explorer.cli.train import Settings
    from train import train_bundle

    train_bundle(Settings(**settings), output=output, data_dir=None, resume=False)
    return output / "shapes-2d"


def _do_without(message: str) -> NoReturn:
    """Fail in CI; skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
