"""Which column of a table names the images, and by what: a path, a file's name, its stem, a number.

Where no column has their very names, it may be one of another machine's paths, of few images only,
or of names in other capital letters, accents or endings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import commonprefix

from explorer.data.files.kinds import suffix_of
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.roles import joined_words, words_of

_KEYS: tuple[Callable[[str], str], ...] = (
    lambda path: path,
    lambda path: path.partition("/")[2],  # below a folder of all images
    lambda path: path.rpartition(".")[0],
    lambda path: path.partition("/")[2].rpartition(".")[0],
    lambda path: _last(path),
    lambda path: stem_of(path),
    lambda path: stem_of(path).lstrip("0") or "0",
    lambda path: _number_at_end(path),
)
"""What a column may call an image, by its path below the table; the last by a title of `_IDS`."""
_EXACTNESS = 0, 0, 1, 1, 0, 1, 2, 3
_IDS = frozenset(("id", "image", "img", "imageid", "index", "number", "file", "filename"))
_OF_IMAGES = frozenset(("file", "filename", "path", "image", "img", "photo", "picture", "name"))
_OF_ROWS = frozenset(("index", "idx", "unnamed", "row", "key", "no", "nr"))
_OF_OTHERS = frozenset(("original", "source", "url", "old", "prev", "previous", "next", "mask"))
"""Words in the title of a column that likely names images, counts rows, or names other things."""
_MANY_CELLS = 2_000  # of longer columns so many are looked at first
_SAMPLE = 500  # images by which a column is judged
_MANY, _NEARLY_ALL = 0.4, 0.9
"""Shares of the images, or of a column's cells, from which on this is a column of their names."""
_ENDING = re.compile(r"[ _.-][^\W\d_]\w*$")
_AS_MANY = 0.9
"""A column may name so many fewer of the images than another, and be preferred for its names."""


@dataclass(frozen=True, eq=False)
class Way:
    """A way in which a column may name images.

    Attributes:
        of_cell: what a cell calls its image.
        of_path: what an image is called by its path.
        paths: of the images.
        exactness: 0 for the names of files, 1 for these without their ending, 2 for these without
            zeros in front as well, 3 for the number in them alone.
        is_loose: whether the names are not quite the same.
    """

    of_cell: Callable[[str], str]
    of_path: Callable[[str], str]
    paths: Mapping[int, str]
    exactness: int = 0
    is_loose: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is by the number in the name alone."""
        return self.exactness == 3

    @cached_property
    def indices(self) -> dict[str, list[int]]:
        """The images of each name."""
        found: dict[str, list[int]] = {}
        for index, path in self.paths.items():
            found.setdefault(self.of_path(path), []).append(index)
        return found

    @cached_property
    def _sample(self) -> list[str]:
        paths = [*self.paths.values()]
        return [self.of_path(path) for path in paths[:: max(1, len(paths) // _SAMPLE)]]

    def share(self, known: Collection[str]) -> float:
        """The share of images whose names are among the known ones."""
        return sum(name in known for name in self._sample) / len(self._sample)

    def share_of_cells(self, cells: Sequence[str]) -> float:
        """The share of cells that name an image."""
        return sum(self.of_cell(cell) in self.indices for cell in cells) / len(cells)


class Below:
    """The images below a folder.

    Attributes:
        paths: by the images' indices, from the folder on.
    """

    def __init__(self, files: Sequence[str], folder: str) -> None:
        self.paths = {
            index: name.removeprefix(folder)
            for index, name in enumerate(files)
            if name.startswith(folder)
        }

    @cached_property
    def ways(self) -> list[Way]:
        """How a column may name the images, the plainest first."""
        plain = [
            Way(path_of, key, self.paths, exactness)
            for key, exactness in zip(_KEYS, _EXACTNESS, strict=True)
        ]
        ending = Way(_Ending({*self.paths.values()}, _slashes), _slashes, self.paths)
        start = commonprefix([*self.paths.values()]).rpartition("/")[0]
        below = Way(path_of, lambda path: path.removeprefix(f"{start}/"), self.paths)
        return [plain[0], ending, *[below] * ("/" in start), *plain[1:]]

    @cached_property
    def loose_ways(self) -> list[Way]:
        """The same where names differ in endings or accents, or else in capital letters."""
        every = [way for spell in (_loose, _looser) for way in self._loosely(spell)]
        if ending := common_ending(map(stem_of, self.paths.values())):

            def core(path: str) -> str:
                return stem_of(path).removesuffix(ending)

            every.append(Way(core, core, self.paths, is_loose=True))
        return [way for way in every if len(way.indices) == len(self.paths)]

    def _loosely(self, spell: Callable[[str], str]) -> Iterator[Way]:
        paths = {*map(spell, self.paths.values())}
        yield Way(_Ending(paths, spell), spell, self.paths, is_loose=True)

        def last(name: str) -> str:
            return _last(spell(name))

        yield Way(last, last, self.paths, is_loose=True)


@dataclass(frozen=True)
class _Ending:
    """The longest ending of a cell that is the path of an image: of another machine's paths."""

    paths: Collection[str]
    spell: Callable[[str], str]

    def __call__(self, cell: str) -> str:
        parts = self.spell(cell).split("/")
        endings = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((ending for ending in endings if ending in self.paths), "")


