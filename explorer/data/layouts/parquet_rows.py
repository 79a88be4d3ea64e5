"""Read Parquet files whose rows are images: image files, lists of numbers, or a column per pixel.

Only one row group is in memory at a time.
"""

from __future__ import annotations

import json
import math
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import numpy as np

from explorer.core.subsets import CHUNK
from explorer.data.files.rows import Column, Rows
from explorer.data.files.stored import Stored
from explorer.data.files.tree import Tree
from explorer.data.layouts.array_names import IMAGE_WORDS
from explorer.data.layouts.classify import classify, split_by_column, with_columns
from explorer.data.layouts.csv_rows import PIXEL, in_order_of_pixels
from explorer.data.layouts.labels import ROW_INDEX
from explorer.data.layouts.one_set import files_by_split
from explorer.data.reading import Reading
from explorer.data.report import Report, some
from explorer.data.roles import read_name, words_of
from explorer.data.sources.arrays import arrange_images, as_images
from explorer.data.sources.pictures import Pictures
from explorer.data.sources.source import Layout, Source
from explorer.errors import DatasetError

_SIZES = (("height", "width"), ("height", "width", "channels"))
"""Titles of columns that state the shape of the images."""


def find_in_parquet(tree: Tree, names: Sequence[str], reading: Reading, report: Report) -> Layout:
    """Find images in Parquet files: ``image{bytes, path}`` as Hugging Face writes them, or numbers.

    Numbers are nested or flat lists with the shape of an image, a flat square, or the shape that
    columns ``height`` and ``width`` state; or there is a column for each pixel.

    Raises:
        DatasetError: no column holds images.
    """
    of_split = files_by_split(tree, names, reading.pick, report)
    by_role = {role: [_Shard(tree, name) for name in files] for role, files in of_split.items()}
    every = [shard for shards in by_role.values() for shard in shards]
    for shard in every:
        if len(shard.pixels) > 1:
            shard.pixels = in_order_of_pixels(shard.pixels, report)
    class_names: tuple[str, ...] | None = None
    found = {}
    for role, shards in by_role.items():
        columns = [shard.columns() for shard in shards]
        found[role] = with_columns(_source(tree, shards), columns, reading.label, report)
        class_names = class_names or shards[0].class_names(found[role].label_name)
    for title in dict.fromkeys(title for shard in every for title in shard.left_out):
        report.leave_out("columns of neither numbers nor words", title)
    return classify(
        tree.path,
        "Parquet file" if len(names) == 1 else "Parquet files",
        split_by_column(found, report),
        report,
        label=reading.label,
        names=class_names,
    )


def count_in_parquet(tree: Tree, name: str) -> int:
    """Count the images in a Parquet file; raise DatasetError if it holds no images."""
    return len(_Shard(tree, name))


class _Shard:
    """A Parquet file.

    Attributes:
        files: the title of the column of image files; None if the images are numbers.
        pixels: the title of the column of lists of numbers, or of the columns of one pixel each.
        left_out: the titles of columns that are not read.
    """

    def __init__(self, tree: Tree, name: str) -> None:
        from pyarrow import parquet

        self._tree, self.name, self.where = tree, name, tree.where(name)
        with _damage_as_sentence(self.where):
            content = tree.local(name)
            weakref.finalize(self, content.close)
            self._file = parquet.ParquetFile(content)
        schema = self._file.schema_arrow
        files = [field.name for field in schema if _holds_files(field.type)]
        self.files = min(files, key=_rank_of_title, default=None)
        self.pixels = [] if self.files else _find_numbers(schema)
        if not (self.files or self.pixels):
            there = some([f"{field.name} ({field.type})" for field in schema])
            raise DatasetError(
                f"{self.where} must have a column of image files, such as image{{bytes, path}}, or "
                f"one called image of lists of numbers, but has {len(schema)} columns: {there}; "
                "save numbers with numpy.savez('images.npz', images=…, labels=…)."
            )
        images = {self.files, *self.pixels}
        others = {
            field.name: _is_plain(field.type) for field in schema
            if field.name not in images and not ROW_INDEX.fullmatch(field.name)
        }  # fmt: skip
        self._others = [title for title, is_plain in others.items() if is_plain]
        self.left_out = [title for title, is_plain in others.items() if not is_plain]
        groups = range(self._file.num_row_groups)
        sizes = [self._file.metadata.row_group(group).num_rows for group in groups]
        self._starts: list[int] = [0, *accumulate(sizes)]

    def __len__(self) -> int:
        return self._starts[-1]

    def columns(self) -> dict[str, np.ndarray]:
        """Read all columns of numbers and words; missing values are NaN or empty."""
        with _damage_as_sentence(self.where):
            table = self._file.read(columns=self._others)
            return {name: _unpack_column(table[name]) for name in self._others}

    def image_files(self) -> Column:
        """Return the column of image files."""

        def read(group: int) -> Any:
            with _damage_as_sentence(self.where):
                table = self._file.read_row_group(group, columns=[self.files])
                return table[self.files].combine_chunks()

        return Column(self._starts, read, _content_of, self._tree.stamp(self.name))

    def stored(self) -> Stored:
        """Return the numbers of all images as a stored array.

        Raises:
            DatasetError: the images differ in shape, now or when the rows are read.
        """
        first = next(self._blocks(None, 1), np.zeros((0, 0)))
        shape = self._stated_shape(first)

        def rows() -> Iterator[np.ndarray]:
            return self._blocks(shape, CHUNK)

        return Stored(self.where, (len(self), *shape), first.dtype, rows, "Parquet file")

    def class_names(self, label: str) -> tuple[str, ...] | None:
        """Return the names of the labels if Hugging Face's metadata give them, else None."""
        metadata = self._file.schema_arrow.metadata or {}
        try:
            features = json.loads(metadata[b"huggingface"])["info"]["features"]
            names = features[label]["names"]
            return tuple(map(str, names)) if isinstance(names, list) and names else None
        except (KeyError, TypeError, ValueError):  # then labels are their own names
            return None

    def _blocks(self, shape: tuple[int, ...] | None, size: int) -> Iterator[np.ndarray]:
        """Yield blocks of rows of numbers, in the given shape if there is one."""
        with _damage_as_sentence(self.where):
            for batch in self._file.iter_batches(size, columns=self.pixels):
                if len(self.pixels) > 1:
                    columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
                    block = np.stack(columns, axis=1)
                else:
                    block = _unpack_lists(batch.column(0), self.where)
                if shape is not None and math.prod(block.shape[1:]) != math.prod(shape):
                    raise DatasetError(
                        f"The images in {self.where} differ in shape; give them one."
                    )
                yield block if shape is None else block.reshape(-1, *shape)

    def _stated_shape(self, first: np.ndarray) -> tuple[int, ...]:
        """Return the shape that columns state for all images, if it fits the first image."""
        for titles in _SIZES:
            if {*titles} <= {*self._others}:
                table = self._file.read(columns=list(titles))
                stated = [table[title].unique().to_pylist() for title in titles]
                if all(len(sizes) == 1 for sizes in stated):
                    shape = tuple(int(sizes[0]) for sizes in stated)
                    if math.prod(shape) == first[0].size:
                        return shape
        return first.shape[1:]


