"""Check that a bundle's graphs do what the model did, and report what looks like a mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from explorer.adoption.candidates import Candidate
from explorer.adoption.decoded import squared_error
from explorer.adoption.graphs import AdoptionError
from explorer.bundle.codec import Codec

BLUE_FIRST = 1.03
"""A model of RGB never reconstructs BGR better by this factor: measured, 0.87 to 0.97."""
WIDE = 5.0
"""A log-variance that no posterior of a trained model has: e^2.5 = 12 prior standard deviations."""
FEW_OF_CLASS = 10
"""Least number of a class's images by which it is judged."""
OTHER_CLASS = 0.9
"""Images whose error with another class is below this times that with their own may be of it."""


def check_agreement(
    codec: Codec,
    best: Candidate,
    images: np.ndarray,
    labels: np.ndarray,
    report: Callable[[str], None],
) -> np.ndarray:
    """Check that the finished graphs reconstruct as well as those that they were made from.

    Returns:
        The reconstructions, in the shape of the images.

    Raises:
        AdoptionError: if they do not, or if some log-variances are not finite.
    """
    reconstructions, z_log_var = _reconstruct(codec, images, labels)
    error = squared_error(reconstructions, images)
    if not np.isclose(error, best.error, rtol=0.02, atol=1e-5):
        raise AdoptionError(
            f"the model reconstructs with a squared error of {best.error:.5f}, but as a bundle "
            f"with {error:.5f}: it cannot be adopted"
        )
    if not np.isfinite(z_log_var).all():
        raise AdoptionError("the encoder's log-variances are not finite for some images")
    if best.encoder.output != "mean" and np.median(z_log_var) > WIDE:
        report(
            "warning: most posteriors are wider than 12 prior standard deviations: are these "
            "log-variances? --encoder-output says what the encoder gives"
        )
    return reconstructions


def report_channel_order(
    codec: Codec,
    reconstructions: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    report: Callable[[str], None],
) -> None:
    """Report if the encoder, the decoder or both seem to have blue first."""
    if images.shape[-1] != 3:
        return
    of_reversed, _ = _reconstruct(codec, images[..., ::-1], labels)
    decoded = {
        "both graphs": of_reversed[..., ::-1],
        "the encoder": of_reversed,
        "the decoder": reconstructions[..., ::-1],
    }
    errors = {which: squared_error(x, images) for which, x in decoded.items()}
    error = squared_error(reconstructions, images)
    which = min(errors, key=errors.__getitem__)
    if errors[which] * BLUE_FIRST < error:
        report(
            f"warning: with blue first in {which} the squared error would be {errors[which]:.5f} "
            f"instead of {error:.5f}: if the model is of BGR, as OpenCV reads pictures, let "
            f"{which} exchange the channels, by x[:, [2, 1, 0]]"
        )


def _reconstruct(
    codec: Codec, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images' reconstructions, and their log-variances."""

    def run(given: Codec, rows: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        z_mean, z_log_var = given.encode(images[rows])
        return given.decode(z_mean), z_log_var

    reconstructions, z_log_var = codec.run_by_class(labels, run)
    return reconstructions, z_log_var


def report_classes(
    codec: Codec,
    images: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    report: Callable[[str], None],
) -> None:
    """Report if a conditional model seems to have its classes in another order, or ignores them."""
    errors = np.stack(
        [
            np.mean(np.square(given.decode(given.encode(images)[0]) - images), axis=(1, 2, 3))
            for given in codec.by_class
        ]
    )
    if len(errors) > 1 and np.allclose(errors, errors[0], rtol=1e-3):
        report("warning: the class changes no picture; is the condition used in the graphs?")
    others = []
    for label in np.flatnonzero(np.bincount(labels) >= FEW_OF_CLASS).tolist():
        mean = errors[:, labels == label].mean(axis=1)
        if mean.min() < OTHER_CLASS * mean[label]:
            others.append(f"{classes[label]} as {classes[mean.argmin()]}")
    if others:
        report(
            "warning: images of some classes are reconstructed better as another one: "
            f"{', '.join(others[:10])}; if the model was trained with another order of the classes "
            f"than {', '.join(classes[:10])}{' …' * (len(classes) > 10)}, put them in order inside "
            "the graphs"
        )
