"""Ours, as a user starts it: ``embedworks serve FOLDER``, on a Ray node of its own."""

from __future__ import annotations

import sys

from _serving import NAME, parse, run

if __name__ == "__main__":
    options = sys.argv.pop(1)  # the backend, if any
    task = parse()
    command = [sys.executable, "-m", "embedworks.cli.main", "serve", str(task.model), "--name", NAME]
    command += [
        "--port",
        str(task.port),
        "--address",
        "local",
        *(["--backend", options] if options else []),
    ]
    run(f"embedworks{options and ', ' + options}", command, task)
