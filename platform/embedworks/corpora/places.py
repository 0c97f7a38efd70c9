"""Where corpora and their sources are: a path or URI as a filesystem of Arrow and a path in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from embedworks.errors import InputError, first_line

SCHEMES = {
    "file": "file",
    "s3": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "abfs": "az",
    "abfss": "az",
    "http": "http",
    "https": "http",
    "hf": "hf",
    "memory": "memory",
}
CREDENTIALS = {
    "s3": "AWS credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE) and, for other servers, AWS_ENDPOINT_URL",
    "gs": "Google's application default credentials (GOOGLE_APPLICATION_CREDENTIALS)",
    "az": "AZURE_STORAGE_ACCOUNT, and AZURE_STORAGE_KEY or an Azure login",
    "http": "a server that answers",
    "hf": "a repository that HF_TOKEN may read, and a hub that answers (HF_ENDPOINT)",
}
GCS_RETRY_SECONDS = 30  # Arrow's own limit of 15 minutes looks like a hang
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True)
class Place:
    """A file, folder or glob; cheap to pickle, since the filesystem is made where it is used.

    Attributes:
        scheme: One of the values of :data:`SCHEMES`.
        path: The path as its filesystem spells it; over HTTP the whole URL.
        query: Options of the filesystem (``endpoint_override=...&region=...``).
    """

    scheme: str
    path: str
    query: str = ""

    @classmethod
    def of(cls, source: str | Path | Place) -> Place:
        """Read a path or URI; a relative path becomes absolute.

        Raises:
            InputError: for an unknown scheme (naming the nearest one), or a URI with a password in it.
        """
        if isinstance(source, Place):
            return source
        text = str(source)
        match = _SCHEME.match(text)
        if isinstance(source, Path) or not match:
            return cls("file", str(Path(text).expanduser().absolute()))
        scheme = SCHEMES.get(match[1].lower())
        if scheme is None:
            raise InputError(
                f"no way to read {text}: unknown scheme {match[1]!r}",
                expected=f"a path, or one of {', '.join(f'{name}://' for name in SCHEMES)}",
                name=match[1],
                known=SCHEMES,
            )
        if ":" in urlsplit(text).netloc.rpartition("@")[0]:
            raise InputError(
                f"the URI of {urlsplit(text).hostname} holds a password, which manifests would show",
                expected=CREDENTIALS.get(scheme),
            )
        return cls._of_uri(scheme, text, text[match.end() :])

    @classmethod
    def _of_uri(cls, scheme: str, text: str, rest: str) -> Place:
        if scheme == "http":
            return cls(scheme, text)
        path, _, query = rest.partition("?")
        path = path.rstrip("/")
        if scheme == "file":
            return cls(scheme, unquote("/" + path.partition("/")[2]))
        if scheme == "memory":
            return cls(scheme, "/" + path.lstrip("/"))
        if not path.split("/")[0]:
            raise InputError(f"{text} names no bucket", expected=f"{scheme}://bucket/path")
        return cls(scheme, path, query)

    def __str__(self) -> str:
        """The path of a local place, else the URI."""
        return self.path if self.scheme == "file" else self.uri

    @property
    def uri(self) -> str:
        """The URI, absolute, from which :meth:`of` makes this place again."""
        if self.scheme == "http":
            return self.path
        if self.scheme == "file":
            return Path(self.path).as_uri()
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.path.lstrip('/') if self.scheme == 'memory' else self.path}{query}"

    @property
    def local(self) -> Path | None:
        """The path, where this machine's file system holds it."""
        return Path(self.path) if self.scheme == "file" else None

    @property
    def name(self) -> str:
        """The last part of the path."""
        path = urlsplit(self.path).path if self.scheme == "http" else self.path
        return path.rstrip("/").rpartition("/")[2]

    def __truediv__(self, name: str) -> Place:
        return self.at(f"{self.path.rstrip('/')}/{name}")

    def at(self, path: str) -> Place:
        """Another path of the same filesystem."""
        return replace(self, path=path)

    @property
    def filesystem(self) -> pafs.FileSystem:
        """Arrow's filesystem for it; made once in a process.

        Raises:
            InputError: if it cannot be made: no account, no such option.
        """
        root = self.path.split("/")[0] if self.scheme in ("s3", "gs") else ""
        try:
            return _filesystem(self.scheme, root, self.query)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.unreachable(error) from error

    def info(self) -> pafs.FileInfo:
        """Type, size in bytes and time of change.

        Raises:
            InputError: if the place cannot be asked.
        """
        with self.reading():
            return self.filesystem.get_file_info(self.path)

    def is_file(self) -> bool:
        """Whether there is a file here."""
        return bool(self.info().type == pafs.FileType.File)

    def is_folder(self) -> bool:
        """Whether there is a folder here."""
        return bool(self.info().type == pafs.FileType.Directory)

    def read_bytes(self) -> bytes:
        """The whole file.

        Raises:
            InputError: if it cannot be read.
        """
        with self.reading(), self.filesystem.open_input_stream(self.path, compression=None) as stream:
            return bytes(stream.read())

    @property
    def read_errors(self) -> tuple[type[Exception], ...]:
        """What reading from here may raise that is not a fault of the code."""
        if self.scheme == "http":
            from aiohttp import ClientError

            return (*READ_ERRORS, ClientError)
        if self.scheme == "hf":
            from httpx import HTTPError

            return (*READ_ERRORS, HTTPError)
        return READ_ERRORS

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what the filesystem raises inside into an InputError that names this place."""
        try:
            yield
        except self.read_errors as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> InputError:
        """The error as one line that names this place and says where credentials come from."""
        return InputError(f"cannot read {self}: {first_line(error)}", expected=CREDENTIALS.get(self.scheme))


READ_ERRORS: tuple[type[Exception], ...] = (pa.ArrowException, OSError, ValueError, KeyError)


@lru_cache(maxsize=64)
def _filesystem(scheme: str, root: str, query: str) -> pafs.FileSystem:
    if scheme == "file":
        return pafs.LocalFileSystem()
    if scheme == "s3":
        return pafs.FileSystem.from_uri(f"s3://{root}" + (f"?{query}" if query else ""))[0]
    if scheme == "gs":
        if "retry_limit_seconds" not in query:
            query = f"{query}&retry_limit_seconds={GCS_RETRY_SECONDS}".lstrip("&")
        return pafs.FileSystem.from_uri(f"gs://{root}?{query}")[0]
    return _azure() if scheme == "az" else pafs.PyFileSystem(pafs.FSSpecHandler(_fsspec(scheme)))


def _azure() -> pafs.FileSystem:
    account = os.environ.get("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise ValueError("no storage account is named")
    return pafs.AzureFileSystem(account, account_key=os.environ.get("AZURE_STORAGE_KEY"))


def _fsspec(scheme: str) -> Any:
    if scheme == "hf":
        from huggingface_hub import HfFileSystem

        return HfFileSystem()
    import fsspec

    return fsspec.filesystem(scheme)
