"""Candidate ways to read a model, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from explorer.adoption.conventions import (
    UNIT,
    AxisOrder,
    DecoderConvention,
    DecoderOutput,
    EncoderConvention,
    PixelRange,
)
from explorer.adoption.graphs import AdoptionError
from explorer.adoption.spreads import spreads_of
from explorer.bundle.card import Condition

IMAGES = 200
"""Number of images on which conventions are tried."""
NEAR_TIE = 1.1
"""A way whose error is larger than the best one's by this factor is clearly worse."""
CLEAR = 1.05, 3.0
"""So is one whose error is larger by this factor, and by this number of standard errors of the
difference from image to image."""
FILLED = 1.3
"""A range that the decoder fills is taken if its error is below this times the best error."""
CONTRADICTION = 0.5
"""A flag is refused if the error without it is below this times the error with it."""
POOR = 0.8
"""A model whose error is above this times the average image's has hardly learned the images."""
STEEP = 1.5
"""A slope of this or its inverse means that the range is not that of the training."""


@dataclass(frozen=True)
class Known:
    """What the user states about the model; None where it must be found out."""

    layout: AxisOrder | None = None
    range: PixelRange | None = None
    decoder_range: PixelRange | None = None
    encoder_output: str | None = None
    decoder_output: DecoderOutput | None = None
    condition: Condition | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to read the model, and how it reconstructs.

    Attributes:
        encoder, decoder: the conventions of both.
        errors: mean squared error of each image's reconstruction, clipped to [0, 1].
        slope: slope of the least-squares line from their values to the images'; about 1 if the
            range is that of the training.
        fills: whether the decoder's values fill a fixed range and never leave it, as after a
            sigmoid or tanh.
    """

    encoder: EncoderConvention
    decoder: DecoderConvention
    errors: np.ndarray = field(compare=False)
    slope: float
    fills: bool

    @property
    def error(self) -> float:
        """Mean squared error of the reconstructions."""
        return float(self.errors.mean())

    @property
    def is_mixed(self) -> bool:
        """Whether the decoder gives another range than the encoder takes, which nothing bounds."""
        decoder = self.decoder
        return decoder.output == "mean" and decoder.range != self.encoder.range and not self.fills

    @property
    def terms(self) -> dict[str, str]:
        """The flags that state the same, and the output that is the mean."""
        terms = {
            "--layout": self.encoder.layout,
            "--range": self.encoder.range.name,
            "--decoder-range": self.decoder.range.name,
            "--encoder-output": self.encoder.output,
            "--decoder-output": self.decoder.output,
            "mean": self.encoder.mean,
        }
        if self.decoder.output == "logit":
            del terms["--decoder-range"]
        return terms

    @property
    def words(self) -> dict[str, str]:
        """The terms as they are shown: the decoder's range and layout only if they differ."""
        words = self.terms
        if self.decoder.output != "mean" or self.decoder.range == self.encoder.range:
            words.pop("--decoder-range", None)
        if self.decoder.layout != self.encoder.layout:
            words["decoder's layout"] = self.decoder.layout
        if self.encoder.padding:
            words["--padding"] = str(self.encoder.padding)
        if self.encoder.is_grey_border:
            words["padded"] = "after --range (grey)"
        return words

    @property
    def described(self) -> str:
        """The same as part of a sentence."""
        words = self.words
        mean = words.pop("mean")
        said = ", ".join(f"{flag} {value}" for flag, value in words.items())
        return f"{said} and the output {mean!r} as the mean"


def choose(candidates: list[Candidate], known: Known, average: float) -> Candidate:
    """Return the best candidate that agrees with what is known.

    Args:
        candidates: the ways to read the model, best first.
        known: what the user states.
        average: squared error of the images' average.

    Raises:
        AdoptionError: if none agrees, another is far better, or several are equally good.
    """
    fitting = sorted(  # the best first, and of several spreads that which needs no other reading
        _agreeing(candidates, known),
        key=lambda one: (one.error, known.encoder_output not in (None, one.encoder.output)),
    )
    best = _likeliest(fitting, average)
    _check_success(best, candidates[0], average)
    rivals = [one for one in fitting if _is_rival(one, best, known, average)]
    if rivals:
        raise AdoptionError(_question([_stated(one, known) for one in (best, *rivals)], average))
    return _stated(best, known)


def agrees(candidate: Candidate, known: Known) -> bool:
    """Whether the user's flags allow this way to read the model."""
    encoder, decoder = candidate.encoder, candidate.decoder
    is_logit = decoder.output == "logit"
    outputs = {"probability", "mean"} if not is_logit else {"logit"}
    if decoder.output == "mean" and decoder.range != UNIT:
        outputs = {"mean"}
    return (
        known.layout in (None, encoder.layout)
        and known.range in (None, encoder.range)
        and (known.decoder_range is None or known.decoder_range == decoder.range and not is_logit)
        and (known.encoder_output is None or known.encoder_output in spreads_of(encoder))
        and (known.decoder_output is None or known.decoder_output in outputs)
    )


def is_steep(slope: float) -> bool:
    """Whether decoded values differ from the images' by another contrast."""
    return not 1 / STEEP < slope < STEEP


def is_poor(error: float, average: float) -> bool:
    """Whether a squared error is not clearly smaller than that of the images' average."""
    return error > POOR * average


