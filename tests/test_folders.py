"""Folders and zips of image files: what is read, how it is split, what is left out."""

from __future__ import annotations

import io
import tarfile
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from image_sets import RED, counts, save_classes, save_image, told, zip_folder
from PIL import Image

from explorer.data.dataset import dataset_fingerprint
from explorer.data.files import archives
from explorer.data.load import load_dataset
from explorer.data.reading import Reading
from explorer.data.sources import progress
from explorer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("bare_machine")


def test_a_folder_of_class_folders_becomes_a_split_data_set(folder: Path) -> None:
    pets = load_dataset(save_classes(folder, {"dog": 7, "cat": 14}))
    assert (pets.name, pets.title, pets.licence) == ("our-pets", "Our Pets", "the owner's")
    assert (pets.classes, pets.origin) == (("cat", "dog"), "class folders (PNG)")
    assert pets.image_shape == (8, 8, 3)
    assert np.bincount(pets.train.labels).tolist() == [12, 6]
    assert np.bincount(pets.test.labels).tolist() == [2, 1]
    images = np.concatenate([pets.train.images, pets.test.images])
    labels = np.concatenate([pets.train.labels, pets.test.labels])
    assert (images[:, 0, 0, 0] == labels).all()  # red is the class
    seen = {tuple(pixel) for pixel in images[:, 0, 0, :2].tolist()}
    assert len(seen) == len(images) == 21  # and every file occurs once


def test_a_zip_gives_the_same_images_as_its_folder(folder: Path, tmp_path: Path) -> None:
    save_classes(folder, {"cat": 5, "dog": 4})
    for zipped in (
        zip_folder(folder, tmp_path / "a.zip"),
        zip_folder(folder, tmp_path / "b.zip", below="wrapped/twice"),
    ):
        pets = load_dataset(zipped)
        assert pets.origin == "zip of class folders (PNG)"
        for split in ("train", "test"):
            expected = dataset_fingerprint(getattr(load_dataset(folder), split))
            assert dataset_fingerprint(getattr(pets, split)) == expected


def test_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    names = ["b/2.png", "a/1.png", "b/1.png", "a/2.png", "a/deep/er/0.png", "c/1.png", "c/3.png"]
    fingerprints = set()
    for number, order in enumerate((names, sorted(names), names[::-1])):
        for name in order:
            save_image(tmp_path / str(number) / name, tuple(name.encode()[:3]))
        fingerprints.add(dataset_fingerprint(load_dataset(tmp_path / str(number)).train))
    assert len(fingerprints) == 1


def test_numbers_in_names_of_classes_are_counted_and_not_spelled(folder: Path) -> None:
    save_classes(folder, {"class 2": 4, "class 10": 4, "class 1": 4})
    pets = load_dataset(folder)
    assert pets.classes == ("class 1", "class 2", "class 10")
    assert sorted(pets.train.images[pets.train.labels == 2, 0, 0, 0].tolist()) == [1, 1, 1]
    spelled = pets.ordered(("class 1", "class 10", "class 2"))  # as in an older bundle
    assert (spelled.test.images[:, 0, 0, 0] == spelled.test.labels).all()


def test_the_same_images_are_always_set_aside(folder: Path) -> None:
    save_classes(folder, {"cat": 30})
    first, again = (load_dataset(folder).test for _ in range(2))
    assert dataset_fingerprint(first) == dataset_fingerprint(again)


@pytest.mark.parametrize("test_name", ["test", "VAL", "validation"])
def test_train_and_test_folders_make_the_splits(folder: Path, test_name: str) -> None:
    save_classes(folder / "train", {"cat": 3, "dog": 2})
    save_classes(folder / test_name, {"dog": 1, "emu": 1})
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog", "emu")
    assert pets.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert pets.test.labels.tolist() == [1, 2]


def test_a_validation_folder_beside_a_test_folder_is_left_out(folder: Path) -> None:
    for name, count in (("train", 5), ("val", 3), ("test", 2)):
        save_classes(folder / name, {"cat": count})
    pets = load_dataset(folder)
    assert (len(pets.train.images), len(pets.test.images)) == (5, 2)


def test_a_class_may_be_called_train(folder: Path) -> None:
    assert load_dataset(save_classes(folder, {"train": 2, "plane": 2})).classes == (
        "plane",
        "train",
    )


