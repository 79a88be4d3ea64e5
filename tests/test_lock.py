"""``requirements.lock`` fits the requirements, checked without asking a registry."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """Return the packages that a file names, with their versions."""
    found = PIN.findall((ROOT / name).read_text(encoding="utf-8"))
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


def test_the_lock_has_every_requirement_in_its_version_with_hashes() -> None:
    locked = pins("requirements.lock")
    asked = pins("requirements-app.txt") | pins("requirements-train.txt")
    assert asked.items() <= locked.items()
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(locked)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    listed = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) +\| (\S+)", listed, re.MULTILINE)
    licensed = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in rows}
    unlisted = {name for name, _ in locked.items() - licensed.items()}
    assert unlisted <= {"setuptools", "wheel"}, "which pip-licenses leaves out"
