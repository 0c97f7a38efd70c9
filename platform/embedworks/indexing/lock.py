"""One writer an index: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedworks.errors import InputError

LOCK_FILE = ".writer"


@contextmanager
def writing(index: Path) -> Iterator[None]:
    """Be the only one who writes an index.

    Raises:
        InputError: where another process writes it, naming that.
    """
    with (index / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise InputError(
                f"{index} is being written by {file.read().strip() or 'another process'}",
                expected="one writer at a time: wait for it, or stop it",
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} of {socket.gethostname()}\n")
        file.flush()
        yield
