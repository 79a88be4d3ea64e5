"""Bundles that are broken, strange or missing."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from explorer.app import cache
from explorer.bundle.card import BundleError
from explorer.bundle.codec import Codec
from explorer.bundle.graph import GraphError
from explorer.bundle.store import FILES

from .visiting import (
    DAMAGE,
    DEEP,
    FLAT,
    SHIPPED,
    address,
    as_read,
    assert_sound,
    choose_model,
    clear_caches,
    copy_to,
    flip_a_byte,
    models_of,
    parts,
    sentences,
    visit,
)


@pytest.mark.parametrize("file", ["card.json", *FILES])
def test_whatever_is_wrong_with_a_file_gets_a_sentence(file: str, shelf: Path) -> None:
    for name, damage in DAMAGE.items():
        broken = copy_to(shelf)
        damage(broken / file)
        said = cache.list_bundles()[DEEP]
        if name == "flipped" and file != "card.json":  # noticed when the file is read
            with pytest.raises(BundleError) as error:
                cache.open_bundle(DEEP)
            said = str(error.value)
        assert isinstance(said, str)
        assert f"{file} of {DEEP}" in said
        assert "\n" not in said
        shutil.rmtree(broken)


@pytest.mark.parametrize("file", ["card.json", "decoder.onnx"])
def test_a_page_shows_what_is_wrong_with_a_bundle_and_another_one(file: str, shelf: Path) -> None:
    flip_a_byte(copy_to(shelf) / file)
    visitor = visit(model=DEEP, view="Map")
    assert_sound(visitor)
    (error,) = visitor.error
    sentence = as_read(error.value)
    assert f"{file} of {DEEP}" in sentence
    assert "\n" not in sentence
    if file == "card.json":
        assert sentence.startswith(f"**{DEEP}** was left out: ")
        assert DEEP in as_read(visitor.warning[0].value)
        assert list(models_of(visitor)) == [FLAT]
    else:
        assert sentence.startswith(f"**{DEEP}** cannot be shown: ")
    assert f"map-{FLAT}" in parts(visitor)


def test_a_flipped_byte_anywhere_never_gives_a_traceback(shelf: Path) -> None:
    chance = random.Random(5)
    broken = copy_to(shelf)
    for file in ("card.json", *FILES):
        whole = (broken / file).read_bytes()
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (broken / file).write_bytes(data)
        visitor = visit(model=DEEP, view="Model")
        assert_sound(visitor)
        assert file == "card.json" or file in as_read(visitor.error[0].value)
        (broken / file).write_bytes(whole)


def test_a_bundle_that_contradicts_its_card_gets_a_sentence_and_a_way_out(
    shelf: Path, reseal: Callable[[Path], None]
) -> None:
    broken = copy_to(shelf)
    shutil.copy(SHIPPED / FLAT / "decoder.onnx", broken / "decoder.onnx")
    reseal(broken)
    visitor = visit(model=DEEP, view="Map")
    assert_sound(visitor)
    (error,) = visitor.error
    assert "cannot be shown" in error.value
    assert "decoder.onnx" in as_read(error.value)
    assert f"map-{FLAT}" in parts(visitor)  # the next model
    visitor.run()
    assert not visitor.error
    assert address(visitor)["model"] == FLAT


def test_without_any_model_that_works_the_page_says_what_to_do(shelf: Path) -> None:
    (shelf / FLAT).unlink()
    flip_a_byte(copy_to(shelf, FLAT) / "decoder.onnx")
    visitor = visit()
    assert_sound(visitor)
    assert "decoder.onnx" in as_read(visitor.error[0].value)
    assert "Train a model again" in visitor.info[0].value


def test_a_model_that_breaks_while_it_is_looked_at(shelf: Path) -> None:
    broken = copy_to(shelf)
    visitor = visit(model=DEEP, view="Manifold")
    assert f"manifold-{DEEP}" in parts(visitor)
    shutil.rmtree(broken)
    visitor.run()
    assert_sound(visitor)
    assert f"manifold-{FLAT}" in parts(visitor)


def test_a_network_that_was_ended_leaves_the_other_models_to_choose_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decoded(*_: Any) -> None:
        raise GraphError("a network of this model took too long and was ended")

    visitor = visit(model=DEEP, view="Map", pins="one~test-3")
    monkeypatch.setattr(cache, "decoded", decoded)
    visitor.run()
    assert_sound(visitor)
    assert [error.value for error in visitor.error] == [
        "a network of this model took too long and was ended"
    ]
    assert_sound(choose_model(visitor, FLAT))
    assert not visitor.error


def test_where_the_first_point_cannot_be_decoded_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decode(*_: Any) -> None:
        raise GraphError("a network of this model took too long and was ended")

    clear_caches()
    monkeypatch.setattr(Codec, "decode", decode)
    visitor = visit(model=DEEP, view="Map")
    assert_sound(visitor)
    assert "took too long" in visitor.error[0].value
    assert FLAT in models_of(visitor)


def test_a_bundle_that_vanishes_while_it_is_listed(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = shelf / "gone"
    monkeypatch.setattr(cache, "find_bundles", lambda folder: [shelf / FLAT, gone])
    visitor = visit(model=FLAT)
    assert_sound(visitor)
    assert "card.json of gone is missing" in as_read(visitor.error[0].value)


def test_a_new_bundle_in_place_of_the_old_one_is_seen(
    shelf: Path, reseal: Callable[[Path], None]
) -> None:
    bundle = copy_to(shelf)
    visitor = visit(model=DEEP, view="Model")
    (before,) = [m.value for m in visitor.metric if m.label == "test −ELBO"]
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    card["metrics"]["neg_elbo"] = 1.25
    (bundle / "card.json").write_text(json.dumps(card), encoding="utf-8")
    visitor.run()
    (after,) = [m.value for m in visitor.metric if m.label == "test −ELBO"]
    assert (before != after, after) == (True, "1.25")


def test_strange_things_among_the_bundles_do_no_harm(shelf: Path) -> None:
    (shelf / "notes.txt").write_text("hello")
    (shelf / ".unfinished").mkdir()
    (shelf / "loop").symlink_to(shelf / "loop")
    os.mkfifo(shelf / "pipe")
    broken = {"empty": "card.json", "UPPER <b>case": "card.json"}
    for name in broken:
        (shelf / name).mkdir()
    strange: dict[str, Callable[[Path], Any]] = {
        "pipe": os.mkfifo,
        "endless": lambda path: path.symlink_to("/dev/zero"),
        "vast": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**40),
    }
    for kind, make in strange.items():
        for file in ("card.json", "decoder.onnx"):
            name = f"{kind}-{file.split('.')[0]}"
            folder = Path(shutil.copytree(SHIPPED / DEEP, shelf / name))
            card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
            (folder / "card.json").write_text(json.dumps({**card, "name": name}), encoding="utf-8")
            (folder / file).unlink()
            make(folder / file)
            broken[name] = file
    visitor = visit(model=FLAT)
    assert_sound(visitor)
    said = [as_read(error.value) for error in visitor.error]
    assert len(said) == len(broken)
    for name, file in broken.items():
        assert any(f"**{name}** was left out: {file} of {name}" in text for text in said), name
    assert list(models_of(visitor)) == [FLAT]
    assert f"map-{FLAT}" in parts(visitor)


@pytest.mark.parametrize("folder", ["empty", "nowhere", "broken only"])
def test_no_bundle_at_all_is_a_page_that_says_what_to_do(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / folder
    if folder != "nowhere":
        place.mkdir()
    if folder == "broken only":
        shutil.copytree(SHIPPED / FLAT, place / FLAT)
        (place / FLAT / "latents.npz").unlink()
    monkeypatch.setattr(cache, "BUNDLES", place)
    visitor = visit(model=FLAT, view="Sliders", z="1,2")
    assert_sound(visitor)
    assert "no trained model in" in sentences(visitor)
    assert "python train.py" in visitor.code[0].value
    assert len(visitor.error) == (folder == "broken only")
    assert not parts(visitor)
    if folder == "broken only":
        assert "latents.npz" in as_read(visitor.error[0].value)
        shutil.copy(SHIPPED / FLAT / "latents.npz", place / FLAT)
        visitor.run()  # repaired while the page is open
        assert_sound(visitor)
        assert f"sliders-{FLAT}" in parts(visitor)
        assert not any("no longer usable" in one.value for one in visitor.warning)
