"""How often a model is run for its figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from explorer.bundle.codec import Codec, counting
from explorer.bundle.effort import WORK, effort_for
from explorer.bundle.posterior import GaussianPosterior
from explorer.bundle.store import find_bundles, load_bundle
from explorer.cli.terminal import ERASE, share_of
from explorer.core import amortisation
from explorer.core.amortisation import amortisation_gap, most_decodes

ROOT = Path(__file__).parents[1]
ONE = 840_000_000
"""Multiply-adds of a decoder that takes 30 ms on two cores."""


@pytest.mark.parametrize("path", find_bundles(ROOT / "pretrained"), ids=lambda path: path.name)
def test_models_of_a_usual_size_are_run_as_often_as_ever(path: Path) -> None:
    bundle = load_bundle(path)
    codec, latent_dim = bundle.codec, bundle.card.model.latent_dim
    effort = effort_for(codec.encoder_work, codec.decoder_work, 10_000, latent_dim)
    assert codec.decoder_work > 1_000_000
    assert effort.samples == 10
    assert (effort.importance_images, effort.importance_samples) == (1000, 100)
    assert effort.gap_images == min(500, 4000 // latent_dim)
    assert effort.training_images == {"mnist-8d": 49_377}.get(path.name, 60_000)  # of long steps


@pytest.mark.parametrize("work", [ONE, 10 * ONE])
@pytest.mark.parametrize("test_images", [70, 2_000])
@pytest.mark.parametrize("latent_dim", [2, 128])
def test_a_decoder_that_computes_much_is_run_less_often(
    work: int, test_images: int, latent_dim: int
) -> None:
    effort = effort_for(work, work, test_images, latent_dim)
    assert effort.samples == 1 or effort.samples * test_images * work <= WORK
    assert effort.importance_images * effort.importance_samples * work <= WORK
    assert effort.importance_images >= 20
    assert effort.gap_images * most_decodes(latent_dim) * work <= WORK
    assert effort.gap_images == 0 or effort.gap_images >= 5
    assert effort.training_images * work <= WORK


@pytest.mark.parametrize("work", [0, 10**15])
def test_a_single_test_image_has_all_figures_unless_work_is_to_be_saved(work: int) -> None:
    effort = effort_for(0, work, 1, 4000)
    assert (effort.samples, effort.importance_images) == (1 if work else 10, 1)
    assert effort.importance_samples == (1 if work else 100)
    assert effort.gap_images == (0 if work else 1)


def test_no_image_decodes_more_latents_than_is_allowed_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amortisation, "ENOUGH", -1.0)  # never stop early
    decoded = 0

    def parameters(z: np.ndarray) -> np.ndarray:
        nonlocal decoded
        decoded += len(z)
        return z.reshape(-1, 1, 3, 1)

    def encode(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((len(images), 3), np.float32), np.zeros((len(images), 3), np.float32)

    amortisation_gap(
        Codec(GaussianPosterior(encode), parameters, "bernoulli"), np.full((1, 1, 3, 1), 0.7)
    )
    assert decoded == most_decodes(3)


def test_progress_is_that_of_the_latents_decoded_in_parts() -> None:
    sizes, shares = list[int](), list[float]()

    def parameters(z: np.ndarray) -> np.ndarray:
        sizes.append(len(z))
        return 2 * z

    posterior = GaussianPosterior(lambda images: (images, images))
    one = Codec(posterior, parameters, "gaussian", decoder_work=25_000_000_000)
    codec = counting(Codec(posterior, parameters, "gaussian", (one, one)), 20, shares.append)
    z = np.arange(10.0).reshape(10, 1)
    np.testing.assert_array_equal(codec.given(1).parameters(z), 2 * z)
    assert sizes == [10]
    codec = counting(one, 20, shares.append)
    np.testing.assert_array_equal(codec.parameters(z), 2 * z)
    assert sizes == [10, 4, 4, 2]
    assert shares == [0.5, 0.2, 0.4, 0.5]


def test_the_time_left_is_shown_once_it_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    now = iter([10.0, 10.0, 12.0, 110.0, 210.0])
    monkeypatch.setattr("explorer.cli.terminal.time.monotonic", lambda: next(now))
    show = share_of("work")
    for share in (0.0, 0.02, 0.5, 1.0):
        show(share)
    lines = capsys.readouterr().out.split(ERASE)
    assert lines == [
        "",
        "work …   0 %",
        "work …   2 %",
        "work …  50 %, 1:40 left",
        "work … 100 %\n",
    ]
