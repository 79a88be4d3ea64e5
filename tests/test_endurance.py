"""Effects of long use: memory and descriptors after many visitors, uploads and damaged files.

With ``LATENT_ENDURANCE=600`` each test runs for ten minutes; in CI it runs for a few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

import loops
import numpy as np
import pytest
from PIL import Image

from benchmarks._server import Server, serve
from benchmarks.visitors import OPTIONS, TABS, Visitor, visits
from explorer.data.pixels import Form
from explorer.data.uploads import UploadError, read_upload

ROOT = Path(__file__).parents[1]
SECONDS = float(os.environ.get("LATENT_ENDURANCE", 3))
MODELS = ("mnist-2d", "fashion_mnist-2d")
GROWTH = 80
"""Largest growth of a process's memory, megabytes."""
HELD_SESSIONS = 128
"""Largest number of sessions that Streamlit keeps for two minutes after their pages have gone."""

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux tells what is open"),
]


def descriptors(pid: int) -> int:
    """Return the number of files and sockets that a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def wander(server: Server, chance: random.Random, end: float) -> int:
    """Visit model after model, with a few presses in each; return the number of visits."""
    for count in itertools.count(1):
        visitor = Visitor(server, chance.choice(MODELS))
        async with visits([visitor]):
            await visitor.open()
            for _ in range(chance.randint(1, 6)):
                tab = chance.choice(TABS)
                await visitor.press("tab", "string_value", tab)
                for key, kind, value in chance.sample(OPTIONS.get(tab, []), tab in OPTIONS):
                    await visitor.press(key, kind, value)
        if time.monotonic() > end:
            return count
    raise AssertionError("time goes on")


async def visit(server: Server, count: int, seconds: float) -> int:
    """Let random visitors come and go; return the number of their visits."""
    end = time.monotonic() + seconds
    wanderers = (wander(server, random.Random(seed), end) for seed in range(count))
    return sum(await asyncio.gather(*wanderers))


def test_random_visitors_leave_nothing_behind() -> None:
    with serve() as server:
        loops.run(visit(server, 4, SECONDS / 2))
        before = server.memory("VmRSS"), descriptors(server.pid)
        visits_made = loops.run(visit(server, 4 if SECONDS < 60 else 20, SECONDS))
        after = server.memory("VmRSS"), descriptors(server.pid)
    assert after[0] < before[0] + GROWTH
    held = min(visits_made, HELD_SESSIONS)
    assert after[1] <= before[1] + 3 * held + 8  # the event loop of each


def test_no_click_in_haste_is_lost() -> None:
    """Each run ends the previous one early, whose clicks must count all the same."""

    async def pins_after_clicks(server: Server) -> int:
        visitor = Visitor(server, MODELS[0])

        def pins() -> int:
            return sum(len(text.split(";")) for text in parse_qs(visitor.query).get("pins", []))

        async with visits([visitor]):
            await visitor.open()
            for number in range(1, 7):
                for key in ("move-random", "pin", "move-random"):
                    await visitor.click(key)
                    await asyncio.sleep(0.02)
                with contextlib.suppress(TimeoutError):
                    while True:  # until nothing more comes, also on a slow machine
                        await visitor.hear(patience=1 if pins() >= number else 20)
        return pins()

    with serve() as server:
        assert loops.run(pins_after_clicks(server)) == 6


def test_the_runs_of_a_session_follow_one_another(tmp_path: Path) -> None:
    """Two at once, which Streamlit allows unless told otherwise, change one state: some fail."""
    log, script = tmp_path / "log", tmp_path / "script.py"
    script.write_text(
        "import time\nimport streamlit as st\n"
        f"with open({str(log)!r}, 'a') as log:\n"
        "    log.write('begin ')\n    log.flush()\n"
        "    try:\n        time.sleep(0.3)\n        st.write('in between')\n"
        "    finally:\n        time.sleep(0.1)\n        log.write('end ')\n"
    )

    async def hurry(server: Server) -> None:
        visitor = Visitor(server, "")
        async with visits([visitor]):
            await visitor.open()
            for _ in range(3):
                await visitor.ask("")
                await asyncio.sleep(0.1)
            await visitor.hear()

    with serve(script=str(script)) as server:
        loops.run(hurry(server))
    runs = log.read_text().split()
    assert len(runs) >= 4 and runs == ["begin", "end"] * (len(runs) // 2)


def test_uploads_leave_nothing_behind() -> None:
    chance = random.Random(0)
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    files = []
    for kind in ("png", "jpeg", "gif", "webp", "tiff", "bmp"):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        files.append(file.getvalue())

    def upload(count: int) -> None:
        for _ in range(count):
            damaged = bytearray(chance.choice(files))
            for _ in range(chance.randint(0, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                read_upload(bytes(damaged), Form((28, 28, 1)))
            except UploadError as error:
                assert "\n" not in str(error)

    server = Server("", os.getpid(), 0)
    upload(30)
    before = server.memory("VmRSS"), descriptors(os.getpid())
    upload(2_000 if SECONDS >= 60 else 100)
    assert server.memory("VmRSS") < before[0] + GROWTH
    assert descriptors(os.getpid()) <= before[1]


@pytest.mark.parametrize("seed", [0])
def test_damaged_bundles_get_a_sentence(seed: int) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--seconds", str(SECONDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(" files\n")
    assert done.stdout.count("\n") == 1, "onnxruntime printed something"
