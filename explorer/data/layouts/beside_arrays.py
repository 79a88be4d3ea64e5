"""Read labels from tables beside arrays: a row for each image, in the order of the array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from explorer.data.files.kinds import stem_of
from explorer.data.files.stored import Stored, stored_array
from explorer.data.files.tree import Tree
from explorer.data.layouts.array_names import key_of
from explorer.data.layouts.labels import as_words, label_title, numbers_or_words, plain
from explorer.data.layouts.table_files import is_table, read_tables
from explorer.data.layouts.tables import labels_alone, note_order
from explorer.data.report import Report


def read_labels_beside(
    tree: Tree, names: Sequence[str], arrays: Mapping[str, Stored], report: Report
) -> dict[str, tuple[str, Stored]]:
    """Read labels for arrays without labels from tables with as many rows.

    Args:
        names: names of the files that are not arrays.
        arrays: the arrays by name.

    Returns:
        For each table by its name, a name for its labels, and the labels.
    """
    found: dict[str, tuple[str, Stored]] = {}
    if any(key_of(name).is_labels for name in arrays):
        return found
    counts = {len(array) for array in arrays.values() if array.shape}
    for table in read_tables(tree, [name for name in names if is_table(name)], [()], report):
        name, stem = table.name, stem_of(table.name)
        if cells := _labels_of(table.columns, name, counts):
            key = stem if key_of(stem).is_labels else f"{stem} labels"
            labels = plain(numbers_or_words(cells), name)
            found[name] = key, stored_array(key, labels, "table")
            words = as_words(labels[[0, -1]]).tolist()
            note_order(name, words, ("image 0", f"image {len(labels) - 1:,}"), report)
    return found


def _labels_of(columns: Mapping[str, list[str]], name: str, counts: set[int]) -> list[str] | None:
    """Return the column of labels if it has a row for each image, in the order of the images.

    None if another column numbers the rows in a different order.
    """
    if len(columns) == 1:
        every = [labels_alone(columns, name, count) for count in counts]
        return next((cells for cells in every if cells and len(cells) in counts), None)
    title = label_title(columns)
    if title is None or len(columns[title]) not in counts:
        return None
    for other in columns:
        try:
            numbers = np.array(columns[other], float)  # also with leading zeros
        except ValueError:
            continue
        steps = np.diff(np.sort(numbers))
        if other != title and np.all(steps == 1) and np.any(np.diff(numbers) != 1):
            return None
    return columns[title]
