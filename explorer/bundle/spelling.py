"""Places and groups of test images of a model as text, for example in addresses.

A place is ``test-17``, or coordinates; a group is one bit for each test image, compressed.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.notation import parse_count, parse_latent


def parse_test_image(text: str, bundle: Bundle) -> int | None:
    """Return the row that ``test-17`` names; None for any other kind of text.

    Raises:
        ValueError: there is no such test image.
    """
    if not text.startswith("test-"):
        return None
    row, count = parse_count(text.removeprefix("test-")), bundle.card.data.test_images
    if row is None or row >= count:
        raise ValueError(f"there are test images 0 to {count - 1}")
    return row


def parse_place(text: str, bundle: Bundle) -> np.ndarray:
    """Return the latent that is written as ``test-17`` or by its coordinates.

    Raises:
        ValueError: the model has no such place.
    """
    row = parse_test_image(text, bundle)
    if row is not None:
        return np.asarray(bundle.latents.z_mean[row])
    return parse_latent(text, bundle.card.model.latent_dim)


def parse_class(text: str, bundle: Bundle) -> int:
    """Return the label of the class of this name, for a conditional model.

    Raises:
        ValueError: there is no such class, or the model takes none.
    """
    classes = bundle.card.data.classes
    if not bundle.card.model.is_conditional:
        raise ValueError("the model takes no class")
    if text not in classes:
        raise ValueError(f"the classes are {', '.join(classes[:10])}")
    return classes.index(text)


def format_rows(rows: np.ndarray, bundle: Bundle) -> str:
    """Write a group of test images, given by their indices ``(k,)``, as text for addresses."""
    bits = np.packbits(np.isin(np.arange(bundle.card.data.test_images), rows))
    return base64.urlsafe_b64encode(zlib.compress(bits.tobytes(), 9)).decode().rstrip("=")


def parse_rows(text: str, bundle: Bundle) -> np.ndarray:
    """Return the indices that ``format_rows`` wrote, ascending, ``(k,)``.

    Raises:
        ValueError: the text is not from ``format_rows``, or is for another model.
    """
    count = bundle.card.data.test_images
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        bits = zlib.decompressobj().decompress(packed, count // 8 + 2)
    except (ValueError, zlib.error) as error:
        raise ValueError("a group of test images was expected, as a link has it") from error
    if len(bits) != -(-count // 8):
        raise ValueError(f"a group of {count} test images was expected")
    return np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8), count=count))
