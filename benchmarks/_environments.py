"""A virtual environment for each peer, because their pins exclude each other's and ours."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from _corpora import cache_folder

HERE = Path(__file__).resolve().parent


class NotMeasured(Exception):
    """A peer that cannot be measured here, and why."""


def peer_python(name: str) -> Path:
    """The interpreter of a peer's environment, which is installed where it is missing or out of date.

    Raises:
        NotMeasured: if the peer cannot be installed.
    """
    wanted = (HERE / "requirements" / f"{name}.txt").read_text()
    folder = cache_folder() / f"venv-{name}"
    python, note = folder / "bin" / "python", folder / "installed.txt"
    if not (note.is_file() and note.read_text() == wanted):
        venv.create(folder, with_pip=True, clear=True)
        _install(python, name)
        note.write_text(wanted)
    return python


def _install(python: Path, name: str) -> None:
    print(f"installing {name}, once", file=sys.stderr, flush=True)
    file = HERE / "requirements" / f"{name}.txt"
    # Ours first: a looser request may bring a CUDA build of torch of several gigabytes.
    torch = next(line for line in file.read_text().splitlines() if line.startswith("torch=="))
    for wanted in ([torch], ["-r", str(file)]):
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotMeasured(f"cannot be installed: {last_line(done.stderr)}")


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")
