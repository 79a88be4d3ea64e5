"""Read the arrays in data files, by name.

Pickled objects are never loaded. Except for MATLAB files, only blocks of an array are in memory.
"""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import IO, Any

import numpy as np

from explorer.core.subsets import CHUNK
from explorer.data.files.kinds import suffix_of
from explorer.data.files.libraries import need
from explorer.data.files.matlab import read_mats
from explorer.data.files.rows import Column
from explorer.data.files.stored import Stored, rows_at_once, rows_of, stored_array
from explorer.data.files.tree import Tree
from explorer.errors import DatasetError, one_line

_BLOCK = 64  # image files in rows of an HDF5 file that are read at a time
Reader = Callable[[Tree, str], dict[str, Stored]]
"""Returns the arrays of a file in a tree by name; ``""`` if the format holds one array."""


def read_npy(tree: Tree, name: str) -> dict[str, Stored]:
    """Map the array of an NPY file."""
    where = tree.where(name)
    with tree.local(name) as file:
        try:
            shape, is_fortran, dtype = _npy_header(file)
        except ValueError as error:
            raise DatasetError(f"{where} is not a NumPy file: {error}.") from error
        _refuse_objects(dtype, shape, "", where)
        offset, size = file.tell(), math.prod(shape) * dtype.itemsize
        if os.fstat(file.fileno()).st_size < offset + size:
            raise DatasetError(f"{where} is cut short; copy or download it again.")
        array = np.empty(shape, dtype)
        if size:
            array = np.memmap(file, dtype, "r", offset, shape, "F" if is_fortran else "C")
    return {"": stored_array(name, array, "NumPy file")}


def read_npz(tree: Tree, name: str) -> dict[str, Stored]:
    """Read the arrays of an NPZ file; rows are decompressed block by block when read."""
    arrays = {}
    with _opened_npz(tree, name) as archive:
        for member in archive.namelist():
            if member.endswith(".npy"):
                with archive.open(member) as file:
                    shape, _, dtype = _npy_header(file)
                key = member.removesuffix(".npy")
                rows = partial(_npz_rows, tree, name, member)
                arrays[key] = Stored(
                    key, shape, dtype, rows, "NPZ file", is_pickled=dtype.hasobject
                )
    return arrays


def read_hdf5(tree: Tree, name: str) -> dict[str, Stored]:
    """Read the arrays of an HDF5 file; rows are read block by block."""
    h5py = need("h5py", "HDF5 files")
    arrays: dict[str, Stored] = {}

    def visit(path: str | bytes, item: Any) -> None:
        key = path if isinstance(path, str) else path.decode("latin-1")
        if isinstance(item, h5py.Dataset) and item.dtype is not None:
            rows = partial(_hdf5_rows, tree, name, path)
            files = None
            if len(item.shape or ()) == 1 and item.dtype.kind in "OVS":
                starts = [*range(0, len(item), _BLOCK), len(item)]
                read = partial(_hdf5_block, tree, name, path)
                files = Column(starts, read, _bytes_of, tree.stamp(name))
            arrays[key] = Stored(key, item.shape or (), item.dtype, rows, "HDF5 file", files=files)

    with _opened_hdf5(tree, name) as file:
        file.visititems(visit)
    return arrays


def read_amat(tree: Tree, name: str) -> dict[str, Stored]:
    """Read the text format of Larochelle's sets: a row of integers from 0 to 255 for each image.

    Raises:
        DatasetError: the file is empty.
    """
    with tree.local(name) as file:
        columns = len(file.readline().split())
        rows = 1 + sum(1 for line in file if line.strip())
    if not columns:
        raise DatasetError(f"{tree.where(name)} must hold rows of numbers, but is empty.")
    shape, dtype = (rows, columns), np.dtype(np.uint8)
    return {"": Stored(name, shape, dtype, partial(_amat_rows, tree, name, columns), "AMAT file")}


_READERS: dict[str, Reader] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".hdf": read_hdf5,
    ".amat": read_amat,
}
DATA_SUFFIXES = (*_READERS, ".mat")