def find_names(
    below: Below, columns: Mapping[str, Sequence[str]], *, is_list: bool
) -> tuple[str, Way] | None:
    """The title of the column that names the images, and how it does; None if there is none.

    Args:
        below: the images, at least one.
        columns: of the table.
        is_list: whether it is one of some images, as its name tells.
    """
    titles = {
        title: cells
        for title, cells in columns.items()
        if cells and 2 * len({*map(_slashes, cells)}) >= len(cells)
    }
    return (
        _find_plain_names(below, titles)
        or _find_few_names(below, titles, is_list)
        or _find_loose_names(below, titles)
    )


def are_files(cells: Sequence[str]) -> bool:
    """Whether cells are the names of image files, judged by the first ones."""
    return bool(cells) and all(suffix_of(cell) in FORMAT_OF_SUFFIX for cell in cells[:10])


def is_named_as(value: str, file: str) -> bool:
    """Whether a cell names an image, in any of the plain ways."""
    return any(key(file) == path_of(value) for key in _KEYS) or file.endswith(value)


def folder_of(cell: str) -> str:
    """The folder of a path in a table, of whatever machine, with ``/``."""
    return _slashes(cell).rpartition("/")[0]


def path_of(cell: str) -> str:
    """A path in a table as a tree has it: of another machine, the last part alone counts."""
    cell = _slashes(cell)
    return _last(cell) if cell.startswith("/") or ":" in cell else cell.lstrip("./")


def _find_plain_names(below: Below, titles: Mapping[str, Sequence[str]]) -> tuple[str, Way] | None:
    """The column of the most exact names among those that name about as many of the images.

    Numbers that count rows are often the numbers of other images: a column of files' names counts
    more, and so does one that is called as such.
    """
    found: list[tuple[float, str, Way]] = []
    for title, cells in titles.items():
        if len(cells) > _MANY_CELLS and not _names_any(below, cells):
            continue
        known = {*map(path_of, cells)}
        in_folders = [cell for cell in cells if "/" in _slashes(cell)]
        for way in below.ways:
            if way.is_number and joined_words(title) not in _IDS:
                continue
            is_plain = way.of_cell is path_of
            share = way.share(known if is_plain else {*map(way.of_cell, in_folders)})
            if share > _MANY:
                found.append((share, title, way))
    most = max((share for share, *_ in found), default=0.0)
    found = [one for one in found if one[0] >= _AS_MANY * most]

    def doubt(one: tuple[float, str, Way]) -> tuple[bool, bool, int, float, int, float]:
        share, title, way = one
        cells = titles[title]
        is_of_others = not _OF_OTHERS.isdisjoint(words_of(title)) or "://" in cells[0]
        return (
            is_of_others,
            _counts_rows(cells),
            way.exactness,
            -round(share, 2),
            _rank(title),
            -share,
        )

    best = min(found, key=doubt, default=None)
    return best and best[1:]


def _names_any(below: Below, cells: Sequence[str]) -> bool:
    """Whether any of some of the cells names an image."""
    some = cells[:: max(1, len(cells) // _MANY_CELLS)]
    return any(way.share_of_cells(some) > 0 for way in below.ways)


def _counts_rows(cells: Sequence[str]) -> bool:
    """Whether a column has 0, 1, 2, … or 1, 2, 3, …, row by row."""
    return any(all(cell == str(i) for i, cell in enumerate(cells, start)) for start in (0, 1))


def _rank(title: str) -> int:
    """How likely a column of this title names images: 0 most, 3 least."""
    words = {*words_of(title)}
    if words & _OF_IMAGES:
        return 0
    is_of_rows = not words or words & _OF_ROWS or re.fullmatch(r"column \d+", title)
    return 3 if is_of_rows else 1 if "id" in words else 2


def _find_few_names(
    below: Below, titles: Mapping[str, Sequence[str]], is_list: bool
) -> tuple[str, Way] | None:
    """The column of a list of few of the images, all or nearly all of whose rows name one."""
    ways = sorted(below.ways, key=lambda way: way.exactness)
    for way in (way for way in ways if way.exactness < 2):
        for title in sorted(titles, key=_rank):
            cells = titles[title]
            if (is_list or are_files(cells)) and way.share_of_cells(cells) > _NEARLY_ALL:
                return title, way
    return None


def _find_loose_names(below: Below, titles: Mapping[str, Sequence[str]]) -> tuple[str, Way] | None:
    """The column of names that are not quite those of the images."""
    for way in below.loose_ways:
        for title, cells in titles.items():
            if way.share({*map(way.of_cell, cells)}) > _MANY:
                return title, way
    return None


def _number_at_end(path: str) -> str:
    """``"img_0012.png"`` → ``"12"``."""
    match = re.search(r"0*(\d+)\D*$", stem_of(path))
    return match[1] if match else path


def stem_of(path: str) -> str:
    """The name of a file, without its folders and its ending."""
    last = _last(path)
    return last.rpartition(".")[0] or last


def common_ending(stems: Iterable[str]) -> str:
    """The word at the end of several names, such as ``_leftImg8bit``; empty if there is none."""
    every = {*stems}
    match = _ENDING.search(commonprefix([stem[::-1] for stem in every])[::-1])
    return match[0] if match and len(every) > 1 else ""


def _slashes(path: str) -> str:
    return path.replace("\\", "/")


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _loose(path: str) -> str:
    """A path without its ending, in one spelling of accents."""
    folder, _, last = _slashes(unicodedata.normalize("NFC", path)).rpartition("/")
    return f"{folder}/{stem_of(last)}" if folder else stem_of(last)


def _looser(path: str) -> str:
    return _loose(path).casefold()
