"""Who reads a version: files in its folder, touched again and again, so that it is not deleted meanwhile.

A reader that ends without a word is forgotten after a while. Where the folder cannot be written to, nobody
is noted, and the two versions that are always kept have to do.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

READER = ".reader-"
LASTS_S = 900.0  # a reader that was not heard of for so long has ended


def hold(folder: Path, reader: str) -> None:
    """Say that a version is being read; to be said again well before it is over.

    Args:
        folder: The version's.
        reader: A name that no other reader has.
    """
    with suppress(OSError):
        (folder / f"{READER}{reader}").touch()


def release(folder: Path, reader: str) -> None:
    """Say that a reader is done."""
    with suppress(OSError):
        (folder / f"{READER}{reader}").unlink()


def is_held(folder: Path) -> bool:
    """Whether a reader was heard of lately."""
    now = time.time()
    for file in folder.glob(f"{READER}*"):
        with suppress(OSError):  # released in this moment
            if now - file.stat().st_mtime < LASTS_S:
                return True
    return False
