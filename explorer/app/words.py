"""How latents, percentiles, test images and other people's text are written on the page."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName
from explorer.notation import with_minus

NO_GAIN = "A smaller difference between two models is not a gain."
"""What the spread over seeds means."""


def explain_neg_elbo(explains: str) -> str:
    """Explain −ELBO, given a clause such as ``"the model explains this image"``."""
    return (
        f"−ELBO, the negative evidence lower bound, says how badly {explains}: lower is better. "
        "It is in nats, a unit of information (1 nat is 1.44 bits)."
    )


def literal(text: str) -> str:
    """Escape a text for Markdown: titles and names come from cards that anyone may have written.

    Only a URL that is written out becomes a link, as everywhere in Markdown.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def describe(z: np.ndarray) -> str:
    """The first coordinates of a latent, as text."""
    shown = ", ".join(with_minus(value, ".2f") for value in z[:4].tolist())
    return f"z = ({shown}{', …' if len(z) > 4 else ''})"


def percent(share: float) -> str:
    """A percentile as text, rounded down: 0 % means less than one in a hundred."""
    return f"{math.floor(share)} %"


def describe_likelihood(name: LikelihoodName) -> str:
    """The name of a likelihood, such as 'Bernoulli likelihood'."""
    return f"{LIKELIHOODS[name].title} likelihood"


def describe_test_image(bundle: Bundle, row: int) -> str:
    """The name of a test image: its row and class."""
    return f"#{row} {bundle.card.data.classes[bundle.latents.labels[row]]}"


def table(columns: Mapping[str, Sequence[str]], *, numbers: Collection[str] = ()) -> str:
    """A Markdown table of texts by column title, with the columns ``numbers`` aligned right.

    Streamlit's own tables import pandas, which takes half a second and 70 MB.
    """
    lines = [[literal(text) for text in line] for line in zip(*columns.values(), strict=True)]
    rule = ["--:" if title in numbers else "---" for title in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in ([*columns], rule, *lines))
