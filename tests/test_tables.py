"""Tables and lists beside images: the classes, splits and columns that they give."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
import scipy.io
from image_sets import counts, idx_bytes, save_classes, save_image, save_npz, told
from pyarrow import parquet

from explorer.data.dataset import Dataset
from explorer.data.layouts.labels import numbers_or_words
from explorer.data.load import load_dataset
from explorer.data.reading import FILE_NAME, Reading
from explorer.errors import DatasetError

pytestmark = pytest.mark.usefixtures("bare_machine")
LABELS = [2, 0, 1] * 3 + [1, 2, 0]


@pytest.mark.parametrize(
    "cells",
    [
        ["1_11", "11_1"],
        ["1e3", "1000"],
        ["001", "1"],
        ["1234567890123456", "1234567890123457"],
        ["4", "four"],
        ["", "a"],
    ],
)
def test_names_that_look_like_numbers_stay_apart(cells: list[str]) -> None:
    assert numbers_or_words(cells).tolist() == cells


def test_numbers_are_read_as_people_and_programs_write_them() -> None:
    cells = ["0", "-1", "+2.50", ".5", "7.", "1e+03", "2.5E-05", "1.5E7", " 3 ", "-inf", "", "NaN"]
    expected = [0, -1, 2.5, 0.5, 7, 1000, 2.5e-5, 1.5e7, 3, -np.inf, np.nan, np.nan]
    np.testing.assert_array_equal(numbers_or_words(cells), expected)


def test_a_table_tells_classes_and_columns(folder: Path) -> None:
    for number in range(12):
        save_image(folder / "img" / f"{number:05}.jpg", (number, 0, 0))
    rows = [
        f"{number:05},{'ab'[number % 2]},{20 + number},{'mf'[number % 4 // 2]}"
        for number in range(11)
    ]
    (folder / "HAM.csv").write_text("image_id,dx,age,sex\n" + "\n".join(rows), encoding="utf-8-sig")
    skin = load_dataset(folder)
    assert skin.classes == ("a", "b", "not labelled")
    assert {*skin.test.columns} == {"age", "sex (0 f, 1 m)"}
    ages = np.concatenate([skin.train.columns["age"], skin.test.columns["age"]])
    assert np.isnan(ages).sum() == 1
    for split in (skin.train, skin.test):  # red is the number, as far as JPEG keeps it
        known = ~np.isnan(split.columns["age"])
        red = split.images[known, 4, 4, 0].astype(int)
        assert abs(split.columns["age"][known] - 20 - red).max() <= 2
    by_sex = load_dataset(folder, Reading(label="sex"))
    assert {"m", "f"} <= {*by_sex.classes}
    with pytest.raises(DatasetError, match="no column 'size'; its columns are: age, sex"):
        load_dataset(folder, Reading(label="size"))


def test_rows_may_end_with_a_comma(folder: Path) -> None:
    for number in range(12):
        save_image(folder / f"{number}.png", (number, 0, 0))
    rows = [f"{number}.png,{'ab'[number % 2]}," for number in range(12)]
    (folder / "labels.csv").write_text("image,label\n" + "\n".join(rows))
    assert load_dataset(folder).classes == ("a", "b")


def test_long_numbers_stay_apart_as_classes(folder: Path) -> None:
    for number in range(12):
        save_image(folder / f"{number}.png", (number, 0, 0))
    rows = [f"{number}.png,{1_000_001 + number % 2}" for number in range(12)]
    (folder / "labels.csv").write_text("image,label\n" + "\n".join(rows))
    assert load_dataset(folder).classes == ("1000001", "1000002")


def test_hugging_face_metadata_lie_in_each_split(folder: Path) -> None:
    for split, count in (("train", 6), ("test", 4)):
        lines = []
        for number in range(count):
            save_image(folder / split / f"{number}.png", (number, 0, 0))
            lines.append(json.dumps({"file_name": f"{number}.png", "label": "xy"[number % 2]}))
        (folder / split / "metadata.jsonl").write_text("\n".join(lines))
    pets = load_dataset(folder)
    assert pets.classes == ("x", "y")
    assert pets.test.labels.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("between", [" ", ",", "\t"])
def test_a_text_file_of_names_and_labels_is_a_table(folder: Path, between: str) -> None:
    for number in range(10):
        save_image(folder / f"im_{number}.png")
    rows = (f"im_{number}.png{between}{'ab'[number % 2]}" for number in range(10))
    (folder / "labels.txt").write_text("\n".join(rows))
    found = load_dataset(folder)
    assert (found.classes, found.train.labels.tolist().count(1)) == (("a", "b"), 4)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("labels.npy", lambda path: np.save(path, LABELS)),
        ("y.npy", lambda path: np.save(path, np.eye(3)[LABELS])),
        ("labels.txt", lambda path: np.savetxt(path, LABELS, "%d")),
        ("about.csv", lambda path: np.savetxt(path, LABELS, "%d", header="label", comments="")),
        ("labels.json", lambda path: path.write_text(json.dumps(LABELS))),
    ],
)
def test_labels_alone_are_taken_in_the_order_of_the_images(
    folder: Path, name: str, write: Callable[[Path], None]
) -> None:
    for number in range(len(LABELS)):
        save_image(folder / f"{number}.png", number)
    write(folder / name)
    found = load_dataset(folder, Reading(whole=True))
    pixels = found.test.images[:, 0, 0, 0].tolist()
    assert [found.classes[label] for label in found.test.labels] == [
        str(LABELS[pixel]) for pixel in pixels
    ]
    assert f"{name} is taken in the order of the images: 0.png is 2, 11.png is 0" in told(found)
    for number in range(len(LABELS)):  # 1017.png may be the second or the eleventh
        (folder / f"{number}.png").rename(folder / f"{number}017.png")
    assert f"{name} is not used, as the order of 0017.png" in told(load_dataset(folder))
    (folder / "0017.png").unlink()
    assert f"{name} has 12 labels for 11 images" in told(load_dataset(folder))


def test_labels_of_each_split_lie_beside_their_folders(folder: Path) -> None:
    for role, count in (("train", 6), ("test", 8)):
        save_classes(folder, {role: count})
        np.save(folder / f"{role}_labels.npy", np.arange(count) // 4)
    found = load_dataset(folder)
    assert found.train.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.test.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def save_two_splits(folder: Path, *, is_flat: bool = False) -> dict[str, list[str]]:
    """Write images of equal names in ``train`` and ``test`` with different labels; return these."""
    labels = {"train": [*"abc" * 4], "test": [*"cab" * 3]}
    for role, of_role in labels.items():
        for number, label in enumerate(of_role):
            place = folder if is_flat else folder / role
            save_image(place / f"{is_flat * role}{number}.png", (ord(label), number, 0))
    return labels


def save_in_turn(folder: Path, names: Sequence[str], labels: str = "ab") -> list[tuple[str, str]]:
    """Write images of these classes in turn; return the name and the class of each."""
    rows = [(name, labels[number % len(labels)]) for number, name in enumerate(names)]
    for name, label in rows:
        save_image(folder / f"{name}.png", (ord(label), 0, 0))
    return rows


def labels_are_those_of(found: Dataset) -> bool:
    """Return whether each image has the label that its red value gives."""
    return all(
        [chr(image[0, 0, 0]) for image in split.images]
        == [found.classes[label] for label in split.labels]
        for split in (found.train, found.test)
    )


Rows = list[tuple[str, int, str]]


def tables_of_splits(rows: Rows, spell: str = "{number}") -> dict[str, str]:
    tables = {"train": "id,label\n", "test": "id,label\n"}
    for role, number, label in rows:
        name = spell.format(role=role, number=number)
        tables[role] += f"{name},{label}\n"
    return {f"{role}.csv": content for role, content in tables.items()}


def table_of_both(rows: Rows, spell: str, *, split: bool) -> dict[str, str]:
    lines = [
        f"{spell.format(role=role, number=number)},{label}{f',{role}' * split}"
        for role, number, label in rows
    ]
    return {"labels.csv": "\n".join([f"id,label{',split' * split}", *lines])}


@pytest.mark.parametrize(
    "write",
    [
        tables_of_splits,
        lambda rows: tables_of_splits(rows, "{number}.png"),
        lambda rows: tables_of_splits(rows, "Images/{role}/{number}.PNG"),
        lambda rows: table_of_both(rows, "{number}.png", split=True),
        lambda rows: table_of_both(rows, "D:\\x\\{role}\\{number}.png", split=False),
        lambda rows: table_of_both(rows, "/home/me/pets/{role}/{number}.png", split=False),
        lambda rows: table_of_both(rows, "data/pets/{role}/{number}.jpg", split=False),
    ],
)
def test_images_of_the_same_name_in_two_splits_have_each_its_own_label(
    folder: Path, write: Callable[[Rows], dict[str, str]]
) -> None:
    labels = save_two_splits(folder)
    rows = [(role, n, label) for role, told in labels.items() for n, label in enumerate(told)]
    for name, content in write(rows).items():
        (folder / name).write_text(content)
    (folder / "sample_submission.csv").write_text("id,label\n0,a\n1,a\n2,a\n3,a\n4,a\n5,a\n")
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert counts(found) == (12, 9)
    assert found.test.columns == {}


def save_apart(folder: Path, counts: dict[str, int]) -> Rows:
    """Write images into folders of splits, each with a unique name; return their rows."""
    rows: Rows = []
    for role, count in counts.items():
        for _ in range(count):
            number, label = len(rows), "abc"[len(rows) % 3]
            save_image(folder / role / f"{number:03}.png", (ord(label), number, 0))
            rows.append((role, number, label))
    return rows


@pytest.mark.parametrize(
    ("name", "further"),
    [
        ("labels.csv", lambda number, role: number % 3),
        ("labels.csv", lambda number, role: "val" if role == "train" and number % 3 else role),
        ("labels.csv", lambda number, role: number % 2),
        ("train_labels.csv", None),
    ],
)
@pytest.mark.parametrize("title", ["fold", "subset", "split"])
def test_a_row_counts_for_the_only_image_of_its_name_whatever_its_split(
    folder: Path, name: str, title: str, further: Callable[[int, str], object] | None
) -> None:
    rows = save_apart(folder, {"train": 12, "test": 6})
    lines = [f"image,label{f',{title}' if further else ''}"]
    for role, number, label in rows:
        cells = [f"{number:03}.png", label, *([further(number, role)] if further else [])]
        lines.append(",".join(map(str, cells)))
    (folder / name).write_text("\n".join(lines))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert counts(found) == (12, 6)


@pytest.mark.parametrize(("title", "are_splits"), [("split", True), ("fold", False), ("kfold", 0)])
def test_numbers_may_be_splits_but_folds_are_none(
    folder: Path, title: str, are_splits: bool
) -> None:
    """As in Waterbirds."""
    saved = save_in_turn(folder, [*map(str, range(18))], "01")
    lines = [f"img_filename,y,{title}"]
    lines += [f"{name}.png,{label},{int(name) // 6}" for name, label in saved]
    (folder / "metadata.csv").write_text("\n".join(lines))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert counts(found) == ((6, 6) if are_splits else (16, 2))
    assert {*found.train.columns} == (set() if are_splits else {title})
    assert (f"the column {title} gives folds, not splits" in told(found)) != are_splits


def test_tables_of_more_splits_than_there_are_folders_all_count(folder: Path) -> None:
    rows = save_apart(folder, {"train": 12, "test": 6})
    for table in ("train", "val", "test"):
        lines = [
            f"{number:03}.png,{label}"
            for role, number, label in rows
            if table == ("val" if role == "train" and number % 2 else role)
        ]
        (folder / f"{table}.csv").write_text("\n".join(["image,label", *lines]))
    assert labels_are_those_of(load_dataset(folder))


def test_folders_of_splits_beside_another_are_known_by_their_tables(folder: Path) -> None:
    """As in GTSRB for a contest."""
    for number in range(12):
        save_image(folder / "Train" / f"{number % 3}" / f"{number}.png", (48 + number % 3, 0, 0))
    for number in range(6):
        save_image(folder / "Test" / f"{number}.png", (48 + number % 3, 0, 0))
    save_image(folder / "Meta" / "0.png")
    for role, count in (("Train", 12), ("Test", 6)):
        lines = [
            f"{n % 3},{role}/{f'{n % 3}/' if role == 'Train' else ''}{n}.png" for n in range(count)
        ]
        (folder / f"{role}.csv").write_text("\n".join(["ClassId,Path", *lines]))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert counts(found) == (12, 6)


@pytest.mark.parametrize("spell", ["/home/me/{}.png", "data/{}.png", "{}.PNG", "C:\\{}.png"])
def test_no_row_is_lost_where_there_are_no_titles(folder: Path, spell: str) -> None:
    saved = save_in_turn(folder, [f"img/{number:03}" for number in range(12)])
    rows = [f"{spell.format(name)},{label}" for name, label in saved]
    (folder / "labels.csv").write_text("\n".join(rows))
    assert labels_are_those_of(load_dataset(folder))


def test_paths_of_another_machine_tell_images_of_one_name_in_several_folders_apart(
    folder: Path,
) -> None:
    rows = ["path,label"]
    for place in "uvw":
        for number in range(4):
            label = "ab"[(number + (place == "v")) % 2]
            save_image(folder / place / f"{number}.png", (ord(label), 0, 0))
            rows.append(f"/home/x/set/{place}/{number}.png,{label}")
    (folder / "labels.csv").write_text("\n".join(rows))
    assert labels_are_those_of(load_dataset(folder, Reading(label="label")))


def test_images_whose_names_differ_in_capital_letters_are_told_apart(folder: Path) -> None:
    names = [f"{letter}{number}" for number in range(6) for letter in "aA"]
    rows = [f"{name}.jpg,{label}" for name, label in save_in_turn(folder, names)]
    (folder / "labels.csv").write_text("\n".join(["image,label", *rows]))
    assert labels_are_those_of(load_dataset(folder))


@pytest.mark.parametrize(
    "odd", ["11.png,a, and more", "total 11", "11.png", '11.png,"a ""word"" more" and', ""]
)
def test_an_odd_row_is_left_out_alone(folder: Path, odd: str) -> None:
    saved = save_in_turn(folder, [*map(str, range(11))])
    rows = [f"{name}.png,{label}" for name, label in saved]
    (folder / "labels.csv").write_text("\n".join(["image,label", *rows, odd]))
    assert labels_are_those_of(load_dataset(folder))


def test_labels_of_training_images_are_not_those_of_test_images(folder: Path) -> None:
    labels = save_two_splits(folder)
    rows = [("train", number, label) for number, label in enumerate(labels["train"])]
    (folder / "train.csv").write_text(tables_of_splits(rows)["train.csv"])
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert found.report.left_out == {"test images without labels": (9, "test/0.png")}


@pytest.mark.parametrize("suffix", ["csv", "txt"])
def test_a_list_for_each_split_divides_a_folder(folder: Path, suffix: str) -> None:
    labels = save_two_splits(folder, is_flat=True)
    title = "image,label\n" if suffix == "csv" else ""
    for role, of_role in labels.items():
        lines = [f"{role}{number}.png,{label}" for number, label in enumerate(of_role)]
        (folder / f"{role}.{suffix}").write_text(title + "\n".join(lines))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert counts(found) == (12, 9)


@pytest.mark.parametrize("spell", ["IMÄ{}.PNG", "imä{}.jpg", "ima\u0308{}.png", "x/imä{}.gif"])
def test_names_that_are_not_quite_those_of_the_images_are_told(folder: Path, spell: str) -> None:
    saved = save_in_turn(folder, [f"imä{number}" for number in range(12)])
    rows = [f"{spell.format(number)},{label}" for number, (_, label) in enumerate(saved)]
    (folder / "labels.csv").write_text("image,label\n" + "\n".join(rows), encoding="utf-8")
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert f"not quite those of the images: {spell.format(0)} is taken for imä0.png" in told(found)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('image,label\n0.png,a\n1.png,"b\n2.png,a\n3.png,"b\n', "a quotation mark is not closed"),
        ('image,label\n0.png,a\n1.png,b\n2.png,"a\n3.png,b\n', "a quotation mark is not closed"),
        ("image,label\n0.png,a,\n1.png,b,c\n2.png,a,c\n3.png,b,c\n", "row 3 has 3 cells for 2"),
        ("image,label\nx0.png,a\nx1.png,b\n", "names x0.png and others as its image"),
        (
            "id,label\nx0,a\nx1,b\n",
            "labels.csv is not used: no column of it names images such as 0",
        ),
    ],
)
def test_why_a_table_is_not_used_is_told(folder: Path, content: str, words: str) -> None:
    for number in range(4):
        save_image(folder / f"{number}.png")
    (folder / "labels.csv").write_text(content)
    found = load_dataset(folder)
    assert len(found.classes) == 1
    assert "labels.csv is not used" in told(found)
    assert words in told(found)


@pytest.mark.parametrize(
    "content",
    [
        "# made by me\nimage,label\n{}",
        "image|label\n{}",
        "image,label\r{}",
        "image,label\n{}\0",
        '{{"labels": {{{}}}}}',
        '{{"train": {{{}}}, "test": {{}}}}',
    ],
)
def test_tables_of_odd_make_are_read(folder: Path, content: str) -> None:
    saved = save_in_turn(folder, [*map(str, range(12))])
    is_json = content.startswith("{{")
    mark = "|" if "|" in content else ","
    cells = [(f"{name}.png", label) for name, label in saved]
    rows = [f'"{name}": "{label}"' if is_json else f"{name}{mark}{label}" for name, label in cells]
    between = ", " if is_json else "\r" if "\r" in content else "\n"
    path = folder / f"labels.{'json' if is_json else 'csv'}"
    path.write_bytes(content.format(between.join(rows)).encode())
    assert labels_are_those_of(load_dataset(folder))


def test_ids_are_found_by_the_numbers_in_names(folder: Path) -> None:
    for number in range(6):
        save_image(folder / f"scan_{number + 5:04}.png")
    rows = "".join(f"{number + 5},{'ab'[number % 2]}\n" for number in range(6))
    (folder / "about.csv").write_text(f"id,kind\n{rows}")
    found = load_dataset(folder, Reading(whole=True))
    assert found.test.labels.tolist() == [0, 1] * 3
    assert "found by the numbers in the images' names: scan_0005.png is id 5" in told(found)
    (folder / "about.csv").write_text(f"epoch,kind\n{rows}")
    assert load_dataset(folder).report.left_out == {"tables": (1, "about.csv")}


def test_which_of_several_columns_is_the_class_is_told(folder: Path) -> None:
    for number in range(6):
        save_image(folder / f"{number}.png")
    rows = "".join(f"{number}.png,{number % 3},{number % 2}\n" for number in range(6))
    (folder / "about.csv").write_text(f"file,class,label\n{rows}")
    np.save(folder / "labels.npy", np.arange(6) % 3)
    found = load_dataset(folder, Reading(whole=True))
    assert found.test.labels.tolist() == [0, 1] * 3
    assert "the column label is taken as the class; --label class" in found.report.notes[0]
    assert found.report.left_out == {"NumPy files": (1, "labels.npy")}


def test_of_two_titles_of_classes_that_differ_in_case_the_first_is_taken_and_told(
    folder: Path,
) -> None:
    for number in range(6):
        save_image(folder / f"{number}.png")
    rows = "".join(f"{number}.png,{number % 2},{number % 3}\n" for number in range(6))
    (folder / "about.csv").write_text(f"file,label,Label\n{rows}")
    found = load_dataset(folder, Reading(whole=True))
    assert found.test.labels.tolist() == [0, 1] * 3
    assert "the column label is taken as the class; --label Label takes another" in told(found)


@pytest.mark.parametrize(("step", "is_labelled"), [(1, True), (1000, False)])
def test_numbered_parts_of_a_set_are_no_classes(folder: Path, step: int, is_labelled: bool) -> None:
    labels = []
    for number in range(8):
        name = f"{number // 4 * step:05}/img{number:08}.png"
        save_image(folder / name)
        labels.append([name, number % 2])
    assert load_dataset(folder).classes == (("00000", "00001") if is_labelled else ("Our Pets",))
    if is_labelled:  # as StyleGAN stores them
        (folder / "dataset.json").write_text(json.dumps({"labels": labels}))
        found = load_dataset(folder, Reading(whole=True))
        assert (found.classes, found.test.labels.tolist()) == (("0", "1"), [0, 1] * 4)


def chosen_in_label_studio(name: str, choice: str) -> dict[str, Any]:
    question = {"type": "choices", "from_name": "choice", "value": {"choices": [choice]}}
    return {"annotations": [{"result": [question]}], "data": {"image": f"/data/upload/1/{name}"}}


@pytest.mark.parametrize(
    "content",
    [
        {f"{number}.png": "ab"[number % 2] for number in range(6)},
        {f"{number}.png": ["ab"[number % 2]] for number in range(6)},
        {"a": ["0.png", "2.png", "4.png"], "b": ["1.png", "3.png", "5.png"]},
        {"file": [f"{n}.png" for n in range(6)], "label": ["a", "b"] * 3},
        {"labels": [[f"{number}.png", "ab"[number % 2]] for number in range(6)]},
        {"made": 2020, "images": [{"path": f"{n}.png", "class": "ab"[n % 2]} for n in range(6)]},
        {f"{number}.png": {"class": "ab"[number % 2]} for number in range(6)},
        [
            {"file": f"{n}.png", "about": {"file": f"{5 - n}.png", "class": "ab"[n % 2]}}
            for n in range(6)
        ],
        [chosen_in_label_studio(f"{number}.png", "ab"[number % 2]) for number in range(6)],
        {
            "_via_settings": {"core": {"filepath": {}}},
            "_via_img_metadata": {
                f"{n}.png{n}": {"filename": f"{n}.png", "file_attributes": {"class": "ab"[n % 2]}}
                for n in range(6)
            },
        },
    ],
)
def test_labels_in_json_are_read(folder: Path, content: object) -> None:
    for number in range(6):
        save_image(folder / f"{number}.png")
    (folder / "about.json").write_text(json.dumps(content))
    found = load_dataset(folder, Reading(whole=True))
    assert (found.classes, found.test.labels.tolist()) == (("a", "b"), [0, 1] * 3)


def test_values_in_json_that_are_no_labels_are_told(folder: Path) -> None:
    for number in range(6):
        save_image(folder / f"{number}.png")
    records = [{"file": f"{n}.png", "class": n % 2, "boxes": [[1, 2, 3, 4]]} for n in range(6)]
    (folder / "about.json").write_text(json.dumps(records))
    found = load_dataset(folder)
    assert found.classes == ("0", "1")
    assert "columns of neither numbers nor words: 1 (boxes of about.json)" in told(found)


def test_splits_in_json_are_no_classes(folder: Path) -> None:
    for number in range(6):
        save_image(folder / f"{number}.png")
    names = [f"{number}.png" for number in range(6)]
    (folder / "splits.json").write_text(json.dumps({"train": names[:4], "test": names[4:]}))
    found = load_dataset(folder)
    assert (found.classes, counts(found)) == (("Our Pets",), (4, 2))


def test_json_of_objects_in_one_image_says_nothing_of_others(folder: Path) -> None:
    for number in range(3):
        save_image(folder / f"{number}.png")
        (folder / f"{number}.json").write_text(json.dumps({"shapes": [{"label": "cat"}] * 3}))
    found = load_dataset(folder)
    assert found.classes == ("Our Pets",)
    assert found.report.left_out == {"text files": (3, "0.json")}


def test_json_of_each_image_that_gives_no_label_is_counted_alone(folder: Path) -> None:
    for number in range(3):
        save_image(folder / f"{number}.png")
        (folder / f"{number}.json").write_text(json.dumps({"width": 8, "height": 8}))
    report = load_dataset(folder).report
    assert report.left_out == {"text files": (3, "0.json")}
    assert not any("json" in note for note in report.notes)


def in_coco(categories: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Describe objects of these categories in images ``0.png``, ``1.png``, … as COCO does."""
    objects = [(image, one) for image, several in enumerate(categories, 7) for one in several]
    return {
        "images": [{"id": n + 7, "file_name": f"{n}.png"} for n in range(len(categories))],
        "annotations": [{"image_id": image, "category_id": one} for image, one in objects],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            json.dumps(in_coco([[1, 2], [1]])),
            "about.json is not used: .* some image has objects of",
        ),
        (json.dumps({**in_coco([[1]]), "categories": []}), "not used: .* some annotation has none"),
        ('{"0.png": ["a", "b"], "1.png": ["a"]}', "gives several labels to an image"),
        ('{"0.png": ', "about.json is not JSON, or is damaged"),
    ],
)
def test_json_of_something_else_is_told(folder: Path, content: str, words: str) -> None:
    save_classes(folder, {"a": 2, "b": 2})
    (folder / "about.json").write_text(content)
    assert re.search(words, told(load_dataset(folder)))


