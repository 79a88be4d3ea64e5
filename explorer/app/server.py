"""What the server does beside running the page: its document, and the browser's code.

Models and test images have addresses of the same kind as the code, with the model's hash; what
``delivery`` gives there, and the page itself, are imported while the browser reads the document.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from anyio import create_task_group, to_thread
from google.protobuf.message import DecodeError
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer.app import memory
from explorer.web.code import ENTRY, SERVED, VERSION

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_LINK = f'<link rel="modulepreload" href="live/{VERSION}/{ENTRY}">'
_ADDED = f"{_LINK}<style>{_STYLE}</style>".encode()
_KINDS = (
    ("model", "", "GET"),
    ("images", "", "GET"),
    ("original", "/{row}", "GET"),
    ("decode", "", "POST"),
)
"""What ``delivery`` gives of a model, what follows the model's hash in the address, the method."""


def address_of(kind: str, content: str) -> str:
    """Where the browser gets the ``model`` with this hash, its ``images``, an ``original`` …"""
    return f"live/{VERSION}/{kind}/{content}"


@contextlib.asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Import the page while the first visitors are on their way; keep little memory."""
    memory.share_arenas()
    async with create_task_group() as tasks:
        tasks.start_soon(_import, "page")
        tasks.start_soon(memory.give_back)
        yield
        tasks.cancel_scope.cancel()


class CompletedDocument:
    """Put into the page's document what else would wait for its first run.

    That is the style, so that nothing jumps when the run's comes, and where the parts' code is: the
    browser has it by the time that the run asks for it.
    """

    _AS_IT_IS = {b"accept-encoding", b"if-none-match", b"if-modified-since"}

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] != "http" or scope["path"] != f"{_prefix()}/":
            return await self._app(scope, receive, send)
        start: Message = {}
        page = b""

        async def take(message: Message) -> None:
            nonlocal start, page
            if message["type"] == "http.response.start":
                start = message
                return
            page += message.get("body", b"")
            if message.get("more_body"):
                return
            page = page.replace(b"</body>", _ADDED + b"</body>", 1)
            MutableHeaders(scope=start)["content-length"] = str(len(page))
            await send(start)
            await send({**message, "body": page})

        headers = [(name, value) for name, value in scope["headers"] if name not in self._AS_IT_IS]
        await self._app({**scope, "headers": headers}, receive, take)


class GuardedMessages:
    """Keep back what a page may not ask: to clear the caches of all visitors."""

    _REFUSED = ("clear_cache", "set_run_on_save")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""

        async def take() -> Message:
            while True:
                message = await receive()
                if not self._is_refused(message.get("bytes")):
                    return message

        await self._app(scope, take if scope["type"] == "websocket" else receive, send)

    def _is_refused(self, content: bytes | None) -> bool:
        try:
            return BackMsg.FromString(content or b"").WhichOneof("type") in self._REFUSED
        except DecodeError:  # Streamlit closes the connection
            return False


def _prefix() -> str:
    base = (config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def routes() -> list[Route]:
    """Where the server has the browser's code; what is not in ``static/live`` it has not."""
    prefix = _prefix()
    return [
        *(
            Route(f"{prefix}/{address_of(kind, '{content}')}{rest}", _later(kind), methods=[method])
            for kind, rest, method in _KINDS
        ),
        Route(f"{prefix}/live/{{version}}/{{path:path}}", _serve),
    ]


def _later(kind: str) -> Callable[[Request], Awaitable[Response]]:
    """What answers requests of a kind, which is imported by then or when the first one comes."""

    async def answer(request: Request) -> Response:
        found: Response = await (await _import("delivery")).ANSWERS[kind](request)
        return found

    return answer


async def _import(name: str) -> Any:
    """A module of the app, imported in a thread: the server answers meanwhile."""
    return await to_thread.run_sync(importlib.import_module, f"explorer.app.{name}")


async def _serve(request: Request) -> Response:
    version, path = request.path_params["version"], request.path_params["path"]
    if version != VERSION or path not in SERVED:
        return absent()
    return keep(SERVED[path], "text/javascript")


def absent() -> Response:
    """There is nothing at that address."""
    return refuse("There is no such file.", 404)


def refuse(sentence: str, status: int) -> Response:
    """A sentence in place of what was asked for."""
    return Response(sentence, status_code=status, media_type="text/plain")


def keep(content: bytes, media_type: str, headers: Mapping[str, str] = {}) -> Response:
    """What a browser may keep for ever: its address is another when it changes."""
    forever = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=media_type, headers={**forever, **headers})
