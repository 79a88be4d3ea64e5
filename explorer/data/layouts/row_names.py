"""Find the column of a table that names the images, by path, file name, stem or number.

If no column has their exact names, one may hold the paths of another machine, the names of only a
few images, or names that differ in case, accents or endings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import commonprefix

from explorer.data.files.kinds import stem_of, suffix_of
from explorer.data.pixels import FORMAT_OF_SUFFIX
from explorer.data.roles import counts_up, joined_words, words_of

_KEYS: tuple[tuple[int, Callable[[str], str]], ...] = (
    (0, lambda path: path),
    (0, lambda path: path.partition("/")[2]),  # below one folder around all images
    (1, lambda path: path.rpartition(".")[0]),
    (1, lambda path: path.partition("/")[2].rpartition(".")[0]),
    (0, lambda path: _last(path)),
    (1, stem_of),
    (2, lambda path: stem_of(path).lstrip("0") or "0"),
    (3, lambda path: _number_at_end(path)),
)
"""What a column may call an image, from its path below the table, and how exactly, see `Way`; the
last needs a title in `_IDS`."""
_IDS = frozenset(("id", "image", "img", "imageid", "index", "number", "file", "filename"))
_OF_IMAGES = frozenset(("file", "filename", "path", "image", "img", "photo", "picture", "name"))
_OF_ROWS = frozenset(("index", "idx", "unnamed", "row", "key", "no", "nr"))
_OF_OTHERS = frozenset(("original", "source", "url", "old", "prev", "previous", "next", "mask"))
"""Title words of columns that probably name images, count rows, or name other things."""
_MANY_CELLS = 2_000  # cells of a longer column that are checked first
_SAMPLE = 500  # images against which a column is checked
_MANY, _NEARLY_ALL = 0.4, 0.9
"""Share of the images, and of a column's cells, above which a column is taken to name images."""
_ENDING = re.compile(r"[ _.-][^\W\d_]\w*$")
_AS_MANY = 0.9
"""A column that names at least this share of what the fullest one names may win by better names."""


