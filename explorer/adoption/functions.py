"""Make a bundle of a model that is a pair of Python functions: it holds their outputs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from explorer.adoption.candidates import CONTRADICTION, IMAGES
from explorer.adoption.conventions import EPSILON
from explorer.adoption.decoded import squared_error
from explorer.adoption.graphs import MAX_LATENT_DIM, AdoptionError
from explorer.adoption.result import About, Origin, write_bundle
from explorer.adoption.rewriting import is_same
from explorer.bundle.codec import Codec
from explorer.bundle.effort import SPEED
from explorer.bundle.figures import evaluate, summarise
from explorer.bundle.outputs import ModelOutputs, judge_reconstructions, rounded, training_sample
from explorer.bundle.posterior import GaussianPosterior, Pair
from explorer.core.density import KERNEL_POINTS, kernel_log_variance
from explorer.core.elbo import kl_per_dimension
from explorer.core.estimates import encode_all
from explorer.core.pixels import to_pixels, to_unit_range
from explorer.core.subsets import evenly_spaced, in_chunks
from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.root import DEFAULT_FOLDER

Encode = Callable[[np.ndarray], Any]
Decode = Callable[[np.ndarray], Any]
TOLERANCE = 1e-3
"""How far decoded values may lie outside [0, 1]."""
NOTES = (
    "functions cannot be stored: the bundle has the latents that they gave, and no decoder",
    "decoded pixels are read as probabilities",
)


def adopt(
    name: str,
    *,
    encode: Encode,
    decode: Decode | None = None,
    data: str | Path,
    data_dir: Path | None = None,
    title: str = "",
    licence: str = "",
    output: Path | str = DEFAULT_FOLDER,
    replace: bool = False,
    report: Callable[[str], None] = print,
    **reading: Any,
) -> Path:
    """Make a bundle of the outputs of two functions for images.

    The functions themselves cannot be stored, so the page decodes nothing: it shows the map,
    the reconstructions of the test images, groups, neighbours and figures.

    Args:
        name: name of the bundle.
        encode: images ``(n, height, width, channels)`` float32 in [0, 1] → ``z_mean``
            ``(n, latent_dim)``, or ``(z_mean, z_log_var)``.
        decode: latents ``(n, latent_dim)`` float32 → images, as above; without it there are no
            reconstructions.
        data: a data set's name, or a path to images.
        data_dir: where data sets are looked for first.
        title, licence: title and licence of the model.
        output: folder of the bundles.
        replace: whether to replace whatever has this name.
        report: called with one line at a time.
        **reading: how the images are read, as fields of ``explorer.data.reading.Reading``, such
            as ``image_size=(64, 64)``.

    Returns:
        The bundle's folder.

    Raises:
        ExplorerError: with a sentence; nothing was written.

    Example:
        >>> adopt("mine", encode=model.encode, decode=model.decode, data="fashion_mnist")
    """
    named = "encode=…, decode=…" if decode else "encode=…"
    command = f"explorer.adopt({name!r}, {named}, data={Path(data).resolve().name!r})"
    about = About(name, title, licence, command, Path(output), replace)
    about.find_place()
    known = [field.name for field in fields(Reading) if field.name != "range_option"]
    if others := reading.keys() - {*known}:
        raise AdoptionError(
            f"adopt takes no {min(others)!r}; options for reading images: {', '.join(known)}"
        )
    dataset = load_dataset(
        data, Reading(**reading, range_option="range=(LOW, HIGH)"), data_dir=data_dir
    )
    test, train = dataset.test, training_sample(dataset)
    report(f"{dataset.title}: {len(test.images):,} test images")
    images = to_unit_range(test.images[evenly_spaced(len(test.images), IMAGES)])
    has_variance = _try_encoder(encode, images, report)
    work = _try_decoder(decode, encode, images, report) if decode else 0
    report("computing the figures …")

    def run(images: np.ndarray) -> Pair:
        z_mean, *rest = _encode(encode, images)
        z_log_var = rest[0] if rest else np.full_like(z_mean, log_variance)
        return rounded(z_mean), rounded(z_log_var)  # so that stored latents give the same figures

    log_variance = 0.0 if has_variance else _kernel(encode, train.images)
    stored = None
    if decode is None:
        z, of_train = encode_all(run, test.images), encode_all(run, train.images)
        outputs = ModelOutputs(*z, *of_train, kl_per_dimension(*z) if has_variance else None)
        metrics, latents = summarise(outputs, dataset, train)
    else:
        codec = Codec(
            GaussianPosterior(run), lambda z: _logits(decode, z), "bernoulli", decoder_work=work
        )
        metrics, latents = evaluate(codec, dataset, has_variance=has_variance, report=report)
        stored = np.concatenate([to_pixels(codec.decode(z)) for z in in_chunks(latents.z_mean)])
        error, sharpness = judge_reconstructions(test.images, stored.__getitem__)
        metrics = metrics.model_copy(update={"squared_error": error, "sharpness": sharpness})
    origin = Origin(
        files={},
        conventions={"encode": "z_mean, z_log_var" if has_variance else "z_mean"},
        notes=NOTES[: 2 if decode else 1],
        has_variance=has_variance,
    )
    return write_bundle(about, origin, dataset, metrics, latents, reconstructions=stored)


def _try_encoder(encode: Encode, images: np.ndarray, report: Callable[[str], None]) -> bool:
    """Check the function; return whether it gives log-variances.

    Raises:
        AdoptionError: if it gives a different result each time, or numbers that cannot be used.
    """
    outputs = _encode(encode, images)
    if not all(map(is_same, outputs, _encode(encode, images))):
        raise AdoptionError(
            "encode gives a different result each time: return the mean, not a draw, and switch "
            "dropout off"
        )
    if not all(np.isfinite(output).all() for output in outputs):
        raise AdoptionError("encode gives NaN or infinity for some images")
    if (latent_dim := outputs[0].shape[1]) > MAX_LATENT_DIM:
        raise AdoptionError(
            f"encode gives latents of {latent_dim:,} numbers; up to {MAX_LATENT_DIM:,} are taken"
        )
    if len(outputs) == 2 and outputs[1].min() >= 0:
        report(
            "warning: the second of encode's outputs is never negative: is it a standard deviation "
            "or a variance? Expected is the logarithm of the variance"
        )
    return len(outputs) == 2


def _try_decoder(
    decode: Decode, encode: Encode, images: np.ndarray, report: Callable[[str], None]
) -> int:
    """Check that the function reconstructs some images, and report how well.

    Returns:
        How many multiply-adds it computes for a latent, as far as its time tells.

    Raises:
        AdoptionError: if it gives no images, or different ones each time, or the outputs of the
            encoder are swapped.
    """
    outputs = _encode(encode, images)
    first = _decode(decode, outputs[0], images.shape[1:])  # which may compile it
    started = time.perf_counter()
    second = _decode(decode, outputs[0], images.shape[1:])
    seconds = time.perf_counter() - started
    if not is_same(first, second):
        raise AdoptionError("decode gives a different result each time: switch dropout off")
    if not np.isfinite(first).all():
        raise AdoptionError("decode gives NaN or infinity for some images")
    if not (first.min() >= -TOLERANCE and first.max() <= 1 + TOLERANCE):
        raise AdoptionError(
            f"decode gives values from {first.min():.3g} to {first.max():.3g}; expected images "
            "in [0, 1]: apply the sigmoid, or undo the scaling"
        )
    error = squared_error(first, images)
    if len(outputs) == 2:
        other = _decode(decode, outputs[1], images.shape[1:])
        if squared_error(other, images) < CONTRADICTION * error:
            raise AdoptionError(
                "the second of encode's outputs reconstructs far better than the first: return "
                "(z_mean, z_log_var), in this order"
            )
    constant = squared_error(images, images.mean(axis=0))
    report(f"squared error {error:.5f}; of the mean image {constant:.5f}")
    if error > constant:
        report("warning: the mean image is closer: does encode expect images in [0, 1]?")
    return round(seconds / len(images) * SPEED)


def _encode(encode: Encode, images: np.ndarray) -> list[np.ndarray]:
    """Return ``z_mean`` and, if it is given, ``z_log_var``, ``(n, latent_dim)`` float32 each."""
    given = encode(images)
    parts = given if isinstance(given, tuple | list) else (given,)
    arrays = [_as_array(part, "encode", "z_mean or (z_mean, z_log_var)") for part in parts]
    shapes = [array.shape for array in arrays]
    if not 1 <= len(arrays) <= 2 or len(set(shapes)) > 1 or shapes[0][:1] != (len(images),):
        raise AdoptionError(
            f"encode gives {' and '.join(map(str, shapes))} for {len(images)} images; expected "
            f"z_mean, ({len(images)}, latent_dim), or (z_mean, z_log_var)"
        )
    return [array.reshape(len(images), -1) for array in arrays]


def _decode(decode: Decode, z: np.ndarray, image_shape: tuple[int, ...]) -> np.ndarray:
    """Return images ``(n, height, width, channels)`` float32."""
    images = _as_array(decode(z), "decode", "images")
    if images.shape != (len(z), *image_shape):
        raise AdoptionError(
            f"decode gives {images.shape} for {len(z)} latents; expected "
            f"{(len(z), *image_shape)}: images, height, width, channels"
        )
    return images


def _as_array(given: Any, function: str, expected: str) -> np.ndarray:
    try:
        return np.asarray(given, np.float32)
    except (TypeError, ValueError) as error:
        raise AdoptionError(
            f"{function} gives a {type(given).__name__} that is no array of numbers; expected "
            f"{expected}"
        ) from error


def _logits(decode: Decode, z: np.ndarray) -> np.ndarray:
    inside = np.clip(np.asarray(decode(z), np.float32), EPSILON, 1 - EPSILON)
    return np.asarray(np.log(inside / (1 - inside)))


def _kernel(encode: Encode, images: np.ndarray) -> float:
    """The log-variance for a function that gives none."""
    chosen = to_unit_range(images[evenly_spaced(len(images), KERNEL_POINTS)])
    return kernel_log_variance(_encode(encode, chosen)[0])