def test_the_category_of_all_objects_in_an_image_is_its_class(folder: Path) -> None:
    for number in range(6):
        save_image(folder / "images" / f"{number}.png")
    described = in_coco([[1], [2, 2], [1, 1], [2], [1], [2]])
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances_default.json").write_text(json.dumps(described))
    found = load_dataset(folder, Reading(whole=True))
    assert (found.classes, found.test.labels.tolist()) == (("cat", "dog"), [0, 1] * 3)
    assert not found.report.left_out


def test_celeba_lists_give_attributes_and_splits(folder: Path) -> None:
    for number in range(1, 13):
        save_image(folder / "img_align_celeba" / f"{number:06}.jpg")
    rows = "".join(
        f"{n:06}.jpg {1 if n % 2 else -1:2} {1 if n % 3 else -1:2}\n" for n in range(1, 13)
    )
    (folder / "list_attr_celeba.txt").write_text(f"12\nBald Male\n{rows}")
    parts = "".join(f"{n:06}.jpg {0 if n < 9 else 1 if n < 11 else 2}\n" for n in range(1, 13))
    (folder / "list_eval_partition.txt").write_text(parts)
    celeba = load_dataset(folder)
    assert counts(celeba) == (8, 2)
    assert celeba.test.columns["Bald"].tolist() == [1.0, -1.0]
    assert "validation images: 2" in told(celeba)
    assert load_dataset(folder, Reading(label="Male")).classes == ("-1", "1")


