"""How often a model is run for its figures: less often if its networks compute much.

For graphs all follows from their work and the number of images: ``verify`` runs them as often.
"""

from __future__ import annotations

from dataclasses import dataclass

from explorer.core.amortisation import most_decodes

SPEED = 25 * 10**9
"""Multiply-adds that two cores do in a second, about."""
WORK = 120 * SPEED
"""Multiply-adds that each estimate may take."""
SAMPLES = 10
"""Draws of z per test image in the Monte-Carlo reconstruction term."""
IMPORTANCE_IMAGES, IMPORTANCE_SAMPLES = 1000, 100
"""Test images whose −log p(x) is bounded, and draws of z for each."""
FEW_BOUNDS = 20
"""Where work is to be saved, −log p(x) is bounded for this many images at least."""
GAP_IMAGES, GAP_LATENTS = 500, 4000
"""Limits on the test images whose posteriors are refined, and on all their latent dimensions."""
FEW_GAPS = 5
"""Where work is to be saved, posteriors are refined for this many images at least, or for none."""
TRAINING_IMAGES = 60_000
"""Largest number of training images that are encoded."""


@dataclass(frozen=True)
class Effort:
    """How often a model is run.

    Attributes:
        samples: draws of z per test image in the reconstruction term.
        importance_images, importance_samples: test images whose −log p(x) is bounded, and draws
            of z for each.
        gap_images: test images whose posteriors are refined.
        training_images: largest number of training images that are encoded.
        decodes: number of latents that the estimates decode at most.
    """

    samples: int
    importance_images: int
    importance_samples: int
    gap_images: int
    training_images: int
    decodes: int


def effort_for(encoder_work: int, decoder_work: int, test_images: int, latent_dim: int) -> Effort:
    """Return how often a model is run for its figures.

    Args:
        encoder_work, decoder_work: multiply-adds of the networks for one image or latent.
        test_images: number of test images.
        latent_dim: dimensions of z.
    """
    most = WORK // max(1, decoder_work)
    samples = _within(1, SAMPLES, most // test_images)
    images = min(test_images, _within(FEW_BOUNDS, IMPORTANCE_IMAGES, most // IMPORTANCE_SAMPLES))
    draws = _within(1, IMPORTANCE_SAMPLES, most // images)
    refined = min(test_images, GAP_IMAGES, max(1, GAP_LATENTS // latent_dim))
    affordable = most // most_decodes(latent_dim)
    if affordable < refined:
        refined = affordable if affordable >= FEW_GAPS else 0
    return Effort(
        samples,
        images,
        draws,
        refined,
        training_images=_within(1, TRAINING_IMAGES, WORK // max(1, encoder_work)),
        decodes=samples * test_images + images * draws + refined * most_decodes(latent_dim),
    )


def _within(least: int, most: int, value: int) -> int:
    return min(most, max(least, value))
