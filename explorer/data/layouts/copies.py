"""Leave out what is in a set twice: unpacked twice, copied, or as a thumbnail or other version."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from explorer.core.subsets import evenly_spaced
from explorer.data.files.names import Names
from explorer.data.files.tree import UNREADABLE, Parts, Tree, without_endings
from explorer.data.layouts.folder import Folder
from explorer.data.pixels import open_image
from explorer.data.report import Report
from explorer.data.roles import joined_words, read_name

_VARIANT = re.compile(
    r"([ _.-](thumb(nail)?|preview)s?|(?P<copy> ?\(\d+\)| - (copy|kopie|copi[ae])))(?=\.\w+$)",
    re.IGNORECASE,
)
"""The end of the name of a thumbnail or a copy, after the image's name."""
_VERSIONS = frozenset(
    ("thumb", "thumbnail", "preview", "resized", "small", "depth", "edge", "augmented")
    + ("heatmap", "overlay")
)
"""Words in the names of folders with other versions of the images, without a plural's s."""
_COMPARED = 5
"""Number of files compared to tell whether a folder is a copy."""


def without_copied_folders(tree: Tree, folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out folders unpacked twice: ``other/a`` beside ``a``, ``Set`` beside ``set``."""
    there = {folder.place: folder for folder in folders}
    by_spelling: dict[tuple[str, ...], Parts] = {}
    kept = []
    for folder in folders:
        place = folder.place
        others = [
            place[:i] + place[i + 1 :]
            for i in range(len(place))
            if place[i : i + 2] == 2 * place[i : i + 1] or _says_nothing(place[i])
        ]
        others = [other for other in others if other]  # not the folder around all classes
        others.append(by_spelling.setdefault(tuple(map(str.casefold, place)), place))
        found = (there[other] for other in others if other in there and other != place)
        if any(_hold_the_same(tree, folder, other) for other in found):
            report.leave_out("images in copies of folders", str(folder), len(folder.names))
        else:
            kept.append(folder)
    return kept


def _says_nothing(part: str) -> bool:
    """Whether a folder's name indicates neither a split nor masks."""
    name = read_name(part)
    return name.role is None and not name.is_masks


def _hold_the_same(tree: Tree, one: Folder, other: Folder) -> bool:
    """Whether two folders have the same file names, and a sample of the files the same bytes."""
    if [*one.names] != [*other.names]:
        return False

    some = [one.names[i] for i in evenly_spaced(len(one.names), _COMPARED)]
    return all(_same(tree, one.path(name), other.path(name)) for name in some)


def without_versions(folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out folders such as ``thumbnails`` whose files are named as those in ``images``."""
    images = {
        (folder.place[:i], folder.place[i + 1 :]): folder
        for folder in folders
        for i, part in enumerate(folder.place)
        if read_name(part).is_images
    }
    kept = []
    for folder in folders:
        beside = (
            images.get((folder.place[:i], folder.place[i + 1 :]))
            for i, part in enumerate(folder.place)
            if (rest := read_name(part).rest)
            and _VERSIONS.issuperset(word.rstrip("s") for word in rest)
        )
        if any(_stems(folder) <= _stems(other) for other in beside if other):
            report.leave_out("other versions of the images", str(folder), len(folder.names))
        else:
            kept.append(folder)
    return kept


def _stems(folder: Folder) -> set[str]:
    return {*map(without_endings, folder.names)}


def without_variants(tree: Tree, folders: list[Folder], report: Report) -> list[Folder]:
    """Leave out thumbnails and copies of images that lie beside them: ``a_thumb``, ``a (1)``."""
    return [_without_variants(tree, folder, report) for folder in folders]


def _without_variants(tree: Tree, folder: Folder, report: Report) -> Folder:
    found = {name: match for name in folder.names if (match := _VARIANT.search(name))}
    if not found:
        return folder
    originals = {without_endings(name): name for name in folder.names if name not in found}
    variants: set[str] = set()
    are_small: bool | None = None
    for name, match in found.items():
        original = originals.get(name[: match.start()])
        if original is None:
            continue
        if not match["copy"]:
            if are_small is None:  # the first tells for all
                are_small = _is_smaller(tree, folder.path(name), folder.path(original))
            if are_small:
                variants.add(name)
                report.leave_out("thumbnails beside the images", folder.path(name))
        elif _same(tree, folder.path(name), folder.path(original)):
            variants.add(name)
            report.leave_out("copies of files", folder.path(name))
    return replace(folder, names=Names(name for name in folder.names if name not in variants))


def _same(tree: Tree, one: str, other: str) -> bool:
    """Whether two files have the same bytes; one that cannot be read is told of later."""
    try:
        with tree.open(one) as first, tree.open(other) as second:
            return first.read() == second.read()
    except UNREADABLE:
        return False


def _is_smaller(tree: Tree, one: str, other: str) -> bool:
    """Whether a picture has fewer pixels than another."""
    try:
        with tree.open(one) as first, tree.open(other) as second:
            (width, height), (of_width, of_height) = open_image(first).size, open_image(second).size
            return width * height < of_width * of_height
    except Exception:  # Pillow's errors share no base class
        return False


def without_copied_files(tree: Tree, names: Sequence[str], report: Report) -> list[str]:
    """Leave out files that are in a set twice because it was unpacked twice.

    Copies have the same name, or names that differ only in the separators between words; they
    belong to the same split and have the same bytes.
    """
    alike: dict[tuple[str, str | None], list[str]] = {}
    for name in names:
        key = joined_words(name.rpartition("/")[2]), read_name(name).role
        alike.setdefault(key, []).append(name)
    copies: set[str] = set()
    for same in alike.values():
        seen: set[tuple[int, bytes]] = set()
        sizes = {name: _size(tree, name) for name in same} if len(same) > 1 else {}
        counts = Counter(sizes.values())
        for name, size in sizes.items():
            if counts[size] < 2:
                continue
            with tree.open(name) as file:
                content = size, hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
            if content in seen:
                copies.add(name)
                report.leave_out("copies of files", name)
            seen.add(content)
    return [name for name in names if name not in copies]


def _size(tree: Tree, name: str) -> int:
    with tree.open(name) as file:
        return file.seek(0, io.SEEK_END)
