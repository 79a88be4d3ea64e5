"""A table of images as text, independent of the file that it was read from."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field

from explorer.data.files.kinds import stem_of
from explorer.data.report import Report
from explorer.data.roles import read_name, words_of

NUMBER = "number"
"""Title of a column that numbers the images, as CUB-200 does."""
_OF_OTHERS = frozenset(("not", "exclude", "excluded", "removed", "ignore", "ignored", "without"))
SPLIT_OF_TABLE = "split of the table"
"""Title of a column with the split that a whole table belongs to."""


@dataclass
class Table:
    """A table as text.

    Attributes:
        files: the files that it was read from.
        columns: the cells of each column, by its title.
        folder: the folder, ending in ``/``, below which are the images that it may name.
        split: the split that all its rows belong to, if neither a folder nor a column gives it.
        is_used: whether it names any image.
        named: the rows that have been matched to an image so far.
        of_folders: the title of the column that names folders of images, if its rows were those.
    """

    files: Sequence[str]
    columns: dict[str, list[str]]
    folder: str
    split: str | None = None
    is_used: bool = False
    named: set[int] = field(default_factory=set)
    of_folders: str | None = None

    @property
    def name(self) -> str:
        """The name of its file, or of the first of several."""
        return self.files[0]

    @property
    def first(self) -> list[str]:
        """The cells of the first column, one for each row."""
        return next(iter(self.columns.values()))

    def told(self) -> dict[str, list[str]]:
        """Return the columns, with one for the split if the whole table belongs to one split."""
        if self.split is None or "split" in self.columns:
            return self.columns
        return {**self.columns, SPLIT_OF_TABLE: [self.split] * len(self.first)}


def role_of_table(name: str) -> str | None:
    """Return the split that a table's file name gives, as ``test_labels.csv`` does."""
    stem = stem_of(name)
    return read_name(stem).role if _OF_OTHERS.isdisjoint(words_of(stem)) else None


def by_rows(name: str, rows: Sequence[Sequence[str]], report: Report) -> dict[str, list[str]]:
    """Return the columns of rows whose first row has the titles.

    Rows with too few or too many cells are left out and reported.

    Raises:
        ValueError: more than half of the rows have too few or too many cells.
    """
    titles = [title.strip() for title in rows[0]] if rows else []
    count = len(titles)
    filled = [(number, row) for number, row in enumerate(rows[1:], 2) if any(row)]
    kept = [row for _, row in filled if len(row) >= count and not any(row[count:])]
    if odd := [(number, row) for number, row in filled if len(row) < count or any(row[count:])]:
        number, row = odd[0]
        told = f"row {number} has {len(row)} cells for {count} titles"
        if 2 * len(odd) > len(filled):
            raise ValueError(told)
        report.note(f"{len(odd):,} of {len(filled):,} rows of {name} are left out: {told}")
    return {
        title or f"Unnamed: {i}": [row[i].strip() for row in kept] for i, title in enumerate(titles)
    }


def decode(content: bytes) -> str:
    """Decode text in UTF-8 or as spreadsheets save it: UTF-16 with a BOM, or Windows-1252."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
