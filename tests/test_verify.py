"""``python -m explorer verify``: its output and its exit status."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from explorer.bundle.card import Card, DisentanglementCard, FactorCard
from explorer.bundle.store import read_card
from explorer.cli import verify

ROOT = Path(__file__).parents[1]
Copy = Callable[[], Path]
Reseal = Callable[[Path], None]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs the command and gives its exit status and its output."""

    def call(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["verify", *map(str, arguments)])
        capsys.readouterr()
        status = verify.main()
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return call


def rows(output: str) -> dict[str, tuple[str, str, bool]]:
    """Return name of a figure → the card's, the recomputed one, whether marked as differing."""
    found = re.findall(r"^  (\S.*?)  +(\S+) +(\S+)( +DIFFERS)?$", output, re.MULTILINE)
    return {name: (card, again, bool(mark)) for name, card, again, mark in found}


def edit_card(path: Path, *keys: str | int, change: Callable[[Any], Any]) -> None:
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    place = card
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = change(place[keys[-1]])
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")


def test_an_untouched_bundle_agrees_with_itself(
    run: Any, tiny_bundle: Path, tiny_settings: dict[str, Any]
) -> None:
    status, output = run("--bundles", tiny_bundle.parent, "--data", tiny_settings["data"])
    assert status == 0, output
    figures = rows(output)
    metrics = read_card(tiny_bundle).metrics
    for name in ("neg_elbo", "reconstruction", "kl", "entropy_floor", "knn_accuracy"):
        card, again, differs = figures[name]
        assert float(card) == pytest.approx(getattr(metrics, name), rel=1e-5)
        assert float(again) == pytest.approx(float(card), rel=1e-4)
        assert not differs
    assert metrics.importance is not None
    assert float(figures["importance.bound"][0]) == pytest.approx(metrics.importance.bound)
    assert set(type(metrics).model_fields) - set(figures) == {
        *("amortisation_gap", "importance", "kl_parts", "kl_per_dimension", "maps")
    }
    assert {"kl_per_dimension[1]", "kl_per_dimension[2]", "latents.z_mean"} <= set(figures)
    assert f"{len(figures) - 1} of {len(figures) - 1} agree" in output  # without the heading
    assert "DIFFERS" not in output


def test_an_edited_figure_is_found(
    run: Any, copy_bundle: Copy, tiny_settings: dict[str, Any]
) -> None:
    path = copy_bundle()
    edit_card(path, "metrics", "neg_elbo", change=lambda value: round(value - 0.02, 3))
    edit_card(path, "model", "parameters", change=lambda value: value + 1)
    edit_card(path, "data", "train_images", change=lambda value: value - 1)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    differing = {name for name, (*_, differs) in rows(output).items() if differs}
    assert differing == {"neg_elbo", "parameters", "train_images"}


def numbers(metrics: dict[str, Any], *keys: str | int) -> list[tuple[str | int, ...]]:
    """Return the key paths of the numbers in a card's figures."""
    found = []
    for key, value in metrics.items():
        if isinstance(value, dict):
            found += numbers(value, *keys, key)
        elif isinstance(value, list):
            found += [(*keys, key, index) for index in range(len(value))]
        elif value is not None:
            found.append((*keys, key))
    return found


def test_every_figure_is_compared(tiny_bundle: Path) -> None:
    card = json.loads((tiny_bundle / "card.json").read_text(encoding="utf-8"))
    metrics = Card.model_validate_json(json.dumps(card)).metrics
    places = numbers(card["metrics"])
    assert len(places) > 15
    for place in places:
        edited = json.loads(json.dumps(card))
        holder = edited["metrics"]
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] += 1 if isinstance(holder[place[-1]], int) else 0.02
        other = Card.model_validate_json(json.dumps(edited)).metrics
        checks = list(verify.compare_figures(other, metrics))
        assert [check.agrees for check in checks].count(False) == 1, place
        assert all(check.agrees for check in verify.compare_figures(metrics, metrics))


