"""Fixtures: the app, its models, and visitors with a desktop and with a phone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest

from explorer import adopt
from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle

from .visitor import BARE, DEEP, FLAT, ODD, OTHER, PATIENCE, ROOT, SHIPPED, SMALL, Visitor


@pytest.fixture(scope="session")
def shelf(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_bundle: Path,
    tiny_settings: dict[str, Any],
    reseal: Callable[[Path], None],
) -> Path:
    """Make a folder of the shipped bundles and three odd ones.

    These are of another size, with a decoder that no page runs, and without a decoder.
    """
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "images").mkdir()
    for source in (SHIPPED, tiny_bundle.parent):
        for path in (*source.glob("*/card.json"), *source.glob("images/*.npz")):
            thing = path if path.parent.name == "images" else path.parent
            (folder / thing.relative_to(source)).symlink_to(thing)
    add_odd_bundle(tiny_bundle, folder / ODD, reseal)
    codec = load_bundle(tiny_bundle).codec
    data = tiny_settings["data"]
    adopt(BARE, encode=codec.encode, decode=codec.decode, data=data, output=folder)
    return folder


def add_odd_bundle(source: Path, target: Path, reseal: Callable[[Path], None]) -> None:
    """Add a bundle whose decoder has an operator that onnxruntime runs and the page does not."""
    shutil.copytree(source, target)
    model = onnx.load(target / "decoder.onnx")
    (output,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["odd" if name == output.name else name for name in node.output]
    model.graph.node.append(onnx.helper.make_node("Sin", ["odd"], [output.name]))
    onnx.save(model, target / "decoder.onnx")
    card = json.loads((target / "card.json").read_text(encoding="utf-8"))
    card["name"] = ODD
    (target / "card.json").write_text(json.dumps(card), encoding="utf-8")
    reseal(target)


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, shelf: Path) -> Iterator[str]:
    """Start the app as a user does, without data sets except those beside the bundles."""
    folder = tmp_path_factory.mktemp("app")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
        f"--server.port={port}", "--server.fileWatcherType=none",
    ]  # fmt: skip
    places = {
        "LATENT_DATA_DIR": str(folder),
        "KERAS_HOME": str(folder),
        "LATENT_BUNDLES": str(shelf),
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **places}, stdout=output, stderr=output
        )
    try:
        url = f"http://localhost:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
        yield url
        said = log.read_text()
        assert "Traceback" not in said, said[-5000:]
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def bundles(shelf: Path) -> dict[str, Bundle]:
    return {name: load_bundle(shelf / name) for name in (FLAT, DEEP, OTHER, SMALL, ODD, BARE)}


@pytest.fixture(scope="session")
def desk(chromium: Any, app_url: str) -> Iterator[Any]:
    """Open a desktop browser that has seen the tour, for pages that share its cache."""
    with browser_of(chromium, app_url, width=1280) as context:
        yield context


@pytest.fixture(scope="session")
def hand(chromium: Any, app_url: str) -> Iterator[Any]:
    """Open the browser of a phone."""
    with browser_of(chromium, app_url, width=390, has_touch=True, is_mobile=True) as context:
        yield context


@contextlib.contextmanager
def browser_of(chromium: Any, url: str, *, width: int, **options: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{url}/_stcore/health")
    page.evaluate("localStorage.setItem('latent-space-tour', 'seen')")
    page.close()
    yield context
    context.close()


@pytest.fixture(scope="session")
def page_at_desk(desk: Any, app_url: str) -> Visitor:
    return Visitor(desk, app_url)


@pytest.fixture(scope="session")
def page_in_hand(hand: Any, app_url: str) -> Visitor:
    return Visitor(hand, app_url)


@pytest.fixture
def visitor(page_at_desk: Visitor, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Give a visitor with a desktop; the test fails if anything goes wrong on the page."""
    with without_trouble(page_at_desk, request):
        yield page_at_desk


@pytest.fixture
def phone(page_in_hand: Visitor, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Give a visitor with a phone; the test fails if anything goes wrong on the page."""
    with without_trouble(page_in_hand, request):
        yield page_in_hand


@contextlib.contextmanager
def without_trouble(visitor: Visitor, request: pytest.FixtureRequest) -> Iterator[None]:
    if getattr(request.node, "execution_count", 1) > 1:  # a second try starts afresh
        visitor.leave()
    visitor.troubles.clear()
    yield
    assert visitor.troubles == []


@pytest.fixture
def further(desk: Any, app_url: str) -> Iterator[Visitor]:
    """Open another page of the desktop visitor, which is closed at the end."""
    visitor = Visitor(desk, app_url)
    yield visitor
    visitor.page.close()
    assert visitor.troubles == []
