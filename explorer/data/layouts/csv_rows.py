"""Read CSV files whose rows are images: a column for each pixel, or one with all pixels.

Only one block of rows is in memory at a time.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from explorer.data.files.archives import unpack
from explorer.data.files.kinds import suffix_of
from explorer.data.files.stored import Stored
from explorer.data.files.temporary import write_to_disk
from explorer.data.files.tree import Tree
from explorer.data.layouts.classify import classify, split_by_column, with_columns
from explorer.data.layouts.labels import ROW_INDEX, numbers_or_words, plain, with_points
from explorer.data.layouts.one_set import files_by_split
from explorer.data.reading import Reading
from explorer.data.report import Report, some
from explorer.data.roles import counts_up
from explorer.data.sources.arrays import arrange_images, as_images
from explorer.data.sources.source import Layout
from explorer.errors import DatasetError

PIXEL = re.compile(r"(pixels?|px|p|x|f|col|column)?[ _]?\d+([x_.]\d+)?")
"""Titles of columns with one pixel each."""
TEXT = (".txt", ".dat")
"""Endings of a single file that may hold numbers, as ``numpy.savetxt`` writes them."""
_NUMBER = re.compile(r"([-+]?(\d+[.,]?\d*|[.,]\d+)(e[-+]?\d+)?|nan)?", re.I)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_BLOCK = 2**24  # bytes
_SPOILED = (
    "the first line was an image that pandas took for titles and made unique (0.1, 0.2, …): it is "
    "left out; read the original with header=None"
)
_FIRST_LINES = 200  # lines that are inspected
_BETWEEN = str.maketrans(dict.fromkeys("[](),;", " "))  # separators in a cell of pixels


def find_in_csv(tree: Tree, names: Sequence[str], reading: Reading, report: Report) -> Layout:
    """Find images in CSV files: a column for each pixel, or one of pixels separated by spaces.

    Raises:
        DatasetError: there are no pixels in them.
    """
    read: dict[str, _Csv] = {}
    for name in names:
        try:
            read[name] = _Csv(tree, name)
        except DatasetError:
            if len(names) == 1:
                raise
            report.leave_out("tables without pixels", name)
    if not read:
        raise DatasetError(
            f"None of the CSV files in {tree.path} has a column for each pixel; expected a row for "
            "each image."
        )
    of_split = files_by_split(tree, [*read], reading.pick, report)
    by_role = {role: [read[name] for name in files] for role, files in of_split.items()}
    every = [table for tables in by_role.values() for table in tables]
    for table in every:
        table.find_pixels(every, report)
    found = {}
    for role, tables in by_role.items():
        columns = [table.columns() for table in tables]
        stored = [table.stored(own) for table, own in zip(tables, columns, strict=True)]
        source = as_images(stored, tree.path)
        found[role] = with_columns(source, columns, reading.label, report)
    origin = "text file" if suffix_of(names[0]) in TEXT else "CSV file"
    return classify(tree.path, origin, split_by_column(found, report), report, label=reading.label)


def size_of_csv(tree: Tree, name: str) -> tuple[int, int]:
    """Count the rows of pixels in a CSV file, and the pixels in each row.

    Raises:
        DatasetError: it is a table without pixels.
    """
    table = _Csv(tree, name)
    first = next(table.rows(), None)
    if first is None or arrange_images(first.shape) is None:
        return 0, 0
    return sum(map(len, table.rows())), first.shape[1]


class _Csv:
    """A CSV file whose columns are read block by block.

    Attributes:
        titles: titles of the columns; without a first line of titles, ``label`` and numbers.
        has_titles: whether there is a line of titles.
        guess: a note for the user on what was guessed about the titles; None without a guess.
        pixels: the titles of columns with one pixel each, or of the column with all pixels.
        is_packed: whether one column holds all pixels, separated by spaces.
    """

    def __init__(self, tree: Tree, name: str) -> None:
        self._tree, self._name = tree, name
        self.where = tree.where(name)
        self._is_spaced = False
        self.titles, self.has_titles, self.guess = _find_titles(self._first_rows())
        self._lines_before += self.has_titles
        packed = [title for title in self.titles if title.lower() in ("pixels", "pixel", "image")]
        self.pixels = packed[:1] or [t for t in self.titles if PIXEL.fullmatch(t.lower())]
        self.is_packed = bool(packed)
        if not packed and arrange_images((1, len(self.pixels))) is None:
            raise DatasetError(
                f"{self.where} must have a column for each pixel of a square, such as label, "
                f"pixel0, pixel1, …, or one called pixels, but has {len(self.titles)} columns: "
                f"{some(self.titles)}; a table of labels belongs beside its images."
            )
        twice = [title for title, count in Counter(self.titles).items() if title and count > 1]
        if twice:
            raise DatasetError(
                f"{self.where} has several columns called {twice[0]}; give each its own title."
            )

    def _first_rows(self) -> list[list[str]]:
        """Return the cells of the first lines, and find how the file is written.

        Raises:
            DatasetError: it is empty, or no text.
        """
        lines = self._first_lines()
        filled = [number for number, line in enumerate(lines) if line]
        if not filled:
            raise DatasetError(f"{self.where} is empty; copy or download it again.")
        while len(filled) > 1 and _is_remark(lines[filled[0]], lines[filled[1]]):
            filled.pop(0)
        before = self._lines_before = filled[0]
        if not "".join(lines[before].split()).isprintable():
            raise DatasetError(f"{self.where} is no text, as a CSV file must be; give another.")
        self._delimiter = _delimiter_of(lines[before])
        if self._delimiter == " ":
            self._is_spaced = self._encoding == "utf-8"
            lines = [" ".join(line.split()) for line in lines]
        rows = [
            [cell.strip().strip('"') for cell in line.split(self._delimiter)]
            for line in lines[before:]
            if line
        ]
        self._has_commas = any(_DECIMAL_COMMA.fullmatch(cell) for row in rows for cell in row)
        return rows

    def _first_lines(self) -> list[str]:
        """Read the first lines, and find the encoding."""
        with self._opened() as file:
            is_utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            file.seek(0)
            self._encoding = "utf-16" if is_utf16 else "utf-8"
            text = io.TextIOWrapper(file, "utf-16" if is_utf16 else "utf-8-sig", "replace")
            return [text.readline(2**24).strip("\r\n ") for _ in range(_FIRST_LINES)]

    def find_pixels(self, tables: Sequence[_Csv], report: Report) -> None:
        """Decide on the titles and the order of the columns, and report guesses.

        Args:
            tables: all files of the set; one without titles takes those of one as wide.
        """
        titled = (t for t in tables if t.has_titles and len(t.titles) == len(self.titles))
        if not self.has_titles and (other := next(titled, None)) is not None:
            self.titles, self.pixels = other.titles, other.pixels
            report.note(f"{self.where} has no titles: its columns are those of {other.where}")
        elif self.guess:
            report.note(self.guess)
        if not self.is_packed:
            self.pixels = in_order_of_pixels(self.pixels, report)

    def columns(self) -> dict[str, np.ndarray]:
        """Read all columns but the pixels, as plain labels, ``(n,)`` each."""
        import pyarrow

        pixels = {*self.pixels}
        others = [t for t in self.titles if t not in pixels and not ROW_INDEX.fullmatch(t)]
        if not others:
            return {}
        cells: dict[str, list[str]] = {title: [] for title in others}
        for block in self._blocks(others, pyarrow.string()):
            for title in others:
                cells[title] += [cell.strip() for cell in block[title].to_pylist()]
        return {
            title: plain(numbers_or_words(with_points(texts) if self._has_commas else texts), title)
            for title, texts in cells.items()
        }

    def stored(self, columns: Mapping[str, np.ndarray]) -> Stored:
        """Return the pixels as a stored array, given the other columns.

        Raises:
            DatasetError: there are none, or those of a single picture.
        """
        first = next(self.rows(), None)
        if first is None:
            raise DatasetError(f"{self.where} has titles, but no images below them.")
        own = next(iter(columns.values()), None)
        shape = sum(map(len, self.rows())) if own is None else len(own), first.shape[1]
        if own is None and shape[0] == shape[1]:
            raise DatasetError(
                f"{self.where} has as many rows as columns, {shape[0]}, as a single picture has; "
                "give a row for each of several images."
            )
        return Stored(self.where, shape, first.dtype, self.rows, "CSV file")

    def rows(self) -> Iterator[np.ndarray]:
        """Yield the pixels in blocks of ``(k, pixels)`` float32."""
        import pyarrow

        kind = pyarrow.string() if self.is_packed else pyarrow.float32()
        for block in self._blocks(self.pixels, kind):
            if self.is_packed:
                texts = [text.translate(_BETWEEN) for text in block[self.pixels[0]].to_pylist()]
                try:
                    rows = [np.fromstring(text, np.float32, sep=" ") for text in texts]
                except ValueError as error:
                    raise DatasetError(
                        f"{self.where} must hold numbers with spaces between them as "
                        f"{self.pixels[0]}, but holds other words too."
                    ) from error
                if len({len(row) for row in rows}) > 1:
                    raise DatasetError(
                        f"The images in {self.where} differ in their number of pixels."
                    )
                yield np.stack(rows)
            else:
                yield np.stack(
                    [column.to_numpy(zero_copy_only=False) for column in block.columns], axis=1
                )

    def _opened(self) -> IO[bytes]:
        file = unpack(self._tree.local(self._name), self.where)
        if self._is_spaced:  # runs of spaces become one
            with file:
                return write_to_disk(b" ".join(line.split()) + b"\n" for line in file)
        return file

    def _blocks(self, titles: Sequence[str], kind: Any) -> Iterator[Any]:
        from pyarrow import ArrowException, csv

        try:
            with (
                self._opened() as file,
                csv.open_csv(
                    file,
                    csv.ReadOptions(
                        block_size=_BLOCK,
                        column_names=self.titles,
                        skip_rows=self._lines_before,
                        encoding=self._encoding,
                    ),
                    csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=False),
                    csv.ConvertOptions(
                        include_columns=list(titles),
                        column_types=dict.fromkeys(titles, kind),
                        decimal_point="," if self._has_commas else ".",
                    ),
                ) as reader,
            ):
                yield from reader
        except ArrowException as error:
            raise DatasetError(f"{self.where} cannot be read as CSV: {error}.") from error


def _is_remark(line: str, following: str) -> bool:
    """Whether a line that begins with ``#`` is a comment: the next has another number of cells."""
    mark = _delimiter_of(following)
    cells = line.lstrip("# ").split(mark)
    return line.startswith("#") and len(cells) != len(following.split(mark))


