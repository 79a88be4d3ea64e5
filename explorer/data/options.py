"""What a person may ask for when an image set is read."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.data.pixels import Fit


@dataclass(frozen=True)
class Options:
    """None means 'as the images are'.

    Attributes:
        image_size: (height, width) of the model's images, pixels.
        grey: whether to make the images grey (ITU-R BT.601 luma), or coloured.
        fit: what becomes of pictures of other proportions.
        range: (black, white): the stored values that become these.
        label: the column whose values are the classes.
        class_level: how many levels of folders name a class.
        first_page: take the first page of a stack alone.
        pick: a word that names one of several sets at a place.
    """

    image_size: tuple[int, int] | None = None
    grey: bool | None = None
    fit: Fit = "crop"
    range: tuple[float, float] | None = None
    label: str | None = None
    class_level: int = 1
    first_page: bool = False
    pick: str | None = None
