"""Text of others in Markdown: titles and names come from cards that anyone may have written."""

from __future__ import annotations

import re


def literal(text: str) -> str:
    """Text that Markdown shows as it is: no picture, formula or formatting comes of it.

    Only an address written out becomes a link, as everywhere in Markdown.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))
