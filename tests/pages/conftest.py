"""Fixtures: the shipped models, in the process of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner import script_runner

from explorer.app import cache
from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle

from .visiting import DEEP, FLAT, SHIPPED, clear_caches


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Use the shipped bundles, and no data sets except those beside them."""
    monkeypatch.setattr(cache, "BUNDLES", SHIPPED)
    # After every run Streamlit resets Keras, which other tests' modules import and the app does not
    monkeypatch.setattr(script_runner, "_clean_problem_modules", lambda: None, raising=False)
    # Before every run Streamlit reads the metadata of all installed packages: half of a run's time
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list, raising=False)
    nothing = tmp_path_factory.mktemp("nothing")
    monkeypatch.setenv("LATENT_DATA_DIR", str(nothing))
    monkeypatch.setenv("KERAS_HOME", str(nothing))


@pytest.fixture(autouse=True, scope="module")
def _nothing_cached() -> Iterator[None]:
    clear_caches()
    yield
    clear_caches()


@pytest.fixture
def fresh_caches() -> Iterator[None]:
    """Clear the caches, for tests that change what is in them."""
    clear_caches()
    yield
    clear_caches()


@pytest.fixture(scope="module")
def bundles() -> dict[str, Bundle]:
    return {name: load_bundle(SHIPPED / name) for name in (FLAT, DEEP)}


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Any]]:
    """Return functions that make the files of the download buttons drawn so far, by file name.

    They are called as the server calls them: after the run, outside of any session.
    """
    made: dict[str, Callable[[], Any]] = {}
    original = MediaFileManager.add_deferred

    def add(self: MediaFileManager, data: Any, *args: Any, **options: Any) -> str:
        made[options["file_name"]] = data
        return original(self, data, *args, **options)

    monkeypatch.setattr(MediaFileManager, "add_deferred", add)
    return made


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the flat model, to which tests add broken models."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in (FLAT, "images"):
        (folder / name).symlink_to(SHIPPED / name)
    monkeypatch.setattr(cache, "BUNDLES", folder)
    return folder
