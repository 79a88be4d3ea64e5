"""Figures that say how good a model is, computed from arrays and plain callables.

``encode`` takes images in [0, 1], ``(n, height, width, channels)`` float32, to
``(z_mean, z_log_var)``, each ``(n, latent_dim)``; ``draw`` takes images and
noise ε ``(n, samples, latent_dim)`` to draws z from q(z|x) and log q(z|x) by dimension,
in nats (``Codec.draw``); ``decode_parameters`` takes
latents ``(n, latent_dim)`` to the parameters of the likelihood, as in
``explorer.core.likelihoods`` (``Codec.parameters``, not the mean images of
``Codec.decode``). Images may be uint8 (also memory-mapped) or floats in
[0, 1]; they are converted batch by batch, so that memory does not grow with
the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.core.elbo import importance_weighted, normal_log_density
from explorer.core.lean import without_pandas
from explorer.core.likelihoods import LikelihoodName, log_likelihood
from explorer.core.neighbours import index, majority
from explorer.core.pixels import to_unit_range
from explorer.core.subsets import batch_size_for, batches, evenly_spaced

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

Encode = Callable[[np.ndarray], tuple[Any, Any]]
Draw = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
DecodeParameters = Callable[[np.ndarray], Any]

MAX_COVARIANCE_PIXELS = 4096
MAX_PCA_VALUES = 2**28
"""Values that PCA holds at once: 1 GiB as float32."""


# The bound


def encode_all(
    encode: Encode, images: np.ndarray, batch_size: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and log-variances of all images, ``(n, latent_dim)`` float32 each."""
    size = batch_size_for(images[0].size, batch_size)
    means, log_vars = zip(
        *(encode(to_unit_range(images[batch])) for batch in batches(len(images), size)),
        strict=True,
    )
    return np.concatenate(means).astype(np.float32), np.concatenate(log_vars).astype(np.float32)


def elbo_terms(
    draw: Draw,
    decode_parameters: DecodeParameters,
    images: np.ndarray,
    latent_dim: int,
    likelihood: LikelihoodName,
    *,
    samples: int = 1,
    seed: int = 0,
    batch_size: int = 1000,
) -> tuple[np.ndarray, np.ndarray]:
    """The two terms of the negative ELBO of each image, nats, as means over draws of z.

    −E[log p(x|z)] and, by dimension, E[log q(z|x) − log p(z)], whose sum is the KL
    divergence (Kingma & Welling 2014, eq. 3). For a Gaussian posterior the latter has a
    closed form without noise: ``elbo.kl_per_dimension``.

    Args:
        draw: images and noise to draws of z and log q(z|x).
        decode_parameters: latents to likelihood parameters.
        images: ``(n, height, width, channels)``.
        latent_dim: dimensions of z.
        likelihood: what the decoder's output parametrises.
        samples: draws of z for each image.
        seed: the same seed gives the same draws, whatever the batch size.
        batch_size: latents decoded at once (at least the draws of one image; fewer where images
            are large).

    Returns:
        Reconstruction term ``(n,)`` and KL divergence ``(n, latent_dim)``, float64.
    """
    reconstruction, kl = np.empty(len(images)), np.empty((len(images), latent_dim))
    for batch, log_px, log_ratio in _draws(
        draw, decode_parameters, images, latent_dim, likelihood, samples, seed, batch_size
    ):
        reconstruction[batch], kl[batch] = -log_px.mean(axis=1), -log_ratio.mean(axis=1)
    return reconstruction, kl