@dataclass(frozen=True, eq=False)
class Way:
    """A way in which a column may name images.

    Attributes:
        of_cell: returns the image name in a cell.
        of_path: returns an image's name from its path.
        paths: the paths of the images, by index.
        exactness: 0 for file names, 1 for file names without ending, 2 for these also without
            leading zeros, 3 for the number in the name only.
        is_loose: whether the names match only approximately.
    """

    of_cell: Callable[[str], str]
    of_path: Callable[[str], str]
    paths: Mapping[int, str]
    exactness: int = 0
    is_loose: bool = False

    @property
    def is_number(self) -> bool:
        """Whether only the number in the name is compared."""
        return self.exactness == 3

    @cached_property
    def indices(self) -> dict[str, list[int]]:
        """The indices of the images with each name."""
        found: dict[str, list[int]] = {}
        for index, path in self.paths.items():
            found.setdefault(self.of_path(path), []).append(index)
        return found

    @cached_property
    def _sample(self) -> list[str]:
        paths = [*self.paths.values()]
        return [self.of_path(path) for path in paths[:: max(1, len(paths) // _SAMPLE)]]

    def share(self, known: Collection[str]) -> float:
        """Return the share of images whose names are among the known ones."""
        return sum(name in known for name in self._sample) / len(self._sample)

    def share_of_cells(self, cells: Sequence[str]) -> float:
        """Return the share of cells that name an image."""
        return sum(self.of_cell(cell) in self.indices for cell in cells) / len(cells)


class Below:
    """The images below a folder.

    Attributes:
        paths: paths relative to the folder, by the images' indices.
    """

    def __init__(self, files: Sequence[str], folder: str) -> None:
        self.paths = {
            index: name.removeprefix(folder)
            for index, name in enumerate(files)
            if name.startswith(folder)
        }

    @cached_property
    def ways(self) -> list[Way]:
        """The ways in which a column may name the images, the plainest first."""
        plain = [Way(path_of, key, self.paths, exactness) for exactness, key in _KEYS]
        ending = Way(_by_ending(self.paths.values(), _slashes), _slashes, self.paths)
        start = commonprefix([*self.paths.values()]).rpartition("/")[0]
        below = Way(path_of, lambda path: path.removeprefix(f"{start}/"), self.paths)
        return [plain[0], ending, *[below] * ("/" in start), *plain[1:]]

    @cached_property
    def loose_ways(self) -> list[Way]:
        """The ways for names that differ in endings or accents, then those that differ in case."""
        spellings = _loose, lambda path: _loose(path).casefold()
        every = [way for spell in spellings for way in self._loosely(spell)]
        if ending := common_ending(map(stem_of, self.paths.values())):

            def core(path: str) -> str:
                return stem_of(path).removesuffix(ending)

            every.append(Way(core, core, self.paths, is_loose=True))
        return [way for way in every if len(way.indices) == len(self.paths)]

    def _loosely(self, spell: Callable[[str], str]) -> Iterator[Way]:
        yield Way(_by_ending(self.paths.values(), spell), spell, self.paths, is_loose=True)

        def last(name: str) -> str:
            return _last(spell(name))

        yield Way(last, last, self.paths, is_loose=True)


def _by_ending(files: Iterable[str], spell: Callable[[str], str]) -> Callable[[str], str]:
    """Find the longest ending of a cell that is an image's path, for another machine's paths."""
    paths = {*map(spell, files)}

    def ending_of(cell: str) -> str:
        parts = spell(cell).split("/")
        endings = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((ending for ending in endings if ending in paths), "")

    return ending_of


def find_names(
    below: Below, columns: Mapping[str, Sequence[str]], *, is_list: bool
) -> tuple[str, Way] | None:
    """Return the title of the column that names the images, and how; None if there is none.

    Args:
        below: the images, at least one.
        columns: the columns of the table.
        is_list: whether the table's name says that it lists some of the images.
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
    """Whether cells are names of image files, judged by the first ten."""
    return bool(cells) and all(suffix_of(cell) in FORMAT_OF_SUFFIX for cell in cells[:10])


def is_named_as(value: str, file: str) -> bool:
    """Whether a cell names an image, in any of the plain ways."""
    return any(key(file) == path_of(value) for _, key in _KEYS) or file.endswith(value)


def folder_of(cell: str) -> str:
    """Return the folder of a path in a table, from any operating system, with ``/``."""
    return _slashes(cell).rpartition("/")[0]


def path_of(cell: str) -> str:
    """Convert a path in a table to the tree's form; an absolute path or URL keeps its last part."""
    cell = _slashes(cell)
    return _last(cell) if cell.startswith("/") or ":" in cell else cell.lstrip("./")


def _find_plain_names(below: Below, titles: Mapping[str, Sequence[str]]) -> tuple[str, Way] | None:
    """Return the column with the most exact names among those that name about as many images.

    Row numbers are often the numbers of other images, so a column of file names is preferred, and
    so is one whose title says that it names images.
    """
    found: list[tuple[float, str, Way]] = []
    for title, cells in titles.items():
        if len(cells) > _MANY_CELLS:
            some = cells[:: len(cells) // _MANY_CELLS]
            if not any(way.share_of_cells(some) > 0 for way in below.ways):
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
            counts_up(cells),
            way.exactness,
            -round(share, 2),
            _rank(title),
            -share,
        )

    best = min(found, key=doubt, default=None)
    return best and best[1:]


def _rank(title: str) -> int:
    """Rank how likely a column with this title names images: 0 most, 3 least."""
    words = {*words_of(title)}
    if words & _OF_IMAGES:
        return 0
    is_of_rows = not words or words & _OF_ROWS
    return 3 if is_of_rows else 1 if "id" in words else 2


def _find_few_names(
    below: Below, titles: Mapping[str, Sequence[str]], is_list: bool
) -> tuple[str, Way] | None:
    """Return the column of a table with few of the images, nearly all of whose cells name one."""
    ways = sorted(below.ways, key=lambda way: way.exactness)
    for way in (way for way in ways if way.exactness < 2):
        for title in sorted(titles, key=_rank):
            cells = titles[title]
            if (is_list or are_files(cells)) and way.share_of_cells(cells) > _NEARLY_ALL:
                return title, way
    return None


def _find_loose_names(below: Below, titles: Mapping[str, Sequence[str]]) -> tuple[str, Way] | None:
    """Return the column whose names match those of the images approximately."""
    for way in below.loose_ways:
        for title, cells in titles.items():
            if way.share({*map(way.of_cell, cells)}) > _MANY:
                return title, way
    return None


def _number_at_end(path: str) -> str:
    """Return the last number in a name: ``"img_0012.png"`` → ``"12"``."""
    match = re.search(r"0*(\d+)\D*$", stem_of(path))
    return match[1] if match else path


def common_ending(stems: Iterable[str]) -> str:
    """Return the word that ends all names, such as ``_leftImg8bit``; empty if there is none."""
    every = {*stems}
    match = _ENDING.search(commonprefix([stem[::-1] for stem in every])[::-1])
    return match[0] if match and len(every) > 1 else ""


def _slashes(path: str) -> str:
    return path.replace("\\", "/")


def _last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _loose(path: str) -> str:
    """Return a path without its ending, with accents in composed form (Unicode NFC)."""
    folder, _, last = _slashes(unicodedata.normalize("NFC", path)).rpartition("/")
    return f"{folder}/{stem_of(last)}" if folder else stem_of(last)
