"""Read what the name of an array, or of its file, says of its content."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from explorer.data.layouts.splits import YES_OR_NO, may_split
from explorer.data.roles import LABEL_WORDS, joined_words, read_name, words_of

IMAGE_WORDS = frozenset(
    ("x", "image", "images", "imgs", "img", "data", "pixels", "features", "inputs")
)
_NOISE = frozenset(
    ("idx1", "idx2", "idx3", "idx4", "ubyte", "int", "gz", "arr", "0")
    + ("full", "numpy", "bitmap", "fine")
)
_SHORT = re.compile(r"\b(x|y|images?|imgs?|data|labels?|targets?)_?(tr|te)\b", re.I)
_SPELLED_OUT = {"tr": "train", "te": "test"}
"""The splits in names such as ``Xtr`` and ``y_te``."""


@dataclass(frozen=True)
class Key:
    """The information in an array's name.

    Attributes:
        role: the split that it names, as ``Xtr`` does; None if there is none.
        is_images: whether it says that the array holds images.
        is_labels: whether it says that the array holds labels.
        rest: its other words.
    """

    role: str | None
    is_images: bool
    is_labels: bool
    rest: tuple[str, ...]


@functools.cache
def key_of(name: str) -> Key:
    """Find the split, the kind of content and the other words in an array's name."""
    if joined_words(name.rpartition("/")[2]) in YES_OR_NO:  # of all images, not of a split's
        return Key(None, False, False, ())
    name = _SHORT.sub(lambda found: f"{found[1]} {_SPELLED_OUT[found[2].lower()]}", name)
    said, words = read_name(name), {*words_of(name)}
    return Key(
        said.role,
        bool(IMAGE_WORDS & words),
        bool(LABEL_WORDS & words),
        tuple(word for word in said.rest if word not in _NOISE | IMAGE_WORDS | LABEL_WORDS),
    )


def class_of(name: str) -> str:
    """Return the words of an array's name that say the class of its images."""
    words, rest = read_name(name).rest, key_of(name).rest
    return " ".join(w for w in words if w in rest or (w == "0" and "arr" not in words)) or name


def column_name(name: str) -> str:
    """Return the title of the column that an array of values gives."""
    last = name.rpartition("/")[2]
    return last if may_split(last) else " ".join(read_name(name).rest) or name
