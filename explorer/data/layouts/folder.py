"""A folder with image files, as used by the layouts made of folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from explorer.data.files.tree import Parts
from explorer.data.roles import read_name


@dataclass(frozen=True)
class Folder:
    """A folder with image files.

    Attributes:
        place: the parts of its path in the tree.
        parts: the parts below the outer folders that were looked through; the first ones name the
            class.
        names: names of the image files in it.
    """

    place: Parts
    parts: Parts
    names: Sequence[str]

    def below(self, *parts: str) -> Folder:
        """Return a copy whose first part is replaced by these parts."""
        return replace(self, parts=(*parts, *self.parts[1:]))

    def path(self, name: str) -> str:
        """Return the path of one of its files in the tree."""
        return "/".join((*self.place, name))

    def __str__(self) -> str:
        return "/".join(self.place) or "."


def around_images(parts: Parts) -> Parts:
    """Return the parts without a last part that only says "images"."""
    return parts[:-1] if len(parts) > 1 and read_name(parts[-1]).is_images else parts
