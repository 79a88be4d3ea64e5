"""Load an image set: a named one, or the user's own images in any known layout."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import partial, reduce
from operator import or_
from pathlib import Path

import numpy as np

from explorer.core.subsets import evenly_spaced, split_by_class
from explorer.data.binarise import BINARY, WORDS
from explorer.data.dataset import Dataset, Split
from explorer.data.files.tree import title_of
from explorer.data.layouts.find import find_images
from explorer.data.layouts.labels import in_natural_order
from explorer.data.layouts.table_files import is_array_of_labels
from explorer.data.named import NAMED, find_named, name_of_set
from explorer.data.pixels import Form, Shape, without_warnings_of_pillow
from explorer.data.ranges import BYTES, Range, check_agreement, find_range
from explorer.data.reading import AS_THEY_ARE, Reading
from explorer.data.report import Report
from explorer.data.roles import TEST, TRAIN, VALIDATION, read_name, words_of
from explorer.data.sources.arrays import Images
from explorer.data.sources.pictures import LARGEST_SURVEY
from explorer.data.sources.read import none_readable, read_part
from explorer.data.sources.source import Layout, Part, Source, Survey
from explorer.errors import DatasetError

TEST_FRACTION = 1 / 7
"""Share of each class that is set aside where there is no test split."""
TOLD_CUT = 0.1
"""Share of the pictures' area; a crop that cuts off more is reported."""


def load_dataset(
    source: str | Path,
    reading: Reading = AS_THEY_ARE,
    *,
    data_dir: Path | None = None,
    download: bool = True,
    most: int | None = None,
) -> Dataset:
    """Load a named set, or the user's own images.

    A named set is searched for in ``data_dir``, ``$LATENT_DATA_DIR``, ``/usr/share/datasets`` and
    Keras's cache, in this order, and then downloaded. Own images are given as a path to a folder,
    an archive or a data file, in one of the layouts listed in docs/data.md.

    Args:
        source: a key of `NAMED`, or the same with ``"-grey"``; else a path.
        reading: how to read the images.
        data_dir: a folder of data sets, such as one that holds ``mnist/*.gz``, or the set's own.
        download: whether to download a named set that is not on this machine.
        most: how many images of each split are read at most, evenly spaced; by default all.

    Raises:
        DatasetError: there is no such set, or it cannot be used.

    Example:
        >>> load_dataset("mnist").test.images.shape
        (10000, 28, 28, 1)
    """
    try:
        found, reading = find_source(source, reading)
        if isinstance(found, str):
            return _binary(_load_named(found, data_dir, reading, download, most))
        with without_warnings_of_pillow():
            return _binary(_load_own(found, reading, most))
    except OSError as error:
        raise _explain(error) from error


def find_source(source: str | Path, reading: Reading) -> tuple[str | Path, Reading]:
    """The key of the named set or the path of the images that ``source`` means, and how to read it.

    Raises:
        DatasetError: there is neither such a set nor such a file.
    """
    path, name = Path(source).expanduser(), name_of_set(str(source))
    is_exact = name is not None and name in (str(source), str(source).removesuffix("-grey"))
    if name is not None and (is_exact or not path.exists()):
        is_grey = reading.grey or str(source).lower().endswith("-grey")
        return name, replace(reading, grey=is_grey)
    if source and path.exists():
        return path, reading
    whole = _with_ending(path) if source else None
    if whole is not None and not (_has_labels_beside(whole) and _begins_files(path)):
        return whole, reading
    if source and _begins_files(path):
        return path.parent, replace(reading, pick=words_of(path.name)[-1])
    raise DatasetError(
        f"there is no data set or file called {source}; "
        f"give one of {', '.join(NAMED)}, or a path to your own images"
    )


def _binary(dataset: Dataset) -> Dataset:
    """Return the data set, renamed if its pixels are drawn black or white."""
    how = dataset.reading.binarise
    if how is None:
        return dataset
    dataset.report.note(WORDS[how])
    return replace(dataset, name=dataset.name + BINARY, title=f"{dataset.title} (binary)")


