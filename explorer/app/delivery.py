"""Answer requests for a model: its networks and latents, its images, decoded latents.

Addresses contain the hash of the model's card, so that browsers may keep the files for ever.
"""

from __future__ import annotations

import gzip
import os
import time

import numpy as np
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from explorer.app import cache
from explorer.app.server import absent, keep, refuse
from explorer.bundle.card import BundleError
from explorer.bundle.graph import GraphError
from explorer.core.pixels import to_pixels
from explorer.drawing import raster
from explorer.notation import parse_count

_DECODERS = CapacityLimiter(os.cpu_count() or 1)
MOST_WAITING = 64
"""Largest number of latents that wait to be decoded; further requests are refused."""
_PAYLOADS = {"model": cache.model_payload, "images": cache.images_payload}


async def _lead_to_opened(request: Request) -> Response:
    """Lead to the model that a page opens first, whose address has the same ``?model=``."""
    content = await run_in_threadpool(cache.hash_of_opened, request.query_params.get("model"))
    return absent() if content is None else RedirectResponse(f"model/{content}")


async def _send_payload(request: Request) -> Response:
    """Send the model, or its test images, compressed if the browser accepts that."""
    kind, content = request.url.path.split("/")[-2:]
    try:
        packed = await run_in_threadpool(lambda: _PAYLOADS[kind](cache.find_bundle(content)))
    except BundleError:
        return absent()
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        packed, headers = await run_in_threadpool(gzip.decompress, packed), {}
    return keep(packed, "application/octet-stream", headers)


async def _send_original(request: Request) -> Response:
    """Send a test image as it is, where the browser has only a thumbnail of it, or nothing."""
    row, content = parse_count(request.path_params["row"]), request.path_params["content"]

    def encode() -> bytes | None:
        images = cache.originals_of(cache.find_bundle(content))
        if images is None or row is None or row >= len(images):
            return None
        return raster.png(images[row], effort=1)

    try:
        picture = await run_in_threadpool(encode)
    except BundleError:
        return absent()
    return absent() if picture is None else keep(picture, "image/png")


async def _decode(request: Request) -> Response:
    """Decode one latent, float32, to pixels, uint8, for a browser that cannot do it itself.

    ``?class=3`` gives the class that a conditional model decodes. As many latents as there are
    cores are decoded at once, in threads of their own. If none waits, the answer says how long it
    took: the page may then ask again after as long, before it has the answer. Otherwise it waits
    for the answer, so that no queue builds up.
    """
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return refuse("Only this page may ask.", 403)
    try:
        bundle = await run_in_threadpool(cache.find_bundle, request.path_params["content"])
    except BundleError:
        return absent()
    if not bundle.card.model.has_graphs:
        return absent()
    size, body = 4 * bundle.card.model.latent_dim, b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > size:
                break
    except ClientDisconnect:  # the page was left in the middle of the request
        return refuse("The client disconnected.", 400)
    z = np.frombuffer(body[:size], "<f4") if len(body) == size else np.full(1, np.nan)
    if not np.isfinite(z).all():
        return refuse(f"Expected {size // 4} finite numbers in single precision.", 400)
    classes, label = len(bundle.card.data.classes), request.query_params.get("class", "0")
    if label not in map(str, range(classes)):
        return refuse(f"Expected a class from 0 to {classes - 1}.", 400)
    if _DECODERS.statistics().tasks_waiting >= MOST_WAITING:
        return refuse("Too many requests at once.", 503)
    codec = bundle.codec.given(int(label))
    latent = z[np.newaxis].astype(np.float32)

    def decode() -> tuple[bytes, float]:
        """Return the pixels, and the milliseconds that they took, without the wait for a core."""
        begun = time.perf_counter()
        pixels = to_pixels(codec.decode(latent))
        return pixels.tobytes(), 1000 * (time.perf_counter() - begun)

    try:
        pixels, taken = await to_thread.run_sync(decode, limiter=_DECODERS)
    except GraphError as error:
        return refuse(f"{error}.", 503)
    is_alone = not _DECODERS.statistics().tasks_waiting
    headers = {"Server-Timing": f"decode;dur={taken:.1f}"} if is_alone else {}
    return Response(pixels, headers=headers, media_type="application/octet-stream")


ANSWERS = {
    "opened": _lead_to_opened,
    "model": _send_payload,
    "images": _send_payload,
    "original": _send_original,
    "decode": _decode,
}
"""The function that answers each kind of request."""
