"""The addresses that the server adds to Streamlit's: the browser's code, models and images.

Addresses of models and images have the model's hash; ``delivery``, which serves them, and the page
itself are imported while the browser reads the document.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from anyio import create_task_group, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from explorer.app import memory
from explorer.app.middleware import path_prefix
from explorer.web.code import VERSION, served

_KINDS = (
    ("model", "", "GET"),
    ("images", "", "GET"),
    ("original", "/{row}", "GET"),
    ("decode", "", "POST"),
)
"""For each kind of request to ``delivery``: its name, what follows the hash, the HTTP method."""


def address_of(kind: str, content: str) -> str:
    """The address of the ``model`` with this hash, of its ``images``, of an ``original`` …"""
    return f"live/{VERSION}/{kind}/{content}"


@contextlib.asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Import the page in the background before the first visit, and keep the memory use low."""
    memory.keep_little()
    async with create_task_group() as tasks:
        tasks.start_soon(_prepare)
        tasks.start_soon(memory.give_back)
        yield
        tasks.cancel_scope.cancel()


async def _prepare() -> None:
    """Import the page, and leave all that is never freed out of later garbage collections."""
    await _import("page")
    gc.freeze()


def routes() -> list[Route]:
    """The routes of models, images and the browser's code, which is that in ``static/live``."""
    prefix = path_prefix()
    return [
        *(
            Route(f"{prefix}/{address_of(kind, '{content}')}{rest}", _later(kind), methods=[method])
            for kind, rest, method in _KINDS
        ),
        Route(f"{prefix}/live/{VERSION}/opened", _later("opened")),
        Route(f"{prefix}/live/{{version}}/{{path:path}}", _serve),
    ]


def _later(kind: str) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler for a kind of request; its first call imports ``delivery`` if need be."""

    async def answer(request: Request) -> Response:
        found: Response = await (await _import("delivery")).ANSWERS[kind](request)
        return found

    return answer


async def _import(name: str) -> Any:
    """Import a module of the app in a thread, so that the server answers meanwhile."""
    return await to_thread.run_sync(importlib.import_module, f"explorer.app.{name}")


async def _serve(request: Request) -> Response:
    version, path = request.path_params["version"], request.path_params["path"]
    content = served(path) if version == VERSION else None
    return absent() if content is None else keep(content, "text/javascript")


def absent() -> Response:
    """Answer that there is nothing at that address."""
    return refuse("There is no such file.", 404)


def refuse(sentence: str, status: int) -> Response:
    """Answer with a sentence and an error status."""
    return Response(sentence, status_code=status, media_type="text/plain")


def keep(content: bytes, media_type: str, headers: Mapping[str, str] = {}) -> Response:
    """Answer with what a browser may keep for ever: if it changes, its address changes."""
    forever = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=media_type, headers={**forever, **headers})
