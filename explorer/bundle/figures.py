"""Compute a trained model's figures on its test set, and the latents that the app shows.

``evaluate`` runs a model (after training, for adoption, and in ``verify``) and ``summarise``
computes figures from its outputs. Adoption of functions, or of latents alone, gives such outputs
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from explorer.bundle.bundle import main_dimensions
from explorer.bundle.card import (
    DisentanglementCard,
    FactorCard,
    KlPartsCard,
    Metrics,
)
from explorer.bundle.codec import Codec, counting
from explorer.bundle.effort import SAMPLES, effort_for
from explorer.bundle.latents import MAX_DENSITY, Latents, check_count
from explorer.bundle.map_layout import compare_neighbours, judge_maps, lay_out
from explorer.bundle.outputs import (
    NOT_FINITE,
    SEED,
    EvaluationError,
    ModelOutputs,
    rounded,
    run_model,
    squared_error,
    training_sample,
)
from explorer.bundle.posterior import FlowPosterior
from explorer.bundle.walks import build_graph
from explorer.core import metrics
from explorer.core.density import AggregatePosterior
from explorer.core.disentanglement import disentanglement, find_factors
from explorer.core.information import kl_parts
from explorer.core.likelihoods import LIKELIHOODS, entropy_floor
from explorer.core.neighbourhood import Progress
from explorer.core.pca import pca_fit, pca_inverse_transform, pca_transform
from explorer.core.pixels import to_unit_range
from explorer.core.subsets import batch_size_for, evenly_spaced, in_chunks
from explorer.data.dataset import Dataset, Split

KL_SAMPLES = 1000
"""Largest number of draws of z by which the KL is split."""
RECONSTRUCTIONS = 3
"""How many times each test image is reconstructed: for figures, its distance and the graph."""
FACTOR_IMAGES = 10_000
"""Largest number of test images on which disentanglement is measured."""
NEIGHBOURS = 15
"""Training means that vote for the class of a test image."""


def evaluate(
    codec: Codec,
    dataset: Dataset,
    *,
    has_variance: bool = True,
    laid_out: Latents | None = None,
    decoding: Progress = lambda share: None,
    progress: Progress = lambda share: None,
    report: Callable[[str], None] = lambda what: None,
) -> tuple[Metrics, Latents]:
    """Compute every figure of the card; the same inputs give the same figures.

    Args:
        codec: encodes and decodes.
        dataset: images of the codec's shape.
        has_variance: whether the log-variances are the model's own; if not, everything
            that depends on them is left out: the −ELBO, its terms and the bound.
        laid_out: has the neighbourhood map to judge, and the graph; if None, both are computed.
        decoding: receives the share of what is decoded.
        progress: receives the progress of the map.
        report: receives what is computed next.

    Raises:
        BundleError: there are more test images than a bundle can hold.
        EvaluationError: the model gives NaN, infinity, or latents that are too large to store.
    """
    latent_dim = codec.encode(to_unit_range(dataset.test.images[:1]))[0].shape[1]
    check_count(len(dataset.test.images), latent_dim, dataset.title)
    effort = effort_for(
        codec.encoder_work, codec.decoder_work, len(dataset.test.images), latent_dim
    )
    train = training_sample(dataset, effort.training_images)
    reconstructed = RECONSTRUCTIONS * len(dataset.test.images)
    codec = counting(codec, reconstructed + has_variance * effort.decodes, decoding)
    outputs = run_model(codec, dataset.test, train, has_variance, effort, report)
    report("neighbours and map")
    places = None if laid_out is None else laid_out.places
    figures, latents = summarise(
        outputs, dataset, train, samples=effort.samples, places=places, progress=progress
    )
    is_gaussian = has_variance and not isinstance(codec.posterior, FlowPosterior)
    parts = split_kl(latents) if is_gaussian else None
    if codec.by_class:
        graph = None  # it depends on the class that is decoded
    else:
        graph = build_graph(codec, latents) if laid_out is None else laid_out.graph
    decoding(1.0)
    return figures.model_copy(update={"kl_parts": parts}), replace(latents, graph=graph)


def split_kl(latents: Latents) -> KlPartsCard:
    """Split the KL of Gaussian posteriors into its parts, from the latents as they are stored."""
    parts = kl_parts(latents.z_mean, latents.z_log_var, KL_SAMPLES, SEED)
    figures = {}
    for name, estimate in vars(parts).items():
        figures[name] = round(estimate.value, 3)
        figures[f"{name}_error"] = round(estimate.error, 3)
    return KlPartsCard(samples=min(KL_SAMPLES, len(latents.z_mean)), **figures)


def summarise(
    outputs: ModelOutputs,
    dataset: Dataset,
    train: Split,
    *,
    samples: int = SAMPLES,
    places: np.ndarray | None = None,
    progress: Progress = lambda share: None,
) -> tuple[Metrics, Latents]:
    """Compute the figures (``Metrics``) and what a bundle stores from a model's outputs.

    Args:
        outputs: outputs of the model.
        dataset: the images.
        train: the training images, from ``training_sample``.
        samples: draws of z in the reconstruction term.
        places: places on the neighbourhood map to judge; if None, the map is computed.
        progress: as for ``evaluate``.

    Raises:
        BundleError, EvaluationError: as for ``evaluate``.
    """
    check_count(len(outputs.z_mean), outputs.z_mean.shape[1], dataset.title)
    test, z_mean, train_z_mean = dataset.test, outputs.z_mean, outputs.train_z_mean
    nothing = np.full(len(z_mean), np.nan, np.float32)
    kl = np.full_like(z_mean, np.nan) if outputs.kl is None else outputs.kl
    reconstruction = nothing if outputs.reconstruction is None else outputs.reconstruction
    neg_elbo = reconstruction + kl.sum(axis=1)
    is_finite = np.isfinite(neg_elbo).all() or outputs.reconstruction is None
    if not (is_finite and np.isfinite(train_z_mean).all()):
        raise EvaluationError(NOT_FINITE)
    latents = _latents_of(outputs, dataset, neg_elbo, kl.sum(axis=1), places, progress)
    floor = _floor(outputs, test.images)
    kl_by_dimension = kl.mean(axis=0)
    weights = z_mean.var(axis=0) if outputs.kl is None else kl_by_dimension
    pca = pca_fit(train.images, min(z_mean.shape[1], test.images[0].size))
    test_pca = pca_transform(pca, test.images)
    figures = Metrics(
        neg_elbo=_mean(neg_elbo),
        reconstruction=_mean(reconstruction),
        kl=_mean(kl.sum(axis=1)),
        samples=samples,
        entropy_floor=None if floor is None else round(floor, 3),
        excess=None if floor is None else round(float(np.mean(neg_elbo)) - floor, 3),
        importance=outputs.importance,
        amortisation_gap=outputs.amortisation_gap,
        kl_per_dimension=tuple(round(float(v), 4) for v in kl_by_dimension if np.isfinite(v)),
        active_units=int(metrics.active_units(z_mean).sum()),
        knn_accuracy=_knn_accuracy(dataset, train, train_z_mean, z_mean),
        knn_accuracy_pca=_knn_accuracy(dataset, train, pca_transform(pca, train.images), test_pca),
        knn_neighbours=min(NEIGHBOURS, len(train.images)),
        squared_error=outputs.squared_error,
        squared_error_pca=squared_error(
            test.images, lambda rows: pca_inverse_transform(pca, test_pca[rows])
        ),
        sharpness=outputs.sharpness,
        maps=judge_maps(latents.z_mean, test.labels, latents.places, main_dimensions(weights)),
        disentanglement=measure_disentanglement(latents.z_mean, dataset),
    )
    return figures, latents


def _latents_of(
    outputs: ModelOutputs,
    dataset: Dataset,
    neg_elbo: np.ndarray,
    kl: np.ndarray,
    places: np.ndarray | None,
    progress: Progress,
) -> Latents:
    """What a bundle stores about the images: latents in half precision, and values from them."""
    test = dataset.test
    sample = evenly_spaced(len(outputs.train_z_mean), MAX_DENSITY)
    posterior = AggregatePosterior(
        rounded(outputs.train_z_mean[sample]), rounded(outputs.train_z_log_var[sample])
    )
    z_mean = rounded(outputs.z_mean)
    own = None
    if dataset.reading.whole:  # the training images are the test images
        own = np.full(len(z_mean), -1)
        own[evenly_spaced(len(z_mean), MAX_DENSITY)] = np.arange(len(sample))
    nearest_distance, agreement = compare_neighbours(z_mean, test.labels)
    unknown = np.full(len(z_mean), np.nan, np.float32)
    return Latents(
        z_mean=z_mean,
        z_log_var=rounded(outputs.z_log_var),
        labels=test.labels,
        neg_elbo=neg_elbo.astype(np.float32),
        log_density=posterior.log_density(z_mean, own).astype(np.float32),
        train_z_mean=posterior.z_mean,
        train_z_log_var=posterior.z_log_var,
        kl=kl.astype(np.float32),
        return_distance=unknown if outputs.return_distance is None else outputs.return_distance,
        nearest_distance=nearest_distance,
        agreement=agreement,
        places=lay_out(z_mean, progress) if places is None else places,
        columns={name: values.astype(np.float32) for name, values in test.columns.items()},
    )


def _floor(outputs: ModelOutputs, images: np.ndarray) -> float | None:
    """The entropy floor, where the likelihood has one."""
    likelihood = outputs.likelihood
    if (
        outputs.reconstruction is None
        or likelihood is None
        or not LIKELIHOODS[likelihood].has_floor
    ):
        return None
    chunks = in_chunks(images, batch_size_for(images[0].size))
    return sum(len(chunk) * entropy_floor(chunk / 255.0) for chunk in chunks) / len(images)


def _knn_accuracy(
    dataset: Dataset, train: Split, train_points: np.ndarray, test_points: np.ndarray
) -> float | None:
    """k-NN accuracy on the test images' classes; None as for ``Metrics.knn_accuracy``."""
    is_sample = len(train_points) < len(train.labels)
    if len(dataset.classes) < 2 or is_sample or dataset.reading.whole:
        return None
    neighbours = min(NEIGHBOURS, len(train.images))
    accuracy = metrics.knn_accuracy(
        train_points, train.labels, test_points, dataset.test.labels, neighbours
    )
    return round(accuracy, 4)


