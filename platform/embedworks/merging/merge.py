"""The door of the merging wing: several embedders of one architecture into one, tensor by tensor.

A method is ``merging/methods/<name>.py`` with a ``Config`` and a function ``merge(tensors, base, config,
index)``; it is found by name. One tensor of each model is in memory at a time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from embedworks.embedder import Lineage
from embedworks.errors import InputError
from embedworks.folder import has_image_tower, load_embedder, refuse_pickles
from embedworks.named import find_module, module_names

METHODS = Path(__file__).parent / "methods"


def method_names() -> list[str]:
    """Names of the methods that need no search."""
    return module_names(METHODS)


def find_method(name: str) -> Any:
    """The module of a method.

    Raises:
        InputError: for an unknown name, with the nearest one.
    """
    return find_module("merge method", name, "embedworks.merging.methods", METHODS)


def merge(
    method: str,
    models: Sequence[Path],
    base: Path | None,
    parameters: dict[str, Any],
    out: Path,
    lineage: Lineage | None = None,
) -> Path:
    """Merge embedder folders into ``out``, which appears when it is complete.

    Raises:
        InputError: for an unknown method, models of different architecture, or with an image tower.
    """
    for model in models:
        if has_image_tower(model):
            what = f"{model} embeds images too, and merging would lose its image tower"
            raise InputError(what, expected="embedders of texts alone")
    module = find_method(method)
    config = module.Config.model_validate(parameters)
    merged = {
        name: module.merge(tensors, base_tensor, config).to(tensors[0].dtype)
        for name, tensors, base_tensor in shared_tensors(models, base)
    }
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    template = load_embedder(models[0])
    template.lineage = lineage or Lineage(parents=[{"source": str(model)} for model in models])
    template.save(partial)
    save_file(merged, partial / "model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    return out


def shared_tensors(
    models: Sequence[Path], base: Path | None
) -> Iterator[tuple[str, list[Tensor], Tensor | None]]:
    """(name, each model's tensor in float32, the base's), in name order.

    Raises:
        InputError: if the models differ in tensors or shapes.
    """
    with ExitStack() as stack:
        folders = [*models, *([base] if base else [])]
        for folder in folders:
            refuse_pickles(folder)
        files = [stack.enter_context(safe_open(f / "model.safetensors", framework="pt")) for f in folders]
        names = set(files[0].keys())
        for folder, file in zip(folders[: len(models)], files, strict=False):
            if set(file.keys()) != names:
                odd = sorted(names ^ set(file.keys()))[0]
                raise InputError(
                    f"{folder} differs from {models[0]} in tensor {odd}", expected="one architecture"
                )
        for name in sorted(names):
            tensors = [file.get_tensor(name) for file in files]
            if len({tuple(tensor.shape) for tensor in tensors}) > 1:
                raise InputError(f"tensor {name} has different shapes", expected="one architecture")
            floats = [tensor.to(torch.float32) for tensor in tensors]
            yield name, floats[: len(models)], floats[-1] if base else None
