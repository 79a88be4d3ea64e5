"""The search for a better latent: a decoder whose optimum is known, and models that ship."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from explorer.app.cache import BUNDLES
from explorer.bundle.images import load_card_data
from explorer.bundle.store import load_bundle
from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName
from explorer.core.refine import negative_log_joint, refine

SHIPPED = Path(__file__).parents[1] / BUNDLES
RANDOM = np.random.default_rng(0)


def test_a_linear_decoder_reaches_its_optimum_in_one_step() -> None:
    """x = W z + b + noise of variance s: the optimum is (WᵀW + s I)⁻¹ Wᵀ (x − b).

    Source: Bishop 2006, eq. 12.48, with the posterior's mean as its mode.
    """
    weights, bias, log_var = RANDOM.normal(size=(12, 3)), RANDOM.normal(size=12), -1.0

    def decode(z: np.ndarray) -> np.ndarray:
        mean = (z @ weights.T + bias).reshape(-1, 3, 4, 1)
        return np.concatenate([mean, np.full_like(mean, log_var)], axis=-1)

    image = RANDOM.normal(size=(3, 4, 1))
    system = weights.T @ weights + np.exp(log_var) * np.eye(3)
    expected = np.linalg.solve(system, weights.T @ (image.ravel() - bias))
    way = refine(np.full(3, 2.0), image, decode, "gaussian")
    np.testing.assert_allclose(way[1], expected, atol=1e-4)
    np.testing.assert_allclose(way[-1], expected, atol=1e-4)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_is_refined_to_where_a_general_minimiser_ends(
    name: LikelihoodName,
) -> None:
    random = np.random.default_rng(1)
    count = len(LIKELIHOODS[name].parameters)
    weights = random.normal(scale=0.3, size=(4 * 5 * count, 3))
    bias = np.tile([0.5, -1.5] if count == 2 else [-0.5], 20)

    def decode(z: np.ndarray) -> np.ndarray:
        return np.asarray(z @ weights.T + bias).reshape(-1, 4, 5, count)

    image = random.integers(0, 256, (4, 5, 1)) / 255

    def objective(z: np.ndarray) -> float:
        return float(negative_log_joint(z[np.newaxis], image, decode(z[np.newaxis]), name)[0])

    start = np.array([1.5, -1.0, 1.0])
    best = minimize(objective, start).fun
    assert objective(start) > best + 1
    assert objective(refine(start, image, decode, name)[-1]) == pytest.approx(best, abs=0.02)


@pytest.mark.parametrize(("name", "least"), [("mnist-2d", 1.0), ("fashion_mnist-8d", 1.0)])
def test_refining_never_raises_the_objective_and_gains_nats(
    name: str, least: float, data_dir: Path
) -> None:
    bundle = load_bundle(SHIPPED / name)
    codec = bundle.codec
    images = load_card_data(bundle.card.data, data_dir=data_dir).test.images[:50] / np.float32(255)
    gains = []
    for image, start in zip(images, codec.encode(images)[0], strict=True):
        ends = refine(start, image, codec.parameters, codec.likelihood)[[0, -1]]
        np.testing.assert_array_equal(ends[0], start)
        before, after = negative_log_joint(ends, image, codec.parameters(ends), codec.likelihood)
        gains.append(before - after)
    assert min(gains) >= -1e-3  # what float32 rounds off from a batch to another
    assert np.mean(gains) > least