@pytest.mark.parametrize(
    "spell", ["img/{}.png", "img\\{}.png", "/home/me/photos/{}.png", "./img/{}.png", "{}", "{:03}"]
)
def test_tables_spell_names_in_many_ways(folder: Path, spell: str) -> None:
    for number in range(8):
        save_image(folder / "img" / f"{number}.png")
    rows = [f"{spell.format(number)};{'ab'[number % 2]}" for number in range(8)]
    (folder / "list.csv").write_text("name;kind\n" + "\n".join(rows))
    found = load_dataset(folder)
    if spell == "{:03}":
        assert found.report.left_out == {"tables": (1, "list.csv")}  # 003 is not 3
    else:
        assert found.classes == ("a", "b")


def test_rows_that_name_several_images_are_told(folder: Path) -> None:
    save_classes(folder, {"train": 6, "test": 3})
    rows = "".join(f"{number:03},{'xy'[number % 2]}\n" for number in range(6))
    (folder / "labels.csv").write_text(f"id,breed\n{rows}")
    assert "3 rows of labels.csv name more than one image" in load_dataset(folder).report.notes


def test_columns_of_one_hot_rows_are_the_class(folder: Path) -> None:
    for number in range(9):
        save_image(folder / f"ISIC_{number:07}.jpg")
    rows = [
        f"ISIC_{n:07},{float(n % 3 == 0)},{float(n % 3 == 1)},{float(n % 3 == 2)}" for n in range(9)
    ]
    (folder / "GroundTruth.csv").write_text("image,MEL,NV,BCC\n" + "\n".join(rows))
    assert load_dataset(folder).classes == ("BCC", "MEL", "NV")


