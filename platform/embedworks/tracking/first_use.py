"""One process at a time opens a SQLite store: MLflow makes its tables there without a lock of its own."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SQLITE = "sqlite:///"


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Be the only one who opens a tracking store; others wait.

    Two that open a new file, or one of an older MLflow, at the same time would both add the same columns.

    Args:
        uri: MLflow tracking URI; a server, or a folder that does not exist, is not waited for.
    """
    folder = Path(uri.removeprefix(SQLITE)).absolute().parent
    if not uri.startswith(SQLITE) or not folder.is_dir():
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