def test_test_images_without_classes_are_left_out_and_told(folder: Path) -> None:
    save_classes(folder / "train", {"cat": 3, "dog": 4})
    save_image(folder / "test" / "1.png")
    pets = load_dataset(folder)
    assert pets.report.left_out == {"test images that are in no class folders": (1, "test")}
    assert pets.classes == ("cat", "dog")
    assert len(pets.train.images) + len(pets.test.images) == 7


def test_classes_that_may_be_misspelled_are_told(folder: Path) -> None:
    save_classes(folder / "train", {"Cat": 2, "dog": 2, "DOG": 1})
    save_classes(folder / "test", {"cat": 2, "dog": 2})
    notes = load_dataset(folder).report.notes
    assert "the classes Cat, cat, DOG, dog differ only in capital letters" in notes
    assert "there are no training images of the classes cat" in notes


def test_images_without_class_folders_are_one_class(folder: Path) -> None:
    for number in range(4):
        save_image(folder / f"{number}.png", number)
    pets = load_dataset(folder)
    assert (pets.classes, pets.origin) == (("Our Pets",), "images (PNG)")
    assert (len(pets.train.images), len(pets.test.images)) == (3, 1)
    assert pets.image_shape == (8, 8, 1)


def test_images_beside_class_folders_are_left_out_and_told(folder: Path) -> None:
    save_image(save_classes(folder, {"cat": 3}) / "cover.png")
    pets = load_dataset(folder)
    assert pets.classes == ("cat",)
    assert pets.report.left_out == {"images that lie beside the class folders": (1, "cover.png")}


def test_hidden_files_and_rubbish_are_ignored(folder: Path) -> None:
    save_classes(folder, {"cat": 3})
    save_image(folder / ".thumbnails" / "1.png")
    save_image(folder / "__MACOSX" / "1.png")
    save_image(folder / "cat" / "._000.png")
    for name in (".DS_Store", "Thumbs.db", "labels.csv"):
        (folder / "cat" / name).write_bytes(b"rubbish")
    pets = load_dataset(folder)
    assert pets.classes == ("cat",)
    assert len(pets.train.images) + len(pets.test.images) == 3


def test_links_to_class_folders_are_followed_and_loops_are_not(
    folder: Path, tmp_path: Path
) -> None:
    save_classes(tmp_path / "elsewhere", {"cat": 3})
    (folder / "cat").symlink_to(tmp_path / "elsewhere" / "cat")
    save_classes(folder, {"dog": 3})
    (folder / "dog" / "loop").symlink_to(folder)
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog")
    assert len(pets.train.images) + len(pets.test.images) == 6


def test_unreadable_files_are_skipped_and_counted(folder: Path) -> None:
    save_classes(folder, {"cat": 12})
    whole = (folder / "cat" / "000.png").read_bytes()
    (folder / "cat" / "000.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "001.png").write_bytes(b"no image")
    pets = load_dataset(folder)
    count = len(pets.train.images) + len(pets.test.images)
    assert count == len(pets.train.labels) + len(pets.test.labels) == 10
    number, first = pets.report.left_out["images that cannot be read"]
    assert number == 2 and first in ("cat/000.png", "cat/001.png")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"<!DOCTYPE html>", "a web page"),
    ],
)
def test_files_that_are_no_pictures_are_told_by_their_kind(
    folder: Path, content: bytes, kind: str
) -> None:
    save_classes(folder, {"cat": 3})
    for path in folder.rglob("*.png"):
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=kind):
        load_dataset(folder)


def test_a_folder_of_unreadable_files_is_an_error(folder: Path) -> None:
    for name in ("1.png", "2.jpg", "3.gif"):
        (folder / name).write_bytes(b"no image")
    with pytest.raises(DatasetError, match="the first being 1.png: its content is no image"):
        load_dataset(folder)


