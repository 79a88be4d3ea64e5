"""Read labels from a file per image with its name: ``.cls``, ``.json``, Pascal VOC's ``.xml``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from explorer.data.files.kinds import suffix_of
from explorer.data.files.tree import UNREADABLE, Tree
from explorer.data.layouts.json_tables import SCALARS, columns_of_records
from explorer.data.layouts.labels import label_title
from explorer.data.layouts.table import Table, decode
from explorer.data.report import Report
from explorer.data.roles import read_name

_OBJECT = re.compile(r"<object>\s*<name>\s*([^<]*?)\s*</name>")


def read_beside_images(
    tree: Tree, names: Sequence[str], images: Sequence[str], report: Report
) -> list[Table]:
    """Make tables of files that each belong to an image, with its whole path in column ``image``.

    The first ``.json`` that can be read decides whether they are labels: it must hold a dictionary
    with a key that is a usual title of labels. Its keys are the columns.

    Args:
        names: names of the files that are not images.
        images: names of the images.
    """
    every = {suffix: [n for n in names if suffix_of(n) == suffix] for suffix in _READERS}
    known = _by_name(images) if any(every.values()) else {}
    tables = []
    for suffix, read in _READERS.items():
        files = {}
        for name in every[suffix]:
            path = name[: -len(suffix)]
            if image := known.get(path) or known.get(_beside(path)):
                files[name] = image
        if files and (columns := read(tree, [*files], report)):
            tables.append(Table([*files], {**columns, "image": [*files.values()]}, ""))
    return tables


def _by_name(images: Sequence[str]) -> dict[str, str]:
    """Return the images by the names that their label files may have, without the suffix.

    These are the image's path, its path without the ending, and the same name in a folder beside
    its own: ``labels/7.json`` for ``images/7.png``. Masks have none.
    """
    known: dict[str, str] = {}
    are_masks = {folder: _says_masks(folder) for folder in {*map(_folder, images)}}
    for image in [image for image in images if not are_masks[_folder(image)]] or images:
        stem = image.rpartition(".")[0]
        folder, slash, last = image.rpartition("/")
        key = folder + slash + last.partition(".")[0]  # up to the first dot, as in WebDataset
        for name in {image, stem, key, _beside(stem)}:
            known[name] = "" if name in known else image
    return known


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _says_masks(folder: str) -> bool:
    return any(read_name(part).is_masks for part in folder.split("/"))


def _beside(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder.rpartition('/')[0]}//{name}"


def _columns_of_classes(tree: Tree, names: Sequence[str], report: Report) -> dict[str, list[str]]:
    contents = [_read(tree, name) for name in names]
    if damaged := [name for name, text in zip(names, contents, strict=True) if text is None]:
        report.note(f"{len(damaged):,} of {len(names):,} .cls files are damaged: {damaged[0]}")
    return {"label": [(text or "").strip() for text in contents]}


def _columns_of_json(tree: Tree, names: Sequence[str], report: Report) -> dict[str, list[str]]:
    records: dict[str, dict[str, Any]] = {}
    titles: list[str] = []
    for name in names:
        try:
            content = json.loads(_read(tree, name) or "")
        except (ValueError, RecursionError):
            continue
        if not isinstance(content, dict) or (not records and label_title(content) is None):
            return {}  # it describes objects in the images, or something else
        titles = titles or [*content]
        records[name] = {
            title: content[title] for title in titles if isinstance(content.get(title), SCALARS)
        }
    damaged = [name for name in names if name not in records]
    unlabelled = [name for name, one in records.items() if one.get(label_title(one) or "") is None]
    if len(unlabelled) == len(records):
        return {}
    for kind, found in (("are damaged", damaged), ("give no single label", unlabelled)):
        if found:
            report.note(f"{len(found):,} of {len(names):,} .json files {kind}: {found[0]}")
    return columns_of_records([records.get(name, {}) for name in names], names[0], report)


def _columns_of_xml(tree: Tree, names: Sequence[str], report: Report) -> dict[str, list[str]]:
    """Return the class of all objects in each image, as in Pascal VOC, if none has several."""
    classes = [{*_OBJECT.findall(_read(tree, name) or "")} for name in names]
    if several := [name for name, found in zip(names, classes, strict=True) if len(found) > 1]:
        report.note(
            f"the .xml files are not used, as they give objects of several classes to "
            f"{len(several):,} of {len(names):,} images, such as {several[0]}"
        )
    if several or len(set[str]().union(*classes)) < 2:
        return {}
    return {"label": ["".join(found) for found in classes]}


_READERS = {".cls": _columns_of_classes, ".json": _columns_of_json, ".xml": _columns_of_xml}


def _read(tree: Tree, name: str) -> str | None:
    """Return the text in a file; None if it is damaged."""
    try:
        with tree.open(name) as file:
            return decode(file.read())
    except UNREADABLE:
        return None
