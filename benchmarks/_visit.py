"""The app in a process of its own, and pages that visit it with ``probe.js`` in them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, WebSocket

from explorer.bundle import Bundle

ROOT = Path(__file__).parents[1]
BUNDLES = Path(os.environ.get("LATENT_BUNDLES", ROOT / "pretrained")).resolve()
PROBE = Path(__file__).with_name("probe.js")
MOVES = 30
"""Pointer moves from one corner of a drag to the next."""


@dataclass(frozen=True)
class Server:
    """The app's process; Linux tells what it uses."""

    url: str
    pid: int
    started: float

    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name: str) -> float:
        """Megabytes: ``VmRSS`` now, ``VmHWM`` at most since ``forget_peak``."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) / 1024

    def forget_peak(self) -> None:
        """Count the peak of memory from now on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    """Start the app and wait until it answers."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    started = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py",
         "--server.headless", "true", "--logger.level", "error", "--server.port", str(port)],
        cwd=ROOT, env={**os.environ, "LATENT_BUNDLES": str(BUNDLES)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not _answers(port):
            time.sleep(0.01)
        yield Server(f"http://localhost:{port}", process.pid, started)
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("localhost", port)) == 0


@dataclass
class Traffic:
    """What a page exchanges with the server."""

    sent: int = 0
    received_bytes: int = 0

    def watch(self, page: Page) -> None:
        """Count from now on: requests and messages sent, bytes of messages received."""
        page.on("request", lambda _: self._send())
        page.on("websocket", self._watch_socket)

    def _watch_socket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda _: self._send())
        socket.on("framereceived", self._receive)

    def _send(self) -> None:
        self.sent += 1

    def _receive(self, message: str | bytes) -> None:
        self.received_bytes += len(message)


@dataclass(frozen=True)
class Drag:
    """What a page did while the pointer moved: milliseconds from each move to its picture."""

    latencies: list[float]
    pictures_a_second: float
    sent: int


@dataclass(frozen=True)
class Visit:
    """A page of the app in a browser with an empty cache."""

    page: Page
    traffic: Traffic = field(default_factory=Traffic)

    def open(self, server: Server, bundle: Bundle, view: str) -> None:
        """Show a view and wait until it has settled."""
        self.page.goto(f"{server.url}/?model={bundle.card.name}&view={view}")
        shown = has_dots(bundle) if view == "Map" else "document.querySelector('[role=tab]')"
        self.page.evaluate(f"probe.when(() => probe.isIdle() && {shown})")
        self.page.wait_for_timeout(1000)

    def show(self, view: str) -> None:
        """Go to another view, without measuring."""
        self.page.get_by_role("tab", name=view).click()
        self.page.wait_for_timeout(1500)

    def timed(self, press: Callable[[], None], condition: str) -> float:
        """Milliseconds from a press until a JavaScript condition holds, for good."""
        self.page.evaluate(f"probe.arm(() => {condition})")
        press()
        return self.page.evaluate("probe.settled")

    def drag(self, corners: Sequence[tuple[float, float]], seconds: float) -> Drag:
        """Move the pointer from corner to corner, again and again."""
        self.page.mouse.move(*corners[-1])
        self.page.wait_for_timeout(500)
        self.page.evaluate("probe.forget()")
        sent, started = self.traffic.sent, time.monotonic()
        while (took := time.monotonic() - started) < seconds:
            for corner in corners:
                self.page.mouse.move(*corner, steps=MOVES)
        self.page.wait_for_timeout(100)
        pictures, latencies = self.page.evaluate("[probe.pictures, probe.latencies]")
        return Drag(latencies, pictures / took, self.traffic.sent - sent)


@contextlib.contextmanager
def new_visit(browser: Browser) -> Iterator[Visit]:
    """A page that has not gone anywhere yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(path=PROBE)
    visit = Visit(context.new_page())
    visit.traffic.watch(visit.page)
    try:
        yield visit
    finally:
        context.close()


def has_dots(bundle: Bundle) -> str:
    """The condition that the map is complete."""
    return f"probe.hasDots({bundle.card.data.test_images})"