def read_arrays(tree: Tree, names: Sequence[str]) -> dict[str, dict[str, Stored]]:
    """Return the arrays of data files by file and name; MATLAB files are interpreted together."""
    of_matlab = read_mats(tree, [name for name in names if suffix_of(name) == ".mat"])
    return {
        name: of_matlab[name] if name in of_matlab else _READERS[suffix_of(name)](tree, name)
        for name in names
    }


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


@contextmanager
def _opened_npz(tree: Tree, name: str) -> Iterator[zipfile.ZipFile]:
    with tree.local(name) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except DatasetError:
            raise
        except (ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise DatasetError(
                f"{tree.where(name)} is not an NPZ file of plain arrays, or is damaged: {error}; "
                "copy or download it again, or save it with numpy.savez."
            ) from error


def _npz_rows(tree: Tree, name: str, member: str) -> Iterator[np.ndarray]:
    with _opened_npz(tree, name) as archive, archive.open(member) as file:
        shape, is_fortran, dtype = _npy_header(file)
        _refuse_objects(dtype, shape, member.removesuffix(".npy"), tree.where(name))
        if is_fortran:
            yield np.frombuffer(file.read(), dtype, math.prod(shape)).reshape(shape, order="F")
        else:
            yield from rows_of(file, shape or (1,), dtype)


def _refuse_objects(dtype: np.dtype, shape: tuple[int, ...], key: str, where: str) -> None:
    if dtype.hasobject:
        raise DatasetError(why_not_loaded(key, shape, where))


def why_not_loaded(key: str, shape: tuple[int, ...], where: str) -> str:
    """Say that an array is pickled, and how the owner of the file saves it otherwise.

    Args:
        key: its name in an NPZ file; "" in an NPY file.
        shape: its shape; that of a dictionary is ().
        where: the file.
    """
    loaded = "numpy.load(PATH, allow_pickle=True)"
    if key:
        subject, line = f"{key} in {where}", "numpy.savez('plain.npz', **{name: numpy.array("
        line += f"array.tolist()) for name, array in {loaded}.items()}})"
    else:
        subject, line = where, f"numpy.save('plain.npy', numpy.array({loaded}.tolist()))"
        if shape == ():
            line = f"numpy.savez('plain.npz', **{loaded}.item())"
    return (
        f"{subject} holds Python objects, which are never loaded, as they can run any code; if you "
        f"trust it, run {line} and put that file in its place."
    )


@contextmanager
def _opened_hdf5(tree: Tree, name: str) -> Iterator[Any]:
    h5py = need("h5py", "HDF5 files")
    with tree.local(name) as content:
        try:
            with h5py.File(content, "r") as file:
                yield file
        except Exception as error:  # h5py raises nearly anything for damaged files
            raise DatasetError(
                f"{tree.where(name)} is not an HDF5 file, or is damaged: {one_line(error)}; "
                "copy or download it again."
            ) from error


def _hdf5_rows(tree: Tree, name: str, key: str | bytes) -> Iterator[np.ndarray]:
    with _opened_hdf5(tree, name) as file:
        item = file[key]
        if not item.shape:
            yield np.asarray(item[()])[None]
            return
        step = rows_at_once(item.shape, item.dtype)
        if item.chunks:
            step = max(step // item.chunks[0], 1) * item.chunks[0]
        for start in range(0, item.shape[0], step):
            yield item[start : start + step]


def _hdf5_block(tree: Tree, name: str, key: str | bytes, block: int) -> np.ndarray:
    with _opened_hdf5(tree, name) as file:
        return np.asarray(file[key][block * _BLOCK : (block + 1) * _BLOCK])


def _bytes_of(row: Any) -> bytes:
    """Return a row of bytes: a variable-length array, an opaque value or a fixed-length string."""
    return row if isinstance(row, bytes) else np.asarray(row).tobytes()


def _amat_rows(tree: Tree, name: str, columns: int) -> Iterator[np.ndarray]:
    with tree.local(name) as file:
        lines = (line.decode("latin-1") for line in file if line.strip())
        while block := list(islice(lines, CHUNK)):
            try:
                yield np.loadtxt(block, np.uint8, ndmin=2).reshape(-1, columns)
            except ValueError as error:
                raise DatasetError(
                    f"{tree.where(name)} must hold rows of {columns} whole numbers from 0 to 255, "
                    f"but {error}."
                ) from error
