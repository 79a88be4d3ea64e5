"""Folders are replaced either completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.bundle.atomic import flush, recover, unfinished
from explorer.bundle.card import BundleError
from explorer.bundle.store import check_name, find_bundles, load_bundle
from explorer.core.half import to_half

Copy = Callable[[], Path]


def test_half_precision_is_the_nearest_and_infinite_beyond_its_range() -> None:
    values = np.array([1.0, 1.0 + 2**-12, -65504.0, 1e6], np.float32)
    halves = to_half(values)
    assert halves.dtype == np.dtype("<f2")
    assert halves.tolist() == [1.0, 1.0, -65504.0, np.inf]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere folders cannot be flushed")
def test_every_file_and_then_their_names_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    flush(tmp_path)
    assert sorted(flushed[:2]) == sorted((tmp_path / name).stat().st_ino for name in ("a", "b"))
    assert flushed[2:] == [tmp_path.stat().st_ino]


def test_a_bundle_that_is_not_finished_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), unfinished(tmp_path / "new-2d") as folder:
        (folder / "history.json").write_text("half of it")
        raise KeyboardInterrupt
    assert not (tmp_path / "new-2d").exists()
    assert find_bundles(tmp_path) == []
    with unfinished(tmp_path / "new-2d") as folder:
        assert list(folder.iterdir()) == []  # nothing of the first attempt
        (folder / "history.json").write_text("all of it")
        assert find_bundles(tmp_path) == []
    assert find_bundles(tmp_path) == [tmp_path / "new-2d"]
    assert [path.name for path in tmp_path.iterdir()] == ["new-2d"]


def test_a_failed_replacement_leaves_the_earlier_bundle(copy_bundle: Copy) -> None:
    path = copy_bundle()
    before = load_bundle(path).content
    with pytest.raises(OSError, match="disk full"), unfinished(path) as folder:
        shutil.copytree(path, folder, dirs_exist_ok=True)
        raise OSError("disk full")
    assert load_bundle(path).content == before


def test_what_a_link_leads_to_is_replaced(copy_bundle: Copy, tmp_path: Path) -> None:
    path, shelf = copy_bundle(), tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "linked-2d").symlink_to(path)
    for name in ("one", "two"):  # the second must cope with what the first left
        with unfinished(shelf / "linked-2d") as folder:
            (folder / name).touch()
    assert (shelf / "linked-2d").is_symlink()
    assert [file.name for file in path.iterdir()] == ["two"]
    assert [entry.name for entry in shelf.iterdir()] == ["linked-2d"]


class Killed(BaseException):
    """Simulates a kill, after which no code of the project runs."""


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("failure", [OSError, Killed])
def test_one_whole_bundle_survives_a_failure_at_any_step(
    copy_bundle: Copy, other_bundle: Path, step: int, failure: type[BaseException]
) -> None:
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
            patch.setattr(os, "replace", failing(os.replace))
            patch.setattr(shutil, "rmtree", failing(shutil.rmtree))
        assert calls >= step + 1
    recover(path)
    assert load_bundle(path).content == (new if step == 2 else old)
    assert find_bundles(path.parent) == [path]

    with unfinished(path) as folder:  # and the next attempt succeeds
        shutil.copytree(other_bundle, folder, dirs_exist_ok=True)
    assert load_bundle(path).content == new
    hidden = {entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")}
    assert hidden <= {".checkpoints"}


def test_recover_removes_what_was_replaced_already(copy_bundle: Copy, other_bundle: Path) -> None:
    path = copy_bundle()
    shutil.copytree(other_bundle, path.with_name(f".{path.name}.previous"))
    before = load_bundle(path).content
    recover(path)
    assert load_bundle(path).content == before
    assert not path.with_name(f".{path.name}.previous").exists()


def test_recover_needs_no_folder(tmp_path: Path) -> None:
    recover(tmp_path / "absent")


@pytest.mark.parametrize("name", ["mnist-2d", "a", "0", "x_1.5-b", "a" * 100])
def test_a_plain_name_can_name_a_bundle(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".x", "-x", "../x", "a/b", "a\\b", "A", "ä", "a b", "a\n", "images", "a" * 101],
)
def test_an_odd_name_cannot(name: str) -> None:
    with pytest.raises(BundleError, match="cannot name a bundle"):
        check_name(name)
