"""The figures of a trained model on its test set, and the latents that the app shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.bundle.card import ImportanceBound, Metrics
from explorer.bundle.codec import Codec
from explorer.bundle.store import Latents
from explorer.core import metrics
from explorer.core.density import AggregatePosterior
from explorer.core.elbo import entropy_floor, kl_per_dimension
from explorer.core.half import to_half
from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset, Split, thin_out
from explorer.errors import ExplorerError
from explorer.recipes.recipe import Recipe

SAMPLES = 10
"""Draws of z per test image in the Monte-Carlo reconstruction term."""
IMPORTANCE_IMAGES, IMPORTANCE_SAMPLES = 1000, 100
NEIGHBOURS = 15
MAX_TRAINING_IMAGES, MAX_TRAINING_BYTES = 60_000, 2**30
"""If there are more training images than the first, a sample of both limits enters k-NN and PCA."""
DENSITY_IMAGES = 5_000
"""Training images whose posteriors make up the aggregate posterior of the app."""
SEED = 0


class EvaluationError(ExplorerError):
    """A model whose figures cannot be computed; the message says why."""


def evaluate(codec: Codec, dataset: Dataset, recipe: Recipe) -> tuple[Metrics, Latents]:
    """Compute every figure of the card; the same inputs give the same figures.

    - ``neg_elbo`` = ``reconstruction`` + ``kl``, nats per image: −log p(x|z)
      averaged over ``samples`` draws from q(z|x), and KL(q(z|x) ‖ N(0, I)): exact
      for a Gaussian posterior, averaged over the same draws for one with a flow.
    - ``entropy_floor``: the reconstruction term of a perfect reconstruction
      (Bernoulli only); ``excess`` is ``neg_elbo`` above it.
    - ``importance``: −log 1/K Σ p(x|z)p(z)/q(z|x), Burda et al. 2016, on
      images spread over the test set, with the −ELBO of the same images.
    - ``kl_per_dimension``, nats; ``active_units``: dimensions whose posterior
      mean has a variance above 0.01 over the test set (Burda et al. 2016).
    - ``knn_accuracy``: training means → test means, beside the same after PCA
      to as many dimensions; None with a single class.
    - ``squared_error``: per pixel, of the reconstruction from ``z_mean``,
      beside PCA's.

    Args:
        codec: encodes and decodes.
        dataset: with images of the codec's shape.
        recipe: for its likelihood.

    Raises:
        EvaluationError: the model gives NaN, infinity, or latents that are too large to store.
    """
    test, train = dataset.test, _sample(dataset.train)
    likelihood = recipe.likelihood

    z_mean, z_log_var = metrics.encode_all(codec.encode, test.images)
    train_z_mean, train_z_log_var = metrics.encode_all(codec.encode, train.images)
    latent_dim = z_mean.shape[1]
    reconstruction, kl = metrics.elbo_terms(
        codec.draw,
        codec.parameters,
        test.images,
        latent_dim,
        likelihood,
        samples=SAMPLES,
        seed=SEED,
    )
    if not recipe.flow:
        kl = kl_per_dimension(z_mean.astype(np.float64), z_log_var.astype(np.float64))
    neg_elbo = reconstruction + kl.sum(axis=1)
    if not (np.isfinite(neg_elbo).all() and np.isfinite(train_z_mean).all()):
        raise EvaluationError("the model gives NaN or infinity for some images")

    sample = evenly_spaced(len(train_z_mean), DENSITY_IMAGES)
    posterior = AggregatePosterior(
        _rounded(train_z_mean[sample]), _rounded(train_z_log_var[sample])
    )
    stored_z_mean = _rounded(z_mean)
    latents = Latents(
        z_mean=stored_z_mean,
        z_log_var=_rounded(z_log_var),
        labels=test.labels,
        neg_elbo=neg_elbo.astype(np.float32),
        log_density=posterior.log_density(stored_z_mean).astype(np.float32),
        train_z_mean=posterior.z_mean,
        train_z_log_var=posterior.z_log_var,
    )

    chosen = evenly_spaced(len(test.images), IMPORTANCE_IMAGES)
    bound = metrics.importance_weighted_bound(
        codec.draw,
        codec.parameters,
        test.images[chosen],
        latent_dim,
        likelihood,
        samples=IMPORTANCE_SAMPLES,
        seed=SEED,
    )
    floor = _entropy_floor(test.images) if likelihood == "bernoulli" else None
    neighbours = min(NEIGHBOURS, len(train.images))

    def knn(train_points: np.ndarray, test_points: np.ndarray) -> float | None:
        if len(dataset.classes) < 2:
            return None
        accuracy = metrics.knn_accuracy(
            train_points, train.labels, test_points, test.labels, neighbours
        )
        return round(accuracy, 4)

    pca = metrics.pca_fit(train.images, min(latent_dim, test.images[0].size))
    test_pca = metrics.pca_transform(pca, test.images)

    figures = Metrics(
        neg_elbo=_mean(neg_elbo),
        reconstruction=_mean(reconstruction),
        kl=_mean(kl.sum(axis=1)),
        samples=SAMPLES,
        entropy_floor=None if floor is None else round(floor, 3),
        excess=None if floor is None else round(float(np.mean(neg_elbo)) - floor, 3),
        importance=ImportanceBound(
            images=len(bound),
            samples=IMPORTANCE_SAMPLES,
            bound=_mean(bound),
            neg_elbo=_mean(neg_elbo[chosen]),
        ),
        kl_per_dimension=tuple(round(float(value), 4) for value in kl.mean(axis=0)),
        active_units=int(metrics.active_units(z_mean).sum()),
        knn_accuracy=knn(train_z_mean, z_mean),
        knn_accuracy_pca=knn(metrics.pca_transform(pca, train.images), test_pca),
        knn_neighbours=neighbours,
        squared_error=_error(test.images, lambda rows: codec.decode(z_mean[rows])),
        squared_error_pca=_error(
            test.images, lambda rows: metrics.pca_inverse_transform(pca, test_pca[rows])
        ),
    )
    return figures, latents


def _rounded(latents: np.ndarray) -> np.ndarray:
    """Rounded to half precision, as which a bundle stores them, float32."""
    halves = to_half(latents)
    if not np.isfinite(halves).all():
        raise EvaluationError(
            f"the model gives latents up to {np.abs(latents).max():,.0f}, more than the "
            "65,504 that a bundle can store"
        )
    return halves.astype(np.float32)


def _mean(values: np.ndarray) -> float:
    return round(float(np.mean(values, dtype=np.float64)), 3)


def _error(images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]) -> float:
    return round(metrics.squared_error_per_pixel(images, reconstruct), 6)


def _sample(split: Split) -> Split:
    """The images themselves, which may be memory-mapped, or so many that a copy does no harm."""
    if len(split.images) <= MAX_TRAINING_IMAGES:
        return split
    count = min(MAX_TRAINING_IMAGES, max(1, MAX_TRAINING_BYTES // split.images[0].nbytes))
    return thin_out(split, count)


def _entropy_floor(images: np.ndarray) -> float:
    batches = [images[i : i + 1000] for i in range(0, len(images), 1000)]
    return sum(len(batch) * entropy_floor(batch / 255.0) for batch in batches) / len(images)
