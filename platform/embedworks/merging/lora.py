"""LoRA adapters (arXiv 2106.09685; DoRA: arXiv 2402.09353), applied while a model is read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from embedworks.errors import InputError
from embedworks.merging.tensors import Stored, TensorSource, stored_tensors

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
LOW_RANK = re.compile(r"^(.+)\.lora_(A|B)(?:\.default)?\.weight$")
MAGNITUDE = re.compile(r"^(.+)\.lora_magnitude_vector(?:\.default)?(?:\.weight)?$")


@dataclass(frozen=True)
class Adapted:
    """``W + scale * B A``, and for DoRA its rows brought to the length ``magnitude``.

    Attributes:
        weight: W, ``(out, in)``, or ``(in, out)`` if ``transposed``.
        a: A, ``(rank, in)``.
        b: B, ``(out, rank)``.
        scale: ``alpha / rank``, or ``alpha / sqrt(rank)`` with rank stabilisation.
        transposed: Whether W is stored as ``(in, out)``.
        magnitude: ``(out,)``; None without DoRA.
    """

    weight: TensorSource
    a: TensorSource
    b: TensorSource
    scale: float
    transposed: bool = False
    magnitude: TensorSource | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """That of W."""
        return self.weight.shape

    @property
    def dtype(self) -> torch.dtype:
        """That of W; what is read is float32."""
        return self.weight.dtype

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Read elements; only the rows that hold them are calculated. Returns float32."""
        width = self.shape[1]
        stop = prod(self.shape) if stop is None else stop
        first, last = start // width, -(-stop // width)
        rows = self._rows(first, last)
        return rows.reshape(-1)[start - first * width : stop - first * width].clone()

    def _rows(self, first: int, last: int) -> Tensor:
        width = self.shape[1]
        rows = self.weight.read(first * width, last * width).float().view(last - first, width)
        a = self.a.read().float().view(self.a.shape)
        b = self.b.read().float().view(self.b.shape)
        # A row of a transposed weight belongs to one input.
        rows += self.scale * ((b @ a[:, first:last]).T if self.transposed else b[first:last] @ a)
        if self.magnitude is not None:
            length = self.magnitude.read(first, last).float()
            rows *= (length / torch.linalg.vector_norm(rows, dim=1)).unsqueeze(1)
        return rows


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter rather than a model."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def adapter_base(folder: Path) -> str:
    """The model that an adapter was trained on, as it names it.

    Raises:
        InputError: if it names none.
    """
    name = _config(folder).get("base_model_name_or_path")
    if not name:
        raise InputError(f"{folder} does not say which model it adapts", expected="MODEL+ADAPTER")
    return str(name)


def apply_adapter(tensors: Mapping[str, TensorSource], folder: Path) -> dict[str, TensorSource]:
    """A model's tensors with an adapter applied.

    Args:
        tensors: By stored name.
        folder: The adapter, as peft saves it.

    Raises:
        InputError: for an adapter of another kind, or one that fits no tensor.
    """
    config = _config(folder)
    _check(config, folder)
    stored = {
        name.removeprefix(PREFIX): source for name, source in stored_tensors(folder / WEIGHTS).items()
    }
    pairs: dict[str, dict[str, Stored]] = {}
    result = dict(tensors)
    for name, source in stored.items():
        if found := LOW_RANK.match(name):
            pairs.setdefault(found[1], {})[found[2]] = source
        elif found := MAGNITUDE.match(name):
            pairs.setdefault(found[1], {})["magnitude"] = source
        else:
            result[_find(_without_wrapper(name), tensors, folder)] = source
    for module, parts in pairs.items():
        weight = _find(f"{module}.weight", tensors, folder)
        result[weight] = _adapted(tensors[weight], parts, module, config, folder)
    return result


def _adapted(
    weight: TensorSource, parts: Mapping[str, Stored], module: str, config: Mapping[str, Any], folder: Path
) -> Adapted:
    if not {"A", "B"} <= set(parts) or len(weight.shape) != 2:
        raise InputError(f"{folder}: cannot apply {module}", expected="lora_A and lora_B of a linear layer")
    rank = parts["A"].shape[0]
    alpha = _pattern(config.get("alpha_pattern"), module, config.get("lora_alpha", rank))
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    transposed = bool(config.get("fan_in_fan_out"))
    expected = (parts["B"].shape[0], parts["A"].shape[1])
    if (expected[::-1] if transposed else expected) != weight.shape:
        raise InputError(
            f"{folder}: {module} is made for {expected}, and the model has {weight.shape}",
            expected="the model that the adapter was trained on",
        )
    return Adapted(weight, parts["A"], parts["B"], scale, transposed, parts.get("magnitude"))


def _check(config: Mapping[str, Any], folder: Path) -> None:
    if str(config.get("peft_type", "LORA")).upper() != "LORA":
        raise InputError(f"{folder} is an adapter of type {config['peft_type']}", expected="LoRA or DoRA")
    if config.get("bias", "none") != "none" and config.get("use_dora"):
        raise InputError(f"{folder} trains biases under DoRA", expected="bias: none")
    if config.get("use_dora") and config.get("fan_in_fan_out"):
        raise InputError(f"{folder} uses DoRA on transposed layers", expected="an adapter merged by peft")


def _pattern(patterns: Mapping[str, float] | None, module: str, default: float) -> float:
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default


def _without_wrapper(name: str) -> str:
    return (
        name.replace(".modules_to_save.default.", ".")
        .replace(".modules_to_save.", ".")
        .replace(".base_layer.", ".")
    )


def _find(name: str, tensors: Mapping[str, TensorSource], folder: Path) -> str:
    """An adapter on a bare model fits one with a head, and the other way round."""
    if name in tensors:
        return name
    matches = [other for other in tensors if other.endswith(f".{name}") or name.endswith(f".{other}")]
    if len(matches) != 1:
        raise InputError(
            f"{folder} adapts {name}, which the model does not have", expected="its base model"
        )
    return matches[0]


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {folder / CONFIG}", expected="a LoRA adapter") from error
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"no {WEIGHTS} in {folder}", expected="safetensors; pickles are not read")
    return config
