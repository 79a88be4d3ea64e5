"""A folder with image files, as the layouts of folders see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from explorer.data.files.tree import Parts
from explorer.data.roles import read_name


@dataclass(frozen=True)
class Folder:
    """A folder with image files.

    Attributes:
        place: its parts in the tree.
        parts: those below what was looked through; the first ones name the class.
        names: of the image files in it.
    """

    place: Parts
    parts: Parts
    names: Sequence[str]

    def below(self, *parts: str) -> Folder:
        """The same with its first part replaced."""
        return replace(self, parts=(*parts, *self.parts[1:]))

    def path(self, name: str) -> str:
        """Where one of the files lies in the tree."""
        return "/".join((*self.place, name))

    def __str__(self) -> str:
        return "/".join(self.place) or "."


def around_images(parts: Parts) -> Parts:
    """The same without a last part that only says that images are in it."""
    return parts[:-1] if len(parts) > 1 and read_name(parts[-1]).is_images else parts
