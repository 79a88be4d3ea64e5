"""Read columns from JSON in the structures in which labels are usually stored."""

from __future__ import annotations

from typing import Any

from explorer.data.layouts.labels import label_title
from explorer.data.layouts.row_names import are_files
from explorer.data.report import Report
from explorer.data.roles import all_name_splits
from explorer.errors import DatasetError

FILE = "file name"
"""Title of the column with the images' names, where JSON has no title."""
SCALARS = (str, int, float, type(None))
"""Types of the values that cells of a table have."""


def columns_of_json(name: str, content: Any, report: Report) -> dict[str, list[str]]:
    """Return the columns in a JSON file; none if its structure is not known.

    Known are labels by file, files by label, records by file, columns by title, lists of labels,
    records or pairs, also as the only list in a dictionary (StyleGAN's ``dataset.json``), COCO, and
    the exports of Label Studio and VIA.

    Raises:
        DatasetError: it gives an image several labels.
    """
    if isinstance(content, list):
        if content and all(isinstance(label, (str, int)) for label in content):
            return {"label": [*map(cell, content)]}
        is_pairs = all(isinstance(row, list) and len(row) == 2 for row in content)
        return _columns_of_pairs(content) if is_pairs else columns_of_records(content, name, report)
    if not isinstance(content, dict):
        return {}
    if {"images", "annotations"} <= content.keys():
        return _columns_of_coco(name, content)
    content = content.get("_via_img_metadata", content)
    values = [*content.values()]
    are_dicts = all(isinstance(value, dict) for value in values)
    if label_title(content) and are_dicts and len(values) > len({*map(tuple, values)}) == 1:
        return {title: [*map(cell, cells.values())] for title, cells in content.items()}  # pandas'
    if values and all_name_splits(content) and are_dicts:
        return _columns_of_splits(name, content, report)
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) == 1 and all(isinstance(row, (dict, list)) for row in lists[0]):
        columns = columns_of_json(name, lists[0], report)
        return columns if len(columns) > 1 else {}  # else it lists objects in one image
    if isinstance(labels := content.get(label_title(content) or ""), dict):
        return columns_of_json(name, labels, report)  # {"labels": {…}}
    if len(lists) == len(values) > 0:
        if len({*map(len, lists)}) == 1 and label_title(content) is not None:
            return {title: [*map(cell, cells)] for title, cells in content.items()}
        return _columns_of_lists(name, content)
    if are_dicts:
        records = [{FILE: key, **about} for key, about in content.items()]
        return columns_of_records(records, name, report)
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


def _columns_of_splits(name: str, content: dict[str, Any], report: Report) -> dict[str, list[str]]:
    """Return the columns of all splits, concatenated, with a column that gives the split."""
    parts = {split: columns_of_json(name, part, report) for split, part in content.items() if part}
    first = next(iter(parts.values()), {})
    titles = [title for title in first if all(title in part for part in parts.values())]
    columns = {title: [c for part in parts.values() for c in part[title]] for title in titles}
    counts = {split: len(next(iter(part.values()), ())) for split, part in parts.items()}
    splits = [split for split, count in counts.items() for _ in range(count)]
    return {**columns, "split": splits} if columns else {}


def columns_of_records(records: list[Any], name: str, report: Report) -> dict[str, list[str]]:
    """Return the columns of dictionaries that hold only numbers, words or missing values.

    Dictionaries within them give further columns. Beside names of image files, columns of anything
    else are reported.
    """
    if not all(isinstance(record, dict) for record in records):
        return {}
    records = [*map(_flat, records)]
    titles = dict.fromkeys(title for record in records for title in record)
    columns = {
        title: [cell(record.get(title)) for record in records]
        for title in titles
        if all(isinstance(record.get(title), SCALARS) for record in records)
    }
    if any(map(are_files, columns.values())):
        for title in (title for title in titles if title not in columns):
            report.leave_out("columns of neither numbers nor words", f"{title} of {name}")
    return columns


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the content of the dictionaries in it, and with choices."""
    flat = {title: value for title, value in record.items() if not isinstance(value, dict)}
    if chosen := _choices(record):
        del flat["annotations"]
    for about in (*(value for value in record.values() if isinstance(value, dict)), chosen):
        flat |= {title: value for title, value in about.items() if title not in flat}
    return flat


def _choices(record: dict[str, Any]) -> dict[str, str]:
    """Return the choices of the first annotator in Label Studio, by the name of each question.

    Format: https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks.
    """
    try:
        results = [one for one in record["annotations"][0]["result"] if one["type"] == "choices"]
        return {one["from_name"]: ", ".join(one["value"]["choices"]) for one in results}
    except (KeyError, IndexError, TypeError):
        return {}


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
    columns = {FILE: [file for file, _ in pairs], title: [value for _, value in pairs]}
    return {
        title: [*map(cell, values)]
        for title, values in columns.items()
        if values and all(isinstance(value, SCALARS) for value in values)
    }