def _with_ending(path: Path) -> Path | None:
    """Return the only file whose name is that of a missing path plus an ending; else None."""
    if not path.parent.is_dir() or not path.name:
        return None
    found = [child for child in path.parent.iterdir() if child.stem == path.name]
    return found[0] if len(found) == 1 and found[0].is_file() else None


def _has_labels_beside(path: Path) -> bool:
    """Whether another file in the folder of a NumPy file holds labels, perhaps of several sets."""
    beside = (child.name for child in path.parent.iterdir() if child != path)
    return path.suffix.lower() == ".npy" and any(map(is_array_of_labels, beside))


def _begins_files(path: Path) -> bool:
    """Whether a missing path names one of several sets, such as ``gzip/emnist-letters``."""
    folder, words = path.parent, words_of(path.name)
    if read_name(path.name).role is not None or not words:
        return False
    return folder.is_file() or any(
        child.name.lower().startswith(f"{path.name.lower()}-")
        or (words[-1] in words_of(child.stem) and not child.is_dir())
        for place in (folder, folder / "raw", folder / "gzip")
        if place.is_dir()
        for child in place.iterdir()
    )


def _load_own(path: Path, reading: Reading, most: int | None) -> Dataset:
    report = Report()
    layout = find_images(path, reading, report)
    train, test = _choose_parts(layout, report)
    if reading.whole:
        train, test = test or train, None
    form, stored_size = _choose_form(train, test, reading, report)
    train_rows = test_rows = None
    if test is None and not reading.whole:
        train_rows, test_rows = split_by_class(train.labels, TEST_FRACTION, seed=0)
        report.note(
            f"no test split was found: {len(test_rows):,} of {len(train):,} images, the "
            "same share of each class, are set aside"
        )
    title = title_of(path)
    if reading.pick:
        title = f"{title} {reading.pick}"
    return Dataset(
        name=_slug(title),
        title=title,
        classes=layout.classes,
        licence="the owner's",
        origin=layout.origin,
        image_shape=form.shape,
        may_be_kept=True,
        read_train=partial(_read, train, train_rows, form, report, most),
        read_test=partial(_read, test or train, test_rows, form, report, most),
        range=form.range,
        reading=reading,
        report=report,
        stored_size=stored_size,
    ).ordered(in_natural_order(layout.classes))


def _choose_parts(layout: Layout, report: Report) -> tuple[Part, Part | None]:
    """Return training and test images; validation images replace a missing test split."""
    parts = dict(layout.parts)
    train = parts.pop(TRAIN, None)
    test = parts.pop(TEST, None)
    if train is None:  # a set with only another split is read as a whole
        train, test = test or parts.pop(VALIDATION if VALIDATION in parts else min(parts)), None
    if test is None and VALIDATION in parts:
        test = parts.pop(VALIDATION)
        report.note("the validation images serve as test images, as there are no others")
    for role, part in parts.items():
        report.leave_out(f"{role} images", part.name(0), len(part))
    return train, test


def _choose_form(
    train: Part, test: Part | None, reading: Reading, report: Report
) -> tuple[Form, tuple[int, int] | None]:
    """Choose size, colour and range for the whole set; return also the size stored, if one."""
    parts = [train] if test is None else [train, test]
    sources = [*dict.fromkeys(part.source for part in parts)]  # one, if a column splits it
    total = sum(map(len, sources))
    survey = Survey()
    for source in sources:
        survey |= source.survey()
    if survey.seen == 0:
        raise none_readable(train.source, 0, total)
    if survey.with_frames and not reading.first_page:
        report.note(f"of {survey.with_frames:,} animated pictures, the first frame is read")
    if survey.with_channels:
        report.note(
            f"of {survey.with_channels:,} pictures, only the colours or greys are used: "
            "they have further channels"
        )
    if LARGEST_SURVEY <= survey.seen < total:
        report.note(f"size and colour are judged from {survey.seen:,} of {total:,} images")
    shape = survey.shape(reading.image_size, reading.grey)
    if reading.fit == "crop" and (outside := survey.share_outside(shape)) > TOLD_CUT:
        report.note(
            f"cropping to {shape[0]} × {shape[1]} cuts {100 * outside:.0f} % of the pictures' area "
            "away; --fit pad or --fit stretch keeps all of it"
        )
    stored_size = next(iter(survey.sizes)) if len(survey.sizes) == 1 else None
    if stored_size is not None:
        _note_resizing(stored_size, shape, report)
    form = Form(shape, _choose_range(sources, survey, reading, report), reading.fit)
    return form, stored_size


