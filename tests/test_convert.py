"""``python -m explorer convert``: a bundle of version 2 becomes one of version 3, or stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import set_external_data

from explorer.bundle.card import BundleError
from explorer.bundle.latents import ARRAYS
from explorer.bundle.store import FILES, load_bundle, load_reference, save_reference
from explorer.cli import convert
from explorer.cli.convert import EARLIER_ARRAYS

Copy = Callable[[], Path]
Reseal = Callable[[Path], None]

SMALL = 64
"""Bytes; smaller arrays were stored in the graphs."""


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs the command and gives its exit status and its output."""

    def call(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["convert", *map(str, arguments)])
        capsys.readouterr()
        status = convert.main()
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return call


@pytest.fixture
def earlier(copy_bundle: Copy, reseal: Reseal) -> Path:
    """Return a copy of the tiny bundle as version 2 stored it, with weights outside the graphs."""
    path = copy_bundle()
    weights = bytearray(b"what else Keras stored")
    for name in ("encoder.onnx", "decoder.onnx"):
        model = onnx.load(path / name)
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) >= SMALL:
                set_external_data(
                    tensor, "model.keras", offset=len(weights), length=len(tensor.raw_data)
                )
                weights += tensor.raw_data
                tensor.ClearField("raw_data")
        model.graph.output[0].name, first = "Identity:0", model.graph.output[0].name
        for node in model.graph.node:
            node.output[:] = ["Identity:0" if out == first else out for out in node.output]
        (path / name).write_bytes(model.SerializeToString())
    (path / "model.keras").write_bytes(weights)
    edit_card(path, lambda card: card["files"].update({"model.keras": {}}))
    edit_card(path, lambda card: card.update(schema_version=2))
    edit_card(path, lambda card: card["metrics"].pop("maps"))
    with np.load(path / "latents.npz") as arrays:
        earlier = {name: arrays[name] for name in EARLIER_ARRAYS}
    np.savez(path / "latents.npz", allow_pickle=True, **earlier)
    reseal(path)
    return path


