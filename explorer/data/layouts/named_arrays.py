"""Find the images, splits, labels and columns among arrays by their names and shapes."""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from explorer.data.files.containers import why_not_loaded
from explorer.data.files.rows import Column, Rows
from explorer.data.files.stored import Stored, stored_array
from explorer.data.files.tree import Tree
from explorer.data.layouts.array_names import Key, class_of, column_name, key_of
from explorer.data.layouts.classify import Unclassified, classify, split_by_column
from explorer.data.layouts.labels import can_be_classes, label_title, plain
from explorer.data.layouts.splits import may_split
from explorer.data.pixels import Shape, open_image
from explorer.data.reading import Reading
from explorer.data.report import Report, some
from explorer.data.roles import TEST, TRAIN, VALIDATION, words_of
from explorer.data.sources.arrays import Images, arrange_images, as_images
from explorer.data.sources.pictures import Pictures
from explorer.data.sources.source import Layout, Source
from explorer.errors import DatasetError

_TRANSPARENT = {2: "second of the two", 4: "fourth of the four"}
"""The channel that holds transparency, by the number of channels."""
_INDEX_WORDS = frozenset(("idx", "index", "indices", "inds", "ids", "rows"))
_UNNAMED = re.compile(r"arr_\d+")  # default names of numpy.savez
_FEW = 10  # with fewer images, each may be the only one of its class
_SMALLEST_PICTURE = 16  # pixels a side
_WIDEST_TABLE = 64  # columns
_WIDEST_ONE_HOT = 100  # columns of one-hot labels that could be flat squares
_FACTORS = {  # published column names, by a word in the table's name and the number of columns
    ("latents", 6): ("color", "shape", "scale", "orientation", "x", "y"),  # dSprites
    ("labels", 6): ("floor", "wall", "object", "scale", "shape", "orientation"),  # 3dshapes
    ("qmnist", 8): (
        "digit", "series", "writer", "index", "glyph", "position", "duplicate", "unused",
    ),
}  # fmt: skip
_CLASS_FACTORS = ("shape", "digit")
"""The columns among these that are taken as the class."""


def find_in_arrays(
    tree: Tree,
    arrays: Mapping[str, Stored],
    reading: Reading,
    report: Report,
    names: Sequence[str] | None = None,
) -> Layout:
    """Find images, splits, labels and columns among named arrays.

    Args:
        tree: the file or folder, named in messages.
        arrays: the arrays by names such as ``"x_train"`` or ``"train-labels-idx1-ubyte"``.
        reading: the user's options; ``pick`` is a word that names one of several sets, such as
            ``"letters"`` of EMNIST.
        names: names of the labels 0, 1, …; by default the labels are their own names.

    Raises:
        DatasetError: there are no images among them, or they do not fit together.
    """
    path, pick = tree.path, reading.pick
    named = _Arrays(path, _images_first(arrays), report)
    if any(key_of(name).is_labels for name in named.tables) or pick:
        named.pick_set(pick)
    first = named.arrays[named.images[0]]
    if len(named.images) > 1 and all(map(_UNNAMED.fullmatch, named.images)):
        raise DatasetError(
            f"{path} holds several arrays of images without names: {named.describe(named.images)}; "
            "save them with names, as in "
            "numpy.savez(path, x_train=…, y_train=…, x_test=…, y_test=…)."
        )
    for note in filter(None, (named.arrays[name].note for name in named.images)):
        report.note(note)
    if len({key_of(name).rest for name in named.images}) > 1:
        found = named.one_a_class()
        return classify(path, first.origin, found, report)
    found = named.of_each_split(pick)
    names = names or named.take_class_names(found)
    found = named.split_by_indices(found)
    for name in arrays if not pick else ():
        if name in named.tables or not arrays[name].shape:
            report.leave_out("arrays that are neither images nor labels of them", name)
    source = next(iter(found.values())).source
    if isinstance(source, Images):
        _note_doubtful_shape(named.images[0], first.shape, source.image_shape, report)
    splits = split_by_column(found, report)
    return classify(path, first.origin, splits, report, label=reading.label, names=names)


