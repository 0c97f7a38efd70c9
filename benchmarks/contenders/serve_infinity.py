"""infinity: its own server, with the engine that ``--engine`` names."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from _serving import HOST, NAME, parse, run


def with_onnx(model: Path, folder: Path) -> Path:
    """A copy of the model with the ONNX file that infinity's optimum engine looks for."""
    import torch
    from transformers import AutoModel

    shutil.copytree(model, folder)
    names = ("input_ids", "attention_mask", "token_type_ids")
    encoder = AutoModel.from_pretrained(model, attn_implementation="eager").eval()
    with torch.no_grad():
        torch.onnx.export(
            encoder,
            tuple(torch.ones((2, 7), dtype=torch.long) for _ in names),
            str(folder / "model.onnx"),
            input_names=list(names),
            output_names=["last_hidden_state"],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in (*names, "last_hidden_state")},
            dynamo=False,
        )
    return folder


def serve(engine: str, model: Path) -> None:
    """Measure infinity with a model."""
    program = str(Path(sys.executable).with_name("infinity_emb"))
    command = [program, "v2", "--model-id", str(model), "--served-model-name", NAME]
    command += ["--engine", engine, "--device", "cpu", "--host", HOST, "--port", str(task.port)]
    command += ["--url-prefix", "/v1", "--batch-size", "32", "--no-bettertransformer"]
    command += ["--pooling-method", "mean"]  # its optimum engine would take the first token
    run(f"infinity, {engine}", command, task, {"DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1"})


if __name__ == "__main__":
    engine = sys.argv.pop(1)
    task = parse()
    if engine == "optimum":
        task.load = task.load.absolute()
        with tempfile.TemporaryDirectory() as place:
            # It takes the file's path for one within the model's folder, which is right there alone.
            os.chdir(with_onnx(task.model, Path(place) / "model"))
            serve(engine, Path())
    else:
        serve(engine, task.model)
