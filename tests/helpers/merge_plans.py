"""Models on disk, plans that merge them linearly, and what comes out if it is done in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from embedworks.merging.layout import lay_out
from embedworks.merging.methods.linear import Parameters
from embedworks.merging.plan import OutputTensor, Plan
from embedworks.merging.tensors import stored_tensors
from embedworks.merging.write import Writer

Shapes = dict[str, tuple[int, ...]]

FILE = "model.safetensors"
SHAPES: Shapes = {"embeddings.weight": (50, 8), "layer.0.weight": (8, 8), "layer.0.bias": (8,), "scale": ()}


def write_models(
    folder: Path, count: int, shapes: Shapes = SHAPES, dtype: torch.dtype = torch.float32
) -> list[Path]:
    """Random models of the same shapes."""
    files = []
    for number in range(count):
        random = torch.Generator().manual_seed(number)
        file = folder / f"m{number}.safetensors"
        save_file(
            {name: torch.randn(shape, generator=random).to(dtype) for name, shape in shapes.items()}, file
        )
        files.append(file)
    return files


def write_hollow_models(folder: Path, count: int, shapes: Shapes) -> list[Path]:
    """Models of zeros that take no space on disk, however large."""
    tensors = [OutputTensor(FILE, name, shape, torch.float32, (), ()) for name, shape in shapes.items()]
    layout = lay_out(tensors)
    files = []
    for number in range(count):
        file = folder / f"m{number}.safetensors"
        with file.open("wb") as stream:
            stream.write(layout.headers[FILE])
            stream.truncate(layout.sizes[FILE])
        files.append(file)
    return files


def linear_plan(
    files: Sequence[Path],
    weights: Sequence[float],
    dtype: torch.dtype = torch.float32,
    base: Path | None = None,
    copied: Sequence[str] = (),
) -> Plan:
    """A plan of everything in the first file; ``copied`` are taken from it as they are."""
    stored = [stored_tensors(file) for file in files]
    origin = stored_tensors(base) if base else {}
    parameters = Parameters(weight=tuple(weights), normalize=False)
    models = tuple(file.stem for file in files)
    return Plan(
        "linear",
        0,
        tuple(
            OutputTensor(
                FILE,
                name,
                tensor.shape,
                dtype,
                models,
                tuple(tensors[name] for tensors in stored),
                base=origin.get(name),
                parameters=None if name in copied else parameters,
            )
            for name, tensor in stored[0].items()
        ),
    )


def in_memory(files: Sequence[Path], weights: Sequence[float]) -> dict[str, Tensor]:
    """The weighted sum of models, all loaded."""
    models = [load_file(file) for file in files]
    return {
        name: sum(weight * model[name].float() for weight, model in zip(weights, models, strict=True))
        for name in models[0]
    }


def create(plan: Plan, folder: Path) -> Writer:
    """The files of a plan's result, without its tensors."""
    writer = Writer(plan.tensors, folder)
    writer.create()
    return writer
