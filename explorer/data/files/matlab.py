"""Read MATLAB files: arrays and words by name, also in structs, with images along the first axis.

MATLAB stores arrays in column-major order: images are along the last axis as often as along the
first, and flat images hold one column after another. Version 7.3 files are HDF5.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from explorer.core.pixels import square_of
from explorer.core.subsets import evenly_spaced
from explorer.data.files.libraries import need
from explorer.data.files.stored import Stored, stored_array
from explorer.data.files.tree import Tree
from explorer.data.roles import read_name, says_labels
from explorer.errors import DatasetError, one_line

KIND = "MATLAB file"
_FREY = (28, 20)
"""Height and width of the Frey faces, the only flat images known that are not square."""
_SMALLEST_FLAT = 64  # fewest values of a flat image
_MOST_CLASSES = 62  # largest length of an axis of classes, as in USPS
_MOST_WORDS = 20_000  # references that are followed; version 7.3 stores each word behind one
_RECORDS_PER_BYTE = 129  # at most, as zlib packs 1,032 bytes into one and a record has 8
_SVHN = re.compile(r"(train|test|extra)_32x32\.mat$")
_SAMPLE = 1_000  # images from which the layout is inferred
_CLEARLY = 1.15
"""How many times rougher one axis must be than the other to be the axis of the images."""
_LEANING = 1.03
"""Least ratio, for upright pictures, of the difference from the upside-down picture to that from
the mirror image: it is 1.09 on MNIST, 1.37 on Fashion-MNIST and CIFAR-10."""


@dataclass
class _Array:
    """An array, the file that it is from, its name, and what was guessed about its images."""

    file: str
    name: str
    values: np.ndarray
    note: str = ""


def read_mats(tree: Tree, names: Sequence[str]) -> dict[str, dict[str, Stored]]:
    """Read the arrays of a set's MATLAB files; those in structs are named after struct and field.

    The layout of flat images, and whether labels count from 1, is decided for all files together.

    Raises:
        DatasetError: a file is not a MATLAB file, is damaged, or holds cells or records that are
            not images of one size.
    """
    files = {name: _images_first(name, _named_arrays(tree, name)) for name in names}
    _make_pictures([array for arrays in files.values() for array in arrays])
    files = {name: _joined_classes(arrays) for name, arrays in files.items()}
    _count_from_0([array for arrays in files.values() for array in arrays])
    return {
        name: {one.name: stored_array(one.name, one.values, KIND, one.note) for one in arrays}
        for name, arrays in files.items()
    }


def columns_in_mat(tree: Tree, name: str) -> dict[str, list[Any]]:
    """Return the longest table in a MATLAB file: records of scalars, or lists of equal length.

    Raises:
        DatasetError: it is not a MATLAB file, or is damaged.
    """
    content = load_mat(tree, name)
    tables = [_columns_of(value) for value in (content, *content.values())]
    return max(tables, key=lambda table: len(next(iter(table.values()), ())))


def _columns_of(value: Any) -> dict[str, list[Any]]:
    if isinstance(value, list):
        fields = dict.fromkeys(field for record in value for field in record)
        cells = {field: [_cell(record.get(field)) for record in value] for field in fields}
        return {field: column for field, column in cells.items() if None not in column}
    if not isinstance(value, dict):
        return {}
    lists = {
        key: array.reshape(-1).tolist()
        for key, array in value.items()
        if isinstance(array, np.ndarray) and array.size > 1 and array.dtype.kind in "biufU"
        if _is_list(array)
    }
    if len(lists) == 1 and all(map(says_labels, lists)):  # in the order of the images
        return {"label": next(iter(lists.values()))}
    is_table = len(lists) > 1 and len({*map(len, lists.values())}) == 1
    return lists if is_table else {}


def _cell(value: Any) -> Any:
    """Return a single number or word; None for anything else."""
    is_one = isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "biufU"
    return value.reshape(-1)[0].item() if is_one else None


def load_mat(tree: Tree, name: str) -> dict[str, Any]:
    """Load the contents of a MATLAB file: arrays, structs as dicts, struct arrays as lists.

    Raises:
        DatasetError: it is not a MATLAB file, or is damaged.
    """
    scipy = need("scipy.io", "MATLAB files")
    with tree.local(name) as file:
        try:
            most = _RECORDS_PER_BYTE * file.seek(0, os.SEEK_END)
            for _, shape, kind in scipy.whosmat(file):
                if kind in ("cell", "struct", "object") and math.prod(shape) > most:
                    raise ValueError("more records than the file can hold")  # would take hours
            return {
                key: _plain(value)
                for key, value in scipy.loadmat(file).items()
                if not key.startswith("__")
            }
        except NotImplementedError:  # version 7.3
            return _load_hdf5(tree, name, file)
        except Exception as error:  # SciPy raises nearly anything for damaged files
            raise _is_damaged(tree, name, error) from error


def _load_hdf5(tree: Tree, name: str, file: IO[bytes]) -> dict[str, Any]:
    h5py = need("h5py", "MATLAB files of version 7.3")

    def value_of(item: Any) -> Any:
        if isinstance(item, h5py.Group):
            return {key: value_of(item[key]) for key in item}
        kind, values = item.attrs.get("MATLAB_class", b""), item[()]
        if kind == b"char":
            rows = ["".join(map(chr, row)).rstrip() for row in np.atleast_2d(values).T]
            return np.array(rows[0] if len(rows) == 1 else rows)
        if values.dtype != h5py.ref_dtype:
            return values.T
        places = values.reshape(-1)
        first = value_of(item.file[places[0]]) if len(places) else None
        if not isinstance(first, np.ndarray) or len(places) > _MOST_WORDS:
            return places
        cells = np.empty(len(places), object)
        cells[:] = [value_of(item.file[place]) for place in places]
        return _joined(cells)

    try:
        with h5py.File(file, "r") as content:
            return {key: value_of(content[key]) for key in content if not key.startswith("#")}
    except Exception as error:  # HDF5 files can hold nearly anything
        raise _is_damaged(tree, name, error) from error


def _is_damaged(tree: Tree, name: str, error: Exception) -> DatasetError:
    """Turn an error of SciPy or h5py into a DatasetError."""
    return DatasetError(
        f"{tree.where(name)} is not a MATLAB file, or is damaged ({one_line(error)}); "
        "copy or download it again, or save it with -v7 in Octave."
    )


def _plain(value: Any) -> Any:
    """Return a struct as a dict, several as a list, and cells as an array if possible."""
    if hasattr(value, "toarray"):  # sparse
        return value.toarray()
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names:
        records = [
            {field: _plain(record[field]) for field in value.dtype.names}
            for record in value.reshape(-1)
        ]
        return records[0] if len(records) == 1 else records
    if value.dtype.kind == "U":
        return np.char.rstrip(value)
    return _joined(value.reshape(-1)) if value.dtype.kind == "O" else value


def _joined(cells: np.ndarray) -> np.ndarray:
    """Join cells of one word or number each, or of images of one shape; else return the cells."""
    values = [np.asarray(cell) for cell in cells]
    kinds = {value.dtype.kind for value in values}
    if kinds == {"U"} and all(value.size <= 1 for value in values):
        return np.array([str(value.reshape(-1)[0]) if value.size else "" for value in values])
    if kinds <= {*"biuf"} and all(value.size == 1 for value in values):
        return np.array([value.reshape(-1)[0] for value in values])
    if kinds <= {*"biuf"} and len({value.shape for value in values}) == 1 and values[0].ndim > 1:
        return np.stack(values)
    return cells


def _named_arrays(tree: Tree, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of numbers and words; in structs, names are ``"struct field"``."""

    def below(content: Mapping[str, Any], prefix: str) -> None:
        for key, value in content.items():
            if isinstance(value, dict):
                below(value, f"{prefix}{key} ")
            elif isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
                if value.size > 1:
                    found[prefix + key] = value
            elif isinstance(value, (list, np.ndarray)):
                others.append(prefix + key)

    found: dict[str, np.ndarray] = {}
    others: list[str] = []
    below(load_mat(tree, name), "")
    if others and not any(array.ndim > 1 and min(array.shape) > 1 for array in found.values()):
        raise DatasetError(
            f"{tree.where(name)} holds cells or records ({', '.join(others[:3])}) that are not all "
            "images of one size; in MATLAB, make one array of them, as in "
            "images = cat(4, cells{:}), and save that."
        )
    return found


