"""Leave out masks beside images: in folders of their own, inside classes, or as single files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, compress
from typing import NamedTuple

import numpy as np
from PIL.Image import Resampling

from explorer.core.subsets import evenly_spaced
from explorer.data.files.kinds import stem_of
from explorer.data.files.names import Names
from explorer.data.files.tree import Parts, Tree
from explorer.data.layouts.folder import Folder, around_images
from explorer.data.layouts.row_names import common_ending
from explorer.data.pixels import open_image
from explorer.data.report import Report
from explorer.data.roles import read_name, says_only_masks

_MASK_OF = re.compile(
    r"(.+?)[ _.-](?:mask|segmentation|seg|gt|superpixels)(?:[ _.-]?\d+)?", re.IGNORECASE
)
"""The name of a mask, which begins with the image's name."""
_NEARLY_ALL = 0.9
"""Share of a folder's masks that must have an image's name, and of a mask's pixels in few colours.
"""
_SAMPLE = 3  # files of a folder whose pixels are examined
_SIDE = 64  # pixels a side, to which they are reduced
_FEW_COLOURS = 8
"""Colours that make up nearly all of a mask; 8 neighbouring levels count as one, for JPEG noise."""


def without_masks(tree: Tree, folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out folders that are named like masks if their files belong to images around them.

    They do if the folders beside them are named ``images``, if nearly all of the files have an
    image's name with a word added, or if they have the images' names and look like masks.
    """
    levels = {folder.parts: _level_of_masks(folder.parts) for folder in folders}
    outers = {parts[:level] for parts, level in levels.items() if level is not None}
    if not outers:
        return folders
    inside: dict[Parts, list[Folder]] = {}
    for folder in folders:
        for length in range(len(folder.parts) + 1):
            if folder.parts[:length] in outers:
                inside.setdefault(folder.parts[:length], []).append(folder)
    around = {}
    for outer, there in inside.items():
        images = [folder for folder in there if levels[folder.parts] is None]
        stems = [_with_cores(map(stem_of, folder.names)) for folder in images]
        are_own = [len(around_images(folder.parts)) == len(outer) for folder in images]
        around[outer] = _Around(
            {folder.parts[len(outer)] for folder in there if folder.parts != outer},
            images,
            {*chain.from_iterable(stems)},
            {*chain.from_iterable(compress(stems, are_own))},
        )
    kept = []
    for folder in folders:
        level = levels[folder.parts]
        if level is not None and _are_masks(tree, folder, level, around[folder.parts[:level]]):
            report.leave_out("masks beside the images", str(folder), len(folder.names))
        else:
            kept.append(folder)
    return kept


class _Around(NamedTuple):
    """Contents of a folder that has a folder of masks in it.

    Attributes:
        names: names of the folders in it.
        images: folders of images in it, at any depth.
        stems: stems of these images, also without an ending that all images of a folder share.
        own: the stems of images that are in no class below it.
    """

    names: set[str]
    images: list[Folder]
    stems: set[str]
    own: set[str]


def _level_of_masks(parts: Parts) -> int | None:
    """Return the level of the part of a path that indicates masks; None if none does.

    Below the first level, the part must say nothing else.
    """
    for level, part in enumerate(parts):
        if read_name(part).is_masks and (level == 0 or says_only_masks(part)):
            return level
    return None


def _are_masks(tree: Tree, folder: Folder, level: int, around: _Around) -> bool:
    """Whether the files in a folder named like masks belong to images around it."""
    if not around.images:
        return False
    part = read_name(folder.parts[level])
    beside = [read_name(name) for name in around.names - {folder.parts[level]}]
    are_images = [name.is_images for name in beside if not name.is_masks]
    if are_images and (any(are_images) if level == 0 else all(are_images)):
        return True
    stems = [*map(stem_of, folder.names)]
    if _share(stems, _beginnings, around.stems) >= _NEARLY_ALL:
        return True
    if not says_only_masks(folder.parts[level]):
        return False
    if _share(stems, _the_same, around.stems) < _NEARLY_ALL:
        return False
    is_of_split = part.role is not None and any(name.role == part.role for name in beside)
    is_in_class = level > 0 and _share(stems, _the_same, around.own) >= _NEARLY_ALL
    return is_of_split or is_in_class or _look_like_masks(tree, folder, around.images[0])


def _share(
    masks: Sequence[str], called: Callable[[str], Iterable[str]], stems: Collection[str]
) -> float:
    """Return the share of masks for which one of the names that ``called`` gives is an image's."""
    return sum(any(name in stems for name in called(mask)) for mask in masks) / len(masks)


def _beginnings(mask: str) -> Iterator[str]:
    """Yield image names to which a mask's name adds a word, such as ``12`` for ``00012_hair``."""
    for match in re.finditer(r"[ _.-]", mask):
        start = mask[: match.start()]
        yield from (start, start.lstrip("0") or "0")


def _the_same(mask: str) -> tuple[str, str]:
    return mask, mask.lstrip("0") or "0"


def _look_like_masks(tree: Tree, masks: Folder, images: Folder) -> bool:
    """Whether all sampled masks have few colours and all sampled images have many."""

    def have_few(folder: Folder) -> list[bool]:
        chosen = evenly_spaced(len(folder.names), _SAMPLE)
        return [_has_few_colours(tree, folder.path(folder.names[i])) for i in chosen]

    return all(have_few(masks)) and not any(have_few(images))


def _has_few_colours(tree: Tree, path: str) -> bool:
    """Whether a few colours make up nearly all of a picture; False if it cannot be read."""
    try:
        with tree.open(path) as file, open_image(file) as image:
            pixels = np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), Resampling.NEAREST))
    except (OSError, ValueError, SyntaxError):  # damaged: reported when it is read
        return False
    _, counts = np.unique((pixels // 8).reshape(-1, 3), axis=0, return_counts=True)
    return bool(np.sort(counts)[-_FEW_COLOURS:].sum() >= _NEARLY_ALL * counts.sum())


def _with_cores(stems: Iterable[str]) -> set[str]:
    """Return the stems, and the stems without an ending that all share."""
    every = {*stems}
    ending = common_ending(every)
    return every | {stem.removesuffix(ending) for stem in every}


def without_mask_files(tree: Tree, folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out files such as ``a_mask.png`` beside ``a.png`` if most images have one.

    Beside images such as ``a_photo.png``, they must also look like masks.
    """
    kept = []
    for folder in folders:
        matches = {name: _MASK_OF.fullmatch(stem_of(name)) for name in folder.names}
        called = {name: match[1] for name, match in matches.items() if match}
        if called:
            images = [name for name, match in matches.items() if not match]
            masks = _of_images(called, {*map(stem_of, matches)}, len(matches))
            if not masks and images:
                others = replace(folder, names=images)
                masks = _of_images(called, _with_cores(map(stem_of, images)), len(matches))
                if masks and not _look_like_masks(tree, replace(folder, names=masks), others):
                    masks = []
            if masks:
                report.leave_out("masks beside the images", folder.path(masks[0]), len(masks))
                left = {*masks}
                folder = replace(folder, names=Names(n for n in folder.names if n not in left))
        kept.append(folder)
    return kept


def _of_images(called: Mapping[str, str], stems: Collection[str], count: int) -> list[str]:
    """Return the masks of images with these stems, if most images have one and few have more.

    Args:
        called: the image's name for each mask.
        stems: stems of the images.
        count: number of images and masks together.
    """
    masks = [name for name, image in called.items() if image in stems]
    masked = {called[name] for name in masks}
    return masks if count - len(masks) <= 2 * len(masked) >= len(masks) else []
