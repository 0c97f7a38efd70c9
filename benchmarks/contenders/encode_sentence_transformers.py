"""``SentenceTransformer.encode`` with a backend: as it is started, and with its best size of batches.

encode sorts by length itself. What a backend needs exported is exported once and kept.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from _encoding import Encode, Task, clock, fastest, finish, parse

# What optimum-intel brings along does not load beside a torch for CPUs; without it nothing is missing.
sys.modules["torchvision"] = None  # type: ignore[assignment]
peer: Any = importlib.import_module("sentence_transformers")

DEFAULT = 32  # texts of a batch where nobody says anything
PACKAGES = {"torch": ("torch",), "onnx": ("onnxruntime", "optimum-onnx"), "openvino": ("openvino",)}
FORMATS = {"fp32": "f32", "bf16": "bf16"}


def opened(task: Task) -> Any:
    """The model by its backend."""
    if task.backend == "torch":
        dtype = torch.bfloat16 if task.precision == "bf16" else torch.float32
        return peer.SentenceTransformer(str(task.model), device="cpu", model_kwargs={"dtype": dtype})
    kept = task.exported / f"{task.backend}-{version('sentence-transformers')}"
    if not kept.is_dir():
        load(task, task.model).save_pretrained(str(kept), create_model_card=False)
    model = load(task, kept)
    if task.precision == "int8":
        return rounded(model, kept, task)
    return model


def load(task: Task, folder: Path, **more: Any) -> Any:
    """With ONNX Runtime or OpenVINO."""
    options: dict[str, Any] = {"export": not any(folder.rglob(f"*.{suffix(task)}")), **more}
    if task.backend == "openvino":
        options["ov_config"] = {"INFERENCE_PRECISION_HINT": FORMATS.get(task.precision, "f32")}
    else:
        options["provider"] = "CPUExecutionProvider"
    return peer.SentenceTransformer(str(folder), backend=task.backend, device="cpu", model_kwargs=options)


def suffix(task: Task) -> str:
    """Of the exported file."""
    return "onnx" if task.backend == "onnx" else "xml"


def rounded(model: Any, kept: Path, task: Task) -> Any:
    """Its own dynamic quantisation for AVX2."""
    name = "onnx/model_quint8_avx2.onnx"
    if not (kept / name).is_file():
        peer.export_dynamic_quantized_onnx_model(model, "avx2", str(kept))
    return load(task, kept, file_name=name)


def main(task: Task) -> None:
    """Time all loads."""
    model = opened(task)
    found, vectors = {}, {}

    def sized(size: int) -> Encode:
        return lambda given: model.encode(given, batch_size=size, show_progress_bar=False)

    for name, texts in task.loads.items():
        seconds, vectors[name] = clock(sized(DEFAULT), texts)
        size, best = fastest(sized, texts), seconds
        if size != DEFAULT:
            best = min(best, clock(sized(size), texts)[0])
        found[name] = {"seconds": seconds, "best_seconds": best, "batch_size": size}
    finish(task, found, vectors, ("sentence-transformers", "transformers", *PACKAGES[task.backend]))


if __name__ == "__main__":
    main(parse())