def test_too_large_images_and_members_are_unreadable(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_classes(folder, {"cat": 6})
    save_image(folder / "cat" / "bomb.png", size=(100, 100))
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "cat" / "heavy.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000)
    monkeypatch.setattr(archives, "LARGEST_FILE", 4_000)
    cats = load_dataset(zip_folder(folder, tmp_path / "cats.zip"))
    assert len(cats.train.images) + len(cats.test.images) == 6
    assert cats.report.left_out["images that cannot be read"][0] == 2


def test_a_zip_writes_nothing_outside_itself(tmp_path: Path) -> None:
    image = save_image(tmp_path / "image.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for name in ("../../evil.png", "/evil.png", "cats/1.png", "cats\\2.png"):
            archive.writestr(name, image)
    before = sorted(tmp_path.rglob("*"))
    evil = load_dataset(tmp_path / "evil.zip")
    assert len(evil.train.images) + len(evil.test.images) >= 2
    assert "cats" in evil.classes
    assert sorted(tmp_path.rglob("*")) == before


def test_images_are_kept_on_disk_not_in_memory(folder: Path) -> None:
    images = load_dataset(save_classes(folder, {"cat": 3})).train.images
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_equal_small_images_keep_their_size_even_if_oblong(folder: Path) -> None:
    for name in ("1.png", "2.png"):
        save_image(folder / name, size=(20, 12))
    assert load_dataset(folder).image_shape == (12, 20, 3)
    assert load_dataset(folder, Reading(image_size=(16, 16))).image_shape == (16, 16, 3)


@pytest.mark.parametrize("sizes", [[(20, 12), (12, 20)], [(100, 100), (100, 100)]])
def test_other_images_become_32_pixels_square(folder: Path, sizes: list[tuple[int, int]]) -> None:
    for number, size in enumerate(sizes):
        save_image(folder / f"{number}.png", size=size)
    pets = load_dataset(folder)
    assert pets.image_shape == pets.train.images.shape[1:] == (32, 32, 3)


def test_images_are_grey_only_if_all_are(folder: Path) -> None:
    Image.new("L", (8, 8), 9).save(folder / "1.png")
    Image.new("1", (8, 8), 1).save(folder / "2.png")
    Image.new("L", (8, 8), 9).convert("P").save(folder / "3.png")
    Image.new("I;16", (8, 8), 9).save(folder / "4.png")
    assert load_dataset(folder).image_shape == (8, 8, 1)
    save_image(folder / "5.png", RED)
    assert load_dataset(folder).image_shape == (8, 8, 3)
    assert load_dataset(folder, Reading(grey=True)).image_shape == (8, 8, 1)


def test_an_empty_folder_is_an_error(folder: Path) -> None:
    with pytest.raises(DatasetError, match="at least two images .* but holds none"):
        load_dataset(folder)
    save_image(folder / "cat" / "1.png")
    with pytest.raises(DatasetError, match="at least two images .* but holds 1"):
        load_dataset(folder)


def test_slow_reading_shows_a_progress_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    list(progress.with_progress(["ab", "cd", "ef"], 6, len))
    assert "reading images: 6 of 6\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("{}/{}.png", "{}/{}_mask.png"),
        ("{}/{}.png", "{}/{}_Segmentation.tif"),
        ("{}/images/{}.png", "{}/masks/{}.png"),
        ("{}/{}.png", "{}/masks/{}.png"),
    ],
)
def test_masks_in_classes_are_left_out_and_told(folder: Path, images: str, masks: str) -> None:
    for number in range(8):
        for form in (images, masks):
            save_image(folder / form.format("ab"[number % 2], number))
    found = load_dataset(folder)
    assert (found.classes, sum(counts(found))) == (("a", "b"), 8)
    ((kind, (count, _)),) = found.report.left_out.items()
    assert (kind, count) == ("masks beside the images", 8)


def test_a_set_that_was_unpacked_twice_counts_once_and_is_told(folder: Path) -> None:
    """As for the malaria cells and HAM10000 from Kaggle."""
    for number in range(8):
        name = f"{number}.png"
        for place in ("cells/a", "cells/b", "cells/cells/a", "cells/cells/b"):
            save_image(folder / place / name, (number, 0, 0))
    found = load_dataset(folder)
    assert (found.classes, sum(counts(found))) == (("a", "b"), 16)
    assert found.report.left_out == {"images in copies of folders": (16, "cells/cells/a")}


def test_numbered_parts_of_a_set_are_no_classes_where_a_table_has_them(folder: Path) -> None:
    for number in range(12):
        part = f"images_part_{number // 6 + 1}"
        for name in (part, part.upper()):
            save_image(folder / name / f"{number:03}.png", (number, 0, 0))
    rows = [f"{number:03},{'ab'[number % 2]}" for number in range(12)]
    (folder / "metadata.csv").write_text("\n".join(["image_id,class", *rows]))
    found = load_dataset(folder)
    assert (found.classes, sum(counts(found))) == (("a", "b"), 12)
    assert [*found.report.left_out] == ["images in copies of folders"]


