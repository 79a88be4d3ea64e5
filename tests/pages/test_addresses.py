"""Addresses reproduce what was shown, and invalid ones fall back with a sentence."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import pytest
import streamlit as st

from .visiting import DEEP, FLAT, address, assert_sound, parts, press, visit


@pytest.mark.parametrize(
    "wanted",
    [
        {"model": FLAT, "view": "Map", "z": "1.25,-0.5", "background": "density"},
        {"model": FLAT, "view": "Manifold", "z": "0,0", "size": "33", "spacing": "linear"},
        {"model": DEEP, "view": "Sliders", "z": "1,2,3,4,-1,-2,-3,-4", "axes": "8,3"},
        {"model": DEEP, "view": "Map", "z": "0,0,0,0,0,0,0,0.001", "map": "principal"},
        {"model": DEEP, "view": "Interpolate", "z": "0,0,0,0,0,0,0,0", "axes": "1,2",
         "a": "test-17", "b": "0,1,2,3,0,0,0,-0.5", "path": "Great arc", "steps": "7"},
        {"model": FLAT, "view": "Reconstruct", "z": "-99,99"},
        {"model": DEEP, "view": "Model", "z": "0,0,0,0,0,0,0,0", "axes": "2,1"},
    ],
)  # fmt: skip
def test_an_address_reproduces_what_its_sender_saw(wanted: dict[str, str]) -> None:
    visitor = visit(**wanted)
    assert_sound(visitor)
    assert not visitor.warning
    assert address(visitor) == wanted
    again = visit(**address(visitor))
    assert {key: part.SerializeToString() for key, part in parts(again).items()} == {
        key: part.SerializeToString() for key, part in parts(visitor).items()
    }


HOSTILE = [
    ("model", "../../etc/passwd"),
    ("model", f"../pretrained/{DEEP}"),
    ("model", ".."),
    ("model", "images"),
    ("model", "x" * 100_000),
    ("model", "<script>alert(1)</script>"),
    ("model", "![](http://example.invalid/x.png)"),
    ("model", f"{DEEP}\0"),
    ("view", "maps"),
    ("view", "Nowhere"),
    ("view", "[here](http://example.invalid)"),
    ("z", "1,2"),
    ("z", "nan,0,0,0,0,0,0,0"),
    ("z", "inf,0,0,0,0,0,0,0"),
    ("z", "1e999,0,0,0,0,0,0,0"),
    ("z", "1e39,0,0,0,0,0,0,0"),
    ("z", "9" * 100_000),
    ("z", "`$$\\frac{1}{0}$$`"),
    ("a", "test--1"),
    ("a", "test-10000"),
    ("a", "test-1.0"),
    ("b", "test-" + "9" * 5000),
    ("b", "test-٣"),
    ("b", "1,2"),
    ("b", "nan,0,0,0,0,0,0,0"),
    ("steps", "41"),
    ("steps", "20.5"),
    ("steps", "-1"),
    ("steps", "1e9"),
    ("path", ""),
    ("pins", "one"),
    ("pins", "one~test-3~10"),
    ("pins", "one~0.5,1"),
    ("image", "0,0,0,0,0,0,0,0"),
    ("directions", "means:3:8"),
    ("directions", "one~groups:x:y"),
    ("seed", "-1"),
]


@functools.cache
def default_address(model: str, view: str) -> dict[str, str]:
    return address(visit(model=model, view=view))


def hostile_addresses() -> list[dict[str, str]]:
    """Return each value once, several per address unless they change the others' meaning."""
    by_name: dict[str, list[str]] = {}
    for name, value in HOSTILE:
        by_name.setdefault(name, []).append(value)
    alone = [{name: value} for name in ("model", "view") for value in by_name.pop(name)]
    together = [
        {name: value for name, value in zip(by_name, values, strict=True) if value is not None}
        for values in itertools.zip_longest(*by_name.values())
    ]
    return alone + together


@pytest.mark.parametrize("hostile", hostile_addresses(), ids=lambda hostile: str(hostile)[:40])
def test_a_nonsensical_address_falls_back_with_sentences(hostile: dict[str, str]) -> None:
    visitor = visit(**{"model": DEEP, "view": "Interpolate", **hostile})
    assert_sound(visitor)
    (warning,) = visitor.warning
    sentences = warning.value.split("  \n")
    assert len(sentences) == len(hostile)
    for name in hostile:
        starts = f"The address asks for {name} ", f"The address's {name} "
        (said,) = (sentence for sentence in sentences if sentence.startswith(starts))
        assert len(said) < 300
        assert "\n" not in said
        code = said.split("`")  # foreign text stands in code marks, where it is plain text
        assert len(code) in (1, 3)
        for piece in (code[0], code[-1]):
            assert not set("<>[]!$\\") & set(piece)
        assert "int_max_str_digits" not in said
    model = FLAT if "model" in hostile else DEEP
    view = "Map" if "view" in hostile else "Interpolate"
    assert address(visitor) == default_address(model, view)
    visitor.run()
    assert not visitor.warning  # said once


def test_an_address_of_everything_wrong_still_gives_a_page() -> None:
    visitor = visit(**{name: "\U0001f4a5" for name, _ in HOSTILE}, unheard="of")
    assert_sound(visitor)
    (warning,) = visitor.warning
    assert len(warning.value.splitlines()) == len({name for name, _ in HOSTILE}) == 11
    assert address(visitor)["unheard"] == "of"  # the page's own names are not the server's


def test_an_address_may_be_written_in_other_ways() -> None:
    visitor = visit(model=FLAT, view="interpolate", steps="7.0", path="great ARC")
    assert_sound(visitor)
    assert not visitor.warning
    wanted = {"model": FLAT, "view": "Interpolate", "steps": "7", "path": "Great arc"}
    assert wanted.items() <= address(visitor).items()


def test_an_address_that_was_on_its_way_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    original = type(st.query_params).from_dict

    def from_dict(self: Any, params: dict[str, str]) -> None:
        sent.append(params)
        original(self, params)

    monkeypatch.setattr(type(st.query_params), "from_dict", from_dict)
    visitor = visit(model=FLAT, view="Map", z="0,0")
    before = address(visitor)
    press(visitor, "Random")
    visitor.query_params.update(before)  # the next press left before the change arrived
    press(visitor, "Undo")
    assert sent[-1] == before
