"""Data sets in several parts: numbered files, packed files, archives in folders and archives."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import zstandard
from image_sets import counts, save_classes, save_npz, told, zip_folder
from PIL import Image

from explorer.data.dataset import Dataset
from explorer.data.load import load_dataset
from explorer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("bare_machine")
IMAGES = np.random.default_rng(0).integers(0, 256, (15, 6, 6), dtype=np.uint8)
LABELS = np.arange(15) % 3
SHADES = np.arange(0, 240, 20, dtype=np.uint8)  # of 12 pictures; the labels are the same numbers


def are_known(found: Dataset) -> bool:
    """Return whether each of IMAGES is there with its label."""
    classes = [int(name) for name in found.classes]
    told = {
        image.tobytes(): classes[label]
        for split in (found.train, found.test)
        for image, label in zip(split.images, split.labels, strict=True)
    }
    return told == {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}


def shades(found: Dataset) -> dict[int, str]:
    """Return the class of each picture by its shade."""
    return {
        int(image[0, 0, 0]): found.classes[label]
        for split in (found.train, found.test)
        for image, label in zip(split.images, split.labels, strict=True)
    }


def png(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), int(shade)).save(file, "png")
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, each in files.items():
            archive.writestr(name, each)
    return content.getvalue()


# --- numbered files -------------------------------------------------------------------------


def test_numbered_files_with_labels_are_parts_of_one_set(folder: Path) -> None:
    for part in range(15):
        rows = slice(part, part + 1)
        names = np.array(["0", "1", "2"])
        save_npz(folder / f"d_{part}.npz", x=IMAGES[rows], y=LABELS[rows], class_names=names)
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "d_0 … d_14 are taken as 15 parts of one set" in told(digits)


@pytest.mark.parametrize("test", ["test_0", "test"])
def test_numbered_files_of_splits(folder: Path, test: str) -> None:
    for part in range(2):
        rows = slice(5 * part, 5 * part + 5)
        save_npz(folder / f"train_{part}.npz", images=IMAGES[rows], labels=LABELS[rows])
    save_npz(folder / f"{test}.npz", images=IMAGES[10:], labels=LABELS[10:])
    digits = load_dataset(folder)
    assert are_known(digits)
    assert counts(digits) == (10, 5)


def test_images_and_labels_may_lie_in_numbered_files_of_their_own(folder: Path) -> None:
    for part in range(3):
        rows = slice(5 * part, 5 * part + 5)
        np.save(folder / f"x_{part + 1}.npy", IMAGES[rows])
        np.save(folder / f"y_{part + 1}.npy", LABELS[rows])
    assert are_known(load_dataset(folder))


def test_parts_of_hdf5(folder: Path) -> None:
    for part, rows in enumerate((slice(7), slice(7, 15))):
        with h5py.File(folder / f"shard-{part:05}-of-00002.h5", "w") as file:
            file["images"], file["labels"] = IMAGES[rows], LABELS[rows]
    assert are_known(load_dataset(folder))


@pytest.mark.parametrize("name", ["part-{:05}", "images_batch_{}", "x-{}-of-3"])
def test_files_that_are_called_parts_need_no_labels(folder: Path, name: str) -> None:
    for part in range(3):
        np.save(folder / f"{name.format(part)}.npy", IMAGES[5 * part : 5 * part + 5])
    assert load_dataset(folder).classes == ("Our Pets",)


def test_numbers_alone_are_classes(folder: Path) -> None:
    for label in range(3):
        np.save(folder / f"{label}.npy", IMAGES[label == LABELS])
    assert are_known(load_dataset(folder))


@pytest.mark.parametrize("break_it", ["a gap", "another size", "another type"])
def test_files_that_do_not_continue_each_other_are_refused(folder: Path, break_it: str) -> None:
    last = IMAGES[10:]
    if break_it == "another size":
        last = last[:, :5, :5]
    elif break_it == "another type":
        last = last.astype(np.int16)
    save_npz(folder / "d_0.npz", x=IMAGES[:5], y=LABELS[:5])
    save_npz(folder / "d_1.npz", x=IMAGES[5:10], y=LABELS[5:10])
    save_npz(folder / f"d_{3 if break_it == 'a gap' else 2}.npz", x=last, y=LABELS[10:])
    words = (
        "several sets: d, d 1, d 2"
        if break_it == "another size"
        else "in numbered arrays that do not continue each other: d_0/x "
    )
    with pytest.raises(DatasetError, match=words):
        load_dataset(folder)


def test_what_each_part_repeats_is_of_the_whole_set(folder: Path) -> None:
    for part in range(3):
        rows = slice(5 * part, 5 * part + 5)
        names, ids = np.array(["0", "1", "2"]), np.arange(50)
        save_npz(folder / f"d_{part}.npz", x=IMAGES[rows], y=LABELS[rows], names=names, ids=ids)
    assert are_known(load_dataset(folder))


def test_the_labels_of_numbered_images_may_lie_in_one_file(folder: Path) -> None:
    for part in range(3):
        np.save(folder / f"cells_{part}.npy", IMAGES[5 * part : 5 * part + 5])
    np.save(folder / "y.npy", LABELS)
    assert are_known(load_dataset(folder))


@pytest.mark.parametrize("name", ["images", "cells"])
def test_numbered_labels_of_other_numbers_of_images_are_refused(folder: Path, name: str) -> None:
    for part, rows, others in ((1, slice(10), slice(5)), (2, slice(10, 15), slice(5, 15))):
        np.save(folder / f"{name}_{part}.npy", IMAGES[rows])
        np.save(folder / f"labels_{part}.npy", LABELS[others])
    words = f"labels_1 has 5 rows for the 10 images in {name}_1"
    with pytest.raises(DatasetError, match=words):
        load_dataset(folder)


def test_numbered_labels_are_compared_with_the_images_of_their_split(folder: Path) -> None:
    for part, cuts in enumerate(((0, 2, 7), (7, 12, 14))):  # unequal parts of equal totals
        for split, start, stop in (("tr", *cuts[:2]), ("te", *cuts[1:])):
            np.save(folder / f"X{split}_{part}.npy", IMAGES[start:stop])
            np.save(folder / f"y{split}_{part}.npy", LABELS[start:stop])
    assert counts(load_dataset(folder)) == (7, 7)


def test_too_few_numbered_labels_are_refused(folder: Path) -> None:
    for part in range(3):
        np.save(folder / f"x_{part}.npy", IMAGES[5 * part : 5 * part + 5])
        np.save(folder / f"y_{part}.npy", LABELS[: 6 if part else 2])
    with pytest.raises(DatasetError, match=r"has 15 images but 14 labels for them"):
        load_dataset(folder)


def test_labels_in_fewer_files_than_the_images_are_joined(folder: Path) -> None:
    for part in range(3):
        np.save(folder / f"x_{part}.npy", IMAGES[5 * part : 5 * part + 5])
    for part, rows in enumerate((slice(10), slice(10, 15))):
        np.save(folder / f"y_{part}.npy", LABELS[rows])
    assert are_known(load_dataset(folder))


def test_numbered_labels_for_the_same_images_are_not_joined(folder: Path) -> None:
    np.save(folder / "images.npy", IMAGES)
    np.save(folder / "labels_1.npy", LABELS)
    np.save(folder / "labels_2.npy", np.arange(15) % 2)
    digits = load_dataset(folder)
    assert are_known(digits)
    assert len(digits.train.columns) == 1


def test_files_of_rows_of_image_files_may_be_classes(folder: Path) -> None:
    for name, rows in (("cats", SHADES[:7]), ("dogs", SHADES[7:])):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            images = file.create_dataset("images", len(rows), h5py.vlen_dtype(np.uint8))
            for row, shade in enumerate(rows):
                images[row] = np.frombuffer(png(shade), np.uint8)
    expected = {shade: "cats" if n < 7 else "dogs" for n, shade in enumerate(SHADES.tolist())}
    assert shades(load_dataset(folder)) == expected


def test_missing_parts_are_told(folder: Path) -> None:
    for part in range(2):
        np.save(folder / f"x-{part:05}-of-00003.npy", IMAGES[5 * part : 5 * part + 5])
    with pytest.raises(DatasetError, match="2 of 3 parts are there, such as x-00000-of-00003"):
        load_dataset(folder)


def test_files_of_the_same_stem_are_all_seen(folder: Path) -> None:
    save_npz(folder / "digits.npz", x=IMAGES, y=LABELS)
    np.save(folder / "digits.npy", np.zeros(3))
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "neither images nor labels of them: 1 (digits)" in told(digits)


# --- packed files ---------------------------------------------------------------------------


def csv_of_pixels() -> bytes:
    titles = ",".join(["label", *(f"pixel{number}" for number in range(36))])
    rows = [",".join(map(str, (y, *x.ravel()))) for x, y in zip(IMAGES, LABELS, strict=True)]
    return "\n".join([titles, *rows]).encode()


def npz_of_digits() -> bytes:
    content = io.BytesIO()
    np.savez(content, x=IMAGES, y=LABELS)
    return content.getvalue()


@pytest.mark.parametrize("make", [csv_of_pixels, npz_of_digits])
@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_a_packed_data_file_is_what_is_in_it(
    folder: Path, make: Callable[[], bytes], suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path = folder / f"digits.{make.__name__[:3]}{suffix}"
    path.write_bytes(pack(make()))
    for place in (path, folder):
        assert are_known(load_dataset(place))
    path.write_bytes(pack(make())[:-60])
    with pytest.raises(DatasetError, match=rf"{path.name} is cut short or damaged"):
        load_dataset(path)


def test_a_packed_file_in_an_archive(folder: Path) -> None:
    (folder / "a.zip").write_bytes(zipped({"data/digits.npz.gz": gzip.compress(npz_of_digits())}))
    assert are_known(load_dataset(folder / "a.zip"))


def test_of_a_file_and_the_same_packed_the_first_is_read(folder: Path) -> None:
    (folder / "digits.npz").write_bytes(npz_of_digits())
    (folder / "digits.npz.gz").write_bytes(b"anything")
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "archives: 1 (digits.npz.gz)" in told(digits)


def test_of_a_file_packed_in_two_ways_one_is_read(folder: Path) -> None:
    (folder / "digits.csv.gz").write_bytes(gzip.compress(csv_of_pixels()))
    (folder / "digits.csv.bz2").write_bytes(bz2.compress(csv_of_pixels()))
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "archives: 1 (digits.csv.gz)" in told(digits)


def test_packed_pictures_are_read_where_they_are_many(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.data.sources.workers.FEWEST", 10)
    for image, label, number in zip(IMAGES, LABELS, range(15), strict=True):
        path = folder / str(label) / f"{number}.npy.gz"
        path.parent.mkdir(exist_ok=True)
        with gzip.open(path, "wb") as file:
            np.save(file, image)
    assert are_known(load_dataset(folder))


def test_a_wrong_bit_is_told_with_the_file(folder: Path) -> None:
    content = bytearray(bz2.compress(npz_of_digits()))
    content[len(content) // 2] ^= 1
    (folder / "digits.npz.bz2").write_bytes(content)
    with pytest.raises(DatasetError, match=r"digits.npz.bz2 .*is cut short or damaged"):
        load_dataset(folder)


# --- archives -------------------------------------------------------------------------------


def test_archives_in_a_folder_are_folders_of_their_names(folder: Path, tmp_path: Path) -> None:
    for name, count in (("train", 4), ("test", 2)):
        save_classes(tmp_path / name, {"cat": count, "dog": count})
        zip_folder(tmp_path / name, folder / f"{name}.zip")
    pets = load_dataset(folder)
    assert pets.classes == ("cat", "dog")
    assert counts(pets) == (8, 4)
    assert "test.zip … train.zip are read as folders" in told(pets)


def test_archives_in_an_archive_beside_a_table(folder: Path) -> None:
    parts = {
        f"images_{part}.zip": zipped({f"{n}.png": png(SHADES[n]) for n in range(part, 12, 2)})
        for part in (0, 1)
    }
    table = "file,kind\n" + "".join(f"{n}.png,{n % 3}\n" for n in range(12))
    (folder / "all.zip").write_bytes(zipped({**parts, "labels.csv": table.encode()}))
    assert shades(load_dataset(folder / "all.zip")) == {
        shade: str(n % 3) for n, shade in enumerate(SHADES.tolist())
    }


def test_archives_with_files_of_the_same_names_stay_apart(folder: Path) -> None:
    for label in (1, 2):
        content = zipped({f"{n}.png": png(20 * n + label) for n in range(5)})
        (folder / f"{label}.zip").write_bytes(content)
    found = shades(load_dataset(folder))
    assert found == {20 * n + label: str(label) for n in range(5) for label in (1, 2)}


def test_numbered_archives_of_pictures_alone_are_classes(folder: Path) -> None:
    for label in range(3):
        names = {f"{n}.png": png(SHADES[n]) for n in range(label, 12, 3)}
        (folder / f"kind_{label}.zip").write_bytes(zipped(names))
    expected = {shade: f"kind_{n % 3}" for n, shade in enumerate(SHADES.tolist())}
    assert shades(load_dataset(folder)) == expected


def save_shard(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("suffix", ["cls", "json"])
@pytest.mark.parametrize("key", ["unique", "from 0 in each"])
@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train-{:06}", "test-000000"),
        ("toys-train-{:05}-of-00003", "toys-test-00000-of-00001"),
        ("train/{:05}", "test/00000"),
    ],
)
def test_webdataset_shards(folder: Path, suffix: str, key: str, train: str, test: str) -> None:
    for start in range(0, 12, 3):
        files: dict[str, bytes] = {}
        for n in range(start, start + 3):
            name = f"{n - start if key == 'from 0 in each' else n:05}"
            label = json.dumps({"label": n % 3, "caption": "x"}) if suffix == "json" else n % 3
            files |= {f"{name}.png": png(SHADES[n]), f"{name}.{suffix}": str(label).encode()}
        save_shard(folder / f"{train.format(start // 3) if start < 9 else test}.tar", files)
    found = load_dataset(folder)
    assert shades(found) == {shade: str(n % 3) for n, shade in enumerate(SHADES.tolist())}
    assert counts(found) == (9, 3)


def test_more_archives_than_may_be_open_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.data.files.inside._OPEN", 5)
    for n in range(40):
        save_shard(folder / f"train-{n:03}.tar", {f"{n}.png": png(n), f"{n}.cls": b"a"})
    descriptors = Path("/proc/self/fd")
    before = len(os.listdir(descriptors)) if descriptors.is_dir() else 0
    assert len(shades(load_dataset(folder))) == 40
    assert not before or len(os.listdir(descriptors)) <= before + 8


def test_archives_called_by_classes_with_numbers_stay_classes(folder: Path) -> None:
    """As in the archive of archives in which ImageNet is published."""
    names = ("n01440764", "n01443537", "n02102040")
    for label, name in enumerate(names):
        save_shard(
            folder / f"{name}.tar", {f"{name}_{n}.png": png(20 * n + label) for n in range(4)}
        )
    found = shades(load_dataset(folder))
    assert found == {20 * n + i: name for n in range(4) for i, name in enumerate(names)}


def test_parts_of_the_same_number_keep_all_their_images(folder: Path) -> None:
    for part in (1, 2):
        content = zipped({f"photos/{n}.png": png(20 * n + part) for n in range(5)})
        (folder / f"photos-20240101T000000Z-1-00{part}.zip").write_bytes(content)
    assert len(shades(load_dataset(folder))) == 10


def test_each_part_may_have_its_own_table(folder: Path) -> None:
    for part in range(2):
        rows = range(part, 12, 2)
        table = "file,label\n" + "".join(f"{n}.png,{n % 3}\n" for n in rows)
        content = {f"{n}.png": png(SHADES[n]) for n in rows} | {"labels.csv": table.encode()}
        (folder / f"shard-{part:05}.zip").write_bytes(zipped(content))
    expected = {shade: str(n % 3) for n, shade in enumerate(SHADES.tolist())}
    assert shades(load_dataset(folder)) == expected


def test_kept_pictures_are_those_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr("explorer.data.sources.cache.SLOW", -1.0)
    for place, shade in (("one", 0), ("two", 100)):
        path = tmp_path / place / "train.tar"
        save_shard(path, {f"{n}.png": png(shade + n) for n in range(4)})
        os.utime(path, (1, 1))
    first, second = ({*shades(load_dataset(tmp_path / place))} for place in ("one", "two"))
    assert (first, second) == ({0, 1, 2, 3}, {100, 101, 102, 103})


# --- a file for each image ------------------------------------------------------------------


def save_toys(folder: Path, label: Callable[[int], object], name: str = "{}.json") -> None:
    for n, shade in enumerate(SHADES.tolist()):
        (folder / "images").mkdir(exist_ok=True)
        (folder / "images" / f"{n}.png").write_bytes(png(shade))
        path = folder / name.format(n)
        path.parent.mkdir(exist_ok=True)
        content = label(n)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8-sig")


KINDS = {shade: "abc"[n % 3] for n, shade in enumerate(SHADES.tolist())}


@pytest.mark.parametrize("name", ["images/{}.json", "images/{}.png.json", "labels/{}.json"])
def test_json_of_each_image_tells_its_label_and_more(folder: Path, name: str) -> None:
    save_toys(
        folder, lambda n: {"label": "abc"[n % 3], "image": f"{n + 1}.png", "age": n / 2}, name
    )
    toys = load_dataset(folder)
    assert shades(toys) == KINDS
    assert [*toys.train.columns] == ["age"]


def test_odd_json_files_are_told_and_the_others_count(folder: Path) -> None:
    odd = {3: "{", 6: {"label": ["a", "b"]}}
    save_toys(folder, lambda n: odd.get(n, {"label": "abc"[n % 3]}), "images/{}.json")
    toys = load_dataset(folder)
    expected = {SHADES[3]: "not labelled", SHADES[6]: "not labelled"}
    assert shades(toys) == {**KINDS, **expected}
    assert "1 of 12 .json files are damaged: images/3.json" in told(toys)
    assert "1 of 12 .json files give no single label: images/6.json" in told(toys)


def test_a_label_may_be_missing_in_the_first_json(folder: Path) -> None:
    save_toys(folder, lambda n: {"label": "abc"[n % 3] if n else None}, "images/{}.json")
    assert shades(load_dataset(folder)) == {**KINDS, SHADES[0]: "not labelled"}


def test_a_damaged_json_in_an_archive_is_told(folder: Path) -> None:
    content = bytearray(
        zipped(
            {f"{n}.png": png(SHADES[n]) for n in range(12)}
            | {f"{n}.json": json.dumps({"label": "abc"[n % 3]}).encode() for n in range(12)}
        )
    )
    content[content.index(b'{"label": "a"}') + 11] ^= (
        1  # the first of them, whose checksum is then wrong
    )
    (folder / "toys.zip").write_bytes(content)
    toys = load_dataset(folder / "toys.zip")
    assert shades(toys) == {**KINDS, SHADES[0]: "not labelled"}
    assert "1 of 12 .json files are damaged: 0.json" in told(toys)


def test_a_table_beside_a_file_about_the_set_is_used(folder: Path) -> None:
    save_toys(folder, lambda n: {}, "others/{}.txt")
    labels = [{"file": f"images/{n}.png", "label": "abc"[n % 3]} for n in range(12)]
    (folder / "metadata.json").write_text(json.dumps(labels), "utf-8")
    (folder / "info.json").write_text('{"class": "toys", "license": "none"}', "utf-8")
    assert shades(load_dataset(folder)) == KINDS


# --- what is left out -----------------------------------------------------------------------


def test_an_archive_beside_images_is_left_out_and_told(folder: Path) -> None:
    save_classes(folder, {"cat": 3, "dog": 3})
    (folder / "test.zip").write_bytes(zipped({"1.png": png(0)}))
    pets = load_dataset(folder)
    assert counts(pets) == (4, 2)
    assert "archives: 1 (test.zip)" in told(pets)
    assert "test.zip is not read, as images lie beside it" in told(pets)


def test_an_archive_beside_rows_of_pixels_is_left_out_and_told(folder: Path) -> None:
    (folder / "digits.csv").write_bytes(csv_of_pixels())
    (folder / "old.zip").write_bytes(zipped({"1.png": png(0)}))
    digits = load_dataset(folder)
    assert are_known(digits)
    assert "archives: 1 (old.zip)" in told(digits)


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_a_damaged_archive_among_others_is_told(folder: Path, suffix: str) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        member = tarfile.TarInfo("1.png")
        member.size = len(png(1))
        archive.addfile(member, io.BytesIO(png(1)))
    whole = (
        zipped({f"{n}.png": png(n) for n in range(9)}) if suffix == "zip" else content.getvalue()
    )
    (folder / f"cat.{suffix}").write_bytes(whole)
    (folder / f"dog.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=rf"dog.{suffix} .*is cut short or damaged|dog.zip is"):
        load_dataset(folder)


def test_a_test_table_without_labels_leaves_its_images_out(folder: Path) -> None:
    for split, rows in (("train", range(9)), ("test", range(9, 12))):
        for n in rows:
            (folder / split).mkdir(exist_ok=True)
            (folder / split / f"{n}.png").write_bytes(png(SHADES[n]))
        cells = [f"{n}.png,{'abc'[n % 3] if split == 'train' else ''},{n % 2}" for n in rows]
        (folder / f"{split}.csv").write_text("\n".join(["file,label,type", *cells]))
    toys = load_dataset(folder)
    assert toys.classes == ("a", "b", "c")
    assert "test images without labels: 3" in told(toys)


def test_a_test_table_without_the_class_of_the_training_images_gives_none(folder: Path) -> None:
    for split, rows in (("train", range(9)), ("test", range(9, 12))):
        (folder / split).mkdir()
        for n in rows:
            (folder / split / f"{n}.png").write_bytes(png(SHADES[n]))
        titles = "file,species,target" if split == "train" else "file,species"
        cells = [f"{n}.png,{'xy'[n % 2]}" + f",{n % 3}" * (split == "train") for n in rows]
        (folder / f"{split}.csv").write_text("\n".join([titles, *cells]))
    toys = load_dataset(folder)
    assert toys.classes == ("0", "1", "2")
    assert "test images without labels: 3" in told(toys)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("class_{}.npy", ("0", "1", "2")),
        ("{}.npy", ("0", "1", "2")),
        ("digit_{}.npz", ("digit 0", "digit 1", "digit 2")),
        ("class_{}.h5", ("0", "1", "2")),
    ],
)
@pytest.mark.parametrize("side", [6, 12])
def test_a_file_of_images_for_each_class_may_be_called_class(
    tmp_path: Path, name: str, classes: tuple[str, ...], side: int
) -> None:
    for number in range(3):
        images = np.full((7, side, side), 80 * number, np.uint8)
        path = tmp_path / name.format(number)
        if path.suffix == ".npy":
            np.save(path, images.reshape(7, -1) if side > 10 else images)
        elif path.suffix == ".npz":
            save_npz(path, images=images)
        else:
            with h5py.File(path, "w") as file:
                file["images"] = images
    found = load_dataset(tmp_path)
    assert (found.classes, counts(found)) == (classes, (18, 3))
    assert [*shades(found)] == [0, 80, 160]
    assert [*shades(found).values()] == [*classes]


@pytest.mark.parametrize("name", ["images/{}.xml", "Annotations/{}.xml"])
def test_the_class_of_all_objects_in_an_image_is_its_class(folder: Path, name: str) -> None:
    """As in Pascal VOC."""
    parts = "<part><name>head</name></part>"

    def describe(n: int) -> str:
        objects = f"<object>\n\t<name>{'abc'[n % 3]}</name>{parts}\n</object>" * 2
        return f"<annotation>{objects}</annotation>"

    save_toys(folder, describe, name)
    assert shades(load_dataset(folder)) == KINDS


def test_masks_beside_images_do_not_hide_the_class_of_their_objects(folder: Path) -> None:
    """As in the whole folder of Pascal VOC."""
    save_toys(
        folder, lambda n: f"<object><name>{'abc'[n % 3]}</name></object>", "Annotations/{}.xml"
    )
    (folder / "images").rename(folder / "JPEGImages")
    for kind in ("SegmentationClass", "SegmentationObject"):
        (folder / kind).mkdir()
        for n in range(12):
            (folder / kind / f"{n}.png").write_bytes(png(0))
    assert shades(load_dataset(folder)) == KINDS


def test_objects_of_several_classes_in_an_image_are_no_classes(folder: Path) -> None:
    objects = "".join(f"<object><name>{kind}</name></object>" for kind in "ab")
    save_toys(folder, lambda n: objects if n == 3 else "", "images/{}.xml")
    toys = load_dataset(folder)
    assert len(toys.classes) == 1
    assert "objects of several classes to 1 of 12 images, such as images/3.xml" in told(toys)


@pytest.mark.parametrize("shape", [(196,), (12, 12)])
@pytest.mark.parametrize("kind", ["images", "data"])
def test_labels_of_many_classes_or_of_pixels_are_no_images(
    tmp_path: Path, shape: tuple[int, ...], kind: str
) -> None:
    """Rows of 196 are as long as those of flat images of 14 × 14 pixels."""
    labels = np.zeros((9, *shape), np.uint8)
    labels[range(9), [0, 1, 2] * 3] = 1
    for part in range(2):
        np.save(tmp_path / f"{kind}_{part}.npy", np.full((9, 12, 12), 80, np.uint8))
        np.save(tmp_path / f"labels_{part}.npy", labels)
    found = load_dataset(tmp_path)
    assert sum(counts(found)) == 18
    assert len(found.classes) == (3 if len(shape) == 1 else 1)


def test_more_labels_than_pictures_are_not_taken_for_images(folder: Path) -> None:
    save_toys(folder, lambda n: "", "unused/{}.txt")
    np.save(folder / "labels.npy", np.zeros((30, 12, 12), np.uint8))
    assert sum(counts(load_dataset(folder))) == 12


def test_objects_of_one_class_give_way_to_a_table(folder: Path) -> None:
    save_toys(folder, lambda n: "<object><name>toy</name></object>", "images/{}.xml")
    lines = [f"{n}.png,{'abc'[n % 3]}" for n in range(12)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *lines]))
    assert shades(load_dataset(folder)) == KINDS
