"""A sheet: pictures in rows and columns with the texts around them; and the paper for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.drawing import raster

Format = Literal["pdf", "svg", "png"]
COLUMN = 8.5
"""Width of a journal's column in centimetres."""
DPI = 300


@dataclass(frozen=True, eq=False)
class Sheet:
    """Pictures of one size, row by row from the top.

    Attributes:
        images: ``(n, height, width, channels)`` uint8.
        columns: pictures in a row.
        gap: distance between two pictures, in their pixels.
        title: a text above all pictures.
        column_labels: a text below each column, or none at all.
        row_labels: a text beside each row from the top, or none at all.
        x_title, y_title: titles of the column and the row labels.
        is_scale: whether the labels of columns are values in order: without room for all of them,
            some are left out, while names are rotated.
    """

    images: np.ndarray
    columns: int
    gap: int = 1
    title: str = ""
    column_labels: Sequence[str] = ()
    row_labels: Sequence[str] = ()
    x_title: str = ""
    y_title: str = ""
    is_scale: bool = True

    @property
    def rows(self) -> int:
        """The number of rows."""
        return -(-len(self.images) // self.columns)

    @property
    def picture(self) -> np.ndarray:
        """All pictures as one, without text, by ``raster.tile``."""
        return raster.tile(self.images, self.columns, gap=self.gap)


@dataclass(frozen=True)
class Paper:
    """What a figure is printed on.

    Attributes:
        format: format of the file.
        width: width of the figure in centimetres.
        dpi: pixels per inch of a PNG, and of dots that are too many for a vector file.
    """

    format: Format = "pdf"
    width: float = COLUMN
    dpi: int = DPI
