"""Snippets of the docs, and a socket on which they can be run."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from embedworks.serving.asgi import Api

DOCS = Path(__file__).parents[2] / "docs"
ADDRESS = "http://127.0.0.1:8000"  # what the docs say


class Page:
    """The code blocks of a page of docs."""

    def __init__(self, name: str) -> None:
        text = (DOCS / name).read_text()
        self.blocks: list[tuple[str, str]] = re.findall(
            r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL
        )

    def of(self, kind: str, word: str = "") -> list[str]:
        """Those of a language that hold a word; there is at least one."""
        found = [text for language, text in self.blocks if language == kind and word in text]
        assert found, (kind, word)
        return found


@contextmanager
def listening(api: Api) -> Iterator[str]:
    """The API on a real socket; yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # who asks before the server runs waits
        server = uvicorn.Server(uvicorn.Config(api, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def curl(command: str, address: str) -> object:
    """The JSON that a snippet with curl gets from the address."""
    done = subprocess.run(
        ["bash", "-c", f"{command.replace(ADDRESS, address)} --silent --fail-with-body --max-time 30"],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)
