"""The JavaScript unit tests, so that ``pytest`` alone runs everything."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests" / "javascript").rglob("*.test.js"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".test.js"))
def test_javascript(path: Path, node: Path, do_without: Callable[[str], NoReturn]) -> None:
    command = [str(node), "--test", "--test-reporter=tap", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "ERR_MODULE_NOT_FOUND" in done.stdout and not (ROOT / "node_modules").is_dir():
        do_without("it needs a package that `npm install` fetches")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass [1-9]", done.stdout, re.MULTILINE)
    assert re.search(r"^# skipped 0$", done.stdout, re.MULTILINE)
