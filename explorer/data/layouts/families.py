"""Choose the family of files that holds the images: pictures, arrays, IDX files or tables."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from explorer.core.subsets import evenly_spaced
from explorer.data.files.containers import DATA_SUFFIXES, read_arrays, read_npy
from explorer.data.files.idx import is_idx
from explorer.data.files.kinds import is_archive, suffix_of
from explorer.data.files.names import Names
from explorer.data.files.stored import Stored
from explorer.data.files.tree import Tree
from explorer.data.layouts.array_names import key_of
from explorer.data.layouts.csv_rows import TEXT, size_of_csv
from explorer.data.layouts.named_arrays import count_in_arrays
from explorer.data.layouts.parquet_rows import count_in_parquet
from explorer.data.layouts.parts import join_parts
from explorer.data.layouts.table_files import is_array_of_labels
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.report import Report
from explorer.data.sources.arrays import arrange_images
from explorer.data.sources.pictures import STACK_SUFFIXES
from explorer.errors import DatasetError

PICTURES, ARRAYS, IDX, PARQUET, CSV = "pictures", "arrays", "idx", "parquet", "csv"
_FAMILY_OF_SUFFIX = {
    **dict.fromkeys(DATA_SUFFIXES, ARRAYS),
    **dict.fromkeys(FORMAT_OF_SUFFIX, PICTURES),
    ".parquet": PARQUET,
    ".csv": CSV,
    ".tsv": CSV,
}
FEW = 10
"""Fewer pictures than this may be mere illustrations of a data file beside them."""
_SAMPLE = 20  # files that are examined to judge all


def sort_files(tree: Tree) -> dict[str, Names]:
    """Return the names of the files of each family, in order."""
    families: defaultdict[str, Names] = defaultdict(Names)
    for name in tree.names():
        if (family := _family_of(name)) is not None:
            families[family].append(name)
    if not families:
        texts = Names(name for name in tree.names() if name.lower().endswith(TEXT))
        if len(texts) == 1:
            families[CSV] = texts
    return families


def _family_of(name: str) -> str | None:
    family = _FAMILY_OF_SUFFIX.get(suffix_of(name))
    if family == PICTURES:  # most files are
        return family
    return IDX if is_idx(name) else family


def are_in_archives(tree: Tree, families: Mapping[str, Sequence[str]]) -> bool:
    """Whether the images can only be in archives, with only tables or one picture beside them."""
    if IDX in families or len(families.get(PICTURES, ())) > 1:
        return False
    return any(map(is_archive, tree.names())) and not any(
        _count(tree, family, names, False, Report())[0]
        for family, names in families.items()
        if family != PICTURES
    )


def choose_family(tree: Tree, families: Mapping[str, Sequence[str]], report: Report) -> str | None:
    """Choose the family that holds the images: IDX files if any, else the one with most images.

    A single picture is not a set: beside a data file it shows what is in that file. If there are as
    many pictures as images in data files, the pictures are read.

    Args:
        families: the names of the files of each family.
    """
    if IDX in families:
        return IDX
    by_files = sorted(  # CSV last, as beside other data files it rarely holds the images
        (family for family in (PARQUET, ARRAYS, CSV) if family in families),
        key=lambda family: (family == CSV, -len(families[family])),
    )
    pictures = len(families.get(PICTURES, ()))
    is_stack = pictures == 1 and suffix_of(families[PICTURES][0]) in STACK_SUFFIXES
    if not pictures or (pictures == 1 and by_files and not is_stack):
        return next(iter(by_files), None)
    by_files = [family for family in by_files if not _tell_of_each(families[family], pictures)]
    found = [
        (*_count(tree, family, families[family], pictures < FEW, report), family)
        for family in by_files
    ]
    images, file, most = max(found, key=lambda one: one[0], default=(0, "", PICTURES))
    if not images:
        return PICTURES
    others = len(families[most]) > 1
    ways = f"{images:,} images in {file}{' and others' * others}", f"{pictures:,} pictures"
    is_data = images > pictures
    chosen, other = ways if is_data else ways[::-1]
    if pictures > 1:
        report.note(
            f"the {chosen} are read, not the {other}; to read those, give a path to them alone"
        )
    return most if is_data else PICTURES


def _tell_of_each(names: Sequence[str], pictures: int) -> bool:
    """Whether there are so many MATLAB files that each probably describes one picture."""
    are_many = len(names) > 2 and 2 * pictures >= len(names)
    return are_many and all(suffix_of(name) == ".mat" for name in names)


def are_single_pictures(tree: Tree, files: Sequence[str]) -> bool:
    """Whether each of several NumPy files holds one picture, judged by a sample."""
    if any(suffix_of(name) != ".npy" for name in files):
        return False
    files = [name for name in files if not is_array_of_labels(name)]
    if len(files) < 2:
        return False
    for index in evenly_spaced(len(files), _SAMPLE):
        shape = read_npy(tree, files[index])[""].shape
        has_channels = len(shape) == 3 and (shape[2] in (1, 3, 4) or shape[0] in (1, 3, 4))
        is_flat = len(shape) == 2 and shape[0] != shape[1] and arrange_images(shape) is not None
        if not has_channels and (len(shape) != 2 or is_flat):
            return False
    return True


def refuse_deep_colours(tree: Tree, files: Sequence[str]) -> None:
    """Raise DatasetError if NumPy files of one picture each have colours that are not uint8."""
    for index in evenly_spaced(len(files), _SAMPLE):
        array = read_npy(tree, files[index])[""]
        if array.dtype != np.uint8 and len(array.shape) == 3 and 1 not in array.shape:
            raise DatasetError(
                f"{tree.where(files[index])} is one picture in colours of {array.dtype}, which are "
                "read as uint8 alone; save all pictures as one array instead, with "
                "numpy.save('images.npy', numpy.stack(pictures))."
            )


def read_containers(tree: Tree, files: Sequence[str], report: Report) -> dict[str, Stored]:
    """Return the arrays of all files by file name and array name, as far as these are needed."""
    found = {}
    for name, of_file in read_arrays(tree, files).items():
        stem = name[: -len(suffix_of(name))]
        found[name if stem in found else stem] = of_file
    arrays: dict[str, Stored] = {}
    whole = join_parts(found, report)
    for stem, each in whole.items():
        for key, array in each.items():
            if len(whole) == 1:
                arrays[key or stem or "images"] = array
            else:
                says_more = len(each) > 1 or key_of(key).is_labels
                arrays["/".join(filter(None, (stem, key * says_more))) or key] = array
    return arrays


def _count(
    tree: Tree, family: str, names: Sequence[str], are_few: bool, report: Report
) -> tuple[int, str]:
    """Estimate the number of images in a family's files from a sample, and name a file with some.

    A damaged file counts as empty, which is reported; beside few pictures it is an error.
    """
    counts: Counter[int] = Counter()  # by number of pixels in CSV, as these may be several sets
    holding: dict[int, str] = {}
    sample = [names[index] for index in evenly_spaced(len(names), _SAMPLE)]
    with contextlib.suppress(DatasetError):  # raised again below
        if family == ARRAYS and are_single_pictures(tree, names):
            return len(names), names[0]
    for name in sample:
        pixels = 0
        try:
            if family == CSV:
                count, pixels = size_of_csv(tree, name)
            elif family == PARQUET:
                count = count_in_parquet(tree, name)
            else:
                count = count_in_arrays(read_containers(tree, [name], report))
        except DatasetError as error:
            if family == ARRAYS and suffix_of(name) != ".mat":  # which may be a table instead
                if are_few:
                    raise
                report.note(str(error).removesuffix("."))
        else:
            counts[pixels] += count
            holding.setdefault(pixels, name)
    if not counts:
        return 0, names[0]
    ((pixels, held),) = counts.most_common(1)
    return held * len(names) // len(sample), holding[pixels]
