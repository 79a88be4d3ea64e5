"""Read tables whose rows are folders, such as a patient's: a row tells of all images in one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from explorer.data.layouts.labels import LABEL_NAMES, label_title
from explorer.data.layouts.row_names import Below, find_names, folder_of, path_of
from explorer.data.layouts.table import Table
from explorer.data.report import Report
from explorer.data.roles import joined_words

_MOST = 0.5
"""Share of the folders that have a row, and of the rows that have a folder, at least."""


def spread_over_folders(tables: Sequence[Table], files: Sequence[str], report: Report) -> None:
    """Give tables whose rows are folders a row for each image in these folders.

    Args:
        tables: tables beside images.
        files: names of the images.
    """
    for table in tables:
        below = Below(files, table.folder)
        paths = [*below.paths.values()]
        found = _find_folders(table, {*map(folder_of, paths)})
        if found is None or _tells_apart(table, below):
            continue
        title, row_of = found
        images = [path for path in paths if folder_of(path) in row_of]
        rows, cells = [row_of[folder_of(path)] for path in images], table.columns[title]
        report.note(
            f"a row of {table.name} tells of all images in a folder: {title} {cells[rows[0]]} of "
            f"{images[0]} and others"
        )
        if unused := len(cells) - len({*rows}):
            report.note(f"{unused:,} of {len(cells):,} rows of {table.name} name no folder")
        spread = {each: [column[row] for row in rows] for each, column in table.columns.items()}
        table.columns = {**spread, "path of the image": images}
        table.of_folders = title


def gives_classes_of(table: Table, folders: Sequence[str]) -> bool:
    """Whether a table has rows of these folders, and gives several of them one label."""
    label = label_title(table.columns)
    if table.of_folders is None or label is None:
        return False
    names = map(_plain, table.columns[table.of_folders])
    named = dict(zip(names, table.columns[label], strict=True))
    labels = [named[_plain(folder)] for folder in folders if _plain(folder) in named]
    return len(labels) >= _MOST * len(folders) and len({*labels}) < len(labels)


def _find_folders(table: Table, folders: Collection[str]) -> tuple[str, dict[str, int]] | None:
    """Return the title of the column that names folders, and the row of each folder.

    It may name folders around these. The titles of classes, such as ``breed``, do not count:
    folders of these names are classes.
    """
    titles = [title for title in table.columns if joined_words(title) not in LABEL_NAMES]
    for names in _levels(folders) if len(table.columns) > 1 else ():
        known = {*names.values()}
        for title in titles if len(known) > 1 else ():
            cells = table.columns[title]
            row_of = {_plain(cell): row for row, cell in enumerate(cells)}
            hits = len(known & row_of.keys())
            if len(row_of) == len(cells) and 1 < hits >= _MOST * max(len(known), len(cells)):
                return title, {path: row_of[n] for path, n in names.items() if n in row_of}
    return None


def _levels(folders: Collection[str]) -> Iterator[dict[str, str]]:
    """Yield, for each level of folders, the name on that level by the folder's path."""
    parts = {folder: folder.split("/") for folder in folders if folder}
    for level in range(max(map(len, parts.values()), default=0)):
        yield {path: _plain(each[level]) for path, each in parts.items() if len(each) > level}


def _plain(name: str) -> str:
    """Return a folder's name without the folders around it and without leading zeros."""
    return path_of(name.rstrip("/\\")).rpartition("/")[2].lstrip("0") or "0"


def _tells_apart(table: Table, below: Below) -> bool:
    """Whether a column names images, not only numbers that images of all folders have."""
    found = find_names(below, table.columns, is_list=False) if below.paths else None
    return found is not None and 2 * len(found[1].indices) > len(below.paths)