def measure_disentanglement(z_mean: np.ndarray, dataset: Dataset) -> DisentanglementCard | None:
    """MIG, DCI and SAP of the test images' means; None if fewer than two factors are known.

    Factors are the class and the columns, if they have few values
    (``core.disentanglement.find_factors``).
    """
    test = dataset.test
    rows = evenly_spaced(len(z_mean), FACTOR_IMAGES)
    columns = {"class": test.labels}
    for name, values in test.columns.items():
        columns["class (column)" if name == "class" else name] = values
    factors = find_factors({name: values[rows] for name, values in columns.items()})
    if len(factors) < 2:
        return None
    found = disentanglement(z_mean[rows], np.stack(list(factors.values()), axis=1))
    cards = {
        name: FactorCard(
            values=int(values.max()) + 1,
            mig=round(float(found.gap[i]), 4),
            sap=round(float(found.separation[i]), 4),
            completeness=round(float(found.completeness[i]), 4),
            predicted=round(float(found.informativeness[i]), 4),
        )
        for i, (name, values) in enumerate(factors.items())
    }
    return DisentanglementCard(
        images=len(rows),
        mig=round(float(found.gap.mean()), 4),
        sap=round(float(found.separation.mean()), 4),
        disentanglement=round(found.disentanglement, 4),
        completeness=round(float(found.completeness.mean()), 4),
        informativeness=round(float(found.informativeness.mean()), 4),
        factors=cards,
    )


def _mean(values: np.ndarray) -> float | None:
    """The mean for the card; None where the values are not known."""
    mean = float(np.mean(values, dtype=np.float64))
    return round(mean, 3) if np.isfinite(mean) else None
