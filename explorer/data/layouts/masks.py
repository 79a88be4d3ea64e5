"""Leave out the masks that lie beside images: in folders of their own, within classes, as files."""

from __future__ import annotations

import re
from dataclasses import replace

from explorer.data.files.names import Names
from explorer.data.files.tree import Parts
from explorer.data.layouts.folder import Folder, around_images
from explorer.data.layouts.row_names import stem_of
from explorer.data.report import Report
from explorer.data.roles import (
    read_name,
    words_of,
)

_MASK_OF = re.compile(
    r"(.+?)[ _.-](?:mask|segmentation|seg|gt|superpixels)(?:[ _.-]?\d+)?", re.IGNORECASE
)
"""The name of a mask, with the image's in it."""
_NEARLY_ALL = 0.9
"""Of the masks in a folder so many are called as an image is."""


def without_masks(folders: list[Folder], report: Report) -> list[Folder]:
    """Of ``images/`` and ``masks/`` side by side, keep the images; so within classes."""
    folders = _without_inner_masks(folders, report)
    tops = {folder.parts[0] for folder in folders if folder.parts}
    if not any(read_name(top).is_images for top in tops):
        return folders
    masks = {top for top in tops if read_name(top).is_masks}
    for folder in folders:
        if folder.parts[:1] and folder.parts[0] in masks:
            report.leave_out("masks beside the images", str(folder), len(folder.names))
    return [folder for folder in folders if not folder.parts or folder.parts[0] not in masks]


def _without_inner_masks(folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out folders of masks in a class, which are called as its images are."""
    masks = {folder.parts for folder in folders if _are_inner_masks(folder.parts)}
    if not masks:
        return folders
    around: dict[Parts, set[str]] = {}
    inside: dict[Parts, set[str]] = {}
    for folder in folders:
        if folder.parts:
            inside.setdefault(folder.parts[:-1], set()).add(folder.parts[-1])
        for place in {folder.parts, around_images(folder.parts)}:
            around.setdefault(place, set()).update(map(stem_of, folder.names))

    def are_of_images(folder: Folder) -> bool:
        *outer, last = folder.parts
        stems = around.get(tuple(outer))
        if not stems:
            return False
        beside = [read_name(name) for name in inside[tuple(outer)] - {last}]
        if beside and all(name.is_images for name in beside):
            return True
        called = sum(not stems.isdisjoint(_called(name)) for name in folder.names)
        return called >= _NEARLY_ALL * len(folder.names)

    kept = []
    for folder in folders:
        if folder.parts in masks and are_of_images(folder):
            report.leave_out("masks beside the images", str(folder), len(folder.names))
        else:
            kept.append(folder)
    return kept


def _are_inner_masks(parts: Parts) -> bool:
    """Whether a folder within others is called as masks are, in a single word."""
    return len(parts) > 1 and read_name(parts[-1]).is_masks and len(words_of(parts[-1])) == 1


def _called(mask: str) -> set[str]:
    """What the image of a mask may be called, without endings."""
    stem = stem_of(mask)
    match = _MASK_OF.fullmatch(stem)
    return {stem, match[1]} if match else {stem}


def without_mask_files(folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out files such as ``a_mask.png`` beside ``a.png``, where most images have one."""
    kept = []
    for folder in folders:
        matches = [_MASK_OF.fullmatch(stem_of(name)) for name in folder.names]
        if any(matches):
            stems = {*map(stem_of, folder.names)}
            masks = [
                name
                for name, match in zip(folder.names, matches, strict=True)
                if match and match[1] in stems
            ]
            masked = {match[1] for match in matches if match and match[1] in stems}
            images = len(folder.names) - len(masks)
            if masks and 2 * len(masked) >= images and len(masks) <= 2 * len(masked):
                report.leave_out("masks beside the images", f"{folder}/{masks[0]}", len(masks))
                left = {*masks}
                names = Names(name for name in folder.names if name not in left)
                folder = replace(folder, names=names)
        kept.append(folder)
    return kept
