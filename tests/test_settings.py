"""What Python and the page's own settings have in common."""

from __future__ import annotations

import re

import numpy as np

from explorer.app.views import manifold
from explorer.bundle.maps import KINDS
from explorer.cli.page import PARAMETERS
from explorer.core.grids import SPACINGS
from explorer.web.code import FOLDER

SOURCE = (FOLDER / "shared" / "settings.js").read_text(encoding="utf-8")
SETTINGS = dict(
    re.findall(r"^  (\w+): (.*),$", SOURCE.partition("const SETTINGS = {")[2], flags=re.M)
)


def test_a_link_is_known_by_any_setting_of_the_page() -> None:
    assert len(SETTINGS) >= 10
    assert SETTINGS.keys() <= PARAMETERS


def test_figures_of_the_grid_have_the_pages_ranges_and_defaults() -> None:
    ranges = {name: map(float, found) for name, *found in re.findall(
        r"(\w+) = \{ min: ([\d.]+), max: ([\d.]+), step: ([\d.]+) \}", SOURCE
    )}  # fmt: skip
    for name, values, setting, default in (
        ("SIZES", manifold.SIDES, "size", manifold.DEFAULT_SIDE),
        ("EXTENTS", manifold.EXTENTS, "extent", manifold.DEFAULT_EXTENT),
    ):
        least, most, step = ranges[name]
        np.testing.assert_array_equal(values, np.arange(least, most + step / 2, step))
        assert SETTINGS[setting] == f"oneOf(stepsOf({name}), {default:g})"


def test_kinds_of_map_and_spacings_are_the_pages() -> None:
    assert re.findall(r'"(\w+)"', SETTINGS["map"]) == [*KINDS]
    assert tuple(re.findall(r'"(\w+)"', SETTINGS["spacing"])) == SPACINGS
