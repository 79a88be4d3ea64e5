"""Notations in which a user may write a latent."""

from __future__ import annotations

import pytest

from explorer.errors import ExplorerError
from explorer.notation import file_size, parse_latent


def test_a_size_is_never_nothing() -> None:
    assert [file_size(n) for n in (12, 45_200, 1_260_000)] == ["1 kB", "45 kB", "1.3 MB"]


@pytest.mark.parametrize("text", ["1.5,-2", "(1.5, −2)", "1.5; -2", "[1.5 -2]", " 1.5  -2.0 "])
def test_a_latent_is_read_however_it_is_written(text: str) -> None:
    assert parse_latent(text, 2).tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,x", "numbers with commas"),
        ("", "needs 2 numbers, not 0"),
        ("1,", "numbers with commas"),
        ("1,2,3", "needs 2 numbers, not 3"),
        ("1,99.5", "between −99 and 99"),
        ("nan,0", "between −99 and 99"),
        ("inf,0", "between −99 and 99"),
    ],
)
def test_what_is_no_latent_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ExplorerError, match=problem):
        parse_latent(text, 2)