def _delimiter_of(line: str) -> str:
    """Return the separator of a line's cells; if it is not a comma, commas may be decimal."""
    fitting = (mark for mark in "\t;" if mark in line and 2 * line.count(mark) >= line.count(","))
    return next(fitting, " " if " " in line and "," not in line else ",")


def in_order_of_pixels(titles: Sequence[str], report: Report) -> list[str]:
    """Sort titles of one pixel each by number; if that is ambiguous, keep their order."""
    numbers = [tuple(map(int, re.findall(r"\d+", title))) for title in titles]
    in_order = [titles[i] for i in sorted(range(len(titles)), key=numbers.__getitem__)]
    if in_order == [*titles]:
        return in_order
    if {*map(len, numbers)} == {1}:
        report.note(
            f"the columns {titles[0]}, {titles[1]}, … are taken in the order of their numbers"
        )
        return in_order
    report.note(
        f"the columns {titles[0]}, {titles[1]}, … are taken as they stand, row by row; if they "
        "are an image's columns one after the other, save them as a NumPy array"
    )
    return [*titles]


def _find_titles(rows: Sequence[list[str]]) -> tuple[list[str], bool, str | None]:
    """Return the titles of the columns, whether the first row has them, and what was guessed.

    Without titles in that row, a column of words, or else the first or last column, is ``label``,
    and the others are ``pixel0``, ….
    """
    first = [rows[0][0].lstrip("# "), *rows[0][1:]]  # numpy.savetxt puts "# " before titles
    words = [place for place, cell in enumerate(first) if not _NUMBER.fullmatch(cell)]
    numbers = [cell for cell in first if cell and _NUMBER.fullmatch(cell)]
    below = [row for row in rows[1:] if len(row) == len(first)]
    has_words_below = any(not _NUMBER.fullmatch(row[place]) for row in below for place in words)
    if words and (2 * len(words) >= len(first) or not has_words_below or counts_up(numbers)):
        return first, True, None
    if words:
        titles = [f"pixel{place}" for place in range(len(first))]
        for place in words:
            titles[place] = "label" if len(words) == 1 else f"words {place + 1}"
        told = "the column of words is taken as the label"
        if len(words) > 1:
            told = f"columns of words are called {', '.join(titles[place] for place in words)}"
        return titles, False, f"without titles, {told}"
    start = int(len(first) > 1 and not first[0])  # an index, as pandas writes it
    is_spoiled = _were_made_unique(first)
    has_titles = is_spoiled or counts_up(first[start:])  # pandas counts columns
    titles = ["" if number < start else f"pixel{number}" for number in range(len(first))]
    spoiled = f"{_SPOILED}; " if is_spoiled else ""
    if arrange_images((1, len(first) - start)) is not None:
        return titles, has_titles, _SPOILED if is_spoiled else None
    whole = [row for row in rows[has_titles:] if len(row) == len(first)]
    firsts, lasts = ({row[place] for row in whole} for place in (start, -1))
    is_last = len(lasts) > 1 and (len(firsts) == 1 or len(lasts) < len(firsts))  # few values
    titles[-1 if is_last else start] = "label"
    which = "last" if is_last else "first"
    told = f"without titles, the {which} column is taken as the label"
    return titles, has_titles, spoiled + told


def _were_made_unique(cells: list[str]) -> bool:
    """Whether a row holds numbers that pandas took for titles and made unique: 0, 0.1, 0.2, …"""
    seen: Counter[str] = Counter()
    for cell in filter(None, cells):
        base, _, count = cell.partition(".")
        if count != str(seen[base] or ""):
            return False
        seen[base] += 1
    return max(seen.values(), default=0) > 2
