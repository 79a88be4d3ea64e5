"""Decode a part of a layout into a split: in blocks, on disk in place of memory."""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image

from explorer.data.dataset import Split, Transparency
from explorer.data.pixels import Form
from explorer.data.progress import with_progress
from explorer.data.report import Report
from explorer.data.source import Part
from explorer.data.spool import Spool
from explorer.errors import DatasetError


def read_part(part: Part, indices: np.ndarray | None, form: Form, report: Report) -> Split:
    """Read the images at the given indices, or all for None, without those that are damaged.

    Raises:
        DatasetError: none of them can be read.
    """
    if indices is None and (mapped := part.source.mapped(form)) is not None:
        return Split(mapped, part.labels, columns=part.columns)
    chosen = np.arange(len(part.source)) if indices is None else indices
    readable, transparent, count = [], [], 0
    with (
        warnings.catch_warnings(),
        Spool(form.shape) as colours,
        Spool((*form.shape[:2], 1)) as alphas,
    ):
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module=r"PIL\\.")
        for block in with_progress(
            part.source.blocks(chosen, form), len(chosen), lambda b: len(b.indices)
        ):
            colours.append(block.colours)
            alphas.append(block.alphas)
            readable.append(block.indices[block.readable])
            transparent.append(block.transparent + count)
            count += len(block.readable)
            missing = np.setdiff1d(np.arange(len(block.indices)), block.readable)
            if missing.size:
                first = part.source.name(int(block.indices[missing[0]]))
                report.leave_out("images that cannot be read", first, missing.size)
        images, alpha = colours.images(), alphas.images()
    if count == 0:
        raise DatasetError(
            f"None of the {len(chosen)} image files could be read, the first being "
            f"{part.source.name(int(chosen[0]))}."
        )
    rows, clear = np.concatenate(readable), np.concatenate(transparent)
    return Split(
        images,
        part.labels[rows],
        Transparency(clear, alpha) if clear.size else None,
        {name: values[rows] for name, values in part.columns.items()},
    )
