"""Statistics on disk: a safetensors file for a model, with tensors named as in the model's own file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from embedworks.corpora.atomic import new_file
from embedworks.merging.tensors import stored_tensors


def write_statistics(
    model: Path, measured: Mapping[str, Tensor], numbers: Mapping[str, float], out: Path
) -> Path:
    """Write what was measured; the file appears when it is complete.

    Args:
        model: Folder of the model.
        measured: Name of a parameter of its encoder -> tensor.
        numbers: What a reader should know, such as how many samples there were.
        out: The file.
    """
    stored = [name for file in sorted(model.glob("*.safetensors")) for name in stored_tensors(file)]
    out.parent.mkdir(parents=True, exist_ok=True)
    tensors = {stored_name(name, stored): tensor.cpu().contiguous() for name, tensor in measured.items()}
    with new_file(out) as partial:
        save_file(tensors, partial, metadata={key: repr(float(value)) for key, value in numbers.items()})
    return out


def read_numbers(file: Path) -> dict[str, float]:
    """The numbers that were written beside the statistics."""
    with safe_open(file, framework="pt") as opened:
        return {key: float(value) for key, value in (opened.metadata() or {}).items()}


def stored_name(name: str, stored: list[str]) -> str:
    """The name in the model's file of a parameter of its encoder: ``bert.embeddings...`` in some."""
    if name in stored:
        return name
    return next((one for one in stored if one.endswith(f".{name}")), name)
