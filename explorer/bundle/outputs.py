"""What a model gives for a data set's images: latents, terms of the −ELBO and reconstructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.bundle.card import AmortisationGap, ImportanceBound
from explorer.bundle.codec import Codec
from explorer.bundle.effort import TRAINING_IMAGES, Effort
from explorer.bundle.map_layout import return_distances
from explorer.bundle.posterior import FlowPosterior
from explorer.core import metrics
from explorer.core.amortisation import amortisation_gap
from explorer.core.elbo import kl_per_dimension
from explorer.core.estimates import elbo_terms, encode_all, importance_weighted_bound
from explorer.core.half import to_half
from explorer.core.likelihoods import LikelihoodName
from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset, Split, thin_out
from explorer.errors import ExplorerError

MAX_TRAINING_BYTES = 2**30
"""Size of the training images, if k-NN and PCA use a sample of them."""
SEED = 0
NOT_FINITE = "the model gives NaN or infinity for some images"


class EvaluationError(ExplorerError):
    """A model whose figures cannot be computed; the message says why."""


@dataclass(frozen=True)
class ModelOutputs:
    """A model's outputs for the images; None where the model does not give one.

    Attributes:
        z_mean, z_log_var: means and log-variances of the test images, ``(n, latent_dim)``.
        train_z_mean, train_z_log_var: the same for training images, ``(m, latent_dim)``.
        kl: KL of each test image by dimension, nats, ``(n, latent_dim)``.
        reconstruction: reconstruction term of each test image, nats, ``(n,)``.
        likelihood: the likelihood of that term.
        importance: the importance-sampled bound.
        amortisation_gap: what the encoder loses.
        return_distance: for each test image (``map_layout.return_distances``), ``(n,)``.
        squared_error, sharpness: figures of the reconstructions (``judge_reconstructions``).
    """

    z_mean: np.ndarray
    z_log_var: np.ndarray
    train_z_mean: np.ndarray
    train_z_log_var: np.ndarray
    kl: np.ndarray | None = None
    reconstruction: np.ndarray | None = None
    likelihood: LikelihoodName | None = None
    importance: ImportanceBound | None = None
    amortisation_gap: AmortisationGap | None = None
    return_distance: np.ndarray | None = None
    squared_error: float | None = None
    sharpness: float | None = None


def run_model(
    codec: Codec,
    test: Split,
    train: Split,
    has_variance: bool,
    effort: Effort,
    report: Callable[[str], None],
) -> ModelOutputs:
    """Run a model on test and training images, as often as ``effort`` says."""
    images, labels = test.images, test.labels

    def encode(split: Split) -> Sequence[np.ndarray]:
        return codec.run_by_class(
            split.labels, lambda given, rows: encode_all(given.encode, split.images[rows])
        )

    def decode(rows: slice) -> np.ndarray:
        z = z_mean[rows]
        return codec.run_by_class(labels[rows], lambda given, some: [given.decode(z[some])])[0]

    report("the images' latents")
    (z_mean, z_log_var), (train_z_mean, train_z_log_var) = encode(test), encode(train)
    reconstruction = kl = importance = gap = None
    if has_variance:
        report(f"the −ELBO, by {effort.samples} × {len(images):,} draws of z")
        reconstruction, kl = codec.run_by_class(
            labels,
            lambda given, rows: _elbo_terms(
                given, images[rows], z_mean[rows], z_log_var[rows], effort.samples
            ),
        )
        report(
            f"the importance-sampled bound, by {effort.importance_samples} × "
            f"{effort.importance_images:,} draws of z"
        )
        neg_elbo = reconstruction + kl.sum(axis=1)
        importance = _importance(codec, test, neg_elbo, z_mean.shape[1], effort)
        if effort.gap_images:
            report(f"the amortisation gap, by {effort.gap_images} test images")
            gap = _amortisation_gap(codec, test, effort.gap_images)
    report("reconstructions and return distances")
    stored = rounded(z_mean)
    (return_distance,) = codec.run_by_class(
        labels, lambda given, rows: [return_distances(given, stored[rows])]
    )
    squared_error, sharpness = judge_reconstructions(images, decode)
    return ModelOutputs(
        z_mean=z_mean,
        z_log_var=z_log_var,
        train_z_mean=train_z_mean,
        train_z_log_var=train_z_log_var,
        kl=kl,
        reconstruction=reconstruction,
        likelihood=codec.likelihood,
        importance=importance,
        amortisation_gap=gap,
        return_distance=return_distance,
        squared_error=squared_error,
        sharpness=sharpness,
    )


def rounded(latents: np.ndarray) -> np.ndarray:
    """Round latents to half precision, in which a bundle stores them; the result is float32."""
    if not np.isfinite(latents).all():
        raise EvaluationError(NOT_FINITE)
    halves = to_half(latents)
    if not np.isfinite(halves).all():
        raise EvaluationError(
            f"the model gives latents up to {np.abs(latents).max():,.0f}, more than the "
            "65,504 that a bundle can store"
        )
    return halves.astype(np.float32)


def _elbo_terms(
    codec: Codec, images: np.ndarray, z_mean: np.ndarray, z_log_var: np.ndarray, samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Reconstruction term ``(n,)`` and KL by dimension ``(n, latent_dim)`` of each image, nats."""
    reconstruction, kl = elbo_terms(codec, images, z_mean.shape[1], samples=samples, seed=SEED)
    if not isinstance(codec.posterior, FlowPosterior):
        kl = kl_per_dimension(z_mean.astype(np.float64), z_log_var.astype(np.float64))
    return reconstruction, kl