def _agreeing(candidates: list[Candidate], known: Known) -> list[Candidate]:
    """The candidates that agree with what is known, of which there must be one."""
    agreeing = [one for one in candidates if agrees(one, known)]
    if agreeing:
        return agreeing
    overall = candidates[0]
    said = (known.encoder_output or "").rpartition(",")[2]
    is_negative = overall.encoder.kind is not None and not overall.encoder.is_positive
    hint = " (its spread is negative for some images, so it is a logarithm)"
    raise AdoptionError(
        "no way to read the model agrees with the flags; without them the best has "
        f"{overall.described}{hint if said in ('std', 'variance') and is_negative else ''}"
    )


def _likeliest(fitting: list[Candidate], average: float) -> Candidate:
    """The best candidate, or one that is hardly worse and fits the decoder's values better."""
    bound = min(FILLED * fitting[0].error, max(average, fitting[0].error))
    near = [one for one in fitting if one.error <= bound]
    best = next((one for one in near if one.fills), fitting[0])
    if best.is_mixed and is_steep(best.slope):  # as of logits that are cut off at −1 and 1
        best = next((one for one in near if one.decoder.output == "logit"), best)
    return best


def _check_success(best: Candidate, overall: Candidate, average: float) -> None:
    """Check that no other candidate is far better, and that the best one reconstructs at all."""
    if overall.error < CONTRADICTION * best.error:
        raise AdoptionError(
            f"the model does not agree with the flags: with {best.described} the squared error of "
            f"{len(best.errors)} images is {best.error:.5f}, but with {overall.described} it is "
            f"{overall.error:.5f}; give those"
        )
    if best.error > NEAR_TIE * average:
        raise AdoptionError(
            f"the best way to read the model, {best.described}, reconstructs worse than the "
            f"images' average does (squared errors {best.error:.5f} and {average:.5f}): are these "
            "the images that it was trained on, in their size and range, and do encoder and "
            "decoder belong together?"
        )


def _is_rival(one: Candidate, best: Candidate, known: Known, average: float) -> bool:
    """Whether another candidate is not clearly worse than the best and makes other figures."""
    return (
        not is_clearly_worse(one, best)
        and _stated(one, known).terms != _stated(best, known).terms
        and not _differ_in_spread_alone(one, best)
        and (one.fills or not best.fills or one.decoder.range == best.decoder.range)
        and (best.is_mixed or not one.is_mixed or is_poor(best.error, average))
    )


def is_clearly_worse(one: Candidate, best: Candidate) -> bool:
    """Compare the errors of each image, whose differences vary far less than the errors."""
    factor, standard_errors = CLEAR
    gaps = one.errors - best.errors
    is_sure = gaps.mean() > standard_errors * gaps.std() / np.sqrt(len(gaps))
    return one.error >= NEAR_TIE * best.error or (is_sure and one.error >= factor * best.error)


def _question(ways: list[Candidate], average: float) -> str:
    """Ask the user which of several ways is right, the best first."""
    doubtful = _doubtful(ways)
    said = " and ".join(f"{term} {' or '.join(values)}" for term, values in doubtful.items())
    flags = doubtful.keys() - {"mean"}
    remedy = f"give the flag{'s' * (len(flags) > 1)}"
    if "--range" in flags:
        remedy += ", if none is right as the --range=MEAN,STD of its training"
    if not flags:
        remedy = "export the model with one of them alone"
    errors = " to ".join(f"{limit(one.error for one in ways):.5f}" for limit in (min, max))
    sentence = f"the images alone do not settle {said} (squared errors {errors}): {remedy}"
    if not is_poor(ways[0].error, average):
        return sentence
    return (
        "no way to read the model reconstructs the images clearly better than their average, whose "
        f"squared error is {average:.5f}: are these the images that it was trained on, in their "
        f"size, and do encoder and decoder belong together? If so, {sentence}"
    )


def _doubtful(ways: list[Candidate]) -> dict[str, list[str]]:
    """The terms that tell several ways apart, with their values; none that follows from others."""
    terms = [one.terms for one in ways]
    found: list[str] = []
    # The encoder's output comes last, as it may follow from which one is the mean.
    for term in sorted(terms[0], key=lambda term: term == "--encoder-output"):
        if all(term in each for each in terms):
            before, after = (
                len({tuple(each[name] for name in names) for each in terms})
                for names in (found, [*found, term])
            )
            found += [term] * (after > before)
    return {term: list(dict.fromkeys(each[term] for each in terms)) for term in found}


def _stated(candidate: Candidate, known: Known) -> Candidate:
    """The candidate with the outputs read as the user states."""
    encoder, decoder = candidate.encoder, candidate.decoder
    return replace(
        candidate,
        encoder=replace(encoder, output=known.encoder_output or encoder.output),
        decoder=replace(decoder, output=known.decoder_output or decoder.output),
    )


def _differ_in_spread_alone(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates take other outputs as the spread, which makes no other picture."""
    encoder = other.encoder
    alike = replace(
        one.encoder,
        spread=encoder.spread, output=encoder.output, is_positive=encoder.is_positive,
    )  # fmt: skip
    return one.encoder != alike == encoder and one.decoder == other.decoder
