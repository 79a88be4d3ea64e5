"""Measure the app with many visitors: a real server, and clients that speak the page's protocol.

    python -m benchmarks.visitors                 50 at once, and 20 on a server just started
    python -m benchmarks.visitors --processes 2   as behind a proxy with sticky sessions

Each visitor opens one of the models, fetches what its page fetches, and goes through all tabs
except Compare, and some options; no browser draws anything, so that only the server is measured.
The visitors' process takes its share of the same processors. Needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks._server import BUNDLES, Server, serve
from benchmarks._table import print_head, print_row
from explorer.bundle.store import find_bundles

TABS = ("Manifold", "Sliders", "Interpolate", "Reconstruct", "Model", "Map")
OPTIONS = {
    "Interpolate": [("even", "string_array_value", "In the latent space")],
    "Model": [
        ("section-tab", "string_value", "Comparison"),
        ("section-tab", "string_value", "Pictures"),
        ("section-tab", "string_value", "Recipe and data"),
    ],
}
"""What a visitor chooses in a view: key and kind of the control, and its new value."""
PATIENCE = 120
"""Seconds after which a visitor gives up."""
_ADDRESS = re.compile(rb"live/[0-9a-f]+/(?:model|images)/[0-9a-f]+")


class _Counted(ClientConnection):
    """A connection that counts the bytes it receives, frames and compression included."""

    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)


@dataclass
class Visitor:
    """A page as the server sees it.

    Attributes:
        server: the server that is visited.
        model: name of the bundle.
        kept: addresses that the browser has in its cache from earlier visits.
        received_bytes: bytes received from the server so far, over HTTP and the WebSocket.
        query: query string of the page's address.
    """

    server: Server
    model: str
    kept: set[bytes] = field(default_factory=set)
    received_bytes: int = 0
    query: str = ""
    _socket: _Counted | None = None
    _widgets: dict[str, tuple[str, str]] = field(default_factory=dict)
    _states: dict[str, dict[str, Any]] = field(default_factory=dict)
    _hashes: list[str] = field(default_factory=list)

    async def open(self) -> None:
        """Load the page, let the script run, and fetch the model and the images."""
        for path in ("", "_stcore/health", "_stcore/host-config"):
            await self._get(path)
        self.query = urlencode({"model": self.model})
        url = self.server.url.replace("http", "ws") + "/_stcore/stream"
        socket = await connect(
            url,
            create_connection=_Counted,
            max_size=None,
            subprotocols=[Subprotocol("streamlit")],
            open_timeout=PATIENCE,
        )
        assert isinstance(socket, _Counted)
        self._socket = socket
        await self._run()

    async def press(self, key: str, kind: str, value: str) -> None:
        """Change a control, and wait until the script has run."""
        identity, fragment = self._widgets[key]
        widget = {"id": identity}
        if kind == "string_array_value":
            self._states[key] = {**widget, kind: {"data": [value]}}
        else:
            self._states[key] = {**widget, kind: value}
        await self._run(fragment)

    async def leave(self) -> None:
        """Close the page."""
        if self._socket:
            await self._socket.close()

    async def _run(self, fragment: str = "") -> None:
        await self.ask(fragment)
        await self.hear()

    async def click(self, key: str) -> None:
        """Click a button, and do not wait."""
        identity, fragment = self._widgets[key]
        await self.ask(fragment, {"id": identity, "trigger_value": True})

    async def ask(self, fragment: str, *triggers: dict[str, Any]) -> None:
        """Send the states of all controls and the clicks, to run a fragment or the page ("")."""
        assert self._socket
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.fragment_id = fragment
        message.rerun_script.cached_message_hashes.extend(self._hashes)
        for state in (*self._states.values(), *triggers):
            message.rerun_script.widget_states.widgets.add(**state)
        await self._socket.send(message.SerializeToString())

    async def hear(self, patience: float = PATIENCE) -> None:
        """Receive messages until a run has ended, and fetch what the page would fetch."""
        assert self._socket
        before = self._socket.received
        addresses: set[bytes] = set()
        answer = ForwardMsg()
        while not self._is_end(answer):
            content = await asyncio.wait_for(self._socket.recv(decode=False), patience)
            answer = ForwardMsg.FromString(content)
            if answer.metadata.cacheable:
                self._hashes.append(answer.hash)
            self._learn(answer)
            addresses |= set(_ADDRESS.findall(content))
        self.received_bytes += self._socket.received - before
        for address in addresses - self.kept:
            await self._get(address.decode())
        self.kept |= addresses

    @staticmethod
    def _is_end(answer: ForwardMsg) -> bool:
        is_finished = answer.WhichOneof("type") == "script_finished"
        return is_finished and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN

    def _learn(self, answer: ForwardMsg) -> None:
        """Remember each control that can be pressed, and the fragment that it runs."""
        if answer.WhichOneof("type") == "page_info_changed":
            self.query = answer.page_info_changed.query_string
        block, element = answer.delta.add_block, answer.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise RuntimeError(element.exception.message)
        for identity in (block.id, getattr(getattr(element, kind), "id", "") if kind else ""):
            self._widgets[identity.split("-", 2)[-1]] = identity, answer.delta.fragment_id

    async def _get(self, path: str) -> None:
        """Fetch a path of the server as a browser does, and count the bytes."""
        place = urlsplit(self.server.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(
            f"GET /{path} HTTP/1.1\r\nHost: {place.netloc}\r\nAccept-Encoding: gzip\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        if b" 200 " not in answer[:20]:
            raise RuntimeError(f"{path}: {answer[:40]!r}")
        self.received_bytes += len(answer)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visitors", type=int, default=50, metavar="N", help="(default 50)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="(default 1)")
    parser.add_argument("--cold", type=int, default=20, metavar="N", help="(default 20)")
    options = parser.parse_args()
    models = [path.name for path in find_bundles(BUNDLES)]
    if not models:
        raise SystemExit(f"there is no bundle in {BUNDLES.name}; train.py makes one")
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    print_head()
    with serve() as server:
        asyncio.run(measure_one(server, models[0]))
    with serve_several(options.processes) as servers:
        if options.cold:
            asyncio.run(measure_cold(servers, models, options.cold))
    with serve_several(options.processes) as servers:
        asyncio.run(measure_crowd(servers, models, options.visitors))


async def measure_one(server: Server, model: str) -> None:
    """Measure one visitor of one model: memory, and the bytes of a reload."""
    idle = server.memory("VmRSS")
    visitor = Visitor(server, model)
    async with visits([visitor]):
        await visitor.open()
        await walk([visitor], defaultdict(list))
        print_row("memory: idle", [idle], "MB")
        print_row("memory: one visitor, one model", [server.memory("VmRSS")], "MB", at_most=250)
    print_row("bytes: first visit", [visitor.received_bytes / 1e6], "MB")
    again = Visitor(server, model, kept=visitor.kept)
    async with visits([again]):
        await again.open()
    print_row("bytes: reload", [again.received_bytes / 1e6], "MB", at_most=0.3)


@contextlib.contextmanager
def serve_several(count: int) -> Iterator[list[Server]]:
    """Start ``count`` processes of the app."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(serve()) for _ in range(count)]


