"""File names within a limit of bytes."""

from __future__ import annotations

import os
import sys

import pytest

from explorer.data.files.names import BLOCK, Names

PLAIN = [f"{number}.png" for number in range(2 * BLOCK + 3)] + ["größe", os.fsdecode(b"\xff"), ""]


def test_they_are_a_list() -> None:
    names = Names(PLAIN)
    assert [*names] == PLAIN == [names[place] for place in range(len(PLAIN))]
    assert (names[-1], names[BLOCK - 1 : BLOCK + 1]) == ("", PLAIN[BLOCK - 1 : BLOCK + 1])
    with pytest.raises(IndexError):
        names[len(PLAIN)]


def test_they_need_a_byte_each_beside_their_own() -> None:
    packed = Names(f"{number:07}" for number in range(10 * BLOCK))._packed
    assert sum(map(sys.getsizeof, packed)) < 8.1 * 10 * BLOCK
