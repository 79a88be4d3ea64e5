"""The likelihoods p(x|z) of pixels: what a decoder's output parametrises.

``LIKELIHOODS`` lists them all. Every formula is pure arithmetic and runs on NumPy
arrays by default; given ``ops=keras.ops`` the same formula trains the model, so that
training, figures and the app cannot disagree. ``static/live/shared/likelihoods.js`` has the
part that the browser needs.

Shapes: images ``(n, height, width, channels)`` with values in [0, 1]; a decoder's output
``(n, height, width, k · channels)``, the ``k`` parameters one after another, ``channels`` values
each.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from explorer.core.elbo import gaussian_log_density, sum_per_example

LikelihoodName = Literal["bernoulli", "continuous-bernoulli", "gaussian", "discretised-logistic"]

LEVELS = 256
"""Grey levels that images are stored in."""
_STEP = 1.0 / (LEVELS - 1)
_SERIES = 0.3
"""Below this, functions that are 0/0 at 0 are computed by their Taylor series."""
_LOG_SCALE_LIMIT = 7.0
"""Log-scales are clipped to ±7: e⁻⁷ is a quarter of a grey level (Salimans et al. 2017)."""


class Likelihood(ABC):
    """p(x|z) of each value, independent of the others given z.

    Attributes:
        title: name for readers.
        parameters: names of what a decoder gives for each value, in order.
        has_sigma: whether a decoder's head gives the first parameter alone, with any
            activation, and the second is the recipe's ``sigma``; else the head gives all,
            without an activation.
        start: initial bias of a decoder's head, for each parameter.
        has_floor: whether ``entropy_floor`` bounds the reconstruction term.
        is_of_levels: whether it gives a probability to each of 256 grey levels, so that nats
            convert to bits per dimension.
        about: what its nats mean, in sentences for readers.
    """

    title: str
    parameters: tuple[str, ...]
    has_sigma = False
    start: tuple[float, ...] = (0.0,)
    has_floor = False
    is_of_levels = False
    about: str

    @abstractmethod
    def log_likelihood(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """log p(x|z) summed over all axes but the first, nats, ``(n,)``."""

    @abstractmethod
    def mean(self, *parameters: Any, ops: Any = np) -> Any:
        """E[x|z] of each value, in [0, 1]."""

    @abstractmethod
    def derivatives(
        self, x: Any, *parameters: Any, ops: Any = np
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Derivatives of −log p(x|z) by each parameter: slopes, and curvatures, never negative.

        A curvature is the Fisher information, or the second derivative where that is
        positive everywhere.
        """

    def embed(self, means: np.ndarray) -> np.ndarray:
        """Coordinates in which Euclidean distances measure how much pictures differ."""
        return means


