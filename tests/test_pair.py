"""Pairs of models: where one puts what the other shows, and how their figures differ."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from explorer.app import cache
from explorer.app.pair import counterpart, figure_rows, gap_between, partners
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import Card
from explorer.bundle.images import find_originals
from explorer.bundle.store import load_bundle, read_card
from explorer.core.pixels import to_pixels
from explorer.root import DEFAULT_FOLDER

DEEP, FLAT, CLOTHES = "mnist-8d", "mnist-2d", "fashion_mnist-2d"


@pytest.fixture(autouse=True)
def _shipped_images_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATENT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cache.forget_originals()


@pytest.fixture(scope="module")
def bundles() -> dict[str, Bundle]:
    return {name: load_bundle(DEFAULT_FOLDER / name) for name in (DEEP, FLAT, CLOTHES)}


def test_partners_have_images_of_the_same_shape_and_the_same_ones_come_first() -> None:
    names = (DEEP, "cifar10-80d", CLOTHES, "mnist-20d", FLAT, "cifar10-grey-15d")
    cards = {name: read_card(DEFAULT_FOLDER / name) for name in names}
    assert partners(cards[DEEP], cards) == [FLAT, "mnist-20d", CLOTHES]
    assert partners(cards["cifar10-80d"], cards) == []


def test_a_test_image_is_itself_in_another_model_and_another_picture_is_encoded(
    bundles: dict[str, Bundle],
) -> None:
    deep, flat, clothes = (bundles[name] for name in (DEEP, FLAT, CLOTHES))
    for row in (0, 17, 9_999):
        z = np.round(deep.latents.z_mean[row].astype(np.float64), 3)  # as in the address
        np.testing.assert_array_equal(counterpart(deep, z, flat), flat.latents.z_mean[row])
    z = np.full((1, 8), 0.5, np.float32)
    picture = to_pixels(deep.codec.decode(z)) / np.float32(255)
    found = np.asarray(counterpart(deep, z[0], flat))
    np.testing.assert_allclose(found, flat.codec.encode(picture)[0][0])
    originals = find_originals(clothes)
    assert originals is not None
    found = np.asarray(counterpart(clothes, clothes.latents.z_mean[3], deep))
    image = originals[3:4].astype(np.float32) / 255
    np.testing.assert_allclose(found, deep.codec.encode(image)[0][0], atol=1e-5)
    mute = replace(
        flat, card=flat.card.model_copy(update={"model": _without_graphs(flat.card).model})
    )
    assert counterpart(deep, z[0], mute) is None


def _without_graphs(card: Card) -> Card:
    model = card.model.model_dump(by_alias=True) | {
        "recipe": None,
        "adopted": {
            "title": "mute", "licence": "", "command": "", "files": {}, "conventions": {},
            "notes": (), "likelihood": "bernoulli", "has_variance": True, "has_graphs": False,
        },
    }  # fmt: skip
    return card.model_copy(update={"model": type(card.model).model_validate(model)})


def test_differences_are_the_second_less_the_first_where_figures_can_be_compared(
    bundles: dict[str, Bundle],
) -> None:
    deep, flat, clothes = (bundles[name].card for name in (DEEP, FLAT, CLOTHES))
    rows = figure_rows(deep, flat)
    found = dict(zip(rows["Figure"], rows["Difference"], strict=True))
    assert deep.metrics.neg_elbo is not None
    assert flat.metrics.neg_elbo is not None
    assert float(found["−ELBO, nats"]) == pytest.approx(
        flat.metrics.neg_elbo - deep.metrics.neg_elbo, abs=0.005
    )
    assert found["latent dimensions"] == "−6"
    elsewhere = figure_rows(deep, clothes)
    found = dict(zip(elsewhere["Figure"], elsewhere["Difference"], strict=True))
    assert {name for name, text in found.items() if text != "–"} == {
        "latent dimensions", "active units", "weights",
    }  # fmt: skip
    adopted = _without_graphs(flat)
    other = adopted.model.adopted
    assert other is not None
    of_levels = other.model_copy(update={"likelihood": "discretised-logistic"})
    model = adopted.model.model_copy(update={"adopted": of_levels})
    rows = figure_rows(deep, adopted.model_copy(update={"model": model}))
    found = dict(zip(rows["Figure"], rows["Difference"], strict=True))
    assert found["−ELBO, nats"] == found["reconstruction, nats"] == "–"
    bits = dict(zip(rows["Figure"], rows[flat.name], strict=True))["bits per dimension"]
    assert float(bits) == pytest.approx(flat.metrics.neg_elbo / 784 / math.log(2), abs=0.0005)
    assert found["KL, nats"] != "–"


def test_the_gap_is_the_mean_of_what_each_image_differs_by(bundles: dict[str, Bundle]) -> None:
    deep, flat = bundles[DEEP], bundles[FLAT]
    gap = gap_between(deep, flat)
    assert gap is not None
    assert deep.card.metrics.neg_elbo is not None
    assert flat.card.metrics.neg_elbo is not None
    difference = flat.card.metrics.neg_elbo - deep.card.metrics.neg_elbo
    assert gap.mean == pytest.approx(difference, abs=0.01)
    halves = [gap.of_images[::2].mean(), gap.of_images[1::2].mean()]
    assert abs(halves[0] - halves[1]) < 5 * 2 * gap.error  # each half's error is √2 as large
    (worst,), (best,) = gap.most(1, is_worse=True), gap.most(1, is_worse=False)
    each = [float(b) - float(a) for a, b in zip(deep.latents.neg_elbo, flat.latents.neg_elbo)]  # noqa: B905
    assert (each[worst], each[best]) == (max(each), min(each))
    assert gap_between(deep, bundles[CLOTHES]) is None
    assert len(gap_between(deep, deep).most(3, is_worse=True)) == 0  # type: ignore[union-attr]