def _is_list(array: np.ndarray) -> bool:
    return bool(array.size == max(array.shape))


def _images_first(file: str, arrays: Mapping[str, np.ndarray]) -> list[_Array]:
    """Return a file's arrays with images along the first axis; note where that is a guess."""
    counts = {max(array.shape) for array in arrays.values() if _is_list(array)}
    labels = (array for key, array in arrays.items() if says_labels(key) and array.ndim == 2)
    counts |= {max(array.shape) for array in labels}
    found = []
    for key, array in arrays.items():
        note = ""
        if _is_list(array):
            array = array.reshape(-1)
        elif array.dtype.kind == "U":
            pass  # no images
        elif key.split()[-1] == "mapping" and array.ndim == 2 and array.shape[1] in (2, 3):
            codes = np.nan_to_num(array[:, 1]).astype(np.int64) % sys.maxunicode  # EMNIST
            array = np.array([*map(chr, codes.tolist())])
        elif _is_by_classes(array, counts):
            labels_of_each = np.repeat(np.arange(1, array.shape[2] + 1), array.shape[1])
            found.append(_Array(file, "labels", labels_of_each))
            array = array.transpose(2, 1, 0).reshape(-1, array.shape[0])
        else:
            if array.ndim == 4 and array.shape[3] == 1:  # grey
                array = array[..., 0]
            if array.ndim > 4 and array.shape[2] in (1, 3):  # several factors, as in Cars3D
                array = array.reshape(*array.shape[:3], -1, order="F")
            is_first, is_guess = _counts_first(array, counts)
            array = array if is_first else np.moveaxis(array, -1, 0)
            if is_guess:
                count, *shape = array.shape
                note = f"{key} is taken as {count:,} of {' × '.join(map(str, shape))}"
        found.append(_Array(file, key, array, note))
    return found