def _importance(
    codec: Codec, test: Split, neg_elbo: np.ndarray, latent_dim: int, effort: Effort
) -> ImportanceBound:
    chosen = evenly_spaced(len(test.images), effort.importance_images)
    images = test.images[chosen]
    (bound,) = codec.run_by_class(
        test.labels[chosen],
        lambda given, rows: [
            importance_weighted_bound(
                given, images[rows], latent_dim, samples=effort.importance_samples, seed=SEED
            )
        ],
    )
    return ImportanceBound(
        images=len(bound),
        samples=effort.importance_samples,
        bound=round(float(np.mean(bound)), 3),
        neg_elbo=round(float(np.mean(neg_elbo[chosen])), 3),
    )


def _amortisation_gap(codec: Codec, test: Split, count: int) -> AmortisationGap:
    chosen = evenly_spaced(len(test.images), count)
    images = test.images[chosen]
    neg_elbo, refined = codec.run_by_class(
        test.labels[chosen],
        lambda given, rows: amortisation_gap(given, images[rows], seed=SEED),
    )
    gap = neg_elbo - refined
    return AmortisationGap(
        images=len(gap),
        neg_elbo=round(float(np.mean(neg_elbo)), 3),
        refined=round(float(np.mean(refined)), 3),
        error=round(metrics.standard_error(gap), 3),
    )


def judge_reconstructions(
    images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]
) -> tuple[float, float | None]:
    """``squared_error`` and ``sharpness`` as the card has them; arguments as in ``metrics``."""
    error, sharpness = metrics.error_and_sharpness(images, reconstruct)
    return _rounded_error(error), None if sharpness is None else round(sharpness, 4)


def squared_error(images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]) -> float:
    """``metrics.squared_error_per_pixel`` as the card has it."""
    return _rounded_error(metrics.squared_error_per_pixel(images, reconstruct))


def _rounded_error(error: float) -> float:
    return round(error, 6)


def training_sample(dataset: Dataset, most: int = TRAINING_IMAGES) -> Split:
    """Return the training images, or, if there are more than ``most``, a sample of them."""
    split = dataset.train
    if len(split.images) <= most:
        return split
    count = min(most, max(1, MAX_TRAINING_BYTES // split.images[0].nbytes))
    return thin_out(split, count)
