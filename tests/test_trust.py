"""How far places of the latent space are trusted: scales in Python, verdicts on the page."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.bundle.bundle import Bundle
from explorer.bundle.store import find_bundles, load_bundle
from explorer.bundle.trust import judge_places
from explorer.core import trust
from explorer.core.neighbours import nearest_others
from explorer.root import DEFAULT_FOLDER
from explorer.web.contents import vivid_row
from explorer.web.payload import encode_model

SHIPPED = [path.name for path in find_bundles(DEFAULT_FOLDER)]
READ = Path(__file__).parent / "javascript" / "read_latents.js"
HELD_OUT = 500
TRIED = 100


def without(bundle: Bundle, rows: np.ndarray) -> Bundle:
    """Return the bundle as if these test images had never been seen."""
    latents = bundle.latents
    rest = np.delete(np.arange(len(latents.labels)), rows)
    z_mean = latents.z_mean[rest]
    kept = {
        name: getattr(latents, name)[rest]
        for name in ("labels", "neg_elbo", "log_density", "kl", "return_distance", "agreement")
    }
    nearest = nearest_others(z_mean, 1)[0][:, 0].astype(np.float32)
    places = None if latents.places is None else latents.places[rest]
    changed = replace(latents, z_mean=z_mean, nearest_distance=nearest, places=places, **kept)
    return replace(bundle, latents=changed)


def read(node: Path, folder: Path, bundle: Bundle, z: np.ndarray) -> list[dict[str, Any]]:
    """Return the page's readings of latents."""
    (folder / "model").write_bytes(encode_model(bundle))
    (folder / "latents").write_bytes(z.astype("<f4").tobytes())
    command = [str(node), str(READ), str(folder / "model"), str(folder / "latents")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    readings: list[dict[str, Any]] = json.loads(done.stdout)
    return readings


def share_of_good(readings: list[dict[str, Any]]) -> float:
    return float(np.mean([reading["verdict"]["level"] == "good" for reading in readings]))


@pytest.mark.parametrize("name", SHIPPED)
def test_images_are_good_and_what_lies_beyond_them_is_not(
    name: str, node: Path, tmp_path: Path
) -> None:
    bundle = load_bundle(DEFAULT_FOLDER / name)
    random = np.random.default_rng(0)
    rows = random.permutation(len(bundle.latents.labels))[:HELD_OUT]
    held_out = bundle.latents.z_mean[rows]
    bundle = without(bundle, rows)
    known = bundle.latents.z_mean
    low, high = known.min(axis=0), known.max(axis=0)

    def outside(z: np.ndarray) -> np.ndarray:
        beyond: np.ndarray = z[((z < low) | (z > high)).any(axis=1)][:TRIED]
        return beyond

    latent_dim = len(low)
    wide = outside(3 * random.standard_normal((20 * TRIED, latent_dim)))
    noise = random.uniform(-1, 1, (20 * TRIED, latent_dim)) * (high - low) + (low + high) / 2
    first, second = known[random.integers(len(known), size=(2, TRIED))]
    between = first + random.uniform(-1, 2, (TRIED, 1)) * (second - first)
    asked = [held_out, wide, outside(noise), between, np.zeros((1, latent_dim))]
    readings = read(node, tmp_path, bundle, np.concatenate(asked))
    judged = judge_places(bundle, np.concatenate(asked).astype(np.float32))
    said = [(v["level"], tuple(v["reasons"])) for v in (one["verdict"] for one in readings)]
    agreement = [ours == pages for ours, pages in zip(judged, said, strict=True)]
    assert np.mean(agreement) > 0.99  # some lie on a threshold
    found = iter(readings)
    images, prior, uniform, mixed, (centre,) = ([next(found) for _ in part] for part in asked)

    assert share_of_good(images) >= 0.9
    assert share_of_good(prior) == 0
    assert share_of_good(uniform) == 0
    for reading in [*images, *mixed]:
        if reading["verdict"]["level"] == "good":
            density, returned, nearest = reading["percentiles"]
            assert 1 <= density <= 99.5
            assert 0.5 <= returned <= 99
            assert nearest <= 99
    if name == "cifar10-80d":  # grey fog, where there are no images
        assert centre["verdict"] == {
            "level": "doubtful", "reasons": [trust.LIMITS["density"].above]
        }  # fmt: skip
    if "mnist" in name:  # among digits, and among clothes
        assert centre["verdict"]["level"] == "good"


def near(*values: float) -> list[Any]:
    return [pytest.approx(value, abs=0.05) for value in values]


def even(blend: float) -> list[trust.Limit]:
    """Return thresholds for test images whose readings are spread evenly over 0 to 1000."""
    own = np.tile(np.arange(1001.0)[:, np.newaxis], 3)
    return trust.thresholds(trust.quantiles(own), blend)


def test_thresholds_are_in_the_unit_of_their_reading() -> None:
    density, returned, nearest = even(blend=0)
    assert [density.low, density.high, density.floor] == near(10, 995, 1)
    assert [returned.low, returned.high] == near(5, 990)
    assert [nearest.high, nearest.ceiling] == near(990, 999)
    assert (returned.floor, nearest.low) == (None, None)


def test_density_is_bounded_more_closely_where_the_average_image_is_dense() -> None:
    assert even(blend=950)[0].high == near(995)[0]
    assert even(blend=951)[0].high == near(970)[0]


def test_what_is_not_known_of_an_image_is_left_out_of_the_scale() -> None:
    own = np.array([[1.0, 5.0, np.nan], [3.0, np.nan, np.nan]])
    scales = trust.quantiles(own)
    np.testing.assert_array_equal(scales[:, 0], [1, 5, np.nan])
    np.testing.assert_array_equal(scales[:, -1], [3, 5, np.nan])
    nearest = trust.thresholds(scales, 0)[2]
    assert nearest.high is nearest.ceiling is None
    assert trust.judge([2, 5, 1e9], trust.thresholds(scales, 0)) == ("good", ())


@pytest.mark.parametrize("count", [1, 2, 5, 30, 300])
def test_no_image_of_a_small_set_lies_beyond_its_own_set(count: int) -> None:
    random = np.random.default_rng(count)
    own = random.standard_normal((count, 3)).astype(np.float32)
    limits = trust.thresholds(trust.quantiles(own), 0)
    rounded = own * (1 + 1e-7 * random.standard_normal(own.shape))  # as the page recomputes them
    verdicts = [trust.judge(readings, limits)[0] for readings in rounded.tolist()]
    assert "empty" not in verdicts
    assert verdicts.count("good") >= 0.9 * count
    assert trust.judge([-99, 0, 99], limits)[0] == "empty"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_visit_begins_with_an_image_that_is_to_be_trusted(name: str) -> None:
    bundle = load_bundle(DEFAULT_FOLDER / name)
    ((level, reasons),) = judge_places(bundle, bundle.latents.z_mean[[vivid_row(bundle)]])
    assert (level, reasons) == ("good", ())
