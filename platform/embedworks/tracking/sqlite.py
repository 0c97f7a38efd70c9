"""Tracking stores that are SQLite files.

One process at a time opens one: MLflow makes its tables there without a lock of its own.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SQLITE = "sqlite:///"
EXPECTED = f"{SQLITE}path, or the address of a running MLflow server"


def sqlite_uri(file: Path) -> str:
    """The tracking URI of a file."""
    return f"{SQLITE}{file.absolute()}"


def sqlite_file(uri: str) -> Path | None:
    """The file of a tracking URI; None for a server."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Be the only one who opens a tracking store; others wait.

    Two that open a new file, or one of an older MLflow, at the same time would both add the same columns.

    Args:
        uri: MLflow tracking URI; a server, or a folder that does not exist, is not waited for.
    """
    file = sqlite_file(uri)
    folder = file.absolute().parent if file else None
    if folder is None or not folder.is_dir():
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
