"""Ways to read the spreads that an encoder gives beside its means: all give the same pictures."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from explorer.adoption.conventions import (
    EPSILON,
    SPREAD_KINDS,
    EncoderConvention,
    SpreadKind,
    encoder_output,
)
from explorer.bundle.codec import Codec
from explorer.core.elbo import kl_per_dimension
from explorer.core.likelihoods import log_likelihood

LOGARITHMS: tuple[SpreadKind, ...] = ("log_var", "log_std")
_SAID: dict[SpreadKind, str] = {
    "log_var": "log-variance",
    "log_std": "log standard deviation",
    "std": "standard deviation",
    "variance": "variance",
}
_LOG_VAR: dict[SpreadKind, Callable[[np.ndarray], np.ndarray]] = {
    "log_var": lambda spread: spread,
    "log_std": lambda spread: 2.0 * spread,
    "std": lambda spread: 2.0 * np.log(np.maximum(spread, EPSILON)),
    "variance": lambda spread: np.log(np.maximum(spread, EPSILON**2)),
}
"""Conversion of each kind of spread to log-variances."""
_RAW: dict[SpreadKind, Callable[[np.ndarray], np.ndarray]] = {
    "log_var": lambda log_var: log_var,
    "log_std": lambda log_var: 0.5 * log_var,
    "std": lambda log_var: np.exp(0.5 * log_var),
    "variance": np.exp,
}
"""The inverse conversions."""
_LOG_VARS = -30.0, 20.0
"""Limits of log-variances while a reading is tried that may be wrong."""
_VARIANCE = r"(var(?!ia(tional|ble))|cov|sigma(2$|_?sq))"
_DEVIATION = r"(std|sd$|(^|_)dev(s|iations?)?$|(^|_)scale(s|_diag)?$|sigma(?!2$|_?sq))"
_LOG = r"(log|(?<![a-z])ln)[\W_]?(z_?)?"
_NAMES: dict[SpreadKind, re.Pattern[str]] = {
    "log_var": re.compile(rf"{_LOG}{_VARIANCE}|(^|_)lv$", re.I),
    "log_std": re.compile(rf"{_LOG}{_DEVIATION}", re.I),
    "std": re.compile(rf"^(?!.*{_LOG}).*{_DEVIATION}", re.I),
    "variance": re.compile(rf"^(?!.*{_LOG}).*{_VARIANCE}", re.I),
}
"""What is in the names of spreads of each kind."""


def kind_by_name(name: str) -> SpreadKind | None:
    """The kind of spread that an output's name says that it is, if it says so."""
    return next((kind for kind in SPREAD_KINDS if _NAMES[kind].search(name)), None)


def likely_kind(name: str, *, is_positive: bool) -> SpreadKind:
    """The kind that a spread is by its name, unless it is negative without being a logarithm."""
    named = kind_by_name(name)
    if named is not None and (is_positive or named in LOGARITHMS):
        return named
    return "std" if is_positive else "log_var"


def spreads_of(encoder: EncoderConvention) -> dict[str, SpreadKind | None]:
    """What the user may say that the encoder gives, each with the kind of its spread.

    A spread that is negative for some images must be a logarithm; any other may be of any kind.
    """
    if encoder.kind is None:
        return {"mean": None}
    kinds = SPREAD_KINDS if encoder.is_positive else LOGARITHMS
    found: dict[str, SpreadKind | None] = {
        encoder_output(encoder.arrangement, kind): kind for kind in kinds
    }
    if encoder.spread:
        found["mean"] = None  # the user may ignore the spread
    return found


def note_on_spread(encoder: EncoderConvention) -> str | None:
    """What the spread is taken for and why, unless sign and name leave only log-variances."""
    named = kind_by_name(encoder.spread)
    if encoder.kind is None or (not encoder.is_positive and named in (None, "log_var")):
        return None
    reasons = ["is by its name"] if encoder.kind == named else ["is"]
    if encoder.is_positive:
        reasons.insert(0, "is never negative")
    elif encoder.kind != named:
        reasons.insert(0, "is negative for some images")
    others = [
        f"{output} ({_SAID[kind]})"
        for output, kind in spreads_of(encoder).items()
        if kind is not None and kind != encoder.kind
    ]
    return (
        f"the spread of {encoder.spread or encoder.mean!r} {' and '.join(reasons)} taken as the "
        f"{_SAID[encoder.kind]}; if that is wrong, say so with --encoder-output "
        f"{' or '.join(others)}"
    )


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
    if codec.likelihood != "bernoulli" or encoder.kind is None:
        return
    z_mean, z_log_var = codec.run_by_class(labels, lambda given, rows: given.encode(images[rows]))
    raw = _RAW[encoder.kind](z_log_var)
    noise = np.random.default_rng(0).standard_normal(z_mean.shape)

    def neg_elbo(log_var: np.ndarray) -> float:
        log_var = np.clip(log_var, *_LOG_VARS)
        z = (z_mean + np.exp(0.5 * log_var) * noise).astype(np.float32)
        (parameters,) = codec.run_by_class(labels, lambda given, rows: [given.parameters(z[rows])])
        log_likelihoods = log_likelihood(images, parameters, codec.likelihood)
        kl = kl_per_dimension(z_mean.astype(np.float64), log_var.astype(np.float64))
        return float(np.mean(kl.sum(axis=1) - log_likelihoods))

    now = neg_elbo(z_log_var)
    kinds = {flag: kind for flag, kind in spreads_of(encoder).items() if kind is not None}
    del kinds[encoder.output]
    others = {flag: neg_elbo(_LOG_VAR[kind](raw)) for flag, kind in kinds.items()}
    flag = min(others, key=others.__getitem__)
    if others[flag] < now - max(1.0, 0.02 * abs(now)):
        report(
            f"read as the {_SAID[encoder.kind]}, the spread gives a −ELBO of {now:.1f} nats for "
            f"{len(images)} images; as the {_SAID[kinds[flag]]} it would give {others[flag]:.1f}. "
            f"If you know that it is that, say so with --encoder-output {flag}; a β other than 1, "
            "or training by the squared error, does the same"
        )
