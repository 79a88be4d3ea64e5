"""``python -m explorer.verify``: what it prints and its exit status."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from explorer.bundle.posterior import FlowPosterior
from explorer.bundle.store import Card, read_card
from explorer.cli import verify
from explorer.recipes.recipe import recipe_from_json
from explorer.training.export import keras_codec, load_keras, save_keras, save_model
from explorer.training.vae import VAE

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
    """Name of a figure → the card's, the recomputed one, whether it is marked as differing."""
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
):
    status, output = run("--bundles", tiny_bundle.parent, "--data", tiny_settings["data"])
    assert status == 0, output
    figures = rows(output)
    metrics = read_card(tiny_bundle).metrics
    for name in ("neg_elbo", "reconstruction", "kl", "entropy_floor", "knn_accuracy"):
        card, again, differs = figures[name]
        assert float(card) == pytest.approx(getattr(metrics, name), rel=1e-5)
        assert float(again) == pytest.approx(float(card), rel=1e-4)
        assert not differs
    assert float(figures["importance.bound"][0]) == pytest.approx(metrics.importance.bound)
    assert set(type(metrics).model_fields) - set(figures) == {"importance", "kl_per_dimension"}
    assert {"kl_per_dimension[1]", "kl_per_dimension[2]", "latents.z_mean"} <= set(figures)
    assert f"{len(figures) - 1} of {len(figures) - 1} agree" in output  # less the heading
    assert "DIFFERS" not in output


def test_an_edited_figure_is_found(run: Any, copy_bundle: Copy, tiny_settings: dict[str, Any]):
    path = copy_bundle()
    edit_card(path, "metrics", "neg_elbo", change=lambda value: round(value - 0.02, 3))
    edit_card(path, "model", "parameters", change=lambda value: value + 1)
    edit_card(path, "data", "train_images", change=lambda value: value - 1)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    differing = {name for name, (*_, differs) in rows(output).items() if differs}
    assert differing == {"neg_elbo", "parameters", "train_images"}


def numbers(metrics: dict[str, Any], *keys: str | int) -> list[tuple[str | int, ...]]:
    """Where the numbers of a card's figures stand."""
    found = []
    for key, value in metrics.items():
        if isinstance(value, dict):
            found += numbers(value, *keys, key)
        elif isinstance(value, list):
            found += [(*keys, key, index) for index in range(len(value))]
        else:
            found.append((*keys, key))
    return found


def test_every_figure_is_compared(tiny_bundle: Path):
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


def change_weights(model: VAE) -> None:
    bias = model.decoder.weights[-1]
    bias.assign(bias.numpy() + 0.5)


def test_a_changed_weight_shows_in_the_figures(
    run: Any, copy_bundle: Copy, reseal: Reseal, tiny_settings: dict[str, Any]
):
    path = copy_bundle()
    model = load_keras(path / "model.keras")
    change_weights(model)
    save_model(model, path)
    reseal(path)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    figures = rows(output)
    assert figures["reconstruction"][2]
    assert not figures["kl"][2]  # the encoder is as it was
    assert not figures["decoder, ONNX to Keras"][2]


def separate(path: Path) -> None:
    """Store the weights in both graphs, so that they need no ``model.keras``."""
    for graph in (path / "encoder.onnx", path / "decoder.onnx"):
        onnx.save(onnx.load(graph), graph)


def test_a_weight_changed_in_one_format_only_shows_without_any_data(
    run: Any, copy_bundle: Copy, reseal: Reseal
):
    path = copy_bundle()
    separate(path)
    model = load_keras(path / "model.keras")
    change_weights(model)
    save_keras(model, path / "model.keras")
    reseal(path)
    status, output = run("--bundles", path.parent)
    assert status == 1
    figures = rows(output)
    assert figures["decoder, ONNX to Keras"][2]
    assert not figures["encoder, ONNX to Keras"][2]