async def measure_cold(servers: Sequence[Server], models: Sequence[str], count: int) -> None:
    """Measure visitors who all come when the server has just started."""
    visitors = crowd(servers, models, count)
    async with visits(visitors):
        times = await asyncio.gather(*(timed(visitor.open()) for visitor in visitors))
    print_row(f"{count} visitors, cold: page open", times, "s", at_most=6)


async def measure_crowd(servers: Sequence[Server], models: Sequence[str], count: int) -> None:
    """Measure visitors of all models who come together and act at the same time."""

    def cpu_seconds() -> float:
        return sum(server.cpu_seconds() for server in servers)

    def memory() -> float:
        return sum(server.memory("VmRSS") for server in servers)

    first = crowd(servers, models, len(models) * len(servers))
    async with visits(first):
        for visitor in first:
            await visitor.open()
        await walk(first, defaultdict(list))
    what = f"{count} visitors"
    visitors = crowd(servers, models, count)
    async with visits(visitors):
        used = cpu_seconds()
        opens = await asyncio.gather(*(timed(visitor.open()) for visitor in visitors))
        used = cpu_seconds() - used
        print_row(f"{what}: page open", opens, "s", at_most=4)
        print_row(f"{what}: CPU for each page", [1000 * used / count], "ms")
        times: dict[str, list[float]] = defaultdict(list)
        used = cpu_seconds()
        await walk(visitors, times)
        used = cpu_seconds() - used
        for name, values in times.items():
            print_row(f"{what}: {name}", values, "s", at_most=1)
        changes = sum(times.values(), [])
        print_row(f"{what}: all changes", changes, "s", at_most=1)
        print_row(f"{what}: CPU for each change", [1000 * used / len(changes)], "ms")
        print_row(f"{what}: memory", [memory()], "MB", at_most=900)
    await asyncio.sleep(5)
    print_row(f"{what}: memory after they left", [memory()], "MB")


def crowd(servers: Sequence[Server], models: Sequence[str], count: int) -> list[Visitor]:
    """Return visitors spread over the servers and models."""
    return [
        Visitor(servers[n % len(servers)], models[n // len(servers) % len(models)])
        for n in range(count)
    ]


@contextlib.asynccontextmanager
async def visits(visitors: Sequence[Visitor]) -> AsyncIterator[None]:
    """Close all pages at the end."""
    try:
        yield
    finally:
        await asyncio.gather(*(visitor.leave() for visitor in visitors))


async def walk(visitors: Sequence[Visitor], times: dict[str, list[float]]) -> None:
    """Let all visitors go through the tabs and options, each step at the same time."""
    for tab in TABS:
        steps = [("tab", "string_value", tab), *OPTIONS.get(tab, ())]
        for key, kind, value in steps:
            name = f"tab {value}" if key == "tab" else f"{tab}, {value}"
            presses = (timed(visitor.press(key, kind, value)) for visitor in visitors)
            times[name] += await asyncio.gather(*presses)


async def timed(action: Awaitable[None]) -> float:
    """Return the seconds that an action takes."""
    started = time.monotonic()
    await action
    return time.monotonic() - started


if __name__ == "__main__":
    main()