def _is_by_classes(array: np.ndarray, counts: set[int]) -> bool:
    """Whether the axes are flat pixels, images of a class, and classes, as in USPS."""
    if array.ndim != 3 or not counts.isdisjoint(array.shape) or array.shape[0] < _SMALLEST_FLAT:
        return False
    is_flat = _shape_of_flat(array.shape[0]) is not None
    return is_flat and array.shape[1] >= 4 * array.shape[0] and array.shape[2] <= _MOST_CLASSES


def _counts_first(array: np.ndarray, counts: set[int]) -> tuple[bool, bool]:
    """Whether images are along the first axis rather than the last, and whether that is a guess.

    There are as many images as labels. Otherwise the shape decides, or else roughness: neighbouring
    pixels are more alike than neighbouring images.
    """
    shape = array.shape
    first, last = shape[0] in counts, shape[-1] in counts
    if first != last:
        return first, False
    if len(shape) == 4:
        return bool(shape[2] > 4 or shape[3] <= 4), False
    if len(shape) == 3:
        is_square = shape[0] == shape[1], shape[1] == shape[2]
        if is_square[0] != is_square[1]:
            return is_square[1], False
        return _roughness(array, 0) > _roughness(array, -1), True
    if len(shape) > 4:
        return True, False
    by_row, by_column = (_shape_of_flat(size) is not None for size in shape[::-1])
    if not by_row and not by_column:
        return True, False
    across, down = _roughness(array, 1), _roughness(array, 0)
    if by_row == by_column or max(across, down) > _CLEARLY * min(across, down):
        return down >= across, False
    return by_row, False


def _roughness(array: np.ndarray, axis: int) -> float:
    """Return the mean absolute difference of neighbours along an axis, in a part of the array."""
    part = array[tuple(slice(_SAMPLE) if array.ndim == 2 else slice(200) for _ in array.shape)]
    differences = np.abs(np.diff(part.astype(np.float32), axis=axis))
    return float(np.nanmean(differences)) if differences.size else 0.0


def _shape_of_flat(length: int) -> tuple[int, ...] | None:
    """Return (height, width) of a flat image, or (3, height, width); None for other lengths."""
    if length == math.prod(_FREY):
        return _FREY
    if (square := square_of(length)) is None:
        return None
    side, channels = square
    return (side, side) if channels == 1 else (channels, side, side)


