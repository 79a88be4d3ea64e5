"""Visit the app with a page that runs ``probe.js``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from playwright.async_api import Browser, Page, WebSocket

from benchmarks._server import Server
from explorer.bundle.bundle import Bundle

PROBE = Path(__file__).with_name("probe.js")

MOUSE_INTERVAL = 0.008
"""Seconds between two moves of the pointer, as common mice report them."""
MOVES_A_SIDE = 60
QUEUE = 8
"""Largest number of reports of the mouse that the page has not yet handled."""

Place = tuple[float, float]


class Visit:
    """A page of the app in a browser with an empty cache.

    Attributes:
        page: the page.
        sent: number of requests and messages that it has sent to the server.
        received_bytes: total length of the messages that it has received.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sent = self.received_bytes = 0
        page.on("request", self._count_sent)
        page.on("websocket", self._count_messages)

    async def open(
        self, server: Server, bundle: Bundle, view: str, *, dots: int | None = None
    ) -> None:
        """Show a view and wait until it has settled; the map must have ``dots`` dots."""
        await self.page.goto(f"{server.url}/?model={bundle.card.name}&view={view}")
        is_map = has_dots(bundle) if dots is None else f"probe.hasDots({dots})"
        shown = is_map if view == "Map" else "document.querySelector('[role=tab]')"
        await self.page.evaluate(f"probe.when(() => probe.isIdle() && {shown})")
        await asyncio.sleep(1)

    async def timed(self, press: Callable[[], Awaitable[None]], condition: str) -> float:
        """Return milliseconds from a press until a JavaScript condition holds and stays true."""
        await self.page.evaluate(f"probe.arm(() => {condition})")
        await press()
        return float(await self.page.evaluate("probe.settled"))

    async def throttle(self, rate: int) -> None:
        """Slow the page down by a factor, as DevTools do."""
        session = await self.page.context.new_cdp_session(self.page)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": rate})

    async def drag(self, corners: Sequence[Place], seconds: float) -> tuple[list[float], float]:
        """Move the pointer from corner to corner, again and again.

        Returns:
            Milliseconds from each move to its picture, and pictures a second.
        """
        await self.page.mouse.move(*corners[0])
        await asyncio.sleep(0.5)
        await self.page.evaluate("probe.forget()")
        await self._act(lambda n: self.page.mouse.move(*_along(corners, n)), seconds)
        await asyncio.sleep(0.1)
        latencies, pictures = await self.page.evaluate("[probe.latencies, probe.pictures]")
        return latencies, pictures / seconds

    async def frames(
        self, corners: Sequence[Place], seconds: float, *, wheel: bool = False
    ) -> float:
        """Return the map's frames a second while the pointer moves or its wheel turns."""
        mouse = self.page.mouse
        await self.page.evaluate("probe.forget()")
        started = time.monotonic()
        if wheel:
            await self._act(lambda n: mouse.wheel(0, -20 if n // 120 % 2 else 20), seconds)
        else:
            await self._act(lambda n: mouse.move(*_along(corners, n)), seconds)
        drawn = await self.page.evaluate("probe.drawn()")
        return float(drawn) / (time.monotonic() - started)

    async def _act(self, act: Callable[[int], Awaitable[None]], seconds: float) -> None:
        """Use the mouse as often as mice report, as long as the page keeps up."""
        started = time.monotonic()
        acts: list[asyncio.Future[None]] = []
        while (elapsed := time.monotonic() - started) < seconds:
            if len(acts) < QUEUE or acts[-QUEUE].done():
                acts.append(asyncio.ensure_future(act(len(acts))))
            await asyncio.sleep(max(len(acts) * MOUSE_INTERVAL - elapsed, MOUSE_INTERVAL / 4))
        await asyncio.gather(*acts)

    def _count_sent(self, _: object) -> None:
        self.sent += 1

    def _count_messages(self, messages: WebSocket) -> None:
        messages.on("framesent", self._count_sent)
        messages.on("framereceived", self._count_received)

    def _count_received(self, message: str | bytes) -> None:
        self.received_bytes += len(message)


@contextlib.asynccontextmanager
async def new_visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open a page that has not visited any address yet."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    await context.add_init_script(path=PROBE)
    try:
        yield Visit(await context.new_page())
    finally:
        await context.close()


def has_dots(bundle: Bundle) -> str:
    """Return the JavaScript condition that the map is complete."""
    return f"probe.hasDots({bundle.card.data.test_images})"


def _along(corners: Sequence[Place], moves: int) -> Place:
    """Return the place after ``moves`` moves along a closed path."""
    number, moved = divmod(moves, MOVES_A_SIDE)
    share = moved / MOVES_A_SIDE
    (x, y), (next_x, next_y) = (corners[n % len(corners)] for n in (number, number + 1))
    return x + share * (next_x - x), y + share * (next_y - y)
