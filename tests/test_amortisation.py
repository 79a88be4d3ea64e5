"""The amortisation gap of encoders, for models whose best posterior is known."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from linear_gaussian import LinearGaussian
from scipy.optimize import minimize

from explorer.bundle.codec import Codec
from explorer.bundle.posterior import FlowPosterior, GaussianPosterior, Posterior
from explorer.bundle.store import load_bundle
from explorer.core.amortisation import DRAWS, JUDGING_DRAWS, amortisation_gap
from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName, log_likelihood
from explorer.root import DEFAULT_FOLDER
from explorer.web.payload import encode_model

SCRIPT = Path(__file__).parent / "javascript" / "refine_images.js"
MODEL = LinearGaussian()
IMAGES = np.random.default_rng(0).random((20, 2, 2, 1)).astype(np.float32)


def codec_of(posterior: Posterior) -> Codec:
    return Codec(posterior, MODEL.decode_parameters, "gaussian")


@pytest.mark.parametrize(("shift", "log_scale"), [(0.0, 0.0), (1.0, 1.5), (-3.0, -2.0)])
def test_a_gaussian_is_refined_to_the_exact_posterior(shift: float, log_scale: float) -> None:
    """There the −ELBO of every draw is −log p(x); before, it is larger by the KL divergence."""

    def encode(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z_mean, z_log_var = MODEL.encode(images)
        return z_mean + shift * np.exp(0.5 * z_log_var), z_log_var + 2 * log_scale

    given, refined = amortisation_gap(codec_of(GaussianPosterior(encode)), IMAGES)
    exact = -MODEL.log_marginal(IMAGES)
    np.testing.assert_allclose(refined, exact, atol=1e-3)
    kl = 2 * (0.5 * (np.exp(2 * log_scale) + shift**2 - 1) - log_scale)  # two dimensions
    assert np.mean(given - exact) == pytest.approx(kl, rel=0.05, abs=1e-3)


def test_bytes_are_the_same_images() -> None:
    codec, pixels = codec_of(GaussianPosterior(MODEL.encode)), (255 * IMAGES[:3]).astype(np.uint8)
    of_bytes, of_floats = (
        amortisation_gap(codec, images) for images in (pixels, pixels / np.float32(255))
    )
    np.testing.assert_array_equal(of_bytes, of_floats)


def test_a_flow_is_moved_and_stretched_in_its_shape() -> None:
    """z = c + σ (ε + ε³/4) is not Gaussian, so its optimum is worse than the exact posterior.

    With ε drawn from N(0, 1), log q = log N(ε; 0, 1) − log(1 + 3ε²/4) for each dimension.
    """

    def refine(off: float) -> tuple[np.ndarray, np.ndarray]:
        def run(images: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            z_mean, z_log_var = MODEL.encode(images)
            scale = np.exp(0.5 * z_log_var)
            log_q = -0.5 * (np.log(2 * np.pi) + noise**2 + z_log_var) - np.log1p(0.75 * noise**2)
            return z_mean + scale * (off + noise + noise**3 / 4), log_q

        return amortisation_gap(codec_of(FlowPosterior(run, 2)), IMAGES)

    (_, refined), (misplaced, refined_too) = refine(0.0), refine(2.0)
    np.testing.assert_allclose(refined, refined_too, atol=0.05)
    assert np.all(misplaced - refined > 1.0)
    assert np.all(refined > -MODEL.log_marginal(IMAGES) + 0.1)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_is_refined_to_where_a_general_minimiser_ends(
    name: LikelihoodName,
) -> None:
    random = np.random.default_rng(1)
    count = len(LIKELIHOODS[name].parameters)
    weights = random.normal(scale=0.3, size=(4 * 5 * count, 3))
    bias = np.tile([0.5, -1.5] if count == 2 else [-0.5], 20)
    half = np.random.default_rng([0, 1]).standard_normal((JUDGING_DRAWS // 2, 3), np.float32)
    noise = np.concatenate([half, -half])  # the draws by which the result is judged

    def decode(z: np.ndarray) -> np.ndarray:
        return np.asarray(z @ weights.T + bias).reshape(-1, 4, 5, count)

    image = random.integers(0, 256, (4, 5, 1)) / 255

    def neg_elbo(posterior: np.ndarray) -> float:
        mean, log_var = np.split(posterior, 2)
        z = mean + np.exp(0.5 * log_var) * noise
        log_ratio = 0.5 * np.sum(z**2 - noise**2 - log_var, axis=1)
        return float(np.mean(log_ratio - log_likelihood(image[np.newaxis], decode(z), name)))

    start = np.array([1.5, -1.0, 1.0, 0.0, 0.0, 0.0])
    best = minimize(neg_elbo, start).fun
    assert neg_elbo(start) > best + 1
    given = GaussianPosterior(lambda _: (start[np.newaxis, :3], start[np.newaxis, 3:]))
    (before,), (after,) = amortisation_gap(
        Codec(given, decode, name), image[np.newaxis].astype(np.float32)
    )
    assert before == pytest.approx(neg_elbo(start), abs=1e-3)
    assert best - 1e-3 < after < best + 0.3


@pytest.mark.parametrize(("name", "rows"), [("mnist-8d", [1, 4]), ("mnist-8d-flow", [0, 1])])
def test_the_page_finds_what_the_figures_are_made_of(
    name: str, rows: list[int], node: Path, tmp_path: Path
) -> None:
    """It gets the same result with the same draws, and nearly the same with its own draws."""
    bundle = load_bundle(DEFAULT_FOLDER / name)
    images = np.flip(bundle.reconstruct(np.array(rows)), axis=2).copy()  # never seen before
    draws = [
        np.random.default_rng([0, part]).standard_normal(
            (count // 2, bundle.card.model.latent_dim), np.float32
        )
        for part, count in enumerate((DRAWS, JUDGING_DRAWS))
    ]
    noise = np.concatenate([draws[0], -draws[0], draws[1], -draws[1]])
    files = {"model": encode_model(bundle), "images": images.tobytes(), "noise": noise.tobytes()}
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    command = [str(node), str(SCRIPT), *(str(tmp_path / file) for file in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [
        [terms["reconstruction"] + terms["kl"] for terms in json.loads(line)]
        for line in done.stdout.splitlines()
    ]
    expected = np.array(
        [np.concatenate(amortisation_gap(bundle.codec, x)) for x in images[:, np.newaxis]]
    )
    np.testing.assert_allclose(found[-1], expected[0], atol=1e-3)
    lost, gap = (-np.diff(both)[:, 0] for both in (np.array(found[:-1]), expected))
    assert np.all(gap > 0.5)
    np.testing.assert_allclose(lost, gap, rtol=0.1, atol=0.5)