def importance_weighted_bound(
    draw: Draw,
    decode_parameters: DecodeParameters,
    images: np.ndarray,
    latent_dim: int,
    likelihood: LikelihoodName,
    *,
    samples: int = 100,
    seed: int = 0,
    batch_size: int = 1000,
) -> np.ndarray:
    """Importance-sampled estimate of −log p(x) of each image, nats, ``(n,)`` float64.

    −log 1/K Σ p(x|z_k) p(z_k) / q(z_k|x) with z_k from q(z|x) (Burda et al.
    2016, eq. 8). Its expectation lies above −log p(x), and approaches it
    as K = ``samples`` grows; at K = 1 it is the −ELBO. Arguments as for
    ``elbo_terms``.
    """
    bound = np.empty(len(images))
    for batch, log_px, log_ratio in _draws(
        draw, decode_parameters, images, latent_dim, likelihood, samples, seed, batch_size
    ):
        log_weights = log_px + log_ratio.sum(axis=-1)
        bound[batch] = importance_weighted(-log_weights.ravel(), samples)
    return bound


def active_units(z_mean: np.ndarray) -> np.ndarray:
    """Which latent dimensions vary with the data, bool ``(latent_dim,)``.

    A dimension is active if the variance of its posterior mean over the data
    exceeds 0.01 (Burda et al. 2016, section 5.2).
    """
    active: np.ndarray = np.var(z_mean, axis=0, dtype=np.float64) > 0.01
    return active


