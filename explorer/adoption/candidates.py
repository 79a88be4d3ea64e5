"""Candidate ways to read a model, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from explorer.adoption.conventions import (
    UNIT,
    AxisOrder,
    DecoderConvention,
    DecoderOutput,
    EncoderConvention,
    EncoderOutput,
    PixelRange,
)
from explorer.adoption.graphs import AdoptionError
from explorer.adoption.spreads import spreads_of
from explorer.bundle.card import Condition

IMAGES = 200
"""Number of images on which conventions are tried."""
NEAR_TIE = 1.1
"""The second best must have an error larger than the best one's by this factor."""
FILLED = 1.3
"""A range that the decoder fills is taken if its error is below this times the best error."""
CONTRADICTION = 0.5
"""A flag is refused if the error without it is below this times the error with it."""
POOR = 0.8
"""A model whose error is above this times the average image's has hardly learned the images."""
STEEP = 1.5
"""A slope of this or its inverse means that the range is not that of the training."""
NOTHING = 1e-5
"""Images whose average has a smaller squared error are all alike."""


@dataclass(frozen=True)
class Known:
    """What the user states about the model; None where it must be found out."""

    layout: AxisOrder | None = None
    range: PixelRange | None = None
    encoder_output: EncoderOutput | None = None
    decoder_output: DecoderOutput | None = None
    condition: Condition | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to read the model, and how it reconstructs.

    Attributes:
        encoder, decoder: the conventions of both.
        error: mean squared error of the reconstructions, clipped to [0, 1].
        slope: slope of the least-squares line from their values to the images'; about 1 if the
            range is that of the training.
        fills: whether the decoder's values fill a fixed range and never leave it, as after a
            sigmoid or tanh.
    """

    encoder: EncoderConvention
    decoder: DecoderConvention
    error: float
    slope: float
    fills: bool

    @property
    def is_mixed(self) -> bool:
        """Whether the decoder gives another range than the encoder takes, which nothing bounds."""
        decoder = self.decoder
        return decoder.output == "mean" and decoder.range != self.encoder.range and not self.fills

    @property
    def words(self) -> dict[str, str]:
        """The flags that state the same; the decoder's range and layout only if they differ."""
        words = {
            "--layout": self.encoder.layout,
            "--range": self.encoder.range.name,
            "--encoder-output": self.encoder.output,
            "--decoder-output": self.decoder.output,
            "mean": self.encoder.mean,
        }
        if self.decoder.output == "mean" and self.decoder.range != self.encoder.range:
            words["decoder's range"] = self.decoder.range.name
        if self.decoder.layout != self.encoder.layout:
            words["decoder's layout"] = self.decoder.layout
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
        AdoptionError: if none agrees, another is far better, or two are equally good.
    """
    fitting = sorted(  # the best first, and of several spreads that which needs no other reading
        (one for one in candidates if agrees(one, known)),
        key=lambda one: (one.error, known.encoder_output not in (None, one.encoder.output)),
    )
    overall = candidates[0]
    if not fitting:
        hint = ""
        form, _, kind = (known.encoder_output or "").rpartition(",")
        if kind in ("std", "variance") and overall.encoder.output in (form, f"{form},log_var"):
            hint = " (its spread is negative for some images, so it is a logarithm)"
        raise AdoptionError(
            "no way to read the model agrees with the flags; without them the best has "
            f"{overall.described}{hint}"
        )
    bound = FILLED * fitting[0].error
    if average > NOTHING:
        bound = min(bound, max(average, fitting[0].error))
    filling = (one for one in fitting if one.fills and one.error <= bound)
    best = next(filling, fitting[0])
    if best.is_mixed and is_steep(best.slope):  # as of logits that are cut off at −1 and 1
        logits = (one for one in fitting if one.decoder.output == "logit" and one.error <= bound)
        best = next(logits, best)
    if overall.error < CONTRADICTION * best.error:
        raise AdoptionError(
            f"the model does not agree with the flags: with {best.described} the squared error of "
            f"{IMAGES} images is {best.error:.5f}, but with {overall.described} it is "
            f"{overall.error:.5f}; give those"
        )
    if average > NOTHING and best.error > NEAR_TIE * average:
        raise AdoptionError(
            f"the best way to read the model, {best.described}, reconstructs worse than the "
            f"images' average does (squared errors {best.error:.5f} and {average:.5f}): are these "
            "the images that it was trained on, in their size and range, and do encoder and "
            "decoder belong together?"
        )
    rivals = [
        one
        for one in fitting
        if _stated(one, known).words != _stated(best, known).words
        and not _differ_in_spread_alone(one, best)
        and (one.fills or not best.fills or one.decoder.range == best.decoder.range)
        and (best.is_mixed or not one.is_mixed or is_poor(best.error, average))
    ]
    if rivals and rivals[0].error < NEAR_TIE * best.error:
        doubtful = _difference(rivals[0], best)
        said = " and ".join(f"{flag} {one} or {other}" for flag, (one, other) in doubtful.items())
        remedy = "export the model with one of them alone"
        if "--range" in doubtful:
            remedy = "give the flag, if neither is right as the --range=MEAN,STD of its training"
        elif any(flag.startswith("--") for flag in doubtful):
            remedy = "give the flag"
        elif "mean" not in doubtful:
            remedy = "let the decoder give images in the range that the encoder takes, or in 0,1"
        sentence = (
            f"the images alone do not settle {said} (squared errors {best.error:.5f} and "
            f"{rivals[0].error:.5f}): {remedy}"
        )
        if is_poor(best.error, average):
            sentence = (
                "no way to read the model reconstructs the images clearly better than their "
                f"average, whose squared error is {average:.5f}: are these the images that it "
                "was trained on, in their size, and do encoder and decoder belong together? If "
                f"so, {sentence}"
            )
        raise AdoptionError(sentence)
    return _stated(best, known)


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
    spread, output = other.encoder.spread, other.encoder.output
    return (
        one.encoder.spread != spread
        and replace(one.encoder, spread=spread, output=output) == other.encoder
        and one.decoder == other.decoder
    )


def is_steep(slope: float) -> bool:
    """Whether decoded values differ from the images' by another contrast."""
    return not 1 / STEEP < slope < STEEP


def is_poor(error: float, average: float) -> bool:
    """Whether a squared error is not clearly smaller than that of the images' average."""
    return average > NOTHING and error > POOR * average


def agrees(candidate: Candidate, known: Known) -> bool:
    """Whether the user's flags allow this way to read the model."""
    encoder, decoder = candidate.encoder, candidate.decoder
    outputs = {"probability", "mean"} if decoder.output != "logit" else {"logit"}
    if decoder.output == "mean" and decoder.range != UNIT:
        outputs = {"mean"}
    return (
        known.layout in (None, encoder.layout)
        and known.range in (None, encoder.range)
        and (known.range is None or decoder.range in (UNIT, known.range))
        and (known.encoder_output is None or known.encoder_output in spreads_of(encoder))
        and (known.decoder_output is None or known.decoder_output in outputs)
    )


def _difference(one: Candidate, other: Candidate) -> dict[str, tuple[str, str]]:
    usual = {"decoder's range": "--range", "decoder's layout": "--layout"}
    said = {
        flag: tuple(
            words.get(flag, words[usual.get(flag, flag)]) for words in (other.words, one.words)
        )
        for flag in one.words | other.words
    }
    return {flag: (first, second) for flag, (first, second) in said.items() if first != second}
