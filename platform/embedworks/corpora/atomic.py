"""Files and folders that are either complete under their final name, or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"


@contextmanager
def new_file(file: Path) -> Iterator[Path]:
    """A temporary path beside ``file`` that takes its name, synced to disk, when the block ends well."""
    partial = _beside(file)
    try:
        yield partial
        sync(partial)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    sync(file.parent)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its name when the block ends well.

    Raises:
        OSError: if ``folder`` exists by then and is not empty: whoever was first is kept.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(folder)
    partial.mkdir()
    try:
        yield partial
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sync(folder.parent)


def _beside(path: Path) -> Path:
    # The process id and four random bytes keep two builders apart, also on a shared file system.
    return path.parent / f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}{PARTIAL}"


def sync(path: Path) -> None:
    """Let a file, or the names in a folder, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
