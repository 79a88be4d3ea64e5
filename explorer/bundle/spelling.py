"""How places of a model are written, in the address for one: ``test-17``, or coordinates."""

from __future__ import annotations

import numpy as np

from explorer.bundle.store import Bundle
from explorer.notation import parse_count, parse_latent


def parse_test_image(text: str, bundle: Bundle) -> int | None:
    """The row that ``test-17`` names; None for a text of another kind.

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
    """The latent that is written as ``test-17`` or by its coordinates.

    Raises:
        ValueError: the model has no such place.
    """
    row = parse_test_image(text, bundle)
    if row is not None:
        return np.asarray(bundle.latents.z_mean[row])
    return parse_latent(text, bundle.card.model.latent_dim)


def parse_class(text: str, bundle: Bundle) -> int:
    """The label of the class of this name, which a conditional model decodes.

    Raises:
        ValueError: there is no such class, or the model takes none.
    """
    classes = bundle.card.data.classes
    if not bundle.card.model.is_conditional:
        raise ValueError("the model takes no class")
    if text not in classes:
        raise ValueError(f"the classes are {', '.join(classes[:10])}")
    return classes.index(text)