def edit_card(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    edit(card)
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_converted_bundle_is_the_one_that_training_writes(
    run: Any, earlier: Path, tiny_bundle: Path
) -> None:
    with pytest.raises(BundleError, match="python -m explorer convert shapes-2d"):
        load_bundle(earlier)
    (earlier / "notes.txt").write_text("my own")
    (earlier / "more").mkdir()
    (earlier / "more" / "notes.txt").write_text("my own as well")
    assert run("shapes-2d", "--bundles", earlier.parent) == (
        0,
        "shapes-2d: now has version 3; model.keras was removed\n",
    )
    assert (earlier / "notes.txt").read_text() == "my own"
    assert (earlier / "more" / "notes.txt").read_text() == "my own as well"
    (earlier / "notes.txt").unlink()
    shutil.rmtree(earlier / "more")
    assert sorted(contents(earlier)) == sorted(["card.json", *FILES])
    for name, content in contents(earlier).items():
        if name not in ("card.json", "latents.npz"):
            assert content == (tiny_bundle / name).read_bytes(), name
    found, expected = load_bundle(earlier), load_bundle(tiny_bundle)
    assert found.card.metrics == expected.card.metrics
    for name in ARRAYS:  # the KL is computed from rounded log-variances
        one, other = getattr(found.latents, name), getattr(expected.latents, name)
        np.testing.assert_allclose(one, other, rtol=1e-3 if name == "kl" else 0)
    before = contents(earlier)
    assert run("--bundles", earlier.parent) == (0, "shapes-2d: has version 3 already\n")
    assert contents(earlier) == before


def test_references_are_converted_too(run: Any, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    path = save_reference(bundle.card, bundle.history, tmp_path)
    expected = load_reference(path)
    edit_card(path, lambda card: card.update(schema_version=2))
    edit_card(path, lambda card: card["metrics"].pop("maps"))
    assert run("--bundles", tmp_path) == (0, "shapes-2d: now has version 3\n")
    assert load_reference(path) == expected


def without_weights(path: Path) -> None:
    (path / "model.keras").unlink()


def changed_weights(path: Path) -> None:
    (path / "model.keras").write_bytes((path / "model.keras").read_bytes()[::-1])


def version_1(path: Path) -> None:
    edit_card(path, lambda card: card.update(schema_version=1))


def version_4(path: Path) -> None:
    edit_card(path, lambda card: card.update(schema_version=4))


def no_card(path: Path) -> None:
    (path / "card.json").write_text("[]")


def deep_card(path: Path) -> None:
    (path / "card.json").write_text("[" * 100_000)


def no_figures(path: Path) -> None:
    edit_card(path, lambda card: card.pop("metrics"))


def other_field(path: Path) -> None:
    edit_card(path, lambda card: card.update(surprise=1))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_weights, "model.keras of shapes-2d is missing"),
        (changed_weights, "model.keras of shapes-2d was changed"),
        (version_1, "reads 3: train the model again"),
        (version_4, "update the explorer"),
        (no_figures, "has no metrics"),
        (no_card, "card.json of shapes-2d is not usable"),
        (deep_card, "card.json of shapes-2d is not usable"),
        (other_field, "surprise"),
    ],
)
def test_a_bundle_that_cannot_be_converted_is_left_as_it_was(
    run: Any, earlier: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(earlier)
    before = contents(earlier)
    status, output = run("--bundles", earlier.parent)
    assert status == 1
    assert output.startswith("shapes-2d: LEFT AS IT WAS: ")
    assert said in output
    assert output.count("\n") == 1
    assert contents(earlier) == before


@pytest.mark.parametrize(
    "place",
    [
        {"location": "weights"},
        {"location": "../model.keras"},
        {"location": "model.keras", "offset": 10**9, "length": 64},
        {"location": "model.keras", "offset": -2, "length": 64},
        {"location": "model.keras", "length": 2},
        {"location": "model.keras", "length": -1},
        {"location": "model.keras", "offset": "here"},
        {"location": "model.keras"},
    ],
    ids=str,
)
def test_weights_at_another_place_are_not_read(
    run: Any, earlier: Path, reseal: Reseal, place: dict[str, Any]
) -> None:
    model = onnx.load(earlier / "encoder.onnx", load_external_data=False)
    tensor = max(model.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    del tensor.external_data[:]
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))
    (earlier / "encoder.onnx").write_bytes(model.SerializeToString())
    (earlier / "weights").write_bytes(bytes(10_000))
    reseal(earlier)
    status, output = run("--bundles", earlier.parent)
    assert status == 1
    assert "LEFT AS IT WAS: encoder.onnx of shapes-2d is not usable" in output


def test_networks_that_compute_something_else_are_not_written(
    run: Any, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: onnx.ModelProto, outputs: Any) -> bytes:
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT16:
                values = onnx.numpy_helper.to_array(tensor) * np.float16(1.01)
                tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        return bytes(model.SerializeToString())

    monkeypatch.setattr(convert, "compact", wrong)
    before = contents(earlier)
    status, output = run("--bundles", earlier.parent)
    assert (status, contents(earlier)) == (1, before)
    assert "the converted networks differ by 0.0" in output


@pytest.mark.parametrize("names", [["absent-2d"], ["shapes-2d", "absent-2d"]])
def test_an_unknown_name_gives_2_and_the_known_ones(
    run: Any, earlier: Path, names: list[str]
) -> None:
    before = contents(earlier)
    status, output = run(*names, "--bundles", earlier.parent)
    assert status == 2
    assert "there is no bundle 'absent-2d'" in output
    assert "there are: shapes-2d" in output
    assert contents(earlier) == before


def test_no_bundles_give_2(run: Any, tmp_path: Path) -> None:
    status, output = run("--bundles", tmp_path)
    assert status == 2
    assert f"there are no bundles in {tmp_path}" in output
