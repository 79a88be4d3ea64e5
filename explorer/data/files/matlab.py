"""MATLAB files: arrays and words by their names, as they lie in structs, with the images first.

MATLAB lays arrays out the other way round than NumPy: images count along the last axis as often as
along the first, and flat ones hold column after column. Version 7.3 is HDF5.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import IO, Any

import numpy as np

from explorer.core.subsets import evenly_spaced
from explorer.data.files.libraries import need
from explorer.data.files.stored import Stored, stored_array
from explorer.data.files.tree import Tree
from explorer.data.roles import LABEL_WORDS, words_of
from explorer.errors import DatasetError

KIND = "MATLAB file"
_FREY = (28, 20)
"""Height and width of Frey's face, the only flat images of another shape than squares."""
_SMALLEST_FLAT = 64  # numbers of a flat image: fewer are a table
_SAMPLE = 1_000  # images by which their layout is judged
_LEANING = 1.03
"""How many times less upright pictures differ from their mirror image than from that upside down:
1.09 on MNIST, 1.37 on Fashion-MNIST and CIFAR-10."""


def read_mat(tree: Tree, name: str) -> dict[str, Stored]:
    """Read the arrays of a MATLAB file; those in structs by the names of struct and field.

    Labels of classes whose names lie beside them count from 0, also where the file counts from 1.

    Raises:
        DatasetError: it is none, or damaged.
    """
    content = _named_arrays(load_mat(tree, name))
    counts = {max(array.shape) for array in content.values() if _is_list(array)}
    tables = {key: array.shape for key, array in content.items() if array.ndim == 2}
    counts |= {max(shape) for key, shape in tables.items() if _is_labels(key)}
    sizes = Counter(size for shape in tables.values() for size in {*shape})
    lengths = {size for size, times in sizes.items() if times > 1}
    arrays = {key: _images_first(key, array, counts, lengths) for key, array in content.items()}
    pictures, notes = _as_pictures(arrays)
    arrays = _with_class_names(_joined_classes(arrays | pictures))
    return {
        key: replace(stored_array(key, array, KIND), note=notes.get(array.shape[1:], ""))
        for key, array in arrays.items()
    }


def records_in_mat(tree: Tree, name: str) -> list[dict[str, Any]]:
    """The longest list of records in a MATLAB file, a number or word for each field; or none.

    Raises:
        DatasetError: it is none, or damaged.
    """
    lists = [value for value in load_mat(tree, name).values() if isinstance(value, list)]
    return [
        {
            field: value.reshape(-1)[0].item()
            for field, value in record.items()
            if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind != "O"
        }
        for record in max(lists, key=len, default=[])
    ]


def load_mat(tree: Tree, name: str) -> dict[str, Any]:
    """Load what a MATLAB file holds: arrays, structs as dicts, and lists of records as lists.

    Raises:
        DatasetError: it is none, or damaged.
    """
    scipy = need("scipy.io", "MATLAB files")
    with tree.local(name) as file:
        try:
            return {
                key: _plain(value)
                for key, value in scipy.loadmat(file).items()
                if not key.startswith("__")
            }
        except NotImplementedError:  # version 7.3
            return _load_hdf5(tree, name, file)
        except DatasetError:
            raise
        except Exception as error:  # damaged ones make SciPy raise nearly anything
            raise _is_damaged(tree, name, error) from error


def _load_hdf5(tree: Tree, name: str, file: IO[bytes]) -> dict[str, Any]:
    h5py = need("h5py", "MATLAB files of version 7.3")

    def value_of(item: Any) -> Any:
        if isinstance(item, h5py.Group):
            return {key: value_of(item[key]) for key in item}
        kind = item.attrs.get("MATLAB_class", b"")
        values = item[()].T
        if kind == b"char":
            return np.array("".join(map(chr, values.T.reshape(-1))))
        if kind == b"cell" or values.dtype == h5py.ref_dtype:
            return _words(np.array([value_of(item.file[one]) for one in values.T.reshape(-1)], "O"))
        return values

    try:
        with h5py.File(file, "r") as content:
            return {key: value_of(content[key]) for key in content if not key.startswith("#")}
    except Exception as error:  # HDF5 files can hold nearly anything
        raise _is_damaged(tree, name, error) from error


def _is_damaged(tree: Tree, name: str, error: Exception) -> DatasetError:
    return DatasetError(
        f"{tree.where(name)} is not a MATLAB file, or is damaged ({' '.join(str(error).split())}); "
        "copy or download it again."
    )


def _plain(value: Any) -> Any:
    """A struct as a dict, several as a list, cells of words as an array; others as they are."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names:
        records = [
            {field: _plain(record[field]) for field in value.dtype.names}
            for record in value.reshape(-1)
        ]
        return records[0] if len(records) == 1 else records
    return _words(value) if value.dtype.kind == "O" else value


def _words(cells: np.ndarray) -> np.ndarray:
    """Cells of a word each as an array of strings; others as they are."""
    values = [np.asarray(cell).reshape(-1) for cell in cells.reshape(-1)]
    if values and all(value.dtype.kind == "U" and value.size <= 1 for value in values):
        return np.array([str(value[0]) if value.size else "" for value in values])
    return cells


def _named_arrays(content: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of numbers and words, those in structs behind the struct's name and a space."""
    found: dict[str, np.ndarray] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found |= _named_arrays(value, f"{prefix}{key} ")
        elif isinstance(value, np.ndarray) and value.dtype.kind in "biufU" and value.size > 1:
            found[prefix + key] = value
    return found


def _is_list(array: np.ndarray) -> bool:
    return bool(array.size == max(array.shape))


