"""Which words name a split: of folders, of files, of arrays and in columns.

One table and one way to cut a name into words serve all of them, so that ``seg_train/``,
``x_train``, ``train-images-idx3-ubyte`` and ``train-00000-of-00001.parquet`` are understood alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TRAIN, TEST, VALIDATION, UNLABELLED, MASKS = "train", "test", "validation", "unlabelled", "masks"

_ROLE_OF = {
    **dict.fromkeys(("train", "training", "trn", "background"), TRAIN),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "t10k"), TEST),
    **dict.fromkeys(("holdout", "heldout", "privatetest"), TEST),
    **dict.fromkeys(("val", "valid", "validation", "dev", "publictest"), VALIDATION),
    **dict.fromkeys(("pred", "prediction", "predictions", "unlabeled", "unlabelled"), UNLABELLED),
}
LABEL_WORDS = frozenset(
    ("y", "label", "labels", "target", "targets", "class", "classes", "ans", "answers")
)
"""Words in the name of an array or a file of labels."""
PART_WORDS = "part|shard|chunk|batch"
"""Words in the names of parts of one set, as a regular expression; others count in places."""
CUB_SPLIT = "traintestsplit"
SPLIT_NAMES = (
    "split", "usage", "partition", "subset", "set", "fold", "dataset", "datasettype", "phase",
    CUB_SPLIT,
)  # fmt: skip
"""Titles of a column of splits, without what lies between their words."""
_MASKS = frozenset(
    ("mask", "masks", "label", "labels", "annotation", "annotations", "gt", "groundtruth", "truth")
    + ("segmentation", "segmentations", "trimap", "trimaps", "annot", "anno", "manual")
)
_IMAGES = frozenset(
    ("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "jpegimages")
)
_FILLERS = _IMAGES | {"set", "data", "dataset", "split", "folder", "subset", "seg", "files"}


@dataclass(frozen=True)
class Name:
    """A name, cut into words.

    Attributes:
        role: of the split that it names; None if it names none.
        rest: its other words, in order, without such as "images" or "set".
        is_images: whether it says that images are in it.
        is_masks: whether it says that masks or other labels in the form of images are in it.
    """

    role: str | None
    rest: tuple[str, ...]
    is_images: bool
    is_masks: bool


def words_of(name: str) -> list[str]:
    """Cut ``"trainImages_01"`` into ``["train", "images", "01"]``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W_]+", spaced.lower())
    return [part for word in words for part in _glued(word)]


def joined_words(name: str) -> str:
    """The words without what lies between them: ``"Is Train"`` is ``"istrain"``."""
    return "".join(words_of(name))


def says_labels(name: str) -> bool:
    """Whether one of the words says that labels are in it."""
    return not LABEL_WORDS.isdisjoint(words_of(name))


def read_name(name: str) -> Name:
    """Find the split, if any, that a folder's or file's name tells."""
    words = words_of(name)
    roles = {_ROLE_OF[word] for word in words if word in _ROLE_OF}
    return Name(
        role=roles.pop() if len(roles) == 1 else None,
        rest=tuple(word for word in words if word not in _ROLE_OF and word not in _FILLERS),
        is_images=bool(words) and all(word in _IMAGES for word in words),
        is_masks=any(word in _MASKS for word in words) or words == ["ground", "truth"],
    )


def says_only_masks(name: str) -> bool:
    """Whether a folder's name says that masks are in it, of which split perhaps, and no more."""
    rest = [word for word in read_name(name).rest if word.isalpha()]
    return bool(rest) and all(word in _MASKS or word == "ground" for word in rest)


def role_of_value(value: str) -> str | None:
    """The split that a value in a column such as ``Usage`` names."""
    return _ROLE_OF.get(joined_words(value)) or read_name(value).role


def all_name_splits(values: Iterable[str]) -> bool:
    """Whether the values of a column name splits, the training split among them."""
    roles = {role_of_value(value) for value in values}
    return None not in roles and TRAIN in roles


def _glued(word: str) -> list[str]:
    """Cut words that are written as one, such as "trainset", "val2017" or "xtrain"."""
    if word in _ROLE_OF or word in _FILLERS:
        return [word]
    if (letters := word.rstrip("0123456789")) in _ROLE_OF:
        return [letters]
    for filler in ("x", *LABEL_WORDS, *_FILLERS):
        if word.endswith(filler) and word.removesuffix(filler) in _ROLE_OF:
            return [word.removesuffix(filler), filler]
        if word.startswith(filler) and word.removeprefix(filler) in _ROLE_OF:
            return [filler, word.removeprefix(filler)]
    return [word]
