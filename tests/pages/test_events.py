"""Events from the browser, which must not be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explorer.bundle.bundle import Bundle

from .visiting import (
    DEEP,
    FLAT,
    address,
    assert_at_first_point,
    assert_sound,
    choose_model,
    coordinates,
    given,
    go_to,
    parts,
    send,
    send_from,
    settle,
    visit,
)

PARTS = {
    "Map": "map-{}",
    "Manifold": "manifold-{}",
    "Sliders": "sliders-{}",
    "Interpolate": "scrubber-{}",
}


@pytest.mark.parametrize("view", PARTS)
@pytest.mark.parametrize("model", [FLAT, DEEP])
def test_settling_moves_the_point(model: str, view: str) -> None:
    visitor = visit(model=model, view=view)
    z = [0.12345, -1.0, 2.0, 0.0, 0.5, -0.5, 3.0, -3.0][: 2 if model == FLAT else 8]
    settle(visitor, PARTS[view].format(model), z)
    assert_sound(visitor)
    assert coordinates(visitor) == [0.123, *z[1:]]
    np.testing.assert_allclose(
        given(visitor, "lens" if view != "Map" else f"map-{model}")["z"], [0.123, *z[1:]], rtol=1e-6
    )


HOSTILE_POINTS: list[Any] = [
    None, 5, "1,2", [1, 2], {}, {"z": [1, 2]}, {"row": 1}, {"z": None, "row": 1},
    {"z": [1], "row": None}, {"z": [1, 2, 3], "row": None}, {"z": [[1, 2]], "row": None},
    {"z": [[1], 2], "row": None}, {"z": ["a", "b"], "row": None}, {"z": "12", "row": None},
    {"z": [None, None], "row": None}, {"z": {"0": 1, "1": 2}, "row": None},
    {"z": [float("nan"), 0], "row": None}, {"z": [0, float("inf")], "row": None},
    {"z": [10**400, 0], "row": None}, {"z": [0.0] * 100_000, "row": None}, {"z": 7, "row": None},
    {"z": [{}, {}], "row": None}, {"z": "x" * 1_000_000, "row": None},
]  # fmt: skip


def test_hostile_points_move_nothing() -> None:
    visitor = visit(model=FLAT, view="Map", z="1,2")
    for value in HOSTILE_POINTS:
        send(visitor, f"map-{FLAT}", "settled", value)
        assert_sound(visitor)
        assert coordinates(visitor) == [1, 2], value
    settle(visitor, f"map-{FLAT}", [1e300, -1e300])
    assert coordinates(visitor) == [99, -99]
    assert_sound(visitor)


def test_a_click_on_the_map_chooses_an_end_of_the_path(bundles: dict[str, Bundle]) -> None:
    visitor = visit(model=DEEP, view="Interpolate", a="test-3", b="test-4")
    key = f"path-map-{DEEP}"
    mean = bundles[DEEP].latents.z_mean[70].tolist()
    settle(visitor, key, mean, 70)
    assert address(visitor)["a"] == "test-70"
    visitor.session_state["click-target"] = "To"
    visitor.run()
    settle(visitor, key, [1, 0, 0, 0, 0, 0, 0, 0.5], None)
    assert (address(visitor)["a"], address(visitor)["b"]) == ("test-70", "1,0,0,0,0,0,0,0.5")
    row: Any
    for row in (-1, 10_000, 1.5, 3.0, True, "3", [3], {}):
        settle(visitor, key, [0, 1, 0, 0, 0, 0, 0, 0], row)
        assert_sound(visitor)
        assert address(visitor)["b"] == "0,1,0,0,0,0,0,0", row
    settle(visitor, key, [1e300] + [0] * 7, None)
    assert_sound(visitor)
    assert address(visitor)["b"] == "99,0,0,0,0,0,0,0"
    assert_at_first_point(visitor)  # an end is not the point


def test_an_unheard_of_event_is_nothing() -> None:
    visitor = visit(model=FLAT, view="Sliders", z="1,2")
    send(visitor, f"sliders-{FLAT}", "exec", "import os")
    send(visitor, "lens", "settled", {"z": [5, 5], "row": None})
    assert_sound(visitor)
    assert coordinates(visitor) == [1, 2]


def test_a_part_that_is_gone_may_still_report() -> None:
    visitor = visit(model=FLAT, view="Map", z="1,2")
    gone = [(parts(visitor)[f"map-{FLAT}"].id, "settled", {"z": [5, 5], "row": None}),
            (parts(visitor)[f"map-{FLAT}"].id, "rows", "")]  # fmt: skip
    choose_model(visitor, DEEP)
    for part_id, event, value in gone:  # as when the model changes during a drag
        send_from(visitor, part_id, event, value)
        assert_sound(visitor)
        assert_at_first_point(visitor)
    choose_model(visitor, FLAT)
    assert_sound(visitor)
    assert coordinates(visitor) == [1, 2]


def test_the_gallery_the_point_and_chance_choose_ends(bundles: dict[str, Bundle]) -> None:
    bundle = bundles[FLAT]
    visitor = visit(model=FLAT, view="Interpolate", z="1,2")
    labels = bundle.latents.labels
    ends = address(visitor)
    assert ends["a"] == "test-0"
    assert labels[int(ends["b"].removeprefix("test-"))] != labels[0]
    visitor.selectbox(key="class-b").set_value(bundle.card.data.classes[3]).run()
    data = given(visitor, f"gallery-tiles-b-{FLAT}")
    assert all(label.endswith(bundle.card.data.classes[3]) for label in data["labels"])
    send(visitor, f"gallery-tiles-b-{FLAT}", "picked", 5)
    assert f"#{address(visitor)['b'].removeprefix('test-')} " in data["labels"][5] + " "
    visitor.session_state["source-a"] = "The point"
    visitor.run()
    visitor.button(key="take-a").click().run()
    assert address(visitor)["a"] == "1,2"
    assert_sound(visitor)
    choose_model(go_to(visitor, "Compare"), DEEP)
    assert {"a", "b"} & address(visitor).keys() == {"b"}  # a test image is in both
    go_to(choose_model(visitor, FLAT), "Interpolate")
    choose_model(visitor, DEEP)  # neither end nor class fits that one
    assert_sound(visitor)
    assert address(visitor)["a"] == "test-0"
