"""Sort folders of images by split, as their names say, and look through the folders around them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from explorer.data.layouts.folder import Folder
from explorer.data.report import Report
from explorer.data.roles import (
    TEST,
    TRAIN,
    UNLABELLED,
    VALIDATION,
    read_name,
    words_of,
)

_FOLD = re.compile(r"k?fold[ _-]?\d+", re.IGNORECASE)


def unwrap(folders: list[Folder]) -> list[Folder]:
    """Skip outer folders that hold nothing but one folder of folders, or hold all images."""
    while len({folder.parts[:1] for folder in folders}) == 1 and all(f.parts for f in folders):
        name = read_name(folders[0].parts[0])
        says_nothing = name.is_images or (name.role is not None and not name.rest)
        if not says_nothing and any(len(folder.parts) < 2 for folder in folders):
            break
        folders = [folder.below() for folder in folders]
    return folders


def without_folds(folders: list[Folder], report: Report) -> list[Folder]:
    """Join the folds of a cross-validation, ``fold1``, ``fold2``, …; keep one if each is split."""
    folds = [folder.parts[0] if folder.parts else "" for folder in folders]
    if len({*folds}) < 2 or not all(map(_FOLD.fullmatch, folds)):
        return folders
    inner = [folder.below() for folder in folders]
    if any(folder.parts and read_name(folder.parts[0]).role for folder in inner):
        for fold, folder in zip(folds, folders, strict=True):
            if fold != folds[0]:
                report.leave_out("images of further folds", str(folder), len(folder.names))
        return unwrap([f for fold, f in zip(folds, folders, strict=True) if fold == folds[0]])
    report.note(f"the folders {folds[0]} … {folds[-1]} are folds, neither splits nor classes")
    return inner


def sort_by_split(
    folders: list[Folder], listed: set[str | None], report: Report
) -> dict[str, list[Folder]]:
    """Sort folders by split, if their first or second level names it.

    Args:
        folders: the folders with images.
        listed: splits that have tables, so that folders named after them are not classes.
    """
    tops = {folder.parts[0] for folder in folders if folder.parts}
    roles = {top: read_name(top).role for top in tops}
    if "background" in roles and not any("evaluation" in words_of(top) for top in tops):
        roles["background"] = None  # a class, where it is not Omniglot's split
    plain = [top for top, role in roles.items() if role is None and _says_nothing(top)]
    if len(plain) == 1 and {*roles.values()} & {TEST, VALIDATION} and TRAIN not in roles.values():
        roles[plain[0]] = TRAIN
        report.note(f"the folder {plain[0]} is taken for the training images")
    if not {TRAIN} < {*roles.values()} - {None, UNLABELLED}:
        return _split_below(folders) or _as_classes(folders, roles, report)
    shared = _words_of_all_splits(roles)
    are_certain = {TRAIN, TEST} <= listed or _share_classes(folders, roles)
    if _may_be_classes(roles, shared) and not are_certain:
        return _as_classes(folders, roles, report)
    single = {folder.parts[0] for folder in folders if folder.parts[:1] != folder.parts[1:2]}
    found: dict[str, list[Folder]] = {}
    for folder in folders:
        top = folder.parts[0] if folder.parts else ""
        role, said = roles.get(top), read_name(top)
        if role is None or role == UNLABELLED:
            what = "masks" if role is None and said.is_masks else "images"
            kind = f"{what} beside the folders of the splits"
            report.leave_out(kind, str(folder), len(folder.names))
        elif shared and said.rest not in shared:
            report.leave_out(f"images of another {role} folder", str(folder), len(folder.names))
        else:
            if top not in single:  # unpacked into a folder of its own name
                folder = folder.below()
            inner = ["_".join(said.rest) or "others"] * (len(shared) > 1)
            found.setdefault(role, []).append(folder.below(*inner))
    return found


def _says_nothing(top: str) -> bool:
    """Whether a folder's name says nothing, as ``data`` and ``images`` do."""
    name = read_name(top)
    return name.role is None and not name.rest and not name.is_masks


def _words_of_all_splits(roles: Mapping[str, str | None]) -> set[tuple[str, ...]]:
    """Return what folders say beside their split, as far as folders of every split say it."""
    rests: dict[str | None, set[tuple[str, ...]]] = {}
    for top, role in roles.items():
        rests.setdefault(role, set()).add(read_name(top).rest)
    return set.intersection(*(rests[r] for r in (TRAIN, TEST, VALIDATION) if r in rests))


def _may_be_classes(roles: Mapping[str, str | None], shared: Collection[tuple[str, ...]]) -> bool:
    """Whether folders of splits may be classes, as ``test_tube`` or ``train`` beside ``bus``.

    Those that share further words, such as ``box_train`` and ``box_test``, may have others beside.
    """
    others = [top for top, role in roles.items() if role is None and not read_name(top).is_masks]
    say_more = all(
        any(word.isalpha() and len(word) > 1 for word in read_name(top).rest)  # no version
        for top, role in roles.items()
        if role is not None
    )
    return (bool(others) and not any(shared)) or (say_more and not shared)


def _split_below(folders: list[Folder]) -> dict[str, list[Folder]] | None:
    """Sort by the second level where each class has its own ``train`` and ``test``."""
    found: dict[str, list[Folder]] = {}
    for folder in folders:
        role = read_name(folder.parts[1]).role if len(folder.parts) > 1 else None
        if role is None:
            return None
        parts = (folder.parts[0], *folder.parts[2:])
        found.setdefault(role, []).append(replace(folder, parts=parts))
    return found if TRAIN in found and len(found) > 1 else None


def _as_classes(
    folders: list[Folder], roles: dict[str, str | None], report: Report
) -> dict[str, list[Folder]]:
    if named := sorted(top for top, role in roles.items() if role is not None and len(roles) > 1):
        if len(named) < len(roles):
            why = "others lie beside them"
        elif len({*roles.values()}) > 1 and TRAIN in roles.values():
            why = "their other words differ"
        else:
            why = "one is missing"
        report.note(
            f"the folders {', '.join(named)} are named like splits, but were taken as classes: "
            f"{why}"
        )
    return {TRAIN: folders}


def _share_classes(folders: list[Folder], roles: dict[str, str | None]) -> bool:
    """Whether training and test folders hold class folders of the same names."""
    inside: dict[str | None, set[str]] = {}
    for folder in folders:
        if len(folder.parts) > 1:
            inside.setdefault(roles[folder.parts[0]], set()).add(folder.parts[1])
    train = inside.pop(TRAIN, set())
    inside.pop(None, None)
    return any(2 * len(train & other) >= len(other) for other in inside.values())