class Bernoulli(Likelihood):
    """Grey values in [0, 1] read as probabilities of white: p = sigmoid(logit)."""

    title = "Bernoulli"
    parameters = ("logits",)
    has_floor = True
    about = (
        "Pixel values are read as probabilities of white, as most tutorials do. That is not a "
        "distribution over these values: even a perfect reconstruction costs their entropy."
    )

    def log_likelihood(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """Equals ``x log p + (1 - x) log(1 - p)``, without overflow."""
        (logits,) = parameters
        terms = x * logits - ops.maximum(logits, 0.0) - ops.log1p(ops.exp(-ops.abs(logits)))
        return sum_per_example(terms, ops)

    def mean(self, *parameters: Any, ops: Any = np) -> Any:
        """The probability p."""
        with np.errstate(over="ignore"):
            return 1.0 / (1.0 + ops.exp(-parameters[0]))

    def derivatives(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """By the logit: p − x, and the variance p (1 − p)."""
        p = self.mean(*parameters, ops=ops)
        return [p - x], [p * (1.0 - p)]

    def embed(self, means: np.ndarray) -> np.ndarray:
        """2 arcsin √p, in which small steps have their Fisher–Rao length."""
        return np.asarray(2 * np.arcsin(np.sqrt(np.clip(means, 0, 1))))


class ContinuousBernoulli(Likelihood):
    """The density on [0, 1] proportional to λˣ (1 − λ)¹⁻ˣ, λ = sigmoid(η).

    With h = η / 2 it is exp((2x − 1) h) h / sinh h, which is smooth at λ = ½. The mean is not
    λ: it is always closer to ½.

    Source: Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli: fixing a pervasive error
    in variational autoencoders".
    """

    title = "continuous Bernoulli"
    parameters = ("logits",)
    about = (
        "A density of grey values between black and white: the Bernoulli's formula with the "
        "constant that makes it integrate to 1. Pure black and white count most, and the −ELBO "
        "may be negative, as a density may exceed 1."
    )

    def log_likelihood(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """(2x − 1) h − log(sinh h / h)."""
        half = 0.5 * parameters[0]
        return sum_per_example((2.0 * x - 1.0) * half - _log_sinhc(half, ops), ops)

    def mean(self, *parameters: Any, ops: Any = np) -> Any:
        """½ + ½ (coth h − 1/h)."""
        is_small, square, outside = _around_zero(0.5 * parameters[0], ops)
        series = _polynomial(square, 1 / 3, -1 / 45, 2 / 945, -1 / 4725, 2 / 93555)
        direct = ops.sign(parameters[0]) * (1.0 / ops.tanh(outside) - 1.0 / outside)
        return 0.5 + 0.5 * ops.where(is_small, 0.5 * parameters[0] * series, direct)

    def derivatives(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """By the logit η: mean − x, and the variance ¼ (1/h² − 1/sinh² h)."""
        is_small, square, outside = _around_zero(0.5 * parameters[0], ops)
        series = _polynomial(square, 1 / 3, -1 / 15, 2 / 189, -1 / 675, 2 / 10395)
        decay = ops.exp(-2.0 * outside)
        direct = 1.0 / ops.square(outside) - 4.0 * decay / ops.square(1.0 - decay)
        curvature = 0.25 * ops.where(is_small, series, direct)
        return [self.mean(*parameters, ops=ops) - x], [curvature]


class Gaussian(Likelihood):
    """The density of a normal distribution."""

    title = "Gaussian"
    parameters = ("means", "log-variances")
    has_sigma = True
    about = (
        "A density of real numbers with one variance for all pixels: what counts is the squared "
        "error. The −ELBO may be negative, as a density may exceed 1."
    )

    def log_likelihood(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """See ``elbo.gaussian_log_density``."""
        return gaussian_log_density(x, *parameters, ops=ops)

    def mean(self, *parameters: Any, ops: Any = np) -> Any:
        """The means, clipped to [0, 1] so that they can be shown."""
        return ops.clip(parameters[0], 0.0, 1.0)

    def derivatives(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """Curvatures are the Fisher information: the precision, and ½."""
        mean, log_var = parameters
        precision = ops.exp(-log_var)
        slopes = [(mean - x) * precision, 0.5 - 0.5 * ops.square(x - mean) * precision]
        return slopes, [precision, ops.full_like(precision, 0.5)]


class DiscretisedLogistic(Likelihood):
    """The probability of each of 256 grey levels: a logistic's mass in the level's bin.

    The bins of black and white are unbounded. With the bin's ends a < b in units of the scale,
    σ(b) − σ(a) = σ(b) σ(−a) (1 − e^(a − b)), and each factor has an exact logarithm.

    Source: Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive
    Flow"; Salimans et al. 2017, "PixelCNN++", section 2.1, with one component.
    """

    title = "discretised logistic"
    parameters = ("means", "log-scales")
    start = (0.5, -2.0)
    is_of_levels = True
    about = (
        "A probability of each of the 256 grey levels that a pixel can have; the decoder also says "
        "how sure it is of each. The −ELBO bounds the length of a lossless code, so that bits per "
        "dimension can be set beside published ones."
    )

    def log_likelihood(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """log(σ(b) − σ(a)); log σ(b) for black and log σ(−a) for white."""
        a, b, width = _bin(x, *parameters, ops=ops)
        below, above = -_softplus(-b, ops), -_softplus(a, ops)
        inside = below + above + ops.log(-ops.expm1(-width))
        is_black, is_white = x < 0.5 * _STEP, x > 1.0 - 0.5 * _STEP
        terms = ops.where(is_black, below, ops.where(is_white, above, inside))
        return sum_per_example(terms, ops)

    def mean(self, *parameters: Any, ops: Any = np) -> Any:
        """∫ P(X > t) dt over [0, 1]: the mean of the logistic clipped to that, before rounding."""
        mean, log_scale = parameters
        scale = ops.exp(_clipped(log_scale, ops))
        area = _softplus(mean / scale, ops) - _softplus((mean - 1.0) / scale, ops)
        return ops.clip(scale * area, 0.0, 1.0)

    def derivatives(self, x: Any, *parameters: Any, ops: Any = np) -> Any:
        """The curvature by the log-scale is the logistic's own information, (3 + π²) / 9."""
        a, b, width = _bin(x, *parameters, ops=ops)
        at_a, at_b = ops.exp(-_softplus(-a, ops)), ops.exp(-_softplus(b, ops))  # σ(a), σ(−b)
        is_black, is_white = x < 0.5 * _STEP, x > 1.0 - 0.5 * _STEP
        at_a, at_b = ops.where(is_black, 0.0, at_a), ops.where(is_white, 0.0, at_b)
        narrowing = ops.where(is_black | is_white, 0.0, width / ops.expm1(width))
        rate = width / _STEP
        slopes = [rate * (at_b - at_a), b * at_b - a * at_a + narrowing]
        curvature = ops.square(rate) * (at_a * (1.0 - at_a) + at_b * (1.0 - at_b))
        return slopes, [curvature, ops.full_like(curvature, (3.0 + math.pi**2) / 9.0)]


LIKELIHOODS: dict[LikelihoodName, Likelihood] = {
    "bernoulli": Bernoulli(),
    "continuous-bernoulli": ContinuousBernoulli(),
    "gaussian": Gaussian(),
    "discretised-logistic": DiscretisedLogistic(),
}


def log_likelihood(images: Any, output: Any, likelihood: LikelihoodName, *, ops: Any = np) -> Any:
    """log p(x|z) of images under a decoder's output, nats, ``(n,)``."""
    kind, parameters = _read(output, likelihood, ops)
    return kind.log_likelihood(images, *parameters, ops=ops)


def mean_image(output: np.ndarray, likelihood: LikelihoodName) -> np.ndarray:
    """E[x|z] as displayable images in [0, 1], float32, from a decoder's output."""
    kind, parameters = _read(output, likelihood)
    return np.asarray(kind.mean(*parameters), np.float32)


def derivatives(
    image: Any, output: Any, likelihood: LikelihoodName, *, ops: Any = np
) -> tuple[Any, Any]:
    """Slope and curvature of −log p(x|z) by each number of a decoder's output, in its shape."""
    kind, parameters = _read(output, likelihood, ops)
    slopes, curvatures = kind.derivatives(image, *parameters, ops=ops)
    return ops.concatenate(slopes, axis=-1), ops.concatenate(curvatures, axis=-1)


def _read(output: Any, likelihood: LikelihoodName, ops: Any = np) -> tuple[Likelihood, list[Any]]:
    """The likelihood of a decoder's output, and its parameters."""
    kind = LIKELIHOODS[likelihood]
    return kind, ops.split(output, len(kind.parameters), axis=-1)


def entropy_floor(images: np.ndarray) -> float:
    """Mean Bernoulli reconstruction term of a perfect reconstruction, nats per image.

    Grey values make the term positive even at ``p = x``: no model goes below it.
    """
    x = np.clip(images.astype(np.float64), 1e-12, 1.0 - 1e-12)
    entropy = -(x * np.log(x) + (1.0 - x) * np.log1p(-x))
    return float(np.mean(sum_per_example(entropy, np)))


def bits_per_dimension(nats: float, image_shape: Sequence[int]) -> float:
    """Nats per image as bits per value of an image (pixel and channel)."""
    return nats / (math.prod(image_shape) * math.log(2.0))


def _softplus(x: Any, ops: Any) -> Any:
    """log(1 + eˣ)."""
    return ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.abs(x)))


def _around_zero(half: Any, ops: Any) -> tuple[Any, Any, Any]:
    """Whether |h| is small; h² where it is, else 0; |h| where it is not, else 1.

    Thus neither branch of a ``where`` is infinite, nor is its gradient.
    """
    is_small = ops.abs(half) < _SERIES
    square = ops.square(ops.where(is_small, half, 0.0))
    return is_small, square, ops.where(is_small, 1.0, ops.abs(half))


def _polynomial(x: Any, *coefficients: float) -> Any:
    """Σ cᵢ xⁱ (Horner)."""
    value: Any = 0.0
    for coefficient in reversed(coefficients):
        value = coefficient + x * value
    return value


def _log_sinhc(half: Any, ops: Any) -> Any:
    """log(sinh h / h)."""
    is_small, square, outside = _around_zero(half, ops)
    series = square * _polynomial(square, 1 / 6, -1 / 180, 1 / 2835, -1 / 37800)
    decay = ops.exp(-2.0 * outside)
    direct = outside - math.log(2.0) + ops.log1p(-decay) - ops.log(outside)
    return ops.where(is_small, series, direct)


def _clipped(log_scale: Any, ops: Any) -> Any:
    return ops.clip(log_scale, -_LOG_SCALE_LIMIT, _LOG_SCALE_LIMIT)


def _bin(x: Any, mean: Any, log_scale: Any, *, ops: Any) -> tuple[Any, Any, Any]:
    """Ends of the bin around a level, and its width, in units of the scale from the mean."""
    rate = ops.exp(-_clipped(log_scale, ops))
    offset = x - mean
    return (offset - 0.5 * _STEP) * rate, (offset + 0.5 * _STEP) * rate, _STEP * rate