def test_a_table_that_names_no_image_is_told(folder: Path) -> None:
    (save_classes(folder, {"cat": 3}) / "labels.csv").write_text("id,label\n77,x\n78,y\n")
    assert load_dataset(folder).report.left_out == {"tables": (1, "labels.csv")}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("split.txt", "5\n"),
        ("captions.jsonl", "1\n[2, 3]\n"),
        ("pets-mapping.txt", "0 99999999\n"),
    ],
)
def test_files_that_only_look_like_tables_do_no_harm(folder: Path, name: str, content: str) -> None:
    save_classes(folder, {"0": 2, "1": 2})
    (folder / name).write_text(content)
    assert load_dataset(folder).classes == ("0", "1")


def write(path: Path, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", "utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_tables_may_be_written_by_a_spreadsheet(folder: Path, encoding: str) -> None:
    save_classes(folder, {"": 6})
    rows = "".join(f"{number:03};{('größe', 'x')[number % 2]}\r\n" for number in range(6))
    (folder / "labels.csv").write_bytes(f"file;class\r\n{rows}".encode(encoding))
    assert load_dataset(folder).classes == ("größe", "x")


@pytest.mark.parametrize("suffix", [".png", ""])
def test_a_table_without_titles_loses_no_row(folder: Path, suffix: str) -> None:
    save_classes(folder, {"": 6})
    write(
        folder / "labels.csv", *(f"{number:03}{suffix},{'ab'[number % 2]}" for number in range(6))
    )
    found = load_dataset(folder)
    assert (found.classes, found.report.left_out) == (("a", "b"), {})


def test_parquet_metadata_lie_in_each_split(folder: Path) -> None:
    for split, count in (("train", 6), ("test", 4)):
        save_classes(folder, {split: count})
        names = [f"{number:03}.png" for number in range(count)]
        rows = {
            "file_name": names,
            "label": ["y", "x"] * (count // 2),
            "age": range(20, 20 + count),
        }
        parquet.write_table(pyarrow.table(rows), folder / split / "metadata.parquet")
    pets = load_dataset(folder)
    assert (pets.classes, pets.test.labels.tolist()) == (("x", "y"), [1, 0, 1, 0])
    assert pets.test.columns["age"].tolist() == [20, 21, 22, 23]


def test_rows_that_are_not_used_are_told(folder: Path) -> None:
    save_classes(folder, {"": 6})
    names = [*range(9), 0]
    write(folder / "labels.csv", "id,label", *(f"{n:03},{'ab'[n % 2]}" for n in names))
    assert "4 of 10 rows of labels.csv are not used" in told(load_dataset(folder))


def test_tiny_imagenet_has_its_words_and_validation_classes(folder: Path) -> None:
    ids, words = ("n01443537", "n01629819"), ("goldfish, Carassius auratus", "salamander")
    for name in ids:
        save_classes(folder / "train" / name, {"images": 5})
        write(folder / "train" / name / f"{name}_boxes.txt", "000.png\t0\t0\t9\t9")
    save_classes(folder, {"val/images": 4, "test/images": 3})
    rows = (f"{number:03}.png\t{ids[number // 3]}\t0\t0\t9\t9" for number in range(4))
    write(folder / "val" / "val_annotations.txt", *rows)
    write(folder / "words.txt", *map("\t".join, zip(ids, words, strict=True)), "n1\tother")
    tiny = load_dataset(folder)
    assert (tiny.classes, counts(tiny)) == (("goldfish", "salamander"), (10, 4))
    assert tiny.test.labels.tolist() == [0, 0, 0, 1]
    assert tiny.report.left_out["test images that are in no class folders"][0] == 3


@pytest.mark.parametrize("place", ["", "001.Gull/"])
def test_lists_of_cub_are_joined_by_number(folder: Path, place: str) -> None:
    save_classes(folder / "images", {place: 3, place.replace("1.Gull", "2.Wren"): 3})
    files = sorted((folder / "images").rglob("*.png"))
    names = [file.relative_to(folder / "images").as_posix() for file in files]
    birds = [1 + (number % 2) for number in range(len(names))]
    for name, values in (
        ("images", names),
        ("image_class_labels", birds),
        ("train_test_split", [int(number != 1) for number in range(len(names))]),
        ("classes", []),
    ):
        lines = [f"{number} {value}" for number, value in enumerate(values, 1)]
        write(folder / f"{name}.txt", *(lines or ["1 Gull", "2 Wren"]))
    found = load_dataset(folder)
    assert found.classes == (("001.Gull", "002.Wren") if place else ("Gull", "Wren"))
    assert counts(found) == (len(names) - 1, 1)
    assert found.test.labels.tolist() == [0 if place else 1]


def test_a_mapping_of_emnist_names_the_classes(folder: Path) -> None:
    for split in ("train", "test"):
        start = folder / f"emnist-balanced-{split}"
        Path(f"{start}-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((8, 28, 28))))
        Path(f"{start}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(8) % 4))
    write(folder / "emnist-balanced-mapping.txt", "0 48", "1 49", "2 65", "3 97")
    write(folder / "emnist-digits-mapping.txt", "0 48", "1 49")
    found = load_dataset(folder)
    assert found.classes == ("0", "1", "A", "a")
    assert found.report.left_out == {"text files": (1, "emnist-digits-mapping.txt")}


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("labels.csv", ["ClassId,Name", "0,stop", "1,give way", "2,no entry"]),
        ("signnames.csv", ["ClassId;SignName", "0;stop", "1;give way"]),
        ("k49_classmap.csv", ["index,codepoint,char", "0,U+1,stop", "1,U+2,give way"]),
    ],
)
def test_a_table_may_name_the_classes(folder: Path, name: str, rows: list[str]) -> None:
    """As beside GTSRB, and Kuzushiji-49."""
    save_classes(folder, {"0": 3, "1": 3})
    (folder / name).write_text("\n".join(rows))
    found = load_dataset(folder)
    is_short = len(rows) < 4
    assert found.classes == (("stop", "give way") if is_short else ("0", "1"))
    assert (f"the classes are called as in {name}" in told(found)) == is_short


def test_classes_may_stand_in_the_names_of_files(folder: Path) -> None:
    for name in ("cat.0", "cat.1", "dog.0", "dog.1", "dog.2"):
        save_image(folder / "train" / f"{name}.png")
    save_classes(folder, {"test": 2})
    assert "begin with cat, dog: --label filename takes" in told(load_dataset(folder))
    pets = load_dataset(folder, Reading(label=FILE_NAME))
    assert (pets.classes, sum(counts(pets))) == (("cat", "dog"), 5)
    assert "test images without labels: 2" in told(pets)


def test_names_of_classes_lie_beside_arrays(tmp_path: Path) -> None:
    images, labels = np.zeros((6, 4, 5), np.uint8), np.arange(6) % 2
    arrays = {
        "train_set_x": images,
        "train_set_y": labels,
        "list_classes": np.array([b"no", b"cat"]),
    }
    assert load_dataset(save_npz(tmp_path / "cats.npz", **arrays)).classes == ("no", "cat")


def test_lists_of_oxford_pets_give_splits_and_the_names_of_files_classes(folder: Path) -> None:
    rows = []
    for number, (breed, kind) in enumerate(product(("Abyssinian", "great_pyrenees"), range(6))):
        name = f"{breed}_{kind + 1}"
        save_image(folder / "images" / f"{name}.jpg")
        save_image(folder / "annotations" / "trimaps" / f"{name}.png")
        (folder / "annotations" / "xmls").mkdir(exist_ok=True)
        head = f"<object><name>{('cat', 'dog')[number // 6]}</name></object>"
        (folder / "annotations" / "xmls" / f"{name}.xml").write_text(head)
        rows.append(f"{name} {1 + number // 6} 1 1")
    save_image(folder / "images" / "Abyssinian_99.jpg")  # in no list
    lists = folder / "annotations"
    (lists / "list.txt").write_text("#Image CLASS-ID SPECIES BREED ID\n" + "\n".join(rows))
    (lists / "trainval.txt").write_text("\n".join(rows[::2]))
    (lists / "test.txt").write_text("\n".join(rows[1::2]))
    pets = load_dataset(folder)
    assert (pets.classes, counts(pets)) == (("Abyssinian", "great_pyrenees"), (6, 6))
    assert pets.test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert "images of no split: 1 (images/Abyssinian_99.jpg)" in told(pets)


def test_lists_of_food_101_give_splits_of_class_folders(folder: Path) -> None:
    names = [f"{dish}/{number}" for dish in ("pho", "ramen") for number in range(100, 106)]
    for name in names:
        save_image(folder / "images" / f"{name}.jpg")
    (folder / "meta").mkdir()
    (folder / "meta" / "train.txt").write_text("\n".join(names[::2]))
    (folder / "meta" / "test.txt").write_text("\n".join(names[1::2]))
    food = load_dataset(folder)
    assert (food.classes, counts(food)) == (("pho", "ramen"), (6, 6))
    assert food.test.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_flowers_102_have_their_labels_in_matlab_files(folder: Path) -> None:
    for number in range(1, 13):
        save_image(folder / "jpg" / f"image_{number:05}.jpg", number)
    scipy.io.savemat(folder / "imagelabels.mat", {"labels": [[77, 10, 9] * 4]})
    sets = {"trnid": [[1, 2, 3, 4, 5, 6]], "valid": [[7, 8]], "tstid": [[9, 11, 10, 12]]}
    scipy.io.savemat(folder / "setid.mat", sets)
    flowers = load_dataset(folder)
    assert (flowers.classes, counts(flowers)) == (("9", "10", "77"), (6, 4))
    assert flowers.test.labels.tolist() == [0, 2, 1, 0]


# --- which columns give the names, the classes and the splits of the images ------------------


def save_numbered(folder: Path, count: int = 40) -> list[str]:
    """Save images ``001.png``, …, each with its own shade; return the names."""
    names = [f"{number:03}.png" for number in range(1, count + 1)]
    for number, name in enumerate(names):
        save_image(folder / name, (number, 0, 0))
    return names


def shades_and_classes(dataset: Dataset) -> set[tuple[int, str]]:
    return {
        (int(image[0, 0, 0]), dataset.classes[label])
        for split in (dataset.train, dataset.test)
        for image, label in zip(split.images, split.labels, strict=True)
    }


@pytest.mark.parametrize("title", ["", "index", "Unnamed: 0", "id", "age"])
def test_names_of_files_count_more_than_numbers_of_rows(folder: Path, title: str) -> None:
    """As ``DataFrame.to_csv`` writes them: row 0 is 001.png, so row and file numbers differ."""
    names = save_numbered(folder)
    lines = [f"{title},filename,label"]
    lines += [f"{row},{name},{'ab'[row % 2]}" for row, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(lines))
    expected = {(number, "ab"[number % 2]) for number in range(40)}
    assert shades_and_classes(load_dataset(folder)) == expected


@pytest.mark.parametrize("title", ["original_filename", "source_url"])
def test_names_of_other_files_count_less_than_the_images_own(folder: Path, title: str) -> None:
    names = save_numbered(folder)
    web = "https://host/" if "url" in title else ""
    lines = [f"{title},id,label"]
    lines += [f"{web}{row + 3:03}.png,{name[:3]},{'ab'[row % 2]}" for row, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(lines))
    expected = {(number, "ab"[number % 2]) for number in range(40)}
    assert shades_and_classes(load_dataset(folder)) == expected


def test_of_two_columns_of_numbers_the_one_called_so_names_the_images(folder: Path) -> None:
    save_numbered(folder)
    lines = ["Unnamed: 0,image_id,label"]
    lines += [f"{row},{row + 1},{'ab'[row % 2]}" for row in range(40)]
    (folder / "labels.csv").write_text("\n".join(lines))
    expected = {(number, "ab"[number % 2]) for number in range(40)}
    assert shades_and_classes(load_dataset(folder)) == expected


@pytest.mark.parametrize("title", ["Roi", "ClassId"])
def test_of_columns_of_class_folders_names_that_called_a_label_is_the_class(
    folder: Path, title: str
) -> None:
    """As in GTSRB, where the pixel positions of regions of interest look like class numbers."""
    for number in range(12):
        save_image(folder / "Train" / str(number % 3) / f"{number}.png", (number, 0, 0))
    lines = [f"Roi,{title},Path"] if title != "Roi" else ["Roi,Other,Path"]
    for number in range(12, 18):
        save_image(folder / "Test" / f"{number}.png", (number, 0, 0))
        lines.append(f"{number % 2},{number % 3},Test/{number}.png")
    (folder / "Test.csv").write_text("\n".join(lines))
    found = load_dataset(folder)
    labels = [found.classes[label] for label in found.test.labels]
    modulus = 3 if title == "ClassId" else 2
    assert labels == [str(int(image[0, 0, 0]) % modulus) for image in found.test.images]
    several = "the columns Roi, Other hold nothing but names of class folders: Roi is taken"
    assert (several in told(found)) == (title == "Roi")


@pytest.mark.parametrize(
    ("title", "values", "expected"),
    [
        ("split", "0001", (30, 10)),
        ("split", "1110", (34, 6)),  # from a program for which 1 means training: not guessed
        ("dataset", "0001", (34, 6)),
        ("is_train", ["True", "True", "True", "False"], (30, 10)),
        ("is_train", "1000", (10, 30)),
        ("phase", "0001", (34, 6)),
        ("is_test", "0001", (30, 10)),
        ("Dataset_type", ["TRAIN"] * 3 + ["TEST"], (30, 10)),
        ("phase", ["train"] * 3 + ["val"], (30, 10)),
    ],
)
def test_splits_in_columns_are_followed_where_they_are_plain_and_told(
    folder: Path, title: str, values: Sequence[str], expected: tuple[int, int]
) -> None:
    names = save_numbered(folder)
    lines = [f"file,label,{title}"]
    lines += [f"{name},{'ab'[row % 2]},{values[row // 2 % 4]}" for row, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(lines))
    found = load_dataset(folder)
    assert counts(found) == expected
    if title == "split":
        words = (
            "the splits are taken from the column split: 0 is train"
            if values == "0001"
            else "the column split is not taken for splits"
        )
        assert words in told(found)


def test_missing_labels_are_so_as_words_too_and_flags_may_be_words(folder: Path) -> None:
    names = save_numbered(folder, 12)
    lines = [
        "file,label",
        *(f"{name},{('a', 'b', 'NaN')[row % 3]}" for row, name in enumerate(names)),
    ]
    (folder / "labels.csv").write_text("\n".join(lines))
    assert load_dataset(folder).classes == ("a", "b", "not labelled")
    lines = ["file,cat,dog,owl"]
    lines += [
        f"{name},{row % 3 == 0},{row % 3 == 1},{row % 3 == 2}" for row, name in enumerate(names)
    ]
    (folder / "labels.csv").write_text("\n".join(lines))
    assert load_dataset(folder).classes == ("cat", "dog", "owl")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["10,5", "9,25"], {10.5, 9.25}),
        (["0,125", "1,500"], {0.125, 1.5}),
        (["1,500", "2,000"], {0, 1}),  # perhaps thousands: words
    ],
)
def test_decimal_commas_are_read(folder: Path, cells: Sequence[str], values: set[float]) -> None:
    saved = save_in_turn(folder, [*map(str, range(12))])
    lines = [f"{name}.png;{label};{cells[label == 'b']}" for name, label in saved]
    (folder / "about.csv").write_text("\n".join(["sep=;", "file;class;dose", *lines]))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    (dose,) = found.train.columns.values()
    assert {*dose.tolist()} == values


