"""Pages with and without the data set's images."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from explorer.app import cache
from explorer.app.words import literal
from explorer.bundle.bundle import Bundle

from .visiting import (
    DEEP,
    FLAT,
    SHIPPED,
    assert_sound,
    captions,
    flip_a_byte,
    go_to,
    images_sent,
    press,
    sentences,
    visit,
)


def test_without_the_images_thumbnails_are_reconstructions_and_said_to_be(
    bundles: dict[str, Bundle],
) -> None:
    visitor = visit(model=DEEP, view="Model", section="Pictures")
    assert "images of MNIST are not on this machine; thumbnails are recon" in sentences(visitor)
    assert "reconstructions (there are no originals here)" in captions(visitor)
    assert images_sent(visitor, bundles[DEEP]) == b""
    visitor = visit(model=FLAT, view="Model", section="Pictures")
    assert "not on this machine" not in sentences(visitor)
    assert "test images above their reconstructions" in captions(visitor)
    assert images_sent(visitor, bundles[FLAT]).startswith(b"\x89PNG")


def test_a_public_data_set_that_is_not_enlarged_is_not_offered_for_fetching(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("explorer.bundle.images.MAX_VALUES", 28 * 28 - 1)
    visitor = visit(model=DEEP, view="Model", section="Pictures")
    assert "The images of MNIST are not enlarged to 28 × 28 pixels here" in sentences(visitor)
    assert "Fetch the data set" not in [button.label for button in visitor.button]


@pytest.mark.usefixtures("fresh_caches")
def test_the_data_set_can_be_fetched(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path, bundles: dict[str, Bundle]
) -> None:
    """The button's command is replaced, as there may be no network here."""
    asked = []

    def fetch(command: list[str], **options: Any) -> SimpleNamespace:
        asked.append(command)
        os.symlink(data_dir / "mnist", Path(os.environ["LATENT_DATA_DIR"]) / "mnist")
        return SimpleNamespace(poll=lambda: 0, stderr=io.StringIO())

    monkeypatch.setattr(subprocess, "Popen", fetch)
    visitor = visit(model=DEEP, view="Model", section="Pictures")
    press(visitor, "Fetch the data set")
    assert asked == [[sys.executable, "-m", "explorer", "data", "mnist"]]
    assert_sound(visitor)
    assert "not on this machine" not in sentences(visitor)
    assert "test images above their reconstructions" in captions(visitor)
    assert images_sent(go_to(visitor, "Map"), bundles[DEEP]).startswith(b"\x89PNG")


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        ("", 1, "it gave no reason"),
        ("47 of 11 MB\n", -15, "it was stopped"),
        (
            "Downloading …\n![There](https://is.no/network) here.\n",
            1,
            literal("![There](https://is.no/network) here."),
        ),
    ],
)
def test_one_fetch_is_followed_by_all_and_its_failure_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, said: str, status: int, reason: str
) -> None:
    processes = []

    def fetch(_: list[str], **options: Any) -> SimpleNamespace:
        processes.append(SimpleNamespace(poll=lambda: None, stderr=io.StringIO(said)))
        return processes[0]

    monkeypatch.setattr(subprocess, "Popen", fetch)
    visitor = press(visit(model=DEEP, view="Map"), "Fetch the data set")
    last = literal(said.splitlines()[-1] if said else "…")
    assert f"Fetching MNIST: {last}" in [caption.value for caption in visitor.caption]
    another = visit(model=DEEP, view="Map")
    assert "Fetch the data set" not in {button.label for button in another.button}
    processes[0].poll = lambda: status
    for one in (visitor, another):
        assert_sound(one.run())
        (error,) = one.error
        assert error.value == f"The images could not be fetched: {reason}"
    assert len(processes) == 1


@pytest.mark.usefixtures("fresh_caches")
def test_damaged_test_images_are_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shutil.copytree(SHIPPED / "images", shelf / "images")
    (shelf / FLAT).symlink_to(SHIPPED / FLAT)
    monkeypatch.setattr(cache, "BUNDLES", shelf)
    for file in (shelf / "images").glob("*.npz"):
        flip_a_byte(file)
    visitor = visit(model=FLAT, view="Model")
    assert_sound(visitor)
    assert "images of Fashion-MNIST are not on this machine" in sentences(visitor)