@contextmanager
def _damage_as_sentence(where: str) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{where} is not a Parquet file, or is damaged; copy or download it again."
        ) from error


def _source(tree: Tree, shards: Sequence[_Shard]) -> Source:
    """Return the images of the shards of one split."""
    if all(shard.files for shard in shards):
        columns = {shard.name: shard.image_files() for shard in shards}
        first = next((shard for shard in shards if len(shard)), None)
        if first is not None and columns[first.name].image_file(0) is None:
            raise DatasetError(
                f"{first.where} holds no image file in its first row: if it holds paths, give the "
                "folder of the files; if images are missing, leave their rows out."
            )
        rows = Rows(columns)
        return Pictures(rows, rows.names)
    if any(shard.files for shard in shards):
        raise DatasetError(
            f"Some files in {tree.path} hold image files, others numbers; give those of one kind."
        )
    return as_images([shard.stored() for shard in shards if len(shard)], tree.path)


def _content_of(value: Any) -> bytes | None:
    """Return the bytes of an image file, which may be in a struct; None if there are none."""
    found = value.as_py()
    content: bytes | None = found["bytes"] if isinstance(found, dict) else found
    return content


def _holds_files(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(field.name == "bytes" and _holds_files(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _find_numbers(schema: Any) -> list[str]:
    """Return the column of images as lists of numbers, or the columns of a pixel each, if any.

    A flat list may also be an embedding, so its title must say that it is an image.
    """
    depths = {field.name: _depth(field.type) for field in schema}
    lists = [
        title for title, depth in depths.items()
        if depth > 1 or (depth and not _is_no_image_word(title))
    ]  # fmt: skip
    if lists:
        return [min(lists, key=_rank_of_title)]
    pixels = [title for title in depths if PIXEL.fullmatch(title.lower())]
    return pixels if arrange_images((1, len(pixels))) else []


def _rank_of_title(title: str) -> tuple[bool, bool, int]:
    """Rank how likely a column of this title holds the images: ``image`` before ``depth_image``."""
    return _is_no_image_word(title), read_name(title).is_masks, len(words_of(title))


def _is_no_image_word(title: str) -> bool:
    return IMAGE_WORDS.isdisjoint(words_of(title))


def _is_plain(kind: Any) -> bool:
    """Whether a column of this type holds numbers or words."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return bool(is_number or types.is_string(kind) or types.is_large_string(kind))


def _unpack_column(column: Any) -> np.ndarray:
    """Return a column of numbers or words as an array, ``(n,)``."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_string(column.type) or types.is_large_string(column.type):
        return np.array(["" if word is None else word for word in column.to_pylist()], str)
    if column.null_count:
        return np.array([np.nan if value is None else value for value in column.to_pylist()], float)
    numbers: np.ndarray = column.to_numpy()
    return numbers


def _depth(kind: Any) -> int:
    """Return the nesting depth of lists of numbers; 0 for anything else."""
    from pyarrow import types

    depth = 0
    kind = getattr(kind, "storage_type", kind)  # of a tensor
    while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return depth if is_number else 0


def _unpack_lists(column: Any, where: str) -> np.ndarray:
    """Return lists of numbers as an array with one axis for each level of nesting."""
    from pyarrow import compute

    shape: tuple[int, ...] = (len(column),)
    values = getattr(column, "storage", column)
    while _depth(values.type):
        lengths = compute.list_value_length(values)
        if lengths.null_count or compute.count_distinct(lengths).as_py() != 1:
            raise DatasetError(f"The images in {where} differ in shape, or some are missing.")
        shape, values = (*shape, lengths[0].as_py()), values.flatten()
    numbers: np.ndarray = values.to_numpy(zero_copy_only=False).reshape(shape)
    return numbers
