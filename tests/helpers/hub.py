"""A hub on this machine with one data set: the few answers that its library asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from helpers.http_server import QuietHandler, http_server

COMMIT = "a" * 40


@contextmanager
def hub(folder: Path, name: str) -> Iterator[str]:
    """Serve ``folder`` as the repository ``datasets/name``; the value for ``HF_ENDPOINT``."""

    class Handler(_Handler):
        root = folder
        api = f"/api/datasets/{name}"
        files = f"/datasets/{name}/resolve/main/"

    with http_server(Handler) as url:
        yield url


class _Handler(QuietHandler):
    root: Path
    api: str
    files: str

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        tree = f"{self.api}/tree/main"
        if path.startswith(tree):
            self._json(
                self._entries(path.removeprefix(tree).strip("/"), "recursive=true" in self.path.lower())
            )
        elif path.startswith(self.api):
            self._json({"id": self.api, "sha": COMMIT, "private": False, "siblings": [], "tags": []})
        elif path.startswith(self.files) and (self.root / path.removeprefix(self.files)).is_file():
            self._file((self.root / path.removeprefix(self.files)).read_bytes())
        else:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._json([entry for entry in self._entries("", deep=True) if entry["path"] in unquote(asked)])

    def _entries(self, under: str, deep: bool) -> list[dict[str, Any]]:
        found = sorted((self.root / under).rglob("*") if deep else (self.root / under).glob("*"))
        return [
            {
                "type": "directory" if file.is_dir() else "file",
                "path": str(file.relative_to(self.root)),
                "size": 0 if file.is_dir() else file.stat().st_size,
                "oid": "0" * 40 if file.is_dir() else hashlib.sha1(file.read_bytes()).hexdigest(),
            }
            for file in found
        ]

    def _file(self, data: bytes) -> None:
        headers = {"ETag": f'"{hashlib.sha1(data).hexdigest()}"', "X-Repo-Commit": COMMIT}
        asked = self.headers.get("Range", "")
        if not asked:
            self._answer(200, data, headers)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last or len(data)) + 1]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        self._answer(206, part, headers)

    def _json(self, value: Any) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, code: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
