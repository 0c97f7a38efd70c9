"""A small HTTP server on a free port, for what our own is a client of."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def http_server(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serves while the context lasts; yields ``http://127.0.0.1:PORT``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps requests out of the tests' output."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def asked(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))
