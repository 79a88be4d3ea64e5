"""What the server does beside running the page: it serves the browser's code, and starts warm.

The code's address carries its version, so that a browser may keep the files for good and never
runs old ones after an upgrade. Modules import each other by relative paths, which keep the
version.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit import config

FOLDER = Path(__file__).parents[2] / "static" / "live"
_FILES = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in sorted(FOLDER.rglob("*.js"))
}
"""Read once: what is served belongs to the version, whatever happens to the files meanwhile."""
VERSION = hashlib.sha256(repr(_FILES).encode()).hexdigest()[:16]


@contextlib.asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Import what the page needs before the first visitors come.

    Plotly takes pandas from ``sys.modules`` even while the thread of another visitor is in the
    middle of importing it.
    """
    for module in ("pandas", "explorer.app.page"):
        importlib.import_module(module)
    yield


def routes() -> list[Route]:
    """Where the server has the browser's code; what is not in ``static/live`` it has not."""
    base = (config.get_option("server.baseUrlPath") or "").strip("/")
    prefix = f"/{base}" if base else ""
    return [Route(f"{prefix}/live/{{version}}/{{path:path}}", _serve)]


async def _serve(request: Request) -> Response:
    version, path = request.path_params["version"], request.path_params["path"]
    if version != VERSION or path not in _FILES:
        return Response("There is no such file.", status_code=404, media_type="text/plain")
    forever = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_FILES[path], media_type="text/javascript", headers=forever)
