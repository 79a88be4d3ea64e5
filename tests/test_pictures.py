"""``python -m explorer pictures``: its files, its output and its exit status."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import training_at_once
from PIL import Image, ImageSequence

from explorer.bundle.bundle import Bundle
from explorer.bundle.card import BundleError, ReadingCard
from explorer.bundle.images import (
    find_originals,
    images_path,
    load_card_data,
    load_images,
    save_images,
)
from explorer.bundle.store import load_bundle, read_card
from explorer.cli import pictures
from explorer.cli.files import write_files
from explorer.cli.terminal import with_sentences
from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.errors import DatasetError

Copy = Callable[[], Path]
Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[1]
SHOWN = [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
"""Ten of the hundred test images, evenly spread."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command and gives exit status, output and error output."""

    def call(bundle: Path, *arguments: str | Path) -> tuple[int, str, str]:
        given = [bundle.name, "--bundles", bundle.parent, *arguments]
        monkeypatch.setattr("sys.argv", ["pictures", *map(str, given)])
        capsys.readouterr()
        try:
            status = pictures.main()
        except SystemExit as error:  # argparse's
            status = int(error.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def train(
    tmp_path_factory: pytest.TempPathFactory, tiny_settings: dict[str, Any]
) -> Callable[[int], Path]:
    """Return a function that makes a bundle of any dimension for colour images of 10 × 14."""

    def bundle(latent_dim: int) -> Path:
        from explorer.cli.train import Settings
        from train import train_bundle  # TensorFlow takes seconds to import

        folder = tmp_path_factory.mktemp("colour")
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (60, 1, 1, 3), np.uint8).repeat(10, 1).repeat(14, 2)
        images[:, :5] = 255 - images[:, :5]
        labels = np.arange(60) % 2
        np.savez(
            folder / "paint.npz",
            x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:],
        )  # fmt: skip
        settings = Settings(
            data=str(folder / "paint.npz"), latent_dim=latent_dim, recipe=tiny_settings["recipe"]
        )
        with training_at_once():
            train_bundle(settings, output=folder / "pretrained", data_dir=None, resume=False)
        return folder / "pretrained" / f"paint-{latent_dim}d"

    return bundle


@pytest.fixture(scope="module")
def colour_bundle(train: Callable[[int], Path]) -> Path:
    return train(3)


def tiles_of(
    path: Path, rows: int, columns: int, shape: tuple[int, int, int], gap: int = 0
) -> np.ndarray:
    """Return the images in a picture, ``(rows, columns, height, width, channels)``.

    Every pixel must be a square of one colour: nothing is blurred.
    """
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.mode == ("L" if shape[2] == 1 else "RGB")
        picture = np.asarray(image).reshape(image.height, image.width, shape[2])
    height, width = rows * (shape[0] + gap) - gap, columns * (shape[1] + gap) - gap
    factor = picture.shape[1] // width
    assert picture.shape[:2] == (height * factor, width * factor)
    small = picture[::factor, ::factor]
    np.testing.assert_array_equal(picture, small.repeat(factor, 0).repeat(factor, 1))
    padded = np.pad(small, [(0, gap), (0, gap), (0, 0)])
    grid = padded.reshape(rows, shape[0] + gap, columns, shape[1] + gap, shape[2])
    return grid.swapaxes(1, 2)[:, :, : shape[0], : shape[1]]


def check_decoded(images: np.ndarray, bundle: Bundle, z: Any) -> None:
    """Check that the images are the decoded latents, and differ from those of other latents."""
    z = np.asarray(z, np.float32)
    expected = bundle.codec.decode(z) * 255
    np.testing.assert_allclose(images, expected, atol=0.6)
    if len(z) > 1:
        assert np.abs(expected - expected[::-1]).max() > 3, "the model says the same everywhere"


