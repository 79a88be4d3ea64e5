"""Leave out the masks that lie beside images: in folders of their own, within classes, as files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from explorer.data.files.names import Names
from explorer.data.files.tree import Parts
from explorer.data.layouts.folder import Folder
from explorer.data.layouts.row_names import common_ending, stem_of
from explorer.data.report import Report
from explorer.data.roles import read_name, says_only_masks, words_of

_MASK_OF = re.compile(
    r"(.+?)[ _.-](?:mask|segmentation|seg|gt|superpixels)(?:[ _.-]?\d+)?", re.IGNORECASE
)
"""The name of a mask, with the image's in it."""
_WITH_OR_WITHOUT = frozenset(("with", "without", "no", "non", "not"))
_NEARLY_ALL = 0.9
"""Of the masks in a folder so many are called as an image is."""


def without_masks(folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out folders that are called as masks are, where their files belong to images.

    They do if all beside them are called ``images``, or if nearly all of the files are called as
    images around are.
    """
    levels = {folder.parts: _level_of_masks(folder.parts) for folder in folders}
    outers = {parts[:level] for parts, level in levels.items() if level is not None}
    if not outers:
        return folders
    beside: dict[Parts, set[str]] = {}
    stems: dict[Parts, set[str]] = {}
    for folder in folders:
        are_images = levels[folder.parts] is None
        cores = _with_cores(map(stem_of, folder.names)) if are_images else ()
        for length in range(len(folder.parts) + 1):
            if (outer := folder.parts[:length]) in outers:
                beside.setdefault(outer, set()).update(folder.parts[length : length + 1])
                if are_images:
                    stems.setdefault(outer, set()).update(cores)
    kept = []
    for folder in folders:
        level = levels[folder.parts]
        around = folder.parts[:level]
        if level is not None and around in stems and _are_masks(
            folder, level, beside[around] - {folder.parts[level]}, stems[around]
        ):  # fmt: skip
            report.leave_out("masks beside the images", str(folder), len(folder.names))
        else:
            kept.append(folder)
    return kept


def _level_of_masks(parts: Parts) -> int | None:
    """Which part of a folder's path says that masks are in it; below the first, it says only so."""
    for level, part in enumerate(parts):
        if read_name(part).is_masks and (level == 0 or says_only_masks(part)):
            return level
    return None


def _are_masks(folder: Folder, level: int, beside: set[str], stems: set[str]) -> bool:
    """Whether files of a folder that is called as masks are belong to images of these stems."""
    if any(map(_tells_apart, beside)):
        return False
    are_images = [name.is_images for name in map(read_name, beside) if not name.is_masks]
    if are_images and (any(are_images) if level == 0 else all(are_images)):
        return True
    is_plain = says_only_masks(folder.parts[level])
    called = sum(not stems.isdisjoint(_called(name, is_plain)) for name in folder.names)
    return called >= _NEARLY_ALL * len(folder.names)


def _tells_apart(name: str) -> bool:
    """Whether a folder is a class of faces with or without a mask: ``nomask``, ``without_mask``."""
    says_which = not _WITH_OR_WITHOUT.isdisjoint(words_of(name))
    return "mask" in name.casefold() and (says_which or not read_name(name).is_masks)


def _called(mask: str, may_be_the_same: bool) -> set[str]:
    """What the image of a mask may be called: as it, or as it begins."""
    stem = stem_of(mask)
    found = {stem[: match.start()] for match in re.finditer(r"[ _.-]", stem)}
    if may_be_the_same:
        found.add(stem)
    return found | {name.lstrip("0") or "0" for name in found}


def _with_cores(stems: Iterable[str]) -> set[str]:
    """Stems, and the same without a word at the end that all have."""
    every = {*stems}
    ending = common_ending(every)
    return every | {stem.removesuffix(ending) for stem in every}


def without_mask_files(folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out files such as ``a_mask.png`` beside ``a.png``, where most images have one."""
    kept = []
    for folder in folders:
        matches = [_MASK_OF.fullmatch(stem_of(name)) for name in folder.names]
        if any(matches):
            stems = {*map(stem_of, folder.names)}
            stems |= _with_cores(
                stem_of(name)
                for name, match in zip(folder.names, matches, strict=True)
                if not match
            )
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
