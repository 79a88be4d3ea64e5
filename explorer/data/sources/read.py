"""Decode a part of a layout into a split, block by block, on disk instead of in memory."""

from __future__ import annotations

import hashlib
import time

import numpy as np

from explorer.data.dataset import Split, Transparency
from explorer.data.files.temporary import Spool
from explorer.data.pixels import Form, without_warnings_of_pillow
from explorer.data.report import Report
from explorer.data.sources import cache
from explorer.data.sources.decoding import Decoded
from explorer.data.sources.progress import with_progress
from explorer.data.sources.source import Part, Source
from explorer.errors import DatasetError


def read_part(part: Part, indices: np.ndarray | None, form: Form, report: Report) -> Split:
    """Read the images at the given indices, or all for None, leaving out damaged ones.

    Raises:
        DatasetError: none of them can be read.
    """
    are_all = indices is None and part.rows is None
    if are_all and (mapped := part.source.mapped(form)) is not None:
        return Split(mapped, part.labels, columns=part.columns)
    chosen = np.arange(len(part)) if indices is None else indices
    in_source = chosen if part.rows is None else part.rows[chosen]
    kept = _read_or_recall(part.source, in_source, form)
    missing = np.setdiff1d(np.arange(len(chosen)), kept.readable)
    if missing.size:
        first = int(in_source[missing[0]])
        if missing.size == len(chosen):
            raise none_readable(part.source, first, len(chosen))
        report.leave_out("images that cannot be read", part.source.name(first), missing.size)
    rows = chosen[kept.readable]
    return Split(
        kept.colours,
        part.labels[rows],
        Transparency(kept.transparent, kept.alphas) if kept.transparent.size else None,
        {name: values[rows] for name, values in part.columns.items()},
    )


def none_readable(source: Source, first: int, count: int) -> DatasetError:
    """The error that none of some image files can be read."""
    return DatasetError(
        f"None of the {count:,} image files could be read, the first being {source.name(first)}: "
        f"{source.fault(first)}."
    )


def _read_or_recall(source: Source, chosen: np.ndarray, form: Form) -> Decoded:
    digest, key = source.digest, None
    if digest is not None:
        what = f"{digest} {form}".encode() + chosen.astype("<i8").tobytes()
        key = f"images-{hashlib.sha256(what).hexdigest()}"
        if (kept := cache.load(key)) is not None:
            return kept
    start = time.monotonic()
    kept = _read(source, chosen, form)
    if key is not None and time.monotonic() - start > cache.SLOW:
        cache.keep(key, kept)
    return kept


def _read(source: Source, chosen: np.ndarray, form: Form) -> Decoded:
    readable, transparent = [np.zeros(0, int)], [np.zeros(0, int)]
    count = start = 0
    with (
        without_warnings_of_pillow(),
        Spool(form.shape) as colours,
        Spool((*form.shape[:2], 1)) as alphas,
    ):
        blocks = source.blocks(chosen, form)
        for block in with_progress(blocks, len(chosen), lambda block: block.requested):
            colours.append(block.colours)
            alphas.append(block.alphas)
            readable.append(block.readable + start)
            transparent.append(block.transparent + count)
            start += block.requested
            count += len(block.readable)
        return Decoded(
            len(chosen),
            np.concatenate(readable),
            colours.images(),
            np.concatenate(transparent),
            alphas.images(),
        )