@pytest.mark.parametrize("before", ["\n\n", "About,,\n", "About my pets\n\nof 2020\n\n"])
def test_lines_before_the_titles_do_no_harm(folder: Path, before: str) -> None:
    lines = [f"{name}.png,{label}," for name, label in save_in_turn(folder, "0123456789")]
    (folder / "about.csv").write_text(before + "\n".join(["file,class,", *lines]))
    assert labels_are_those_of(load_dataset(folder))


def test_two_flags_of_which_one_is_set_are_classes(folder: Path) -> None:
    saved = save_in_turn(folder, [*map(str, range(8))])
    lines = [f"{name}.png, {int(label == 'a')}, {int(label == 'b')}" for name, label in saved]
    (folder / "_classes.csv").write_text("\n".join(["filename, a, b", *lines]))
    assert labels_are_those_of(load_dataset(folder))


def test_a_table_without_titles_may_give_splits(folder: Path) -> None:
    """As for Google's AutoML."""
    splits = ["TRAIN"] * 6 + ["VALIDATION"] * 2 + ["TEST"] * 4
    saved = save_in_turn(folder / "toys", [*map(str, range(12))])
    lines = [
        f"{split},gs://mine/toys/{name}.png,{label}"
        for split, (name, label) in zip(splits, saved, strict=True)
    ]
    (folder / "import.csv").write_text("\n".join(lines))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert counts(found) == (6, 4)