class _Arrays:
    """Named arrays that are sorted into images, labels and columns.

    Attributes:
        images: the names of the arrays of images.
        tables: the names of the other arrays that are not used yet.

    Raises:
        DatasetError: there are no images among them, or they do not fit together.
    """

    def __init__(self, path: Path, arrays: Mapping[str, Stored], report: Report) -> None:
        self.path, self.arrays, self.report = path, arrays, report
        self.images = _find_images(arrays)
        self.tables = [name for name in arrays if name not in self.images and arrays[name].shape]
        if self.images:
            return
        if refused := [name for name, array in arrays.items() if array.is_pickled]:
            raise DatasetError(why_not_loaded(refused[0], arrays[refused[0]].shape, str(path)))
        raise DatasetError(
            f"{path} must hold images as numbers of shape (n, height, width), with 1 to 4 channels "
            f"last or first, or flat squares, but holds {self.describe(arrays) or 'nothing'}; "
            "numpy.reshape makes images of frames or slices, and single pictures are read as PNG."
        )

    def describe(self, names: Iterable[str]) -> str:
        """Return the first of several names, with the types and shapes of the arrays."""
        return some([f"{n} ({self.arrays[n].dtype} {self.arrays[n].shape})" for n in names])

    def pick_set(self, pick: str | None) -> None:
        """Keep the images of one set if there are several sets, such as the six of EMNIST."""
        if pick is None:
            self._leave_out_extra()
        sets = sorted({" ".join(key_of(name).rest) for name in self.images})
        if pick is not None:
            self.images = [name for name in self.images if pick in key_of(name).rest]
            if not self.images:
                alone = f"but one set alone; give {self.path}"
                there = f"but {', '.join(sets)}" if any(sets) else alone
                raise DatasetError(f"{self.path} holds no set called {pick}, {there}.")
            return
        if len(sets) == 1:
            return
        if len({re.sub(r" ?\d+$", "", name) for name in sets}) == 1:  # they are numbered
            if len({self.arrays[name].shape[1:] for name in self.images}) == 1:
                raise DatasetError(
                    f"{self.path} holds images in numbered arrays that do not continue each other: "
                    f"{self.describe(sorted(self.images))}; give them one type and numbers without "
                    "a gap, or join those of a split with numpy.concatenate."
                )
            if "" in sets:
                raise DatasetError(
                    f"{self.path} holds several arrays of images of unlike sizes: "
                    f"{', '.join(sorted(self.images))}; give a file with one of them."
                )
        named = [*filter(None, sets)]
        raise DatasetError(
            f"{self.path} holds several sets: {', '.join(named)}; add one's name to the path, "
            f"as in {self.path / named[0].replace(' ', '-')}."
        )

    def _leave_out_extra(self) -> None:
        """Leave out images of no split beside the only set that has splits, as SVHN's ``extra``."""
        split = {key_of(name).rest for name in self.images if key_of(name).role is not None}
        if len(split) == 1:
            for name in [name for name in self.images if key_of(name).rest not in split]:
                self.images.remove(name)
                self.report.leave_out("arrays of images of no split by their name", name)

    def of_each_split(self, pick: str | None) -> dict[str, Unclassified]:
        """Return the images of each split with labels and columns."""
        found: dict[str, Unclassified] = {}
        for name in self.images:
            key, array = key_of(name), self.arrays[name]
            if (key.role or TRAIN) in found:
                raise DatasetError(
                    f"{self.path} holds several arrays of images for one split: "
                    f"{self.describe(self.images)}; give a file with one of them."
                )
            labels, columns = self._read_tables(key, len(array), pick)
            if labels is None and (title := _called_the_class(columns)) is not None:
                labels = columns.pop(title)
                why = "--label COLUMN takes another" if columns else "nothing else lies there"
                self.report.note(f"{title} is taken as the labels: {why}")
            if labels is None and array.files is None and _is_one(array.shape):
                raise DatasetError(_is_one_picture(self.path, name, array.shape))
            found[key.role or TRAIN] = Unclassified(
                _as_images(self.path, {name: array}), labels, columns
            )
        return found

    def _read_tables(
        self, key: Key, count: int, pick: str | None
    ) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
        """Take the labels and columns of ``count`` images from the tables of their split."""
        labels: np.ndarray | None = None
        columns: dict[str, np.ndarray] = {}
        for name in self._tables_of(key, count, pick):
            array, is_labels = self.arrays[name], key_of(name).is_labels
            is_odd = array.is_pickled or array.dtype.kind not in "biufSUO"  # such as dates
            if not is_labels and (is_odd or math.prod(array.shape[1:]) > _WIDEST_TABLE):
                continue
            values = plain(array.read(), f"{name} in {self.path}")
            if values.ndim == 1 and is_labels and labels is None:
                labels = values
            elif values.ndim == 1:
                columns.setdefault(column_name(name), values)
            elif values.ndim == 2 and values.shape[1] <= _WIDEST_TABLE:
                factors = _name_factors(name, values)
                chosen = next((factor for factor in _CLASS_FACTORS if factor in factors), None)
                if is_labels and labels is None and chosen is None:
                    self.report.note(f"{name} has several values for an image: they are columns")
                if chosen is not None:
                    values = factors.pop(chosen)
                    labels = values if labels is None else labels
                columns |= factors
            else:
                continue
            self.tables.remove(name)
        return labels, columns

    def _tables_of(self, key: Key, count: int, pick: str | None) -> list[str]:
        """Return the tables of a split with a row for each image, those called labels first.

        Raises:
            DatasetError: there are tables called labels, but all of other lengths.
        """
        own = [
            name
            for name in sorted(self.tables, key=lambda name: (len(name), name))
            if key_of(name).role == key.role
            if not pick or key_of(name).rest in ((), key.rest)
        ]
        fitting = [name for name in own if self.arrays[name].shape[0] == count]
        labels = [name for name in own if key_of(name).is_labels]
        if labels and not any(key_of(name).is_labels for name in fitting):
            raise DatasetError(
                f"{self.path} has {count} images but {self.arrays[labels[0]].shape[0]} labels for "
                f"them ({labels[0]})."
            )
        return sorted(fitting, key=lambda name: not key_of(name).is_labels)

    def take_class_names(self, found: Mapping[str, Unclassified]) -> Sequence[str] | None:
        """Take the names of the labels 0, 1, … of all splits from an array of strings, if any."""
        labels = [part.labels for part in found.values()]
        if any(values is None or values.dtype.kind == "U" for values in labels):
            return None
        most = max(np.nanmax(values, initial=0) for values in labels if values is not None)
        for name in self.tables:
            array = self.arrays[name]
            are_words = array.dtype.kind in "SUO" and not array.is_pickled
            if key_of(name).is_labels and are_words and math.prod(array.shape) > most:
                self.tables.remove(name)
                names: Sequence[str] = plain(array.read(), name).reshape(-1).tolist()
                return names
        return None

    def split_by_indices(self, found: dict[str, Unclassified]) -> dict[str, Unclassified]:
        """Divide images of one split by arrays such as ``train_idx`` and ``test_idx``."""
        lists = {
            str(key_of(name).role): name
            for name in self.tables
            if key_of(name).role in (TRAIN, TEST, VALIDATION)
            if self.arrays[name].dtype.kind in "iu" and len(self.arrays[name].shape) == 1
            if not _INDEX_WORDS.isdisjoint(words_of(name))
        }
        if len(found) > 1 or not {TRAIN} < lists.keys():
            return found
        (whole,) = found.values()
        rows = {
            role: np.sort(self.arrays[name].read().astype(np.int64)) for role, name in lists.items()
        }
        every, count = np.concatenate([*rows.values()]), len(whole)
        if len(np.unique(every)) < len(every) or not np.isin(every, np.arange(count)).all():
            return found
        missing = count - len(every)
        self.report.leave_out("images of no split", "rows that no list of a split has", missing)
        names = sorted(lists.values())
        self.report.note(f"the splits are taken from the arrays {', '.join(names)}")
        self.tables = [name for name in self.tables if name not in names]
        return {role: whole.chosen(indices) for role, indices in rows.items()}

    def one_a_class(self) -> dict[str, Unclassified]:
        """Read images whose class is the name of their array, as in the files of Quick, Draw!."""
        arrays = [self.arrays[name] for name in self.images]
        has_colours = all(len(one.shape) == 3 and one.shape[2] in (3, 4) for one in arrays)
        for name, one in zip(self.images, arrays, strict=True):
            if has_colours or (len(one.shape) == 2 and len({*one.shape}) == 1):
                raise DatasetError(_is_one_picture(self.path, name, one.shape))
        others = [n for n, one in self.arrays.items() if one.shape and n not in self.images]
        if not Counter(map(len, arrays)) - Counter(len(self.arrays[name]) for name in others):
            raise DatasetError(  # there are labels for each
                f"{self.path} holds {self.describe(self.arrays)}, whose names do not say what they "
                "are; call them x_train, y_train, x_test and y_test."
            )
        for name in others:
            self.report.leave_out("arrays that are neither images nor labels of them", name)
        self.report.note("each array is taken as a class of its own name")
        found = {}
        for role in dict.fromkeys(key_of(name).role for name in self.images):
            chosen = {n: self.arrays[n] for n in self.images if key_of(n).role == role}
            classes = [class_of(name) for name in chosen]
            labels = np.repeat(classes, [*map(len, chosen.values())])
            source = _as_images(self.path, chosen)
            found[role or TRAIN] = Unclassified(source, labels, {})
        return found