def _draws(
    draw: Draw,
    decode_parameters: DecodeParameters,
    images: np.ndarray,
    latent_dim: int,
    likelihood: LikelihoodName,
    samples: int,
    seed: int,
    batch_size: int,
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Batch by batch: log p(x|z) ``(batch, samples)``, and log p(z) − log q(z|x) by dimension.

    Noise is drawn image after image, so the batch size does not change it.
    """
    random = np.random.default_rng(seed)
    size = batch_size_for(images[0].size, batch_size)
    for batch in batches(len(images), max(1, size // samples)):
        x = to_unit_range(images[batch])
        noise = random.standard_normal((len(x), samples, latent_dim), dtype=np.float32)
        z, log_q = draw(x, noise)  # (batch, samples, latent_dim) each
        parameters = np.asarray(decode_parameters(z.reshape(-1, latent_dim)))
        log_px = log_likelihood(np.repeat(x, samples, axis=0), parameters, likelihood)
        log_ratio = normal_log_density(z.astype(np.float64)) - log_q
        yield batch, log_px.reshape(len(x), samples).astype(np.float64), log_ratio


# What the latents say about the classes


def knn_accuracy(
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    k: int,
) -> float:
    """Share of test points whose k nearest training points vote for their class, 0–1.

    Exact Euclidean neighbours and a majority vote; among classes with equally
    many votes, that of the nearest neighbour wins.

    Args:
        train: ``(n_train, latent_dim)``.
        train_labels: integers, ``(n_train,)``.
        test: ``(n_test, latent_dim)``.
        test_labels: integers, ``(n_test,)``.
        k: neighbours that vote; all training points where there are fewer.
    """
    search, k = index(train), min(k, len(train))
    correct = 0
    for batch in batches(len(test), 10_000):
        neighbours = search.kneighbors(test[batch], k, return_distance=False)  # (batch, k)
        correct += np.sum(majority(train_labels[neighbours]) == test_labels[batch])
    return float(correct / len(test))


# The linear model to compare with


def pca_fit(images: np.ndarray, k: int) -> PCA:
    """The first k principal components of images ``(n, ...)``, in scikit-learn's class.

    Exact up to ``MAX_COVARIANCE_PIXELS`` values per image; above, where the covariance
    matrix would take gigabytes, by randomized projections (Halko, Martinsson & Tropp 2011).
    If ``MAX_PCA_VALUES`` does not allow all images, it is fitted to some, evenly spaced.
    """
    with without_pandas():
        from sklearn.decomposition import PCA

    pixels = images[0].size
    rows = evenly_spaced(len(images), max(k, MAX_PCA_VALUES // pixels))
    rows = np.resize(rows, max(2, len(rows)))  # one image alone has no covariance
    x = np.empty((len(rows), pixels), np.float32)
    for batch in batches(len(rows), batch_size_for(pixels)):
        x[batch] = to_unit_range(images[rows[batch]]).reshape(-1, pixels)
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    x -= mean  # scikit-learn's own mean, a float32 sum, has four digits for 60,000 images
    solver = "covariance_eigh" if pixels <= MAX_COVARIANCE_PIXELS else "randomized"
    pca = PCA(min(k, *x.shape), svd_solver=solver, copy=False, random_state=0)
    with np.errstate(invalid="ignore"):  # images that are all the same have no variance
        pca.fit(x)
    pca.mean_ += mean
    return pca


def pca_transform(pca: PCA, images: np.ndarray) -> np.ndarray:
    """Coordinates of images along the components, ``(n, k)`` float32."""
    return np.concatenate([pca.transform(x) for x in _flat_batches(images)])


def pca_inverse_transform(pca: PCA, scores: np.ndarray) -> np.ndarray:
    """Flattened images at coordinates ``(n, k)``, ``(n, pixels)`` float32 in [0, 1].

    A linear model can leave the range of images; such values are clipped.
    """
    images: np.ndarray = pca.inverse_transform(scores)
    np.clip(images, 0.0, 1.0, out=images)
    return images


def _flat_batches(images: np.ndarray) -> Iterator[np.ndarray]:
    """Images in [0, 1], flattened, ``(batch, pixels)`` float32, some 30 MB at a time."""
    pixels = int(np.prod(images.shape[1:]))
    for batch in batches(len(images), max(1, 8_000_000 // pixels)):
        yield to_unit_range(images[batch]).reshape(-1, pixels)


# Comparing


def squared_error_per_pixel(
    images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]
) -> float:
    """Mean squared difference over all images, pixels and channels, for values in [0, 1].

    Args:
        images: ``(n, ...)``.
        reconstruct: a slice of the images → their reconstructions, uint8 or in [0, 1], in any
            shape.
    """
    total = 0.0
    for batch in batches(len(images), batch_size_for(images[0].size)):
        x = to_unit_range(images[batch])
        error = x - to_unit_range(reconstruct(batch)).reshape(x.shape)
        total += float(np.sum(np.square(error), dtype=np.float64))
    return total / images.size


def sharpness(images: np.ndarray, reconstruct: Callable[[slice], np.ndarray]) -> float | None:
    """The share of the images' fine detail that their reconstructions have.

    The energy of the Laplacian, Σ (4 x − its four neighbours)² over all inner pixels, of the
    reconstructions over that of the images: 1 means equally sharp, and any blur lowers it.
    Detail need not be in the right place: the squared error measures that. Arguments as for
    ``squared_error_per_pixel``.

    Source: Subbarao, Choi & Nikzad 1993, "Focusing techniques"; Pertuz, Puig & Garcia 2013,
    "Analysis of focus measure operators for shape-from-focus", LAP1.

    Returns:
        The share; None where the images have no detail, or no inner pixels.
    """
    of_images = of_reconstructions = 0.0
    for batch in batches(len(images), batch_size_for(images[0].size)):
        x = to_unit_range(images[batch])
        of_images += _laplacian_energy(x)
        of_reconstructions += _laplacian_energy(to_unit_range(reconstruct(batch)).reshape(x.shape))
    return of_reconstructions / of_images if of_images else None


def _laplacian_energy(x: np.ndarray) -> float:
    """The sum of squares over images ``(n, height, width, channels)``."""
    above, below, left, right = x[:, :-2, 1:-1], x[:, 2:, 1:-1], x[:, 1:-1, :-2], x[:, 1:-1, 2:]
    laplacian = 4.0 * x[:, 1:-1, 1:-1] - above - below - left - right
    return float(np.sum(np.square(laplacian), dtype=np.float64))


def standard_error(values: np.ndarray) -> float:
    """The standard error of the mean of values ``(n,)``; 0 for a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def percentile_of(value: Any, reference_sorted: np.ndarray) -> Any:
    """Share of the reference values below a value (or each of an array), 0–100; NaN for NaN.

    Args:
        value: a number or an array of numbers.
        reference_sorted: the values to compare with, ascending, ``(n,)``.
    """
    below = np.searchsorted(reference_sorted, value, side="left")
    return np.where(np.isnan(value), np.nan, 100.0 * below / len(reference_sorted))[()]
