"""What the server does beside running the page: it serves the browser's code, and starts warm.

Models and test images have addresses of the same kind as the code, with the model's hash.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import numpy as np
from anyio import CapacityLimiter, create_task_group, to_thread
from google.protobuf.message import DecodeError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer.app import cache, memory
from explorer.bundle.card import BundleError
from explorer.drawing import raster
from explorer.notation import parse_count
from explorer.web.code import FILES, VERSION

_STYLE = Path(__file__).with_name("page.css").read_bytes()
_DECODERS = CapacityLimiter(os.cpu_count() or 1)
MOST_WAITING = 64
"""Latents that wait for being decoded; who asks then is refused."""
_PAYLOADS = {"model": cache.model_payload, "images": cache.images_payload}


def address_of(kind: str, content: str) -> str:
    """Where the browser gets the ``model`` with this hash, or its ``images``."""
    return f"live/{VERSION}/{kind}/{content}"


@contextlib.asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Import what the page needs before the first visitors come; keep little memory."""
    memory.share_arenas()
    importlib.import_module("explorer.app.page")
    async with create_task_group() as tasks:
        tasks.start_soon(memory.give_back)
        yield
        tasks.cancel_scope.cancel()


class StyledPage:
    """Put the page's style into its document, so that nothing jumps when the first run's comes."""

    _UNSTYLED = {b"accept-encoding", b"if-none-match", b"if-modified-since"}

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
            page = page.replace(b"</body>", b"<style>" + _STYLE + b"</style></body>", 1)
            MutableHeaders(scope=start)["content-length"] = str(len(page))
            await send(start)
            await send({**message, "body": page})

        headers = [(name, value) for name, value in scope["headers"] if name not in self._UNSTYLED]
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
        *(Route(f"{prefix}/{address_of(kind, '{content}')}", _serve_payload) for kind in _PAYLOADS),
        Route(f"{prefix}/{address_of('original', '{content}')}/{{row}}", _serve_original),
        Route(f"{prefix}/{address_of('decode', '{content}')}", _decode, methods=["POST"]),
        Route(f"{prefix}/live/{{version}}/{{path:path}}", _serve),
    ]


def _serve_payload(request: Request) -> Response:
    kind, content = request.url.path.split("/")[-2:]
    try:
        bundle = cache.find_bundle(content)
    except BundleError:
        return _absent()
    packed = _PAYLOADS[kind](bundle)
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        packed, headers = gzip.decompress(packed), {}
    return _keep(packed, "application/octet-stream", headers)


def _serve_original(request: Request) -> Response:
    """A test image as it is, where the browser has a thumbnail of it or none."""
    row = parse_count(request.path_params["row"])
    try:
        bundle = cache.find_bundle(request.path_params["content"])
    except BundleError:
        return _absent()
    images = cache.originals_of(bundle)
    if images is None or row is None or row >= len(images):
        return _absent()
    return _keep(raster.png(images[row]), "image/png")


async def _decode(request: Request) -> Response:
    """Decode one latent, float32, to pixels, uint8: what a browser asks that cannot do it itself.

    ``?class=3`` says what a conditional model decodes. A page waits for the answer before it asks
    again, so that no queue builds up; as many as there are cores are decoded at once, in threads of
    their own.
    """
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return _refuse("Only this page may ask.", 403)
    try:
        bundle = await run_in_threadpool(cache.find_bundle, request.path_params["content"])
    except BundleError:
        return _absent()
    if not bundle.card.model.has_graphs:
        return _absent()
    size, body = 4 * bundle.card.model.latent_dim, b""
    async for part in request.stream():
        body += part
        if len(body) > size:
            break
    z = np.frombuffer(body[:size], "<f4") if len(body) == size else np.full(1, np.nan)
    if not np.isfinite(z).all():
        return _refuse(f"Expected {size // 4} finite numbers in single precision.", 400)
    classes, label = len(bundle.card.data.classes), request.query_params.get("class", "0")
    if label not in map(str, range(classes)):
        return _refuse(f"Expected a class from 0 to {classes - 1}.", 400)
    if _DECODERS.statistics().tasks_waiting >= MOST_WAITING:
        return _refuse("Too many ask at once.", 503)
    codec = bundle.codec.given(int(label))
    pixels = await to_thread.run_sync(
        lambda: raster.to_pixels(codec.decode(z[np.newaxis].astype(np.float32))), limiter=_DECODERS
    )
    return Response(pixels.tobytes(), media_type="application/octet-stream")


async def _serve(request: Request) -> Response:
    version, path = request.path_params["version"], request.path_params["path"]
    if version != VERSION or path not in FILES:
        return _absent()
    return _keep(FILES[path], "text/javascript")


def _absent() -> Response:
    return _refuse("There is no such file.", 404)


def _refuse(sentence: str, status: int) -> Response:
    return Response(sentence, status_code=status, media_type="text/plain")


def _keep(content: bytes, media_type: str, headers: Mapping[str, str] = {}) -> Response:
    forever = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=media_type, headers={**forever, **headers})
