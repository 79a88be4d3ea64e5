"""What the server gives at each address, requested through ASGI."""

from __future__ import annotations

import gzip
import io
import os
import re
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import urljoin, urlsplit

import loops
import numpy as np
import pytest
import streamlit
from anyio import create_task_group
from PIL import Image
from starlette.routing import Router
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer.app import cache, delivery, internals, middleware, server
from explorer.bundle.graph import GraphError
from explorer.web import payload
from explorer.web.code import ENTRY, VERSION

STATIC = Path(streamlit.__file__).parent / "static"


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


def ask(path: str, method: str = "GET", body: bytes | None = b"", **headers: str) -> Answer:
    """Return the server's answer; ``body`` None means a disconnected client."""
    (answer,) = ask_at_once(path, method, body, times=1, **headers)
    return answer


def ask_at_once(
    path: str, method: str, body: bytes | None, *, times: int, **headers: str
) -> list[Answer]:
    """Return the answers to several equal requests, in the order in which they come."""
    answers: list[Answer] = []

    async def ask_one() -> None:
        answers.append(await _answer(path, method, body, headers))

    async def ask_all() -> None:
        async with create_task_group() as tasks:
            for _ in range(times):
                tasks.start_soon(ask_one)

    loops.run(ask_all())
    return answers


async def _answer(path: str, method: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    place = urlsplit(path)
    scope = {
        "type": "http", "method": method, "path": place.path, "query_string": place.query.encode(),
        "headers": [
            (name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()
        ],
    }  # fmt: skip
    await Router(server.routes())(scope, receive, send)
    told = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(part.get("body", b"") for part in sent[1:])


def test_a_model_is_sent_compressed_and_kept_for_ever() -> None:
    bundle = cache.open_bundle("mnist-2d")
    path = "/" + server.address_of("model", bundle.content)
    status, headers, body = ask(path, accept_encoding="gzip, br")
    assert (status, headers["content-encoding"], headers["vary"]) == (
        200,
        "gzip",
        "Accept-Encoding",
    )
    assert "immutable" in headers["cache-control"]
    assert gzip.decompress(body) == payload.encode_model(bundle)
    _, headers, plain = ask(path)
    assert "content-encoding" not in headers
    assert plain == gzip.decompress(body)


def test_a_flood_of_decodes_is_refused_and_takes_no_other_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = cache.open_bundle("mnist-2d")
    path, z = "/" + server.address_of("decode", bundle.content), bytes(8)
    status, _, pixels = ask(path, "POST", z)
    assert (status, len(pixels)) == (200, 28 * 28)
    assert ask(path, "POST", None)[0] == 400  # and no traceback in the log
    with monkeypatch.context() as once:
        once.setattr(delivery, "to_pixels", Mock(side_effect=GraphError("a network took too long")))
        status, _, said = ask(path, "POST", z)
    assert (status, said) == (503, b"a network took too long.")
    monkeypatch.setattr(delivery, "MOST_WAITING", 0)
    assert ask(path, "POST", z)[0] == 503


def test_an_answer_says_how_long_decoding_alone_took_if_nothing_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = cache.open_bundle("mnist-2d")
    path = "/" + server.address_of("decode", bundle.content)

    def decode_slowly(_: np.ndarray) -> np.ndarray:
        time.sleep(0.2)
        return np.zeros((28, 28), np.uint8)

    monkeypatch.setattr(delivery, "to_pixels", decode_slowly)
    answers = ask_at_once(path, "POST", bytes(8), times=2 * (os.cpu_count() or 1))
    assert "server-timing" not in answers[0][1]
    last = answers[-1][1]["server-timing"]  # of a latent that has waited for the first ones
    assert 200 <= float(last.removeprefix("decode;dur=")) < 400


def test_a_page_cannot_clear_the_caches_of_all() -> None:
    clear, stop, broken = BackMsg(clear_cache=True), BackMsg(stop_script=True), b"\xff\xff"
    sent = [clear.SerializeToString(), broken, stop.SerializeToString()]
    waiting = [{"type": "websocket.receive", "bytes": content} for content in sent]
    taken: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def page(_: Any, receive: Any, __: Any) -> None:
        taken.extend([(await receive())["bytes"] for _ in range(2)])

    async def send(_: Any) -> None:
        raise AssertionError("nothing is to be sent")

    guarded = middleware.GuardedMessages(page)
    loops.run(guarded({"type": "websocket"}, receive, send))
    assert taken == [broken, stop.SerializeToString()]


def test_each_original_has_an_address() -> None:
    bundle = cache.open_bundle("fashion_mnist-2d")
    images, path = cache.originals_of(bundle), "/" + server.address_of("original", bundle.content)
    assert images is not None
    status, headers, body = ask(f"{path}/4711")
    assert (status, headers["content-type"]) == (200, "image/png")
    assert "immutable" in headers["cache-control"]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(body))), images[4711, ..., 0])
    for row in ("10000", "-1", "1.0", "٣", "9" * 5000, ""):
        assert ask(f"{path}/{row}")[0] == 404, row


