"""A sheet: pictures in rows and columns with what is written around them; and its paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.drawing import raster

Format = Literal["pdf", "svg", "png"]
COLUMN = 8.5
"""Centimetres of a journal's column."""
DPI = 300


@dataclass(frozen=True, eq=False)
class Sheet:
    """Pictures of one size, row by row from the top.

    Attributes:
        images: ``(n, height, width, channels)`` uint8.
        columns: pictures in a row.
        gap: pixels of a picture between two of them.
        title: above them all.
        column_labels: a text below each column, or none at all.
        row_labels: a text beside each row from the top, or none at all.
        x_title, y_title: of both.
        is_scale: whether the labels of columns are values in order: where there is no room for
            all of them some are left out, while names are turned.
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
        """How many rows there are."""
        return -(-len(self.images) // self.columns)

    @property
    def picture(self) -> np.ndarray:
        """The pictures as one, without a text: ``raster.tile``."""
        return raster.tile(self.images, self.columns, gap=self.gap)


@dataclass(frozen=True)
class Paper:
    """What a figure is printed on.

    Attributes:
        format: of the file.
        width: of the figure, centimetres.
        dpi: pixels an inch of a PNG, and of dots too many for a vector file.
    """

    format: Format = "pdf"
    width: float = COLUMN
    dpi: int = DPI
