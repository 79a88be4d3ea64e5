"""Make a model with any number of test images from one with fewer."""

from __future__ import annotations

import contextlib
import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.core.half import to_half
from explorer.web.payload import encode_model, pack

SPREAD = 0.05
"""Standard deviation of an invented image's latent around that of a real one."""


def crowded_payload(bundle: Bundle, count: int) -> bytes:
    """Return the model as the browser gets it, with ``count`` images drawn around the real ones."""
    payload = encode_model(bundle)
    (length,) = struct.unpack_from("<I", payload)
    header, body = json.loads(payload[8 : 8 + length]), payload[8 + length :]
    generator = np.random.default_rng(count)
    rows = generator.integers(bundle.card.data.test_images, size=count)
    columns = [column["name"] for column in header["columns"]]
    contents = {}
    for name, place in header["sections"].items():
        content = body[place["at"] : place["at"] + place["bytes"]]
        if name == "zMean":
            z = np.frombuffer(content, "<f2").reshape(-1, header["latentDim"])[rows]
            content = to_half(z + SPREAD * generator.standard_normal(z.shape, np.float32)).tobytes()
        elif name == "labels" or name in columns:
            content = np.frombuffer(content, "<u2" if name == "labels" else "<f4")[rows].tobytes()
        contents[name] = content
    return pack(header, contents)


@contextlib.contextmanager
def serve_bytes(content: bytes) -> Iterator[str]:
    """Serve bytes at an address of their own, as Playwright would take long to deliver them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
