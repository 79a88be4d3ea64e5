"""Principal components of images: the linear model with which a VAE is compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from explorer.core.hidden_imports import without_pandas
from explorer.core.pixels import to_unit_range
from explorer.core.subsets import batch_size_for, batches, evenly_spaced

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

MAX_COVARIANCE_PIXELS = 4096
MAX_PCA_VALUES = 2**28
"""Values that PCA holds at once: 1 GiB as float32."""


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