def test_labels_may_lie_in_json_beside_the_classes(folder: Path) -> None:
    """As FiftyOne writes them."""
    saved = save_in_turn(folder / "data", [*map(str, range(8))])
    content = {"classes": ["a", "b"], "labels": dict(saved)}
    (folder / "labels.json").write_text(json.dumps(content))
    assert labels_are_those_of(load_dataset(folder))


def test_json_of_columns_as_pandas_writes_it_is_read(folder: Path) -> None:
    """The keys of its rows are numbers, which are not those of the images."""
    saved = save_in_turn(folder, [*map(str, range(9))], "abc")
    turned = dict(enumerate(saved[1:] + saved[:1]))
    content = {
        "image": {row: f"{name}.png" for row, (name, _) in turned.items()},
        "label": {row: label for row, (_, label) in turned.items()},
    }
    (folder / "labels.json").write_text(json.dumps(content))
    assert labels_are_those_of(load_dataset(folder))


def test_commas_in_a_table_that_commas_separate_are_no_decimal_commas(folder: Path) -> None:
    lines = [f'{name}.png,{label},"1,{ord(label)}"' for name, label in save_in_turn(folder, "0123")]
    (folder / "about.csv").write_text("\n".join(["file,class,tags", *lines]))
    assert "tags (0 1,97, 1 1,98)" in load_dataset(folder).train.columns


