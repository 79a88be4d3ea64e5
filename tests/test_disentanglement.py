"""Measures of disentanglement of representations for which they are known."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from explorer.bundle.figures import measure_disentanglement
from explorer.bundle.store import read_card
from explorer.cli import verify
from explorer.cli.train import Settings
from explorer.core.disentanglement import (
    completeness_of,
    disentanglement,
    disentanglement_of,
    find_factors,
    mutual_information_gap,
)
from explorer.data.dataset import Split
from explorer.web.figures import further_figures


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    """Return all combinations of two factors of six and five values, 3,000 images."""
    return np.stack(np.divmod(np.random.default_rng(0).permutation(3000) % 30, 5), axis=1)


def test_a_dimension_for_each_factor_is_perfect(factors: np.ndarray) -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, (3000, 3))
    z = noise + np.concatenate([factors, np.zeros((3000, 1))], axis=1)
    found = disentanglement(z, factors)
    assert found.gap == pytest.approx([1, 1], abs=0.02)
    assert found.separation.min() > 0.7  # a useless dimension is right one time in five, by chance
    assert found.disentanglement == pytest.approx(1, abs=0.01)
    assert found.completeness == pytest.approx([1, 1], abs=0.01)
    assert found.informativeness == pytest.approx([1, 1], abs=0.01)


def test_images_may_come_in_the_order_in_which_they_were_rendered() -> None:
    """The second factor changes fastest, so that every other image has only two of its values."""
    factors = np.stack(np.divmod(np.arange(2000) % 20, 4), axis=1)
    z = factors + np.random.default_rng(1).normal(0, 0.05, (2000, 2))
    found = disentanglement(z, factors)
    assert found.informativeness == pytest.approx([1, 1], abs=0.01)
    assert found.separation.min() > 0.6


def test_both_factors_in_both_dimensions_are_entangled_but_told(factors: np.ndarray) -> None:
    """After a rotation by 45°, each dimension is equally informative about both factors."""
    centred = factors / [5, 4] - 0.5
    noise = np.random.default_rng(1).normal(0, 0.02, (3000, 2))
    z = noise + centred @ np.array([[1, 1], [-1, 1]]) / math.sqrt(2)
    found = disentanglement(z, factors)
    assert found.gap.max() < 0.1
    assert found.separation.max() < 0.1
    assert found.disentanglement < 0.1
    assert found.completeness.max() < 0.1
    assert found.informativeness.min() > 0.85


def test_noise_tells_nothing(factors: np.ndarray) -> None:
    found = disentanglement(np.random.default_rng(2).normal(0, 1, (3000, 4)), factors)
    for values in (found.gap, found.separation, found.disentanglement, found.completeness):
        assert np.max(values) < 0.05
    assert found.informativeness == pytest.approx([1 / 6, 1 / 5], abs=0.05)


def test_the_gap_is_a_share_of_the_factors_entropy() -> None:
    """One dimension distinguishes four values, another two: (log 4 − log 2) / log 4."""
    factor = np.arange(400) % 4
    z = np.stack([factor, factor // 2], axis=1).astype(float)
    assert mutual_information_gap(z, factor[:, np.newaxis]) == pytest.approx([0.5])
    assert mutual_information_gap(z[:, :1], factor[:, np.newaxis]) == pytest.approx([1.0])


def test_disentanglement_and_completeness_are_entropies_of_shares() -> None:
    """Eastwood & Williams 2018: over rows, weighted by their sums, and over columns."""
    importance = np.array([[1.0, 0.0], [0.0, 0.5], [0.0, 0.5], [0.0, 0.0]])
    assert disentanglement_of(importance) == pytest.approx(1)
    assert completeness_of(importance) == pytest.approx([1, 0.5])  # log 2 of log 4
    assert disentanglement_of(np.ones((2, 2))) == pytest.approx(0)
    assert disentanglement_of(np.zeros((2, 2))) == 0
    assert completeness_of(np.ones((1, 2))) == pytest.approx([1, 1])


def test_a_factor_takes_few_values_that_are_known_but_not_one_alone() -> None:
    rows = np.arange(200.0)
    columns = {
        "scale": 0.5 + rows % 3,
        "colour": np.ones(200),
        "brightness": rows,
        "age": np.where(rows == 7, np.nan, rows % 4),
    }
    found = find_factors(columns)
    assert list(found) == ["scale"]
    assert found["scale"].tolist() == (np.arange(200) % 3).tolist()


def save_sprites(path: Path) -> None:
    """Save an NPZ like dSprites': bars and squares at 4 × 4 places in two sizes, each 8 times."""
    shape, scale, x, y = np.indices((3, 2, 4, 4)).reshape(4, -1)
    pixels = np.arange(12)
    across, down = (np.abs(pixels - 3 * at[:, None] - 1) <= scale[:, None] for at in (x, y))
    across |= (shape == 0)[:, None]
    down |= (shape == 1)[:, None]
    images = (down[:, :, None] & across[:, None, :]).astype(np.uint8)
    values = np.stack([np.ones(96), shape + 1, scale / 2, np.zeros(96), x / 3, y / 3], axis=1)
    np.savez(path, imgs=images.repeat(8, axis=0), latents_values=values.repeat(8, axis=0))


def test_a_column_called_class_is_a_factor_beside_the_class() -> None:
    classes, column = np.indices((3, 2)).repeat(50, axis=2).reshape(2, -1)
    images = np.zeros((300, 2, 2, 1), np.uint8)
    split = Split(images, classes, columns={"class": column.astype(float)})
    found = measure_disentanglement(np.stack([classes, column], 1), SimpleNamespace(test=split))  # type: ignore[arg-type]
    assert found is not None
    assert {name: one.values for name, one in found.factors.items()} == {
        "class": 3, "class (column)": 2,
    }  # fmt: skip


def test_a_set_with_factors_has_the_measures_on_card_and_page(
    tmp_path: Path, tiny_recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from train import train_bundle

    save_sprites(tmp_path / "sprites.npz")
    (tmp_path / "tiny.json").write_text(json.dumps(tiny_recipe), encoding="utf-8")
    settings = Settings(str(tmp_path / "sprites.npz"), recipe=str(tmp_path / "tiny.json"))
    train_bundle(settings, output=tmp_path, data_dir=None, resume=False)
    card = read_card(tmp_path / "sprites-2d")
    found = card.metrics.disentanglement
    assert found is not None
    factors = {name: one.values for name, one in found.factors.items()}
    assert factors == {"class": 3, "scale": 2, "x": 4, "y": 4}
    gaps = [one.mig for one in found.factors.values()]
    assert found.mig == pytest.approx(np.mean(gaps), abs=1e-4)
    assert 0 < found.informativeness < 1
    monkeypatch.setattr("sys.argv", ["verify", "--bundles", str(tmp_path), "--data", settings.data])
    assert verify.main() == 0
    shown = {name: value for name, value, _ in further_figures(card)}
    assert shown["mutual information gap (MIG)"] == f"{found.mig:.3f}"
    assert shown["factor: scale"].startswith(f"MIG {found.factors['scale'].mig:.3f}, SAP")