def test_classes_that_are_only_called_alike_stay(folder: Path) -> None:
    """Letters, a class within a class of the same name, face masks: neither copies nor masks."""
    for number in range(6):
        for shade, place in enumerate(("A", "a", "cat/cat", "cat", "mask", "no_mask")):
            save_image(folder / "train" / place / f"{number}.png", (20 * shade + number, 0, 0))
    save_image(folder / "train" / "sample.png", (255, 0, 0))
    for number in range(3):
        save_image(folder / "train" / "with_mask" / f"with_mask_{number}.png", (number, 9, 0))
    save_image(folder / "train" / "with_mask" / "with.png", (99, 9, 0))
    found = load_dataset(folder, Reading(whole=True))
    assert len(found.test.images) == 6 * 6 + 4
    assert [*found.report.left_out] == ["images that lie beside the class folders"]


def test_a_link_to_itself_is_left_out_alone(folder: Path) -> None:
    save_classes(folder, {"cat": 6, "dog": 6})
    (folder / "cat" / "loop").symlink_to("loop")
    (folder / "loop.png").symlink_to("loop.png")
    dataset = load_dataset(folder)
    assert (dataset.classes, sum(counts(dataset))) == (("cat", "dog"), 12)
    assert "links that lead nowhere: 2" in told(dataset)


def test_names_in_archives_are_read_whatever_their_encoding(folder: Path, tmp_path: Path) -> None:
    content = save_image(tmp_path / "a.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(4):
            archive.writestr(f"{('käse', 'brot')[number % 2]}/{number}.png", content)
    unmarked = (tmp_path / "a.zip").read_bytes()  # as Info-ZIP writes: UTF-8 without its flag
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        parts = unmarked.split(header)
        unmarked = parts[0] + b"".join(
            header + part[: at - 4] + b"\0\0" + part[at - 2 :] for part in parts[1:]
        )
    (tmp_path / "a.zip").write_bytes(unmarked)
    with tarfile.open(tmp_path / "a.tar", "w", encoding="latin-1") as tar:
        for number in range(4):
            member = tarfile.TarInfo(f"{('käse', 'brot')[number % 2]}/{number}.png")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    for name in ("a.zip", "a.tar"):
        assert load_dataset(tmp_path / name).classes == ("brot", "käse")


def test_a_class_without_a_readable_image_is_told(folder: Path) -> None:
    save_classes(folder, {"a": 3, "b": 3, "c": 2})
    for path in (folder / "c").iterdir():
        path.write_bytes(b"no picture")
    found = load_dataset(folder)
    assert "no image of these classes was read: c" in told(found)
    assert found.classes == ("a", "b", "c")


def test_folders_of_folds_are_neither_classes_nor_splits(folder: Path) -> None:
    for fold in ("fold1", "fold2", "fold10"):
        save_classes(folder / fold, {"a": 3, "b": 4})
    found = load_dataset(folder)
    assert (found.classes, sum(counts(found))) == (("a", "b"), 21)
    assert "the folders fold1 … fold2 are folds, neither splits nor classes" in told(found)


def test_one_of_several_folds_that_are_split_is_read(folder: Path) -> None:
    for fold in ("fold_1", "fold_2"):
        save_classes(folder / fold / "train", {"a": 4, "b": 2})
        save_classes(folder / fold / "test", {"a": 2, "b": 1})
    found = load_dataset(folder)
    assert (found.classes, counts(found)) == (("a", "b"), (6, 3))
    assert found.report.left_out == {"images of further folds": (9, "fold_2/test/a")}


def test_folders_of_images_called_folds_are_classes_if_nothing_else_gives_classes(
    folder: Path,
) -> None:
    save_classes(folder, {"fold1": 3, "fold2": 4})
    (folder / "README.md").write_text("Two kinds of folds.")
    assert load_dataset(folder).classes == ("fold1", "fold2")


def test_class_level_counts_folders_of_folds(folder: Path) -> None:
    for fold in ("fold1", "fold2"):
        save_classes(folder / fold, {"a": 3, "b": 4})
    found = load_dataset(folder, Reading(class_level=2))
    assert found.classes == ("fold1/a", "fold1/b", "fold2/a", "fold2/b")


def test_folds_below_a_split_are_joined(folder: Path) -> None:
    for split, fold in product(("train", "test"), ("fold1", "fold2")):
        save_classes(folder / split / fold, {"a": 3, "b": 4})
    found = load_dataset(folder)
    assert (found.classes, counts(found)) == (("a", "b"), (14, 14))