def _make_pictures(arrays: Sequence[_Array]) -> None:
    """Reshape flat images, column by column, or row by row if they are upright then."""
    flat: defaultdict[tuple[int, ...], list[_Array]] = defaultdict(list)
    for one in arrays:
        shape = one.values.shape
        is_table = len(shape) != 2 or shape[1] < _SMALLEST_FLAT or says_labels(one.name)
        if not is_table and (picture := _shape_of_flat(shape[1])) is not None:
            one.values = one.values.reshape(-1, *picture)
            flat[picture].append(one)
    for picture, of_shape in flat.items():
        is_by_rows = picture == _FREY or _stand_upright([one.values for one in of_shape])
        lines = "row" if is_by_rows else "column"
        for one in of_shape:
            one.values = one.values if is_by_rows else one.values.swapaxes(-1, -2)
            one.note = (
                f"flat images are read {lines} by {lines}: if they lie on their side, save them as "
                "an NPZ file"
            )


def _stand_upright(arrays: Sequence[np.ndarray]) -> bool:
    """Whether pictures are more symmetric left to right than top to bottom, as most objects are."""
    across = down = 0.0
    for pictures in arrays:
        sample = pictures[evenly_spaced(len(pictures), _SAMPLE)].astype(np.float32)
        across += float(np.nansum(np.abs(sample - np.flip(sample, -1))))
        down += float(np.nansum(np.abs(sample - np.flip(sample, -2))))
    return down > _LEANING * across


def _joined_classes(arrays: list[_Array]) -> list[_Array]:
    """Join a file's ``train0``, ``train1``, … into images and labels if it holds nothing else."""
    parts: dict[str, list[tuple[int, np.ndarray]]] = {}
    for one in arrays:
        match = re.fullmatch(r"(\D+)(\d+)", one.name)
        if (
            match is None
            or one.values.ndim < 3
            or one.values.shape[1:] != arrays[0].values.shape[1:]
        ):
            return arrays
        parts.setdefault(match[1], []).append((int(match[2]), one.values))
    if len(arrays) < 2:
        return arrays
    told = arrays[0].note, "the numbers in the arrays' names are taken as the classes"
    file, note, joined = arrays[0].file, "; ".join(filter(None, told)), []
    for prefix, numbered in parts.items():
        images = np.concatenate([values for _, values in numbered])
        labels = np.repeat([n for n, _ in numbered], [len(values) for _, values in numbered])
        joined += [_Array(file, f"{prefix} images", images, note)]
        joined += [_Array(file, f"{prefix} labels", labels)]
    return joined


def _count_from_0(arrays: Sequence[_Array]) -> None:
    """Make labels that have class names count from 0; turn SVHN's label 10 into the digit 0.

    MATLAB counts from 1, so labels without a 0 are indices from 1 into the names.
    """
    labels: defaultdict[tuple[str, ...], list[_Array]] = defaultdict(list)
    for one in arrays:
        values = one.values
        is_list = values.ndim == 1 and values.dtype.kind in "iuf" and np.isfinite(values).all()
        if says_labels(one.name) and is_list and not np.any(np.mod(values, 1)):
            labels[read_name(one.name).rest].append(one)
    words = [one for one in arrays if one.values.dtype.kind == "U"]
    for of_kind in labels.values():
        every = np.concatenate([one.values for one in of_kind])
        low, high = int(every.min()), int(every.max())
        first = 1 if low > 0 else 0
        fitting = (one for one in words if _name_classes(one.values, high + 1 - first, len(every)))
        if low >= 0 and (named := next(fitting, None)) is not None:
            named.name = "class names"
            for one in of_kind:
                one.values = one.values - first
        elif low > 0 and high == 10 and all(_SVHN.search(one.file) for one in of_kind):
            for one in of_kind:
                one.values = one.values % 10


def _name_classes(words: np.ndarray, least: int, images: int) -> bool:
    """Whether words can be class names: distinct, at least ``least``, and fewer than the images."""
    is_list = words.ndim == 1 and least <= len(words) < images
    return is_list and len({*words.tolist()}) == len(words)