def _images_first(arrays: Mapping[str, Stored]) -> dict[str, Stored]:
    """Move the last axis to the front where the labels of the split count it, as MATLAB has it."""
    labels: defaultdict[str | None, list[Stored]] = defaultdict(list)
    for name, array in arrays.items():
        if key_of(name).is_labels and len(array.shape) in (1, 2):
            labels[key_of(name).role].append(array)
    return {
        name: _moved(array) if _counts_last(array, labels[key_of(name).role]) else array
        for name, array in arrays.items()
    }


def _counts_last(array: Stored, labels: Sequence[Stored]) -> bool:
    """Whether labels count the last axis of images, and none counts the first."""
    shape = array.shape
    return (
        array.dtype.kind in "biuf"
        and 2 <= len(shape) <= 4
        and shape[0] not in map(len, labels)
        and shape[-1] in (len(one) for one in labels if one.dtype.kind in "biu")
        and arrange_images((shape[-1], *shape[:-1])) is not None
    )


def _moved(array: Stored) -> Stored:
    values = array.read() if array.mapped is None else array.mapped
    note = f"the last axis of {array.name} counts the images, as the labels do"
    return stored_array(array.name, np.moveaxis(values, -1, 0), array.origin, note)


def _called_the_class(columns: Mapping[str, np.ndarray]) -> str | None:
    """Return the column with a usual title of classes, or the only column beside the images."""
    title = label_title(columns)
    if title is None and len(columns) == 1:
        (title,) = columns
    if title is None or may_split(title) or not can_be_classes([columns[title]]):
        return None
    count = len(columns[title])
    return title if count < _FEW or 2 * len(np.unique(columns[title])) <= count else None


