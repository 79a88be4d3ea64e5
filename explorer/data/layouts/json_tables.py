"""Read columns from JSON in the structures in which labels are usually stored."""

from __future__ import annotations

from typing import Any

from explorer.data.layouts.labels import label_title
from explorer.data.roles import all_name_splits
from explorer.errors import DatasetError

FILE = "file name"
"""Title of the column with the images' names, where JSON has no title."""
SCALARS = (str, int, float, type(None))
"""Types of the values that cells of a table have."""


def columns_of_json(name: str, content: Any) -> dict[str, list[str]]:
    """Return the columns in a JSON file; none if its structure is not known.

    Known are labels by file, files by label, records by file, columns by title, lists of labels,
    records or pairs, also as the only list in a dictionary (StyleGAN's ``dataset.json``), and COCO.

    Raises:
        DatasetError: it gives an image several labels.
    """
    if isinstance(content, list):
        if content and all(isinstance(label, (str, int)) for label in content):
            return {"label": [*map(cell, content)]}
        is_pairs = all(isinstance(row, list) and len(row) == 2 for row in content)
        return _columns_of_pairs(content) if is_pairs else columns_of_records(content)
    if not isinstance(content, dict):
        return {}
    if {"images", "annotations"} <= content.keys():
        return _columns_of_coco(name, content)
    values = [*content.values()]
    are_dicts = all(isinstance(value, dict) for value in values)
    if label_title(content) and are_dicts and len(values) > len({*map(tuple, values)}) == 1:
        return {title: [*map(cell, cells.values())] for title, cells in content.items()}  # pandas'
    if values and all_name_splits(content) and are_dicts:
        return _columns_of_splits(name, content)
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) == 1 and all(isinstance(row, (dict, list)) for row in lists[0]):
        columns = columns_of_json(name, lists[0])
        return columns if len(columns) > 1 else {}  # else it lists objects in one image
    if isinstance(labels := content.get(label_title(content) or ""), dict):
        return columns_of_json(name, labels)  # {"labels": {…}}
    if len(lists) == len(values) > 0:
        if len({*map(len, lists)}) == 1 and label_title(content) is not None:
            return {title: [*map(cell, cells)] for title, cells in content.items()}
        return _columns_of_lists(name, content)
    if are_dicts:
        return columns_of_records([{FILE: key, **about} for key, about in content.items()])
    return _columns_of_pairs([*content.items()])


def _columns_of_coco(name: str, content: dict[str, Any]) -> dict[str, list[str]]:
    """Return the category of each image; format: https://cocodataset.org/#format-data.

    Raises:
        DatasetError: an image has several, or an annotation has none, or there is only one.
    """
    unused = f"{name} is not used: for classes, each image needs one category (COCO), but "
    try:
        titles = {one["id"]: one["name"] for one in content.get("categories", ())}
        files = {one["id"]: one["file_name"] for one in content["images"]}
        every = [(one["image_id"], titles[one["category_id"]]) for one in content["annotations"]]
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{unused}some annotation has none.") from error
    if len(titles) < 2:
        raise DatasetError(f"{name} is not used: all of its objects are of one category (COCO).")
    pairs = [(files[image], title) for image, title in dict.fromkeys(every) if image in files]
    if len({file for file, _ in pairs}) < len(pairs):
        raise DatasetError(f"{unused}some image has objects of several.")
    return _columns_of_pairs(pairs)


def _columns_of_splits(name: str, content: dict[str, Any]) -> dict[str, list[str]]:
    """Return the columns of all splits, concatenated, with a column that gives the split."""
    parts = {split: columns_of_json(name, part) for split, part in content.items() if part}
    first = next(iter(parts.values()), {})
    titles = [title for title in first if all(title in part for part in parts.values())]
    columns = {title: [c for part in parts.values() for c in part[title]] for title in titles}
    counts = {split: len(next(iter(part.values()), ())) for split, part in parts.items()}
    splits = [split for split, count in counts.items() for _ in range(count)]
    return {**columns, "split": splits} if columns else {}


def columns_of_records(records: list[Any]) -> dict[str, list[str]]:
    """Return the columns of dictionaries, if they hold only numbers, words or missing values."""
    if not all(isinstance(record, dict) for record in records):
        return {}
    titles = dict.fromkeys(title for record in records for title in record)
    return {
        title: [cell(record.get(title)) for record in records]
        for title in titles
        if all(isinstance(record.get(title), SCALARS) for record in records)
    }


def cell(value: object) -> str:
    """Return a value as the text of a table's cell."""
    return "" if value is None else str(value)


def _columns_of_lists(name: str, lists: dict[str, list[Any]]) -> dict[str, list[str]]:
    """Return the columns of lists of files by label or by split, or lists of one label by file."""
    pairs = [(one, key) for key, several in lists.items() for one in several]
    if len(pairs) > len({str(one) for one, _ in pairs}) and len(pairs) > len(lists):
        raise DatasetError(
            f"{name} gives several labels to an image, so that none is used: as classes, give one "
            "for each."
        )
    return _columns_of_pairs(pairs, "split" if all_name_splits(lists) else "label")


def _columns_of_pairs(pairs: list[Any], title: str = "label") -> dict[str, list[str]]:
    return columns_of_records([{FILE: file, title: value} for file, value in pairs])
