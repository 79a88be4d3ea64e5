"""The test images of a bundle's data set: bundles themselves hold none."""

from __future__ import annotations

import contextlib

import numpy as np

from explorer.bundle import Bundle, BundleError, images_path, load_images
from explorer.datasets import DatasetError, dataset_fingerprint, load_dataset


def find_originals(bundle: Bundle) -> np.ndarray | None:
    """The test images, uint8 ``(n, height, width, channels)``; None where they are not at hand.

    They are looked for beside the bundle, then among this machine's data sets.
    Nothing is downloaded, and other images than the card's are not taken.
    """
    data = bundle.card.data
    kept = images_path(bundle.path.parent, data)
    if kept.exists():
        with contextlib.suppress(BundleError):  # damaged, but this machine may have others
            return load_images(kept, data)
    try:
        dataset = load_dataset(
            data.name.removesuffix("-grey"), grey=data.name.endswith("-grey"), download=False
        )
        if data.limit is not None:
            dataset = dataset.limited(data.limit)
        found = dataset.test
    except DatasetError:
        return None
    return found.images if dataset_fingerprint(found) == data.test_sha256 else None
