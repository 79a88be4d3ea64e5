"""Ways to read the spreads that an encoder gives beside its means: all give the same pictures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import numpy as np

from explorer.adoption.conventions import EPSILON, EncoderConvention, EncoderOutput
from explorer.bundle.codec import Codec
from explorer.core.elbo import kl_per_dimension
from explorer.core.likelihoods import log_likelihood

Spread = Literal["log-variance", "log standard deviation", "standard deviation", "variance", "none"]
_LOG_VAR: dict[Spread, Callable[[np.ndarray], np.ndarray]] = {
    "log-variance": lambda spread: spread,
    "log standard deviation": lambda spread: 2.0 * spread,
    "standard deviation": lambda spread: 2.0 * np.log(np.maximum(spread, EPSILON)),
    "variance": lambda spread: np.log(np.maximum(spread, EPSILON**2)),
}
"""Conversion of each kind of spread to log-variances."""
_RAW: dict[Spread, Callable[[np.ndarray], np.ndarray]] = {
    "log-variance": lambda log_var: log_var,
    "log standard deviation": lambda log_var: 0.5 * log_var,
    "standard deviation": lambda log_var: np.exp(0.5 * log_var),
    "variance": np.exp,
}
"""The inverse conversions."""
_LOG_VARS = -30.0, 20.0
"""Limits of log-variances while a reading is tried that may be wrong."""


def spreads_of(encoder: EncoderConvention) -> dict[EncoderOutput, Spread]:
    """What the user may say that the encoder gives, each with the kind of its spread.

    A spread that is negative for some images must be a logarithm; any other may be of any kind.
    """
    if encoder.output == "mean":
        return {"mean": "none"}
    order = re.sub(",(std|log_var|variance)$", "", encoder.output)
    log_var = f"{order},log_var" if encoder.spread else order
    found: dict[str, Spread] = {
        log_var: "log-variance",
        f"{order},log_std": "log standard deviation",
    }
    if encoder.output.endswith((",std", ",variance")):  # it is never negative
        found[f"{order},std"] = "standard deviation"
        if encoder.spread:
            found[f"{order},variance"] = "variance"
    if encoder.spread:
        found["mean"] = "none"  # the user may ignore the spread
    return found  # type: ignore[return-value]  # keys are composed


def report_spread(
    codec: Codec,
    encoder: EncoderConvention,
    images: np.ndarray,
    labels: np.ndarray,
    report: Callable[[str], None],
) -> None:
    """Report if another way to read the encoder's spreads gives a clearly smaller −ELBO.

    All give the same pictures, so these cannot decide; but an encoder is trained to make the −ELBO
    small. Only for Bernoulli: the variance that a Gaussian was trained with is not known.
    """
    if codec.likelihood != "bernoulli":
        return
    z_mean, z_log_var = codec.run_by_class(labels, lambda given, rows: given.encode(images[rows]))
    readings = spreads_of(encoder)
    taken = readings.pop(encoder.output)
    raw = _RAW[taken](z_log_var)
    noise = np.random.default_rng(0).standard_normal(z_mean.shape)

    def neg_elbo(log_var: np.ndarray) -> float:
        log_var = np.clip(log_var, *_LOG_VARS)
        z = (z_mean + np.exp(0.5 * log_var) * noise).astype(np.float32)
        (parameters,) = codec.run_by_class(labels, lambda given, rows: [given.parameters(z[rows])])
        log_likelihoods = log_likelihood(images, parameters, codec.likelihood)
        kl = kl_per_dimension(z_mean.astype(np.float64), log_var.astype(np.float64))
        return float(np.mean(kl.sum(axis=1) - log_likelihoods))

    now = neg_elbo(z_log_var)
    others = {f: neg_elbo(_LOG_VAR[what](raw)) for f, what in readings.items() if f != "mean"}
    flag = min(others, key=others.__getitem__)
    if others[flag] < now - max(1.0, 0.02 * abs(now)):
        report(
            f"read as the {taken}, the spread gives a −ELBO of {now:.1f} nats for {len(images)} "
            f"images; as the {readings[flag]} it would give {others[flag]:.1f}. If you know that "
            f"it is that, say so with --encoder-output {flag}; a β other than 1, or training by "
            "the squared error, does the same"
        )
