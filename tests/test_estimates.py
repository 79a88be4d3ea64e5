"""Estimates of the ELBO and of the bound against closed forms of a linear Gaussian model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from linear_gaussian import LinearGaussian

from explorer.bundle.codec import Codec
from explorer.bundle.posterior import GaussianPosterior
from explorer.core import estimates
from explorer.core.elbo import kl_divergence
from explorer.core.estimates import elbo_terms, encode_all, importance_weighted_bound
from explorer.core.likelihoods import log_likelihood

MODEL = LinearGaussian()
COPIES = 2000  # copies of one image, whose estimates are independent draws of the same figure
IMAGE = np.array([0.9, 0.2, 0.7, 0.1], np.float32).reshape(1, 2, 2, 1)
IMAGES = np.repeat(IMAGE, COPIES, axis=0)
WRONG_POSTERIOR = np.array([[0.5, 0.3]]), np.log([[0.4, 0.5]])  # not the exact one


EXACT = Codec(GaussianPosterior(MODEL.encode), MODEL.decode_parameters, "gaussian")
WRONG = replace(EXACT, posterior=GaussianPosterior(lambda images: WRONG_POSTERIOR))


def standard_error(values: np.ndarray) -> float:
    return float(values.std() / np.sqrt(len(values)))


def test_the_exact_posterior_makes_every_bound_the_log_likelihood() -> None:
    images = np.random.default_rng(0).uniform(0, 1, (20, 2, 2, 1)).astype(np.float32)
    for samples in (1, 7):
        bound = importance_weighted_bound(EXACT, images, 2, samples=samples)
        np.testing.assert_allclose(bound, -MODEL.log_marginal(images), atol=1e-5)
    z_mean, z_log_var = MODEL.encode(images)
    exact_elbo = MODEL.reconstruction(images, z_mean, z_log_var) + kl_divergence(z_mean, z_log_var)
    np.testing.assert_allclose(exact_elbo, -MODEL.log_marginal(images), atol=1e-5)


def test_the_sampled_terms_agree_with_their_closed_forms() -> None:
    reconstruction, kl = elbo_terms(WRONG, IMAGES, 2, samples=10)
    exact = MODEL.reconstruction(IMAGE, *WRONG_POSTERIOR)[0]
    assert abs(reconstruction.mean() - exact) < 4 * standard_error(reconstruction)
    # ½ (μ² + σ² − 1 − log σ²) of each dimension
    for sampled, mean, variance in zip(kl.T, (0.5, 0.3), (0.4, 0.5), strict=True):
        exact = 0.5 * (mean**2 + variance - 1 - np.log(variance))
        assert abs(sampled.mean() - exact) < 4 * standard_error(sampled)


def test_the_importance_weighted_bound_with_one_sample_is_the_negative_elbo() -> None:
    bound = importance_weighted_bound(WRONG, IMAGES, 2, samples=1)
    kl = 0.5 * (0.25 + 0.09 + 0.9 - 2 - np.log(0.2))
    exact = MODEL.reconstruction(IMAGE, *WRONG_POSTERIOR)[0] + kl
    assert abs(bound.mean() - exact) < 4 * standard_error(bound)


def test_the_importance_weighted_bound_tightens_and_converges() -> None:
    exact = -MODEL.log_marginal(IMAGE)[0]
    means = []
    for samples in (1, 4, 16, 64):
        bound = importance_weighted_bound(WRONG, IMAGES, 2, samples=samples)
        likelihood = np.exp(exact - bound)  # an unbiased estimate of 1, whatever K
        assert abs(likelihood.mean() - 1.0) < 4 * standard_error(likelihood)
        means.append(bound.mean())
    assert means == sorted(means, reverse=True)
    assert means[0] > exact + 1.0
    assert means[-1] == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize("estimate", [elbo_terms, importance_weighted_bound])
def test_the_seed_and_nothing_else_decides_the_samples(
    estimate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (23, 2, 2, 1), np.uint8)

    def sums_of_latents(z: np.ndarray) -> np.ndarray:
        return np.repeat(z.sum(axis=1), 4).reshape(-1, 2, 2, 1)

    posterior = GaussianPosterior(lambda x: (np.zeros((len(x), 3)),) * 2)
    codec = Codec(posterior, sums_of_latents, "bernoulli")

    def run(seed: int) -> np.ndarray:
        found = estimate(codec, images, 3, samples=5, seed=seed)
        return np.asarray(found[0] if isinstance(found, tuple) else found)

    found = run(1)
    np.testing.assert_array_equal(found, run(1))
    assert not np.allclose(found, run(2))
    monkeypatch.setattr(estimates, "AT_ONCE", 7)
    np.testing.assert_allclose(found, run(1), rtol=1e-6)


def test_a_posterior_without_width_reconstructs_from_its_mean() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 2, 2, 1), np.uint8)

    def encode(x: np.ndarray) -> np.ndarray:
        return np.asarray(x.sum(axis=(1, 2)))

    posterior = GaussianPosterior(lambda x: (encode(x), np.full((len(x), 1), -200.0)))

    def constant_logits(z: np.ndarray) -> np.ndarray:
        return np.repeat(z, 4, axis=1).reshape(-1, 2, 2, 1)

    codec = Codec(posterior, constant_logits, "bernoulli")
    reconstruction, _ = elbo_terms(codec, images, 1, samples=1)
    x = images.astype(np.float32) / np.float32(255)
    expected = -log_likelihood(x, constant_logits(encode(x)), "bernoulli")
    np.testing.assert_allclose(reconstruction, expected, rtol=1e-6)


def test_encode_all_scales_pixels_and_keeps_batches_small_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimates, "AT_ONCE", 10)
    images = np.arange(25, dtype=np.uint8).reshape(25, 1, 1, 1) * 10
    sizes = []

    def encode(batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert batch.dtype == np.float32
        sizes.append(len(batch))
        return batch.reshape(-1, 1), -batch.reshape(-1, 1)

    z_mean, z_log_var = encode_all(encode, images)
    np.testing.assert_allclose(z_mean, images.reshape(25, 1) / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(z_log_var, -z_mean)
    assert sizes == [10, 10, 5]
