"""Numbers in half precision, and files that a power cut spares."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from explorer.bundle.atomic import flush
from explorer.core.half import to_half


def test_half_precision_is_the_nearest_and_infinite_beyond_its_range() -> None:
    values = np.array([1.0, 1.0 + 2**-12, -65504.0, 1e6], np.float32)
    halves = to_half(values)
    assert halves.dtype == np.dtype("<f2")
    assert halves.tolist() == [1.0, 1.0, -65504.0, np.inf]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere folders cannot be flushed")
def test_every_file_and_then_their_names_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    flush(tmp_path)
    assert sorted(flushed[:2]) == sorted((tmp_path / name).stat().st_ino for name in ("a", "b"))
    assert flushed[2:] == [tmp_path.stat().st_ino]
