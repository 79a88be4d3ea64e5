"""Inputs that users really have: each is read as intended, or refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from explorer.data.load import load_dataset
from explorer.errors import DatasetError

CASES = Path(__file__).resolve().parents[2] / "shared" / "cases"
pytestmark = pytest.mark.usefixtures("bare_machine")

READ = {  # place: classes, training and test images, height, width and channels
    "class-called-train/class_train_test": ("bus test train", 51, 9, (32, 32, 3)),
    "csv-and-parquet/fer2013.csv": ("0 1 2", 27, 3, (48, 48, 1)),
    "csv-and-parquet/mnist_train.csv": ("0 1 2", 51, 9, (28, 28, 1)),
    "csv-and-parquet/parquet": ("0 1 2", 40, 10, (28, 28, 1)),
    "labels-in-a-csv/csv_labels": ("box disc tri", 27, 3, (32, 32, 3)),
    "labels-in-a-csv/hf_metadata": ("box disc tri", 24, 6, (32, 32, 3)),
    "nas-and-bin-folders/hidden": ("box disc tri", 51, 9, (32, 32, 3)),
    "npy-and-array-folders/images.npy": ("images", 51, 9, (28, 28, 1)),
    "npy-and-array-folders/images_f01.npy": ("images_f01", 51, 9, (28, 28, 3)),
    "npy-and-array-folders/kmnist": ("0 1 2", 48, 12, (28, 28, 1)),
    "npy-and-array-folders/npy_dir": ("0 1 2", 48, 12, (28, 28, 1)),
    "npy-and-array-folders/olivetti.npy": ("olivetti", 34, 6, (64, 64, 1)),
    "npy-and-array-folders/quickdraw.npy": ("quickdraw", 51, 9, (28, 28, 1)),
    "npy-and-array-folders/quickdraw_dir": ("cat dog", 34, 6, (28, 28, 1)),
    "npz-labels/labels_float.npz": ("0 1 2", 51, 9, (28, 28, 1)),
    "npz-labels/labels_onehot.npz": ("0 1 2", 51, 9, (28, 28, 1)),
    "npz-labels/labels_onehot_u8.npz": ("0 1 2", 51, 9, (28, 28, 1)),
    "npz-labels/labels_str.npz": ("box disc tri", 48, 12, (28, 28, 1)),
    "npz-ranges/fm11.npz": ("0 1 2", 51, 9, (28, 28, 1)),
    "npz-ranges/u16.npz": ("0 1 2", 51, 9, (28, 28, 1)),
    "npz-shapes/chfirst.npz": ("0 1 2", 48, 12, (28, 28, 3)),
    "npz-shapes/chfirst1.npz": ("0 1 2", 48, 12, (28, 28, 1)),
    "npz-shapes/flat784.npz": ("0 1 2", 48, 12, (28, 28, 1)),
    "npz-shapes/rgba.npz": ("rgba", 51, 9, (28, 28, 3)),
    "other-kinds-beside/h5beside": ("box disc tri", 21, 3, (32, 32, 3)),
    "three-splits/three_splits": ("box disc tri", 36, 18, (32, 32, 3)),
    "zip-reasons/nested.zip": ("box disc tri", 51, 9, (32, 32, 3)),
}
REFUSED = {
    "npz-labels/labels_obj.npz": "y_train .* holds Python objects, which are never loaded",
    "zip-reasons/broken.zip": "cut short or damaged",
    "zip-reasons/deflate64.zip": "compressed with Deflate64",
    "zip-reasons/emptyfile.zip": r"is empty \(0 bytes\)",
    "zip-reasons/encrypted.zip": "is encrypted; unpack it with its password",
    "zip-reasons/rar_as.zip": "not a ZIP archive but a RAR archive",
}
TOLD = {
    "class-called-train/class_train_test": "test, train are named like splits, but were taken as",
    "nas-and-bin-folders/hidden": "hidden or system files",
    "npz-ranges/u16.npz": "values go from 352 to 2848: 0 is black and 4095 white",
    "other-kinds-beside/h5beside": r"HDF5 files: 1 \(disc/features.h5\)",
    "three-splits/three_splits": "validation images: 12",
}


@pytest.fixture(scope="module")
def cases(do_without: Callable[[str], NoReturn]) -> Path:
    """Return the folder of these inputs."""
    if not CASES.is_dir():
        do_without(f"no folder of cases in {CASES.parent.name}/ beside the repository")
    return CASES


@pytest.mark.parametrize("place", READ)
def test_it_is_read_as_it_is_meant(cases: Path, place: str) -> None:
    found = load_dataset(cases / place)
    classes, train, test, shape = READ[place]
    assert found.classes == tuple(classes.split())
    assert (len(found.train.images), len(found.test.images)) == (train, test)
    assert found.image_shape == shape
    assert found.train.images.max() - int(found.train.images.min()) > 100  # no scale misread


@pytest.mark.parametrize("place", REFUSED)
def test_it_is_refused_for_the_very_reason(cases: Path, place: str) -> None:
    with pytest.raises(DatasetError, match=REFUSED[place]) as refused:
        load_dataset(cases / place)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("place", TOLD)
def test_guesses_and_what_is_left_out_are_told(cases: Path, place: str) -> None:
    report = load_dataset(cases / place).report
    told = "; ".join((*report.notes, report.left_out_line()))
    assert re.search(TOLD[place], told)
