"""Directions, analogies and paths through stops."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.app import cache, internals
from explorer.bundle.bundle import Bundle

from .visiting import (
    DEEP,
    FLAT,
    address,
    as_read,
    assert_sound,
    choose_model,
    coordinates,
    given,
    go_to,
    parts,
    send,
    sentences,
    visit,
)


def test_a_direction_has_a_slider_and_a_score(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z, labels = bundle.latents.z_mean.astype(np.float64), bundle.latents.labels
    visitor = visit(model=DEEP, view="Sliders", direction="means:3:8")
    assert_sound(visitor)
    (row,) = given(visitor, f"direction-{DEEP}")["rows"]
    assert row["label"] == "3 → 8"
    auc = float(captured_number(row["note"]))
    assert 0.9 < auc < 1
    vector = z[labels == 8][::2].mean(0) - z[labels == 3][::2].mean(0)
    places = [z[labels == label][1::2] @ vector for label in (3, 8)]
    above = np.mean(places[1][:, np.newaxis] > places[0])
    assert auc == pytest.approx(above, abs=6e-4)
    along, step, start = np.array(row["along"]), np.array(row["step"]), z[labels == 3][0]
    moved = start + (1.5 - (start @ along - row["middle"])) * step  # as the page does
    assert moved @ along - row["middle"] == pytest.approx(1.5)
    assert step @ vector == pytest.approx(np.linalg.norm(step) * np.linalg.norm(vector))
    visitor.button(key="direction-keep").click().run()
    (text_input,) = (one for one in visitor.text_input if one.label == "Name")
    text_input.set_value("a; b").run()
    visitor.button(key="direction-keep").click().run()
    assert address(visitor)["directions"] == "a%3B b~means:3:8"  # under the new name only
    elsewhere = visit(**address(visitor))
    (kept,) = given(elsewhere, "frame")["directions"]
    assert kept["name"] == "a; b"
    np.testing.assert_allclose(kept["unit"], vector / np.linalg.norm(vector))
    for text in ("fitted:4:9", "component:8", "random:999999999", "ends:test-3:1,0,0,0,0,0,0,0"):
        assert_sound(visit(model=DEEP, view="Sliders", direction=text))
    choose_model(visitor, FLAT)
    assert_sound(visitor)


@pytest.mark.parametrize(
    "text",
    ["", "means:3", "means:3:10", "means:3:3", "fitted:0:-1", "component:9", "component:0",
     "random:x", "column:age", "ends:test-3", "ends:test-3:test-3", "up", "means:٣:4"],
)  # fmt: skip
def test_there_is_no_such_direction(text: str, bundles: dict[str, Bundle]) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        cache.direction(bundles[DEEP], text)


def test_a_direction_that_there_is_not_is_left_out() -> None:
    visitor = visit(model=DEEP, view="Sliders", direction="means:3:10")
    assert_sound(visitor)
    assert "direction" not in address(visitor)
    assert "The address's direction `means:3:10` was left out: " in visitor.warning[0].value


def test_going_back_to_an_address_without_a_direction_shows_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitor = visit(model=DEEP, view="Sliders", direction="means:3:8")
    assert f"direction-{DEEP}" in parts(visitor)
    del visitor.query_params["direction"]
    monkeypatch.setattr(internals, "is_history_navigation", lambda: True)
    assert f"direction-{DEEP}" not in parts(visitor.run())
    assert "direction" not in address(visitor)
    assert_sound(visitor)


def test_directions_are_loaded_once_from_a_file_and_a_bad_one_gets_a_sentence() -> None:
    visitor = visit(model=DEEP, view="Sliders")

    def load(content: str) -> list[str]:
        field = visitor.file_uploader(key=f"directions-{DEEP}")
        field.set_value(("saved.json", content.encode(), "application/json")).run()
        assert_sound(visitor)
        return [warning.value for warning in visitor.warning]

    def kept() -> list[str]:
        return [axis["name"] for axis in given(visitor, "frame")["directions"]]

    for content, words in {
        "[" * 200_000: "the file is not JSON",
        "[1]": "names and directions were expected",
        '{"one": "means:3:10"}': "a number from 0 to 9; not",
        json.dumps({str(n): f"random:{n}" for n in range(51)}): "there are 51 directions",
    }.items():
        (warning,) = load(content)
        assert words in as_read(warning)
    assert load('{"one": "means:3:8", "two": "means:4:9"}') == []
    assert kept() == ["one", "two"]
    visitor.button(key="remove-one").click().run()
    visitor.run()
    assert kept() == ["two"]


def test_a_direction_too_long_for_the_address_leaves_room_for_the_others() -> None:
    visitor = visit(model=DEEP, view="Map")
    scattered = np.random.default_rng(0).permutation(10_000)[:4000].tolist()
    groups = {"A": scattered[:2000], "B": scattered[2000:]}
    send(visitor, f"map-{DEEP}", "groups", groups)
    assert "directions" not in address(visitor)
    assert "Too long for the page's address and links: A (2000) → B (2000)." in sentences(visitor)
    send(go_to(visitor, "Map"), f"map-{DEEP}", "groups", {"A": [0, 1], "B": [2]})
    assert address(visitor)["directions"].startswith("A (2) → B (1)~groups:")
    assert len(given(visitor, "frame")["directions"]) == 2


def test_an_analogy_has_four_places_though_two_are_called_alike() -> None:
    a, b = "0.123,0.123,1,0,0,0,0,0", "0.123,0.123,2,0,0,0,0,0"
    visitor = visit(model=DEEP, view="Sliders", direction=f"ends:{a}:{b}")
    labels = given(visitor, f"analogy-{DEEP}")["labels"]
    assert labels == ["0.123,0.123, …", "0.123,0.123, …", "the image", "the answer"]
    send(visitor, f"analogy-{DEEP}", "picked", 1)
    assert address(visitor)["z"] == b


def test_groups_of_the_map_make_a_direction_and_an_analogy(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z, labels = bundle.latents.z_mean, bundle.latents.labels
    threes, eights = (np.flatnonzero(labels == label) for label in (3, 8))
    visitor = visit(model=DEEP, view="Map")
    for hostile in (None, {"A": [1]}, {"A": [1], "B": [10_000]}, {"A": [-1], "B": "x"}):
        assert address(send(visitor, f"map-{DEEP}", "groups", hostile))["view"] == "Map"
    groups = {"A": [*threes.tolist(), 7], "B": [*eights.tolist(), 7]}  # 7 is in both
    send(visitor, f"map-{DEEP}", "groups", groups)
    assert_sound(visitor)
    assert address(visitor)["view"] == "Sliders"
    visitor.session_state["apply-source"] = "Test image"
    visitor.session_state["apply"] = f"test-{threes[1]}"
    visitor.run()
    assert_sound(visitor)
    (row,) = given(visitor, f"direction-{DEEP}")["rows"]
    assert row["label"] == f"A ({len(threes) + 1}) → B ({len(eights) + 1})"
    shift = z[eights][::2].mean(axis=0) - z[threes][::2].mean(axis=0)
    send(visitor, f"analogy-{DEEP}", "picked", 3)
    np.testing.assert_allclose(coordinates(visitor), z[threes[1]] + shift, atol=2e-3)
    tried, landed, trusted = map(int, re.findall(r"\d+(?=\*\*| images of A)", trials(visitor)))
    assert tried == 100
    answers = z[threes][1::2] + shift
    far = (answers**2).sum(1)[:, np.newaxis] - 2 * answers @ z.T + (z**2).sum(1)
    are_eights = labels[np.argsort(far, axis=1)[:, :15]] == 8
    assert landed == pytest.approx(100 * np.mean(are_eights.mean(axis=1) > 0.5), abs=10)
    assert 85 < trusted <= 100
    elsewhere = visit(**address(visitor))
    assert given(elsewhere, f"direction-{DEEP}")["rows"] == [row]
    visitor = visit(model=DEEP, view="Sliders", direction="ends:test-3:9,9,9,9,9,9,9,9")
    (warning,) = visitor.warning
    assert warning.value.startswith("The answer is not to be trusted (no data here)")


def trials(visitor: AppTest) -> str:
    """Return what the page says about a direction on images that were not used to find it."""
    (said,) = (one.value for one in visitor.markdown if "were not used to find it" in one.value)
    return as_read(said)


def captured_number(text: str) -> str:
    found = re.search(r"\d+\.\d+", text)
    assert found is not None, text
    return found[0]


def assert_passes(path: np.ndarray, stops: np.ndarray) -> None:
    """Assert that the path goes from the first stop to the last, past the others, in even steps."""
    assert len(path) == 181
    np.testing.assert_allclose(path[[0, -1]], stops[[0, -1]], atol=1e-5)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert np.mean(np.abs(steps / np.median(steps) - 1) < 0.05) > 0.8  # except around corners
    near = [int(np.argmin(np.linalg.norm(path - stop, axis=1))) for stop in stops[1:-1]]
    assert near == sorted(near)
    for place, stop in zip(near, stops[1:-1], strict=True):
        assert np.linalg.norm(path[place] - stop) < steps.max()


def test_a_path_goes_through_stops_and_back(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[DEEP]
    z = bundle.latents.z_mean
    ends = {"a": "test-3", "b": "test-8", "via": "test-20;test-33"}
    visitor = visit(model=DEEP, view="Interpolate", **ends, even="In the latent space")
    assert_sound(visitor)
    path = np.array(given(visitor, f"scrubber-{DEEP}")["path"])
    assert_passes(path, z[[3, 20, 33, 8]])
    visitor.button(key="stop-Later").click().run()  # the first of both is chosen
    assert address(visitor)["via"] == "test-33;test-20"
    for moved in ([0, 1], [1, 0], [0, 7], "0", [0]):  # the first two there and back
        send(visitor, f"stops-{DEEP}", "moved", moved)
    assert address(visitor)["via"] == "test-33;test-20"
    send(visitor, f"stops-{DEEP}", "moved", [1, 0])
    assert address(visitor)["via"] == "test-20;test-33"
    send(visitor, f"stops-{DEEP}", "moved", [0, 1])
    visitor.button(key="stop-Remove").click().run()
    visitor.session_state["loop"] = "Closed"
    visitor.run()
    path = np.array(given(visitor, f"scrubber-{DEEP}")["path"])
    assert_passes(path, z[[3, 33, 8, 3]])
    for kind in ("Great arc", "Along the data"):
        visitor.session_state["path"] = kind
        visitor.run()
        assert_sound(visitor)
        other = np.array(given(visitor, f"scrubber-{DEEP}")["path"])
        assert_passes(other, z[[3, 33, 8, 3]])
        assert np.abs(other - path).max() > 0.1
    choose_model(visitor, FLAT)
    assert_sound(visitor)
