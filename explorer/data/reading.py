"""How a person's images are to be read, where they say so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from explorer.errors import DatasetError

Fit = Literal["crop", "pad", "stretch"]
"""How a picture of other proportions becomes the model's: cut, laid on background, distorted."""
Binarisation = Literal["dynamic", "static"]
"""Whether training images are drawn black and white anew in each batch, or once; test images are
drawn once."""
MAX_IMAGE_SIZE = 512
"""Pixels a side: images are decoded, and models made, in memory."""
FILE_NAME = "filename"
"""As a label: what stands before the number in a file's name, such as ``cat.12.jpg``."""


@dataclass(frozen=True)
class Reading:
    """None means 'as the images are'.

    Attributes:
        image_size: (height, width) of the model's images, pixels; by default the images' own size
            if they share one of up to 64 px, else 32 × 32.
        grey: whether to make the images grey (ITU-R BT.601 luma).
        fit: what becomes of pictures of other proportions.
        range: (black, white): the stored values that become these; by default found from all.
        label: the column whose values are the classes, or `FILE_NAME`.
        class_level: how many levels of folders name a class.
        first_page: take the first page of a stack alone.
        whole: take the test images as training images too; without a test split, all images.
        pick: a word that names one of several sets at a place.
        binarise: whether and how pixels are drawn black or white.

    Raises:
        DatasetError: a size or a range cannot be.
    """

    image_size: tuple[int, int] | None = None
    grey: bool = False
    fit: Fit = "crop"
    range: tuple[float, float] | None = None
    label: str | None = None
    class_level: int = 1
    first_page: bool = False
    whole: bool = False
    pick: str | None = None
    binarise: Binarisation | None = None

    def __post_init__(self) -> None:
        for side in self.image_size or ():
            if not 1 <= side <= MAX_IMAGE_SIZE:
                raise DatasetError(
                    f"The image size must be from 1 to {MAX_IMAGE_SIZE} pixels, but is {side}."
                )
        if self.range is not None and not -math.inf < self.range[0] < self.range[1] < math.inf:
            low, high = self.range
            raise DatasetError(
                f"The range must go from low to high, but goes from {low:g} to {high:g}."
            )


AS_THEY_ARE = Reading()