def test_the_first_title_may_be_empty(folder: Path) -> None:
    """As pandas writes a table whose index has the images' names."""
    lines = [f"{name}.png,{label}" for name, label in save_in_turn(folder, [*map(str, range(8))])]
    (folder / "about.csv").write_text("\n".join([",pet", *lines]))
    assert labels_are_those_of(load_dataset(folder, Reading(label="pet")))


@pytest.mark.parametrize("title", ["", "Unnamed: 0"])
def test_an_index_of_rows_is_no_column(folder: Path, title: str) -> None:
    saved = save_in_turn(folder, [*map(str, range(8))])
    rows = [f"{8 - n},{name}.png,{label},{n / 2}" for n, (name, label) in enumerate(saved)]
    (folder / "about.csv").write_text("\n".join([f"{title},image,label,age", *rows]))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert [*found.train.columns] == ["age"]


@pytest.mark.parametrize("titles", ["train,test", "training,validation,testing"])
def test_flags_may_give_the_split(folder: Path, titles: str) -> None:
    saved = save_in_turn(folder, [*map(str, range(12))])
    count = len(titles.split(","))
    lines = [
        ",".join([f"{name}.png", label, *(str(int(n // 4 == i)) for i in range(count))])
        for n, (name, label) in enumerate(saved)
        if n < 4 * count
    ]
    (folder / "about.csv").write_text("\n".join([f"file,class,{titles}", *lines]))
    found = load_dataset(folder)
    assert labels_are_those_of(found)
    assert counts(found)[0] == 4


def test_a_flag_may_be_asked_for(folder: Path) -> None:
    saved = save_in_turn(folder, [*map(str, range(8))])
    lines = [f"{name}.png,{int(label == 'a')},{int(label == 'b')}" for name, label in saved]
    (folder / "about.csv").write_text("\n".join(["file,young,old", *lines]))
    found = load_dataset(folder, Reading(label="old"))
    assert (found.classes, [*found.train.columns]) == (("0", "1"), ["young"])


def test_a_curriculum_vitae_is_no_fold(folder: Path) -> None:
    lines = [f"{name}.png,{label}" for name, label in save_in_turn(folder, "0123456789")]
    (folder / "about.csv").write_text("\n".join(["file,cv", *lines]))
    assert labels_are_those_of(load_dataset(folder))


def test_coco_may_describe_further_images_and_one_category_gives_no_classes(folder: Path) -> None:
    for number in range(6):
        save_image(folder / "images" / f"{number}.png")
    described = in_coco([[1], [2]] * 3)
    described["annotations"] += [{"image_id": 99, "category_id": 1}]
    (folder / "about.json").write_text(json.dumps(described))
    assert load_dataset(folder).classes == ("cat", "dog")
    described["categories"] = described["categories"][:1]
    described["annotations"] = described["annotations"][::2]
    (folder / "about.json").write_text(json.dumps(described))
    lines = [f"{number}.png,{number % 2}" for number in range(6)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *lines]))
    assert load_dataset(folder).classes == ("0", "1")


def test_names_of_labels_in_json_do_not_hide_a_list_of_images(folder: Path) -> None:
    saved = save_in_turn(folder, [*map(str, range(8))])
    rows = [{"file": f"{name}.png", "label": label} for name, label in saved]
    (folder / "about.json").write_text(json.dumps({"labels": {"a": "cat"}, "data": rows}))
    assert labels_are_those_of(load_dataset(folder))


def save_patients(folder: Path, name: Callable[[int], str]) -> None:
    """Write three pictures of each of eight patients, whose red value is the patient."""
    for patient, number in product(range(8), range(3)):
        save_image(folder / name(patient) / f"{number}.png", (patient, 0, 0))


def patients_and(found: Dataset, title: str | None = None) -> set[tuple[int, object]]:
    """Return each patient with its class, or with its value in a column."""
    pairs: set[tuple[int, object]] = set()
    for split in (found.train, found.test):
        values = split.columns[title] if title else [found.classes[i] for i in split.labels]
        pairs |= {*zip(split.images[:, 0, 0, 0].tolist(), values, strict=True)}
    return pairs


@pytest.mark.parametrize("name", ["patient_{:03}", "images/{:03}/series_1", "{}/scan"])
def test_rows_may_be_folders_of_images_of_a_patient(folder: Path, name: str) -> None:
    save_patients(folder, name.format)
    cell = "patient_{:03}" if "patient" in name else "{}"
    rows = [
        f"{cell.format(n)},{50 + n},{'ab'[n % 2]},{'test' if n > 5 else 'train'}" for n in range(8)
    ]
    (folder / "table.csv").write_text("\n".join(["subject,age,diagnosis,split", *rows]))
    found = load_dataset(folder)
    assert patients_and(found) == {(n, "ab"[n % 2]) for n in range(8)}
    assert patients_and(found, "age") == {(n, 50 + n) for n in range(8)}
    assert {*found.test.images[:, 0, 0, 0].tolist()} == {6, 7}
    assert "are no classes, as table.csv gives labels" in told(found)


def test_rows_of_folders_leave_classes_around_them_what_they_are(folder: Path) -> None:
    save_patients(folder, lambda n: f"{('healthy', 'ill')[n % 2]}/P{n}")
    rows = ["patient,age", *(f"P{n},{50 + n}" for n in range(2, 8)), "P9,40"]
    (folder / "patients.csv").write_text("\n".join(rows))
    found = load_dataset(folder)
    assert patients_and(found) == {(n, ("healthy", "ill")[n % 2]) for n in range(8)}
    ages = {pair for pair in patients_and(found, "age") if pair[1] == pair[1]}
    assert ages == {(n, 50 + n) for n in range(2, 8)}
    assert "1 of 7 rows of patients.csv name no folder" in told(found)


def test_a_table_of_classes_gives_no_other_classes(folder: Path) -> None:
    save_patients(folder, "breed_{}".format)
    rows = [f"breed_{n},{('cat', 'dog')[n % 2]}" for n in range(8)]
    (folder / "breeds.csv").write_text("\n".join(["breed,species", *rows]))
    assert patients_and(load_dataset(folder)) == {(n, f"breed_{n}") for n in range(8)}
