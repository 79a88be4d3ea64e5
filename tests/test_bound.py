"""The bound of every test image: its value where it is known, its file, its command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from linear_gaussian import LinearGaussian

from explorer.bundle.bound import bounds_of, read_bounds, save_bounds
from explorer.bundle.card import BundleError
from explorer.bundle.codec import Codec
from explorer.bundle.encoder_split import split_posterior
from explorer.bundle.images import load_card_data
from explorer.bundle.posterior import GaussianPosterior
from explorer.bundle.store import load_bundle, load_reference
from explorer.cli import bound, verify
from explorer.core.bound import DRAWS, importance_bound, many_bernoulli_log_likelihoods
from explorer.core.likelihoods import log_likelihood

ROOT = Path(__file__).parents[1]
MODEL = LinearGaussian()
IMAGE = np.array([0.9, 0.2, 0.7, 0.1], np.float32).reshape(2, 2, 1)
NOT_THE_POSTERIOR = np.array([[0.5, 0.3]]), np.log([[0.4, 0.5]])
EXACT = Codec(GaussianPosterior(MODEL.encode), MODEL.decode_parameters, "gaussian")
WRONG = replace(EXACT, posterior=GaussianPosterior(lambda images: NOT_THE_POSTERIOR))


def test_the_exact_posterior_makes_the_bound_the_log_likelihood() -> None:
    images = np.random.default_rng(0).uniform(0, 1, (5, 2, 2, 1)).astype(np.float32)
    bounds = [importance_bound(EXACT, image, 3, 2, samples=DRAWS + 1) for image in images]
    np.testing.assert_allclose(bounds, -MODEL.log_marginal(images), atol=1e-5)


def test_many_samples_reach_the_log_likelihood_from_another_posterior() -> None:
    bounds = np.array([importance_bound(WRONG, IMAGE, n, 2, samples=3 * DRAWS) for n in range(40)])
    exact = -MODEL.log_marginal(IMAGE[np.newaxis])[0]
    likelihood = np.exp(exact - bounds)  # an unbiased estimate of 1
    assert likelihood.std() > 1e-4
    assert abs(likelihood.mean() - 1.0) < 4 * likelihood.std() / 40**0.5


def test_the_likelihood_of_many_draws_is_that_of_training() -> None:
    random = np.random.default_rng(0)
    for shape in ((28, 28, 1), (5, 7, 3), (1, 1, 1)):
        image = random.random(shape, np.float32)
        logits = random.normal(0, 8, (9, *shape)).astype(np.float32)
        logits[0] = np.where(logits[0] > 0, 1e4, -1e4)
        found = many_bernoulli_log_likelihoods(image, logits)
        exact = log_likelihood(image[np.newaxis].astype(float), logits.astype(float), "bernoulli")
        np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-3)


def test_a_flow_cut_where_noise_enters_draws_what_the_whole_one_does() -> None:
    bundle = load_bundle(ROOT / "pretrained" / "mnist-8d-flow")
    random = np.random.default_rng(0)
    images = random.random((3, 28, 28, 1), np.float32)
    noise = random.standard_normal((3, 5, 8), np.float32)
    split = split_posterior(bundle.encoder, 8)
    for cut, whole in zip(
        (*split.draw(images, noise), *split.encode(images)),
        (*bundle.codec.draw(images, noise), *bundle.codec.encode(images)),
        strict=True,
    ):
        np.testing.assert_allclose(cut, whole, atol=1e-5)


def test_an_interrupted_command_goes_on_and_verify_checks_what_it_gave(
    copy_bundle: Callable[[], Path],
    reseal: Callable[[Path], None],
    tiny_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, asked = copy_bundle(), []

    def run(command: Any, *arguments: str) -> int:
        options = ["--bundles", str(path.parent), "--data", tiny_settings["data"]]
        monkeypatch.setattr("sys.argv", ["command", path.name, *options, *arguments])
        return int(command.main())

    def interrupted(*given: Any) -> Callable[..., np.ndarray]:
        compute = bounds_of(*given)

        def bounds(rows: Any) -> np.ndarray:
            asked.extend(rows)
            if len(asked) == 2 * bound.AT_ONCE:
                raise KeyboardInterrupt
            return compute(rows)

        return bounds

    monkeypatch.setattr(bound, "bounds_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(bound, "--samples", "40")
    assert load_bundle(path).card.bound is None
    assert run(bound, "--samples", "40") == 0
    bundle = load_bundle(path)
    data = bundle.card.data
    assert len(asked) == data.test_images + bound.AT_ONCE  # the unsaved ones again
    assert not list(path.parent.glob(".*"))

    stored, told = read_bounds(bundle), bundle.card.bound
    assert told is not None
    assert (told.samples, told.images) == (40, data.test_images)
    assert told.bound == pytest.approx(stored.mean(), abs=1e-3)
    assert told.error == pytest.approx(stored.std() / len(stored) ** 0.5, rel=0.02)
    assert bundle.card.metrics.neg_elbo is not None
    assert told.bound < bundle.card.metrics.neg_elbo
    assert f"{told.bound:.2f} ± {told.error:.2f} nats" in capsys.readouterr().out
    test = load_card_data(data, tiny_settings["data"]).test
    np.testing.assert_allclose(bounds_of(bundle, test, 40)([7, 3]), stored[[7, 3]], atol=1e-4)

    encoder = (path / "encoder.onnx").read_bytes()
    (path / "encoder.onnx").write_bytes(encoder + b"\0")
    reseal(path)  # as if another model were there now
    with pytest.raises(BundleError, match="was replaced while its bound was computed"):
        save_bounds(bundle, stored, 40)
    (path / "encoder.onnx").write_bytes(encoder)
    reseal(path)

    bound._so_far(bundle, 9).with_suffix(".unfinished").mkdir()
    assert run(bound, "--samples", "9") == 1
    assert "cannot read or write a file" in capsys.readouterr().err

    assert run(verify) == 0
    assert "bound of 30 images" in capsys.readouterr().out
    card = json.loads((path / "card.json").read_text(encoding="utf-8"))
    card["bound"]["bound"] -= 0.1
    (path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    assert run(verify) == 1
    assert capsys.readouterr().out.count("DIFFERS") == 1
    np.savez(path / "bound.npz", bound=stored - np.float32(0.1))
    reseal(path)
    assert run(verify) == 1
    assert "bound of 30 images" in next(
        line for line in capsys.readouterr().out.splitlines() if "DIFFERS" in line
    )


@pytest.mark.parametrize("name", ["mnist-binary-50d", "mnist-binary-50d-tanh-200"])
def test_the_table_beside_published_models_has_the_cards_bound(name: str) -> None:
    told = load_reference(ROOT / "pretrained" / "references" / name).card.bound
    text = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if f"`{name}`" in line and " here |" in line)
    assert told is not None
    assert f"| {told.samples:,} |" in row
    assert f"{told.bound:.2f} ± {told.error:.2f}" in row