def change_weight(path: Path, change: Callable[[np.ndarray], np.ndarray], *, last: bool) -> None:
    """Change the first or last array of a graph."""
    model = onnx.load(path)
    weights = [w for w in model.graph.initializer if w.data_type != onnx.TensorProto.INT64]
    weight = weights[-1 if last else 0]
    values = change(onnx.numpy_helper.to_array(weight))
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    path.write_bytes(model.SerializeToString())


def test_a_changed_weight_shows_in_the_figures(
    run: Any, copy_bundle: Copy, reseal: Reseal, tiny_settings: dict[str, Any]
) -> None:
    path = copy_bundle()
    change_weight(path / "decoder.onnx", lambda bias: bias + np.float16(0.5), last=True)
    reseal(path)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    figures = rows(output)
    assert figures["reconstruction"][2]
    assert not figures["kl"][2]  # the encoder is unchanged
    assert not figures["parameters"][2]


def test_figures_that_the_card_lacks_do_not_differ(
    run: Any, tiny_bundle: Path, tiny_settings: dict[str, Any], copy_bundle: Copy
) -> None:
    """Cards of earlier versions have fewer."""
    path = copy_bundle()
    for name in ("sharpness", "amortisation_gap"):
        edit_card(path, "metrics", name, change=lambda _: None)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 0
    assert re.search(r"amortisation_gap +none +computed   not in the card", output)
    assert "DIFFERS" not in output


def test_changed_latents_are_found(
    run: Any, copy_bundle: Copy, reseal: Reseal, tiny_settings: dict[str, Any]
) -> None:
    path = copy_bundle()
    with np.load(path / "latents.npz") as archive:
        arrays = dict(archive)
    arrays["z_mean"][17, 1] += 0.1
    for name in ("train_z_mean", "train_z_log_var"):
        arrays[name] = arrays[name][:-1]
    np.savez(path / "latents.npz", **arrays)
    reseal(path)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    assert rows(output)["latents.z_mean"][2]
    assert output.count("DIFFERS") == 3
    for name in ("train_z_mean", "train_z_log_var"):
        assert re.search(rf"latents\.{name} .*\(299, 2\).*\(300, 2\).*DIFFERS", output)


def test_a_broken_bundle_gives_1_and_the_others_are_still_checked(
    run: Any, copy_bundle: Copy, tiny_settings: dict[str, Any]
) -> None:
    path = copy_bundle()
    broken = path.with_name("broken-2d")
    shutil.copytree(path, broken)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    assert "BROKEN: card.json belongs to shapes-2d, but its folder is broken-2d" in output
    assert output.index("broken-2d") < output.index("\nshapes-2d\n")
    assert not rows(output)["neg_elbo"][2]


def test_a_model_that_gives_no_numbers_gives_1(
    run: Any, copy_bundle: Copy, reseal: Reseal, tiny_settings: dict[str, Any]
) -> None:
    path = copy_bundle()
    change_weight(path / "encoder.onnx", lambda weight: weight * np.float16(np.inf), last=False)
    reseal(path)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    assert "BROKEN: encoder.onnx of shapes-2d gives NaN or infinity" in output


def test_every_listed_file_is_checked(
    run: Any, copy_bundle: Copy, tiny_settings: dict[str, Any]
) -> None:
    """This includes ``model.keras``, which nothing else reads."""
    path = copy_bundle()
    content = b"what Keras saves"
    (path / "model.keras").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    file = {"bytes": len(content), "sha256": sha256}
    edit_card(path, "files", change=lambda files: {**files, "model.keras": file})
    given = ("--bundles", path.parent, "--data", tiny_settings["data"])
    assert run(*given)[0] == 0
    (path / "model.keras").write_bytes(content.upper())
    status, output = run(*given)
    assert status == 1
    assert "BROKEN: model.keras of shapes-2d was changed" in output


