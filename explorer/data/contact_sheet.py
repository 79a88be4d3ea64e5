"""Write a contact sheet: a row of images for each class, as the model will see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explorer.core.subsets import evenly_spaced
from explorer.data.dataset import Dataset

ACROSS, MOST_CLASSES = 16, 40
_GAP, _NAME_WIDTH, _SMALLEST = 2, 150, 32  # pixels


def write_sheet(dataset: Dataset, path: Path) -> None:
    """Write a PNG with a row for each class: its name and up to 16 training images.

    Small images are enlarged by a whole factor. At most 40 classes are shown.
    """
    height, width, channels = dataset.image_shape
    zoom = max(1, -(-_SMALLEST // min(height, width)))
    cell_height, cell_width = height * zoom + _GAP, width * zoom + _GAP
    shown = evenly_spaced(len(dataset.classes), MOST_CLASSES)
    row_height = max(cell_height, 16)
    sheet = Image.new("RGB", (_NAME_WIDTH + ACROSS * cell_width, len(shown) * row_height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for row, label in enumerate(shown):
        top = row * row_height
        members = np.flatnonzero(dataset.train.labels == label)
        name = f"{dataset.classes[label]} ({len(members):,})"
        name = name.encode(errors="replace").decode()[:24]  # without bytes that are not UTF-8
        draw.text((4, top + row_height // 2), name, "black", font, anchor="lm")
        for column, index in enumerate(members[evenly_spaced(len(members), ACROSS)]):
            pixels = np.asarray(dataset.train.images[index])
            image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
            large = image.resize((width * zoom, height * zoom), Image.Resampling.NEAREST)
            sheet.paste(large, (_NAME_WIDTH + column * cell_width, top))
    sheet.save(path, "PNG")