def test_a_posterior_that_is_deaf_to_the_noise_is_found():
    recipe = {
        "encoder": [{"layer": "Flatten"}],
        "flow": [{"layer": "InverseAutoregressive", "units": 4}],
        "decoder": [],
        "head": {"layer": "Dense"},
    }
    codec = keras_codec(VAE(recipe_from_json(recipe), (6, 6, 1), 2))
    deaf = FlowPosterior(lambda images, noise: codec.posterior.run(images, 0.0 * noise), 2)
    card = SimpleNamespace(
        data=SimpleNamespace(image_shape=(6, 6, 1)), model=SimpleNamespace(latent_dim=2)
    )
    for posterior, agrees in ((codec.posterior, True), (deaf, False)):
        bundle: Any = SimpleNamespace(card=card, codec=replace(codec, posterior=posterior))
        checks = {check.name: check.agrees for check in verify.compare_runtimes(bundle, codec)}
        assert checks == {
            "encoder, ONNX to Keras": True,
            "posterior, ONNX to Keras": agrees,
            "decoder, ONNX to Keras": True,
        }


def test_changed_latents_are_found(
    run: Any, copy_bundle: Copy, reseal: Reseal, tiny_settings: dict[str, Any]
):
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
):
    path = copy_bundle()
    broken = path.with_name("broken-2d")
    shutil.copytree(path, broken)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    assert "BROKEN: card.json belongs to shapes-2d, but its folder is broken-2d" in output
    assert output.index("broken-2d") < output.index("\nshapes-2d\n")
    assert not rows(output)["neg_elbo"][2]


@pytest.mark.parametrize("content", ["another model", "garbage", "diverged"])
def test_a_model_that_is_not_the_cards_gives_1(
    run: Any,
    copy_bundle: Copy,
    reseal: Reseal,
    tiny_recipe: dict[str, Any],
    tiny_settings: dict[str, Any],
    content: str,
):
    path = copy_bundle()
    separate(path)
    if content == "another model":
        save_keras(VAE(recipe_from_json(tiny_recipe), (12, 12, 1), 3), path / "model.keras")
    elif content == "garbage":
        (path / "model.keras").write_bytes(b"PK\x03\x04")
    else:
        model = load_keras(path / "model.keras")
        model.encoder.get_layer("z_mean").bias.assign(np.full(2, np.nan))
        save_keras(model, path / "model.keras")
    reseal(path)
    status, output = run("--bundles", path.parent, "--data", tiny_settings["data"])
    assert status == 1
    (line,) = [line for line in output.splitlines() if "BROKEN" in line]
    assert "model" in line


def test_own_images_must_be_named(run: Any, tiny_bundle: Path):
    status, output = run("--bundles", tiny_bundle.parent)
    assert status == 2
    assert "NOT CHECKED" in output
    assert "--data" in output
    assert "decoder, ONNX to Keras" in rows(output)  # what can be checked is
    assert "neg_elbo" not in rows(output)


def test_other_images_are_noticed(
    run: Any, tmp_path: Path, tiny_bundle: Path, tiny_settings: dict[str, Any]
):
    with np.load(tiny_settings["data"]) as archive:
        arrays = dict(archive)
    arrays["x_test"][5, 6, 7] ^= 1  # a single bit
    np.savez(tmp_path / "shapes.npz", **arrays)
    status, output = run("--bundles", tiny_bundle.parent, "--data", tmp_path / "shapes.npz")
    assert status == 2
    assert "the test images of shapes on this machine are not the card's" in output


def test_data_that_are_not_there_give_2(run: Any, tiny_bundle: Path, tmp_path: Path):
    status, output = run("--bundles", tiny_bundle.parent, "--data", tmp_path / "absent")
    assert status == 2
    assert "NOT CHECKED" in output


def test_a_named_set_that_is_not_there_gives_2(
    run: Any, copy_bundle: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
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
):
    status, output = run(*arguments, "--bundles", tiny_bundle.parent)
    assert status == 2
    assert output == (
        f"there is no bundle 'absent-2d' in {tiny_bundle.parent}; there are: shapes-2d\n"
    )


def test_no_bundles_give_2(run: Any, tmp_path: Path):
    assert run("--bundles", tmp_path) == (2, f"there are no bundles in {tmp_path}\n")
    assert run("--bundles", tmp_path / "absent")[0] == 2
