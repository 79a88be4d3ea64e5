"""The code of the page's parts, from ``static/live/``.

Its address carries its version, so that a browser may keep the files for good and never runs old
ones after an upgrade. Modules import each other by relative paths, which keep the version.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from explorer.root import ROOT
from explorer.web import payload

FOLDER = ROOT / "static" / "live"
FILES = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in sorted(FOLDER.rglob("*.js"))
}
"""Read once: what is served belongs to the version, whatever happens to the files meanwhile."""
STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")
"""Of the parts."""
VERSION = hashlib.sha256(
    repr(FILES).encode() + Path(payload.__file__).read_bytes()  # which writes what they read
).hexdigest()[:16]
