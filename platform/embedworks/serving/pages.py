"""Pages held in memory: the playground's files, beside which nothing can be reached, and a report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedworks.errors import InputError, first_line
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
REPORT_FILE = "report.html"
# A report holds its styles and its script; it says itself which script that is.
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GUARDS = {
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


def read_report(path: Path) -> str:
    """The page of a report, given as a file or as the folder that it is in.

    Raises:
        InputError: where there is none.
    """
    file = path / REPORT_FILE if path.is_dir() else path
    expected = f"{REPORT_FILE} of a report stage or of `embedworks report`, or its folder"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"no report at {str(path)!r}: {first_line(error)}", expected=expected) from error
    if not is_page(text):
        raise InputError(f"{str(file)!r} is no HTML page", expected=expected)
    return text


def is_page(text: str) -> bool:
    """Whether a text is an HTML page, and not the path of one."""
    return text[:64].lstrip().lower().startswith("<!doctype html")


def report_page(text: str) -> Page:
    """A report as it is sent."""
    return _page(text.encode(), ".html", REPORT_POLICY)


def _read(file: Path) -> Page:
    return _page(file.read_bytes(), file.suffix, POLICY)


def _page(body: bytes, suffix: str, policy: str) -> Page:
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"content-type": TYPES[suffix], "etag": tag, "content-security-policy": policy, **GUARDS}
    return Page(body, headers)
