"""Under ``--json`` only a command's results reach stdout: libraries print what they like."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer


@contextmanager
def results_to_stdout(as_json: bool) -> Iterator[Callable[[str], object]]:
    """What writes a result, while all else that is printed goes to stderr if ``as_json`` says so."""
    if not as_json:
        yield typer.echo
        return
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield lambda text: os.write(stdout, f"{text}\n".encode())
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
