"""Recognise the split in the names of folders, files and arrays, and in the values of columns.

All of them share one table and one way of cutting names into words, so that ``seg_train/``,
``x_train``, ``train-images-idx3-ubyte`` and ``train-00000-of-00001.parquet`` are read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TRAIN, TEST, VALIDATION, UNLABELLED = "train", "test", "validation", "unlabelled"

_ROLE_OF = {
    **dict.fromkeys(("train", "training", "trn", "background"), TRAIN),
    **dict.fromkeys(("test", "tests", "testing", "tst", "eval", "evaluation", "t10k"), TEST),
    **dict.fromkeys(("holdout", "heldout", "privatetest"), TEST),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "publictest"), VALIDATION),
    **dict.fromkeys(("pred", "prediction", "predictions", "unlabeled", "unlabelled"), UNLABELLED),
}
LABEL_WORDS = frozenset(
    ("y", "label", "labels", "target", "targets", "class", "classes", "ans", "answers")
)
"""Words in the name of an array or a file of labels."""
PART_WORDS = "part|shard|chunk|batch|block"
"""Words in the names of a set's parts, as a regular expression; some callers add others."""
FOLDS = ("fold", "folds", "kfold", "foldid", "cvfold")
"""Titles of a column of the folds of a cross-validation, also without separators."""
CUB_SPLIT = "traintestsplit"
SPLIT_NAMES = (
    "split", "usage", "partition", "subset", "set", "dataset", "datasettype", "phase", CUB_SPLIT,
    *FOLDS,
)  # fmt: skip
"""Titles of a column of splits, without separators between words."""
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
        role: the split that it names; None if it names none or several.
        rest: its other words, in order, without fillers such as "images" or "set".
        is_images: whether it says nothing but "images".
        is_masks: whether it says "masks" or another word for labels in the form of images.
    """

    role: str | None
    rest: tuple[str, ...]
    is_images: bool
    is_masks: bool


def words_of(name: str) -> list[str]:
    """Cut ``"trainImages_01"`` into ``["train", "images", "01"]``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    spaced = re.sub(r"(?i)\b(hold|held)[ _-](?=out)", r"\1", spaced)
    words = re.findall(r"[^\W_]+", spaced.lower())
    return [part for word in words for part in _glued(word)]


def joined_words(name: str) -> str:
    """Join the words of a name without separators: ``"Is Train"`` becomes ``"istrain"``."""
    return "".join(words_of(name))


def says_labels(name: str) -> bool:
    """Whether a word of the name says that it holds labels."""
    return not LABEL_WORDS.isdisjoint(words_of(name))


def read_name(name: str) -> Name:
    """Cut the name of a folder, file or array into words, and find the split that it names."""
    words = words_of(name)
    roles = {_ROLE_OF[word] for word in words if word in _ROLE_OF}
    return Name(
        role=roles.pop() if len(roles) == 1 else None,
        rest=tuple(word for word in words if word not in _ROLE_OF and word not in _FILLERS),
        is_images=bool(words) and all(word in _IMAGES for word in words),
        is_masks=any(word in _MASKS for word in words) or words == ["ground", "truth"],
    )


def says_only_masks(name: str) -> bool:
    """Whether a folder's name says nothing but that it holds masks, and perhaps of which split."""
    rest = [word for word in read_name(name).rest if word.isalpha()]
    return bool(rest) and all(word in _MASKS or word == "ground" for word in rest)


def role_of_value(value: str) -> str | None:
    """Return the split that a value in a column such as ``Usage`` names; None if none."""
    return _ROLE_OF.get(joined_words(value)) or read_name(value).role


def all_name_splits(values: Iterable[str]) -> bool:
    """Whether the values of a column name splits, the training split among them."""
    roles = {role_of_value(value) for value in values}
    return None not in roles and TRAIN in roles


def _glued(word: str) -> list[str]:
    """Split compound words such as "trainset", "val2017", "xtrain" or "testannot"."""
    if word in _ROLE_OF or word in _FILLERS:
        return [word]
    if (letters := word.rstrip("0123456789")) in _ROLE_OF:
        return [letters]
    for filler in ("x", *LABEL_WORDS, *_MASKS, *_FILLERS):
        if word.endswith(filler) and word.removesuffix(filler) in _ROLE_OF:
            return [word.removesuffix(filler), filler]
        if word.startswith(filler) and word.removeprefix(filler) in _ROLE_OF:
            return [filler, word.removeprefix(filler)]
    return [word]


def counts_up(numbers: Iterable[object]) -> bool:
    """Whether they are 0, 1, 2, … or 1, 2, 3, …, as numbers or as text; False for none."""
    texts = [*map(str, numbers)]
    start = int(texts[:1] == ["1"])
    return bool(texts) and all(text == str(i) for i, text in enumerate(texts, start))
