"""Freed memory goes back to the system, and unused modules are not loaded."""

from __future__ import annotations

import mmap
import subprocess
import sys

import pytest

from explorer.app import memory

FREE = """
import anyio
from explorer.app import memory

def resident():
    with open("/proc/self/statm") as file:
        return 4096 * int(file.read().split()[1]) / 1e6

async def give_back():
    with anyio.move_on_after(0.5):
        await memory.give_back()

memory._PAUSE = 0.01
memory.keep_little()
before = resident()
blocks = [50_000 * b"x" for _ in range(4_000)]
last = blocks.pop()  # glibc by itself returns only what lies above it
del blocks
kept = resident() - before
anyio.run(give_back)
print(kept, resident() - before)
"""


LARGE = """
from explorer.app import memory

def resident():
    with open("/proc/self/statm") as file:
        return 4096 * int(file.read().split()[1]) / 1e6

memory.keep_little()
before = resident()
first = 8_000_000 * b"x"
del first  # from now on, glibc by itself would keep blocks of this size
blocks = [8_000_000 * b"x" for _ in range(6)]
last = blocks.pop()
held = resident() - before
del blocks
print(held, resident() - before)
"""


MAPPED = """
import numpy as np
from explorer.data.files.temporary import leave_on_disk, spool

def resident():
    with open("/proc/self/statm") as file:
        return 4096 * int(file.read().split()[1]) / 1e6

images = spool((np.full((1000, 64, 64, 1), n, np.uint8) for n in range(10)), (64, 64, 1))
before = resident()
images.sum()
read = resident() - before
leave_on_disk(images[5:])
print(read, resident() - before)
assert np.array_equal(images[::1000, 0, 0, 0], range(10))
"""


def measured(code: str) -> list[float]:
    """Return the numbers that a new process prints."""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    return [*map(float, done.stdout.split())]


@pytest.mark.skipif(memory._GLIBC is None, reason="this machine has another C library than glibc")
def test_large_blocks_are_returned_at_once() -> None:
    held, kept = measured(LARGE)
    assert held > 45
    assert kept < 12


@pytest.mark.skipif(memory._GLIBC is None, reason="this machine has another C library than glibc")
def test_what_is_freed_is_given_back() -> None:
    kept, left = measured(FREE)
    assert kept > 190
    assert left < 30


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system cannot let go of them")
def test_mapped_images_can_be_left_on_disk() -> None:
    read, left = measured(MAPPED)
    assert read > 38
    assert left < 4


WITHOUT_PANDAS = """
import sys
import numpy as np
from explorer.core.neighbours import nearest_others

nearest_others(np.eye(5), 2)
assert "sklearn" in sys.modules
assert "pandas" not in sys.modules
import pandas
assert pandas.DataFrame({"a": [1]}).shape == (1, 1)
"""


def test_pandas_is_not_loaded_with_scikit_learn_and_can_be_afterwards() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], check=True)
