"""Data sets in their published layouts: each image keeps its class and its split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from image_sets import counts, save_idx, save_image, save_npz, told
from PIL import Image
from pyarrow import parquet

from explorer.data.dataset import Dataset, Split
from explorer.data.load import load_dataset
from explorer.data.reading import FILE_NAME, Reading
from explorer.errors import DatasetError

TRAIN, TEST, MASK = 0, 100, 200
"""The green value of a picture gives its split or kind; its red value gives its class."""


def draw(path: Path, label: int, split: int = TRAIN, number: int = 0) -> None:
    save_image(path, (10 * label, split, number))


def photograph(path: Path, split: int) -> None:
    """Save a picture of many colours."""
    pixels = np.random.default_rng(split).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels[..., 1] = split
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def check(dataset: Dataset, classes: Sequence[str], train: int, test: int | None = None) -> None:
    """Check that each image is in its class and split; without ``test`` a split was set aside.

    Args:
        dataset: the data set as it was read.
        classes: names of the classes of label 0, 1, …; a single name for images of all labels.
        train: number of training images, or of all images.
        test: number of test images.
    """
    assert {*dataset.classes} == {*classes}, told(dataset)
    found = counts(dataset)
    assert (found == (train, test)) if test is not None else (sum(found) == train)
    for split, green in ((dataset.train, TRAIN), (dataset.test, TEST if test else TRAIN)):
        assert {*green_of(split)} == {green}
        reds = split.images[:, 0, 0, 0] // 10
        names = [dataset.classes[label] for label in split.labels]
        assert names == [classes[red if len(classes) > 1 else 0] for red in reds]


def green_of(split: Split) -> list[int]:
    return [int(value) for value in split.images[:, 0, 0, 1]]


def test_lists_without_titles_tell_classes_and_splits(folder: Path) -> None:
    rows: dict[int, list[str]] = {TRAIN: [], TEST: []}
    for number in range(12):
        split = TEST if number % 3 == 0 else TRAIN
        draw(folder / "images" / f"{number:03}.png", number % 2, split)
        rows[split].append(f"{number:03}.png,{('cat', 'dog')[number % 2]}")
    write(folder / "train.csv", *rows[TRAIN])
    write(folder / "test.csv", *rows[TEST])
    check(load_dataset(folder), ["cat", "dog"], 8, 4)


@pytest.mark.parametrize("depth", ["", "indoor/Images/"])
@pytest.mark.parametrize("names", [("TrainImages", "TestImages"), ("train_val_list", "test_list")])
def test_lists_of_some_images_split_these(folder: Path, depth: str, names: tuple[str, str]) -> None:
    lists: list[list[str]] = [[], []]
    for number in range(30):
        label, is_listed = number % 2, number < 12
        split = TEST if is_listed and number % 4 < 2 else TRAIN
        path = f"{('bar', 'mall')[label]}/{number}.png"
        draw(folder / depth / path, label, split if is_listed else MASK)
        if is_listed:
            lists[split == TEST].append(path)
    for name, lines in zip(names, lists, strict=True):
        write(folder / f"{name}.txt", *lines)
    found = load_dataset(folder)
    check(found, ["bar", "mall"], 6, 6)
    assert "images of no split: 18" in told(found)


def test_of_numbered_lists_the_first_way_to_split_counts(folder: Path) -> None:
    """As in the Describable Textures."""
    names = [f"{label}/{number}.png" for label in "ab" for number in range(6)]
    for index, name in enumerate(names):
        draw(folder / "images" / name, index // 6, TEST if index % 3 == 0 else TRAIN)
    for way in range(1, 4):
        chosen = {name for index, name in enumerate(names) if index % 3 == way - 1}
        write(folder / "labels" / f"test{way}.txt", *sorted(chosen))
        write(folder / "labels" / f"train{way}.txt", *sorted({*names} - chosen))
    found = load_dataset(folder)
    check(found, ["a", "b"], 8, 4)
    assert "the splits are taken from labels/test1.txt and the other lists of its number" in told(
        found
    )


def test_trainval_lists_leave_validation_images_what_they_are(folder: Path) -> None:
    for number in range(12):
        split = (TRAIN, MASK, TEST)[number % 3]
        draw(folder / "JPEGImages" / f"{number:06}.png", 0, split)
    for name, parts in (("train", (0,)), ("val", (1,)), ("trainval", (0, 1)), ("test", (2,))):
        lines = [f"{number:06}" for number in range(12) if number % 3 in parts]
        write(folder / "ImageSets" / "Main" / f"{name}.txt", *lines)
    check(load_dataset(folder), [folder.name], 4, 4)


def test_lists_of_test_images_alone_leave_the_others_for_training(folder: Path) -> None:
    for number in range(10):
        draw(folder / "audio" / f"{number}.png", 0, TEST if number % 5 == 0 else TRAIN)
    write(folder / "testing_list.txt", *(f"audio/{number}.png" for number in (0, 5)))
    found = load_dataset(folder)
    check(found, ["audio"], 8, 2)
    assert "no list of a split names are taken as training images" in told(found)


def test_names_of_several_words_are_labels_of_lists(folder: Path) -> None:
    """As in FGVC-Aircraft."""
    makers = ("Boeing", "de Havilland Canada")
    for number in range(12):
        split = TEST if number % 4 < 2 else TRAIN
        draw(folder / "data" / "images" / f"{number:07}.png", number % 2, split)
    for name, rests in (("train", (2, 3)), ("test", (0, 1))):
        chosen = [number for number in range(12) if number % 4 in rests]
        write(folder / "data" / f"images_{name}.txt", *(f"{n:07}" for n in chosen))
        lines = [f"{n:07} {makers[n % 2]}" for n in chosen]
        write(folder / "data" / f"images_manufacturer_{name}.txt", *lines)
    check(load_dataset(folder, Reading(label="manufacturer")), makers, 6, 6)


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("{set}/{n}.png", "{set}_labels/{n}_L.png"),
        ("leftImg8bit/{set}/{n}_leftImg8bit.png", "gtFine/{set}/{n}_gtFine_labelIds.png"),
        ("{set}/images/{n}_training.png", "{set}/1st_manual/{n}_manual1.png"),
        ("CUB/{set}/{n}.png", "segmentations/{set}/{n}.png"),
        ("{set}/{n}_sat.png", "{set}/{n}_mask.png"),
    ],
)
def test_masks_of_images_are_left_out(folder: Path, images: str, masks: str) -> None:
    for number in range(12):
        name, split = ("test", TEST) if number % 3 == 0 else ("train", TRAIN)
        photograph(folder / images.format(set=name, n=number), split)
        draw(folder / masks.format(set=name, n=number), 0, MASK)
    found = load_dataset(folder)
    assert counts(found) == (8, 4)
    assert ({*green_of(found.train)}, {*green_of(found.test)}) == ({TRAIN}, {TEST})
    assert "masks beside the images: 12" in told(found)


def test_masks_of_each_split_lie_beside_it(folder: Path) -> None:
    """As in CamVid."""
    for split, green in (("train", TRAIN), ("test", TEST)):
        for number in range(4):
            draw(folder / split / f"{number}.png", 0, green)
            draw(folder / f"{split}annot" / f"{number}.png", 0, MASK)
    check(load_dataset(folder), ["Our Pets"], 4, 4)


def test_a_folder_for_each_image_is_no_class(folder: Path) -> None:
    """As in the Data Science Bowl of 2018."""
    for number in range(8):
        draw(folder / "train" / f"n{number}" / "images" / f"n{number}.png", 0)
        draw(folder / "train" / f"n{number}" / "masks" / "0.png", 0, MASK)
    check(load_dataset(folder), ["Our Pets"], 8)


@pytest.mark.parametrize(
    "classes",
    [
        ("automatic", "manual"),
        ("coupe", "gt", "sedan"),
        ("face", "mask"),
        ("classification", "detection", "segmentation"),
        ("lie", "truth"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True])
def test_classes_that_are_called_as_masks_stay(
    folder: Path, classes: tuple[str, ...], is_split: bool
) -> None:
    for number in range(12):
        split, green = ("test", TEST) if number % 3 == 0 and is_split else ("train", TRAIN)
        for label, name in enumerate(classes):
            draw(folder / (split if is_split else "") / name / f"{number:03}.png", label, green)
    count = 8 * len(classes) if is_split else 12 * len(classes)
    check(load_dataset(folder), classes, count, 4 * len(classes) if is_split else None)


def test_masks_of_defects_lie_beside_the_splits_of_each_class(folder: Path) -> None:
    """As in MVTec AD."""
    for label, name in enumerate(("bottle", "cable")):
        for number in range(4):
            draw(folder / name / "train" / "good" / f"{number:03}.png", label)
            draw(folder / name / "test" / "broken" / f"{number:03}.png", label, TEST)
            mask = folder / name / "ground_truth" / "broken" / f"{number:03}_mask.png"
            draw(mask, label, MASK)
    check(load_dataset(folder), ["bottle", "cable"], 8, 8)


@pytest.mark.parametrize("copy", ["brain_tumor_dataset", "sets/all", "yes_and_no"])
def test_a_copy_below_another_folder_is_left_out(folder: Path, copy: str) -> None:
    for number in range(10):
        for place in (folder, folder / copy.partition("/")[0]):
            draw(place / ("no", "yes")[number % 2] / f"{number}.png", number % 2, number=number)
    found = load_dataset(folder)
    check(found, ["no", "yes"], 10)
    assert "images in copies of folders: 10" in told(found)


def test_a_class_called_as_its_split_is_no_folder_of_its_name(folder: Path) -> None:
    for number in range(12):
        for label, name in enumerate(("bus", "train")):
            split = ("train", "test")[number % 3 == 0]
            green = TEST if number % 3 == 0 else TRAIN
            draw(folder / split / name / f"{number}.png", label, green)
    check(load_dataset(folder), ["bus", "train"], 16, 8)


def test_a_split_unpacked_into_its_own_name_is_looked_through(folder: Path) -> None:
    """As in the ASL alphabet, whose test images are not in class folders."""
    for number in range(10):
        label = number % 2
        place = folder / "asl_train" / "asl_train" / "AB"[label]
        draw(place / f"{number}.png", label)
        draw(folder / "asl_test" / "asl_test" / f"{number}_test.png", label, TEST)
    found = load_dataset(folder)
    check(found, ["A", "B"], 10)
    assert "test images that are in no class folders: 10" in told(found)


def test_numbers_of_class_folders_are_those_of_a_table(folder: Path) -> None:
    """As in GTSRB: 0 is the class of the folder 00000."""
    rows = ["Filename;ClassId"]
    for number in range(12):
        label = number % 2
        draw(folder / "Final_Training" / "Images" / f"{label:05}" / f"{number}.png", label)
        draw(folder / "Final_Test" / "Images" / f"{number:05}.png", label, TEST)
        rows.append(f"{number:05}.png;{label}")
    write(folder / "GT-final_test.csv", *rows)
    check(load_dataset(folder), ["00000", "00001"], 12, 12)


def test_files_in_one_folder_may_have_their_classes_in_their_names(folder: Path) -> None:
    for number in range(12):
        draw(folder / "coil" / f"obj{1 + number % 2}__{number}.png", number % 2)
    assert f"--label {FILE_NAME} takes these" in told(load_dataset(folder))
    check(load_dataset(folder, Reading(label=FILE_NAME)), ["obj1", "obj2"], 12)


@pytest.mark.parametrize(
    ("titles", "box"), [("filename,class,xmin,ymin,xmax,ymax", ",1,1,5,5"), ("image,label", "")]
)
def test_a_table_of_objects_gives_no_classes(folder: Path, titles: str, box: str) -> None:
    for number in range(8):
        draw(folder / f"{number}.png", 0)
    rows = (f"{number}.png,{label}{box}" for number in range(8) for label in "ab")
    write(folder / "labels.csv", titles, *rows)
    found = load_dataset(folder)
    check(found, [folder.name], 8)
    assert "objects" in told(found)


@pytest.mark.parametrize("content", [{"0": "daisy", "1": "rose"}, {"daisy": 0, "rose": 1}])
def test_a_json_file_tells_what_classes_are_called(
    folder: Path, content: dict[str, object]
) -> None:
    rows = ["image_id,label"]
    for number in range(10):
        draw(folder / "images" / f"{number}.png", number % 2)
        rows.append(f"{number}.png,{number % 2}")
    write(folder / "train.csv", *rows)
    write(folder / "class_names.json", json.dumps(content))
    check(load_dataset(folder), ["daisy", "rose"], 10)


# --- data files of several sets -------------------------------------------------------------


def write_pixels(path: Path, values: Sequence[int]) -> None:
    """Write a CSV of images of 4 × 4 pixels, with the labels 0, 1, 0, 1, …"""
    rows = [f"{number % 2},{','.join([str(value)] * 16)}" for number, value in enumerate(values)]
    write(path, ",".join(["label", *(f"pixel{place}" for place in range(16))]), *rows)


def test_csv_files_of_several_sets_are_told_apart(folder: Path) -> None:
    for start, name in ((0, "letters"), (100, "digits")):
        write_pixels(folder / f"emnist-{name}-train.csv", range(start, start + 8))
        write_pixels(folder / f"emnist-{name}-test.csv", range(start + 8, start + 12))
    with pytest.raises(DatasetError, match="several sets by the names of its files"):
        load_dataset(folder)
    found = load_dataset(folder / "letters")
    assert counts(found) == (8, 4)
    assert found.range.high == 11  # the digits go up to 111


def test_files_beside_those_of_a_split_are_not_trained_on(folder: Path) -> None:
    write_pixels(folder / "train.csv", range(8))
    write_pixels(folder / "test.csv", range(8, 12))
    write_pixels(folder / "Dig-MNIST.csv", range(100, 110))
    found = load_dataset(folder)
    assert counts(found) == (8, 4)
    assert "files of another set by their name: 1 (Dig-MNIST.csv)" in told(found)


def write_signs(place: Path) -> None:
    for start, name in ((0, "train"), (20, "test")):
        write_pixels(place / f"sign_{name}.csv", range(start, start + 8))


def write_digits(place: Path) -> None:
    for name in ("train", "t10k"):
        save_idx(place, f"{name}-", 8)


@pytest.mark.parametrize("write_all", [write_signs, write_digits])
def test_files_that_lie_twice_count_once(folder: Path, write_all: Callable[[Path], None]) -> None:
    write_all(folder)
    write_all(folder / "again")
    found = load_dataset(folder)
    assert counts(found) == (8, 8)
    assert "copies of files" in told(found)


def test_parquet_configurations_are_told_apart(folder: Path) -> None:
    for shade, name in enumerate(("full", "small")):
        table = pyarrow.table({"pixels": [[shade] * 15 + [9]] * 4, "label": [0, 1, 0, 1]})
        (folder / name).mkdir(parents=True)
        for split in ("train", "test"):
            parquet.write_table(table, folder / name / f"{split}-00000-of-00001.parquet")
    with pytest.raises(DatasetError, match=r"full/train-00000.*small/train-00000"):
        load_dataset(folder)
    assert counts(load_dataset(folder / "full")) == (4, 4)


def test_pictures_are_read_beside_tables_of_their_pixels_in_several_sizes(folder: Path) -> None:
    """As in HAM10000."""
    rows = ["image_id,dx"]
    for number in range(12):
        draw(folder / f"HAM_images_part_{1 + number % 2}" / f"ISIC_{number}.png", number % 2)
        rows.append(f"ISIC_{number},{('nv', 'mel')[number % 2]}")
    write(folder / "HAM_metadata.csv", *rows)
    for side, channels in ((4, 1), (4, 3), (2, 1)):
        titles = ",".join(f"pixel{i:04}" for i in range(side * side * channels))
        lines = [",".join(["7"] * side * side * channels)] * 12
        write(
            folder / f"hmnist_{side}_{channels}.csv", f"{titles},label", *(f"{r},0" for r in lines)
        )
    found = load_dataset(folder)
    check(found, ["nv", "mel"], 12)
    assert "the 12 pictures are read, not the 12 images in hmnist_" in told(found)


def test_extra_images_beside_splits_are_left_out(folder: Path) -> None:
    """As in SVHN."""
    images = np.zeros((6, 4, 4), np.uint8)
    for name, value in (("train", 10), ("test", 20), ("extra", 30)):
        save_npz(folder / f"{name}_32x32.npz", X=images + np.uint8(value), y=np.arange(6) % 2)
    found = load_dataset(folder)
    assert counts(found) == (6, 6)
    assert (found.train.images == 10).all() and (found.test.images == 20).all()


def test_sets_in_one_folder_may_share_their_labels(folder: Path) -> None:
    """As in CIFAR-10-C."""
    for value, name in enumerate(("fog", "snow")):
        np.save(folder / f"{name}.npy", np.full((8, 6, 6), value, np.uint8))
    np.save(folder / "labels.npy", np.arange(8) % 2)
    with pytest.raises(DatasetError, match="several sets: fog, snow; add one's name to the path"):
        load_dataset(folder)
    snow = load_dataset(folder / "snow", Reading(whole=True, range=(0, 255))).test
    assert (snow.images == 1).all()
    assert snow.labels.tolist() == [0, 1] * 4


def test_folders_that_share_more_than_a_word_of_splits_are_splits(folder: Path) -> None:
    """As in Market-1501."""
    for name, split in (("box_train", TRAIN), ("box_test", TEST), ("query", MASK)):
        for number in range(4):
            draw(folder / name / f"{number}.png", 0, split)
    check(load_dataset(folder), ["Our Pets"], 4, 4)


def test_answers_and_digits_are_labels(folder: Path) -> None:
    images = np.arange(8 * 16, dtype=np.uint8).reshape(8, 4, 4)
    for name in ("ans", "digit"):
        path = save_npz(
            folder / f"{name}.npz", images=images, ra=np.arange(8) / 7, **{name: np.arange(8) % 2}
        )
        assert load_dataset(path).classes == ("0", "1")  # fmt: skip


def test_what_can_be_converted_is_told_where_a_table_alone_can_be_read(folder: Path) -> None:
    write(folder / "trainLabels.csv", "id,label", "1,frog", "2,truck")
    (folder / "train.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    with pytest.raises(DatasetError, match="7-Zip archives, which cannot be read here; unpack"):
        load_dataset(folder)


@pytest.mark.parametrize("ending", ["", ".png"])
def test_labels_by_image_in_json_are_no_names_of_classes(folder: Path, ending: str) -> None:
    for number in range(12):
        draw(folder / "images" / f"{number:03}.png", number % 3)
    labels = {f"{number:03}{ending}": number % 3 for number in range(12)}
    write(folder / "labels.json", json.dumps(labels))
    check(load_dataset(folder), ["0", "1", "2"], 12)


@pytest.mark.parametrize("names", [("digit 0", "digit 1"), ("Boeing 707", "Airbus 320")])
def test_names_of_classes_may_end_in_numbers(folder: Path, names: tuple[str, str]) -> None:
    for number in range(12):
        draw(folder / str(number % 2) / f"{number}.png", number % 2)
    write(folder / "classes.txt", *names)
    check(load_dataset(folder), names, 12)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_names_of_classes_are_read_as_editors_save_them(folder: Path, encoding: str) -> None:
    for number in range(12):
        draw(folder / str(number % 2) / f"{number}.png", number % 2)
    (folder / "classes.txt").write_text("Löwe\nBär\n", encoding)
    check(load_dataset(folder), ("Löwe", "Bär"), 12)


def test_a_list_of_training_images_alone_leaves_the_others_for_tests(folder: Path) -> None:
    for number in range(12):
        draw(folder / "images" / f"{number:03}.png", 0, TEST if number % 3 == 0 else TRAIN)
    write(folder / "train.txt", *(f"{number:03}.png" for number in range(12) if number % 3))
    found = load_dataset(folder)
    check(found, [folder.name], 8, 4)
    assert "no list of a split names are taken as test images" in told(found)


def test_lists_of_what_is_excluded_name_no_split(folder: Path) -> None:
    for number in range(12):
        split = TEST if number > 8 else MASK if number > 5 else TRAIN
        draw(folder / "images" / f"{number:03}.png", 0, split)
    for name, rows in (("train", range(6)), ("exclude_from_train", range(6, 9))):
        write(folder / f"{name}.txt", *(f"{number:03}.png" for number in rows))
    write(folder / "test.txt", *(f"{number:03}.png" for number in range(9, 12)))
    check(load_dataset(folder), [folder.name], 6, 3)


@pytest.mark.parametrize("separator", [" ", ",", "\t"])
def test_labels_of_several_words_stay_whole(folder: Path, separator: str) -> None:
    animals = ("black cat", "dog")
    for name, numbers in (("train", range(8)), ("test", range(8, 12))):
        rows = []
        for number in numbers:
            label = number % 2
            draw(folder / f"{number:03}.png", label, TEST if name == "test" else TRAIN)
            rows.append(f"{number:03}.png{separator}{animals[label]}")
        write(folder / f"{name}.txt", *rows)
    check(load_dataset(folder), animals, 8, 4)


def test_a_second_row_by_mistake_leaves_a_table_its_labels(folder: Path) -> None:
    rows = ["file,label"]
    for number in range(12):
        draw(folder / f"{number}.png", number % 2)
        rows.append(f"{number}.png,{number % 2}")
    write(folder / "labels.csv", rows[0], "3.png,0", "absent.png,0", "absent.png,1", *rows[1:])
    check(load_dataset(folder), ["0", "1"], 12)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("mnist_train.csv", "test.csv"),
        ("train_final.csv", "test.csv"),
        ("digits.csv", "test.csv"),
        ("FashionMNIST_train.csv", "fashionmnist_test.csv"),
        ("training/fold_one.csv", "testing/fold_two.csv"),
    ],
)
def test_test_files_belong_to_training_files_of_another_name(
    folder: Path, train: str, test: str
) -> None:
    write_pixels(folder / train, range(8))
    write_pixels(folder / test, range(8, 12))
    assert counts(load_dataset(folder)) == (8, 4)


@pytest.mark.parametrize("names", [("january", "february"), ("train_a", "train_b")])
def test_files_that_do_not_exclude_each_other_are_one_set(
    folder: Path, names: tuple[str, str]
) -> None:
    for start, name in zip((0, 20), names, strict=True):
        write_pixels(folder / f"{name}.csv", range(start, start + 8))
    found = load_dataset(folder)
    assert sum(counts(found)) == 16
    assert "are read as one set" in told(found)


def test_a_file_is_found_without_its_ending(folder: Path) -> None:
    write_pixels(folder / "digits_train.csv", range(8))
    write_pixels(folder / "digits_test.csv", range(8, 12))
    assert sum(counts(load_dataset(folder / "digits_test"))) == 4


def test_idx_files_of_the_same_name_in_two_splits_are_both_read(folder: Path) -> None:
    for split, count in (("train", 9), ("test", 6)):
        save_idx(folder / split, "", count)
    assert counts(load_dataset(folder)) == (9, 6)


def test_class_folders_0_and_00_stay_apart(folder: Path) -> None:
    for number in range(10):
        for label, name in enumerate(("0", "00", "1")):
            draw(folder / name / f"{number}.png", label, number=number)
    check(load_dataset(folder), ["0", "00", "1"], 30)


@pytest.mark.parametrize("kinds", [1, 2])
def test_the_binary_files_of_cifar_are_read(folder: Path, kinds: int) -> None:
    """In CIFAR-100 each record begins with the superclass, followed by the class."""
    random = np.random.default_rng(0)
    names = ["train", "test"] if kinds == 2 else [f"data_batch_{n}" for n in range(1, 6)]
    names += ["test_batch"] * (kinds == 1)
    written = {}
    for name in names:
        records = random.integers(0, 256, (4, kinds + 3072), dtype=np.uint8)
        records[:, 0], records[:, kinds - 1] = 1, [0, 1, 2, 0]
        (folder / f"{name}.bin").parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
        written[name] = records
    write(folder / "fine_label_names.txt", "apple", "bee", "cup")
    found = load_dataset(folder)
    assert counts(found) == (4 if kinds == 2 else 20, 4)
    assert [found.classes[label] for label in found.test.labels] == (
        ["apple", "bee", "cup", "apple"]
        if kinds == 2
        else ["airplane", "automobile", "bird", "airplane"]
    )
    expected = written[names[-1]][:, kinds:].reshape(4, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(found.test.images, expected)
    (folder / f"{names[0]}.bin").write_bytes(b"cut short")
    with pytest.raises(DatasetError, match="no whole number of images"):
        load_dataset(folder)


def test_splits_in_the_names_of_files_as_of_raf_db(tmp_path: Path) -> None:
    lines = []
    for split, green, count in (("train", TRAIN, 8), ("test", TEST, 4)):
        for number in range(count):
            name = f"{split}_{number:05}.jpg"
            draw(tmp_path / "Image" / "original" / name, number % 2, green, number)
            lines.append(f"{name} {number % 2 + 1}")
    write(tmp_path / "EmoLabel" / "list_patition_label.txt", *lines)
    dataset = load_dataset(tmp_path)
    assert (dataset.classes, counts(dataset)) == (("1", "2"), (8, 4))
    assert {*green_of(dataset.test)} == {TEST}
    assert "the splits are taken from the files' names, which begin with test, train" in told(
        dataset
    )


def test_names_that_only_begin_like_splits_tell_none(tmp_path: Path) -> None:
    for number in range(6):
        draw(tmp_path / "all" / f"train_{number}.png", 0, number=number)
        draw(tmp_path / "all" / f"tram_{number}.png", 0, number=number)
        draw(tmp_path / "trains" / f"train_{number}.png", 0, number=number)
    for folder in ("all", "trains"):
        assert "the splits are taken" not in told(load_dataset(tmp_path / folder))


@pytest.mark.parametrize(
    "names", [("train_car", "test_tube"), ("training bra", "test dummy"), ("background", "test")]
)
def test_classes_whose_names_have_words_of_splits_stay_classes(
    folder: Path, names: tuple[str, str]
) -> None:
    for number in range(20):
        draw(folder / names[number % 2] / f"{number}.png", number % 2)
    dataset = load_dataset(folder)
    check(dataset, names, 20)


def test_omniglots_background_is_its_training_split(folder: Path) -> None:
    for number in range(12):
        draw(folder / "images_background" / f"{number % 2}" / f"{number}.png", number % 2)
        draw(folder / "images_evaluation" / f"{number % 2}" / f"{number}.png", number % 2, TEST)
    check(load_dataset(folder), ["0", "1"], 12, 12)


@pytest.mark.parametrize("name", ["hold-out", "held_out", "tests", "evaluation"])
def test_test_splits_have_many_names(folder: Path, name: str) -> None:
    for number in range(12):
        draw(folder / "train" / f"{number % 2}" / f"{number}.png", number % 2)
        draw(folder / name / f"{number % 2}" / f"{number}.png", number % 2, TEST)
    check(load_dataset(folder), ["0", "1"], 12, 12)


def test_folders_named_after_hashes_are_no_classes(folder: Path) -> None:
    rows = ["id,label"]
    for number in range(20):
        digest = hashlib.md5(str(number).encode()).hexdigest()
        draw(folder / digest[:2] / digest[2:4] / f"{digest}.png", number % 2)
        rows.append(f"{digest},{('cat', 'dog')[number % 2]}")
    assert load_dataset(folder).classes == (folder.name,)
    write(folder / "labels.csv", *rows)
    check(load_dataset(folder), ["cat", "dog"], 20)


@pytest.mark.parametrize("other", ["thumbnails", "depth", "images_resized"])
def test_other_versions_of_the_images_are_left_out(folder: Path, other: str) -> None:
    for number in range(20):
        draw(folder / "images" / f"{number % 2}" / f"{number}.png", number % 2)
        draw(folder / other / f"{number % 2}" / f"{number}.jpg", number % 2, MASK)
    dataset = load_dataset(folder)
    check(dataset, ["0", "1"], 20)
    assert "other versions of the images: 20" in told(dataset)


def test_thumbnails_and_copies_beside_the_images_are_left_out(folder: Path) -> None:
    for number in range(20):
        draw(folder / f"{number % 2}" / f"{number}.png", number % 2, number=number)
        thumbnail = folder / f"{number % 2}" / f"{number}_thumb.png"
        save_image(thumbnail, (0, MASK, 0), size=(4, 4))
    draw(folder / "0" / "0 (1).png", 0)
    draw(folder / "1" / "1 - Copy.png", 1, number=99)  # another picture
    dataset = load_dataset(folder)
    check(dataset, ["0", "1"], 21)
    assert "thumbnails beside the images: 20" in told(dataset)


@pytest.mark.parametrize("name", ["#snapshot", "@tmp", "RECYCLER", "found.000", "Temporary Items"])
def test_leftovers_of_storage_are_no_classes(folder: Path, name: str) -> None:
    for number in range(20):
        draw(folder / f"{number % 2}" / f"{number}.png", number % 2)
        draw(folder / name / f"{number}.png", 2)
    check(load_dataset(folder), ["0", "1"], 20)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("a. Training Set", "b. Testing Set"),
        ("01_train", "02_test"),
        ("train_60000", "test_10000"),
        ("stage1_train", "stage2_test_final"),
        ("deep-learning-train", "deep-learning-test"),
        ("background", "evaluation"),
    ],
)
def test_numbers_and_versions_beside_the_words_of_splits_say_nothing(
    folder: Path, train: str, test: str
) -> None:
    for number in range(12):
        draw(folder / train / f"{number}.png", 0)
        draw(folder / test / f"{number}.png", 0, TEST)
    check(load_dataset(folder), [folder.name], 12, 12)


@pytest.mark.parametrize("names", [("picture", "table"), ("photo", "sketch"), ("img", "side")])
def test_classes_beside_one_called_images_stay(folder: Path, names: tuple[str, str]) -> None:
    for number in range(20):
        draw(folder / names[number % 2] / f"{number // 2}.png", number % 2)
    check(load_dataset(folder), names, 20)


def test_numbers_of_records_are_no_hashes(folder: Path) -> None:
    for number in range(20):
        record = 1001 + number % 2
        draw(folder / str(record) / f"{record}{number:012}.png", number % 2)
    check(load_dataset(folder), ["1001", "1002"], 20)