@pytest.mark.parametrize(
    "content", ["0" * 64, "mnist-2d", "%00", "..%2f..%2fREADME.md", "../../README.md"]
)
def test_an_address_gives_models_and_nothing_else(content: str) -> None:
    for kind in ("model", "images"):
        assert ask("/" + server.address_of(kind, content))[0] == 404
    assert ask(f"/{server.address_of('original', content)}/0")[0] == 404


def through(middleware: Any, path: str, host: str, **headers: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a middleware's answer to a host."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "client": (host, 1),
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }  # fmt: skip
    loops.run(middleware(scope, None, send))
    told = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
    return told, b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "fashion_mnist-2d"),  # of the models with the easiest map
        ("?view=Sliders&model=mnist-8d", "mnist-8d"),
        ("?model=..%2Fmnist-8d", "fashion_mnist-2d"),
    ],
)
def test_the_address_of_a_page_leads_to_the_model_that_it_opens(query: str, name: str) -> None:
    status, headers, _ = ask(f"/live/{VERSION}/opened{query}")
    assert status == 307
    there = urljoin(f"http://localhost/live/{VERSION}/opened", headers["location"])
    content = cache.open_bundle(name).content
    assert there == f"http://localhost/{server.address_of('model', content)}"


def test_the_document_names_the_scripts_of_the_first_elements() -> None:
    document = (STATIC / "index.html").read_bytes()

    async def streamlit(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": document})

    _, answer = through(middleware.CompletedDocument(streamlit), "/", "192.0.2.1")
    added = answer.decode().replace(document.decode().partition("</body>")[0], "")
    scripts = re.findall('<link rel="modulepreload" href="(static/[^"]+)">', added)
    for kind in ("Button", "TextInput", "BidiComponent"):
        assert any(script.startswith(f"static/js/{kind}.") for script in scripts)
    assert len(set(scripts)) == len(scripts)
    assert f'<script type="module" src="live/{VERSION}/{ENTRY}"></script>' in added
    for script in scripts:
        assert (STATIC / script).is_file()
        assert script.encode() not in document


def test_a_document_is_whole_without_scripts_of_these_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    internals.scripts_of_first_elements.cache_clear()
    monkeypatch.setattr(internals, "_STATIC", tmp_path)
    assert internals.scripts_of_first_elements() == ()
    internals.scripts_of_first_elements.cache_clear()


def test_streamlits_code_is_compressed_once_for_other_machines() -> None:
    asked = []
    kinds = {"/static/a.js": "application/javascript", "/static/no.js": "text/html; charset=utf-8"}

    async def streamlit(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        kind = kinds.get(scope["path"], "text/css; charset=utf-8").encode()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]}
        )
        await send({"type": "http.response.body", "body": b"some ", "more_body": True})
        await send({"type": "http.response.body", "body": b"code"})

    compressed = middleware.CompressedCode(streamlit)
    for _ in range(2):
        headers, body = through(
            compressed, "/static/a.js", "10.0.0.7", **{"accept-encoding": "gzip"}
        )
        assert gzip.decompress(body) == b"some code"
        assert headers["content-length"] == str(len(body))
        assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
    assert asked == ["/static/a.js"]
    assert (
        "content-encoding"
        in through(compressed, "/static/a.css", "10.0.0.7", **{"accept-encoding": "gzip"})[0]
    )
    proxy = {"accept-encoding": "gzip", "x-forwarded-for": "10.0.0.7"}
    assert "content-encoding" in through(compressed, "/static/a.js", "127.0.0.1", **proxy)[0]
    for path, host, accepted in (
        ("/static/a.js", "127.0.0.1", "gzip"),
        ("/static/a.js", "10.0.0.7", "br"),
        ("/static/no.js", "10.0.0.7", "gzip"),
        ("/static/./a.js", "10.0.0.7", "gzip"),
        ("/static//a.js", "10.0.0.7", "gzip"),
        ("/static/a.woff2", "10.0.0.7", "gzip"),
        ("/media/c.css", "10.0.0.7", "gzip"),
    ):
        headers, body = through(compressed, path, host, **{"accept-encoding": accepted})
        assert "content-encoding" not in headers
        assert body == b"some code"