def _note_resizing(stored: tuple[int, int], shape: Shape, report: Report) -> None:
    if stored != shape[:2]:
        (height, width), (new_height, new_width) = stored, shape[:2]
        report.note(f"the {height} × {width} pixels are resized to {new_height} × {new_width}")


def _choose_range(sources: list[Source], survey: Survey, reading: Reading, report: Report) -> Range:
    found = [one for source in sources for one in source.values(survey.is_deep).items()]
    if not found:
        return BYTES
    values = reduce(or_, (one for _, one in found))
    if values.has_gaps:
        report.note("pixels that are NaN are read as 0, infinite ones as black or white")
    if reading.range is not None:
        return Range(*reading.range, values.kind)
    check_agreement(found, reading.range_option)
    scale = find_range(values)
    if (scale.low, scale.high) != (BYTES.low, BYTES.high):
        report.note(
            f"values go from {values.low:g} to {values.high:g}: {scale.low:g} is black and "
            f"{scale.high:g} white; {reading.range_option} changes that"
        )
    return scale


def _load_named(
    name: str, data_dir: Path | None, reading: Reading, download: bool, most: int | None
) -> Dataset:
    named, report = NAMED[name], Report()
    own = replace(reading, image_size=None, grey=False, fit="crop", binarise=None, whole=False)
    scale = named.range
    if own not in (AS_THEY_ARE, Reading(range=(scale.low, scale.high))):
        raise DatasetError(
            f"{named.title} is read as it is published: range, label, class level "
            "and first page are for your own images."
        )
    height, width, channels = named.image_shape
    is_greyed = reading.grey and channels > 1
    form = Form(
        (*(reading.image_size or (height, width)), 1 if reading.grey else channels),
        scale,
        reading.fit,
    )

    _note_resizing((height, width), form.shape, report)

    def find(path: Path) -> Layout:
        layout = find_images(path, AS_THEY_ARE, report)
        return layout.with_classes(named.classes, path)

    layout = find_named(name, find, data_dir=data_dir, download=download)
    if TEST not in layout.parts:
        raise DatasetError(f"{named.title} was found without its test images ({layout.origin}).")
    for part in layout.parts.values():
        shape = part.source.image_shape if isinstance(part.source, Images) else named.image_shape
        if shape != named.image_shape:
            raise DatasetError(
                f"{named.title} has images of shape {named.image_shape}, "
                f"but those found have {shape} ({layout.origin})."
            )
    train, test = _choose_parts(layout, report)
    return Dataset(
        name=f"{name}-grey" if is_greyed else name,
        title=f"{named.title} (grey)" if is_greyed else named.title,
        classes=named.classes,
        licence=named.licence,
        origin=layout.origin,
        image_shape=form.shape,
        may_be_kept=named.may_be_kept,
        read_train=partial(_read, train, None, form, report, most),
        read_test=partial(_read, test or train, None, form, report, most),
        known_background=named.background,
        range=form.range,
        reading=reading,
        report=report,
        stored_size=(height, width),
    )


def _read(
    part: Part, indices: np.ndarray | None, form: Form, report: Report, most: int | None
) -> Split:
    if most is not None:
        indices = np.arange(len(part)) if indices is None else indices
        indices = indices[evenly_spaced(len(indices), most)]
    try:
        return read_part(part, indices, form, report)
    except OSError as error:
        raise _explain(error) from error


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "images"
    reserved = {name.replace("_", "-") for name in NAMED}
    return f"own-{slug}" if slug.removesuffix(BINARY).removesuffix("-grey") in reserved else slug


def _explain(error: OSError) -> DatasetError:
    reason = error.strerror or error
    return DatasetError(f"{error.filename or 'The data'} could not be read: {reason}.")
