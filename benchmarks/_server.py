"""Run the app in a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUNDLES = Path(os.environ.get("LATENT_BUNDLES", ROOT / "pretrained")).resolve()


@dataclass(frozen=True)
class Server:
    """The app's process, whose use of CPU and memory Linux reports."""

    url: str
    pid: int
    started: float

    def cpu_seconds(self) -> float:
        """Return the processor time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name: str) -> float:
        """Return megabytes in use: ``VmRSS`` now, ``VmHWM`` the peak since ``forget_peak``."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) / 1024

    def forget_peak(self) -> None:
        """Reset the peak of memory."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def serve(bundles: Path = BUNDLES, script: str = "app.py") -> Iterator[Server]:
    """Start the app, or another script, with a folder of bundles, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    started = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", script,
         "--server.headless", "true", "--server.port", str(port), "--logger.level", "error"],
        cwd=ROOT, env={**os.environ, "LATENT_BUNDLES": str(bundles)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not _answers(port):
            if process.poll() is not None:
                raise RuntimeError(f"the app ended with {process.returncode} before it answered")
            time.sleep(0.01)
        yield Server(f"http://localhost:{port}", process.pid, started)
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("localhost", port)) == 0
