"""infinity: its own server, with the engine that ``--engine`` names."""

from __future__ import annotations

import sys
from pathlib import Path

from _serving import HOST, NAME, parse, run

if __name__ == "__main__":
    engine = sys.argv.pop(1)
    task = parse()
    program = str(Path(sys.executable).with_name("infinity_emb"))
    command = [program, "v2", "--model-id", str(task.model), "--served-model-name", NAME]
    command += ["--engine", engine, "--device", "cpu", "--host", HOST, "--port", str(task.port)]
    command += ["--url-prefix", "/v1", "--batch-size", "32", "--no-bettertransformer"]
    run(f"infinity, {engine}", command, task, {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"})
