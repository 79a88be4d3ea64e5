"""What the server does beside running the page: its document, and the browser's code.

Models and test images have addresses of the same kind as the code, with the model's hash; what
``delivery`` gives there, and the page itself, are imported while the browser reads the document.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from posixpath import normpath
from typing import Any

from anyio import create_task_group, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from explorer.app import internals, memory
from explorer.web.code import ENTRY, VERSION, served

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

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        is_document = scope["type"] == "http" and scope["path"] == f"{_prefix()}/"
        if not is_document or scope["method"] != "GET":
            return await self._app(scope, receive, send)
        start, page = await _whole_answer(self._app, scope, receive)
        await _send(send, start, page.replace(b"</body>", _ADDED + b"</body>", 1))


class CompressedCode:
    """Send Streamlit's scripts and styles compressed to other machines, as it does not itself.

    They are the larger part of a first visit. Each is compressed once.
    """

    _KINDS = (".js", ".css")
    _HERE = ("127.0.0.1", "::1")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: dict[str, tuple[Message, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if not self._is_wanted(scope):
            return await self._app(scope, receive, send)
        path = scope["path"]
        if path not in self._known:
            start, content = await _whole_answer(self._app, scope, receive)
            headers = MutableHeaders(scope=start)
            is_page = headers.get("content-type", "").startswith("text/html")  # of no such file
            if start["status"] != 200 or is_page:
                return await _send(send, start, content)
            headers["content-encoding"] = "gzip"
            headers.add_vary_header("Accept-Encoding")
            self._known[path] = start, await to_thread.run_sync(gzip.compress, content)
        await _send(send, *self._known[path])

    def _is_wanted(self, scope: Scope) -> bool:
        if scope["type"] != "http" or not scope["path"].startswith(f"{_prefix()}/static/"):
            return False
        if normpath(scope["path"]) != scope["path"] or not scope["path"].endswith(self._KINDS):
            return False  # one of the many spellings of a file is kept
        headers, (host, _) = Headers(scope=scope), scope.get("client") or ("", 0)
        is_plain = scope["method"] == "GET" and "range" not in headers
        is_elsewhere = host not in self._HERE or "x-forwarded-for" in headers  # behind a proxy
        return is_plain and is_elsewhere and "gzip" in headers.get("accept-encoding", "")


async def _whole_answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """How an answer starts, and its body as it is, whatever the browser has of it already."""
    skipped = (b"accept-encoding", b"if-none-match", b"if-modified-since")
    headers = [(name, value) for name, value in scope["headers"] if name not in skipped]
    start: Message = {}
    content = b""

    async def take(message: Message) -> None:
        nonlocal start, content
        if message["type"] == "http.response.start":
            start = message
        content += message.get("body", b"")

    await app({**scope, "headers": headers}, receive, take)
    return start, content


async def _send(send: Send, start: Message, content: bytes) -> None:
    MutableHeaders(scope=start)["content-length"] = str(len(content))
    await send(start)
    await send({"type": "http.response.body", "body": content})


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
        return internals.kind_of_message(content or b"") in self._REFUSED


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
    content = served(path) if version == VERSION else None
    return absent() if content is None else keep(content, "text/javascript")


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