def _is_labels(key: str) -> bool:
    return not LABEL_WORDS.isdisjoint(words_of(key))


def _images_first(key: str, array: np.ndarray, counts: set[int], lengths: set[int]) -> np.ndarray:
    """The array with its images along the first axis."""
    if _is_list(array):
        return array.reshape(-1)
    if key.split()[-1] == "mapping" and array.ndim == 2 and array.shape[1] in (2, 3):  # EMNIST
        return np.array([chr(int(code) % sys.maxunicode) for code in array[:, 1]])
    if array.ndim > 4 and array.shape[2] in (1, 3):  # by one factor and another, as in Cars3D
        array = array.reshape(*array.shape[:3], -1)
    return array if _counts_first(array, counts, lengths) else np.moveaxis(array, -1, 0)


def _counts_first(array: np.ndarray, counts: set[int], lengths: set[int]) -> bool:
    """Whether images count along the first axis and not along the last.

    They are as many as labels, and flat ones as long as those of another split. Else the shape
    tells, or which of two axes is the smoother, as neighbouring pixels are alike.
    """
    shape = array.shape
    first, last = shape[0] in counts, shape[-1] in counts
    if first != last:
        return first
    if len(shape) == 4:
        return bool(shape[2] > 4 or shape[3] <= 4)
    if len(shape) == 3:
        is_square = shape[0] == shape[1], shape[1] == shape[2]
        return bool(is_square[1] if is_square[0] != is_square[1] else shape[0] > shape[2])
    for is_flat in ([size in lengths for size in shape], [*map(_shape_of_flat, shape)]):
        if bool(is_flat[0]) != bool(is_flat[1]):
            return bool(is_flat[1])
    part = array[:_SAMPLE, :_SAMPLE].astype(np.float32)
    return bool(np.abs(np.diff(part, axis=1)).mean() <= np.abs(np.diff(part, axis=0)).mean())


def _shape_of_flat(length: int) -> tuple[int, ...] | None:
    """Height and width, and a 3 before them for colours, of flat images; None if they are none."""
    side, coloured = math.isqrt(length), math.isqrt(length // 3)
    if length == math.prod(_FREY):
        return _FREY
    if side**2 == length:
        return side, side
    return (3, coloured, coloured) if 3 * coloured**2 == length else None


def _as_pictures(
    arrays: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[tuple[int, ...], str]]:
    """Flat images as pictures, and what is to be told of those of each shape.

    They lie column by column, or row by row if they then stand upright.
    """
    flat: defaultdict[tuple[int, ...], dict[str, np.ndarray]] = defaultdict(dict)
    for key, array in arrays.items():
        is_table = array.ndim != 2 or array.shape[1] < _SMALLEST_FLAT or _is_labels(key)
        if not is_table and (shape := _shape_of_flat(array.shape[1])) is not None:
            flat[shape][key] = array.reshape(-1, *shape)
    found, notes = {}, {}
    for shape, of_shape in flat.items():
        is_by_rows = shape == _FREY or _stand_upright([*of_shape.values()])
        for key, pictures in of_shape.items():
            found[key] = pictures if is_by_rows else pictures.swapaxes(-1, -2)
        lines = "row" if is_by_rows else "column"
        notes[found[key].shape[1:]] = (
            f"flat images are read {lines} by {lines}: if they lie on their side, save them as an "
            "NPZ file"
        )
    return found, notes


def _stand_upright(arrays: Sequence[np.ndarray]) -> bool:
    """Whether left and right are more alike than above and below, as in pictures of most things."""
    across = down = 0.0
    for pictures in arrays:
        sample = pictures[evenly_spaced(len(pictures), _SAMPLE)].astype(np.float32)
        across += float(np.abs(sample - np.flip(sample, -1)).sum())
        down += float(np.abs(sample - np.flip(sample, -2)).sum())
    return down > _LEANING * across


def _joined_classes(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """``train0``, ``train1``, … as images and labels, where there is nothing else."""
    found = [(re.fullmatch(r"(\D+)(\d+)", key), array) for key, array in arrays.items()]
    numbered = [(match[1], int(match[2]), array) for match, array in found if match]
    if len(numbered) < max(len(arrays), 2) or any(array.ndim == 1 for array in arrays.values()):
        return arrays
    joined = {}
    for prefix in dict.fromkeys(prefix for prefix, _, _ in numbered):
        own = [(number, array) for other, number, array in numbered if other == prefix]
        if len({array.shape[1:] for _, array in own}) > 1:
            return arrays
        joined[f"{prefix} images"] = np.concatenate([array for _, array in own])
        joined[f"{prefix} labels"] = np.repeat([n for n, _ in own], [len(a) for _, a in own])
    return joined


def _with_class_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Words that name the labels called so, which then count from 0; SVHN's 10 is the digit 0."""
    labels = {
        key: array
        for key, array in arrays.items()
        if _is_labels(key) and array.ndim == 1 and array.dtype.kind in "iuf"
    }
    if not labels:
        return arrays
    low, high = (int(find([find(a) for a in labels.values()])) for find in (min, max))
    count = {1: high, 0: high + 1}.get(low)
    words = [key for key, array in arrays.items() if array.dtype.kind == "U"]
    named = next((key for key in words if len(arrays[key]) == count), None)
    if named is not None:
        arrays = {**arrays, **{key: array - low for key, array in labels.items()}}
        arrays["class names"] = arrays.pop(named)
    elif low > 0 and high == 10 and arrays.get("X", np.empty(0)).ndim == 4:
        arrays = {**arrays, **{key: array % 10 for key, array in labels.items()}}
    return arrays
