"""``explorer.load``: a bundle for a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import explorer
from explorer.errors import ExplorerError
from explorer.root import ROOT


def test_it_encodes_and_decodes_whole_and_single(tiny_bundle: Path) -> None:
    bundle = explorer.load(tiny_bundle)
    z = np.array([[0.5, -1.0], [2.0, 0.0]], np.float32)
    images = bundle.decode(z)
    np.testing.assert_array_equal(images, bundle.codec.decode(z))
    np.testing.assert_array_equal(bundle.decode([0.5, -1.0]), bundle.decode(z[:1]))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 1), np.uint8)
    z_mean, z_log_var = bundle.encode(pixels)
    assert z_mean.shape == z_log_var.shape == (3, 2)
    of_floats = bundle.encode(pixels / 255)
    np.testing.assert_allclose(z_mean, of_floats[0], atol=1e-6)
    np.testing.assert_allclose(bundle.encode(pixels[1])[0], z_mean[1:2], atol=1e-5)
    assert bundle.labels.shape == (100,)
    assert bundle.figures["neg_elbo"] == bundle.card.metrics.neg_elbo


def test_a_conditional_model_takes_the_class(conditional_bundle: Path) -> None:
    bundle = explorer.load(conditional_bundle)
    z = np.zeros((1, bundle.card.model.latent_dim))
    decoded = [bundle.decode(z, label)[0] for label in (0, 1)]
    for label, image in enumerate(decoded):
        np.testing.assert_array_equal(image, bundle.codec.given(label).decode(z)[0])
    assert np.abs(decoded[0] - decoded[1]).max() > 0.1
    with pytest.raises(ExplorerError, match="has classes 0 to 2, not 3"):
        bundle.decode(z, 3)


def test_a_mistake_gets_a_sentence(tiny_bundle: Path) -> None:
    bundle = explorer.load(tiny_bundle)
    with pytest.raises(ExplorerError, match=r"takes latents of shape \(n, 2\), not \(3,\)"):
        bundle.decode([1, 2, 3])
    with pytest.raises(ExplorerError, match=r"takes images of shape \(n, 12, 12, 1\), not \(12,"):
        bundle.encode(np.zeros((12, 12)))
    for images in (np.full((12, 12, 1), 255), np.full((1, 12, 12, 1), 2.0)):
        with pytest.raises(
            ExplorerError, match=r"as uint8, or as floats from 0 to 1, not (int|fl)"
        ):
            bundle.encode(images)
    with pytest.raises(ExplorerError, match=r"there is no bundle 'none'; in .* are: .*mnist-2d"):
        explorer.load("none")


def test_the_name_of_a_model_that_ships_is_enough_and_nothing_is_imported_before() -> None:
    code = (
        "import sys, explorer; assert 'numpy' not in sys.modules;"
        "assert explorer.load('mnist-2d').card.name == 'mnist-2d'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the home folder has other names")
def test_running_a_model_reports_nothing_to_the_makers_of_onnxruntime(tmp_path: Path) -> None:
    code = "import explorer; explorer.load('mnist-2d').decode([0, 0])"
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}  # without CI, which has its own rule
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=home, check=True)
    assert list(tmp_path.rglob("*")) == []  # no identifier of this machine, no events
