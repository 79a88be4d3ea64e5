"""Download the files of a published set, with progress, and without leaving partial files."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import DatasetError

_PIECE = 2**18  # bytes
_PATIENCE = 30  # seconds without an answer


@dataclass(frozen=True)
class File:
    """A file on the internet.

    Attributes:
        url: its address.
        place: its path below a folder of data sets.
        sha256: its SHA-256, in hex; None for formats with checksums of their own.
    """

    url: str
    place: str
    sha256: str | None = None


def download(files: tuple[File, ...], folder: Path) -> None:
    """Download files into a folder of data sets; existing files are replaced.

    Raises:
        OSError: a server cannot be reached, or the disk is full.
        DatasetError: a file differs from the published one.
    """
    for file in files:
        path = folder / file.place
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.unfinished")
        try:
            found = _fetch(file.url, beside)
            if file.sha256 not in (None, found):
                raise DatasetError(
                    f"{file.url} differs from what was published (SHA-256 {found[:8]}… in "
                    f"place of {file.sha256[:8]}…); try again, or get the set elsewhere."
                )
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def _fetch(url: str, path: Path) -> str:
    """Download a URL to a file, with a line of progress; return its SHA-256, in hex."""
    import urllib.request  # slow to import, and seldom needed

    digest, done, shown_at = hashlib.sha256(), 0, 0.0
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer, path.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        while piece := answer.read(_PIECE):
            file.write(piece)
            digest.update(piece)
            done += len(piece)
            if time.monotonic() - shown_at > 0.5 or done == total:
                shown_at = time.monotonic()
                of = f" of {total / 2**20:,.1f}" if total else ""
                name = path.name.removeprefix(".").removesuffix(".unfinished")
                line = f"\rdownloading {name}: {done / 2**20:,.1f}{of} MB"
                print(line, end="", file=sys.stderr, flush=True)
    print(file=sys.stderr, flush=True)
    if total and done < total:
        raise OSError(f"the download of {url} ended after {done:,} of {total:,} bytes")
    return digest.hexdigest()
