"""The playground's static files, held in memory: what is not one of them is not there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedworks.serving.http import Headers
from embedworks.serving.refusals import ApiError

FOLDER = Path(__file__).with_name("playground")
INDEX = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Scripts, styles, pictures and requests of this endpoint alone: a text that is shown can do nothing.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GUARDS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",  # asked for again each time, and answered by 304 where nothing changed
}


class NotModified(ApiError):
    """304: the client has the file already."""

    def __init__(self) -> None:
        super().__init__(304, "", kind="")

    def body(self) -> bytes:
        """Nothing."""
        return b""


@dataclass(frozen=True)
class Page:
    """One file.

    Attributes:
        body: Its content.
        headers: That it is answered with.
    """

    body: bytes
    headers: Mapping[str, str]

    def answer(self, asked: Headers, extra: dict[str, str]) -> bytes:
        """The content; its headers are added to ``extra``.

        Raises:
            NotModified: where the client has it.
        """
        extra |= self.headers
        known = asked.get(b"if-none-match", b"").decode("latin-1")
        if self.headers["etag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            raise NotModified
        return self.body


def load_pages(folder: Path = FOLDER) -> dict[str, Page]:
    """Path, without a slash at its end, to page; empty where there is no playground."""
    if not (folder / INDEX).is_file():
        return {}
    files = (file for file in sorted(folder.iterdir()) if file.suffix in TYPES and file.is_file())
    return {"" if file.name == INDEX else f"/playground/{file.name}": _read(file) for file in files}


def _read(file: Path) -> Page:
    body = file.read_bytes()
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return Page(body, {"content-type": TYPES[file.suffix], "etag": tag, **GUARDS})