def _note_doubtful_shape(name: str, stored: tuple[int, ...], shape: Shape, report: Report) -> None:
    """Report how ambiguous axes and channels are read."""
    if len(stored) == 3 and stored[0] == shape[0] < shape[1]:
        report.note(
            f"{name} is taken as {shape[0]} images of {shape[0]} × {shape[1]}; if they are "
            f"{shape[1]} of {shape[0]} × {shape[0]}, save numpy.moveaxis(images, -1, 0)"
        )
    if shape[2] in _TRANSPARENT:
        report.note(f"the {_TRANSPARENT[shape[2]]} channels is taken as transparency")


def count_in_arrays(arrays: Mapping[str, Stored]) -> int:
    """Count the images in named arrays that are not called labels; one probable picture is one."""
    found = _find_images({name: a for name, a in arrays.items() if not key_of(name).is_labels})
    return sum(
        1 if arrays[name].files is None and _is_one(arrays[name].shape) else len(arrays[name])
        for name in found
    )


def are_pictures(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape holds images even if it is called labels."""
    is_wide = len(shape) > 2 or math.prod(shape[1:]) > _WIDEST_ONE_HOT
    return is_wide and arrange_images(shape) is not None


def _find_images(arrays: Mapping[str, Stored]) -> list[str]:
    """Return the arrays that hold images, by content or shape, and by name if any name says so.

    Those called labels are only taken without others, as ``class_0``, ``class_1``, …
    """
    files = [name for name, array in arrays.items() if array.files and _is_picture(array.files)]
    shaped = [
        name
        for name, array in arrays.items()
        if array.dtype.kind in "biuf" and arrange_images(array.shape)
    ]
    others = [name for name in shaped if not key_of(name).is_labels]
    shaped = files or others or [name for name in shaped if are_pictures(arrays[name].shape)]
    named = [name for name in shaped if key_of(name).is_images]
    deepest: dict[str | None, int] = {}  # per split; shallower arrays are features or masks
    for name in named or shaped:
        role = key_of(name).role if named else None
        deepest[role] = max(deepest.get(role, 0), len(arrays[name].shape))
    return [
        name
        for name in named or shaped
        if len(arrays[name].shape) == deepest[key_of(name).role if named else None]
    ]


def _is_picture(files: Column) -> bool:
    """Whether the first of several files is an image file."""
    if len(files) == 0:
        return False
    with (
        contextlib.suppress(OSError, ValueError),
        open_image(io.BytesIO(files.image_file(0) or b"")),
    ):
        return True
    return False


def _is_one(shape: tuple[int, ...]) -> bool:
    """Whether an array without labels is probably one picture: square, or with colours last."""
    has_colours = len(shape) == 3 and shape[2] in (3, 4) and min(shape[:2]) >= _SMALLEST_PICTURE
    return has_colours or len({*shape}) == 1


def _is_one_picture(path: Path, name: str, shape: tuple[int, ...]) -> str:
    return (
        f"{name} in {path} has the shape {shape}, which is that of a single picture; give an array "
        "of shape (n, height, width)."
    )


def _as_images(path: Path, arrays: Mapping[str, Stored]) -> Source:
    if files := {name: array.files for name, array in arrays.items() if array.files}:
        rows = Rows(files)
        return Pictures(rows, rows.names)
    return as_images([*arrays.values()], path)


def _name_factors(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of a table, by their published names if the table is known."""
    count = values.shape[1]
    words = {*words_of(name)}
    known = tuple(f"{column_name(name)} {number}" for number in range(1, count + 1))
    for (word, number), names in _FACTORS.items():
        if (
            number == count
            and word in words
            and not (word == "labels" and _are_not_3dshapes(values))
        ):
            known = names
    return {known[i]: plain(values[:, i], name) for i in range(count)}


def _are_not_3dshapes(values: np.ndarray) -> bool:
    """Whether these are not the factors of 3dshapes, where the first three are hues in [0, 1)."""
    hues = values[:, :3]
    return values.dtype.kind == "U" or not (hues.min() >= 0 and hues.max() < 1 and hues.any())
