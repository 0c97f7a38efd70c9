"""Statistics on disk: a safetensors file for a model, its tensors named as its encoder's parameters are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from embedworks.corpora.atomic import new_file


def write_statistics(measured: Mapping[str, Tensor], numbers: Mapping[str, float], out: Path) -> Path:
    """Write what was measured on a model; the file appears when it is complete.

    Args:
        measured: Name of a parameter of its encoder -> tensor.
        numbers: What a reader should know, such as how many samples there were.
        out: The file.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.cpu().contiguous() for name, tensor in measured.items()}
    with new_file(out) as partial:
        save_file(tensors, partial, metadata={key: repr(float(value)) for key, value in numbers.items()})
    return out


def read_numbers(file: Path) -> dict[str, float]:
    """The numbers that were written beside the statistics."""
    with safe_open(file, framework="pt") as opened:
        return {key: float(value) for key, value in (opened.metadata() or {}).items()}
