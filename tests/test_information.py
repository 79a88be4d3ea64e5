"""The parts of the KL against independently known values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from explorer.core.elbo import kl_per_dimension
from explorer.core.information import kl_parts


def test_posteriors_equal_to_the_prior_tell_nothing() -> None:
    parts = kl_parts(np.zeros((50, 3)), np.zeros((50, 3)), 50, 0)
    for part in vars(parts).values():
        assert part.value == pytest.approx(0, abs=1e-9)
        assert part.error == pytest.approx(0, abs=1e-9)


def test_posteriors_far_apart_tell_which_image_it_is() -> None:
    """Four points on the diagonal: log 4 nats of information, and as much dependence."""
    z_mean = np.repeat(np.arange(4.0)[:, np.newaxis] * 100, 2, axis=1)
    parts = kl_parts(z_mean, np.zeros((4, 2)), 4, 0)
    assert parts.information.value == pytest.approx(math.log(4), abs=1e-5)
    assert parts.total_correlation.value == pytest.approx(math.log(4), abs=1e-5)


def test_a_latent_never_tells_more_than_which_image_it_is() -> None:
    """This also holds for posteriors narrower than those with which the mixture is computed."""
    z_mean = np.random.default_rng(0).standard_normal((100, 16))
    parts = kl_parts(z_mean, np.full((100, 16), -30.0), 100, 0)
    assert parts.information.value == pytest.approx(math.log(100), abs=1e-5)


def test_independent_dimensions_have_no_total_correlation() -> None:
    """A square of four points: each dimension has one bit, and they are independent."""
    z_mean = np.array([[x, y] for x in (0.0, 100.0) for y in (0.0, 100.0)])
    parts = kl_parts(z_mean, np.zeros((4, 2)), 4, 0)
    assert parts.information.value == pytest.approx(math.log(4), abs=1e-5)
    assert parts.total_correlation.value == pytest.approx(0, abs=1e-5)


def test_the_parts_add_up_to_the_kl() -> None:
    generator = np.random.default_rng(1)
    z_mean, z_log_var = generator.normal(0, 1, (2000, 3)), generator.normal(-2, 0.3, (2000, 3))
    parts = kl_parts(z_mean, z_log_var, 2000, 2)
    whole = sum(part.value for part in vars(parts).values())
    expected = kl_per_dimension(z_mean, z_log_var).sum(axis=1).mean()
    assert whole == pytest.approx(expected, abs=0.1)
    assert 0 < parts.information.error < 0.1
