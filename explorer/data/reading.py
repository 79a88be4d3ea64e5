"""The user's options for how images are read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from explorer.errors import DatasetError

Fit = Literal["crop", "pad", "stretch"]
"""How a picture gets the model's aspect ratio: it is cropped, padded with background or distorted.
"""
Binarisation = Literal["dynamic", "static"]
"""Whether training images are binarised anew in each batch, or once; test images are binarised
once."""
MAX_IMAGE_SIZE = 512
"""Pixels a side; limited, as images are decoded and models built in memory."""
FILE_NAME = "filename"
"""Value of `Reading.label` for classes from file names: what precedes the number in ``cat.12.jpg``.
"""
FOLDER = "folder"
"""Value of `Reading.label` for classes from the innermost folders: ``ill`` for ``patient/ill``."""


@dataclass(frozen=True)
class Reading:
    """Options for reading images; None means "as the images are".

    Attributes:
        image_size: (height, width) of the model's images, pixels; by default the images' own size
            if they share one of up to 64 px, else 32 × 32.
        grey: whether to make the images grey (ITU-R BT.601 luma).
        fit: what to do with pictures of another aspect ratio.
        range: the stored values that become (black, white); by default found from all values.
        label: the column whose values are the classes, `FILE_NAME` or `FOLDER`.
        class_level: how many levels of folders name a class.
        first_page: whether to read only the first page of a stack.
        whole: whether to use the test images for training too; without a test split, all images.
        pick: a word that names one of several sets at a path.
        binarise: whether and how pixels are drawn black or white.
        range_option: how the user gives ``range``, for messages.

    Raises:
        DatasetError: the size or the range is invalid, or two options name the classes.
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
    range_option: str = field(default="--range LOW HIGH", compare=False)

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
        if self.label == FOLDER and self.class_level > 1:
            raise DatasetError(
                f"--label {FOLDER} names classes by the innermost folders and --class-level by "
                "outer ones: give one of the two."
            )


AS_THEY_ARE = Reading()
