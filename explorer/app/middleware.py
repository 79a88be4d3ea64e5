"""Around Streamlit's server: complete the document, compress code, drop unwanted messages."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from posixpath import normpath

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from explorer.app import internals
from explorer.web.code import ENTRY, VERSION

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


class CompletedDocument:
    """Add to the page's document what would otherwise wait for its first run.

    This is the style, so that nothing jumps when the run's elements come, the parts' code, which
    asks for the model that is opened, and the addresses of Streamlit's scripts for the first
    elements, so that the browser has them by the time that the run asks for them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ASGI request."""
        is_document = scope["type"] == "http" and scope["path"] == f"{path_prefix()}/"
        if not is_document or scope["method"] != "GET":
            return await self._app(scope, receive, send)
        start, page = await _whole_answer(self._app, scope, receive)
        await _send(send, start, page.replace(b"</body>", _added() + b"</body>", 1))


@cache
def _added() -> bytes:
    entry = f'<script type="module" src="live/{VERSION}/{ENTRY}"></script>'
    scripts = internals.scripts_of_first_elements()
    links = "".join(f'<link rel="modulepreload" href="{script}">' for script in scripts)
    return f"{entry}{links}<style>{_STYLE}</style>".encode()


class CompressedCode:
    """Send Streamlit's scripts and styles compressed to other machines, as Streamlit does not.

    They are the larger part of a first visit's traffic. Each is compressed once.
    """

    _KINDS = (".js", ".css")
    _HERE = ("127.0.0.1", "::1")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: dict[str, tuple[Message, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ASGI request."""
        if not self._is_wanted(scope):
            return await self._app(scope, receive, send)
        path = scope["path"]
        if path not in self._known:
            start, content = await _whole_answer(self._app, scope, receive)
            headers = MutableHeaders(scope=start)
            is_page = headers.get("content-type", "").startswith("text/html")  # no such file
            if start["status"] != 200 or is_page:
                return await _send(send, start, content)
            headers["content-encoding"] = "gzip"
            headers.add_vary_header("Accept-Encoding")
            self._known[path] = start, await to_thread.run_sync(gzip.compress, content)
        await _send(send, *self._known[path])

    def _is_wanted(self, scope: Scope) -> bool:
        if scope["type"] != "http" or not scope["path"].startswith(f"{path_prefix()}/static/"):
            return False
        if normpath(scope["path"]) != scope["path"] or not scope["path"].endswith(self._KINDS):
            return False  # only one of the many spellings of a path is kept
        headers, (host, _) = Headers(scope=scope), scope.get("client") or ("", 0)
        is_plain = scope["method"] == "GET" and "range" not in headers
        is_elsewhere = host not in self._HERE or "x-forwarded-for" in headers  # behind a proxy
        return is_plain and is_elsewhere and "gzip" in headers.get("accept-encoding", "")


async def _whole_answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """An answer's start message and its whole body, uncompressed, whatever the browser caches."""
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
    """Drop messages that a page may not send, such as to clear the caches of all visitors."""

    _REFUSED = ("clear_cache", "set_run_on_save")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ASGI request."""

        async def take() -> Message:
            while True:
                message = await receive()
                if not self._is_refused(message.get("bytes")):
                    return message

        await self._app(scope, take if scope["type"] == "websocket" else receive, send)

    def _is_refused(self, content: bytes | None) -> bool:
        return internals.kind_of_message(content or b"") in self._REFUSED


def path_prefix() -> str:
    """The path below which the page lies, such as ``/vae``; empty by default."""
    base = (config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""
