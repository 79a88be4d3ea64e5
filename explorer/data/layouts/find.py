"""Find the images, splits and labels at a path, and the family of files that holds them.

The way through this package, from a path to a ``Layout``:

    find              opens the folder or archive, and asks ``families`` which files hold images
    families          pictures, arrays, IDX files, CSV or Parquet; ``one_set`` picks among several
    folders           pictures, without ``copies`` and ``masks``: splits from ``folder_splits``,
                      classes from ``class_folders``, both from ``file_names``; ``table_files``,
                      ``lists`` and ``json_tables`` read what lies beside them, ``tables``,
                      ``row_names`` and ``folder_rows`` match its rows to the pictures
    named_arrays      arrays and IDX files, in ``parts`` or whole, with ``beside_arrays``, as
                      ``array_names`` reads their names
    csv_rows, parquet_rows    tables whose rows are images
    splits            a column that says the split
    classify          the labels of all splits become classes, as ``labels`` reads them
    class_names       lists of names, which replace the numbers of classes

Throughout, ``tree`` lists and opens all files, ``reading`` has the user's options, and ``report``
collects guesses and what is left out.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from pathlib import Path

from explorer.data.files.containers import DATA_SUFFIXES
from explorer.data.files.idx import read_idx
from explorer.data.files.inside import see_archives
from explorer.data.files.kinds import (
    HEAD,
    conversion_of,
    is_archive,
    kind_of_bytes,
    kind_of_file,
    suffix_of,
    what_stands_in,
)
from explorer.data.files.names import Names
from explorer.data.files.opening import open_tree
from explorer.data.files.published import find_published
from explorer.data.files.stored import Stored
from explorer.data.files.tree import UNREADABLE, Tree, without_endings
from explorer.data.layouts.beside_arrays import read_labels_beside
from explorer.data.layouts.class_names import ClassNames, name_classes, read_class_names
from explorer.data.layouts.copies import without_copied_files
from explorer.data.layouts.csv_rows import TEXT, find_in_csv
from explorer.data.layouts.families import (
    ARRAYS,
    CSV,
    FEW,
    IDX,
    PARQUET,
    PICTURES,
    are_in_archives,
    are_single_pictures,
    choose_family,
    read_containers,
    refuse_deep_colours,
    sort_files,
)
from explorer.data.layouts.folders import find_in_folders
from explorer.data.layouts.named_arrays import find_in_arrays
from explorer.data.layouts.parquet_rows import find_in_parquet
from explorer.data.layouts.table_files import is_array_of_labels
from explorer.data.pixels import FORMAT_OF_SUFFIX, open_image
from explorer.data.reading import Reading
from explorer.data.report import Report
from explorer.data.roles import read_name
from explorer.data.sources.source import Layout
from explorer.errors import DatasetError

_LOOKED_INTO = 20  # files, to say why they cannot be read


def find_images(path: Path, reading: Reading, report: Report) -> Layout:
    """Find the images in a folder, an archive or a data file, without reading them.

    Args:
        path: an existing folder or file.
        reading: the user's options.

    Raises:
        DatasetError: no images can be read; the message says what was found instead.
    """
    known = conversion_of(path.name) if path.is_file() else None
    if known and path.suffix.lower() not in DATA_SUFFIXES:
        raise DatasetError(_how_to_convert(path, *known))
    tree = open_tree(path, report)
    published, families = find_published(tree, report), sort_files(tree)
    if not published and are_in_archives(tree, families):
        tree = see_archives(tree, report)
        published, families = find_published(tree, report), sort_files(tree)
    if published:
        arrays, names = published
        return find_in_arrays(tree, arrays, reading, report, names or None)
    family = choose_family(tree, families, report)
    if family is None:
        raise DatasetError(_why_nothing(tree))
    if reading.pick and family == PICTURES:
        raise DatasetError(f"{path} holds no set called {reading.pick}.")
    _tell_archives(tree, {*families[family]}, len(families.get(PICTURES, ())), report)
    name_their_own = family == ARRAYS and {*map(suffix_of, families[family])} == {".mat"}
    lists = read_class_names(tree, reading.pick, in_matlab=not name_their_own)
    try:
        layout = _find_in_family(tree, family, families[family], lists, reading, report)
    except DatasetError as error:
        what = _kind_of_first(tree, families[family], what_stands_in)
        if what or (family == CSV and (what := _what_to_convert(tree))):
            raise DatasetError(what) from error
        raise
    return name_classes(layout, lists, report)


def _tell_archives(tree: Tree, read: Collection[str], pictures: int, report: Report) -> None:
    """Report archives beside the images that are not read but may belong to the set."""
    archives = [n for n in tree.names() if is_archive(n, readable=False) and n not in read]
    there = {*tree.names()} if archives else set()
    for name in archives:
        is_split = read_name(without_endings(name).rpartition("/")[2]).role is not None
        is_same = name.rpartition(".")[0] in there
        if (is_split or 0 < pictures < FEW) and not is_same:
            report.note(
                f"{name} is not read, as images lie beside it: unpack it if its images belong to "
                "the set"
            )


def _find_in_family(
    tree: Tree,
    family: str,
    files: Sequence[str],
    lists: ClassNames,
    reading: Reading,
    report: Report,
) -> Layout:
    if family == ARRAYS and are_single_pictures(tree, files):
        files = Names(name for name in files if not is_array_of_labels(name))
        refuse_deep_colours(tree, files)
        family = PICTURES
    if family != PICTURES and reading.class_level > 1:
        raise DatasetError(
            f"{tree.path} holds no folders of pictures, whose levels --class-level "
            f"{reading.class_level} could name classes by; leave it out."
        )
    if family == PICTURES:
        return find_in_folders(tree, files, reading, report, lists)
    read = {*files, *lists}
    others = Names(name for name in tree.names() if name not in read)
    arrays: dict[str, Stored] = {}
    if family == IDX:
        arrays = read_idx(tree, without_copied_files(tree, files, report), report)
    elif family == ARRAYS:
        arrays = read_containers(tree, files, report)
        beside = read_labels_beside(tree, others, arrays, report)
        arrays |= dict(beside.values())
        others = Names(name for name in others if name not in beside)
    for name in others:
        kind = "images" if suffix_of(name) in FORMAT_OF_SUFFIX else kind_of_file(name)
        report.leave_out(kind, name)
    if family in (IDX, ARRAYS):
        return find_in_arrays(tree, arrays, reading, report)
    find = find_in_parquet if family == PARQUET else find_in_csv
    return find(tree, files, reading, report)


def _how_to_convert(path: Path, kind: str, conversion: str) -> str:
    return f"{path} holds {kind}, which cannot be read here; {conversion}."


def _what_to_convert(tree: Tree) -> str | None:
    """Return a sentence on the first file that another program could convert, if there is one."""
    hidden = [child.name for child in tree.path.iterdir()] if tree.path.is_dir() else []
    known = (conversion_of(name) for name in (*hidden, *tree.names()))
    return next((_how_to_convert(tree.path, *found) for found in known if found), None)


def _kind_of_first(
    tree: Tree, files: Sequence[str], kind_of: Callable[[bytes], tuple[str, str] | None]
) -> str | None:
    """Return a sentence on the first file whose kind is known by its first bytes, if any is."""
    for name in islice(files, _LOOKED_INTO):
        with contextlib.suppress(*UNREADABLE), tree.open(name) as file:
            if known := kind_of(file.read(HEAD)):
                return f"{tree.where(name)} is {known[0]}; {known[1]}."
    return None


def _why_nothing(tree: Tree) -> str:
    """Return a sentence that says what was found instead of images, and what to do."""
    names, path = list(tree.names()), tree.path
    if what := _what_to_convert(tree):
        return what
    if names == [path.name] and path.is_file() and is_archive(path.name):
        return f"{path} is truncated, damaged or no archive; unpack it, or download it again."
    if archives := [name for name in names if is_archive(name)]:
        return f"{path} holds no images but archives ({archives[0]}); unpack them."
    if names == [path.name] and path.is_file():
        with path.open("rb") as file:
            known = kind_of_bytes(file.read(HEAD))
        return (
            f"{path} is {known[0] if known else 'a file of an unknown kind'}, which cannot be read "
            "here as a set of images; give a folder or a zip with one folder of images for each "
            "class, or an NPZ, NPY, HDF5, CSV or Parquet file."
        )
    with contextlib.suppress(OSError, ValueError, StopIteration):
        first = next(iter(names))
        with tree.open(first) as stream, open_image(stream) as image:
            return (
                f"{path} holds pictures whose names have no suffix of a picture; {first} is a "
                f"{image.format} file: rename all, this one to {first}.{str(image.format).lower()}."
            )
    if what := _kind_of_first(tree, names, kind_of_bytes):
        return what
    kinds = Counter(kind_of_file(name) for name in names)
    there = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    only = f"none, only {there}" if there else "none"
    if any(name.lower().endswith(TEXT) for name in names):
        only += "; numbers in text are read from one file alone, with a row for each image"
    return (
        f"{path} must hold at least two images (JPEG, PNG, …), with one folder for each "
        f"class, but holds {only}."
    )