def figure_in(path: Path, name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return traces and layout of the Plotly figure on a page, with NumPy arrays."""
    text = path.read_text(encoding="utf-8")
    start = re.search(rf'Plotly\.newPlot\(\s*"{name}",\s*', text)
    assert start
    traces, end = json.JSONDecoder().raw_decode(text, start.end())
    layout, _ = json.JSONDecoder().raw_decode(text[end:].lstrip(", \n"))
    for trace in traces:
        for key, value in trace.items():
            if isinstance(value, dict) and "bdata" in value:
                trace[key] = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    return traces, layout


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_default_run_writes_every_file_and_says_so(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "folder"
    status, printed, complaint = run(tiny_bundle, "--output", output)
    assert (status, complaint) == (0, "")
    frames = [f"sweep/frame-{k:02}.png" for k in range(50)]
    expected = [
        "reconstructions.png", "samples.png", "manifold.png", *frames,
        "sweep.gif", "map.html", "curves.html", "plotly.min.js",
    ]  # fmt: skip
    assert printed.splitlines() == [str(output / name) for name in expected]
    assert files_in(output) == {*expected, ".pictures-of"}


def test_the_pictures_of_another_model_are_not_overwritten(
    run: Run, tiny_bundle: Path, other_bundle: Path, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    shutil.copytree(other_bundle, shelf / "other")
    card = (shelf / "other" / "card.json").read_text(encoding="utf-8")
    renamed = card.replace('"name": "shapes-2d"', '"name": "other"')
    (shelf / "other" / "card.json").write_text(renamed, encoding="utf-8")
    output = tmp_path / "figures"
    assert run(tiny_bundle, "--output", output, "--frames", "1")[0] == 0
    before = {name: (output / name).read_bytes() for name in files_in(output)}
    for flags in (["--frames", "1"], ["--format", "png"]):
        assert run(shelf / "other", "--output", output, *flags) == (
            2, "", f"{output} holds the pictures of shapes-2d, which this would overwrite; give "
            f"each model its own --output, such as {output / 'other'}\n",
        )  # fmt: skip
    assert {name: (output / name).read_bytes() for name in files_in(output)} == before
    assert run(shelf / "other", "--output", output / "other", "--frames", "1")[0] == 0


def test_the_folder_is_named_after_the_bundle(
    run: Run, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(tiny_bundle, "--frames", "1")[0] == 0
    assert "samples.png" in files_in(tmp_path / "pictures" / "shapes-2d")


def test_a_second_run_replaces_the_files_of_the_first(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    run(tiny_bundle, "--output", tmp_path, "--seed", "1", "--frames", "120")
    assert "sweep/frame-119.png" in files_in(tmp_path)
    (tmp_path / "sweep" / "notes.txt").write_text("a person's own")
    first = (tmp_path / "samples.png").read_bytes()
    run(tiny_bundle, "--output", tmp_path, "--seed", "2", "--frames", "3")
    assert (tmp_path / "samples.png").read_bytes() != first
    assert {name for name in files_in(tmp_path) if name.startswith("sweep/")} == {
        "sweep/notes.txt", "sweep/frame-00.png", "sweep/frame-01.png", "sweep/frame-02.png",
    }  # fmt: skip


def test_the_same_command_writes_the_same_bytes(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        run(tiny_bundle, "--output", tmp_path / name, "--frames", "3", "--seed", "7")
    names = files_in(tmp_path / "one")
    assert names == files_in(tmp_path / "two")
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_originals_stand_above_their_reconstructions(
    run: Run, tiny_bundle: Path, tiny_settings: dict[str, Any], tmp_path: Path
) -> None:
    run(tiny_bundle, "--output", tmp_path)
    above, below = tiles_of(tmp_path / "reconstructions.png", 2, 10, (12, 12, 1), gap=1)
    with np.load(tiny_settings["data"]) as data:
        np.testing.assert_array_equal(above[..., 0], data["x_test"][SHOWN])
    bundle = load_bundle(tiny_bundle)
    check_decoded(below, bundle, bundle.latents.z_mean[SHOWN])


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PK")])
def test_without_the_images_there_are_reconstructions_only_and_a_line_says_so(
    run: Run, copy_bundle: Copy, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = copy_bundle()
    damage(next((path.parent / "images").iterdir()))
    status, printed, _ = run(path, "--output", tmp_path / "out")
    assert status == 0
    assert "the images of shapes are not on this machine" in printed.splitlines()[0]
    (row,) = tiles_of(tmp_path / "out" / "reconstructions.png", 1, 10, (12, 12, 1), gap=1)
    bundle = load_bundle(path)
    check_decoded(row, bundle, bundle.latents.z_mean[SHOWN])


@pytest.mark.parametrize("change", [0, 1])
def test_images_of_this_machine_are_the_originals_only_if_they_are_the_cards(
    copy_bundle: Copy,
    tiny_settings: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: int,
) -> None:
    path = copy_bundle()
    next((path.parent / "images").iterdir()).unlink()
    card = (path / "card.json").read_text(encoding="utf-8")
    card = card.replace('"name": "shapes"', '"name": "mnist"')  # a public data set
    (path / "card.json").write_text(card, encoding="utf-8")
    with np.load(tiny_settings["data"]) as data:
        arrays = dict(data)
    arrays["x_test"][99, 11, 11] += change
    np.savez(tmp_path / "here.npz", **arrays)

    def load(name: str, *_: Reading, download: bool, **__: Any) -> Dataset:
        assert (name, download) == ("mnist", False)
        return load_dataset(tmp_path / "here.npz")

    monkeypatch.setattr("explorer.data.load.load_dataset", load)
    found = find_originals(load_bundle(path))
    if change:
        assert found is None
    else:
        assert found is not None
        np.testing.assert_array_equal(found[..., 0], arrays["x_test"])


@pytest.mark.parametrize(("side", "is_sought"), [(256, True), (257, False), (512, False)])
def test_a_public_data_set_is_not_resized_to_gigabytes(
    copy_bundle: Copy, monkeypatch: pytest.MonkeyPatch, side: int, is_sought: bool
) -> None:
    bundle = load_bundle(copy_bundle())
    changes = {"name": "mnist", "image_shape": (side, side, 1), "reading": ReadingCard()}
    data = bundle.card.data.model_copy(update=changes)
    bundle = replace(bundle, card=bundle.card.model_copy(update={"data": data}))
    sought = []

    def load(*_: Any, **__: Any) -> Dataset:
        sought.append(True)
        raise DatasetError("it is not here")

    monkeypatch.setattr("explorer.data.load.load_dataset", load)
    assert find_originals(bundle) is None
    assert bool(sought) is is_sought


def test_kept_images_that_are_others_are_not_taken_for_the_originals(copy_bundle: Copy) -> None:
    path = copy_bundle()
    bundle = load_bundle(path)
    kept = images_path(path.parent, bundle.card.data)
    images = load_images(kept, bundle.card.data)
    assert find_originals(bundle) is not None
    save_images(255 - images, kept)
    assert find_originals(bundle) is None


@pytest.mark.parametrize("name", ["/", "../images", "a/b", "A", ""])
def test_a_card_cannot_name_a_path_in_place_of_a_data_set(copy_bundle: Copy, name: str) -> None:
    path = copy_bundle()
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    card["data"]["name"] = name
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(BundleError, match="data.name"):
        load_bundle(path)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("mnist", (14, 14, 1), {"image_size": (14, 14), "grey": True}),
        ("cifar10", (32, 32, 3), {"image_size": (32, 32), "grey": False}),
        ("cifar10-grey", (32, 32, 1), {"image_size": (32, 32), "grey": True}),
    ],
)
def test_data_are_loaded_as_they_were_for_training(
    tiny_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    shape: tuple[int, ...],
    expected: dict[str, Any],
) -> None:
    data = read_card(tiny_bundle).data.model_copy(update={"name": name, "image_shape": shape})
    asked: dict[str, Any] = {}

    def load(source: str, reading: Reading, **options: Any) -> Any:
        asked.update(options, source=source, **vars(reading))
        raise DatasetError("not there")

    monkeypatch.setattr("explorer.data.load.load_dataset", load)
    with pytest.raises(DatasetError, match="not there"):
        load_card_data(data)
    assert asked["source"] == name.removesuffix("-grey")
    assert {key: asked[key] for key in expected} == expected
    assert asked["download"] is False


def test_samples_are_draws_from_the_prior(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    run(tiny_bundle, "--output", tmp_path, "--seed", "5", "--frames", "1")
    grid = tiles_of(tmp_path / "samples.png", 10, 10, (12, 12, 1), gap=1)
    z = np.random.default_rng(5).standard_normal((100, 2))
    check_decoded(grid.reshape(100, 12, 12, 1), load_bundle(tiny_bundle), z)


def test_tiles_of_a_linear_manifold_lie_at_equal_distances(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    run(
        tiny_bundle, "--output", tmp_path, "--frames", "1",
        "--grid", "5", "--spacing", "linear", "--extent", "5",
    )  # fmt: skip
    grid = tiles_of(tmp_path / "manifold.png", 5, 5, (12, 12, 1))
    bundle = load_bundle(tiny_bundle)
    places = [-5, -2.5, 0, 2.5, 5]
    for row, y in enumerate(reversed(places)):  # the top row is the highest
        check_decoded(grid[row], bundle, [(x, y) for x in places])
    check_decoded(grid[:, 2], bundle, [(0, y) for y in reversed(places)])


def test_the_manifold_is_20_by_20_in_steps_of_equal_probability_if_nothing_else_is_asked(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    run(tiny_bundle, "--output", tmp_path, "--frames", "1")
    grid = tiles_of(tmp_path / "manifold.png", 20, 20, (12, 12, 1))
    corners = grid[[0, 0, -1, -1], [0, -1, 0, -1]]
    far = [(-2.5, 2.5), (2.5, 2.5), (-2.5, -2.5), (2.5, -2.5)]
    check_decoded(corners, load_bundle(tiny_bundle), far)
    run(tiny_bundle, "--output", tmp_path, "--frames", "1", "--grid", "5", "--extent", "1.96")
    row = tiles_of(tmp_path / "manifold.png", 5, 5, (12, 12, 1))[2]
    # 2.5 % lie below -1.96, so the second tile lies where 2.5 % + 95 % / 4 = 26.25 % do.
    places = [-1.96, -0.6357, 0, 0.6357, 1.96]
    check_decoded(row, load_bundle(tiny_bundle), [(x, 0) for x in places])


def test_images_of_any_shape_and_colour_are_shown_in_the_plane_of_largest_kl(
    run: Run, colour_bundle: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(colour_bundle)
    status, _, _ = run(
        colour_bundle, "--output", tmp_path,
        "--grid", "3", "--spacing", "linear", "--extent", "4", "--at", "0,0,0",
    )  # fmt: skip
    assert status == 0
    smallest = int(np.argmin(bundle.card.metrics.kl_per_dimension))
    first, second = (dimension for dimension in range(3) if dimension != smallest)
    z = np.zeros((3, 3, 3))
    z[..., first] = [-4, 0, 4]
    z[..., second] = [[4], [0], [-4]]
    grid = tiles_of(tmp_path / "manifold.png", 3, 3, (10, 14, 3))
    check_decoded(grid.reshape(9, 10, 14, 3), bundle, z.reshape(9, 3))
    check_decoded(tiles_of(tmp_path / "point.png", 1, 1, (10, 14, 3))[0], bundle, z[1, 1:2])
    above, _ = tiles_of(tmp_path / "reconstructions.png", 2, 10, (10, 14, 3), gap=1)
    originals = find_originals(bundle)
    assert originals is not None
    rows = np.linspace(0, len(originals) - 1, 10).round().astype(int)
    np.testing.assert_array_equal(above, originals[rows])
    _, layout = figure_in(tmp_path / "map.html", "map")
    assert layout["xaxis"]["title"]["text"] == "z₁z₂z₃"[2 * first : 2 * first + 2]
    assert layout["yaxis"]["title"]["text"] == "z₁z₂z₃"[2 * second : 2 * second + 2]


def test_one_dimension_runs_to_the_right(
    run: Run, train: Callable[[int], Path], tmp_path: Path
) -> None:
    path = train(1)
    status, _, _ = run(path, "--output", tmp_path, "--grid", "3", "--at", "-0.5")
    assert status == 0
    (row,) = tiles_of(tmp_path / "manifold.png", 1, 3, (10, 14, 3))
    check_decoded(row, load_bundle(path), [[-2.5], [0], [2.5]])


@pytest.mark.parametrize("place", [["--at", "1.5,-0.3"], ["--at", "-2,3"], ["--at=-.5,1e-1"]])
def test_the_point_is_the_decode_of_its_latent(
    run: Run, tiny_bundle: Path, tmp_path: Path, place: list[str]
) -> None:
    assert run(tiny_bundle, "--output", tmp_path, "--frames", "1", *place)[0] == 0
    z = [[float(number) for number in place[-1].removeprefix("--at=").split(",")]]
    image = tiles_of(tmp_path / "point.png", 1, 1, (12, 12, 1))[0]
    check_decoded(image, load_bundle(tiny_bundle), z)


def frames_of(folder: Path, count: int, shape: tuple[int, int, int]) -> np.ndarray:
    paths = [folder / "sweep" / f"frame-{k:02}.png" for k in range(count)]
    return np.concatenate([tiles_of(path, 1, 1, shape)[0] for path in paths])


def test_a_sweep_moves_the_most_informative_dimension_through_0(
    run: Run, colour_bundle: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(colour_bundle)
    run(colour_bundle, "--output", tmp_path)
    z = np.zeros((50, 3))
    z[:, np.argmax(bundle.card.metrics.kl_per_dimension)] = np.linspace(-2.45, 2.45, 50)
    check_decoded(frames_of(tmp_path, 50, (10, 14, 3)), bundle, z)


@pytest.mark.parametrize("dimension", [1, 2])
def test_a_sweep_moves_the_dimension_that_is_asked_for_and_leaves_the_others_at_the_point(
    run: Run, tiny_bundle: Path, tmp_path: Path, dimension: int
) -> None:
    status, _, _ = run(
        tiny_bundle, "--output", tmp_path, "--at", "0.5,-1",
        "--sweep", str(dimension), "--step", "2", "--frames", "4",
    )  # fmt: skip
    assert status == 0
    z = np.tile([0.5, -1.0], (4, 1))
    z[:, dimension - 1] = [-3, -1, 1, 3]
    check_decoded(frames_of(tmp_path, 4, (12, 12, 1)), load_bundle(tiny_bundle), z)


def test_the_animation_shows_the_frames_forth_and_back(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    run(tiny_bundle, "--output", tmp_path, "--step", "1.5", "--frames", "4")
    with Image.open(tmp_path / "sweep.gif") as animation:
        shown = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(animation)]
    files = [np.asarray(Image.open(tmp_path / f"sweep/frame-0{k}.png")) for k in range(4)]
    for image, expected in zip(shown, [*files, files[2], files[1]], strict=True):
        np.testing.assert_allclose(image.astype(int), expected, atol=1)


def test_the_map_holds_every_test_image_at_its_mean_under_its_class(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    run(tiny_bundle, "--output", tmp_path, "--frames", "1")
    traces, layout = figure_in(tmp_path / "map.html", "map")
    latents = load_bundle(tiny_bundle).latents
    assert len(traces) == 3
    for label, trace in enumerate(traces):
        assert trace["name"] == load_bundle(tiny_bundle).card.data.classes[label]
        points = np.stack([trace["x"], trace["y"]], axis=1)
        np.testing.assert_allclose(points, latents.z_mean[latents.labels == label], rtol=1e-6)
    for axis, values in zip(("xaxis", "yaxis"), latents.z_mean.T, strict=True):
        low, high = layout[axis]["range"]
        inside = (values > low) & (values < high)
        assert inside.sum() >= 98


def test_the_curves_are_the_history(run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    run(tiny_bundle, "--output", tmp_path, "--frames", "1")
    traces, _ = figure_in(tmp_path / "curves.html", "curves")
    history = json.loads((tiny_bundle / "history.json").read_text(encoding="utf-8"))
    drawn = {trace["name"]: trace for trace in traces}
    for name, key in (
        ("−ELBO, training", "neg_elbo"),
        ("−ELBO, held out", "val_neg_elbo"),
        ("KL, training", "kl"),
    ):
        np.testing.assert_array_equal(drawn[name]["x"], [1, 2, 3])
        np.testing.assert_allclose(drawn[name]["y"], history[key], rtol=1e-6)


def test_the_pages_load_nothing_but_the_script_beside_them(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    run(tiny_bundle, "--output", tmp_path, "--frames", "1")
    for name in ("map.html", "curves.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["plotly.min.js"]
        assert "http" not in text
    assert "newPlot" in (tmp_path / "plotly.min.js").read_text(encoding="utf-8")


def test_figures_for_a_paper_say_model_and_command(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    given = ["--output", str(tmp_path), "--direction", "means:0:1"]
    given += ["--format", "png", "--dpi", "50", "--width", "127mm"]
    status, printed, complaint = run(tiny_bundle, *given)
    assert (status, complaint) == (0, "")
    names = [
        "reconstructions", "samples", "manifold", "traversals", "directions", "interpolation",
        "paths", "map", "curves", "kl",
    ]  # fmt: skip
    assert printed.splitlines() == [str(tmp_path / f"{name}.png") for name in names]
    assert files_in(tmp_path) == {*(f"{name}.png" for name in names), ".pictures-of"}
    for name in names:
        with Image.open(tmp_path / f"{name}.png") as figure:
            assert figure.width == 250
            title = figure.info["Title"]
        assert title.startswith("shapes · 2-D (shapes-2d)")
        assert title.endswith("--direction means:0:1 --format png --dpi 50 --width 127mm")
        assert str(tmp_path) not in title
        assert str(tiny_bundle.parent) not in title


def test_a_class_is_what_a_conditional_model_decodes(
    run: Run, conditional_bundle: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(conditional_bundle)
    classes = bundle.card.data.classes
    z = np.zeros((1, bundle.card.model.latent_dim), np.float32)
    for label, name in enumerate(classes[:2]):
        given = ["--output", tmp_path, "--at", ",".join(map(str, z[0])), "--class", name]
        assert run(conditional_bundle, *given, "--frames", "1")[0] == 0
        expected = bundle.codec.given(label).decode(z)
        found = tiles_of(tmp_path / "point.png", 1, 1, bundle.card.data.image_shape)[0]
        np.testing.assert_allclose(found, 255 * expected, atol=0.6)
    assert not (tmp_path / "curves.html").exists()  # the training is not known
    status, _, complaint = run(conditional_bundle, "--class", "nobody")
    assert (status, complaint) == (2, f"--class nobody: the classes are {', '.join(classes)}\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--format", "pdf", "--direction", "means:0:9"],
            "--direction means:0:9: a class was expected, a name or a number from 0 to 2; not '9'",
        ),
        (
            ["--format", "pdf", "--direction", "means:0"],
            "--direction means:0: means:FROM:TO was expected; TO is missing",
        ),
        (
            ["--format", "pdf", "--between", "test-3", "test-3"],
            "--between test-3 test-3: a path leads from one place to another; these are the same",
        ),
        (["--sweep", "0"], "--sweep takes a dimension from 1 to 2; received 0"),
        (["--sweep", "3"], "--sweep takes a dimension from 1 to 2; received 3"),
        (["--at", ""], "this model needs 2 numbers, not 0"),
        (["--at", "1"], "--at 1: this model needs 2 numbers, not 1"),
        (["--at", "1,2,3"], "--at 1,2,3: this model needs 2 numbers, not 3"),
        (["--at", "-1,x"], "--at -1,x: a point is written as numbers with commas between them"),
        (["--axes", "1", "3"], "--axes takes two dimensions from 1 to 2; received 1 3"),
        (["--class", "x"], "--class x: the model takes no class"),
        (["--format", "pdf", "--between", "test-3", "test-900"], "there are test images 0 to 99"),
        (
            ["--format", "pdf", "--between", "-1,2", "test-900"],
            "--between -1,2 test-900: there are test images 0 to",
        ),
        (["--at", "nan,0"], "coordinates must lie between −99 and 99"),
        (["--at", "1e9,0"], "--at 1e9,0: coordinates must lie between −99 and 99"),
    ],
)
def test_a_mistake_gets_one_sentence_and_2_and_nothing_is_written(
    run: Run, tiny_bundle: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    status, printed, complaint = run(tiny_bundle, "--output", tmp_path / "out", *arguments)
    assert (status, printed) == (2, "")
    assert sentence in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--grid", "0"], "argument --grid: 0 is not between 1 and 100"),
        (["--grid", "x"], "argument --grid: 'x' is not a whole number"),
        (["--extent", "0"], "argument --extent: 0 is not between"),
        (["--extent", "nan"], "argument --extent: nan is not between"),
        (["--step", "-1"], "argument --step: -1 is not between"),
        (["--step", "x"], "argument --step: 'x' is not a number"),
        (["--frames", "0"], "argument --frames: 0 is not between 1 and 1,000"),
        (["--seed", "-1"], "argument --seed: -1 is not between 0 and 4,294,967,295"),
        (["--spacing", "log"], "argument --spacing: invalid choice: 'log'"),
        (["--width", "8.5"], "argument --width: '8.5' is not like 8.5cm, 85mm, 3.3in or 241pt"),
        (["--width", "3cm"], "argument --width: 3cm is not between 6 and 50 cm"),
        (["--format", "gif"], "argument --format: invalid choice: 'gif'"),
        (["--at"], "argument --at: expected one argument"),
        (["--direction", "means:0:1"], "--direction is for figures for a paper: add --format"),
        (["--format", "pdf", "--sweep=1"], "--sweep is for the sweep, which --format leaves out"),
    ],
)
def test_a_wrong_flag_gives_2(
    run: Run, tiny_bundle: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    status, _, complaint = run(tiny_bundle, "--output", tmp_path / "out", *arguments)
    assert status == 2
    assert sentence in complaint.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("module", ["explorer pictures", "explorer.pictures"])
def test_usage_and_default_folder_whatever_the_spelling_and_the_current_folder(
    module: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *module.split(), "absent"], cwd=tmp_path, capture_output=True,
        text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert f"there is no bundle 'absent' in {ROOT / 'pretrained'}; there are: " in done.stderr
    done = subprocess.run(
        [sys.executable, "-m", *module.split()], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"python -m {module}: the following arguments are required: NAME")


def test_an_unknown_bundle_gives_2_and_the_known_ones(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = tiny_bundle.parent
    assert run(folder / "absent") == (
        2, "", f"there is no bundle 'absent' in {folder}; there are: shapes-2d\n",
    )  # fmt: skip
    assert run(tmp_path / "none" / "absent")[2].endswith("there are: none\n")


def test_a_broken_bundle_gives_1(run: Run, copy_bundle: Copy, tmp_path: Path) -> None:
    path = copy_bundle()
    (path / "decoder.onnx").unlink()
    assert run(path, "--output", tmp_path / "out") == (
        1, "", "decoder.onnx of shapes-2d is missing\n",
    )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_gives_1(
    run: Run, tiny_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    status, printed, complaint = run(tiny_bundle, "--output", tmp_path / "file")
    assert (status, printed) == (1, "")
    assert complaint == f"{tmp_path / 'file'} is a file, not a folder; name another --output\n"
    assert complaint.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    @with_sentences
    def main() -> int:
        write_files([(Path("/dev/full"), bytes(100_000))])
        return 0

    assert main() == 1
    said = "the disk of /dev/full is full; free some space, then repeat the command\n"
    assert capsys.readouterr().err == said


def test_an_interrupted_file_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, write = tmp_path / "page.html", Path.write_bytes
    write_files([(page, b"the earlier page")])

    def cut(path: Path, contents: bytes) -> int:
        write(path, contents[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", cut)
    with pytest.raises(KeyboardInterrupt):
        write_files([(page, b"a page that is interrupted")])
    assert page.read_bytes() == b"the earlier page"
    assert list(tmp_path.iterdir()) == [page]


def test_a_file_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "page.html").symlink_to(tmp_path / "target.html")
    write_files([(tmp_path / "page.html", b"page")])
    assert (tmp_path / "page.html").is_symlink()
    assert (tmp_path / "target.html").read_bytes() == b"page"


def test_no_tensorflow_and_no_streamlit_is_needed() -> None:
    code = (
        "import sys, explorer.pictures;"
        "sys.exit(bool({'tensorflow', 'keras', 'onnx', 'streamlit'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