def test_both_spellings_stand_in_the_usage_line_and_import_no_tensorflow() -> None:
    code = (
        "import runpy, sys;"
        "sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'onnx', 'tf2onnx']));"
        "sys.argv = ['', *{}, '--help'];"
        "runpy.run_module({!r}, run_name='__main__', alter_sys=True)"
    )
    for module, words in (("explorer", ["verify"]), ("explorer.verify", [])):
        run = subprocess.run(
            [sys.executable, "-c", code.format(words, module)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert run.stdout.startswith(f"usage: python -m {' '.join([module, *words])} [-h]")


def test_figures_that_only_one_of_two_cards_has_differ() -> None:
    def card(*names: str) -> DisentanglementCard:
        factor = FactorCard(values=2, mig=0.1, sap=0.1, completeness=0.1, predicted=0.1)
        return DisentanglementCard(
            images=9, mig=0.1, sap=0.1, disentanglement=0.1, completeness=0.1,
            informativeness=0.1, factors=dict.fromkeys(names, factor),
        )  # fmt: skip

    checks = {c.name: c for c in verify.compare_figures(card("age", "x"), card("x", "years"))}
    assert checks["factors.x.mig"].agrees
    for name, there in {"age": ("there", None), "years": (None, "there")}.items():
        check = checks[f"factors.{name}"]
        assert (check.card, check.found, check.agrees) == (*there, False)


def test_own_images_must_be_named(run: Any, tiny_bundle: Path) -> None:
    status, output = run("--bundles", tiny_bundle.parent)
    assert status == 2
    assert "NOT CHECKED: the figures, because shapes is not a public data set" in output
    assert "--data" in output
    assert not rows(output)["parameters"][2]  # whatever can be checked is checked
    assert "neg_elbo" not in rows(output)


def test_other_images_are_noticed(
    run: Any, tmp_path: Path, tiny_bundle: Path, tiny_settings: dict[str, Any]
) -> None:
    with np.load(tiny_settings["data"]) as archive:
        arrays = dict(archive)
    arrays["x_test"][5, 6, 7] ^= 1  # a single bit
    np.savez(tmp_path / "shapes.npz", **arrays)
    status, output = run("--bundles", tiny_bundle.parent, "--data", tmp_path / "shapes.npz")
    assert status == 2
    assert "the test images of shapes on this machine are not the card's" in output


def test_data_that_are_not_there_give_2(run: Any, tiny_bundle: Path, tmp_path: Path) -> None:
    status, output = run("--bundles", tiny_bundle.parent, "--data", tmp_path / "absent")
    assert status == 2
    assert "NOT CHECKED" in output


def test_a_named_set_that_is_not_there_gives_2(
    run: Any, copy_bundle: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_bundle()
    edit_card(path, "data", "name", change=lambda _: "mnist")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("LATENT_DATA_DIR", raising=False)
    monkeypatch.setattr("explorer.data.named.SYSTEM_DATA_DIR", tmp_path)
    monkeypatch.setattr("explorer.data.named._keras_caches", lambda: [tmp_path])
    status, output = run("--bundles", path.parent, "--data-dir", tmp_path)
    assert status == 2
    assert "MNIST is not on this machine" in output


@pytest.mark.parametrize("arguments", [["absent-2d"], ["shapes-2d", "absent-2d"]])
def test_an_unknown_name_gives_2_and_the_known_ones(
    run: Any, tiny_bundle: Path, arguments: list[str]
) -> None:
    status, output = run(*arguments, "--bundles", tiny_bundle.parent)
    assert status == 2
    assert output == (
        f"there is no bundle 'absent-2d' in {tiny_bundle.parent}; there are: shapes-2d\n"
    )


def test_no_bundles_give_2(run: Any, tmp_path: Path) -> None:
    assert run("--bundles", tmp_path) == (2, f"there are no bundles in {tmp_path}\n")
    assert run("--bundles", tmp_path / "absent")[0] == 2
